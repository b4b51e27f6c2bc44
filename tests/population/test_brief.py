"""A brief screening: whom every trial excludes by what it asks first is asked nothing else; grades stay the same."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click import UsageError

from tests.builders import (
    RECENT,
    Icd10cm,
    Json,
    Record,
    condition,
    eligible,
    icd10cm,
    local,
    patient,
    report,
)
from tests.population.conftest import Ran, Screen
from tests.population.sources import FORMS, TRIALS, by_type, owned_by, population

ANCHOR = "metastatic-breast-cancer"
HEALTHY = Record({"p1": patient()})
OTHERWISE = eligible(TRIALS[0]).drop(
    *(key for key, r in eligible(TRIALS[0]).resources.items() if r["resourceType"] == "Condition")
)
HYPERTENSION = condition(icd10cm("I10"), "2020-01-01")


def with_(*conditions: Json) -> Record:
    return OTHERWISE.put(**{f"d{n}": made for n, made in enumerate(conditions)})


# -> whether one criterion is asked alone
PATIENTS: dict[str, tuple[Record, bool]] = {
    "no-resource": (HEALTHY, True),
    "no-diagnosis": (OTHERWISE, True),
    "another-diagnosis": (with_(HYPERTENSION), True),
    "another-cancer": (with_(condition(icd10cm("C61"), "2020-01-01")), True),
    "metastasis-alone": (with_(condition(icd10cm("C79.51"), "2020-01-01")), True),
    "the-cancer": (with_(HYPERTENSION, condition(Icd10cm.BREAST_CANCER, "2020-01-01")), False),
    "its-history": (with_(condition(icd10cm("Z85.3"), "2020-01-01")), False),
    "refuted": (with_(condition(Icd10cm.BREAST_CANCER, "2020-01-01", verification="refuted")), False),
    "in-words": (with_(condition(local("X1", "breast cancer"), "2020-01-01")), False),
    "cannot-be-read": (with_(HYPERTENSION | {"code": 5}), False),
}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return by_type(tmp_path / "in", {name: owned_by(made, name) for name, (made, _) in PATIENTS.items()})


def of(ran: Ran) -> Mapping[str, dict[str, Any]]:
    return {result["patient"].removeprefix("Patient/"): result for result in ran.results}


def anchors(ran: Ran) -> set[str]:
    """The outcomes of the criterion that is asked first, of all patients and trials."""
    told = (c for result in ran.results for trial in result["results"] for c in trial["criteria"])
    return {c["outcome"] for c in told if c["id"] == ANCHOR}


def test_the_table_of_trials_marks_who_was_asked_one_criterion(screen: Screen, people: Path) -> None:
    with (screen(people, "--brief", "--format", "csv").out / "trials.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    marked = {(row["patient"].removeprefix("Patient/"), row["decided_early"]) for row in rows}
    assert marked == {(name, "yes" if early else "") for name, (_, early) in PATIENTS.items()}


def test_who_lacks_the_disease_is_asked_one_criterion(screen: Screen, people: Path) -> None:
    brief, full = of(screen(people, "--brief")), of(screen(people, out="full"))
    assert brief.keys() == full.keys() == PATIENTS.keys()
    for name, (_, early) in PATIENTS.items():
        if not early:
            assert brief[name] == full[name], name
            continue
        for told, whole in zip(brief[name]["results"], full[name]["results"], strict=True):
            (decides,) = told["criteria"]
            assert decides["id"] == ANCHOR
            assert decides in whole["criteria"]
            assert (told["grade"], told["decidedEarly"]) == (whole["grade"], True)
            assert "decidedEarly" not in whole


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_source_changes_nothing(screen: Screen, tmp_path: Path, form: str) -> None:
    records = population() | {"c1": owned_by(OTHERWISE, "c1"), "c2": owned_by(with_(HYPERTENSION), "c2")}
    ran = of(screen(FORMS[form](tmp_path / "in", records), "--brief"))
    early = {name for name, result in ran.items() if any("decidedEarly" in trial for trial in result["results"])}
    assert early == {"c1", "c2"}
    assert ran.keys() == records.keys()


def test_the_dead_are_told_as_ever(screen: Screen, tmp_path: Path) -> None:
    dead = owned_by(OTHERWISE.put(patient=patient(deceasedBoolean=True)), "dead")
    source = by_type(tmp_path / "in", {"dead": dead})
    assert screen(source, "--brief").results == screen(source, out="full").results


def test_diagnoses_that_were_not_read_completely_decide_nothing_early(screen: Screen, tmp_path: Path) -> None:
    source = by_type(tmp_path / "in", {"c1": owned_by(with_(HYPERTENSION), "c1")})
    with (source / "0.Condition.ndjson").open("ab") as file:
        file.write(b'{"resourceType": "Condition", "subj')
    ran = screen(source, "--brief")
    assert {trial["grade"] for trial in ran.results[0]["results"]} <= {"possible", "certainly-not"}
    assert not any("decidedEarly" in trial for trial in ran.results[0]["results"])


def test_a_report_that_cannot_be_read_leaves_diagnoses_as_they_are(screen: Screen, tmp_path: Path) -> None:
    broken = report(RECENT) | {"contained": [{"resourceType": "Observation", "code": 5}]}
    source = by_type(tmp_path / "in", {"c1": owned_by(HEALTHY.put(report=broken), "c1")})
    brief, full = screen(source, "--brief"), screen(source, out="full")
    assert anchors(brief) == anchors(full) == {"fail"}


def test_other_types_that_were_not_read_completely_are_no_matter(screen: Screen, tmp_path: Path) -> None:
    source = by_type(tmp_path / "in", {"c1": owned_by(with_(HYPERTENSION), "c1")})
    with (source / "0.Observation.ndjson").open("ab") as file:
        file.write(b'{"resourceType": "Observation", "subj')
    ran = screen(source, "--brief")
    assert all(trial["decidedEarly"] for trial in ran.results[0]["results"])
    assert len(ran.errors) == 1


def test_what_is_wrong_with_a_patient_is_told_all_the_same(screen: Screen, tmp_path: Path) -> None:
    records = {
        "undated": owned_by(OTHERWISE.put(patient=patient(birth=None)), "undated"),
        "orphan": owned_by(OTHERWISE.drop("patient"), "orphan"),
    }
    source = by_type(tmp_path / "in", records)
    brief, full = screen(source, "--brief"), screen(source, out="full")
    assert (brief.code, brief.errors) == (full.code, full.errors)
    assert [result["patient"] for result in brief.results] == ["Patient/undated"]


def test_the_summary_counts_them_apart(screen: Screen, people: Path) -> None:
    brief, full = (screen(people, *options, out=options[0] if options else "full") for options in (("--brief",), ()))
    early = sum(early for _, early in PATIENTS.values())
    for told, whole in zip(brief.summary["trials"], full.summary["trials"], strict=True):
        assert (told["decidedEarly"], whole["decidedEarly"]) == (early, 0)
        assert (told["grades"], told["bounds"]) == (whole["grades"], whole["bounds"])
        asked = {
            c["id"]: sum(c[outcome] for outcome in ("pass", "fail", "unknown", "review")) for c in told["criteria"]
        }
        assert asked.pop(ANCHOR) == len(PATIENTS)
        assert set(asked.values()) == {len(PATIENTS) - early}
        assert told["attrition"][-1]["remaining"] == whole["attrition"][-1]["remaining"]
        assert all(row["none"] >= 0 and row["patients"] <= len(PATIENTS) - early for row in told["completeness"])


def test_the_report_says_how_many(screen: Screen, people: Path) -> None:
    page = (screen(people, "--brief", "--report").out / "report.html").read_text("utf-8")
    early = sum(early for _, early in PATIENTS.values())
    assert f"{early} of the screened were asked one criterion alone" in page
    assert "asked one criterion alone" not in (screen(people, "--report", out="full").out / "report.html").read_text()


def test_it_is_part_of_the_question(screen: Screen, people: Path) -> None:
    assert screen(people, "--brief").code == 0
    again = screen(people, "--resume")
    assert again.code == 2
    assert "brief" in again.err


def test_from_facts_it_is_the_same(screen: Screen, people: Path, tmp_path: Path) -> None:
    lines = screen(people, "--brief").results
    for out in ("first", "again"):
        assert screen(people, "--brief", "--facts", str(tmp_path / "facts"), out=out).results == lines
    full = screen(people, "--facts", str(tmp_path / "facts"), out="full").results
    assert full == screen(people, out="plain").results


def test_counts_that_would_tell_what_is_hidden_are_refused(screen: Screen, people: Path) -> None:
    with pytest.raises(UsageError, match="--brief does not go with --suppress-below"):
        screen(people, "--brief", "--suppress-below", "5")
