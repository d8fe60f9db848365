"""Noise with a covariance between channels or coils: its density, its draws, its whitening, and prescans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary import arrays, noise
from recon.dsl.vocabulary.operators.whitening import Whiten
from recon.runtime.build import Build, build_operator
from recon.runtime.experiment.compile import law_meaning
from recon.runtime.functionals.law import LawMeaning
from recon.runtime.functionals.quadratic import HalfSquare
from recon.runtime.operators.base import IdentityOperator
from recon.runtime.operators.whitening import WhitenOperator, noise_covariance
from torch import Tensor

from .laws import LINEAR, MANY, X, difference, generators

C = ((0.5, 0.2, 0.0), (0.2, 0.3, -0.1), (0.0, -0.1, 2.0))
BUILD = Build(real=torch.float64)


def space(field: str, coupled: str = "channel", n: int = 3) -> Space:
    return Space(field, (Axis("frame", 2), Axis(coupled, n), Axis("row", 4), Axis("col", 5)))  # type: ignore[arg-type]


def law(s: Space, matrix: arrays.Array | None = None) -> LawMeaning:
    return law_meaning(noise.Gaussian(mean=X, covariance=matrix or arrays.Covariance(values=C)), s, BUILD, "y")


def whitening(s: Space, matrix: arrays.Array | None = None) -> WhitenOperator:
    out = build_operator(place(Leaf(Whiten(covariance=matrix or arrays.Covariance(values=C))), s), BUILD)
    assert isinstance(out, WhitenOperator)
    return out


def file(folder: Path, values: np.ndarray) -> arrays.ArrayFile:
    np.save(folder / "c.npy", values)
    return arrays.ArrayFile(file=FilePath("c.npy", str(folder / "c.npy")))


def hermitian(n: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return root @ root.conj().T + 0.2 * np.eye(n)


def random(s: Space, seed: int, rows: int = 2) -> Tensor:
    dtype = torch.complex128 if s.field == "complex" else torch.float64
    return torch.randn(rows, *s.sizes, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def vectors(x: Tensor) -> np.ndarray:
    """[rows, pixels and frames, channels]."""
    return x.movedim(2, -1).reshape(len(x), -1, 3).numpy()


def test_the_data_term_is_minus_the_log_density() -> None:
    s = space("real")
    a, y, v, w = (
        IdentityOperator(s, s, place(Leaf(Whiten(covariance=arrays.Covariance(values=C))), s).facts),
        *(random(s, i) for i in range(3)),
    )
    g, white = law(s).term(LINEAR, y, a), whitening(s)
    assert isinstance(g, HalfSquare)

    def expected(v: Tensor) -> np.ndarray:
        normal = scipy.stats.multivariate_normal(cov=np.array(C))
        return -normal.logpdf(vectors(y) - vectors(v)).sum(1)

    got = difference(g, white.forward(v), white.forward(w))
    np.testing.assert_allclose(got, expected(v) - expected(w), rtol=1e-11)


def test_complex_data_count_real_and_imaginary_part(tmp_path: Path) -> None:
    """With Hermitian C = P + iQ the pair (Re, Im) has the covariance [[P, -Q], [Q, P]]: E e e^H is 2 C."""
    s = space("complex", "coil")
    matrix = hermitian()
    both = np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
    y, v, w = (random(s, i) for i in range(3))
    a = IdentityOperator(s, s, place(Leaf(Whiten(covariance=arrays.Covariance(values=C))), s).facts)
    g, white = law(s, file(tmp_path, matrix)).term(LINEAR, y, a), whitening(s, file(tmp_path, matrix))

    def expected(v: Tensor) -> np.ndarray:
        e = vectors(y) - vectors(v)
        return -scipy.stats.multivariate_normal(cov=both).logpdf(np.concatenate([e.real, e.imag], -1)).sum(1)

    got = difference(g, white.forward(v), white.forward(w))
    np.testing.assert_allclose(got, expected(v) - expected(w), rtol=1e-10)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_draws_have_the_covariance(field: str, tmp_path: Path) -> None:
    s = space(field)
    matrix = np.array(C) if field == "real" else hermitian()
    a = IdentityOperator(s, s, place(Leaf(Whiten(covariance=arrays.Covariance(values=C))), s).facts)
    mean = random(s, 4, rows=1).expand(MANY // 10, *s.sizes)
    y = law(s, file(tmp_path, matrix)).draw(mean, LINEAR, a, generators(MANY // 10))
    e = vectors(y - mean).reshape(-1, 3)
    got = e.T @ e.conj() / len(e) / (2 if field == "complex" else 1)
    spread = np.sqrt(np.outer(matrix.diagonal().real, matrix.diagonal().real) / len(e)) * 2
    assert (np.abs(got - matrix) < 5 * spread).all()
    if field == "complex":
        assert (np.abs(e.T @ e / len(e)) < 10 * spread).all()  # circular
    alone = law(s, file(tmp_path, matrix)).draw(mean[3:4], LINEAR, a, generators(1, first=3))
    torch.testing.assert_close(alone[0], y[3])


def test_whitening_keeps_the_scale_and_makes_white() -> None:
    s = space("real")
    white = whitening(s)
    dense = white.matrix.numpy()
    np.testing.assert_allclose(dense @ np.array(C) @ dense.T, np.eye(3) / white.weight, atol=1e-14)
    assert np.trace(dense.T @ dense) == pytest.approx(3)
    same = whitening(s, arrays.Covariance(values=((0.3, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.3))))
    x = random(s, 5)
    torch.testing.assert_close(same.forward(x), x)
    assert same.weight == pytest.approx(1 / 0.3)


def test_which_axis() -> None:
    """Coils before channels, else the first axis; also where it is the last one."""
    for axes, at in ((("channel", "coil", "row"), 1), (("frame", "channel", "row"), 1), (("measurement", "row"), 0)):
        s = Space("real", tuple(Axis(n, 3) for n in axes))
        x = torch.randn(2, *s.sizes, dtype=torch.float64)
        dense = whitening(s).matrix
        expected = torch.tensordot(x, dense, ([at + 1], [1])).movedim(-1, at + 1)
        torch.testing.assert_close(whitening(s).forward(x), expected)
    line = Space("real", (Axis("sample", 3),))
    x = torch.randn(2, 3, dtype=torch.float64)
    torch.testing.assert_close(whitening(line).forward(x), x @ whitening(line).matrix.T)


def test_what_is_no_covariance_is_refused(tmp_path: Path) -> None:
    for values, message in (
        (((1.0, 2.0), (2.0, 1.0)), "positive definite"),
        (((1.0, 0.5), (0.4, 1.0)), "symmetric"),
        (((1.0, 0.5),), "as many columns"),
        (((0.0,),), "positive definite"),
    ):
        with pytest.raises(ValueError, match=message):
            arrays.Covariance(values=values)
    s = space("real")
    for matrix, message in (
        (np.ones((3, 3)), "c.npy.*positive definite"),
        (np.array(C) + np.triu(np.ones((3, 3)), 1), "c.npy.*transpose"),
        (np.full((3, 3), np.nan), "c.npy.*finite"),
    ):
        with pytest.raises(ValueError, match=message):
            whitening(s, file(tmp_path, matrix))
    with pytest.raises(ValueError, match="real covariance"):
        whitening(s, file(tmp_path, hermitian()))
    with pytest.raises(ValueError, match="3 x 3 for the axis"):
        whitening(s, arrays.Covariance(values=((1.0,),)))


def test_the_covariance_of_a_scan() -> None:
    g = torch.Generator().manual_seed(0)
    matrix = torch.as_tensor(hermitian())
    e = torch.randn(1, 3, 40, 500, 2, generator=g, dtype=torch.float64)
    scan = torch.einsum("ij,bjkl->bikl", torch.linalg.cholesky(matrix), torch.view_as_complex(e))
    got = noise_covariance(scan)[0]
    spread = (matrix.diagonal().real[:, None] * matrix.diagonal().real / 20000).sqrt()
    assert bool(((got - matrix).abs() < 5 * spread).all())
    flat = scan[0].reshape(3, -1).numpy()
    np.testing.assert_allclose(got, flat @ flat.conj().T / (2 * 20000))
    with pytest.raises(ValueError, match="at least as many"):
        noise_covariance(torch.randn(1, 8, 7))
    real = torch.randn(2, 4, 9, dtype=torch.float64)
    np.testing.assert_allclose(noise_covariance(real)[1], real[1].numpy() @ real[1].numpy().T / 9)


def test_psnr_is_a_level() -> None:
    from recon.dsl.model.fields import Interval
    from recon.dsl.model.units import LEVEL, Quantity

    word = noise.Gaussian(mean=X, psnr=Quantity(20.0, LEVEL), range=Interval(-1.0, 3.0, None))
    assert word.level == pytest.approx(0.4)
    assert word.curvature == pytest.approx(0.4**-2)
    assert word.samples
