"""What the readers of all statements share: the page, its names, the findings, and how bodies are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from ..diagnostics import Findings, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..syntax.tree import Binding, Item, Page, Sequence, Statement
from ..syntax.tree import Expr as Expression
from .expressions import Elaborator
from .names import Names, collect
from .reader import Options
from .scope import Scope
from .statements import SHAPES
from .use import import_pages

T = TypeVar("T")
S = TypeVar("S")


class Context:
    """One page under elaboration."""

    def __init__(self, page: Page, folder: Path, findings: Findings) -> None:
        self.page, self.folder, self.findings = page, folder, findings
        self.reader = Elaborator(findings)
        self.names = collect(page.items, findings, import_pages(page, folder, findings, self.reader.failed_pages))
        self.environments: list[Names] = []
        """The names of every method, kept so that each stays itself while the page is read."""
        self.bound: set[str] = set()
        """The names that data bind."""

    def attempt(self, what: Callable[[S], T], given: S) -> T | None:
        """`what(given)`, or None with the errors noted, so that one bad statement does not hide the others."""
        try:
            return what(given)
        except SpecError as e:
            self.findings.add(*e.diagnostics)
            return None

    def each(self, what: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """The results of all items that could be read."""
        results = (self.attempt(what, item) for item in items)
        return [r for r in results if r is not None]

    def statements(self, kind: str, items: Iterable[Item] | None = None) -> list[Statement]:
        """The statements of a kind, of the page or among the given items."""
        source = self.page.items if items is None else items
        return [i for i in source if isinstance(i, Statement) and i.kind == kind]

    def one(self, kind: str, items: Iterable[Item] | None = None, help: str = "") -> Statement | None:
        """The only statement of a kind; a second one is an error."""
        found = self.statements(kind, items)
        for again in found[1:]:
            second, first = Label(again.kind_span, "second"), Label(found[0].kind_span, "first")
            self.findings.add(error("RN013", f"`{kind}` stands twice", second, first, help=help))
        return found[0] if found else None

    def scope(
        self, s: Statement, names: Names, place: str, options: Iterable[str] = (), results: bool = False
    ) -> Scope:
        """The scope of a statement, with the local names of its body: those that are none of its options."""
        local: dict[str, Binding] = {}
        for b in s.body or ():
            if not isinstance(b, Binding) or b.name in options:
                continue
            if b.name in local:
                second, first = Label(b.name_span, "second"), Label(local[b.name].name_span, "first")
                self.findings.add(error("RN011", f"`{b.name}` is bound twice", second, first))
            local.setdefault(b.name, b)
        return Scope(names, self.folder, place, local, results=results)

    def unused(self, s: Statement, scope: Scope, options: Iterable[str] = ()) -> None:
        """A local name that nothing in its statement uses is an error: most often it is a misspelt option."""
        known = list(options)
        for name, b in scope.locals.items():
            if name in scope.used:
                continue
            close = nearest(name, known)
            if close:
                hint = f"did you mean the option `{close}`?"
            elif known:
                hint = "its options are " + ", ".join(f"`{k}`" for k in known)
            else:
                hint = f"use it in this `{s.kind}`, or remove it"
            self.findings.add(error("RN014", f"nothing in this `{s.kind}` uses `{name}`", b.name_span, help=hint))

    def options(self, s: Statement, names: Iterable[str] | None = None) -> Options:
        """The options in a statement's body: all of them, or those of the given names."""
        found = [b for b in s.body or () if isinstance(b, Binding)]
        wanted = None if names is None else set(names)
        return tuple((b.name, b.value, b.name_span) for b in found if wanted is None or b.name in wanted)

    def validated(self, cls: type[BaseModel], s: Statement, scope: Scope, names: Iterable[str] | None = None) -> Any:
        """The options of a statement that is no word. Raises SpecError."""
        return self.reader.options(cls, self.options(s, names), scope, s.kind_span, s.kind)


def value_of(s: Statement) -> Expression:
    """The expression of a statement whose shape has one."""
    assert s.value is not None, SHAPES[s.kind].usage
    return s.value


def listed_values(s: Statement) -> tuple[Expression, ...]:
    """The expressions of a statement that takes a list; one alone needs no brackets."""
    value = value_of(s)
    return value.items if isinstance(value, Sequence) else (value,)
