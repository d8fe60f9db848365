"""Filtered back-projection of fan-beam data, and the method of Feldkamp, Davis and Kress for cone beams.

A. C. Kak, M. Slaney, "Principles of Computerized Tomographic Imaging", IEEE Press 1988, section 3.4; L. A. Feldkamp,
L. C. Davis, J. W. Kress, "Practical cone-beam algorithm", J. Opt. Soc. Am. A 1(6), 1984; F. Noo, M. Defrise,
R. Clackdoyle, H. Kudo, "Image reconstruction from fan-beam projections on less than a short scan", Phys. Med. Biol.
47(14), 2002, on arcs of less than a turn.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .beam import Table, carry
from .cone import ConeBeam
from .fan import FanBeam
from .filters import FilterName, convolve, ramp_response, shares


def fan_backprojection(sinogram: Tensor, beam: FanBeam, filter: FilterName = "ramp") -> Tensor:
    """The image whose line integrals are `sinogram`: real or complex [..., V, D] to [..., H, W].

    On a flat detector, with the fan angle g, the source's distance R, s its places as seen at the centre of rotation,
    U_v(r) the pixel's distance from the source along the central ray over R and w the share of `redundancy`,

        x(r) = sum over views v of delta_v / U_v(r)^2 * (h * (w_v cos(g) y_v))(s_v(r)),

    and on a curved one the weight is R cos(g), h is stretched by (g / sin g)^2, and the pixel's distance itself stands
    in the place of U. Interpolation is linear; a pixel that a view does not see gets nothing from it. Shifted
    detectors must still see the whole object. The result has no autograd history.

    Raises ValueError for another shape or an unknown filter, and TypeError as `project` does.
    """
    return carry(sinogram, beam.measured, beam.shape, lambda stack: _fan(stack, beam, filter))


def cone_backprojection(sinogram: Tensor, beam: ConeBeam, filter: FilterName = "ramp") -> Tensor:
    """Feldkamp, Davis and Kress's reconstruction of a volume: real or complex [..., V, R, C] to [..., Z, H, W].

    `fan_backprojection` with rows filtered one by one, cos(g) the cosine of a ray with the central one, and back along
    the rays of the cone. It is exact in the plane of the source; away from it, what changes along z is blurred, more
    so the steeper the rays. A row's share of `redundancy` is that of the middle row.

    Raises ValueError for another shape or an unknown filter, and TypeError as `project` does.
    """
    return carry(sinogram, beam.measured, beam.shape, lambda stack: _cone(stack, beam, filter))


def redundancy(beam: FanBeam) -> Table:
    """The share of each ray among those that run along the same line: float64 [V, D].

    The ray (theta, g) runs along the line of (theta + pi + 2 g, -g). Over a whole turn each counts one half. Over an
    arc from a to b, a view counts c(theta) = sin^2 of its distance to the nearer end, as far as a quarter turn at the
    taper, and a ray c / (c + c of the other), 1 where the other is not measured (Noo et al. 2002). The taper is half
    of what the arc exceeds half a turn by, and a sixteenth of a turn at least.
    """
    _, arc = shares(beam.angles, 2 * math.pi)
    theta = np.asarray(beam.angles)[:, None] + 0 * beam.fan
    if arc is None:
        return np.full(theta.shape, 0.5)
    start, length = arc
    taper = min(max(0.5 * (length - math.pi), math.pi / 8), 0.5 * length)

    def counts(angle: Table) -> Table:
        into = np.mod(angle - start, 2 * math.pi)
        near = np.clip(np.minimum(into, length - into) / taper, 0.0, 1.0)
        counted: Table = np.sin(0.5 * math.pi * near) ** 2
        return counted

    own = counts(theta)
    share: Table = own / (own + counts(theta + math.pi + 2 * beam.fan))
    return share


def _fan(stack: Tensor, beam: FanBeam, filter: FilterName) -> Tensor:
    """Of real [B, V, D]: [B, H, W]."""
    delta, weights = _weights(beam)
    if beam.curved:
        pitch, bend = beam.pitch / beam.throw, beam.pitch / beam.throw
        weights = weights * beam.source
    else:
        pitch, bend = beam.pitch * beam.source / beam.throw, 0.0
    response = ramp_response(beam.detectors, pitch, filter, bend)
    flat = torch.nn.functional.pad(convolve(stack * _like(weights, stack), response), (1, 2))
    result = flat.new_zeros(len(flat), beam.shape[0] * beam.shape[1])
    for v, angle in enumerate(beam.angles):
        place, distance = _seen(beam, angle)
        cell, part = _split(place, beam.detectors, flat)
        values = torch.lerp(flat[:, v].index_select(1, cell), flat[:, v].index_select(1, cell + 1), part)
        result.addcmul_(values, _like(delta[v] / distance**2, flat))
    return result.view(-1, *beam.shape)


def _cone(stack: Tensor, beam: ConeBeam, filter: FilterName) -> Tensor:
    """Of real [B, V, R, C]: [B, Z, H, W]."""
    plane, (depth, height, width) = beam.plane, beam.shape
    delta, weights = _weights(plane)
    rise = beam.heights[:, None] / np.hypot(plane.throw, plane.places)
    tilted = weights[:, None, :] / np.hypot(1.0, rise)
    response = ramp_response(plane.detectors, plane.pitch * plane.source / plane.throw, filter)
    flat = convolve(stack * _like(tilted, stack), response)
    flat = torch.nn.functional.pad(flat, (1, 2, 1, 2))
    result = flat.new_zeros(len(flat), depth, height * width)
    z = (np.arange(depth) - 0.5 * (depth - 1))[:, None] * beam.voxel[0]
    rows = beam.detectors[0]
    for v, angle in enumerate(beam.angles):
        place, distance = _seen(plane, angle)
        cell, part = _split(place, plane.detectors, flat)
        up = z * (plane.throw / plane.source / distance) - beam.offset[0]
        row, share = _split(up / beam.pitch[0] + 0.5 * (rows - 1), rows, flat)
        scale = _like(delta[v] / distance**2, flat)
        for b in range(len(flat)):
            view = flat[b, v]
            columns = torch.lerp(view.index_select(1, cell), view.index_select(1, cell + 1), part)
            values = torch.lerp(columns.gather(0, row), columns.gather(0, row + 1), share)
            result[b].addcmul_(values, scale)
    return result.view(-1, *beam.shape)


def _weights(beam: FanBeam) -> tuple[Table, Table]:
    """The views' shares of a turn [V], and what data are multiplied by before the filter [V, D]."""
    return shares(beam.angles, 2 * math.pi)[0], redundancy(beam) * np.cos(beam.fan)


def _seen(beam: FanBeam, angle: float) -> tuple[Table, Table]:
    """The detector place of each pixel in a view, and its distance from the source: along the central ray over the
    source's own on a flat detector, as it is on a curved one. Each float64 [H * W]."""
    (height, width), (rows, columns) = beam.shape, beam.voxel
    x = (np.arange(width) - 0.5 * (width - 1)) * columns
    y = (np.arange(height)[:, None] - 0.5 * (height - 1)) * rows
    across = (x * math.cos(angle) - y * math.sin(angle)).ravel()
    along = (x * math.sin(angle) + y * math.cos(angle)).ravel() + beam.source
    if beam.curved:
        s, distance = np.arctan2(across, along) * beam.throw, np.hypot(across, along)
    else:
        s, distance = across / along * beam.throw, along / beam.source
    return (s - beam.offset) / beam.pitch + 0.5 * (beam.detectors - 1), distance


def _split(places: Table, count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Integer part, counted from one before the first detector, and fractional part; what lies beyond the detectors
    goes to the zeros beside them."""
    whole = np.floor(places)
    cell = torch.as_tensor(np.clip(whole, -1, count).astype(np.int64) + 1, device=like.device)
    return cell, _like(places - whole, like)


def _like(array: Table, like: Tensor) -> Tensor:
    """As a tensor of that dtype on that device."""
    return torch.as_tensor(array, dtype=like.dtype, device=like.device)
