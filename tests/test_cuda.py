"""What a GPU alone shows: rounding, compiled steps, processes, training. Needs one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recon.dsl.model.packaged import packaged_names, packaged_weights
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary import optimizers
from recon.dsl.vocabulary.restorers import Drunet
from recon.runtime.experiment.device import choose_device
from recon.runtime.experiment.run import run_page
from recon.runtime.training.distances import mean_square
from recon.runtime.training.loop import Recipe, train
from recon.runtime.training.optimizers import adam
from recon.runtime.training.pairs import Pairs
from recon.zoo.adapt import Adapted
from recon.zoo.folder import load
from recon.zoo.networks import build_network
from small_pages import SPECS, page_of, small

from .test_devices import differences

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is at hand")


@pytest.mark.parametrize("page", ["quickstart", "denoise/tv", "denoise/second-order", "ct/sparse-view", "pnp/deblur"])
def test_compiled_pages(page: str, tmp_path: Path) -> None:
    path = SPECS / f"{page}.recon"
    tree = page_of(path)
    plain = run_page(tree, path.parent, small(tree), out=tmp_path / "plain", device="cuda")
    compiling = [*small(tree), ("run.compile", parse_expression(Source("--set", "true")))]
    compiled = run_page(tree, path.parent, compiling, out=tmp_path / "compiled", device="cuda")
    assert max(differences(plain, compiled).values()) <= 1e-3


REAL = """recon 1
data cam = sample("camera")
image x : real[64, 64] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
prior 10 * tv(x)
metrics [psnr]
run { compile = true }
"""


def test_steps_are_compiled(tmp_path: Path) -> None:
    """A real problem, whose steps Inductor turns into kernels of the GPU."""
    page = parse(Source("real.recon", REAL))
    plain = run_page(page, tmp_path, [("run.compile", parse_expression(Source("--set", "false")))], out=tmp_path / "a")
    compiled = run_page(page, tmp_path, [], out=tmp_path / "b", device="cuda")
    assert max(differences(plain, compiled).values()) <= 1e-3
    (told,) = [step for step in compiled.outcomes[0].choices if step[0] == "compile"]
    assert told[1] > 0, told


def test_processes_share_a_device(tmp_path: Path) -> None:
    path = SPECS / "quickstart.recon"
    page = page_of(path)
    one = run_page(page, path.parent, small(page), out=tmp_path / "one", device="cuda", processes=1)
    two = run_page(page, path.parent, small(page), out=tmp_path / "two", device="cuda", processes=2)
    assert max(differences(one, two).values()) <= 1e-6


@pytest.mark.parametrize("name", packaged_names())
@pytest.mark.parametrize("half", [False, True])
def test_networks(name: str, half: bool) -> None:
    """Float32 is float32: through a dozen layers of TF32 the answer would be off by a thousandth of its values."""
    device = choose_device("cuda")
    network, contract = load(packaged_weights() / name)
    x = torch.rand(2, 61, 75, generator=torch.Generator().manual_seed(1))
    x = torch.complex(x, x.flip(0)) if contract.value == "complex" else x
    sigma = 0.1 if contract.noise is not None and contract.noise.conditional else None
    expected = Adapted(network, contract)(x, sigma)
    found = Adapted(load(packaged_weights() / name)[0].to(device), contract, half=half)(x.to(device), sigma)
    assert float((found.cpu() - expected).abs().max()) < (0.05 if half else 2e-5)


class Noisy:
    """Random planes with noise, each batch from its number."""

    def batch(self, step: int) -> Pairs:
        g = torch.Generator().manual_seed(step)
        x = torch.randn(8, 1, 16, 16, generator=g)
        y = x + 0.5 * torch.randn(x.shape, generator=g)
        return Pairs(y.to("cuda"), x.to("cuda"), torch.full((8,), 0.5, device="cuda"))


def test_training_goes_on(tmp_path: Path) -> None:
    """From a checkpoint, whose tensors come back from the CPU, as without a break; sums of a GPU differ in order."""

    def weights(steps: int, folder: Path | None) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        network = build_network(Drunet(channels=4, blocks=1), 1).to("cuda")
        adam_ = adam(optimizers.Adam(lr=1e-3))
        recipe = Recipe(mean_square, steps, adam_, lambda step, of: 1.0, clip=1.0, average=0.9, every=5)
        return train(network, Noisy(), recipe, folder=folder, key="k").weights

    whole = weights(10, None)
    weights(5, tmp_path)
    again = weights(10, tmp_path)
    for name, w in whole.items():
        assert again[name].is_cuda
        assert float((again[name] - w).abs().max()) <= 1e-4 * max(1.0, float(w.abs().max())), name


TRAIN = """recon 1
data fit = sample("camera")
data test = sample("coins")
image x : real[auto, auto] { range = 0..1 }
forward A = identity()
noise y ~ gaussian(A @ x, sigma = uniform(0, 0.3))
solver network(learned(drunet(channels = 4, blocks = 1)))

train supervised(loss = l1) {
  data = fit
  patches = 32
  augment = [flip, rotate90, rescale(0.5, 1)]
  optimizer = adam(lr = 1e-3)
  schedule = cosine(warmup = 2)
  steps = 12
  batch = 4
  clip = 1
  ema = 0.9
}

metrics [psnr]
"""


@pytest.mark.parametrize("half", [False, True])
def test_training(tmp_path: Path, half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TRAIN.replace("ema = 0.9", 'ema = 0.9\n  precision = "bf16"') if half else TRAIN
    page = parse(Source("train.recon", text))
    on_cpu = run_page(page, tmp_path, [], out=tmp_path / "cpu", device="cpu")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # so that it is trained once more
    on_gpu = run_page(page, tmp_path, [], out=tmp_path / "gpu", device="cuda")
    assert max(differences(on_cpu, on_gpu).values()) <= (0.05 if half else 2e-3)
