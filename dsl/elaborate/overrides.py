"""`--set path=value` and the axes of a sweep: the page with one value replaced.

A path is the name of a param, binding, unknown or other named statement, or `solver` (its whole value is replaced), or
ends in an option: `run.seed`, `solver.iterations`, `noise.sigma`, `x.voxel`, `tv.solver.rho` inside the method `tv`.
"""

from __future__ import annotations

from dataclasses import replace

from .. import vocabulary
from ..diagnostics import Diagnostic, SpecError, error
from ..diagnostics.nearest import nearest
from ..syntax.source import Span
from ..syntax.tree import Argument, Binding, Call, Expr, Follows, Item, Name, Page, Statement
from .statements import SHAPES

WORDS_OF = {"solver": "solver", "report": "view", "train": "loss", "attack": "attack", "log": "tracker"}
"""Statement kinds whose value is a word, with the kind of that word."""


def override(page: Page, path: str, value: Expr, place: Span | None = None) -> Page:
    """The page with the value at `path` replaced.

    Raises SpecError where the path leads nowhere, labelled at `place`, or else at the value.
    """
    items = _replaced(page.items, path.split("."), value)
    if items is None:
        raise SpecError(_nothing_there(page, path, place or value.span))
    return replace(page, items=items)


def _nothing_there(page: Page, path: str, span: Span) -> Diagnostic:
    known = paths(page)
    close = nearest(path, known)
    head = path.split(".")[0]
    if close:
        hint = f"did you mean `{close}`?"
    elif head in SHAPES and "." in path and not any(isinstance(i, Statement) and i.kind == head for i in page.items):
        hint = f"the page has no `{head}` line whose options could be set"
    else:
        hint = "params, bindings and options can be set: " + ", ".join(known[:8])
    return error("RN030", f"there is nothing called `{path}` to set on this page", span, help=hint)


def paths(page: Page) -> list[str]:
    """The names that can be set whole, and some options."""
    fixed = ("data", "weights", "use")
    named = [i for i in page.items if isinstance(i, Binding) or (isinstance(i, Statement) and i.kind not in fixed)]
    solver = (
        ["solver", "solver.iterations"]
        if any(isinstance(i, Statement) and i.kind == "solver" for i in page.items)
        else []
    )
    return [i.name for i in named if i.name] + ["run.seed", "run.precision", *solver]


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
            if s.kind == "solver":  # the only unnamed statement that stands once: another one, with its own options
                return replace(s, value=value, body=None)
            return replace(s, value=value) if s.name and s.value is not None else None
        if len(rest) == 1 and SHAPES.get(s.kind) and SHAPES[s.kind].body in ("options", "names", "players"):
            return _with_option(s, rest[0], value)
    return None


def _with_option(s: Statement, option: str, value: Expr) -> Statement:
    """The statement with one option set: in its call where it stands there, else in its body."""
    if isinstance(s.value, Follows) and isinstance(s.value.law, Call):
        law = _with_argument(s.value.law, "law", option, value)
        if law is None:
            added = Argument(option, value, value.span, value.span)
            law = replace(s.value.law, arguments=(*s.value.law.arguments, added))
        return replace(s, value=replace(s.value, law=law))
    if isinstance(s.value, Call):
        call = _with_argument(s.value, WORDS_OF.get(s.kind, ""), option, value)
        if call is not None:
            return replace(s, value=call)
    body = s.body or ()
    for i, item in enumerate(body):
        if isinstance(item, Binding) and item.name == option:
            return replace(s, body=(*body[:i], replace(item, value=value), *body[i + 1 :]))
    return replace(s, body=(*body, _binding(option, value, value.span)))


def _with_argument(call: Call, kind: str, option: str, value: Expr) -> Call | None:
    """The call with an argument replaced, given by name or by its place; None where it has none of that name."""
    cls = vocabulary.find(kind, call.function.id) if isinstance(call.function, Name) else None
    fields = list(cls.model_fields) if cls is not None and cls.variadic is None else []
    for i, a in enumerate(call.arguments):
        if a.name == option or (a.name is None and fields[i : i + 1] == [option]):
            arguments = (*call.arguments[:i], replace(a, value=value), *call.arguments[i + 1 :])
            return replace(call, arguments=arguments)
    return None


def _binding(name: str, value: Expr, span: Span) -> Binding:
    return Binding(name, value, span, span)
