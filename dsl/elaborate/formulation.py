"""One problem as a page states it: unknowns, operators, noise lines, priors and the solver."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from ..diagnostics import Diagnostic, Findings, Label, SpecError, error
from ..model import terms as t
from ..model.experiment import Formulation, Likelihood, UnknownSpec
from ..model.options import UnknownOptions
from ..model.space import LARGEST_BYTES, Axis, Space
from ..model.units import NONE, describe, example, parts
from ..model.word import ImageLaw, Law, Loss, Word
from ..syntax.format import format_expression
from ..syntax.tree import Binding, Expr, Follows, Index, Item, Name, Statement, walk
from .context import Context, value_of
from .names import Names, collect, measured_names, method_items
from .scope import Scope
from .statements import SHAPES, UNKNOWNS
from .weights import with_rules

AXES = {1: ("sample",), 2: ("row", "col"), 3: ("z", "row", "col")}
DIMENSIONS = {"signal": (1,), "image": (2,), "volume": (3,), "unknown": (1, 2, 3)}


@dataclass
class Stated:
    """The statements that state one problem, with the names that hold among them.

    own_data: whether they replace noise or forward on a page without `simulate`, and so make their own data.
    """

    items: list[Item]
    names: Names
    own_data: bool = False

    @property
    def unknowns(self) -> list[str]:
        """The names of the unknowns, in order."""
        return [s.name for s in self.items if isinstance(s, Statement) and s.kind in UNKNOWNS and s.name]


def stated_by(method: Statement | None, context: Context) -> Stated:
    """The statements of a method, or of the page where there are no methods."""
    items, own_data = method_items(context.page, method)
    if method is not None:
        collect(method.body or (), context.findings)  # two bindings of one name inside the method
    return _stated(items, own_data, context)


def stated_by_simulate(s: Statement, context: Context) -> Stated:
    """The statements that make the data: those of the page, with what `simulate` holds in their place."""
    collect(s.body or (), context.findings)
    inside = [i for i in s.body or () if isinstance(i, (Statement, Binding))]
    replaced = {i.kind for i in inside if isinstance(i, Statement)}
    if replaced & set(UNKNOWNS):
        replaced |= set(UNKNOWNS)
    replaced |= {"method", "simulate", "prior", "solver", "train"}
    bound = {i.name for i in inside if isinstance(i, Binding)}
    kept = [
        i
        for i in context.page.items
        if not (isinstance(i, Statement) and i.kind in replaced) and not (isinstance(i, Binding) and i.name in bound)
    ]
    return _stated([*kept, *inside], False, context)


def _stated(items: list[Item], own_data: bool, context: Context) -> Stated:
    everywhere = ("method", "data", "use", "weights")
    outer = {n: d for n, d in context.names.items() if d.kind in everywhere or "." in n}
    names = collect(items, Findings(), outer)
    context.environments.append(names)
    return Stated(items, names, own_data)


def formulation(stated: Stated, context: Context) -> Formulation:
    """What the statements of a problem say; those that cannot be read are left out, with their errors noted."""
    items, names = stated.items, stated.names
    unknowns = context.each(
        lambda s: unknown(s, Scope(names, context.folder), context),
        [i for i in items if isinstance(i, Statement) and i.kind in UNKNOWNS],
    )
    derived = derived_values(stated, context)
    operators = {}
    for s in context.statements("forward", items):
        operator = context.attempt(lambda s: _forward(s, names, context), s)
        if operator is not None and s.name:
            operators[s.name] = operator
    lines = context.statements("noise", items)
    priors = context.statements("prior", items)
    ranks = {id(s): i for i, s in enumerate(sorted(priors, key=_prior_key))}  # seeds do not follow the page's order
    summands = context.each(lambda s: _prior(s, names, ranks[id(s)], context), priors)
    solver = context.one("solver", items, help="compare solvers by `method` statements")
    train = context.one("train", items, help="methods are trained apart by a `train` line in each")
    found = Formulation(
        unknowns={u.name: u for u in unknowns},
        operators=operators,
        likelihoods=tuple(context.each(lambda s: _noise(s, names, frozenset(derived), context), lines)),
        priors=tuple(p for group in summands for p in group),
        solver=context.attempt(lambda s: _solver(s, names, context), solver) if solver is not None else None,
        solver_span=value_of(solver).span if solver is not None else None,
        train=context.attempt(lambda s: _train(s, names, context), train) if train is not None else None,
        train_span=value_of(train).span if train is not None else None,
        derived=derived,
        own_data=stated.own_data,
    )
    return with_rules(found)


def _prior_key(s: Statement) -> str:
    return format_expression(s.value) if s.value is not None else ""


def unknown(s: Statement, scope: Scope, context: Context) -> UnknownSpec:
    """`image x : real[256, 256] { ... }`. Raises SpecError."""
    value = s.value
    if not isinstance(value, Index) or value.base.id not in ("real", "complex"):
        message = f"`{s.kind}` is written `{SHAPES[s.kind].usage}`, with `real` or `complex`"
        raise SpecError(error("RS101", message, value.span if value else s.span))
    if len(value.items) not in DIMENSIONS[s.kind]:
        raise SpecError(_extents(s, value))
    sizes = [_extent(item, scope, context) for item in value.items]
    options: UnknownOptions = context.validated(UnknownOptions, s, scope)
    voxel = options.voxel if isinstance(options.voxel, tuple) else (options.voxel,) * len(sizes)
    if len(voxel) != len(sizes):
        given = next(b.value.span for b in s.body or () if isinstance(b, Binding) and b.name == "voxel")
        message = f"`voxel` has {len(voxel)} lengths, and `{s.name}` has {len(sizes)} axes"
        hint = f"give one length, or one for each of {', '.join(AXES[len(sizes)])}"
        raise SpecError(error("RS104", message, Label(given), Label(value.span, "its extents"), help=hint))
    axes = tuple(Axis(n, size, v) for n, size, v in zip(AXES[len(sizes)], sizes, voxel, strict=True))
    if options.channels is not None:
        axes = (Axis("channel", options.channels), *axes)
    if options.frames is not None:
        axes = (Axis("frame", options.frames), *axes)
    space = Space("complex" if value.base.id == "complex" else "real", axes, options.unit)
    if space.bytes is not None and space.bytes > LARGEST_BYTES:
        message = f"`{s.name}` has {space.count} entries, and an array of at most {LARGEST_BYTES >> 30} GiB is computed"
        raise SpecError(error("RS103", message, value.span))
    return UnknownSpec(cast(str, s.name), s.kind, space, options.range, s.span, _init(s, options))


def _init(s: Statement, options: UnknownOptions) -> float | Word | None:
    """Where the search for an unknown begins, a number in its unit. Raises SpecError for one of another dimension."""
    if options.init is None or isinstance(options.init, Word):
        return options.init
    number, dimension = parts(options.init)
    if dimension != options.unit.dimension:
        given = next(b.value.span for b in s.body or () if isinstance(b, Binding) and b.name == "init")
        message = f"`{s.name}` is {describe(options.unit.dimension)}, and its `init` is {describe(dimension)}"
        hint = "give the unknown a unit: `{ unit = um; init = 3um }`"
        if dimension == NONE:
            hint = f"write it with its unit, such as {example(options.unit.dimension)}"
        raise SpecError(error("RT003", message, given, help=hint))
    return number / options.unit.factor


def _extents(s: Statement, value: Index) -> Diagnostic:
    count = " or ".join(str(n) for n in DIMENSIONS[s.kind])
    other = next((k for k, n in DIMENSIONS.items() if n == (len(value.items),)), None)
    hints = [f"`{other}` has {len(value.items)}"] if other else []
    if s.kind == "image" and len(value.items) == 3:
        rest = ", ".join(i.span.text for i in value.items[1:])
        channels = f"{value.base.id}[{rest}] {{ channels = {value.items[0].span.text} }}"
        hints.append(f"a colour image is `image {s.name} : {channels}`")
    message = f"`{s.kind}` has {count} extent{'s' if count != '1' else ''}, not {len(value.items)}"
    return error("RS102", message, value.span, help=hints)


def _extent(item: Expr, scope: Scope, context: Context) -> int | None:
    if isinstance(item, Name) and item.id == "auto":
        return None
    n = context.reader.plain(item, scope, "an extent")
    if n != round(n) or not 1 <= n <= LARGEST_BYTES:
        message = f"an extent is a whole number from 1 on, or `auto`, not {n:g}"
        raise SpecError(error("RS103", message, item.span))
    return int(n)


def derived_values(stated: Stated, context: Context) -> dict[str, t.ValueTerm]:
    """Bindings whose value depends on unknowns, such as `x = cosine().H @ c + s`, in order.

    Only those that can be read as values: a prior with a name depends on unknowns too, and is none.
    """
    names = stated.names
    bindings = {i.name: i for i in stated.items if isinstance(i, Binding)}
    depends: dict[str, bool] = dict.fromkeys(stated.unknowns, True)

    def reaches(name: str) -> bool:
        stack, seen = [name], set()
        while stack:
            top = stack.pop()
            if depends.get(top):
                return True
            if top in seen or top not in bindings:
                continue
            seen.add(top)
            stack += [n.id for n in walk(bindings[top].value) if isinstance(n, Name)]
        return False

    out = {}
    for name, b in bindings.items():
        if not reaches(name):
            continue
        d = names.get(name)
        if d is None or d.value is not b.value:
            continue
        try:
            term = context.reader.probe().value(b.value, Scope(names, context.folder, f"binding.{name}"))
        except SpecError:
            continue
        if t.unknowns_in(term):
            out[name] = term
    return out


def _forward(s: Statement, names: Names, context: Context) -> t.OperatorTerm:
    scope = context.scope(s, names, f"forward.{s.name}")
    own = names[cast(str, s.name)]
    operator = context.reader.operator(value_of(s), Scope(names, context.folder, scope.place, own.locals, scope.used))
    context.unused(s, scope)
    return operator


def _noise(s: Statement, names: Names, derived: frozenset[str], context: Context) -> Likelihood:
    value = value_of(s)
    if not isinstance(value, Follows):
        text = " ".join(value.span.text.split())
        hint = f"write `noise y ~ {text}`, with the name of what is measured" if len(text) <= 60 else ""
        message = "a noise line is written `noise y ~ law(A @ x, ...)`"
        raise SpecError(error("RS105", message, value.span, help=hint))
    named = measured_names(value.left)
    if len(named) != 1 or (d := names.get(named[0].id)) is None or d.kind != "measured":
        message = "left of `~` stands the name of the measurement, or a function or an operator applied to it"
        raise SpecError(error("RS106", message, value.left.span, help="such as `y`, `sqrt(y)` or `F @ y`"))
    measured = named[0].id
    scope = context.scope(s, names, f"noise.{measured}")
    of = None if isinstance(value.left, Name) else context.reader.value(value.left, scope)
    law = _law_of_noise(value.law, scope, context)
    context.unused(s, scope)
    apart = Scope(names, context.folder, scope.place, scope.locals, derived=derived)
    through = _law_of_noise(value.law, apart, context) if derived else law
    return Likelihood(measured, law, s.span, format_expression(value), through, of)


def _law_of_noise(node: Expr, scope: Scope, context: Context) -> Law:
    law = context.reader.law(node, scope)
    if isinstance(law, ImageLaw):
        message = f"`{law.word}` is a law of unknowns, and a noise line takes one of measurements"
        raise SpecError(error("RK015", message, node.span, help=f"write it as a prior: `prior x ~ {law.word}(...)`"))
    return law


def _prior(s: Statement, names: Names, rank: int, context: Context) -> list[t.Prior]:
    scope = context.scope(s, names, f"prior.{rank}")
    out = context.reader.priors(value_of(s), scope)
    context.unused(s, scope)
    return out


def _solver(s: Statement, names: Names, context: Context) -> Word:
    scope = Scope(names, context.folder, "solver")
    return context.reader.word(value_of(s), "solver", scope, context.options(s))


def _train(s: Statement, names: Names, context: Context) -> Loss:
    player = next((i for i in s.body or () if isinstance(i, Statement)), None)
    if player is not None:
        raise SpecError(error("RN005", f"`{player.kind}` does not stand inside this `train`", player.kind_span))
    word = context.reader.word(value_of(s), "loss", Scope(names, context.folder, "train"), context.options(s))
    return cast(Loss, word)


def stated_problems(context: Context) -> dict[str, Stated]:
    """The problem of each method by name; a page without methods has one, named the empty string."""
    methods: Iterable[Statement] = context.statements("method")
    found = {cast(Name, s.value).id: stated_by(s, context) for s in methods}
    return found or {"": stated_by(None, context)}
