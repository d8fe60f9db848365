"""Words with their arguments: each argument is read as the type of its parameter asks."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .. import vocabulary
from ..diagnostics import Diagnostic, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.fields import FilePath, Interval
from ..model.files import FileError
from ..model.folder import FolderError
from ..model.hub import PREFIX
from ..model.networks import Learned, Pretrained
from ..model.units import UNITS, Unit
from ..model.word import Draw, Maps, Network, Operator, Schedule, Weights, Word
from ..syntax.source import Span
from ..syntax.tree import Call, Dot, Expr, Name, Number, Range, Sequence, Text
from ..syntax.tree import Quantity as WrittenQuantity
from ..vocabulary.contracts import check_held
from .absent import definition_in_words, no_member, unknown_name
from .files import existing, matching
from .names import called, root
from .phrases import kind_in_words, listed, misplaced, stage_word
from .reader import HIGHEST, Options, Reader
from .scope import Scope, Where
from .statements import UNKNOWNS
from .validation import flatten, option_hint, validation_findings, wanted

SCALARS = (float, int, str, bool)


class Words(Reader):
    """Reads words and the arguments of words."""

    def word(self, node: Expr, kind: str, scope: Scope, options: Options = ()) -> Word:
        """A word of that kind with its arguments; `options` come from a body. Raises SpecError."""
        self.tick(node.span)
        if isinstance(node, Text) and kind in ("source", "weights") and node.value.startswith(PREFIX):
            return self._from_hub(node, kind)
        if isinstance(node, Text) and kind in ("source", "weights"):
            raise SpecError(_from_elsewhere(node, kind))
        network = self._network(node, scope) if kind == "network" else None
        if network is not None:
            return network
        stage = stage_word(node)
        if stage is not None and scope.find(stage) is None:
            raise misplaced(stage, node.span, kind_in_words(kind))
        if isinstance(node, (Name, Dot)):
            bound = self.named(node, scope, kind, lambda e, s: self.word(e, kind, s, options))
            if bound is not None:
                return bound
            if isinstance(node, Dot):
                raise SpecError(no_member(self, node, scope))
        head = called(node)
        if head is None:
            raise SpecError(error("RK002", f"expected {kind_in_words(kind)}", node.span))
        cls = vocabulary.find(kind, head.id)
        if cls is None:
            raise SpecError(unknown_name(self, head, scope, kind))
        return self._instance(cls, node, head, scope, options)

    def _instance(self, cls: type[Word], node: Expr, head: Name, scope: Scope, options: Options) -> Word:
        problems: list[Diagnostic] = []
        given, positional = self._given(cls, node, options, problems)
        keyed = self._keyed(cls, given, scope, problems)
        values, where = self._values(cls, given, Where(head.span, {}, {}), scope, problems)
        if cls.keyed is not None:
            values[cls.keyed] = keyed
        if cls.variadic is not None:
            info, items = cls.model_fields[cls.variadic], []
            for e in positional:
                try:
                    items.append(self._item(e, info, scope, f"`{cls.word}`"))
                except SpecError as failed:
                    problems += failed.diagnostics
            where.arguments[cls.variadic] = node.span
            if len(items) == len(positional):
                values[cls.variadic] = tuple(items)
        same = [k for k in cls.exclusive or () if k in values]
        if len(same) > 1:
            first, second = (Label(where.arguments[k]) for k in same[:2])
            problems.append(
                error(
                    "RV005", f"`{same[0]}` and `{same[1]}` say the same thing", first, second, help="keep one of them"
                )
            )
        word: Word = self._validated(cls, values, Where(node.span, where.arguments, where.names), cls.word, problems)
        return word

    def _from_hub(self, node: Text, kind: str) -> Word:
        """The word for an address on the Hub that stands alone."""
        where = Where(node.span, {"address": node.span}, {})
        cls = vocabulary.find(kind, "hub")
        assert cls is not None
        word: Word = self._validated(cls, {"address": node.value}, where, "hub", [])
        return word

    def _network(self, node: Expr, scope: Scope) -> Network | None:
        """The network of a name of `weights`, or of `learned(N)`; None for anything else."""
        path = root(node)
        d = scope.find(path) if path is not None else None
        if d is not None and d.kind == "weights" and d.value is not None:
            self.read_names.add((d.name, d.span))
            return self.pretrained(d.value, scope.inside(d))
        if not (isinstance(node, Call) and stage_word(node) == "learned" and scope.find("learned") is None):
            return None
        if len(node.arguments) != 1 or node.arguments[0].name is not None:
            raise SpecError(error("RV003", "`learned` takes one network: `learned(unet())`", node.span))
        network = self.word(node.arguments[0].value, "network", scope)
        assert isinstance(network, Network)
        if network.fitted:
            message = f"`{network.word}` is not to be trained: it has its weights, or needs none"
            raise SpecError(error("RK014", message, node.arguments[0].value.span, help="write it without `learned`"))
        return Learned(network=network, place=scope.word_place("learned"))

    def pretrained(self, node: Expr, scope: Scope) -> Pretrained:
        """The network of the weights that an expression names. Raises SpecError."""
        source = self.word(node, "weights", scope)
        assert isinstance(source, Weights)
        try:
            network = Pretrained.of(source, scope.folder)
            check_held(network.place(), network.card())
        except FileError as e:
            raise SpecError(error("RF002", str(e), node.span)) from None
        except FolderError as e:
            raise SpecError(error("RF007", e.what, node.span, help=e.help)) from None
        return network

    def _given(
        self, cls: type[Word], node: Expr, options: Options, problems: list[Diagnostic]
    ) -> tuple[list[tuple[str, Expr, Span | None]], list[Expr]]:
        """Arguments by the names of their parameters, and those that a variadic parameter takes."""
        given: list[tuple[str, Expr, Span | None]] = []
        fields = list(cls.model_fields)
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
                most = f"at most {len(fields)} argument{'s' if len(fields) != 1 else ''}" if fields else "no arguments"
                problems.append(error("RV003", f"`{cls.word}` takes {most}", a.value.span))
        return given + list(options), positional

    def _keyed(
        self,
        cls: type[Word],
        given: list[tuple[str, Expr, Span | None]],
        scope: Scope,
        problems: list[Diagnostic],
    ) -> dict[str, Word]:
        """The options that are called like unknowns, taken out of `given`; each names a solver."""
        out: dict[str, Word] = {}
        if cls.keyed is None:
            return out
        unknowns = [n for n, d in scope.names.items() if d.kind in UNKNOWNS]
        for option in list(given):
            key, expr, span = option
            if key in cls.model_fields and key != cls.keyed:
                continue
            given.remove(option)
            if key not in unknowns:
                close = nearest(key, [*unknowns, *(n for n in cls.model_fields if n != cls.keyed)])
                hint = f"did you mean `{close}`?" if close else f"the unknowns are {listed(unknowns, 'and')}"
                message = f"`{key}` is neither an option of `{cls.word}` nor an unknown of the page"
                problems.append(error("RV002", message, span or expr.span, help=hint))
            elif key in out:
                problems.append(error("RV004", f"`{key}` is given twice", span or expr.span))
            else:
                try:
                    out[key] = self.word(expr, cls.expression_kind, scope)
                except SpecError as failed:
                    problems += failed.diagnostics
        return out

    def _values(
        self,
        cls: type[Word] | type[BaseModel],
        given: list[tuple[str, Expr, Span | None]],
        where: Where,
        scope: Scope,
        problems: list[Diagnostic],
        name: str = "",
    ) -> tuple[dict[str, Any], Where]:
        """The value of each argument, with its place; unknown options and repeated ones are added to the problems."""
        name = name or getattr(cls, "word", "")
        seen: dict[str, Span] = {}
        values: dict[str, Any] = {}
        for key, expr, key_span in given:
            place = key_span or expr.span
            if key not in cls.model_fields:
                problems.append(
                    error("RV002", f"`{name}` has no option `{key}`", place, help=option_hint(cls, key, name))
                )
                continue
            if key in seen:
                second, first = Label(place, "second"), Label(seen[key], "first")
                problems.append(error("RV004", f"`{key}` is given twice", second, first))
                continue
            seen[key], where.arguments[key] = place, expr.span
            if key_span is not None:
                where.names[key] = key_span
            try:
                values[key] = self._parameter(cls, key, expr, scope, name)
            except SpecError as e:
                problems += e.diagnostics
        return values, where

    def _parameter(self, cls: type[BaseModel], key: str, node: Expr, scope: Scope, name: str) -> Any:
        """The value of a named parameter. Raises SpecError, also for a number where an operator takes an array."""
        what = f"`{key}` of `{name}`"
        value = self.argument(node, cls.model_fields[key], scope, what)
        if isinstance(value, t.Constant) and issubclass(cls, (Operator, Maps)):
            raise SpecError(error("RV009", f"{what} is {wanted(cls.model_fields[key])}, not a number", node.span))
        return value

    def options(self, cls: type[BaseModel], given: Options, scope: Scope, head: Span, name: str) -> Any:
        """The options of a statement that is no word. Raises SpecError with everything wrong about them."""
        problems: list[Diagnostic] = []
        values, where = self._values(cls, list(given), Where(head, {}, {}), scope, problems, name)
        return self._validated(cls, values, where, name, problems)

    def _validated(
        self, cls: type[BaseModel], values: dict[str, Any], where: Where, name: str, problems: list[Diagnostic]
    ) -> Any:
        """The model with those values. Raises SpecError with the problems so far and each violation at its place."""
        try:
            made = cls.model_validate(values)
        except ValidationError as e:
            more = validation_findings(e, cls, where, name)
            if problems:  # what is missing, or wrong about the whole, then most likely comes from them
                more = [d for d in more if d.labels[0].span != where.head]
            raise SpecError(*problems, *more) from None
        if problems:
            raise SpecError(*problems)
        return made

    def argument(self, node: Expr, info: FieldInfo, scope: Scope, what: str) -> Any:
        """The value of one parameter, read as its type asks. Raises SpecError."""
        return self._accepted(node, flatten(info.annotation), scope, what, wanted(info))

    def _item(self, node: Expr, info: FieldInfo, scope: Scope, what: str) -> Any:
        """One element of a tuple parameter."""
        inner = [a for tup in flatten(info.annotation) if get_origin(tup) is tuple for a in flatten(get_args(tup)[0])]
        return self._accepted(node, inner, scope, what, wanted(info))

    def _accepted(self, node: Expr, accept: list[Any], scope: Scope, what: str, expected: str) -> Any:
        choices = [v for a in accept if get_origin(a) is Literal for v in get_args(a)]
        if isinstance(node, Name) and node.id in choices:
            return node.id
        if FilePath in accept and stage_word(node) is None:
            return self._file(node, scope, what)
        if isinstance(node, Name) and Unit in accept and node.id in UNITS and scope.find(node.id) is None:
            return Unit(*UNITS[node.id])
        tuples = [a for a in accept if get_origin(a) is tuple]
        listed = all(a in tuples or a is type(None) for a in accept)
        if tuples and (isinstance(node, Sequence) or listed):
            inner = [x for a in tuples for x in flatten(get_args(a)[0])]
            return self._each(node, inner, scope, what, expected)
        stage = stage_word(node)
        takes = t.ValueTerm in accept or (stage == "learned" and isinstance(node, Call) and Network in accept)
        if stage is not None and not takes and scope.find(stage) is None:
            raise misplaced(stage, node.span, what)
        scalar = any(a in SCALARS for a in accept) or bool(choices)
        constant = scalar or bool(tuples) or Interval in accept
        written = isinstance(node, (Number, WrittenQuantity, Text, Range, Sequence))
        bases = [a for a in accept if isinstance(a, type) and issubclass(a, Word)]
        if bases and (len(bases) > 1 or t.ValueTerm in accept):
            kind = self._kind_of_word(node, bases, scope)
            if kind is not None:
                return self.word(node, kind, scope)
        for base in (Schedule, Draw):
            if base in bases and self._kind_of_word(node, [base], scope) is not None:
                return self.word(node, base.expression_kind, scope)
        if scalar and bases == [Draw]:
            bases = []  # what is no draw is meant as a number
        for term, read in (
            (t.OperatorTerm, self.operator),
            (t.ValueTerm, self.value),
            (t.MeasureTerm, self.measure),
            (t.AxisTerm, self.axis),
            (t.DataName, self.data_name),
        ):
            if term in accept and not (constant and (written or self.is_constant(node, scope))):
                return read(node, scope)
        if bases and not (scalar and self.is_constant(node, scope)):
            return self.word(node, bases[0].expression_kind, scope)
        if isinstance(node, Name) and choices:
            return self._choice(node, choices, accept, scope, what, expected)
        return self.constant(node, scope)

    def _kind_of_word(self, node: Expr, bases: list[type[Word]], scope: Scope) -> str | None:
        """The kind among those of `bases` of which an expression is a word, alone or behind names; None if of none."""
        for _ in range(HIGHEST):
            head = called(node)
            if head is None:
                return None
            d = scope.find(head.id) if isinstance(node, Name) else None
            if d is None or d.kind not in ("param", "binding") or d.value is None:
                break
            node, scope = d.value, scope.inside(d)
        else:
            return None
        if Network in bases and (head.id == "learned" or (d is not None and d.kind == "weights")):
            return "network"
        if d is not None:
            return None
        return next((b.expression_kind for b in bases if vocabulary.find(b.expression_kind, head.id)), None)

    def _each(self, node: Expr, accept: list[Any], scope: Scope, what: str, expected: str) -> tuple[Any, ...]:
        """The elements of a list; one alone needs no brackets."""
        out: list[Any] = []
        problems: list[Diagnostic] = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            try:
                if FilePath in accept and isinstance(item, Text) and set(item.value) & set("*?["):
                    out += matching(scope.folder, item.value, item.span)
                else:
                    out.append(self._accepted(item, accept, scope, what, expected))
            except SpecError as e:
                problems += e.diagnostics
        if problems:
            raise SpecError(*problems)
        return tuple(out)

    def _choice(self, node: Name, choices: list[Any], accept: list[Any], scope: Scope, what: str, expected: str) -> Any:
        """A name where a choice is expected: that of a param which holds one of them, or a constant."""
        d = scope.find(node.id)
        if d is None:
            close = nearest(node.id, [c for c in choices if isinstance(c, str)])
            hint = f"did you mean `{close}`?" if close else ""
            raise SpecError(error("RV006", f"{what} is {expected}, not `{node.id}`", node.span, help=hint))
        if d.kind in ("param", "binding") and d.value is not None:
            if isinstance(d.value, Name) and d.value.id in choices:
                self.read_names.add((d.name, d.span))
                return d.value.id
            if self.is_constant(d.value, scope.inside(d)):
                return self.constant(node, scope)
        found = definition_in_words(self, d, scope)
        raise SpecError(
            error(
                "RK001",
                f"{what} is {expected}, and `{node.id}` is {found}",
                Label(node.span),
                Label(d.span, "named here"),
            )
        )

    def _file(self, node: Expr, scope: Scope, what: str) -> FilePath:
        name = self.constant(node, scope)
        if not isinstance(name, str):
            raise SpecError(error("RV009", f'{what} is the name of a file, such as "scan.npy"', node.span))
        return FilePath(name, str(existing(scope.folder, name, node.span)))


def _from_elsewhere(node: Text, kind: str) -> Diagnostic:
    shown = node.value if len(node.value) <= 60 else node.value[:57] + "..."
    if kind == "source":
        hint = "files on disk are read by a word for their layout, such as `folder`, `npy`, `hdf5` or `fastmri`"
        return error("RV001", f"recon reads no data from `{shown}`", node.span, help=hint)
    return error("RV001", f"this version of recon reads no weights from `{shown}`", node.span)
