"""Names of a page: what each stands for, where it was said, and whether two statements say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..diagnostics import Findings, Label, error
from ..model.options import DataOptions
from ..syntax.source import Span
from ..syntax.tree import Binary, Binding, Call, Dot, Expr, Follows, Item, Name, Negative, Page, Statement
from .statements import UNKNOWNS


@dataclass(frozen=True)
class Definition:
    """A name and what it stands for.

    `kind` is a statement kind, "binding", "measured" for the name left of a noise line, or "known" for a name that
    data bind and nothing else says.
    """

    kind: str
    name: str
    value: Expr | None
    span: Span
    statement: Statement | None = None
    locals: dict[str, Binding] = field(default_factory=dict, compare=False)
    page: Names | None = field(default=None, compare=False)
    """The names of the page it stands on, where that is another one."""


Names = dict[str, Definition]

WORDS = ("auto", "learned", "true", "false")
"""Words that stand for values everywhere."""
RESERVED = ("estimate", "samples", "truth", "measured", "ref", "error")
"""Words that stand for values where results are spoken of."""


def collect(items: Iterable[Item], findings: Findings, base: Names | None = None) -> Names:
    """The names that statements bind, on top of those of the page around them, which they may replace."""
    names: Names = {}
    items = tuple(items)
    for item in items:
        for d in _definitions(item):
            old = names.get(d.name)
            if old and old.kind == d.kind == "measured":
                findings.add(
                    error(
                        "RN011",
                        f"two noise lines measure `{d.name}`",
                        Label(d.span, "second"),
                        Label(old.span, "first"),
                        help="give each measurement a name of its own",
                    )
                )
                continue
            if old:
                findings.add(
                    error(
                        "RN011",
                        f"`{d.name}` is bound twice",
                        Label(d.span, "second"),
                        Label(old.span, "first"),
                        help="give one of them another name",
                    )
                )
                continue
            if d.name in (*WORDS, *RESERVED):
                message = f"`{d.name}` is a word of the language and cannot be a name of yours"
                findings.add(error("RN012", message, d.span))
            names[d.name] = d
    merged = {**_known(items, {**(base or {}), **names}), **(base or {}), **names}
    return merged


def _known(items: Iterable[Item], taken: Iterable[str]) -> Names:
    """The names that data bind and nothing else on the page says: values known for each row."""
    others = {*taken, *WORDS, *RESERVED, *DataOptions.model_fields}
    out: Names = {}
    for item in items:
        if isinstance(item, Statement) and item.kind == "data":
            for b in item.body or ():
                if isinstance(b, Binding) and b.name not in others:
                    out.setdefault(b.name, Definition("known", b.name, None, b.name_span, item))
    return out


def _definitions(item: Item) -> list[Definition]:
    if isinstance(item, Binding):
        return [Definition("binding", item.name, item.value, item.name_span)]
    if not isinstance(item, Statement):
        return []
    if item.name and item.name_span and item.kind in (*UNKNOWNS, "param", "data", "forward", "weights", "use"):
        local = {b.name: b for b in item.body or () if isinstance(b, Binding)} if item.kind == "forward" else {}
        return [Definition(item.kind, item.name, item.value, item.name_span, item, local)]
    if item.kind == "method" and isinstance(item.value, Name):
        return [Definition("method", item.value.id, None, item.value.span, item)]
    if item.kind == "noise" and isinstance(item.value, Follows):
        return [Definition("measured", n.id, None, n.span, item) for n in measured_names(item.value.left)]
    return []


def measured_names(left: Expr) -> list[Name]:
    """The measured name left of `~`: what is called, applied or scaled in `sqrt(y)`, `F @ y`, `-log(y / photons)`."""
    match left:
        case Name():
            return [left]
        case Call(arguments=arguments):
            return measured_names(arguments[0].value) if arguments else []
        case Negative(operand=operand):
            return measured_names(operand)
        case Binary(op="/", left=divided):
            return measured_names(divided)
        case Binary(left=first, right=second):
            return measured_names(second) or measured_names(first)
    return []


def called(expr: Expr) -> Name | None:
    """The name at the head of a word: `fista` in `fista` and in `fista(iterations = 60)`."""
    if isinstance(expr, Call) and isinstance(expr.function, Name):
        return expr.function
    return expr if isinstance(expr, Name) else None


def method_items(page: Page, method: Statement | None) -> tuple[list[Item], bool]:
    """The page's statements with those of a method in their place, by kind; and whether it makes its own data."""
    items = [i for i in page.items if not (isinstance(i, Statement) and i.kind in ("method",))]
    if method is None:
        return items, False
    inside = [i for i in method.body or () if isinstance(i, (Statement, Binding))]
    replaced = {i.kind for i in inside if isinstance(i, Statement)}
    if replaced & set(UNKNOWNS):
        replaced |= set(UNKNOWNS)
    bound = {i.name for i in inside if isinstance(i, Binding)}
    kept = [
        i
        for i in items
        if not (isinstance(i, Statement) and i.kind in replaced) and not (isinstance(i, Binding) and i.name in bound)
    ]
    has_simulate = any(isinstance(i, Statement) and i.kind == "simulate" for i in items)
    return kept + inside, bool(replaced & {"noise", "forward"}) and not has_simulate


def root(expr: Expr) -> str | None:
    """The dotted path that an expression spells, such as `run.seed`, or None."""
    if isinstance(expr, Name):
        return expr.id
    if isinstance(expr, Dot):
        base = root(expr.base)
        return None if base is None else f"{base}.{expr.member}"
    return None
