"""The projector and its adjoint against Joseph's definition, scikit-image, and closed formulas."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from recon.runtime.native import library
from recon.runtime.tomography import ParallelBeam, backproject, beam, fallback, project
from scipy.ndimage import gaussian_filter
from skimage.transform import radon

EPS = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
DTYPES = [torch.float32, torch.float64]


def joseph_matrix(g: ParallelBeam) -> npt.NDArray[np.float64]:
    """The definition, ray by ray and line by line: [V * D, H * W]."""
    (height, width), (dy, dx) = g.shape, g.voxel
    matrix = np.zeros((g.views, g.detectors, height, width))
    for v, theta in enumerate(g.angles):
        normal = np.array([math.cos(theta), -math.sin(theta)])  # (x, y)
        along = np.array([math.sin(theta), math.cos(theta)])
        for d in range(g.detectors):
            foot = normal * ((d - (g.detectors - 1) / 2) * g.pitch + g.offset)
            by_rows = abs(along[1]) / dy >= abs(along[0]) / dx
            for line in range(height if by_rows else width):
                if by_rows:
                    tau = ((line - (height - 1) / 2) * dy - foot[1]) / along[1]
                    place, count = (foot + tau * along)[0] / dx + (width - 1) / 2, width
                    length = dy / abs(along[1])
                else:
                    tau = ((line - (width - 1) / 2) * dx - foot[0]) / along[0]
                    place, count = (foot + tau * along)[1] / dy + (height - 1) / 2, height
                    length = dx / abs(along[0])
                for cell in (math.floor(place), math.floor(place) + 1):
                    if 0 <= cell < count:
                        index = (v, d, line, cell) if by_rows else (v, d, cell, line)
                        matrix[index] += length * (1 - abs(place - cell))
    return matrix.reshape(g.views * g.detectors, height * width)


# Irregular angles: at multiples of 45 degrees rays run through corners, where a rounding error picks the weights.
SOME = (0.013, 0.4, 0.77, 1.2, 1.5, 1.69, 2.2, 2.9, 3.3, 4.1, 5.5, -0.6, 6.4)
GEOMETRIES = [
    ParallelBeam((16, 16), SOME, 23),
    ParallelBeam((16, 16), SOME, 40, pitch=0.55),
    ParallelBeam((16, 16), SOME, 90, pitch=0.21),
    ParallelBeam((16, 16), SOME, 9, pitch=2.7, offset=0.4),
    ParallelBeam((13, 21), SOME, 31, pitch=0.9, voxel=(1.3, 0.6), offset=-2.2),
    ParallelBeam((20, 7), SOME, 5, pitch=1.1, voxel=(0.4, 2.0)),
    ParallelBeam((1, 1), SOME, 3),
    ParallelBeam((70, 90), SOME[3:5], 60, offset=30.0),
    ParallelBeam((16, 17), (0.0, math.pi / 2, math.pi, -math.pi / 2), 29, pitch=0.75, offset=0.1),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=range(len(GEOMETRIES)))
def test_forward_and_adjoint_are_josephs_matrix(backend: str, geometry: ParallelBeam, dtype: torch.dtype) -> None:
    matrix = torch.from_numpy(joseph_matrix(geometry)).to(dtype)
    rng = torch.Generator().manual_seed(0)
    image = torch.randn(3, *geometry.shape, dtype=dtype, generator=rng)
    sinogram = torch.randn(3, geometry.views, geometry.detectors, dtype=dtype, generator=rng)
    # a place is off by the rounding of up to 16 steps of the detector in pixels, or of pixels in detectors
    terms, steps = max(*geometry.shape, geometry.views, geometry.detectors), np.abs(geometry.lines[:, 3])
    stretch = max(1.0, steps.max(), 1 / steps.min())
    bound = 20 * EPS[dtype] * terms * stretch * matrix.abs().max().item() + 1e-12
    torch.testing.assert_close(project(image, geometry).flatten(1), image.flatten(1) @ matrix.T, rtol=0, atol=bound)
    torch.testing.assert_close(
        backproject(sinogram, geometry).flatten(1), sinogram.flatten(1) @ matrix, rtol=0, atol=bound
    )


@pytest.mark.parametrize("geometry", [GEOMETRIES[2], GEOMETRIES[4]], ids=["fine", "oblong"])
def test_strips_of_the_image_add_up(monkeypatch: pytest.MonkeyPatch, geometry: ParallelBeam) -> None:
    monkeypatch.setenv("RECON_NATIVE", "0")
    monkeypatch.setattr(fallback, "BLOCK_BYTES_CPU", 500)  # some 3 lines of float64
    monkeypatch.setattr(fallback, "VIEWS", 2)
    matrix = torch.from_numpy(joseph_matrix(geometry))
    rng = torch.Generator().manual_seed(5)
    image = torch.randn(2, *geometry.shape, dtype=torch.float64, generator=rng)
    sinogram = torch.randn(2, *geometry.measured, dtype=torch.float64, generator=rng)
    forward, adjoint = image.flatten(1) @ matrix.T, sinogram.flatten(1) @ matrix
    torch.testing.assert_close(project(image, geometry).flatten(1), forward, rtol=0, atol=1e-11)
    torch.testing.assert_close(backproject(sinogram, geometry).flatten(1), adjoint, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("pitch", [1.0, 0.4, 3.0])
def test_the_adjoint_is_exact(backend: str, dtype: torch.dtype, bound: float, pitch: float) -> None:
    geometry = ParallelBeam((150, 131), np.linspace(0, 2 * np.pi, 60), 203, pitch=pitch)
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(geometry.shape, dtype=dtype, generator=rng)  # positive: the two products are large and comparable
    y = torch.rand(geometry.views, geometry.detectors, dtype=dtype, generator=rng)
    ax, aty = project(x, geometry), backproject(y, geometry)
    left, right = torch.sum(ax.double() * y), torch.sum(x.double() * aty)
    assert abs(left - right) / (ax.norm() * y.norm()) < bound
    assert left > 0.1 * ax.norm() * y.norm()


@pytest.mark.parametrize("undefined", [("-U__AVX512F__",), ("-U__AVX512F__", "-U__AVX2__")])
@pytest.mark.parametrize("dtype", DTYPES)
def test_smaller_instruction_sets_agree_with_torch(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    undefined: tuple[str, ...],
    dtype: torch.dtype,
) -> None:
    try:
        command = [*library.compiler(), *undefined]
    except library.BuildError as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.getbasetemp() / "native"  # shared by the dtypes
    kernels = library.Kernels(library.build([library.SOURCES / "joseph.cpp"], folder, command))
    rng = torch.Generator().manual_seed(2)
    for pitch, voxel in ((1.0, (1.0, 1.0)), (0.3, (1.0, 0.8)), (4.0, (0.7, 1.0))):
        geometry = ParallelBeam((90, 75), np.linspace(0.01, 6, 21), 121, pitch=pitch, voxel=voxel)
        x = torch.randn(2, 90, 75, dtype=dtype, generator=rng)
        y = torch.randn(2, 21, 121, dtype=dtype, generator=rng)
        both = []
        for choice in (lambda: kernels, lambda: None):
            monkeypatch.setattr(beam, "native", choice)
            both.append((project(x, geometry), backproject(y, geometry)))
        for a, b in zip(*both, strict=True):
            assert (a - b).abs().max() < 1000 * EPS[dtype] * a.abs().max()  # places up to some 400 are rounded


def test_a_disc_projects_to_its_chords(backend: str) -> None:
    radius, size, value = 40.0, 201, 1.7
    grid = (np.arange(size * 5) - (size * 5 - 1) / 2) / 5  # five samples a pixel: the pixel's mean over the disc
    inside = (np.hypot(*np.meshgrid(grid, grid)) <= radius).reshape(size, 5, size, 5).mean(axis=(1, 3))
    geometry = ParallelBeam((size, size), np.linspace(0, np.pi, 30), 181, pitch=0.25, voxel=(0.5, 0.5))
    sinogram = project(torch.from_numpy(value * inside), geometry).numpy()
    s = (np.arange(181) - 90) * 0.25
    chord = value * 2 * np.sqrt(np.clip((0.5 * radius) ** 2 - s**2, 0, None))
    inner = np.abs(s) < 0.5 * radius - 1.5  # at the rim the chord's slope is infinite
    assert np.abs(sinogram - chord)[:, inner].max() < 0.03 * chord.max()
    assert np.abs((sinogram - chord)[:, inner].mean()) < 1e-3 * chord.max()
    assert np.all(sinogram[:, np.abs(s) > 0.5 * radius + 1.0] == 0)


def blobs(size: int, sigma: float) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(3)
    spikes = np.zeros((size, size))
    middle = rng.integers(size // 3, 2 * size // 3, (8, 2))
    spikes[middle[:, 0], middle[:, 1]] = rng.uniform(0.5, 1.0, 8)
    return gaussian_filter(spikes, sigma)


def test_every_view_holds_the_mass(backend: str) -> None:
    image = blobs(151, 6.0)  # smooth: sampling at the detectors' pitch aliases less than 1e-5 of it
    for pitch, voxel in ((1.0, (1.0, 1.0)), (0.2, (0.5, 0.25))):
        geometry = ParallelBeam((151, 151), np.linspace(0, 3, 40), 501, pitch=pitch, voxel=voxel)
        mass = project(torch.from_numpy(image), geometry).sum(dim=-1) * pitch
        np.testing.assert_allclose(mass, image.sum() * voxel[0] * voxel[1], rtol=1e-5)


def test_the_orientation_is_that_of_scikit_image(backend: str) -> None:
    image = blobs(101, 2.5)
    degrees = np.arange(0.0, 360.0, 13.0)
    reference = radon(image, degrees, circle=False).T
    geometry = ParallelBeam((101, 101), np.deg2rad(degrees), reference.shape[1])
    assert reference.shape[1] % 2 == 1
    ours = project(torch.from_numpy(image), geometry).numpy()
    assert np.linalg.norm(ours - reference) < 0.02 * np.linalg.norm(reference)


def test_the_axis_of_scikit_image_for_an_even_detector(backend: str) -> None:
    image = blobs(97, 2.5)
    reference = radon(image, [0.0, 30.0, 90.0], circle=False).T
    assert reference.shape[1] % 2 == 0
    geometry = ParallelBeam((97, 97), np.deg2rad([0.0, 30.0, 90.0]), reference.shape[1], offset=-0.5)
    ours = project(torch.from_numpy(image), geometry).numpy()
    assert np.linalg.norm(ours - reference) < 0.02 * np.linalg.norm(reference)


GEOMETRY = ParallelBeam((19, 24), SOME, 33)


def test_complex_images_are_two_real_ones(backend: str) -> None:
    rng = torch.Generator().manual_seed(4)
    x = torch.randn(2, 19, 24, dtype=torch.complex128, generator=rng)
    y = torch.randn(2, 13, 33, dtype=torch.complex128, generator=rng)
    torch.testing.assert_close(
        project(x, GEOMETRY), torch.complex(project(x.real, GEOMETRY), project(x.imag, GEOMETRY)), rtol=0, atol=0
    )
    torch.testing.assert_close(project(x.conj(), GEOMETRY), project(x, GEOMETRY).conj(), rtol=0, atol=0)
    left = torch.vdot(project(x, GEOMETRY).flatten(), y.flatten())
    right = torch.vdot(x.flatten(), backproject(y, GEOMETRY).flatten())
    assert abs(left - right) < 1e-13 * project(x, GEOMETRY).norm() * y.norm()


def test_batches_views_and_modes(backend: str) -> None:
    x = torch.randn(24, 2, 19, 3, generator=torch.Generator().manual_seed(5)).permute(1, 3, 2, 0)
    before, alone = x.clone(), torch.stack([torch.stack([project(image, GEOMETRY) for image in row]) for row in x])
    for mode in (torch.inference_mode(), torch.no_grad(), torch.enable_grad()):
        with mode:
            together = project(x, GEOMETRY)
        assert torch.equal(together, alone)
    assert torch.equal(x, before)
    assert project(x[:0], GEOMETRY).shape == (0, 3, 13, 33)
    assert backproject(together[:0], GEOMETRY).shape == (0, 3, 19, 24)
    learned = x.clone().requires_grad_()
    assert not project(learned, GEOMETRY).requires_grad


def test_the_number_of_threads_changes_no_bit(backend: str) -> None:
    x = torch.randn(150, 140, generator=torch.Generator().manual_seed(6))
    geometry = ParallelBeam((150, 140), np.linspace(0, 3, 50), 211)
    one = project(x, geometry)
    back = backproject(one, geometry)
    assert torch.equal(project(x, geometry), one)
    if backend == "native":
        torch.set_num_threads(2)
        assert torch.equal(project(x, geometry), one)
        assert torch.equal(backproject(one, geometry), back)


def test_wrong_inputs_are_refused(backend: str) -> None:
    with pytest.raises(ValueError, match=r"\[\.\.\., 19, 24\]"):
        project(torch.zeros(24, 19), GEOMETRY)
    with pytest.raises(ValueError, match=r"\[\.\.\., 13, 33\]"):
        backproject(torch.zeros(33), GEOMETRY)
    with pytest.raises(TypeError, match="int64"):
        project(torch.zeros(19, 24, dtype=torch.int64), GEOMETRY)


def test_geometries_are_values() -> None:
    angles = torch.linspace(0, 3, 7, dtype=torch.float64)
    a = ParallelBeam((4, 5), angles, 9)
    b = ParallelBeam((4, 5), tuple(angles.tolist()), 9)
    assert a == b
    assert hash(a) == hash(b)
    assert a.angles == tuple(angles.tolist())
    assert a != ParallelBeam((4, 5), angles, 9, offset=0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"angles": ()},
        {"angles": torch.zeros(2, 2)},
        {"angles": (math.nan,)},
        {"detectors": 0},
        {"pitch": 0.0},
        {"pitch": math.inf},
        {"voxel": (1.0, -1.0)},
        {"shape": (0, 5)},
    ],
)
def test_impossible_geometries_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ParallelBeam(**{"shape": (4, 5), "angles": (0.0,), "detectors": 3, **wrong})
