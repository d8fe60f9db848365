"""Where data come from."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from ..model.fields import Field, FilePath, Positive, Rows, Seed, Whole
from ..model.files import FileError, shortened
from ..model.word import Source


class Sample(Source):
    """Pictures that install with scikit-image, brought to the unknown's extents and channels; values in 0..1."""

    reference: ClassVar[str] = "scikit-image's data module"
    example: ClassVar[str] = 'data cam = sample("camera")'
    fitted: ClassVar[bool] = True

    name: str = Field(description='a picture\'s name, or "*" for all')

    def columns(self) -> tuple[str, ...]:
        return ("image",)


class Phantom(Source):
    """Phantoms drawn at the unknown's extents; values in 0..1."""

    reference: ClassVar[str] = "Shepp, Logan 1974; Toft 1996 for `shepp_logan`"
    example: ClassVar[str] = "data head = phantom(shepp_logan)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    kind: Literal["shepp_logan", "ellipses", "blobs"] = Field("shepp_logan", description="what is drawn")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of random phantoms")

    def columns(self) -> tuple[str, ...]:
        return ("image",)


class Folder(Source):
    """The pictures of a folder, one a row, in natural order; values in 0..1."""

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
            found = sorted(p for p in folder.glob(self.pattern) if p.is_file())
        except (OSError, ValueError) as e:
            reason = e.strerror if isinstance(e, OSError) else str(e)
            raise FileError(f"`{shortened(self.pattern)}` is no pattern of files: {reason}") from e
        return tuple(FilePath(p.relative_to(folder).as_posix(), str(p)) for p in found)


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


class Sparse(Source):
    """Random sparse signals with Gaussian entries at random places."""

    reference: ClassVar[str] = "Heckel 2024, 4.2"
    example: ClassVar[str] = "data sp = sparse(nonzeros = 30, count = 16)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    nonzeros: Whole = Field(description="number of entries that are not zero")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("signal",)


class Smooth(Source):
    """Random smooth signals: white noise, blurred by a Gaussian and scaled to a largest modulus of one."""

    reference: ClassVar[str] = "Heckel 2024, 2.3"
    example: ClassVar[str] = "data sm = smooth(width = 5)"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    width: Positive = Field(description="standard deviation of the blur in samples")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("signal",)


class CosinesAndSpikes(Source):
    """Signals made of few cosines and few spikes; the columns are the coefficients of each."""

    reference: ClassVar[str] = "Heckel 2024, 4.1, 4.2; Donoho, Huo 2001"
    example: ClassVar[str] = "data mix = cosines_and_spikes(cosines = 8, spikes = 12) { c = cosines; s = spikes }"
    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True

    cosines: Whole = Field(description="number of cosines")
    spikes: Whole = Field(description="number of spikes")
    count: Rows = Field(1, description="number of rows")
    seed: Seed = Field("auto", description="seed of the draw")

    def columns(self) -> tuple[str, ...]:
        return ("cosines", "spikes")
