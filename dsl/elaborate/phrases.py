"""Words for kinds of expressions, and for the values that are not known yet."""

from __future__ import annotations

from ..diagnostics import SpecError, error
from ..syntax.source import Span
from ..syntax.tree import Call, Expr, Name

_KIND_WORDS = {
    "number": "a number",
    "operator": "an operator",
    "value": "a value",
    "energy": "an energy",
    "law": "a law",
    "set": "a set",
    "solver": "a solver",
    "metric": "a metric",
    "source": "a source of data",
    "kernel": "a kernel",
    "maps": "a set of coil maps",
    "array": "an array",
    "draw": "a random draw",
    "density": "a density of points",
    "trajectory": "a trajectory",
    "compensation": "a density compensation",
    "function": "a function",
    "view": "a view",
    "analysis": "an analysis",
    "rule": "a rule for a weight",
    "data": "a data set",
    "schedule": "a schedule",
    "loss": "a loss",
    "distance": "a distance",
    "optimizer": "an optimizer",
    "rates": "a schedule of learning rates",
    "augmentation": "an augmentation",
    "weights": "a source of weights",
    "attack": "an attack",
    "tracker": "a tracker",
    "network": "a network",
    "text": "a text",
}
STAGES = {
    "auto": (
        "`auto` cannot stand for {what}",
        "`auto` stands for the extents of an unknown, for the weight of a prior, and for options that have a rule of "
        "their own, such as `step` of `fista`",
    ),
    "estimate": (
        "`estimate` cannot stand for {what}",
        "`sigma = estimate` in a noise line takes the noise level from the measured data; in metrics, claims and "
        "reports `estimate` is the reconstruction",
    ),
    "learned": (
        "`learned` values are not in this version of recon",
        "give a value; a value for each row is an unknown, such as `image k : real[15, 15]`",
    ),
}


def kind_in_words(kind: str) -> str:
    """A kind of expression with its article, as it stands in a diagnostic."""
    return _KIND_WORDS.get(kind, kind)


def bare_kind(kind: str) -> str:
    """A kind of expression without its article."""
    return kind_in_words(kind).removeprefix("an ").removeprefix("a ")


def listed(names: list[str], joint: str = "or") -> str:
    """Names in backticks: `a`, `b` or `c`."""
    quoted = [f"`{n}`" for n in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" {joint} {quoted[-1]}" if quoted else ""


def stage_word(node: Expr) -> str | None:
    """`auto`, `estimate` or `learned` where an expression is one of these words, alone or called."""
    head = node.function if isinstance(node, Call) else node
    return head.id if isinstance(head, Name) and head.id in STAGES else None


def misplaced(word: str, span: Span, what: str = "a value here") -> SpecError:
    """The error for `auto`, `estimate` or `learned` where it may not stand; `what`: for what it stands there."""
    message, hint = STAGES[word]
    return SpecError(error("RK010", message.format(what=what), span, help=hint))
