"""How far denoisers take images apart: a bound from below, whatever they are."""

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
data cam = sample("camera")
data coins = sample("coins")
image x : {field}[24, 24] {{ range = 0..1 }}
noise y ~ gaussian(x, sigma = 0.1)
prior sq(x)
analyze lipschitz({of}, sigma = 0.1, iterations = 8)
metrics [nmse]
expect mean(lipschitz) <= 100
"""


def bounds(of: str, folder: Path, field: str = "real") -> list[float]:
    page = parse(Source("page.recon", PAGE.format(of=of, field=field)))
    done = run_page(page, folder, [], out=folder / "out", device="cpu", resume=False)
    assert done.code == 0
    return [float(v) for o in done.outcomes for v in o.metrics["lipschitz"]]


@pytest.mark.parametrize("of", ["tv", "shrinkage", "shrinkage(shifts = 2)"])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_proximal_maps_and_means_of_them_take_nothing_apart(of: str, field: str, tmp_path: Path) -> None:
    small(tmp_path / "w")
    found = bounds(of, tmp_path, field)
    assert len(found) == 2
    assert all(0 < v <= 1 + 1e-3 for v in found)


def test_of_a_network_it_is_nearly_the_largest_singular_value_of_the_jacobian(tmp_path: Path) -> None:
    network, _ = load(small(tmp_path / "w"))
    found = bounds("w", tmp_path)
    truth = torch.as_tensor(np.load(next((tmp_path / "out").rglob("truth.npy")))).reshape(-1, 24, 24)[0]
    jacobian = torch.autograd.functional.jacobian(lambda v: network(v[None, None])[0, 0], truth)
    largest = float(torch.linalg.svdvals(jacobian.reshape(576, 576))[0])
    assert found[0] <= 1.02 * largest, "a hundredth away the slope is hardly another"
    assert found[0] >= 0.8 * largest
