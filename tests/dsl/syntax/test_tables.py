"""The grammar has no conflict; its cache saves time and can do no harm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from recon.dsl.syntax import tables as module
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tables import build_tables, cache_file, tables


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and no tables in memory."""
    monkeypatch.setattr(module, "cache_file", lambda: tmp_path / "recon" / "grammar.json")
    tables.cache_clear()
    return tmp_path / "recon" / "grammar.json"


def test_the_grammar_builds_strictly() -> None:
    pytest.importorskip("interegular")
    assert build_tables(strict=True) == build_tables()


def test_the_cache_holds_the_tables(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tables()
    assert cache.is_file()
    assert [p.name for p in cache.parent.iterdir()] == ["grammar.json"]
    tables.cache_clear()
    monkeypatch.setattr(module, "build_tables", lambda: pytest.fail("built again"))
    assert tables().states == built.states
    assert tables().start == built.start


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x80\x04\n", b"half", b"0\nnull"])
def test_a_damaged_cache_is_mended(cache: Path, damage: bytes) -> None:
    good = tables()
    whole = cache.read_bytes()
    cache.write_bytes(whole[: len(whole) // 2] if damage == b"half" else damage)
    tables.cache_clear()
    assert tables().states == good.states
    assert cache.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(module, "cache_file", lambda: tmp_path / "file" / "grammar.json")
    tables.cache_clear()
    assert parse(Source("p", "recon 1\nx = 1")).items


def test_a_system_without_home_still_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(module, "cache_file", nowhere)
    tables.cache_clear()
    assert parse(Source("p", "recon 1\nx = 1")).items


def test_a_second_process_needs_no_lark(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from recon.dsl.syntax.parse import parse\n"
        "from recon.dsl.syntax.source import Source\n"
        "parse(Source('p', 'recon 1\\nx = f(a)'))\n"
        "print('lark' in sys.modules)\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]


def test_the_key_follows_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_file()
    monkeypatch.setattr(module, "grammar", lambda: "another")
    assert cache_file() != before
