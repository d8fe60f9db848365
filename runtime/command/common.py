"""What the subcommands share: reading specs, `--set`, printing diagnostics, colours, styled help.

Exit codes: 0 done, 1 findings, 2 usage or files, 3 the run failed, 4 a claim was not met, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from recon.dsl.diagnostics import Diagnostic, SpecError
from recon.dsl.diagnostics.render import render, safe, to_json

if TYPE_CHECKING:
    from recon.dsl.check.page import CheckedExperiment
    from recon.dsl.syntax.tree import Expr

DONE, FINDINGS, USAGE, FAILED, UNMET = range(5)
LARGEST = 16 * 2**20
"""Bytes of a page that is still read; a page a person wrote has a few thousand."""
STDIN = "-"

Overrides = list[tuple[str, "Expr"]]
F = TypeVar("F", bound=Callable[..., Any])


class FileProblem(click.ClickException):
    """A file that cannot be used; one line, exit code 2."""

    exit_code = USAGE

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {safe(self.message)}", err=True)


@dataclass(frozen=True)
class Spec:
    """A page as read: its text, the name it is shown by, and the folder its files are found in."""

    text: str
    name: str
    folder: Path


def read_spec(spec: str) -> Spec:
    """Read a page: of a file, of the standard input (`-`) or of the Hub (`hf://...`). Raises FileProblem."""
    if spec == STDIN:
        return Spec(_text(sys.stdin.buffer.read(LARGEST + 1), "standard input"), "<stdin>", Path())
    if spec.startswith("hf://"):
        return _of_hub(spec)
    return _of_file(spec, Path(spec))


def _of_hub(spec: str) -> Spec:
    """A page of the Hub, as a stranger's: its folder holds the files of its repository that it names, and no others."""
    from recon.zoo.hub.client import HubError
    from recon.zoo.hub.pages import fetch_page

    try:
        return replace(_of_file(spec, fetch_page(spec)), name=spec)
    except HubError as e:
        raise FileProblem(f"cannot read {spec}: {e}") from None


def _of_file(spec: str, path: Path) -> Spec:
    try:
        if path.is_dir():
            raise FileProblem(f"cannot read {spec}: it is a folder")
        with open(path, "rb") as f:
            return Spec(_text(f.read(LARGEST + 1), spec), spec, path.parent)
    except OSError as e:
        raise FileProblem(f"cannot read {spec}: {_reason(e)}") from None
    except ValueError:  # a zero byte in the name
        raise FileProblem(f"cannot read {spec!r}: no such name is possible") from None


def _text(raw: bytes, name: str) -> str:
    if len(raw) > LARGEST:
        raise FileProblem(f"cannot read {name}: it is larger than {LARGEST >> 20} MiB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise FileProblem(f"cannot read {name}: it is not UTF-8 text (line {line}, byte {e.start})") from None


def _reason(e: OSError) -> str:
    return (e.strerror or str(e)).lower()


def parse_overrides(settings: Iterable[str]) -> Overrides:
    """`--set path=value`, each value an expression of the language. Raises SpecError and click.UsageError."""
    from recon.dsl.syntax.parse import parse_expression
    from recon.dsl.syntax.source import Source

    out: Overrides = []
    problems: list[Diagnostic] = []
    for setting in settings:
        path, sign, value = setting.partition("=")
        path = path.strip()
        if not sign or not path:
            raise click.UsageError(f"--set takes path=value, such as accel=8, not {setting!r}")
        try:
            out.append((path, parse_expression(Source(f"--set {path}", value.strip()))))
        except SpecError as e:
            problems += e.diagnostics
    if problems:
        raise SpecError(*problems)
    return out


def load_spec(spec: Spec, overrides: Overrides) -> CheckedExperiment:
    """Parse, elaborate and check a page. Raises SpecError with the findings, and FileProblem."""
    from recon.dsl.check.page import load

    try:
        return load(spec.text, spec.name, spec.folder, overrides)
    except OSError as e:
        raise FileProblem(f"cannot check {spec.name}: {_reason(e)}") from None


def load_or_exit(spec: str, settings: Iterable[str], *, color: bool, as_json: bool = False) -> CheckedExperiment:
    """The checked page. Where it has errors, print them (JSON to the standard output, else to the standard error) and
    leave with exit code 1."""
    page = read_spec(spec)
    try:
        return load_spec(page, parse_overrides(settings))
    except SpecError as e:
        if as_json:
            print_json({"page": page.name, "findings": [to_json(d) for d in e.diagnostics]})
        else:
            print_findings(e.diagnostics, color=color, err=True)
        leave(FINDINGS)


def print_findings(findings: Iterable[Diagnostic], *, color: bool, err: bool = False) -> None:
    """Diagnostics as people read them, with an empty line behind each."""
    for d in findings:
        click.echo(render([d], color=color, width=width()) + "\n", err=err, color=color)


def print_json(value: Any) -> None:
    """Plain data on the standard output, one value a call."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise SystemExit(code)


def width() -> int:
    """How many columns the terminal has, between 60 and 120; 100 where there is none."""
    import shutil

    return min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120)


def wants_color(choice: str, stream: IO[Any] | None = None) -> bool:
    """Whether to paint what goes to a stream (the standard output): `always`, `never`, or `auto`: on a terminal, unless
    NO_COLOR is set (no-color.org) or the terminal is dumb."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool((stream or sys.stdout).isatty())


# ---- options that several subcommands have --------------------------------------------------------------------


def set_option(command: F) -> F:
    """`--set path=value`, any number of times."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change a param, a binding or an option, such as accel=8 or solver.iterations=100.",
    )(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def color_option(command: F) -> F:
    """`--color auto|always|never`."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Colours; `auto` on a terminal unless NO_COLOR is set.",
    )(command)


def command(**settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """`click.command` with `-h`; its help is styled by rich-click where a terminal shows it."""
    cls: type[click.Command] = click.Command
    if styled_help():
        from rich_click import RichCommand

        cls = RichCommand
    return click.command(cls=cls, context_settings={"help_option_names": ["-h", "--help"]}, **settings)


def styled_help() -> bool:
    """Whether help is asked for on a terminal: only then is it worth the time that rich takes to load."""
    return bool({"-h", "--help"} & set(sys.argv[1:])) and wants_color("auto")
