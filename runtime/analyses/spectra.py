"""The meaning of analyses of singular values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from recon.dsl.model.facts import Diagonal
from recon.dsl.model.word import Network
from recon.dsl.vocabulary.analyses import spectra as words
from torch import Tensor

from ..algorithms.normal import Basis
from ..meaning import meaning, meaning_of
from ..operators.base import AdjointOperator, Operator, dtype_of, random_point
from ..report.content import Curve, Picture
from .finding import Finding
from .jacobians import Generated, JacobianMatrix, jacobian_of_value
from .lanczos import Leading, leading
from .matrices import Matrix, OperatorMatrix, dense
from .subject import Subject

DENSE_WORK = 1e10
"""Multiplications that a dense decomposition may take, some seconds: a matrix of 2150 x 2150."""
LISTED = 50
ROUNDING = 1e-14
"""Of sums over many terms in double precision: no relative error is stated to be less."""


@dataclass(frozen=True)
class Spectrum:
    """Singular values, largest first. complete: all of them. error: how far each can be off. how: in words.

    zero: values up to this are zero but for rounding. left: left singular vectors as rows, where they were found.
    """

    values: Tensor
    complete: bool
    error: float
    zero: float
    how: str
    left: Tensor | None = None


@meaning_of(words.NormOf)
def norm(word: words.NormOf, subject: Subject) -> Finding:
    """The operator norm."""
    return Finding(numbers={"norm": subject.operator(word.of).norm()})


@meaning_of(words.SingularValues)
def singular_values(word: words.SingularValues, subject: Subject) -> Finding:
    """The spectrum of the operator, its condition number and ranks."""
    operator = subject.operator(word.of)
    found = closed(operator) or numerical(OperatorMatrix(operator), word.count or LISTED)
    count = word.count if word.count is not None else len(found.values)
    embedding = OperatorMatrix(operator).embedding
    values = found.values[:count].tolist()
    index = list(range(1, len(values) + 1))
    relative = max(found.error / max(float(found.values[0]), 1e-300), ROUNDING)
    text = f"{found.how[0].upper()}{found.how[1:]}, in double precision; each right to {relative:.0e} of the largest."
    if embedding:
        text += f" They are those {embedding}."
    if not found.complete:
        text += f" {len(values)} of {_smaller_side(operator)} values were sought, so rank and condition are not known."
    curve = Curve("singular values", "index, largest first", {"singular value": (index, values)})
    return Finding(
        text,
        numbers=summary(found) if found.complete else {},
        columns={"index": index, "singular value": values},
        curves=[curve],
    )


def summary(found: Spectrum) -> dict[str, float]:
    """Condition number, rank and effective rank of a complete spectrum.

    The effective rank is exp(-sum p_i log p_i) for p_i = sigma_i / sum sigma (Roy, Vetterli 2007); 0 for A = 0.
    """
    values = found.values
    largest, smallest = float(values[0]), float(values[-1])
    condition = largest / smallest if smallest > found.zero else math.inf
    share = values[values > found.zero] / values.sum()
    effective = float((-(share * share.log()).sum()).exp()) if len(share) else 0.0
    return {"condition": condition, "rank": len(share), "effective_rank": effective}


def _smaller_side(operator: Operator) -> int:
    matrix = OperatorMatrix(operator)
    return min(matrix.rows, matrix.columns)


def numerical(matrix: Matrix, count: int) -> Spectrum:
    """The spectrum of a matrix: all of it from the dense one where that is small, else the `count` largest values."""
    small, large = sorted((matrix.rows, matrix.columns))
    if small * small * large <= DENSE_WORK:
        values = torch.linalg.svdvals(dense(matrix))
        error = large * torch.finfo(torch.float64).eps * float(values[0])
        return Spectrum(values, True, error, error, "all of them, from the dense matrix")
    found = leading(matrix, count)
    errors = float(found.errors.max())
    how = f"the {len(found.values)} largest, by block Lanczos iteration without a matrix"
    return Spectrum(found.values, False, errors, errors, how, found.left)


def closed(operator: Operator) -> Spectrum | None:
    """The spectrum read off one product, where the facts say in which basis A, A^H A or A A^H is diagonal.

    The values are |eigenvalues| of A, or roots of those of A^H A or A A^H; roots are exact only to the root of rounding
    near zero, so where the matrix is small and A itself not diagonal the dense one is better. None where there is no
    such basis.
    """
    if operator.domain.field == "complex" and operator.facts.linear != "complex":
        return None
    eps = torch.finfo(torch.float64).eps
    matrix = OperatorMatrix(operator)
    small, large = sorted((matrix.rows, matrix.columns))
    if operator.facts.diagonal is not None:
        values = _eigenvalues(operator.forward, operator, operator.facts.diagonal).abs()
        values = values.sort(descending=True).values
        error = 10 * eps * float(values[0])
        return Spectrum(values, True, error, error, f"all of them, from {_basis(operator.facts.diagonal)}")
    gram, cogram = operator.facts.gram, operator.facts.cogram
    side, diagonal = (operator, gram) if gram is not None else (AdjointOperator(operator), cogram)
    if diagonal is None or (diagonal.basis != "identity" and small * small * large <= DENSE_WORK):
        return None
    of = "A^H A" if gram is not None else "A A^H"
    squares = _eigenvalues(side.gram, side, diagonal).real.flatten().sort(descending=True).values[:small]
    values = squares.clamp(min=0).sqrt()
    zero = math.sqrt(10 * eps) * float(values[0])
    values = torch.where(values > zero, values, 0)
    error = zero if float(values[-1]) == 0 else 10 * eps * float(values[0])
    return Spectrum(values, True, error, zero, f"all of them, from {_basis(diagonal)} of {of}")


def _basis(diagonal: Diagonal) -> str:
    return {
        "identity": "the multiple of the identity",
        "pixel": "the diagonal on the grid",
        "fourier": "the diagonal in the Fourier basis",
        "cosine": "the diagonal in the cosine basis",
    }[diagonal.basis]


def _eigenvalues(apply: object, operator: Operator, diagonal: Diagonal) -> Tensor:
    """The eigenvalues of a map on the domain that is diagonal in a basis, one for each entry of the domain."""
    assert callable(apply)
    space = operator.domain
    dtype = dtype_of(space, operator.precision)
    device = operator.device
    if diagonal.basis == "identity":
        x = random_point(space, operator.precision, 0, device)[None]
        scale = torch.vdot(x.flatten(), apply(x).flatten()) / torch.vdot(x.flatten(), x.flatten())
        return (scale if diagonal.scale is None else scale.new_tensor(diagonal.scale)).expand(space.sizes)
    probe = torch.zeros((1, *space.sizes), dtype=dtype, device=device)
    if diagonal.basis == "fourier":
        probe.flatten(-diagonal.axes)[..., 0] = 1
        return torch.as_tensor(torch.fft.fftn(apply(probe), dim=tuple(range(-diagonal.axes, 0)))).flatten()
    basis = Basis(diagonal, space)
    return basis.analyse(apply(basis.synthesise(torch.ones_like(probe)))).flatten()


SHOWN = (1, 2, 6, 21)
"""The left singular vectors that the report shows, counted from one."""


@meaning_of(words.JacobianSpectrum)
def jacobian_spectrum(word: words.JacobianSpectrum, subject: Subject) -> Finding:
    """The leading singular values, beside those that theory expects, and left singular vectors of networks."""
    build = subject.double
    if isinstance(word.of, Network):
        space = next(iter(subject.checked.problem.unknowns.values()))
        made = meaning(word.of)(word.of, space, build)
        found = leading(JacobianMatrix(made.function, made.at), word.count)
        return _of_network(found, made)
    found = leading(jacobian_of_value(word.of, subject, build), word.count)
    values = found.values.tolist()
    index = list(range(1, len(values) + 1))
    return Finding(
        f"At the estimate of the first row. {_exactness(found)}",
        columns={"index": index, "singular value": values},
        curves=[Curve("singular values", "index, largest first", {"singular value": (index, values)})],
    )


def _exactness(found: Leading) -> str:
    relative = max(float(found.errors.max()) / max(float(found.values[:1].sum()), 1e-300), ROUNDING)
    return (
        f"The {len(found.values)} largest singular values, by block Lanczos iteration, in double precision; each right "
        f"to {relative:.0e} of the largest."
    )


def _of_network(found: Leading, made: Generated) -> Finding:
    values = found.values.tolist()
    index = list(range(1, len(values) + 1))
    columns: dict[str, list[float]] = {"index": list(index), "singular value": values}
    lines = {"at the start": (index, values)}
    if made.expected is not None:
        theory = made.expected.flatten().sort(descending=True).values[: len(values)].tolist()
        lines["expected for many channels"] = (index, theory)
        columns["expected"] = theory
    part, count = alignment(found.left, made.sizes)
    vectors = found.left.reshape(-1, *made.sizes).cpu()
    shown = [k for k in SHOWN if k <= len(vectors)]
    curves = [Curve("singular values of the Jacobian", "index, largest first", lines)]
    pictures = []
    if len(made.sizes) == 1:
        places = list(range(made.sizes[0]))
        lines = {f"number {k}": (places, vectors[k - 1].tolist()) for k in shown}
        curves.append(Curve("left singular vectors", "sample", lines, log_y=False))
    elif len(made.sizes) == 2:
        pictures = [Picture(f"left singular vector {k}", vectors[k - 1].numpy(), axes=("row", "col")) for k in shown]
    text = (
        f"{_exactness(found)} The span of the first {count} left singular vectors lies to {part:.1%} in that of the "
        f"{count} trigonometric functions of the lowest frequencies."
    )
    return Finding(text, numbers={"alignment": part}, columns=columns, curves=curves, pictures=pictures)


def alignment(vectors: Tensor, sizes: tuple[int, ...]) -> tuple[float, int]:
    """How much of the span of orthonormal vectors lies in that of as many functions of the lowest frequencies.

    vectors: [count, n]. Returns |P U_q|_F^2 / q for the largest q <= count up to which frequencies of one modulus are
    complete, P the projection on the q functions of the lowest ones; and q. At random it is q / n.
    """
    frequencies = torch.zeros(sizes, dtype=torch.float64)
    for axis, n in enumerate(sizes):
        f = torch.fft.fftfreq(n, dtype=torch.float64)
        frequencies = frequencies + f.square().reshape(-1, *[1] * (len(sizes) - 1 - axis))
    order = frequencies.flatten().sort().values
    q = len(vectors)
    while q < len(order) and order[q] <= order[q - 1] * (1 + 1e-9):
        q -= 1
    low = frequencies <= order[q - 1] * (1 + 1e-9)
    energy = torch.fft.fftn(vectors[:q].cpu().reshape(q, *sizes), dim=tuple(range(-len(sizes), 0)), norm="ortho")
    return float(energy[:, low].abs().square().sum() / q), q
