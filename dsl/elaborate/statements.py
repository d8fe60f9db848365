"""The closed list of statement kinds of edition 1, and the shape of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..diagnostics import Diagnostic, error
from ..diagnostics.nearest import nearest
from ..syntax.tree import Binding, Clause, Item, Name, Statement

Body = Literal["none", "options", "names", "statements", "clauses", "players"]


@dataclass(frozen=True)
class Shape:
    """How a statement kind is written.

    head: "name =", "name :" or "name" (a name alone), "value" (an expression), "body" (nothing before the braces).
    body: "options" only; "names" may also bind local names; "statements", "clauses" (`x in [..]`), "players" (options
    and statements).
    """

    head: Literal["name =", "name :", "name", "value", "body"]
    body: Body
    usage: str
    optional_value: bool = False


UNKNOWNS = ("signal", "image", "volume", "unknown")

SHAPES: dict[str, Shape] = {
    "experiment": Shape("value", "none", 'experiment "name"'),
    "param": Shape("name =", "none", "param name = value"),
    "use": Shape("name =", "none", 'use name = "./page.recon"'),
    **{kind: Shape("name :", "options", f"{kind} x : real[256, 256]") for kind in UNKNOWNS},
    "data": Shape("name =", "names", 'data name = sample("camera")'),
    "weights": Shape("name =", "none", 'weights name = zoo("name")'),
    "forward": Shape("name =", "names", "forward A = ..."),
    "noise": Shape("value", "names", "noise y ~ gaussian(A @ x, sigma = 0.01)"),
    "simulate": Shape("body", "statements", "simulate { noise ... }"),
    "prior": Shape("value", "names", "prior 10 * tv(x)"),
    "solver": Shape("value", "options", "solver fista(iterations = 60)"),
    "train": Shape("value", "players", "train supervised(loss = l2) { data = fit }"),
    "method": Shape("name", "statements", "method name { solver ... }"),
    "metrics": Shape("value", "names", "metrics [psnr, ssim]"),
    "expect": Shape("value", "none", "expect mean(psnr) >= 30dB"),
    "sweep": Shape("name", "clauses", "sweep name { accel in [2, 4, 8] }"),
    "report": Shape("value", "names", "report table { rows = method; cells = [mean(psnr)] }"),
    "analyze": Shape("value", "names", "analyze [norm(A)]"),
    "attack": Shape("value", "options", "attack pgd(norm = l2, radius = 0.1)"),
    "log": Shape("value", "options", 'log wandb { project = "name" }'),
    "publish": Shape("value", "options", 'publish "hf://owner/name"'),
    "run": Shape("body", "options", "run { seed = 0 }"),
}

_OTHERWISE = {
    "dataset": "data",
    "datasets": "data",
    "model": "forward",
    "operator": "forward",
    "measurement": "noise",
    "likelihood": "noise",
    "regularizer": "prior",
    "regulariser": "prior",
    "penalty": "prior",
    "algorithm": "solver",
    "optimizer": "solver",
    "reconstruct": "solver",
    "variable": "unknown",
    "const": "param",
    "let": "param",
    "import": "use",
    "include": "use",
    "output": "report",
    "plot": "report",
    "figure": "report",
    "table": "report",
    "assert": "expect",
}
"""What people call some statements elsewhere."""

IN_METHOD = ("forward", "noise", "prior", "solver", "train", *UNKNOWNS)
IN_SIMULATE = ("forward", "noise", *UNKNOWNS)


def check_shapes(items: Iterable[Item], allowed: Iterable[str] = tuple(SHAPES), inside: str = "") -> list[Diagnostic]:
    """What is wrong with the shapes of statements: unknown kinds, missing names, bodies where there are none."""
    out: list[Diagnostic] = []
    kinds = list(allowed)
    for item in items:
        if isinstance(item, Clause):
            out.append(
                error(
                    "RN010",
                    "a bare expression stands where a statement belongs",
                    item.span,
                    help="`name = expression` binds a name; `sweep` bodies hold `name in [...]`",
                )
            )
        elif isinstance(item, Statement):
            out += _check(item, kinds, inside)
    return out


def _check(s: Statement, kinds: list[str], inside: str) -> list[Diagnostic]:
    if s.kind not in SHAPES:
        close = _OTHERWISE.get(s.kind.casefold()) or nearest(s.kind, kinds)
        hint = f"did you mean `{close}`?" if close in kinds else "the kinds are " + ", ".join(kinds)
        return [error("RN001", f"there is no statement `{s.kind}`", s.kind_span, help=hint)]
    if s.kind not in kinds:
        return [
            error(
                "RN002",
                f"`{s.kind}` does not stand inside `{inside}`",
                s.kind_span,
                help=f"inside `{inside}` stand " + ", ".join(f"`{k}`" for k in kinds),
            )
        ]
    shape = SHAPES[s.kind]
    given = f"name {s.joint}" if s.name else ("value" if s.value is not None else "body")
    fits = given == shape.head or (shape.head == "name" and isinstance(s.value, Name) and s.name is None)
    if not fits or (s.name and s.value is None):
        return [error("RN003", f"`{s.kind}` is written `{shape.usage}`", s.kind_span)]
    out: list[Diagnostic] = []
    if s.body is None:
        return (
            out
            if shape.head not in ("body", "name")
            else [error("RN003", f"`{s.kind}` needs a body: `{shape.usage}`", s.kind_span)]
        )
    if shape.body == "none":
        return [error("RN004", f"`{s.kind}` takes no body", s.kind_span, help=f"it is written `{shape.usage}`")]
    if shape.body == "statements":
        return check_shapes(s.body, IN_METHOD if s.kind == "method" else IN_SIMULATE, s.kind)
    for item in s.body:
        if isinstance(item, Clause) and shape.body != "clauses":
            out.append(error("RN005", f"a body of `{s.kind}` holds `name = value`", item.span))
        elif isinstance(item, Statement) and shape.body != "players":
            out.append(error("RN005", f"`{item.kind}` does not stand inside `{s.kind}`", item.kind_span))
        elif isinstance(item, Binding) and shape.body == "clauses":
            out.append(
                error(
                    "RN005",
                    f"a body of `{s.kind}` holds `name in [...]`",
                    item.span,
                    help=f"write `{item.name} in ...`",
                )
            )
    return out
