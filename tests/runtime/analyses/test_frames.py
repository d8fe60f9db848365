"""Coherence against frames whose coherence is known, bounds of restricted isometry against enumeration."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recon.runtime.analyses.frames import _deviation, gershgorin, products, welch, worst_found
from recon.runtime.analyses.matrices import OperatorMatrix

from .pages import matrix_of, operator, run


def file_of(folder: Path, frame: NDArray[np.float64]) -> str:
    np.save(folder / "frame.npy", frame)
    return 'forward A = matrix("frame.npy")'


def coherence_of(dense: NDArray[np.complex128]) -> float:
    columns = dense / np.linalg.norm(dense, axis=0)
    g = np.abs(columns.conj().T @ columns)
    np.fill_diagonal(g, 0)
    return float(g.max())


def simplex(n: int) -> NDArray[np.float64]:
    """n + 1 vectors in n dimensions with equal angles: the centred corners of a simplex, in a basis of their span."""
    centred = np.eye(n + 1) - 1 / (n + 1)
    basis = np.linalg.svd(centred)[0][:, :n]
    out: NDArray[np.float64] = basis.T @ centred
    return out


def paley(q: int) -> NDArray[np.float64]:
    """2 (q + 1) / 2 = q + 1 equiangular lines in (q + 1) / 2 dimensions, from the symmetric conference matrix C of a
    prime q = 1 mod 4: C^2 = q I, so (I + C / sqrt q) / 2 is a projection."""
    residues = {(k * k) % q for k in range(1, q)}
    chi = np.array([0 if k == 0 else 1 if k in residues else -1 for k in range(q)])
    c = np.ones((q + 1, q + 1))
    c[1:, 1:] = chi[(np.arange(q)[:, None] - np.arange(q)) % q]
    c[0, 0] = 0
    values, vectors = np.linalg.eigh((np.eye(q + 1) + c / np.sqrt(q)) / 2)
    out: NDArray[np.float64] = vectors[:, values > 0.5].T
    return out


@pytest.mark.parametrize("frame", [simplex(7), paley(13), paley(29)], ids=["simplex", "paley 13", "paley 29"])
def test_equiangular_frames_meet_the_welch_bound(frame: NDArray[np.float64], tmp_path: Path) -> None:
    m, n = frame.shape
    _, written = run(
        f"data sp = sparse(nonzeros = 1, count = 1)\nsignal x : real[{n}]\n{file_of(tmp_path, frame)}\n"
        "noise y ~ gaussian(A @ x, sigma = 0.1)\nprior sq(x)\nanalyze [coherence(A), welch_bound(A)]\n"
        "run { precision = float64 }",
        tmp_path / "out",
    )
    numbers = written["outcomes"][0]["metrics"]
    bound = np.sqrt((n - m) / (m * (n - 1)))
    assert numbers["coherence"] == pytest.approx([bound], rel=1e-12)
    assert numbers["welch_bound"] == pytest.approx([bound], rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unknown", "expected"),
    [
        ("stack(identity(), hadamard()).H", "real[64]", 1 / 8),  # [I, H / sqrt n]
        ("stack(identity(), fft2()).H", "complex[4, 4]", 1 / 4),  # spikes and sines
        ('fft2(norm = "ortho")', "complex[6, 6]", 0.0),
        ("mask(keep = 50%)", "real[6, 6]", 0.0),
    ],
)
def test_known_coherences(text: str, unknown: str, expected: float) -> None:
    assert products(operator(text, unknown)).largest == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("gaussian(rows = 20)", "real[50]"),
        ("gaussian(rows = 20, entries = complex)", "complex[50]"),
        ("gaussian(rows = 20, entries = complex)", "real[50]"),
        ("gaussian(rows = 20) @ flatten() @ W.H", "real[8, 8]"),
        ('cartesian(accel = 2) @ fft2(norm = "ortho")', "complex[8, 8]"),  # columns are not shifts: lines by axis
        ("conv(gaussian(width = 0.7))", "real[8, 8]"),  # columns are shifts of one
        ("conv(gaussian(width = 0.7), boundary = zero)", "real[8, 8]"),
        ("diff(axis = row)", "real[1, 8]"),  # all columns are zero
    ],
)
def test_coherence_is_that_of_the_matrix(text: str, unknown: str) -> None:
    a = operator(text.replace("W.H", 'wavelet("haar", levels = 2).H'), unknown)
    dense = matrix_of(a)
    filled = dense[:, np.linalg.norm(dense, axis=0) > 0]
    found = products(a)
    assert found.zero == dense.shape[1] - filled.shape[1]
    assert found.largest == pytest.approx(coherence_of(filled) if filled.size else 0.0, rel=1e-12)


def test_counts_are_those_of_all_pairs() -> None:
    a = operator("gaussian(rows = 20)", "real[40]")
    columns = matrix_of(a) / np.linalg.norm(matrix_of(a), axis=0)
    pairs = np.abs(columns.T @ columns)[np.triu_indices(40, 1)]
    np.testing.assert_array_equal(products(a).counts.numpy(), np.histogram(pairs, 400, (0, 1))[0])


def test_no_matrix_is_below_the_welch_bound() -> None:
    """Random matrices of many shapes lie above; a mask's zero rows do not count."""
    for m, n in itertools.product((3, 8, 20), (9, 21, 50)):
        if n > m:
            assert products(operator(f"gaussian(rows = {m})", f"real[{n}]")).largest >= welch(m, n)


# ---- restricted isometry


def constant(dense: NDArray[np.complex128], k: int) -> float:
    """By trying all sets, one after the other."""
    worst = 0.0
    for s in itertools.combinations(range(dense.shape[1]), k):
        a = dense[:, s]
        worst = max(worst, float(np.linalg.norm(a.conj().T @ a - np.eye(k), 2)))
    return worst


@pytest.mark.parametrize("entries", ["real", "complex"])
def test_bounds_of_the_isometry_constant(entries: str) -> None:
    a = operator(f"gaussian(rows = 30, entries = {entries})", "complex[14]")
    dense, matrix = matrix_of(a), OperatorMatrix(a)
    above = gershgorin(matrix, [1, 2, 3, 4])
    norm = float(np.linalg.norm(dense, 2)) ** 2
    for k in (1, 2, 3, 4):
        exact = constant(dense, k)
        sets = torch.tensor(list(itertools.combinations(range(14), k)))
        assert float(_deviation(matrix, sets).max()) == pytest.approx(exact, rel=1e-12)
        below = worst_found(matrix, k, 50, norm, torch.Generator().manual_seed(1))
        assert 0.9 * exact <= below <= exact * (1 + 1e-12)  # one of 50 random sets alone is at 0.6 to 0.8
        assert above[k - 1] >= exact * (1 - 1e-12)
    assert above[0] == pytest.approx(constant(dense, 1))
    assert above[1] == pytest.approx(constant(dense, 2), rel=0.5)


def test_an_order_of_all_columns_is_the_whole_gram_matrix(tmp_path: Path) -> None:
    """k = n: the constant is |A^H A - I|, and both bounds meet it."""
    frame = np.random.default_rng(2).standard_normal((30, 6)) / np.sqrt(30)
    _, written = run(
        f"data sp = sparse(nonzeros = 1, count = 1)\nsignal x : real[6]\n{file_of(tmp_path, frame)}\n"
        "noise y ~ gaussian(A @ x, sigma = 0.1)\nprior sq(x)\nanalyze [rip(A, order = 6)]\n"
        "run { precision = float64 }",
        tmp_path / "out",
    )
    numbers = written["outcomes"][0]["metrics"]
    expected = np.linalg.norm(frame.T @ frame - np.eye(6), 2)
    assert numbers["rip_lower"] == pytest.approx([expected], rel=1e-10)
    assert numbers["rip_upper"] == pytest.approx([expected], rel=1e-10)
    table = np.loadtxt(tmp_path / "out" / "rip-A-order=6.csv", delimiter=",", skiprows=1)
    assert (np.diff(table[:, 1]) >= 0).all()
