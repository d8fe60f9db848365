"""`recon`: a subcommand a module, imported when it is called, so that `recon check` starts at once."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from recon.dsl.diagnostics import SpecError

from .common import FAILED, FINDINGS, USAGE, print_findings, wants_color
from .lazy import lazy_group

COMMANDS = {
    "run": "Run an experiment and write its folder of results.",
    "check": "Find the mistakes in pages.",
    "plan": "Show what a run would do, and why.",
    "simulate": "Draw data from the model of a page.",
    "fmt": "Lay out pages in the one canonical way.",
    "explain": "Tell about a word of the language or the code of a diagnostic.",
    "new": "Write a page to start from.",
    "diff": "Compare two pages by what they mean.",
    "freeze": "Write down what a page stands for, so that a run can tell whether it still does.",
    "schema": "Print the JSON schema of all words.",
    "zoo": "Pretrained networks: list, show, verify, pull, convert, card, push.",
}
"""Name and one line of each subcommand; its module has the same name, and in it the command."""

INTERRUPTED, BROKEN_PIPE = 130, 141


def group() -> click.Group:
    """The command with all its subcommands."""

    @click.pass_context
    def recon(ctx: click.Context, version: bool) -> None:
        if version:
            from importlib.metadata import version as installed

            click.echo(f"recon {installed('recon-dsl')}")
            ctx.exit()
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())
            ctx.exit()

    recon.__doc__ = "Declarative experiments in computational imaging: a page says what, recon does it."
    grouped = lazy_group(COMMANDS, str(__package__), top=True, invoke_without_command=True)
    out: click.Group = grouped(click.option("--version", is_flag=True, help="Print the version.")(recon))
    return out


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code. No user's mistake ends in a traceback.

    0 done, 1 findings, 2 usage or files, 3 failed, 4 a claim not met, 130 interrupted, 141 nobody reads on.
    """
    # No package that happens to be installed may change what a word accepts; looking for one also costs a tenth of the
    # time of `recon check`.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode shows escapes instead of failing
    raise SystemExit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        code = _called(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Python flushes the standard output when it ends; there is nobody to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _called(arguments: list[str] | None) -> int:
    if "_RECON_COMPLETE" in os.environ:  # the shell asks for completions
        group().main(arguments, prog_name="recon")
    try:
        top = group()
        with top.make_context("recon", list(sys.argv[1:] if arguments is None else arguments)) as ctx:
            result: Any = top.invoke(ctx)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else USAGE if e.code else 0
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except SpecError as e:
        print_findings(e.diagnostics, color=wants_color("auto", sys.stderr), err=True)
        return FINDINGS
    except Exception as e:
        if os.environ.get("RECON_DEBUG") == "1":
            raise
        what = " ".join(f"{type(e).__name__}: {e}".split())
        click.echo(f"internal error: {what[:300]}", err=True)
        click.echo("please report this with the page; RECON_DEBUG=1 shows where it happened", err=True)
        return FAILED
