"""Expressions of each kind: the place where an expression stands decides how it is read."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from .. import vocabulary
from ..diagnostics import Diagnostic, Findings, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.fields import FilePath, Interval
from ..model.files import FileError, inside
from ..model.units import UNITS, Quantity, Unit
from ..model.word import Function, Law, Operator, Set, Word
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
    Negative,
    Number,
    Range,
    Sequence,
    Text,
    walk,
)
from ..syntax.tree import Quantity as WrittenQuantity
from . import constants
from .names import RESERVED, called, root
from .scope import Scope, Where
from .validation import validation_findings

STATISTICS = ("mean", "max", "min", "median", "std", "interval")
MEASURED_ALONG = ("seconds", "iterations", "objective", "move", "residual", "mse", "bias", "variance")
LARGEST = 20_000  # terms a page may expand to

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
    "maps": "coil maps",
    "array": "an array",
    "function": "a function",
    "view": "a view",
    "analysis": "an analysis",
    "density": "a density",
    "schedule": "a schedule",
    "loss": "a loss",
    "weights": "a source of weights",
    "attack": "an attack",
    "tracker": "a tracker",
    "network": "a network",
    "text": "a text",
}


def kind_in_words(kind: str) -> str:
    return _KIND_WORDS.get(kind, kind)


class Elaborator:
    """Reads expressions of one page. Errors are raised as SpecError; callers collect them statement by statement."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._active: list[tuple[str, Span]] = []
        self._kinds: dict[tuple[str, Span], str] = {}
        self._budget = LARGEST
        self.read_bindings: set[tuple[str, Span]] = set()
        self.used_locals: dict[str, set[str]] = {}

    # ---- names ------------------------------------------------------------------------------------------------

    def _named(self, node: Name | Dot, scope: Scope, kind: str, read: Any) -> Any:
        """What a name stands for, read as `kind` by `read(expression, scope)`; None where it is no binding of the page."""
        path = root(node)
        d = scope.find(path) if path is not None else None
        if d is None:
            return None
        if d.kind not in ("param", "binding", "forward") or d.value is None:
            return None
        key = (d.name, d.span)
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
        self._active.append(key)
        self.read_bindings.add(key)
        inside_scope = scope.inside(d)
        try:
            return read(d.value, inside_scope)
        finally:
            self._active.pop()
            self.used_locals.setdefault(d.name, set()).update(inside_scope.used)

    def _tick(self, span: Span) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise SpecError(
                error(
                    "RN023",
                    f"this page expands to more than {LARGEST} parts",
                    span,
                    help="bindings that contain each other several times grow fast",
                )
            )

    def unknown_name(self, node: Name, scope: Scope, kind: str, extra: tuple[str, ...] = ()) -> Diagnostic:
        """The diagnostic for a name that is nothing of the kind its place expects."""
        d = scope.find(node.id)
        if d is not None and d.kind not in ("method", "data"):  # those may be called like a word
            what = {"measured": "a measurement", "weights": "weights", "use": "another page"}.get(
                d.kind, "an unknown" if d.value is not None and d.kind != "param" else d.kind
            )
            return error(
                "RK001",
                f"expected {kind_in_words(kind)}, but `{node.id}` is {what}",
                Label(node.span),
                Label(d.span, "named here"),
            )
        others = vocabulary.kinds_of(node.id)
        if others:
            return error(
                "RK001", f"expected {kind_in_words(kind)}, but `{node.id}` is {kind_in_words(others[0])}", node.span
            )
        bare = kind_in_words(kind).removeprefix("an ").removeprefix("a ")
        local = [n for n, d in scope.names.items() if d.kind not in ("method", "data")]
        local = [n for n in (*scope.locals, *local, *extra) if n != node.id]
        close = nearest(node.id, [*vocabulary.names(kind), *local])
        known = vocabulary.names(kind)
        if close:
            hint = f"did you mean `{close}`?"
        elif known:
            hint = f"words of this kind: {', '.join(sorted(known)[:14])}"
        else:
            hint = f"it has no {bare} at all yet"
        return error("RV001", f"there is no {bare} called `{node.id}` in this version of recon", node.span, help=hint)

    # ---- constants --------------------------------------------------------------------------------------------

    def constant(self, node: Expr, scope: Scope) -> constants.Value:
        """The value of a constant expression."""
        self._tick(node.span)

        def lookup(name: Name | Dot) -> constants.Value:
            value = self._named(name, scope, "number", self.constant)
            if value is None and isinstance(name, Dot):
                raise SpecError(error("RK005", "no page in use has this name", name.span))
            if value is None:
                raise SpecError(self.unknown_name(name, scope, "number"))
            return value  # type: ignore[no-any-return]

        return constants.evaluate(node, lookup)

    def is_constant(self, node: Expr, scope: Scope, depth: int = 0) -> bool:
        """Whether an expression holds numbers only, without computing it."""
        if depth > 50:
            return False
        heads = {id(d.base) for d in walk(node) if isinstance(d, Dot)}
        for part in walk(node):
            if id(part) in heads:
                continue
            if isinstance(part, (Follows, Member, Index, Compare)):
                return False
            if isinstance(part, Binary) and part.op == "@":
                return False
            if isinstance(part, Dot):
                d = scope.find(root(part) or "")
                if d is None or d.value is None or not self.is_constant(d.value, scope.inside(d), depth + 1):
                    return False
                continue
            if isinstance(part, Call) and isinstance(part.function, Name):
                if part.function.id not in (*constants.FUNCTIONS, *constants.SERIES):
                    return False
            elif isinstance(part, Name) and part.id not in (
                *constants.CONSTANTS,
                *constants.FUNCTIONS,
                *constants.SERIES,
            ):
                d = scope.find(part.id)
                if d is None:
                    if any(isinstance(b, Binary) and b.right is part and constants.is_unit(b) for b in walk(node)):
                        continue
                    return False
                if d.kind not in ("param", "binding") or d.value is None:
                    return False
                if not self.is_constant(d.value, scope.inside(d), depth + 1):
                    return False
        return True

    def number(self, node: Expr, scope: Scope) -> float | Quantity:
        value = self.constant(node, scope)
        if isinstance(value, (str, list, Interval, bool)):
            raise SpecError(error("RT005", "expected a number", node.span))
        return value

    def plain(self, node: Expr, scope: Scope) -> float:
        """A number without a unit."""
        value = self.number(node, scope)
        if isinstance(value, Quantity):
            raise SpecError(error("RT003", f"expected a plain number, got {value}", node.span))
        return value

    # ---- words ------------------------------------------------------------------------------------------------

    def word(self, node: Expr, kind: str, scope: Scope, options: tuple[tuple[str, Expr, Span], ...] = ()) -> Word:
        """A word of that kind with its arguments; `options` come from a body."""
        self._tick(node.span)
        if isinstance(node, Text) and kind in ("source", "weights"):
            raise SpecError(
                error(
                    "RV001",
                    f"this version of recon reads no {'data' if kind == 'source' else 'weights'} "
                    f"from `{node.value[:60]}`",
                    node.span,
                    help="files on disk are read by `folder`, `npy`, `npz` and `hdf5`" if kind == "source" else "",
                )
            )
        if isinstance(node, Dot):
            bound = self._named(node, scope, kind, lambda e, s: self.word(e, kind, s, options))
            if bound is not None:
                return bound  # type: ignore[no-any-return]
        head = called(node)
        if head is None:
            raise SpecError(error("RK002", f"expected {kind_in_words(kind)}", node.span))
        if isinstance(node, Name):
            bound = self._named(node, scope, kind, lambda e, s: self.word(e, kind, s, options))
            if bound is not None:
                return bound  # type: ignore[no-any-return]
        cls = vocabulary.find(kind, head.id)
        if cls is None:
            raise SpecError(self.unknown_name(head, scope, kind))
        return self._instance(cls, node, head, scope, options)

    def _instance(
        self, cls: type[Word], node: Expr, head: Name, scope: Scope, options: tuple[tuple[str, Expr, Span], ...]
    ) -> Word:
        given: list[tuple[str, Expr, Span | None]] = []
        fields = list(cls.model_fields)
        problems: list[Diagnostic] = []
        positional: list[Expr] = []
        for a in node.arguments if isinstance(node, Call) else ():
            if a.name is not None:
                given.append((a.name, a.value, a.name_span))
            elif cls.variadic is not None:
                positional.append(a.value)
            elif len(positional) < len(fields):
                given.append((fields[len(positional)], a.value, None))
                positional.append(a.value)
            else:
                takes = f"takes {len(fields)} argument{'s' if len(fields) != 1 else ''}"
                problems.append(error("RV003", f"`{cls.word}` {takes} at most", a.value.span))
        given += [(n, e, s) for n, e, s in options]
        seen: dict[str, Span] = {}
        kwargs: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        names: dict[str, Span] = {}
        for key, expr, key_span in given:
            place = key_span or expr.span
            if key not in cls.model_fields:
                close = nearest(key, fields)
                hint = (
                    f"did you mean `{close}`?"
                    if close
                    else ("its options are " + ", ".join(f"`{f}`" for f in fields) if fields else "it takes no options")
                )
                problems.append(error("RV002", f"`{cls.word}` has no option `{key}`", place, help=hint))
                continue
            if key in seen:
                problems.append(
                    error("RV004", f"`{key}` is given twice", Label(place, "second"), Label(seen[key], "first"))
                )
                continue
            seen[key], spans[key] = place, expr.span
            if key_span is not None:
                names[key] = key_span
            try:
                kwargs[key] = self.argument(expr, cls.model_fields[key], scope, f"`{key}` of `{cls.word}`")
            except SpecError as e:
                problems += e.diagnostics
        if cls.variadic is not None:
            try:
                kwargs[cls.variadic] = tuple(
                    self.argument(e, cls.model_fields[cls.variadic], scope, f"`{cls.word}`", item=True)
                    for e in positional
                )
                spans[cls.variadic] = node.span
            except SpecError as e:
                problems += e.diagnostics
        exclusive = getattr(cls, "exclusive", None)
        if exclusive and all(k in kwargs for k in exclusive):
            problems.append(
                error(
                    "RV005",
                    f"`{exclusive[0]}` and `{exclusive[1]}` say the same thing",
                    Label(spans[exclusive[0]]),
                    Label(spans[exclusive[1]]),
                    help="keep one of them",
                )
            )
        if problems:
            raise SpecError(*problems)
        return self.validated(cls, kwargs, Where(node.span if cls.model_fields else head.span, spans, names), cls.word)

    def validated(self, cls: Any, kwargs: dict[str, Any], where: Where, name: str) -> Any:
        """The model with those values, or a SpecError with each violation at its place."""
        try:
            return cls.model_validate(kwargs)
        except ValidationError as e:
            raise SpecError(*validation_findings(e, cls, where, name)) from None

    def argument(self, node: Expr, info: FieldInfo, scope: Scope, what: str, item: bool = False) -> Any:
        """The value of one parameter, read as its type asks. `item`: one element of a tuple parameter."""
        accept = flatten(info.annotation)
        if item:
            accept = [a for tup in accept if get_origin(tup) is tuple for a in flatten(get_args(tup)[0])]
        return self._accepted(node, accept, scope, what)

    def _accepted(self, node: Expr, accept: list[Any], scope: Scope, what: str) -> Any:
        choices = [v for a in accept if get_origin(a) is Literal for v in get_args(a)]
        if isinstance(node, Name) and node.id in choices:
            return node.id
        if isinstance(node, Text) and FilePath in accept:
            return self._file(node, scope)
        if isinstance(node, Name) and Unit in accept and node.id in UNITS and scope.find(node.id) is None:
            return Unit(*UNITS[node.id])
        tuples = [a for a in accept if get_origin(a) is tuple]
        if tuples and (isinstance(node, Sequence) or len(accept) == len(tuples)):
            inner = [x for a in tuples for x in flatten(get_args(a)[0])]
            items = node.items if isinstance(node, Sequence) else (node,)
            return tuple(self._accepted(i, inner, scope, what) for i in items)
        if isinstance(node, (Number, WrittenQuantity, Text, Range, Sequence)) and t.ValueTerm not in accept:
            return self.constant(node, scope)
        if t.OperatorTerm in accept:
            return self.operator(node, scope)
        if t.ValueTerm in accept:
            return self.value(node, scope)
        if t.MeasureTerm in accept:
            return self.measure(node, scope)
        if t.AxisTerm in accept:
            return self.axis(node, scope)
        bases = [a for a in accept if isinstance(a, type) and issubclass(a, Word)]
        if bases and not self.is_constant(node, scope):
            return self.word(node, bases[0].expression_kind, scope)
        if isinstance(node, Name) and choices:
            d = scope.find(node.id)
            if d is not None and d.kind in ("param", "binding") and d.value is not None:
                if isinstance(d.value, Name) and d.value.id in choices:
                    self._named(node, scope, "number", lambda e, s: 0.0)
                    return d.value.id
                return self.constant(node, scope)
            words = [c for c in choices if isinstance(c, str)]
            close = nearest(node.id, words)
            raise SpecError(
                error(
                    "RV006",
                    f"{what} is {one_of(words)}, not `{node.id}`",
                    node.span,
                    help=f"did you mean `{close}`?" if close else "",
                )
            )
        return self.constant(node, scope)

    def _file(self, node: Text, scope: Scope) -> FilePath:
        try:
            path = inside(scope.folder, node.value)
        except FileError as e:
            raise SpecError(
                error("RF001", str(e), node.span, help="a spec reads files of its own folder only")
            ) from None
        if not path.is_file():
            raise SpecError(error("RF002", f"there is no file `{node.value}` in the folder of the spec", node.span))
        return FilePath(node.value, str(path))

    # ---- operators --------------------------------------------------------------------------------------------

    def operator(self, node: Expr, scope: Scope) -> t.OperatorTerm:
        """An operator: words, `@`, `+`, `-`, `*` and `/` by numbers, `.H`."""
        self._tick(node.span)
        match node:
            case Binary(op="@"):
                left, right = self.operator(node.left, scope), self.operator(node.right, scope)
                return t.Compose(_parts(t.Compose, left) + _parts(t.Compose, right), span=node.span)
            case Binary(op="+" | "-"):
                left, right = self.operator(node.left, scope), self.operator(node.right, scope)
                if node.op == "-":
                    right = t.Scaled(-1.0, right, span=node.right.span)
                return t.SumOf(_parts(t.SumOf, left) + _parts(t.SumOf, right), span=node.span)
            case Binary(op="*") if self.is_constant(node.left, scope):
                return t.Scaled(self.plain(node.left, scope), self.operator(node.right, scope), span=node.span)
            case Binary(op="*" | "/") if self.is_constant(node.right, scope):
                c = self.plain(node.right, scope)
                if node.op == "/" and c == 0:
                    raise SpecError(error("RT004", "division by zero", node.op_span))
                return t.Scaled(c if node.op == "*" else 1 / c, self.operator(node.left, scope), span=node.span)
            case Binary(op="*" | "/"):
                raise SpecError(
                    error(
                        "RK003",
                        f"`{node.op}` needs a number on one side; operators are composed by `@`",
                        node.op_span,
                        help="write `A @ B`",
                    )
                )
            case Negative(operand=operand):
                return t.Scaled(-1.0, self.operator(operand, scope), span=node.span)
            case Dot(base=base, member="H"):
                of = self.operator(base, scope)
                return of.of if isinstance(of, t.Adjoint) else t.Adjoint(of, span=node.span)
            case Dot():
                found = self._named(node, scope, "operator", self.operator)
                if found is not None:
                    return found  # type: ignore[no-any-return]
                raise SpecError(
                    error("RK004", f"an operator has no member `{node.member}`", node.span, help="`A.H` is the adjoint")
                )
            case Name() | Call():
                if isinstance(node, Name):
                    found = self._named(node, scope, "operator", self.operator)
                    if found is not None:
                        return found  # type: ignore[no-any-return]
                word = self.word(node, "operator", scope)
                assert isinstance(word, Operator)
                return t.Leaf(word, scope.word_place(word.word), span=node.span)
        raise SpecError(error("RK002", "expected an operator", node.span))

    # ---- values -----------------------------------------------------------------------------------------------

    def value(self, node: Expr, scope: Scope) -> t.ValueTerm:
        """A value: unknowns, measurements and columns, with operators and functions applied to them."""
        self._tick(node.span)
        if self.is_constant(node, scope):
            return t.Constant(self.number(node, scope), span=node.span)
        match node:
            case Name(id=name):
                return self._value_name(node, name, scope)
            case Binary(op="@"):
                return t.Apply(self.operator(node.left, scope), self.value(node.right, scope), span=node.span)
            case Binary(op="+" | "-"):
                left, right = self.value(node.left, scope), self.value(node.right, scope)
                if node.op == "-":
                    right = t.Times(-1.0, right, span=node.right.span)
                return t.Plus(_parts(t.Plus, left) + _parts(t.Plus, right), span=node.span)
            case Binary(op="/", right=Name(id=unit)) if constants.is_unit(node) and scope.find(unit) is None:
                return t.Times(constants.per(unit), self.value(node.left, scope), span=node.span)
            case Binary(op="*") if self.is_constant(node.left, scope):
                return t.Times(self.number(node.left, scope), self.value(node.right, scope), span=node.span)
            case Binary(op="*") if self.is_constant(node.right, scope):
                return t.Times(self.number(node.right, scope), self.value(node.left, scope), span=node.span)
            case Binary(op="/") if self.is_constant(node.right, scope):
                one = Number(1.0, "1", node.op_span)
                inverse = Binary("/", one, node.right, node.right.span, node.op_span)
                return t.Times(self.number(inverse, scope), self.value(node.left, scope), span=node.span)
            case Binary(op="*" | "/" | "^"):
                raise SpecError(
                    error(
                        "RK003",
                        f"this version of recon has no `{node.op}` of two values",
                        node.op_span,
                        help="`*` scales by a number, `@` applies an operator",
                    )
                )
            case Negative(operand=operand):
                inner = self.value(operand, scope)
                return t.Times(-1.0, inner, span=node.span)
            case Dot(base=Name(id=method), member=member) if member in RESERVED and scope.results:
                d = scope.names.get(method)
                if d is None or d.kind != "method":
                    raise SpecError(error("RK005", f"`{method}` is no method of this page", node.base.span))
                return t.Reserved(member, method, span=node.span)
            case Dot():
                found = self._named(node, scope, "value", self.value)
                if found is not None:
                    return found  # type: ignore[no-any-return]
            case Call(function=Name(id=name)):
                word = vocabulary.find("function", name)
                if word is not None and issubclass(word, Function):
                    if len(node.arguments) != 1 or node.arguments[0].name is not None:
                        raise SpecError(error("RV003", f"`{name}` takes one value", node.span))
                    return t.Pointwise(word(), self.value(node.arguments[0].value, scope), span=node.span)
                if vocabulary.find("operator", name) or (scope.find(name) and not isinstance(node.function, Dot)):
                    raise SpecError(
                        error(
                            "RK006",
                            f"`{name}` is applied by `@`, not by brackets",
                            node.function.span,
                            help=f"write `{name} @ ...`",
                        )
                    )
                raise SpecError(self.unknown_name(node.function, scope, "function"))
        raise SpecError(error("RK002", "expected a value: an unknown, or operators applied to it", node.span))

    def _value_name(self, node: Name, name: str, scope: Scope) -> t.ValueTerm:
        if scope.columns is None or name in scope.columns:
            d = scope.names.get(name)
            if scope.columns is not None or d is None or d.kind not in ("param", "binding", "forward"):
                return t.Column(name, span=node.span)
        if scope.results and name in RESERVED and scope.find(name) is None:
            return t.Reserved(name, None, span=node.span)
        d = scope.find(name)
        if d is not None and d.kind in ("signal", "image", "volume", "unknown"):
            return t.Unknown(name, span=node.span)
        if d is not None and d.kind == "measured":
            return t.Measured(name, span=node.span)
        found = self._named(node, scope, "value", self.value)
        if found is not None:
            return found  # type: ignore[no-any-return]
        raise SpecError(self.unknown_name(node, scope, "value", scope.columns or ()))

    # ---- energies, laws, sets ---------------------------------------------------------------------------------

    def priors(self, node: Expr, scope: Scope, weight: float = 1.0, weight_span: Span | None = None) -> list[t.Prior]:
        """The summands of an energy, each with its weight."""
        self._tick(node.span)

        def leaf(energy: t.Energy | t.Law | t.Within) -> list[t.Prior]:
            return [t.Prior(weight, energy, span=node.span, weight_span=weight_span)]

        match node:
            case Binary(op="+"):
                return self.priors(node.left, scope, weight, weight_span) + self.priors(
                    node.right, scope, weight, weight_span
                )
            case Binary(op="*") if self.is_constant(node.left, scope):
                return self._weighted(node.left, node.right, False, scope, weight)
            case Binary(op="*" | "/") if self.is_constant(node.right, scope):
                return self._weighted(node.right, node.left, node.op == "/", scope, weight)
            case Binary(op="*", left=Name(id="learned") | Call(function=Name(id="learned"))):
                raise SpecError(error("RV001", "this version of recon has no `learned` weights", node.left.span))
            case Binary(op="*", left=Call(function=Name(id="auto"))):
                raise SpecError(
                    error(
                        "RV001",
                        "this version of recon has no rule that finds a weight",
                        node.left.span,
                        help="give a number of nats; `recon plan` prints the weight times sigma^2",
                    )
                )
            case Binary(op="-"):
                raise SpecError(
                    error("RK007", "energies cannot be subtracted: the weight of a prior is not negative", node.op_span)
                )
            case Negative():
                raise SpecError(error("RK007", "the weight of a prior is not negative", node.span))
            case Follows(left=left, law=law):
                word = self.word(law, "law", scope)
                return leaf(t.Law(self.value(left, scope), word, span=node.span))
            case Member(left=left, set=set_):
                return leaf(t.Within(self.value(left, scope), self.set(set_, scope), span=node.span))
            case Name() | Dot():
                found = self._named(node, scope, "energy", lambda e, s: self.priors(e, s, weight, weight_span))
                if found is not None:
                    return found  # type: ignore[no-any-return]
        return leaf(t.Energy(self.word(node, "energy", scope), span=node.span))

    def _weighted(self, number: Expr, energy: Expr, divide: bool, scope: Scope, weight: float) -> list[t.Prior]:
        c = self.plain(number, scope)
        if c < 0 or (divide and c == 0):
            raise SpecError(
                error(
                    "RK007",
                    f"the weight of a prior is not negative, and this is {c:g}",
                    number.span,
                    help="a negative weight rewards what the prior should forbid",
                )
            )
        return self.priors(energy, scope, weight / c if divide else weight * c, number.span)

    def set(self, node: Expr, scope: Scope) -> Set:
        """A set; a range is the box between its ends."""
        if isinstance(node, Range):
            value = self.constant(node, scope)
            assert isinstance(value, Interval)
            cls = vocabulary.find("set", "box")
            assert cls is not None
            if value.step is not None or not value.start < value.stop:
                raise SpecError(
                    error("RT006", "a box goes from a smaller to a larger number, without a step", node.span)
                )
            if value.dimension != (0, 0, 0, 0, 0):
                raise SpecError(
                    error("RT003", "the ends of a box are plain numbers, in the unit of the unknown", node.span)
                )
            return cls(low=value.start, high=value.stop)  # type: ignore[return-value, call-arg]
        word = self.word(node, "set", scope)
        assert isinstance(word, Set)
        return word

    def law(self, node: Expr, scope: Scope) -> Law:
        word = self.word(node, "law", scope)
        assert isinstance(word, Law)
        return word

    # ---- reports ----------------------------------------------------------------------------------------------

    def measure(self, node: Expr, scope: Scope) -> t.Statistic:
        """`mean(psnr)`, `max(sparse.nmse)`, `seconds`, `objective`."""
        match node:
            case Call(function=Name(id=statistic), arguments=(argument,)) if statistic in STATISTICS:
                inner = self.measure(argument.value, scope)
                return t.Statistic(statistic, inner.metric, inner.method, span=node.span)
            case Dot(base=Name(id=method), member=metric):
                d = scope.names.get(method)
                if d is None or d.kind != "method":
                    raise SpecError(error("RK005", f"`{method}` is no method of this page", node.base.span))
                return t.Statistic("", self._metric_name(metric, node.span, scope), method, span=node.span)
            case Name(id=metric):
                return t.Statistic("", self._metric_name(metric, node.span, scope), None, span=node.span)
            case Call(function=Name(id=name)) if vocabulary.find("metric", name) is None:
                close = nearest(name, [*STATISTICS, *vocabulary.names("metric")])
                raise SpecError(
                    error(
                        "RV001",
                        f"there is no statistic called `{name}`",
                        node.function.span,
                        help=f"did you mean `{close}`?" if close else "statistics: " + ", ".join(STATISTICS),
                    )
                )
        raise SpecError(error("RK002", "expected a measure such as `mean(psnr)`", node.span))

    def _metric_name(self, name: str, span: Span, scope: Scope) -> str:
        if vocabulary.find("metric", name) is None and name not in MEASURED_ALONG:
            known = [*vocabulary.names("metric"), *MEASURED_ALONG]
            close = nearest(name, known)
            raise SpecError(
                error(
                    "RV001",
                    f"there is no metric called `{name}` in this version of recon",
                    span,
                    help=f"did you mean `{close}`?" if close else "metrics: " + ", ".join(known),
                )
            )
        return name

    def axis(self, node: Expr, scope: Scope) -> t.Along:
        path = root(node)
        if path is None:
            raise SpecError(
                error("RK002", "expected an axis: `method`, `data`, `iteration`, or a swept param", node.span)
            )
        return t.Along(path, span=node.span)


def _parts(cls: type[Any], term: Any) -> tuple[Any, ...]:
    return term.parts if isinstance(term, cls) else (term,)


def one_of(words: list[str]) -> str:
    quoted = [f"`{w}`" for w in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]


def flatten(annotation: Any) -> list[Any]:
    """The members of a union type, with `Annotated` taken off."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [x for a in get_args(annotation) for x in flatten(a)]
    if hasattr(annotation, "__metadata__"):
        return flatten(annotation.__origin__)
    return [annotation]
