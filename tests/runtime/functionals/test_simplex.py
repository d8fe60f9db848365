"""The projection onto the simplex, against CVXPY, and what follows from it."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
import torch
from recon.runtime.functionals.simplex import Simplex


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_projection_is_that_of_cvxpy(scale: float) -> None:
    rng = np.random.default_rng(0)
    v = scale * rng.normal(size=(4, 3, 5))
    found = Simplex().prox(torch.from_numpy(v), 2.0).numpy()
    for given, mine in zip(v, found, strict=True):
        u = cp.Variable(15)
        cp.Problem(cp.Minimize(cp.sum_squares(u - given.ravel())), [u >= 0, cp.sum(u) == 1]).solve(
            solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
        )
        np.testing.assert_allclose(mine.ravel(), u.value, atol=2e-6)


def test_what_lies_in_it_stays_and_has_the_value_zero() -> None:
    v = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.5, 0.6, 0.0], [1.5, -0.5, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(Simplex().prox(v[:2], 1.0), v[:2])
    assert Simplex().value(v).tolist() == [0.0, 0.0, float("inf"), float("inf")]


def test_its_conjugate_is_the_largest_entry() -> None:
    """sup <p, v> over the simplex is attained at a corner; by Moreau the prox of the conjugate gives its value."""
    p = torch.tensor([[0.3, -1.0, 2.5]], dtype=torch.float64)
    assert Simplex().conjugate(p).tolist() == [2.5]
    corner = Simplex().prox(1e6 * p, 1.0)
    torch.testing.assert_close((corner * p).sum(), torch.tensor(2.5, dtype=torch.float64))
