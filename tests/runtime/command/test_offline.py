"""Pages with weights that install with recon run on a machine without network, and without a cache of the Hub."""

from __future__ import annotations

import json
import os
from pathlib import Path

from recon_process import recon_afresh

PAGE = """recon 1
experiment "offline"
weights dn = zoo("denoiser-gray")
data cam = sample("camera")
image x : real[32, 32] { range = 0..1 }
forward A = conv(gaussian(width = 1), boundary = "circular")
noise y ~ gaussian(A @ x, sigma = 0.02)
method start { solver adjoint }
method plugged {
  prior x ~ denoiser(dn)
  solver hqs(iterations = 4) { sigma = geometric(0.2, 0.02) }
}
metrics [psnr]
"""
ALONE = """import os, sys

def alone(event, arguments):
    if event == "socket.getaddrinfo" or (event == "socket.connect" and isinstance(arguments[1], tuple)):
        asked.write(f"{event} {arguments[1:]}\\n")
        asked.flush()
        raise OSError(101, "Network is unreachable")

asked = open(os.environ["ASKED"], "a")
sys.addaudithook(alone)
"""
"""What Python imports first: no host can be looked up or connected to, and whoever tries is written down."""


def test_a_page_with_weights_of_the_package_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "page.recon").write_text(PAGE)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "sitecustomize.py").write_text(ALONE)
    paths = (str(tmp_path / "alone"), os.environ.get("PYTHONPATH", ""))
    asked, home = tmp_path / "asked", tmp_path / "hub"
    done = recon_afresh(
        *("run", "page.recon", "--json", "--out", "out"),
        folder=tmp_path,
        PYTHONPATH=os.pathsep.join(p for p in paths if p),
        ASKED=str(asked),
        HF_HOME=str(home),
        HF_ENDPOINT="http://127.0.0.1:9",
        HF_HUB_OFFLINE="1",
    )
    assert done.returncode == 0, done.stderr
    assert asked.read_text() == "", "nobody is asked"
    assert not home.exists()
    found = {r["method"]: r["mean"]["psnr"] for r in json.loads(done.stdout)["outcomes"]}
    assert found["plugged"] > found["start"] + 1
