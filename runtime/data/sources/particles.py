"""The meaning of particle sources."""

from __future__ import annotations

from recon.dsl.vocabulary.sources import particles as words

from ...meaning import meaning_of
from .. import particles as numerics
from .. import phantoms
from ..files import Array, DataError, Rows
from . import Drawn, Request


@meaning_of(words.Particles)
def particles(word: words.Particles, request: Request) -> Rows:
    """Particles at the unknown's extents."""
    extents = request.needed_extents("particles")
    if len(extents) != 3:
        raise DataError(f"a particle is a volume, and the unknown is {request.space}")
    depth, rows, columns = extents
    shape = (depth, rows, columns)
    ends = (word.defocus.start * 1e6, word.defocus.stop * 1e6)
    same = phantoms.blobs(shape, request.seed) if word.kind == "blobs" else None

    def make(row: int) -> dict[str, Array]:
        volume = same if same is not None else numerics.hinge(shape, numerics.bend(request.seed, row))
        return {"volume": volume, **numerics.pose(request.seed, row, word.shift, ends)}

    return Drawn(["volume", "rotation", "offset", "defocus"], word.count, make)
