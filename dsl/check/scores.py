"""Whether metrics can be computed of what they measure: some are for real images, not smaller than their windows."""

from __future__ import annotations

from ..diagnostics import Diagnostic, error
from ..model.experiment import Experiment
from ..model.place import MisfitError, place
from ..model.space import Space
from ..model.terms import Apply, Measured, Plus, Pointwise, Power, Reserved, Times, Unknown, ValueTerm
from ..model.word import ImageMetric
from ..syntax.source import Span
from ..vocabulary.functions import Abs, Gray, Imag, Real
from .formulate import Checked


def check_scores(e: Experiment, checked: dict[str, Checked]) -> list[Diagnostic]:
    """What is wrong with the metrics of a page, said once where several methods have it."""
    out: list[Diagnostic] = []
    for metric in e.metrics:
        if not isinstance(metric, ImageMetric):
            continue
        own = getattr(metric, "of", None)
        of = own or e.metrics_options.of or Reserved("estimate")
        span = own.span if own is not None else e.metrics_span
        found = (_misfit(metric, of, span, e, c) for c in checked.values())
        out += [d for d in found if d is not None][:1]
    return out


def _misfit(metric: ImageMetric, of: ValueTerm, span: Span | None, e: Experiment, c: Checked) -> Diagnostic | None:
    compared = [of] if e.metrics_options.against is None else [of, e.metrics_options.against]
    spaces = [s for s in (_space(v, c) for v in compared) if s is not None]
    word = metric.word
    for space in spaces:
        if space.field == "complex":
            name = of.span.text if of.span is not None else "estimate"
            hint = f"take magnitudes: `{word}(abs({name}))`, or `{{ of = abs({name}) }}` behind the list"
            return error("RC051", f"`{word}` compares real images, and this is {space}", span, help=hint)
        if len(space.axes) < 2:
            hint = "`psnr` and `nmse` measure signals too"
            return error("RC051", f"`{word}` compares images, and this is {space}", span, help=hint)
        if metric.spans == 3 and space.axis("z") is None:
            hint = "`dimensions = 2` compares rows and columns, and averages over the other axes"
            return error(
                "RC051", f"`{word}` compares volumes with `dimensions = 3`, and this is {space}", span, help=hint
            )
        smallest = min((n for n in space.shape[-metric.spans :] if n is not None), default=metric.least)
        if smallest < metric.least:
            message = f"`{word}` needs images of at least {metric.least} pixels along each axis, and this is {space}"
            return error("RC051", message, span, help=metric.advice(smallest))
    return None


def _space(value: ValueTerm, c: Checked) -> Space | None:
    """The space of a value that metrics see, as far as the page tells."""
    match value:
        case Unknown(name=name):
            derived = c.derived.get(name)
            return derived.space if derived is not None else c.problem.unknowns.get(name)
        case Reserved(name="estimate" | "truth" | "error"):
            return next(iter(c.problem.unknowns.values()), None)
        case Reserved(name="measured") | Measured():
            name = value.name if isinstance(value, Measured) else next(iter(c.measurements), "")
            return c.measurements[name].space if name in c.measurements else None
        case Times(of=of) | Power(of=of):
            return _space(of, c)
        case Plus(parts=parts):
            known = [s for s in (_space(p, c) for p in parts) if s is not None]
            return next((s for s in known if s.field == "complex"), known[0] if known else None)
        case Apply(operator=operator, to=to):
            inner = _space(to, c)
            try:
                return None if inner is None else place(operator, inner).codomain
            except MisfitError:
                return None  # said where the value is computed
        case Pointwise(word=word, of=of):
            inner = _space(of, c)
            if inner is not None and isinstance(word, (Abs, Real, Imag)):
                return inner.with_field("real")
            if inner is not None and isinstance(word, Gray):
                return inner.with_axes(tuple(a for a in inner.axes if a.name != "channel"))
            return inner
    return None
