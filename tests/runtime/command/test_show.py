"""`recon plan`, `explain`, `new`, `schema` and `diff`."""

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from recon.dsl import vocabulary
from recon.dsl.show.codes import documented
from recon.dsl.show.new import templates
from recon.runtime.command.main import group


def call(*arguments: str, **settings: object) -> Result:
    result = CliRunner().invoke(group(), list(arguments), **settings)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "mri.recon"
    path.write_text(templates()["mri"])
    return path


def test_plan(page: Path) -> None:
    result = call("plan", str(page), "--set", "accel=8")
    assert result.exit_code == 0
    assert "--set accel" in result.stdout
    assert r"\frac{1}{2 \sigma^2}" in result.stdout
    value = json.loads(call("plan", str(page), "--json").stdout)
    assert {m["name"] for m in value["methods"]} == {"zero_filled", "sparse"}
    assert len(value["spec_digest"]) == 64


def test_plan_of_a_page_with_errors(tmp_path: Path) -> None:
    path = tmp_path / "bad.recon"
    path.write_text("recon 1\nimage x : real[64]\n")
    result = call("plan", str(path))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "RS102" in result.stderr
    as_json = call("plan", str(path), "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["findings"][0]["code"] == "RS102"
    assert call("plan", "nothing").exit_code == 2


def test_explain_words() -> None:
    result = call("explain", "gaussian")
    assert result.exit_code == 0
    for kind in ("a law", "a kernel", "an operator"):
        assert f"gaussian  {kind}" in result.stdout
    cards = json.loads(call("explain", "gaussian", "--json").stdout)
    assert {c["kind"] for c in cards} == {"law", "kernel", "operator", "density"}
    assert "noise y ~" in call("explain", "noise").stdout


def test_explain_lists_all_words() -> None:
    listing = call("explain").stdout
    assert all(name in listing for _, name in vocabulary.words())
    assert set(json.loads(call("explain", "--json").stdout)) == {kind for kind, _ in vocabulary.words()}


@pytest.mark.parametrize("code", documented())
def test_explain_every_code(code: str) -> None:
    result = call("explain", code.lower())
    assert result.exit_code == 0
    assert result.stdout.startswith(code)
    assert "wrong:" in result.stdout
    assert "right:" in result.stdout


@pytest.mark.parametrize(
    ("word", "hint"),
    [("fistaa", "did you mean `fista`?"), ("RV999", "there is no code"), ("qqqqqqqq", "lists all words")],
)
def test_explain_what_is_not_there(word: str, hint: str) -> None:
    result = call("explain", word)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert result.stdout == ""


def test_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listing = call("new").stdout
    assert all(name in listing for name in templates())
    assert call("new", "ct").exit_code == 0
    assert (tmp_path / "ct.recon").read_text() == templates()["ct"]
    again = call("new", "ct")
    assert again.exit_code == 2
    assert "--force" in again.stderr
    (tmp_path / "ct.recon").write_text("mine")
    assert call("new", "ct").exit_code == 2
    assert (tmp_path / "ct.recon").read_text() == "mine"
    assert call("new", "ct", "--force").exit_code == 0
    assert (tmp_path / "ct.recon").read_text() == templates()["ct"]
    assert call("new", "mri", "page.recon").exit_code == 0
    assert (tmp_path / "page.recon").read_text() == templates()["mri"].replace("run mri.recon", "run page.recon")
    assert "run page.recon" in (tmp_path / "page.recon").read_text()
    assert not list(tmp_path.glob(".*")), "nothing is left of writing"
    (tmp_path / "folder").mkdir()
    assert call("new", "mri", "folder").exit_code == 0
    assert (tmp_path / "folder" / "mri.recon").exists()
    assert call("new", "mri", "-").stdout == templates()["mri"]
    assert call("new", "mri", "nowhere/page.recon").exit_code == 2
    unknown = call("new", "mrii")
    assert unknown.exit_code == 2
    assert "did you mean `mri`?" in unknown.stderr


@pytest.mark.parametrize("before", [None, "mine"])
def test_new_on_a_full_disk_leaves_what_there_was(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing fails at the first flush, as on a full disk."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "page.recon"
    if before is not None:
        path.write_text(before)
    monkeypatch.setattr(os, "fsync", full)
    result = call("new", "mri", str(path), "--force")
    assert result.exit_code == 2
    assert "no space left on device" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["page.recon"])
    assert before is None or path.read_text() == before


@pytest.mark.parametrize("name", sorted(templates()))
def test_what_new_writes_checks(name: str, tmp_path: Path) -> None:
    path = tmp_path / "page.recon"
    call("new", name, str(path))
    assert call("check", str(path)).exit_code == 0


def test_schema() -> None:
    value = json.loads(call("schema").stdout)
    assert value["$schema"].endswith("2020-12/schema")
    assert "operator.cartesian" in value["$defs"]


def test_diff(page: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.recon"
    same.write_text("\n".join(line for line in templates()["mri"].split("\n") if not line.startswith("#")))
    result = call("diff", str(page), str(same))
    assert (result.exit_code, result.stdout) == (0, "the same experiment\n")
    other = tmp_path / "other.recon"
    other.write_text(templates()["mri"].replace("iterations = 100", "iterations = 60"))
    result = call("diff", str(page), str(other))
    assert (result.exit_code, result.stdout) == (1, "sparse.solver.iterations: 100 → 60\n")
    value = json.loads(call("diff", str(page), str(other), "--json").stdout)
    assert value == {
        "same": False,
        "differences": [{"path": "sparse.solver.iterations", "before": "100", "after": "60"}],
    }
    assert call("diff", str(page), "nothing.recon").exit_code == 2
    assert call("diff", str(page)).exit_code == 2
