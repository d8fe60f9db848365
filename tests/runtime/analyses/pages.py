"""Operators and findings of small pages, for the tests of analyses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.check.page import load
from recon.dsl.model.place import place_towards
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.run import RunResult, run_page
from recon.runtime.operators.base import Operator, dtype_of

DOUBLE = Build(real=torch.float64, seed=5)


def operator(text: str, unknown: str) -> Operator:
    """The operator that `text` means on the unknown, in double precision."""
    lines = f"recon 1\nunknown x : {unknown}\nforward A = {text}\nnoise y ~ gaussian(x, sigma = 1)\nprior sq(x)\n"
    checked = load(lines, "page.recon", Path()).methods[""]
    return build_operator(place_towards(checked.formulation.operators["A"], checked.problem.unknowns["x"]), DOUBLE)


def matrix_of(a: Operator) -> NDArray[Any]:
    """Its matrix, column by column; [Re; Im] where real numbers become complex ones."""
    n = a.domain.count or 0
    unit = torch.eye(n, dtype=dtype_of(a.domain, torch.float64)).reshape(n, *a.domain.sizes)
    dense: NDArray[Any] = a.forward(unit).reshape(n, -1).numpy().T
    if a.domain.field == "real" and np.iscomplexobj(dense):
        return np.concatenate([dense.real, dense.imag])
    return dense


def run(lines: str, out: Path) -> tuple[RunResult, dict[str, Any]]:
    """A page of these lines run, with its `metrics.json`."""
    result = run_page(parse(Source("page.recon", f"recon 1\n{lines}\n")), out.parent, [], out=out, device="cpu")
    return result, json.loads((result.folder / "metrics.json").read_text())
