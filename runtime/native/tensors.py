"""Tensors as kernels take them: plain memory of the CPU, of which no gradient is recorded."""

from __future__ import annotations

import torch
from torch import Tensor

from .library import Kernels, native

SUFFIX = {torch.float32: "f32", torch.float64: "f64", torch.complex64: "f32", torch.complex128: "f64"}
"""How the kernels of a dtype end; those of complex numbers take two real ones for each."""


def kernels_for(*tensors: Tensor) -> Kernels | None:
    """The kernels, where all these tensors can go through them; else None.

    Under vmap, jvp and tracing kernels work no more than any foreign function does: there, switch them off with
    RECON_NATIVE=0.
    """
    recording = torch.is_grad_enabled()
    for x in tensors:
        if x.device.type != "cpu" or x.dtype not in SUFFIX or (recording and x.requires_grad):
            return None
    return None if torch.compiler.is_compiling() else native()


def readable(x: Tensor) -> Tensor:
    """x as a kernel may read it: contiguous, with pending conjugations and signs carried out."""
    if x.is_contiguous() and not x.is_conj() and not x.is_neg():
        return x
    return x.resolve_conj().resolve_neg().contiguous()


def threads_for(numbers: int, each: int = 1 << 14) -> int:
    """How many threads so many numbers are worth: one more from about `each` of them on."""
    return max(1, min(torch.get_num_threads(), numbers // each))
