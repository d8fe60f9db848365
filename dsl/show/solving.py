"""The solver of a plan: why this one, its step sizes where the facts give them, and its memory."""

from __future__ import annotations

from dataclasses import dataclass

from ..check.blocks import choose_solver
from ..check.denoisers import facts_of
from ..check.formulate import Checked
from ..check.missed import missed
from ..check.rules import TABLE, Choice
from ..check.weights import found_priors
from ..diagnostics import SpecError
from ..model.networks import Learned
from ..model.problem import TermFacts
from ..model.solver import InBlocks, Iterative, Plugged
from ..model.space import Space
from ..vocabulary.greedy import allowed
from .passes import AT_RUN
from .restoring import network_facts, planes
from .text import number

STEPPED = ("gradient", "heavy_ball", "nesterov", "ista", "fista", "projected_gradient")
COPIES: dict[str, tuple[int, int]] = {
    "adjoint": (1, 0),
    "fbp": (1, 0),
    "interpolate": (1, 0),
    "ksvd": (4, 0),
    "fdk": (1, 0),
    "closed_form": (3, 0),
    "pseudo_inverse": (4, 1),
    "cg": (5, 0),
    "gradient": (3, 0),
    "heavy_ball": (4, 0),
    "ista": (3, 0),
    "projected_gradient": (3, 0),
    "nesterov": (4, 0),
    "fista": (4, 0),
    "fixed_point": (3, 0),
    "adam": (4, 0),
    "adagrad": (3, 0),
    "lsqr": (4, 1),
    "hqs": (3, 1),
    "kaczmarz": (2, 0),
    "sgd": (3, 0),
    "saga": (4, 1),
    "admm": (3, 2),
    "alternate": (5, 2),
    "pdhg": (4, 2),
    "omp": (4, 0),
    "cosamp": (7, 0),
    "iht": (5, 0),
    "spectral": (2, 2),
    "amplitude_flow": (3, 2),
    "wirtinger_flow": (3, 3),
    "alternating_projections": (2, 2),
    "error_reduction": (2, 2),
    "hio": (2, 3),
}
"""Arrays a solver holds at a time: of the unknown's size, and of the size of each term that is split off."""


@dataclass(frozen=True)
class SolverLine:
    """The solver, the rule that chose it (0: named on the page), why, and what the rule promises.

    missed: the rows of the table that one term keeps out.
    """

    name: str
    rule: int
    why: str
    promise: str
    iterates: bool
    missed: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepLine:
    """A number that the algorithm needs; `value` is None where it is estimated at run."""

    name: str
    value: float | None
    why: str


@dataclass(frozen=True)
class Memory:
    """Bytes for one row; None where an extent is known only when data are read."""

    unknown: int | None
    measured: int | None
    state: int | None
    why: str


_PROMISES = {
    "exact": "the exact minimiser",
    "1/k^2": "the objective falls to its minimum like 1/k^2",
    "descent": "the objective does not rise from round to round",
    "sparse": "the sparsest solution where the columns are incoherent or nearly orthonormal, else a good one",
    "fixed point": "a fixed point where the denoiser is averaged and the data term convex",
    "up to symmetry": "the unknown up to what magnitudes cannot tell, such as a global sign or phase",
    "1/k": "the objective falls to its minimum like 1/k",
    "stationary": "a stationary point, which need not be the minimiser",
}


def solver_line(c: Checked, choice: Choice) -> SolverLine:
    """The solver with why it was chosen; of one named on the page, what the rules would have taken."""
    iterates = isinstance(choice.solver, (Iterative, InBlocks))
    rules = {r.number: r for r in TABLE}
    if choice.rule:
        rule = rules[choice.rule]
        return SolverLine(
            choice.solver.word,
            rule.number,
            f"{choice.why} (rule {rule.number}: {rule.problem})",
            _PROMISES[rule.promise],
            iterates,
            missed(c.problem, rule.number),
        )
    if choice.solver.role == "direct":
        promise = "read off the measurement, priors play no part" + _trained(c, choice)
        return SolverLine(choice.solver.word, 0, choice.why, promise, iterates)
    try:
        other, _ = choose_solver(c, None, None)
    except SpecError:
        return SolverLine(choice.solver.word, 0, choice.why, "", iterates)
    same = other.solver.word == choice.solver.word
    why = choice.why + (
        f"; so would rule {other.rule}" if same else f"; rule {other.rule} would take `{other.solver.word}`"
    )
    return SolverLine(choice.solver.word, 0, why, _PROMISES[rules[other.rule].promise] if same else "", iterates)


def _trained(c: Checked, choice: Choice) -> str:
    """What is trained first: how large it is, and what its pixels see."""
    word = getattr(choice.solver, "network", None)
    if not isinstance(word, Learned):
        return ""
    facts = network_facts(word.network, planes(next(iter(c.problem.unknowns.values()))))
    return f"; `{word.network.word}` is trained first: {', '.join(facts)}"


def step_lines(c: Checked, choice: Choice) -> list[StepLine]:
    """The numbers that are found: the weight of a prior, and those the algorithm needs."""
    return [*_weight_line(c), *_strength_lines(c, choice), *_algorithm_lines(c, choice)]


def _strength_lines(c: Checked, choice: Choice) -> list[StepLine]:
    """How strong a denoiser acts, and what follows from it."""
    solver, term = choice.solver, next(iter(c.problem.denoisers), None)
    if term is None or not isinstance(solver, Plugged) or solver.sigma is None:
        return []
    least, most = solver.strengths(getattr(solver, "iterations", 1)) or (0.0, 0.0)
    facts = facts_of(term)
    if least != most:
        lines = [StepLine("sigma", None, f"{number(least)} to {number(most)} along its schedule")]
    else:
        lines = [StepLine("sigma", least, f"strength of the denoiser of {term.label}")]
    if not facts.red and solver.word in ("admm", "hqs", "pdhg"):
        name, power = ("tau", -1) if solver.word == "pdhg" else ("rho", 1)
        ends = sorted((facts.weight / s**2) ** power for s in (least, most))
        same = f"{'weight / sigma^2' if power == 1 else 'sigma^2 / weight'}"
        value = ends[0] if least == most else None
        lines.append(StepLine(name, value, same if value else f"{same}: {number(ends[0])} to {number(ends[1])}"))
    return lines


def _weight_line(c: Checked) -> list[StepLine]:
    prior = next(iter(found_priors(c)), None)
    if prior is None or prior.rule is None:
        return []
    bare = prior.rule_span is not None and prior.rule_span.text == "auto"
    why = f"found at run by `{prior.rule.word}`"
    return [StepLine("weight", None, why + (", which `auto` takes for this noise" if bare else ""))]


def _algorithm_lines(c: Checked, choice: Choice) -> list[StepLine]:
    """What the algorithm needs, analytic where all norms are known."""
    name = choice.solver.word
    given = getattr(choice.solver, "step", None)
    if name in STEPPED:
        if isinstance(given, float):
            return [StepLine("step", given, "given")]
        if given == "backtracking":
            return [StepLine("step", None, "found at run, by backtracking")]
        lipschitz = _lipschitz(c)
        if lipschitz.value is None:
            return [lipschitz, StepLine("step", None, AT_RUN)]
        if getattr(choice.solver, "momentum", None) == "auto":
            return [
                lipschitz,
                StepLine("step", None, f"{AT_RUN}, from the least eigenvalue of the normal matrix and L"),
            ]
        momentum = getattr(choice.solver, "momentum", 0.0)
        top = (1 + momentum**0.5) ** 2
        return [
            lipschitz,
            StepLine("step", top / lipschitz.value, "(1 + sqrt(momentum))^2 / L" if momentum else "1 / L"),
        ]
    if name in ("admm", "hqs", "pdhg") and any(not facts_of(t).red for t in c.problem.denoisers):
        return []  # they follow from the strength
    if name == "admm":
        rho = getattr(choice.solver, "rho", None)
        if isinstance(rho, float):
            return [StepLine("rho", rho, "given")]
        return [StepLine("rho", None, "balances the residuals at run")]
    if isinstance(choice.solver, InBlocks):
        return _block_lines(c, choice.solver)
    if name == "hqs":
        return [StepLine("rho", None, "grows at run" if choice.solver.rho == "auto" else "as given")]  # type: ignore[attr-defined]
    if name == "pdhg":
        split = [x for x in c.problem.terms if not x.plain]
        norms = [x.operator.norm.value for x in split]
        if split and None not in norms:
            squares = sum(n * n for n in norms if n is not None)
            why = f"tau sigma |K|^2 <= 1 with |K|^2 <= {number(squares)}"
        else:
            why = f"tau sigma |K|^2 <= 1, |K| {AT_RUN}"
        why += "; below 4 / 3 in the first iterations where it is accelerated"
        return [StepLine("tau, sigma", None, why)]
    return []


def _block_lines(c: Checked, solver: InBlocks) -> list[StepLine]:
    """How many blocks each measurement is cut into, and along which axis."""
    lines = []
    for term in c.problem.data:
        axis = solver.cut_along(term)
        size = next((a.size for a in next(iter(term.blocks.values())).codomain.axes if a.name == axis), None)
        given = getattr(solver, "blocks", "auto")
        count = given if isinstance(given, int) else size
        lines.append(StepLine("blocks", count, f"along {axis} of {term.label}"))
    return lines


def _lipschitz(c: Checked) -> StepLine:
    """L of the smooth part: the sum of lipschitz |K|^2, where all of them are numbers."""
    smooth: list[TermFacts] = [x for x in c.problem.terms if x.function.smooth]
    total, exact, parts = 0.0, len(smooth) == 1, []
    for term in smooth:
        norm = term.operator.norm
        curvature = term.function.lipschitz
        if not isinstance(curvature, (int, float)) or norm.value is None:
            return StepLine("L", None, AT_RUN)
        total += curvature * norm.value**2
        exact = exact and norm.exact
        parts.append(f"{number(curvature)} |A|^2, |A| {'=' if norm.exact else '<='} {number(norm.value)}")
    if not total:
        return StepLine("L", None, "the smooth part is zero")
    return StepLine("L", total, ("" if exact else "at most: ") + " + ".join(parts))


def memory(c: Checked, choice: Choice, precision: str) -> Memory:
    """What one row takes at a precision of `float32` or `float64`."""
    real = 8 if precision == "float64" else 4

    def bytes_of(spaces: list[Space]) -> int | None:
        counts = [s.count for s in spaces]
        if any(n is None for n in counts):
            return None
        return sum((n or 0) * real * (2 if s.field == "complex" else 1) for n, s in zip(counts, spaces, strict=True))

    unknown = bytes_of(list(c.problem.unknowns.values()))
    measured = bytes_of([m.space for m in c.measurements.values()])
    if choice.solver.word == "network":
        return Memory(unknown, measured, None, "what the layers of the network hold")
    if choice.solver.word not in COPIES:
        return Memory(unknown, measured, None, "not known for this solver")
    copies, split = COPIES[choice.solver.word]
    rough = [p.codomain for x in c.problem.terms if not x.function.quadratic for p in x.blocks.values()]
    dual = bytes_of(rough) if split else 0
    if choice.solver.word == "omp":  # which keeps a column of A^H A for each coefficient that it chose
        copies += allowed(c.problem)
    state = None if unknown is None or dual is None else copies * unknown + split * dual
    why = f"{copies} x the unknown" + (f" + {split} x each term that is split off" if split and rough else "")
    return Memory(unknown, measured, state, why)
