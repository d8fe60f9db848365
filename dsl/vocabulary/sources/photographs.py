"""Published sets of photographs, by the layout of their folders; values in 0..1."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from ...model.fields import Field, FilePath
from ...model.files import matching
from ...model.hub import PREFIX, FilesPath
from ...model.word import Source

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


class _Photographs(Source):
    """Pictures below a folder. Where the unknown has extents, a row is cut to them about its middle, not resampled."""

    suffixes: ClassVar[tuple[str, ...]] = PICTURES

    path: FilesPath = Field(description="the folder of the set, or of a part of it")

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        if self.path.startswith(PREFIX):
            return ()
        return tuple(FilePath(name, str(folder / name)) for name in matching(folder, self.path, self.suffixes))

    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test")


class Bsd68(_Photographs):
    """The pictures of the Berkeley segmentation data, such as the 68 that denoisers are compared on.

    Any depth of folders; those called train, val and test are the splits.
    """

    reference: ClassVar[str] = "Martin, Fowlkes, Tal, Malik 2001"
    example: ClassVar[str] = 'data bsd = bsd68("BSD68") { x = image }'

    def columns(self) -> tuple[str, ...]:
        return ("image",)


class Div2k(_Photographs):
    """The pictures of DIV2K, 0801.png, and their small versions, 0801x4.png.

    `image` is the large picture and `low` its version made smaller by `factor`, in a folder whose name has `kind`.
    """

    reference: ClassVar[str] = "Agustsson, Timofte 2017"
    example: ClassVar[str] = 'data div = div2k("DIV2K", factor = 4) { split = "val"; x = image; y = low }'

    factor: Literal[2, 3, 4, 8] = Field(4, description="how many times smaller `low` is")
    kind: Literal["bicubic", "unknown", "mild", "difficult", "wild"] = Field(
        "bicubic", description="the track: how the small pictures were made"
    )

    def columns(self) -> tuple[str, ...]:
        return ("image", "low")


class Sidd(_Photographs):
    """Noisy and clean photographs of smartphones: NOISY_SRGB_010.PNG beside GT_SRGB_010.PNG, a folder a scene.

    The validation and benchmark blocks, ValidationNoisyBlocksSrgb.mat beside ValidationGtBlocksSrgb.mat, count as split
    `val`, and each block is a row.
    """

    reference: ClassVar[str] = "Abdelhamed, Lin, Brown 2018"
    example: ClassVar[str] = 'data fit = sidd("SIDD_Medium_Srgb") { y = noisy; x = clean }'
    suffixes: ClassVar[tuple[str, ...]] = (*PICTURES, ".mat")

    def columns(self) -> tuple[str, ...]:
        return ("noisy", "clean")


class Renoir(_Photographs):
    """Scenes in low light, a folder each, with pictures ...Noisy and ...Reference: two or more noisy to one clean.

    A row is a noisy picture with its clean one; where `noisy_again` is used, a scene with its first two noisy ones.
    Unless folders are called train and test, every fifth scene is of the split `test` and the others are of `train`.
    """

    reference: ClassVar[str] = "Anaya, Barbu 2018"
    example: ClassVar[str] = 'data fit = renoir("RENOIR") { split = "train"; y = noisy; ref = clean }'

    def columns(self) -> tuple[str, ...]:
        return ("noisy", "noisy_again", "clean")
