"""The objective of a problem in LaTeX and in plain text, in the names of the page.

The data term is the noise line's negative log-density. `lam` weighs a prior in nats; books multiply everything by
sigma^2, which leaves 1/2 |A x - y|^2 and turns `lam` into `lam * sigma^2`: both are shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..check.formulate import Checked, Measurement
from ..diagnostics import SpecError
from ..model import terms as t
from ..model.word import Word
from ..syntax.format import format_expression
from ..syntax.source import Source, Span
from ..syntax.tree import (
    Binary,
    Call,
    Compare,
    Dot,
    Expr,
    Follows,
    Member,
    Name,
    Negative,
    Number,
    Quantity,
    Range,
    Sequence,
    Text,
)
from ..vocabulary.noise import Bounded, Gaussian, NoNoise, Poisson
from .text import number, written

_LETTERS = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
_GREEK = {"lam": "lambda", **{name: name for name in _LETTERS.split()}}
_SUM, _PRODUCT, _UNARY, _POWER, _ATOM = range(5)


@dataclass(frozen=True)
class Objective:
    """What is minimised: in LaTeX, in plain text, the constraints, and the values of the symbols in it.

    `book_latex` and `book_text` are the same times sigma^2, where there is one Gaussian data term with a known sigma.
    """

    latex: str
    text: str
    subject_to: tuple[str, ...] = ()
    where: dict[str, str] = field(default_factory=dict)
    book_latex: str | None = None
    book_text: str | None = None
    book_where: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Summand:
    """One term: its weight and the rest, in LaTeX and in text."""

    weight: tuple[str, str]
    body: tuple[str, str]

    def joined(self, factor: tuple[str, str] = ("", "")) -> tuple[str, str]:
        latex = r" \, ".join(x for x in (self.weight[0], factor[0], self.body[0]) if x)
        return latex, " ".join(x for x in (self.weight[1], factor[1], self.body[1]) if x)


def objective(checked: Checked, params: dict[str, Any]) -> Objective:
    """The objective of a problem in normal form. `params` are the page's, so that a weight shows its name."""
    where: dict[str, str] = {}
    data: list[_Summand] = []
    limits: list[tuple[str, str]] = []
    sigmas: list[tuple[str, float | None]] = []
    several = len(checked.measurements) > 1
    for m in checked.measurements.values():
        _data_term(m, several, where, data, limits, sigmas)
    priors: list[_Summand] = []
    for prior, _ in checked.prior_terms:
        energy = prior.energy
        if isinstance(energy, t.Within):
            limits.append((_formula(energy.set, energy.of), written(t.Within(energy.of, energy.set))))
            continue
        weight = _weight(prior, params, where)
        if isinstance(energy, t.Law):
            of = argument(energy.of)
            priors.append(_Summand(weight, (rf"\bigl(-\log p({of[0]})\bigr)", f"(-log p({of[1]}))")))
        else:
            of_term = getattr(energy.word, "of", None)
            priors.append(_Summand(weight, (_formula(energy.word, of_term), _plain(energy.word, of_term))))
    unknowns = ", ".join(symbol(u) for u in checked.problem.unknowns)
    names = ", ".join(checked.problem.unknowns)
    latex, text = _assembled(unknowns, names, [x.joined() for x in data + priors], limits)
    conditions = tuple(x[1] for x in limits)
    if len(data) == len(sigmas) == 1 and sigmas[0][1] is not None and priors:
        sigma, value = sigmas[0][0], sigmas[0][1]
        factor = (rf"{symbol(sigma)}^2", f"{sigma}^2")
        plain = _Summand((r"\frac{1}{2}", "1/2"), data[0].body)
        terms = [plain.joined(), *(x.joined(factor) for x in priors)]
        book_latex, book_text = _assembled(unknowns, names, terms, limits)
        book = {}
        for (prior, _), summand in zip(
            [p for p in checked.prior_terms if not isinstance(p[0].energy, t.Within)], priors, strict=True
        ):
            name = summand.weight[1] or "1"
            if prior.rule is None:
                book[f"{name} * {sigma}^2"] = number(prior.weight * value**2)
        return Objective(latex, text, conditions, where, book_latex, book_text, book)
    return Objective(latex, text, conditions, where)


def _assembled(
    unknowns: str, names: str, terms: list[tuple[str, str]], limits: list[tuple[str, str]]
) -> tuple[str, str]:
    latex = rf"\min_{{{unknowns}}} \; " + (" + ".join(x[0] for x in terms) or "0")
    text = f"minimise over {names}:  " + (" + ".join(x[1] for x in terms) or "0")
    if limits:
        latex += r" \quad \text{subject to } " + r",\; ".join(x[0] for x in limits)
        text += "  subject to " + ", ".join(x[1] for x in limits)
    return latex, text


def _data_term(
    m: Measurement,
    several: bool,
    where: dict[str, str],
    data: list[_Summand],
    limits: list[tuple[str, str]],
    sigmas: list[tuple[str, float | None]],
) -> None:
    law, y = m.likelihood.law, m.likelihood.measured
    mean, measured = argument(law.mean), symbol(y)
    if m.likelihood.of is not None:
        measured, y = argument(m.likelihood.of)
    residual = (rf"\|{mean[0]} - {measured}\|_2", f"|{mean[1]} - {y}|")
    if isinstance(law, Gaussian):
        body = (residual[0] + "^2", residual[1] + "^2")
        if law.covariance is not None:
            weighted = (residual[0][:-2] + r"_{C^{-1}}^2", f"|C^(-1/2) ({mean[1]} - {y})|^2")
            data.append(_Summand((r"\frac{1}{2}", "1/2"), weighted))
            return
        if law.level is None:
            data.append(_Summand((r"\frac{1}{2}", "1/2"), body))
            return
        sigma = f"sigma_{y}" if several else "sigma"
        value = law.level if isinstance(law.level, float) else None
        where[sigma] = (
            number(value) if value is not None else "from the data" if law.snr is None else f"from snr = {law.snr:g}dB"
        )
        data.append(_Summand((rf"\frac{{1}}{{2 {symbol(sigma)}^2}}", f"1/(2 {sigma}^2)"), body))
        sigmas.append((sigma, value))
    elif isinstance(law, Poisson):
        mu = f"mu_{y}" if several else "mu"
        tex = symbol(mu)
        where[mu] = mean[1]
        data.append(
            _Summand(("", ""), (rf"\sum_i \bigl({tex} - {measured} \log {tex}\bigr)_i", f"sum({mu} - {y} log {mu})"))
        )
    elif isinstance(law, NoNoise):
        limits.append((f"{mean[0]} = {measured}", f"{mean[1]} = {y}"))
    elif isinstance(law, Bounded):
        limits.append((rf"{residual[0]} \le {number(law.radius)}", f"{residual[1]} <= {number(law.radius)}"))
    else:
        name = rf"\mathrm{{{_escaped(law.word)}}}"
        data.append(
            _Summand(("", ""), (rf"-\log p_{name}({measured} \mid {mean[0]})", f"-log {law.word}({y} | {mean[1]})"))
        )


def _weight(prior: t.Prior, params: dict[str, Any], where: dict[str, str]) -> tuple[str, str]:
    if prior.rule is not None:
        where["lam"] = f"found at run by {prior.rule.word}"
        latex, text = ("", "") if prior.weight == 1 else (_number(prior.weight) + r" \,", number(prior.weight) + " ")
        return latex + symbol("lam"), text + "lam"
    if prior.weight == 1:
        return "", ""
    name = prior.weight_span.text if prior.weight_span is not None else ""
    value = params.get(name)
    if isinstance(value, (int, float)) and value == prior.weight:
        where[name] = number(prior.weight)
        return symbol(name), name
    return _number(prior.weight), number(prior.weight)


def _formula(word: Word, of: t.ValueTerm | None) -> str:
    """The left side of a word's formula with its argument in the place of v."""
    head = word.formula.split(" = ")[0].strip() or rf"\mathrm{{{_escaped(word.word)}}}(v)"
    if of is None:
        return head
    inner, level = _argument(of)
    for name, info in type(word).model_fields.items():
        if not info.is_required() or name == "of":
            continue
        value = getattr(word, name)
        if isinstance(value, float):  # the bounds of a box are a and b in its formula
            head = re.sub(rf"(?<![\\a-zA-Z]){'a' if name == 'low' else 'b'}(?![a-zA-Z])", number(value), head)

    def put(match: re.Match[str]) -> str:
        before, after = head[: match.start()], head[match.end() :]
        framed = before.endswith(("(", r"\|")) and after.startswith((")", r"\|"))
        return inner if framed or level == _ATOM else f"({inner})"

    return re.sub(r"(?<![\\a-zA-Z])v(?![a-zA-Z])", put, head)


def _plain(word: Word, of: t.ValueTerm | None) -> str:
    return written(word) if of is None else f"{word.word}({argument(of)[1]})"


def argument(term: t.ValueTerm) -> tuple[str, str]:
    """A value in LaTeX and in plain text, in the names it was written with."""
    expr = _expression(term.span)
    return _argument(term)[0], written(term) if expr is None else format_expression(expr)


def _argument(term: t.ValueTerm) -> tuple[str, int]:
    expr = _expression(term.span)
    return (rf"\text{{{_escaped(written(term))}}}", _ATOM) if expr is None else _latex(expr)


def _expression(span: Span | None) -> Expr | None:
    from ..syntax.parse import parse_expression

    if span is None:
        return None
    try:
        return parse_expression(Source(span.source.name, span.text))
    except SpecError:
        return None


def latex(expr: Expr) -> str:
    """An expression of the language in LaTeX: operators side by side, fractions, Greek letters."""
    return _latex(expr)[0]


def symbol(name: str) -> str:
    """A name as a symbol: `lam` is a lambda, `y2` has an index, a longer name stands upright."""
    base, _, index = name.partition("_")
    digits = re.fullmatch(r"([a-zA-Z]+?)(\d+)", name)
    if digits:
        base, index = digits[1], digits[2]
    elif len(base) > 1 and base not in _GREEK:
        return rf"\mathrm{{{_escaped(name)}}}"
    tex = "\\" + _GREEK[base] if base in _GREEK else base if len(base) == 1 else rf"\mathrm{{{base}}}"
    return f"{tex}_{{{_escaped(index)}}}" if index else tex


def _escaped(text: str) -> str:
    signs = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\sim "}
    return "".join(signs.get(c, "\\" + c if c in "_%#&${}" else c) for c in text)


def _number(value: float) -> str:
    return _power(number(value))


def _power(text: str) -> str:
    """A number as it is written, with its exponent as a power of ten."""
    mantissa, _, exponent = text.lower().replace("+", "").partition("e")
    if not exponent:
        return mantissa
    return f"10^{{{exponent}}}" if mantissa == "1" else rf"{mantissa} \cdot 10^{{{exponent}}}"


def _latex(expr: Expr) -> tuple[str, int]:
    """The LaTeX of an expression, and how tightly its outermost operator binds."""

    def inside(e: Expr, level: int) -> str:
        text, own = _latex(e)
        return text if own >= level else f"({text})"

    match expr:
        case Number(text=text):
            return _power(text), _ATOM
        case Quantity(value=value, unit=unit):
            return (rf"{_number(value)}\%" if unit == "%" else rf"{_number(value)}\,\mathrm{{{unit}}}"), _ATOM
        case Text(value=value):
            return rf"\text{{{_escaped(value)}}}", _ATOM
        case Name(id=name):
            return symbol(name), _ATOM
        case Dot(base=base, member="H"):
            return f"{inside(base, _ATOM)}^H", _POWER
        case Dot(base=base, member=member):
            return rf"{inside(base, _ATOM)}.\mathrm{{{_escaped(member)}}}", _ATOM
        case Negative(operand=operand):
            return f"-{inside(operand, _UNARY)}", _UNARY
        case Binary(op="/", left=left, right=right):
            return rf"\frac{{{latex(left)}}}{{{latex(right)}}}", _ATOM
        case Binary(op="^", left=left, right=right):
            return f"{inside(left, _ATOM)}^{{{latex(right)}}}", _POWER
        case Binary(op="@", left=left, right=right):
            return rf"{inside(left, _PRODUCT)} \, {inside(right, _UNARY + 1)}", _PRODUCT
        case Binary(op="*", left=left, right=right):
            return rf"{inside(left, _PRODUCT)} \, {inside(right, _UNARY + 1)}", _PRODUCT
        case Binary(op=op, left=left, right=right):
            return f"{inside(left, _SUM)} {op} {inside(right, _PRODUCT)}", _SUM
        case Call(function=Name(id=name), arguments=arguments):
            return _call(name, [latex(a.value) for a in arguments if a.name is None])
        case Range(start=start, stop=stop):
            return f"[{latex(start)}, {latex(stop)}]", _ATOM
        case Sequence(items=items):
            return "[" + ", ".join(map(latex, items)) + "]", _ATOM
        case Follows(left=left, law=right):
            return rf"{latex(left)} \sim {latex(right)}", _SUM
        case Member(left=left, set=right):
            return rf"{latex(left)} \in {latex(right)}", _SUM
        case Compare(op=op, left=left, right=right):
            signs = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"}
            return f"{latex(left)} {signs.get(op, op)} {latex(right)}", _SUM
    return rf"\text{{{_escaped(format_expression(expr))}}}", _ATOM


def _call(name: str, arguments: list[str]) -> tuple[str, int]:
    match name, arguments:
        case "exp", [x]:
            return f"e^{{{x}}}", _POWER
        case "log", [x]:
            return rf"\log({x})", _ATOM
        case "abs", [x]:
            return f"|{x}|", _ATOM
        case "sqrt", [x]:
            return rf"\sqrt{{{x}}}", _ATOM
        case (("real" | "imag"), [x]):
            return rf"\mathrm{{{'Re' if name == 'real' else 'Im'}}}({x})", _ATOM
    return rf"\mathrm{{{_escaped(name)}}}", _ATOM
