"""Data sets of the Hugging Face Hub."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from ...model.fields import Field
from ...model.hub import hub_path
from ...model.word import Source


class Hub(Source):
    """The files of a data set on the Hugging Face Hub, read by their layout; the address alone means this word.

    The address holds a commit, so the files are always the same ones. They are downloaded one by one, when a row of
    them is needed, compared with their SHA-256, and kept in the cache of the Hub's own client. Pictures, `.npy`,
    `.npz`, HDF5, fastMRI, NIfTI and MRC files have the columns of `folder`, `npy`, `npz`, `hdf5`, `fastmri` and so on.
    To give a layout and its options write, for example, `fastmri("hf://datasets/owner/name@commit", middle = 8)`.
    """

    example: ClassVar[str] = (
        'data knee = hub("hf://datasets/owner/name@0123456789abcdef0123456789abcdef01234567") { y = kspace }'
    )

    address: str = Field(description="hf://datasets/owner/name@commit, and a path or a pattern where not all is meant")

    @field_validator("address")
    @classmethod
    def _pinned(cls, address: str) -> str:
        hub_path(address)
        return address

    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test")
