"""Rows of a data set on the Hub, by the kind of files that it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from recon.dsl.vocabulary.sources import hub as sources
from recon.dsl.vocabulary.sources.mri import HDF5, Fastmri
from recon.dsl.vocabulary.sources.photographs import PICTURES
from recon.dsl.vocabulary.sources.volumes import Mrc, Nifti

from ...meaning import meaning_of
from ..files import DataError, DataFile, Rows
from ..hdf5 import hdf5, open_hdf5
from ..sets import FileRows, FileSet, files_of
from . import Request
from .arrays import npy_rows, npz_rows
from .mri import fastmri_rows
from .pictures import picture_rows
from .volumes import file_rows

_KINDS: dict[str, tuple[str, ...]] = {
    "fastmri": HDF5,
    "npy": (".npy",),
    "npz": (".npz",),
    "nifti": Nifti.suffixes,
    "mrc": Mrc.suffixes,
    "folder": PICTURES,
}


@meaning_of(sources.Hub)
def hub(word: sources.Hub, request: Request) -> Rows:
    """All files of the one kind that the address stands for, read as the word of that kind reads them."""
    suffixes = tuple(s for endings in _KINDS.values() for s in endings)
    files = files_of(word.address, request.folder, suffixes, request.options.split)
    counts = Counter(kind for name in files.names for kind, ends in _KINDS.items() if name.lower().endswith(ends))
    if len(counts) > 1:
        listed = " and ".join(f"{n} for `{kind}`" for kind, n in counts.most_common())
        raise DataError(f"{files.what}: holds files of several kinds, {listed}; name those that are meant by a pattern")
    if not counts:
        raise DataError(f"{files.what}: these files are of no kind that recon reads by itself")
    (kind,) = counts
    return _OPENED[kind](files, request)


def _hdf5_files(files: FileSet, request: Request) -> Rows:
    """fastMRI's layout where a file has it, the plain one otherwise."""

    def opened(file: DataFile) -> Rows:
        with open_hdf5(file) as store:
            if "kspace" in store and any(name in store for name in ("ismrmrd_header", "reconstruction_rss", "mask")):
                return fastmri_rows(file, Fastmri(path="."), request)  # type: ignore[call-arg]
        return hdf5(file, request.folder, columns=request.columns or None)

    return FileRows(files, opened)


_OPENED: dict[str, Callable[[FileSet, Request], Rows]] = {
    "fastmri": _hdf5_files,
    "npy": lambda files, request: FileRows(files, lambda file: npy_rows(file, request)),
    "npz": lambda files, request: FileRows(files, lambda file: npz_rows(file, request)),
    "nifti": lambda files, request: file_rows(Nifti(path="."), files, request),  # type: ignore[call-arg]
    "mrc": lambda files, request: file_rows(Mrc(path="."), files, request),  # type: ignore[call-arg]
    "folder": picture_rows,
}
