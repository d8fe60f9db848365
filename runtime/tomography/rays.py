"""Joseph's projector for the rays of `FanBeam.rays` in torch, where the C++ kernels do not run.

It is the path on a GPU too. The adjoint adds up with the very indices and weights that the forward projection reads
with; on a GPU the order of those additions, and so the last bits of a sum, may change from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .beam import Table

BLOCK = 400_000  # crossings of rays and lines at a time


def project(images: Tensor, shape: tuple[int, int], table: Table) -> Tensor:
    """Line integrals of real [B, H, W]: [B, V, D]; what the forward kernel of fan.cpp computes."""
    flat = table.reshape(-1, table.shape[-1])
    result = images.new_empty(len(images), len(flat))
    for turned, width, lines in _sides(shape):
        padded = torch.nn.functional.pad(images.mT if turned else images, (2, 3)).flatten(1)
        for block in _blocks(np.flatnonzero(flat[:, 0] == turned), lines):
            index, part = _crossings(flat[block], lines, width, images)
            length = images.new_tensor(flat[block, 3])
            for b in range(len(images)):
                left, right = padded[b][index], padded[b][index + 1]
                result[b, block] = torch.lerp(left, right, part).sum(dim=1) * length
    return result.view(len(images), *table.shape[:2])


def backproject(sinograms: Tensor, shape: tuple[int, int], table: Table) -> Tensor:
    """The adjoint: real [B, V, D] to [B, H, W]."""
    flat = table.reshape(-1, table.shape[-1])
    scaled = sinograms.flatten(1) * sinograms.new_tensor(flat[:, 3])
    result = sinograms.new_zeros(len(sinograms), *shape)
    for turned, width, lines in _sides(shape):
        sums = sinograms.new_zeros(len(sinograms), lines * (width + 5))
        for block in _blocks(np.flatnonzero(flat[:, 0] == turned), lines):
            index, part = _crossings(flat[block], lines, width, sinograms)
            index = index.flatten()
            for b in range(len(sinograms)):
                values = scaled[b, block][:, None].expand_as(part)
                right = values * part
                sums[b].index_add_(0, index, (values - right).flatten())
                sums[b].index_add_(0, index + 1, right.flatten())
        side = sums.view(-1, lines, width + 5)[..., 2 : width + 2]
        result += side.mT if turned else side
    return result


def project_volume(
    volumes: Tensor, shape: tuple[int, int, int], table: Table, heights: Table, lengths: Table
) -> Tensor:
    """Line integrals of real [B, Z, H, W]: [B, V, R, C]; what the forward kernel of cone.cpp computes.

    `heights` are those of the panel's rows in voxels [R], `lengths` those of the rays inside one line [V, R, C].
    """
    depth, *plane = shape
    views, columns = table.shape[:2]
    result = volumes.new_empty(len(volumes), views, columns, len(heights))
    for turned, width, lines in _sides((plane[0], plane[1])):
        # [B, lines * (width + 5), depth + 5]: columns along z, with zeros around
        upright = volumes.permute(0, 3, 2, 1) if turned else volumes.permute(0, 2, 3, 1)
        padded = torch.nn.functional.pad(upright, (2, 3, 2, 3)).flatten(1, 2)
        for v in range(views):
            for block in _blocks(np.flatnonzero(table[v, :, 0] == turned), lines * (depth + len(heights))):
                index, part = _crossings(table[v, block], lines, width, volumes)
                cell, share = _heights(table[v, block], heights, lines, depth, volumes)
                for b in range(len(volumes)):
                    mixed = torch.lerp(padded[b][index], padded[b][index + 1], part[..., None])
                    left, right = mixed.gather(-1, cell), mixed.gather(-1, cell + 1)
                    result[b, v, block] = torch.lerp(left, right, share).sum(dim=1)
    return result.mT * volumes.new_tensor(lengths)


def backproject_volume(
    sinograms: Tensor, shape: tuple[int, int, int], table: Table, heights: Table, lengths: Table
) -> Tensor:
    """The adjoint: real [B, V, R, C] to [B, Z, H, W]."""
    depth, *plane = shape
    views = len(table)
    scaled = (sinograms * sinograms.new_tensor(lengths)).mT
    result = sinograms.new_zeros(len(sinograms), *shape)
    for turned, width, lines in _sides((plane[0], plane[1])):
        sums = sinograms.new_zeros(len(sinograms), lines * (width + 5), depth + 5)
        for v in range(views):
            for block in _blocks(np.flatnonzero(table[v, :, 0] == turned), lines * (depth + len(heights))):
                index, part = _crossings(table[v, block], lines, width, sinograms)
                cell, share = _heights(table[v, block], heights, lines, depth, sinograms)
                flat = index.flatten()
                for b in range(len(sinograms)):
                    values = scaled[b, v, block][:, None].expand_as(share)
                    upper = values * share
                    mixed = sums.new_zeros(*index.shape, depth + 5)
                    mixed.scatter_add_(-1, cell, values - upper).scatter_add_(-1, cell + 1, upper)
                    right = mixed * part[..., None]
                    sums[b].index_add_(0, flat, (mixed - right).flatten(0, 1))
                    sums[b].index_add_(0, flat + 1, right.flatten(0, 1))
        side = sums.view(-1, lines, width + 5, depth + 5)[..., 2 : width + 2, 2 : depth + 2]
        result += side.permute(0, 3, 2, 1) if turned else side.permute(0, 3, 1, 2)
    return result


def _sides(shape: tuple[int, int]) -> Iterator[tuple[bool, int, int]]:
    """Whether lines are columns, their length and their number."""
    height, width = shape
    yield False, width, height
    yield True, height, width


def _blocks(rays: np.typing.NDArray[np.int64], entries: int) -> Iterator[np.typing.NDArray[np.int64]]:
    """The rays in runs of some `BLOCK` numbers, at `entries` per ray."""
    size = max(1, BLOCK // entries)
    for first in range(0, len(rays), size):
        yield rays[first : first + size]


def _crossings(rays: Table, lines: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays meet lines that have two zeros before and three behind: the index of the left pixel, and the part of
    a pixel beyond it, each [rays, lines]."""
    cell, part = _split(rays[:, 1:2] + rays[:, 2:3] * np.arange(lines), width, like)
    return cell.add_(torch.arange(lines, device=like.device) * (width + 5)), part


def _heights(rays: Table, heights: Table, lines: int, depth: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """The same along z: [rays, lines, rows]."""
    ratio = rays[:, 4:5] + rays[:, 5:6] * np.arange(lines)
    return _split(0.5 * (depth - 1) + ratio[..., None] * heights, depth, like)


def _split(places: Table, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Integer part, counted from two before the first pixel, and fractional part; what misses all pixels goes to the
    zeros beside them. Found in double precision on the host, so that single precision loses nothing."""
    whole = np.floor(places)
    cell = torch.as_tensor(np.clip(whole, -2, width).astype(np.int64) + 2, device=like.device)
    return cell, like.new_tensor(places - whole)
