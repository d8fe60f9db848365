"""What the tests of laws share: a sampling operator, generators, and many draws."""

from __future__ import annotations

import numpy as np
import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.problem import Affine
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Unknown
from recon.dsl.vocabulary import noise
from recon.runtime.functionals.law import LawMeaning
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import Operator
from torch import Tensor

ROWS, SIZES = 2, (6, 5)
MASK = torch.arange(30).reshape(SIZES) % 4 != 1
X = Unknown("x")
LINEAR = Affine({"x": None})


class Sampling(Operator):
    """The entries of the mask, on the whole grid."""

    def __init__(self, field: str = "real", mask: Tensor | None = MASK, sizes: tuple[int, ...] = SIZES) -> None:
        names = ("row", "col") if len(sizes) == 2 else ("measurement",)
        space = Space(field, tuple(Axis(n, s) for n, s in zip(names, sizes, strict=True)))  # type: ignore[arg-type]
        super().__init__(space, space, Facts())
        self.mask = mask

    def _apply_(self, x: Tensor) -> Tensor:
        return x if self.mask is None else x * self.mask

    _adjoint_ = _apply_

    def measured(self) -> Tensor | None:
        return self.mask


def law(word: noise.Law) -> LawMeaning:
    out = meaning(word)(word)
    assert isinstance(out, LawMeaning)
    return out


def generators(count: int = ROWS, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(1000 + first + i) for i in range(count)]


def random(seed: int, complex_: bool = False, rows: int = ROWS) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, *SIZES, generator=g, dtype=torch.complex128 if complex_ else torch.float64)


def counts(rate: float) -> Tensor:
    mean = torch.full((ROWS, *SIZES), rate, dtype=torch.float64)
    return torch.poisson(mean, generator=torch.Generator().manual_seed(0))


def difference(g: object, v: Tensor, w: Tensor) -> np.ndarray:
    return (g.value(v) - g.value(w)).numpy()  # type: ignore[attr-defined]


MANY = 4000


def drawn(word: noise.Law, mean: Tensor, operator: Operator) -> Tensor:
    many = mean.expand(MANY, *mean.shape[1:])
    return law(word).draw(many, LINEAR, operator, generators(MANY))
