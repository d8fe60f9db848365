"""From an array to what is seen of it: which slice, magnitude or logarithm, how many pixels, on which scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .content import Picture
from .film import film
from .tables import number

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

LARGEST = 512  # most pixels shown along an axis of a report's picture
DECADES = 5.0  # most decades below its maximum that a logarithmic picture spans
# largest over median magnitude above which a complex measurement is shown as logarithm: Gaussian noise stays below 10,
# k-space of an image lies above 50; intensities are squares of magnitudes
HIGH_DYNAMIC_RANGE = 30.0

# axes along which a pixel is as long as along its neighbour, so that pictures keep their proportions
POSITIONS = frozenset({"z", "row", "col", "x", "y", "kx", "ky", "kz", "channel", ""})

Map = Literal["grey", "error", "phase", "colour", "line"]


@dataclass(frozen=True, eq=False)
class Shown:
    """What is seen of a picture.

    values: [H, W], for colour [H, W, 3], for a line [n]; float64; NaN where there is no finite value.
    map: how values become colours.
    limits: ends of the scale, lowest < highest.
    quantity: what the values are where that is not plain, e.g. "log₁₀ magnitude".
    labels: names of the vertical and horizontal axis where they are worth saying, else two empty strings.
    stretched: the two axes have no common scale.
    notes: sentences that say what was done.
    """

    values: Floats
    map: Map
    limits: tuple[float, float]
    quantity: str
    labels: tuple[str, str]
    stretched: bool
    notes: tuple[str, ...]


def shown(picture: Picture, largest: int | None = None) -> Shown:
    """What is seen of `picture`, with at most `largest` pixels along each axis (None: all of them).

    Larger images are averaged over blocks of k x k pixels. The notes say which slice, quantity and block it is, how
    many values are not finite, and how many pixels lie outside the scale.
    """
    plane, labels, notes = _plane(picture)
    colour, line = plane.ndim == 3, plane.ndim == 1
    stretched = not (colour or line) and _stretched(picture, plane.shape)
    values, quantity, logarithmic, how = _real(picture, plane)
    notes += how
    bad = int(np.size(values) - np.count_nonzero(np.isfinite(values)))
    if bad:
        notes.append(f"{bad} value{'s are' if bad > 1 else ' is'} not finite")
        values = np.where(np.isfinite(values), values, np.nan)
    if largest is not None and not line:
        values, how = _shrink(values, largest, stretched)
        notes += how
    if logarithmic:
        values = _log10(values)
    limits = picture.limits if picture.limits is not None else _own_limits(picture, values, logarithmic)
    if logarithmic:  # -inf, the logarithm of an exact zero, is the darkest value and not a missing one
        values = np.maximum(values, limits[0])
    if not line:
        notes += _outside(values, limits)
    map_: Map = "line" if line else "colour" if colour else "error" if picture.role == "error" else "grey"
    if picture.show == "phase" and map_ == "grey":
        map_ = "phase"
    return Shown(values, map_, _widened(limits), quantity, labels, stretched, tuple(notes))


def share_limits(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures with their limits filled in, so that what is compared is drawn on one scale.

    truth             lowest to highest value (0 to highest for a magnitude)
    estimate, adjoint the limits of the truth before it, or of the first truth; without a truth, of the first estimate.
                      An adjoint of which more than half of the pixels lie outside keeps its own scale, with a note:
                      A^H y has not the scale of x in general.
    error             0 to the largest 99.9% quantile of all errors, but not above the span of the truth: an error map
                      of a reconstruction that diverged saturates instead of hiding the others
    measurement, other: their own limits
    Only pictures of the same unit share. Limits that are set stay; lines and phases have none to share.
    """
    ranges = {i: displayed_range(p) for i, p in enumerate(pictures) if p.role != "measurement"}
    anchors: dict[str, list[int]] = {}
    for role in ("truth", "estimate"):
        for unit in {p.unit for p in pictures} - anchors.keys():
            found = [i for i, p in enumerate(pictures) if p.role == role and p.unit == unit]
            found = [i for i in found if pictures[i].show != "phase" and pictures[i].array.ndim > 1]
            if found:
                anchors[unit] = found if role == "truth" else found[:1]
    error_limits = {
        unit: _error_limits(
            [p for p in pictures if p.role == "error" and p.unit == unit],
            [ranges[i] for i in anchors.get(unit, []) if pictures[i].role == "truth"],
        )
        for unit in {p.unit for p in pictures if p.role == "error"}
    }
    out = []
    for i, p in enumerate(pictures):
        before = [k for k in anchors.get(p.unit, []) if k <= i] or anchors.get(p.unit, [])[:1]
        if p.limits is not None or p.role in ("measurement", "other") or p.show == "phase" or p.array.ndim == 1:
            out.append(p)
        elif p.role == "error":
            out.append(replace(p, limits=error_limits[p.unit]))
        elif not before:
            out.append(replace(p, limits=ranges[i]))
        else:
            anchor = pictures[before[-1]]
            limits = anchor.limits if anchor.limits is not None else ranges[before[-1]]
            if p.role == "adjoint" and _fraction_outside(shown(replace(p, limits=limits)).values, limits) > 0.5:
                p = replace(p, note=" ".join([p.note, "On a grey scale of its own."]).strip())
                limits = ranges[i]
            out.append(replace(p, limits=limits))
    return out


def displayed_range(picture: Picture) -> tuple[float, float]:
    """Lowest and highest displayed value of a picture at full size; (0, highest) for magnitudes, (0, 1) without any."""
    return shown(replace(picture, limits=None)).limits


def in_unit_range(seen: Shown) -> Floats:
    """The displayed values mapped to [0, 1], values outside the limits clipped; NaN stays NaN."""
    low, high = seen.limits
    # halves first: the span of limits such as +-1e308 is not a float
    return np.clip((seen.values / 2 - low / 2) / (high / 2 - low / 2), 0.0, 1.0)


# --- steps


def _plane(picture: Picture) -> tuple[Array, tuple[str, str], list[str]]:
    """The line, image or colour image ([H, W, 3]) that is shown of an array, with the names of its axes."""
    array, names = picture.array, list(picture.axes) or [""] * picture.array.ndim
    colour = (
        array.ndim >= 3
        and array.shape[-3] == 3
        and array.dtype.kind != "c"
        and picture.role != "error"
        and names[-3] in ("channel", "")
    )
    moving = not colour and array.size > 0 and _moves(picture)
    if moving:
        array, names = np.moveaxis(array, names.index("frame"), -3), [n for n in names if n != "frame"]
        names.insert(-2, "frame")
    notes, kept = [], 3 if colour or moving else 2
    while array.ndim > kept:
        count, middle = array.shape[0], array.shape[0] // 2
        if count > 1:
            along = f" along {names[0]}" if names[0] else ""
            notes.append(f"slice {middle} of 0 to {count - 1}{along}")
        array, names = (array[middle] if count else array.reshape((*array.shape[1:-1], 0))), names[1:]
    if colour:
        array, names = np.moveaxis(array, 0, -1), names[1:]
    if moving:
        array, note = film(array)
        names, notes = names[1:], [*notes, note]
    if array.size == 0:
        array, notes = np.full((1, 1), np.nan), [f"an empty array of shape {tuple(picture.array.shape)}"]
    spoken = ["" if name in POSITIONS else name for name in names]
    return array, (spoken[0] if len(spoken) > 1 else "", spoken[-1]), notes


def _moves(picture: Picture) -> bool:
    """Whether it is a film: images or volumes with an axis of frames, which a measurement's pictures are not."""
    frames = picture.axes.index("frame") if "frame" in picture.axes else 0
    positions = POSITIONS.issuperset(picture.axes[-2:])
    return (
        "frame" in picture.axes[:-2] and picture.array.shape[frames] > 1 and positions and picture.role != "measurement"
    )


def _stretched(picture: Picture, shape: tuple[int, ...]) -> bool:
    if picture.axes:
        return not POSITIONS.issuperset(picture.axes[-2:])
    return picture.role == "measurement" and max(shape) > 3 * min(shape)


def _real(picture: Picture, plane: Array) -> tuple[Floats, str, bool, list[str]]:
    """Real values of a plane, what they are, whether their logarithm is shown, and the notes on it."""
    is_complex = plane.dtype.kind == "c"
    if picture.show == "phase":
        return np.angle(plane.astype(np.complex128)), "radians", False, []
    if picture.role == "error":
        return np.abs(_wide(plane)), "absolute value", False, []
    values: Floats = np.abs(_wide(plane)) if is_complex else _wide(plane)
    if picture.show == "log" or (picture.show == "auto" and _high_dynamic_range(picture, values, is_complex)):
        what = "magnitude" if is_complex or (values < 0).any() else "value"
        return np.abs(values), f"log₁₀ {what}", True, [f"logarithm of the {what}; zeros are black"]
    return values, "magnitude" if is_complex else "", False, []


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _high_dynamic_range(picture: Picture, values: Floats, is_complex: bool) -> bool:
    """Whether a measurement is like k-space: some values tower above the typical one that is not zero."""
    if picture.role != "measurement" or values.ndim != 2 or not (is_complex or (values >= 0).all()):
        return False
    present = values[np.isfinite(values) & (values > 0)]
    ratio = HIGH_DYNAMIC_RANGE if is_complex else HIGH_DYNAMIC_RANGE**2
    return present.size > 0 and float(present.max()) > ratio * float(np.median(present))


def _shrink(values: Floats, largest: int, stretched: bool) -> tuple[Floats, list[str]]:
    """Block means with at most `largest` values along each of the first two axes; a block's NaN are left out."""
    height, width = values.shape[:2]
    rows, cols = math.ceil(height / largest), math.ceil(width / largest)
    if not stretched:
        rows = cols = max(rows, cols)
    if rows == cols == 1:
        return values, []
    padding = [(0, -height % rows), (0, -width % cols)] + [(0, 0)] * (values.ndim - 2)
    padded = np.pad(values, padding, constant_values=np.nan)
    blocks = padded.reshape(padded.shape[0] // rows, rows, padded.shape[1] // cols, cols, *values.shape[2:])
    here = np.isfinite(blocks)
    count = here.sum(axis=(1, 3))
    mean = np.where(here, blocks, 0.0).sum(axis=(1, 3)) / np.maximum(count, 1)
    small = np.where(count > 0, mean, np.nan)
    return small, [f"{height} × {width} pixels shown as {small.shape[0]} × {small.shape[1]}, means of {rows} × {cols}"]


def _log10(values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log10(values)


def _own_limits(picture: Picture, values: Floats, logarithmic: bool) -> tuple[float, float]:
    if picture.show == "phase":
        return -math.pi, math.pi
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if logarithmic:
        return max(low, high - DECADES), high
    return (0.0 if picture.role == "error" or picture.array.dtype.kind == "c" else low), high


def _widened(limits: tuple[float, float]) -> tuple[float, float]:
    """Limits with a span: those of a constant image have none."""
    low, high = limits
    if high > low:
        return limits
    return (0.0, high) if high > 0 else (low, 0.0) if low < 0 else (0.0, 1.0)


def _error_limits(errors: Sequence[Picture], truths: Sequence[tuple[float, float]]) -> tuple[float, float]:
    tops = [0.0]
    for picture in errors:
        values = shown(picture).values
        finite = values[np.isfinite(values)]
        tops.append(float(np.quantile(finite, 0.999)) if finite.size else 0.0)
    top = max(tops)
    spans = [high - low for low, high in truths]
    return 0.0, min(top, max(spans)) if spans else top


def _fraction_outside(values: Floats, limits: tuple[float, float]) -> float:
    finite = values[np.isfinite(values)]
    slack = 0.01 * (limits[1] - limits[0])  # less than that nobody sees
    outside = (finite < limits[0] - slack) | (finite > limits[1] + slack)
    return float(np.count_nonzero(outside)) / max(finite.size, 1)


def _outside(values: Floats, limits: tuple[float, float]) -> list[str]:
    fraction = _fraction_outside(values, limits)
    low, high = (number(limit) for limit in limits)
    return [f"{100 * fraction:.2g}% of the pixels lie outside the scale {low} to {high}"] if fraction > 0.01 else []
