"""Event files hold what was run, read back by TensorBoard's own reader."""

from __future__ import annotations

import builtins
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from recon.dsl.vocabulary.trackers.tensorboard import Tensorboard
from recon.runtime.experiment.device import Unavailable
from recon.runtime.trackers.base import Place
from recon.runtime.trackers.tensorboard import tensorboard_opener
from recon_process import recon
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

PAGE = """recon 1
experiment "watched"
data faces = sample("lfw_subset") { limit = 3 }
image x : real[25, 25] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
method tv { prior 5 * tv(x); solver pdhg(iterations = 30) }
method plain { prior 2 * sq(x) }
metrics [psnr]
report table { rows = method; cells = [mean(psnr)] }
log tensorboard { images = 2 }
"""


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    found.Reload()
    return found


def text(found: EventAccumulator, name: str) -> str:
    (event,) = found.Tensors(f"{name}/text_summary")
    value: bytes = event.tensor_proto.string_val[0]
    return value.decode()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "page.recon").write_text(PAGE)
    done = recon("run", "page.recon", "--out", "out", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "logged: tensorboard --logdir out/tensorboard" in done.stdout.splitlines()
    assert not [line for line in done.stderr.splitlines() if "tensor" in line.lower()]
    return folder / "out"


def test_each_method_has_event_files_of_its_own(run: Path) -> None:
    assert {p.name for p in (run / "tensorboard").iterdir()} == {"tv", "plain", "summary"}


def test_curves_and_numbers_are_those_of_the_run(run: Path) -> None:
    found = events(run / "tensorboard" / "tv")
    trace = next(t for t in json.loads((run / "trace.json").read_text()) if t["method"] == "tv")
    written = {e.step: e.value for e in found.Scalars("trace/objective")}
    assert written == pytest.approx(dict(zip(trace["iterations"], trace["objective"], strict=True)), rel=1e-6)
    outcomes = json.loads((run / "metrics.json").read_text())["outcomes"]
    psnr = next(o["mean"]["psnr"] for o in outcomes if o["method"] == "tv")
    (event,) = found.Scalars("summary/psnr")
    assert event.value == pytest.approx(psnr, rel=1e-6)


def test_pictures_are_those_of_the_first_rows(run: Path) -> None:
    found = events(run / "tensorboard" / "tv")
    names = {f"{what}/{i}" for what in ("truth", "reconstruction", "error") for i in (1, 2)}
    assert set(found.Tags()["images"]) == names
    (event,) = found.Images("truth/2")
    truth = np.load(run / "tv" / "truth-0001.npy")
    shown = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("L"))
    assert np.abs(shown / 255 - (truth - truth.min()) / np.ptp(truth)).max() <= 0.51 / 255


def test_the_page_and_its_tables_are_there(run: Path) -> None:
    found = events(run / "tensorboard" / "summary")
    spec = "\n".join("    " + line for line in (run / "spec.recon").read_text().splitlines())
    assert text(found, "spec.recon") == spec
    assert text(found, "table-1") == (run / "table-1.md").read_text()
    config = json.loads(text(found, "config"))
    assert config["digests"]["spec"] == json.loads((run / "manifest.json").read_text())["digests"]["spec"]


def test_where_it_is_not_installed_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    own = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "tensorboard":
            raise ImportError(name)
        return own(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Unavailable, match=r'pip install "recon-dsl\[tensorboard\]"'):
        tensorboard_opener(Tensorboard.model_validate({}), Place(False))
