"""What reports and claims speak of: measures and axes."""

from __future__ import annotations

from dataclasses import replace

from .. import vocabulary
from ..diagnostics import Diagnostic, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.experiment import MEASURED_ALONG, STATISTICS
from ..model.units import LEVEL, NONE, TIME, Dimension, Quantity, describe, parts
from ..model.word import Analysis, Metric
from ..syntax.source import Span
from ..syntax.tree import Argument, Call, Compare, Dot, Expr, Name
from .names import root
from .phrases import listed
from .reader import Reader
from .scope import Scope
from .values import no_method

COMPARISONS = ("<=", ">=", "<", ">")
SHARES = {"interval": "a confidence such as `95%`", "quantile": "the share of the rows below it, such as `10%`"}
"""Statistics that take a share of the rows behind the metric."""


class Measures(Reader):
    """Reads measures and axes."""

    def measure(self, node: Expr, scope: Scope) -> t.Statistic:
        """`mean(psnr)`, `max(sparse.nmse)`, `fraction(nmse <= 1e-4)`, `seconds`, `objective`. Raises SpecError."""
        match node:
            case Call(function=Name(id="fraction"), arguments=(argument,)):
                return self._fraction(node, argument.value, scope)
            case Call(function=Name(id=statistic), arguments=(argument, share)) if statistic in SHARES:
                inner = self._metric(argument.value, scope)
                part = self.plain(share.value, scope, f"the share of `{statistic}`")
                if not 0 < part < 1:
                    message = f"`{statistic}` takes {SHARES[statistic]}, between 0 and 1, not {part:g}"
                    raise SpecError(error("RV008", message, share.value.span))
                return replace(inner, statistic=statistic, argument=part, span=node.span)
            case Call(function=Name(id="quantile")):
                hint = "as in `quantile(psnr, 10%)`"
                raise SpecError(error("RV003", "`quantile` takes a metric and a share", node.span, help=hint))
            case Call(function=Name(id=statistic), arguments=(argument,)) if statistic in STATISTICS:
                return replace(self._metric(argument.value, scope), statistic=statistic, span=node.span)
            case Call(function=Name() as function) if function.id in STATISTICS:
                sample = {"fraction": "fraction(nmse <= 1e-4)"}.get(function.id, f"{function.id}(psnr)")
                message = f"`{function.id}` takes one metric"
                raise SpecError(error("RV003", message, node.span, help=f"as in `{sample}`"))
            case Call(function=Name() as function) if vocabulary.find("metric", function.id) is None:
                close = nearest(function.id, [*STATISTICS, *vocabulary.names("metric")])
                hint = f"did you mean `{close}`?" if close else f"statistics are {listed(list(STATISTICS), 'and')}"
                message = f"there is no statistic called `{function.id}`"
                raise SpecError(error("RV001", message, function.span, help=hint))
        return self._metric(node, scope)

    def _metric(self, node: Expr, scope: Scope) -> t.Statistic:
        """`psnr`, `sparse.psnr`, or `nmse(c)` as the line of metrics has it, without a statistic."""
        match node:
            case Dot(base=Name() as method, member=metric):
                d = scope.names.get(method.id)
                if d is None or d.kind != "method":
                    raise SpecError(no_method(method, scope))
                return t.Statistic("", _metric_name(metric, node.span), method.id, span=node.span)
            case Name(id=metric):
                return t.Statistic("", _metric_name(metric, node.span), None, span=node.span)
            case Call(function=Name(id=metric), arguments=(Argument(name=None, value=of),)) if vocabulary.find(
                "metric", metric
            ) is not None and not self.is_constant(of, scope):
                return t.Statistic("", f"{metric}({of.span.text})", None, span=node.span)
            case Call(function=Name() as function) if vocabulary.find("metric", function.id) is not None:
                message = f"a measure names a metric; the options of `{function.id}` stand in `metrics`"
                hint = f"write `mean({function.id})`"
                raise SpecError(error("RK002", message, node.span, help=hint))
            case Call(function=Name(id=statistic)) if statistic in STATISTICS:
                message = "a statistic is taken of a metric, not of a statistic"
                raise SpecError(error("RK002", message, node.span))
        raise SpecError(error("RK002", "expected a measure such as `mean(psnr)`", node.span))

    def _fraction(self, node: Expr, claim: Expr, scope: Scope) -> t.Statistic:
        """`fraction(nmse <= 1e-4)`: the share of the rows for which that holds."""
        if not isinstance(claim, Compare) or claim.op not in COMPARISONS:
            hint = "as in `fraction(nmse <= 1e-4)`"
            raise SpecError(error("RV003", "`fraction` takes a metric compared with a bound", node.span, help=hint))
        inner = self._metric(claim.left, scope)
        bound = self.number(claim.right, scope, "the bound of a fraction")
        problem = wrong_unit(inner, bound, claim.right.span)
        if problem is not None:
            raise SpecError(problem)
        return replace(inner, statistic="fraction", op=claim.op, argument=parts(bound)[0], span=node.span)

    def axis(self, node: Expr, scope: Scope) -> t.Along:
        """`method`, `data`, `iteration`, or the path of a swept param. Raises SpecError."""
        path = root(node)
        if path is None:
            message = "expected an axis: `method`, `data`, `iteration`, or the name of what is swept"
            raise SpecError(error("RK002", message, node.span))
        return t.Along(path, span=node.span)

    def data_name(self, node: Expr, scope: Scope) -> t.DataName:
        """The name of a `data` statement. Raises SpecError."""
        known = [n for n, d in scope.names.items() if d.kind == "data"]
        if isinstance(node, Name) and node.id in known:
            return t.DataName(node.id, span=node.span)
        close = nearest(node.id, known) if isinstance(node, Name) else None
        hint = f"did you mean `{close}`?" if close else f"data of the page: {listed(known, 'and')}" if known else ""
        raise SpecError(error("RK001", "expected the name of a `data` statement", node.span, help=hint))


def unit_of(metric: str) -> Dimension:
    """What a metric is measured in."""
    cls = vocabulary.find("metric", metric.partition("(")[0])
    return cls.dimension if cls is not None and issubclass(cls, Metric) else NONE


def wrong_unit(measure: t.Statistic, bound: float | Quantity, span: Span) -> Diagnostic | None:
    """A bound must be in the measure's unit; seconds may be given as a number."""
    fraction = measure.statistic == "fraction"
    name, expected = ("fraction", NONE) if fraction else (measure.metric, unit_of(measure.metric))
    number, given = parts(bound)
    if given == expected or (measure.metric == "seconds" and given == TIME):
        return None
    if expected == LEVEL and given == NONE:
        hint = f"write `{number:g}dB`"
    else:
        hint = f"write `{number:g}`" if expected == NONE and given == LEVEL else ""
    message = f"`{name}` is {describe(expected)}, and this bound is {describe(given)}"
    return error("RT003", message, span, help=hint)


def measurable() -> list[str]:
    """Every name that could be measured: metrics, numbers of analyses, and what each run brings along."""
    yields: list[str] = []
    for name in vocabulary.names("analysis"):
        cls = vocabulary.find("analysis", name)
        if cls is not None and issubclass(cls, Analysis):
            yields += cls.yields
    return list(dict.fromkeys([*vocabulary.names("metric"), *yields, *MEASURED_ALONG]))


def _metric_name(name: str, span: Span) -> str:
    if name in MEASURED_ALONG or vocabulary.find("metric", name) is not None:
        return name  # without looking through all words, which takes long
    known = measurable()
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean `{close}`?" if close else "metrics are " + listed(vocabulary.names("metric"), "and")
        message = f"there is no metric called `{name}` in this version of recon"
        raise SpecError(error("RV001", message, span, help=hint))
    return name
