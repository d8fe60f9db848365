"""Text to tree: cuts a page into its items and runs the automaton over each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..diagnostics import Diagnostic, Label, SpecError, error
from .automaton import Actions, Automaton, Start, actions_of
from .build import Builder
from .failure import CLOSES, OPENS, Failure
from .lexing import Token, at_margin, lex
from .messages import explain
from .source import Source
from .tree import Binding, Comment, Expr, Page, Statement

EDITIONS = ("1",)
MAX_BODIES = 20
"""How deep bodies may nest."""
MAX_ERRORS = 50
"""How many errors are reported at most: nobody reads more, and they would take their time."""


def parse(source: Source) -> Page:
    """The tree of a page.

    Raises SpecError with one error for each statement that is broken, in the order of the text.
    """
    lexed = lex(source)
    findings = list(lexed.findings)
    chunks = list(_chunks(lexed.tokens, source))
    edition = _edition(chunks, source, findings)
    actions = actions_of(Builder(source, lexed))
    items: list[Statement | Binding] = []
    for chunk in chunks:
        if len(findings) >= MAX_ERRORS:
            break
        items += _items(chunk, source, actions, findings)
    _stop_on(findings)
    comments = tuple(Comment(c.text, source.span(c.start, c.end)) for c in lexed.comments)
    return Page(edition, tuple(items), source, comments)


def parse_expression(source: Source) -> Expr:
    """The tree of one expression that stands alone, as in `--set name=value`. Raises SpecError."""
    lexed = lex(source)
    findings = list(lexed.findings)
    builder = Builder(source, lexed)
    value: Any = None
    try:
        value, failed = _run("expression", lexed.tokens, actions_of(builder))
        if failed is None:
            builder.bounded(value)
        else:
            findings.append(explain(Failure("expression", lexed.tokens, failed, source)))
    except SpecError as stop:
        findings += stop.diagnostics
    _stop_on(findings)
    expression: Expr = value
    return expression


def _stop_on(findings: list[Diagnostic]) -> None:
    if findings:
        raise SpecError(*sorted(findings, key=lambda d: d.sort_key)[:MAX_ERRORS])


def _run(start: Start, tokens: Sequence[Token], actions: Actions) -> tuple[Any, int | None]:
    """What the tokens say and None, or None and the index of the token that does not fit."""
    automaton = Automaton(start, actions)
    feed = automaton.feed
    for index, token in enumerate(tokens):
        if not feed(token):
            return None, index
    end = tokens[-1].end if tokens else 0
    if not feed(Token("$END", "", end, end)):
        return None, len(tokens)
    return automaton.result, None


def _items(
    tokens: Sequence[Token], source: Source, actions: Actions, findings: list[Diagnostic]
) -> Iterator[Statement | Binding]:
    """The item of a chunk; after an error the parse goes on at the next name in column 1, if the chunk has one."""
    while tokens and len(findings) < MAX_ERRORS:
        deep = _too_deep(tokens)
        if deep is not None:
            findings.append(
                error(
                    "RS018",
                    f"bodies nest more than {MAX_BODIES} deep",
                    deep.span(source),
                    help="a statement rarely needs more than two bodies inside each other",
                )
            )
            return
        try:
            item, failed = _run("item", tokens, actions)
        except SpecError as stop:
            findings += stop.diagnostics
            return
        if failed is None:
            yield item
            return
        findings.append(explain(Failure("item", tokens, failed, source)))
        tokens = tokens[_resume(tokens, failed, source) :]


def _resume(tokens: Sequence[Token], failed: int, source: Source) -> int:
    """Where a statement may begin again behind an error: a name in column 1 outside any body, which an operator at the
    end of the line before had drawn in."""
    depth = 0
    for i, token in enumerate(tokens):
        depth += (token.type == "BODY_OPEN") - (token.type == "BODY_CLOSE")
        if i >= max(1, failed - 1) and depth <= 0 and at_margin(source, token):
            return i
    return len(tokens)


def _too_deep(tokens: Sequence[Token]) -> Token | None:
    """The `{` that opens one body too many."""
    depth = 0
    for token in tokens:
        depth += (token.type == "BODY_OPEN") - (token.type == "BODY_CLOSE")
        if depth > MAX_BODIES:
            return token
    return None


def _chunks(tokens: Sequence[Token], source: Source) -> Iterator[Sequence[Token]]:
    """The tokens of each top-level item. A `{` that is never closed ends its item at the next name in column 1."""
    start = depth = brackets = 0
    unclosed = _unclosed(tokens)
    leaking = False
    for i, token in enumerate(tokens):
        if token.type == "BODY_OPEN":
            if i in unclosed:
                leaking = True
            else:
                depth += 1
        elif token.type == "BODY_CLOSE":
            depth = max(0, depth - 1)
        elif token.type in OPENS:
            brackets += 1
        elif token.type in CLOSES:
            brackets = max(0, brackets - 1)
        elif token.type == "END" and not (brackets and token.text == ";"):  # which is wrong there, and ends nothing
            brackets = 0
            if not depth and (not leaking or _at_margin(source, tokens, i + 1)):
                yield tokens[start:i]
                start, leaking = i + 1, False
    yield tokens[start:]


def _at_margin(source: Source, tokens: Sequence[Token], index: int) -> bool:
    return index < len(tokens) and at_margin(source, tokens[index])


def _unclosed(tokens: Sequence[Token]) -> set[int]:
    """The indices of `{` without their `}`."""
    opened: list[int] = []
    for i, token in enumerate(tokens):
        if token.type == "BODY_OPEN":
            opened.append(i)
        elif token.type == "BODY_CLOSE" and opened:
            opened.pop()
    return set(opened)


def _edition(chunks: list[Sequence[Token]], source: Source, findings: list[Diagnostic]) -> int:
    """Take every `recon N` out of the chunks: the first chunk must be one, and no other."""
    said = [c for c in chunks if c and (c[0].type, c[0].text) == ("NAME", "recon") and not _is_binding(c)]
    first = said[0] if said else None
    if first is None:
        at = chunks[0][0].span(source) if chunks[0] else source.span(0, 0)
        findings.append(
            error("RS001", "the page does not say its edition", at, help="write `recon 1` as its first line")
        )
    elif first is not chunks[0]:
        findings.append(
            error(
                "RS001",
                "the edition must come first",
                Label(first[0].span(source)),
                Label(chunks[0][0].span(source), "something stands in front of it"),
                help="move `recon 1` to the top",
            )
        )
    for again in said[1:]:
        findings.append(
            error(
                "RS001",
                "the page says its edition twice",
                Label(again[0].span(source), "again"),
                Label(said[0][0].span(source), "first here"),
                help="keep the one at the top",
            )
        )
    chunks[:] = [c for c in chunks if not any(c is s for s in said)]
    if first is None:
        return 1
    known = " and ".join(EDITIONS)
    if len(first) < 2 or first[1].type != "NUMBER":
        findings.append(
            error("RS002", "`recon` needs the number of an edition", first[0].span(source), help="write `recon 1`")
        )
    elif first[1].text not in EDITIONS:
        findings.append(
            error(
                "RS002",
                f"edition {first[1].text} is not known here",
                first[1].span(source),
                help=f"this version knows edition {known}",
            )
        )
    elif len(first) > 2:
        findings.append(
            error(
                "RS002",
                "`recon 1` stands alone on its line",
                first[2].span(source),
                help="put a line end or `;` behind `recon 1`",
            )
        )
    return 1


def _is_binding(tokens: Sequence[Token]) -> bool:
    return len(tokens) > 1 and tokens[1].type == "EQUAL"
