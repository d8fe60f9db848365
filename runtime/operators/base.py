"""Linear operators and their algebra.

An operator acts on the last axes of a tensor; everything in front is a batch of rows. Complex numbers are complex
tensors. Calling an operator changes nothing in it, nor its argument; but the result may share memory with the argument
(the identity returns it as it is), so whoever writes into a result in place must own it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from recon.dsl.model import facts as fact
from recon.dsl.model.facts import Facts
from recon.dsl.model.space import Space
from torch import Tensor, nn

from ..transforms.differences import Stencil
from .extents import entries, shortened


class Operator(nn.Module):
    """A linear map A from `domain` to `codomain`, with the facts that the language knows of it.

    A subclass gives `_apply_(x)` = A x and `_adjoint_(y)` = A^H y, and where that is cheaper `_gram_(x)` = A^H A x;
    where `domain` is real, A^H is the adjoint with respect to Re<., .>, so it returns real numbers. The adjoint is the
    backward of the forward, registered here once.

    stencil: what the kernels of differences need to know, where the operator is one; else None.
    """

    stencil: Stencil | None = None

    def __init__(self, domain: Space, codomain: Space, facts: Facts) -> None:
        super().__init__()
        self.domain, self.codomain, self.facts = domain, codomain, facts
        self.precision: torch.dtype = torch.float32  # the real dtype it was built for
        self.built_for: torch.device | None = None  # the device, where it was built for one
        self._norm: float | None = None

    def _apply_(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _adjoint_(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def _gram_(self, x: Tensor) -> Tensor:
        multiple = self._multiple()
        if multiple is None:
            return self._adjoint_(self._apply_(x))
        return x if multiple == 1 else x * multiple

    def _multiple(self) -> float | None:
        """The c of A^H A = c I, where the facts give it."""
        gram = self.facts.gram
        return gram.scale if gram is not None and gram.basis == "identity" else None

    def constant(self, name: str, value: Tensor) -> None:
        """Keep a tensor that is made anew from the page: it moves with the module and is not part of its state."""
        self.register_buffer(name, value, persistent=False)

    @property
    def device(self) -> torch.device:
        """Where its arguments are: on what it or a part of it was built for, else where its arrays are."""
        built = (m.built_for for m in self.modules() if isinstance(m, Operator))
        found = next((d for d in built if d is not None), None)
        return found or next((b.device for b in self.buffers()), torch.device("cpu"))

    def forward(self, x: Tensor) -> Tensor:
        """A x, for x of shape [..., *domain.shape]."""
        if torch.is_grad_enabled() and x.requires_grad:
            return cast(Tensor, _Linear.apply(x, self, "forward"))  # type: ignore[no-untyped-call]
        return self._apply_(x)

    def adjoint(self, y: Tensor) -> Tensor:
        """A^H y, for y of shape [..., *codomain.shape]."""
        if torch.is_grad_enabled() and y.requires_grad:
            return cast(Tensor, _Linear.apply(y, self, "adjoint"))  # type: ignore[no-untyped-call]
        return self._adjoint_(y)

    def accumulate_(self, y: Tensor, x: Tensor, c: float | Tensor) -> Tensor:
        """y + c A x in place of y, where no gradient is recorded; c is a number, or shaped to multiply y."""
        v = self.forward(x)
        return y.addcmul_(v, c) if isinstance(c, Tensor) else y.add_(v, alpha=c)

    def pullback(self, x: Tensor, y: Tensor) -> Tensor:
        """D(x)^H y for the derivative D(x) of the map at x; A^H y, since a linear map is its own derivative."""
        return self.adjoint(y)

    def gram(self, x: Tensor) -> Tensor:
        """A^H A x, for x of shape [..., *domain.shape]; often cheaper than the two calls."""
        if torch.is_grad_enabled() and x.requires_grad:
            return cast(Tensor, _Linear.apply(x, self, "gram"))  # type: ignore[no-untyped-call]
        return self._gram_(x)

    def normal(self) -> Operator | None:
        """A^H A as one operator that is cheaper than A and A^H; None where there is none."""
        return None

    def around(self, middle: Operator) -> Operator | None:
        """A^H M A as one operator, for the self-adjoint M = `middle` on the codomain; None where there is none."""
        return None

    def after(self, inner: Operator) -> Operator | None:
        """self @ inner as one operator that is cheaper than the two; None where there is none."""
        return None

    def under(self, outer: Operator) -> list[Operator] | None:
        """`outer @ self` as a chain, outermost first, that costs fewer passes over memory; None where there is none.

        The chain need not end in the parts it came from: diagonals merge, and move inwards to where less is stored.
        """
        return None

    @property
    def H(self) -> Operator:  # noqa: N802 - the field's own notation
        return AdjointOperator(self)

    def real_part(self) -> Operator | None:
        """x -> Re(A x) for real x as one operator, for A from a complex space to itself; None where there is none."""
        return None

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        """Which entries of the codomain are measured, as a boolean tensor that broadcasts to it; None: all of them.

        `given` says the same of the domain, where another operator stands further in.
        """
        return None

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """The part of A whose results are those at `keep` along an axis of the codomain; None where it has none.

        True beside it where A treats the entries of that axis apart, so that the part acts on the part of its argument
        at `keep` too; False where it acts on the whole. See the function `cut`.
        """
        return None

    def norm(self) -> float:
        """The operator norm: exact where the facts give it or A^H A is diagonal on the grid, else estimated, but not
        above the bound they give."""
        if self._norm is None:
            known, gram = self.facts.norm, self.facts.gram
            if not known.exact and gram is not None and gram.basis == "pixel":
                self._norm = self._largest_weight()
            elif known.value is None:
                self._norm = estimate_norm(self)
            else:
                self._norm = known.value if known.exact else min(known.value, estimate_norm(self))
        return self._norm

    def _largest_weight(self) -> float:
        """The norm where A^H A is diagonal on the grid: its diagonal is what it makes of ones."""
        with torch.no_grad():
            ones = torch.ones((1, *self.domain.sizes), dtype=dtype_of(self.domain, self.precision), device=self.device)
            return float(self.gram(ones).abs().max().double().sqrt())

    def __matmul__(self, other: Operator) -> Operator:
        return compose(self, other)

    def extra_repr(self) -> str:
        return f"{self.domain} -> {self.codomain}"


class _Linear(torch.autograd.Function):
    """y = A x with backward A^H, so that no operator needs a differentiable implementation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, operator: Operator, which: str) -> Tensor:
        ctx.operator, ctx.which = operator, which
        call = {"forward": operator._apply_, "adjoint": operator._adjoint_, "gram": operator._gram_}[which]
        return call(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        operator: Operator = ctx.operator
        call = {"forward": operator.adjoint, "adjoint": operator.forward, "gram": operator.gram}[ctx.which]
        return call(grads[0]), None, None


class AdjointOperator(Operator):
    """A^H as an operator of its own."""

    def __init__(self, of: Operator, facts: Facts | None = None) -> None:
        super().__init__(of.codomain, of.domain, facts or fact.adjoint(of.facts))
        self.of, self.precision = of, of.precision

    def _apply_(self, x: Tensor) -> Tensor:
        return self.of._adjoint_(x)

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.of._apply_(y)

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """Where A treats the entries of the axis apart, so does A^H."""
        found = self.of.cut(axis, keep)
        return (AdjointOperator(found[0]), True) if found is not None and found[1] else None

    def norm(self) -> float:
        """That of A."""
        return self.of.norm()

    @property
    def H(self) -> Operator:  # noqa: N802
        return self.of


class Embedding(Operator):
    """The embedding of real numbers into the complex numbers; its adjoint is the real part."""

    def _apply_(self, x: Tensor) -> Tensor:
        return x.to(_complex(x.dtype))

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y.real.contiguous()

    def around(self, middle: Operator) -> Operator | None:
        return middle.real_part()

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        return Embedding(*part_of(self, axis, keep)), True

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return given


def _complex(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype == torch.float64 else torch.complex64


class Composition(Operator):
    """A_1 A_2 ... A_n, given from the outermost to the innermost."""

    def __init__(self, parts: list[Operator], facts: Facts) -> None:
        super().__init__(parts[-1].domain, parts[0].codomain, facts)
        self.parts, self.precision = nn.ModuleList(parts), parts[0].precision
        self.quick = nn.ModuleList(simplified(parts))
        # A^H A = B^H M B with as much of the chain as possible in the one operator M, and B the rest of it.
        self.middle, self.inner = parts[0].normal(), len(parts) - 1
        while self.middle is not None and self.inner > 0:
            wider = parts[len(parts) - self.inner].around(self.middle)
            if wider is None:
                break
            self.middle, self.inner = wider, self.inner - 1

    def _chain(self) -> list[Operator]:
        return [cast(Operator, p) for p in self.parts]

    def _apply_(self, x: Tensor) -> Tensor:
        for p in reversed(self.quick):
            x = cast(Operator, p)._apply_(x)
        return x

    def _adjoint_(self, y: Tensor) -> Tensor:
        for p in self.quick:
            y = cast(Operator, p)._adjoint_(y)
        return y

    def _gram_(self, x: Tensor) -> Tensor:
        if self._multiple() is not None:
            return super()._gram_(x)
        chain = self._chain()
        inner = chain[len(chain) - self.inner :]
        for p in reversed(inner):
            x = p._apply_(x)
        x = chain[0]._gram_(x) if self.middle is None else self.middle._apply_(x)
        for p in inner:
            x = p._adjoint_(x)
        return x

    def normal(self) -> Operator | None:
        return self.middle if self.inner == 0 else None

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """The cut goes inwards as far as it can; where it cannot go on, the rest is applied whole and then cut."""
        done: list[Operator] = []
        chain_ = self._chain()
        for i, p in enumerate(chain_):
            found = p.cut(axis, keep)
            if found is None and i == 0:
                return None
            part, inside = (Restriction(p.codomain, axis, keep), False) if found is None else found
            done.append(part)
            if not inside:
                rest = chain_[i:] if found is None else chain_[i + 1 :]
                return chain([*done, *rest], fact.cut(self.facts)), False
        return chain(done, fact.cut(self.facts)), True

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        for p in reversed(self._chain()):
            given = p.measured(given)
        return given


def simplified(parts: list[Operator]) -> list[Operator]:
    """A chain with the same product, after `under` has been asked of every pair of neighbours until none answers."""
    chain, k = list(parts), 0
    while k + 1 < len(chain):
        shorter = chain[k + 1].under(chain[k])
        if shorter is None:
            k += 1
        else:
            chain[k : k + 2] = shorter
            k = max(k - 1, 0)
    return chain


class Sum(Operator):
    """A + B + ..."""

    def __init__(self, parts: list[Operator], codomain: Space, facts: Facts) -> None:
        super().__init__(parts[0].domain, codomain, facts)
        self.parts, self.precision = nn.ModuleList(parts), parts[0].precision

    def _summands(self) -> list[Operator]:
        return [cast(Operator, p) for p in self.parts]

    def _apply_(self, x: Tensor) -> Tensor:
        first, *others = self._summands()
        out = first._apply_(x)
        for p in others:
            out = out + p._apply_(x)
        return out

    def _adjoint_(self, y: Tensor) -> Tensor:
        first, *others = self._summands()
        out = first._adjoint_(y)
        for p in others:
            out = out + p._adjoint_(y)
        return out

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        found = [p.cut(axis, keep) for p in self._summands()]
        parts = [f for f in found if f is not None]
        if len(parts) < len(found):
            return None
        inside = all(within for _, within in parts)
        alike = [
            compose(p, Restriction(self.domain, axis, keep)) if within and not inside else p for p, within in parts
        ]
        return Sum(alike, shortened(self.codomain, axis, keep), fact.cut(self.facts)), inside


class ScaledOperator(Operator):
    """c A for a real number c."""

    def __init__(self, factor: float, of: Operator, facts: Facts) -> None:
        super().__init__(of.domain, of.codomain, facts)
        self.factor, self.of, self.precision = factor, of, of.precision

    def _apply_(self, x: Tensor) -> Tensor:
        return self.of._apply_(x) * self.factor

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self.of._adjoint_(y) * self.factor

    def _gram_(self, x: Tensor) -> Tensor:
        return self.of._gram_(x) * self.factor**2

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        found = self.of.cut(axis, keep)
        return None if found is None else (ScaledOperator(self.factor, found[0], fact.cut(self.facts)), found[1])

    def norm(self) -> float:
        """|c| times that of A."""
        return abs(self.factor) * self.of.norm()

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return self.of.measured(given)


class IdentityOperator(Operator):
    """x itself."""

    def _apply_(self, x: Tensor) -> Tensor:
        return x

    def _adjoint_(self, y: Tensor) -> Tensor:
        return y

    def _gram_(self, x: Tensor) -> Tensor:
        return x

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        domain, codomain, _ = part_of(self, axis, keep)
        return IdentityOperator(domain, codomain, self.facts), True

    def measured(self, given: Tensor | None = None) -> Tensor | None:
        return given


class Restriction(Operator):
    """The entries at `keep` along one axis, and of all others; the adjoint puts zeros in the place of the rest."""

    def __init__(self, domain: Space, axis: str, keep: slice) -> None:
        pixel, one = fact.Diagonal("pixel"), fact.identity()
        facts = Facts(gram=pixel, cogram=one, norm=fact.Norm(1.0), signs=True, light=True)
        super().__init__(domain, shortened(domain, axis, keep), facts)
        self.at = entries(domain, axis, keep)

    def _apply_(self, x: Tensor) -> Tensor:
        return x[self.at]

    def _adjoint_(self, y: Tensor) -> Tensor:
        x = y.new_zeros(*y.shape[: y.ndim - len(self.domain.axes)], *self.domain.sizes)
        x[self.at] = y
        return x


def part_of(operator: Operator, axis: str, keep: slice) -> tuple[Space, Space, Facts]:
    """Domain, codomain and facts of a part that treats the entries of an axis apart."""
    domain, codomain = (shortened(s, axis, keep) for s in (operator.domain, operator.codomain))
    return domain, codomain, fact.cut(operator.facts)


def cut(operator: Operator, axis: str, keep: slice) -> Operator:
    """The part of A whose results are those at `keep` along an axis of the codomain, as an operator on the domain.

    Where A has no such part it is applied whole, and cut after.
    """
    found = operator.cut(axis, keep)
    if found is None:
        return compose(Restriction(operator.codomain, axis, keep), operator)
    part, inside = found
    return compose(part, Restriction(operator.domain, axis, keep)) if inside else part


def compose(outer: Operator, inner: Operator) -> Operator:
    """outer @ inner, flattened, with identities dropped."""
    if isinstance(outer, IdentityOperator):
        return inner
    if isinstance(inner, IdentityOperator):
        return outer
    parts = [p for o in (outer, inner) for p in (o._chain() if isinstance(o, Composition) else [o])]
    return chain(parts, fact.compose(outer.facts, inner.facts))


def chain(parts: list[Operator], facts: Facts) -> Operator:
    """A_1 A_2 ... A_n, given from the outermost to the innermost, with neighbours joined that are cheaper as one."""
    joined: list[Operator] = []
    for p in reversed(parts):
        one = p.after(joined[0]) if joined else None
        joined = [p, *joined] if one is None else [one, *joined[1:]]
    return joined[0] if len(joined) == 1 else Composition(joined, facts)


def dtype_of(space: Space, real: torch.dtype) -> torch.dtype:
    """The tensor dtype of a space at a real precision."""
    return _complex(real) if space.field == "complex" else real


def random_point(space: Space, real: torch.dtype, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """A standard normal tensor of one row of the space, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(space.sizes, generator=generator, dtype=dtype_of(space, torch.float64))
    return x.to(dtype_of(space, real)).to(device)


EARLIEST = 24
"""Products with A^H A before an estimate of its norm is believed."""


def estimate_norm(operator: Operator, iterations: int = 200, rtol: float = 2e-4) -> float:
    """The operator norm, within about `rtol` and rather too large than too small, from products with A^H A.

    Lanczos iteration with full reorthogonalisation from a random start: the top eigenvalue t of the small tridiagonal
    matrix grows towards |A|^2, and A^H A has an eigenvalue within the residual r of t. After 24 products at least (a
    small residual may be that of a lesser eigenvalue before) it ends once r is below 2 rtol t, or where t has gained
    less than rtol t / 10 in ten products; the result is the root of t + r, r capped at 2 rtol t.

    Golub and Van Loan 2013, section 10.1; Kuczynski and Wozniakowski 1992 on the random start.
    """
    device = operator.device
    real_linear = operator.domain.field == "real" or operator.facts.linear == "real"
    rounding = max(1e-10, 100 * torch.finfo(operator.precision).eps)  # below that, nothing is left of A^H A q
    with torch.no_grad():
        v = random_point(operator.domain, operator.precision, seed=0, device=device)
        basis = torch.empty((16, v.numel()), dtype=v.dtype, device=device)
        basis[0] = v.flatten() / torch.linalg.vector_norm(v)
        diagonal, beside, tops = list[float](), list[float](), dict[int, float]()
        bound = 0.0
        limit = min(iterations, 2 * v.numel())
        for k in range(limit):
            w = operator.gram(basis[k].view(1, *v.shape)).flatten()
            diagonal.append(float(torch.vdot(basis[k], w).real))
            w = _orthogonalised(w, basis[: k + 1], real_linear)
            beta = float(torch.linalg.vector_norm(w))
            early = k < EARLIEST and beta > rounding * max(diagonal)
            if k >= EARLIEST - 10 or not early or k + 1 == limit or not beta < float("inf"):
                top, last = _top(diagonal, beside)
                residual = beta * last
                bound = top + min(residual, 2 * rtol * top)
                settled = k >= EARLIEST and top - tops[k - 10] <= 0.1 * rtol * top
                if (not early and (residual <= 2 * rtol * top or settled)) or not beta < float("inf"):
                    break
                tops[k] = top
            if k + 1 == len(basis):
                basis = torch.cat([basis, torch.empty_like(basis)])
            basis[k + 1] = w / beta
            beside.append(beta)
    return float(max(bound, 0.0) ** 0.5)


def _top(diagonal: list[float], beside: list[float]) -> tuple[float, float]:
    """The largest eigenvalue of a symmetric tridiagonal matrix, and the modulus of its eigenvector's last entry."""
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if beside:
        matrix += torch.diag(torch.tensor(beside, dtype=torch.float64), -1)  # eigh reads this half
    values, vectors = torch.linalg.eigh(matrix)
    return float(values[-1]), abs(float(vectors[-1, -1]))


def _orthogonalised(v: Tensor, basis: Tensor, real_linear: bool) -> Tensor:
    """v minus its projection on the rows of `basis`, twice for stability; over the real numbers if `real_linear`."""
    for _ in range(2):
        c = basis.conj() @ v
        if real_linear and c.is_complex():
            c = torch.complex(c.real, torch.zeros_like(c.real))
        v = v - c @ basis
    return v
