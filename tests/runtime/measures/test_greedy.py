"""The fraction of the true support that was found, on cases counted by hand."""

from __future__ import annotations

import math

import pytest
import torch
from recon.runtime.measures.greedy import support

TRUTH = [[0.0, 3.0, 0.0, -1e-6, 2.0, 0.0]]


@pytest.mark.parametrize(
    ("estimate", "found"),
    [
        ([0.0, 3.0, 0.0, -1e-6, 2.0, 0.0], 1.0),
        ([0.1, 5.0, 0.0, 1e-3, 1.0, 1e-4], 2 / 3),  # a wrong entry is larger than a right one
        ([1e-9, 3.0, 1e-9, 1e-8, 2.0, 1e-9], 1.0),  # small ones elsewhere cost nothing
        ([0.0, 3.0, 0.0, 0.0, 0.0, 0.0], 1 / 3),  # zeros are not found, whatever their place
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0.0),
        ([1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 0.0),
    ],
)
def test_by_hand(estimate: list[float], found: float) -> None:
    e, t = torch.tensor([estimate]), torch.tensor(TRUTH)
    assert support(e, t).tolist() == pytest.approx([found])
    assert support(1j * e.reshape(1, 2, 3), t.reshape(1, 2, 3)).tolist() == pytest.approx([found])


def test_the_threshold_is_relative_to_the_largest_of_the_truth() -> None:
    e, t = torch.tensor([[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]]), torch.tensor(TRUTH)
    assert support(e, t).tolist() == pytest.approx([2 / 3])
    assert support(e, t, threshold=1e-3).tolist() == [1.0]


def test_a_truth_without_support_is_undefined() -> None:
    assert math.isnan(float(support(torch.ones(1, 4), torch.zeros(1, 4))[0]))
