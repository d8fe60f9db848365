"""Pages of the Hub, run as a stranger's: pinned, with the files that they name and no others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hub_server import HubServer
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.zoo.hub import pages
from recon.zoo.hub.client import HubError
from recon.zoo.hub.pages import fetch_page
from recon_process import recon_here as recon

PAGE = """recon 1
use base = "./parts/base.recon"
data d = npy("data/x.npy") { x = array }
image x : real[8, 8] { range = 0..1 }
noise y ~ gaussian(x, sigma = base.level)
prior 0.1 * sq(x)
metrics [psnr]
publish "hf://owner/stolen" { license = "mit" }
"""


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.random.default_rng(0).random((1, 8, 8), dtype=np.float32))
    return buffer.getvalue()


def files(page: str = PAGE.replace("publish", "# publish")) -> dict[str, bytes]:
    return {
        "sub/page.recon": page.encode(),
        "sub/parts/base.recon": b"recon 1\nparam level = 0.1\n",
        "sub/data/x.npy": array(),
        "sub/secret.npy": array(),
        "top.npy": array(),
    }


def below(page: Path, commit: str) -> set[str]:
    root = next(p for p in page.parents if p.name == commit)
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_a_page_runs_with_the_files_that_it_names(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.put("owner/pages", files())
    spec = f"hf://owner/pages@{commit}/sub/page.recon"
    done = recon("run", spec, "--out", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "metrics.json").exists()
    assert "secret.npy" not in hub.downloads()
    before = len(hub.asked)
    again = recon("check", spec, folder=tmp_path, HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1].startswith(f"{spec}: ")
    assert len(hub.asked) == before, "what is cached costs no request"


def test_what_lies_beside_it_stays_away(hub: HubServer) -> None:
    commit = hub.put("owner/pages", files())
    page = fetch_page(f"hf://owner/pages@{commit}/sub/page.recon")
    assert below(page, commit) == {"sub/page.recon", "sub/parts/base.recon", "sub/data/x.npy"}
    assert not any(p.is_symlink() for p in page.parent.rglob("*"))
    load(page.read_text(), "page.recon", page.parent)


@pytest.mark.parametrize(
    "named", ["../top.npy", "/etc/hostname", "../../../../../../etc/hostname", "data/../../top.npy"]
)
def test_a_stranger_reads_nothing_outside(hub: HubServer, named: str) -> None:
    commit = hub.put("owner/pages", files(PAGE.replace("data/x.npy", named).replace("publish", "# publish")))
    page = fetch_page(f"hf://owner/pages@{commit}/sub/page.recon")
    assert below(page, commit) == {"sub/page.recon", "sub/parts/base.recon"}
    with pytest.raises(SpecError, match="lies outside the folder of the spec"):
        load(page.read_text(), "page.recon", page.parent)


def test_a_stranger_sends_nothing_away(hub: HubServer, tmp_path: Path) -> None:
    text = PAGE.replace('use base = "./parts/base.recon"\n', "").replace("base.level", "0.1")
    text = text.replace('npy("data/x.npy") { x = array }', 'sample("camera")').replace("[8, 8]", "[16, 16]")
    commit = hub.put("owner/pages", {"page.recon": text.encode()})
    spec = f"hf://owner/pages@{commit}/page.recon"
    done = recon("run", spec, folder=tmp_path, HF_TOKEN="writer", RECON_OWN="/")
    assert done.returncode == 0, done.stderr
    assert "not published" in done.stdout
    assert set(hub.repositories) == {"owner/pages"}
    assert not any(a.startswith(("POST", "PUT")) for a in hub.asked)


def test_folders_and_patterns(hub: HubServer) -> None:
    listed = {f"set/{n}.png": b"x" for n in range(3)} | {"other/a.png": b"x", "w/config.json": b"{}", "w/a/b.txt": b"x"}
    text = 'recon 1\ndata d = folder("set/*.png") { x = image }\nweights w = folder("w")\n'
    commit = hub.put("owner/pages", {"page.recon": text.encode(), **listed})
    page = fetch_page(f"hf://owner/pages@{commit}/page.recon")
    assert below(page, commit) == {"page.recon", "w/config.json", "w/a/b.txt", "set/0.png", "set/1.png", "set/2.png"}


def test_too_much_is_refused(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_BYTES", 100)
    commit = hub.put("owner/pages", files())
    with pytest.raises(HubError, match="belong into a data set of the Hub"):
        fetch_page(f"hf://owner/pages@{commit}/sub/page.recon")
    assert "x.npy" not in hub.downloads()


def test_a_copy_that_somebody_changed_is_made_anew(hub: HubServer) -> None:
    commit = hub.put("owner/pages", files())
    page = fetch_page(f"hf://owner/pages@{commit}/sub/page.recon")
    page.write_text("recon 1\n")
    assert fetch_page(f"hf://owner/pages@{commit}/sub/page.recon").read_bytes() == files()["sub/page.recon"]


def test_of_a_data_set_too(hub: HubServer) -> None:
    commit = hub.put("datasets/owner/pages", files())
    page = fetch_page(f"hf://datasets/owner/pages@{commit}/sub/page.recon")
    assert page.read_bytes() == files()["sub/page.recon"]


def test_one_line_for_what_is_no_page(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.put("owner/pages", files(), tag="v1")
    for spec, told in {
        f"hf://owner/pages@{commit}": "say which page is meant: it has `sub/page.recon`, `sub/parts/base.recon`",
        f"hf://owner/pages@{commit}/no.recon": "has no `no.recon`",
        "hf://owner/pages@v1/sub/page.recon": f"now it is `hf://owner/pages@{commit}/sub/page.recon`",
        f"hf://owner/none@{commit}/page.recon": "the Hub has no such model",
    }.items():
        done = recon("check", spec, folder=tmp_path)
        assert done.returncode == 2
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
    formatted = recon("fmt", f"hf://owner/pages@{commit}/sub/page.recon", folder=tmp_path)
    assert formatted.returncode in (0, 2)
    assert [p.name for p in tmp_path.iterdir() if p.name != "cache"] == []
