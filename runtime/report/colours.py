"""Colours of scalar pictures, and 8-bit PNG files of arrays."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt

from .display import Map, Shown, in_unit_range

Bytes = npt.NDArray[np.uint8]

# matplotlib's names: errors sequential and far from grey, phases cyclic
MAPS: dict[Map, str] = {"grey": "gray", "error": "inferno", "phase": "twilight"}
NOT_FINITE = (86, 130, 178)  # a blue that is in neither grey nor inferno


@cache
def lookup(name: Map) -> Bytes:
    """The 256 colours of a scalar map, lowest first. Shape [256, 3]."""
    from matplotlib import colormaps  # costs a noticeable part of a second, so only where a picture is drawn

    # rounded here: matplotlib's own bytes are truncated, so that its grey level 33 would be 32
    table: Bytes = np.rint(255 * colormaps[MAPS[name]](np.arange(256))[:, :3]).astype(np.uint8)
    table.setflags(write=False)  # it is handed to all callers
    return table


def pixels(seen: Shown) -> Bytes:
    """8-bit colours of an image, [H, W, 3]; what is not finite is blue."""
    levels = in_unit_range(seen)
    missing = np.isnan(levels)
    index: Bytes = np.rint(255 * np.where(missing, 0.0, levels)).astype(np.uint8)
    if seen.map == "colour":
        index[missing.any(axis=-1)] = NOT_FINITE
        return index
    coloured: Bytes = lookup(seen.map)[index]
    coloured[missing] = NOT_FINITE
    return coloured


def grey(seen: Shown) -> Bytes:
    """8-bit grey levels of an image, [H, W]; what is not finite is black."""
    return np.rint(255 * np.nan_to_num(in_unit_range(seen), nan=0.0)).astype(np.uint8)


def encode_png(image: Bytes) -> bytes:
    """A PNG file of grey levels [H, W] or colours [H, W, 3], without any metadata."""
    from PIL import Image

    if image.ndim == 3 and (image == image[:, :, :1]).all():
        image = image[:, :, 0]  # a third of the bytes
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(out, format="PNG")
    return out.getvalue()
