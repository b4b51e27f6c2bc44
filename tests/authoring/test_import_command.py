"""`trialhook trials import` writes one trial file that passes its own check, and one line of counts; it overwrites
nothing and writes nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.errors import SourceError
from tests.authoring.records import TRIAL, encoded, listed

TEXT = listed(
    ["Age ≥ 18 years", "ECOG performance status 0-1", 'Signed consent: "yes" # not no', "- [x] & {y}: *z*"],
    ["ANC \\< 1,500/mm3"],
)


def run(*words: object, data: bytes | None = None) -> Result:
    return CliRunner().invoke(
        cli, ["trials", *map(str, words)], input=data, catch_exceptions=True, standalone_mode=False
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    path.write_bytes(encoded(TEXT))
    return path


def test_a_record_becomes_a_trial_that_passes_its_check(source: Path, tmp_path: Path) -> None:
    made = run("import", source, "--out", tmp_path / "out")
    assert json.loads(made.stdout) == {
        "trial": TRIAL, "items": 5, "criteria": 5, "drafted": 3, "review": 2, "fields": 0,
    }  # fmt: skip
    file = tmp_path / "out" / TRIAL / "trial.yaml"
    assert file.read_text("utf-8").startswith("# yaml-language-server: $schema=../trial.schema.json\n")
    checked = run("check", tmp_path / "out")
    assert checked.return_value == 0, checked.output
    assert json.loads((tmp_path / "out" / "trial.schema.json").read_text("utf-8"))["title"]


def test_the_current_folder_is_the_default(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("import", source)
    assert (tmp_path / TRIAL / "trial.yaml").is_file()


def test_a_record_may_come_on_standard_input(tmp_path: Path) -> None:
    made = run("import", "-", "--out", tmp_path, data=encoded(TEXT))
    assert made.exception is None, made.exception
    assert json.loads(made.stdout)["items"] == 5


def test_a_file_that_is_there_is_kept_unless_told(source: Path, tmp_path: Path) -> None:
    file = tmp_path / TRIAL / "trial.yaml"
    file.parent.mkdir()
    file.write_text("mine", "utf-8")
    refused = run("import", source, "--out", tmp_path)
    assert "already" in str(refused.exception)
    assert file.read_text("utf-8") == "mine"
    assert run("import", source, "--out", tmp_path, "--force").exception is None
    assert file.read_text("utf-8") != "mine"


def test_an_import_again_writes_the_same(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("import", source, "--out", tmp_path / name)
    assert (tmp_path / "one" / TRIAL / "trial.yaml").read_bytes() == (
        tmp_path / "two" / TRIAL / "trial.yaml"
    ).read_bytes()


def test_a_number_that_leads_elsewhere_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(encoded(TEXT, id="../../outside"))
    refused = run("import", path, "--out", tmp_path / "in" / "here")
    assert isinstance(refused.exception, SourceError)
    assert [p.name for p in tmp_path.rglob("*")] == ["record.json"]


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in str(run("import", tmp_path / "none.json").exception)


def test_a_draft_says_so_in_its_results(source: Path, tmp_path: Path) -> None:
    run("import", source, "--out", tmp_path / "out")
    patient: dict[str, Any] = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}
    bundle = tmp_path / "p.json"
    bundle.write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}), "utf-8"
    )
    env = {"TRIALHOOK_TRIALS": str(tmp_path / "out")}
    shown = CliRunner().invoke(cli, ["evaluate", str(bundle), "--trial", TRIAL, "--format", "json"], env=env)
    (result,) = json.loads(shown.stdout)["results"]
    assert result["status"] == "draft"
    assert [c.get("draft") for c in result["criteria"]] == [True, True, None, None, True]
