"""Which solver reaches a page's minimum in the least work: what the table of rules rests on.

For every convex problem of the gallery, at a small size, each solver that fits runs for a while; printed is the
processor time in milliseconds, and the iterations, until the objective is within 1e-3 and 1e-4 of the least one that
any of them found. A star marks what the table chooses.

    python benchmarks/defaults.py [PAGE ...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch
from recon.dsl.check.page import load
from recon.dsl.check.rules import choose, misfit_of
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.solver import Solver
from recon.dsl.syntax.parse import parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary import solvers as words
from recon.runtime.data.files import DataError
from recon.runtime.experiment.compile import compile_problem
from recon.runtime.experiment.gather import batches, build_for, data_sets, pose
from recon.runtime.loop import Diverged, appraise
from recon.runtime.meaning import meaning
from recon.runtime.problem import Problem

SPECS = Path(__file__).parents[1] / "specs"
SMALL = {"n": "96", "views": "40", "side": "24", "frames": "6", "scan": "1s"}
CANDIDATES = [w.model_validate({}) for w in (words.Cg, words.Fista, words.Pdhg, words.Admm)]
SECONDS, MOST = 2.0, 2000
"""Processor seconds and iterations of each run."""


def traced(word: Solver, problem: Problem) -> list[tuple[float, int, float, float]]:
    """(seconds, iteration, objective, violation) along a run."""
    out = []
    with torch.no_grad():
        begin, paused = time.process_time(), 0.0
        algorithm: Any = meaning(word)(word, problem)
        state = algorithm.init()
        for k in range(1, MOST + 1):
            state = algorithm.step(state, algorithm.knobs(k))
            if k % 5 == 0 or k == 1:
                now = time.process_time()
                objective, violation = appraise(problem, algorithm.estimate(state))
                out.append((now - begin - paused, k, float(objective.sum()), float(violation.max())))
                paused += time.process_time() - now
                if out[-1][0] > SECONDS:
                    break
    return out


def reached(run: list[tuple[float, int, float, float]], best: float, scale: float, goal: float) -> str:
    """When the objective is within `goal` of the best, and the estimate within it of the constraints, for good."""
    last = None
    for seconds, k, objective, violation in reversed(run):
        if objective > best + goal * scale or violation > goal:
            break
        last = seconds, k
    return "-" if last is None else f"{last[0] * 1e3:.0f} ms/{last[1]}"


def page(path: Path) -> None:
    text = path.read_text()
    settings = [(k, parse_expression(Source("--set", v))) for k, v in SMALL.items() if f"param {k} " in text]
    try:
        checked = load(text, path.name, path.parent, settings)
    except SpecError as e:
        print(path, "does not check small:", e.diagnostics[0].message)
        return
    build = build_for(checked.experiment, torch.device("cpu"))
    for name, method in checked.methods.items():
        if method.problem.coupled or not all(t.function.convex for t in method.problem.terms):
            continue
        if checked.choices[name].solver.role == "direct" and not method.problem.priors:
            continue
        try:
            batch = next(batches(checked, data_sets(checked.experiment)[0], path.parent, build, []))
            posed = pose(checked, name, data_sets(checked.experiment)[0], batch, build)
            problem = compile_problem(posed.method, posed.measured, posed.build).problem
            choice, _ = choose(posed.method.problem, None, None)
        except (SpecError, DataError, ValueError) as e:
            print(f"{path.parent.name}/{path.stem} {name}: {str(e)[:80]}")
            continue
        runs = {}
        for word in CANDIDATES:
            if misfit_of(word, posed.method.problem) is None:
                try:
                    runs[word.word] = traced(word, problem)
                except (Diverged, ValueError, NotImplementedError) as e:
                    print(f"   {word.word}: {str(e)[:80]}")
        feasible = [r[2] for run in runs.values() for r in run if r[3] <= 1e-3]
        if not feasible:
            continue
        best = min(feasible)
        scale = max(abs(best), 1e-12)
        print(f"{path.parent.name}/{path.stem} {name}  (rule {choice.rule})")
        for solver, run in runs.items():
            star = "*" if solver == choice.solver.word else " "
            each = run[-1][0] / run[-1][1] * 1e3
            print(
                f"  {star} {solver:6s} {each:6.2f} ms an iteration   1e-3: {reached(run, best, scale, 1e-3):14s}"
                f" 1e-4: {reached(run, best, scale, 1e-4)}"
            )
        sys.stdout.flush()


def main() -> None:
    torch.set_num_threads(1)
    for path in [Path(p) for p in sys.argv[1:]] or sorted(SPECS.rglob("*.recon")):
        page(path)


if __name__ == "__main__":
    main()
