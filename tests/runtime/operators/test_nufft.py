"""The non-uniform transform against its dense matrix; trajectories and densities against geometry and sigpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import MisfitError
from recon.dsl.model.space import Space
from recon.dsl.vocabulary.operators import mri, nufft
from recon.runtime.build import Build
from recon.runtime.meaning import meaning
from recon.runtime.mri import trajectories
from recon.runtime.mri.nufft import _finufft
from recon.runtime.operators.base import Composition
from recon.runtime.operators.mri import CoilFilter
from recon.runtime.operators.nufft import NufftOperator
from recon.runtime.values import EvaluationError

from .making import grid, make, sample

RADIAL = nufft.Radial(spokes=9, samples=20)


def dense(points: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """exp(-2 pi i <k_j, n>) / sqrt(N), n counted from N // 2."""
    axes = np.meshgrid(*[np.arange(n) - n // 2 for n in sizes], indexing="ij")
    places = np.stack(axes, axis=-1).reshape(-1, len(sizes))
    return np.exp(-2j * np.pi * points.reshape(-1, len(sizes)) @ places.T) / np.sqrt(len(places))


@pytest.mark.parametrize(
    ("word", "points", "sizes"),
    [
        (RADIAL, trajectories.radial(9, 20, RADIAL.step), (12, 12)),
        (nufft.Spiral(interleaves=3, samples=50, turns=2.5, power=1.2), trajectories.spiral(3, 50, 2.5, 1.2), (11, 14)),
        (nufft.Kooshball(spokes=7, samples=12), trajectories.kooshball(7, 12), (5, 6, 8)),
    ],
)
def test_the_transform_is_the_dense_matrix(word: nufft.Trajectory, points: np.ndarray, sizes: tuple[int, ...]) -> None:
    domain = grid(2, *sizes, field="complex", head=("frame",))
    matrix = dense(points, sizes)
    for real, tolerance in ((torch.float64, 1e-12), (torch.float32, 3e-5)):
        operator = make(nufft.Nufft(trajectory=word), domain=domain, build=Build(real=real))
        x = sample(domain, 3).to(torch.complex128 if real == torch.float64 else torch.complex64)
        y = sample(operator.codomain, 3, seed=1).to(x)
        flat, scale = x.reshape(3, 2, -1).numpy(), float(np.linalg.norm(matrix, 2))
        near = {"rtol": 0, "atol": tolerance * scale * np.sqrt(flat.shape[-1])}
        np.testing.assert_allclose(operator(x).reshape(3, 2, -1), flat @ matrix.T, **near)
        back = y.reshape(3, 2, -1).numpy() @ matrix.conj()
        np.testing.assert_allclose(operator.adjoint(y).reshape(3, 2, -1), back, **near)
        gram = flat @ (matrix.conj().T @ matrix).T
        near["atol"] *= scale
        np.testing.assert_allclose(operator.gram(x).reshape(3, 2, -1), gram, **near)


def test_lines_shared_out_among_frames() -> None:
    """Three spokes for each of three frames of two coils: the dense matrices, A^H A as filters, and gridding."""
    points = trajectories.radial(9, 20, RADIAL.step).reshape(3, 3, 20, 2)
    domain = grid(3, 12, 12, field="complex", head=("frame",))
    operator = make(nufft.Nufft(trajectory=RADIAL, vary="frame"), mri.Coils(maps=mri.Birdcage(coils=2)), domain=domain)
    assert str(operator.codomain) == "complex[frame 3, coil 2, spoke 3, readout 20]"
    maps = make(mri.Coils(maps=mri.Birdcage(coils=2)), domain=grid(12, 12, field="complex"))
    x = sample(domain, 4)
    y = operator(x)
    for k in range(3):
        seen = maps(x[:, k]).reshape(4, 2, -1).numpy() @ dense(points[k], (12, 12)).T
        np.testing.assert_allclose(y[:, k].reshape(4, 2, -1).numpy(), seen, atol=1e-11)
    assert isinstance(operator.normal(), CoilFilter)
    torch.testing.assert_close(operator.gram(x), operator.adjoint(y), rtol=0, atol=1e-10)
    (transform,) = (m for m in operator.modules() if isinstance(m, NufftOperator))
    weights = transform.weights(lambda p, extents: p[..., 0])
    assert weights.shape == (3, 1, 3, 20)
    np.testing.assert_array_equal(weights[:, 0], points[..., 0])
    with pytest.raises(MisfitError, match="9 lines out among 2 frames alike; take 8"):
        make(nufft.Nufft(trajectory=RADIAL, vary="frame"), domain=grid(2, 12, 12, field="complex", head=("frame",)))
    with pytest.raises(MisfitError, match="frames = 25"):
        make(nufft.Nufft(trajectory=RADIAL, vary="frame"), domain=grid(12, 12, field="complex"))


def test_at_whole_frequencies_it_is_the_uniform_transform(tmp_path: Path) -> None:
    k = np.stack(np.meshgrid((np.arange(6) - 3) / 6, (np.arange(9) - 4) / 9, indexing="ij"), axis=-1)
    np.save(tmp_path / "k.npy", k)
    word = nufft.TrajectoryFile(file=FilePath("k.npy", str(tmp_path / "k.npy")))
    domain = grid(6, 9, field="complex")
    x = sample(domain)
    shifted = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(x.numpy()), norm="ortho"))
    np.testing.assert_allclose(make(nufft.Nufft(trajectory=word), domain=domain)(x), shifted, atol=1e-12)


@pytest.mark.parametrize("sizes", [(12, 10), (5, 12, 10)])
def test_parallel_imaging_gram_goes_coil_by_coil(sizes: tuple[int, ...]) -> None:
    domain = grid(*sizes, field="complex")
    operator = make(nufft.Nufft(trajectory=RADIAL), mri.Coils(maps=mri.Birdcage(coils=3)), domain=domain)
    assert isinstance(operator, Composition)
    assert isinstance(operator.middle, CoilFilter)
    assert operator.codomain.sizes == (3, *sizes[:-2], 9, 20)
    x = sample(domain, 2)
    torch.testing.assert_close(operator.gram(x), operator.adjoint(operator(x)), rtol=0, atol=1e-11)


def test_golden_angles_are_those_of_the_papers() -> None:
    assert nufft.Radial(spokes=5, samples=4).step * 180 == pytest.approx(111.246, abs=1e-3)
    assert nufft.Radial(spokes=5, samples=4, angle="tiny_golden").step * 180 == pytest.approx(23.63, abs=1e-2)
    k = trajectories.radial(5, 8, 0.2)
    assert k[0].tolist() == [[0, j] for j in (np.arange(8) - 4) / 8]
    np.testing.assert_allclose(np.degrees(np.arctan2(k[:, -1, 0], k[:, -1, 1])), [0, 36, 72, 108, 144])


def test_lines_of_a_kooshball_cover_the_sphere_evenly() -> None:
    """The mean of u u^T over a uniform sphere is I / 3; independent directions would miss it by 0.3 / sqrt(n)."""
    k = trajectories.kooshball(600, 2)
    u = k[:, 0] / np.linalg.norm(k[:, 0], axis=-1, keepdims=True)
    assert np.abs(u.T @ u / 600 - np.eye(3) / 3).max() < 0.3 / np.sqrt(600) / 3


def test_areas_of_even_lines_are_rings() -> None:
    """Every ring of radius r has the area 2 pi r dr in steps of the grid, by 2 spokes samples."""
    k = trajectories.radial(50, 64, 1 / 50)
    area = trajectories.ramp(k, (32, 40))
    r = np.abs(np.arange(64) - 32) / 64
    rings = 2 * np.pi * r / 64 * 32 * 40 / 100
    rings[32] = np.pi / 4 / 64**2 * 32 * 40 / 50
    np.testing.assert_allclose(area, np.broadcast_to(rings, area.shape), rtol=1e-12)
    mended = trajectories.pipe_menon(k, (32, 40), 40)
    inner = (r > 3 / 32) & (r < 0.35)  # away from the edge, beyond which nobody shares the area, and from the middle
    np.testing.assert_allclose(mended.mean(0)[inner], area.mean(0)[inner], rtol=0.05)


def test_pipe_menon_agrees_with_sigpy() -> None:
    """Up to scale, on a golden-angle trajectory where it is dense: elsewhere the two kernels have different widths."""
    dcf = pytest.importorskip("sigpy.mri").pipe_menon_dcf
    k = trajectories.radial(89, 128, nufft.Radial(spokes=89, samples=128).step)
    ours = trajectories.pipe_menon(k, (64, 64), 30)
    theirs = dcf(k * 64, (64, 64), max_iter=30, show_pbar=False)
    dense = np.linalg.norm(k, axis=-1) < 0.1
    scale = ours[dense].sum() / theirs[dense].sum()
    np.testing.assert_allclose(ours[dense], theirs[dense] * scale, rtol=0, atol=0.1 * ours[dense].max())


def test_ramp_refuses_spirals() -> None:
    with pytest.raises(ValueError, match="pipe_menon"):
        trajectories.ramp(trajectories.spiral(4, 32, 2.0, 1.0), (16, 16))


def test_misfits(tmp_path: Path) -> None:
    with pytest.raises(MisfitError, match="3 dimensions and needs z, row, col"):
        make(nufft.Nufft(trajectory=nufft.Kooshball(spokes=3, samples=4)), domain=grid(8, 8, field="complex"))
    np.save(tmp_path / "k.npy", np.zeros((4, 2)))
    word = nufft.TrajectoryFile(file=FilePath("k.npy", str(tmp_path / "k.npy")))
    with pytest.raises(MisfitError, match=r"lines x samples x 2 real numbers, and k\.npy has 4 x 2"):
        make(nufft.Nufft(trajectory=word), domain=grid(8, 8, field="complex"))


def test_without_finufft_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "finufft", None)
    with pytest.raises(EvaluationError, match=r'pip install "recon-dsl\[nufft\]"'):
        _finufft()


def test_space_of_samples() -> None:
    domain: Space = grid(16, 16, field="complex")
    codomain = make(nufft.Nufft(trajectory=RADIAL), domain=domain).codomain
    assert [(a.name, a.size) for a in codomain.axes] == [("spoke", 9), ("readout", 20)]


@pytest.mark.parametrize(("value", "what"), [(np.nan, "not all points"), (32.0, "cycles per pixel")])
def test_a_file_of_points_beyond_kspace_is_refused(tmp_path: Path, value: float, what: str) -> None:
    np.save(tmp_path / "k.npy", np.full((1, 5, 2), value))
    word = nufft.TrajectoryFile(file=FilePath("k.npy", str(tmp_path / "k.npy")))
    with pytest.raises(EvaluationError, match=f"k.npy: .*{what}"):
        meaning(word)(word)
