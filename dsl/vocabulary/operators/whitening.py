"""Whitening: noise that is correlated between channels or coils, made independent."""

from __future__ import annotations

from typing import ClassVar

from ...model import facts as fact
from ...model.facts import Diagonal, Facts, Norm
from ...model.fields import Field
from ...model.place import space_of
from ...model.space import Space, SpaceError
from ...model.terms import ValueTerm
from ...model.word import Array, Operator
from ..arrays import Covariance

COUPLED = ("coil", "channel")
"""Axes between whose entries noise is correlated."""


def coupled_axis(space: Space) -> int:
    """The axis of coils or of channels; the first axis where there is neither."""
    found = (space.axis(name) for name in COUPLED)
    return next((i for i in found if i is not None), 0)


class Whiten(Operator):
    """Make noise of a known covariance between channels or coils white.

    C = L L^H is the covariance over the axis of coils, else that of channels, else the first one. The gains s^2 C^{-1}
    have the mean one, so that the scale is kept and C = sigma^2 I leaves everything as it is.
    """

    formula: ClassVar[str] = r"A x = s L^{-1} x, \quad C = L L^H, \quad s^2 = n / \mathrm{tr}\, C^{-1}"
    reference: ClassVar[str] = "Pruessmann et al. 2001"
    example: ClassVar[str] = "whiten(covariance([[2, 1], [1, 2]])) @ coils(maps = birdcage(2))"

    covariance: Array | ValueTerm = Field(description="the covariance matrix: written out, of a file, or of each row")

    def codomain(self, domain: Space) -> Space:
        shape: tuple[int | None, ...] | None
        if isinstance(self.covariance, Array):
            shape, complex_ = self.covariance.shape(domain), self.covariance.complex_valued
            if shape is None:
                raise SpaceError(f"needs a covariance matrix, and `{self.covariance.word}` is none")
        else:
            space = space_of(self.covariance)
            shape, complex_ = (None, False) if space is None else (space.shape, space.field == "complex")
        if complex_ and domain.field == "real":
            raise SpaceError(f"needs a real covariance for {domain}, and this one is complex")
        axis = domain.axes[coupled_axis(domain)]
        if shape is not None and (
            len(shape) != 2 or any(n is not None and axis.size is not None and n != axis.size for n in shape)
        ):
            have = " x ".join("auto" if n is None else str(n) for n in shape)
            raise SpaceError(f"needs a covariance of {axis.size} x {axis.size} for the axis `{axis}`, not of {have}")
        return domain

    def facts(self, domain: Space) -> Facts:
        c = self.covariance
        if not isinstance(c, Covariance) or not c.diagonal:
            return Facts()
        gains = [1 / v[i] for i, v in enumerate(c.values)]
        largest = (max(gains) * len(gains) / sum(gains)) ** 0.5
        if max(gains) == min(gains):
            return fact.IDENTITY
        pixel = Diagonal("pixel")
        return Facts(gram=pixel, cogram=pixel, diagonal=pixel, norm=Norm(largest, exact=True), signs=True)
