"""A folder of the zoo for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.zoo.folder import network_word, write
from recon.zoo.networks import build_network


def small(folder: Path, word: str = "srcnn", **arguments: Any) -> Path:
    """A folder of the zoo with random weights."""
    torch.manual_seed(0)
    network = Architecture(name=word, arguments=arguments or {"channels": 4})
    found = network_word(network)
    conditional = found.conditional
    contract = Contract(
        network=network,
        role="denoiser",
        channels=1,
        multiple=found.multiple,
        noise=NoiseLevels(conditional=conditional, levels=(0.1, 0.1)),
        sha256="0" * 64,
        licences=Licences(weights="cc0-1.0", code="apache-2.0", data="cc0-1.0"),
        provenance={"seed": 0},
        results=({"data": "camera", "sigma": 0.1, "metric": "psnr", "value": 28.5},),
    )
    module = build_network(found, 1).eval()
    x, sigma = torch.rand(1, 1, 16, 16), torch.tensor([0.1])
    with torch.no_grad():
        y = module(x, sigma) if conditional else module(x)
    test = {"input": x, "output": y, **({"sigma": sigma} if conditional else {})}
    write(folder, contract, module.state_dict(), spec="recon 1\nparam a = 1\n", test=test)
    return folder
