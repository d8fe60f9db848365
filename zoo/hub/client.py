"""Talking to the Hub through its own client: where it is, what it is allowed, and each way of failing in one line.

HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the client. It reads some of them
only when it is imported; here they are read when they are needed.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import platformdirs
from recon.dsl.model.hub import WORDS, HubPath

TIMEOUT = 5.0
"""Seconds in which the Hub has to answer a question."""
PATIENCE = 60.0
"""Seconds in which it has to take or give the next piece of something longer."""
T = TypeVar("T")


class HubError(Exception):
    """Something of the Hub cannot be used; the message is one line."""


class UnreachableError(HubError):
    """What is asked for may be there, but cannot be had now: no network, no permission, or told to stay offline."""


class MovedError(HubError):
    """Somebody else has pushed meanwhile."""


def endpoint() -> str:
    """Where the Hub is."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def cache() -> Path:
    """The cache of the Hub's client, which reads these variables only when it is imported."""
    from huggingface_hub import constants

    home = os.environ.get("HF_HOME")
    found = os.environ.get("HF_HUB_CACHE") or (os.path.join(home, "hub") if home else constants.HF_HUB_CACHE)
    return Path(found).expanduser()


def recon_cache() -> Path:
    """Where recon keeps what it knows of the Hub beside the files."""
    return Path(platformdirs.user_cache_dir("recon")) / "hub"


def offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def talk(address: HubPath, what: Callable[[], T], asked: str = "") -> T:
    """What the Hub answers. Raises HubError, with each way of failing in one line, and waits for nothing for ever.

    asked: what is wanted of it, for the messages; left out, what the address names.
    """
    name = f"{address.repository}@{address.commit[:8]}" if address.commit else address.repository
    if offline():
        raise UnreachableError(f"{name}: {asked or 'not all of it'} is not cached, and HF_HUB_OFFLINE forbids to ask")
    from huggingface_hub import get_session, logging

    if not os.environ.get("HF_HUB_VERBOSITY"):
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # each failure is told once, by us
    get_session().timeout = PATIENCE  # by itself the client waits for ever
    try:
        return what()
    except HubError:
        raise
    except Exception as e:
        raise _told(e, address, name, asked) from e


def _told(e: Exception, address: HubPath, name: str, asked: str) -> HubError:
    from huggingface_hub import errors

    word, at = WORDS[address.kind], f"{endpoint()}/{'datasets/' if address.kind == 'dataset' else ''}"
    if isinstance(e, errors.GatedRepoError):
        return UnreachableError(
            f"{name}: is gated; accept its terms at {at}{address.repository} and log in with `hf auth login`"
        )
    if isinstance(e, errors.RevisionNotFoundError):
        return HubError(f"{name}: the {word} has no commit {address.commit}")
    if isinstance(e, errors.RepositoryNotFoundError):
        return UnreachableError(f"{name}: the Hub has no such {word}, or it is private and you are not logged in")
    if isinstance(e, errors.EntryNotFoundError) and not isinstance(e, errors.LocalEntryNotFoundError):
        return HubError(f"{name}: has no `{asked or address.path}`")
    if isinstance(e, errors.HfHubHTTPError):
        return _refused(e, name, at + address.repository)
    if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return HubError(f"{name}: the cache cannot be written: {(e.strerror or '').lower()}")
    return UnreachableError(
        f"{name}: the Hub cannot be reached, and not all files are cached ({endpoint()}: {reason(e)})"
    )


def _refused(e: Exception, name: str, url: str) -> HubError:
    """What the server said, by its status."""
    response = getattr(e, "response", None)
    status = getattr(response, "status_code", None)
    said = response.headers.get("X-Error-Message", "") if response is not None else ""
    if status == 412:
        return MovedError(f"{name}: somebody else has pushed meanwhile; look at what is new at {url} and push again")
    if status == 401:
        return UnreachableError(f"{name}: the Hub does not know you; log in with `hf auth login`, or set HF_TOKEN")
    if status == 403:
        return UnreachableError(f"{name}: your token may not do this" + (f" ({clean(said)})" if said else ""))
    if status == 429:
        return UnreachableError(f"{name}: the Hub asks to wait, there were too many requests; try again later")
    return UnreachableError(f"{name}: the Hub answers with status {status}" + (f" ({clean(said)})" if said else ""))


def reason(e: Exception) -> str:
    """An error in a few words."""
    return clean(str(e)) or type(e).__name__


def clean(text: str) -> str:
    """One line of plain characters; a server can say anything."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()
    return plain if len(plain) <= 120 else plain[:117] + "..."
