"""From the parser's reductions to the tree: one method for each arrow of `grammar.lark`."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..diagnostics import Label, SpecError, error
from .lexing import Lexed, Token, split_number, unescape
from .source import Source, Span
from .tree import (
    Argument,
    Binary,
    Binding,
    Call,
    Clause,
    Compare,
    Dot,
    Expr,
    Follows,
    Index,
    Item,
    Member,
    Name,
    Negative,
    Number,
    Quantity,
    Range,
    Sequence,
    Statement,
    Text,
    children,
)

MAX_DEPTH = 100
"""How deep an expression may nest, a chain such as `a + b + c` counting one for each operator: every later stage
recurses over the tree, several Python frames a level, and Python allows 1000."""

T = TypeVar("T")
Head = tuple[Token, Token | None, str, Expr | None]
Body = tuple[Token, tuple[Item, ...], Token]


class Builder:
    """Makes the nodes of one source. Raises SpecError for what the grammar allows and the language does not."""

    def __init__(self, source: Source, lexed: Lexed) -> None:
        self.source = source
        self.lexed = lexed

    def span(self, first: Token | Expr, last: Token | Expr) -> Span:
        start = first.start if isinstance(first, Token) else first.span.start
        end = last.end if isinstance(last, Token) else last.span.end
        return Span(start, end, self.source)

    # items

    def head_kind(self, kind: Token) -> Head:
        return kind, None, "", None

    def head_value(self, kind: Token, value: Expr) -> Head:
        return kind, None, "", self.bounded(value)

    def head_name(self, kind: Token, name: Token, joint: Token, value: Expr) -> Head:
        return kind, name, joint.text, self.bounded(value)

    def statement(self, head: Head, body: Body | None = None) -> Statement:
        kind, name, joint, value = head
        last: Token | Expr = value if value is not None else kind
        ends = [last.end if isinstance(last, Token) else last.span.end]
        if body is not None:
            last = body[2]
            ends += [body[0].end, last.end]
        span = self.span(kind, last)
        return Statement(
            kind.text,
            name.text if name else None,
            joint,
            value,
            body[1] if body is not None else None,
            span,
            self.span(kind, kind),
            self.span(name, name) if name else None,
            self.doc(span.start, *ends),
        )

    def binding(self, name: Token, _equal: Token, value: Expr) -> Binding:
        span = self.span(name, self.bounded(value))
        return Binding(name.text, value, span, self.span(name, name), self.doc(span.start, span.end))

    def clause(self, target: Expr, _in: Token, choices: Expr) -> Clause:
        value = Member(target, self.bounded(choices), self.span(target, choices))
        return Clause(self.bounded(value), value.span)

    def empty_body(self, opening: Token, closing: Token) -> Body:
        return opening, (), closing

    def body(self, opening: Token, items: list[Item], closing: Token) -> Body:
        return opening, tuple(items), closing

    # lists of anything

    def first(self, item: T) -> list[T]:
        return [item]

    def following(self, items: list[T], _separator: Token, item: T) -> list[T]:
        items.append(item)
        return items

    # expressions

    def name(self, token: Token) -> Name:
        return Name(token.text, self.span(token, token))

    def number(self, token: Token) -> Number:
        return Number(split_number(token.text)[0], token.text, self.span(token, token))

    def quantity(self, token: Token) -> Quantity:
        value, unit = split_number(token.text)
        return Quantity(value, unit, token.text, self.span(token, token))

    def text(self, token: Token) -> Text:
        return Text(unescape(token.text), self.span(token, token))

    def sequence(self, opening: Token, *rest: list[Expr] | Token) -> Sequence:
        items = rest[0] if isinstance(rest[0], list) else []
        closing = rest[-1]
        assert isinstance(closing, Token)
        return Sequence(tuple(items), self.span(opening, closing))

    def group(self, opening: Token, inner: Expr, closing: Token) -> Expr:
        return replace(inner, span=self.span(opening, closing))

    def dot(self, base: Expr, _dot: Token, member: Token) -> Dot:
        return Dot(base, member.text, self.span(base, member))

    def index(self, base: Token, _opening: Token, items: list[Expr], *rest: Token) -> Index:
        return Index(self.name(base), tuple(items), self.span(base, rest[-1]))

    def call(self, function: Expr, _opening: Token, *rest: list[Argument] | Token) -> Call:
        arguments = rest[0] if isinstance(rest[0], list) else []
        closing = rest[-1]
        assert isinstance(closing, Token)
        self.check_arguments(arguments)
        return Call(function, tuple(arguments), self.span(function, closing))

    def positional(self, value: Expr) -> Argument:
        return Argument(None, value, value.span)

    def keyword(self, name: Token, _equal: Token, value: Expr) -> Argument:
        return Argument(name.text, value, self.span(name, value), self.span(name, name))

    def negative(self, minus: Token, operand: Expr) -> Negative:
        return Negative(operand, self.span(minus, operand))

    def binary(self, left: Expr, op: Token, right: Expr) -> Binary:
        return Binary(op.text, left, right, self.span(left, right), self.span(op, op))

    def compare(self, left: Expr, op: Token, right: Expr) -> Compare:
        return Compare(op.text, left, right, self.span(left, right))

    def follows(self, left: Expr, _tilde: Token, law: Expr) -> Follows:
        return Follows(left, law, self.span(left, law))

    def member(self, left: Expr, _in: Token, choices: Expr) -> Member:
        return Member(left, choices, self.span(left, choices))

    def range(self, start: Expr, _dots: Token, stop: Expr, _by: Token | None = None, step: Expr | None = None) -> Range:
        return Range(start, stop, step, self.span(start, step if step is not None else stop))

    # what the grammar cannot say

    def check_arguments(self, arguments: list[Argument]) -> None:
        """Positional before keyword, and no keyword twice."""
        keywords: dict[str, Argument] = {}
        for argument in arguments:
            if argument.name is None:
                if keywords:
                    name, before = next(reversed(keywords.items()))
                    raise SpecError(
                        error(
                            "RS013",
                            "an argument without a name stands behind one with a name",
                            Label(argument.span, "has no name"),
                            Label(before.span, "has one"),
                            help=f"give it its name, or put it in front of `{name}`",
                        )
                    )
            elif argument.name in keywords:
                raise SpecError(
                    error(
                        "RS014",
                        f"`{argument.name}` is given twice",
                        Label(argument.name_span or argument.span, "again"),
                        Label(keywords[argument.name].name_span or argument.span, "first here"),
                        help="keep one of the two",
                    )
                )
            else:
                keywords[argument.name] = argument

    def bounded(self, value: Expr) -> Expr:
        """The expression, if it nests at most MAX_DEPTH deep; a loop, since the recursion is what must not happen."""
        level = [value]
        for _ in range(MAX_DEPTH):
            level = [child for node in level for child in children(node)]
            if not level:
                return value
        raise SpecError(
            error(
                "RS018",
                f"this expression nests more than {MAX_DEPTH} deep",
                Label(value.span),
                help="give parts of it names of their own, `part = ...`",
            )
        )

    def doc(self, start: int, *ends: int) -> str:
        """The `##` lines right above a statement that begins its line, and those behind one of the given ends."""
        line, column = self.source.position(start)
        lines: list[str] = []
        if not self.source.text[start - column + 1 : start].strip():
            while (line := line - 1) in self.lexed.docs_on_line:
                lines.insert(0, self.lexed.docs_on_line[line])
        lines += [self.lexed.docs_behind[end] for end in ends if end in self.lexed.docs_behind]
        return "\n".join(lines)
