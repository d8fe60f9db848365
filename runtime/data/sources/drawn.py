"""Rows that are drawn: phantoms and synthetic signals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.terms import Adjoint
from recon.dsl.vocabulary.sources import drawn as sources

from ...build import build_operator
from ...meaning import meaning_of
from ...operators.base import AdjointOperator
from .. import heart, phantoms, synthetic
from ..files import Array, DataError, Rows
from . import Drawn, Request


@meaning_of(sources.Phantom)
def phantom(word: sources.Phantom, request: Request) -> Rows:
    """Phantoms at the unknown's extents, the same in every channel."""
    extents = request.needed_extents("phantom")
    if len(extents) not in (2, 3):
        raise DataError(f"a phantom has two or three axes, and the unknown is {request.space}")

    frames = request.space.axis("frame")
    if word.kind == "beating" and frames is None:
        raise DataError(f"a beating heart has frames, and the unknown is {request.space}; write `{{ frames = 25 }}`")

    def make(row: int) -> dict[str, Array]:
        if word.kind == "beating":
            count = request.space.shape[frames or 0] or 1
            film = np.stack([heart.beating(extents, k / count) for k in range(count)])
            return {"image": _widened(film, request)}
        if word.kind == "shepp_logan":
            picture = phantoms.shepp_logan(extents)
        elif word.kind == "ellipses":
            picture = phantoms.ellipses(extents, request.seed, row)
        elif word.kind == "beads":
            picture = phantoms.beads(extents, request.seed + row)
        else:
            picture = phantoms.blobs(extents, request.seed + row)
        head = [a.size or 1 for a in request.space.axes if a.name in ("channel", "frame")]
        return {"image": np.broadcast_to(picture, (*head, *extents)).copy()}

    return Drawn(["image"], word.count, make)


def _widened(film: Array, request: Request) -> Array:
    """Frames [F, ...] at the places of the unknown's axes, the same in every channel."""
    shape = tuple(n or 1 for n in request.space.shape)
    spread = [film.shape[0] if a.name == "frame" else 1 for a in request.space.axes if a.name in ("channel", "frame")]
    return np.broadcast_to(film.reshape(*spread, *film.shape[1:]), shape).copy()


@meaning_of(sources.Sparse)
def sparse(word: sources.Sparse, request: Request) -> Rows:
    """Sparse signals of the unknown's extents."""
    shape = request.needed_extents("sparse")
    if word.nonzeros > int(np.prod(shape)):
        raise DataError(f"a signal of {int(np.prod(shape))} entries cannot have {word.nonzeros} that are not zero")
    return Drawn(
        ["signal"], word.count, lambda row: {"signal": synthetic.sparse(shape, word.nonzeros, request.seed, row)}
    )


@meaning_of(sources.Smooth)
def smooth(word: sources.Smooth, request: Request) -> Rows:
    """Smooth signals of the unknown's extents."""
    shape = request.needed_extents("smooth")

    def make(row: int) -> dict[str, Array]:
        try:
            return {"signal": synthetic.smooth(shape, word.width, request.seed, row)}
        except ValueError as e:
            raise DataError(f"`smooth`: {e}") from e

    return Drawn(["signal"], word.count, make)


@meaning_of(sources.Subspace)
def subspace(word: sources.Subspace, request: Request) -> Rows:
    """Random combinations of an operator's columns."""
    shape = request.needed_extents("subspace")
    build = replace(request.build, real=torch.float64)
    try:
        adjoint = place(Adjoint(word.of), request.space)
    except MisfitError as e:
        raise DataError(f"`subspace`: {e}") from e
    columns = AdjointOperator(build_operator(adjoint, build))
    inner = columns.domain

    def make(row: int) -> dict[str, Array]:
        c = synthetic.coefficients(inner.sizes, inner.field == "complex", request.seed, row)
        x = columns.forward(torch.as_tensor(c, device=columns.device)[None])[0]
        return {"signal": x.cpu().numpy().reshape(*x.shape[: x.ndim - len(shape)], *shape)}

    return Drawn(["signal"], word.count, make)


@meaning_of(sources.CosinesAndSpikes)
def cosines_and_spikes(word: sources.CosinesAndSpikes, request: Request) -> Rows:
    """Coefficients of cosines and of spikes."""
    shape = request.needed_extents("cosines_and_spikes")
    if len(shape) != 1:
        raise DataError(f"cosines and spikes make a signal, and the unknown is {request.space}")
    for name, entries in (("cosines", word.cosines), ("spikes", word.spikes)):
        if entries > shape[0]:
            raise DataError(f"a signal of {shape[0]} entries cannot have {entries} {name}")

    def make(row: int) -> dict[str, Array]:
        return dict(synthetic.cosines_and_spikes(shape[0], word.cosines, word.spikes, request.seed, row))

    return Drawn(["cosines", "spikes"], word.count, make)
