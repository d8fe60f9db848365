"""The wavelet transform against PyWavelets, in the compiled kernel and in torch."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from recon.runtime.native import native
from recon.runtime.transforms import (
    filter_length,
    soft_threshold,
    wavelet_filters,
    wavelet_forward,
    wavelet_inverse,
    wavelet_soft_threshold,
)

NAMES = [name for family in ("haar", "db", "sym", "coif") for name in pywt.wavelist(family)]
DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
PATHS = ["torch", "native"]
paths = pytest.mark.parametrize("path", PATHS)


@contextmanager
def taking(path: str) -> Iterator[None]:
    """Switch the compiled kernels on or off; skip where they cannot be built."""
    before = os.environ.pop("RECON_NATIVE", None)
    try:
        if path == "torch":
            os.environ["RECON_NATIVE"] = "0"
        elif native() is None:
            pytest.skip("no compiled kernels on this machine")
        yield
    finally:
        os.environ.pop("RECON_NATIVE", None)
        if before is not None:
            os.environ["RECON_NATIVE"] = before


def random(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def double(x: torch.Tensor) -> NDArray[np.generic]:
    return x.to(torch.complex128 if x.is_complex() else torch.float64).numpy()


def peer(x: torch.Tensor, name: str, levels: int, axes: int) -> tuple[NDArray[np.generic], list[object]]:
    """The packed coefficients of PyWavelets in double precision, and its record of where they lie."""
    over = tuple(range(-axes, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns when a filter is longer than the coarsest line
        coefficients = pywt.wavedecn(double(x), name, "periodization", levels, over)
    packed, places = pywt.coeffs_to_array(coefficients, axes=over)
    return packed, places


def peer_inverse(packed: NDArray[np.generic], places: list[object], name: str, axes: int) -> NDArray[np.generic]:
    return pywt.waverecn(
        pywt.array_to_coeffs(packed, places, "wavedecn"), name, "periodization", tuple(range(-axes, 0))
    )


def close(result: torch.Tensor, expected: NDArray[np.generic], name: str, passes: int) -> bool:
    """Each pass adds F products of numbers rounded to eps; 4 covers the growth of |W| over W."""
    bound = 4 * filter_length(name) * passes * torch.finfo(result.dtype).eps * np.linalg.norm(expected)
    return bool(np.linalg.norm(double(result) - expected) <= bound)


@st.composite
def problems(draw: st.DrawFn) -> tuple[torch.Tensor, str, int, int]:
    axes, levels = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    sizes = [2**levels * draw(st.integers(1, {1: 40, 2: 10, 3: 3}[axes])) for _ in range(axes)]
    batch = draw(st.lists(st.integers(1, 3), max_size=2))
    x = random((*batch, *sizes), draw(st.sampled_from(DTYPES)), draw(st.integers(0, 99)))
    return x, draw(st.sampled_from(NAMES)), levels, axes


@paths
@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_coefficients_and_inverse_of_pywavelets(path: str, problem: tuple[torch.Tensor, str, int, int]) -> None:
    x, name, levels, axes = problem
    packed, places = peer(x, name, levels, axes)
    with taking(path):
        c = wavelet_forward(x, wavelet_filters(name), levels, axes)
        back = wavelet_inverse(x, wavelet_filters(name), levels, axes)
    assert c.shape == x.shape
    assert c.dtype == x.dtype
    assert close(c, packed, name, levels * axes)
    assert close(back, peer_inverse(double(x), places, name, axes), name, levels * axes)


@paths
@pytest.mark.parametrize("name", ["haar", "db3", "db4", "db20", "coif17"])
@pytest.mark.parametrize(
    ("shape", "axes", "levels"),
    [((2, 1000), 1, 3), ((512, 320), 2, 4), ((2, 132, 258), 2, 1), ((2, 132, 12, 160), 3, 2), ((160, 4, 4), 3, 2)],
)
def test_long_lines(path: str, name: str, shape: tuple[int, ...], axes: int, levels: int) -> None:
    x = random(shape)
    packed, places = peer(x, name, levels, axes)
    with taking(path):
        assert close(wavelet_forward(x, wavelet_filters(name), levels, axes), packed, name, levels * axes)
        expected = peer_inverse(x.numpy(), places, name, axes)
        assert close(wavelet_inverse(x, wavelet_filters(name), levels, axes), expected, name, levels * axes)


@paths
@pytest.mark.parametrize(("sizes", "levels"), [((2,), 1), ((8,), 3), ((4, 2), 1), ((8, 4), 2), ((2, 4, 2), 1)])
@pytest.mark.parametrize("name", ["haar", "db2", "db7", "sym20", "coif5"])
def test_matrix_is_orthogonal_where_filters_wrap(path: str, sizes: tuple[int, ...], levels: int, name: str) -> None:
    size = int(np.prod(sizes))
    identity = torch.eye(size, dtype=torch.float64)
    with taking(path):
        rows = wavelet_forward(identity.reshape(size, *sizes), wavelet_filters(name), levels, len(sizes)).reshape(
            size, size
        )
        columns = wavelet_inverse(identity.reshape(size, *sizes), wavelet_filters(name), levels, len(sizes))
    # 1e-9: the tabulated symlets are orthonormal to about 1e-11 per pass.
    assert torch.allclose(rows @ rows.T, identity, rtol=0, atol=1e-9)
    assert torch.allclose(columns.reshape(size, size), rows.T, rtol=0, atol=1e-14)


@paths
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keep_coarse", [False, True])
@pytest.mark.parametrize(("shape", "axes", "levels"), [((3, 48), 1, 2), ((3, 24, 16), 2, 3), ((2, 8, 16, 4), 3, 2)])
def test_soft_thresholding_of_pywavelets(
    path: str, dtype: torch.dtype, keep_coarse: bool, shape: tuple[int, ...], axes: int, levels: int
) -> None:
    x, name = random(shape, dtype), "sym4"
    thresholds = torch.tensor([0.3, 1.0, 2.5])[: shape[0]]
    packed, places = peer(x, name, levels, axes)
    expected = np.stack([pywt.threshold(c, float(t), "soft") for c, t in zip(packed, thresholds, strict=True)])
    if keep_coarse:
        corner = (slice(None), *(slice(size >> levels) for size in shape[1:]))
        expected[corner] = packed[corner]
    with taking(path):
        result = wavelet_soft_threshold(x, wavelet_filters(name), levels, axes, thresholds, keep_coarse)
        one = wavelet_soft_threshold(x[1], wavelet_filters(name), levels, axes, 1.0, keep_coarse)
    assert result.dtype == dtype
    # Shrinking is a contraction: rounding grows as in one transform of x and one of the result.
    bound = 4 * filter_length(name) * 2 * levels * axes * torch.finfo(dtype).eps * float(x.norm())
    assert np.linalg.norm(double(result) - peer_inverse(expected, places, name, axes)) <= bound
    assert torch.allclose(one, result[1], rtol=0, atol=bound)


@paths
def test_thresholds_at_the_ends(path: str) -> None:
    x, haar = random((2, 8, 8), torch.complex64), wavelet_filters("haar")
    with taking(path):
        nothing = wavelet_soft_threshold(x, haar, 3, 2, torch.tensor([0.0, 1e6]), keep_coarse=False)
        mean = wavelet_soft_threshold(x, haar, 3, 2, 1e6, keep_coarse=True)
    assert torch.allclose(nothing[0], x[0], atol=1e-5)
    assert not nothing[1].any()
    assert torch.allclose(mean, x.mean((1, 2), keepdim=True).expand_as(x), atol=1e-5)


@paths
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_nan_is_not_hidden(path: str, dtype: torch.dtype) -> None:
    x = torch.full((8,), torch.nan, dtype=dtype)
    with taking(path):
        assert wavelet_soft_threshold(x, wavelet_filters("haar"), 2, 1, 1.0, keep_coarse=False).isnan().all()
        assert wavelet_forward(x, wavelet_filters("haar"), 2, 1).isnan().all()


def test_soft_threshold_minimises_its_cost() -> None:
    c, t, grid = torch.tensor([-3.0, -0.5, 0.0, 0.7, 2.0]), torch.tensor(1.0), torch.linspace(-4, 4, 8001)
    cost = 0.5 * (grid - c[:, None]) ** 2 + t * grid.abs()
    assert torch.allclose(soft_threshold(c, t), grid[cost.argmin(1)], atol=1e-3)
    turn = torch.polar(torch.tensor(1.0), torch.tensor(0.8))
    assert torch.allclose(soft_threshold(c * turn, t), soft_threshold(c, t) * turn, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_bits_do_not_depend_on_the_number_of_threads(batch: int) -> None:
    x, threads, db4 = random((batch, 128, 136), torch.complex64), torch.get_num_threads(), wavelet_filters("db4")
    results = []
    with taking("native"):
        try:
            for count in (1, 2, 3):
                torch.set_num_threads(count)
                results.append(wavelet_soft_threshold(x, db4, 3, 2, 0.5, keep_coarse=True))
        finally:
            torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@paths
def test_views_without_memory_of_their_own(path: str) -> None:
    x, db2 = random((16, 24), torch.complex128), wavelet_filters("db2")
    views = [x.conj(), x.conj().imag, x.T, x[::2], x.real, x[:1].expand(8, 24)]
    with taking(path):
        for view in views:
            plain = torch.from_numpy(np.array(view.resolve_conj().resolve_neg().numpy(), order="C"))
            for act in (wavelet_forward, wavelet_inverse):
                assert torch.equal(act(view, db2, 2, 2), act(plain, db2, 2, 2))


@paths
def test_gradient_is_the_adjoint(path: str) -> None:
    x, weight, db3 = random((2, 8, 8)).requires_grad_(), random((2, 8, 8), seed=1), wavelet_filters("db3")
    with taking(path):
        with torch.inference_mode():
            wavelet_forward(x, db3, 2, 2)  # what it keeps must be usable by autograd
        (gradient,) = torch.autograd.grad((wavelet_forward(x, db3, 2, 2) * weight).sum(), x)
        assert torch.allclose(gradient, wavelet_inverse(weight, db3, 2, 2), rtol=0, atol=1e-13)
        (gradient,) = torch.autograd.grad((wavelet_inverse(x, db3, 2, 2) * weight).sum(), x)
        assert torch.allclose(gradient, wavelet_forward(weight, db3, 2, 2), rtol=0, atol=1e-13)
        with torch.no_grad():
            assert not wavelet_forward(x, db3, 2, 2).requires_grad


def test_gradient_of_soft_thresholding() -> None:
    x, t = random((2, 8), torch.complex128).requires_grad_(), torch.tensor([0.4, 0.9], dtype=torch.float64)
    t.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, t: wavelet_soft_threshold(x, wavelet_filters("db2"), 2, 1, t, True), (x, t), atol=1e-6
    )


@paths
def test_no_levels_and_empty_batches(path: str) -> None:
    x, db4 = random((3, 5)), wavelet_filters("db4")
    with taking(path):
        for act in (wavelet_forward, wavelet_inverse):
            copy = act(x, db4, 0, 2)
            assert torch.equal(copy, x)
            assert copy.data_ptr() != x.data_ptr()
            for dtype in (torch.float32, torch.complex64):
                assert act(torch.empty(0, 8, 8, dtype=dtype), db4, 2, 2).shape == (0, 8, 8)
        assert wavelet_soft_threshold(torch.empty(0, 8), db4, 1, 1, 1.0, True).shape == (0, 8)


@pytest.mark.parametrize(
    ("shape", "levels", "axes", "message"),
    [((12, 12), 3, 2, "8 divides"), ((8,), 1, 2, "axes"), ((8, 8), -1, 2, "negative"), ((8,) * 4, 1, 4, "axes")],
)
def test_what_cannot_be_transformed(shape: tuple[int, ...], levels: int, axes: int, message: str) -> None:
    for act in (wavelet_forward, wavelet_inverse):
        with pytest.raises(ValueError, match=message):
            act(torch.zeros(shape), wavelet_filters("haar"), levels, axes)


def test_what_is_no_threshold_and_no_number() -> None:
    x, haar = torch.zeros(2, 8), wavelet_filters("haar")
    for threshold, message in [(-1.0, "negative"), (float("nan"), "negative"), (torch.ones(3), "do not fit")]:
        with pytest.raises(ValueError, match=message):
            wavelet_soft_threshold(x, haar, 1, 1, threshold, False)
    for dtype in (torch.float16, torch.int64):
        with pytest.raises(TypeError, match="takes float32"):
            wavelet_forward(x.to(dtype), haar, 1, 1)
