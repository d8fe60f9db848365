"""torchmetrics, which imports torchvision: its CUDA wheel wants two operators that a CPU build of torch has not."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch


def functional_image() -> Any:
    """The module `torchmetrics.functional.image`."""
    try:
        return importlib.import_module("torchmetrics.functional.image")
    except RuntimeError:
        for name in [n for n in sys.modules if n.split(".")[0] in ("torchvision", "torchmetrics")]:
            del sys.modules[name]
    _kept.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchmetrics.functional.image")


_kept = torch.library.Library("torchvision", "FRAGMENT")  # declarations last as long as the library
