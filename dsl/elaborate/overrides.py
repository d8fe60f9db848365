"""`--set path=value` and the axes of a sweep: the page with one value replaced.

A path is the name of a param, binding, unknown or other named statement (its whole value is replaced), or ends in an
option: `run.seed`, `solver.iterations`, `x.voxel`, `tv.solver.rho` inside the method `tv`.
"""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import SpecError, error
from ..diagnostics.nearest import nearest
from ..syntax.source import Span
from ..syntax.tree import Argument, Binding, Call, Expr, Item, Name, Page, Statement
from .statements import SHAPES


def override(page: Page, path: str, value: Expr) -> Page:
    """The page with the value at `path` replaced. Raises SpecError where the path leads nowhere."""
    parts = path.split(".")
    items = _replaced(page.items, parts, value)
    if items is None:
        known = paths(page)
        close = nearest(path, known)
        raise SpecError(
            error(
                "RN030",
                f"there is nothing called `{path}` to set on this page",
                value.span,
                help=f"did you mean `{close}`?"
                if close
                else "params, bindings and options can be set: " + ", ".join(known[:8]),
            )
        )
    return replace(page, items=items)


def paths(page: Page) -> list[str]:
    """The names that can be set whole, and the statements whose options can."""
    out = []
    for item in page.items:
        if isinstance(item, Binding) or (
            isinstance(item, Statement) and item.name and item.kind not in ("data", "weights", "use")
        ):
            out.append(item.name)
    return out + ["run.seed", "run.precision", "solver.iterations"]


def _replaced(items: tuple[Item, ...], parts: list[str], value: Expr) -> tuple[Item, ...] | None:
    head, rest = parts[0], parts[1:]
    for i, item in enumerate(items):
        new: Item | None = None
        if isinstance(item, Binding) and item.name == head and not rest:
            new = replace(item, value=value)
        elif isinstance(item, Statement):
            new = _in_statement(item, head, rest, value)
        if new is not None:
            return (*items[:i], new, *items[i + 1 :])
    if head == "run" and len(rest) == 1:
        span = value.span
        body = (_binding(rest[0], value, span),)
        return (*items, Statement("run", None, "", None, body, span, span))
    return None


def _in_statement(s: Statement, head: str, rest: list[str], value: Expr) -> Statement | None:
    method = s.kind == "method" and isinstance(s.value, Name) and s.value.id == head
    if method and rest and s.body is not None:
        body = _replaced(s.body, rest, value)
        return None if body is None else replace(s, body=body)
    if s.name == head or (s.name is None and s.kind == head):
        if not rest:
            return replace(s, value=value) if s.name and s.value is not None else None
        if len(rest) == 1 and SHAPES.get(s.kind) and SHAPES[s.kind].body in ("options", "names", "players"):
            return _with_option(s, rest[0], value)
    return None


def _with_option(s: Statement, option: str, value: Expr) -> Statement:
    """The statement with one option of its call or body set."""
    if isinstance(s.value, Call):
        for i, a in enumerate(s.value.arguments):
            if a.name == option:
                arguments = (
                    *s.value.arguments[:i],
                    Argument(option, value, a.span, a.name_span),
                    *s.value.arguments[i + 1 :],
                )
                return replace(s, value=replace(s.value, arguments=arguments))
    body = s.body or ()
    for i, item in enumerate(body):
        if isinstance(item, Binding) and item.name == option:
            return replace(s, body=(*body[:i], replace(item, value=value), *body[i + 1 :]))
    return replace(s, body=(*body, _binding(option, value, value.span)))


def _binding(name: str, value: Expr, span: Span) -> Binding:
    return Binding(name, value, span, span)
