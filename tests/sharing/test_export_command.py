"""`trialhook trials export`: results on stdout or in files, what is left out on stderr."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli


def export(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["trials", "export", *arguments])


def test_fhir_goes_to_stdout_and_what_it_leaves_out_to_stderr() -> None:
    done = export("NCT03709082")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["entry"][0]["resource"]["id"] == "NCT03709082"
    assert "NCT03709082 as Group: " in done.stderr
    assert "NCT03709082 as CQL: " in done.stderr
    assert "  histology: a person judges" in done.stderr


def test_counts_on_stderr_add_up() -> None:
    line = next(line for line in export("NCT03709082").stderr.splitlines() if " as Group: " in line)
    numbers = [int(word) for word in line.replace(",", "").split() if word.isdigit()]
    said, total, part, missing = numbers
    assert said + part + missing == total


@pytest.mark.parametrize(("form", "begins"), [("cql", "// NCT03709082: "), ("markdown", "# ASPIRE")])
def test_other_forms_go_to_stdout_alone(form: str, begins: str) -> None:
    done = export("NCT03709082", "--format", form)
    assert done.exit_code == 0
    assert done.stdout.startswith(begins)


def test_a_folder_gets_every_form(tmp_path: Path) -> None:
    done = export("HIC-2000023405", "--out", str(tmp_path / "new"))
    assert done.exit_code == 0
    assert done.stdout == ""
    made = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert made == ["HIC_2000023405.cql", "HIC_2000023405.fhir.json", "HIC_2000023405.md"]
    assert 'library "HIC_2000023405"' in (tmp_path / "new/HIC_2000023405.cql").read_text("utf-8")


def test_periods_are_counted_back_from_a_day() -> None:
    done = export("NCT03709082", "--as-of", "2026-11-21")
    group = json.loads(done.stdout)["entry"][1]["resource"]
    assert {"start": "2026-10-24", "end": "2026-11-21"} in [c.get("period") for c in group["characteristic"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("NCT03709028",), "did you mean NCT03709082?"),
        (("NCT03709082", "--format", "all"), "name a folder with --out"),
        (("NCT03709082", "--format", "pdf"), "'pdf' is not one of"),
        (("NCT03709082", "--as-of", "yesterday"), "is not a date such as"),
        ((), "Missing argument 'ID'"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], says: str) -> None:
    done = export(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = export("NCT03709082", "--out", str(tmp_path / "file" / "sub"))
    assert done.exit_code not in (0, 2)
    assert not done.stdout
