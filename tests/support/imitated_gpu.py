"""A GPU in imitation: its tensors lie in the memory of the CPU, and mixing them with others is refused as CUDA does.

So what is forgotten on the CPU shows on machines without a GPU. Kernels, rounding and time are not imitated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend


class Backend(_DummyBackendModule):
    """What PyTorch asks of a kind of devices. There is none of them: what looks for one goes past."""

    def device_count(self) -> int:
        return 0

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("imitation", Backend())
HERE, THERE = torch.device("cpu"), torch.device("imitation", 0)
aten = torch.ops.aten
MOVES = {aten._to_copy.default, aten.copy_.default, aten.to.device, aten.to.dtype_layout, aten.to.other}
"""What may take tensors of two devices."""
WHOLE = {aten.polar.default}
"""What takes not even a number without axes from the CPU."""
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
"""What takes numbers of places from the CPU."""


class OnGpu(Tensor):
    """A tensor that says it is on the GPU; `held` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnGpu:
        out: OnGpu = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=THERE,
            requires_grad=held.requires_grad,
        )
        out.held = held
        return out

    def __init__(self, held: Tensor) -> None:
        super().__init__()

    __torch_function__ = torch._C._disabled_torch_function_impl

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"OnGpu({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return dispatched(function, args, kwargs or {})


def dispatched(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operation of PyTorch gives: it runs on what is held, once its arguments have been found on one device.

    Raises RuntimeError where they are not; numbers without axes and places of entries may come from the CPU.
    """
    if function is aten._conj.default:  # what PyTorch puts off would be forgotten here
        function = aten.conj_physical.default
    given = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, Tensor)]
    there = [t for t in given if isinstance(t, OnGpu)]
    if function is aten._local_scalar_dense.default:
        return function(getattr(args[0], "held", args[0]))
    if there and function not in MOVES:
        apart = [t for t in given if not isinstance(t, OnGpu) and (t.ndim > 0 or function in WHOLE)]
        if function in INDEXED and isinstance(args[0], OnGpu):
            apart = [t for t in args[2:] if isinstance(t, Tensor) and not isinstance(t, OnGpu) and t.ndim > 0]
        if apart:
            raise RuntimeError(f"Expected all tensors to be on the same device: {THERE} and {HERE} found by {function}")
    named = [d for d in tree_flatten((args, kwargs))[0] if isinstance(d, torch.device)]
    if named:
        wrap = named[0].type == THERE.type
        args, kwargs = tree_map_only(torch.device, lambda d: HERE if d.type == THERE.type else d, (args, kwargs))
    else:
        wrap = isinstance(args[0], OnGpu) if function is aten.copy_.default else bool(there)
    bare = tree_map_only(OnGpu, lambda t: t.held, (args, kwargs))
    out = function(*bare[0], **bare[1])
    if not wrap:
        return out
    known = {id(t.held): t for t in there}
    return tree_map_only(Tensor, lambda t: known[id(t)] if id(t) in known else OnGpu(t), out)


class Mode(TorchDispatchMode):
    """Operations without a tensor of the device among their arguments, such as those that make one."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return dispatched(function, args, kwargs or {})


class Made(TorchFunctionMode):
    """What PyTorch makes of lists without asking a dispatch mode is made here and moved."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, torch.as_tensor) and not isinstance(args[0], Tensor):
            device = kwargs.pop("device", None)
            out = function(*args, **kwargs)
            return out if device is None else out.to(device)
        if function in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], as_places(args[1]), *args[2:])
        return function(*args, **kwargs)


def as_places(index: Any) -> Any:
    """Places in lists as tensors, which may lie on the CPU."""
    if isinstance(index, list):
        return torch.tensor(index, dtype=None if index else torch.long)
    return tuple(as_places(i) for i in index) if isinstance(index, tuple) else index


def _without_gradient(mode: bool = True) -> AbstractContextManager[Any]:
    """In the place of inference mode, whose tensors PyTorch cannot wrap."""
    return torch.no_grad() if mode else nullcontext()


@contextmanager
def imitated_gpu() -> Iterator[torch.device]:
    """Meanwhile there is such a device."""
    full = patch("torch.autocast", lambda *where, **how: nullcontext())  # no backend has that by itself
    with patch("torch.inference_mode", _without_gradient), full, Mode(), Made():
        yield THERE
