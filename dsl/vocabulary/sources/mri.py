"""Measured k-space of magnetic resonance imaging."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import field_validator

from ...model.fields import Count, Field, FilePath, Interval
from ...model.files import matching
from ...model.hub import PREFIX, FilesPath
from ...model.units import NONE, TIME, Dimension
from ...model.word import Source

HDF5 = (".h5", ".hdf5")


class Fastmri(Source):
    """The slices of fastMRI files, of knees or brains, single-coil or multi-coil; one slice a row, read when needed.

    `kspace` is complex, [coils, rows, cols] or [rows, cols], its zero frequency in the middle as in `fft2`. `rss` is
    computed from it, `sqrt(sum_c |F^-1 k_c|^2)`, at its extents; `reconstruction_rss` and `reconstruction_esc` are the
    images that the file holds. `mask` is there in files that were undersampled already. Numbers are the scanner's, with
    images up to about 1e-3, unless `scale = max`. A folder stands for all its files; with `split`, for those in folders
    that end in `_train`, `_val` or `_test`.
    """

    reference: ClassVar[str] = "Zbontar et al. 2018 (fastMRI)"
    example: ClassVar[str] = 'data knee = fastmri("multicoil_val", middle = 8) { y = kspace; ref = rss }'
    exclusive: ClassVar[tuple[str, str] | None] = ("slices", "middle")

    path: FilesPath = Field(description="a .h5 file, a pattern, or a folder of such files")
    slices: Interval | None = Field(None, description="numbers of the slices of each file, from 0, such as 10..20")
    middle: Count | None = Field(None, description="so many slices in the middle of each file")
    crop: tuple[Count, Count] | None = Field(
        None, description="rows and columns that the coils' images are cut to, as [320, 320], before they are measured"
    )
    scale: Literal["none", "max"] = Field(
        "none", description="`max` divides a file by the largest value of its reconstruction"
    )
    acquisition: str | None = Field(None, description="only files of this protocol, such as CORPD_FBK")

    @field_validator("slices")
    @classmethod
    def _whole(cls, slices: Interval | None) -> Interval | None:
        if slices is None:
            return None
        whole = all(float(v).is_integer() for v in (slices.start, slices.stop, slices.step or 1))
        if slices.dimension != NONE or not whole or not 0 <= slices.start <= slices.stop:
            raise ValueError("expected numbers of slices such as `10..20`, from 0")
        return slices

    def columns(self) -> tuple[str, ...]:
        return ("kspace", "rss", "mask", "reconstruction_rss", "reconstruction_esc")

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        if self.path.startswith(PREFIX):
            return ()
        return tuple(FilePath(name, str(folder / name)) for name in matching(folder, self.path, HDF5))

    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test")


class Ismrmrd(Source):
    """ISMRMRD files: raw data of scanners of any vendor; a row is an image's worth, told by slice, contrast and so on.

    `kspace` is the Cartesian grid of the encoded space, zero frequency in the middle, [coils, readout, lines] or
    [coils, partitions, readout, lines]; repeated lines are averaged, lines that were not measured are zero, and `mask`
    says which were. `readouts` [coils, shots, samples], `trajectory` [shots, samples, axes] and `time` [shots] are as
    measured, for spirals and spokes. `prescan` [coils, samples] are the noise measurements of the file.
    """

    reference: ClassVar[str] = "Inati et al. 2017"
    example: ClassVar[str] = 'data scan = ismrmrd("scan.h5") { y = kspace }'

    path: FilesPath = Field(description="a .h5 file, a pattern, or a folder of such files")
    group: str = Field("dataset", description="the group of the file that holds the acquisitions")
    oversampling: Literal["keep", "remove"] = Field(
        "keep", description="`remove` cuts the image, along the readout, to the extent of the reconstructed space"
    )

    def columns(self) -> tuple[str, ...]:
        return ("kspace", "mask", "readouts", "trajectory", "time", "prescan")

    def dimension(self, column: str) -> Dimension:
        return TIME if column == "time" else NONE

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        if self.path.startswith(PREFIX):
            return ()
        return tuple(FilePath(name, str(folder / name)) for name in matching(folder, self.path, HDF5))

    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test")
