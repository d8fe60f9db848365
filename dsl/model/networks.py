"""Networks with weights: those that a `weights` line names, and those that a `train` line finds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, PrivateAttr

from .contract import Contract
from .fields import FilePath
from .files import FileError
from .folder import FolderError, read_contract
from .word import Network, Weights


class Pretrained(Network):
    """The network of a `weights` line, by that line's name. What it is stands in the contract beside the weights.

    source: where the weights come from. files: those of them that the digest covers by content.
    """

    word: ClassVar[str] = "pretrained"
    fitted: ClassVar[bool] = True

    source: Weights
    files: tuple[FilePath, ...] = ()

    _folder: Path = PrivateAttr(default_factory=Path)

    @classmethod
    def of(cls, source: Weights, folder: Path) -> Pretrained:
        """The network of these weights, for a page in `folder`. Raises FileError where there can be none."""
        made = cls(source=source, files=source.files(folder))
        made._folder = folder
        return made

    def place(self) -> Path | None:
        """The folder of the zoo on this machine; None where it is to be fetched first. Raises FileError."""
        return self.source.place(self._folder)

    def card(self) -> Path | None:
        """The folder that holds its contract, also where the weights are still to be fetched. Raises FileError."""
        return self.source.card(self._folder)

    def contract(self) -> Contract | None:
        """What the folder says of the network; None where it is not on this machine, or cannot be read."""
        try:
            folder = self.card()
            return None if folder is None else read_contract(folder)
        except (FileError, FolderError):
            return None


class Learned(Network):
    """`learned(N)`: one set of weights for all rows, from a `train` line.

    place: where it stands, which its start and its name among results derive from.
    """

    word: ClassVar[str] = "learned"
    fitted: ClassVar[bool] = True

    network: Network
    place: str = ""


def _fitted(network: Network) -> Network:
    if not network.fitted:
        raise ValueError(
            f"`{network.word}` has no weights; name them by a line such as `weights w = zoo(...)`, or write "
            f"`learned({network.word}(...))` with a `train` line"
        )
    return network


FittedNetwork = Annotated[Network, AfterValidator(_fitted)]
"""A network that can be applied: an architecture alone has no weights."""
