"""The Fisher information of a data term is what its squared gradient averages to over draws of the data."""

from __future__ import annotations

import pytest
import torch
from recon.runtime.functionals.data import DataTerm, Exactly, HalfSquare, PoissonCounts, PoissonExponential

DRAWS, SIZE = 400, 500


def squared_gradient(term: DataTerm, v: torch.Tensor) -> torch.Tensor:
    return term.grad(v).abs().square().flatten(1).sum(1)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_gaussian(field: str) -> None:
    generator = torch.Generator().manual_seed(0)
    dtype = torch.complex128 if field == "complex" else torch.float64
    sigma = 0.3
    noise = torch.randn(DRAWS, SIZE, dtype=torch.float64, generator=generator).to(dtype)
    if field == "complex":
        noise = noise + 1j * torch.randn(DRAWS, SIZE, dtype=torch.float64, generator=generator)
    term = HalfSquare(sigma**-2, sigma * noise)
    squares = squared_gradient(term, torch.zeros(1, SIZE, dtype=dtype))
    assert abs(squares.mean() - term.information()[0]) < 5 * squares.std() / DRAWS**0.5


@pytest.mark.parametrize("law", ["linear", "exponential"])
def test_counts(law: str) -> None:
    generator = torch.Generator().manual_seed(0)
    mean = torch.linspace(40, 400, SIZE, dtype=torch.float64)[None]
    counts = torch.poisson(mean.expand(DRAWS, -1), generator=generator)
    if law == "linear":
        term: DataTerm = PoissonCounts(counts, factor=2.0)
        v = mean / 2
    else:
        term = PoissonExponential(counts, factor=500.0)
        v = (mean / 500).log()
    squares = squared_gradient(term, v.expand(DRAWS, -1))
    # counts in place of means: 1 / y is 1 / m on average but for 1 / m^2, at most 1/40 relative here
    bias = 1 / 40 if law == "linear" else 0.0
    information = term.information()
    assert information is not None
    expected = information.mean()
    assert abs(squares.mean() - expected) < 5 * squares.std() / DRAWS**0.5 + bias * expected


def test_exact_data_have_none() -> None:
    assert Exactly(torch.zeros(1, 4)).information() is None
