"""Hadamard transforms, random rows and signs, against scipy's dense matrix and at a size that no matrix fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon.dsl.model.facts import identity
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.terms import Compose, Leaf
from recon.dsl.vocabulary.operators import basic, fourier, sensing
from recon.runtime.build import Build
from recon.runtime.operators.base import Operator
from recon.runtime.operators.sensing import RowsOperator
from recon.runtime.transforms.hadamard import hadamard, sequency
from scipy.linalg import hadamard as dense

from .making import grid, make, sample


@pytest.mark.parametrize("native", ["1", "0"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize("n", [1, 2, 8, 1024])
def test_hadamard_is_sylvesters_matrix(
    n: int, dtype: torch.dtype, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_NATIVE", native)
    x = torch.randn(3, n, dtype=dtype, generator=torch.Generator().manual_seed(n))
    expected = x.to(torch.complex128).numpy() @ (dense(n) / np.sqrt(n))
    eps = torch.finfo(dtype).eps
    np.testing.assert_allclose(hadamard(x, 1).numpy(), expected, rtol=0, atol=eps * np.log2(2 * n) * 8)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(2, 64, 512), (1, 2**17), (3, 8192)])
def test_kernel_and_torch_agree_beyond_the_cache(
    shape: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    one = hadamard(x, len(shape) - 1)
    monkeypatch.setenv("RECON_NATIVE", "0")
    torch.testing.assert_close(one, hadamard(x, len(shape) - 1), rtol=0, atol=1e-13)


def test_a_grid_is_transformed_along_each_axis() -> None:
    operator = make(sensing.Hadamard(), domain=grid(8, 16))
    x = sample(grid(8, 16))
    expected = dense(8) @ x.numpy() @ dense(16) / np.sqrt(128)
    np.testing.assert_allclose(operator.forward(x).numpy(), expected, atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 16, 256])
def test_sequency_order_counts_changes_of_sign(n: int) -> None:
    rows = dense(n)[sequency(n).numpy()]
    assert [int(np.sum(r[1:] != r[:-1])) for r in rows] == list(range(n))


def test_hadamard_refuses_other_sizes() -> None:
    with pytest.raises(MisfitError, match=r"powers of two, and `row` has 100 entries; take 64 or 128"):
        place(Leaf(sensing.Hadamard()), grid(100, 64))
    with pytest.raises(ValueError, match="powers of two"):
        hadamard(torch.ones(2, 12), 1)


def test_rows_are_rows_of_the_matrix() -> None:
    domain = grid(64)
    operator = make(sensing.RandomRows(keep=0.25), sensing.Hadamard(), domain=domain)
    kept = next(p for p in operator.modules() if isinstance(p, RowsOperator)).kept
    assert len(kept) == len(set(kept.tolist())) == 16
    x = sample(domain)
    np.testing.assert_allclose(operator.forward(x).numpy(), (dense(64) / 8)[kept.numpy()] @ x.numpy(), atol=1e-13)
    assert operator.facts.cogram == identity()


def _kept(word: sensing.RandomRows, *sizes: int, seed: int = 0) -> np.ndarray:
    operator = make(word, domain=grid(*sizes), build=Build(seed=seed))
    assert isinstance(operator, RowsOperator)
    return operator.kept.numpy()


def test_counts_and_parts() -> None:
    assert len(_kept(sensing.RandomRows(keep=7), 100)) == 7
    assert len(_kept(sensing.RandomRows(keep=1), 100)) == 100
    assert len(_kept(sensing.RandomRows(keep=0.001), 100)) == 1
    with pytest.raises(ValueError, match="whole"):
        sensing.RandomRows(keep=2.5)
    with pytest.raises(MisfitError, match="keeps 101 entries"):
        place(Leaf(sensing.RandomRows(keep=101)), grid(100))


def test_draws_follow_the_density() -> None:
    """One draw of one entry has the density's own law: chi square of 1000 draws over 8 entries, at 5 sigma."""
    word = sensing.RandomRows(keep=0.01, density="corner")  # one of eight entries
    found = np.bincount([_kept(word, 8, seed=s)[0] for s in range(1000)], minlength=8)
    p = 1 / np.maximum(np.arange(8) ** 2, 1)
    expected = 1000 * p / p.sum()
    assert ((found - expected) ** 2 / expected).sum() < 7 + 5 * np.sqrt(14)
    middle = _kept(sensing.RandomRows(keep=0.1, density="middle"), 32, 32)
    r = np.hypot(middle // 32 - 16, middle % 32 - 16)
    assert 16 * 32 + 16 in middle
    assert np.median(r) < 8  # uniform draws have a median near 12.8


def test_signs_are_signs() -> None:
    operator = make(sensing.Signs(), domain=grid(50, 40))
    values = operator.forward(torch.ones(50, 40, dtype=torch.float64))
    assert set(values.unique().tolist()) == {-1.0, 1.0}
    assert abs(float(values.mean())) < 5 / np.sqrt(2000)


def test_complex_gaussian_is_circular() -> None:
    operator = make(sensing.GaussianMatrix(rows=200, entries="complex"), domain=grid(100))
    a = operator.forward(torch.eye(100, dtype=torch.float64)).numpy() * np.sqrt(200)
    n = a.size
    assert abs(np.mean(np.abs(a) ** 2) - 1) < 5 / np.sqrt(n)
    assert abs(np.mean(a**2)) < 5 * np.sqrt(2 / n)
    assert abs(np.mean(a)) < 5 / np.sqrt(n)


@pytest.mark.parametrize("transform", [sensing.Hadamard(), fourier.Cosine(), fourier.Fft2()], ids=lambda w: w.word)
def test_a_matrix_too_large_to_store(transform: sensing.Hadamard) -> None:
    """262144 rows of 1024 x 1024 entries: a terabyte as a matrix, some tens of megabytes and a moment here."""
    domain = grid(1024, 1024)
    words = (sensing.RandomRows(keep=0.25), transform, sensing.Signs())
    operator: Operator = make(*words, domain=domain, build=Build())
    x = torch.randn(1, 1024, 1024)
    y = operator.forward(x)
    assert y.shape == (1, 262144)
    back = operator.adjoint(y)
    left, right = torch.vdot(y[0], y[0]).real, torch.vdot(back.flatten(), x.flatten())
    torch.testing.assert_close(left, right, rtol=1e-4, atol=0)
    constants = sum(b.numel() * b.element_size() for b in operator.buffers())
    assert constants <= 32 * 1024 * 1024  # bytes: a few numbers for each entry, where the matrix has 2e5


def test_the_noise_of_a_transform_is_kept() -> None:
    """|A x| of an orthonormal transform's rows, with random signs: keep |x|^2 on average (concentration)."""
    domain = grid(4096)
    operator = make(sensing.RandomRows(keep=0.5), sensing.Hadamard(), sensing.Signs(), domain=domain)
    x = torch.zeros(4096, dtype=torch.float64)
    x[5] = 1.0
    assert abs(float(operator.forward(x).square().sum()) - 0.5) < 1e-12  # all entries of H have one modulus


def test_chain_with_flatten_keeps_its_facts() -> None:
    chain = Compose((Leaf(sensing.RandomRows(keep=0.25), "r"), Leaf(sensing.Hadamard()), Leaf(basic.Flatten())))
    placed = place(chain, grid(16, 16))
    assert placed.facts.cogram == identity()
    assert placed.facts.norm.value == 1.0
    assert placed.facts.norm.exact
