"""`solver network(w)` on images of any axes, range and extents, against the network's layers called by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page
from recon.zoo.folder import load
from small_weights import small

PAGE = """recon 1
weights w = folder("w")
data d = npy("y.npy") {{ y = array }}
{unknown}
noise y ~ gaussian(x, sigma = {sigma})
solver network(w, input = adjoint)
"""


@pytest.mark.parametrize(
    ("unknown", "sizes", "high"),
    [
        ("image x : real[11, 13] { range = 0..1 }", (11, 13), 1.0),
        ("image x : real[11, 13] { range = 0..255 }", (11, 13), 255.0),
        ("image x : real[11, 13] { channels = 3 }", (3, 11, 13), 1.0),
        ("volume x : real[3, 11, 13] { range = 0..2 }", (3, 11, 13), 2.0),
        ("volume x : real[3, 11, 13] { frames = 2; range = 0..2 }", (2, 3, 11, 13), 2.0),
    ],
)
@torch.no_grad()
def test_the_answer_is_that_of_the_layers(tmp_path: Path, unknown: str, sizes: tuple[int, ...], high: float) -> None:
    folder = small(tmp_path / "w", "drunet", channels=2, blocks=1)
    y = high * np.random.default_rng(0).random((1, *sizes))
    np.save(tmp_path / "y.npy", y.astype(np.float32))
    text = PAGE.format(unknown=unknown, sigma=0.1 * high)
    result = run_page(parse(Source("page.recon", text)), tmp_path, [], out=tmp_path / "out")
    found = np.load(result.folder / "reconstruction.npy").reshape(-1, *sizes[-2:])
    network, _ = load(folder)
    for plane, answer in zip(y.reshape(-1, 11, 13), found, strict=True):
        wide = np.pad(plane / high, ((0, 5), (0, 3)), mode="reflect")
        expected = network(torch.tensor(wide[None, None], dtype=torch.float32), torch.tensor([0.1]))
        np.testing.assert_allclose(answer / high, expected[0, 0, :11, :13].numpy(), atol=1e-5)
