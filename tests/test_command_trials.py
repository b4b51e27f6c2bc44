"""`trialhook trials`: what the keeper of a library sees, and the exit codes a script goes by."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service import cli
from service.commands import trials, trials_check, trials_diff
from service.commands.trials_check import rounds
from service.screening import Screening, encode
from tests.builders import YALE, eligible
from tests.cases.conftest import PATIENT, TRIAL
from tests.criteria.test_trial_files import HEAD, criterion, trial_in

ANC = "{measurement: anc, at-least: 1500 /mm3, within: 28 days}"
NO_WINDOW = "{measurement: anc, at-least: 1500 /mm3}"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Trialhook = Callable[..., Ran]


@pytest.fixture
def trialhook(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], screening: Screening) -> Trialhook:
    """Runs `trialhook trials`; without settings one installation serves all runs."""

    def run(*arguments: str | Path, **environment: str) -> Ran:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for module in (trials, trials_check, trials_diff) if not environment else ():
            monkeypatch.setattr(module, "screening_of", lambda *_: screening)
        monkeypatch.setattr(sys, "argv", ["trialhook", "trials", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capfd.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return run


# -- check


def test_a_sound_file_is_0_and_says_how_much_was_read(trialhook: Trialhook, tmp_path: Path) -> None:
    trial_in(tmp_path, HEAD + criterion(ANC))
    assert trialhook("check", tmp_path) == Ran(0, "", "1 trial, 0 mistakes, 0 warnings\n")


def test_a_warning_is_0_and_1_where_warnings_count(trialhook: Trialhook, tmp_path: Path) -> None:
    file = trial_in(tmp_path, HEAD + criterion(NO_WINDOW)) / "trial.yaml"
    ran = trialhook("check", file)
    assert (ran.code, ran.err) == (0, "1 trial, 0 mistakes, 1 warning\n")
    assert ran.out.startswith(f"{file}:16:5: warning: a → rule: ANC without `within`")
    assert trialhook("check", file, "--strict").code == 1


def test_mistakes_of_files_rules_and_cases_are_all_told_and_1(trialhook: Trialhook, tmp_path: Path) -> None:
    trial_in(tmp_path / "a", "id: [\n")
    trial_in(tmp_path / "b", HEAD + criterion(ANC, "x") + criterion(ANC.replace("at-least", "less-than"), "y"))
    (tmp_path / "b" / "cases.yaml").write_text("as-of: soon\n", "utf-8")
    ran = trialhook("check", tmp_path)
    assert ran.code == 1
    assert [line.split(":")[0] for line in ran.out.splitlines()] == [
        f"{tmp_path}/a/trial.yaml",
        f"{tmp_path}/b/trial.yaml",
        f"{tmp_path}/b/cases.yaml",
        f"{tmp_path}/b/cases.yaml",
    ]


def test_the_whole_library_is_checked_where_no_path_is_given(trialhook: Trialhook) -> None:
    assert trialhook("check") == Ran(0, "", "4 trials, 0 mistakes, 0 warnings\n")


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_path_without_a_trial_is_wrong_use(trialhook: Trialhook, tmp_path: Path, command: str) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        ran = trialhook(command, path)
        assert (ran.code, ran.out) == (2, "")
        assert "a trial file, its folder or a folder of such was expected" in ran.err


# -- test


def test_cases_are_run_and_what_none_shows_is_named(trialhook: Trialhook, tmp_path: Path) -> None:
    trial_in(tmp_path, TRIAL)
    cases = "cases:\n  anc:\n    - {pass: {results: {anc: 1500 /mm3}}}\n    - {fail: {results: {anc: 1499 /mm3}}}\n"
    (tmp_path / "cases.yaml").write_text(PATIENT + cases, "utf-8")
    assert trialhook("test", tmp_path) == Ran(
        0,
        "NCT00000001: 2 of 2 cases as expected\n"
        "  0 of 2 criteria have a case for every outcome; 1 is for a person and needs none\n"
        "  anc: no case yet where it is not known\n"
        "  liver: no case yet where it is met or not met or not known\n",
        "",
    )


def test_a_case_that_comes_out_otherwise_is_1_and_told_with_its_place(trialhook: Trialhook, tmp_path: Path) -> None:
    trial_in(tmp_path, TRIAL)
    cases = "cases:\n  anc:\n    - {pass: {results: {anc: 1499 /mm3}}}\n"
    (tmp_path / "cases.yaml").write_text(PATIENT + cases, "utf-8")
    ran = trialhook("test", tmp_path)
    assert ran.code == 1
    assert f"  ✗ {tmp_path}/cases.yaml:9: anc" in ran.out
    assert "pass expected, fail came out" in ran.out


def test_a_trial_without_cases_is_1(trialhook: Trialhook, tmp_path: Path) -> None:
    trial_in(tmp_path, TRIAL)
    ran = trialhook("test", tmp_path)
    assert (ran.code, ran.out.startswith("NCT00000001: no cases.yaml beside it")) == (1, True)


# -- watch


def test_a_round_at_once_and_one_for_every_file_saved(tmp_path: Path) -> None:
    file, cases = tmp_path / "trial.yaml", tmp_path / "cases.yaml"
    file.write_text("a", "utf-8")
    waits = iter(
        [
            lambda: None,
            lambda: os.utime(file, ns=(1, 1)),
            lambda: None,
            lambda: cases.write_text("b", "utf-8"),
            lambda: cases.unlink(),
        ]
    )
    done: list[str] = []
    note = done.append

    def wait(_: float) -> None:
        note("wait")
        step = next(waits, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    for _ in rounds(lambda: [file], wait):
        note("round")
    assert done == ["round", "wait", "wait", "round", "wait", "wait", "round", "wait", "round", "wait"]


def test_a_broken_file_does_not_end_the_watching(
    trialhook: Trialhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = trial_in(tmp_path, TRIAL) / "trial.yaml"
    saved = iter(["id: [\n", TRIAL])

    def wait(_: float) -> None:
        text = next(saved, None)
        if text is None:
            raise KeyboardInterrupt
        file.write_text(text, "utf-8")
        os.utime(file, ns=(len(text), len(text)))

    monkeypatch.setattr(trials_check.time, "sleep", wait)
    ran = trialhook("test", file, "--watch")
    assert ran.out.count("no cases.yaml beside it") == 2
    assert f"{file}:2:1: " in ran.err


# -- list and show


def listed(ran: Ran) -> dict[str, Any]:
    return {found["id"]: found for found in map(json.loads, ran.out.splitlines())}


def test_the_list_tells_what_wants_attention(trialhook: Trialhook, tmp_path: Path) -> None:
    def own(name: str, *lines: str, status: str = "active", draft: str = "") -> None:
        text = HEAD.replace("NCT00000001", name).replace("status: active", f"status: {status}")
        told = "".join(f"{line}\n" for line in lines)
        trial_in(tmp_path / name, text.replace("criteria:\n", f"{told}criteria:\n") + criterion(ANC) + draft)

    own("fine", "review-by: 9999-01-01", "owner: Trials office")
    own("due", "review-by: 2020-01-01")
    own("unchecked", draft="    draft: ANC ≥ 1500\n")
    own("drafted", status="draft")
    own("over", "effective-to: 2020-01-01")
    own("coming", "effective-from: 9998-01-01")
    own("gone", status="retired")
    own("off")
    enabled = "fine due unchecked drafted over coming gone"
    ran = trialhook("list", "--format", "json", TRIALHOOK_TRIALS=str(tmp_path), TRIALHOOK_ENABLED_TRIALS=enabled)
    found = listed(ran)
    assert {
        name: (told["inUse"], told["notes"]) for name, told in found.items() if name in (*enabled.split(), "off")
    } == {
        "fine": (True, []),
        "due": (True, ["review was due 2020-01-01"]),
        "unchecked": (False, ["1 of 1 criteria not checked yet"]),
        "drafted": (False, ["a draft"]),
        "over": (False, ["ended 2020-01-01"]),
        "coming": (False, ["in effect from 9998-01-01"]),
        "gone": (False, ["retired"]),
        "off": (False, ["not enabled here"]),
    }
    assert found["unchecked"]["status"] == "draft"
    assert found["fine"]["owner"] == "Trials office"
    short = trialhook("list", "--needs-review", TRIALHOOK_TRIALS=str(tmp_path), TRIALHOOK_ENABLED_TRIALS=enabled)
    assert "  · review was due 2020-01-01" in short.out
    assert not any(line.startswith("fine ") for line in short.out.splitlines())


def test_a_version_to_come_is_told_and_checked_with_the_rest(trialhook: Trialhook, tmp_path: Path) -> None:
    trial_in(tmp_path / "now", HEAD + criterion(ANC))
    later = HEAD.replace("criteria:\n", "effective-from: 9998-01-01\ncriteria:\n")
    trial_in(tmp_path / "later", later + criterion(NO_WINDOW))
    found = listed(trialhook("list", "--format", "json", TRIALHOOK_TRIALS=str(tmp_path)))
    assert found["NCT00000001"]["notes"] == ["next version from 9998-01-01"]
    ran = trialhook("check", TRIALHOOK_TRIALS=str(tmp_path))
    assert (ran.code, ran.err) == (0, "6 trials, 0 mistakes, 1 warning\n")


def test_a_criterion_is_shown_in_the_authors_words_and_in_the_rules_own(trialhook: Trialhook) -> None:
    ran = trialhook("show", "NCT03304080", "--format", "json")
    told = {c["id"]: c for c in json.loads(ran.out)["criteria"]}
    assert told["anc"]["text"] == "Absolute neutrophil count of at least 1,500 per mm³ within 28 days"
    assert told["anc"]["rule"] == "ANC at least 1,500 /mm³, newest result within the last 28 days."
    page = trialhook("show", "NCT03304080").out
    assert "rule: ANC at least 1,500 /mm³, newest result within the" in page


# -- diff


def amended(folder: Path, least: int = 1500) -> Path:
    return trial_in(folder, HEAD + criterion(ANC.replace("1500", str(least)), "anc"))


def test_an_amendment_is_told_with_both_digests(trialhook: Trialhook, tmp_path: Path) -> None:
    old, new = amended(tmp_path / "old"), amended(tmp_path / "new", 1000)
    ran = trialhook("diff", old, new / "trial.yaml")
    assert ran.code == 0
    assert ran.out.splitlines()[1:] == ["  ▼ anc: loosened", "      ANC at least 1,500 /mm³ → at least 1,000 /mm³"]
    (told,) = [json.loads(line) for line in trialhook("diff", old, new, "--format", "json").out.splitlines()]
    assert told["old"]["digest"] != told["new"]["digest"]
    assert told["criteria"][0]["change"] == "loosened"
    assert "population" not in told


def test_files_without_a_difference_say_so(trialhook: Trialhook, tmp_path: Path) -> None:
    ran = trialhook("diff", "NCT03709082", "NCT03709082")
    assert (ran.code, ran.out.splitlines()[1:]) == (0, ["  nothing differs"])


def test_whose_grade_an_amendment_changes_and_by_what(trialhook: Trialhook, tmp_path: Path) -> None:
    """The record of YALE has one ANC; each side of its value is asked for once."""
    old, new = amended(tmp_path / "old", 1000), amended(tmp_path / "new", 90000)
    people = tmp_path / "people"
    people.mkdir()
    (people / "p.json").write_bytes(encode(eligible(YALE).bundle()))
    ran = trialhook("diff", old, new, "--on", people, "--as-of", "2026-11-21", "--format", "json")
    assert ran.code == 0
    found = json.loads(ran.out)["population"]
    assert (found["patients"], found["errors"], found["changes"]) == (1, 0, {"certain → certainly-not": 1})
    (patient,) = found["regraded"]
    assert patient["patient"] == "Patient/p1"
    assert [(d["criterion"], d["before"], d["after"]) for d in patient["because"]] == [("anc", "pass", "fail")]
    assert "p1" not in ran.err
    page = trialhook("diff", old, new, "--on", people, "--as-of", "2026-11-21")
    assert "1 patient: the grade of 1 changes" in page.out
    assert "  Patient/p1: certain → certainly-not" in page.out


def test_a_draft_that_was_checked_changes_no_grade(trialhook: Trialhook, tmp_path: Path) -> None:
    draft = trial_in(tmp_path / "old", HEAD.replace("status: active", "status: draft") + criterion(ANC, "anc"))
    people = tmp_path / "people"
    people.mkdir()
    (people / "p.json").write_bytes(encode(eligible(YALE).bundle()))
    ran = trialhook(
        "diff", draft, amended(tmp_path / "new"), "--on", people, "--as-of", "2026-11-21", "--format", "json"
    )
    told = json.loads(ran.out)
    assert told["facts"] == [{"fact": "status", "before": "draft", "after": "active"}]
    assert (told["population"]["unchanged"], told["population"]["regraded"]) == (1, [])


def test_what_cannot_be_read_is_counted_and_1(trialhook: Trialhook, tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.mkdir()
    (people / "p.ndjson").write_bytes(encode(eligible(YALE).of_type("Patient")[0]) + b"\n{broken\n")
    ran = trialhook("diff", amended(tmp_path / "old"), amended(tmp_path / "new", 1000), "--on", people)
    assert ran.code == 1
    assert "could not be read" in ran.err


def test_a_source_that_is_not_there_is_3_and_wrong_names_are_2(trialhook: Trialhook, tmp_path: Path) -> None:
    old = amended(tmp_path / "old")
    assert trialhook("diff", old, old, "--on", tmp_path / "nowhere").code == 3
    ran = trialhook("diff", "NCT0370908", old)
    assert ran.code == 2
    assert "did you mean NCT03709082" in ran.err
    (tmp_path / "empty").mkdir()
    assert trialhook("diff", tmp_path / "empty", old).code == 2


def test_folders_are_compared_by_id_and_what_stands_alone_is_told(trialhook: Trialhook, tmp_path: Path) -> None:
    for side, names in (("old", "AB"), ("new", "BC")):
        for name in names:
            trial_in(tmp_path / side / name, HEAD.replace("NCT00000001", f"NCT{name}") + criterion(ANC))
    ran = trialhook("diff", tmp_path / "old", tmp_path / "new")
    assert ran.out.startswith("NCTB ")
    assert ran.err == "NCTA: only in OLD\nNCTC: only in NEW\n"
