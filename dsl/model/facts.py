"""Facts about operators and how the algebra carries them on: one table, read by the checker and by the runtime.

A fact that is not known counts as "no". Write A for an operator, A^H for its adjoint.

`gram` is what A^H A is, `cogram` what A A^H is: a multiple of the identity, or diagonal in a basis:

- "pixel":   diagonal on the grid itself (a mask, a gain),
- "fourier": diagonal after the orthonormal Fourier transform over the axes `axes` (a circular convolution),
- "cosine":  diagonal after the orthonormal cosine transform over the axes `axes` (differences that mirror at the edge).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Basis = Literal["identity", "pixel", "fourier", "cosine"]
Linearity = Literal["complex", "real", "none"]


@dataclass(frozen=True)
class Diagonal:
    """Diagonal in `basis`. `scale` is the multiple where the basis is "identity" (None: a number known at run)."""

    basis: Basis
    scale: float | None = None
    axes: int = 0  # how many of the last axes the basis transforms

    def scaled(self, c: float | None) -> Diagonal:
        return replace(self, scale=None if c is None or self.scale is None else self.scale * c)


def identity(scale: float | None = 1.0) -> Diagonal:
    return Diagonal("identity", scale)


@dataclass(frozen=True)
class Norm:
    """The operator norm: its value, and whether that is exact or an upper bound. None: estimated at run."""

    value: float | None = None
    exact: bool = False


@dataclass(frozen=True)
class Facts:
    """What is known of a linear operator A.

    linear: "complex" if A(cx) = cA(x) for complex c, "real" if only for real c, "none" if it is only differentiable,
        as the contrast transfer is in its defocus; then its adjoint is that of its derivative.
    diagonal: the basis in which A itself is diagonal (then domain and codomain are one space).
    turns: A is unitary and A^H D A is diagonal in this basis for every D that is diagonal on the grid. The adjoint of
        the Fourier transform turns the grid's basis likewise; that of the cosine transform does not.
    folds: A D A^H is diagonal in each of these bases for every D that is diagonal in it: coarser pixels of a blurred
        image. Unlike the others it speaks of two grids, the bases being those of each.
    signs: A maps x >= 0 to A x >= 0.
    blocks: axes of the codomain along which the measurement may be taken in parts, each at its part of the cost.
    apart: axes that domain and codomain share and whose entries A treats apart, so that it can be cut in both.
    light: A costs no more than a pass over memory, so that it may be applied whole where what stands outside is cut.
    """

    linear: Linearity = "complex"
    gram: Diagonal | None = None
    cogram: Diagonal | None = None
    diagonal: Diagonal | None = None
    turns: Diagonal | None = None
    folds: tuple[Diagonal, ...] = ()
    norm: Norm = Norm()
    signs: bool = False
    blocks: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    light: bool = False

    @property
    def cuts(self) -> tuple[str, ...]:
        """All axes of the codomain along which a part of A costs its part of the whole."""
        return self.blocks + tuple(a for a in self.apart if a not in self.blocks)

    @property
    def unitary(self) -> bool:
        one = identity()
        return self.gram == one and self.cogram == one

    @property
    def zero(self) -> bool:
        """Whether A is known to send everything to zero."""
        return self.norm == Norm(0.0, exact=True)


IDENTITY = Facts(
    gram=identity(), cogram=identity(), diagonal=identity(), norm=Norm(1.0, exact=True), signs=True, light=True
)


def _weaker(a: Linearity, b: Linearity) -> Linearity:
    return "complex" if a == b == "complex" else "real"


def _joint(a: Diagonal | None, b: Diagonal | None) -> Diagonal | None:
    """The basis in which a product or sum of two diagonal operators is diagonal."""
    if a is None or b is None:
        return None
    if a.basis == "identity":
        return replace(b, scale=None) if b.basis != "identity" else identity(None)
    if b.basis == "identity" or (a.basis == b.basis and a.axes == b.axes):
        return replace(a, scale=None)
    return None


def compose(outer: Facts, inner: Facts) -> Facts:
    """Facts of outer @ inner.

    (BA)^H BA = A^H (B^H B) A: closed when B^H B = cI, when A is diagonal in the basis of B^H B, or when B^H B is
    diagonal on the grid and A turns the grid's basis into another. A A^H likewise with the roles exchanged.
    """
    gram = _sandwich(outer.gram, inner)
    cogram = _sandwich(inner.cogram, adjoint(outer)) or _folded(outer, inner.cogram)
    norm = Norm()
    if outer.zero or inner.zero:
        norm = Norm(0.0, exact=True)
    elif outer.norm.value is not None and inner.norm.value is not None:
        isometric = _is_identity(outer.gram) or _is_identity(inner.cogram)
        norm = Norm(outer.norm.value * inner.norm.value, exact=isometric and outer.norm.exact and inner.norm.exact)
    return Facts(
        linear=_weaker(outer.linear, inner.linear),
        gram=gram,
        cogram=cogram,
        diagonal=_product(outer.diagonal, inner.diagonal),
        norm=norm,
        signs=outer.signs and inner.signs,
        blocks=_compose_blocks(outer, inner),
        apart=tuple(a for a in outer.apart if a in inner.apart),
        light=outer.light and inner.light,
    )


def _compose_blocks(outer: Facts, inner: Facts) -> tuple[str, ...]:
    """The axes along which a part of outer @ inner costs its part: outer cuts them off and inner is next to nothing, or
    outer passes the cut on to inner."""
    own = [a for a in outer.blocks if inner.light]
    return tuple(own + [a for a in outer.apart if a in inner.blocks or (inner.light and a not in inner.apart)])


def _folded(outer: Facts, middle: Diagonal | None) -> Diagonal | None:
    """What B D B^H is on the codomain of B = `outer`, for D diagonal as `middle` says, where B folds that basis."""
    if middle is None or not any((f.basis, f.axes) == (middle.basis, middle.axes) for f in outer.folds):
        return None
    return replace(middle, scale=None)


def _is_identity(d: Diagonal | None) -> bool:
    return d is not None and d.basis == "identity"


def _sandwich(middle: Diagonal | None, a: Facts) -> Diagonal | None:
    """What A^H D A is, for D diagonal as `middle` says."""
    if middle is None:
        return None
    if middle.basis == "identity":
        return None if a.gram is None else a.gram.scaled(middle.scale)
    if a.linear == "real" and a.diagonal is None:
        return None
    if a.diagonal is not None:
        return _joint(middle, a.diagonal)
    if middle.basis == "pixel" and a.turns is not None:
        return a.turns
    return None


def _product(a: Diagonal | None, b: Diagonal | None) -> Diagonal | None:
    if a is not None and b is not None and a.basis == b.basis == "identity":
        return a.scaled(b.scale)
    return _joint(a, b)


def add(a: Facts, b: Facts) -> Facts:
    """Facts of A + B. The Gram matrix stays closed where both are diagonal in one basis."""
    diagonal = _joint(a.diagonal, b.diagonal)
    if a.diagonal is not None and b.diagonal is not None and a.diagonal.basis == b.diagonal.basis == "identity":
        p, q = a.diagonal.scale, b.diagonal.scale
        diagonal = identity(None if p is None or q is None else p + q)
    gram = None
    if diagonal is not None:
        gram = identity(None) if diagonal.basis == "identity" else replace(diagonal, scale=None)
        if diagonal.basis == "identity" and diagonal.scale is not None:
            gram = identity(diagonal.scale * diagonal.scale)  # a power would overflow with an exception
    norm = Norm()
    if diagonal is not None and diagonal.basis == "identity" and diagonal.scale is not None:
        norm = Norm(abs(diagonal.scale), exact=True)
    elif a.norm.value is not None and b.norm.value is not None:
        norm = Norm(a.norm.value + b.norm.value)
    return Facts(
        linear=_weaker(a.linear, b.linear),
        gram=gram,
        cogram=gram,
        diagonal=diagonal,
        norm=norm,
        signs=a.signs and b.signs,
        blocks=tuple(x for x in a.cuts if x in b.cuts and not (x in a.apart and x in b.apart)),
        apart=tuple(x for x in a.apart if x in b.apart),
        light=a.light and b.light,
    )


def scale(c: float, a: Facts) -> Facts:
    """Facts of c A for a real number c."""
    return replace(
        a,
        gram=None if a.gram is None else a.gram.scaled(c * c),
        cogram=None if a.cogram is None else a.cogram.scaled(c * c),
        diagonal=None if a.diagonal is None else a.diagonal.scaled(c),
        turns=a.turns if abs(c) == 1 else None,
        norm=Norm(0.0, exact=True) if c == 0 else Norm(_times(abs(c), a.norm.value), a.norm.exact),
        signs=a.signs and c >= 0,
    )


def _times(c: float, norm: float | None) -> float | None:
    return None if norm is None else c * norm


def adjoint(a: Facts) -> Facts:
    """Facts of A^H. Non-negative matrices have non-negative transposes.

    F^H turns bases as F does, since F D F^H = F^H D' F with the frequencies of D mirrored; C D C^H is not diagonal in
    cosines.
    """
    turns = a.turns if a.turns is not None and a.turns.basis == "fourier" else None
    return replace(a, gram=a.cogram, cogram=a.gram, turns=turns, folds=(), blocks=())


def gram_of(a: Facts) -> Facts:
    """Facts of A^H A, which is diagonal where the Gram matrix of A is."""
    n = a.norm.value
    squared = None if a.gram is None else a.gram.scaled(a.gram.scale) if a.gram.scale is not None else a.gram
    return Facts(
        linear=a.linear,
        gram=squared,
        cogram=squared,
        diagonal=a.gram,
        norm=Norm(None if n is None else n * n, a.norm.exact),
        signs=a.signs,
        apart=a.apart,
        light=a.light,
    )


def cut(a: Facts) -> Facts:
    """Facts of a part of A along one axis: some rows of its matrix, or a block on its diagonal."""
    return Facts(linear=a.linear, norm=Norm(a.norm.value), signs=a.signs, blocks=a.blocks, apart=a.apart, light=a.light)


def row(parts: list[Facts]) -> Facts:
    """Facts of [A_1 A_2 ...], which sends (x_1, x_2, ...) to the sum of A_i x_i: the adjoint of a stack."""
    shared = tuple(a for a in parts[0].cuts if all(a in p.cuts for p in parts[1:]))
    return replace(adjoint(stack([adjoint(p) for p in parts])), blocks=shared)


def stack(parts: list[Facts]) -> Facts:
    """Facts of the operator that puts A_1 x, A_2 x, ... side by side: its Gram matrix is the sum of theirs."""
    gram: Diagonal | None = parts[0].gram
    for p in parts[1:]:
        if gram is not None and p.gram is not None and gram.basis == p.gram.basis == "identity":
            total = None if gram.scale is None or p.gram.scale is None else gram.scale + p.gram.scale
            gram = identity(total)
        else:
            gram = _joint(gram, p.gram)
    norms = [p.norm.value for p in parts]
    bound = None
    if all(n is not None for n in norms):
        bound = sum(n * n for n in norms if n is not None) ** 0.5
    exact = _is_identity(gram) and all(p.norm.exact for p in parts)
    linear: Linearity = "complex" if all(p.linear == "complex" for p in parts) else "real"
    return Facts(linear=linear, gram=gram, norm=Norm(bound, exact), signs=all(p.signs for p in parts))


def embed(a: Facts) -> Facts:
    """Facts of A on real images: A composed with the embedding of the real into the complex numbers.

    The Gram matrix becomes Re(A^H A). A multiple of the identity stays one and a diagonal stays diagonal on the grid;
    in Fourier it stays diagonal too, with the mean of each eigenvalue and its mirror image. A projection does not stay
    a projection.
    """
    keeps_norm = _is_identity(a.gram)
    return Facts(
        linear="real",
        gram=a.gram,
        norm=Norm(a.norm.value, a.norm.exact and keeps_norm),
        signs=a.signs,
        blocks=a.blocks,
        apart=a.apart,
        light=a.light,
    )
