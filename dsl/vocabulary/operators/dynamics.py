"""Objects that move while they are measured."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model.facts import Facts
from ...model.fields import Field, Interval, SignedTime, Time, Times
from ...model.place import space_of
from ...model.space import Axis, Space, SpaceError
from ...model.terms import ValueTerm
from ...model.word import Operator


class At(Operator):
    """The object at each moment of a measurement, by linear interpolation between its frames or binned to the nearest.

    Frame i of F stands at time i period / F, and the frames repeat; without a period they stand at equal steps from the
    first moment to the last.
    """

    formula: ClassVar[str] = r"(A x)_k = (1 - w_k) x_{i_k} + w_k x_{i_k + 1}"
    reference: ClassVar[str] = "Heckel 2024, 15.2"
    example: ClassVar[str] = "S = at(frame = 0s..6s by 3ms, period = 1s)"

    frame: Times | tuple[SignedTime, ...] | ValueTerm = Field(
        description="the moments: a range with its step and both ends, a list, or known for each row"
    )
    period: Time | None = Field(None, description="the time after which the frames repeat, such as a heart beat")
    between: Literal["linear", "nearest"] = Field(
        "linear", description="what is seen between two frames: their mixture, or the nearer one, which sorts into bins"
    )

    def codomain(self, domain: Space) -> Space:
        i = domain.axis("frame")
        if i is None:
            raise SpaceError(f"needs frames to interpolate between, and this is {domain}; write `{{ frames = 25 }}`")
        axes = list(domain.axes)
        axes[i] = Axis("frame", self.count())
        return domain.with_axes(tuple(axes))

    def count(self) -> int | None:
        """How many moments there are. Raises SpaceError for a value that is no list."""
        if not isinstance(self.frame, ValueTerm):
            return len(moments(self.frame))
        space = space_of(self.frame)
        if space is not None and len(space.axes) != 1:
            raise SpaceError(f"takes moments as a list of times, and this is {space}")
        return None if space is None else space.shape[0]

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the frames that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        return Facts(signs=True)


def moments(frame: Interval | tuple[float, ...]) -> tuple[float, ...]:
    """Times in seconds: a range with both ends, or those of a list."""
    return tuple(frame.values()) if isinstance(frame, Interval) else frame
