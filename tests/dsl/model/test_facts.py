"""The algebra of facts against dense matrices: a rule may lose a fact, but what it states must hold.

The matrices act on a grid of 2 x 3 complex numbers and are made by hand, without the runtime. What the rules must not
lose stands in the tests by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import scipy.fft
from numpy.typing import NDArray
from recon.dsl.model import facts as fact
from recon.dsl.model.facts import IDENTITY, Diagonal, Facts, Norm, identity

GRID = (2, 3)
N = 6
Matrix = NDArray[np.complex128]


def transform(function: Callable[..., Matrix], axes: int) -> Matrix:
    """The matrix of an orthonormal transform over the last axes of the grid."""
    images = np.eye(N).reshape(N, *GRID)
    out = function(images, axes=tuple(range(-axes, 0)), norm="ortho")
    return np.asarray(out.reshape(N, N).T, dtype=complex)


FOURIER = {axes: transform(np.fft.fftn, axes) for axes in (1, 2)}
COSINE = {axes: transform(scipy.fft.dctn, axes) for axes in (1, 2)}


@dataclass(frozen=True)
class Known:
    """A matrix and what is known of it."""

    name: str
    matrix: Matrix
    facts: Facts


def in_basis(basis: str, axes: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    d = rng.normal(size=N) + 1j * rng.normal(size=N)
    u = {"pixel": np.eye(N), "fourier": FOURIER.get(axes), "cosine": COSINE.get(axes)}[basis]
    assert u is not None
    return np.asarray(u.conj().T @ np.diag(d) @ u)


def normal(basis: str, axes: int, seed: int) -> Known:
    """A matrix that is diagonal in a basis, with its exact norm."""
    matrix = in_basis(basis, axes, seed)
    d = Diagonal(basis, axes=axes)  # type: ignore[arg-type]
    norm = Norm(float(np.linalg.norm(matrix, 2)), exact=True)
    return Known(f"{basis}{axes}", matrix, Facts(gram=d, cogram=d, diagonal=d, norm=norm))


def unitary(name: str, matrix: Matrix, turns: Diagonal | None) -> Known:
    return Known(name, matrix, Facts(gram=identity(), cogram=identity(), turns=turns, norm=Norm(1.0, exact=True)))


def random(rows: int, columns: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=(rows, columns)) + 1j * rng.normal(size=(rows, columns)))


TALL = np.linalg.qr(random(9, N, 1))[0]
SQUARE = [
    Known("identity", np.eye(N, dtype=complex), IDENTITY),
    Known("twice", -2 * np.eye(N, dtype=complex), fact.scale(-2.0, IDENTITY)),
    Known(
        "some", 3 * np.eye(N, dtype=complex), Facts(gram=identity(None), cogram=identity(None), diagonal=identity(None))
    ),
    normal("pixel", 0, 2),
    normal("fourier", 1, 3),
    normal("fourier", 2, 4),
    normal("cosine", 2, 5),
    unitary("F", FOURIER[2], Diagonal("fourier", axes=2)),
    unitary("F1", FOURIER[1], Diagonal("fourier", axes=1)),
    unitary("C", COSINE[2], Diagonal("cosine", axes=2)),
    unitary("Q", np.linalg.qr(random(N, N, 6))[0], None),
    Known("positive", np.abs(random(N, N, 7)) + 0j, Facts(signs=True)),
    Known("bounded", random(N, N, 8), Facts(norm=Norm(float(np.linalg.norm(random(N, N, 8), 2)) * 1.5))),
]
OTHERS = [
    Known("tall", TALL, Facts(gram=identity(), norm=Norm(1.0, exact=True))),
    Known("wide", 2 * TALL.conj().T, Facts(cogram=identity(4.0), norm=Norm(2.0, exact=True))),
    Known("half", in_basis("pixel", 0, 9)[:3], Facts(cogram=Diagonal("pixel"))),
    Known("edges", random(9, 9, 10) @ TALL @ FOURIER[2], Facts()),
]
ALL = SQUARE + OTHERS


def holds_diagonal(claim: Diagonal, m: NDArray[Any]) -> None:
    scale = float(np.linalg.norm(m, 2)) + 1e-30
    n = len(m)
    if claim.basis == "identity":
        c = m[0, 0] if claim.scale is None else claim.scale
        np.testing.assert_allclose(m, c * np.eye(n), atol=1e-10 * scale)
        return
    if claim.basis != "pixel":
        assert n == N, "only operators on the whole grid are diagonal in frequencies"
        u = (FOURIER if claim.basis == "fourier" else COSINE)[claim.axes]
        m = u @ m @ u.conj().T
    np.testing.assert_allclose(m, np.diag(np.diag(m)), atol=1e-10 * scale)


def holds(facts: Facts, m: NDArray[Any]) -> None:
    """Every claim of `facts` about the matrix m."""
    if facts.gram is not None:
        holds_diagonal(facts.gram, m.conj().T @ m)
    if facts.cogram is not None:
        holds_diagonal(facts.cogram, m @ m.conj().T)
    if facts.diagonal is not None:
        holds_diagonal(facts.diagonal, m)
    if facts.turns is not None:
        np.testing.assert_allclose(m.conj().T @ m, np.eye(len(m)), atol=1e-10)
        holds_diagonal(facts.turns, m.conj().T @ np.diag(np.arange(1.0, N + 1) ** 2) @ m)
    norm = np.linalg.norm(m, 2)
    if facts.norm.value is not None:
        assert facts.norm.value >= norm * (1 - 1e-9)
        assert not facts.norm.exact or facts.norm.value <= norm * (1 + 1e-9)
    if facts.signs:
        assert m.real.min() >= -1e-12
        assert np.abs(m.imag).max() <= 1e-12


@pytest.mark.parametrize("a", ALL, ids=lambda k: k.name)
def test_what_is_said_of_one(a: Known) -> None:
    holds(a.facts, a.matrix)
    holds(fact.adjoint(a.facts), a.matrix.conj().T)
    holds(fact.gram_of(a.facts), a.matrix.conj().T @ a.matrix)
    for c in (-1.0, 0.0, 0.5, 3.0):
        holds(fact.scale(c, a.facts), c * a.matrix)


@pytest.mark.parametrize("a", ALL, ids=lambda k: k.name)
def test_embed(a: Known) -> None:
    facts = fact.embed(a.facts)
    real = np.concatenate([a.matrix.real, a.matrix.imag])  # of x -> A x for real x
    assert facts.linear == "real"
    assert facts.cogram is facts.diagonal is facts.turns is None
    holds(replace(facts, signs=False), real)
    assert facts.signs == a.facts.signs


@pytest.mark.parametrize(("a", "b"), list(product(ALL, ALL)), ids=lambda k: k.name)
def test_pairs(a: Known, b: Known) -> None:
    if a.matrix.shape[1] == b.matrix.shape[0]:
        holds(fact.compose(a.facts, b.facts), a.matrix @ b.matrix)
    if a.matrix.shape == b.matrix.shape:
        if a.matrix.shape == (N, N):
            holds(fact.add(a.facts, b.facts), a.matrix + b.matrix)
        holds(fact.stack([a.facts, b.facts, a.facts]), np.concatenate([a.matrix, b.matrix, a.matrix]))
        holds(fact.row([a.facts, b.facts]), np.concatenate([a.matrix, b.matrix], axis=1))


@pytest.mark.parametrize(
    "chain", list(product(SQUARE, SQUARE[3:10], SQUARE))[::3], ids=lambda c: "-".join(k.name for k in c)
)
def test_chains(chain: tuple[Known, ...]) -> None:
    facts, m = chain[0].facts, chain[0].matrix
    for _, b in pairwise(chain):
        facts, m = fact.compose(facts, b.facts), m @ b.matrix
    holds(facts, m)
    real = replace(fact.embed(facts), signs=False)
    holds(real, np.concatenate([m.real, m.imag]))


@pytest.mark.parametrize("inner", ALL, ids=lambda k: k.name)
@pytest.mark.parametrize("outer", ALL, ids=lambda k: k.name)
def test_after_an_embedding(outer: Known, inner: Known) -> None:
    """B E A with A on real numbers: E embeds, so that B E A is real-linear from the real parts on."""
    if outer.matrix.shape[1] != inner.matrix.shape[0] or np.abs(inner.matrix.imag).max() > 0:
        return
    embedded = fact.compose(fact.embed(IDENTITY), inner.facts)
    facts = fact.compose(outer.facts, embedded)
    m = outer.matrix @ inner.matrix
    holds(replace(facts, signs=False), np.concatenate([m.real, m.imag]))
    assert facts.linear == "real"


def test_closed_forms_are_found() -> None:
    pixel, fourier = Diagonal("pixel"), Diagonal("fourier", axes=2)
    mask = Facts(gram=pixel, cogram=pixel, diagonal=pixel, norm=Norm(1.0, exact=True))
    f = Facts(gram=identity(), cogram=identity(), turns=fourier, norm=Norm(1.0, exact=True))
    blur = Facts(gram=fourier, cogram=fourier, diagonal=fourier, norm=Norm(1.0, exact=True))
    coils = Facts(gram=identity(), norm=Norm(1.0, exact=True))
    sampled = fact.compose(mask, f)
    assert (sampled.gram, sampled.cogram, sampled.norm) == (fourier, pixel, Norm(1.0, exact=True))
    assert fact.embed(sampled).gram == fourier
    assert fact.embed(sampled).norm == Norm(1.0)
    assert fact.compose(f, coils).gram == identity()
    assert fact.compose(fact.compose(mask, f), coils).norm == Norm(1.0)
    assert fact.compose(blur, blur).diagonal == fourier
    assert fact.compose(f, blur).gram == fourier
    assert fact.compose(mask, blur).gram is None
    assert fact.compose(fact.adjoint(f), sampled).gram == fourier
    assert fact.gram_of(sampled).diagonal == fourier
    assert fact.add(blur, IDENTITY).gram == fourier
    assert fact.add(IDENTITY, fact.scale(2.0, IDENTITY)).norm == Norm(3.0, exact=True)
    assert fact.add(IDENTITY, fact.scale(-1.0, IDENTITY)).diagonal == identity(0.0)
    assert fact.stack([f, fact.scale(2.0, f)]).gram == identity(5.0)
    assert fact.stack([f, fact.scale(2.0, f)]).norm == Norm(5.0**0.5, exact=True)
    assert fact.stack([blur, f]).gram == fourier
    assert fact.row([f, f]).cogram == identity(2.0)
    assert fact.scale(-1.0, f).unitary
    assert not fact.scale(2.0, f).unitary
    assert fact.adjoint(f).turns == fourier
