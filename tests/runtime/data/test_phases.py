"""Smooth phases: the formula in numpy, the modulus kept, the seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from recon.dsl.check.page import load
from recon.runtime.build import Build
from recon.runtime.data.phases import smooth_phase, turned
from recon.runtime.experiment.rows import RowReader


def test_a_constant_and_three_waves() -> None:
    draw = torch.rand(4, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64).numpy()
    found = smooth_phase(6, 9, 2.0, 1.5, torch.Generator().manual_seed(5)).numpy()
    r, c = np.mgrid[0:1:6j, 0:1:9j]
    expected = 2 * np.pi * draw[0, 0]
    for across, down, shift in draw[1:]:
        expected = expected + 2 / 3 * np.cos(
            2 * np.pi * (1.5 * (2 * across - 1) * r + 1.5 * (2 * down - 1) * c + shift)
        )
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.ptp(found) <= 4, "strength is the largest deviation"


def test_an_image_is_turned_in_its_precision() -> None:
    phase = smooth_phase(4, 4, 1.0, 1.0, torch.Generator().manual_seed(0))
    for dtype, result in ((torch.float32, torch.complex64), (torch.complex128, torch.complex128)):
        image = torch.rand(2, 4, 4, dtype=torch.float64).to(dtype)
        out = turned(image, phase)
        assert out.dtype == result
        torch.testing.assert_close(out.abs(), image.abs())


def test_on_a_page_all_rows_have_the_phase_of_the_seed(tmp_path: Path) -> None:
    def rows(seed: int) -> torch.Tensor:
        text = (
            f'recon 1\ndata d = sample("lfw_subset") {{ x = phased(image, strength = 3, seed = {seed}); limit = 2 }}\n'
            "image x : complex[16, 16]\nnoise y ~ gaussian(x, sigma = 0.1)\n"
        )
        checked = load(text, "page.recon", tmp_path)
        ((name, _),) = checked.methods.items()
        (data,) = checked.experiment.data.values()
        return torch.cat([b.values["x"] for b in RowReader(data, checked.makers[name], tmp_path, Build()).batches()])

    first, other = rows(0), rows(1)
    assert first.is_complex()
    torch.testing.assert_close(first.abs(), other.abs())
    turn = first[0] / first[0].abs() / (first[1] / first[1].abs())
    torch.testing.assert_close(turn, torch.ones_like(turn), rtol=0, atol=1e-4)
    assert float((first - other).abs().max()) > 0.1
