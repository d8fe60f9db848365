"""A Hub on this machine, and nothing of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, environment, serving


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving() as server:
        for name, value in environment(server, tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        yield server
