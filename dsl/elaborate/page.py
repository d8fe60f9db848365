"""From a parsed page to an Experiment: statement by statement, all errors of the stage in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

from ..diagnostics import Findings, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.experiment import (
    Claim,
    DataSet,
    Experiment,
    Formulation,
    Likelihood,
    SweepAxis,
    UnknownSpec,
)
from ..model.fields import Interval
from ..model.options import DataOptions, MetricsOptions, RunOptions, UnknownOptions
from ..model.space import Axis, Space
from ..model.units import Quantity, parts
from ..model.word import Analysis, Metric, Source, Word
from ..syntax.format import format_expression
from ..syntax.source import Span
from ..syntax.tree import (
    Binding,
    Clause,
    Compare,
    Expr,
    Follows,
    Index,
    Item,
    Member,
    Name,
    Number,
    Page,
    Range,
    Sequence,
    Statement,
    Text,
)
from .expressions import Elaborator
from .names import Names, collect, method_items, root
from .overrides import override
from .scope import Scope, Where
from .statements import SHAPES, UNKNOWNS, check_shapes
from .use import import_pages

T = TypeVar("T")

AXES = {1: ("sample",), 2: ("row", "col"), 3: ("z", "row", "col")}
DIMENSIONS = {"signal": (1,), "image": (2,), "volume": (3,), "unknown": (1, 2, 3)}
LARGEST_SPACE = 2**33  # entries: 32 GiB of real numbers in single precision


def elaborate(page: Page, folder: Path, findings: Findings, overrides: Iterable[tuple[str, Expr]] = ()) -> Experiment:
    """The experiment a page states. Raises SpecError with all findings of the stage if there is an error among them."""
    for path, value in overrides:
        try:
            page = override(page, path, value)
        except SpecError as e:
            findings.add(*e.diagnostics)
    findings.add(*check_shapes(page.items))
    findings.stop_on_errors()
    return _Page(page, folder, findings).experiment()


class _Page:
    def __init__(self, page: Page, folder: Path, findings: Findings) -> None:
        self.page, self.folder, self.findings = page, folder, findings
        self.elaborator = Elaborator(findings)
        self.imported = import_pages(page, folder, findings)
        self.names = collect(page.items, findings, self.imported)

    # ---- helpers ----------------------------------------------------------------------------------------------

    def _try(self, what: Callable[[], T]) -> T | None:
        """The result, or None with the errors noted, so that one bad statement does not hide the others."""
        try:
            return what()
        except SpecError as e:
            self.findings.add(*e.diagnostics)
            return None

    def _statements(self, kind: str, items: Iterable[Item] | None = None) -> list[Statement]:
        source = self.page.items if items is None else items
        return [i for i in source if isinstance(i, Statement) and i.kind == kind]

    def _one(self, kind: str) -> Statement | None:
        found = self._statements(kind)
        if len(found) > 1:
            self.findings.add(
                error(
                    "RN013",
                    f"`{kind}` stands twice",
                    Label(found[1].kind_span, "second"),
                    Label(found[0].kind_span, "first"),
                )
            )
        return found[0] if found else None

    def _scope(
        self, s: Statement, names: Names, place: str, options: Iterable[str] = (), results: bool = False
    ) -> Scope:
        """The scope of a statement, with the local names of its body."""
        local: dict[str, Binding] = {}
        for b in s.body or ():
            if isinstance(b, Binding) and b.name not in options:
                if b.name in local:
                    self.findings.add(
                        error(
                            "RN011",
                            f"`{b.name}` is bound twice",
                            Label(b.name_span, "second"),
                            Label(local[b.name].name_span, "first"),
                        )
                    )
                local[b.name] = b
        return Scope(names, self.folder, place, local, columns=(), results=results)

    def _unused(self, s: Statement, scope: Scope, options: Iterable[str] = ()) -> None:
        known = list(options)
        for name, b in scope.locals.items():
            if name not in scope.used:
                close = nearest(name, known)
                hint = (
                    f"did you mean the option `{close}`?"
                    if close
                    else (f"its options are {', '.join(f'`{k}`' for k in known)}" if known else "remove it")
                )
                self.findings.add(error("RN014", f"nothing in this `{s.kind}` uses `{name}`", b.name_span, help=hint))

    def _options(self, s: Statement) -> tuple[tuple[str, Expr, Span], ...]:
        return tuple((b.name, b.value, b.name_span) for b in s.body or () if isinstance(b, Binding))

    def _validated(self, cls: Any, s: Statement, scope: Scope, names: Iterable[str] | None = None) -> Any:
        """The options of a statement that is no word."""
        kwargs: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        keys: dict[str, Span] = {}
        problems = []
        for name, expr, span in self._options(s):
            if names is not None and name not in names:
                continue
            if name in keys:
                problems.append(
                    error("RV004", f"`{name}` is given twice", Label(span, "second"), Label(keys[name], "first"))
                )
                continue
            keys[name], spans[name] = span, expr.span
            if name not in cls.model_fields:
                kwargs[name] = None
                continue
            try:
                kwargs[name] = self.elaborator.argument(expr, cls.model_fields[name], scope, f"`{name}` of `{s.kind}`")
            except SpecError as e:
                problems += e.diagnostics
        if problems:
            raise SpecError(*problems)
        return self.elaborator.validated(cls, kwargs, Where(s.kind_span, spans, keys), s.kind)

    # ---- the whole --------------------------------------------------------------------------------------------

    def experiment(self) -> Experiment:
        page = self.page
        name_statement = self._one("experiment")
        name = Path(page.source.name).stem or "experiment"
        if name_statement and not isinstance(name_statement.value, Text):
            self.findings.add(error("RN003", "`experiment` is followed by a text", name_statement.span))
        elif name_statement:
            name = cast(Text, name_statement.value).value
        params = self._params()
        data = {s.name: d for s in self._statements("data") if s.name and (d := self._try(lambda s=s: self._data(s)))}
        methods: dict[str, Formulation] = {}
        for s in self._statements("method"):
            method = cast(Name, s.value).id
            f = self._try(lambda s=s: self._formulation(s))
            if f is not None:
                methods[method] = f
        if not self._statements("method"):
            f = self._try(lambda: self._formulation(None))
            if f is not None:
                methods[""] = f
        simulate_statement = self._one("simulate")
        simulate = self._try(lambda: self._simulate(simulate_statement)) if simulate_statement else None
        metrics, metrics_options = self._metrics()
        run = self._one("run")
        scope = Scope(self.names, self.folder, "run")
        run_options = (self._try(lambda: self._validated(RunOptions, run, scope)) if run else None) or RunOptions()
        self._later_words()
        experiment = Experiment(
            name=name,
            doc=_first_doc(page),
            page=page,
            source=page.source,
            params=params,
            data=data,
            methods=methods,
            simulate=simulate,
            metrics=metrics,
            metrics_options=metrics_options,
            analyses=self._words("analyze", "analysis", Analysis),
            claims=tuple(c for s in self._statements("expect") if (c := self._try(lambda s=s: self._claim(s)))),
            sweeps=tuple(a for s in self._statements("sweep") for a in self._try(lambda s=s: self._sweep(s)) or ()),
            views=self._views(),
            run=run_options,
        )
        self._unused_kinds()
        self.findings.stop_on_errors()
        return experiment

    def _params(self) -> dict[str, Any]:
        out = {}
        scope = Scope(self.names, self.folder, "param")
        for s in self._statements("param"):
            if s.name and s.value is not None and self.elaborator.is_constant(s.value, scope):
                out[s.name] = self._try(lambda s=s: self.elaborator.constant(cast(Expr, s.value), scope))
        return out

    def _unused_kinds(self) -> None:
        """Bindings that nothing used were never read: read them once as whatever they can be, so that no mistake hides."""
        read = {name for name, _ in self.elaborator.read_bindings}
        for item in self.page.items:
            if isinstance(item, Binding) and item.name not in read:
                scope = Scope(self.names, self.folder, f"binding.{item.name}", results=True)
                self._try(lambda item=item, scope=scope: self._any(item.value, scope))

    def _any(self, node: Expr, scope: Scope) -> None:
        """Read an expression as the first kind that fits; if none does, report the errors of the likeliest."""
        e = self.elaborator
        readers: list[Callable[[Expr, Scope], Any]] = [e.constant, e.operator, e.value, e.priors]
        readers += [lambda n, s, k=k: e.word(n, k, s) for k in ("solver", "kernel", "maps", "array", "metric", "set")]
        failures = []
        for reader in readers:
            try:
                reader(node, scope)
                return
            except SpecError as failed:
                failures.append(failed)
        raise failures[1]

    # ---- statements -------------------------------------------------------------------------------------------

    def _unknown(self, s: Statement, scope: Scope) -> UnknownSpec:
        value = s.value
        usage = SHAPES[s.kind].usage
        if not isinstance(value, Index) or value.base.id not in ("real", "complex"):
            raise SpecError(
                error(
                    "RS101",
                    f"`{s.kind}` is written `{usage}`, with `real` or `complex`",
                    value.span if value else s.span,
                )
            )
        if len(value.items) not in DIMENSIONS[s.kind]:
            count = " or ".join(str(n) for n in DIMENSIONS[s.kind])
            hint = next(
                (f"`{k}` has {len(value.items)}" for k, n in DIMENSIONS.items() if n == (len(value.items),)), ""
            )
            raise SpecError(
                error("RS102", f"`{s.kind}` has {count} extents, not {len(value.items)}", value.span, help=hint)
            )
        sizes: list[int | None] = []
        for item in value.items:
            if isinstance(item, Name) and item.id == "auto":
                sizes.append(None)
                continue
            n = self.elaborator.plain(item, scope)
            if n != round(n) or not 1 <= n <= LARGEST_SPACE:
                raise SpecError(
                    error("RS103", f"an extent is a whole number from 1 on, or `auto`, not {n:g}", item.span)
                )
            sizes.append(int(n))
        options: UnknownOptions = self._validated(UnknownOptions, s, scope)
        voxel = options.voxel if isinstance(options.voxel, tuple) else (options.voxel,) * len(sizes)
        if len(voxel) != len(sizes):
            raise SpecError(error("RS104", f"`voxel` has {len(voxel)} lengths for {len(sizes)} axes", s.span))
        axes = tuple(Axis(n, size, v) for n, size, v in zip(AXES[len(sizes)], sizes, voxel, strict=True))
        if options.channels is not None:
            axes = (Axis("channel", options.channels), *axes)
        if options.frames is not None:
            axes = (Axis("frame", options.frames), *axes)
        space = Space("complex" if value.base.id == "complex" else "real", axes, options.unit)
        if space.known and cast(int, space.count) > LARGEST_SPACE:
            raise SpecError(error("RS103", f"{space.count} entries are more than this machine could hold", value.span))
        return UnknownSpec(cast(str, s.name), s.kind, space, options.range, s.span)

    def _formulation(
        self, method: Statement | None, items: list[Item] | None = None, own_data: bool = False
    ) -> Formulation:
        if items is None:
            items, own_data = method_items(self.page, method)
        names = self.names if method is None and items is None else collect(items, Findings(), self._outer_names())
        unknowns: dict[str, UnknownSpec] = {}
        for kind in UNKNOWNS:
            for s in self._statements(kind, items):
                u = self._try(lambda s=s: self._unknown(s, Scope(names, self.folder)))
                if u is not None:
                    unknowns[u.name] = u
        order = [s.name for s in items if isinstance(s, Statement) and s.kind in UNKNOWNS]
        unknowns = {n: unknowns[n] for n in order if n in unknowns}
        operators: dict[str, t.OperatorTerm] = {}
        for s in self._statements("forward", items):
            scope = self._scope(s, names, f"forward.{s.name}")
            op = self._try(
                lambda s=s, scope=scope: self.elaborator.operator(
                    Name(cast(str, s.name), cast(Span, s.name_span)), scope
                )
            )
            used = self.elaborator.used_locals.get(cast(str, s.name), set())
            if op is not None:
                operators[cast(str, s.name)] = op
                scope.used |= used
                self._unused(s, scope)
        likelihoods = [
            x for s in self._statements("noise", items) if (x := self._try(lambda s=s: self._noise(s, names)))
        ]
        priors = [
            p
            for i, s in enumerate(self._statements("prior", items))
            for p in self._try(lambda s=s, i=i: self._prior(s, names, i)) or ()
        ]
        solvers = self._statements("solver", items)
        if len(solvers) > 1:
            self.findings.add(
                error(
                    "RN013",
                    "`solver` stands twice",
                    Label(solvers[1].kind_span, "second"),
                    Label(solvers[0].kind_span, "first"),
                    help="compare solvers by `method` statements",
                )
            )
        solver = None
        if solvers:
            scope = Scope(names, self.folder, "solver")
            solver = self._try(
                lambda: self.elaborator.word(cast(Expr, solvers[0].value), "solver", scope, self._options(solvers[0]))
            )
        return Formulation(
            unknowns=unknowns,
            operators=operators,
            likelihoods=tuple(likelihoods),
            priors=tuple(priors),
            solver=solver,
            solver_span=solvers[0].value.span if solvers and solvers[0].value is not None else None,
            own_data=own_data,
        )

    def _outer_names(self) -> Names:
        """Names that hold everywhere: imported pages, methods and data sets."""
        return {n: d for n, d in self.names.items() if d.kind in ("method", "data", "use", "weights") or "." in n}

    def _simulate(self, s: Statement) -> Formulation:
        inside = [i for i in s.body or () if isinstance(i, (Statement, Binding))]
        replaced = {i.kind for i in inside if isinstance(i, Statement)}
        if replaced & set(UNKNOWNS):
            replaced |= set(UNKNOWNS)
        kept = [
            i
            for i in self.page.items
            if not (
                isinstance(i, Statement) and (i.kind in replaced or i.kind in ("method", "simulate", "prior", "solver"))
            )
        ]
        return self._formulation(None, kept + inside, False)

    def _noise(self, s: Statement, names: Names) -> Likelihood:
        value = s.value
        if not isinstance(value, Follows):
            raise SpecError(
                error("RS105", "a noise line is written `noise y ~ law(A @ x, ...)`", value.span if value else s.span)
            )
        if not isinstance(value.left, Name):
            raise SpecError(error("RS106", "this version of recon measures a name: `noise y ~ ...`", value.left.span))
        scope = self._scope(s, names, f"noise.{value.left.id}")
        law = self.elaborator.law(value.law, scope)
        self._unused(s, scope)
        return Likelihood(value.left.id, law, s.span, format_expression(value))

    def _prior(self, s: Statement, names: Names, index: int) -> list[t.Prior]:
        scope = self._scope(s, names, f"prior.{index}")
        out = self.elaborator.priors(cast(Expr, s.value), scope)
        self._unused(s, scope)
        return out

    def _data(self, s: Statement) -> DataSet:
        scope = Scope(self.names, self.folder, f"data.{s.name}")
        source = self.elaborator.word(cast(Expr, s.value), "source", scope)
        assert isinstance(source, Source)
        options = self._validated(DataOptions, s, scope, DataOptions.model_fields)
        body = Scope(self.names, self.folder, f"data.{s.name}", columns=source.columns(), results=False)
        bindings: dict[str, t.ValueTerm] = {}
        spans: dict[str, Span] = {}
        for name, expr, span in self._options(s):
            if name in DataOptions.model_fields:
                continue
            if name in spans:
                raise SpecError(
                    error("RN011", f"`{name}` is bound twice", Label(span, "second"), Label(spans[name], "first"))
                )
            spans[name] = span
            d = self.names.get(name)
            if name != "ref" and (d is None or d.kind not in (*UNKNOWNS, "measured", "binding")):
                targets = [n for n, x in self.names.items() if x.kind in (*UNKNOWNS, "measured", "binding")] + [
                    "ref",
                    *DataOptions.model_fields,
                ]
                close = nearest(name, targets)
                raise SpecError(
                    error(
                        "RN015",
                        f"`{name}` is nothing that data can be bound to",
                        span,
                        help=f"did you mean `{close}`?" if close else "bind an unknown, a measured name, or `ref`",
                    )
                )
            bindings[name] = self.elaborator.value(expr, body)
        if not bindings:
            columns = source.columns()
            unknowns = [n for n, d in self.names.items() if d.kind in UNKNOWNS]
            if columns is None or len(columns) != 1 or len(unknowns) != 1:
                why = (
                    "several unknowns"
                    if len(unknowns) > 1
                    else "more than one column"
                    if columns
                    else "columns that only the file tells"
                )
                raise SpecError(
                    error(
                        "RN016",
                        f"say what the columns of `{s.name}` are: the page has {why}",
                        s.kind_span,
                        help=f"write `data {s.name} = ... {{ {unknowns[0] if unknowns else 'x'} = {(columns or ('column',))[0]} }}`",
                    )
                )
            bindings[unknowns[0]] = t.Column(columns[0], span=s.span)
        return DataSet(
            cast(str, s.name), source, tuple(bindings.items()), options, f"data.{s.name}/{source.word}", s.span
        )

    def _metrics(self) -> tuple[tuple[Metric, ...], MetricsOptions]:
        s = self._one("metrics")
        if s is None:
            return (), MetricsOptions()
        scope = self._scope(s, self.names, "metrics", MetricsOptions.model_fields, results=True)
        out = []
        for item in s.value.items if isinstance(s.value, Sequence) else (cast(Expr, s.value),):
            m = self._try(lambda item=item: self.elaborator.word(item, "metric", scope))
            if isinstance(m, Metric):
                out.append(m)
        options = self._try(lambda: self._validated(MetricsOptions, s, scope, MetricsOptions.model_fields))
        self._unused(s, scope, MetricsOptions.model_fields)
        return tuple(out), options or MetricsOptions()

    def _words(self, statement: str, kind: str, cls: type[T]) -> tuple[T, ...]:
        out = []
        for s in self._statements(statement):
            scope = self._scope(s, self.names, statement, results=True)
            for item in s.value.items if isinstance(s.value, Sequence) else (cast(Expr, s.value),):
                w = self._try(lambda item=item, scope=scope: self.elaborator.word(item, kind, scope))
                if isinstance(w, cls):
                    out.append(w)
            self._unused(s, scope)
        return tuple(out)

    def _views(self) -> tuple[Word, ...]:
        from .. import vocabulary
        from .names import called

        out = []
        for s in self._statements("report"):
            head = called(cast(Expr, s.value))
            cls = vocabulary.find("view", head.id) if head else None
            options = tuple(cls.model_fields) if cls else ()
            scope = self._scope(s, self.names, "report", options, results=True)
            given = tuple(o for o in self._options(s) if cls is None or o[0] in options)
            w = self._try(
                lambda s=s, scope=scope, given=given: self.elaborator.word(cast(Expr, s.value), "view", scope, given)
            )
            if w is not None:
                self._unused(s, scope, options)
                out.append(w)
        return tuple(out)

    def _claim(self, s: Statement) -> Claim:
        value = s.value
        if not isinstance(value, Compare) or value.op not in ("<=", ">=", "<", ">"):
            raise SpecError(
                error("RS107", "a claim is written `expect mean(psnr) >= 30dB`", value.span if value else s.span)
            )
        scope = Scope(self.names, self.folder, "expect", results=True)
        measure = self.elaborator.measure(value.left, scope)
        if not measure.statistic:
            raise SpecError(
                error(
                    "RS108", f"a claim bounds a statistic over rows, such as `mean({measure.metric})`", value.left.span
                )
            )
        bound = self.elaborator.number(value.right, scope)
        from .. import vocabulary

        cls = vocabulary.find("metric", measure.metric)
        expected = getattr(cls, "dimension", None)
        if isinstance(bound, Quantity) and expected is not None and parts(bound)[1] != expected:
            raise SpecError(error("RT003", f"`{measure.metric}` is not in the unit of this bound", value.right.span))
        return Claim(measure, value.op, bound, format_expression(value), s.span)

    def _sweep(self, s: Statement) -> list[SweepAxis]:
        out = []
        scope = Scope(self.names, self.folder, "sweep")
        for item in s.body or ():
            if not isinstance(item, Clause) or not isinstance(item.value, Member):
                raise SpecError(error("RN005", "a sweep holds `name in [...]`", item.span))
            path = root(item.value.left)
            if path is None:
                raise SpecError(
                    error("RN005", "left of `in` stands the name or path of what is swept", item.value.left.span)
                )
            values = self._axis_values(item.value.set, scope)
            override(self.page, path, values[0])
            out.append(SweepAxis(path, tuple(values), tuple(format_expression(v) for v in values), item.span))
        return out

    def _axis_values(self, node: Expr, scope: Scope) -> list[Expr]:
        if isinstance(node, Sequence):
            items: list[Expr] = list(node.items)
        else:
            value = self.elaborator.constant(node, scope)
            if isinstance(value, Interval):
                numbers: list[Any] = list(value.values())
            elif isinstance(value, list):
                numbers = value
            else:
                raise SpecError(error("RS109", "a swept param takes the values of a list or a range", node.span))
            if isinstance(node, Range) and isinstance(value, Interval) and value.dimension != (0, 0, 0, 0, 0):
                raise SpecError(error("RS109", "write the swept quantities as a list", node.span))
            items = [Number(parts(n)[0], f"{parts(n)[0]:g}", node.span) for n in numbers]
        if not items:
            raise SpecError(error("RS109", "nothing to sweep over", node.span))
        return items

    def _later_words(self) -> None:
        """Statements whose words are not there yet: naming the word says so at its place."""
        for kind, expected in (
            ("train", "loss"),
            ("weights", "weights"),
            ("attack", "attack"),
            ("log", "tracker"),
            ("publish", "tracker"),
        ):
            for s in [
                *self._statements(kind),
                *(x for m in self._statements("method") for x in self._statements(kind, m.body)),
            ]:
                scope = Scope(self.names, self.folder, kind)
                if kind == "publish":
                    self.findings.add(error("RV001", "this version of recon does not publish", s.kind_span))
                else:
                    self._try(
                        lambda s=s, expected=expected, scope=scope: self.elaborator.word(
                            cast(Expr, s.value), expected, scope, self._options(s)
                        )
                    )


def _first_doc(page: Page) -> str:
    """The page's own description: the doc comment of its `experiment`, else of its first statement."""
    for item in page.items:
        if isinstance(item, Statement) and item.kind == "experiment" and item.doc:
            return item.doc
    first = page.items[0] if page.items else None
    return first.doc if isinstance(first, (Statement, Binding)) else ""
