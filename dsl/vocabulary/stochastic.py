"""Solvers that take the measurements in blocks: Kaczmarz's method and stochastic gradients."""

from __future__ import annotations

from typing import ClassVar, Literal

from annotated_types import Lt
from pydantic import model_validator

from ..model.fields import Annotated, Auto, Count, Field, Positive
from ..model.problem import Problem
from ..model.solver import InBlocks, Misfit
from ..model.word import Schedule
from .solvers.needs import has_data, one_map

Relaxation = Annotated[Positive, Lt(2)]
Order = Literal["random", "shuffled", "cyclic"]


class Kaczmarz(InBlocks):
    """Kaczmarz's method: one block of measurements after the other is met as if it were the only one.

    Blocks are single rows of a matrix, views of a scan, coils. Converges to a solution if there is one, to the nearest
    of them; sets of the unknown itself are projected onto after each block. With noise it comes to hover about the
    least-squares solution, the nearer the smaller `relaxation` is at the end.
    """

    formula: ClassVar[str] = r"x \leftarrow P_C\Bigl(x + \omega \frac{A_b^H (y_b - A_b x)}{|A_b|^2}\Bigr)"
    reference: ClassVar[str] = (
        "Heckel 2024, 3.5; Kaczmarz 1937; Strohmer, Vershynin 2009; Censor, Eggermont, Gordon 1983"
    )
    example: ClassVar[str] = "solver kaczmarz(sweeps = 10, order = random)"

    sweeps: Count = Field(10, description="passes over the measurements")
    order: Order = Field(
        "random",
        description="`random` draws blocks with chances like |A_b|^2, `shuffled` takes each once a sweep, in an order "
        "drawn anew, `cyclic` in their own",
    )
    relaxation: Relaxation | tuple[Relaxation, ...] | Schedule = Field(
        1.0, description="how far a step goes, less than 2: a number, or a schedule over the sweeps"
    )
    blocks: Count | Auto = Field("auto", description="number of blocks; `auto` is one for each entry of the axis")

    @model_validator(mode="after")
    def _bounded(self) -> Kaczmarz:
        largest = max((getattr(self.relaxation, k, 0.0) for k in ("start", "stop")), default=0.0)
        if largest >= 2:
            raise ValueError(f"`relaxation` must stay less than 2, and this schedule reaches {largest:g}")
        return self

    @property
    def most(self) -> int:
        return self.sweeps

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = has_data(problem, self.word) or self.uncut(problem) or too_many(problem, self, self.blocks)
        if bad:
            return bad
        for term in problem.data:
            if not (term.function.quadratic or term.function.exact):
                return Misfit(term, f"`kaczmarz` solves linear equations, and `{term.label}` is none")
        for term in problem.priors:
            if not (term.function.constraint and term.function.convex and term.plain):
                return Misfit(
                    term, f"`kaczmarz` takes data and convex sets of the unknown, and `{term.label}` is neither"
                )
        return None

    def caution(self, problem: Problem) -> Misfit | None:
        noisy = next((t for t in problem.data if not t.function.exact), None)
        if noisy is None or not isinstance(self.relaxation, float):
            return None
        return Misfit(
            noisy,
            f"`kaczmarz` converges if the data are consistent; with the noise of `{noisy.label}` it hovers about the "
            "least-squares solution",
            "let `relaxation` fall, as in `relaxation = geometric(1, 0.1)`",
        )


class Sgd(InBlocks):
    """Stochastic gradients: each step follows the gradient of one block of the measurements, times their number.

    Priors take part in each step, smooth ones by their gradient, one without by its proximal map. Steps must fall for
    it to converge; with constant ones it comes to hover about the minimiser.
    """

    formula: ClassVar[str] = r"x \leftarrow \mathrm{prox}_{t_e g}\bigl(x - t_e (B \nabla f_b(x) + \nabla h(x))\bigr)"
    reference: ClassVar[str] = "Heckel 2024, 3.5; Robbins, Monro 1951; Hudson, Larkin 1994"
    example: ClassVar[str] = "solver sgd(blocks = 20, axis = view, epochs = 20)"

    blocks: Count = Field(20, description="number of blocks; each takes every so-many-th entry of the axis")
    epochs: Count = Field(20, description="passes over the measurements")
    step: Positive | Auto = Field("auto", description="step size; `auto` is 1 / (B max L_b + L_h)")
    decay: Positive | tuple[Positive, ...] | Schedule = Field(
        1.0, description="factor on the step in each epoch: a number, a list or a schedule such as `harmonic(1, 5)`"
    )
    order: Order = Field(
        "shuffled",
        description="`shuffled` takes each block once in an epoch, `random` draws anew each time, `cyclic` goes round",
    )

    @property
    def most(self) -> int:
        return self.epochs

    def misfit(self, problem: Problem) -> Misfit | None:
        return _descends(problem, self, self.blocks)


class Saga(InBlocks):
    """SAGA: stochastic gradients that remember what each block said last, so that constant steps converge.

    Linearly where the objective is strongly convex. Keeps one array like the measurements.
    """

    formula: ClassVar[str] = (
        r"x \leftarrow \mathrm{prox}_{t g}\Bigl(x - t \bigl(B (\nabla f_b(x) - \gamma_b) + \textstyle\sum_j \gamma_j + "
        r"\nabla h(x)\bigr)\Bigr),\ \gamma_b \leftarrow \nabla f_b(x)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.5; Defazio, Bach, Lacoste-Julien 2014"
    example: ClassVar[str] = "solver saga(blocks = 20, axis = view, epochs = 20)"

    blocks: Count = Field(20, description="number of blocks; each takes every so-many-th entry of the axis")
    epochs: Count = Field(20, description="passes over the measurements")
    step: Positive | Auto = Field("auto", description="step size; `auto` is 1 / (3 (B max L_b + L_h))")
    order: Order = Field("random", description="`random`, for which convergence is proven, `shuffled` or `cyclic`")

    @property
    def most(self) -> int:
        return self.epochs

    def misfit(self, problem: Problem) -> Misfit | None:
        return _descends(problem, self, self.blocks)


def _descends(problem: Problem, solver: InBlocks, blocks: int) -> Misfit | None:
    """Data that are smooth and can be taken in blocks; priors that are smooth but one with a closed proximal map."""
    bad = has_data(problem, solver.word)
    rough = next((t for t in problem.data if not t.function.smooth), None)
    if bad or rough:
        reason = f"`{solver.word}` needs a smooth data term, and `{rough.label if rough else ''}` is not"
        return bad or Misfit(rough, reason)
    return solver.uncut(problem) or too_many(problem, solver, blocks) or one_map(problem.rough, solver.word)


def too_many(problem: Problem, solver: InBlocks, blocks: int | str) -> Misfit | None:
    """No more blocks than entries of the axis."""
    for term in problem.data:
        axis = solver.cut_along(term)
        sizes = [
            p.codomain.axes[i].size for p in term.blocks.values() if (i := p.codomain.axis(axis or "")) is not None
        ]
        size = next((n for n in sizes if n is not None), None)
        if isinstance(blocks, int) and size is not None and blocks > size:
            reason = f"`{term.label}` has {size} entries along `{axis}`, and cannot be cut into {blocks} blocks"
            return Misfit(term, reason, f"write `blocks = {size}` or less")
    return None
