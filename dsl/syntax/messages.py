"""What went wrong, in the user's terms: one message for every way in which the automaton can get stuck.

`explain` asks the rules below in turn; the first that knows the case speaks, and the last one speaks for every state,
since it says what could have come next.
"""

from __future__ import annotations

from ..diagnostics import Diagnostic, Label, error
from .failure import ALL_OPENS, BRACKETS, CLOSES, OPENS, OPERANDS, Failure
from .lexing import OPERATORS, Token, at_margin

CHAINS = {"COMPARE": "comparisons", "TILDE": "`~` and `in`", "IN": "`~` and `in`", "DOTDOT": "ranges", "BY": "ranges"}
SIGNS = {
    "'": 'texts stand in double quotes, `"..."`',
    "‘": 'texts stand in double quotes, `"..."`',
    "’": 'texts stand in double quotes, `"..."`',
    "“": 'texts stand in straight double quotes, `"..."`',
    "”": 'texts stand in straight double quotes, `"..."`',
    "×": "write `*` to scale",
    "·": "write `*` to scale, `@` to apply an operator",
    "−": "write the plain minus `-`",
    "–": "write the plain minus `-`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "∈": "write `in`",
    "²": "write `^2`",
    "…": "write `..` for a range",
    "!": "not equal is `!=`",
    "%": "a percent sign touches its number, `8%`",
}


def explain(failure: Failure) -> Diagnostic:
    """The error for a parse that stopped."""
    for rule in RULES:
        found = rule(failure)
        if found is not None:
            return found
    return _unexpected(failure)


def _character(f: Failure) -> Diagnostic | None:
    if f.token.type != "UNKNOWN":
        return None
    sign = f.token.text[0]
    shown = f"`{sign}`" if sign.isprintable() else f"the character U+{ord(sign):04X}"
    start = f.token.start
    return error("RS003", f"{shown} means nothing here", f.source.span(start, start + 1), help=SIGNS.get(sign, ""))


def _number_dot(f: Failure) -> Diagnostic | None:
    if f.token.type != "DOT":
        return None
    before, after = f.before, f.after
    if before is not None and before.type in ("NUMBER", "QUANTITY") and f.touches():
        if after is not None and after.type == "NUMBER" and after.start == f.token.end:
            return error(
                "RS006",
                f"`{before.text}.{after.text}` is not a number",
                f.source.span(before.start, after.end),
                help="a number has one decimal point",
            )
        return error(
            "RS006",
            f"`{before.text}.` ends in a dot",
            f.source.span(before.start, f.token.end),
            help=f"write `{before.text}` or `{before.text}.0`",
        )
    if after is not None and after.type in ("NUMBER", "QUANTITY") and after.start == f.token.end:
        return error(
            "RS006",
            f"`.{after.text}` begins with a dot",
            f.source.span(f.token.start, after.end),
            help=f"write `0.{after.text}`",
        )
    return None


def _drawn_in(f: Failure) -> Diagnostic | None:
    """A line that ends in an operator drew in the next statement."""
    if any(token.type in OPENS for token in f.open):
        return None
    for i in (f.index, f.index - 1):
        if 1 <= i < len(f.tokens) and at_margin(f.source, f.tokens[i]) and f.tokens[i - 1].type in OPERATORS:
            return _missing_value(f, f.tokens[i - 1])
    return None


def _touching_kind(f: Failure) -> Diagnostic | None:
    if len(f.item) != 1 or f.token.type not in ("CALL_OPEN", "INDEX_OPEN") or f.start != "item":
        return None
    kind = f.item[0]
    closing = ")" if f.token.type == "CALL_OPEN" else "]"
    return error(
        "RS012",
        f"`{kind.text}` touches `{f.token.text}`, and a statement begins with its kind and a blank",
        f.span(kind).to(f.span(f.token)),
        help=(
            f"write `{kind.text} {f.token.text}...{closing}` if `{kind.text}` is the kind",
            "a word with brackets stands behind a kind, as in `solver fista(iterations = 60)`",
        ),
    )


def _brackets(f: Failure) -> Diagnostic | None:
    kind = f.token.type
    inner = f.open[-1] if f.open else None
    if kind in CLOSES:
        if inner is not None and ALL_OPENS[inner.type] == kind:
            return None
        if inner is None or (inner.type == "BODY_OPEN" and kind != "BODY_CLOSE"):
            return error(
                "RS009",
                f"this `{f.token.text}` closes nothing",
                f.span(f.token),
                help=f"take it away, or open it with `{_opening(kind)}`",
            )
        if kind == "BODY_CLOSE":
            return _never_closed(f, inner)
        return error(
            "RS009",
            f"`{inner.text}` is closed by `{f.token.text}`",
            Label(f.span(f.token), f"expected `{BRACKETS[ALL_OPENS[inner.type]]}`"),
            Label(f.span(inner), "opened here"),
            help=f"write `{BRACKETS[ALL_OPENS[inner.type]]}`",
        )
    if inner is None:
        return None
    if kind == "$END" or (inner.type != "BODY_OPEN" and kind in ("END", "BODY_OPEN")):
        return _never_closed(f, inner)
    return None


def _opening(closing: str) -> str:
    return {"CLOSE": "(", "CLOSE_LIST": "[", "BODY_CLOSE": "{"}[closing]


def _never_closed(f: Failure, opening: Token) -> Diagnostic:
    closing = BRACKETS[ALL_OPENS[opening.type]]
    if f.token.text == ";":
        return error(
            "RS008",
            f"this `{opening.text}` is still open at `;`",
            Label(f.span(opening)),
            Label(f.span(f.token)),
            help=f"write `{closing}` in front of `;`, or a comma instead of it",
        )
    return error(
        "RS008", f"this `{opening.text}` is never closed", f.span(opening), help=f"write `{closing}` at its end"
    )


def _other_sign(f: Failure) -> Diagnostic | None:
    kind, before = f.token.type, f.before
    if before is None:
        return None
    if kind == "STAR" and before.type == "STAR":
        return error("RS016", "`**` is not an operator", f.span(before).to(f.span(f.token)), help="a power is `a^b`")
    if kind == "SLASH" and before.type == "SLASH":
        return error(
            "RS016",
            "`//` is not an operator",
            f.span(before).to(f.span(f.token)),
            help="divide with `/`; a comment begins with `#`",
        )
    if kind == "COMPARE" and f.token.text == "==" and len(f.item) == 1 and before.type == "NAME":
        return error("RS016", "`==` compares", f.span(f.token), help=f"write `{before.text} = ...` to give it a value")
    if kind == "COLON" and before.type == "NAME":
        if len(f.item) == 1 and not f.in_body:
            return error(
                "RS015",
                f"`{before.text}` needs its kind in front",
                f.span(before),
                f.span(f.token),
                help=(
                    f"an unknown is `image {before.text} : real[...]`",
                    f"a name for a value is `{before.text} = ...`",
                ),
            )
        if len(f.item) == 1 or not f.wants_operand:
            return error(
                "RS016",
                "`:` stands only between an unknown and its space",
                f.span(f.token),
                help=f"write `{before.text} = ...`",
            )
    if kind == "EQUAL" and not f.wants_operand:
        return error(
            "RS016",
            "`=` gives a name its value, and here it has no name in front",
            f.span(f.token),
            help=_equal_help(f, before),
        )
    return None


def _equal_help(f: Failure, before: Token) -> str:
    inner = f.open[-1] if f.open else None
    if inner is not None and inner.type in ("OPEN_LIST", "INDEX_OPEN"):
        return "a list holds values without names"
    if len(f.part) > 1 and all(t.type in ("NAME", "DOT") for t in f.part):
        return "a name here has no dots; a choice over a path is `path in [...]`"
    return "`==` compares; a range of allowed values is `x in a..b`"


def _no_kind(f: Failure) -> Diagnostic | None:
    """A statement that begins like an expression."""
    if f.start != "item" or any(token.type in OPENS for token in f.open):
        return None
    if not f.item:
        if f.token.type in OPERANDS | {"MINUS"} and f.token.type != "NAME":
            return error(
                "RS015",
                "a statement begins with its kind",
                f.span(f.token),
                help="write the kind in front, as in `prior 10 * tv(x)`",
            )
        return None
    if f.token.type == "DOT" and len(f.item) == 1:
        return error(
            "RS015",
            "a statement begins with its kind",
            f.span(f.item[0]),
            help="write the kind in front, as in `run { seed = 1 }`; a name for a value has no dots",
        )
    if f.token.type in OPERATORS - {"EQUAL", "COLON"} and all(t.type in ("NAME", "DOT") for t in f.item):
        if len(f.item) != 1 and f.item[1].type != "DOT":
            return None
        said = "".join(t.text for t in f.item)
        kind = "expect" if f.token.type == "COMPARE" else "prior"
        return error(
            "RS015",
            "a statement begins with its kind",
            f.span(f.item[0]).to(f.span(f.token)),
            help=f"write the kind in front, as in `{kind} {said} {f.token.text} ...`",
        )
    return None


def _keyword(f: Failure) -> Diagnostic | None:
    if f.token.type in ("IN", "BY") and "NAME" in f.expected and "IN" not in f.expected:
        return error(
            "RS019",
            f"`{f.token.text}` is a word of the language and cannot be a name",
            f.span(f.token),
            help=f"choose another name, such as `{f.token.text}_`",
        )
    return None


def _value(f: Failure) -> Diagnostic | None:
    """An operator without what belongs behind it, or a comma with nothing in front."""
    if f.before is not None and f.before.type == "DOT":
        return _missing_value(f, f.before)
    if not f.wants_operand or f.before is None:
        return None
    if f.before.type == "COMMA" and f.token.type in ("END", "$END") and f.open:
        return None  # the bracket is what is missing
    if f.before.type in OPERATORS:
        if f.token.type in OPERATORS | {"END", "$END", "BODY_OPEN"} | CLOSES:
            return _missing_value(f, f.before)
    elif f.before.type in OPENS and f.token.type in OPERATORS:
        return error(
            "RS011",
            f"nothing stands in front of `{f.token.text}`",
            f.span(f.token),
            help="write a value, or take the sign away",
        )
    return None


def _missing_value(f: Failure, sign: Token) -> Diagnostic:
    if sign.type == "DOT":
        return error("RS011", "missing name after `.`", f.span(sign), help="write the member's name, as in `A.H`")
    return error("RS011", f"missing value after `{sign.text}`", f.span(sign), help="write an expression behind it")


def _chain(f: Failure) -> Diagnostic | None:
    said = CHAINS.get(f.token.type)
    if said is None or f.wants_operand:
        return None
    group = {kind for kind, words in CHAINS.items() if words == said}
    depth, earlier = 0, None
    for token in f.part:
        depth += (token.type in ALL_OPENS) - (token.type in CLOSES)
        if not depth and token.type in group:
            earlier = token
    if earlier is None:
        if f.token.type == "BY":
            return error(
                "RS017",
                "`by` gives a range its step, and here is no range",
                f.span(f.token),
                help="write `a..b by step`",
            )
        return None
    fix = {
        "ranges": "a range is `a..b` or `a..b by step`",
        "comparisons": "write two claims, `a <= b` and `b <= c`",
    }.get(said, "put one of the two in brackets")
    return error(
        "RS017", f"{said} cannot be chained", Label(f.span(f.token)), Label(f.span(earlier), "first here"), help=fix
    )


def _body(f: Failure) -> Diagnostic | None:
    if f.token.type == "BODY_OPEN" and len(f.item) > 1 and f.item[1].type == "EQUAL":
        name = f.item[0].text
        return error(
            "RS020",
            "only a statement has a body, and this is a name for a value",
            Label(f.span(f.token)),
            Label(f.span(f.item[0]), f"`{name}` has no kind in front"),
            help=f"write the kind in front, as in `forward {name} = ...`, or take the body away",
        )
    if f.token.type == "BODY_OPEN" and f.item:
        return error("RS020", "a body belongs to a statement", f.span(f.token), help="a statement begins with its kind")
    if f.before is not None and f.before.type == "BODY_CLOSE" and f.token.type in OPERANDS | {"BODY_OPEN"}:
        return error(
            "RS021",
            "a statement ends at its `}`",
            Label(f.span(f.token), "another begins here"),
            Label(f.span(f.before)),
            help="put a line end or `;` between them",
        )
    return None


def _operator(f: Failure) -> Diagnostic | None:
    """Two values side by side."""
    before, token = f.before, f.token
    if before is None or token.type not in OPERANDS or f.wants_operand or before.type not in OPERANDS | CLOSES:
        return None
    left, right = before.text, token.text
    between = Label(f.span(before).to(f.span(token)))
    if token.type in OPENS:
        message = f"missing operator between `{left}` and `{right}`"
    elif before.type in CLOSES:
        message = f"missing operator in front of `{right}`"
    else:
        message = f"missing operator between `{left}` and `{right}`"
    help: list[str] = []
    if [t.type for t in f.item] == ["NAME", "NAME"]:
        joint = ":" if f.item[0].text in ("image", "signal", "volume", "unknown") else "="
        help.append(f"write `{f.item[0].text} {left} {joint} ...` to name it")
    if token.type == "INDEX_OPEN":
        help.append("extents stand only behind a plain name, as in `real[256, 256]`")
    elif token.type == "OPEN" and before.type == "NAME":
        help.append(f"write `{left}(...)`, without the blank, to call it")
    elif token.type == "OPEN_LIST" and before.type == "NAME":
        help.append(f"write `{left}[...]`, without the blank, to give it extents")
    if before.type == "NUMBER":
        help.append(
            f"write `{left} * {right}` to scale"
            if token.type != "NAME"
            else f"write `{left}{right}` if `{right}` is a unit, `{left} * {right}` to scale"
        )
    elif before.type in ("NAME", "CLOSE") and token.type in ("NAME", "OPEN"):
        a, b = (left if before.type == "NAME" else "..."), (right if token.type == "NAME" else "(...)")
        help.append(f"write `{a} @ {b}` to apply an operator, `*` to scale")
    if f.open and f.open[-1].type in OPENS:
        help.append("or a comma, if they are two values")
    return error("RS010", message, between, help=help)


def _unexpected(f: Failure) -> Diagnostic:
    """Says what could have come: there is a message for every state of the automaton."""
    places = (Label(f.span(f.token)),)
    if f.token.type == "$END":
        found = "the end" if f.tokens else "nothing"
    elif f.token.text == "\n":
        found = "the end of the line"
    else:
        found = f"`{f.token.text}`"
    return error("RS022", f"expected {_listed(f)}, found {found}", *places)


def _listed(f: Failure) -> str:
    rest, words = set(f.expected), []
    if "NUMBER" in rest:
        words.append("an expression")
        rest -= OPERANDS | {"MINUS"}
    elif "NAME" in rest:
        words.append("a name")
    if "PLUS" in rest:
        words.append("an operator")
        rest -= OPERATORS - {"EQUAL", "COLON", "COMMA"}
    signs = {"EQUAL": "=", "COLON": ":", "COMMA": ",", "DOT": ".", "IN": "in", "BODY_OPEN": "{", **BRACKETS}
    words += [f"`{sign}`" for kind, sign in signs.items() if kind in rest]
    if rest & {"END", "$END"}:
        words.append("the end of the statement" if f.start == "item" else "the end")
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


RULES = (
    _character,
    _number_dot,
    _drawn_in,
    _touching_kind,
    _other_sign,
    _no_kind,
    _keyword,
    _value,
    _chain,
    _brackets,
    _body,
    _operator,
)
