"""Pictures: those that install with scikit-image, and those of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import field_validator

from ...diagnostics.nearest import nearest
from ...model.fields import Field, FilePath
from ...model.files import FileError, matching, shortened
from ...model.word import Source

TEST_PICTURES = ("camera", "chelsea", "retina", "coins")
"""Held out from all training."""
TRAIN_PICTURES = (
    "brick", "grass", "gravel", "moon", "cell", "clock", "page", "text", "astronaut", "immunohistochemistry", "coffee",
    "hubble_deep_field", "rocket", "stereo_motorcycle",
)  # fmt: skip
FACES = "lfw_subset"


class Sample(Source):
    """Pictures that install with scikit-image, in the unknown's channels; values in 0..1.

    They are brought to the unknown's extents; where those are `auto`, each picture keeps its own.

    `split` takes the test or the training part of `sample("*")`, and of the 100 faces of `sample("lfw_subset")` the
    last 20 or the first 80; a picture named alone is in neither part.
    """

    reference: ClassVar[str] = "scikit-image's data module; Huang et al. 2007 for `lfw_subset`"
    example: ClassVar[str] = 'data cam = sample("camera")'

    name: str = Field(description='a picture\'s name, "lfw_subset" for faces, or "*" for all pictures')

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        known = ("*", *TEST_PICTURES, *TRAIN_PICTURES, FACES)
        if name in known:
            return name
        close = nearest(name, known)
        hint = f"did you mean `{close}`?" if close else f"the pictures are {', '.join(known[1:])}, or `*` for all"
        raise ValueError(f"there is no picture `{shortened(name)}`; {hint}")

    def columns(self) -> tuple[str, ...]:
        return ("image",)

    def splits(self) -> tuple[str, ...]:
        return ("train", "test") if self.name in ("*", FACES) else ()


class Folder(Source):
    """The pictures of a folder, one a row, in natural order; values in 0..1.

    With `split`, those in folders that are called train, val or test.
    """

    example: ClassVar[str] = 'data own = folder("pictures/*.png") { x = gray(image) }'

    pattern: str = Field(description="files relative to the spec, with wildcards")

    def columns(self) -> tuple[str, ...]:
        return ("image",)

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        if Path(self.pattern).is_absolute() or ".." in Path(self.pattern).parts:
            return ()  # refused where the rows are opened
        try:
            if (folder / self.pattern).is_dir():
                fix = f"{self.pattern.rstrip('/')}/*.png"
                raise FileError(f'`{self.pattern}` is a folder; name its files by a pattern such as "{fix}"')
        except (OSError, ValueError) as e:
            reason = e.strerror if isinstance(e, OSError) else str(e)
            raise FileError(f"`{shortened(self.pattern)}` is no pattern of files: {reason}") from e
        return tuple(FilePath(name, str(folder / name)) for name in matching(folder, self.pattern, ()))

    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test")
