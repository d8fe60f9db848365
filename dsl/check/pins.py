"""What of a page only this machine has: a page that is published must run elsewhere and mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from ..diagnostics import Diagnostic, error
from ..model.experiment import Experiment
from ..model.fields import FilePath
from ..model.networks import Pretrained
from ..syntax.source import Span
from ..syntax.tree import Expr, Item, Statement, Text, walk
from ..vocabulary.pretrained import Folder


def check_publishing(e: Experiment) -> list[Diagnostic]:
    """What a page that publishes itself may not name."""
    return unpinned(e) if e.publish is not None else []


def unpinned(e: Experiment) -> list[Diagnostic]:
    """An error for everything on the page that others could not get: files of its folder, weights without a commit."""
    out: list[Diagnostic] = []
    told: set[str] = set()
    for d in e.data.values():
        local = [f.text for f in (*d.files, *files_in(d.source))]
        if local:
            told.update(local)
            hint = 'put them into a data set on the Hub, and write `"hf://datasets/owner/name@commit"`'
            message = f"the data `{d.name}` are files of this machine, and a published page names what others can get"
            out.append(error("RF006", message, d.span, help=hint))
    for name, network in e.weights.items():
        if isinstance(network.source, Folder):
            span = _statement(e, "weights", name)
            hint = "`recon zoo push` puts them on the Hub and prints the line to write"
            message = f"the weights `{name}` are files of this machine, and a published page names what others can get"
            out.append(error("RF006", message, *([span] if span else []), help=hint))
    for name in dict.fromkeys(f.text for f in files_in(e)):
        span = _text(e, name)
        if name not in told and span is not None:
            out.append(
                error(
                    "RF006", f"`{name}` is a file of this machine, and a published page names what others can get", span
                )
            )
    for item in e.page.items:
        if isinstance(item, Statement) and item.kind == "use":
            hint = "write on the page itself what it uses of the other"
            out.append(error("RF006", "a published page stands alone", item.span, help=hint))
    return out


def files_in(value: Any) -> Iterator[FilePath]:
    """Files of the page's own folder that a value holds; those of weights aside, which their source tells of."""
    if isinstance(value, FilePath):
        yield value
    elif isinstance(value, (Pretrained, Statement, Span)):
        return
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from files_in(getattr(value, name))
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            if f.name not in ("page", "span", "source_text"):
                yield from files_in(getattr(value, f.name))
    elif isinstance(value, dict):
        for v in value.values():
            yield from files_in(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from files_in(v)


def _statement(e: Experiment, kind: str, name: str) -> Span | None:
    found = [i.span for i in e.page.items if isinstance(i, Statement) and i.kind == kind and i.name == name]
    return found[0] if found else None


def _text(e: Experiment, name: str) -> Span | None:
    """Where the page first names a file."""
    return next((n.span for n in _walked(e.page.items) if isinstance(n, Text) and n.value == name), None)


def _walked(items: Iterable[Item]) -> Iterator[Expr]:
    for item in items:
        if item.value is not None:
            yield from walk(item.value)
        if isinstance(item, Statement):
            yield from _walked(item.body or ())
