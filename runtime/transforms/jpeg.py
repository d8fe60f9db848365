"""The lossy part of JPEG: cosine coefficients of 8 x 8 blocks, rounded to multiples of a table of steps.

The orthonormal cosine transform is the one of the standard. The table is the luminance table of its annex K, scaled by
the rule of the Independent JPEG Group, so that files of most programs have it. Wallace 1992.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .cosine import block_cosine_forward, block_cosine_inverse

BLOCK = 8
MIDDLE = 128.0
"""Grey, which is subtracted before the transform."""

_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def quantisation(quality: int) -> Tensor:
    """The steps at a quality of 1..100, [8, 8] in float64: row and column are the vertical and horizontal frequency.

    Raises ValueError for another quality.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"a JPEG quality lies in 1..100, not {quality}")
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    table = torch.tensor(_LUMINANCE, dtype=torch.float64)
    return torch.floor((table * percent + 50) / 100).clamp(1, 255)


def levels(grey: Tensor, table: Tensor) -> Tensor:
    """The whole numbers that a file stores: coefficients of `grey` (0..255, [..., rows, cols]) over their steps."""
    coefficients = block_cosine_forward(grey - MIDDLE, BLOCK)
    return torch.round(coefficients / _tiled(table, grey))


def decoded(kept: Tensor, table: Tensor) -> Tensor:
    """The picture of stored numbers on the scale 0..255, neither rounded nor cut."""
    return block_cosine_inverse(kept * _tiled(table, kept), BLOCK) + MIDDLE


def compressed(picture: Tensor, quality: int) -> Tensor:
    """A picture with values in 0..1 after coding and decoding, in 256 grey levels, of any extents.

    [..., rows, cols]; incomplete blocks are filled up with copies of the last row and column, as encoders do. Channels
    are coded one by one.
    """
    rows, cols = picture.shape[-2:]
    index = [torch.arange(n + -n % BLOCK, device=picture.device).clamp(max=n - 1) for n in (rows, cols)]
    grey = 255 * picture[..., index[0][:, None], index[1]]
    table = quantisation(quality).to(grey)
    out = decoded(levels(torch.round(grey.clamp(0, 255)), table), table)[..., :rows, :cols]
    return torch.round(out).clamp(0, 255) / 255


def _tiled(table: Tensor, like: Tensor) -> Tensor:
    return table.repeat(like.shape[-2] // BLOCK, like.shape[-1] // BLOCK)
