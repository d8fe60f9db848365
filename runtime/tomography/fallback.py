"""Joseph's projector in torch, for devices and machines where the C++ kernels do not run.

The discretisation is the `lines` table of `ParallelBeam`; the sums differ from the C++ kernels by rounding only.

A ray meets line i at the place (start + slope * i) + step * d. Both terms are split into whole pixels and the rest,
n_i + f_i and m_d + g_d, so that f + g lies in [0, 2) and the ray reads between the pixels n_i + m_d + (0, 1, 2):

    left + min(f + g, 1) * rise + max(f + g - 1, 0) * next rise.

With the detectors laid out by m, at most a few to a cell, a line differs from another by its shift n_i alone. What lies
at random places for single pixels is thus read in whole runs, and memory moves as in a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Table = npt.NDArray[np.float64]
# Of one temporary tensor, some five of which are alive at once: on the CPU they stay in the cache; elsewhere they are
# large, so that few kernels are launched.
BLOCK_BYTES_CPU, BLOCK_BYTES = 530_000, 20_000_000
VIEWS = 64  # whose detectors are laid out at a time


def project(images: Tensor, shape: tuple[int, int], detectors: int, table: Table) -> Tensor:
    """Line integrals of real [B, H, W]: [B, V, D]; what the forward kernel of joseph.cpp computes."""
    result = images.new_zeros(len(images), len(table), detectors)
    for turned, views in _sides(table):
        for start, strip in _strips(images.mT if turned else images):
            lines, width = strip.shape[1:]
            margin = lines + 6  # lines are shifted by at most their number, and read a few pixels beyond
            padded = torch.nn.functional.pad(strip, (margin, margin + 1))
            left, rise = padded[..., :-1].flatten(1), padded.diff(dim=-1).flatten(1)
            origin = np.arange(lines) * (width + 2 * margin) + margin - 3
            for some in _chunks(views):
                cells = _cells(table[some], start, lines, width, detectors, images)
                first = torch.as_tensor(origin - cells.shift, device=images.device)
                sums = images.new_empty(len(images), *cells.part.shape)
                for block in _slices(len(some), lines * width, images):
                    for layer, part in enumerate(cells.part[:, block]):
                        near, far = _split(part[:, None] + cells.rest[block])
                        for b in range(len(images)):
                            values = _read(left[b], first[block], cells.length)
                            rises = _read(rise[b], first[block], cells.length + 1)
                            values.addcmul_(rises[..., :-1], near).addcmul_(rises[..., 1:], far)
                            torch.sum(values, dim=1, out=sums[b, layer, block])
                result[:, some] += sums.flatten(1)[:, cells.place].view(len(images), len(some), detectors)
    return result.mul_(images.new_tensor(table[:, 4:5]))


def backproject(sinograms: Tensor, shape: tuple[int, int], detectors: int, table: Table) -> Tensor:
    """The adjoint: real [B, V, D] to [B, H, W]; what the adjoint kernel of joseph.cpp computes.

    What a ray reads from `rise` it adds with the same weight to a sum that is differenced once, at the end.
    """
    result = sinograms.new_zeros(len(sinograms), *shape)
    scaled = sinograms * sinograms.new_tensor(table[:, 4:5])
    for turned, views in _sides(table):
        for start, strip in _strips(result.mT if turned else result):
            lines, width = strip.shape[1:]
            levels = result.new_zeros(strip.shape)
            rises = result.new_zeros(len(result), lines, width + 1)  # from one before the first pixel
            for some in _chunks(views):
                cells = _cells(table[some], start, lines, width, detectors, sinograms)
                values = scaled.new_zeros(len(scaled), cells.part.numel())
                values[:, cells.place] = scaled[:, some].flatten(1)
                values = values.view(len(scaled), *cells.part.flatten(1).shape)
                origin = np.arange(len(some))[:, None] * cells.length + 1
                first = torch.as_tensor(origin + cells.shift, device=scaled.device)
                for block in _slices(len(some), lines * width, sinograms):
                    for layer, part in enumerate(cells.part.flatten(1)):
                        near, far = _split(_read(part, first[block], width + 2).add_(cells.rest[block]))
                        for b in range(len(scaled)):
                            _add_up(_read(values[b, layer], first[block], width + 2), near, far, levels[b], rises[b])
            strip += levels.sub_(rises.diff(dim=-1))
    return result


def _add_up(run: Tensor, near: Tensor, far: Tensor, level: Tensor, rise: Tensor) -> None:
    """Add what views [v, lines, width + 2] give to the sums of an image: on the CPU one by one, which stay in the
    cache, elsewhere all at once, since a GPU waits for every step."""
    if run.device.type == "cpu":
        for y, p, q in zip(run, near, far, strict=True):
            level += y[:, 2:]
            rise.addcmul_(y[:, 1:], p[:, 1:]).addcmul_(y[:, :-1], q[:, :-1])
    else:
        level += run[..., 2:].sum(0)
        rise += (run[..., 1:] * near[..., 1:]).addcmul_(run[..., :-1], far[..., :-1]).sum(0)


def interpolate(sinograms: Tensor, shape: tuple[int, int], detectors: int, table: Table) -> Tensor:
    """The sum over views of `weight` times the view at the places of the pixels, interpolated between its detectors and
    0 beyond them: real [B, V, D] to [B, H, W]. Pixel j of line i lies at the place (j - start - slope * i) / step."""
    result = sinograms.new_zeros(len(sinograms), *shape)
    padded = torch.nn.functional.pad(sinograms * sinograms.new_tensor(table[:, 4:5]), (2, 3))
    left, rise = padded[..., :-1].flatten(1), padded.diff(dim=-1).flatten(1)
    for turned, views in _sides(table):
        lines, width = shape[::-1] if turned else shape
        sums = result.new_zeros(len(result), lines, width)
        for run in _slices(len(views), lines * width, sinograms):
            block = views[run]
            start, slope, step = table[block, 1:4].T[..., None]
            cell, part = _places(-(start + slope * np.arange(lines)) / step, np.arange(width) / step, sinograms)
            origin = torch.as_tensor(block, dtype=torch.int32, device=sinograms.device)[:, None, None]
            # a place outside the detector moves to its nearest pair of zeros
            index = cell.clamp_(-2, detectors).add_(origin * (detectors + 4) + 2).flatten()
            for b in range(len(left)):
                values = left[b].index_select(0, index).view_as(part)
                values.addcmul_(part, rise[b].index_select(0, index).view_as(part))
                sums[b] += values.sum(dim=0)
        result += sums.mT if turned else sums
    return result


@dataclass(frozen=True)
class _Cells:
    """The detectors of some views, laid out by m in `length` cells a view; several that share a cell lie in layers.

    Cell 0 lies three pixels before the first one of the line with the largest n; neither it nor the last one reads any
    pixel, and detectors that read none lie there.

    Attributes:
        shift: by how much n_i falls short of the view's largest, [v, lines].
        rest: f_i, [v, lines, 1].
        part: g of the detector in a cell, [layers, v, length].
        place: where detector d of view v lies in `part`, as a flat index [v * D].
    """

    length: int
    shift: npt.NDArray[np.int64]
    rest: Tensor
    part: Tensor
    place: Tensor


def _cells(table: Table, first: int, lines: int, width: int, detectors: int, like: Tensor) -> _Cells:
    """See `_Cells`; kept, since an iteration asks for the same ones again and again."""
    return _laid_out(table.tobytes(), len(table), first, lines, width, detectors, like.dtype, like.device)


@lru_cache(maxsize=32)
def _laid_out(
    rows: bytes,
    views: int,
    first: int,
    lines: int,
    width: int,
    detectors: int,
    dtype: torch.dtype,
    device: torch.device,
) -> _Cells:
    """Found in double precision, so that single precision loses nothing of a fraction to its place."""
    table = np.frombuffer(rows).reshape(views, -1)
    start, slope, step = table[:, 1:4].T[..., None]
    line, along = start + slope * np.arange(first, first + lines), step * np.arange(detectors)
    n, m = np.floor(line).astype(np.int64), np.floor(along).astype(np.int64)
    shift = n.max(axis=1, keepdims=True) - n
    length = width + 4 + int(shift.max())
    order = np.arange(detectors)
    begins = np.diff(m, axis=1, prepend=m[:, :1] - 1) != 0  # m is monotone: those that share a cell are neighbours
    layer = order - np.maximum.accumulate(np.where(begins, order, 0), axis=1)
    cell = np.clip(m + n.max(axis=1, keepdims=True) + 3, 0, length - 1)
    with torch.inference_mode(False):  # so that they may take part in whatever comes later
        place = torch.as_tensor((layer * views + np.arange(views)[:, None]) * length + cell, device=device)
        part = torch.zeros(int(layer.max()) + 1, views, length, dtype=dtype, device=device)
        part.view(-1)[place] = torch.as_tensor(along - m, dtype=dtype, device=device)
        rest = torch.as_tensor(line - n, dtype=dtype, device=device)[..., None]
    return _Cells(length, shift, rest, part, place.flatten())


def _read(values: Tensor, first: Tensor, length: int) -> Tensor:
    """values[first : first + length] for each entry of `first`: [*first.shape, length]."""
    return values.unfold(0, length, 1).index_select(0, first.flatten()).view(*first.shape, length)


def _split(place: Tensor) -> tuple[Tensor, Tensor]:
    """The parts of a place within the first pixel and beyond it."""
    near = place.clamp(max=1)
    return near, place.sub_(near)


def _sides(table: Table) -> Iterator[tuple[bool, npt.NDArray[np.int64]]]:
    """The views whose lines are rows, then those whose lines are columns."""
    for turned in (False, True):
        yield turned, np.flatnonzero(table[:, 0] == turned)


def _strips(images: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Views of some lines at a time of [B, lines, width], with the first line's number."""
    for lines in _slices(images.shape[1], images.shape[2], images):
        yield lines.start, images[:, lines]


def _chunks(views: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """The views in runs of `VIEWS`."""
    for first in range(0, len(views), VIEWS):
        yield views[first : first + VIEWS]


def _slices(count: int, entries: int, like: Tensor) -> Iterator[slice]:
    """0 to count in slices for which a temporary of `entries` numbers each stays within the bound."""
    limit = BLOCK_BYTES_CPU if like.device.type == "cpu" else BLOCK_BYTES
    size = max(1, limit // (entries * like.element_size()))
    for first in range(0, count, size):
        yield slice(first, min(first + size, count))


def _places(line: Table, along: Table, like: Tensor) -> tuple[Tensor, Tensor]:
    """Integer and fractional parts of line[v, i] + along[v, k], each [v, i, k].

    Both terms are split in double precision before they are added, so that single precision loses nothing of a
    fraction to the size of its integer part.
    """
    whole_line, whole_along = np.floor(line), np.floor(along)
    part = like.new_tensor(line - whole_line)[:, :, None] + like.new_tensor(along - whole_along)[:, None, :]
    carry = part.floor()
    whole = [torch.as_tensor(whole, dtype=torch.int32, device=like.device) for whole in (whole_line, whole_along)]
    cell = (whole[0][:, :, None] + whole[1][:, None, :]).add_(carry.to(torch.int32))
    return cell, part.sub_(carry)
