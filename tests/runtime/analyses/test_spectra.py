"""Singular values against scipy's, of dense matrices and of sparse iterations; condition and ranks by formula."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
import torch
from recon.runtime.analyses import spectra
from recon.runtime.analyses.lanczos import leading
from recon.runtime.analyses.matrices import OperatorMatrix
from recon.runtime.analyses.spectra import LISTED, Spectrum, closed, numerical, summary
from recon.runtime.operators.base import Operator

from .pages import matrix_of, operator, run

EPS = np.finfo(np.float64).eps
SPECTRA = [
    ("conv(gaussian(width = 2))", "real[40]"),  # A itself diagonal in Fourier
    ('conv(gaussian(width = 1), boundary = "reflect")', "real[10, 9]"),  # in cosines
    ("mask(keep = 30%)", "real[8, 8]"),  # on the grid
    ("gradient()", "real[7, 6]"),  # the Gram matrix in cosines
    ('cartesian(accel = 2) @ fft2(norm = "ortho")', "complex[8, 8]"),
    ('cartesian(accel = 2) @ fft2(norm = "ortho")', "real[8, 8]"),  # real unknowns with complex data
    ("rows(keep = 10) @ cosine()", "real[24]"),
    ("gaussian(rows = 12)", "real[30]"),
    ("gaussian(rows = 12, entries = complex)", "real[30]"),
    ("gaussian(rows = 12, entries = complex)", "complex[30]"),
    ("radon(angles = 0deg..180deg, views = 7)", "real[10, 10]"),
    ("real_part() @ fft2()", "complex[6, 4]"),  # linear over real numbers only
    ("stack(identity(), hadamard()).H", "real[16]"),  # an adjoint first: it acts on coefficients
    ("fft2()", "complex[6, 6]"),
]


def reference(text: str, unknown: str) -> np.ndarray:
    a = operator(text, unknown)
    dense = matrix_of(a)
    if text.startswith("real_part"):
        turned = a.forward(1j * torch.eye(24, dtype=torch.complex128).reshape(24, 6, 4)).reshape(24, -1).numpy().T
        dense = np.concatenate([dense, turned], axis=1)
    return np.asarray(scipy.linalg.svd(dense, compute_uv=False))


@pytest.mark.parametrize(("text", "unknown"), SPECTRA)
def test_all_singular_values(text: str, unknown: str) -> None:
    a = operator(text, unknown)
    found = closed(a) or numerical(OperatorMatrix(a), LISTED)
    expected = reference(text, unknown)
    assert found.complete
    assert len(found.values) == len(expected)
    assert np.abs(found.values.numpy() - expected).max() <= found.error + 100 * EPS * expected[0]
    assert (np.diff(found.values.numpy()) <= 0).all()


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("conv(gaussian(width = 2), boundary = zero)", "real[40, 30]"),
        ("radon(angles = 0deg..180deg, views = 12)", "real[32, 32]"),
        ("gaussian(rows = 200)", "real[500]"),
        ("coils(maps = birdcage(4))", "complex[16, 16]"),
        ("identity()", "real[60]"),  # one value, more often than a block is wide
        ("mask(keep = 50%)", "real[20, 20]"),
        ("gaussian(rows = 3)", "real[50]"),
    ],
)
def test_the_largest_without_a_matrix(text: str, unknown: str) -> None:
    """Block Lanczos against all singular values of the matrix; each bound of an error holds."""
    a = operator(text, unknown)
    found = leading(OperatorMatrix(a), 20, tolerance=1e-8)
    expected = scipy.linalg.svd(matrix_of(a), compute_uv=False)[:20]
    off = np.abs(found.values.numpy() - expected)
    assert (off <= found.errors.numpy() + 1e-12 * expected[0]).all()
    assert float(found.errors.max()) <= 1e-8 * expected[0]
    left = found.left.numpy()
    np.testing.assert_allclose(left @ left.conj().T, np.eye(len(left)), atol=1e-10)
    lengths = np.linalg.norm(left.conj() @ matrix_of(a), axis=1)  # |A^H u| = s
    np.testing.assert_allclose(lengths, found.values.numpy()[: len(left)], atol=1e-8 * expected[0])


def test_a_large_operator_against_arpack() -> None:
    """128 x 128 pixels, 40 views: scipy's svds by the same products."""
    a = OperatorMatrix(operator("radon(angles = 0deg..180deg, views = 20)", "real[96, 96]"))
    found = numerical(a, 12)
    assert not found.complete
    products = scipy.sparse.linalg.LinearOperator(
        (a.rows, a.columns),
        matvec=lambda v: a.times(torch.from_numpy(v.reshape(1, -1).copy()))[0].numpy(),
        rmatvec=lambda u: a.adjoint(torch.from_numpy(u.reshape(1, -1).copy()))[0].numpy(),
        dtype=np.float64,
    )
    expected = np.sort(scipy.sparse.linalg.svds(products, k=12, return_singular_vectors=False, tol=1e-10))[::-1]
    np.testing.assert_allclose(found.values.numpy(), expected, rtol=0, atol=found.error + 1e-8 * expected[0])


def test_condition_and_ranks() -> None:
    """A blur's condition number is the ratio of the transform of its kernel; equal values have full effective rank."""
    t = np.arange(-8, 9)
    kernel = np.exp(-(t**2) / 8.0)
    line = np.zeros(40)
    line[t % 40] = kernel / kernel.sum()
    spectrum = np.abs(np.fft.fft(line))
    found = closed(operator("conv(gaussian(width = 2))", "real[40]"))
    assert found is not None
    numbers = summary(found)
    assert numbers["condition"] == pytest.approx(spectrum.max() / spectrum.min(), rel=1e-9)
    assert numbers["rank"] == 40
    share = spectrum / spectrum.sum()
    assert numbers["effective_rank"] == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-9)
    flat = closed(operator('fft2(norm = "ortho")', "complex[6, 6]"))
    assert flat is not None
    assert summary(flat) == pytest.approx({"condition": 1, "rank": 36, "effective_rank": 36})
    holed = closed(operator("mask(keep = 25%)", "real[8, 8]"))
    assert holed is not None
    assert summary(holed) == pytest.approx({"condition": np.inf, "rank": 16, "effective_rank": 16})


def test_a_page_reports_and_claims_them(tmp_path: Path) -> None:
    """Numbers stand once a row in the metrics, values in a file of their own, and the text tells of the embedding."""
    result, written = run(
        "data sm = smooth(width = 5, count = 3)\nsignal x : real[50]\n"
        "forward A = gaussian(rows = 20, entries = complex)\nnoise y ~ gaussian(A @ x, sigma = 0.1)\nprior sq(x)\n"
        "analyze [singular_values(A), norm(A), singular_values(A, count = 5)]\nexpect max(norm) <= 10",
        tmp_path / "out",
    )
    assert result.code == 0
    (outcome,) = written["outcomes"]
    assert outcome["metrics"]["rank"] == [40, 40, 40]
    found = outcome["analyses"]["singular_values(A)"]
    assert "[Re A; Im A]" in found["text"]
    assert found["singular value"][0] == pytest.approx(outcome["metrics"]["norm"][0], rel=1e-3)
    with (result.folder / "singular_values-A.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["singular value"]) for row in table] == found["singular value"]
    assert len(outcome["analyses"]["singular_values(A, count = 5)"]["singular value"]) == 5
    assert "singular values" in (result.folder / "report.html").read_text()


def test_cells_and_methods_share_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the weight and the method the operator knows nothing; with another number of rows it is another one."""
    times = []

    def counted(operator: Operator) -> Spectrum | None:
        times.append(operator)
        return closed(operator)

    monkeypatch.setattr(spectra, "closed", counted)
    _, written = run(
        "param lam = 1\nparam m = 8\ndata a = smooth(width = 5, count = 2)\n"
        "signal x : real[30]\nforward A = gaussian(rows = m)\nnoise y ~ gaussian(A @ x, sigma = 0.1)\n"
        "method p { prior lam * sq(x) }\nmethod q { prior lam * sq(x); solver cg(iterations = 3) }\n"
        "sweep g { m in [8, 9]; lam in [1, 2] }\nanalyze [singular_values(A)]",
        tmp_path / "out",
    )
    ranks = [o["metrics"]["rank"] for o in written["outcomes"]]
    assert ranks == [[8, 8]] * 4 + [[9, 9]] * 4
    assert len(times) == 2
