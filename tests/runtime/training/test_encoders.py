"""Pages that train a U-Net over a model of timm."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.data.files import DataError
from recon.runtime.experiment.run import RunResult, run_page
from recon.zoo.folder import load, read_test
from recon.zoo.verify import verify

PAGE = """recon 1
data fit = sample("*") {{ split = "train"; x = image }}
data test = sample("camera") {{ x = image }}
image x : real[40, 40] {{ range = 0..1 }}
noise y ~ gaussian(x, sigma = 0.1)
solver network(learned(unet(encoder = "{encoder}", channels = 2)))
train supervised(target = residual) {{ data = fit; patches = 36; batch = 2; steps = 3; ema = 0.9 }}
metrics [psnr]
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RECON_NATIVE", "0")  # kernels would be compiled anew in an empty cache


def run(encoder: str, folder: Path) -> RunResult:
    return run_page(parse(Source("page.recon", PAGE.format(encoder=encoder))), folder, [], out=folder / "out")


def test_weights_of_an_encoder_are_trained_kept_and_read_back(tmp_path: Path) -> None:
    result = run("lcnet_035", tmp_path)
    assert [o.failure for o in result.outcomes] == [""]
    folder = result.folder / "weights"
    assert [f for f in verify(folder) if not f.holds] == []
    network, contract = load(folder)
    assert (contract.predicts, contract.multiple) == ("noise", 1)
    assert float(dict(network.named_buffers())["layers.encoder.model.bn1.num_batches_tracked"]) == 3
    pair = read_test(folder)
    torch.testing.assert_close(network(pair["input"]), pair["output"])


def test_an_encoder_that_does_not_serve_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`unet`: `crossvit_tiny_240` of timm gives no features"):
        run("crossvit_tiny_240", tmp_path)
