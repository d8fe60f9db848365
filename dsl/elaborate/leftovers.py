"""What no statement has read: names that nothing uses, which may hide mistakes of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..diagnostics import Diagnostic, SpecError, warning
from ..syntax.tree import Binding, Clause, Expr, Item, Name, Statement
from .context import Context
from .scope import Scope

KINDS = ("solver", "kernel", "maps", "array", "metric", "set", "law", "source")


def read_leftovers(context: Context) -> None:
    """Read every param and binding that nothing uses, as whatever it can be, and warn that nothing uses it.

    Nothing is said of use on a page with errors, where what uses a name may have failed before it came to it.
    """
    items: list[Item] = [*context.page.items]
    for s in (*context.statements("method"), *context.statements("simulate")):
        items += s.body or ()
    unused = [i for i in items if _defines(i) and not _is_used(i, context)]
    for item in unused:
        _read(item, context)
    if not context.findings.errors:
        context.findings.add(*(_warning(item) for item in unused))


def _defines(item: Item) -> bool:
    return isinstance(item, Binding) or (isinstance(item, Statement) and item.kind in ("param", "forward"))


def _is_used(item: Item, context: Context) -> bool:
    assert isinstance(item, (Binding, Statement))
    return (item.name, item.name_span) in context.reader.read_names or item.name in context.bound


def _read(item: Item, context: Context) -> None:
    """Read the value of a param or binding; that of a `forward` has been read."""
    kind = item.kind if isinstance(item, Statement) else "binding"
    value = None if isinstance(item, Clause) else item.value
    if kind != "forward" and value is not None:
        scope = Scope(context.names, context.folder, f"{kind}.unused", results=True)
        context.attempt(lambda e: _any(e, scope, context), value)


def _warning(item: Item) -> Diagnostic:
    assert isinstance(item, (Binding, Statement))
    kind = item.kind if isinstance(item, Statement) else "binding"
    what = {"param": "the param ", "forward": "the operator "}.get(kind, "")
    hint = f"apply it in a noise line, as in `gaussian({item.name} @ x)`" if kind == "forward" else ""
    return warning("RL012", f"nothing uses {what}`{item.name}`", item.name_span, help=hint)


def _any(node: Expr, scope: Scope, context: Context) -> None:
    """Read an expression as the first kind that fits; if none does, raise the errors of the likeliest."""
    r = context.reader
    readers: list[Callable[[Expr, Scope], Any]] = [r.constant, r.operator, r.value, r.priors]
    readers += [partial(_word, context, kind) for kind in KINDS]
    failures = []
    for reader in readers:
        try:
            reader(node, scope)
            return
        except SpecError as failed:
            failures.append(failed)
    if r.is_constant(node, scope):
        raise failures[0]
    raise failures[2] if isinstance(node, Name) else failures[1]


def _word(context: Context, kind: str, node: Expr, scope: Scope) -> Any:
    return context.reader.word(node, kind, scope)
