"""Linear operators and their algebra.

An operator acts on the last axes of a tensor; everything in front is a batch of rows. Complex numbers are complex
tensors. Calling an operator changes nothing in it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.space import Space
from torch import Tensor, nn


class Operator(nn.Module):
    """A linear map A from `domain` to `codomain`, with the facts that the language knows of it.

    A subclass gives `_apply(x)` = A x and `_adjoint(y)` = A^H y; where `domain` is real, A^H is the adjoint with
    respect to Re<., .>, so it returns real numbers. The adjoint is the backward of the forward, registered here once.
    """

    def __init__(self, domain: Space, codomain: Space, facts: Facts) -> None:
        super().__init__()
        self.domain, self.codomain, self.facts = domain, codomain, facts
        self.precision: torch.dtype = torch.float32  # the real dtype it was built for
        self._norm: float | None = None

    def _apply_(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _adjoint_(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """A x, for x of shape [..., *domain.shape]."""
        if torch.is_grad_enabled() and x.requires_grad:
            return cast(Tensor, _Linear.apply(x, self, False))
        return self._apply_(x)

    def adjoint(self, y: Tensor) -> Tensor:
        """A^H y, for y of shape [..., *codomain.shape]."""
        if torch.is_grad_enabled() and y.requires_grad:
            return cast(Tensor, _Linear.apply(y, self, True))
        return self._adjoint_(y)

    def gram(self, x: Tensor) -> Tensor:
        """A^H A x; overridden where that is cheaper than the two calls."""
        return self.adjoint(self.forward(x))

    @property
    def H(self) -> Operator:  # noqa: N802 - the field's own notation
        return AdjointOperator(self)

    def measured(self) -> Tensor | None:
        """Which entries of the codomain are measured, as a boolean tensor that broadcasts to it; None: all of them."""
        return None

    def norm(self) -> float:
        """The operator norm: exact where the facts give it, else estimated from above (see `estimate_norm`)."""
        if self._norm is None:
            known = self.facts.norm
            self._norm = known.value if known.value is not None and known.exact else estimate_norm(self)
        return self._norm

    def __matmul__(self, other: Operator) -> Operator:
        return compose(self, other)

    def extra_repr(self) -> str:
        return f"{self.domain} -> {self.codomain}"


class _Linear(torch.autograd.Function):
    """y = A x with backward A^H, so that no operator needs a differentiable implementation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, operator: Operator, transposed: bool) -> Tensor:
        ctx.operator, ctx.transposed = operator, transposed
        return operator._adjoint_(x) if transposed else operator._apply_(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        operator = ctx.operator
        return (operator.forward(grads[0]) if ctx.transposed else operator.adjoint(grads[0])), None, None


class AdjointOperator(Operator):
    """A^H as an operator of its own."""

    def __init__(self, of: Operator, facts: Facts | None = None) -> None:
        from recon.dsl.model import facts as fact

        super().__init__(of.codomain, of.domain, facts or fact.adjoint(of.facts))
        self.of = of

    def _apply_(self, x: Tensor) -> Tensor:
        return self.of._adjoint_(x)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.of._apply_(y)

    @property
    def H(self) -> Operator:  # noqa: N802
        return self.of


class Embedding(Operator):
    """The embedding of real numbers into the complex numbers; its adjoint is the real part."""

    def _apply_(self, x: Tensor) -> Tensor:
        return x.to(_complex(x.dtype))

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y.real.contiguous()


def _complex(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype == torch.float64 else torch.complex64


class Composition(Operator):
    """A_1 A_2 ... A_n, given from the outermost to the innermost."""

    def __init__(self, parts: list[Operator], facts: Facts) -> None:
        super().__init__(parts[-1].domain, parts[0].codomain, facts)
        self.parts = nn.ModuleList(parts)

    def _chain(self) -> list[Operator]:
        return [cast(Operator, p) for p in self.parts]

    def _apply_(self, x: Tensor) -> Tensor:
        for p in reversed(self._chain()):
            x = p._apply_(x)
        return x

    def _adjoint_(self, y: Tensor) -> Tensor:
        for p in self._chain():
            y = p._adjoint_(y)
        return y

    def gram(self, x: Tensor) -> Tensor:
        chain = self._chain()
        inner = chain[1:]
        for p in reversed(inner):
            x = p.forward(x)
        x = chain[0].gram(x)
        for p in inner:
            x = p.adjoint(x)
        return x

    def measured(self) -> Tensor | None:
        return self._chain()[0].measured()


class Sum(Operator):
    """A + B + ..."""

    def __init__(self, parts: list[Operator], codomain: Space, facts: Facts) -> None:
        super().__init__(parts[0].domain, codomain, facts)
        self.parts = nn.ModuleList(parts)

    def _apply_(self, x: Tensor) -> Tensor:
        out = self.parts[0]._apply_(x)
        for p in self.parts[1:]:
            out = out + p._apply_(x)
        return cast(Tensor, out)

    def _adjoint_(self, y: Tensor) -> Tensor:
        out = self.parts[0]._adjoint_(y)
        for p in self.parts[1:]:
            out = out + p._adjoint_(y)
        return cast(Tensor, out)


class ScaledOperator(Operator):
    """c A for a real number c."""

    def __init__(self, factor: float, of: Operator, facts: Facts) -> None:
        super().__init__(of.domain, of.codomain, facts)
        self.factor, self.of = factor, of

    def _apply_(self, x: Tensor) -> Tensor:
        return self.of._apply_(x) * self.factor

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.of._adjoint_(y) * self.factor

    def gram(self, x: Tensor) -> Tensor:
        return self.of.gram(x) * self.factor**2

    def measured(self) -> Tensor | None:
        return self.of.measured()


class IdentityOperator(Operator):
    """x itself."""

    def _apply_(self, x: Tensor) -> Tensor:
        return x

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y

    def gram(self, x: Tensor) -> Tensor:
        return x


def compose(outer: Operator, inner: Operator) -> Operator:
    """outer @ inner, flattened, with identities dropped."""
    from recon.dsl.model import facts as fact

    if isinstance(outer, IdentityOperator):
        return inner
    if isinstance(inner, IdentityOperator):
        return outer
    parts = [p for o in (outer, inner) for p in (o._chain() if isinstance(o, Composition) else [o])]
    return Composition(parts, fact.compose(outer.facts, inner.facts))


def dtype_of(space: Space, real: torch.dtype) -> torch.dtype:
    """The tensor dtype of a space at a real precision."""
    return _complex(real) if space.field == "complex" else real


def random_point(space: Space, real: torch.dtype, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """A standard normal tensor of one row of the space, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(space.sizes, generator=generator, dtype=dtype_of(space, torch.float64))
    return x.to(dtype_of(space, real)).to(device)


def estimate_norm(operator: Operator, iterations: int = 300, rtol: float = 1e-4) -> float:
    """The operator norm by Golub-Kahan-Lanczos bidiagonalisation with full reorthogonalisation.

    The top singular value of the small bidiagonal matrix grows towards the norm; the iteration stops once the residual
    of its singular pair is below `rtol / 10` of it, so the result is too small by at most about `rtol` relative.

    Golub, Kahan 1965; Golub and Van Loan 2013, section 10.4.
    """
    like = next((b for b in operator.buffers()), None)
    device = like.device if like is not None else torch.device("cpu")
    real_linear = operator.domain.field == "real"
    with torch.no_grad():
        v = random_point(operator.domain, operator.precision, seed=0, device=device)
        rights, lefts = [v / torch.linalg.vector_norm(v)], list[Tensor]()
        alphas, betas = list[float](), list[float]()
        best = 0.0
        for k in range(iterations):
            u = operator.forward(rights[-1][None])[0]
            u = _orthogonalised(u, lefts, real_linear)
            alpha = float(torch.linalg.vector_norm(u))
            if alpha <= 1e-12 * best or not alpha < float("inf"):
                break
            lefts.append(u / alpha)
            alphas.append(alpha)
            w = _orthogonalised(operator.adjoint(lefts[-1][None])[0], rights, real_linear)
            beta = float(torch.linalg.vector_norm(w))
            bidiagonal = torch.diag(torch.tensor(alphas, dtype=torch.float64))
            if betas:
                bidiagonal += torch.diag(torch.tensor(betas, dtype=torch.float64), 1)
            left, values, _ = torch.linalg.svd(bidiagonal)
            best = float(values[0])
            if beta * abs(float(left[k, 0])) <= 0.1 * rtol * best or beta <= 1e-7 * best:
                break
            betas.append(beta)
            rights.append(w / beta)
    return best


def _orthogonalised(v: Tensor, basis: list[Tensor], real_linear: bool) -> Tensor:
    """v minus its projection on the basis, twice for stability."""
    for _ in range(2):
        for b in basis:
            c = torch.vdot(b.flatten(), v.flatten())
            v = v - b * (c.real if real_linear else c)
    return v
