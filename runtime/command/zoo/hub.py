"""What commands that speak to the Hub share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from recon.dsl.diagnostics.render import safe

from ..common import FAILED, FileProblem, leave


@contextmanager
def hub_problems() -> Iterator[None]:
    """What goes wrong with the Hub is one line: exit code 3 where somebody else has pushed meanwhile, 2 otherwise."""
    from recon.zoo.hub.client import HubError, MovedError

    try:
        yield
    except MovedError as e:
        click.echo(f"error: {safe(str(e))}", err=True)
        leave(FAILED)
    except HubError as e:
        raise FileProblem(str(e)) from None
