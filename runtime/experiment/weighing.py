"""The weights of priors that a page leaves to a rule, found for each row before it is solved.

Rows are searched one at a time, so that the weight of a row does not depend on the rows beside it. What is solved in
the end is the page with the numbers in the place of the rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from recon.dsl.check.formulate import Checked
from recon.dsl.check.page import CheckedExperiment
from recon.dsl.check.weights import found_priors
from recon.dsl.digest import digest_of
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.terms import Prior, Statistic, Within, everything
from recon.dsl.vocabulary.weights import Validation
from torch import Tensor

from ..algorithms.base import Step
from ..build import Build
from ..functionals.base import Scalar
from ..meaning import meaning
from ..tuning.search import Found
from ..tuning.weights import Family
from .compile import Compiled, compile_problem
from .gather import pose
from .rows import RowReader
from .solve import started

Tick = Callable[[int, float], None]
"""(solves so far, weight) at every weight that is tried."""


@dataclass(frozen=True)
class Weights:
    """The weights that were found, one a row; how, and what is wrong with them."""

    values: list[float]
    rule: str
    notes: list[str]

    def choices(self) -> list[Step]:
        """For the trace: the weight of the first row."""
        each = ", of the first row" if len(self.values) > 1 else ""
        return [Step("weight", self.values[0], f"found by `{self.rule}`{each}")]


@dataclass(frozen=True)
class Weighing:
    """Finds the weights of one method of a page."""

    checked: CheckedExperiment
    name: str
    folder: Path
    tick: Tick

    def weighed(
        self, method: Checked, compiled: Compiled, measured: dict[str, Tensor], build: Build
    ) -> tuple[Compiled, Weights | None]:
        """The problem of a batch with the weights found; as it is where the page gives them."""
        priors = found_priors(method)
        if not priors:
            return compiled, None
        rule = priors[0].rule
        assert rule is not None
        rows = compiled.problem.rows
        found = [self._validated(rule, build)] * rows if isinstance(rule, Validation) else []
        for i in range(rows if not found else 0):
            row = {k: v[i : i + 1] for k, v in measured.items()}
            alone = compiled if rows == 1 else compile_problem(method, row, build, compiled.parts)
            found.append(meaning(rule)(rule, self._family(alone, build)))
        factors = [math.exp(f.t) for f in found]
        weight: Scalar = torch.tensor(factors, dtype=build.real, device=build.device)
        if len(set(factors)) == 1:
            weight = factors[0]
        number = next(p.weight for p in priors if not isinstance(p.energy, Within))
        notes = [f"weight of row {i + 1}: {f.note}" for i, f in enumerate(found) if f.note]
        return compiled.weighed(weight, build), Weights([number * f for f in factors], rule.word, notes)

    def _family(self, compiled: Compiled, build: Build) -> Family:
        """The problems of one row, by the weight."""
        solver = self.checked.choices[self.name].solver
        begun = replace(compiled, problem=started(solver, compiled.problem))
        return Family(solver, lambda w: begun.weighed(w, build).problem, tuple(begun.found), self.tick)

    def _validated(self, rule: Validation, build: Build) -> Found:
        """The weight that is best for all rows of the validation data, found once for all who share."""
        experiment = self.checked.experiment
        stated = experiment.methods[self.name], self.checked.choices[self.name].solver, experiment.data[rule.data.name]
        if build.shared is None:
            return self._validate(rule, build)
        key = digest_of(["validation", *stated, experiment.simulate, experiment.run.seed, str(build.real)])
        return build.shared.take(key, lambda: self._validate(rule, build), lambda found: 1)

    def _validate(self, rule: Validation, build: Build) -> Found:
        data = self.checked.experiment.data[rule.data.name]
        families, truths = [], []
        for batch in RowReader(data, self.checked.makers[self.name], self.folder, build, one_by_one=True).batches():
            posed = pose(self.checked, self.name, data, batch, build)
            compiled = compile_problem(posed.method, posed.measured, posed.build)
            families.append(self._family(compiled, posed.build))
            truths.append(compiled.layout.join({k: posed.truths[k] for k in posed.method.problem.unknowns}))
        found = meaning(rule)(rule, families, truths)
        assert isinstance(found, Found)
        return found


def weight_column(
    experiment: Experiment, method: Checked, weights: Weights | None, rows: int
) -> dict[str, list[float]]:
    """The column `weight`, a number for each row, on pages that find one or speak of it: in nats, that of the first
    prior that has one."""
    ruled = any(p.rule is not None for f in experiment.methods.values() for p in f.priors)
    spoken = [term for word in experiment.views for term in everything(word)]
    spoken += [claim.measure for claim in experiment.claims]
    if not ruled and not any(isinstance(s, Statistic) and s.metric == "weight" for s in spoken):
        return {}
    if weights is not None:
        return {"weight": weights.values}
    stated: Prior | None = next((p for p, _ in method.prior_terms if not isinstance(p.energy, Within)), None)
    return {} if stated is None else {"weight": [stated.weight] * rows}
