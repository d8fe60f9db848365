"""Tree to text: one layout for every page.

Two blanks of indentation in bodies, single blanks around operators (none around `^` and `..`), at most one empty line
between statements, no alignment of columns. A body that stood on one line stays there where it fits in WIDTH columns,
otherwise each of its items has a line. A call or list that is too long breaks inside its brackets. Comments
stay with what they stand above or behind; an expression with comments inside is left as it was written.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from .source import Source, Span
from .tree import (
    Argument,
    Binary,
    Binding,
    Call,
    Clause,
    Comment,
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
    Page,
    Quantity,
    Range,
    Sequence,
    Statement,
    Text,
)

WIDTH = 100
INDENT = 2
COMPARE, RELATION, RANGE, SUM, PRODUCT, UNARY, POWER, OPERAND, PRIMARY = range(9)
OPERATORS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT, "^": POWER}
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


@dataclass(frozen=True)
class Group:
    """Parts in brackets that may break behind the bracket and behind each comma."""

    opening: str
    items: tuple[Pieces, ...]
    closing: str


Pieces = tuple[str | Group, ...]


def format_expression(expr: Expr) -> str:
    """An expression on one line, with the brackets its operators need and no others."""
    return _flat(_pieces(expr, COMPARE))


def format_page(page: Page) -> str:
    """A page in canonical layout, with all its comments. Formatting twice changes nothing more."""
    return _Layout(page).text()


def _level(expr: Expr) -> int:
    match expr:
        case Compare():
            return COMPARE
        case Follows() | Member():
            return RELATION
        case Range():
            return RANGE
        case Binary(op=op):
            return OPERATORS[op]
        case Negative():
            return UNARY
        case Number() | Quantity() | Text() | Sequence():
            return OPERAND
        case _:
            return PRIMARY


def _pieces(expr: Expr, least: int) -> Pieces:
    """The pieces of an expression where an operator of level `least` or tighter may stand."""
    if _level(expr) < least:
        return (Group("(", (_pieces(expr, COMPARE),), ")"),)
    match expr:
        case Number(text=text) | Quantity(text=text):
            return (text,)
        case Text(value=value):
            return (f'"{value.translate(ESCAPES)}"',)
        case Name(id=name):
            return (name,)
        case Dot(base=base, member=member):
            return (*_pieces(base, PRIMARY), f".{member}")
        case Call(function=function, arguments=arguments):
            # `(real[3])(x)`: a bracket behind `]` would not call
            inner = (Group("(", (_pieces(function, COMPARE),), ")"),) if isinstance(function, Index) else None
            return (*(inner or _pieces(function, PRIMARY)), _group("(", tuple(map(_argument, arguments)), ")"))
        case Index(base=base, items=items):
            return (base.id, _group("[", tuple(_pieces(item, COMPARE) for item in items), "]"))
        case Sequence(items=items):
            return (_group("[", tuple(_pieces(item, COMPARE) for item in items), "]"),)
        case Range(start=start, stop=stop, step=step):
            tight = not isinstance(start, Binary) and not isinstance(stop, Binary)
            by = (" by ", *_pieces(step, SUM)) if step is not None else ()
            return (*_pieces(start, SUM), ".." if tight else " .. ", *_pieces(stop, SUM), *by)
        case Negative(operand=operand):
            return ("-", *_pieces(operand, UNARY))
        case Binary(op="^", left=left, right=right):
            return (*_pieces(left, OPERAND), "^", *_pieces(right, UNARY))
        case Binary(op=op, left=left, right=right):
            level = OPERATORS[op]
            sign = op if _is_per(expr) else f" {op} "
            return (*_pieces(left, level), sign, *_pieces(right, level + 1))
        case Follows(left=left, law=law):
            return (*_pieces(left, RANGE), " ~ ", *_pieces(law, RANGE))
        case Member(left=left, set=choices):
            return (*_pieces(left, RANGE), " in ", *_pieces(choices, RANGE))
        case Compare(op=op, left=left, right=right):
            return (*_pieces(left, RELATION), f" {op} ", *_pieces(right, RELATION))


def _is_per(expr: Binary) -> bool:
    """Whether this is a quantity such as `0.02/mm`, written without blanks."""
    return (
        expr.op == "/"
        and isinstance(expr.right, Name)
        and expr.left.span.end == expr.op_span.start
        and expr.op_span.end == expr.right.span.start
    )


def _argument(argument: Argument) -> Pieces:
    value = _pieces(argument.value, COMPARE)
    return value if argument.name is None else (f"{argument.name} = ", *value)


def _group(opening: str, items: tuple[Pieces, ...], closing: str) -> Group | str:
    return Group(opening, items, closing) if items else opening + closing


def _flat(pieces: Pieces) -> str:
    return "".join(
        p if isinstance(p, str) else p.opening + ", ".join(_flat(item) for item in p.items) + p.closing for p in pieces
    )


def _broken(pieces: Pieces, indent: int, column: int, tail: int) -> str:
    """The pieces from a column on, with groups broken where they run past WIDTH; `tail` columns follow the last."""
    out: list[str] = []
    for i, piece in enumerate(pieces):
        if isinstance(piece, Group):
            text = _flat((piece,))
            if column + len(text) + _lead(pieces[i + 1 :], tail) > WIDTH:
                inner = indent + INDENT
                margin = "\n" + " " * inner
                together = ", ".join(_flat(item) for item in piece.items)
                if inner + len(together) <= WIDTH:
                    items = [together]
                else:
                    items = [_broken(item, inner, inner, 1) for item in piece.items]
                text = f"{piece.opening}{margin}{f',{margin}'.join(items)}\n{' ' * indent}{piece.closing}"
        else:
            text = piece
        out.append(text)
        column = len(text) - text.rindex("\n") - 1 if "\n" in text else column + len(text)
    return "".join(out)


def _lead(pieces: Pieces, tail: int) -> int:
    """How many columns follow before a line could break again."""
    width = 0
    for piece in pieces:
        if isinstance(piece, Group):
            return width + 1
        width += len(piece)
    return width + tail


@dataclass
class _Line:
    """A unit of output: one or more lines of text, and the lines of the source it stands for."""

    text: str
    first: int
    last: int


class _Layout:
    """Lays out one page. Comments are taken in the order of the text, each exactly once."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.source: Source = page.source
        self.comments = sorted(page.comments, key=lambda c: c.span.start)
        self.starts = [c.span.start for c in self.comments]
        self.next = 0  # the first comment not yet written

    def text(self) -> str:
        end = len(self.source.text)
        units: list[_Line] = []
        head = self.edition()
        self.comments_before(head.start, 0, units)
        stop = self.page.items[0].span.start if self.page.items else end
        units.append(self.with_trailing(f"recon {self.page.edition}", head, stop))
        units += self.items(self.page.items, 0, end)
        return self.joined(units) + "\n"

    def edition(self) -> Span:
        """The place of `recon N`, which is no item: the first text behind blanks, `;` and comments."""
        start = self.code(0)
        match = re.compile(r"recon[^\S\n]+[0-9]+").match(self.source.text, start)
        return self.source.span(start, match.end() if match else start)

    def code(self, position: int) -> int:
        """The first character at or behind a position that is neither blank, `;` nor comment."""
        text = self.source.text
        while position < len(text):
            if text[position] == "#":
                position = text.find("\n", position)
                if position < 0:
                    return len(text)
            elif text[position] not in " \t\r\n\f;\u00a0\ufeff":
                return position
            position += 1
        return position

    def items(self, items: tuple[Item, ...], indent: int, end: int) -> list[_Line]:
        """Each item and own-line comment up to `end`, indented."""
        units: list[_Line] = []
        for i, item in enumerate(items):
            self.comments_before(item.span.start, indent, units)
            stop = items[i + 1].span.start if i + 1 < len(items) else end
            units.append(self.with_trailing(self.item(item, indent), item.span, stop))
        self.comments_before(end, indent, units)
        return units

    def comments_before(self, end: int, indent: int, units: list[_Line]) -> None:
        while self.next < len(self.comments) and self.starts[self.next] < end:
            comment = self.comments[self.next]
            line = self.line(comment.span.start)
            units.append(_Line(" " * indent + comment.text, line, line))
            self.next += 1

    def with_trailing(self, text: str, span: Span, stop: int) -> _Line:
        """A unit with the comment that follows on the last line of its source."""
        first, last = self.line(span.start), self.line(span.end)
        comment = self.comments[self.next] if self.next < len(self.comments) else None
        if comment is not None and comment.span.start < stop and self.line(comment.span.start) == last:
            self.next += 1
            text = f"{text}  {comment.text}"
        return _Line(text, first, last)

    def joined(self, units: list[_Line]) -> str:
        out = ""
        for i, unit in enumerate(units):
            if i:
                out += "\n\n" if unit.first - units[i - 1].last > 1 else "\n"
            out += unit.text
        return out

    def item(self, item: Item, indent: int) -> str:
        margin = " " * indent
        match item:
            case Binding(name=name, value=value):
                return margin + self.head(f"{name} = ", value, item.span, indent, 0)
            case Clause(value=value):
                return margin + self.head("", value, item.span, indent, 0)
        prefix = item.kind + (f" {item.name} {item.joint}" if item.name is not None else "")
        head_end = item.value.span.end if item.value is not None else item.kind_span.end
        head = item.span._replace(end=head_end)
        lead = prefix + " " if item.value is not None else prefix
        if item.body is None:
            return margin + self.head(lead, item.value, head, indent, 0)
        body = self.one_line(item, head_end, item.body)
        if body is not None:
            text = _flat(_pieces(item.value, COMPARE)) if item.value is not None else ""
            line = f"{margin}{lead}{text} {body}"
            if len(line) <= WIDTH and not self.commented(item.span):
                return line
        text = margin + self.head(lead, item.value, head, indent, 2) + " {"
        if not item.body and not self.commented(item.span):
            return text + "}"
        comment = self.comments[self.next] if self.commented(item.span) else None
        if (
            comment is not None
            and not self.alone(comment)
            and (not item.body or comment.span.start < item.body[0].span.start)
        ):
            self.next += 1
            text = f"{text}  {comment.text}"
        units = self.items(item.body, indent + INDENT, item.span.end - 1)
        return "\n".join([text, *([self.joined(units)] if units else []), margin + "}"])

    def head(self, lead: str, value: Expr | None, span: Span, indent: int, tail: int) -> str:
        """What stands in front of the body; as written where comments stand inside."""
        if self.commented(span):
            self.next = bisect_left(self.starts, span.end)
            return "\n".join(line.rstrip() for line in span.text.split("\n"))
        if value is None:
            return lead
        return lead + _broken(_pieces(value, COMPARE), indent, indent + len(lead), tail)

    def one_line(self, item: Statement, head_end: int, body: tuple[Item, ...]) -> str | None:
        """`{ a = 1; b = 2 }` where the body stood on one line, or is inside one that does."""
        if not body or self.line(self.code(head_end)) != self.line(item.span.end):
            return None
        parts = []
        for inner in body:
            match inner:
                case Binding(name=name, value=value):
                    parts.append(f"{name} = {format_expression(value)}")
                case Clause(value=value):
                    parts.append(format_expression(value))
                case Statement():
                    parts.append(self.one_line_statement(inner))
        return "{ " + "; ".join(parts) + " }"

    def one_line_statement(self, item: Statement) -> str:
        text = item.kind + (f" {item.name} {item.joint}" if item.name is not None else "")
        if item.value is not None:
            text += " " + format_expression(item.value)
        if item.body is not None:
            end = item.value.span.end if item.value is not None else item.kind_span.end
            text += " " + (self.one_line(item, end, item.body) or "{}")
        return text

    def alone(self, comment: Comment) -> bool:
        _, column = self.source.position(comment.span.start)
        start = comment.span.start
        return not self.source.text[start - column + 1 : start].strip(" \t\r\f\u00a0\ufeff")

    def commented(self, span: Span) -> bool:
        """Whether the next comment stands inside the span."""
        return self.next < len(self.comments) and span.start <= self.starts[self.next] < span.end

    def line(self, position: int) -> int:
        return self.source.position(position)[0]
