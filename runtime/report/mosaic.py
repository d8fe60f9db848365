"""Many small images as one picture."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt


def mosaic(images: npt.NDArray[Any], gap: int = 1) -> npt.NDArray[np.float64]:
    """Small images [k, h, w] side by side in a near square, each brought to 0..1 by itself (0.5 where it is constant).

    The gaps between them, `gap` pixels wide, and places left over are NaN, which is shown as background.
    """
    count, height, width = images.shape
    columns = ceil(sqrt(count * height / width))
    rows = ceil(count / columns)
    low, high = (f(images, axis=(1, 2), keepdims=True).astype(np.float64) for f in (np.min, np.max))
    spread = np.where(high > low, high - low, 1.0)
    scaled = np.where(high > low, (images - low) / spread, 0.5)
    out = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for k, image in enumerate(scaled):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        out[top : top + height, left : left + width] = image
    return out
