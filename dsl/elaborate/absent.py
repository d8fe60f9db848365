"""The diagnostics for names that are nothing, or not what their place expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import vocabulary
from ..diagnostics import Diagnostic, Label, error
from ..diagnostics.nearest import nearest
from ..syntax.tree import Dot, Name
from .names import RESERVED, Definition, root
from .phrases import STAGES, bare_kind, kind_in_words, listed, misplaced
from .scope import Scope
from .statements import UNKNOWNS

if TYPE_CHECKING:
    from .reader import Reader

FEW = 10
"""Words of a kind that a diagnostic lists; more are left to `recon explain`."""
_WRAPPED = {"kernel": "conv", "maps": "coils", "array": "diagonal"}
"""Words that make an operator of a word of another kind."""


def unknown_name(reader: Reader, node: Name, scope: Scope, kind: str, extra: tuple[str, ...] = ()) -> Diagnostic:
    """The diagnostic for a name that is nothing of the kind its place expects."""
    if node.id in STAGES and not scope.results:
        return misplaced(node.id, node.span).diagnostics[0]
    d = scope.find(node.id)
    if d is not None and d.kind not in ("method", "data"):  # those may be called like a word
        return error(
            "RK001",
            f"expected {kind_in_words(kind)}, but `{node.id}` is {definition_in_words(reader, d, scope)}",
            Label(node.span),
            Label(d.span, "named here"),
            help=f"`{node.id}.estimate` is its result" if d.kind == "method" else "",
        )
    others = sorted(vocabulary.kinds_of(node.id), key=lambda k: k == "network")  # the rarest meaning last
    if others:
        other = others[0]
        wrap = _WRAPPED.get(other) if kind == "operator" else None
        return error(
            "RK001",
            f"expected {kind_in_words(kind)}, but `{node.id}` is {kind_in_words(other)}",
            node.span,
            help=f"{kind_in_words(other)} acts through `{wrap}({node.id}(...))`" if wrap else "",
        )
    return _no_such_name(node, scope, kind, extra)


def _no_such_name(node: Name, scope: Scope, kind: str, extra: tuple[str, ...]) -> Diagnostic:
    named = [n for n in scope.locals if n != node.id]
    named += [n for n, d in scope.names.items() if d.kind not in ("method", "data", "use") and n != node.id]
    known = vocabulary.names(kind)
    results = list(RESERVED) if scope.results and kind == "value" else []
    close = nearest(node.id, [*known, *named, *extra, *results])
    if kind in ("value", "number"):
        hint = _value_hint(node, scope, kind, [*named, *results])
        if close:
            hint = f"did you mean `{close}`?"
        return error("RN017", f"nothing on this page is called `{node.id}`", node.span, help=hint)
    if close:
        hint = f"did you mean `{close}`?"
    elif len(known) > FEW:
        hint = "`recon explain` lists the words of this kind"
    elif known:
        hint = "words of this kind: " + ", ".join(sorted(known))
    else:
        hint = f"it has no {bare_kind(kind)} at all yet"
    if kind == "operator" and not close and node.span.text.isupper():  # operators of a page are written so
        return error(
            "RN017",
            f"nothing on this page is called `{node.id}`",
            node.span,
            help=f"name an operator: `forward {node.id} = ...`",
        )
    message = f"there is no {bare_kind(kind)} called `{node.id}` in this version of recon"
    return error("RV001", message, node.span, help=hint)


def _value_hint(node: Name, scope: Scope, kind: str, known: list[str]) -> str:
    if kind == "number":
        return f"give it a value: `param {node.id} = ...`"
    kinds = {n: scope.names[n].kind for n in known if n in scope.names}
    if any(kind in UNKNOWNS for kind in kinds.values()):
        values = [n for n in known if n in RESERVED or kinds.get(n) in (*UNKNOWNS, "measured")]
        return "values here are " + listed(values, "and")
    return f"declare it: `image {node.id} : real[256, 256]`"


def definition_in_words(reader: Reader, d: Definition, scope: Scope) -> str:
    """What a name of the page is, with its article."""
    if d.kind in UNKNOWNS:
        return "an unknown"
    if d.kind == "forward":
        return "an operator"
    if d.kind in ("param", "binding") and d.value is not None:
        inside = scope.inside(d)
        if reader.is_constant(d.value, inside):
            return reader.constant_in_words(d.value, inside)
        used = reader.kinds.get((d.name, d.span))
        return kind_in_words(used) if used else "something else"
    return {"measured": "a measurement", "weights": "weights", "use": "another page"}.get(d.kind, d.kind)


def no_member(reader: Reader, node: Dot, scope: Scope) -> Diagnostic:
    """The diagnostic for `a.b` that is nothing."""
    path = root(node)
    head = path.split(".")[0] if path else ""
    d = scope.find(head)
    if head in reader.failed_pages:
        return reader.failed_pages[head]
    if d is not None and d.kind == "use":
        known = [n.removeprefix(f"{head}.") for n in scope.names if n.startswith(f"{head}.")]
        member = path.removeprefix(f"{head}.") if path else ""
        if member in known:
            return error(
                "RK005",
                f"`{path}` is {definition_in_words(reader, scope.names[path or head], scope)} of another page",
                node.span,
                help="of another page, operators, numbers, priors and other bindings can be used",
            )
        close = nearest(member, known)
        hint = f"did you mean `{head}.{close}`?" if close else f"its names: {', '.join(known)}" if known else ""
        return error("RK005", f"the page in use `{head}` has no name `{member}`", node.span, help=hint)
    if d is not None and d.kind == "method":
        return error(
            "RK004",
            f"a method has no member `{node.member}` here",
            node.span,
            help=f"`{head}.estimate` is its reconstruction, `{head}.psnr` a metric of it",
        )
    return error("RK004", f"nothing here has a member `{node.member}`", node.span, help="`A.H` is the adjoint of A")
