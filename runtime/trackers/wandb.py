"""Weights & Biases: runs are written offline first, and sent by a process of its own.

This process talks to no server: it writes the files of `wandb`'s offline mode, which is done within milliseconds,
and `wandb sync` sends them where that is wanted and possible. So what a server does costs no result, and what was not
sent now can be sent later.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from recon.dsl.vocabulary.trackers.wandb import Wandb

from ..meaning import meaning_of
from ..report.content import Table
from .base import Image, Opener, Place, Start, Told, columns_of
from .sending import Following, NotSent, Sender, mode_of

ENDS = 30.0
"""Seconds after which the files of a run are given up."""


@meaning_of(Wandb)
def wandb_opener(word: Wandb, place: Place) -> Opener | None:
    """None where the page or WANDB_MODE wants nothing of it."""
    mode = mode_of(word.mode, os.environ.get("WANDB_MODE", ""), place.may_send)
    return None if mode.name == "disabled" else WandbRuns(word, place, Sender(mode))


class WandbRuns:
    """All runs of a page in one group."""

    def __init__(self, word: Wandb, place: Place, sender: Sender) -> None:
        self.word, self.place, self.sender = word, place, sender
        self.images = word.images
        self.group = ""
        self._names: list[str] = []
        self._cache: str | None = None

    def start(self, start: Start, folder: Path) -> WandbRun:
        """Raises what wandb raises."""
        import wandb

        self.group = start.group
        root = self._root(folder)
        settings = wandb.Settings(
            mode="offline",
            root_dir=str(root),
            entity=self.word.entity,
            project=self.word.project,
            run_id=secrets.token_hex(4),
            run_group=start.group,
            run_name=start.name,
            run_notes=start.notes or None,
            run_job_type=start.kind,
            run_tags=self.word.tags or None,
            # nothing on the terminal that is ours
            console="off",
            silent=True,
            # nothing of the user's that the documentation does not name
            host="",
            program="recon",
            disable_code=True,
            disable_git=True,
            disable_job_creation=True,
            save_code=False,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
            # what is followed is not far behind
            x_transaction_log_flush_interval=2.0,
            # nothing that outlives the run, or waits for long
            finish_timeout=ENDS,
            finish_timeout_raises=True,
            init_timeout=ENDS,
            reinit="create_new",
            symlink=False,
        )
        with self._environment(root):
            run = wandb.init(config=dict(start.config), settings=settings)
        place = Path(run.dir).parent
        self._names.append(place.name)
        # what takes long is sent while it goes on
        following = self.sender.follow(place, root) if start.kind == "training" else None
        return WandbRun(self, run, root, following)

    def close(self, folder: Path) -> Told:
        if self._cache is not None:
            shutil.rmtree(self._cache, ignore_errors=True)
        if not self._names:
            return Told()
        import wandb

        # A run ends before all of it is in its file; the process that writes the files ends when it is.
        wandb.teardown()
        root = self._root(folder)
        runs = [root / "wandb" / name for name in self._names]
        again = f"wandb sync {_written(runs)}"
        try:
            account = self.sender.send(runs, root, self.place.said)
        except NotSent as e:
            return Told(warnings=(f"not sent to W&B: {e}; `{again}` does it later",))
        if account is None:
            return Told((f"logged for W&B, {self.sender.mode.why}; `{again}` sends it",))
        entity = quote(self.word.entity or account.entity)
        return Told((f"logged: {account.app}/{entity}/{quote(self.word.project)}/groups/{quote(self.group, safe='')}",))

    def _root(self, folder: Path) -> Path:
        """The folder that files go to: WANDB_DIR, or that of the run."""
        named = os.environ.get("WANDB_DIR", "")
        root = Path(named).expanduser().absolute() if named else folder.absolute()
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK):  # wandb itself would go to a temporary folder without a word
            raise PermissionError(f"{root} cannot be written to")
        return root

    @contextmanager
    def _environment(self, root: Path) -> Iterator[None]:
        """Files beside the run's as well lie in its folder, or nowhere; reports of errors are not sent."""
        self._cache = self._cache or tempfile.mkdtemp(prefix="recon-wandb-")
        wanted = {
            "WANDB_CACHE_DIR": os.environ.get("WANDB_CACHE_DIR") or self._cache,
            "WANDB_DATA_DIR": str(root / "wandb"),
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_MODE": "offline",
            "WANDB_SILENT": "true",
        }
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    @contextmanager
    def writing(self, root: Path) -> Iterator[None]:
        with self._environment(root):
            yield


class WandbRun:
    """One run, written offline."""

    def __init__(self, runs: WandbRuns, run: Any, root: Path, following: Following | None) -> None:
        self._runs, self._run, self._root, self._following = runs, run, root, following

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        self._run.log(dict(numbers), step=step)

    def images(self, step: int, pictures: Mapping[str, Sequence[Image]]) -> None:
        import wandb
        from PIL import Image as Pixels

        shown = {name: these[: self._runs.images] for name, these in pictures.items()}
        made = {
            name: [wandb.Image(Pixels.open(io.BytesIO(p.png)), caption=p.caption) for p in these]
            for name, these in shown.items()
            if these
        }
        if made:
            with self._runs.writing(self._root):
                self._run.log(made, step=step)

    def table(self, name: str, table: Table) -> None:
        import wandb

        columns: Any
        columns, rows = columns_of(table)
        with self._runs.writing(self._root):
            self._run.log({name: wandb.Table(columns=columns, data=rows, allow_mixed_types=True)})

    def summary(self, values: Mapping[str, float | str]) -> None:
        self._run.summary.update(dict(values))

    def files(self, name: str, files: Mapping[str, Path]) -> None:
        import wandb

        artifact = wandb.Artifact(name, type="recon-run")
        with self._runs.writing(self._root):
            for inside, path in files.items():
                # the files of a run do not change: no second copy of them is made
                artifact.add_file(str(path), name=inside, policy="immutable", skip_cache=True)
            self._run.log_artifact(artifact)

    def finish(self, failure: str = "") -> None:
        if failure:
            self._run.summary["failure"] = failure
        with self._runs.writing(self._root):
            self._run.finish(exit_code=1 if failure else 0)
        if self._following is not None:
            self._following.end()


def _written(runs: Sequence[Path]) -> str:
    """The folders of runs as they stand in a command, from where the user is."""
    here = Path.cwd()
    short = [str(p.relative_to(here)) if p.is_relative_to(here) else str(p) for p in runs]
    if len(short) == 1 or "WANDB_DIR" in os.environ:
        return " ".join(f"'{s}'" if " " in s else s for s in short)
    return f"{Path(short[0]).parent}/offline-run-*"
