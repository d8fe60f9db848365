"""What no statement has read: names that nothing uses, which may hide mistakes of their own."""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import Diagnostic, SpecError, warning
from ..syntax.tree import Binding, Clause, Expr, Item, Name, Statement, walk
from .context import Context
from .expressions import Elaborator
from .scope import Scope

Reading = Callable[[Elaborator, Expr, Scope], object]


NAMED = ("param", "forward", "weights")
"""Statements whose names something should use."""


def read_leftovers(context: Context) -> None:
    """Read every param and binding that nothing uses, as whatever it can be, and warn that nothing uses it.

    On a page with errors, what uses a name may have failed before it came to it: then nothing is said of use, and names
    that another expression mentions are left alone.
    """
    items: list[Item] = [*context.page.items]
    for s in (*context.statements("method"), *context.statements("simulate")):
        items += s.body or ()
    unused = [i for i in items if _defines(i) and not _is_used(i, context)]
    broken = bool(context.findings.errors)
    mentioned = {n.id for i in items for e in expressions(i) for n in walk(e) if isinstance(n, Name)} if broken else {}
    for item in unused:
        if isinstance(item, Clause) or item.name not in mentioned:
            _read(item, context)
    if not context.findings.errors:
        context.findings.add(*(_warning(item) for item in unused))


def expressions(item: Item) -> list[Expr]:
    """The expressions of an item and of its body."""
    own = [] if item.value is None else [item.value]
    body = item.body or () if isinstance(item, Statement) else ()
    return own + [e for inner in body for e in expressions(inner)]


def _defines(item: Item) -> bool:
    return isinstance(item, Binding) or (isinstance(item, Statement) and item.kind in NAMED)


def _is_used(item: Item, context: Context) -> bool:
    assert isinstance(item, (Binding, Statement))
    return (item.name, item.name_span) in context.reader.read_names or item.name in context.bound


def _read(item: Item, context: Context) -> None:
    """Read the value of a param or binding; those of `forward` and `weights` have been read."""
    kind = item.kind if isinstance(item, Statement) else "binding"
    value = None if isinstance(item, Clause) else item.value
    if kind not in ("forward", "weights") and value is not None:
        scope = Scope(context.names, context.folder, f"{kind}.unused", results=True)
        context.attempt(lambda e: _any(e, scope, context), value)


def _warning(item: Item) -> Diagnostic:
    assert isinstance(item, (Binding, Statement))
    kind = item.kind if isinstance(item, Statement) else "binding"
    what = {"param": "the param ", "forward": "the operator ", "weights": "the weights "}.get(kind, "")
    hints = {
        "forward": f"apply it in a noise line, as in `gaussian({item.name} @ x)`",
        "weights": f"a network stands where its name does, as in `prior x ~ denoiser({item.name})`",
    }
    hint = hints.get(kind, "")
    return warning("RL012", f"nothing uses {what}`{item.name}`", item.name_span, help=hint)


def _any(node: Expr, scope: Scope, context: Context) -> None:
    """Read an expression as the first kind that fits. Raises SpecError as the likeliest does if none fits."""
    failures = []
    for read in READINGS:
        try:
            read(context.reader.probe(), node, scope)
            return
        except SpecError as failed:
            failures.append(failed)
    constant, operator, value = failures[:3]
    if context.reader.is_constant(node, scope):
        raise constant
    raise value if isinstance(node, Name) else operator


def _word(kind: str) -> Reading:
    return lambda reader, node, scope: reader.word(node, kind, scope)


READINGS: tuple[Reading, ...] = (
    lambda reader, node, scope: reader.constant(node, scope),
    lambda reader, node, scope: reader.operator(node, scope),
    lambda reader, node, scope: reader.value(node, scope),
    lambda reader, node, scope: reader.priors(node, scope),
    *(_word(kind) for kind in ("solver", "kernel", "maps", "array", "draw", "metric", "set", "law", "source")),
)
"""What a binding can be; the first three say what is wrong with one that is nothing."""
