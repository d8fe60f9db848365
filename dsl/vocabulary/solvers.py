"""Solvers: algorithms, and what each needs of the problem's terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from annotated_types import Lt
from pydantic import model_validator

from ..model.facts import IDENTITY, stack
from ..model.fields import Annotated, Auto, Count, Field, NonNegative, Positive
from ..model.place import Placed
from ..model.problem import Problem, TermFacts, closed_together
from ..model.solver import Certified, Iterative, Misfit, Solver
from ..model.space import Space
from ..model.terms import Compose, Leaf, Scaled
from ..model.word import Compensation, Schedule
from .operators.resampling import Downsample


def _first(terms: Iterable[TermFacts]) -> TermFacts | None:
    return next(iter(terms), None)


def _smooth(problem: Problem, name: str) -> Misfit | None:
    """Every term has a Lipschitz gradient."""
    rough = _first(t for t in problem.beside if not t.function.smooth)
    if rough is None:
        return None
    return Misfit(rough, f"`{name}` needs a gradient of every term, and `{rough.label}` has none that is Lipschitz")


def _quadratic(problem: Problem, name: str) -> Misfit | None:
    bent = _first(t for t in problem.beside if not t.function.quadratic)
    if bent is None:
        return None
    return Misfit(bent, f"`{name}` solves quadratic problems, and `{bent.label}` is not quadratic")


def _one_prox(problem: Problem, name: str) -> Misfit | None:
    """The data term is smooth and at most one other is not, with a proximal map that is closed where it stands."""
    data_rough = _first(t for t in problem.data if not t.function.smooth)
    if data_rough:
        return Misfit(data_rough, f"`{name}` needs a smooth data term, and `{data_rough.label}` is not")
    return one_map(problem.rough, name)


def one_map(rough: list[TermFacts], name: str) -> Misfit | None:
    """The proximal map of the sum of these terms is closed where they stand."""
    loose = _first(t for t in rough if not t.tight)
    if loose:
        reason = f"`{name}` needs the proximal map of `{loose.label}`, which has no closed form"
        return Misfit(loose, f"{reason}: what stands inside is not orthonormal (K K^H is no multiple of I)")
    if len(rough) > 1 and not joint_prox(rough):
        return Misfit(rough[1], f"`{name}` takes one term without gradient, and `{rough[1].label}` is a second")
    return None


def joint_prox(rough: list[TermFacts]) -> bool:
    """Whether the sum of these terms has a known proximal map: they act on different unknowns, or on the same entries.

    On the same entries it is known for one separable energy with a box or sign constraint behind it: the map of the
    energy, then the projection, which commute since both move each real entry monotonically. For a ball around zero
    beside signs: the signs first, since the ball asks for moduli alone. For a Euclidean ball around zero beside what is
    homogeneous (l1, signs, a subspace, or l1 with signs): the ball last (Yu 2013, theorem 4).
    """
    unknowns = [set(t.blocks) for t in rough]
    if sum(len(u) for u in unknowns) == len(set().union(*unknowns)):
        return True
    balls = [t for t in rough if t.function.radial]
    others = [t for t in rough if not t.function.radial]
    if len(balls) == 1 and all(t.plain for t in rough) and all(t.function.homogeneous for t in others):
        return len(others) == 1 or joint_prox(others)
    signs = [t for t in rough if t.function.homogeneous and t.function.constraint and t.function.shape == "entry"]
    if len(rough) == 2 and len(signs) == 1 and all(t.plain and (t in signs or t.function.even) for t in rough):
        return True
    return (
        len(rough) == 2
        and all(t.plain and t.function.shape == "entry" for t in rough)
        and sum(t.function.constraint for t in rough) == 1
        and all(s.field == "real" for t in rough for s in [b.domain for b in t.blocks.values()])
    )


def _gradients_and_sets(problem: Problem, name: str) -> Misfit | None:
    """Every term has a gradient, or is a set of the unknown itself."""
    stuck = _first(t for t in problem.terms if not (t.function.gradient or t.function.constraint))
    if stuck:
        return Misfit(stuck, f"`{name}` needs a gradient, and `{stuck.label}` has none")
    apart = _first(t for t in problem.terms if t.function.constraint and not t.plain)
    if apart:
        return Misfit(apart, f"`{name}` projects onto sets of the unknown itself, and `{apart.label}` is none")
    return None


def _not_convex(problem: Problem, name: str) -> Misfit | None:
    """The sets are convex, so that what is proven of the method holds."""
    bent = _first(t for t in problem.terms if t.function.constraint and not t.function.convex)
    if bent is None:
        return None
    reason = f"`{name}` is proven to converge for convex sets, and that of `{bent.label}` is not convex"
    return Misfit(bent, reason, "`iht`, `omp` and `cosamp` are made for sparse sets; `l1` is the convex energy")


def has_data(problem: Problem, name: str) -> Misfit | None:
    if problem.data:
        return None
    return Misfit(None, f"`{name}` needs a noise line", "add `noise y ~ gaussian(A @ x, sigma = ...)`")


def measured_numbers(term: TermFacts) -> float:
    """How many real numbers the term's operator measures; infinity where an axis is not known."""
    placed = next(iter(term.blocks.values()))
    count = placed.codomain.count
    return float("inf") if count is None else count * (2 if placed.codomain.field == "complex" else 1)


class AdjointSolver(Solver):
    """The adjoint image A^H y, without any inversion: zero-filled MRI, unfiltered back-projection."""

    word: ClassVar[str] = "adjoint"
    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = A^H y"
    reference: ClassVar[str] = "Heckel 2024, 1.1.2"
    example: ClassVar[str] = "solver adjoint"

    density: Compensation | None = Field(
        None, description="weights of the samples of a trajectory before the adjoint: gridding, on the image's scale"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = has_data(problem, self.word)
        if bad or self.density is None:
            return bad
        term = problem.data[0]
        measured = next(iter(term.blocks.values())).codomain
        axes = {a.name for a in measured.axes}
        if "readout" not in axes:
            return Misfit(term, f"`density` weighs the samples of a trajectory, and `{term.label}` measures {measured}")
        if self.density.needs_lines and "spoke" not in axes:
            name = self.density.word
            return Misfit(term, f"`{name}` weighs straight lines, and `{term.label}` measures {measured}")
        return None


class PseudoInverse(Solver):
    """The least-squares solution of least norm, A^+ y.

    By a closed form where A^H A or A A^H is diagonal in a basis, else by LSQR.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = A^{+} y"
    reference: ClassVar[str] = "Heckel 2024, 1.3, 1.4; Paige, Saunders 1982"
    example: ClassVar[str] = "solver pseudo_inverse"

    iterations: Count = Field(500, description="most iterations of LSQR")
    tolerance: NonNegative = Field(1e-6, description="relative residual of the normal equations at which LSQR stops")

    def misfit(self, problem: Problem) -> Misfit | None:
        return has_data(problem, self.word)


class ClosedForm(Solver):
    """The exact minimiser of a quadratic problem.

    Its normal matrix is diagonal in one basis, or small enough to factor.
    """

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"\hat x = \bigl(\textstyle\sum_j w_j K_j^H K_j\bigr)^{-1} \sum_j w_j K_j^H b_j"
    reference: ClassVar[str] = "Heckel 2024, 2.3, 3.1"
    example: ClassVar[str] = "solver closed_form"

    largest: ClassVar[int] = 4096  # unknowns for which a dense factorisation is still a second's work

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = _quadratic(problem, self.word)
        if bad or problem.normal_basis is not None:
            return bad
        inside = problem.subspace
        count = sum(s.count or 0 for s in problem.unknowns.values()) if inside is None else inside.function.subspace
        if count <= self.largest:
            return None
        return Misfit(
            _first(problem.terms),
            f"`closed_form` needs a normal matrix that is diagonal in one basis, or at most "
            f"{self.largest} unknowns; this problem has {count}",
        )


class Cg(Iterative):
    """Conjugate gradients on the normal equations of a quadratic problem."""

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"\textstyle\sum_j w_j K_j^H K_j x = \sum_j w_j K_j^H b_j"
    reference: ClassVar[str] = "Heckel 2024, 3.1; Hestenes, Stiefel 1952"
    example: ClassVar[str] = "solver cg(iterations = 30)"

    iterations: int = Field(100, gt=0, description="most iterations")
    tolerance: NonNegative = Field(1e-6, description="relative residual of the normal equations at which it stops")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _quadratic(problem, self.word)


class Lsqr(Iterative):
    """LSQR on a quadratic problem: as conjugate gradients, but with A alone, so that small singular values keep digits.

    From zero it converges to the solution of least norm where there are many; stopped early it regularises.
    """

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"\min_x \textstyle\sum_j \tfrac{w_j}{2} |K_j x - b_j|^2"
    reference: ClassVar[str] = "Heckel 2024, 3.1; Paige, Saunders 1982"
    example: ClassVar[str] = "solver lsqr(iterations = 50)"

    iterations: int = Field(100, gt=0, description="most iterations")
    tolerance: NonNegative = Field(1e-6, description="relative residual of the normal equations at which it stops")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _quadratic(problem, self.word)


Search = Literal["backtracking"]
"""A step that is halved until the objective lies below its parabola there, and tried longer in the next iteration."""


class Gradient(Iterative):
    """Gradient descent, with momentum if wanted.

    With `step = backtracking` a gradient is enough, also of terms without a Lipschitz constant or that are not convex.
    """

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"x_{k+1} = x_k - t \nabla f(x_k) + \beta (x_k - x_{k-1})"
    reference: ClassVar[str] = "Heckel 2024, 3.3, 3.6"
    example: ClassVar[str] = "solver gradient(iterations = 300)"

    step: Positive | Auto | Search = Field(
        "auto",
        description="step size; `auto` is 1 / L, or the best one where momentum is given; `backtracking` finds it anew",
    )
    momentum: Annotated[NonNegative, Lt(1)] = Field(0.0, description="weight of the last move")

    @model_validator(mode="after")
    def _one_way(self) -> Gradient:
        if self.step == "backtracking" and self.momentum:
            raise ValueError("steps are found by backtracking without momentum only; leave one of the two out")
        return self

    def misfit(self, problem: Problem) -> Misfit | None:
        if self.step != "backtracking":
            return _smooth(problem, self.word)
        stuck = _first(t for t in problem.terms if not t.function.gradient)
        return None if stuck is None else Misfit(stuck, f"`gradient` needs a gradient, and `{stuck.label}` has none")


class HeavyBall(Iterative):
    """Polyak's heavy ball, with the step and momentum that are optimal for a quadratic's extreme eigenvalues."""

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = (
        r"t = \frac{4}{(\sqrt L + \sqrt\mu)^2}, \quad "
        r"\beta = \Bigl(\frac{\sqrt L - \sqrt\mu}{\sqrt L + \sqrt\mu}\Bigr)^2"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.6; Polyak 1964"
    example: ClassVar[str] = "solver heavy_ball(iterations = 300)"

    step: Positive | Auto = Field("auto", description="step size")
    momentum: Annotated[NonNegative, Lt(1)] | Auto = Field("auto", description="weight of the last move")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _smooth(problem, self.word)

    def caution(self, problem: Problem) -> Misfit | None:
        bent = _first(t for t in problem.beside if not t.function.quadratic)
        if bent is None:
            return None
        return Misfit(
            bent,
            f"`heavy_ball` is proven to converge on quadratics only, and `{bent.label}` is not one",
            "`nesterov` has a guarantee",
        )


class AdaGrad(Iterative):
    """AdaGrad: gradient steps divided by the root of the sum of all squared gradients so far; sets by projection.

    Of complex numbers the squared modulus counts, so that a common phase changes nothing.
    """

    word: ClassVar[str] = "adagrad"
    formula: ClassVar[str] = (
        r"h \leftarrow h + |g|^2,\ x \leftarrow P_C\Bigl(x - \eta \frac{g}{\sqrt{h} + \epsilon}\Bigr)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.7; Duchi, Hazan, Singer 2011"
    example: ClassVar[str] = "solver adagrad(lr = 0.1, iterations = 1000)"

    lr: Positive = Field(0.1, description="learning rate: how far an entry moves in the first step, in its unit")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _gradients_and_sets(problem, self.word)


class Adam(Iterative):
    """Adam: gradient steps divided by a running size of the gradient, for what is not convex; sets by projection.

    Of complex numbers the second moment is that of the modulus, so that a common phase changes nothing.
    """

    formula: ClassVar[str] = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g,\ v \leftarrow \beta_2 v + (1 - \beta_2) |g|^2,\ "
        r"x \leftarrow P_C\Bigl(x - \eta \frac{m / (1 - \beta_1^k)}{\sqrt{v / (1 - \beta_2^k)} + \epsilon}\Bigr)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.8; Kingma, Ba 2015"
    example: ClassVar[str] = "solver adam(lr = 0.01, iterations = 1000)"

    lr: Positive = Field(0.01, description="learning rate: how far an entry moves in a step, in its unit")
    momentum: Annotated[NonNegative, Lt(1)] = Field(0.9, description="decay of the mean gradient, beta_1")
    decay: Annotated[NonNegative, Lt(1)] = Field(0.999, description="decay of the mean squared gradient, beta_2")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _gradients_and_sets(problem, self.word)


class Nesterov(Iterative):
    """Nesterov's accelerated gradient, in its strongly convex form where the strong convexity is known."""

    substitutes: ClassVar[bool] = True
    formula: ClassVar[str] = r"x_{k+1} = z_k - t \nabla f(z_k), \quad z_{k+1} = x_{k+1} + \beta_k (x_{k+1} - x_k)"
    reference: ClassVar[str] = "Heckel 2024, 3.6; Nesterov 1983"
    example: ClassVar[str] = "solver nesterov(iterations = 300)"

    step: Positive | Auto = Field("auto", description="step size; `auto` is 1 / L")

    def misfit(self, problem: Problem) -> Misfit | None:
        return _smooth(problem, self.word)


class Ista(Certified):
    """The proximal gradient method."""

    formula: ClassVar[str] = r"x_{k+1} = \mathrm{prox}_{t g}(x_k - t \nabla f(x_k))"
    reference: ClassVar[str] = "Heckel 2024, 3.4; Daubechies, Defrise, De Mol 2004"
    example: ClassVar[str] = "solver ista(iterations = 200)"

    step: Positive | Auto | Search = Field(
        "auto", description="step size; `auto` is 1 / L, `backtracking` finds it anew in each iteration"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        return _one_prox(problem, self.word)


class Fista(Certified):
    """The accelerated proximal gradient method, restarted where the momentum points uphill."""

    formula: ClassVar[str] = (
        r"x_{k+1} = \mathrm{prox}_{t g}(z_k - t \nabla f(z_k)), \quad "
        r"z_{k+1} = x_{k+1} + \tfrac{\theta_k - 1}{\theta_{k+1}} (x_{k+1} - x_k)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.4, 3.6; Beck, Teboulle 2009; O'Donoghue, Candes 2015"
    example: ClassVar[str] = "solver fista(iterations = 60)"

    step: Positive | Auto | Search = Field(
        "auto", description="step size; `auto` is 1 / L, `backtracking` finds it anew in each iteration"
    )
    restart: Literal["adaptive", "none"] = Field("adaptive", description="drop the momentum where it points uphill")

    def caution(self, problem: Problem) -> Misfit | None:
        return _not_convex(problem, self.word)

    def misfit(self, problem: Problem) -> Misfit | None:
        return _one_prox(problem, self.word)


class ProjectedGradient(Certified):
    """Gradient steps, each followed by the projection onto a convex set."""

    formula: ClassVar[str] = r"x_{k+1} = P_C(x_k - t \nabla f(x_k))"
    reference: ClassVar[str] = "Heckel 2024, 3.4"
    example: ClassVar[str] = "solver projected_gradient(iterations = 200)"

    step: Positive | Auto | Search = Field(
        "auto", description="step size; `auto` is 1 / L, `backtracking` finds it anew in each iteration"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = _one_prox(problem, self.word) or _not_convex(problem, self.word)
        if bad:
            return bad
        soft = _first(t for t in problem.rough if not t.function.constraint)
        if soft:
            return Misfit(soft, f"`projected_gradient` projects onto a set, and `{soft.label}` is none")
        return None


class Admm(Certified):
    """The alternating direction method of multipliers, on the splitting z_j = K_j x.

    Where the projection onto {A x = y} is closed, exact data are met in every step (Douglas-Rachford). Basis pursuit,
    `l1` with exact or bounded data, is solved exactly once the support is found, with a dual certificate.
    """

    formula: ClassVar[str] = (
        r"x \leftarrow \arg\min_x f(x) + \tfrac{\rho}{2} \textstyle\sum_j |K_j x - z_j + u_j|^2,\ "
        r"z_j \leftarrow \mathrm{prox}_{g_j / \rho}(K_j x + u_j),\ u_j \leftarrow u_j + K_j x - z_j"
    )
    reference: ClassVar[str] = "Heckel 2024, 5.1; Boyd et al. 2011"
    example: ClassVar[str] = "solver admm(iterations = 100)"

    rho: Positive | Auto = Field("auto", description="penalty parameter; `auto` balances the residuals")

    def caution(self, problem: Problem) -> Misfit | None:
        return _not_convex(problem, self.word)

    def misfit(self, problem: Problem) -> Misfit | None:
        stuck = _first(t for t in problem.rough if t.function.prox == "none")
        if stuck:
            return Misfit(stuck, f"`admm` needs the proximal map of `{stuck.label}`, and it has none")
        return None

    largest: ClassVar[int] = 1024  # measured real numbers for which an eigendecomposition of A A^H is quick

    @classmethod
    def closed(cls, problem: Problem) -> bool:
        """Whether the x-update is a closed form, a projection onto exact data among them."""
        return closed_together(list(problem.terms)) is not None or cls.projects(problem)

    @classmethod
    def projects(cls, problem: Problem) -> bool:
        """Whether the projections onto all exact data, behind their operators, and the x-update beside them are closed.

        The projections are where A A^H is diagonal in a basis or measures at most `largest` real numbers. They, and
        terms with K K^H = c I, leave x itself to the x-update; the K^H K of the other terms must be closed beside it.
        """
        exact = [t for t in problem.data if t.function.exact]
        others = [t for t in problem.terms if not (t.function.exact or t.tight)]
        return (
            bool(exact)
            and all(len(t.blocks) == 1 for t in problem.terms)
            and len({u for t in problem.terms for u in t.blocks}) == 1
            and all(t.operator.cogram is not None or measured_numbers(t) <= cls.largest for t in exact)
            and stack([IDENTITY, *(t.operator for t in others)]).gram is not None
        )


class Hqs(Iterative):
    """Half-quadratic splitting: each K_j x is held to a copy of its own by a quadratic penalty, which may grow.

    Solves the penalised problem, in which the g_j are replaced by their Moreau envelopes; near the problem itself for
    large `rho`.
    """

    formula: ClassVar[str] = (
        r"z_j \leftarrow \mathrm{prox}_{g_j / \rho_k}(K_j x),\ "
        r"x \leftarrow \arg\min_x f(x) + \tfrac{\rho_k}{2} \textstyle\sum_j |K_j x - z_j|^2"
    )
    reference: ClassVar[str] = "Heckel 2024, 5.1; Geman, Yang 1995; Wang, Yang, Yin, Zhang 2008"
    example: ClassVar[str] = "solver hqs(iterations = 60) { rho = geometric(10, 1e5) }"

    rho: Positive | tuple[Positive, ...] | Auto | Schedule = Field(
        "auto",
        description="penalty at |K_j| = 1: a number, a list, a schedule; `auto` grows from a tenth to a thousand times "
        "the largest curvature of the quadratic terms",
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        stuck = _first(t for t in problem.rough if t.function.prox == "none")
        if stuck:
            return Misfit(stuck, f"`hqs` needs the proximal map of `{stuck.label}`, and it has none")
        return None

    def caution(self, problem: Problem) -> Misfit | None:
        split = _first(t for t in problem.terms if not t.function.quadratic)
        if split is None:
            return None
        reason = f"`hqs` solves a penalised problem: `{split.label}` is met by a copy that `rho` holds to it"
        constant = isinstance(self.rho, float)
        grow = "let `rho` grow, as in `rho = geometric(10, 1e5)`; " if constant else ""
        return Misfit(split, reason, f"{grow}`admm` and `pdhg` solve the problem itself")


class Pdhg(Certified):
    """The primal-dual hybrid gradient method (Chambolle-Pock).

    Accelerated where a term is strongly convex; with a smooth data term behind an operator, its Condat-Vu form. Basis
    pursuit is solved exactly once the support is found, with a dual certificate.
    """

    formula: ClassVar[str] = (
        r"p \leftarrow \mathrm{prox}_{\sigma g^*}(p + \sigma K \bar x),\ "
        r"x^+ = \mathrm{prox}_{\tau f}(x - \tau K^H p),\ "
        r"\bar x = x^+ + \theta (x^+ - x)"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.4; Chambolle, Pock 2011; Condat 2013; Vu 2013"
    example: ClassVar[str] = "solver pdhg(iterations = 300)"

    def caution(self, problem: Problem) -> Misfit | None:
        return _not_convex(problem, self.word)

    def misfit(self, problem: Problem) -> Misfit | None:
        stuck = _first(t for t in problem.rough if t.function.prox == "none")
        if stuck:
            return Misfit(stuck, f"`pdhg` needs the proximal map of `{stuck.label}`, and it has none")
        return None


class Interpolate(Solver):
    """The measured pixels, interpolated on the unknown's grid: what super-resolution is compared with.

    The pixels stand where the downsampling of the forward model put them. Blur in the model is left as it is.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x_j = \textstyle\sum_i h\bigl(\tfrac{j - o}{n} - i\bigr) y_i"
    reference: ClassVar[str] = "Heckel 2024, 6.5.2; Keys 1981"
    example: ClassVar[str] = "solver interpolate(kind = bicubic)"

    kind: Literal["bicubic", "bilinear", "nearest"] = Field(
        "bicubic", description="Keys' cubic with a = -1/2, straight lines, or the nearest pixel"
    )

    def misfit(self, problem: Problem) -> Misfit | None:
        bad = has_data(problem, self.word)
        if bad:
            return bad
        term = problem.data[0]
        (placed, *others) = term.blocks.values()
        fine = _coarsened(placed)
        if fine is None or others:
            return Misfit(
                term, f"`{self.word}` needs a model `downsample(...) @ ...`, and `{term.label}` measures something else"
            )
        if fine.shape != placed.domain.shape:
            return Misfit(term, f"`{self.word}` fills in {fine}, and the unknown is {placed.domain}")
        return None


def _coarsened(placed: Placed) -> Space | None:
    """The grid that the outermost operator downsamples, factors aside; None where it is no downsampling."""
    match placed.term:
        case Leaf(word=Downsample()):
            return placed.domain
        case Scaled() | Compose():
            return _coarsened(placed.parts[-1])
    return None


FilterName = Literal["ramp", "shepp-logan", "cosine", "hamming", "hann"]


class Fbp(Solver):
    """Filtered back-projection of parallel-beam or fan-beam line integrals; of photon counts, after the logarithm.

    On a fan's arc of less than a turn, rays that are measured twice share their weight smoothly (Noo 2002).
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = r"\hat x = \int_0^\pi (q * y(\theta, \cdot))(\langle r, n_\theta \rangle) \, d\theta"
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Kak, Slaney 1988; Noo, Defrise, Clackdoyle, Kudo 2002"
    example: ClassVar[str] = 'solver fbp(filter = "hann")'

    filter: FilterName = Field("ramp", description="window on the ramp filter")

    def misfit(self, problem: Problem) -> Misfit | None:
        axes = ("view", "detector")
        other = "`fbp` is for parallel and fan beams, and `{label}` measures a cone beam"
        return has_data(problem, self.word) or _scanned(problem, self.word, axes, PANEL, other, "`fdk` fits cone beams")


class Fdk(Solver):
    """Feldkamp, Davis and Kress's filtered back-projection of cone-beam line integrals; of counts, after the logarithm.

    Exact in the plane of the source, approximate away from it.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = (
        r"\hat x(r) = \tfrac12 \int_0^{2\pi} U_\theta(r)^{-2} \bigl(q * (\cos\gamma \; y(\theta, \cdot))\bigr)"
        r"(p_\theta(r)) \, d\theta"
    )
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Feldkamp, Davis, Kress 1984"
    example: ClassVar[str] = 'solver fdk(filter = "hann")'

    filter: FilterName = Field("ramp", description="window on the ramp filter, along the rows of the panel")

    def misfit(self, problem: Problem) -> Misfit | None:
        axes = ("view", "detector")
        other = "`fdk` is for cone beams, and `{label}` measures a parallel or a fan beam"
        return has_data(problem, self.word) or _scanned(
            problem, self.word, PANEL, axes, other, "`fbp` fits parallel and fan beams"
        )


PANEL = ("view", "detector_row", "detector_col")


def _scanned(
    problem: Problem, name: str, wanted: tuple[str, ...], other: tuple[str, ...], reason: str, fix: str
) -> Misfit | None:
    """Unless the last axes measured are the wanted ones: why not, and what to use where they are the other ones."""
    term = problem.data[0]
    space = next(iter(term.blocks.values())).codomain
    names = tuple(a.name for a in space.axes)
    if names[-len(wanted) :] == wanted:
        return None
    if names[-len(other) :] == other:
        return Misfit(term, reason.format(label=term.label), fix)
    return Misfit(term, f"`{name}` needs line integrals, and `{term.label}` measures {space}")
