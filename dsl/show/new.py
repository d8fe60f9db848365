"""Pages to start from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

SUFFIX = ".recon"


@cache
def templates() -> dict[str, str]:
    """The text of each template, by name."""
    folder = files(__package__).joinpath("templates")
    found = [f for f in folder.iterdir() if f.name.endswith(SUFFIX)]
    return {f.name.removesuffix(SUFFIX): f.read_text(encoding="utf-8") for f in sorted(found, key=lambda f: f.name)}


def summary(text: str) -> str:
    """The first doc comment of a page, which says what it is about."""
    return next((line.removeprefix("##").strip() for line in text.split("\n") if line.startswith("##")), "")
