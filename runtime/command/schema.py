"""`recon schema`: the JSON schema of all words."""

from __future__ import annotations

from .common import command, print_json


@command()
def schema() -> None:
    """Print the JSON schema (draft 2020-12) of all words, told apart by `kind` and `name`."""
    from recon.dsl.show.schema import schema as of_words

    print_json(of_words())
