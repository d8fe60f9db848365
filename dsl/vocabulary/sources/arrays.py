"""Plain arrays of numbers in files."""

from __future__ import annotations

from typing import ClassVar

from ...model.fields import Field, FilePath
from ...model.word import Source


class Npy(Source):
    """A `.npy` file; with one axis more than the unknown, its first axis counts rows."""

    example: ClassVar[str] = 'data own = npy("slices.npy")'

    file: FilePath = Field(description="a .npy file")

    def columns(self) -> tuple[str, ...]:
        return ("array",)


class Npz(Source):
    """A `.npz` archive; its arrays are the columns."""

    example: ClassVar[str] = 'data own = npz("scan.npz") { y = kspace }'

    file: FilePath = Field(description="a .npz file")


class Hdf5(Source):
    """An HDF5 file; its data sets are the columns, their first axis counts rows."""

    example: ClassVar[str] = 'data own = hdf5("scan.h5") { y = kspace }'

    file: FilePath = Field(description="a .h5 file")
