"""`recon zoo list`, `show` and `verify`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hub_server import HubServer
from recon.runtime.command.zoo import zoo
from recon.zoo.hub.fetch import fetch
from recon_process import recon_afresh
from small_weights import small


def call(*arguments: str | Path) -> Result:
    # a lazy group picks its subcommand by itself
    return CliRunner().invoke(zoo, [str(a) for a in arguments])


def pushed(hub: HubServer, folder: Path, below: str = "") -> str:
    return hub.put("owner/small", {f"{below}{p.name}": p.read_bytes() for p in folder.iterdir()})


def as_json(done: Result) -> Any:
    assert done.exit_code in (0, 1), done.output
    return json.loads(done.stdout)


def test_list_shows_what_is_at_hand(hub: HubServer, tmp_path: Path) -> None:
    commit = pushed(hub, small(tmp_path / "small"), "sub/")
    hub.put("owner/other", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    before = [one["weights"] for one in as_json(call("list", "--json"))]
    fetch(f"hf://owner/small@{commit}/sub")
    (other,) = [r.commits[0].oid for n, r in hub.repositories.items() if n == "owner/other"]
    fetch(f"hf://owner/other@{other}")
    asked = len(hub.asked)
    (one,) = [o for o in as_json(call("list", "--json")) if o["weights"] not in before]
    assert one["weights"] == f'"hf://owner/small@{commit}/sub"'
    assert one["parameters"] == 389
    told = call("list").stdout
    assert "srcnn: a denoiser of real images in 1 plane, 389 parameters" in told
    assert "    psnr 28.5 on camera, sigma 0.1\n" in told
    assert len(hub.asked) == asked, "nothing is asked of the Hub"


def test_show_of_a_folder_and_of_the_hub_before_its_weights_are_fetched(hub: HubServer, tmp_path: Path) -> None:
    folder = small(tmp_path / "small")
    here = as_json(call("show", folder, "--json"))
    assert here["parameters"] == 389
    assert here["receptive_field"] == 13
    assert here["contract"]["licences"]["weights"] == "cc0-1.0"
    commit = pushed(hub, folder)
    there = as_json(call("show", f"hf://owner/small@{commit}", "--json"))
    assert hub.downloads() == ["config.json", "README.md"]
    assert there == {**here, "weights": f'"hf://owner/small@{commit}"', "parameters": None}
    told = call("show", folder).stdout
    assert "sees        13 x 13 pixels" in told
    assert "licences    weights cc0-1.0, code apache-2.0, data cc0-1.0" in told


def test_a_strangers_words_do_not_reach_the_terminal(tmp_path: Path) -> None:
    folder = small(tmp_path / "small")
    config = json.loads((folder / "config.json").read_text())
    evil = "\x1b]0;mine\x07\x1b[2J\u202e\r\n"
    config |= {
        "provenance": {evil: evil},
        "results": [{evil: evil}],
        "licences": dict.fromkeys(config["licences"], evil),
    }
    (folder / "config.json").write_text(json.dumps(config))
    for command in ("show", "verify"):
        told = call(command, folder).stdout
        assert "\\x1b" in told
        assert not [c for c in told if c != "\n" and not c.isprintable()]
    (folder / "config.json").write_text(json.dumps({**config, evil: 1}))
    assert not [c for c in call("show", folder).stderr if c != "\n" and not c.isprintable()]


def test_verify(hub: HubServer, tmp_path: Path) -> None:
    folder = small(tmp_path / "small")
    good = call("verify", folder)
    assert good.exit_code == 0
    assert good.stdout.count("ok ") == len(good.stdout.splitlines()) == 7, "a line for each"
    told = as_json(call("verify", folder, "--json"))["findings"]
    checks = ["contract", "licences", "card", "page", "hash", "weights", "pair"]
    assert [(f["what"], f["holds"]) for f in told] == [(what, True) for what in checks]
    commit = pushed(hub, folder)
    assert call("verify", f"hf://owner/small@{commit}").exit_code == 0
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "sha256": "0" * 64}))
    bad = call("verify", folder)
    assert bad.exit_code == 1
    assert "FAILED hash" in bad.stdout


@pytest.mark.parametrize("command", ["show", "verify"])
def test_what_is_nowhere(command: str) -> None:
    done = call(command, "no-such-weights")
    assert done.exit_code == 2
    assert "there is no folder 'no-such-weights'" in done.stderr


def test_list_and_show_need_no_torch(tmp_path: Path) -> None:
    small(tmp_path / "small")
    listed = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
    (tmp_path / "sitecustomize.py").write_text(listed)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    for arguments in (["list"], ["show", "small"]):
        done = recon_afresh("zoo", *arguments, folder=tmp_path, PYTHONPATH=path)
        assert (done.returncode, done.stderr) == (0, "False\n")
    assert "torch" in sys.modules, "it is there, and was not asked for"
