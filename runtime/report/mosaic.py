"""Many small images as one picture."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from .content import Picture

GAP = 1
"""Pixels between two images, which are not numbers and so are shown as background."""


def mosaic(title: str, images: npt.NDArray[Any]) -> Picture:
    """Small images [k, h, w] in about a square, each brought to 0..1 by itself; one that is constant is 1/2."""
    count, height, width = images.shape
    columns = ceil(sqrt(count * height / width))
    rows = ceil(count / columns)
    low, high = images.min((1, 2), keepdims=True), images.max((1, 2), keepdims=True)
    flat = high == low
    scaled = np.where(flat, 0.5, (images - low) / np.where(flat, 1, high - low))
    out = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan)
    for k, image in enumerate(scaled):
        top, left = k // columns * (height + GAP), k % columns * (width + GAP)
        out[top : top + height, left : left + width] = image
    return Picture(
        title, out, limits=(0.0, 1.0), note=f"{count} images of {height} x {width}, each on a scale of its own"
    )
