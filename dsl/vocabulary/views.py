"""What a report shows."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..model.fields import Annotated, Count, Field, Le
from ..model.terms import AxisTerm, MeasureTerm, ValueTerm
from ..model.word import View


class Table(View):
    """A table of numbers: one axis down, one across, and what stands in the cells."""

    example: ClassVar[str] = "report table { rows = method; columns = accel; cells = [mean(psnr), mean(ssim)] }"

    rows: tuple[AxisTerm, ...] = Field((), description="axes down: `method`, `data`, or swept params")
    columns: tuple[AxisTerm, ...] = Field((), description="axes across")
    cells: tuple[MeasureTerm, ...] = Field(description="measures, such as mean(psnr)")
    over: tuple[AxisTerm, ...] = Field((), description="axes that the cells average over")


class Figure(View):
    """Pictures side by side, as a paper would print them: one line for each image or swept value.

    A value that depends on the method, such as `estimate`, is shown for each method; one with a method in front, such
    as `tv.estimate`, for that one; `truth` and `measured` once. All pictures of a line share the truth's grey scale.
    """

    example: ClassVar[str] = "report figure { show = [truth, estimate]; images = 2; zoom = auto; errors = true }"

    show: tuple[ValueTerm, ...] = Field(description="values, such as estimate, truth, abs(error), tv.estimate")
    rows: tuple[AxisTerm, ...] = Field(
        (), description="axes down, beside the images: `method`, `data`, or swept params"
    )
    images: Annotated[Count, Le(16)] = Field(1, description="how many rows of the data are shown, the first ones")


class Curves(View):
    """Curves over an axis: a swept param, or the iterations."""

    example: ClassVar[str] = "report curves { along = lam; show = [bias, variance, mse]; scale = log }"

    along: AxisTerm = Field(description="`iteration`, or a swept param")
    show: tuple[MeasureTerm, ...] = Field(description="measures, or what the trace holds: objective, move")
    series: AxisTerm | None = Field(None, description="one curve for each value of this axis")
    over: tuple[AxisTerm, ...] = Field((), description="axes that the curves average over")
    scale: Literal["linear", "log"] = Field("linear", description="scale of both axes")
