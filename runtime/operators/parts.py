"""One unknown out of several that stand side by side in a flat vector."""

from __future__ import annotations

from math import prod

from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Diagonal, Facts, Norm
from recon.dsl.model.space import Axis, Space
from torch import Tensor

from .base import Operator


class Part(Operator):
    """P x = x[start:stop] as an array of the given shape; P^H puts zeros everywhere else.

    `flat` is the space of all unknowns, with a single axis. P P^H = I, and P^H P is a mask. `part` is the space of the
    one unknown, where its axes are known by name; else the axes are numbered. Raises ValueError where `start`, `stop`
    and the shape do not fit together.
    """

    def __init__(self, flat: Space, start: int, stop: int, shape: tuple[int, ...], part: Space | None = None) -> None:
        if len(flat.axes) != 1 or not 0 <= start < stop <= flat.sizes[0]:
            raise ValueError(f"there is no part {start}..{stop} of {flat}")
        if stop - start != prod(shape):
            raise ValueError(f"{stop - start} entries do not fill the shape {shape}")
        axes = tuple(Axis(f"axis{i}", n) for i, n in enumerate(shape))
        facts = Facts(gram=Diagonal("pixel"), cogram=fact.identity(), norm=Norm(1.0, exact=True), signs=True)
        super().__init__(flat, part or Space(flat.field, axes, flat.unit), facts)
        self.start, self.stop, self.shape = start, stop, shape

    def _apply_(self, x: Tensor) -> Tensor:
        return x[..., self.start : self.stop].reshape(*x.shape[:-1], *self.shape)

    def _adjoint_(self, y: Tensor) -> Tensor:
        batch = y.shape[: y.ndim - len(self.shape)]
        out = y.new_zeros(*batch, *self.domain.sizes)
        out[..., self.start : self.stop] = y.reshape(*batch, -1)
        return out
