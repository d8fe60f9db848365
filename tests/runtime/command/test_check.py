"""`recon check`: exit codes, what is printed where, `--set`, JSON, colours, and files that cannot be used."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from recon.dsl.show.new import templates
from recon.runtime.command import common
from recon.runtime.command.main import group

GOOD = templates()["denoise"]
BAD = "recon 1\nimage x : real[64, 64]\nnoise y ~ gausian(x, sigma = 0.1)\nprior tvv(x)\n"


def call(*arguments: str, **settings: object) -> Result:
    result = CliRunner().invoke(group(), list(arguments), **settings)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.recon"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.recon"
    path.write_text(BAD)
    return path


def test_a_page_without_errors(page: Path) -> None:
    result = call("check", str(page))
    assert result.exit_code == 0
    assert "warning[RL001]" in result.stdout
    assert result.stdout.endswith("page.recon: 1 warning\n")


def test_all_errors_of_a_page(bad: Path) -> None:
    result = call("check", str(bad))
    assert result.exit_code == 1
    assert "did you mean `gaussian`?" in result.stdout
    assert f"{bad}:3:11" in result.stdout
    assert f"{bad}:4:7" in result.stdout


def test_overrides_are_read_by_the_language(page: Path) -> None:
    assert call("check", str(page), "--set", "sigma = 2 * 0.1", "--set", "run.seed=3").exit_code == 0
    wrong = call("check", str(page), "--set", "sigma=-1")
    assert wrong.exit_code == 1
    assert "must be greater than 0, not -1" in wrong.stdout
    broken = call("check", str(page), "--set", "sigma=(1")
    assert broken.exit_code == 1
    assert "--set sigma:1:1" in broken.stdout
    missing = call("check", str(page), "--set", "sgma=1")
    assert missing.exit_code == 1
    assert "did you mean `sigma`?" in missing.stdout
    assert call("check", str(page), "--set", "sigma").exit_code == 2
    assert call("check", str(page), "--set", "=3").exit_code == 2


def test_json(page: Path, bad: Path) -> None:
    result = call("check", str(page), str(bad), "nothing.recon", "--json")
    assert result.exit_code == 2
    first, second, third = json.loads(result.stdout)["pages"]
    assert [d["code"] for d in first["findings"]] == ["RL001"]
    assert {d["severity"] for d in second["findings"]} == {"error"}
    assert second["findings"][0]["line"] == 3
    assert "no such file" in third["problem"]
    override = call("check", str(page), "--json", "--set", "sigma=(")
    assert json.loads(override.stdout)["findings"][0]["source"] == "--set sigma"


def test_the_worst_page_counts(page: Path, bad: Path) -> None:
    assert call("check", str(page), str(bad)).exit_code == 1
    assert call("check", str(bad), str(page)).exit_code == 1
    assert call("check", str(bad), "nothing.recon").exit_code == 2


def test_standard_input() -> None:
    result = call("check", "-", input=BAD)
    assert result.exit_code == 1
    assert "<stdin>:3:11" in result.stdout


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "binary", "large", "zero", "remote", "forbidden", "through a file"]
)
def test_files_that_cannot_be_used(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.recon"
    spec, said = str(path), "no such file"
    if kind == "folder":
        path.mkdir()
        said = "it is a folder"
    elif kind == "binary":
        path.write_bytes(b"recon 1\n\xff\xfe")
        said = "not UTF-8 text (line 2, byte 8)"
    elif kind == "large":
        path.write_bytes(b"#" * 101)
        monkeypatch.setattr(common, "LARGEST", 100)
        said = "larger than"
    elif kind == "zero":
        spec, said = "a\0b", "no such name"
    elif kind == "remote":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        spec, said = "hf://a/b", "an address without a commit may come to mean other files"
    elif kind == "forbidden":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        path.write_text(GOOD)
        path.chmod(0)
        said = "permission denied"
    elif kind == "through a file":
        path.write_text(GOOD)
        spec, said = str(path / "page.recon"), "not a directory"
    result = call("check", spec)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_pipe_is_a_file_too(tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    writer = threading.Thread(target=pipe.write_text, args=(GOOD,))
    writer.start()
    assert call("check", str(pipe)).exit_code == 0
    writer.join()


def test_colours(bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in call("check", str(bad)).output
    assert "\x1b[1;31m" in call("check", str(bad), "--color", "always", color=True).output
    assert "\x1b[" not in call("check", str(bad), "--color", "never", color=True).output

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert common.wants_color("auto", Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not common.wants_color("auto", Terminal())  # type: ignore[arg-type]
    assert common.wants_color("always", Terminal())  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not common.wants_color("auto", Terminal())  # type: ignore[arg-type]


def test_a_hostile_name_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m.recon"
    path.write_text(GOOD)
    for name in (path, tmp_path / "b\x1b[31m.recon"):
        assert "\x1b" not in call("check", str(name)).output


def test_nothing_is_a_usage_error() -> None:
    assert call("check").exit_code == 2
