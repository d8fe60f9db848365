"""The contrast transfer function of an electron microscope.

A. Rohou, N. Grigorieff, "CTFFIND4: Fast and accurate defocus estimation from electron micrographs", J. Struct. Biol.
192(2), 2015.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

PLANCK, ELECTRON_MASS, CHARGE, LIGHT = 6.62607015e-34, 9.1093837139e-31, 1.602176634e-19, 299792458.0  # CODATA 2022, SI


def wavelength(voltage: float) -> float:
    """The relativistic wavelength in metres of electrons accelerated by `voltage` volts: 1.9687 pm at 300 kV.

    lambda = h / sqrt(2 m e V (1 + e V / (2 m c^2))).
    """
    energy = CHARGE * voltage
    return PLANCK / math.sqrt(2 * ELECTRON_MASS * energy * (1 + energy / (2 * ELECTRON_MASS * LIGHT**2)))


def frequencies(sizes: tuple[int, int], voxel: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Frequencies along rows' and columns' indices, in the order of `torch.fft`, shaped [R, 1] and [1, C], float64.

    In one over the unit of `voxel`. The highest one of an even extent comes out negative; see `contrast`.
    """
    rows = torch.fft.fftfreq(sizes[0], voxel[0], dtype=torch.float64)
    columns = torch.fft.fftfreq(sizes[1], voxel[1], dtype=torch.float64)
    return rows[:, None], columns[None, :]


def contrast(
    defocus: Tensor,
    sizes: tuple[int, int],
    voxel: tuple[float, float],
    *,
    voltage: float,
    cs: float,
    amplitude: float = 0.0,
    phase: float = 0.0,
    astigmatism: float = 0.0,
    axis: float = 0.0,
    motion: float = 0.0,
) -> Tensor:
    """c(k) = -sin(gamma(k) + arcsin(amplitude)) exp(-B |k|^2 / 4) on the frequencies of an image, zero frequency first.

    gamma(k) = pi lambda |k|^2 (d(k) - lambda^2 |k|^2 Cs / 2) + phase, where the defocus d(k) in the direction of angle
    t is defocus + astigmatism / 2 cos(2 (t - axis)), t counted from the columns' axis towards the rows', and
    B = 8 pi^2 motion^2. All lengths in metres, positive defocus below focus, voltage in volts, angles in radians.

    With astigmatism, c at the highest frequency of an even extent is the mean of its two directions, so that
    c(-k) = c(k) holds on the grid and a real image stays real.

    Args:
        defocus: real, of any shape [...]; differentiable.
        sizes: rows and columns of the image.
        voxel: spacing of rows and of columns.

    Returns:
        float64 [..., R, C].
    """
    rows, columns = (k.to(defocus.device) for k in frequencies(sizes, voxel))
    square = rows**2 + columns**2
    wave = wavelength(voltage)
    phases = math.pi * wave * square * (defocus.double()[..., None, None] - 0.5 * wave**2 * cs * square) + phase
    if astigmatism:
        # |k|^2 cos(2 (t - axis)) without an angle at k = 0
        twice = (columns**2 - rows**2) * math.cos(2 * axis) + 2 * rows * columns * math.sin(2 * axis)
        phases = phases + 0.5 * math.pi * wave * astigmatism * twice
    out = -torch.sin(phases + math.asin(amplitude))
    if astigmatism:
        out = (out + out.flip(-2, -1).roll((1, 1), (-2, -1))) / 2
    return out * torch.exp(-2 * math.pi**2 * motion**2 * square) if motion else out
