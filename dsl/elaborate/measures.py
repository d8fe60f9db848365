"""What reports and claims speak of: measures and axes."""

from __future__ import annotations

from .. import vocabulary
from ..diagnostics import SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.experiment import MEASURED_ALONG, STATISTICS
from ..model.word import Analysis
from ..syntax.source import Span
from ..syntax.tree import Call, Dot, Expr, Name
from .names import root
from .phrases import listed
from .reader import Reader
from .scope import Scope
from .values import no_method


class Measures(Reader):
    """Reads measures and axes."""

    def measure(self, node: Expr, scope: Scope) -> t.Statistic:
        """`mean(psnr)`, `max(sparse.nmse)`, `seconds`, `objective`. Raises SpecError."""
        match node:
            case Call(function=Name(id=statistic), arguments=(argument,)) if statistic in STATISTICS:
                inner = self.measure(argument.value, scope)
                if inner.statistic:
                    message = "a statistic is taken of a metric, not of a statistic"
                    raise SpecError(error("RK002", message, argument.value.span))
                return t.Statistic(statistic, inner.metric, inner.method, span=node.span)
            case Dot(base=Name() as method, member=metric):
                d = scope.names.get(method.id)
                if d is None or d.kind != "method":
                    raise SpecError(no_method(method, scope))
                return t.Statistic("", _metric_name(metric, node.span), method.id, span=node.span)
            case Name(id=metric):
                return t.Statistic("", _metric_name(metric, node.span), None, span=node.span)
            case Call(function=Name() as function) if vocabulary.find("metric", function.id) is not None:
                message = f"a measure names a metric; the options of `{function.id}` stand in `metrics`"
                hint = f"write `mean({function.id})`"
                raise SpecError(error("RK002", message, node.span, help=hint))
            case Call(function=Name() as function) if function.id in STATISTICS:
                message = f"`{function.id}` takes one metric"
                raise SpecError(error("RV003", message, node.span, help=f"as in `{function.id}(psnr)`"))
            case Call(function=Name() as function):
                close = nearest(function.id, [*STATISTICS, *vocabulary.names("metric")])
                hint = f"did you mean `{close}`?" if close else f"statistics are {listed(list(STATISTICS), 'and')}"
                message = f"there is no statistic called `{function.id}`"
                raise SpecError(error("RV001", message, function.span, help=hint))
        raise SpecError(error("RK002", "expected a measure such as `mean(psnr)`", node.span))

    def axis(self, node: Expr, scope: Scope) -> t.Along:
        """`method`, `data`, `iteration`, or the path of a swept param. Raises SpecError."""
        path = root(node)
        if path is None:
            message = "expected an axis: `method`, `data`, `iteration`, or the name of what is swept"
            raise SpecError(error("RK002", message, node.span))
        return t.Along(path, span=node.span)


def measurable() -> list[str]:
    """Every name that could be measured: metrics, numbers of analyses, and what each run brings along."""
    yields: list[str] = []
    for name in vocabulary.names("analysis"):
        cls = vocabulary.find("analysis", name)
        if cls is not None and issubclass(cls, Analysis):
            yields += cls.yields
    return list(dict.fromkeys([*vocabulary.names("metric"), *yields, *MEASURED_ALONG]))


def _metric_name(name: str, span: Span) -> str:
    known = measurable()
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean `{close}`?" if close else "metrics are " + listed(vocabulary.names("metric"), "and")
        message = f"there is no metric called `{name}` in this version of recon"
        raise SpecError(error("RV001", message, span, help=hint))
    return name
