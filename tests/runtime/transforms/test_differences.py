"""The kernels of differences and total variation, against numpy, in all shapes, dtypes and numbers of threads."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recon.runtime.native import native
from recon.runtime.transforms.differences import Stencil

pytestmark = pytest.mark.skipif(native() is None, reason="no kernels on this machine")

Array = NDArray[np.generic]
SHAPES = [
    ((1,), (0,)),
    ((37,), (0,)),
    ((4, 16), (1,)),
    ((9, 5), (0,)),
    ((33, 47), (0, 1)),
    ((32, 64), (0, 1)),
    ((1, 50), (0, 1)),
    ((50, 1), (0, 1)),
    ((3, 21, 18), (1, 2)),
    ((5, 7, 19), (0, 1, 2)),
    ((6, 4, 17), (0, 2)),
    ((4, 3, 5, 9), (0, 2, 3)),
    ((2, 3, 4, 5, 6), (2, 3, 4)),
]
DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
FACTORS = (1.0, 0.5, 1.75)
KINDS = [(dtype, joint) for dtype in DTYPES for joint in (True, False)]


@pytest.fixture(autouse=True)
def many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three, also where arrays are small; that their number changes nothing is a test of its own."""
    monkeypatch.setattr("recon.runtime.transforms.differences.threads_for", lambda numbers: 3)


def drawn(dtype: torch.dtype, *shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def tolerance(dtype: torch.dtype) -> float:
    """Sums of a few terms of size one to ten."""
    return 100 * torch.finfo(dtype).eps


def differences(x: Array, axes: tuple[int, ...]) -> Array:
    """D x behind the rows, by numpy, with other factors along each axis."""
    ahead = [np.diff(x, axis=a + 1, append=np.take(x, [-1], axis=a + 1)) for a in axes]
    return np.stack([c * d for c, d in zip(FACTORS, ahead, strict=False)], 1).astype(x.dtype)


def projected(p: Array, radius: Array, joint: bool) -> Array:
    """Each entry, or each group along axis 1, scaled to a modulus of at most the radius of its row."""
    size = np.sqrt((np.abs(p) ** 2).sum(1, keepdims=True)) if joint else np.abs(p)
    r = radius.reshape(-1, *[1] * (p.ndim - 1))
    return np.where(size > r, p * (r / np.where(size > 0, size, 1)), p).astype(p.dtype)


@pytest.mark.parametrize(("sizes", "axes"), SHAPES)
def test_differences_and_their_adjoint(sizes: tuple[int, ...], axes: tuple[int, ...]) -> None:
    for dtype in DTYPES:
        stencil = Stencil(sizes, axes, FACTORS[: len(axes)])
        x, p = drawn(dtype, 2, *sizes), drawn(dtype, 2, len(axes), *sizes, seed=1)
        assert stencil.ready(x)
        dx = stencil.forward(x, torch.full_like(p, torch.nan))
        np.testing.assert_allclose(dx.numpy(), differences(x.numpy(), axes), rtol=0, atol=tolerance(dtype))
        back = stencil.adjoint(p, torch.full_like(x, torch.nan))
        # The adjoint is known by its inner products with the differences of every unit vector.
        units = np.eye(math.prod(sizes)).reshape(-1, *sizes)
        matrix = differences(units, axes).reshape(len(units), -1)
        expected = (p.numpy().reshape(2, -1) @ matrix.T).reshape(2, *sizes)
        np.testing.assert_allclose(back.numpy(), expected, rtol=0, atol=tolerance(dtype))


@pytest.mark.parametrize(("sizes", "axes"), SHAPES)
def test_variation(sizes: tuple[int, ...], axes: tuple[int, ...]) -> None:
    for dtype, joint in KINDS:
        x = drawn(dtype, 3, *sizes)
        moduli = np.abs(differences(x.numpy().astype(np.complex128), axes))
        lengths = np.sqrt((moduli**2).sum(1)) if joint else moduli
        found = Stencil(sizes, axes, FACTORS[: len(axes)]).variation(x, joint)
        np.testing.assert_allclose(found.numpy(), lengths.reshape(3, -1).sum(1), rtol=tolerance(dtype))


@pytest.mark.parametrize(("sizes", "axes"), SHAPES)
def test_dual_steps(sizes: tuple[int, ...], axes: tuple[int, ...]) -> None:
    for dtype, joint in KINDS:
        x, p = drawn(dtype, 3, *sizes), drawn(dtype, 3, len(axes), *sizes, seed=1)
        sigma, radius = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0.7, 0.0, 1e3])
        moved = p.numpy() + sigma.reshape(-1, *[1] * (p.ndim - 1)).numpy() * differences(x.numpy(), axes)
        found = Stencil(sizes, axes, FACTORS[: len(axes)]).ascent_(p, x, sigma, radius, joint)
        assert found.data_ptr() == p.data_ptr()
        expected = projected(moved, radius.numpy(), joint)
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=tolerance(dtype))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("sizes", "axes"), SHAPES)
def test_whole_steps(
    sizes: tuple[int, ...], axes: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One, then two in one call, so that what one leaves behind is seen, too; a box only where numbers are ordered."""
    monkeypatch.setattr("recon.runtime.transforms.differences.threads_for", lambda numbers: threads)
    for dtype, joint in KINDS:
        stencil = Stencil(sizes, axes, FACTORS[: len(axes)])
        x, ahead, y = (drawn(dtype, 2, *sizes, seed=s) for s in range(3))
        p = drawn(dtype, 2, len(axes), *sizes, seed=3)
        tau, low, high = torch.tensor([0.3, 0.1]), *((-torch.inf, torch.inf) if dtype.is_complex else (-0.5, 0.9))
        a, b, q, t = (
            x.numpy().copy(),
            ahead.numpy().copy(),
            p.numpy().copy(),
            tau.reshape(-1, *[1] * len(sizes)).numpy(),
        )
        for shares in ((0.2,), (0.6, 0.4)):
            knobs = [(0.4, 0.8, tau, share, 1.7, low, high) for share in shares]
            x, ahead, p = stencil.denoise_(x, ahead, p, y, joint, knobs)
        for share in (0.2, 0.6, 0.4):
            q = projected(q + 0.4 * differences(b, axes), np.full(2, 0.8), joint)
            back = stencil.adjoint(torch.from_numpy(q), torch.empty_like(x)).numpy()
            v = a - t * back
            v = v + share * (y.numpy() - v)
            now = v if dtype.is_complex else np.clip(v, low, high)
            a, b = now, a + 1.7 * (now - a)
        for found, expected in ((x, a), (ahead, b), (p, q)):
            np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=tolerance(dtype))


def test_the_number_of_threads_changes_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    stencil, found = Stencil((6, 31, 45), (0, 1, 2)), []
    for threads in (1, 2, 5, 16):
        monkeypatch.setattr("recon.runtime.transforms.differences.threads_for", lambda numbers, n=threads: n)
        x, ahead, y, p = (drawn(torch.float32, 2, *s, 31, 45, seed=i) for i, s in enumerate(((6,), (6,), (6,), (3, 6))))
        for steps in (1, 7, 40):  # more than there are slabs, and more than the cache holds slabs
            knobs = [(0.4, 0.8, 0.2 / (1 + s), 0.3, 1.7, -torch.inf, torch.inf) for s in range(steps)]
            x, ahead, p = stencil.denoise_(x, ahead, p, y, True, knobs)
        found.append([*(t.numpy().tobytes() for t in (x, ahead, p)), stencil.variation(x, True).numpy().tobytes()])
    assert all(f == found[0] for f in found)


def test_not_numbers_stay() -> None:
    x = torch.ones(1, 20, 20)
    x[0, 3, 4] = torch.nan
    assert bool(Stencil((20, 20), (0, 1)).variation(x, True).isnan().all())
