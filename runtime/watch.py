"""What the loop sees of an iteration: the trace, when a row is done, and the alarm where iterates grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .algorithms.base import Algorithm, Step
from .algorithms.certificate import DualityGap
from .algorithms.optimality import OptimalityResidual
from .functionals.base import distance_rows, square_rows
from .problem import Problem

SLOW = 1e-2
"""Relative move in ten iterations above which a dual variable is still on its way, whatever the estimate does."""
FAR = 1e6
"""An objective so many times larger than at the start, or than one nat, and that grows from there, has diverged."""
GROWN = 4.0
"""The factor by which it then grows, at whatever pace: the first iterates of a primal-dual method may be far out of
reach of a large weight, and come back."""

APART = 1.25
"""The quotient of two iterations in sequence at which the duality gap is computed, where it decides when to stop."""
LATER = 2.0
"""The quotient of two iterations in sequence at which the optimality residual is computed."""
LOOSE = 0.05
"""A relative duality gap above which the bound, not the estimate, is most likely what is far off."""
ROUNDED, SMALLER, PATIENCE = 5.0, 0.7, 10
"""Relative moves of so many machine epsilons are rounding if they have not fallen by this factor in so many looks."""

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
"""One number, or one answer, a row."""

Observe = Callable[[int, Tensor], dict[str, list[float]]]
"""(iteration, estimate) -> further numbers for the trace, one a row."""


class Diverged(ArithmeticError):  # noqa: N818 - the field's word for it
    """The iterates grew without bound, or are no longer numbers."""


@dataclass
class Trace:
    """What was seen at each look. Each entry of `objective`, `violation` and `move` has one number a row.

    objective: the sum of all terms but constraints, in nats. violation: the distance to the constraints, K x from its
    projection relative to the larger of the two. move: |x - x_before| / |x| since the look before. epochs: how often A
    and A^H were applied to all measurements. series: what `observe` returned, by name. choices: the numbers that the
    algorithm found for itself. valued: whether `objective` is one; where a denoiser stands for a term it holds the sum
    of the others. found: arrays that it found beside the estimate, by name, of the first row.

    In `series`, too: gap, the relative duality gap where there is one, by `DualityGap`, looked at ever less often
    and at the end; where there is none residual, the relative `OptimalityResidual`, likewise; without an objective, how
    far the last iteration moved.
    """

    iterations: list[int] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    objective: list[list[float]] = field(default_factory=list)
    violation: list[list[float]] = field(default_factory=list)
    move: list[list[float]] = field(default_factory=list)
    series: dict[str, list[list[float]]] = field(default_factory=dict)
    choices: list[Step] = field(default_factory=list)
    valued: bool = True
    found: dict[str, Tensor] = field(default_factory=dict)


def appraise(problem: Problem, x: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of all terms but constraints, and the relative distance to the constraints, each of shape [rows].

    Where a denoiser stands for a term, the sum is that of the others.
    """
    objective: Tensor | None = None
    violation: Tensor | None = None
    for term in problem.terms:
        if term.functional.constraint:
            v = term.operator.forward(x)
            allowed = term.functional.prox(v, 1.0)
            size = torch.maximum(square_rows(v), square_rows(allowed)).sqrt()
            distance = distance_rows(v, allowed).sqrt()
            found = torch.where(distance > 0, distance / size, 0.0)
            violation = found if violation is None else torch.maximum(violation, found)
        elif term.functional.valued:
            value = term.value(x)
            objective = value if objective is None else objective + value
    none = torch.zeros(problem.rows, dtype=torch.float64, device=x.device)
    return none if objective is None else objective.expand_as(none), none if violation is None else violation


class Watch:
    """Looks at the estimate now and then: fills the trace, keeps finished rows, and raises the alarm."""

    def __init__(
        self,
        algorithm: Algorithm[Any],
        problem: Problem,
        tolerance: float,
        goal: float,
        observe: Observe | None,
        certify: bool,
    ) -> None:
        self.algorithm, self.problem, self.tolerance, self.observe = algorithm, problem, tolerance, observe
        self.goal = goal if tolerance > 0 else 0.0
        certify = certify and problem.valued
        certificate = DualityGap(problem) if certify else None
        self.certificate = certificate if certificate is not None and certificate.known else None
        self.optimality = OptimalityResidual(problem) if certify and self.certificate is None else None
        self.next = 0
        self.rounding = ROUNDED * torch.finfo(problem.real).eps
        self.trace = Trace(choices=algorithm.choices(), valued=problem.valued)
        self.slowest = float("inf")
        self.done = self.proven = False

    def start(self, state: Any) -> None:
        x = self.algorithm.estimate(state)
        self.kept = x.clone()
        self.companions = [c.clone() for c in self._companions(state)]
        rows = self.problem.rows
        self.active = np.ones(rows, dtype=bool)
        at_start = _numbers(appraise(self.problem, x)[0])
        at_zero = at_start if self.problem.start is None else _numbers(appraise(self.problem, torch.zeros_like(x))[0])
        scale = [np.where(np.isfinite(v), np.abs(v), other) for v, other in ((at_start, 1.0), (at_zero, 0.0))]
        self.limit = np.maximum(np.maximum(*scale), 1.0) * FAR
        self.beyond = np.full(rows, np.inf)  # the least objective since it has been too large
        self.last = 0
        self.gap, self.residual = np.full(rows, np.inf), np.full(rows, np.inf)
        if self.algorithm.proven(state) is not None:
            self.optimality = None  # it has a certificate of its own
        self.least, self.since = np.full(rows, np.inf), np.zeros(rows, dtype=int)
        self.stuck = np.zeros(rows, dtype=bool)

    def look(self, k: int, state: Any, final: bool = False) -> None:
        x = self.algorithm.estimate(state)
        # All numbers of the rows come to the host at once, and are worked on there.
        found = appraise(self.problem, x)
        square, moved, objective, violation = _together(square_rows(x), distance_rows(x, self.kept), *found)
        size, distance = np.sqrt(square), np.sqrt(moved)
        self._guard(k, size, objective)
        with np.errstate(invalid="ignore"):  # rows that are done may go anywhere
            move = np.where(distance > 0, distance / np.where(size > 0, size, 1.0), 0.0)
        finished = self._finished(k, state, move)
        now = final or bool((finished & self.active).any())
        finished = finished | self._certified(k, state, x, *found, now)
        self._appraised(k, state, x, now)
        # Rows that were finished before keep their estimate, and their last entries in the trace.
        trace, active = self.trace, self.active
        if active.all():
            self.kept.copy_(x)
        else:
            shape = (-1, *[1] * (x.ndim - 1))
            self.kept = torch.where(torch.from_numpy(active).to(x.device).view(shape), x, self.kept)
            objective = np.where(active, objective, trace.objective[-1])
            violation = np.where(active, violation, trace.violation[-1])
            move = np.where(active, move, trace.move[-1])
        self.slowest = float(move.max())
        trace.iterations.append(k)
        trace.epochs.append(k * self.algorithm.passes)
        trace.objective.append(objective.tolist())
        trace.violation.append(violation.tolist())
        trace.move.append(move.tolist())
        if self.certificate is not None:
            trace.series.setdefault("gap", []).append(self.gap.tolist())
        if self.optimality is not None or not trace.valued:
            trace.series.setdefault("residual", []).append(self.residual.tolist())
        if self.observe is not None:
            for name, values in self.observe(k, self.kept).items():
                trace.series.setdefault(name, []).append(values)
        self.active = active & ~finished
        self.done = not self.active.any()
        self.last = k

    def _finished(self, k: int, state: Any, move: Numbers) -> Flags:
        if self.tolerance <= 0:
            return np.zeros_like(self.active)
        calm, proven = self._calm(k, state, move), self.algorithm.proven(state)
        if proven is None:
            return calm
        rows: Flags = proven.cpu().numpy()
        self.proven = bool(rows.all())
        return calm | rows

    def _calm(self, k: int, state: Any, move: Numbers) -> Flags:
        """Whether the residual is small enough, or else the move of the estimate."""
        stuck = self._stuck(move)
        residual = self.algorithm.residual(state)
        if residual is not None:
            left = _numbers(residual)
            if np.isinf(left).all():  # the algorithm still changes its numbers: small moves say nothing yet
                self.since.fill(0)
                stuck = np.zeros_like(stuck)
            return self._or_stuck(left <= self.tolerance, stuck)
        calm: Flags = move <= self.tolerance
        for now, before in zip(self._companions(state), self.companions, strict=True):
            if calm.any():
                moved, square = _together(distance_rows(now, before), square_rows(now))
                calm = calm & (moved <= SLOW**2 * square)
            before.copy_(now)
        return self._or_stuck(calm if k - self.last >= self.algorithm.every else np.zeros_like(calm), stuck)

    def _stuck(self, move: Numbers) -> Flags:
        """Rows whose moves are rounding, and have not become smaller for a while."""
        self.since = np.where(move < self.least * SMALLER, 0, self.since + 1)
        self.least = np.minimum(self.least, move)
        still: Flags = (self.since >= PATIENCE) & (move <= self.rounding)
        return still

    def _or_stuck(self, met: Flags, stuck: Flags) -> Flags:
        self.stuck = self.stuck | (self.active & stuck & ~met)
        return met | stuck

    def _certified(self, k: int, state: Any, x: Tensor, objective: Tensor, violation: Tensor, now: bool) -> Flags:
        """Whether the duality gap is small enough; computed at looks that lie ever further apart, or `now`. A gap that
        decides nothing is left for the end: it may cost as much as many steps."""
        if self.certificate is not None and (now or (self.goal > 0 and k >= self.next)):
            gap = _numbers(self.certificate.relative(x, self.algorithm.duals(state), objective, violation))
            self.gap = np.where(self.active, gap, self.gap)
            self.next = int(k * APART)
        met: Flags = self.gap <= self.goal if self.goal > 0 else np.zeros_like(self.active)
        return met

    def _appraised(self, k: int, state: Any, x: Tensor, now: bool) -> None:
        """The optimality residual, at looks that lie ever further apart, or `now`; once it is not known never again.

        Without an objective the distance from a fixed point, at every look.
        """
        moved = self.algorithm.fixed_point(state)
        if moved is not None:
            self.residual = np.where(self.active, _numbers(moved), self.residual)
        if self.optimality is None or not (now or k >= self.next):
            return
        residual = self.optimality.relative(x, self.algorithm.duals(state))
        if residual is None:
            self.optimality = None
            return
        self.residual = np.where(self.active, _numbers(residual), self.residual)
        self.next = int(k * LATER)

    def _companions(self, state: Any) -> list[Tensor]:
        return self.algorithm.companions(state) if self.tolerance > 0 else []

    def _guard(self, k: int, size: Numbers, objective: Numbers) -> None:
        if bool((objective <= self.limit).all()) and bool((size < np.inf).all()):
            self.beyond.fill(np.inf)
            return
        large = np.isfinite(objective) & (objective > self.limit)
        self.beyond = np.where(large, np.minimum(self.beyond, objective), np.inf)
        with np.errstate(over="ignore"):
            grown = large & (objective > GROWN * self.beyond)
        lost = self.active & (~np.isfinite(size) | np.isnan(objective) | grown)
        if not lost.any():
            return
        row = int(np.flatnonzero(lost)[0])
        where = f" in row {row}" if self.problem.rows > 1 else ""
        raise Diverged(f"`{self.algorithm.name}` diverged by iteration {k}{where}{self._advice()}")

    def _advice(self) -> str:
        for choice in self.trace.choices:
            if choice.bound is not None and choice.value >= choice.bound * (1 - 1e-6):
                return (
                    f": `{choice.name} = {choice.value:.4g}` is too large, convergence is known below "
                    f"{choice.bound:.4g}; leave `{choice.name}` out to have it chosen"
                )
        return "; the problem may be unbounded below, or an operator's adjoint may not match it"

    def reason(self, k: int, interrupted: bool) -> str:
        """Why the loop ended, in words."""
        if interrupted:
            return f"interrupted after {k} iterations"
        if self.done and self.proven:
            return f"proven to be minimal after {k} iterations"
        if self.done and bool(self.stuck.any()):
            return f"stopped after {k} iterations, where rounding is left"
        if self.done and self.goal > 0 and bool((self.gap <= self.goal).all()):
            return f"relative duality gap {self.goal:g} met after {k} iterations"
        if self.done:
            return f"tolerance {self.tolerance:g} met after {k} iterations" + self._bound()
        left = int(self.active.sum())
        rows = f"; {left} of {self.problem.rows} rows had not met the tolerance" if self.problem.rows > 1 else ""
        more = (
            ": more of them would bring it down" if self.goal > 0 and self.goal < float(self.gap.max()) <= LOOSE else ""
        )
        return f"all {k} iterations done" + self._bound() + more + (rows if self.tolerance > 0 else "")

    def _bound(self) -> str:
        """How far the slowest row is from its minimum, where that says something."""
        kind = "optimality residual" if self.trace.valued else "fixed-point residual"
        for name, worst in (("relative duality gap", self.gap.max()), (kind, self.residual.max())):
            if worst <= LOOSE:
                return f"; {name} {worst:.1e}"
        return ""

    def warning(self, k: int) -> str:
        """What the user should know of the end: a tolerance that rounding keeps out of reach."""
        if not bool(self.stuck.any()):
            return ""
        name = str(self.problem.real).removeprefix("torch.")
        wider = ', or write `run { precision = "float64" }`' if self.problem.real != torch.float64 else ""
        return (
            f"the tolerance {self.tolerance:g} cannot be met in {name}: after {k} iterations the estimate moves by "
            f"rounding alone, {float(self.least[self.stuck].max()):.1e}; ask for 1e-6{wider}"
        )


def _together(*values: Tensor) -> Sequence[Numbers]:
    """Several on the host, in one copy where they are elsewhere."""
    if all(v.device.type == "cpu" for v in values):
        return [_numbers(v) for v in values]
    found: Sequence[Numbers] = list(_numbers(torch.stack(values)))
    return found


def _numbers(v: Tensor) -> Numbers:
    """On the host, in float64."""
    out: Numbers = v.double().cpu().numpy()
    return out
