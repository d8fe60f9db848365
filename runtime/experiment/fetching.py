"""Weights of the Hub before a run: first what they are, which the page is checked with, then they themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from recon.dsl.model.hub import hub_path
from recon.dsl.model.networks import Pretrained
from recon.dsl.model.terms import everything
from recon.dsl.vocabulary.pretrained import Hub

from .cells import Cell


class Unfetched(Exception):  # noqa: N818 - it says what is not there
    """Weights cannot be had; the message is one line."""


def with_weights(cells: list[Cell], again: Callable[[], list[Cell]], said: Callable[[str], None]) -> list[Cell]:
    """The cells of a page whose weights are on this machine, verified.

    again: checks the page anew. It is asked once the contracts of weights that were not here are: whether these fit is
    known then, and nothing large was downloaded. Raises Unfetched, and SpecError where they do not fit.
    """
    missing = {w.source.address: w.place() is None for w in _networks(cells) if isinstance(w.source, Hub)}
    if not missing:
        return cells
    from recon.zoo.hub.client import HubError
    from recon.zoo.hub.fetch import fetch
    from recon.zoo.hub.kept import fetch_contract

    try:
        for address in (a for a, absent in missing.items() if absent):
            fetch_contract(hub_path(address, "model"))
        cells = again() if any(missing.values()) else cells
        for address in missing:
            said(f"fetching {address}")
            fetch(address)
    except HubError as e:
        raise Unfetched(str(e)) from e
    return again() if any(missing.values()) else cells


def _networks(cells: list[Cell]) -> Iterator[Pretrained]:
    """The networks with weights that the page names."""
    for cell in cells:
        e = cell.checked.experiment
        for f in (*e.methods.values(), *([e.simulate] if e.simulate is not None else [])):
            yield from f.pretrained
        yield from (w for a in e.analyses for w in everything(a) if isinstance(w, Pretrained))
