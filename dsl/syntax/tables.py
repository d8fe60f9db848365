"""The grammar as tables: what the scanner matches and what the parser does in each state.

Lark builds the tables from `grammar.lark`; they are kept as JSON in the user's cache folder, so that a later process
neither builds them again nor imports lark. The tables of a grammar without conflicts follow from the grammar alone,
so the key is the grammar, the layout below and the version of Python.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

STARTS = ("item", "expression")
LAYOUT = 1  # goes up when `Tables` changes


@dataclass(frozen=True)
class Tables:
    """Scanner patterns in the order of trial, and the LALR(1) automaton.

    `states[s][symbol]` is the state to go to, or `~r` to reduce by rule `r`; a missing symbol is an error.
    A rule is (what it makes, how many symbols it takes, the method that builds the node or "").
    """

    terminals: list[tuple[str, str]]
    keywords: dict[str, str]
    states: list[dict[str, int]]
    rules: list[tuple[str, int, str]]
    start: dict[str, int]
    end: dict[str, int]


def grammar() -> str:
    """The text of `grammar.lark`."""
    return (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")


def build_lark(*, strict: bool = False) -> Lark:
    """The grammar built by Lark; `strict` refuses any conflict and needs the package interegular."""
    from lark import Lark

    return Lark(grammar(), parser="lalr", lexer="basic", start=list(STARTS), strict=strict)


def build_tables(*, strict: bool = False) -> Tables:
    """The tables, made from the grammar by Lark."""
    from lark.lexer import PatternStr
    from lark.parsers.lalr_analysis import Shift

    lark = build_lark(strict=strict)
    table = lark.parse_interactive("", start=STARTS[0]).parser_state.parse_conf.parse_table
    ordered_rules = sorted(lark.rules, key=lambda r: (r.origin.name, [s.name for s in r.expansion], r.alias or ""))
    rule_numbers = {rule: i for i, rule in enumerate(ordered_rules)}
    rules = [(str(r.origin.name), len(r.expansion), str(r.alias or "")) for r in ordered_rules]

    # Lark numbers states by the order of a set; counted from the start states on, they are the same in every process.
    order = [table.start_states[start] for start in STARTS]
    for state in order:  # grows under the loop
        shifts = sorted((symbol, target) for symbol, (action, target) in table.states[state].items() if action is Shift)
        order += [target for target in dict.fromkeys(t for _, t in shifts) if target not in order]
    numbers = {state: i for i, state in enumerate(order)}
    states = [
        {
            str(symbol): numbers[target] if action is Shift else ~rule_numbers[target]
            for symbol, (action, target) in sorted(table.states[state].items())
        }
        for state in order
    ]
    start = {name: numbers[table.start_states[name]] for name in STARTS}
    end = {name: numbers[table.end_states[name]] for name in STARTS}

    ordered = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    fixed = [t for t in ordered if isinstance(t.pattern, PatternStr)]
    keywords = {t.pattern.value: str(t.name) for t in fixed if t.pattern.value.isalpha()}
    terminals = [(str(t.name), t.pattern.to_regexp()) for t in ordered if t.pattern.value not in keywords]
    return Tables(terminals, keywords, states, rules, start, end)


@cache
def tables() -> Tables:
    """The tables, from the cache where it holds them; a cache that is missing, damaged or read-only costs only time."""
    try:
        file = cache_file()
    except Exception:  # no home folder, or an odd one: the page must parse all the same
        return build_tables()
    found = _read(file)
    if found is None:
        found = build_tables()
        _write(file, found)
    return found


def cache_file() -> Path:
    """Where the tables of this grammar are kept."""
    from platformdirs import user_cache_dir

    key = f"{LAYOUT}\n{sys.version_info[:3]}\n{grammar()}"
    return Path(user_cache_dir("recon")) / f"grammar-{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def _read(file: Path) -> Tables | None:
    """The tables in a file whose first line is the digest of the rest, or None."""
    try:
        digest, _, payload = file.read_bytes().partition(b"\n")
        if digest.decode("ascii") != hashlib.sha256(payload).hexdigest():
            return None
        return Tables(**json.loads(payload))
    except Exception:  # whatever is wrong with the file, the tables can be built again
        return None


def _write(file: Path, found: Tables) -> None:
    payload = json.dumps(asdict(found), separators=(",", ":")).encode()
    temporary = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.stem)
        with os.fdopen(handle, "wb") as out:
            out.write(hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
        os.replace(temporary, file)
    except OSError:  # a cache that cannot be written is no reason to stop
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
