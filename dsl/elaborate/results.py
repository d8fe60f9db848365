"""What a page measures, claims, sweeps and shows."""

from __future__ import annotations

from .. import vocabulary
from ..diagnostics import Diagnostic, Label, SpecError, error
from ..model.experiment import Claim, Log, SweepAxis
from ..model.fields import Interval
from ..model.networks import Pretrained
from ..model.options import MetricsOptions
from ..model.units import NONE, describe
from ..model.word import Analysis, Metric, TrackerWord, Word
from ..syntax.format import format_expression
from ..syntax.source import Span
from ..syntax.tree import Clause, Compare, Expr, Member, Number, Sequence, Statement
from .context import Context, listed_values, value_of
from .measures import COMPARISONS, wrong_unit
from .names import called, root
from .overrides import override
from .scope import Scope

MOST_CELLS = 10_000
"""Combinations of swept values."""


def metrics(derived: frozenset[str], context: Context) -> tuple[tuple[Metric, ...], MetricsOptions, Span | None]:
    """The metrics of a page, their options, and the place of the line."""
    s = context.one("metrics", help="one line holds them all: `metrics [psnr, ssim]`")
    if s is None:
        return (), MetricsOptions.model_validate({}), None
    fields = MetricsOptions.model_fields
    scope = context.scope(s, context.names, "metrics", fields, results=True)
    scope.derived = derived
    words = context.each(lambda e: context.reader.word(e, "metric", scope), listed_values(s))
    options = context.attempt(lambda s: context.validated(MetricsOptions, s, scope, fields), s)
    context.unused(s, scope, fields)
    found = tuple(w for w in words if isinstance(w, Metric))
    return found, options or MetricsOptions.model_validate({}), s.span


def analyses(derived: frozenset[str], context: Context) -> list[tuple[Analysis, Span]]:
    """The analyses of a page, each with its place."""
    return [found for s in context.statements("analyze") for found in _analyses(s, derived, context)]


def _analyses(s: Statement, derived: frozenset[str], context: Context) -> list[tuple[Analysis, Span]]:
    scope = context.scope(s, context.names, "analyze", results=True)
    scope.derived = derived
    words = context.each(lambda e: (context.reader.word(e, "analysis", scope), e.span), listed_values(s))
    context.unused(s, scope)
    return [(w, span) for w, span in words if isinstance(w, Analysis)]


def view(s: Statement, derived: frozenset[str], context: Context) -> Word:
    """What a `report` line shows. Raises SpecError."""
    head = called(value_of(s))
    cls = vocabulary.find("view", head.id) if head else None
    fields = tuple(cls.model_fields) if cls else ()
    scope = context.scope(s, context.names, "report", fields, results=True)
    scope.derived = derived
    word = context.reader.word(value_of(s), "view", scope, context.options(s, fields))
    context.unused(s, scope, fields)
    return word


def claim(s: Statement, context: Context) -> Claim:
    """`expect mean(psnr) >= 34dB`. Raises SpecError."""
    value = value_of(s)
    if not isinstance(value, Compare) or value.op not in COMPARISONS:
        hint = "a claim compares by `>=`, `<=`, `>` or `<`"
        raise SpecError(error("RS107", "a claim is written `expect mean(psnr) >= 30dB`", value.span, help=hint))
    scope = Scope(context.names, context.folder, "expect", results=True)
    measure = context.reader.measure(value.left, scope)
    if not measure.statistic:
        message = f"a claim bounds a statistic over rows, such as `mean({measure})`"
        raise SpecError(error("RS108", message, value.left.span))
    bound = context.reader.number(value.right, scope, "the bound of a claim")
    problem = wrong_unit(measure, bound, value.right.span)
    if problem is not None:
        raise SpecError(problem)
    return Claim(measure, value.op, bound, format_expression(value), s.span)


def sweep(s: Statement, context: Context) -> list[SweepAxis]:
    """The axes of a sweep. Raises SpecError with everything wrong about them."""
    out: list[SweepAxis] = []
    problems: list[Diagnostic] = []
    scope = Scope(context.names, context.folder, "sweep")
    for item in s.body or ():
        try:
            out.append(_axis(item, scope, context))
        except SpecError as e:
            problems += e.diagnostics
    if problems:
        raise SpecError(*problems)
    return out


def _axis(item: object, scope: Scope, context: Context) -> SweepAxis:
    assert isinstance(item, Clause)
    if not isinstance(item.value, Member):
        raise SpecError(error("RN005", "a sweep holds `name in [...]`", item.span))
    left = item.value.left
    path = root(left)
    if path is None:
        raise SpecError(error("RN005", "left of `in` stands the name or path of what is swept", left.span))
    if path == "data":
        hint = "every `data` statement is run, and `data` is an axis of reports: `report table { rows = data; ... }`"
        raise SpecError(error("RN030", "`data` needs no sweep", left.span, help=hint))
    values = _axis_values(item.value.set, scope, context)
    _refuse_repeated(values, path, scope, context)
    override(context.page, path, values[0], left.span)
    return SweepAxis(path, tuple(values), tuple(format_expression(v) for v in values), item.span)


def _refuse_repeated(values: list[Expr], path: str, scope: Scope, context: Context) -> None:
    """Each value makes cells of its own, told apart by it. Raises SpecError for one that comes twice."""
    seen: dict[object, Expr] = {}
    for value in values:
        key: object = format_expression(value)
        if context.reader.is_constant(value, scope):
            key = repr(context.reader.constant(value, scope))
        if key in seen:
            second, first = Label(value.span, "second"), Label(seen[key].span, "first")
            message = f"`{path}` takes the value {format_expression(value)} twice"
            raise SpecError(error("RS110", message, second, first, help="keep one of them"))
        seen[key] = value


def _axis_values(node: Expr, scope: Scope, context: Context) -> list[Expr]:
    if isinstance(node, Sequence):
        items: list[Expr] = list(node.items)
    else:
        items = [_written(n, node.span) for n in _numbers(node, scope, context)]
    if len(items) > MOST_CELLS:
        message = f"a sweep has at most {MOST_CELLS} values, and this has {len(items)}"
        raise SpecError(error("RS109", message, node.span))
    if not items:
        raise SpecError(error("RS109", "nothing to sweep over", node.span, help="a list such as `[2, 4, 8]`"))
    return items


def _numbers(node: Expr, scope: Scope, context: Context) -> list[float]:
    value = context.reader.constant(node, scope)
    if isinstance(value, Interval):
        if value.dimension != NONE:
            message = f"a swept range is one of plain numbers, and this is {describe(value.dimension)}"
            hint = "write the quantities as a list: `[1mm, 2mm]`"
            raise SpecError(error("RS109", message, node.span, help=hint))
        return value.values()
    if isinstance(value, list) and all(isinstance(n, float) for n in value):
        return value
    message = "what is swept takes the values of a list or a range"
    raise SpecError(
        error("RS109", message, node.span, help="as in `[2, 4, 8]`, `0..2` or `geometric(1, 100, count = 5)`")
    )


def _written(number: float, span: Span) -> Expr:
    """A number as an expression of the page."""
    return Number(number, f"{number:.12g}", span)


def weights(s: Statement, context: Context) -> tuple[str, Pretrained]:
    """`weights dn = zoo("denoiser-gray")`: the name and its network. Raises SpecError."""
    scope = Scope(context.names, context.folder, f"weights.{s.name}")
    return s.name or "", context.reader.pretrained(value_of(s), scope)


def later_words(context: Context) -> None:
    """Statements whose words are not there yet: naming the word says so at its place."""
    for s in context.statements("attack"):
        context.attempt(lambda s: _worded(s, "attack", context), s)


def trackers(context: Context) -> tuple[Log, ...]:
    """What the `log` lines of a page name, each once."""
    out: dict[str, Log] = {}
    for s in context.statements("log"):
        word = context.attempt(lambda s: _worded(s, "tracker", context), s)
        if not isinstance(word, TrackerWord):
            continue
        if word.word in out:
            second, first = Label(s.span, "second"), Label(out[word.word].span, "first")
            context.findings.add(error("RN013", f"`log {word.word}` stands twice", second, first))
        out.setdefault(word.word, Log(word, s.span))
    return tuple(out.values())


def _worded(s: Statement, kind: str, context: Context) -> Word:
    """The word of a statement with the options of its body. Raises SpecError."""
    scope = Scope(context.names, context.folder, s.kind)
    return context.reader.word(value_of(s), kind, scope, context.options(s))
