"""Sending what was written offline to a server of Weights & Biases, for no longer than it is worth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ANSWERS = 5.0
"""Seconds within which a server has to answer at all."""
SENDS = 30.0
RATE = 1e5
"""Seconds for sending, and bytes of the files that another second is given for."""
STARTS = 20.0
"""Seconds for a process that only looks up where to send."""

FACTS = """
import json, wandb
from wandb.sdk.lib.wbauth import read_netrc_auth
settings = wandb.setup().settings
key = settings.api_key or read_netrc_auth(host=settings.base_url)
print(json.dumps({"server": settings.base_url, "app": settings.app_url, "key": key}))
"""
"""What wandb knows of the server and of the user, from its own variables and files, but those of this folder."""
LIVE = """
import os, runpy, sys, threading
def leave():
    sys.stdin.buffer.read()
    os._exit(1)
threading.Thread(target=leave, daemon=True).start()
sys.argv[:] = ["wandb", "beta", "sync", "--live", *sys.argv[1:]]
runpy.run_module("wandb", run_name="__main__", alter_sys=True)
"""
"""Sends a run while it is written, and ends with the process that holds its standard input, however that ends."""
VIEWER = "query Viewer { viewer { id entity username } }"


class NotSent(Exception):  # noqa: N818 - it says what is the matter
    """Why nothing was sent, in one line."""


@dataclass(frozen=True)
class Mode:
    """What becomes of a run, and why where that is not what the page says by itself."""

    name: Literal["disabled", "offline", "online"]
    why: str = ""


@dataclass(frozen=True)
class Account:
    """Whose runs they are: the address for people, and the user or team."""

    app: str
    entity: str


def mode_of(page: str, environment: str, may_send: bool) -> Mode:
    """What the page and WANDB_MODE agree on: each may want less than the other."""
    wanted = environment.strip().lower()
    if "disabled" in (page, wanted):
        return Mode("disabled")
    if page == "offline":
        return Mode("offline", "offline as the page says")
    if wanted in ("offline", "dryrun"):
        return Mode("offline", "offline as WANDB_MODE says")
    if not may_send:
        return Mode("offline", "not sent: a page does that with --log, or in a folder that RECON_OWN names")
    return Mode("online")


@dataclass
class Sender:
    """Sends runs, if the mode is for it. patience: seconds for runs of no size."""

    mode: Mode
    patience: float = SENDS

    def send(self, runs: Sequence[Path], root: Path, said: Callable[[str], None]) -> Account | None:
        """Send all runs; None where they are to stay. Raises NotSent."""
        if self.mode.name != "online":
            return None
        facts = _facts(root)
        if not facts["key"]:
            raise NotSent("no key is here (`wandb login`, or WANDB_API_KEY)")
        said("asking W&B")
        account = asked(facts["server"], facts["app"], facts["key"])
        said("sending to W&B")
        left = [run for run in runs if not _arrived(run)]
        if left:
            _sync(left, root, facts["server"], self.patience)
        return account

    def follow(self, run: Path, root: Path) -> Following | None:
        """Send a run while it is written; None where it stays, or cannot be sent now: it is `send`'s then."""
        if self.mode.name != "online":
            return None
        try:
            facts = _facts(root)
            asked(facts["server"], facts["app"], facts["key"])
        except NotSent:
            return None
        process = _start(["-c", LIVE, str(run)], root, {"WANDB_BASE_URL": facts["server"]}, subprocess.PIPE)
        return Following(process, self.patience)


@dataclass
class Following:
    """A process that sends a run while it is written."""

    process: subprocess.Popen[str]
    patience: float

    def end(self) -> None:
        """The run is whole: wait until all of it is sent, for so many seconds at most."""
        try:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.patience)
        finally:
            _stop(self.process)


def asked(server: str, app: str, key: str, limit: float = ANSWERS) -> Account:
    """Whose key it is, as the server says within so many seconds. Raises NotSent."""
    found: list[Account | str] = []
    # a thread, since nothing else bounds the time that looking up a name takes, or an answer that trickles in
    thread = threading.Thread(target=lambda: found.append(_ask(server, app, key, limit)), daemon=True)
    thread.start()
    thread.join(limit)
    answer = found[0] if found else f"{server} has not answered for {limit:g} seconds"
    if isinstance(answer, str):
        raise NotSent(answer)
    return answer


def _ask(server: str, app: str, key: str, limit: float) -> Account | str:
    """Whose key it is, or what is wrong."""
    import requests

    address = f"{server.rstrip('/')}/graphql"
    try:
        answer = requests.post(address, json={"query": VIEWER}, auth=("api", key), timeout=limit, allow_redirects=False)
        if answer.status_code in (401, 403):
            return f"{server} does not take this key"
        if answer.status_code != 200:
            return f"{server} answers with status {answer.status_code}"
        viewer: Any = (answer.json().get("data") or {}).get("viewer")
    except requests.Timeout:
        return f"{server} has not answered for {limit:g} seconds"
    except (ValueError, AttributeError):  # before the next, which an answer that is no JSON is too
        return f"{server} is no server of W&B"
    except (requests.RequestException, OSError):
        return f"{server} cannot be reached"
    if not isinstance(viewer, dict) or not isinstance(viewer.get("entity"), str):
        return f"{server} does not know this key"
    return Account(app.rstrip("/"), viewer["entity"])


def _facts(root: Path) -> dict[str, str]:
    """The server, its address for people, and the key. Raises NotSent."""
    try:
        out, _ = _run(["-c", FACTS], root, {}, STARTS)
        found = json.loads(out.strip().splitlines()[-1])
        return {name: str(found[name] or "") for name in ("server", "app", "key")}
    except (ValueError, KeyError, IndexError, TypeError):
        raise NotSent("wandb does not say which server it would send to") from None


def _sync(runs: Sequence[Path], root: Path, server: str, patience: float) -> None:
    """Send with `wandb sync`. Raises NotSent where not all of it arrived."""
    size = sum(f.stat().st_size for run in runs for f in run.rglob("*") if f.is_file())
    limit = patience + size / RATE
    _, late = _run(["-m", "wandb", "sync", *map(str, runs)], root, {"WANDB_BASE_URL": server}, limit)
    left = [run for run in runs if not _arrived(run)]
    if late:
        raise NotSent(f"{server} took more than {limit:.0f} seconds")
    if left:
        many = "" if len(runs) == 1 else f" {len(left)} of {len(runs)} runs"
        raise NotSent(f"{server} did not take{many or ' the run'}")


def _arrived(run: Path) -> bool:
    return any(run.glob("*.wandb.synced"))


def _run(arguments: Sequence[str], root: Path, more: dict[str, str], limit: float) -> tuple[str, bool]:
    """What a Python process prints, and whether it had to be stopped after `limit` seconds."""
    process = _start(arguments, root, more, subprocess.DEVNULL)
    try:
        out, _ = process.communicate(timeout=limit)
        return out, False
    except subprocess.TimeoutExpired:
        return "", True
    finally:
        _stop(process)


def _start(arguments: Sequence[str], root: Path, more: dict[str, str], given: int) -> subprocess.Popen[str]:
    """A Python process of its own group.

    It stands in `root`, so that settings of the folder that the user is in, which may be another's, count for nothing.
    """
    environment = {**os.environ, "WANDB_ERROR_REPORTING": "false", "WANDB_DIR": str(root), **more}
    for name in ("WANDB_MODE", "WANDB_SILENT"):
        environment.pop(name, None)
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=given,
        stdout=subprocess.PIPE if given == subprocess.DEVNULL else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=root,
        env=environment,
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process with all that it has started."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=5)
