"""Energies and sets as the words say them."""

from __future__ import annotations

import pytest
import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Unknown
from recon.dsl.vocabulary import priors
from recon.runtime.build import Build
from recon.runtime.functionals.priors import L1, GroupL1, Interval, Nonnegative, penalised_entries
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import Composition, IdentityOperator
from torch import Tensor

SPACE = Space("real", (Axis("channel", 2), Axis("row", 4), Axis("col", 6)))
X = Unknown("x")


class Coefficients(IdentityOperator):
    """An operator whose coarse corner is not sparse."""

    unpenalised = (slice(0, 2), slice(0, 3))


PLAIN = IdentityOperator(SPACE, SPACE, Facts())
COARSE = Coefficients(SPACE, SPACE, Facts())


def values(seed: int, *shape: int) -> Tensor:
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_sq_has_no_half() -> None:
    v = values(0, 2, 4, 6)
    word = priors.Sq(of=X)
    torch.testing.assert_close(meaning(word)(word, 0.3, PLAIN).value(v), 0.3 * v.square().sum((1, 2, 3)))


def test_l1_leaves_the_coarse_band_of_the_outermost_operator_alone() -> None:
    v = values(1, 2, 4, 6)
    word = priors.L1(of=X)
    everything = v.abs().sum((1, 2, 3))
    coarse = v[:, :, :2, :3].abs().sum((1, 2, 3))
    torch.testing.assert_close(meaning(word)(word, 0.3, PLAIN).value(v), 0.3 * everything)
    for operator in (COARSE, Composition([COARSE, PLAIN], Facts())):
        g = meaning(word)(word, 0.3, operator)
        torch.testing.assert_close(g.value(v), 0.3 * (everything - coarse))
        assert torch.equal(g.prox(v, 100.0)[:, :, :2, :3], v[:, :, :2, :3])
        assert float(g.prox(v, 100.0)[:, :, 2:].abs().max()) == 0
    assert penalised_entries(Composition([PLAIN, COARSE], Facts())) is None


@pytest.mark.parametrize(("kind", "cls"), [("isotropic", GroupL1), ("anisotropic", L1)])
def test_total_variation_of_gradients(kind: str, cls: type) -> None:
    word = priors.Tv(of=X, kind=kind)  # type: ignore[arg-type]
    g = meaning(word)(word, 2.0, PLAIN)
    assert isinstance(g, cls)
    gradients = values(2, 2, 4, 6)  # [rows, direction, row, col]
    lengths = gradients.square().sum(1).sqrt() if kind == "isotropic" else gradients.abs().sum(1)
    torch.testing.assert_close(g.value(gradients), 2 * lengths.sum((1, 2)))


def test_sets() -> None:
    assert isinstance(meaning(priors.Nonnegative)(priors.Nonnegative(), PLAIN, Build()), Nonnegative)
    box = meaning(priors.Box)(priors.Box(low=-1.0, high=2.0), PLAIN, Build())
    assert isinstance(box, Interval)
    assert box.prox(torch.tensor([[-3.0, 0.5, 7.0]]), 1.0).tolist() == [[-1.0, 0.5, 2.0]]
