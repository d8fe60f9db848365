"""The projection onto sparse vectors, against trying all supports."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from recon.runtime.functionals.greedy import SparseVectors


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_no_support_comes_nearer(complex_: bool, k: int) -> None:
    rng = np.random.default_rng(0)
    v = rng.standard_normal((4, 2, 3)) + (1j * rng.standard_normal((4, 2, 3)) if complex_ else 0)
    found = SparseVectors(k).prox(torch.from_numpy(v), 1.0).numpy()
    for row, mine in zip(v.reshape(4, 6), found.reshape(4, 6), strict=True):
        best = min(np.sum(np.abs(np.delete(row, list(s))) ** 2) for s in combinations(range(6), k))
        assert np.count_nonzero(mine) <= k
        assert np.sum(np.abs(row - mine) ** 2) == pytest.approx(best, abs=1e-15)


def test_of_equal_moduli_no_more_than_k_are_kept() -> None:
    assert SparseVectors(2).prox(torch.ones(1, 5), 1.0).count_nonzero() == 2


def test_its_value_is_zero_inside_and_infinite_outside() -> None:
    v = torch.tensor([[0.0, 2.0, 0.0, -1.0], [1.0, 2.0, 0.0, -1.0], [1e-9, 2.0, 0.0, -1.0]])
    assert SparseVectors(2).value(v).tolist() == [0.0, float("inf"), 0.0]
