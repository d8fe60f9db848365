"""The tree of a page: statements and expressions as they were written, each with its span.

Nothing here knows what a word means. Spans and comments do not take part in equality, so two trees are
equal when the pages say the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .source import Source, Span


def _span() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Number:
    """`4`, `2e-3`: a plain number. `text` is how it was written."""

    value: float
    text: str = field(compare=False)
    span: Span = _span()


@dataclass(frozen=True)
class Quantity:
    """`8%`, `34dB`, `0.7mm`: a number with a unit right behind it."""

    value: float
    unit: str
    text: str = field(compare=False)
    span: Span = _span()


@dataclass(frozen=True)
class Text:
    """`"db4"`: a string."""

    value: str
    span: Span = _span()


@dataclass(frozen=True)
class Name:
    """`fista`: a name, resolved later."""

    id: str
    span: Span = _span()


@dataclass(frozen=True)
class Dot:
    """`A.H`, `base.F`, `run.seed`: a member of what stands left of the dot."""

    base: Expr
    member: str
    span: Span = _span()


@dataclass(frozen=True)
class Argument:
    """One argument of a call; `name` is None for a positional one. `name_span` covers the key."""

    name: str | None
    value: Expr
    span: Span = _span()
    name_span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Call:
    """`fista(iterations = 60)`: positional arguments first, then keywords."""

    function: Expr
    arguments: tuple[Argument, ...]
    span: Span = _span()


@dataclass(frozen=True)
class Index:
    """`real[256, 256]`: extents behind a name."""

    base: Name
    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True)
class Sequence:
    """`[psnr, ssim]`: a list."""

    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True)
class Range:
    """`0deg..360deg`, `0..2`, `20..200 by 20`."""

    start: Expr
    stop: Expr
    step: Expr | None
    span: Span = _span()


@dataclass(frozen=True)
class Negative:
    """`-x`."""

    operand: Expr
    span: Span = _span()


@dataclass(frozen=True)
class Binary:
    """`left op right` with op one of `+ - * / ^ @`. `op_span` is the place of the operator."""

    op: str
    left: Expr
    right: Expr
    span: Span = _span()
    op_span: Span = _span()


@dataclass(frozen=True)
class Follows:
    """`left ~ law`."""

    left: Expr
    law: Expr
    span: Span = _span()


@dataclass(frozen=True)
class Member:
    """`left in set`."""

    left: Expr
    set: Expr
    span: Span = _span()


@dataclass(frozen=True)
class Compare:
    """`left op right` with op one of `<= >= < > == !=`."""

    op: str
    left: Expr
    right: Expr
    span: Span = _span()


Expr = (
    Number
    | Quantity
    | Text
    | Name
    | Dot
    | Call
    | Index
    | Sequence
    | Range
    | Negative
    | Binary
    | Follows
    | Member
    | Compare
)


@dataclass(frozen=True)
class Binding:
    """`name = expression`, on the page or in a body. The name may be dotted only inside `run`-like paths."""

    name: str
    value: Expr
    span: Span = _span()
    name_span: Span = _span()
    doc: str = field(default="", compare=False)


@dataclass(frozen=True)
class Clause:
    """A bare expression in a body, as in `sweep { accel in [2, 4] }`."""

    value: Expr
    span: Span = _span()


@dataclass(frozen=True)
class Statement:
    """`kind [name (= | :)] [expression] [{ body }]`.

    `joint` is `=` or `:` where a name was given, else the empty string. `body` is None where there are no braces.
    """

    kind: str
    name: str | None
    joint: str
    value: Expr | None
    body: tuple[Item, ...] | None
    span: Span = _span()
    kind_span: Span = _span()
    name_span: Span | None = field(default=None, compare=False, repr=False)
    doc: str = field(default="", compare=False)


Item = Binding | Clause | Statement


@dataclass(frozen=True)
class Comment:
    """A comment with its `#` or `##`, kept for the formatter."""

    text: str
    span: Span = _span()


@dataclass(frozen=True)
class Page:
    """A parsed page. `edition` is the number of its first statement, `recon 1`."""

    edition: int
    items: tuple[Item, ...]
    source: Source = field(compare=False, repr=False)
    comments: tuple[Comment, ...] = field(default=(), compare=False, repr=False)


def children(node: Expr) -> Iterator[Expr]:
    """The expressions directly inside an expression, left to right."""
    match node:
        case Dot(base=base):
            yield base
        case Call(function=function, arguments=arguments):
            yield function
            for a in arguments:
                yield a.value
        case Index(base=base, items=items):
            yield base
            yield from items
        case Sequence(items=items):
            yield from items
        case Range(start=start, stop=stop, step=step):
            yield start
            yield stop
            if step is not None:
                yield step
        case Negative(operand=operand):
            yield operand
        case Binary(left=left, right=right) | Compare(left=left, right=right):
            yield left
            yield right
        case Follows(left=left, law=law):
            yield left
            yield law
        case Member(left=left, set=set_):
            yield left
            yield set_


def walk(node: Expr) -> Iterator[Expr]:
    """The expression and everything inside it, outermost first."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(list(children(top))))
