"""A folder is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recon.zoo.growing import growing
from small_weights import small

KILLED = """
import os, signal, sys
from pathlib import Path
from recon.zoo.growing import growing
with growing(Path(sys.argv[1])) as place:
    (place / "config.json").write_text("{}")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_becomes_the_folder_at_the_end(tmp_path: Path) -> None:
    for folder in (tmp_path / "deep" / "w", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with growing(folder) as place:
            (place / "a").write_text("a")
            assert not (folder / "a").exists()
        assert [p.name for p in folder.iterdir()] == ["a"]
        assert folder.stat().st_mode & 0o777 == 0o755
        assert [p for p in folder.parent.iterdir() if p.name.startswith(".")] == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty"), growing(tmp_path / "w") as place:
        (place / "a").write_text("a")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileExistsError), growing(tmp_path / "link"):
        pass
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["link", "mine", "w"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def broken_off(place: Path) -> None:
        (place / "a").write_text("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), growing(tmp_path / "w") as place:
        broken_off(place)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_a_process_that_is_killed_leaves_no_folder(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "w"], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "w").exists()
    with growing(tmp_path / "w") as place:
        (place / "a").write_text("a")
    assert (tmp_path / "w" / "a").exists()


@pytest.fixture
def full_disk() -> Iterator[int]:
    """Files of this process end after so many bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    limits, most = resource.getrlimit(resource.RLIMIT_FSIZE), 1000
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    yield most
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_leaves_no_folder(tmp_path: Path, full_disk: int) -> None:
    with pytest.raises(OSError, match="File too large"):
        small(tmp_path / "w")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
