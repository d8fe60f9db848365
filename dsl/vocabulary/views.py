"""What a report shows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from ..model.fields import Annotated, Auto, Count, Field, Interval, Le, Range, Whole
from ..model.terms import AxisTerm, MeasureTerm, ValueTerm
from ..model.units import NONE
from ..model.word import View

AxisName = Literal["channel", "frame", "z", "row", "col"]


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
    as `tv.estimate`, for that one; `truth` once. Pictures of one value share the grey scale of its truth.
    """

    example: ClassVar[str] = "report figure { show = [truth, estimate]; images = 2; zoom = auto; errors = true }"

    show: tuple[ValueTerm, ...] = Field(description="values, such as estimate, truth, abs(error), tv.estimate")
    rows: tuple[AxisTerm, ...] = Field((), description="axes down, beside the images: `data`, or swept params")
    images: Annotated[Count, Le(16)] = Field(1, description="how many rows of the data are shown, the first ones")
    slice: tuple[AxisName | Whole, ...] | None = Field(
        None, description="an axis and the place along it that is shown, as in `[z, 48]`; left out: the middle"
    )
    zoom: tuple[Interval, ...] | Auto | None = Field(
        None,
        description="what is enlarged in an inset: rows and columns, as in `[40..79, 60..99]`; `auto`: a window where "
        "the methods differ the most",
    )
    errors: bool = Field(False, description="whether a map of |value - truth| stands beneath each picture")
    scores: tuple[MeasureTerm, ...] | None = Field(
        None, description="metrics that stand under each picture; left out: the first two of the page"
    )
    window: Range | None = Field(None, description="values shown black and white; left out: the ends of the truth")

    @field_validator("slice")
    @classmethod
    def _axis_and_place(cls, value: Any) -> Any:
        if value is not None and not (len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)):
            raise ValueError("takes an axis and a whole number, as in `[z, 48]`")
        return value

    @field_validator("zoom")
    @classmethod
    def _two_ranges(cls, value: Any) -> Any:
        if value is None or value == "auto":
            return value
        if len(value) != 2 or any(r.dimension != NONE or r.step not in (None, 1) for r in value):
            raise ValueError("takes a range of rows and one of columns, as in `[40..79, 60..99]`")
        if any(r.start < 0 or r.stop <= r.start or r.start % 1 or r.stop % 1 for r in value):
            raise ValueError("takes ranges of whole numbers, from a smaller one to a larger one")
        return value


class Curves(View):
    """Curves over an axis: a swept param, or the iterations."""

    example: ClassVar[str] = "report curves { along = lam; show = [bias, variance, mse]; scale = log }"

    along: AxisTerm = Field(description="`iteration`, or a swept param")
    show: tuple[MeasureTerm, ...] = Field(description="measures, or what the trace holds: objective, move")
    series: AxisTerm | None = Field(None, description="one curve for each value of this axis")
    over: tuple[AxisTerm, ...] = Field((), description="axes that the curves average over")
    scale: Literal["linear", "log"] = Field("linear", description="scale of both axes")


class Heatmap(View):
    """A number over two swept axes as grey levels, such as the share of problems that were solved."""

    example: ClassVar[str] = "report heatmap { columns = m; rows = k; cells = fraction(nmse <= 1e-4) }"

    columns: AxisTerm = Field(description="the horizontal axis: a swept param")
    rows: AxisTerm = Field(description="the vertical axis: a swept param")
    cells: MeasureTerm = Field(description="a measure, such as mean(psnr) or fraction(nmse <= 1e-4)")
    over: tuple[AxisTerm, ...] = Field((), description="axes that the cells average over")
