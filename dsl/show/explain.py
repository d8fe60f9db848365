"""What `recon explain` tells: of a word, of a code of a diagnostic, and the list of all words."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from .. import vocabulary
from ..diagnostics import Findings, SpecError
from ..diagnostics.nearest import nearest
from ..diagnostics.render import safe
from ..elaborate.expressions import Elaborator
from ..elaborate.phrases import listed
from ..elaborate.reader import kind_in_words
from ..elaborate.scope import Scope
from ..elaborate.statements import SHAPES
from ..elaborate.validation import flatten
from ..model import terms as t
from ..model.fields import FilePath, Interval
from ..model.files import FileError
from ..model.space import Axis, Space, SpaceError
from ..model.units import NONE, Quantity, Unit, describe, example
from ..model.word import Network, Operator, Word
from ..model.word import Source as DataSource
from ..syntax.source import Source
from ..syntax.tree import Call, Expr, Name, Statement, walk
from .passes import facts_in_words
from .readable import readable
from .restoring import network_facts
from .text import Paint, columns, dimension_of, marks, number, paragraph, written


@dataclass(frozen=True)
class Parameter:
    """One parameter of a word: what it takes, in which bounds, and its default, "" where it has to be given."""

    name: str
    takes: str
    default: str
    description: str


@dataclass(frozen=True)
class Example:
    """Facts of an operator on a domain, or of a network on an image."""

    operator: str
    domain: str
    codomain: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """All that is known of one word."""

    name: str
    kind: str
    summary: str
    details: tuple[str, ...]
    """Further paragraphs; for a source the names of its columns come first."""
    formula: str
    parameters: tuple[Parameter, ...]
    examples: tuple[Example, ...]
    reference: str
    example: str

    def to_json(self) -> dict[str, Any]:
        """The card as plain data."""
        return asdict(self)


def cards(name: str) -> list[Card]:
    """The cards of all words of that name, one for each kind that has it; empty where there is none."""
    return [_card(cls) for (_, n), cls in vocabulary.words().items() if n == name]


def suggestion(name: str) -> str | None:
    """The word, statement kind or code that a misspelt name may stand for."""
    from .codes import documented

    return nearest(name, [*(n for _, n in vocabulary.words()), *SHAPES]) or nearest(name.upper(), documented())


def words_by_kind() -> dict[str, dict[str, str]]:
    """All words with their summaries, by kind."""
    out: dict[str, dict[str, str]] = {}
    for (kind, name), cls in sorted(vocabulary.words().items()):
        out.setdefault(kind, {})[name] = _summary(cls)
    return out


def _summary(cls: type[Word]) -> str:
    return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].split())


def _details(cls: type[Word]) -> tuple[str, ...]:
    further = tuple(" ".join(p.split()) for p in inspect.cleandoc(cls.__doc__ or "").split("\n\n")[1:])
    named = cls.columns(cls.model_construct()) if issubclass(cls, DataSource) else None
    return further if named is None else (f"Its columns are {listed(list(named), 'and')}.", *further)


def _card(cls: type[Word]) -> Card:
    parameters = tuple(
        Parameter(n, takes(i), "" if i.is_required() else default(i), i.description or "")
        for n, i in cls.model_fields.items()
    )
    return Card(
        cls.word,
        cls.expression_kind,
        _summary(cls),
        _details(cls),
        cls.formula,
        parameters,
        tuple(_examples(cls)),
        cls.reference,
        cls.example,
    )


# ---- parameters -----------------------------------------------------------------------------------------------


def default(info: FieldInfo) -> str:
    """The default of a parameter as a spec writes it; `none` where leaving it out means that nothing is given."""
    return "none" if info.default is None or info.default == {} else written(info.default, info)


def takes(info: FieldInfo) -> str:
    """What a parameter takes, in words: the type, its unit and its bounds."""
    bounds = _bounds(info)
    parts: list[str] = []
    for a in flatten(info.annotation):
        if a is type(None):
            continue
        if get_origin(a) is Literal:
            parts += [f"`{v}`" for v in get_args(a)]
        elif get_origin(a) is dict:
            parts.append("one for each unknown")
        elif get_origin(a) is tuple:
            of = flatten(get_args(a)[0])
            deep = [x for t in of if get_origin(t) is tuple for x in flatten(get_args(t)[0])]
            inner = [_type(x, info, several=True) for x in deep or of]
            parts.append("a list of " + ("lists of " if deep else "") + " or ".join(inner))
        else:
            parts.append(_type(a, info))
    if bounds:
        parts = [p + bounds if p in _NUMBERS or p.startswith(("a length", "an angle")) else p for p in parts]
    return " or ".join(dict.fromkeys(parts))


_NUMBERS = ("a number", "a whole number")


def _bounds(info: FieldInfo) -> str:
    """The bounds of a number, the tightest on each side, such as ` > 0` or ` from 0 to 1`."""
    found = marks(info)
    low = max(
        ((float(str(getattr(m, n))), strict) for m in found for of, n, strict in _LOW if isinstance(m, of)),
        default=None,
    )
    high = min(
        ((float(str(getattr(m, n))), not strict) for m in found for of, n, strict in _HIGH if isinstance(m, of)),
        default=None,
    )
    if high is not None and high[0] >= 1e9:
        high = None
    if low is not None and high is not None and not low[1] and high[1]:
        return f" from {number(low[0])} to {number(high[0])}"
    below = "" if low is None else f" {'>' if low[1] else '>='} {number(low[0])}"
    above = "" if high is None else f" {'<=' if high[1] else '<'} {number(high[0])}"
    return below + (" and" if below and above else "") + above


_LOW = ((Gt, "gt", True), (Ge, "ge", False))
_HIGH = ((Lt, "lt", True), (Le, "le", False))


def _type(a: Any, info: FieldInfo, several: bool = False) -> str:
    if get_origin(a) is Literal:
        return ", ".join(f"`{v}`" for v in get_args(a))
    dimension = dimension_of(info)
    if a is Interval:
        return f"a range such as {example(dimension, as_range=True)}"
    if a is float and dimension != NONE:
        return f"{describe(dimension)} such as {example(dimension)}"
    simple = {
        float: ("a number", "numbers"),
        int: ("a whole number", "whole numbers"),
        bool: ("`true` or `false`", "`true` or `false`"),
        str: ("a text", "texts"),
        Quantity: ("a length such as `0.7mm`", "lengths"),
        FilePath: ("a file in the spec's folder", "files"),
        Unit: ("a unit such as `1/mm`", "units"),
        t.OperatorTerm: ("an operator", "operators"),
        t.ValueTerm: ("a value", "values"),
        t.MeasureTerm: ("a measure such as `mean(psnr)`", "measures such as `mean(psnr)`"),
        t.AxisTerm: ("an axis such as `method`", "axes such as `method`"),
        t.DataName: ("the name of a `data` statement", "names of `data` statements"),
    }
    if a is t.ValueTerm and len([x for x in flatten(info.annotation) if x is not type(None)]) > 1:
        return "the name of something known of each row, measured, or unknown"
    if a in simple:
        return simple[a][several]
    if isinstance(a, type) and issubclass(a, Word):
        return kind_in_words(a.expression_kind)
    return "a value"


# ---- facts on an example --------------------------------------------------------------------------------------

_DOMAINS = (
    Space("real", (Axis("row", 64), Axis("col", 64))),
    Space("complex", (Axis("row", 64), Axis("col", 64))),
    Space("real", (Axis("sample", 64),)),
    Space("real", (Axis("z", 16), Axis("row", 16), Axis("col", 16))),
    Space("complex", (Axis("coil", 4), Axis("row", 64), Axis("col", 64))),
)


def _examples(cls: type[Word]) -> Iterator[Example]:
    """Facts of an operator, with the arguments of its own example, on the first real and complex domain it takes.

    Those of a network with the values that it has where nothing is said, which are those of the paper.
    """
    if issubclass(cls, Network) and cls.restores:
        network, image = cls(), str(_DOMAINS[0])
        yield Example(written(network), image, image, network_facts(network, 1))
    if not issubclass(cls, Operator):
        return
    word = example_word(cls)
    if not isinstance(word, Operator):
        return
    shown: dict[str, tuple[str, ...]] = {}
    for domain in _DOMAINS:
        if domain.field in shown or (word.needs == "complex" and domain.field == "real"):
            continue
        try:
            codomain, facts = word.codomain(domain), word.facts(domain)
        except (SpaceError, FileError):
            continue
        words = facts_in_words(facts)
        if words not in shown.values():
            yield Example(written(word), str(domain), str(codomain), words)
        shown[domain.field] = words


def example_word(cls: type[Word]) -> Word | None:
    """The word as its example writes it, or with its defaults; None where it needs what only a page has."""
    from ..syntax.parse import parse

    try:
        items = parse(Source("example", f"recon 1\n{cls.example}\n")).items if cls.example else ()
    except SpecError:
        items = ()
    expressions = [e for item in items for value in _expressions(item) for e in walk(value)]
    if not expressions and cls.example:
        expressions = _bare(cls.example)
    for e in expressions:
        if isinstance(e, Call) and isinstance(e.function, Name) and e.function.id == cls.word:
            try:
                return Elaborator(Findings()).word(e, cls.expression_kind, Scope({}, Path()))
            except SpecError:
                continue
    return None if any(i.is_required() for i in cls.model_fields.values()) else cls()


def _expressions(item: Any) -> Iterator[Expr]:
    if item.value is not None:
        yield item.value
    for inner in (item.body or ()) if isinstance(item, Statement) else ():
        yield from _expressions(inner)


def _bare(text: str) -> list[Expr]:
    """The parts of an example that is an expression and no statement."""
    from ..syntax.parse import parse_expression

    try:
        return list(walk(parse_expression(Source("example", text))))
    except SpecError:
        return []


# ---- as text --------------------------------------------------------------------------------------------------


def card_text(card: Card, *, color: bool = False, width: int = 100) -> str:
    """A card as people read it on a terminal."""
    paint = Paint(color)
    out = [f"{paint.bold(card.name)}  {paint.dim(kind_in_words(card.kind))}", *paragraph(card.summary, width=width)]
    for text in card.details:
        out += ["", *paragraph(text, width=width)]
    if card.formula:
        out += ["", paint.title("Formula"), "  " + card.formula]
        plain = readable(card.formula)
        if plain != card.formula:
            out.append("  " + paint.dim(plain))
    if card.parameters:
        rows = [(p.name, p.takes, _need(p)) for p in card.parameters]
        lines = columns(rows, most=60)
        out += ["", paint.title("Parameters")]
        for line, p in zip(lines, card.parameters, strict=True):
            out += [line, *(paragraph(p.description, indent=6, width=width) if p.description else [])]
    for e in card.examples:
        out += ["", paint.title("Facts") + f" of {safe(e.operator)} on {e.domain}", f"  maps to {e.codomain}"]
        out += ["  " + f for f in e.facts]
    if card.example:
        out += ["", paint.title("Example"), "  " + card.example]
    if card.reference:
        out += ["", paint.title("Source"), *paragraph(card.reference, width=width)]
    return "\n".join(out)


def _need(p: Parameter) -> str:
    return "needed" if not p.default else "may be left out" if p.default == "none" else f"default {p.default}"


def listing_text(*, color: bool = False) -> str:
    """All words by kind, a line each."""
    paint = Paint(color)
    out = ["The words of this version of recon. `recon explain WORD` tells more of one."]
    for kind, entries in words_by_kind().items():
        head = kind_in_words(kind)
        out += ["", paint.title(head.removeprefix("an ").removeprefix("a ").capitalize())]
        out += columns([(name, summary) for name, summary in entries.items()])
    return "\n".join(out)
