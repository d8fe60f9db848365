"""Every value of a page with where it came from: a default, the page, `--set`, or chosen by a stated rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..model import terms as t
from ..model.experiment import Experiment, Formulation, Setting
from ..model.options import Options
from ..model.place import Placed
from ..model.space import Space
from ..model.word import Word
from ..syntax.source import Span
from ..syntax.tree import Argument, Binding, Call, Expr, Follows, Item, Name, Sequence, Statement, walk
from ..vocabulary.operators.sparsity import Gradient, Wavelet
from ..vocabulary.operators.tomography import Radon
from .latex import argument
from .text import written


class Origins:
    """Finds where the page says a value. Spans of words lead back to the expressions they were read from."""

    def __init__(self, experiment: Experiment) -> None:
        self.source = experiment.page.source
        self.nodes: dict[Span, Expr] = {}
        self.values: dict[str, Expr] = {}
        self.statements: dict[Span, Statement] = {}
        self._index(experiment.page.items)

    def _index(self, items: tuple[Item, ...]) -> None:
        for item in items:
            value = item.value
            if value is not None:
                self.nodes.update((node.span, node) for node in walk(value))
            if isinstance(item, Binding):
                self.values.setdefault(item.name, item.value)
            elif isinstance(item, Statement):
                self.statements[item.span] = item
                if item.name and value is not None:
                    self.values.setdefault(item.name, value)
                self._index(item.body or ())

    def of(self, expr: Expr | None) -> str:
        """Where an expression was written: on the page, by name perhaps, or in `--set`."""
        if expr is None:
            return "page"
        if expr.span.source is not self.source:
            return expr.span.source.name
        if isinstance(expr, Name) and expr.id in self.values:
            inner = self.values[expr.id]
            if inner.span.source is not self.source:
                return inner.span.source.name
            return f"page, {expr.id}"
        return "page"

    def words(
        self, word: Word, path: str, expr: Expr | None, body: tuple[Item, ...] = (), domain: Space | None = None
    ) -> Iterator[Setting]:
        """A line for each parameter of a word that is a number, a choice or a text, and for words inside it."""
        if isinstance(expr, Name) and expr.id in self.values and expr.id != word.word:
            expr = self.values[expr.id]
        given = self._arguments(word, expr, body)
        for name, info in type(word).model_fields.items():
            value = getattr(word, name)
            if isinstance(value, Word):
                yield Setting(f"{path}.{name}", value.word, self._origin(word, name, given))
                yield from self.words(value, f"{path}.{name}", given.get(name))
            elif isinstance(value, t.Term) or (isinstance(value, tuple) and any(isinstance(v, t.Term) for v in value)):
                continue
            elif value is not None or name in given:
                chosen = _chosen(word, name, value, domain) if value == "auto" else None
                origin = self._origin(word, name, given)
                shown = written(value, info)
                yield Setting(f"{path}.{name}", chosen or shown, "chosen" if chosen else origin)

    def _origin(self, word: Word, name: str, given: dict[str, Expr]) -> str:
        if name in given:
            return self.of(given[name])
        return "page" if name in word.model_fields_set else "default"

    def _arguments(self, word: Word, expr: Expr | None, body: tuple[Item, ...]) -> dict[str, Expr]:
        """The expression of each parameter that was given."""
        fields = list(type(word).model_fields)
        arguments: tuple[Argument, ...] = expr.arguments if isinstance(expr, Call) else ()
        given = {
            a.name or fields[i]: a.value
            for i, a in enumerate(arguments)
            if a.name or (word.variadic is None and i < len(fields))
        }
        return given | {b.name: b.value for b in body if isinstance(b, Binding) and b.name in fields}

    def options(self, options: Options, path: str, statement: Statement | None) -> Iterator[Setting]:
        """A line for each option of a statement that is no word."""
        given = {b.name: b.value for b in (statement.body if statement else None) or () if isinstance(b, Binding)}
        for name, info in type(options).model_fields.items():
            value = getattr(options, name)
            if value is not None or name in given:
                origin = self.of(given[name]) if name in given else "default"
                yield Setting(f"{path}.{name}", written(value, info), origin)

    def placed(self, placed: Placed, path: str) -> Iterator[Setting]:
        """The settings of all words inside an operator, each on its own domain."""
        if isinstance(placed.term, t.Leaf) and not placed.parts:
            word = placed.term.word
            node = self.nodes.get(placed.term.span) if placed.term.span is not None else None
            yield from self.words(word, f"{path}.{word.word}", node, domain=placed.domain)
        for part in reversed(placed.parts):
            yield from self.placed(part, path)

    def formulation(self, f: Formulation, prefix: str = "") -> Iterator[Setting]:
        """The unknowns, the laws and the energies of one method, and its solver where the page names one."""
        for u in f.unknowns.values():
            yield Setting(prefix + u.name, written(u), self.of(self._statement_value(u.span)))
            if u.range is not None:
                yield Setting(f"{prefix}{u.name}.range", written(u.range), "page")
        for line in f.likelihoods:
            value = self._statement_value(line.span)
            law = value.law if isinstance(value, Follows) else None
            path = f"{prefix}noise {line.measured}"
            yield Setting(path, line.law.word, "page")
            yield from self.words(line.law, path, law)
        for prior in f.priors:
            energy = prior.energy
            word = head(prior)
            path = f"{prefix}prior {word.word}"
            if not isinstance(energy, t.Within):
                weight = self.nodes.get(prior.weight_span) if prior.weight_span is not None else None
                stated = written(prior.weight) if prior.rule is None else f"found at run by {written(prior.rule)}"
                yield Setting(f"{path}.weight", stated, self.of(weight) if weight else "default")
            node = self.nodes.get(energy.span) if energy.span is not None else None
            inside = node.law if isinstance(node, Follows) else node
            yield from self.words(word, path, inside if isinstance(inside, Call) else None)
        if f.solver is not None:
            node = self.nodes.get(f.solver_span) if f.solver_span is not None else None
            statement = next((s for s in self.statements.values() if s.kind == "solver" and s.value is node), None)
            yield Setting(f"{prefix}solver", f.solver.word, self.of(node))
            yield from self.words(f.solver, f"{prefix}solver", node, (statement.body or ()) if statement else ())

    def _statement_value(self, span: Span) -> Expr | None:
        statement = self.statements.get(span)
        return statement.value if statement is not None else None

    def page(self, e: Experiment) -> Iterator[Setting]:
        """Params, data, metrics and the run."""
        for name, value in e.params.items():
            yield Setting(name, written(value), self.of(self.values.get(name)).removesuffix(f", {name}"))
        for d in e.data.values():
            statement = self.statements.get(d.span)
            yield Setting(d.name, d.source.word, self.of(statement.value if statement else None))
            yield from self.words(d.source, d.name, statement.value if statement else None)
            yield from self.options(d.options, d.name, statement)
            for target, bound in d.bindings:
                written_out = any(
                    isinstance(b, Binding) and b.name == target for b in (statement and statement.body) or ()
                )
                yield Setting(f"{d.name}.{target}", argument(bound)[1], "page" if written_out else "chosen")
        metrics = next((s for s in self.statements.values() if s.kind == "metrics"), None)
        listed: tuple[Any, ...] = ()
        if metrics is not None and metrics.value is not None:
            listed = metrics.value.items if isinstance(metrics.value, Sequence) else (metrics.value,)
        for i, m in enumerate(e.metrics):
            yield from self.words(m, m.word, listed[i] if i < len(listed) else None)
        if metrics is not None:
            yield from self.options(e.metrics_options, "metrics", metrics)
        for line in e.trackers:
            statement = self.statements.get(line.span)
            value, body = (statement.value, statement.body or ()) if statement else (None, ())
            yield from self.words(line.tracker, f"log.{line.tracker.word}", value, body)
        run = next((s for s in self.statements.values() if s.kind == "run"), None)
        yield from self.options(e.run, "run", run)


def head(prior: t.Prior) -> Word:
    """The word of a prior: its energy, its law or its set."""
    match prior.energy:
        case t.Energy(word=word):
            return word
        case t.Law(law=law):
            return law
        case t.Within(set=set_):
            return set_


def _chosen(word: Word, name: str, value: Any, domain: Space | None) -> str | None:
    """What `auto` comes to, where the spaces alone tell."""
    if name == "seed" and word.random:
        return "from run.seed and the place"
    if domain is None:
        return None
    match word, name:
        case Wavelet(), "levels":
            return str(word.depth(domain))
        case Gradient(), "axes":
            return "[" + ", ".join(domain.axes[i].name for i in word.indices(domain)) + "]"
        case Radon(), "detectors":
            count = word.codomain(domain).shape[-1]
            return None if count is None else str(count)
    return None
