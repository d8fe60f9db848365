"""Filtered back-projection of fans and cones against known densities, from exact chords of discs and balls."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from recon.runtime.tomography import ConeBeam, FanBeam, FilterName, ParallelBeam, filtered_backprojection
from recon.runtime.tomography.divergent import cone_backprojection, fan_backprojection, redundancy

from .dense import Array

SIZE = 96
# (x, y, z, radius, density) of balls; of their middle slices where there is no z
BALLS = [(0.0, 0.0, 0.0, 38.0, 1.0), (11.0, -15.0, 0.0, 10.0, 0.5), (-17.0, 8.0, 0.0, 9.0, -0.4)]
TURN = 2 * math.pi


def chords(beam: FanBeam | ConeBeam) -> torch.Tensor:
    """The exact line integrals of the balls."""
    plane, heights = (beam.plane, beam.heights) if isinstance(beam, ConeBeam) else (beam, np.zeros(1))
    total: Array = np.zeros((plane.views, len(heights), plane.detectors))
    for v, angle in enumerate(plane.angles):
        along, across = (
            np.array([math.sin(angle), math.cos(angle), 0]),
            np.array([math.cos(angle), -math.sin(angle), 0]),
        )
        source = -plane.source * along
        ray = np.cos(plane.fan)[:, None] * along + np.sin(plane.fan)[:, None] * across
        far = plane.throw if plane.curved else plane.throw / np.cos(plane.fan)
        ray = (ray * np.reshape(far, (-1, 1)))[None] + heights[:, None, None] * np.array([0, 0, 1.0])
        for *middle, radius, density in BALLS:
            away = np.linalg.norm(np.cross(np.array(middle) - source, ray), axis=-1) / np.linalg.norm(ray, axis=-1)
            total[v] += 2 * density * np.sqrt(np.clip(radius**2 - away**2, 0, None))
    return torch.from_numpy(total if isinstance(beam, ConeBeam) else total[:, 0])


def regions(depth: float = 0.0, margin: float = 3.0) -> list[tuple[Array, float]]:
    """Pixels well inside the body and its two inserts in the slice at that z, with the density of each."""
    y, x = np.meshgrid(*[np.arange(SIZE) - (SIZE - 1) / 2] * 2, indexing="ij")
    away = [np.sqrt((x - b[0]) ** 2 + (y - b[1]) ** 2 + depth**2) - b[3] for b in BALLS]
    body = (away[0] < -margin) & (away[1] > margin) & (away[2] > margin)
    return [(body, 1.0), (away[1] < -margin, 1.5), (away[2] < -margin, 0.6)]


FAN = FanBeam((SIZE, SIZE), np.arange(360) * TURN / 360, 240, source=190.0, detector=80.0, pitch=0.85)
SCANS = {
    "a turn": FAN,
    "a shifted detector": replace(FAN, offset=9.3),
    "two turns": replace(FAN, angles=np.arange(360) * TURN / 180),
    "golden angle": replace(FAN, angles=np.arange(400) * math.pi * (3 - math.sqrt(5))),
    "short scan": replace(FAN, angles=0.3 + np.radians(np.arange(211))),
    "longer arc": replace(FAN, angles=np.radians(np.arange(290) - 50)),
    "nearly a turn": replace(FAN, angles=np.radians(np.arange(350))[::-1]),
    "near source": replace(FAN, source=70.0, detector=0.0, pitch=0.4),
    "in metres": replace(FAN, source=0.19, detector=0.08, pitch=8.5e-4, voxel=(1e-3, 1e-3)),
}


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("curved", [False, True])
def test_densities_return_from_fans(scan: str, curved: bool) -> None:
    beam = replace(SCANS[scan], curved=curved)
    metres = 1e-3 if scan == "in metres" else 1.0
    in_pixels = replace(FAN, curved=curved) if metres < 1 else beam
    found = fan_backprojection(chords(in_pixels) * metres, beam).numpy()
    for region, density in regions():
        assert abs(found[region].mean() - density) < 0.01 * density
        assert found[region].std() < 0.03


@pytest.mark.parametrize("name", ["ramp", "shepp-logan", "cosine", "hamming", "hann"])
def test_windows_keep_the_density(name: FilterName) -> None:
    found = fan_backprojection(chords(FAN), FAN, name).numpy()
    for region, density in regions(margin=4.0):
        assert abs(found[region].mean() - density) < 0.01 * density


def test_a_limited_arc_simply_works() -> None:
    beam = replace(FAN, angles=np.radians(np.arange(0, 120, 2)))
    found = fan_backprojection(chords(beam), beam).numpy()
    assert np.isfinite(found).all()
    body, density = regions()[0]
    assert abs(found[body].mean() - density * 2 / 3) < 0.04 * density  # as much as of the lines of a disc was seen


def test_a_far_source_is_a_parallel_beam() -> None:
    y = torch.randn(90, 121, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    angles = tuple(np.arange(90) * TURN / 90)
    parallel = filtered_backprojection(y, ParallelBeam((80, 70), angles, 121, offset=0.4), "hann")
    for curved in (False, True):
        fan = FanBeam((80, 70), angles, 121, source=1e8, detector=0.0, offset=0.4, curved=curved)
        torch.testing.assert_close(fan_backprojection(y, fan, "hann"), parallel, rtol=0, atol=1e-4)


@pytest.mark.parametrize("degrees", [140, 180, 211, 240, 300, 345, 360])
def test_rays_of_one_line_share_its_weight(degrees: int) -> None:
    """What opposite rays count adds up to one: rebinned to lines, no line that is measured counts more or less."""
    beam = replace(FAN, angles=np.radians(np.arange(degrees)), detectors=241)
    share = redundancy(beam)
    assert (share > 0).all()
    assert (share <= 1).all()
    theta, fan = np.array(beam.angles), beam.fan
    for v in range(0, degrees, 7):
        for d in range(0, 241, 20):
            other = np.mod(theta[v] + math.pi + 2 * fan[d], TURN)
            w = round(math.degrees(other)) % 360
            if w < degrees and abs(math.degrees(other) - w) < 1e-6:
                assert share[v, d] + share[w, 240 - d] == pytest.approx(1)
            elif degrees < 360 and degrees < math.degrees(other) < 359:
                assert share[v, d] == pytest.approx(1)


CONE = ConeBeam((41, SIZE, SIZE), np.arange(180) * TURN / 180, (90, 160), 300.0, 100.0, (1.1, 1.2))


@pytest.mark.parametrize("half", [False, True])
def test_densities_return_from_cones(half: bool) -> None:
    beam = replace(CONE, angles=np.radians(np.arange(0, 214, 1.5)), offset=(2.5, -4.0)) if half else CONE
    found = cone_backprojection(chords(beam), beam).numpy()
    for k in (20, 23):  # the plane of the source and near it, where the method is exact or nearly so
        for region, density in regions(depth=k - 20.0):
            assert abs(found[k][region].mean() - density) < 0.015 * density
    assert abs(found[32][regions(depth=12.0)[0][0]].mean() - 1) < 0.05  # rays that rise by three degrees


def test_one_row_of_a_panel_is_a_fan() -> None:
    y = torch.randn(3, 60, 160, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    fan = FanBeam((50, 40), np.arange(60) * TURN / 60, 160, source=90.0, detector=40.0)
    cone = ConeBeam((1, 50, 40), fan.angles, (3, 160), 90.0, 40.0)
    x = cone_backprojection(y[..., None, :].expand(3, 60, 3, 160), cone, "hann")
    torch.testing.assert_close(x[:, 0], fan_backprojection(y, fan, "hann"), rtol=0, atol=1e-12)
    single = fan_backprojection(y.to(torch.complex64), fan, "hann")
    assert single.dtype == torch.complex64
    assert (single - x[:, 0]).abs().max() < 1e-5 * x.abs().max()


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="360, 240"):
        fan_backprojection(torch.zeros(240, 360), FAN)
    with pytest.raises(ValueError, match="unknown filter"):
        fan_backprojection(torch.zeros(360, 240), FAN, "rampe")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="int64"):
        cone_backprojection(torch.zeros(CONE.measured, dtype=torch.int64), CONE)
