"""Times networks as reconstructions apply them beside plain calls of the same networks.

    python benchmarks/networks.py [--threads N] [--rounds N] [--clock wall|cpu] [--size N] [--case dncnn drunet]

Random weights at the published sizes, one gray image, float32. `plain` calls the network as PyTorch makes it, planes
one after the other and a gradient recorded; `inference mode` records none. Both are what code around deepinv's models
does, whose DnCNN is timed too. Ours goes through the adapter, with padding, range, memory order and back, and through
our kernel for convolutions.

What bfloat16 costs is told of the denoiser that installs with recon, on a photograph it was not trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from peers import clocks, peer, table, turns
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.dsl.model.packaged import packaged_weights
from recon.dsl.vocabulary.contracts import network_word
from recon.runtime.transforms.winograd import with_quick_convolutions
from recon.zoo.adapt import Adapted
from recon.zoo.folder import load
from recon.zoo.networks import build_network
from skimage import data
from torch import Tensor

CASES = {"dncnn": {"channels": 64, "depth": 17}, "drunet": {"channels": 64, "blocks": 4}}


def adapted(name: str, half: bool, device: str | torch.device = "cpu") -> Adapted:
    """The network of a case on a device, with the weights that the seed gives."""
    architecture = Architecture(name=name, arguments=CASES[name])
    word = network_word(architecture)
    torch.manual_seed(0)
    network = build_network(word, 1).eval()
    contract = Contract(
        network=architecture,
        role="denoiser",
        channels=1,
        multiple=word.multiple,
        noise=NoiseLevels(conditional=word.conditional, levels=(0.1, 0.1)),
        sha256="0" * 64,
        licences=Licences(weights="NONE", code="NONE", data="NONE"),
    )
    return Adapted(with_quick_convolutions(network).to(device), contract, half=half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=clocks, default="wall")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    x = torch.rand(1, options.size, options.size)
    for name in options.case:
        timed(name, x, options.rounds, options.clock)
    cost()


def timed(name: str, x: Tensor, rounds: int, clock: str) -> None:
    """Print the table of a case."""
    ours, half = adapted(name, half=False), adapted(name, half=True)
    torch.manual_seed(0)
    word = network_word(Architecture(name=name, arguments=CASES[name]))
    plain = build_network(word, 1).eval()
    planes = x[:, None].contiguous()
    levels = (torch.tensor([0.1]),) if word.conditional else ()
    level = 0.1 if word.conditional else None

    def without_gradient() -> Tensor:
        with torch.inference_mode():
            out: Tensor = plain(planes, *levels)
            return out

    works: dict[str, Callable[[], object]] = {
        "recon": lambda: ours(x, level),
        "recon, bfloat16": lambda: half(x, level),
        "inference mode": without_gradient,
        "plain": lambda: plain(planes, *levels),
    }
    models = peer("deepinv.models")
    if models is not None and name == "dncnn":
        theirs = models.DnCNN(in_channels=1, out_channels=1, depth=17, nf=64, pretrained=None)
        works["deepinv"] = lambda: theirs(planes, 0.1)
    table(
        f"{name} {CASES[name]}, {tuple(x.shape[-2:])}, {torch.get_num_threads()} threads, {clock} time",
        turns(works, rounds, clocks[clock]),
    )
    apart = (without_gradient()[:, 0] - ours(x, level)).abs().max()
    print(
        f"  apart from the plain call by {float(apart):.1e} at most, values of {float(ours(x, level).abs().max()):.2g}"
    )


def cost() -> None:
    """Print what bfloat16 costs."""
    network, contract = load(packaged_weights() / "denoiser-gray")
    network = with_quick_convolutions(network)
    image = torch.from_numpy(data.coins()[None, :256, :256] / 255).float()
    for sigma in (15 / 255, 25 / 255, 50 / 255):
        noisy = image + sigma * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
        found = []
        for half in (False, True):
            mse = (Adapted(network, contract, half=half)(noisy, sigma) - image).square().mean()
            found.append(float(-10 * mse.log10()))
        print(
            f"denoiser-gray, sigma {255 * sigma:.0f}/255: {found[0]:.3f} dB, in bfloat16 {found[1] - found[0]:+.4f} dB"
        )


if __name__ == "__main__":
    main()
