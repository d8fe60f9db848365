"""Where a name is looked up: in the body, then on the page, then in the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..syntax.source import Span
from ..syntax.tree import Binding
from .names import Definition, Names


@dataclass
class Scope:
    """One statement's view: local names of its body, the page's names, and what it may speak of.

    place: the statement's name for seeds. columns: names of the columns of a source, None where any name is one.
    results: whether estimate, truth and the like may be named. derived: names of derived quantities that stand for
    themselves here, as unknowns do, instead of for their expression.
    """

    names: Names
    folder: Path
    place: str = ""
    locals: dict[str, Binding] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    columns: tuple[str, ...] | None = ()
    results: bool = False
    derived: frozenset[str] = frozenset()
    counts: dict[str, int] = field(default_factory=dict)

    def find(self, name: str) -> Definition | None:
        """The definition of a name, body first."""
        if name in self.locals:
            self.used.add(name)
            b = self.locals[name]
            return Definition("binding", name, b.value, b.name_span, None, self.locals)
        return self.names.get(name)

    def inside(self, d: Definition) -> Scope:
        """The scope in which the expression of a definition is read.

        Its place is that of the definition, so that a random word behind a name is drawn once, however often the name
        is used.
        """
        if d.locals is self.locals and d.name in self.locals:
            return replace(self, place=f"{self.place}.{d.name}", counts={})
        names = self.names if d.page is None else d.page
        place = f"{d.kind}.{d.name}"
        return Scope(names, self.folder, place, d.locals, results=self.results, derived=self.derived)

    def word_place(self, word: str) -> str:
        """The place of the next word of that name: `forward.A/cartesian`, then `forward.A/cartesian#2`."""
        n = self.counts[word] = self.counts.get(word, 0) + 1
        return f"{self.place}/{word}" + (f"#{n}" if n > 1 else "")


@dataclass(frozen=True)
class Where:
    """Spans of the arguments of a word, for diagnostics of its validation."""

    head: Span
    arguments: dict[str, Span]
    names: dict[str, Span]
