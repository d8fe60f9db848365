"""Contracts held to the networks that they name: `config.json` says nothing that the network's word does not bear out.

Read without PyTorch: what a page names is refused by its check, before anything is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .. import vocabulary
from ..diagnostics.nearest import nearest
from ..model.contract import Architecture, Contract
from ..model.files import shortened
from ..model.folder import CONFIG, LARGEST, WEIGHTS, FolderError, read_contract, wrong
from ..model.tensors import Tensors, tensors
from ..model.word import Network

FLOATS = ("F32", "F16", "BF16")
COUNTERS = ("I64", "BOOL")
"""Of tensors that networks keep beside their weights, such as tables of positions."""
LARGEST_OPTION, MOST_OPTIONS = 2**12, 2**8
"""A whole number that an option of a network takes from a stranger's file, and how many of them."""
LARGEST_NETWORK = LARGEST[WEIGHTS] // 2
"""Numbers of weights in the largest file that is read."""


def network_word(network: Architecture) -> Network:
    """The word that a contract names, with its options. Raises FolderError."""
    cls = vocabulary.find("network", network.name)
    if cls is None or not issubclass(cls, Network) or not cls.restores:
        known = [n for n in vocabulary.names("network") if getattr(vocabulary.find("network", n), "restores", False)]
        close = nearest(network.name, known)
        hint = f"did you mean `{close}`?" if close else f"there are {', '.join(f'`{n}`' for n in sorted(known))}"
        raise FolderError(f"`{network.name}` is no network of this version of recon that makes an image of one", hint)
    _limited(network.name, network.arguments)
    try:
        word = cls.model_validate(network.arguments)
    except ValidationError as e:
        raise _option(cls, e) from None
    except RecursionError:
        raise FolderError(f"`{network.name}` has options that are nested too deeply") from None
    _limited(network.name, word.model_dump(mode="json"))  # a text or a fraction may have become a whole number
    return word


def _limited(name: str, options: Any) -> None:
    """Raise FolderError where options of a network are more or larger than those of any network here."""
    numbers = list(_numbers(options))
    if max(numbers, default=0) > LARGEST_OPTION or len(numbers) > MOST_OPTIONS:
        limits = f"{MOST_OPTIONS} numbers up to {LARGEST_OPTION:,} are the most that it is built of"
        raise FolderError(f"`{name}` has more or larger options than any network here; {limits}")


def held(folder: Path) -> tuple[Contract, Network, Tensors]:
    """What a folder of the zoo says, held to the network that it names and to the header of its weights.

    Whether the tensors have the names and shapes of the network shows where it is built. Raises FolderError.
    """
    contract = read_contract(folder)
    word = held_word(folder, contract)
    found = tensors(folder)
    for name, dtype in found.types.items():
        if dtype not in (*FLOATS, *COUNTERS):
            what = f"holds `{shortened(name)}` as {dtype}, and float32, float16 and bfloat16 are read"
            raise wrong(folder, WEIGHTS, what, "convert it to one of them")
    needed = word.parameters(contract.channels)
    if needed is not None and needed > found.count:
        what = f"holds {found.count:,} numbers, and {_called(word, contract)} has {needed:,}"
        raise wrong(folder, WEIGHTS, what, MEND)
    return contract, word, found


def check_held(place: Path | None, card: Path | None) -> None:
    """Hold what is on this machine of a folder to the network that it names: all of it, the contract alone, or nothing.

    Raises FolderError.
    """
    if place is not None:
        held(place)
    elif card is not None:
        held_word(card, read_contract(card))


MEND = f"`network.arguments` and `channels` of {CONFIG} are to be those that it was trained with"


def held_word(folder: Path, contract: Contract) -> Network:
    """The word that a contract names; the contract says what the word does. Raises FolderError."""
    try:
        word = network_word(contract.network)
    except FolderError as e:
        raise wrong(folder, CONFIG, f"does not hold: network: {e.what}", e.help) from None
    fault = next(_faults(contract, word), None)
    needed = word.parameters(contract.channels)
    if fault is None and needed is not None and needed > LARGEST_NETWORK:
        fault = f"names a network of {needed:,} weights", MEND
    if fault is not None:
        raise wrong(folder, CONFIG, *fault)
    return word


def _faults(contract: Contract, word: Network) -> Iterator[tuple[str, str]]:
    """What a contract says of the network and is not so, and what it should say."""
    if contract.multiple % word.multiple:
        yield (
            f"says `multiple` {contract.multiple}, and `{word.word}` takes multiples of {word.multiple}",
            f"write {word.multiple}",
        )
    told = contract.noise is not None and contract.noise.conditional
    if word.conditional and contract.noise is None:
        yield f"has no `noise`, and `{word.word}` is told its level", "write `conditional` and the `levels` it knows"
    elif word.conditional != told:
        says, be = ("false", "is") if word.conditional else ("true", "is not")
        right = str(word.conditional).lower()
        yield f"says `noise.conditional` {says}, and `{word.word}` {be} told the level of the noise", f"write {right}"


def _called(word: Network, contract: Contract) -> str:
    options = ", ".join(f"{k} = {shortened(str(v))}" for k, v in contract.network.arguments.items())
    return f"`{word.word}({options})` for {contract.channels} plane{'s' if contract.channels > 1 else ''}"


def _option(cls: type[Network], failed: ValidationError) -> FolderError:
    """The first option that a network does not take, and what it may be."""
    first = failed.errors()[0]
    place = ".".join(str(p) for p in first["loc"])
    if first["type"] != "extra_forbidden":
        return FolderError(f"`{shortened(place)}` of `{cls.word}`: {first['msg']}")
    close = nearest(place, cls.model_fields)
    known = ", ".join(f"`{n}`" for n in cls.model_fields)
    hint = f"did you mean `{close}`?" if close else f"its options are {known}"
    return FolderError(f"`{cls.word}` has no option `{shortened(place)}`", hint)


def _numbers(value: Any) -> Iterator[int]:
    """All whole numbers that are somewhere in a value of JSON."""
    waiting = [value]
    while waiting:
        now = waiting.pop()
        if isinstance(now, dict):
            waiting += now.values()
        elif isinstance(now, list):
            waiting += now
        elif isinstance(now, int):
            yield now
