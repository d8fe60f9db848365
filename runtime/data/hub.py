"""Files of data sets on the Hugging Face Hub, downloaded one by one when a row of them is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recon.dsl.model.hub import HubPath
from recon.zoo.hub import listing
from recon.zoo.hub.client import HubError
from recon.zoo.hub.client import UnreachableError as Unreachable
from recon.zoo.hub.download import fetch_file

from .files import DataError, DataFile, UnreachableError


@dataclass
class Repository:
    """The files of a data set at a commit."""

    stored: listing.Repository

    @property
    def files(self) -> list[str]:
        return list(self.stored.files)

    def fetch(self, name: str) -> DataFile:
        """The file, downloaded unless it is cached. Raises UnreachableError, or DataError for another content."""
        with _as_data():
            return DataFile(name, fetch_file(self.stored, name).resolve())


def repository(address: HubPath) -> Repository:
    """The files of a data set at its commit, from the cache or the Hub. Raises UnreachableError, within seconds."""
    with _as_data():
        return Repository(listing.repository(address))


@contextmanager
def _as_data() -> Iterator[None]:
    """What goes wrong with the Hub, as what goes wrong with data: a row with wrong content may be skipped."""
    try:
        yield
    except Unreachable as e:
        raise UnreachableError(str(e)) from e
    except HubError as e:
        raise DataError(str(e)) from e
