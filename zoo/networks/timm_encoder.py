"""Encoders of timm, which is imported here alone and only where one is built: that takes seconds."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch
from torch import Tensor, nn

_kept: list[torch.library.Library] = []
OPTIONS: tuple[dict[str, bool], ...] = ({}, {"dynamic_img_size": True}, {"strict_img_size": False})
"""What some models need for images of other extents than those they were made for; others do not know the options."""


def timm() -> Any:
    """The module timm.

    It imports torchvision, whose wheel may be made for CUDA: beside a CPU build of torch its import dies for want of
    two operators. These are declared then, without a meaning, since no network calls them.
    """
    try:
        return importlib.import_module("timm")
    except RuntimeError as e:
        if "torchvision::" not in str(e):
            raise
    for name in [n for n in sys.modules if n.split(".")[0] in ("torchvision", "timm")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        declared = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(declared)  # type: ignore[no-untyped-call]
    _kept.append(library)  # declarations last as long as the library
    return importlib.import_module("timm")


class Encoder(nn.Module):
    """A model of timm that gives features of an image on several scales; its weights are drawn, never fetched.

    channels: of each scale. pixels: for how many pixels along an axis one of its features stands, finest first. Extents
    are multiples of the last.

    Raises ValueError where it gives none, or takes images of some extents only.
    """

    def __init__(self, name: str, planes: int) -> None:
        super().__init__()
        create = timm().create_model
        for more in OPTIONS:
            options = {"pretrained": False, "features_only": True, "in_chans": planes, **more}
            try:
                with torch.device("meta"):  # a trial that holds no numbers
                    trial = create(name, **options).eval()
                if all(_fits(trial, planes, size) for size in (2, 5)):
                    break
            except (RuntimeError, AssertionError, TypeError, AttributeError, ValueError, IndexError):
                continue  # each model says in its own way that this is not for it
        else:
            raise ValueError(f"`{name}` of timm gives no features on several scales for images of any extents")
        self.model: nn.Module = create(name, **options)
        channels, pixels = trial.feature_info.channels(), trial.feature_info.reduction()
        # Of several features on one scale the last are the deepest.
        self.kept = [i for i, p in enumerate(pixels) if p not in pixels[i + 1 :]]
        self.channels, self.pixels = [channels[i] for i in self.kept], [pixels[i] for i in self.kept]
        self.behind = _features(trial, planes, 2)[-1].shape[1] != channels[-1]

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features [n, channels, rows, cols] on each scale."""
        found = self.model(x)
        return [found[i].movedim(-1, 1) if self.behind else found[i] for i in self.kept]


def _fits(trial: Any, planes: int, size: int) -> bool:
    """Whether the features of an image of `size` by `size` + 1 coarsest pixels have its extents."""
    pixels, channels = trial.feature_info.reduction(), trial.feature_info.channels()
    rows, cols = size * pixels[-1], (size + 1) * pixels[-1]
    found = _features(trial, planes, size)
    layouts = [((c, rows // p, cols // p), (rows // p, cols // p, c)) for c, p in zip(channels, pixels, strict=True)]
    return all(tuple(f.shape[1:]) in shapes for f, shapes in zip(found, layouts, strict=True))


def _features(trial: Any, planes: int, size: int) -> list[Tensor]:
    last = trial.feature_info.reduction()[-1]
    return list(trial(torch.empty(1, planes, size * last, (size + 1) * last, device="meta")))
