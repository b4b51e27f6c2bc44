"""`trialhook trials new` and `trials names`: what a trial begins with, and what it may name."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.commands.trials import command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TRIALHOOK_TRIALS", "TRIALHOOK_VALUE_SETS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("like", [(), ("--like", "EXAMPLE-T2D"), ("--like", "NCT03709082")])
def test_a_new_trial_is_a_draft_without_mistakes_whose_cases_come_out(like: tuple[str, ...]) -> None:
    assert run("new", "trials/MINE-1", *like).exit_code == 0
    text = Path("trials/MINE-1/trial.yaml").read_text()
    assert "\nid: MINE-1\n" in text
    assert "\nstatus: draft" in text
    assert "example:" not in text
    assert text.startswith("# yaml-language-server: $schema=../trial.schema.json\n")
    assert Path("trials/trial.schema.json").is_file()
    for what in ("check", "test"):
        result = run(what, "trials")
        assert (result.exit_code, result.return_value or 0) == (0, 0), result.output


def test_nothing_is_written_over(tmp_path: Path) -> None:
    assert run("new", "MINE-1").exit_code == 0
    Path("MINE-1/trial.yaml").write_text("mine")
    result = run("new", "MINE-1")
    assert result.exit_code == 2
    assert "is there already; nothing was written" in result.output
    assert Path("MINE-1/trial.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a b",), "the last part is the trial's id"),
        (("X", "--like", "NOWHERE"), "no trial called NOWHERE; known are EXAMPLE-NSCLC, EXAMPLE-T2D, HIC-2000023405"),
    ],
)
def test_a_wrong_use_is_told_and_writes_nothing(arguments: tuple[str, ...], said: str) -> None:
    result = run("new", *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("input", "a1c"), "hba1c                             haemoglobin A1c (%)\n"),
        (("diagnosis", "PANCREA"), "pancreatitis                      pancreatitis\n"),
        (("drug", "glp-1"), "glp-1-agonist                     GLP-1 receptor agonist\n"),
        (("cancer", "lung"), "lung                              lung cancer\n"),
        (("class",), "nyha                              NYHA class\n"),
        (("answer", "undetermined"), "undetermined                      undetermined\n"),
    ],
)
def test_names_are_found_by_a_word_in_them_or_in_what_readers_see(arguments: tuple[str, ...], line: str) -> None:
    assert run("names", *arguments).output == line


def test_a_word_that_no_name_has_is_told() -> None:
    result = run("names", "diagnosis", "zzzz")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no diagnosis with 'zzzz' in its name; `trialhook trials names diagnosis` lists all\n"
