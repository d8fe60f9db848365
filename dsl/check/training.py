"""What a `train` line needs of its page."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, Label, error, warning
from ..elaborate.phrases import listed
from ..model.experiment import DataSet, Experiment, Formulation
from ..model.networks import Learned
from ..model.terms import everything
from ..model.word import Loss
from ..vocabulary.losses import Supervised
from ..vocabulary.solvers.network import NetworkSolver
from ..vocabulary.sources.pictures import FACES, TEST_PICTURES, TRAIN_PICTURES, Sample


def check_training(experiment: Experiment) -> list[Diagnostic]:
    """What is learned is trained, by data that say what the answers are, and not on what is scored."""
    out: list[Diagnostic] = []
    for f in experiment.methods.values():
        out += _reached(f)
        if f.train is not None and f.learned:
            out += _trained(f, f.train, experiment)
    out += _idle(experiment)
    return list(dict.fromkeys(out))


def _reached(f: Formulation) -> Iterator[Diagnostic]:
    """Each `learned` has a `train` line, and stands where one can train it."""
    if not f.learned:
        return
    if f.train is None:
        name = f.learned[0].network.word
        message = f"`learned({name}(...))` has no weights, since nothing on this page trains it"
        hint = "add a line `train supervised(loss = l2) { data = ...; steps = ... }`, or name `weights`"
        yield error("RC083", message, f.solver_span, help=hint)
    inside = [w for w in everything(f.solver) if isinstance(w, Learned)]
    apart = [n for n in f.learned if n not in inside]
    if apart or not isinstance(f.solver, NetworkSolver):
        message = "this version of recon trains the network of `solver network(...)`, and no other"
        hint = "train it on a page of its own, and name its weights here: `weights w = folder(...)`"
        span = f.priors[0].span if apart and f.priors else f.solver_span
        yield error("RV001", message, span, help=hint)


def _idle(experiment: Experiment) -> Iterator[Diagnostic]:
    """A `train` line that no method has a use for."""
    for f in experiment.methods.values():
        others = [g for g in experiment.methods.values() if g.train_span == f.train_span]
        if f.train is not None and not any(g.learned for g in others):
            message = "nothing is trained: no part of the page is `learned`"
            hint = "write `learned(...)` around the network that is to be trained"
            yield error("RC084", message, f.train_span, help=hint)


def _trained(f: Formulation, loss: Loss, experiment: Experiment) -> Iterator[Diagnostic]:
    assert isinstance(loss, Supervised)
    unknowns = list(f.unknowns)
    for name in (loss.data, loss.validate):
        data = experiment.data.get(name.name) if name is not None else None
        if name is None or data is None:
            continue
        missing = [u for u in unknowns if u not in dict(data.bindings)]
        if missing:
            message = f"supervised training needs the truth, and `{data.name}` does not say what `{missing[0]}` is"
            hint = f"bind it: `data {data.name} = ... {{ {missing[0]} = ... }}`"
            yield error("RC085", message, Label(data.span), Label(name.span or data.span, "named here"), help=hint)
        measured = [m.measured for m in f.likelihoods if m.measured in dict(data.bindings)]
        if measured:
            message = f"this version of recon trains on measurements it draws, and `{data.name}` binds `{measured[0]}`"
            yield error("RV001", message, data.span, help=f"bind {listed(unknowns, 'and')} alone")
    yield from _extents(f, loss)
    yield from _overlaps(loss, experiment)
    if not experiment.tests:
        message = "no data are left to be reconstructed: all of them are trained on"
        hint = "add a `data` line of other pictures, or name one by `validate`"
        yield error("RC086", message, f.train_span, help=hint)


def _extents(f: Formulation, loss: Supervised) -> Iterator[Diagnostic]:
    """Patches are parts of pictures, and the network takes what it is trained on."""
    pictures = [a.size for u in f.unknowns.values() for a in u.space.axes[-2:] if a.size is not None]
    word = f.learned[0].network
    odd = next((n for n in ([loss.patches] if loss.patches else pictures) if n % word.multiple), None)
    if odd is not None:
        message = f"`{word.word}` is trained on extents that are multiples of {word.multiple}, and these are {odd}"
        yield error("RC087", message, f.train_span, help=f"write `patches = {_nearest_multiple(odd, word.multiple)}`")
    if loss.patches is None:
        return
    for u in f.unknowns.values():
        small = [a.size for a in u.space.axes[-2:] if a.size is not None and a.size < loss.patches]
        if small:
            message = f"patches of {loss.patches} do not fit into `{u.name}`, with an extent of {small[0]}"
            yield error("RC087", message, Label(u.span), *_labels(f))


def _nearest_multiple(n: int, m: int) -> int:
    return max(n // m, 1) * m


def _labels(f: Formulation) -> list[Label]:
    return [Label(f.train_span, "trained here")] if f.train_span is not None else []


def _overlaps(loss: Supervised, experiment: Experiment) -> Iterator[Diagnostic]:
    """Data that are scored or watched, and trained on."""
    fit = experiment.data.get(loss.data.name)
    if fit is None:
        return
    watched = loss.validate.name if loss.validate is not None else None
    for data in experiment.data.values():
        if data.name == fit.name and data.name != watched:
            continue
        if data.name == watched and overlap(fit, data):
            message = f"`{data.name}` is trained on too, so it does not show what the network makes of other pictures"
            yield warning("RL017", message, data.span, help="validate on other data")
        elif data in experiment.tests and overlap(fit, data):
            message = f"`{data.name}` is scored, and it was trained on"
            yield warning("RL016", message, data.span, help="score other data; a network knows what it was trained on")


def overlap(a: DataSet, b: DataSet) -> bool:
    """Whether two data sets have rows in common, as far as their sources and files tell."""
    if isinstance(a.source, Sample) and isinstance(b.source, Sample):
        return bool(_pictures(a.source, a.options.split) & _pictures(b.source, b.options.split))
    apart = None not in (a.options.split, b.options.split) and a.options.split != b.options.split
    if apart:
        return False
    return a.source == b.source or bool({f.path for f in a.files} & {f.path for f in b.files})


def _pictures(source: Sample, split: str | None) -> set[str]:
    """The pictures that a sample stands for; parts of the faces count as pictures."""
    if source.name == FACES:
        return {f"{FACES}/{s}" for s in ((split,) if split else ("train", "test"))}
    if source.name != "*":
        return {source.name}
    parts = {"train": TRAIN_PICTURES, "test": TEST_PICTURES}
    return set(parts[split]) if split in parts else {*TRAIN_PICTURES, *TEST_PICTURES}
