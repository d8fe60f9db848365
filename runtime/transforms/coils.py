"""The normal operator of coils that see k-space lines along the last axis, through the compiled kernel."""

from __future__ import annotations

from ctypes import c_int64, c_void_p

import torch
from torch import Tensor

from ..native import native
from ..native.tensors import SUFFIX, kernels_for, readable, threads_for

_ARGUMENTS = (*(c_void_p,) * 4, *(c_int64,) * 5)
_VECTOR_BYTES = 64


class LineFilter:
    """x -> sum_c conj(S_c) F^H diag(w) F (S_c x), with the orthonormal Fourier transform F along the last axis.

    maps: S, complex, [coils, ..., n]. weights: w, real, [n], in the order of `torch.fft`. Raises ValueError where
    `fits` says no.
    """

    def __init__(self, maps: Tensor, weights: Tensor) -> None:
        if not self.fits(maps, weights):
            raise ValueError(f"no kernel for maps {tuple(maps.shape)} and weights {tuple(weights.shape)}")
        real = torch.view_as_real(readable(maps).flatten(1, -2))
        self.dtype, self.coils, self.lines, self.n = maps.dtype, real.shape[0], real.shape[1], real.shape[2]
        self.weights = (weights / self.n).to(real.dtype).contiguous()
        # [coils, groups of lines, n, re or im, lanes], filled up with zeros: the order in which the kernel reads.
        lanes = _VECTOR_BYTES // real.element_size()
        padded = torch.nn.functional.pad(real, (0, 0, 0, 0, 0, -self.lines % lanes))
        self.maps = torch.unflatten(padded, 1, (-1, lanes)).permute(0, 1, 3, 4, 2).contiguous()

    @staticmethod
    def fits(maps: Tensor, weights: Tensor) -> bool:
        """Whether the kernel takes these: on the CPU, of a length that is a product of 2, 3 and 5."""
        n = maps.shape[-1]
        for factor in (2, 3, 5):
            while n and n % factor == 0:
                n //= factor
        shaped = maps.ndim >= 3 and weights.shape == maps.shape[-1:]
        return n == 1 and shaped and maps.is_complex() and maps.device.type == "cpu" and maps.dtype in SUFFIX

    def ready(self, x: Tensor) -> bool:
        """Whether x can go through the kernel."""
        return x.dtype == self.dtype and kernels_for(x) is not None

    def __call__(self, x: Tensor) -> Tensor:
        """The product with x, [..., n]."""
        x = readable(x)
        out = torch.empty_like(x)
        kernels = native()
        assert kernels is not None
        batch, threads = x.numel() // (self.lines * self.n), threads_for(x.numel())
        arrays = (x.data_ptr(), out.data_ptr(), self.maps.data_ptr(), self.weights.data_ptr())
        call = kernels.function(f"coil_filter_{SUFFIX[self.dtype]}", _ARGUMENTS)
        call(*arrays, batch, self.coils, self.lines, self.n, threads)
        return out
