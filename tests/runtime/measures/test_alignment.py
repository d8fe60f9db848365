"""Alignment undoes every symmetry exactly, and never makes the match worse."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from recon.runtime.measures.alignment import aligned
from recon.runtime.measures.errors import nmse


def picture(*shape: int, field: str = "real") -> torch.Tensor:
    dtype = torch.complex128 if field == "complex" else torch.float64
    return torch.randn(2, *shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(17,), (8, 9), (3, 8, 9)])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_every_symmetry_is_undone(shape: tuple[int, ...], field: str) -> None:
    truth = picture(*shape, field=field)
    axes = (-1,) if len(shape) == 1 else (-2, -1)
    turn = complex(math.cos(2.1), math.sin(2.1)) if field == "complex" else -1.0
    moved = {
        ("phase",): truth * turn,
        ("shift",): torch.roll(truth, (3, 5)[: len(axes)], axes),
        ("flip",): torch.flip(truth.conj(), axes),
        ("shift", "flip"): torch.roll(torch.flip(truth.conj(), axes), (3, 5)[: len(axes)], axes),
        ("phase", "shift", "flip"): turn * torch.roll(torch.flip(truth.conj(), axes), (3, 5)[: len(axes)], axes),
    }
    for symmetries, estimate in moved.items():
        torch.testing.assert_close(aligned(estimate, truth, symmetries), truth, rtol=0, atol=1e-13)


def test_the_best_shift_is_that_of_a_search_over_all() -> None:
    truth = picture(6, 7)
    estimate = torch.roll(truth, (2, 3), (-2, -1)) + picture(6, 7).flip(-1)
    found = nmse(aligned(estimate, truth, ("shift",)), truth)
    tried = [nmse(torch.roll(estimate, s, (-2, -1)), truth) for s in itertools.product(range(6), range(7))]
    torch.testing.assert_close(found, torch.stack(tried).amin(0))


def test_rows_are_aligned_apart() -> None:
    truth = picture(5)
    estimate = torch.stack([truth[0], -truth[1]])
    torch.testing.assert_close(aligned(estimate, truth, ("phase",)), truth)


def test_a_complex_estimate_of_a_real_truth_is_turned() -> None:
    truth = picture(5)
    torch.testing.assert_close(aligned(truth * 1j, truth, ("phase",)).real, truth)
    assert aligned(truth * 1j, truth, ()).real.abs().max() == 0
    torch.testing.assert_close(aligned(torch.zeros_like(truth), truth, ("phase",)), torch.zeros_like(truth))
