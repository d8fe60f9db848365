"""What a user is told: a stable code, a message that stands alone, labelled places and, where possible, the fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ..syntax.source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Label:
    """A place with a few words about it; the words may be empty."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One finding. The first label is the primary place; `help` says the fix in the user's own names."""

    severity: Severity
    code: str
    message: str
    labels: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()

    @property
    def sort_key(self) -> tuple[str, int, str, str]:
        if not self.labels:
            return ("", -1, self.code, self.message)
        span = self.labels[0].span
        return (span.source.name, span.start, self.code, self.message)


def error(code: str, message: str, *labels: Label | Span | None, help: str | Iterable[str] = ()) -> Diagnostic:
    return _make("error", code, message, labels, help)


def warning(code: str, message: str, *labels: Label | Span | None, help: str | Iterable[str] = ()) -> Diagnostic:
    return _make("warning", code, message, labels, help)


def note(code: str, message: str, *labels: Label | Span | None, help: str | Iterable[str] = ()) -> Diagnostic:
    return _make("note", code, message, labels, help)


def _make(
    severity: Severity, code: str, message: str, labels: Iterable[Label | Span | None], help: str | Iterable[str]
) -> Diagnostic:
    places = tuple(x if isinstance(x, Label) else Label(x) for x in labels if x is not None)
    lines = (help,) if isinstance(help, str) else tuple(help)
    return Diagnostic(severity, code, message, places, tuple(line for line in lines if line))


class SpecError(Exception):
    """Stops a stage: carries the diagnostics found so far, at least one of them an error."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(d.message for d in diagnostics))
        self.diagnostics = diagnostics


@dataclass
class Findings:
    """Collects diagnostics over a stage, so that one run reports all of them."""

    items: list[Diagnostic] = field(default_factory=list)

    def add(self, *diagnostics: Diagnostic) -> None:
        for d in diagnostics:
            if d not in self.items:
                self.items.append(d)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.items if d.severity == "error"]

    def sorted(self) -> list[Diagnostic]:
        return sorted(self.items, key=lambda d: d.sort_key)

    def stop_on_errors(self) -> None:
        """Raise SpecError with everything collected if there is an error among it."""
        if self.errors:
            raise SpecError(*self.sorted())
