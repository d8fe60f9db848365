"""What a user is told, and how it is shown."""

from .diagnostic import Diagnostic, Findings, Label, SpecError, error, note, warning

__all__ = ["Diagnostic", "Findings", "Label", "SpecError", "error", "note", "warning"]
