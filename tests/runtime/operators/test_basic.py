"""Masks, diagonals, matrices, stacks and random matrices; seeds and places; what is measured; norms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import MisfitError
from recon.dsl.model.terms import Adjoint, Compose, Leaf, Scaled, SumOf
from recon.dsl.model.word import Operator as OperatorWord
from recon.dsl.vocabulary import arrays
from recon.dsl.vocabulary.operators import basic, fourier, mri, sensing, sparsity
from recon.runtime.build import Build
from recon.runtime.operators import base
from recon.runtime.operators.base import AdjointOperator, Composition, Sum, compose, estimate_norm

from .making import DOUBLE, grid, make, sample

RANDOM: list[tuple[OperatorWord, tuple[int, ...]]] = [
    (basic.Mask(keep=0.5), (30,)),
    (mri.Cartesian(accel=2), (3, 40)),
    (mri.Cartesian(accel=2, lines="variable"), (3, 40)),
    (mri.Cartesian(accel=40, lines="equispaced", center=0), (3, 400)),
    (sensing.GaussianMatrix(rows=5), (30,)),
    (sensing.Rademacher(rows=5), (30,)),
]


@pytest.mark.parametrize(("word", "sizes"), RANDOM, ids=lambda v: type(v).__name__)
def test_draws_depend_on_seed_and_place_only(word: OperatorWord, sizes: tuple[int, ...]) -> None:
    domain = grid(*sizes, field="complex")
    x = torch.ones(domain.sizes, dtype=torch.complex128)

    def draw(w: OperatorWord, seed: int, at: str, real: torch.dtype = torch.float64) -> torch.Tensor:
        out: torch.Tensor = make(w, domain=domain, build=Build(real=real, seed=seed), at=at)(
            x.to(torch.complex128 if real == torch.float64 else torch.complex64)
        )
        return out

    first = draw(word, 1, "a")
    assert torch.equal(first, draw(word, 1, "a"))
    torch.testing.assert_close(first.to(torch.complex64), draw(word, 1, "a", torch.float32), rtol=1e-5, atol=1e-5)
    assert not torch.equal(first, draw(word, 2, "a"))
    assert not torch.equal(first, draw(word, 1, "b"))
    fixed = word.model_copy(update={"seed": 0})
    assert torch.equal(draw(fixed, 1, "a"), draw(fixed, 2, "b"))


def test_mask_keeps_the_asked_number_of_pixels_in_all_channels() -> None:
    domain = grid(3, 20, 30, head=("channel",))
    y = make(basic.Mask(keep=0.3), domain=domain)(torch.ones(domain.sizes, dtype=torch.float64))
    assert y.sum((1, 2)).tolist() == [180, 180, 180]
    assert torch.equal(y[0], y[2])
    assert make(basic.Mask(keep=1e-9), domain=domain)(torch.ones(domain.sizes)).sum() == 3


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_mask_of_a_file(tmp_path: Path, shape: tuple[int, ...]) -> None:
    marks = np.random.default_rng(0).integers(-1, 3, shape)
    np.save(tmp_path / "marks.npy", marks)
    word = basic.Mask(file=FilePath("marks.npy", str(tmp_path / "marks.npy")))
    operator = make(word, domain=grid(3, 4, 5, head=("channel",)))
    x = sample(operator.domain)
    np.testing.assert_array_equal(operator(x), np.where(marks != 0, x, 0))
    measured = operator.measured()
    assert measured is not None
    np.testing.assert_array_equal(measured, marks != 0)
    with pytest.raises(MisfitError, match=r"entries in marks\.npy, which do not fit"):
        make(word, domain=grid(3, 4, 6, head=("channel",)))
    with pytest.raises(MisfitError, match=r"needs `keep` or `file`; write `mask\(keep = 30%\)`"):
        make(basic.Mask(), domain=grid(4, 5))


def test_what_is_measured_goes_through_the_algebra() -> None:
    domain = grid(4, 5)
    mask, twice = basic.Mask(keep=0.4), Leaf(basic.Mask(keep=0.5), "other")
    kept = make(mask, domain=domain).measured()
    assert kept is not None
    assert int(kept.sum()) == 8
    gain = basic.DiagonalOperator(values=arrays.Vignette())
    for term in (
        Scaled(2.0, Leaf(mask, "p0")),
        Compose((Leaf(gain), Leaf(mask, "p0"))),
        Compose((Leaf(basic.Identity()), Leaf(mask, "p0"))),
    ):
        found = make(term, domain=domain).measured()
        assert found is not None
        assert torch.equal(found, kept)
    other = make(twice, domain=domain).measured()
    both = make(twice, Leaf(mask, "p0"), domain=domain).measured()
    flat = make(basic.Flatten(), Leaf(mask, "p0"), domain=domain).measured()
    side = make(basic.Stack(parts=(Leaf(mask, "p0"), Leaf(basic.Identity()))), domain=domain).measured()
    assert both is not None
    assert other is not None
    assert flat is not None
    assert side is not None
    assert torch.equal(both, kept & other)
    assert torch.equal(flat, kept.flatten())
    assert torch.equal(side, torch.stack([kept, torch.ones(4, 5, dtype=torch.bool)]))
    assert make(basic.Flatten(), domain=domain).measured() is None
    assert make(SumOf((Leaf(mask, "p0"), Leaf(basic.Identity()))), domain=domain).measured() is None


@pytest.mark.parametrize(("word", "fourth"), [(sensing.GaussianMatrix, 3.0), (sensing.Rademacher, 1.0)])
def test_moments_of_random_matrices(word: type[sensing.GaussianMatrix], fourth: float) -> None:
    m, n = 300, 400
    a = make(word(rows=m), domain=grid(n))(torch.eye(n, dtype=torch.float64)).numpy() * m**0.5
    deviation = 6 / (m * n) ** 0.5
    assert abs(a.mean()) < deviation
    assert abs((a**2).mean() - 1) < deviation * 2**0.5
    assert abs((a**4).mean() - fourth) < deviation * 96**0.5
    assert abs((a[:, 1:] * a[:, :-1]).mean()) < deviation


def test_matrix_and_diagonal_are_the_files_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    phi, gain = rng.normal(size=(3, 5)) + 1j * rng.normal(size=(3, 5)), rng.integers(0, 9, 5).astype(">u2")
    np.save(tmp_path / "phi.npy", phi)
    np.save(tmp_path / "gain.npy", gain)
    x = sample(grid(5), 2)
    matrix = make(basic.Matrix(file=FilePath("phi.npy", str(tmp_path / "phi.npy"))), domain=grid(5))
    np.testing.assert_allclose(matrix(x), x.numpy() @ phi.T, atol=1e-14)
    diagonal = basic.DiagonalOperator(values=arrays.ArrayFile(file=FilePath("gain.npy", str(tmp_path / "gain.npy"))))
    np.testing.assert_allclose(make(diagonal, domain=grid(5))(x), x.numpy() * gain)


def test_vignette_is_one_in_the_middle_and_falls_off_to_the_corners() -> None:
    word = basic.DiagonalOperator(values=arrays.Vignette(falloff=0.25))
    gain = make(word, domain=grid(5, 9))(torch.ones(5, 9, dtype=torch.float64))
    rows, columns = np.mgrid[-1:1:5j, -1:1:9j]
    np.testing.assert_allclose(gain, 1 - 0.25 * (rows**2 + columns**2) / 2, atol=1e-14)


def test_stack_of_different_shapes_stands_end_to_end() -> None:
    domain = grid(2, 3)
    parts = (Leaf(basic.Identity()), Leaf(sparsity.Gradient()), Leaf(fourier.Fft2()))
    operator, x = make(basic.Stack(parts=parts), domain=domain), sample(domain, 4)
    y = operator(x)
    assert (y.shape, y.dtype) == ((4, 6 + 12 + 6), torch.complex128)
    np.testing.assert_allclose(y[:, :6].real, x.flatten(1))
    np.testing.assert_allclose(y[:, 18:].reshape(4, 2, 3), make(fourier.Fft2(), domain=domain)(x), atol=1e-14)


def test_a_sum_of_real_and_complex_operators_embeds_the_real_ones() -> None:
    domain, x = grid(4, 5), sample(grid(4, 5))
    fft, scaled = Leaf(fourier.Fft2()), Scaled(3.0, Leaf(basic.Identity()))
    expected = make(fft, domain=domain)(x) + 3 * x
    for term in (SumOf((fft, scaled)), SumOf((scaled, fft))):
        operator = make(term, domain=domain)
        assert isinstance(operator, Sum)
        torch.testing.assert_close(operator(x), expected)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_norms_are_found_for_operators_made_at_run(precision: torch.dtype) -> None:
    build = Build(real=precision, seed=5)
    matrix = make(sensing.GaussianMatrix(rows=20), domain=grid(30), build=build)
    dense = float(torch.linalg.matrix_norm(matrix(torch.eye(30, dtype=precision)), 2))
    assert AdjointOperator(matrix).norm() == pytest.approx(dense, rel=1e-3)
    normal = compose(matrix.H, matrix)
    assert isinstance(normal, Composition)
    assert normal.precision == precision
    assert normal.norm() == pytest.approx(dense**2, rel=1e-3)
    assert estimate_norm(matrix) >= dense * (1 - 1e-6)


@pytest.mark.parametrize("columns", [2, 3, 5, 12])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_rounding_is_no_part_of_a_norm(precision: torch.dtype, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left once all directions were tried is rounding, of which other processors leave more than this one."""
    exact, draws = base._orthogonalised, torch.Generator().manual_seed(1)

    def rounded(v: torch.Tensor, *others: object) -> torch.Tensor:
        noise = torch.randn(v.shape, dtype=v.dtype, generator=draws) * torch.finfo(v.dtype).eps
        return exact(v, *others) + noise * torch.linalg.vector_norm(v)  # type: ignore[arg-type]

    monkeypatch.setattr(base, "_orthogonalised", rounded)
    matrix = make(sensing.GaussianMatrix(rows=7), domain=grid(columns), build=Build(real=precision, seed=2))
    dense = float(torch.linalg.matrix_norm(matrix(torch.eye(columns, dtype=precision)), 2))
    assert estimate_norm(matrix) == pytest.approx(dense, rel=1e-3)


def test_norm_of_zero() -> None:
    operator = make(Scaled(0.0, Leaf(sensing.GaussianMatrix(rows=3))), domain=grid(4))
    assert operator.norm() == 0
    assert estimate_norm(operator) == 0


@pytest.mark.parametrize("field", ["real", "complex"])
def test_second_derivatives(field: str) -> None:
    """Through A^H A and its parts, checked by finite differences; the operator has run under inference mode before."""
    domain = grid(3, 4, field=field)
    operator = make(mri.Cartesian(accel=2), fourier.Fft2(), mri.Coils(maps=mri.Birdcage(coils=2)), domain=domain)
    x = sample(domain)
    with torch.inference_mode():
        operator.gram(x)
        operator.norm()
    x.requires_grad_()

    def energy(v: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = (operator(v).abs() ** 4).sum() + (operator.gram(v).abs() ** 2).sum()
        return total

    assert torch.autograd.gradcheck(energy, x)
    assert torch.autograd.gradgradcheck(energy, x)


def test_adjoint_of_an_adjoint_is_the_operator() -> None:
    operator = make(fourier.Fft2(), domain=grid(4, 4, field="complex"))
    assert operator.H.H is operator
    both = make(Compose((Adjoint(Leaf(fourier.Fft2())), Leaf(fourier.Fft2()))), domain=grid(4, 4), build=DOUBLE)
    x = sample(grid(4, 4))
    torch.testing.assert_close(both(x), x)
