"""Fan and cone beams against dense ray sums, the chords of a ball, and the parallel beam that they become far away."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
import torch
from recon.runtime.native import library
from recon.runtime.tomography import Beam, ConeBeam, FanBeam, ParallelBeam, backproject, beam, project

from .dense import Array, ray_sum, turned

EPS = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
# Irregular angles: at multiples of 45 degrees rays run through corners, where a rounding error picks the weights.
SOME = (0.013, 0.4, 0.77, 1.2, 1.69, 2.2, 2.9, 3.3, 4.1, 5.5, -0.6)

FANS = {
    "plain": FanBeam((32, 32), SOME, 40, source=60.0, detector=20.0, pitch=1.3),
    "fine": FanBeam((32, 32), SOME, 150, source=60.0, detector=20.0, pitch=0.31, offset=0.4),
    "coarse and wide": FanBeam((32, 30), SOME, 9, source=27.0, detector=30.0, pitch=13.0, offset=-2.0),
    "one detector": FanBeam((9, 8), SOME, 1, source=7.0, detector=0.0, offset=0.7),
    "flat pixels": FanBeam((20, 25), SOME, 51, source=0.04, detector=0.01, pitch=7e-4, voxel=(4e-4, 1.3e-3)),
    "curved": FanBeam((32, 28), SOME, 44, source=50.0, detector=30.0, pitch=1.4, offset=0.3, curved=True),
    "curved and wide": FanBeam((32, 28), SOME, 80, source=23.0, detector=30.0, pitch=1.9, curved=True),
}
CONES = {
    "cube": ConeBeam((16, 16, 16), SOME[:6], (19, 21), source=40.0, detector=20.0, pitch=(1.4, 1.3)),
    "fine": ConeBeam((16, 12, 14), SOME[:2], (70, 20), 40.0, 20.0, (0.35, 1.1), offset=(1.5, -0.7)),
    "coarse": ConeBeam((16, 16, 15), SOME, (5, 6), 26.0, 0.0, (4.2, 5.1), offset=(0.2, 0.3)),
    "flat voxels": ConeBeam((9, 17, 13), SOME[:4], (17, 24), 0.06, 0.02, (1e-3, 8e-4), (2e-3, 7e-4, 9e-4)),
    "one slice": ConeBeam((1, 16, 16), SOME[:4], (3, 25), source=40.0, detector=20.0),
}


@functools.cache
def matrix(b: FanBeam | ConeBeam) -> Array:
    """Every ray by its two ends: [rays, pixels]."""
    shape = b.shape if isinstance(b, ConeBeam) else (1, *b.shape)
    voxel = b.voxel if isinstance(b, ConeBeam) else (1.0, *b.voxel)
    rows, columns = b.detectors if isinstance(b, ConeBeam) else (1, b.detectors)
    down, along = b.pitch if isinstance(b, ConeBeam) else (1.0, b.pitch)
    up, side = b.offset if isinstance(b, ConeBeam) else (0.0, b.offset)
    out = []
    for angle in b.angles:
        for r in range(rows):
            for c in range(columns):
                s, z = (c - (columns - 1) / 2) * along + side, (r - (rows - 1) / 2) * down + up
                end = (b.detector, s)
                if isinstance(b, FanBeam) and b.curved:
                    reach = b.source + b.detector
                    end = (reach * math.cos(s / reach) - b.source, reach * math.sin(s / reach))
                out.append(ray_sum(turned(angle, -b.source, 0, 0), turned(angle, *end, z), shape, voxel).ravel())
    return np.array(out)


@pytest.mark.parametrize("scan", [*FANS.values(), *CONES.values()], ids=[*FANS, *(f"cone: {n}" for n in CONES)])
@pytest.mark.parametrize("dtype", EPS)
def test_forward_and_adjoint_are_the_dense_ray_sums(backend: str, scan: Any, dtype: torch.dtype) -> None:
    dense = torch.from_numpy(matrix(scan)).to(dtype)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, *scan.shape, dtype=dtype, generator=rng)
    y = torch.randn(2, *scan.measured, dtype=dtype, generator=rng)
    # a place is rounded at its size in pixels or detectors, of a volume in two directions
    terms = max(*scan.shape, *scan.measured)
    bound = 100 * EPS[dtype] * terms * float(dense.abs().max()) + 1e-12 * float(dense.abs().max())
    torch.testing.assert_close(project(x, scan).flatten(1), x.flatten(1) @ dense.T, rtol=0, atol=bound)
    back = backproject(y, scan)
    torch.testing.assert_close(back.flatten(1), y.flatten(1) @ dense, rtol=0, atol=bound * math.sqrt(scan.views))


LARGE = {
    "fan": FanBeam((131, 150), np.linspace(0, 2 * np.pi, 60), 203, source=260.0, detector=130.0, pitch=1.4),
    "curved": FanBeam((131, 150), np.linspace(0, 4, 60), 400, 150.0, 130.0, 0.9, offset=5.0, curved=True),
    "cone": ConeBeam((40, 60, 50), np.linspace(0, 2 * np.pi, 30), (70, 80), 120.0, 60.0, (1.3, 1.4)),
}


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("scan", LARGE.values(), ids=LARGE)
def test_the_adjoint_is_exact(backend: str, scan: Beam, dtype: torch.dtype, bound: float) -> None:
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(scan.shape, dtype=dtype, generator=rng)  # positive: the two products are large and comparable
    y = torch.rand(scan.measured, dtype=dtype, generator=rng)
    ax, aty = project(x, scan), backproject(y, scan)
    left, right = torch.sum(ax.double() * y), torch.sum(x.double() * aty)
    assert abs(left - right) / (ax.norm() * y.norm()) < bound
    assert left > 0.1 * ax.norm() * y.norm()


@pytest.mark.parametrize("undefined", [("-U__AVX512F__",), ("-U__AVX512F__", "-U__AVX2__")])
def test_smaller_instruction_sets_agree_with_torch(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, undefined: tuple[str, ...]
) -> None:
    try:
        command = [*library.compiler(), *undefined]
    except library.BuildError as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.getbasetemp() / "native"
    files = [library.SOURCES / name for name in ("fan.cpp", "cone.cpp")]
    kernels = library.Kernels(library.build(files, folder, command))
    rng = torch.Generator().manual_seed(2)
    for scan in LARGE.values():
        for dtype in EPS:
            x = torch.randn(scan.shape, dtype=dtype, generator=rng)
            y = torch.randn(scan.measured, dtype=dtype, generator=rng)
            both = []
            for choice in (lambda: kernels, lambda: None):
                monkeypatch.setattr(beam, "native", choice)
                both.append((project(x, scan), backproject(y, scan)))
            for a, b in zip(*both, strict=True):
                assert (a - b).abs().max() < 1000 * EPS[dtype] * a.abs().max()


@pytest.mark.parametrize("curved", [False, True])
def test_a_far_source_is_a_parallel_beam(backend: str, curved: bool) -> None:
    x = torch.randn(31, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    parallel = ParallelBeam((31, 30), SOME, 45, offset=0.3)
    fan = FanBeam((31, 30), SOME, 45, source=1e9, detector=0.0, offset=0.3, curved=curved)
    torch.testing.assert_close(project(x, fan), project(x, parallel), rtol=0, atol=1e-4)
    volume = x.expand(3, 31, 30)
    cone = ConeBeam((3, 31, 30), SOME, (3, 45), source=1e9, detector=0.0, offset=(0.0, 0.3))
    torch.testing.assert_close(project(volume, cone).movedim(0, 1), project(volume, parallel), rtol=0, atol=1e-4)


def test_a_ball_projects_to_its_chords(backend: str) -> None:
    radius, middle, value = 14.0, np.array([6.0, -4.0, 3.0]), 1.7  # x, y, z
    z, y, x = np.meshgrid(*[(np.arange(147) - 73) / 3] * 3, indexing="ij")  # 3 samples a voxel and axis
    inside = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2 <= radius**2
    volume = value * inside.reshape(49, 3, 49, 3, 49, 3).mean(axis=(1, 3, 5))
    scan = ConeBeam((49, 49, 49), SOME, (41, 61), source=90.0, detector=60.0, pitch=(1.8, 1.7), offset=(3.0, -2.0))
    found = project(torch.from_numpy(volume), scan).numpy()
    expected = np.zeros(scan.measured)
    for v, angle in enumerate(SOME):
        source = turned(angle, -90.0, 0, 0)
        for r in range(41):
            for c in range(61):
                ray = turned(angle, 60.0, (c - 30) * 1.7 - 2.0, (r - 20) * 1.8 + 3.0) - source
                away = np.linalg.norm(np.cross(middle - source, ray)) / np.linalg.norm(ray)
                expected[v, r, c] = 2 * value * math.sqrt(max(radius**2 - away**2, 0))
    inner = expected > value * radius  # at the rim the chord's slope is infinite
    assert np.abs(found - expected)[inner].max() < 0.03 * expected.max()
    # voxels and interpolation smooth over about a voxel, which takes 1 / radius^2 from a curved surface
    assert abs((found - expected)[inner].mean()) < expected.max() / radius**2
    assert np.abs(found[expected == 0]).max() < 0.25 * expected.max()  # a voxel around the rim


def test_thick_rays_are_means_of_thin_ones(backend: str) -> None:
    fan, cone = FANS["plain"], CONES["cube"]
    fine = fan.finer(4)
    assert fine.places.reshape(40, 4).mean(axis=1) == pytest.approx(fan.places)
    assert np.ptp(fine.places) == pytest.approx(np.ptp(fan.places) + 0.75 * fan.pitch)
    assert cone.finer(3).measured == (6, 57, 63)
    assert cone.finer(3).heights.reshape(19, 3).mean(axis=1) == pytest.approx(cone.heights)


@pytest.mark.parametrize("scan", [FANS["curved"], CONES["fine"]], ids=["fan", "cone"])
def test_complex_batches_and_threads(backend: str, scan: Any) -> None:
    rng = torch.Generator().manual_seed(4)
    x = torch.randn(2, 3, *scan.shape, dtype=torch.complex128, generator=rng)
    before, y = x.clone(), project(x, scan)
    torch.testing.assert_close(y[1, 2].imag, project(x[1, 2].imag, scan), rtol=0, atol=1e-12)
    z = torch.randn(scan.measured, dtype=torch.complex128, generator=rng)
    left = torch.vdot(y[1, 2].flatten(), z.flatten())
    right = torch.vdot(x[1, 2].flatten(), backproject(z, scan).flatten())
    assert abs(left - right) < 1e-13 * y[1, 2].norm() * z.norm()
    assert torch.equal(x, before)
    assert project(x[:0], scan).shape == (0, 3, *scan.measured)
    if backend == "native":
        single = x[0, 0].real.float()
        one, back = project(single, scan), backproject(z.real.float(), scan)
        torch.set_num_threads(2)
        assert torch.equal(project(single, scan), one)
        assert torch.equal(backproject(z.real.float(), scan), back)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source": 5.0}, "inside the image"),
        ({"source": math.nan}, "finite"),
        ({"detector": -1.0}, "at least 0"),
        ({"pitch": 0.0}, "positive"),
        ({"detectors": 0}, "at least 1"),
        ({"angles": ()}, "at least one view"),
        ({"curved": True, "pitch": 20.0}, "half a turn"),
    ],
)
def test_impossible_geometries_are_refused(wrong: dict[str, Any], message: str) -> None:
    good = {"shape": (8, 9), "angles": (0.0,), "detectors": 5, "source": 10.0, "detector": 3.0}
    FanBeam(**good)
    with pytest.raises(ValueError, match=message):
        FanBeam(**{**good, **wrong})
