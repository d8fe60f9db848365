"""The base of all readers of expressions: names, constants, and the bounds that keep reading finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from .. import vocabulary
from ..diagnostics import Diagnostic, Findings, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.fields import Interval
from ..model.units import Quantity, describe
from ..model.word import Law, Set, Word
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
from .names import RESERVED, Definition, root
from .scope import Scope
from .statements import UNKNOWNS

T = TypeVar("T")

LARGEST = 20_000
"""Parts that a page may expand to."""
HIGHEST = 120
"""Levels of brackets and operators, counted through the names that an expression uses."""

Options = tuple[tuple[str, Expr, Span], ...]
"""Options from a body: name, value, place of the name."""

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
    "function": "a function",
    "view": "a view",
    "analysis": "an analysis",
    "schedule": "a schedule",
    "loss": "a loss",
    "weights": "a source of weights",
    "attack": "an attack",
    "tracker": "a tracker",
    "network": "a network",
    "text": "a text",
}
_WRAPPED = {"kernel": "conv", "maps": "coils", "array": "diagonal"}
"""Words that make an operator of a word of another kind."""

_STAGES = {
    "auto": (
        "`auto` cannot stand for {what}",
        "`auto` stands for the extents of an unknown and for options that have a rule of their own, "
        "such as `step` of `fista`",
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
    return head.id if isinstance(head, Name) and head.id in _STAGES else None


def misplaced(word: str, span: Span, what: str = "a value here") -> SpecError:
    """The error for `auto`, `estimate` or `learned` where it may not stand; `what`: for what it stands there."""
    message, hint = _STAGES[word]
    return SpecError(error("RK010", message.format(what=what), span, help=hint))


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
        self._kinds: dict[tuple[str, Span], str] = {}
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

    def law(self, node: Expr, scope: Scope) -> Law:
        """A law of noise or a prior."""
        raise NotImplementedError

    def measure(self, node: Expr, scope: Scope) -> t.Statistic:
        """`mean(psnr)`, `max(sparse.nmse)`, `seconds`, `objective`."""
        raise NotImplementedError

    def axis(self, node: Expr, scope: Scope) -> t.Along:
        """`method`, `data`, `iteration`, or the path of a swept param."""
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
                    f"expected {kind_in_words(kind)}, but `{d.name}` is {self._constant_in_words(d.value, inside)}",
                    Label(node.span),
                    Label(d.span, "bound here"),
                )
            )
        before = self._kinds.setdefault(key, kind)
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

    def _constant_in_words(self, node: Expr, scope: Scope) -> str:
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

    def unknown_name(self, node: Name, scope: Scope, kind: str, extra: tuple[str, ...] = ()) -> Diagnostic:
        """The diagnostic for a name that is nothing of the kind its place expects."""
        if node.id in _STAGES and not scope.results:
            return misplaced(node.id, node.span).diagnostics[0]
        d = scope.find(node.id)
        if d is not None and d.kind not in ("method", "data"):  # those may be called like a word
            return error(
                "RK001",
                f"expected {kind_in_words(kind)}, but `{node.id}` is {self.definition_in_words(d, scope)}",
                Label(node.span),
                Label(d.span, "named here"),
                help=f"`{node.id}.estimate` is its result" if d.kind == "method" else "",
            )
        others = vocabulary.kinds_of(node.id)
        if others:
            other = others[0]
            wrap = _WRAPPED.get(other) if kind == "operator" else None
            return error(
                "RK001",
                f"expected {kind_in_words(kind)}, but `{node.id}` is {kind_in_words(other)}",
                node.span,
                help=f"{kind_in_words(other)} acts through `{wrap}({node.id}(...))`" if wrap else "",
            )
        return self._no_such_name(node, scope, kind, extra)

    def _no_such_name(self, node: Name, scope: Scope, kind: str, extra: tuple[str, ...]) -> Diagnostic:
        named = [n for n in scope.locals if n != node.id]
        named += [n for n, d in scope.names.items() if d.kind not in ("method", "data", "use") and n != node.id]
        known = vocabulary.names(kind)
        results = list(RESERVED) if scope.results and kind == "value" else []
        close = nearest(node.id, [*known, *named, *extra, *results])
        if kind in ("value", "number"):
            hint = self._value_hint(node, scope, kind, [*named, *results])
            if close:
                hint = f"did you mean `{close}`?"
            return error("RN017", f"nothing on this page is called `{node.id}`", node.span, help=hint)
        if close:
            hint = f"did you mean `{close}`?"
        elif known:
            hint = "words of this kind: " + ", ".join(sorted(known))
        else:
            hint = ""
        if kind == "operator" and not close and node.span.text.isupper():  # operators of a page are written so
            return error(
                "RN017",
                f"nothing on this page is called `{node.id}`",
                node.span,
                help=f"name an operator: `forward {node.id} = ...`",
            )
        where = "in this version of recon" if known else "in this version of recon, nor any other"
        return error("RV001", f"there is no {bare_kind(kind)} called `{node.id}` {where}", node.span, help=hint)

    def _value_hint(self, node: Name, scope: Scope, kind: str, known: list[str]) -> str:
        if kind == "number":
            return f"give it a value: `param {node.id} = ...`"
        kinds = {n: scope.names[n].kind for n in known if n in scope.names}
        if any(kind in UNKNOWNS for kind in kinds.values()):
            values = [n for n in known if n in RESERVED or kinds.get(n) in (*UNKNOWNS, "measured")]
            return "values here are " + listed(values, "and")
        return f"declare it: `image {node.id} : real[256, 256]`"

    def definition_in_words(self, d: Definition, scope: Scope) -> str:
        """What a name of the page is, with its article."""
        if d.kind in UNKNOWNS:
            return "an unknown"
        if d.kind == "forward":
            return "an operator"
        if d.kind in ("param", "binding") and d.value is not None:
            inside = scope.inside(d)
            if self.is_constant(d.value, inside):
                return self._constant_in_words(d.value, inside)
            used = self._kinds.get((d.name, d.span))
            return kind_in_words(used) if used else "something else"
        return {"measured": "a measurement", "weights": "weights", "use": "another page"}.get(d.kind, d.kind)

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
                raise SpecError(self.no_member(name, scope))
            if value is None:
                assert isinstance(name, Name)
                raise SpecError(self.unknown_name(name, scope, "number"))
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

    def no_member(self, node: Dot, scope: Scope) -> Diagnostic:
        """The diagnostic for `a.b` that is nothing."""
        path = root(node)
        head = path.split(".")[0] if path else ""
        d = scope.find(head)
        if head in self.failed_pages:
            return self.failed_pages[head]
        if d is not None and d.kind == "use":
            known = [n.removeprefix(f"{head}.") for n in scope.names if n.startswith(f"{head}.")]
            member = path.removeprefix(f"{head}.") if path else ""
            if member in known:
                return error(
                    "RK005",
                    f"`{path}` is {self.definition_in_words(scope.names[path or head], scope)} of another page",
                    node.span,
                    help="of another page, operators, numbers, priors and other bindings can be used",
                )
            close = nearest(member, known)
            hint = f"did you mean `{head}.{close}`?" if close else f"its names: {', '.join(known)}" if known else ""
            return error("RK005", f"the page in use `{head}` has no name `{member}`", node.span, help=hint)
        if d is not None and d.kind == "method":
            return error(
                "RK004",
                f"a method has no member `{node.member}` here",
                node.span,
                help=f"`{head}.estimate` is its reconstruction, `{head}.psnr` a metric of it",
            )
        return error("RK004", f"nothing here has a member `{node.member}`", node.span, help="`A.H` is the adjoint of A")


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
