"""Projections of a volume at any pose by Joseph's method, and their exact adjoint.

A pose is a rotation matrix R of coordinates (x, y, z), which count voxels from index N // 2 of each axis: x along col,
y along row. The image of a pose at (x, y) is the integral along z of the turned volume, whose value at (x, y, z) is
that of the volume at R^T (x, y, z). Its rays cross the volume along the axis that they run along most; on each plane
across that axis the volume is interpolated linearly, and the sum over planes is weighted by the length of the ray
between two. For tilts about one axis this is the projection of `tilts`, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_int64, c_void_p
from dataclasses import dataclass

import torch
from torch import Tensor

from ..native import native

ARGUMENTS = (c_void_p, c_void_p, c_void_p, *[c_int64] * 7)
SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
BORDER = 2
ORDERS = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
"""The axes of a volume with the one across which planes are cut in front."""
TOLERANCE = 1e-3


@dataclass(frozen=True)
class PoseGroup:
    """The poses whose rays run along one axis most.

    axis: 0 for z, 1 for row, 2 for col.
    views: their numbers.
    table: float64 [views, 9] on the CPU: the ray of pixel (r, c) meets plane q at u = u0 + ur r + uc c + uq q and
        v = v0 + vr r + vc c + vq q, and counts `weight` there; in the order u0, ur, uc, uq, v0, vr, vc, vq, weight.
    """

    axis: int
    views: Tensor
    table: Tensor


class Poses:
    """Projections of volumes [Z, R, C] at poses R, float [V, 3, 3].

    Raises ValueError where a matrix is no rotation (to 1e-3), or the shape is another.
    """

    def __init__(self, sizes: tuple[int, int, int], matrices: Tensor) -> None:
        if matrices.ndim != 3 or tuple(matrices.shape[1:]) != (3, 3):
            raise ValueError(f"poses are rotation matrices [views, 3, 3], not {list(matrices.shape)}")
        r = matrices.detach().to("cpu", torch.float64)
        off = (r @ r.mT - torch.eye(3, dtype=torch.float64)).abs().amax((1, 2))
        bad = torch.nonzero(~((off <= TOLERANCE) & (torch.linalg.det(r) > 0)))
        if len(bad):
            raise ValueError(f"pose {int(bad[0]) + 1} is no rotation matrix: R R^T = I and det R = 1 do not hold")
        self.sizes, self.count = sizes, len(r)
        self.groups = _groups(sizes, r)

    def project(self, volume: Tensor) -> Tensor:
        """[..., Z, R, C] to [..., V, R, C], real or complex, in value times voxels. Without autograd history."""
        return _real(self._project, volume.detach())

    def backproject(self, images: Tensor) -> Tensor:
        """The adjoint of `project`: [..., V, R, C] to [..., Z, R, C]."""
        return _real(self._backproject, images.detach())

    def _project(self, volume: Tensor) -> Tensor:
        stack = volume.reshape(-1, *self.sizes)
        out = stack.new_empty(len(stack), self.count, *self.sizes[1:])
        for group in self.groups:
            for x, images in zip(stack, out, strict=True):
                images[group.views.to(x.device)] = self._forward(group, _bordered(x.permute(ORDERS[group.axis])))
        return out.reshape(*volume.shape[:-3], *out.shape[1:])

    def _backproject(self, images: Tensor) -> Tensor:
        stack = images.reshape(-1, self.count, *self.sizes[1:])
        out = stack.new_zeros(len(stack), *self.sizes)
        inner = slice(BORDER, -BORDER)
        for group in self.groups:
            for y, volume in zip(stack, out, strict=True):
                planes = self._adjoint(group, y[group.views.to(y.device)].contiguous())
                volume.permute(ORDERS[group.axis]).add_(planes[:, inner, inner])
        return out.reshape(*images.shape[:-3], *self.sizes)

    def _forward(self, group: PoseGroup, planes: Tensor) -> Tensor:
        images = planes.new_empty(len(group.views), *self.sizes[1:])
        if not self._native("forward", group, planes, images):
            for row, image in zip(group.table.tolist(), images, strict=True):
                places, weights = self._samples(group, row, planes)
                image.copy_((planes.view(-1)[places] * weights).sum((0, 1)))
        return images

    def _adjoint(self, group: PoseGroup, images: Tensor) -> Tensor:
        count, height, width = (self.sizes[a] for a in ORDERS[group.axis])
        planes = images.new_zeros(count, height + 2 * BORDER, width + 2 * BORDER)
        if not self._native("adjoint", group, images, planes):
            for row, image in zip(group.table.tolist(), images, strict=True):
                places, weights = self._samples(group, row, planes)
                planes.view(-1).index_add_(0, places.flatten(), (image * weights).flatten())
        return planes

    def _native(self, direction: str, group: PoseGroup, source: Tensor, target: Tensor) -> bool:
        """Whether the C++ kernel did it."""
        kernels = native() if source.device.type == "cpu" and source.dtype in SUFFIX else None
        if kernels is None:
            return False
        kernel = kernels.function(f"poses_{direction}_{SUFFIX[source.dtype]}", ARGUMENTS)
        sizes = (*(self.sizes[a] for a in ORDERS[group.axis]), len(group.views), *self.sizes[1:])
        kernel(source.data_ptr(), target.data_ptr(), group.table.data_ptr(), *sizes, torch.get_num_threads())
        return True

    def _samples(self, group: PoseGroup, row: list[float], planes: Tensor) -> tuple[Tensor, Tensor]:
        """Where each pixel of a view reads from the planes, and with which weight: two tensors [4, Q, R, C]."""
        count, height, width = (self.sizes[a] for a in ORDERS[group.axis])
        q, r, c = (torch.arange(n, dtype=planes.dtype, device=planes.device) for n in (count, *self.sizes[1:]))

        def place(start: float, by_r: float, by_c: float, by_q: float) -> Tensor:
            return start + by_q * q[:, None, None] + by_r * r[:, None] + by_c * c

        u, v = place(*row[:4]), place(*row[4:8])
        met = (u > -1) & (u < height) & (v > -1) & (v < width)
        i, j = u.floor(), v.floor()
        s, t = u - i, v - j
        at = ((q[:, None, None].long() * (height + 2 * BORDER) + i.long() + BORDER) * (width + 2 * BORDER)) + j.long()
        at = torch.where(met, at + BORDER, 0)  # a corner of the border, which is zero
        corners = torch.stack([at, at + 1, at + width + 2 * BORDER, at + width + 2 * BORDER + 1])
        shares = torch.stack([(1 - s) * (1 - t), (1 - s) * t, s * (1 - t), s * t])
        return corners, torch.where(met, row[8] * shares, 0)


def _real(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The function of real tensors on real and imaginary part."""
    if not x.is_complex():
        return function(x)
    parts = torch.view_as_real(x.resolve_conj()).movedim(-1, 0)
    return torch.view_as_complex(function(parts).movedim(0, -1).contiguous())


def _bordered(planes: Tensor) -> Tensor:
    return torch.nn.functional.pad(planes, (BORDER,) * 4).contiguous()


def _groups(sizes: tuple[int, int, int], r: Tensor) -> list[PoseGroup]:
    """The poses by the axis that their rays run along, with the places where these cross its planes."""
    back = r.mT.flip(1)  # of each axis z, row, col: its coordinate as a function of (x, y, z)
    centre = [n // 2 for n in sizes]
    axis = back[:, :, 2].abs().argmax(1)
    groups = []
    for m, (_, a, b) in enumerate(ORDERS):
        views = torch.nonzero(axis == m).flatten()
        if not len(views):
            continue
        along = back[views, m]
        columns = []
        for k in (a, b):
            slope = back[views, k, 2] / along[:, 2]
            by_c = back[views, k, 0] - slope * along[:, 0]
            by_r = back[views, k, 1] - slope * along[:, 1]
            columns += [centre[k] - slope * centre[m] - by_c * centre[2] - by_r * centre[1], by_r, by_c, slope]
        columns.append(1 / along[:, 2].abs())
        groups.append(PoseGroup(m, views, torch.stack(columns, 1).contiguous()))
    return groups
