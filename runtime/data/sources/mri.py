"""Rows of measured k-space."""

from __future__ import annotations

from collections.abc import Sequence

from recon.dsl.vocabulary.sources import mri as sources

from ...meaning import meaning_of
from ..fastmri import fastmri as read_fastmri
from ..files import DataFile, Rows
from ..ismrmrd import ismrmrd as read_ismrmrd
from ..sets import FileRows, files_of
from . import Request


@meaning_of(sources.Fastmri)
def fastmri(word: sources.Fastmri, request: Request) -> Rows:
    """The chosen slices of each file, file after file."""
    files = files_of(word.path, request.folder, sources.HDF5, request.options.split)
    return FileRows(files, lambda file: fastmri_rows(file, word, request))


def fastmri_rows(file: DataFile, word: sources.Fastmri, request: Request) -> Rows:
    """The chosen slices of one file."""

    def choose(count: int) -> Sequence[int]:
        if word.middle is not None:
            first = max(0, (count - word.middle) // 2)
            return range(first, min(count, first + word.middle))
        if word.slices is None:
            return range(count)
        return [int(n) for n in word.slices.values() if n < count]

    return read_fastmri(
        file,
        request.folder,
        columns=request.columns or ("kspace",),
        choose=choose,
        crop=word.crop,
        by_max=word.scale == "max",
        acquisition=word.acquisition,
    )


@meaning_of(sources.Ismrmrd)
def ismrmrd(word: sources.Ismrmrd, request: Request) -> Rows:
    """An image's worth of acquisitions a row, file after file."""
    files = files_of(word.path, request.folder, sources.HDF5, request.options.split)

    def opened(file: DataFile) -> Rows:
        columns = request.columns or ("kspace",)
        cut = word.oversampling == "remove"
        return read_ismrmrd(file, request.folder, columns=columns, group=word.group, cut=cut)

    return FileRows(files, opened)
