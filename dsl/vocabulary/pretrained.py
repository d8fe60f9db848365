"""Where pretrained weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import field_validator

from ..diagnostics.nearest import nearest
from ..model.fields import Field, FilePath
from ..model.files import FileError, inside, shortened
from ..model.folder import CONFIG, NEEDED, absent
from ..model.hub import hub_path
from ..model.packaged import packaged_names, packaged_weights
from ..model.word import Weights


class Zoo(Weights):
    """Weights that install with recon; `recon zoo list` shows them with what they are for."""

    example: ClassVar[str] = 'weights dn = zoo("denoiser-gray")'

    name: str = Field(description="the name of the weights")

    def place(self, folder: Path) -> Path:
        known = packaged_names()
        if self.name in known:
            return packaged_weights() / self.name
        close = nearest(self.name, known)
        hint = f"did you mean `{close}`?" if close else "`recon zoo list` shows those that do"
        raise FileError(f"no weights called `{shortened(self.name)}` install with recon; {hint}")

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        return _covered(self.place(folder), self.name)


class Folder(Weights):
    """Weights in a folder beside the page, as `train` and `recon zoo pull` write it."""

    example: ClassVar[str] = 'weights own = folder("weights/denoiser")'

    path: str = Field(description="a folder relative to the spec")

    def place(self, folder: Path) -> Path:
        found = inside(folder, self.path)
        if not found.is_dir():
            raise FileError(f"there is no folder `{shortened(self.path)}` beside the spec")
        return found

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        return _covered(self.place(folder), self.path)


class Hub(Weights):
    """Weights of a model on the Hugging Face Hub; the address alone means this word.

    The address holds a commit, so the weights are always the same ones. They are downloaded once, compared with their
    SHA-256, and kept in the cache of the Hub's own client.
    """

    example: ClassVar[str] = 'weights dn = hub("hf://owner/name@0123456789abcdef0123456789abcdef01234567")'

    address: str = Field(description="hf://owner/name@commit, and the path of a folder where it is not the root")

    @field_validator("address")
    @classmethod
    def _pinned(cls, address: str) -> str:
        hub_path(address, "model")
        return address

    def place(self, folder: Path) -> Path | None:
        return self._with(*NEEDED)

    def card(self, folder: Path) -> Path | None:
        return self._with(CONFIG)

    def _with(self, *names: str) -> Path | None:
        """The folder in the cache, if it has these files."""
        address = hub_path(self.address, "model")
        found = address.snapshot() / address.path
        return found if all((found / name).is_file() for name in names) else None


def _covered(found: Path, name: str) -> tuple[FilePath, ...]:
    """The files of a folder of the zoo that a digest covers. Raises FileError where one is missing."""
    for file in NEEDED:
        if not (found / file).is_file():
            raise FileError(f"`{shortened(name)}` {absent(file, (p.name for p in found.iterdir()))}")
    return tuple(FilePath(f"{name}/{file}", str(found / file)) for file in NEEDED)
