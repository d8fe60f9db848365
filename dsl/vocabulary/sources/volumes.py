"""Volumes and stacks in the formats of medicine and microscopy."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from ...model.fields import Count, Field, FilePath
from ...model.files import matching
from ...model.hub import PREFIX, FilesPath
from ...model.units import ANGLE, LENGTH, Dimension
from ...model.word import Source


class _Volumes(Source):
    """Files that hold a volume each: a row is a file where `volume` is used, and a slice where `slice` is."""

    suffixes: ClassVar[tuple[str, ...]] = ()

    path: FilesPath = Field(description="a file, a pattern or a folder")
    axis: Literal["z", "row", "col"] = Field("z", description="the axis that `slice` cuts across")
    every: Count = Field(1, description="take each n-th slice, n given here")

    def columns(self) -> tuple[str, ...]:
        return ("volume", "slice", "voxel")

    def dimension(self, column: str) -> Dimension:
        return LENGTH if column == "voxel" else super().dimension(column)

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        if self.path.startswith(PREFIX):
            return ()
        return tuple(FilePath(name, str(folder / name)) for name in matching(folder, self.path, self.suffixes))

    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test")


class Nifti(_Volumes):
    """Volumes of NIfTI files; `volume` is [z, rows, cols], or [frames, z, rows, cols] of a series in time.

    The file's axes i, j, k become col, row and z, in the file's order and not turned; values are scaled as its header
    says. `voxel` holds the spacings of z, row and col.
    """

    example: ClassVar[str] = 'data mri = nifti("t1.nii.gz", every = 10) { x = slice / 1000 }'
    suffixes: ClassVar[tuple[str, ...]] = (".nii", ".nii.gz")


class Dicom(_Volumes):
    """The slices of one DICOM series, sorted by their position along the normal; CT values in Hounsfield units.

    Stored numbers are scaled by the file's slope and intercept. `voxel` holds the spacings of z, row and col.
    """

    example: ClassVar[str] = 'data ct = dicom("series/") { x = (slice + 1000) / 2000 }'
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    series: str | None = Field(None, description="the UID of the series to take where the folder holds several")


class Tiff(_Volumes):
    """Stacks of pages in TIFF files, gray, as they are stored: counts stay counts. `voxel` is not known."""

    example: ClassVar[str] = 'data cells = tiff("stack.tif") { x = volume / 4095 }'
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff")

    def columns(self) -> tuple[str, ...]:
        return ("volume", "slice")


class Mrc(_Volumes):
    """Volumes, stacks and tilt series of MRC files: `volume` and `stack` are the same array, [sections, rows, cols].

    `angle` is the tilt of each section: from a file beside it with the same name and the ending .tlt, .rawtlt or
    .mrc.mdoc (.st.mdoc, .mdoc). `voxel` holds the spacings of section, row and col.
    """

    reference: ClassVar[str] = "Cheng et al. 2015"
    example: ClassVar[str] = 'data cell = mrc("tilts.mrc") { y = stack; tilts = angle }'
    suffixes: ClassVar[tuple[str, ...]] = (".mrc", ".mrcs", ".map", ".rec", ".st", ".ali", ".mrc.gz", ".map.gz")

    def columns(self) -> tuple[str, ...]:
        return ("volume", "stack", "slice", "angle", "voxel")

    def dimension(self, column: str) -> Dimension:
        return ANGLE if column == "angle" else super().dimension(column)
