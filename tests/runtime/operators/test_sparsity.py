"""Differences against numpy, wavelets against PyWavelets, and the proximal map that skips the coarsest band."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import pywt
import torch
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary.operators import basic, sparsity
from recon.runtime.operators.base import estimate_norm
from recon.runtime.operators.sparsity import WaveletOperator

from .making import grid, make, sample


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("boundary", ["reflect", "circular"])
def test_gradient_is_numpys(boundary: str, field: str) -> None:
    domain = grid(3, 4, 5, head=("frame",), field=field)
    x = sample(domain, 2)
    operator = make(sparsity.Gradient(axes=("frame", "col", "row"), boundary=boundary), domain=domain)  # type: ignore[arg-type]
    parts = []
    for axis in (1, 3, 2):
        wrapped = np.diff(x.numpy(), axis=axis, append=x.numpy().take([0], axis=axis))
        if boundary == "reflect":
            np.moveaxis(wrapped, axis, 0)[-1] = 0
        parts.append(wrapped)
    np.testing.assert_allclose(operator(x), np.stack(parts, axis=1), atol=1e-14)


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize(
    "word", [sparsity.Gradient(), sparsity.Gradient(boundary="circular"), sparsity.Diff(axis="col")]
)
@pytest.mark.parametrize("each", [False, True])
def test_what_is_accumulated_is_the_product_added(word: sparsity.Gradient, field: str, each: bool) -> None:
    domain = grid(4, 5, field=field)
    operator = make(word, domain=domain)
    x, y = sample(domain, 2), sample(operator.codomain, 2, seed=1)
    c = torch.tensor([0.7, -1.3], dtype=torch.float64).view(2, *[1] * (y.ndim - 1)) if each else 0.7
    expected = y + c * operator(x)
    with torch.no_grad():
        torch.testing.assert_close(operator.accumulate_(y, x, c), expected, rtol=0, atol=1e-14)


def test_gradient_is_the_stack_of_its_differences() -> None:
    domain = grid(2, 4, 5, head=("channel",))
    parts = (Leaf(sparsity.Diff(axis="row")), Leaf(sparsity.Diff(axis="col")))
    stack, gradient = make(basic.Stack(parts=parts), domain=domain), make(sparsity.Gradient(), domain=domain)
    x = sample(domain)
    assert torch.equal(stack(x), gradient(x))
    torch.testing.assert_close(stack.gram(x), gradient.gram(x))


@pytest.mark.parametrize(("sizes", "levels"), [((32,), 3), ((16, 8), 2), ((8, 4, 8), 1)])
@pytest.mark.parametrize("name", ["haar", "db4", "sym5"])
def test_wavelet_is_pywts(sizes: tuple[int, ...], levels: int, name: str) -> None:
    domain = grid(*sizes)
    operator, x = make(sparsity.Wavelet(name=name, levels=levels), domain=domain), sample(domain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # more levels than the filter's length advises
        coefficients = pywt.wavedecn(x.numpy(), name, mode="periodization", level=levels)
    np.testing.assert_allclose(operator(x), pywt.coeffs_to_array(coefficients)[0], atol=1e-12)


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_soft_threshold_spares_the_coarsest_band(field: str, per_row: bool) -> None:
    domain = grid(2, 16, 8, head=("channel",), field=field)
    operator = make(sparsity.Wavelet(name="db2", levels=2), domain=domain)
    assert isinstance(operator, WaveletOperator)
    assert operator.unpenalised == (slice(4), slice(2))
    x = sample(domain, 3)
    t = torch.tensor([0.1, 0.4, 1.0], dtype=torch.float64) if per_row else 0.4
    c = operator(x)
    level = t.view(3, 1, 1, 1) if isinstance(t, torch.Tensor) else t
    shrunk = c / c.abs() * (c.abs() - level).clamp(min=0)
    everything = operator.adjoint(shrunk.clone())
    shrunk[(..., *operator.unpenalised)] = c[(..., *operator.unpenalised)]
    torch.testing.assert_close(operator.soft_threshold(x, t), operator.adjoint(shrunk), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(operator.soft_threshold(x, t, keep_coarse=False), everything, rtol=1e-12, atol=1e-12)


def test_differences_count_for_the_length_that_they_span() -> None:
    """A slope of one per millimetre has one length, whatever the voxels are."""
    axes = (Axis("z", 4, 0.003), Axis("row", 5, 0.001), Axis("col", 6, 0.002))
    domain = Space("real", axes)
    operator = make(sparsity.Gradient(), domain=domain)
    for k, axis in enumerate(axes):
        places = torch.arange(axis.size or 0, dtype=torch.float64) * 1000 * (axis.voxel or 0)
        slope = places.view(-1, *[1] * (2 - k)).expand(domain.sizes)
        found = operator(slope[None])[0]
        inner = found[k].narrow(k, 0, domain.sizes[k] - 1)
        torch.testing.assert_close(inner, torch.ones_like(inner))
        assert float(found.sum()) == pytest.approx(float(inner.sum()))


def test_weights_must_be_as_many_as_axes() -> None:
    with pytest.raises(MisfitError, match=r"has 3 weights for 2 axes \(row, col\)"):
        place(Leaf(sparsity.Gradient(weights=(1.0, 1.0, 2.0))), grid(4, 4))


@pytest.mark.parametrize("sizes", [(24, 40, 1), (33, 32), (48,)])
def test_the_norm_of_the_symmetric_gradient_on_long_grids(sizes: tuple[int, ...]) -> None:
    domain = grid(*sizes)
    fields = domain.with_axes((Axis("direction", len(sizes)), *domain.axes))
    operator = make(sparsity.SymmetricGradient(), domain=fields)
    found = estimate_norm(operator)
    assert found * (1 - 2e-4) <= operator.norm() <= found * 1.002
