"""Jacobians against torch's dense ones; the generator's spectrum against its expectation, estimated from draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from recon.dsl.model.space import Axis, Space
from recon.dsl.vocabulary.networks import ConvGenerator as Word
from recon.dsl.vocabulary.operators.kernels import GaussianKernel, Triangle
from recon.runtime.analyses.jacobians import JacobianMatrix, conv_generator
from recon.runtime.analyses.lanczos import leading
from recon.runtime.analyses.spectra import alignment
from recon.zoo.generators import ConvGenerator
from torch import Tensor

from .pages import DOUBLE, operator, run


def check(function: Callable[[Tensor], Tensor], at: Tensor) -> None:
    """Products with J and J^T, and singular values, against the dense Jacobian of torch."""
    dense = torch.func.jacrev(lambda x: function(x[None])[0])(at).numpy()
    matrix = JacobianMatrix(function, at)
    assert (matrix.rows, matrix.columns) == dense.shape
    v = torch.randn(3, matrix.columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u = torch.randn(3, matrix.rows, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(matrix.times(v).numpy(), v.numpy() @ dense.T, atol=1e-12)
    np.testing.assert_allclose(matrix.adjoint(u).numpy(), u.numpy() @ dense, atol=1e-12)
    expected = scipy.linalg.svd(dense, compute_uv=False)[:5]
    np.testing.assert_allclose(
        leading(matrix, 5, tolerance=1e-9).values.numpy(), expected, rtol=0, atol=1e-8 * expected[0]
    )


@pytest.mark.parametrize("sizes", [(16,), (6, 8)])
def test_the_generator_and_its_jacobian(sizes: tuple[int, ...]) -> None:
    names = ("sample",) if len(sizes) == 1 else ("row", "col")
    space = Space("real", tuple(Axis(n, s) for n, s in zip(names, sizes, strict=True)))
    made = conv_generator(Word(kernel=Triangle(radius=3), channels=5), space, DOUBLE)
    check(made.function, made.at)
    # relu(U C) v by scipy's circular convolution
    line = np.maximum(0, 1 - np.abs(np.arange(-2, 3)) / 3)
    kernel = line if len(sizes) == 1 else np.multiply.outer(line, line)
    weights = made.at.reshape(5, *sizes).numpy()
    axes = tuple(range(1, len(sizes) + 1))
    mixed = sum(
        kernel[index] / kernel.sum() * np.roll(weights, [i - 2 for i in index], axes)
        for index in np.ndindex(kernel.shape)
    )
    signs = np.array([1, -1, 1, -1, 1]) / np.sqrt(5)
    expected = np.tensordot(signs, np.maximum(mixed, 0), 1)
    np.testing.assert_allclose(made.function(made.at[None])[0].numpy(), expected.reshape(-1), atol=1e-14)


def test_the_expected_spectrum_is_that_of_the_mean_over_draws() -> None:
    """E J J^T over 400 starts of 64 channels: circulant to within its standard error, with these eigenvalues."""
    n, draws, channels = 12, 400, 64
    kernel = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    networks = [ConvGenerator(kernel, (n,), channels, seed) for seed in range(draws)]
    grams = []
    for network in networks:
        at = network.weights.detach()
        j = torch.func.jacrev(network)(at).reshape(n, -1)
        grams.append((j @ j.T).numpy())
    mean, error = np.mean(grams, 0), np.std(grams, 0) / np.sqrt(draws)
    eigenvalues = networks[0].expected_spectrum().square()
    first = torch.fft.ifft(eigenvalues).real.numpy()
    circulant = scipy.linalg.circulant(first)
    assert np.abs(mean - circulant).max() <= 5 * error.max() + 1e-12
    assert np.abs(circulant).max() >= 50 * error.max()  # the test would see an error of a tenth


def test_a_wide_network_is_close_to_what_is_expected() -> None:
    """The relative distance of the singular values falls as the root of the number of channels."""
    space = Space("real", (Axis("sample", 40),))
    off = []
    for channels in (50, 800):
        made = conv_generator(Word(kernel=GaussianKernel(width=3), channels=channels), space, DOUBLE)
        found = leading(JacobianMatrix(made.function, made.at), 10).values
        assert made.expected is not None
        theory = made.expected.sort(descending=True).values[:10]
        off.append(float(((found - theory) / theory).abs().max()))
    assert off[1] < off[0] / 2
    assert off[1] < 0.1


def test_alignment_of_sinusoids_and_of_chance() -> None:
    n = 30
    t = np.arange(n)
    waves = [np.ones(n), *(f(2 * np.pi * k * t / n) for k in (1, 2, 3) for f in (np.cos, np.sin))]
    basis = torch.from_numpy(np.linalg.qr(np.stack(waves, 1))[0].T)
    assert alignment(basis, (n,)) == (pytest.approx(1), 7)
    assert alignment(basis[:6], (n,)) == (pytest.approx(1), 5)  # the last pair is not whole
    turned = basis * torch.from_numpy((-1.0) ** t)  # the same at the highest frequencies
    assert alignment(turned, (n,))[0] == pytest.approx(0, abs=1e-12)
    random = torch.linalg.qr(torch.randn(900, 29, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))[0]
    part, q = alignment(random.mT, (30, 30))
    assert q <= 29
    assert abs(part - q / 900) < 5 * np.sqrt(2 / 900 / q)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("gaussian(rows = 9)", "real[12]"),
        ("gaussian(rows = 9, entries = complex)", "complex[8]"),
    ],
)
def test_the_derivative_of_a_model(text: str, unknown: str) -> None:
    """exp(-A x) and |A x|, where complex numbers stand as their parts."""
    a = operator(text, unknown)
    n = a.domain.count or 0

    whole = a.domain.field == "complex"

    def model(rows: Tensor) -> Tensor:
        return a.forward(torch.complex(*rows.chunk(2, 1))).abs() if whole else torch.exp(-a.forward(rows))

    size = 2 * n if whole else n
    at = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    matrix = JacobianMatrix(model, at)
    step = 1e-6
    ends = [model(at + s * step * torch.eye(size, dtype=torch.float64)) for s in (1, -1)]
    dense = ((ends[0] - ends[1]) / (2 * step)).numpy().T  # central differences: right to about 1e-9
    u = torch.eye(matrix.rows, dtype=torch.float64)
    np.testing.assert_allclose(matrix.adjoint(u).numpy(), dense, atol=1e-7)
    np.testing.assert_allclose(matrix.times(torch.eye(size, dtype=torch.float64)).numpy().T, dense, atol=1e-7)


def test_a_page_differentiates_at_the_estimate_of_each_method(tmp_path: Path) -> None:
    """J = -diag(exp(-A x)) A, with x what each method found."""
    result, written = run(
        "data sm = smooth(width = 5, count = 2)\nsignal x : real[20]\nforward A = gaussian(rows = 30, seed = 1)\n"
        "noise y ~ gaussian(A @ x, sigma = 0.1)\n"
        "method small { prior 1000 * sq(x) }\nmethod large { prior 0.1 * sq(x) }\n"
        "analyze [jacobian_spectrum(exp(-A @ x), count = 4)]\nrun { precision = float64 }",
        tmp_path / "out",
    )
    a = operator("gaussian(rows = 30, seed = 1)", "real[20]")
    for outcome in written["outcomes"]:
        x = np.load(result.folder / outcome["method"] / "reconstruction-0000.npy")
        dense = a.forward(torch.eye(20, dtype=torch.float64)).numpy().T
        expected = scipy.linalg.svd(np.exp(-dense @ x)[:, None] * dense, compute_uv=False)[:4]
        found = outcome["analyses"]["jacobian_spectrum(exp(-A @ x), count = 4)"]["singular value"]
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_a_kernel_longer_than_the_output_is_refused() -> None:
    space = Space("real", (Axis("sample", 4),))
    with pytest.raises(ValueError, match="does not fit"):
        conv_generator(Word(kernel=Triangle(radius=4)), space, replace(DOUBLE, seed=1))
