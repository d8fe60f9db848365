"""The base of all readers of expressions: names, constants, and the bounds that keep reading finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from .. import vocabulary
from ..diagnostics import Diagnostic, Findings, Label, SpecError, error
from ..model import terms as t
from ..model.fields import Interval
from ..model.units import Quantity, describe
from ..model.word import ImageLaw, Law, Set, Word
from ..syntax.source import Span
from ..syntax.tree import (
    Binary,
    Call,
    Compare,
    Dot,
    Expr,
    Follows,
    Index,
    Member,
    Name,
    children,
    walk,
)
from . import constants
from .absent import no_member, unknown_name
from .names import Definition, root
from .phrases import kind_in_words, misplaced, stage_word
from .scope import Scope

__all__ = ["HIGHEST", "LARGEST", "Options", "Reader", "kind_in_words", "parts"]

T = TypeVar("T")

LARGEST = 20_000
"""Parts that a page may expand to."""
HIGHEST = 120
"""Levels of brackets and operators, counted through the names that an expression uses."""

Options = tuple[tuple[str, Expr, Span], ...]
"""Options from a body: name, value, place of the name."""


class Reader:
    """Reads expressions of one page. Errors are raised as SpecError; callers collect them statement by statement.

    The place where an expression stands decides how it is read; the subclasses hold one kind of expression each.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.read_names: set[tuple[str, Span]] = set()
        """Names with their definitions' places that some expression has used."""
        self.failed_pages: dict[str, Diagnostic] = {}
        """The prefixes of pages in use that cannot be read, with what is wrong with each."""
        self.nested = 0
        """How deep in the arguments of operators the reader is."""
        self._active: list[tuple[str, Span]] = []
        self._height = 0
        self.kinds: dict[tuple[str, Span], str] = {}
        """As what kind each name was used first."""
        self._budget = LARGEST
        self._exhausted: Diagnostic | None = None
        self._constant: dict[tuple[str, Span, int], bool] = {}

    def probe(self) -> Self:
        """A reader that tries a reading and forgets it: what names were used for does not count."""
        other = type(self)(self.findings)
        other.failed_pages = self.failed_pages
        return other

    # The kinds, each in a module of its own.

    def word(self, node: Expr, kind: str, scope: Scope, options: Options = ()) -> Word:
        """A word of that kind with its arguments; `options` come from a body."""
        raise NotImplementedError

    def operator(self, node: Expr, scope: Scope) -> t.OperatorTerm:
        """An operator: words, `@`, `+`, `-`, `*` and `/` by numbers, `.H`."""
        raise NotImplementedError

    def value(self, node: Expr, scope: Scope) -> t.ValueTerm:
        """A value: unknowns, measurements and columns, with operators and functions applied to them."""
        raise NotImplementedError

    def priors(self, node: Expr, scope: Scope) -> list[t.Prior]:
        """The summands of an energy, each with its weight."""
        raise NotImplementedError

    def set(self, node: Expr, scope: Scope) -> Set:
        """A set; a range is the box between its ends."""
        raise NotImplementedError

    def law(self, node: Expr, scope: Scope) -> Law | ImageLaw:
        """A law of noise or of unknowns."""
        raise NotImplementedError

    def measure(self, node: Expr, scope: Scope) -> t.Statistic:
        """`mean(psnr)`, `max(sparse.nmse)`, `seconds`, `objective`."""
        raise NotImplementedError

    def axis(self, node: Expr, scope: Scope) -> t.Along:
        """`method`, `data`, `iteration`, or the path of a swept param."""
        raise NotImplementedError

    def data_name(self, node: Expr, scope: Scope) -> t.DataName:
        """The name of a `data` statement."""
        raise NotImplementedError

    # Names.

    def named(self, node: Name | Dot, scope: Scope, kind: str, read: Callable[[Expr, Scope], T]) -> T | None:
        """What a name stands for, read as `kind` by `read(expression, scope)`; None where it is no binding of the page.

        Raises SpecError for a circle of names, a name used as two kinds, and one that hides a word of its kind.
        """
        path = root(node)
        d = scope.find(path) if path is not None else None
        if d is None or d.kind not in ("param", "binding", "forward") or d.value is None:
            return None
        key = (d.name, d.span)
        self._refuse_circle(key, node, d)
        inside = scope.inside(d)
        self._refuse_kind(kind, key, node, d, inside)
        height = _height(d.value)
        if self._height + height > HIGHEST:
            raise SpecError(
                error(
                    "RN024",
                    f"names that use each other nest more than {HIGHEST} deep here",
                    Label(node.span),
                    Label(d.span, "this one is too many"),
                )
            )
        self._active.append(key)
        self._height += height
        self.read_names.add(key)
        try:
            return read(d.value, inside)
        finally:
            self._active.pop()
            self._height -= height

    def _refuse_circle(self, key: tuple[str, Span], node: Expr, d: Definition) -> None:
        if key in self._active:
            chain = [n for n, _ in self._active[self._active.index(key) :]] + [d.name]
            raise SpecError(
                error(
                    "RN020",
                    "these names are defined in a circle: " + " → ".join(chain),
                    Label(node.span, "used here"),
                    Label(d.span, "defined here"),
                )
            )

    def _refuse_kind(self, kind: str, key: tuple[str, Span], node: Expr, d: Definition, inside: Scope) -> None:
        if vocabulary.find(kind, d.name):
            raise SpecError(
                error(
                    "RN022",
                    f"`{d.name}` hides {kind_in_words(kind)} of the vocabulary with the same name",
                    Label(d.span),
                    Label(node.span, "used here"),
                    help="give it another name",
                )
            )
        if kind not in ("number", "value", "set") and d.value is not None and self.is_constant(d.value, inside):
            raise SpecError(
                error(
                    "RK001",
                    f"expected {kind_in_words(kind)}, but `{d.name}` is {self.constant_in_words(d.value, inside)}",
                    Label(node.span),
                    Label(d.span, "bound here"),
                )
            )
        before = self.kinds.setdefault(key, kind)
        if before != kind and {before, kind} != {"number", "value"}:
            raise SpecError(
                error(
                    "RN021",
                    f"`{d.name}` is used as {kind_in_words(kind)} here and as {kind_in_words(before)} elsewhere",
                    Label(node.span),
                    Label(d.span, "bound here"),
                    help="bind two names",
                )
            )

    def constant_in_words(self, node: Expr, scope: Scope) -> str:
        """What a constant expression is, with its article. Raises SpecError where it cannot be computed."""
        value = self.constant(node, scope)
        if isinstance(value, Quantity):
            return describe(value.dimension)
        return {str: "a text", list: "a list", Interval: "a range", bool: "true or false"}.get(type(value), "a number")

    def tick(self, span: Span) -> None:
        """Count one more part. Raises SpecError where a page expands to too many, and for all that is read then."""
        self._budget -= 1
        if self._budget < 0:
            if self._exhausted is None:
                name, place = self._active[0] if self._active else ("this", span)
                what = f"`{name}`" if self._active else name
                self._exhausted = error(
                    "RN023",
                    f"{what} makes the page expand to more than {LARGEST} parts",
                    place,
                    help="names that contain each other several times grow fast",
                )
            raise SpecError(self._exhausted)

    # Constants.

    def constant(self, node: Expr, scope: Scope) -> constants.Value:
        """The value of a constant expression. Raises SpecError."""
        self.tick(node.span)
        word = stage_word(node)
        if word is not None and scope.find(word) is None:
            raise misplaced(word, node.span)

        def lookup(name: Name | Dot) -> constants.Value:
            value = self.named(name, scope, "number", self.constant)
            if value is None and isinstance(name, Dot):
                raise SpecError(no_member(self, name, scope))
            if value is None:
                assert isinstance(name, Name)
                raise SpecError(unknown_name(self, name, scope, "number"))
            return value

        return constants.evaluate(node, lookup)

    def is_constant(self, node: Expr, scope: Scope, depth: int = 0) -> bool:
        """Whether an expression holds constants only, without computing it.

        A circle of names and a chain that is too long count as constant: computing them says what is wrong.
        """
        if depth > HIGHEST:
            return True
        heads = {id(part.base) for part in walk(node) if isinstance(part, Dot)}
        units = {id(part.right) for part in walk(node) if isinstance(part, Binary) and constants.is_unit(part)}
        for part in walk(node):
            if id(part) in heads:
                continue
            if isinstance(part, (Follows, Member, Index, Compare)):
                return False
            if isinstance(part, Binary) and part.op == "@":
                return False
            if isinstance(part, Call):
                if not isinstance(part.function, Name) or part.function.id not in constants.CALLED:
                    return False
            elif isinstance(part, (Name, Dot)) and not self._constant_name(part, id(part) in units, scope, depth):
                return False
        return True

    def _constant_name(self, node: Name | Dot, unit: bool, scope: Scope, depth: int) -> bool:
        path = root(node)
        if path is None:
            return False
        if isinstance(node, Name) and (path in constants.CONSTANTS or path in constants.CALLED):
            return True
        d = scope.find(path)
        if d is None:
            return unit
        if d.kind not in ("param", "binding") or d.value is None:
            return False
        key = (d.name, d.span, id(scope.names))
        if key not in self._constant:
            self._constant[key] = True
            self._constant[key] = self.is_constant(d.value, scope.inside(d), depth + 1)
        return self._constant[key]

    def number(self, node: Expr, scope: Scope, what: str = "") -> float | Quantity:
        """A number, perhaps with a unit. `what`: what it is, for the diagnostic. Raises SpecError."""
        value = self.constant(node, scope)
        if isinstance(value, (str, list, Interval, bool)):
            found = {str: "a text", list: "a list", Interval: "a range"}.get(type(value), "true or false")
            said = f"{what} is a number, and this is {found}" if what else f"expected a number, got {found}"
            raise SpecError(error("RT005", said, node.span))
        return value

    def plain(self, node: Expr, scope: Scope, what: str = "") -> float:
        """A number without a unit. Raises SpecError."""
        value = self.number(node, scope, what)
        if isinstance(value, Quantity):
            found = describe(value.dimension)
            said = f"{what} is a plain number, and this is {found}" if what else f"expected a plain number, got {found}"
            raise SpecError(error("RT003", said, node.span))
        return value


def _height(node: Expr) -> int:
    """How many levels an expression has."""
    level, height = [node], 0
    while level:
        height += 1
        level = [c for n in level for c in children(n)]
    return height


def parts(cls: type[Any], term: Any) -> tuple[Any, ...]:
    """The parts of a term that is joined in the same way, else the term alone: chains stay flat."""
    return tuple(term.parts) if isinstance(term, cls) else (term,)
