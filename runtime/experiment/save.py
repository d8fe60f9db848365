"""The arrays and pictures of a batch, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recon.dsl.model.experiment import Experiment
from recon.dsl.vocabulary.sources.electrons import Star
from recon.dsl.vocabulary.sources.volumes import Mrc

from ..data.volumes import mrc_bytes
from ..folder import RunFiles
from ..report.content import Picture
from ..report.display import share_limits
from ..report.mosaic import mosaic
from ..report.pictures import picture_png
from .job import Job, Sink, Solved
from .outcome import Array, Outcome, Shown


def saver(files: RunFiles) -> Sink:
    """What writes each batch into a run's folder, below the folder of its outcome."""

    def save(job: Job, outcome: Outcome, solved: Solved) -> None:
        experiment = job.cell.checked.experiment
        _save_arrays(files, outcome, solved, experiment)
        if solved.rows[0] == outcome.rows[0]:
            _save_found(files, outcome)
        if any(isinstance(d.source, Mrc | Star) for d in experiment.data.values()):
            _save_mrc(files, outcome, solved, experiment)

    return save


def restored(folder: Path, o: Outcome, row: int) -> Shown | None:
    """A row of an outcome as its arrays lie in the folder of the run; None where they do not."""
    if not o.shown:
        return None
    like = o.shown[0]
    below, several = folder / o.folder, len(like.estimates) > 1
    plain = f"reconstruction{_of(next(iter(like.estimates)), several)}.npy"
    tag = "" if (below / plain).is_file() else f"-{row:04d}"

    def read(name: str) -> Array:
        found: Array = np.load(below / f"{name}{tag}.npy", allow_pickle=False)
        return found

    try:
        return Shown(
            row,
            truths={n: read(f"truth{_of(n, several or n == 'ref')}") for n in like.truths},
            measured={n: read(f"measurement-{n}") for n in like.measured},
            adjoint=None,
            estimates={n: read(f"reconstruction{_of(n, several)}") for n in like.estimates},
        )
    except (OSError, ValueError):
        return None


def _of(name: str, several: bool) -> str:
    """What tells the files of one quantity from those of another."""
    return f"-{name}" if several else ""


def _save_arrays(files: RunFiles, o: Outcome, solved: Solved, experiment: Experiment) -> None:
    """One file for each row and quantity, and a plain picture of each reconstruction."""
    below = f"{o.folder}/" if o.folder else ""
    several = len(solved.estimates) > 1
    for i, row in enumerate(solved.rows):
        tag = f"-{row:04d}" if solved.numbered else ""
        for name, x in solved.estimates.items():
            base = f"{below}reconstruction{_of(name, several)}{tag}"
            array = x[i].cpu().numpy()
            files.write_array(f"{base}.npy", array)
            if array.ndim > 1:
                spec = experiment.formulation.unknowns.get(name)
                axes = tuple(a.name for a in spec.space.axes) if spec is not None else ()
                pictures = [Picture("reconstruction", array, "estimate", axes=axes)]
                if name in solved.truths and solved.truths[name].shape[1:] == x.shape[1:]:
                    truth = Picture("truth", solved.truths[name][i].cpu().numpy(), "truth", axes=axes)
                    pictures = share_limits([truth, *pictures])
                files.write_bytes(f"{base}.png", picture_png(pictures[-1]))
        for name, y in solved.measured.items():
            files.write_array(f"{below}measurement-{name}{tag}.npy", y[i].cpu().numpy())
        for name, t in solved.truths.items():
            files.write_array(f"{below}truth{_of(name, several or name == 'ref')}{tag}.npy", t[i].cpu().numpy())


def _save_found(files: RunFiles, o: Outcome) -> None:
    """What the solver found beside the unknowns, with a picture of what is a list of small images."""
    below = f"{o.folder}/" if o.folder else ""
    for name, array in o.found.items():
        files.write_array(f"{below}{name}.npy", array)
        if array.ndim == 3:
            files.write_bytes(f"{below}{name}.png", picture_png(mosaic(name, array)))


def _save_mrc(files: RunFiles, o: Outcome, solved: Solved, experiment: Experiment) -> None:
    """Volumes once more, in the format that the page's data came in."""
    below = f"{o.folder}/" if o.folder else ""
    for name, x in solved.estimates.items():
        if x.ndim != 4:
            continue
        for i, row in enumerate(solved.rows):
            spec = experiment.formulation.unknowns.get(name)
            voxel = [a.voxel for a in spec.space.axes[-3:]] if spec is not None else []
            known = [v for v in voxel if v is not None]
            tag = (f"-{name}" if len(solved.estimates) > 1 else "") + (f"-{row:04d}" if solved.numbered else "")
            content = mrc_bytes(x[i].cpu().numpy(), known if len(known) == 3 else None)
            files.write_bytes(f"{below}reconstruction{tag}.mrc", content)
