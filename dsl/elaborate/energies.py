"""Energies, laws and sets: what a prior says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .. import vocabulary
from ..diagnostics import Label, SpecError, error
from ..model import terms as t
from ..model.fields import Interval
from ..model.units import NONE, describe
from ..model.word import EnergyWord, ImageLaw, Law, Set, WeightRule
from ..syntax.source import Span
from ..syntax.tree import Binary, Call, Dot, Expr, Follows, Member, Name, Negative, Range, walk
from .absent import definition_in_words, unknown_name
from .names import root
from .phrases import listed, misplaced, stage_word
from .reader import Reader
from .scope import Scope

RULES = ["discrepancy", "sure", "lcurve", "validation"]
"""Rules that find a weight, as a hint lists them."""


@dataclass(frozen=True)
class _Weight:
    """The weight in front of a summand: its number, where it was written, and the product it stands in.

    `outside`: the part of it that stands where the summand's name is used, not in the product. `rule`: what finds a
    further factor at run.
    """

    number: float = 1.0
    span: Span | None = None
    product: Span | None = None
    outside: float = 1.0
    rule: WeightRule | None = None
    rule_span: Span | None = None


class Energies(Reader):
    """Reads energies, laws and sets."""

    def priors(self, node: Expr, scope: Scope) -> list[t.Prior]:
        """The summands of an energy, each with its weight. Raises SpecError."""
        return self._summands(node, scope, _Weight())

    def _summands(self, node: Expr, scope: Scope, weight: _Weight) -> list[t.Prior]:
        self.tick(node.span)
        match node:
            case Binary(op="+"):
                apart = replace(weight, product=None, outside=weight.number)
                return self._summands(node.left, scope, apart) + self._summands(node.right, scope, apart)
            case Binary(op="-"):
                message = "energies cannot be subtracted: the weight of a prior is not negative"
                raise SpecError(error("RK007", message, node.op_span))
            case Negative():
                raise SpecError(error("RK007", "the weight of a prior is not negative", node.span))
            case Binary(op="*") if self.is_constant(node.left, scope):
                return self._weighted(node, node.left, node.right, scope, weight)
            case Binary(op="*" | "/") if self.is_constant(node.right, scope):
                return self._weighted(node, node.right, node.left, scope, weight)
            case Binary(op="*") if (found := self._found(node.left, scope)) is not None:
                return self._summands(node.right, scope, _ruled(weight, found, node))
            case Binary():
                raise self._no_weight(node, scope)
            case Follows(left=left, law=law):
                return [self._prior(t.Law(self.value(left, scope), self.law(law, scope), span=node.span), weight)]
            case Member(left=left, set=set_):
                return [self._prior(t.Within(self.value(left, scope), self.set(set_, scope), span=node.span), weight)]
            case Name() | Dot():
                inside = replace(weight, product=None, outside=weight.number)
                summands = self.named(node, scope, "energy", lambda e, s: self._summands(e, s, inside))
                if summands is not None:
                    return summands
        word = self.word(node, "energy", scope)
        assert isinstance(word, EnergyWord)
        return [self._prior(t.Energy(word, span=node.span), weight)]

    def _prior(self, energy: t.Energy | t.Law | t.Within, weight: _Weight) -> t.Prior:
        span = weight.product or energy.span
        text = " ".join(span.text.split()) if span is not None else ""
        if weight.outside != 1:
            inner = " ".join(energy.span.text.split()) if energy.span is not None else ""
            text = f"{weight.number:g} * {inner}"
        return t.Prior(weight.number, energy, span, weight.span, text, weight.rule, weight.rule_span)

    def _weighted(self, node: Binary, number: Expr, energy: Expr, scope: Scope, weight: _Weight) -> list[t.Prior]:
        c = self.plain(number, scope, "the weight of a prior")
        if node.op == "/":
            if c == 0:
                raise SpecError(error("RT004", "division by zero", node.op_span))
            c = 1 / c
        if c < 0:
            raise SpecError(
                error(
                    "RK007",
                    f"the weight of a prior is not negative, and this is {c:g}",
                    number.span,
                    help="a negative weight rewards what the prior should forbid",
                )
            )
        total = replace(weight, number=weight.number * c, span=number.span, product=weight.product or node.span)
        return self._summands(energy, scope, total)

    def _found(self, node: Expr, scope: Scope) -> _Weight | None:
        """A weight that is found at run, `auto`, `auto(rule)`, a name of one or a multiple; None if it is none."""
        match node:
            case Binary(op="*") if self.is_constant(node.left, scope):
                found = self._found(node.right, scope)
                return found and replace(found, number=found.number * self._factor(node.left, scope))
            case Binary(op="*" | "/") if self.is_constant(node.right, scope):
                found = self._found(node.left, scope)
                c = self._factor(node.right, scope) if found else 1.0
                return found and replace(found, number=found.number * (c if node.op == "*" else 1 / c))
            case Name(id="auto") if scope.find("auto") is None:
                return _Weight(span=node.span, rule=WeightRule.model_validate({}), rule_span=node.span)
            case Call(function=Name(id="auto")) if scope.find("auto") is None:
                if len(node.arguments) != 1 or node.arguments[0].name is not None:
                    message = "`auto` takes one rule: `auto(sure)`"
                    raise SpecError(error("RV003", message, node.span, help=f"rules are {listed(RULES, 'and')}"))
                rule = self.word(node.arguments[0].value, "rule", scope)
                assert isinstance(rule, WeightRule)
                return _Weight(span=node.span, rule=rule, rule_span=node.span)
            case Name() | Dot():
                path = root(node)
                d = scope.find(path) if path else None
                if d is None or d.value is None or not _speaks_of_auto(d.value):
                    return None
                return self.named(node, scope, "number", self._found)
        return None

    def _factor(self, node: Expr, scope: Scope) -> float:
        """A factor in front of a weight that is found. Raises SpecError unless it is positive."""
        c = self.plain(node, scope, "a factor of a weight")
        if not c > 0:
            raise SpecError(error("RK007", f"the weight of a prior is not negative, and this is {c:g}", node.span))
        return c

    def _no_weight(self, node: Binary, scope: Scope) -> SpecError:
        """The error for a product of an energy with something that is no number."""
        left = node.left
        stage = stage_word(left)
        if stage is not None and scope.find(stage) is None:
            return misplaced(stage, left.span, "the weight of a prior")
        path = left.id if isinstance(left, Name) else ""
        d = scope.find(path) if path else None
        if isinstance(left, Name) and d is None:
            return SpecError(unknown_name(self, left, scope, "number"))
        what = f", and `{path}` is {definition_in_words(self, d, scope)}" if d is not None else ""
        named = Label(d.span, "named here") if d is not None else None
        message = f"`{node.op}` takes a number and an energy{what}"
        return SpecError(error("RK003", message, Label(left.span), named))

    def set(self, node: Expr, scope: Scope) -> Set:
        """A set; a range is the box between its ends. Raises SpecError."""
        if isinstance(node, Range):
            return self._box(node, scope)
        if isinstance(node, (Name, Dot)):
            found = self.named(node, scope, "set", self.set)
            if found is not None:
                return found
        _refuse_sum(node, "in")
        word = self.word(node, "set", scope)
        assert isinstance(word, Set)
        return word

    def _box(self, node: Range, scope: Scope) -> Set:
        value = self.constant(node, scope)
        cls = vocabulary.find("set", "box")
        assert isinstance(value, Interval)
        assert cls is not None
        if value.dimension != NONE:
            found = describe(value.dimension)
            message = f"the ends of a box are plain numbers in the unit of the unknown, and this is {found}"
            raise SpecError(error("RT003", message, node.span))
        if value.step is not None or not value.start < value.stop:
            message = "a box goes from a smaller to a larger number, without a step"
            raise SpecError(error("RT006", message, node.span, help="as in `prior x in 0..1`"))
        box = cls.model_validate({"low": value.start, "high": value.stop})
        assert isinstance(box, Set)
        return box

    def law(self, node: Expr, scope: Scope) -> Law | ImageLaw:
        """A law of noise or of unknowns. Raises SpecError."""
        _refuse_sum(node, "~")
        word = self.word(node, "law", scope)
        assert isinstance(word, (Law, ImageLaw))
        return word


def _ruled(weight: _Weight, found: _Weight, node: Binary) -> _Weight:
    """The weight with a factor that is found at run. Raises SpecError where it has one already."""
    if weight.rule_span is not None and found.rule_span != weight.rule_span:
        labels = [Label(s) for s in (found.rule_span, weight.rule_span) if s is not None]
        raise SpecError(error("RC080", "one weight is found at a time, and these are two", *labels))
    return replace(
        weight,
        number=weight.number * found.number,
        span=node.left.span,
        product=weight.product or node.span,
        rule=found.rule,
        rule_span=found.rule_span,
    )


def _speaks_of_auto(node: Expr) -> bool:
    """Whether a weight may be found behind a name: the factors that its expression holds say `auto`."""
    return any(stage_word(part) == "auto" for part in walk(node))


def _refuse_sum(node: Expr, sign: str) -> None:
    """`x in nonnegative + tv(x)` reads as `x in (nonnegative + tv(x))`, which is never meant. Raises SpecError."""
    if isinstance(node, Binary):
        what = "set" if sign == "in" else "law"
        message = f"everything behind `{sign}` belongs to it, and this is no {what}"
        hint = f"write two `prior` lines, or put `a {sign} b` in brackets"
        raise SpecError(error("RK002", message, node.span, help=hint))
