"""The device that a run computes on."""

from __future__ import annotations

import os
import sys

import torch


class Unavailable(Exception):  # noqa: N818 - it says what is not there
    """The machine does not have what the page or the command asks for."""


def choose_device(name: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`, made ready. Raises Unavailable where there is no such device."""
    if name == "cuda" and not torch.cuda.is_available():
        raise Unavailable("no CUDA device is at hand; write `device = auto` or `cpu`")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", torch.cuda.current_device())  # with its number, as tensors on it say
    make_ready(device)
    return device


def make_ready(device: torch.device) -> None:
    """Convolutions and products of matrices in float32 are in float32.

    PyTorch lets cuDNN round factors to TF32, of which 11 bits are significant: then A and its adjoint differ by a part
    in a thousand, and solvers stop where they should not. What may be rounded says so on the page, by `bf16`.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False


def device_name(device: torch.device) -> str:
    """The device in words."""
    if device.type != "cpu":
        return f"cuda: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)
    return f"cpu ({os.cpu_count()} cores, {sys.byteorder}-endian)"


def finished(device: torch.device) -> None:
    """Wait for what a GPU was told to do, before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
