"""What two pages say differently. Layout, comments, order and names of bindings are no differences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ..digest import canonical, spec_digest
from ..model import terms as t
from ..model.experiment import Experiment, Formulation
from ..model.word import Word
from .origins import head
from .text import weight_of, written


@dataclass(frozen=True)
class Difference:
    """A value at a place of the page; `before` or `after` is None where only one of the pages has it."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path}: added {self.after}"
        if self.after is None:
            return f"{self.path}: removed {self.before}"
        return f"{self.path}: {self.before} → {self.after}"


def differences(a: Experiment, b: Experiment) -> list[Difference]:
    """Every difference that can change a result; empty exactly where the digests of the pages agree."""
    if spec_digest(a) == spec_digest(b):
        return []
    out = list(_values("run.seed", a.run.seed, b.run.seed))
    out += _by_name("", a.data, b.data, _data)
    out += _simulate(a.simulate, b.simulate)
    out += _methods(a.methods, b.methods)
    out += _by_name("", {m.word: m for m in a.metrics}, {m.word: m for m in b.metrics}, _values)
    out += _options("metrics", a.metrics_options, b.metrics_options)
    out += _listed("analyze", a.analyses, b.analyses)
    out += _listed("expect", sorted(c.text for c in a.claims), sorted(c.text for c in b.claims))
    out += _by_name("sweep ", {s.path: s for s in a.sweeps}, {s.path: s for s in b.sweeps}, _sweep)
    return list(dict.fromkeys(out)) or [Difference("page", a.source.name, b.source.name)]


def same(a: Any, b: Any) -> bool:
    """Whether two values mean the same."""
    return _canonical(a) == _canonical(b)


def _canonical(value: Any) -> str:
    return json.dumps(canonical(value), sort_keys=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else written(value)


def _values(path: str, a: Any, b: Any) -> Iterator[Difference]:
    """The innermost differences of two values; the whole values where they are of different shape."""
    if same(a, b):
        return
    if isinstance(a, t.Leaf) and isinstance(b, t.Leaf):
        if a.word.word == b.word.word and same(a.word, b.word):
            yield Difference(f"{path}.{a.word.word}.seed", f"derived at {a.place}", f"derived at {b.place}")
        else:
            yield from _values(f"{path}.{a.word.word}" if a.word.word == b.word.word else path, a.word, b.word)
    elif isinstance(a, Word) and isinstance(b, Word) and type(a) is type(b):
        for name, info in type(a).model_fields.items():
            x, y = getattr(a, name), getattr(b, name)
            if isinstance(x, (Word, t.Term, tuple)) or isinstance(y, (Word, t.Term, tuple)):
                yield from _values(path if name == "of" else f"{path}.{name}", x, y)
            elif not same(x, y):
                yield Difference(f"{path}.{name}", written(x, info), written(y, info))
    elif isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        yield from _sequences(path, a, b)
    elif isinstance(a, t.Term) and type(a) is type(b):
        for name in [f for f, x in a.__dataclass_fields__.items() if x.compare]:  # type: ignore[attr-defined]
            inner = path if name in _TRANSPARENT else f"{path}.{name}"
            yield from _values(inner, getattr(a, name), getattr(b, name))
    else:
        yield Difference(path, _text(a), _text(b))


_TRANSPARENT = ("parts", "of", "to", "operator", "word", "energy", "law", "set", "value", "name")


def _sequences(path: str, a: Sequence[Any], b: Sequence[Any]) -> Iterator[Difference]:
    """Entries that were added, removed or changed, aligned by what stayed."""
    matcher = SequenceMatcher(None, [_canonical(x) for x in a], [_canonical(x) for x in b], autojunk=False)
    for tag, i, j, k, n in matcher.get_opcodes():
        if tag == "equal":
            continue
        shared = min(j - i, n - k)
        for x, y in zip(a[i : i + shared], b[k : k + shared], strict=True):
            yield from _values(path, x, y)
        yield from (Difference(path, _text(x), None) for x in a[i + shared : j])
        yield from (Difference(path, None, _text(y)) for y in b[k + shared : n])


def _listed(path: str, a: Sequence[Any], b: Sequence[Any]) -> Iterator[Difference]:
    kept = {_canonical(x) for x in a} & {_canonical(y) for y in b}
    yield from (Difference(path, _text(x), None) for x in a if _canonical(x) not in kept)
    yield from (Difference(path, None, _text(y)) for y in b if _canonical(y) not in kept)


def _by_name(prefix: str, a: Mapping[str, Any], b: Mapping[str, Any], compare: Any) -> Iterator[Difference]:
    for name in dict.fromkeys([*a, *b]):
        path = prefix + name
        if name not in b:
            yield Difference(path, _summary(a[name]), None)
        elif name not in a:
            yield Difference(path, None, _summary(b[name]))
        else:
            yield from compare(path, a[name], b[name])


def _summary(value: Any) -> str:
    for part in ("source", "law", "space", "labels"):
        if hasattr(value, part):
            inner = getattr(value, part)
            return f"[{', '.join(inner)}]" if part == "labels" else written(inner)
    return _text(value)


def _options(path: str, a: Any, b: Any) -> Iterator[Difference]:
    for name, info in type(a).model_fields.items():
        x, y = getattr(a, name), getattr(b, name)
        if not same(x, y):
            yield Difference(f"{path}.{name}", written(x, info), written(y, info))


def _data(path: str, a: Any, b: Any) -> Iterator[Difference]:
    if not same(a.source, b.source):
        yield from _values(path, a.source, b.source)
    yield from _options(path, a.options, b.options)
    yield from _by_name(f"{path}.", dict(a.bindings), dict(b.bindings), _whole)
    if a.place != b.place and same(a.source, b.source):
        yield Difference(f"{path}.seed", f"derived at {a.place}", f"derived at {b.place}")


def _whole(path: str, a: Any, b: Any) -> Iterator[Difference]:
    if not same(a, b):
        yield Difference(path, _text(a), _text(b))


def _sweep(path: str, a: Any, b: Any) -> Iterator[Difference]:
    if not same(a.values, b.values):
        yield Difference(path, f"[{', '.join(a.labels)}]", f"[{', '.join(b.labels)}]")


def _simulate(a: Formulation | None, b: Formulation | None) -> Iterator[Difference]:
    if a is None or b is None:
        text = [None if f is None else ", ".join(line.text for line in f.likelihoods) for f in (a, b)]
        if a is not b:
            yield Difference("simulate", text[0], text[1])
        return
    yield from (Difference(f"simulate.{d.path}", d.before, d.after) for d in _formulation(a, b))


def _methods(a: Mapping[str, Formulation], b: Mapping[str, Formulation]) -> Iterator[Difference]:
    """Differences of each method; those that all methods share are told once, without the method's name."""
    both = [n for n in a if n in b]
    if not both and len(a) == len(b) == 1:
        (x,), (y,) = a, b
        yield Difference("method", x or "the page itself", y or "the page itself")
        yield from _formulation(a[x], b[y])
        return
    found = {n: list(_formulation(a[n], b[n])) for n in both}
    shared = [d for d in next(iter(found.values()), []) if all(d in ds for ds in found.values())]
    yield from shared
    for n in both:
        for d in found[n]:
            if d not in shared:
                yield Difference(f"{n}.{d.path}" if n else d.path, d.before, d.after)
    yield from (Difference("method", n or "the page itself", None) for n in a if n not in b)
    yield from (Difference("method", None, n or "the page itself") for n in b if n not in a)


def _formulation(a: Formulation, b: Formulation) -> Iterator[Difference]:
    yield from _by_name("", a.unknowns, b.unknowns, _unknown)
    yield from _by_name("", a.operators, b.operators, _values)
    told = {_canonical([x, b.operators[n]]) for n, x in a.operators.items() if n in b.operators}
    before, after = ({line.measured: line for line in f.likelihoods} for f in (a, b))
    yield from _by_name("noise ", before, after, lambda path, x, y: _law(path, x.law, y.law, told))
    yield from _priors(a, b)
    if not same(a.solver, b.solver):
        if type(a.solver) is type(b.solver):
            yield from _values("solver", a.solver, b.solver)
        else:
            text = ["chosen by rule" if s is None else written(s) for s in (a.solver, b.solver)]
            yield Difference("solver", text[0], text[1])
    yield from _by_name("", a.derived, b.derived, _values)


def _unknown(path: str, a: Any, b: Any) -> Iterator[Difference]:
    if a.kind != b.kind or not same(a.space, b.space):
        yield Difference(path, *_spaces(a, b))
    if not same(a.range, b.range):
        yield Difference(f"{path}.range", written(a.range), written(b.range))


def _spaces(a: Any, b: Any) -> tuple[str, str]:
    """Two spaces in words; with their voxels where nothing else tells them apart."""
    texts = written(a), written(b)
    if texts[0] != texts[1]:
        return texts
    return tuple(f"{x}, voxel {[axis.voxel for axis in u.space.axes]} m" for x, u in zip(texts, (a, b), strict=True))  # type: ignore[return-value]


def _law(path: str, a: Word, b: Word, told: set[str]) -> Iterator[Difference]:
    """The parameters of two laws; an operator that its `forward` line already told of is skipped."""
    if type(a) is not type(b):
        yield Difference(path, written(a), written(b))
        return
    for name, info in type(a).model_fields.items():
        x, y = getattr(a, name), getattr(b, name)
        if same(x, y):
            continue
        if isinstance(x, t.Apply) and isinstance(y, t.Apply) and _canonical([x.operator, y.operator]) in told:
            yield from _values(f"{path}.{name}", x.to, y.to)
        elif isinstance(x, t.Term):
            if not _told(x, y, told):
                yield from _values(f"{path}.{name}", x, y)
        else:
            yield Difference(f"{path}.{name}", written(x, info), written(y, info))


def _told(a: t.Term, b: t.Term, told: set[str]) -> bool:
    """Whether two values differ only in operators whose difference was told."""
    pairs = _operators(a), _operators(b)
    if len(pairs[0]) != len(pairs[1]) or _shape(a) != _shape(b):
        return False
    return all(same(p, q) or _canonical([p, q]) in told for p, q in zip(*pairs, strict=True))


def _operators(value: Any) -> list[t.OperatorTerm]:
    return [x.operator for x in t.everything(value) if isinstance(x, t.Apply)]


def _shape(value: Any) -> str:
    """A value with its operators taken out."""

    def blank(x: Any) -> Any:
        if isinstance(x, dict):
            return {k: None if k == "operator" else blank(v) for k, v in x.items()}
        return [blank(v) for v in x] if isinstance(x, list) else x

    return json.dumps(blank(canonical(value)), sort_keys=True)


def _priors(a: Formulation, b: Formulation) -> Iterator[Difference]:
    """Priors aligned by what stayed; a changed weight is told as such."""
    keys = [[_canonical(p) for p in f.priors] for f in (a, b)]
    left = [p for p, k in zip(a.priors, keys[0], strict=True) if k not in keys[1]]
    right = [p for p, k in zip(b.priors, keys[1], strict=True) if k not in keys[0]]
    for p in list(left):
        twin = next((q for q in right if head(p).word == head(q).word), None)
        if twin is None:
            continue
        left.remove(p)
        right.remove(twin)
        path = f"prior {head(p).word}"
        if (p.weight, p.rule) != (twin.weight, twin.rule):
            yield Difference(f"{path}.weight", weight_of(p), weight_of(twin))
        yield from _values(path, p.energy, twin.energy)
    yield from (Difference("prior", written(p), None) for p in left)
    yield from (Difference("prior", None, written(p)) for p in right)
