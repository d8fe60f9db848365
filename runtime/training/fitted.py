"""What comes out of training: a network, its contract and its card."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from recon.dsl.check.page import CheckedExperiment
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.dsl.model.networks import Learned
from recon.dsl.model.space import Space
from recon.dsl.model.terms import Leaf
from recon.dsl.model.word import Word
from recon.dsl.vocabulary.fitting import levels_of
from recon.dsl.vocabulary.losses import Supervised
from recon.dsl.vocabulary.operators.basic import Identity
from recon.zoo.folder import write
from recon.zoo.networks import Residual, build_network
from torch import Tensor, nn

from .loop import Trained
from .pairs import Pairs

UNSAID = "NOASSERTION"
"""In the terms of SPDX: a licence that nothing on the page says."""


def start(learned: Learned, loss: Supervised, space: Space, seed: int) -> nn.Module:
    """The network with weights as PyTorch draws them, from a seed of its own.

    Of a residual target, with what its layers find taken off its input, unless it does that by itself.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(learned.network, planes_of(space))
    if loss.target == "residual" and not learned.network.residual:
        network = Residual(network)
    channels_last: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return channels_last


def planes_of(space: Space) -> int:
    """How many planes an image in that space has, two for each complex channel."""
    i = space.axis("channel")
    channels = 1 if i is None else space.shape[i]
    assert channels is not None, "channels are never `auto`"
    return channels * (2 if space.field == "complex" else 1)


def fitted(checked: CheckedExperiment, method: str, learned: Learned, loss: Supervised, key: str) -> Contract:
    """The contract of what a `train` line finds; the hash of its weights is filled in where they are written."""
    e, model = checked.experiment, checked.methods[method]
    unknown = next(iter(model.formulation.unknowns.values()))
    range_ = (unknown.range.start, unknown.range.stop) if unknown.range is not None else (0.0, 1.0)
    placed = [p.term for m in model.measurements.values() for p in m.blocks.values()]
    denoises = all(t is None or (isinstance(t, Leaf) and isinstance(t.word, Identity)) for t in placed)
    levels = noise_levels(model.formulation.likelihoods[0].law, range_[1] - range_[0])
    data = e.data[loss.data.name]
    word = learned.network
    return Contract(
        network=Architecture(name=word.word, arguments=arguments(word)),
        role="denoiser" if denoises and levels is not None else "restorer",
        channels=planes_of(unknown.space),
        value="complex" if unknown.space.field == "complex" else "real",
        range=range_,
        multiple=word.multiple,
        noise=NoiseLevels(conditional=word.conditional, levels=levels) if levels is not None else None,
        predicts="noise" if loss.target == "residual" and not word.residual else "image",
        sha256="0" * 64,
        licences=Licences(weights=UNSAID, code=UNSAID, data=UNSAID),
        provenance={
            "experiment": e.name,
            "digest": key,
            "seed": e.run.seed,
            "data": [data.source.word, *(str(v) for v in arguments(data.source).values()), data.options.split or "all"],
            "steps": loss.steps,
            "version": _version(),
            "torch": torch.__version__,
        },
    )


def noise_levels(law: Word, width: float) -> tuple[float, float] | None:
    """The levels of noise that a network is trained on, in units of the range; None where the law has none."""
    levels = levels_of(law)
    return None if levels is None else (levels[0] / width, levels[1] / width)


def arguments(word: Word) -> dict[str, Any]:
    """The options of a word as JSON."""
    return word.model_dump(mode="json")


def write_folder(
    folder: Path, contract: Contract, network: nn.Module, found: Trained, test: Pairs, spec: str
) -> Contract:
    """Write the folder of the zoo. The test pair is one example that was not trained on. Raises OSError."""
    network.load_state_dict(found.weights)
    network.eval()
    one = slice(0, 1)
    held: dict[str, Tensor] = {"input": test.input[one]}
    with torch.no_grad():
        if test.sigma is None:
            held["output"] = network(test.input[one])
        else:
            held |= {"sigma": test.sigma[one], "output": network(test.input[one], test.sigma[one])}
    weights = plain_names(network, found.weights)
    return write(folder, contract, weights, spec=spec, test=held)


def plain_names(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by the names of the architecture alone."""
    inner = "layers." if isinstance(network, Residual) else ""
    return {name.removeprefix(inner): t for name, t in weights.items()}


def _version() -> str:
    try:
        return version("recon-dsl")
    except PackageNotFoundError:
        return "0"
