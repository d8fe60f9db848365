"""Rows that are volumes, or slices of volumes."""

from __future__ import annotations

from recon.dsl.vocabulary.sources import volumes as sources

from ...meaning import meaning_of
from .. import volumes
from ..dicom import dicom as dicom_rows
from ..files import Rows
from ..sets import FileRows, FileSet, files_of
from . import Request

_OPENED = {"nifti": volumes.nifti, "tiff": volumes.tiff, "mrc": volumes.mrc}
_Word = sources.Nifti | sources.Tiff | sources.Mrc


@meaning_of(sources.Nifti)
@meaning_of(sources.Tiff)
@meaning_of(sources.Mrc)
def volume(word: _Word, request: Request) -> Rows:
    """A file a row, or a slice a row where `slice` is used."""
    files = files_of(word.path, request.folder, word.suffixes, request.options.split)
    return file_rows(word, files, request)


def file_rows(word: _Word, files: FileSet, request: Request) -> Rows:
    """The rows of files of the format that the word is for."""
    columns = request.columns or ("volume",)
    return FileRows(
        files,
        lambda file: volumes.volume_rows(file, _OPENED[word.word], columns=columns, axis=word.axis, every=word.every),
    )


@meaning_of(sources.Dicom)
def dicom(word: sources.Dicom, request: Request) -> Rows:
    """A slice a row, or the volume as one."""
    files = files_of(word.path, request.folder, word.suffixes, request.options.split)
    columns = request.columns or ("slice",)
    return dicom_rows(files.names, files.fetch, columns=columns, axis=word.axis, every=word.every, series=word.series)
