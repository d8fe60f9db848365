"""`recon zoo`: pretrained networks, in the package, on this machine and on the Hub."""

from __future__ import annotations

from ..lazy import lazy_group

COMMANDS = {
    "list": "List the weights that are at hand.",
    "show": "Show what weights are and expect.",
    "verify": "Verify weights by their hash and by a known answer.",
    "card": "Write measured results into the contract and the card of weights.",
    "pull": "Fetch weights of the Hub, pinned and verified.",
    "convert": "Make a folder of the zoo of a well-known file of weights.",
    "push": "Put a folder of the zoo on the Hub, and pull it back.",
}
"""Name and one line of each subcommand; in the module of that name the command is `zoo_` and the name."""


@lazy_group(COMMANDS, __name__, "zoo_")
def zoo() -> None:
    """Pretrained networks: those that install with recon, those on this machine, and those on the Hub.

    A folder of the zoo holds `config.json` (what the network is and what it expects), `model.safetensors`, the card
    `README.md` with measured results, the page that trained it, and a pair to test it by. Nothing in it is executed.
    """
