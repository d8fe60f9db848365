"""Groups of subcommands, each a module that is imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from .common import styled_help, wants_color

Decorator = Callable[[Callable[..., Any]], click.Group]


class LazyGroup(click.Group):
    """Loads a subcommand when it is called; its help lists all of them without loading any.

    known: name and one line of each; its module in `package` has the same name, and in it the command, which is called
    like the module with `prefix` before it.
    """

    known: dict[str, str]
    package: str
    prefix: str = ""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A stand-in with the one line that help shows."""
        return click.Command(cmd_name, help=self.known[cmd_name]) if cmd_name in self.known else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.known:
            from recon.dsl.diagnostics.nearest import nearest

            close = nearest(name, self.known)
            ctx.fail(f"there is no command {name!r}" + (f"; did you mean `{close}`?" if close else ""))
        loaded: click.Command = getattr(import_module(f"{self.package}.{name}"), self.prefix + name)
        return name, loaded, args[1:]


def lazy_group(
    known: dict[str, str], package: str, prefix: str = "", *, top: bool = False, **settings: Any
) -> Decorator:
    """A decorator that makes a lazy group of a function; its help is styled where a terminal shows it.

    top: whether this is the command itself, which shows its help when it is called alone.
    """
    base: type[click.Group] = LazyGroup
    if styled_help() or (top and len(sys.argv) == 1 and wants_color("auto")):
        from rich_click import RichGroup

        base = type("StyledGroup", (LazyGroup, RichGroup), {})
    cls = type(base.__name__, (base,), {"known": known, "package": package, "prefix": prefix})
    return click.group(cls=cls, context_settings={"help_option_names": ["-h", "--help"]}, **settings)
