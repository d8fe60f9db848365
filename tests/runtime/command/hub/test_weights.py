"""Pages with weights of the Hub: verified before anything is computed; trained, published and used again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hub_server import HubServer
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.show.layout import plan_text
from recon.dsl.show.plan import plan
from recon.dsl.show.pretrained import weights
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page
from recon.zoo.hub.fetch import fetch
from recon_process import recon_here as recon
from small_weights import small
from stated_weights import stated, zeros

PAGE = """recon 1
experiment "weighted"
weights w = "{address}"
data cam = sample("camera")
image x : real[32, 32] {{ range = 0..1 }}
noise y ~ gaussian(x, sigma = 0.1)
solver network(w, input = adjoint)
metrics [psnr]
"""
TRAIN = """recon 1
experiment "trained"
data fit = sample("*") { split = "train"; x = image; limit = 2 }
data cam = sample("camera")
image x : real[32, 32] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
train supervised(loss = l2, target = image) { data = fit; patches = 16; steps = 5; batch = 2 }
solver network(learned(srcnn(channels = 4)), input = adjoint)
metrics [psnr]
publish "hf://owner/trained" { license = "mit" }
"""


def page(folder: Path, address: str) -> Path:
    path = folder / "page.recon"
    path.write_text(PAGE.format(address=address))
    return path


def test_weights_are_fetched_once_and_used_offline(hub: HubServer, tmp_path: Path) -> None:
    folder = small(tmp_path / "w")
    commit = hub.put("owner/w", {p.name: p.read_bytes() for p in folder.iterdir()})
    spec = page(tmp_path, f"hf://owner/w@{commit}")
    first = recon("run", spec, "--out", "a", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    again = recon("run", spec, "--out", "b", folder=tmp_path, HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    local = recon("run", page(tmp_path, "w").name, "--out", "c", folder=tmp_path)
    assert local.returncode == 1, "a path is no address"
    (tmp_path / "page.recon").write_text(PAGE.format(address="w").replace('"w"', 'folder("w")'))
    local = recon("run", "page.recon", "--out", "c", folder=tmp_path)
    found = [np.load(tmp_path / name / "reconstruction.npy") for name in "abc"]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_plan_tells_what_is_here_and_what_is_to_be_fetched(hub: HubServer, tmp_path: Path) -> None:
    folder = small(tmp_path / "w")
    commit = hub.put("owner/w", {p.name: p.read_bytes() for p in folder.iterdir()})
    address = f"hf://owner/w@{commit}"
    spec = load(PAGE.format(address=address), "page.recon", tmp_path)
    assert weights(spec.experiment) == (f'w: hub("{address}"), to be fetched by the run',)
    assert hub.asked == []
    fetch(address)
    here = "on this machine: srcnn, a denoiser of real images in 1 plane"
    (line,) = weights(load(PAGE.format(address=address), "page.recon", tmp_path).experiment)
    assert line.startswith(f'w: hub("{address}"), {here}')
    assert "Weights\n  w: hub" in plan_text(plan(spec)).replace("- ", "")
    (tmp_path / "w" / "config.json").write_text("{}")
    page = PAGE.format(address="w").replace('"w"', 'folder("w")')
    with pytest.raises(SpecError, match=r"config\.json of `w` does not hold"):
        load(page, "page.recon", tmp_path)


def test_weights_that_do_not_fit_are_an_error_of_the_run_before_it_computes_and_of_the_check_later(
    hub: HubServer, tmp_path: Path
) -> None:
    folder = stated(tmp_path / "w", channels=3, weights=zeros({"a": (999,)}))
    commit = hub.put("owner/w", {p.name: p.read_bytes() for p in folder.iterdir()})
    text = PAGE.format(address=f"hf://owner/w@{commit}")
    load(text, "page.recon", tmp_path)
    for start in (
        lambda: run_page(parse(Source("page.recon", text)), tmp_path, [], out=tmp_path / "out"),
        lambda: load(text, "page.recon", tmp_path),
    ):
        with pytest.raises(SpecError) as e:
            start()
        (found,) = e.value.diagnostics
        assert (found.code, found.labels[0].span.text) == ("RC089", "network(w, input = adjoint)")
    assert not (tmp_path / "out").exists()
    assert hub.downloads() == ["config.json"], "the weights are not asked for"


def test_a_contract_that_does_not_hold_is_an_error_of_the_run_before_weights_are_fetched(
    hub: HubServer, tmp_path: Path
) -> None:
    folder = stated(tmp_path / "w", noise={"conditional": True, "levels": [0.0, 0.3]})
    commit = hub.put("owner/w", {p.name: p.read_bytes() for p in folder.iterdir()})
    text = PAGE.format(address=f"hf://owner/w@{commit}")
    with pytest.raises(SpecError, match="is not told the level of the noise"):
        run_page(parse(Source("page.recon", text)), tmp_path, [], out=tmp_path / "out")
    assert hub.downloads() == ["config.json"]


def test_what_cannot_be_had_is_one_line_before_anything_is_computed(hub: HubServer, tmp_path: Path) -> None:
    folder = small(tmp_path / "w")
    commit = hub.put("owner/w", {p.name: p.read_bytes() for p in folder.iterdir()})
    spec = page(tmp_path, f"hf://owner/w@{commit}")
    hub.faults["model.safetensors"] = "wrong"
    wrong = recon("run", spec, "--out", "a", folder=tmp_path)
    hub.faults.clear()
    gone = page(tmp_path, f"hf://owner/w@{commit[::-1]}")
    missing = recon("run", gone, "--out", "a", folder=tmp_path)
    begin = time.monotonic()
    alone = recon("run", gone, "--out", "a", folder=tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert time.monotonic() - begin < 60
    for done, told in (
        (wrong, "model.safetensors: its content is not what the commit says"),
        (missing, f"the model has no commit {commit[::-1]}"),
        (alone, "the Hub cannot be reached"),
    ):
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert told in line
    assert not (tmp_path / "a").exists()


def test_weights_that_a_page_trains_are_published_and_used_by_another(hub: HubServer, tmp_path: Path) -> None:
    spec = tmp_path / "train.recon"
    spec.write_text(TRAIN)
    done = recon("run", spec, "--publish", "--json", "--out", "a", folder=tmp_path, HF_TOKEN="writer")
    assert done.returncode == 0, done.stderr
    address = json.loads(done.stdout)["published"]["address"]
    head = hub.repositories["owner/trained"].at("main")
    assert head is not None
    assert {"weights/config.json", "weights/model.safetensors", "weights/test.safetensors"} <= set(head.files)
    assert 'weights weights = "hf://owner/trained@COMMIT/weights"' in head.files["README.md"].decode()
    verified = recon("zoo", "verify", f"{address}/weights", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout
    used = recon("run", page(tmp_path, f"{address}/weights"), "--out", "b", folder=tmp_path)
    assert used.returncode == 0, used.stderr
    found = [json.loads((tmp_path / n / "metrics.json").read_text())["outcomes"][0]["mean"]["psnr"] for n in "ab"]
    assert abs(found[0] - found[1]) < 1e-4, "the same network on the same measurement"
