"""The stage of a run that trains: what is `learned` in its cells gets weights before anything is reconstructed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
import torch
from recon.dsl.check.page import CheckedExperiment
from recon.dsl.check.rules import Choice
from recon.dsl.digest import digest_of
from recon.dsl.model.networks import Learned, Pretrained
from recon.dsl.model.solver import Solver
from recon.dsl.model.terms import rewritten
from recon.dsl.model.word import Weights
from recon.dsl.vocabulary.losses import Supervised
from recon.dsl.vocabulary.solvers.network import NetworkSolver
from recon.zoo.folder import CONFIG

from ..build import derived_seed
from ..data.files import DataError
from ..experiment.cells import Cell
from ..experiment.gather import build_for
from ..folder import RunFiles
from ..meaning import meaning
from ..trackers.training import Watch
from .fitted import fitted, start, write_folder
from .loop import Recipe, Tick, train
from .score import scorer
from .simulated import simulated

Progress = Callable[[str, int, int, float], None]
LOOKS = 20
"""How often validation data are looked at over training."""


class Found(Weights):
    """Weights that this run, or an earlier one of the same page, has trained."""

    path: str

    def place(self, folder: Path) -> Path:
        return Path(self.path)


@dataclass(frozen=True)
class Stage:
    """Where training happens: the folder of the page, the device, where weights are kept, and who is told.

    watch: what trackers are told by, of each training.
    """

    folder: Path
    device: torch.device
    spec: str
    progress: Progress
    said: Callable[[str], None]
    watch: Watch
    cache: Path | None = None

    @property
    def kept(self) -> Path:
        """Where weights and checkpoints are, a folder for each digest of what they depend on."""
        return self.cache or Path(platformdirs.user_cache_dir("recon")) / "training"


def trained(cells: Sequence[Cell], stage: Stage, files: RunFiles) -> list[Cell]:
    """The cells with weights in the place of what is `learned`, which also go into the run's folder.

    What was trained before with the same digest is not trained again, and what was broken off is gone on with. Raises
    DataError, TrainingDiverged, and KeyboardInterrupt once a checkpoint is written.
    """
    out = []
    done: dict[str, Path] = {}
    for cell in cells:
        choices = dict(cell.checked.choices)
        for method, f in cell.checked.experiment.methods.items():
            for learned in f.learned:
                key = training_digest(cell.checked, method, learned)
                if key not in done:
                    done[key] = _weights(cell, method, learned, key, stage)
                    name = "weights" if len(done) == 1 else f"weights-{len(done)}"
                    for path in sorted(done[key].iterdir()):
                        files.write_bytes(f"{name}/{path.name}", path.read_bytes())
                choices[method] = _with(choices[method], learned, done[key])
        out.append(replace(cell, checked=replace(cell.checked, choices=choices)))
    return out


def _with(choice: Choice, learned: Learned, place: Path) -> Choice:
    """The choice of a solver with weights in the place of what it learns."""
    weights = Pretrained(source=Found(path=str(place)))
    solver = rewritten(choice.solver, lambda word: weights if word == learned else word)
    assert isinstance(solver, Solver)
    return replace(choice, solver=solver)


def training_digest(checked: CheckedExperiment, method: str, learned: Learned) -> str:
    """The digest of all that the weights depend on: not of what is scored, nor of what training is watched on."""
    e, f = checked.experiment, checked.experiment.methods[method]
    loss, solver = f.train, checked.choices[method].solver
    assert isinstance(loss, Supervised)
    assert isinstance(solver, NetworkSolver)
    quiet = loss.model_copy(update={"validate": None, "checkpoint": 0})
    made = e.simulate or f
    return digest_of(
        [
            [e.run.seed, e.run.precision, learned, solver.input, quiet, e.data[loss.data.name]],
            [made.unknowns, made.derived, sorted(digest_of(n) for n in made.likelihoods)],
            [f.unknowns, f.derived, sorted(digest_of(n) for n in f.likelihoods)],
        ]
    )


def _weights(cell: Cell, method: str, learned: Learned, key: str, stage: Stage) -> Path:
    """The folder of the zoo with the weights; trained now unless it is there."""
    kept = stage.kept / key[:32]
    place = kept / "weights"
    if (place / CONFIG).is_file():
        stage.said(f"`{learned.network.word}` has been trained before")
        return place
    checked = cell.checked
    loss = checked.experiment.methods[method].train
    assert isinstance(loss, Supervised)
    build = build_for(checked.experiment, stage.device)
    build = replace(build, real=torch.float32)
    word = learned.network
    space = next(iter(checked.methods[method].problem.unknowns.values()))
    try:
        network = start(learned, loss, space, derived_seed(build.seed, learned.place)).to(stage.device)
    except ValueError as e:  # only who builds it knows
        raise DataError(f"`{word.word}`: {e}") from e
    examples = simulated(checked, method, loss, stage.folder, build, word.conditional)
    score = None
    if loss.validate is not None:
        data = checked.experiment.data[loss.validate.name]
        score = scorer(checked, method, data, stage.folder, build, word.conditional, word.multiple)
    names = " ".join(p for p in (*cell.labels.values(), method) if p)
    what = f"training {word.word}" + (f" ({names})" if names else "")

    def tick(told: Tick) -> None:
        watched(told)
        stage.progress(what, told.step, told.steps, told.loss)
        if told.score is not None:
            stage.said(f"{what}: step {told.step}, loss {told.loss:.3g}, validation {told.score:.2f} dB")

    stage.said(f"{what}: {loss.steps} steps, weights are kept in {kept}")
    with stage.watch(what, checked.experiment, loss) as watched:
        found = train(network, examples, recipe(loss), folder=kept, key=key, score=score, tick=tick)
        if found.interrupted:
            raise KeyboardInterrupt
    test = examples.batch(loss.steps)
    try:
        write_folder(place, fitted(checked, method, learned, loss, key), network, found, test, stage.spec)
    except OSError:  # another run of the same page was quicker
        if not (place / CONFIG).is_file():
            raise
    return place


def recipe(loss: Supervised) -> Recipe:
    """The recipe that a `train` line says."""
    return Recipe(
        loss=meaning(loss.loss)(loss.loss),
        steps=loss.steps,
        optimizer=meaning(loss.optimizer)(loss.optimizer),
        rate=meaning(loss.schedule)(loss.schedule),
        clip=loss.clip,
        average=loss.ema,
        half=loss.precision == "bf16",
        every=loss.checkpoint,
        validate=max(1, loss.steps // LOOKS) if loss.validate is not None else 0,
    )
