"""A page after elaboration: words and terms in the place of names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..syntax.source import Source, Span
from ..syntax.tree import Expr, Page
from .fields import FilePath, Interval
from .networks import Learned, Pretrained
from .options import DataOptions, MetricsOptions, PublishOptions, RunOptions
from .space import Space
from .terms import DataName, OperatorTerm, Prior, Statistic, ValueTerm, everything, rewritten, unknowns_in
from .units import Quantity
from .word import Analysis, Law, Loss, Metric, Operator, TrackerWord, Word
from .word import Source as DataSource

STATISTICS = ("mean", "max", "min", "median", "std", "interval", "quantile", "fraction")
"""Statistics over rows."""
TRACED = ("objective", "move", "violation", "gap", "residual")
"""What an iterative solver's trace holds."""
TRACE_AXES = ("iteration", "epoch")
"""What a trace runs along."""
MEASURED_ALONG = ("seconds", "iterations", "weight", *TRACED)
"""What every run measures, without a metric."""


def metric_name(metric: Metric) -> str:
    """What a metric is called among the numbers of a run: `nmse`, or `nmse(c)` where it says of what."""
    of = getattr(metric, "of", None)
    if of is None:
        return metric.word
    return f"{metric.word}({of.span.text if of.span is not None else '...'})"


@dataclass(frozen=True)
class UnknownSpec:
    """`image x : real[256, 256] { ... }`."""

    name: str
    kind: str
    space: Space
    range: Interval | None
    span: Span = field(compare=False, repr=False)
    init: float | Word | None = None
    """Where a search for it begins, numbers in its unit; None: at zero."""


@dataclass(frozen=True)
class Likelihood:
    """`noise y ~ law(mean)`; `of` is what stands left of `~` where that is a function of y, as in `sqrt(y) ~ ...`."""

    measured: str
    law: Law
    span: Span = field(compare=False, repr=False)
    text: str = field(default="", compare=False)
    through: Law | None = field(default=None, compare=False, repr=False)
    """The law with derived quantities as unknowns of their own, for simulating from data that bind them."""
    of: ValueTerm | None = None


@dataclass(frozen=True)
class DataSet:
    """`data name = source { target = expression }`; bindings of an empty body are filled in."""

    name: str
    source: DataSource
    bindings: tuple[tuple[str, ValueTerm], ...]
    options: DataOptions
    place: str
    span: Span = field(compare=False, repr=False)
    files: tuple[FilePath, ...] = ()
    """Files that the source finds by itself."""


@dataclass(frozen=True)
class Formulation:
    """One problem as stated: the page, or a method of it, or what really makes the data."""

    unknowns: dict[str, UnknownSpec]
    operators: dict[str, OperatorTerm]
    likelihoods: tuple[Likelihood, ...]
    priors: tuple[Prior, ...]
    solver: Word | None
    solver_span: Span | None = field(default=None, compare=False, repr=False)
    train: Loss | None = None
    """How what is `learned` is trained, where the page says it."""
    train_span: Span | None = field(default=None, compare=False, repr=False)
    derived: dict[str, ValueTerm] = field(default_factory=dict)
    own_data: bool = False
    """Whether it replaces noise or forward on a page without `simulate`, and so makes its own data."""

    @property
    def learned(self) -> list[Learned]:
        """The networks whose weights a `train` line finds."""
        return list(dict.fromkeys(w for w in self._words if isinstance(w, Learned)))

    @property
    def pretrained(self) -> list[Pretrained]:
        """The networks whose weights come from elsewhere."""
        return list(dict.fromkeys(w for w in self._words if isinstance(w, Pretrained)))

    @property
    def _words(self) -> list[Any]:
        held = (self.solver, *self.priors, *self.operators.values(), *(n.law for n in self.likelihoods))
        return [w for term in held for w in everything(term)]

    @property
    def parameters(self) -> list[str]:
        """The unknowns that operators take as parameters."""
        held = (*self.operators.values(), *(n.law for n in self.likelihoods))
        words = (w for term in held for w in everything(term) if isinstance(w, Operator))
        values = (getattr(w, n) for w in words for n in type(w).model_fields)
        return list(dict.fromkeys(n for v in values if isinstance(v, ValueTerm) for n in unknowns_in(v)))

    def mapped(self, change: Callable[[Any], Any]) -> Formulation:
        """The formulation with `change` applied to every term of its operators, noise lines, priors and values."""

        def each(term: Any) -> Any:
            return rewritten(term, change)

        lines = (replace(n, law=each(n.law), through=each(n.through), of=each(n.of)) for n in self.likelihoods)
        return replace(
            self,
            operators={n: each(o) for n, o in self.operators.items()},
            likelihoods=tuple(lines),
            priors=tuple(each(p) for p in self.priors),
            derived={n: each(v) for n, v in self.derived.items()},
        )


@dataclass(frozen=True)
class Claim:
    """`expect mean(psnr) >= 34dB`."""

    measure: Statistic
    op: str
    bound: float | Quantity
    text: str = field(compare=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class SweepAxis:
    """One axis of a sweep: the path of what changes, and the expressions it takes, in the page's own grammar."""

    path: str
    values: tuple[Expr, ...]
    labels: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Setting:
    """A value of the page with where it came from, for `plan`."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True)
class Publish:
    """`publish "hf://owner/name" { ... }`: the model of the Hub that holds a run whose claims held."""

    repository: str
    options: PublishOptions
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Log:
    """`log wandb { ... }`: a tracker that a run is told to."""

    tracker: TrackerWord
    span: Span = field(compare=False, repr=False)


@dataclass
class Experiment:
    """Everything a page says."""

    name: str
    doc: str
    page: Page
    source: Source
    params: dict[str, Any]
    data: dict[str, DataSet]
    methods: dict[str, Formulation]
    """By name; a page without methods has one, named the empty string."""
    simulate: Formulation | None
    metrics: tuple[Metric, ...]
    metrics_options: MetricsOptions
    analyses: tuple[Analysis, ...]
    claims: tuple[Claim, ...]
    sweeps: tuple[SweepAxis, ...]
    views: tuple[Word, ...]
    run: RunOptions
    settings: tuple[Setting, ...] = ()
    metrics_span: Span | None = None
    analyses_spans: tuple[Span, ...] = ()
    """The place of each analysis."""
    weights: dict[str, Pretrained] = field(default_factory=dict)
    """The networks of the page's `weights` lines by name; terms hold those that they use themselves."""
    publish: Publish | None = None
    trackers: tuple[Log, ...] = ()
    """What `log` lines name; no result depends on them."""

    @property
    def formulation(self) -> Formulation:
        """The first method's problem."""
        return next(iter(self.methods.values()))

    @property
    def tests(self) -> tuple[DataSet, ...]:
        """The data that are reconstructed and scored: those that no other statement names, else those validated on."""
        losses = [f.train for f in self.methods.values() if f.train is not None]
        trained = {term.name for loss in losses for term in everything(loss) if isinstance(term, DataName)}
        watched = {term.name for loss in losses if isinstance(term := getattr(loss, "validate", None), DataName)}
        named = trained | {
            term.name
            for f in self.methods.values()
            for prior in f.priors
            if prior.rule is not None
            for term in everything(prior.rule)
            if isinstance(term, DataName)
        }
        left = tuple(d for d in self.data.values() if d.name not in named)
        return left or tuple(d for d in self.data.values() if d.name in watched)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What `estimate` can mean: the unknowns and derived quantities that data bind, else all unknowns."""
        found = {n for f in self.methods.values() for n in (*f.unknowns, *f.derived)}
        bound = dict.fromkeys(target for d in self.data.values() for target, _ in d.bindings if target in found)
        return tuple(bound) or tuple(self.formulation.unknowns)
