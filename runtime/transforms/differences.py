"""Forward differences and the steps of total variation through the compiled kernels, where arrays and machine allow.

The formulas in torch stand where the operator and the energy are defined; here is only what the kernels do in one pass
over memory in place of several. `Stencil.ready` says whether they can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from ctypes import POINTER, Array, c_double, c_int64, c_void_p
from itertools import chain, pairwise

import torch
from torch import Tensor

from ..native import native
from ..native.tensors import SUFFIX, kernels_for, readable, threads_for

_AXES, _DIRECTIONS = 4, 3  # what the kernels take
_BASIC = (c_void_p, c_void_p, c_int64, *(POINTER(c_int64),) * 2, POINTER(c_double), *(c_int64,) * 4)
_ARGUMENTS = {
    "differences": _BASIC,
    "differences_adjoint": _BASIC,
    "variation": _BASIC,
    "variation_ascent": (*_BASIC, *(POINTER(c_double),) * 2),
    "variation_denoise": (*_BASIC, c_void_p, c_void_p, POINTER(c_double), c_int64),
}
Scalars = float | Tensor
"""A number, or one of each row, [rows]."""


class Stencil:
    """(D x)_{k,i} = c_k (x_{i + e_k} - x_i) along some axes of an array, zero at the far edge.

    sizes: the extents of the array, behind a batch. axes: those that are differenced, counted from the front. factors:
    c of each; one if left out. `fits` says whether the kernels know these differences.
    """

    def __init__(self, sizes: Sequence[int], axes: Sequence[int], factors: Sequence[float] = ()) -> None:
        self.sizes, self._count = tuple(sizes), math.prod(sizes)
        # Extents in front of the first direction are one for the kernels; ones fill up what is missing to four.
        first = min(axes)
        wide = (math.prod(self.sizes[:first]), *self.sizes[first:]) if first else self.sizes
        places = [a + _AXES - len(self.sizes) for a in axes]
        self.fits = (
            len(wide) <= _AXES
            and len(axes) <= _DIRECTIONS
            and all(a < b for a, b in pairwise(axes))
            and min(self.sizes) > 0
        )
        if self.fits:
            self._geometry = (
                (c_int64 * _AXES)(*(1,) * (_AXES - len(wide)), *wide),
                (c_int64 * len(axes))(*places),
                (c_double * len(axes))(*(factors or (1.0,) * len(axes))),
                len(axes),
            )

    def ready(self, *tensors: Tensor) -> bool:
        """Whether these tensors, of one dtype, can go through the kernels."""
        return self.fits and all(t.dtype == tensors[0].dtype for t in tensors) and kernels_for(*tensors) is not None

    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        """D x, written to `out`: contiguous, of the shape [..., directions, *sizes] or what has as many entries."""
        self._call("differences", x := readable(x), out, x)
        return out

    def adjoint(self, p: Tensor, out: Tensor) -> Tensor:
        """D^H p, written to `out`: contiguous, of the shape [..., *sizes]."""
        self._call("differences_adjoint", readable(p), out, out)
        return out

    def variation(self, x: Tensor, joint: bool) -> Tensor:
        """sum_i |(D x)_i| of each row in float64, [rows], with lengths over all directions where `joint`; else the sum
        of all moduli."""
        sums = torch.empty(x.shape[0], dtype=torch.float64)
        self._call("variation", x := readable(x), sums, x, joint)
        return sums

    def ascent_(self, p: Tensor, x: Tensor, sigma: Scalars, radius: Scalars, joint: bool) -> Tensor:
        """The projection of p + sigma D x onto |p_i| <= radius, in place of p if that is contiguous."""
        p, x = readable(p), readable(x)
        rows = x.shape[0]
        self._call("variation_ascent", x, p, x, joint, _numbers(rows, sigma), _numbers(rows, radius))
        return p

    def denoise_(
        self, x: Tensor, ahead: Tensor, p: Tensor, y: Tensor, joint: bool, knobs: Sequence[Sequence[Scalars]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Steps of the accelerated primal-dual method for |x - y|^2 / 2 weighed, a box and total variation.

            p+ = the projection of p + sigma D ahead onto |p_i| <= radius,   v = x - tau D^H p+,
            x+ = v + share (y - v), clamped to low..high,                   ahead+ = x + reach (x+ - x).

        knobs: sigma, radius, tau, share, reach, low, high of each step. Several in one call cost less than one call for
        each, since what they work on stays in cache. Returns x+, ahead+ and p+ of the last one, in place of the
        arguments if those are contiguous.
        """
        x, ahead, p = readable(x), readable(ahead), readable(p)
        y = readable(y.expand_as(x))
        numbers = _numbers(x.shape[0], *chain(*knobs), each=len(knobs))
        self._call("variation_denoise", x, ahead, x, joint, p.data_ptr(), y.data_ptr(), numbers, len(knobs))
        return x, ahead, p

    def _call(
        self, name: str, first: Tensor, second: Tensor, image: Tensor, joint: bool = False, *more: object
    ) -> None:
        """Call a kernel on two arrays and what comes after the geometry; `image` is the one of the domain."""
        kernels = native()
        assert kernels is not None
        numbers = image.numel()
        kernels.function(f"{name}_{SUFFIX[image.dtype]}", _ARGUMENTS[name])(
            first.data_ptr(),
            second.data_ptr(),
            numbers // self._count,
            *self._geometry,
            2 if image.is_complex() else 1,
            joint,
            threads_for(numbers),
            *more,
        )


def _numbers(rows: int, *values: Scalars, each: int = 1) -> Array[c_double]:
    """The numbers of each row, one row after the other; of each of so many groups of values, one after the other."""
    if rows == 1:
        flat = [float(v) for v in values]
    else:
        columns = [v.tolist() if isinstance(v, Tensor) and v.numel() > 1 else [float(v)] * rows for v in values]
        width = len(columns) // each
        flat = [c[row] for k in range(each) for row in range(rows) for c in columns[k * width : (k + 1) * width]]
    return (c_double * len(flat))(*flat)
