"""`failure` is what evaluating later days finds: a fail that lasts, one that the calendar lifts on the day told, one
that only another record can change."""

import json
from datetime import date

import pytest

from service.criteria.results import CriterionResult, PatientResult
from service.screening import Screening
from tests.builders import AS_OF, ASPIRE, SINAI, Json, as_json, eligible, patient
from tests.reference.patients import patient as generated

TODAY = AS_OF.toordinal()
SEEDS = [2, 7, 11, 19, 23, 31, 47, 58, 63, 77]


def failed(result: PatientResult) -> dict[tuple[str, str], CriterionResult]:
    return {(t.trial, c.id): c for t in result.results for c in t.criteria if c.outcome == "fail"}


def lifted(result: PatientResult, key: tuple[str, str]) -> bool:
    """Whether a criterion fails no longer, and not only because what it said has grown too old."""
    told = {(t.trial, c.id): c for t in result.results for c in t.criteria}
    return key in told and told[key].outcome != "fail" and told[key].basis != "stale"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fail_is_lifted_on_the_day_told_and_not_before(screening: Screening, seed: int) -> None:
    record = screening.read(json.dumps(generated(seed)).encode(), "record")
    for key, criterion in failed(screening.screen(record, TODAY)).items():
        if key[1] == "alive":
            continue
        until = date.fromisoformat(str(criterion.until)).toordinal() if criterion.failure == "until" else TODAY + 400
        days = sorted({*range(TODAY + 1, until, 7), until - 1})
        assert not any(lifted(screening.screen(record, day), key) for day in days if day > TODAY), key
        if criterion.failure == "until":
            assert lifted(screening.screen(record, until), key)


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_fails_tells_how_it_may_be_lifted(screening: Screening, seed: int) -> None:
    for trial in screening.screen(screening.read(json.dumps(generated(seed)).encode(), "record"), TODAY).results:
        assert bool(trial.failure) == (trial.grade == "certainly-not")
        assert all(bool(c.failure) == (c.outcome == "fail") for c in trial.criteria)
        assert all(bool(c.until) == (c.failure == "until") for c in trial.criteria)
        kinds = {c.failure for c in trial.criteria if c.outcome == "fail"}
        if trial.grade == "certainly-not":
            expected = next(kind for kind in ("permanent", "changeable", "until") if kind in kinds)
            assert trial.failure == expected
            if expected == "until":
                assert trial.until == max(str(c.until) for c in trial.criteria if c.outcome == "fail")


@pytest.mark.parametrize(
    ("trial", "criterion", "change", "expected"),
    [
        (SINAI, "adult", {"patient": patient("2010-01-15")}, ("until", "2028-01-15")),
        (ASPIRE, "female", {"patient": patient("1960-07-07", gender="male")}, ("permanent", None)),
    ],
    ids=["a birthday beyond a year", "administrative gender"],
)
def test_of_a_person(
    screening: Screening, trial: str, criterion: str, change: dict[str, Json], expected: tuple[str, str | None]
) -> None:
    record = screening.read(as_json(eligible(trial).put(**change).bundle()), "record")
    found = failed(screening.screen(record, TODAY))[trial, criterion]
    assert (found.failure, found.until or None) == expected


def test_of_the_dead(screening: Screening) -> None:
    key = next(k for k, r in eligible(SINAI).resources.items() if r["resourceType"] == "Patient")
    record = screening.read(as_json(eligible(SINAI).edit(key, deceasedBoolean=True).bundle()), "record")
    result = screening.screen(record, TODAY)
    assert {t.failure for t in result.results} == {"permanent"}
    assert all(c.failure == "permanent" for t in result.results for c in t.criteria)
