"""Peers imported for benchmarks, and how things are timed.

deepinv imports torchvision, whose wheel is built for CUDA: beside a CPU build of torch its import dies for want of two
operators. They are declared here first, without a meaning, since no benchmark calls them.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from types import ModuleType

import torch

_kept: list[torch.library.Library] = []


def peer(name: str) -> ModuleType | None:
    """The module of a peer, or None with a line that says why it is not to be had."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as e:
        if "torchvision::nms" in str(e):
            _declare_torchvision()
            try:
                return importlib.import_module(name)
            except (ImportError, RuntimeError) as again:
                e = again
        print(f"{name}: not to be had here ({str(e).splitlines()[0][:100]})")
        return None


def _declare_torchvision() -> None:
    for module in [m for m in sys.modules if m.split(".")[0] in ("torchvision", "timm", "deepinv")]:
        del sys.modules[module]
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest duration of `work` after one call to warm up: the call that other programs disturbed least."""
    durations = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return 1e3 * min(durations[1:])


def table(title: str, rows: list[tuple[str, float]]) -> None:
    """Print milliseconds and ratios to the first row, which is ours."""
    print(title)
    ours = rows[0][1]
    for name, value in rows:
        print(f"  {name:<42} {value:10.2f} ms   {value / ours:7.2f} x")
