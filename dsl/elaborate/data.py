"""`data name = source { target = expression }`: what the columns of a source are."""

from __future__ import annotations

from typing import cast

from ..diagnostics import Diagnostic, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.experiment import DataSet
from ..model.files import FileError
from ..model.options import DataOptions
from ..model.word import Source
from ..syntax.source import Span
from ..syntax.tree import Name, Statement, walk
from .context import Context, value_of
from .formulation import Stated
from .leftovers import expressions
from .names import Definition
from .phrases import listed
from .scope import Scope
from .statements import UNKNOWNS


def data_set(s: Statement, stated: list[Stated], derived: set[str], parameters: set[str], context: Context) -> DataSet:
    """A `data` statement; with an empty body and one column, that is the unknown. Raises SpecError.

    `stated` are the problems of all methods and of `simulate`, whose names data may bind; `derived` are the derived
    quantities among them, `parameters` the unknowns that operators take as parameters.
    """
    place = f"data.{s.name}"
    scope = Scope(context.names, context.folder, place)
    source = context.reader.word(value_of(s), "source", scope)
    assert isinstance(source, Source)
    options: DataOptions = context.validated(DataOptions, s, scope, DataOptions.model_fields)
    _check_split(s, source, options.split, context)
    targets = _targets(stated, derived)
    body = Scope(context.names, context.folder, place, columns=source.columns())
    bindings: dict[str, t.ValueTerm] = {}
    spans: dict[str, Span] = {}
    problems: list[Diagnostic] = []
    for name, expr, span in context.options(s):
        if name in DataOptions.model_fields:
            continue
        if name in spans:
            second, first = Label(span, "second"), Label(spans[name], "first")
            problems.append(error("RN011", f"`{name}` is bound twice", second, first))
            continue
        spans[name] = span
        if name not in targets and not _used(name, stated, context):
            problems.append(_no_target(name, span, targets, context))
        try:
            bindings[name] = context.reader.value(expr, body)
        except SpecError as e:
            problems += e.diagnostics
    if problems:
        raise SpecError(*problems)
    if not bindings:
        name, column = _only_binding(s, source, stated, parameters)
        bindings[name] = t.Column(column, span=s.span)
    _refuse_two_truths(bindings, spans, targets)
    context.bound |= set(bindings)
    try:
        files = source.files(scope.folder)
    except FileError as e:
        raise SpecError(error("RF002", str(e), value_of(s).span)) from None
    return DataSet(cast(str, s.name), source, tuple(bindings.items()), options, f"{place}/{source.word}", s.span, files)


def _check_split(s: Statement, source: Source, split: str | None, context: Context) -> None:
    """A split that the source has not would be a promise about training and testing that nobody keeps."""
    if split is None or split in source.splits():
        return
    span = next(expr.span for name, expr, _ in context.options(s) if name == "split")
    if source.splits():
        known = listed([f'"{part}"' for part in source.splits()], "and")
        raise SpecError(error("RV002", f"`{source.word}` has no split `{split}`", span, help=f"its splits are {known}"))
    raise SpecError(error("RV002", f"this `{source.word}` comes in one piece, without splits", span))


def _own(problem: Stated) -> dict[str, Definition]:
    """The names of a problem without those of pages in use."""
    return {n: d for n, d in problem.names.items() if "." not in n}


def _targets(stated: list[Stated], derived: set[str]) -> dict[str, str]:
    """What data can be bound to, with what each is."""
    out: dict[str, str] = {}
    for problem in stated:
        for name, d in _own(problem).items():
            if d.kind in UNKNOWNS:
                out[name] = "unknown"
            elif d.kind == "measured":
                out[name] = "measured"
    out |= dict.fromkeys(derived, "derived")
    return {**out, "ref": "ref"}


def _used(name: str, stated: list[Stated], context: Context) -> bool:
    """Whether a name that only data bind is a value that some problem uses, or would but for errors elsewhere."""
    known = [d for problem in stated for d in [problem.names.get(name)] if d is not None and d.kind == "known"]
    if any((d.name, d.span) in context.reader.read_names for d in known):
        return True
    outside = [i for i in context.page.items if not (isinstance(i, Statement) and i.kind == "data")]
    named = (n.id for i in outside for e in expressions(i) for n in walk(e) if isinstance(n, Name))
    return bool(known) and bool(context.findings.errors) and name in named


def _no_target(name: str, span: Span, targets: dict[str, str], context: Context) -> Diagnostic:
    close = nearest(name, [*targets, *DataOptions.model_fields])
    hint = f"did you mean `{close}`?" if close else f"data can be bound to {listed(list(targets))}"
    d = context.names.get(name)
    if d is not None and d.kind != "known":
        return error(
            "RN015",
            f"`{name}` has its value on the page already, so data cannot be bound to it",
            Label(span),
            Label(d.span, "named here"),
            help=hint,
        )
    return error("RN015", f"`{name}` is nothing that data can be bound to", span, help=hint)


def _only_binding(s: Statement, source: Source, stated: list[Stated], parameters: set[str]) -> tuple[str, str]:
    """The unknown and the column of a body that binds nothing."""
    columns = source.columns()
    unknowns = [n for n in stated[0].unknowns if n not in parameters]
    if columns is not None and len(columns) == 1 and len(unknowns) == 1:
        return unknowns[0], columns[0]
    name, column = next(iter(unknowns), "x"), next(iter(columns or ()), "column")
    if columns is None:
        why = f"only the file tells the columns of `{source.word}`"
    elif len(columns) > 1:
        why = f"`{source.word}` has the columns {listed(list(columns), 'and')}"
    elif unknowns:
        why = f"the page has the unknowns {listed(unknowns, 'and')}"
    else:
        why = "the page has no unknown"
    raise SpecError(
        error(
            "RN016",
            f"say what the columns of `{s.name}` are: {why}",
            s.name_span,
            help=f"write `data {s.name} = ... {{ {name} = {column} }}`",
        )
    )


def _refuse_two_truths(bindings: dict[str, t.ValueTerm], spans: dict[str, Span], targets: dict[str, str]) -> None:
    """`ref` stands for a truth that is not the unknown's; with the unknown bound as well, metrics would have two."""
    truth = next((n for n in bindings if targets.get(n) in ("unknown", "derived")), None)
    if truth is not None and "ref" in bindings:
        raise SpecError(
            error(
                "RN019",
                f"`ref` and `{truth}` both say the truth",
                Label(spans["ref"]),
                Label(spans[truth]),
                help="`ref` is for scores alone, where the unknown itself is not known; keep one of them",
            )
        )
