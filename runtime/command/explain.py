"""`recon explain`: what a word means, what a code says."""

from __future__ import annotations

import re

import click
from recon.dsl.show.codes import code_text
from recon.dsl.show.explain import card_text, cards, listing_text, suggestion, words_by_kind

from .common import color_option, command, json_option, print_json, wants_color, width


@command()
@click.argument("word", required=False, metavar="[WORD | CODE]")
@json_option
@color_option
def explain(word: str | None, as_json: bool, color: str) -> None:
    """Tell about a word of the language or the code of a diagnostic; without one, list all words by kind."""
    painted = wants_color(color)
    if word is None:
        if as_json:
            print_json(words_by_kind())
        else:
            click.echo(listing_text(color=painted), color=painted)
        return
    if re.fullmatch(r"[rR][a-zA-Z]\d+", word):
        _code(word.upper(), as_json)
        return
    found = cards(word)
    if found:
        if as_json:
            print_json([c.to_json() for c in found])
        else:
            click.echo("\n\n".join(card_text(c, color=painted, width=width()) for c in found), color=painted)
        return
    _statement(word, as_json)


def _code(code: str, as_json: bool) -> None:
    text = code_text(code)
    if text is None:
        _unknown(code, "code")
    elif as_json:
        print_json({"code": code, "text": text})
    else:
        click.echo(f"{code}\n\n{text}")


def _statement(word: str, as_json: bool) -> None:
    from recon.dsl.elaborate.statements import SHAPES

    shape = SHAPES.get(word)
    if shape is None:
        _unknown(word, "word")
    elif as_json:
        print_json({"statement": word, "usage": shape.usage})
    else:
        click.echo(f"{word}  a statement\n  {shape.usage}")


def _unknown(name: str, what: str) -> None:
    close = suggestion(name)
    hint = f"did you mean `{close}`?" if close else "`recon explain` lists all words"
    raise click.UsageError(f"there is no {what} {name!r}; {hint}")
