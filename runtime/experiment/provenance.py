"""What a run should be able to tell later: versions, digests, seeds, device, timings, choices."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from recon.dsl.digest import LARGE, problem_digest, spec_digest, total_bytes
from recon.dsl.model.experiment import DataSet
from recon.dsl.model.fields import FilePath

from .cells import Cell
from .device import device_name
from .execute import Execution

PACKAGES = ("recon-dsl", "torch", "numpy", "scipy", "scikit-image", "PyWavelets", "pydantic", "lark", "h5py")


def manifest(
    cells: list[Cell], execution: Execution, overrides: list[str], device: torch.device, seconds: float, status: str
) -> dict[str, Any]:
    """Everything about a run that is not its result."""
    experiment = cells[0].checked.experiment
    return {
        "experiment": experiment.name,
        "status": status,
        "digests": {
            "spec": spec_digest(experiment),
            "problem": {name or "page": problem_digest(experiment, name) for name in experiment.methods},
        },
        "files": {name: _files(data) for name, data in experiment.data.items() if _paths(data)},
        "set": overrides,
        "seed": experiment.run.seed,
        "device": device_name(device),
        "precision": experiment.run.precision,
        "compiled": experiment.run.compile,
        "threads": execution.work.threads,
        "processes": execution.processes,
        "resumed": execution.resumed,
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}",
        "seconds": {
            "total": round(seconds, 3),
            **{o.folder or "page": round(o.seconds, 3) for o in execution.outcomes},
        },
        "solvers": {
            o.folder or "page": {
                "solver": o.solver,
                "stopped": o.failure or o.stopped,
                "chosen": {name: {"value": value, "why": why} for name, value, why in o.choices},
            }
            for o in execution.outcomes
        },
        "skipped_rows": execution.skipped,
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that results depend on."""
    return {"python": platform.python_version(), **{p: _version(p) for p in PACKAGES}}


def _paths(data: DataSet) -> tuple[FilePath, ...]:
    """The files of a data set: those that its source finds, and those that the page names."""
    named = [getattr(data.source, option) for option in type(data.source).model_fields]
    return (*data.files, *(p for p in named if isinstance(p, FilePath)))


def _files(data: DataSet) -> dict[str, Any]:
    """How many files there are, of how many bytes, and whether digests cover all of them."""
    paths = _paths(data)
    size = total_bytes(paths)
    return {"count": len(paths), "bytes": size, "digest": "whole" if size <= LARGE else "of samples"}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
