"""Solvers that read the answer off the measurement, or off one system of equations."""

from __future__ import annotations

from typing import ClassVar, Literal

from ...model.fields import Count, Field, NonNegative
from ...model.place import Placed
from ...model.problem import Problem
from ...model.solver import Misfit, Solver
from ...model.space import Space
from ...model.terms import Compose, Leaf, Scaled
from ...model.word import Compensation
from ..operators.resampling import Downsample
from .needs import (
    first,
    has_data,
    quadratic,
)


class AdjointSolver(Solver):
    """The adjoint image A^H y, without any inversion: zero-filled MRI, unfiltered back-projection."""

    word: ClassVar[str] = "adjoint"
    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = A^H y"
    reference: ClassVar[str] = "Heckel 2024, 1.1.2"
    example: ClassVar[str] = "solver adjoint"

    density: Compensation | None = Field(
        None, description="weights of the samples of a trajectory before the adjoint: gridding, on the image's scale"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = has_data(problem, self.word)
        if bad or self.density is None:
            return bad
        term = problem.data[0]
        measured = next(iter(term.blocks.values())).codomain
        axes = {a.name for a in measured.axes}
        if "readout" not in axes:
            return Misfit(term, f"`density` weighs the samples of a trajectory, and `{term.label}` measures {measured}")
        if self.density.needs_lines and "spoke" not in axes:
            name = self.density.word
            return Misfit(term, f"`{name}` weighs straight lines, and `{term.label}` measures {measured}")
        return None


class PseudoInverse(Solver):
    """The least-squares solution of least norm, A^+ y.

    By a closed form where A^H A or A A^H is diagonal in a basis, else by LSQR.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = A^{+} y"
    reference: ClassVar[str] = "Heckel 2024, 1.3, 1.4; Paige, Saunders 1982"
    example: ClassVar[str] = "solver pseudo_inverse"

    iterations: Count = Field(500, description="most iterations of LSQR")
    tolerance: NonNegative = Field(1e-6, description="relative residual of the normal equations at which LSQR stops")

    def misfit(self, problem: Problem) -> Misfit | None:
        return has_data(problem, self.word)


class ClosedForm(Solver):
    """The exact minimiser of a quadratic problem.

    Its normal matrix is diagonal in one basis, or small enough to factor.
    """

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"\hat x = \bigl(\textstyle\sum_j w_j K_j^H K_j\bigr)^{-1} \sum_j w_j K_j^H b_j"
    reference: ClassVar[str] = "Heckel 2024, 2.3, 3.1"
    example: ClassVar[str] = "solver closed_form"

    largest: ClassVar[int] = 4096  # unknowns for which a dense factorisation is still a second's work

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = quadratic(problem, self.word)
        if bad or problem.normal_basis is not None:
            return bad
        inside = problem.subspace
        count = sum(s.count or 0 for s in problem.unknowns.values()) if inside is None else inside.function.subspace
        if count <= self.largest:
            return None
        return Misfit(
            first(problem.terms),
            f"`closed_form` needs a normal matrix that is diagonal in one basis, or at most "
            f"{self.largest} unknowns; this problem has {count}",
        )


class Interpolate(Solver):
    """The measured pixels, interpolated on the unknown's grid: what super-resolution is compared with.

    The pixels stand where the downsampling of the forward model put them. Blur in the model is left as it is.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x_j = \textstyle\sum_i h\bigl(\tfrac{j - o}{n} - i\bigr) y_i"
    reference: ClassVar[str] = "Heckel 2024, 6.5.2; Keys 1981"
    example: ClassVar[str] = "solver interpolate(kind = bicubic)"

    kind: Literal["bicubic", "bilinear", "nearest"] = Field(
        "bicubic", description="Keys' cubic with a = -1/2, straight lines, or the nearest pixel"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = has_data(problem, self.word)
        if bad:
            return bad
        term = problem.data[0]
        (placed, *others) = term.blocks.values()
        fine = _coarsened(placed)
        if fine is None or others:
            return Misfit(
                term, f"`{self.word}` needs a model `downsample(...) @ ...`, and `{term.label}` measures something else"
            )
        if fine.shape != placed.domain.shape:
            return Misfit(term, f"`{self.word}` fills in {fine}, and the unknown is {placed.domain}")
        return None


def _coarsened(placed: Placed) -> Space | None:
    """The grid that the outermost operator downsamples, factors aside; None where it is no downsampling."""
    match placed.term:
        case Leaf(word=Downsample()):
            return placed.domain
        case Scaled() | Compose():
            return _coarsened(placed.parts[-1])
    return None


FilterName = Literal["ramp", "shepp-logan", "cosine", "hamming", "hann"]


class Fbp(Solver):
    """Filtered back-projection of parallel-beam or fan-beam line integrals; of photon counts, after the logarithm.

    On a fan's arc of less than a turn, rays that are measured twice share their weight smoothly (Noo 2002).
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = \int_0^\pi (q * y(\theta, \cdot))(\langle r, n_\theta \rangle) \, d\theta"
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Kak, Slaney 1988; Noo, Defrise, Clackdoyle, Kudo 2002"
    example: ClassVar[str] = 'solver fbp(filter = "hann")'

    filter: FilterName = Field("ramp", description="window on the ramp filter")

    def misfit(self, problem: Problem) -> Misfit | None:
        axes = ("view", "detector")
        other = "`fbp` is for parallel and fan beams, and `{label}` measures a cone beam"
        return has_data(problem, self.word) or _scanned(problem, self.word, axes, PANEL, other, "`fdk` fits cone beams")


class Fdk(Solver):
    """Feldkamp, Davis and Kress's filtered back-projection of cone-beam line integrals; of counts, after the logarithm.

    Exact in the plane of the source, approximate away from it.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = (
        r"\hat x(r) = \tfrac12 \int_0^{2\pi} U_\theta(r)^{-2} \bigl(q * (\cos\gamma \; y(\theta, \cdot))\bigr)"
        r"(p_\theta(r)) \, d\theta"
    )
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Feldkamp, Davis, Kress 1984"
    example: ClassVar[str] = 'solver fdk(filter = "hann")'

    filter: FilterName = Field("ramp", description="window on the ramp filter, along the rows of the panel")

    def misfit(self, problem: Problem) -> Misfit | None:
        axes = ("view", "detector")
        other = "`fdk` is for cone beams, and `{label}` measures a parallel or a fan beam"
        return has_data(problem, self.word) or _scanned(
            problem, self.word, PANEL, axes, other, "`fbp` fits parallel and fan beams"
        )


PANEL = ("view", "detector_row", "detector_col")


def _scanned(
    problem: Problem, name: str, wanted: tuple[str, ...], other: tuple[str, ...], reason: str, fix: str
) -> Misfit | None:
    """Unless the last axes measured are the wanted ones: why not, and what to use where they are the other ones."""
    term = problem.data[0]
    space = next(iter(term.blocks.values())).codomain
    names = tuple(a.name for a in space.axes)
    if names[-len(wanted) :] == wanted:
        return None
    if names[-len(other) :] == other:
        return Misfit(term, reason.format(label=term.label), fix)
    return Misfit(term, f"`{name}` needs line integrals, and `{term.label}` measures {space}")
