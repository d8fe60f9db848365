"""The cells of an experiment: each combination of swept values is a page of its own, checked before any runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recon.dsl.check.page import CheckedExperiment, check, check_cell
from recon.dsl.diagnostics import Findings
from recon.dsl.elaborate.page import elaborate
from recon.dsl.syntax.tree import Expr, Page

LARGEST_SWEEP = 10_000


@dataclass(frozen=True)
class Cell:
    """One combination: path -> label, and the page with these values in place."""

    labels: dict[str, str]
    checked: CheckedExperiment


def cells(page: Page, folder: Path, overrides: Sequence[tuple[str, Expr]]) -> list[Cell]:
    """All cells, in the order of the page with the last axis fastest. Raises SpecError if any of them has an error."""
    findings = Findings()
    base = check(elaborate(page, folder, findings, overrides), findings)
    axes = base.experiment.sweeps
    if not axes:
        return [Cell({}, base)]
    out: list[Cell] = []
    for values in itertools.product(*(range(len(a.values)) for a in axes)):
        if len(out) >= LARGEST_SWEEP:
            raise ValueError(f"this sweep has more than {LARGEST_SWEEP} cells")
        here = [(a.path, a.values[i]) for a, i in zip(axes, values, strict=True)]
        labels = {a.path: a.labels[i] for a, i in zip(axes, values, strict=True)}
        out.append(Cell(labels, check_cell(page, folder, overrides, here)))
    return out
