"""Joseph's projector in torch, for devices and machines where the C++ kernels do not run.

The discretisation is the `lines` table of `ParallelBeam`; the sums differ from the C++ kernels by rounding only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Table = npt.NDArray[np.float64]
# Of one temporary tensor, some seven of which are alive at once: on the CPU they stay in the cache; elsewhere they are
# large, so that few kernels are launched.
BLOCK_BYTES_CPU, BLOCK_BYTES = 2_000_000, 20_000_000


def project(images: Tensor, shape: tuple[int, int], detectors: int, table: Table) -> Tensor:
    """Line integrals of real [B, H, W]: [B, V, D]; what the forward kernel of joseph.cpp computes."""
    result = images.new_empty(len(images), len(table), detectors)
    for turned, views in _sides(table):
        lines, width = shape[::-1] if turned else shape
        padded = torch.nn.functional.pad(images.mT if turned else images, (2, 3))
        left = padded[..., :-1].flatten(1)
        rise = padded.diff(dim=-1).flatten(1)
        origin = torch.arange(lines, device=images.device, dtype=torch.int32)[:, None] * (width + 4) + 2
        for block in _blocks(views, lines * detectors, images):
            start, slope, step, weight = table[block, 1:5].T[..., None]
            cell, part = _places(start + slope * np.arange(lines), step * np.arange(detectors), images)
            # a place outside the line moves to its nearest pair of zeros
            index = cell.clamp_(-2, width).add_(origin).flatten()
            for b in range(len(images)):
                values = left[b].index_select(0, index).view_as(part)
                values.addcmul_(part, rise[b].index_select(0, index).view_as(part))
                result[b, block] = values.sum(dim=1).mul_(images.new_tensor(weight))
    return result


def backproject(sinograms: Tensor, shape: tuple[int, int], detectors: int, table: Table) -> Tensor:
    """The adjoint: real [B, V, D] to [B, H, W]; what the adjoint kernel of joseph.cpp computes.

    Pixel j of line i lies at the detector place t = (j - start - slope * i) / step of a view, and detector d counts
    there with weight * max(0, 1 - taper * |t - d|). With taper = |step| these are the weights of `project`.
    """
    result = sinograms.new_zeros(len(sinograms), *shape)
    taps = max(1, math.ceil(1 / table[:, 5].min()))  # detectors on either side of t that can count
    margin = 2 * taps  # a place outside the detector moves to where all taps read zeros
    scaled = sinograms * sinograms.new_tensor(table[:, 4:5])
    values = torch.nn.functional.pad(scaled, (margin, margin)).flatten(1)
    for turned, views in _sides(table):
        lines, width = shape[::-1] if turned else shape
        sums = result.new_zeros(len(result), lines, width)
        for block in _blocks(views, lines * width, sinograms):
            start, slope, step, _, taper = table[block, 1:].T[..., None]
            cell, part = _places(-(start + slope * np.arange(lines)) / step, np.arange(width) / step, sinograms)
            origin = torch.as_tensor(block, dtype=torch.int32, device=sinograms.device)[:, None, None]
            cell.clamp_(-taps - 1, detectors + taps - 1).add_(origin * (detectors + 2 * margin) + margin)
            for tap in range(1 - taps, taps + 1):  # detector cell + tap, at the distance |part - tap|
                tilt = sinograms.new_tensor(taper if tap > 0 else -taper)[..., None]
                level = sinograms.new_tensor(1 - taper * abs(tap))[..., None]
                share = (part * tilt).add_(level).clamp_(min=0)
                index = (cell + tap).flatten()
                for b in range(len(values)):
                    sums[b] += values[b].index_select(0, index).view_as(share).mul_(share).sum(dim=0)
        result += sums.mT if turned else sums
    return result


def _sides(table: Table) -> Iterator[tuple[bool, npt.NDArray[np.int64]]]:
    """The views whose lines are rows, then those whose lines are columns."""
    for turned in (False, True):
        yield turned, np.flatnonzero(table[:, 0] == turned)


def _blocks(views: npt.NDArray[np.int64], entries: int, like: Tensor) -> Iterator[npt.NDArray[np.int64]]:
    """The views in runs whose temporaries, `entries` numbers per view, stay within the bound."""
    limit = BLOCK_BYTES_CPU if like.device.type == "cpu" else BLOCK_BYTES
    size = max(1, limit // (entries * like.element_size()))
    for first in range(0, len(views), size):
        yield views[first : first + size]


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
