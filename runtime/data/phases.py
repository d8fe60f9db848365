"""Smooth phases, as images of magnetic resonance have them."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def smooth_phase(rows: int, cols: int, strength: float, waves: float, generator: torch.Generator) -> Tensor:
    """phi = a + (s / 3) sum_k cos(2 pi (f_k . r + c_k)) in radians, [rows, cols], float64: a constant and three waves.

    strength: s. waves: the most periods that a wave has along each axis. a, the directions and periods f_k and the
    shifts c_k are drawn evenly.
    """
    draw = torch.rand(4, 3, generator=generator, dtype=torch.float64)
    r = torch.linspace(0, 1, rows, dtype=torch.float64)[:, None]
    c = torch.linspace(0, 1, cols, dtype=torch.float64)[None, :]
    phase = 2 * math.pi * draw[0, 0] + torch.zeros(rows, cols, dtype=torch.float64)
    for across, down, shift in draw[1:].tolist():
        wave = (2 * across - 1) * waves * r + (2 * down - 1) * waves * c + shift
        phase = phase + strength / 3 * torch.cos(2 * math.pi * wave)
    return phase


def turned(image: Tensor, phase: Tensor) -> Tensor:
    """image exp(i phase), in the precision of the image [..., rows, cols]."""
    turn = torch.polar(torch.ones_like(phase), phase).to(image.device)
    return image * turn.to(torch.complex128 if image.dtype in (torch.float64, torch.complex128) else torch.complex64)
