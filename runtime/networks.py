"""Networks with weights, from wherever these are, as maps of images."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from recon.dsl.model.contract import Contract
from recon.dsl.model.files import FileError
from recon.dsl.model.networks import Pretrained
from recon.dsl.model.space import Space
from recon.dsl.model.word import Network
from recon.dsl.vocabulary.pretrained import Hub
from recon.zoo.adapt import Adapted
from recon.zoo.folder import CONFIG, WEIGHTS, load
from torch import nn

from .build import Build
from .functionals.plugged import Denoise
from .meaning import meaning
from .transforms.winograd import with_quick_convolutions


def network_of(
    word: Network,
    space: Space,
    *,
    device: torch.device | None = None,
    ends: tuple[float, float] | None = None,
    half: bool = False,
) -> Adapted:
    """The network as a map of images in `space`, with values in `ends`, or in the units that it was trained on.

    device: where its weights are to lie; None: as they are. half: whether it computes in bfloat16. Raises ValueError
    where it has no weights, or does not fit.
    """
    if not isinstance(word, Pretrained):
        raise ValueError(f"`{word.word}` has no weights here; a `train` line finds those of what is `learned`")
    try:
        folder = word.place()
    except FileError as e:
        raise ValueError(str(e)) from e
    if folder is None:
        assert isinstance(word.source, Hub)
        from recon.zoo.hub.client import HubError
        from recon.zoo.hub.fetch import fetch

        try:
            folder = fetch(word.source.address)
        except HubError as e:
            raise ValueError(str(e)) from e
    network, contract = _loaded(folder, device, *(file_state(folder / name) for name in (CONFIG, WEIGHTS)))
    return Adapted(network, contract, axes=[a.name for a in space.axes], range=ends, half=half)


def denoiser_of(word: Network, space: Space, build: Build, ends: tuple[float, float] | None = None) -> Denoise:
    """The network as a denoiser of images in `space`: (v, sigma) -> image, with one noise level or one a row.

    ends: the range of the images, which is brought to that of the network where it is declared. Raises ValueError where
    it has no weights, or does not fit.
    """
    if isinstance(word, Pretrained):
        return network_of(word, space, device=build.device, ends=ends, half=build.half)
    try:
        made: Denoise = meaning(word)(word, space, build)
    except LookupError:
        raise ValueError(f"`{word.word}` has no weights here") from None
    return made


def file_state(path: Path) -> tuple[int, int]:
    """What changes where a file does; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _loaded(folder: Path, device: torch.device | None, *state: tuple[int, int]) -> tuple[nn.Module, Contract]:
    network, contract = load(folder)
    return with_quick_convolutions(network).to(device), contract
