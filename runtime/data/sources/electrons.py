"""Rows of particles."""

from __future__ import annotations

from recon.dsl.vocabulary.sources import electrons as sources

from ...meaning import meaning_of
from ..files import Rows
from ..star import star as star_rows
from . import Request


@meaning_of(sources.Star)
def star(word: sources.Star, request: Request) -> Rows:
    """A particle a row."""
    return star_rows(word.file.text, request.folder, columns=request.columns or ("image",))
