"""What must hold of every operator, against its dense matrix. Matrices are made column by column from the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from recon.dsl.model.facts import Diagonal
from recon.dsl.model.place import Placed, place
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Scaled
from recon.runtime.build import Build, build_operator
from recon.runtime.operators.base import (
    Composition,
    Operator,
    Restriction,
    cut,
    dtype_of,
    estimate_norm,
    random_point,
)
from recon.runtime.operators.extents import entries
from torch import Tensor

DOUBLE = Build(real=torch.float64, seed=3)
SINGLE = Build(real=torch.float32, seed=3)
Matrix = NDArray[Any]


def unit_vectors(space: Space) -> Tensor:
    """The standard basis of a space, one vector a row: [n, *sizes]."""
    n = space.count or 0
    return torch.eye(n, dtype=dtype_of(space, torch.float64)).reshape(n, *space.sizes)


def matrix(function: Callable[[Tensor], Tensor], space: Space) -> Matrix:
    """The matrix of a map, from its values at the unit vectors: complex entries where the values are complex."""
    out: Matrix = function(unit_vectors(space)).reshape(space.count or 0, -1).numpy().T
    return out


def real_matrix(function: Callable[[Tensor], Tensor], space: Space) -> NDArray[np.float64]:
    """The matrix of a real-linear map between real and imaginary parts, stacked."""
    columns = [matrix(function, space)]
    if space.field == "complex":
        columns.append(matrix(lambda v: function(1j * v), space))
    both = np.concatenate(columns, axis=1)
    return np.concatenate([both.real, both.imag]) if np.iscomplexobj(both) else both


def close(a: object, b: object, scale: float, tolerance: float = 1e-11) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance * max(scale, 1e-30))


def dense_norm(placed: Placed) -> float:
    """The largest singular value of the dense matrix."""
    operator = build_operator(placed, DOUBLE)
    return float(np.linalg.norm(real_matrix(operator.forward, operator.domain), 2))


def check(placed: Placed) -> None:
    """Everything at once. `placed` is a term with its domain, codomain and facts as the language infers them."""
    operator = build_operator(placed, DOUBLE)
    check_never_changes(operator)
    dense = real_matrix(operator.forward, operator.domain)
    norm = float(np.linalg.norm(dense, 2))
    check_spaces(operator, placed)
    check_adjoint(operator, dense, norm)
    check_norm(operator, placed, norm)
    check_gram(operator, norm)
    check_facts(operator, placed, norm)
    check_cuts(operator, placed, dense, norm)
    check_measured(operator)
    check_backward(operator, norm)
    check_single_precision(operator, placed, norm)


def check_never_changes(operator: Operator) -> None:
    """Calls leave their argument alone and give the same twice, first under inference mode and then without."""
    x, y = (random_point(s, torch.float64, 1).expand(2, 3, *s.sizes).contiguous() for s in _ends(operator))
    for call, v in ((operator.forward, x), (operator.adjoint, y), (operator.gram, x)):
        before = v.clone()
        with torch.inference_mode():
            inside = call(v).clone()
        outside = call(v)
        assert torch.equal(v, before)
        scale = float(outside.abs().max())
        close(inside, outside, scale, 1e-13)  # vector kernels may round differently where memory is aligned otherwise
        close(call(v), outside, scale, 1e-13)
        close(call(v[0, 0]), outside[1, 2], scale, 1e-12)


def _ends(operator: Operator) -> tuple[Space, Space]:
    return operator.domain, operator.codomain


def check_spaces(operator: Operator, placed: Placed) -> None:
    """Shapes and dtypes are those that the language infers."""
    x = random_point(placed.domain, torch.float64, 1)[None]
    y = operator.forward(x)
    assert (tuple(y.shape), y.dtype) == ((1, *placed.codomain.sizes), dtype_of(placed.codomain, torch.float64))
    back = operator.adjoint(y)
    assert (back.shape, back.dtype) == (x.shape, x.dtype)
    assert (operator.gram(x).shape, operator.gram(x).dtype) == (x.shape, x.dtype)


def check_adjoint(operator: Operator, dense: NDArray[np.float64], norm: float) -> None:
    """The matrix of the adjoint, with respect to the real inner product, is the transpose; the map is linear."""
    close(real_matrix(operator.adjoint, operator.codomain), dense.T, norm)
    if operator.facts.linear == "complex" and operator.domain.field == "complex":
        turned = matrix(lambda v: operator.forward(1j * v), operator.domain)
        close(turned, 1j * matrix(operator.forward, operator.domain), norm)
    x, z = random_point(operator.domain, torch.float64, 2), random_point(operator.domain, torch.float64, 4)
    together = operator.forward(x - 2.5 * z)
    close(together, operator.forward(x) - 2.5 * operator.forward(z), norm * float(x.norm() + 2.5 * z.norm()))


def check_norm(operator: Operator, placed: Placed, norm: float) -> None:
    """`norm()` and the stated norm against the largest singular value, also where the operator is scaled."""
    known = placed.facts.norm
    if known.value is not None:
        assert known.value >= norm * (1 - 1e-9) - 1e-12
        if known.exact:
            assert abs(known.value - norm) <= 1e-6 * norm + 1e-12
    assert abs(operator.norm() - norm) <= 1e-3 * norm + 1e-12
    assert placed.term is not None
    for c in (1e-4, 1e4):
        scaled = build_operator(place(Scaled(c, placed.term), placed.domain), DOUBLE)
        assert abs(scaled.norm() - c * norm) <= 1e-3 * c * norm + 1e-12
        assert abs(estimate_norm(scaled) - c * norm) <= 1e-3 * c * norm + 1e-12


def check_gram(operator: Operator, norm: float) -> None:
    """The closed form of A^H A equals the two calls, on the unit vectors and on i times them."""
    one_after_the_other = real_matrix(lambda v: operator.adjoint(operator.forward(v)), operator.domain)
    close(real_matrix(operator.gram, operator.domain), one_after_the_other, norm**2)


def check_facts(operator: Operator, placed: Placed, norm: float) -> None:
    """Each claim of a closed form, in the basis that it names; signs; bases that a transform turns."""
    facts = placed.facts
    if facts.gram is not None:
        check_diagonal(facts.gram, operator.gram, operator.domain, norm**2)
    if facts.cogram is not None:
        check_diagonal(facts.cogram, lambda v: operator.forward(operator.adjoint(v)), operator.codomain, norm**2)
    if facts.diagonal is not None:
        assert placed.domain.field == placed.codomain.field
        assert placed.domain.sizes == placed.codomain.sizes
        check_diagonal(facts.diagonal, operator.forward, operator.domain, norm)
    if facts.turns is not None:
        assert facts.unitary
        d = torch.rand(operator.codomain.sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        check_diagonal(facts.turns, lambda v: operator.adjoint(d * operator.forward(v)), operator.domain, norm**2)
    for basis in facts.folds:
        check_diagonal(
            basis, lambda v, b=basis: operator.forward(diagonal_in(b, operator.adjoint(v))), operator.codomain, norm**2
        )
    if facts.signs:
        dense = matrix(operator.forward, operator.domain)
        assert dense.real.min(initial=0) >= -1e-12 * norm
        assert np.abs(dense.imag).max(initial=0) <= 1e-12 * norm


def check_cuts(operator: Operator, placed: Placed, dense: NDArray[np.float64], norm: float) -> None:
    """A part along an axis has the rows of the whole, and acts on a part of the domain where that is claimed."""
    numbers = np.arange(placed.codomain.count or 0).reshape(placed.codomain.sizes)
    halves = (0, numbers.size) if placed.codomain.field == "complex" else (0,)
    for axis in placed.facts.cuts:
        for keep in (slice(0, None, 2), slice(-1, None)):
            found = operator.cut(axis, keep)
            assert found is not None or operator.facts.light, axis  # what is light may be applied whole
            assert axis not in placed.facts.apart or (found is not None and found[1]), axis
            check_cost(found[0] if found is not None else operator)
            part = cut(operator, axis, keep)
            rows = np.concatenate([numbers[entries(placed.codomain, axis, keep)].ravel() + n for n in halves])
            if not rows.size:
                continue
            close(real_matrix(part.forward, part.domain), dense[rows], norm)
            close(real_matrix(part.adjoint, part.codomain), dense[rows].T, norm)
            own = float(np.linalg.norm(dense[rows], 2))
            known = part.facts.norm
            assert known.value is None or known.value >= own * (1 - 1e-9) - 1e-12
            assert not known.exact or abs((known.value or 0) - own) <= 1e-6 * own + 1e-12


def check_cost(part: Operator) -> None:
    """Nothing is computed whole and thrown away, but for what costs a pass over memory."""
    chain = part._chain() if isinstance(part, Composition) else [part]
    for i, p in enumerate(chain):
        assert not isinstance(p, Restriction) or all(q.facts.light for q in chain[i + 1 :])


def diagonal_in(claim: Diagonal, x: Tensor) -> Tensor:
    """D x for some real D that is diagonal in the basis, of a size about one."""
    axes = tuple(range(-claim.axes, 0))
    d = np.random.default_rng(7).uniform(size=x.shape[-claim.axes :])
    if claim.basis == "cosine":
        return torch.as_tensor(scipy.fft.idctn(d * scipy.fft.dctn(x.numpy(), axes=axes), axes=axes))
    d = (d + np.roll(np.flip(d), 1, tuple(range(d.ndim)))) / 2  # the same for k and -k, so that real stays real
    out = torch.as_tensor(np.fft.ifftn(d * np.fft.fftn(x.numpy(), axes=axes), axes=axes))
    return out if x.is_complex() else out.real


def check_diagonal(claim: Diagonal, function: Callable[[Tensor], Tensor], space: Space, scale: float) -> None:
    """The matrix of the map is complex-linear where the space is complex, and diagonal in the claimed basis."""
    dense = matrix(function, space)
    if space.field == "complex":
        close(matrix(lambda v: function(1j * v), space), 1j * dense, scale)
    n = len(dense)
    if claim.basis == "identity":
        multiple = dense[0, 0].real if claim.scale is None else claim.scale
        close(dense, multiple * np.eye(n), scale)
        return
    if claim.basis != "pixel":
        dense = in_basis(dense, claim, space)
    close(dense, np.diag(np.diag(dense)), scale)


def in_basis(dense: Matrix, claim: Diagonal, space: Space) -> Matrix:
    """U M U^H with the orthonormal Fourier or cosine transform U over the last `claim.axes` axes."""
    axes = tuple(range(-claim.axes, 0))

    def transform(rows: Matrix) -> Matrix:
        grid = rows.reshape(-1, *space.sizes)
        if claim.basis == "fourier":
            out = np.fft.fftn(grid, axes=axes, norm="ortho")
        else:
            out = scipy.fft.dctn(grid, axes=axes, norm="ortho")
        flat: Matrix = out.reshape(rows.shape)
        return flat

    half = transform(dense.T).T  # U M
    other: Matrix = transform(half.conj()).conj()  # (U (U M)^H)^H
    return other


def check_measured(operator: Operator) -> None:
    """Entries that are not measured are zero for every x."""
    measured = operator.measured()
    if measured is not None:
        assert measured.dtype == torch.bool
        values = operator.forward(unit_vectors(operator.domain))
        assert not values.abs().amax(0)[~measured.expand(operator.codomain.sizes)].any()


def check_backward(operator: Operator, norm: float) -> None:
    """The backward of A, A^H and A^H A are A^H, A and A^H A, after calls under inference mode too."""
    for call, back, start, end in (
        (operator.forward, operator.adjoint, operator.domain, operator.codomain),
        (operator.adjoint, operator.forward, operator.codomain, operator.domain),
        (operator.gram, operator.gram, operator.domain, operator.domain),
    ):
        x = random_point(start, torch.float64, 6).requires_grad_()
        v = random_point(end, torch.float64, 7)
        (gradient,) = torch.autograd.grad(call(x), x, v)
        close(gradient, back(v), max(norm, norm**2) * float(v.norm()))


def check_single_precision(operator: Operator, placed: Placed, norm: float) -> None:
    """In float32: the same operator, random draws included, and an adjoint to within its rounding."""
    single = build_operator(placed, SINGLE)
    x, y = random_point(placed.domain, torch.float32, 8), random_point(placed.codomain, torch.float32, 9)
    image, back = single.forward(x), single.adjoint(y)
    assert image.dtype == dtype_of(placed.codomain, torch.float32)
    assert back.dtype == dtype_of(placed.domain, torch.float32)
    # Entries of the matrix are right to float32's rounding of one, which counts where all of them are small.
    close(image, operator.forward(x.to(dtype_of(placed.domain, torch.float64))), norm * float(x.norm()), 1e-4)
    left, right = torch.vdot(y.flatten(), image.flatten()), torch.vdot(back.flatten(), x.flatten())
    assert abs(complex(left).real - complex(right).real) <= 1e-5 * norm * float(x.norm() * y.norm())
    close(single.gram(x), single.adjoint(image), norm**2 * float(x.norm()), 1e-5)
