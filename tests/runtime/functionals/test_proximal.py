"""Every function of the objective against its definition: subdifferentials, brute force, Fenchel and Moreau."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
from recon.runtime.functionals.base import Functional, per_row
from recon.runtime.functionals.data import (
    Ball,
    Cell,
    Deviation,
    Exactly,
    HalfSquare,
    MixedCounts,
    PoissonCounts,
    PoissonExponential,
    WeightedSquare,
)
from recon.runtime.functionals.priors import L1, GroupL1, Interval, JointProx, Nonnegative
from torch import Tensor

ROWS, SHAPE = 3, (2, 5, 4)
ROW_WEIGHT = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)
ROW_STEP = torch.tensor([0.05, 0.9, 12.0], dtype=torch.float64)
MASK = torch.arange(20).reshape(5, 4) % 3 != 0
STEPS = [0.03, 1.0, 40.0, ROW_STEP]


def normal(seed: int, complex_: bool = False) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(ROWS, *SHAPE, generator=g, dtype=torch.complex128 if complex_ else torch.float64)


def counts(seed: int, rate: float) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.poisson(torch.full((ROWS, *SHAPE), rate, dtype=torch.float64), generator=g)


def rows(w: float | Tensor) -> Tensor:
    """A weight that broadcasts to [rows, ...], made without the code under test."""
    return torch.as_tensor(w, dtype=torch.float64).reshape(-1, 1, 1, 1)


B, BC = normal(1), normal(2, True)
Y1, Y8 = counts(3, 0.7), counts(4, 8.0)
YM = Y8 * MASK
YC = 0.5 * Y1 + 0.3 * normal(5)
WEIGHT = normal(6).square() + 0.01
LOW = torch.where(torch.arange(20).reshape(5, 4) % 4 == 0, -torch.inf, B)
HIGH = torch.where(torch.arange(20).reshape(5, 4) % 4 < 2, torch.inf, B)

Distance = Callable[[Tensor, Tensor], Tensor]
"""(p, q) -> the distance of q to the subdifferential of g at p, of entries, groups or rows."""


def cone(p: Tensor, q: Tensor, low: float, high: float) -> Tensor:
    """The distance of q to the normal cone of the interval at p."""
    d = torch.where(p <= low, q.clamp(min=0), torch.where(p >= high, q.clamp(max=0), q)).abs()
    return torch.where((p < low) | (p > high), torch.inf, d)


def norm_distance(w: Tensor, axis: int | None) -> Distance:
    def distance(p: Tensor, q: Tensor) -> Tensor:
        size = (lambda z: z.abs()) if axis is None else (lambda z: (z.abs() ** 2).sum(axis, keepdim=True).sqrt())
        inside = (size(q) - w).clamp(min=0)
        outside = size(q - w * p / torch.where(size(p) > 0, size(p), 1.0))
        return torch.where(size(p) > 0, outside, inside)

    return distance


def joint_distance(gradient: Callable[[Tensor], tuple[Tensor, Tensor]], low: float, high: float) -> Distance:
    """For a function whose subdifferential at p is the interval `gradient(p)`, plus the interval's normal cone."""

    def distance(p: Tensor, q: Tensor) -> Tensor:
        left, right = gradient(p)
        left = torch.where(p <= low, -torch.inf, left)
        right = torch.where(p >= high, torch.inf, right)
        return (left - q).clamp(min=0) + (q - right).clamp(min=0)

    return distance


def l1_interval(w: float) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    return lambda p: (torch.where(p > 0, rows(w), rows(-w)), torch.where(p < 0, rows(-w), rows(w)))


def ball_distance(y: Tensor, r: Tensor) -> Distance:
    """The normal cone of a ball: rays outwards on the sphere, zero inside."""

    def distance(p: Tensor, q: Tensor) -> Tensor:
        d = p - y
        size = (d.abs() ** 2).flatten(1).sum(1).sqrt().reshape(-1, 1, 1, 1)
        along = ((d.conj() * q).real.flatten(1).sum(1).reshape(-1, 1, 1, 1) / size**2).clamp(min=0)
        assert bool((size <= r * (1 + 1e-12)).all())
        return torch.where(size < r * (1 - 1e-9), q.abs(), (q - along * d).abs())

    return distance


def counts_distance(y: Tensor, factor: float, offset: float, mask: Tensor) -> Distance:
    def distance(p: Tensor, q: Tensor) -> Tensor:
        m = factor * p + offset
        positive = (q - factor * (1 - y / torch.where(m > 0, m, 1.0))).abs()
        at_zero = torch.where(y > 0, torch.inf, (q - factor).clamp(min=0))  # from the left anything goes
        tiny = 1e-13 * (1 + abs(offset))
        return torch.where(mask, torch.where(m > tiny, positive, at_zero), q.abs())

    return distance


def deviation_distance(y: Tensor, w: float) -> Distance:
    """For w |p - y|: w times the sign where p is off y, up to w in size where it is on it; parts apart."""
    if y.is_complex():
        real, imag = deviation_distance(y.real, w), deviation_distance(y.imag, w)
        return lambda p, q: real(p.real, q.real).maximum(imag(p.imag, q.imag))

    def distance(p: Tensor, q: Tensor) -> Tensor:
        on = (p - y).abs() <= 1e-12
        return torch.where(on, (q.abs() - w).clamp(min=0), (q - w * (p - y).sign()).abs())

    return distance


def cell_distance(low: Tensor, high: Tensor) -> Distance:
    def distance(p: Tensor, q: Tensor) -> Tensor:
        assert bool(((low <= p) & (p <= high)).all())
        outward = torch.where(p >= high, q.clamp(max=0), q)
        return torch.where(p <= low, torch.where(p >= high, 0.0, q.clamp(min=0)), outward).abs()

    return distance


def camera_distance(y: Tensor) -> Distance:
    """The score of sum_k Poisson(k; m / 0.5) N(y; 0.5 k, 0.3): E[1 / g - k / m | y], and at zero its limit."""

    def distance(p: Tensor, q: Tensor) -> Tensor:
        k = np.arange(400)
        m = p.numpy()[..., None]
        logs = scipy.stats.poisson.logpmf(k, np.maximum(m, 1e-12) / 0.5) + scipy.stats.norm.logpdf(
            y.numpy()[..., None], 0.5 * k, 0.3
        )
        w = np.exp(logs - logs.max(-1, keepdims=True))
        score = torch.as_tensor(1 / 0.5 - (w * k).sum(-1) / w.sum(-1) / np.maximum(m[..., 0], 1e-12))
        return torch.where(p > 1e-10, (q - score).abs(), (q - score).clamp(min=0)) / (1 + score.abs())

    return distance


@dataclass(frozen=True)
class Case:
    g: Functional
    distance: Distance
    complex_: bool = False
    scalar: Callable[[float, tuple[int, ...]], float] | None = None
    """g of one entry, at an index, for brute force."""


def at(t: Tensor | float, i: tuple[int, ...]) -> float:
    return float(t.expand(ROWS, *SHAPE)[i]) if isinstance(t, Tensor) else t


def inf_outside(ok: bool, value: float) -> float:
    return value if ok else np.inf


def xlogy(y: float, m: float) -> float:
    return 0.0 if y == 0 else y * np.log(m)


ALL = torch.ones((), dtype=torch.bool)
CASES: dict[str, Case] = {
    "half square": Case(
        HalfSquare(0.7, B), lambda p, q: (q - 0.7 * (p - B)).abs(), False, lambda u, i: 0.35 * (u - at(B, i)) ** 2
    ),
    "half square, complex": Case(HalfSquare(0.7, BC), lambda p, q: (q - 0.7 * (p - BC)).abs(), True),
    "half square, row weights": Case(
        HalfSquare(ROW_WEIGHT, B),
        lambda p, q: (q - rows(ROW_WEIGHT) * (p - B)).abs(),
        False,
        lambda u, i: 0.5 * float(ROW_WEIGHT[i[0]]) * (u - at(B, i)) ** 2,
    ),
    "half square, no target": Case(HalfSquare(5.0), lambda p, q: (q - 5.0 * p).abs(), False, lambda u, i: 2.5 * u * u),
    "l1": Case(L1(0.6), norm_distance(rows(0.6), None), False, lambda u, i: 0.6 * abs(u)),
    "l1, complex": Case(L1(0.6), norm_distance(rows(0.6), None), True),
    "l1, row weights": Case(
        L1(ROW_WEIGHT), norm_distance(rows(ROW_WEIGHT), None), False, lambda u, i: float(ROW_WEIGHT[i[0]]) * abs(u)
    ),
    "l1, masked": Case(
        L1(0.6, MASK), norm_distance(rows(0.6) * MASK, None), False, lambda u, i: 0.6 * abs(u) * at(MASK, i)
    ),
    "l1, complex, masked, row weights": Case(L1(ROW_WEIGHT, MASK), norm_distance(rows(ROW_WEIGHT) * MASK, None), True),
    "groups": Case(GroupL1(0.6), norm_distance(rows(0.6), 1)),
    "groups, complex": Case(GroupL1(0.6), norm_distance(rows(0.6), 1), True),
    "groups, row weights": Case(GroupL1(ROW_WEIGHT), norm_distance(rows(ROW_WEIGHT), 1)),
    "groups of five": Case(GroupL1(1.1, axis=2), norm_distance(rows(1.1), 2), True),
    "nonnegative": Case(
        Nonnegative(), lambda p, q: cone(p, q, 0.0, np.inf), False, lambda u, i: inf_outside(u >= 0, 0.0)
    ),
    "interval": Case(
        Interval(-0.3, 0.5), lambda p, q: cone(p, q, -0.3, 0.5), False, lambda u, i: inf_outside(-0.3 <= u <= 0.5, 0.0)
    ),
    "half line": Case(
        Interval(-np.inf, 0.2), lambda p, q: cone(p, q, -np.inf, 0.2), False, lambda u, i: inf_outside(u <= 0.2, 0.0)
    ),
    "l1 and sign": Case(
        JointProx(L1(0.6), Nonnegative()),
        joint_distance(l1_interval(0.6), 0.0, np.inf),
        False,
        lambda u, i: inf_outside(u >= 0, 0.6 * abs(u)),
    ),
    "l1 and box": Case(
        JointProx(L1(0.6), Interval(-0.3, 0.5)),
        joint_distance(l1_interval(0.6), -0.3, 0.5),
        False,
        lambda u, i: inf_outside(-0.3 <= u <= 0.5, 0.6 * abs(u)),
    ),
    "l1 and box off zero": Case(
        JointProx(L1(0.6), Interval(0.2, 0.5)),
        joint_distance(l1_interval(0.6), 0.2, 0.5),
        False,
        lambda u, i: inf_outside(0.2 <= u <= 0.5, 0.6 * abs(u)),
    ),
    "half square and box": Case(
        JointProx(HalfSquare(0.7, B), Interval(-0.3, 0.5)),
        joint_distance(lambda p: (0.7 * (p - B), 0.7 * (p - B)), -0.3, 0.5),
        False,
        lambda u, i: inf_outside(-0.3 <= u <= 0.5, 0.35 * (u - at(B, i)) ** 2),
    ),
    "weighted square": Case(
        WeightedSquare(WEIGHT, B),
        lambda p, q: (q - WEIGHT * (p - B)).abs(),
        False,
        lambda u, i: 0.5 * at(WEIGHT, i) * (u - at(B, i)) ** 2,
    ),
    "deviation": Case(Deviation(B, 1 / 0.6), deviation_distance(B, 0.6), False, lambda u, i: 0.6 * abs(u - at(B, i))),
    "deviation, complex": Case(Deviation(BC, 1 / 0.6), deviation_distance(BC, 0.6), True),
    "cell": Case(
        Cell(B - 0.2, B + 0.3),
        cell_distance(B - 0.2, B + 0.3),
        False,
        lambda u, i: inf_outside(at(B, i) - 0.2 <= u <= at(B, i) + 0.3, 0.0),
    ),
    "cell, open and exact": Case(Cell(LOW, HIGH), cell_distance(LOW, HIGH)),
    "camera": Case(MixedCounts(YC, 0.5, 0.3), camera_distance(YC)),
    "exactly": Case(Exactly(BC), lambda p, q: torch.where(p == BC, 0.0, torch.inf), True),
    "ball": Case(Ball(BC, 1.3), ball_distance(BC, rows(1.3)), True),
    "ball, row radii": Case(Ball(B, ROW_WEIGHT), ball_distance(B, rows(ROW_WEIGHT))),
    "counts": Case(
        PoissonCounts(Y1),
        counts_distance(Y1, 1.0, 0.0, ALL),
        False,
        lambda u, i: inf_outside(u >= 0 and (u > 0 or at(Y1, i) == 0), u - xlogy(at(Y1, i), u) if u > 0 else 0.0),
    ),
    "counts, factor, offset, mask": Case(
        PoissonCounts(YM, 2.0, 0.4, MASK),
        counts_distance(YM, 2.0, 0.4, MASK),
        False,
        lambda u, i: (
            inf_outside(2 * u + 0.4 > 0, 2 * u + 0.4 - xlogy(at(YM, i), max(2 * u + 0.4, 1e-300)))
            if at(MASK, i)
            else 0.0
        ),
    ),
    "exponential": Case(
        PoissonExponential(Y8, 20.0),
        lambda p, q: (q - (20 * p.exp() - Y8)).abs() / 20,
        False,
        lambda u, i: 20 * np.exp(u) - at(Y8, i) * u,
    ),
    "exponential, mask": Case(
        PoissonExponential(YM, 20.0, MASK),
        lambda p, q: torch.where(MASK, q - (20 * p.exp() - YM), q).abs() / 20,
        False,
        lambda u, i: (20 * np.exp(u) - at(YM, i) * u) if at(MASK, i) else 0.0,
    ),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
each_step = pytest.mark.parametrize("t", STEPS, ids=["small", "one", "large", "rows"])


def dot(a: Tensor, b: Tensor) -> Tensor:
    return (a.conj() * b).real.flatten(1).sum(1)


@each_case
@each_step
def test_the_proximal_map_is_optimal(case: Case, t: float | Tensor) -> None:
    """(v - p) / t lies in the subdifferential at p."""
    for spread in (0.1, 1.0, 10.0):
        v = spread * normal(10, case.complex_)
        p = case.g.prox(v, t)
        assert p.shape == v.shape
        assert p.dtype == v.dtype
        q = (v - p) / rows(t)
        scale = 1 + q.abs().flatten(1).amax(1).reshape(-1, 1, 1, 1)
        assert float((case.distance(p, q) / scale).max()) < 1e-9


@pytest.mark.parametrize("case", [c for c in CASES.values() if c.scalar], ids=[n for n, c in CASES.items() if c.scalar])
def test_the_proximal_map_is_what_brute_force_finds(case: Case) -> None:
    t, v = 0.8, 2 * normal(11)
    p = case.g.prox(v, t)
    for i in [(0, 0, 0, 0), (0, 1, 2, 3), (1, 0, 3, 1), (2, 1, 4, 0), (2, 0, 1, 2)]:
        centre = float(v[i])

        def objective(u: float, i: tuple[int, ...] = i, centre: float = centre) -> float:
            assert case.scalar is not None
            return min(case.scalar(float(u), i) + (float(u) - centre) ** 2 / (2 * t), 1e9)

        grid = np.linspace(-15, 15, 30001)
        best = grid[np.argmin([objective(u) for u in grid])]
        found = scipy.optimize.minimize_scalar(
            objective, bounds=(best - 2e-3, best + 2e-3), method="bounded", options={"xatol": 1e-10}
        )
        assert objective(float(p[i])) <= found.fun + 1e-12
        # A minimum of a function that is rough or flat is found to about the square root of the rounding.
        assert float(p[i]) == pytest.approx(found.x, abs=1e-6)


@each_case
@each_step
def test_the_proximal_map_is_firmly_nonexpansive(case: Case, t: float | Tensor) -> None:
    a, b = 3 * normal(12, case.complex_), 3 * normal(13, case.complex_)
    d = case.g.prox(a, t) - case.g.prox(b, t)
    assert bool((dot(d, d) <= dot(d, a - b) + 1e-10).all())


@each_case
@each_step
def test_moreau_identity(case: Case, t: float | Tensor) -> None:
    """prox_{s g*}(v) = v - s prox_{g/s}(v/s), whichever way the map of the conjugate is computed."""
    v = 2 * normal(14, case.complex_)
    expected = v - rows(t) * case.g.prox(v / rows(t), 1 / t)
    torch.testing.assert_close(case.g.conjugate_prox(v, t), expected, rtol=1e-9, atol=1e-9)


@each_case
@each_step
def test_in_place_maps_equal_the_pure_ones(case: Case, t: float | Tensor) -> None:
    v = 2 * normal(15, case.complex_)
    kept = v.clone()
    pure, pure_conjugate = case.g.prox(v, t), case.g.conjugate_prox(v, t)
    case.g.prox_(v, t)  # gradients are on: v is left alone
    case.g.conjugate_prox_(v, t)
    assert torch.equal(v, kept)
    with torch.no_grad():
        case.g.prox(v, t)
        case.g.conjugate_prox(v, t)
        case.g.value(v)
        case.g.conjugate(v)
        assert torch.equal(v, kept)
        torch.testing.assert_close(case.g.prox_(v.clone(), t), pure, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(case.g.conjugate_prox_(v.clone(), t), pure_conjugate, rtol=1e-13, atol=1e-13)
    with torch.inference_mode():
        torch.testing.assert_close(case.g.prox_(v.clone(), t), pure, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(case.g.conjugate_prox_(v.clone(), t), pure_conjugate, rtol=1e-13, atol=1e-13)


@each_case
@each_step
def test_fenchel_young(case: Case, t: float | Tensor) -> None:
    """g(v) + g*(p) is Re<v, p> where p lies in the subdifferential at v, and more elsewhere."""
    z = 2 * normal(16, case.complex_)
    v = case.g.prox(z, t)
    p = (z - v) / rows(t)
    conjugate = case.g.conjugate(p)
    if isinstance(case.g, JointProx | MixedCounts):
        assert conjugate is None
        return
    assert conjugate is not None
    scale = 1 + dot(v.abs(), p.abs()) + case.g.value(v).abs()
    assert float(((case.g.value(v) + conjugate - dot(v, p)).abs() / scale).max()) < 1e-10
    other = case.g.prox(2 * normal(17, case.complex_), 1.0)
    assert bool((case.g.value(other) + conjugate >= dot(other, p) - 1e-9 * (1 + dot(other.abs(), p.abs()))).all())


@each_case
def test_the_conjugate_is_finite_where_its_proximal_map_ends(case: Case) -> None:
    p = case.g.conjugate_prox(3 * normal(18, case.complex_), 0.7)
    conjugate = case.g.conjugate(p)
    assert conjugate is None or bool(conjugate.isfinite().all())


@pytest.mark.parametrize(
    ("g", "p"),
    [
        (L1(0.6), 0.61),
        (L1(0.0), 1e-3),
        (L1(0.6, MASK), 0.1),
        (GroupL1(0.6), 0.45),
        (Nonnegative(), 0.1),
        (HalfSquare(0.0), 0.1),
        (PoissonCounts(Y1), 1.0),
        (PoissonCounts(YM, measured=MASK), 0.1),
        (PoissonExponential(Y1, 2.0), -30.0),
    ],
)
def test_the_conjugate_is_infinite_outside_its_domain(g: Functional, p: float) -> None:
    conjugate = g.conjugate(torch.full((ROWS, *SHAPE), p, dtype=torch.float64))
    assert conjugate is not None
    assert bool((conjugate == torch.inf).all())


@each_case
def test_values_are_infinite_outside_the_domain_and_zero_on_sets(case: Case) -> None:
    v = 5 * normal(19, case.complex_)
    inside = case.g.prox(v, 1.0)
    assert case.g.value(inside).dtype == torch.float64
    assert case.g.value(inside).shape == (ROWS,)
    assert bool(case.g.value(inside).isfinite().all())
    if case.g.constraint:
        assert bool((case.g.value(inside) == 0).all())
        assert bool((case.g.value(inside + 1e-9 * v) == torch.inf).all())


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith(("half square", "exponential", "counts"))])
def test_gradients_are_those_of_the_value(name: str) -> None:
    case = CASES[name]
    if isinstance(case.g, JointProx):
        with pytest.raises(NotImplementedError):
            case.g.grad(B)
        return
    v = normal(20, case.complex_) if not name.startswith("counts") else normal(20).abs() + 0.1
    v.requires_grad_()
    (expected,) = torch.autograd.grad(case.g.value(v).sum(), v)  # for complex v torch gives that of Re<., .> too
    torch.testing.assert_close(case.g.grad(v).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["half square", "half square, complex", "half square, row weights", "half square, no target"]
)
def test_lipschitz_and_strong_convexity_bound_the_gradient(name: str) -> None:
    case = CASES[name]
    a, b = normal(21, case.complex_), normal(22, case.complex_)
    d = case.g.grad(a) - case.g.grad(b)
    size = dot(a - b, a - b)
    assert case.g.lipschitz is not None
    assert bool((dot(d, d) <= case.g.lipschitz**2 * size * (1 + 1e-12)).all())
    assert bool((dot(d, a - b) >= case.g.strong * size * (1 - 1e-12)).all())


def test_the_curvature_of_beer_lambert_is_bounded_where_attenuations_are_not_negative() -> None:
    g = PoissonExponential(Y8, 20.0)
    v = -normal(23).abs().requires_grad_()
    (curvature,) = torch.autograd.grad(g.grad(v).sum(), v)
    assert g.lipschitz is not None
    assert float(curvature.max()) <= g.lipschitz
    assert PoissonExponential(Y8, 2.0).lipschitz == float(Y8.max())


@each_case
def test_single_precision_follows_double(case: Case) -> None:
    def single(x: object) -> object:
        if not isinstance(x, Tensor) or x.dtype == torch.bool:
            return x
        return x.to(torch.complex64 if x.is_complex() else torch.float32)

    def lowered(g: Functional) -> Functional:
        low = object.__new__(type(g))
        low.__dict__.update({k: lowered(x) if isinstance(x, Functional) else single(x) for k, x in g.__dict__.items()})
        return low

    v, t = 2 * normal(24, case.complex_), ROW_STEP
    low, v32 = lowered(case.g), single(2 * normal(24, case.complex_))
    assert isinstance(v32, Tensor)
    for step in (t, t.float(), 0.4):
        for method in ("prox", "conjugate_prox"):
            expected = getattr(case.g, method)(v, step.double() if isinstance(step, Tensor) else step)
            got = getattr(low, method)(v32, step)
            assert got.dtype == v32.dtype
            torch.testing.assert_close(got.to(expected.dtype), expected, rtol=2e-5, atol=2e-5)
    inside = low.prox(v32, 0.4)
    assert bool(low.value(inside).isfinite().all())
    torch.testing.assert_close(low.value(inside), case.g.value(case.g.prox(v, 0.4)), rtol=1e-5, atol=1e-4)


@each_case
def test_the_proximal_map_can_be_differentiated(case: Case) -> None:
    """Unrolled networks differentiate through it, and through the step; by finite differences."""
    v = (2 * normal(25, case.complex_)).requires_grad_()
    t = ROW_STEP.clone().requires_grad_()
    if isinstance(case.g, Exactly):
        assert not case.g.prox(v, t).requires_grad
        return
    slow = isinstance(case.g, MixedCounts)  # sums of many terms: along random directions
    assert torch.autograd.gradcheck(case.g.prox, (v, t), atol=1e-5, rtol=1e-3, fast_mode=slow)
    with torch.no_grad():
        zero = torch.zeros_like(v)
    zero.requires_grad_()
    case.g.prox(zero, 1.0).abs().square().sum().backward()
    assert zero.grad is not None
    assert bool(torch.isfinite(torch.view_as_real(zero.grad) if case.complex_ else zero.grad).all())


def test_extreme_numbers_stay_exact() -> None:
    """Roots without cancellation: m ~ y t / |a| for a far negative a; an exponential far out on both sides."""
    y = torch.tensor([[1e-3, 1.0, 1e6]], dtype=torch.float32)
    m = PoissonCounts(y).prox(torch.full_like(y, -1e7), 1.0)
    exact = 2 * y.double() / (((1e7 + 1) ** 2 + 4 * y.double()).sqrt() + 1e7 + 1)
    torch.testing.assert_close(m.double(), exact, rtol=1e-6, atol=0)
    v = torch.tensor([[-500.0, -50.0, 0.0, 50.0, 500.0]], dtype=torch.float64)
    for t in (1e-8, 1.0, 1e8):
        u = PoissonExponential(torch.full_like(v, 3.0), 1e5).prox(v, t)
        mean = 1e5 * u.exp()
        residual = u - v + t * (mean - 3)
        # One rounding of u moves the residual by its derivative 1 + t mean.
        allowed = 8 * 2.3e-16 * (u.abs() * (1 + t * mean) + v.abs() + 3 * t + t * mean * 40)
        assert bool((residual.abs() <= allowed).all())


def test_soft_thresholding_of_zero_and_of_nan() -> None:
    for dtype in (torch.float64, torch.complex128):
        v = torch.tensor([[0.0, float("nan"), 2.0]], dtype=dtype)
        for g in (L1(0.5), L1(0.0)):
            for out in (g.prox(v, 1.0), g.conjugate_prox(v, 1.0)):
                assert out[0, 0] == 0
                assert bool(out[0, 1].isnan())
    planes = torch.zeros(1, 2, 3, dtype=torch.float64)
    planes[0, :, 1] = float("nan")
    with torch.no_grad():
        for g in (GroupL1(0.5), GroupL1(0.0), GroupL1(torch.zeros(1))):
            for out in (g.prox_(planes.clone(), 1.0), g.conjugate_prox_(planes.clone(), 1.0)):
                assert bool((out[0, :, [0, 2]] == 0).all())
                assert bool(out[0, :, 1].isnan().all())


def test_a_row_weight_reaches_its_row() -> None:
    v = normal(26)
    for k in range(ROWS):
        one = L1(float(ROW_WEIGHT[k])).prox(v[k : k + 1], float(ROW_STEP[k]))
        torch.testing.assert_close(L1(ROW_WEIGHT).prox(v, ROW_STEP)[k : k + 1], one)
    assert per_row(2.0, v) == 2.0


def test_what_does_not_fit_is_refused() -> None:
    for make in (lambda: HalfSquare(-1.0), lambda: L1(-1.0), lambda: GroupL1(-1.0), lambda: Ball(B, -1.0)):
        with pytest.raises(ValueError, match="must not be negative"):
            make()
    with pytest.raises(ValueError, match="low <= high"):
        Interval(1.0, 0.0)
    with pytest.raises(ValueError, match="behind the rows"):
        GroupL1(1.0, axis=0)
    with pytest.raises(ValueError, match="smallest is -3"):
        PoissonCounts(torch.tensor([[1.0, -3.0]]))
    with pytest.raises(ValueError, match="factor"):
        PoissonExponential(Y1, 0.0)
    with pytest.raises(TypeError, match="complex"):
        PoissonCounts(BC)
    with pytest.raises(TypeError, match="couples entries"):
        JointProx(GroupL1(1.0), Nonnegative())
    for call in (
        lambda: Nonnegative().prox(BC, 1.0),
        lambda: Interval(0.0, 1.0).value(BC),
        lambda: JointProx(L1(1.0), Nonnegative()).prox(BC, 1.0),
        lambda: PoissonCounts(Y1).grad(BC),
    ):
        with pytest.raises(TypeError, match="complex"):
            call()


def test_gradients_of_counts_at_the_edge() -> None:
    g = PoissonCounts(torch.tensor([[0.0, 0.0, 2.0, 2.0]], dtype=torch.float64))
    v = torch.tensor([[0.0, -1e-14, 0.0, 1.0]], dtype=torch.float64)
    assert g.grad(v)[0, [0, 1, 3]].tolist() == [1.0, 1.0, -1.0]
    assert float(g.grad(v)[0, 2]) < -1e300
    assert g.value(v).tolist() == [np.inf]
    assert PoissonCounts(torch.tensor([[0.0, 2.0]])).value(torch.tensor([[-1e-7, 1.0]])).item() == pytest.approx(1.0)
    assert PoissonCounts(torch.tensor([[0.0, 2.0]])).value(torch.tensor([[-1e-2, 1.0]])).item() == np.inf
