"""`changesOn` is what evaluating every day of a year finds, and it names criteria that differ on that day."""

import json
import random
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from service.criteria.change import HORIZON
from service.criteria.evaluation import Evaluation
from service.criteria.results import PatientResult, TrialResult
from service.mappers.record import Record
from service.screening import Screening
from tests.builders import (
    AS_OF,
    ENCOUNTER_DIAGNOSIS,
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    RxNorm,
    Snomed,
    administration,
    ago,
    as_json,
    condition,
    dispense,
    eligible,
    laboratory,
    observation,
    patient,
    period,
    procedure,
    quantity,
    request,
    statement,
)
from tests.reference.patients import patient as generated

TODAY = AS_OF.toordinal()


def by_trial(result: PatientResult) -> dict[str, TrialResult]:
    return {trial.trial: trial for trial in result.results}


def first_difference(screening: Screening, record: Record) -> dict[str, tuple[str, str] | None]:
    """By asking on every day."""
    grades = {name: trial.grade for name, trial in by_trial(screening.screen(record, TODAY)).items()}
    found: dict[str, tuple[str, str] | None] = dict.fromkeys(grades)
    for day in range(TODAY + 1, TODAY + HORIZON + 1):
        for name, trial in by_trial(screening.screen(record, day)).items():
            if found[name] is None and trial.grade != grades[name]:
                found[name] = (date.fromordinal(day).isoformat(), trial.grade)
        if all(found.values()):
            break
    return found


@pytest.mark.parametrize("seed", [3, 8, 21, 34, 55, 89, 144, 233])
def test_it_is_what_day_by_day_evaluation_finds(screening: Screening, seed: int) -> None:
    record = screening.read(json.dumps(generated(seed)).encode(), "record")
    told = by_trial(screening.screen(record, TODAY))
    changes = {name: (t.changes_on.date, t.changes_on.grade) if t.changes_on else None for name, t in told.items()}
    assert changes == first_difference(screening, record)


@pytest.mark.parametrize("trial_seed", [5, 13, 42])
def test_the_criteria_named_answer_otherwise_on_that_day(screening: Screening, trial_seed: int) -> None:
    record = screening.read(json.dumps(generated(trial_seed)).encode(), "record")
    for name, trial in by_trial(screening.screen(record, TODAY)).items():
        if trial.changes_on is None:
            continue
        later = by_trial(screening.screen(record, date.fromisoformat(trial.changes_on.date)))[name]
        now = {c.id: (c.outcome, c.basis) for c in trial.criteria}
        then = {c.id: (c.outcome, c.basis) for c in later.criteria}
        assert trial.changes_on.because
        assert all(now.get(criterion) != then.get(criterion) for criterion in trial.changes_on.because)


ENDS_BETWEEN = {"boundsRange": {"low": quantity(10, "d"), "high": quantity(14, "d")}}
DRUGS: dict[str, Json] = {
    "an end in a month to come": statement(RxNorm.VERAPAMIL, "2026-09-01", "2026-12"),
    "an end in this month": statement(RxNorm.VERAPAMIL, "2026-09-01", "2026-11"),
    "bounds of a range": request(
        RxNorm.VERAPAMIL, "2026-11-18", dosageInstruction=[{"timing": {"repeat": ENDS_BETWEEN}}]
    ),
    "a supply": dispense(RxNorm.VERAPAMIL, "2026-11-10") | {"daysSupply": quantity(30, "d")},
    "a supply of an antineoplastic": dispense(RxNorm.LETROZOLE, "2026-08-10") | {"daysSupply": quantity(90, "d")},
}


@pytest.mark.parametrize("drug", DRUGS.values(), ids=DRUGS)
def test_it_is_so_for_a_drug_whose_end_is_an_interval(screening: Screening, drug: Json) -> None:
    record = screening.read(as_json(eligible(SINAI).add(drug).bundle()), "record")
    told = by_trial(screening.screen(record, TODAY))
    changes = {name: (t.changes_on.date, t.changes_on.grade) if t.changes_on else None for name, t in told.items()}
    assert changes == first_difference(screening, record)
    assert changes[SINAI] is not None


WRITTEN = {"lastUpdated": "2026-12-05T10:00:00Z"}
NO_END_TOLD: dict[str, Json] = {
    "a completed order": request(RxNorm.DOCETAXEL, "2026-06-01", status="completed"),
    "a stopped order before the metastasis": request(RxNorm.TRASTUZUMAB, "2020-06-01", status="stopped"),
    "a completed order that was written later": request(RxNorm.DOCETAXEL, "2026-06-01", status="completed")
    | {"meta": WRITTEN},
    "a stopped course": statement(RxNorm.PERTUZUMAB, "2020-01-01", status="stopped"),
    "a course that goes on": request(RxNorm.LETROZOLE, "2026-06-01"),
    "a drug on hold": statement(RxNorm.LETROZOLE, "2026-06-01", status="on-hold"),
    "a depot": request(RxNorm.GOSERELIN, "2026-06-01", status="completed"),
}


@pytest.mark.parametrize("drug", NO_END_TOLD.values(), ids=NO_END_TOLD)
def test_it_is_so_for_a_drug_whose_end_nobody_tells(screening: Screening, drug: Json) -> None:
    record = screening.read(as_json(eligible(SINAI).add(drug).bundle()), "record")
    told = by_trial(screening.screen(record, TODAY))
    changes = {name: (t.changes_on.date, t.changes_on.grade) if t.changes_on else None for name, t in told.items()}
    assert changes == first_difference(screening, record)


@pytest.mark.parametrize("drug", NO_END_TOLD.values(), ids=NO_END_TOLD)
def test_only_days_on_which_an_answer_may_be_another_are_asked_for(
    screening: Screening, monkeypatch: pytest.MonkeyPatch, drug: Json
) -> None:
    """That an end is not told is so every day: a year of them would cost a hundred times an answer."""
    days: list[int] = []

    class Counted(Evaluation):
        def __init__(self, record: Any, today: int, *rest: Any) -> None:
            days.append(today)
            super().__init__(record, today, *rest)

    monkeypatch.setattr("service.criteria.evaluate.Evaluation", Counted)
    screening.screen(screening.read(as_json(eligible(SINAI).add(drug).bundle()), "record"), TODAY)
    assert len(set(days)) < 20


ENCOUNTERS: dict[str, Json] = {
    "recorded in this month": {"recorded": "2026-11"},
    "recorded in the month before": {"recorded": "2026-10"},
    "recorded in this year": {"recorded": "2026"},
    "begun in a month, recorded on a day": {"onset": "2026-11", "recorded": "2026-11-05"},
}


@pytest.mark.parametrize("dates", ENCOUNTERS.values(), ids=ENCOUNTERS)
def test_it_is_so_for_an_encounter_diagnosis_whose_date_is_an_interval(screening: Screening, dates: Json) -> None:
    seen = condition(Icd10cm.CIRRHOSIS, clinical=None, category=ENCOUNTER_DIAGNOSIS, **dates)
    record = screening.read(as_json(eligible(SINAI).add(seen).bundle()), "record")
    told = by_trial(screening.screen(record, TODAY))
    changes = {name: (t.changes_on.date, t.changes_on.grade) if t.changes_on else None for name, t in told.items()}
    assert changes == first_difference(screening, record)


@pytest.mark.parametrize("end", ["2026-12", "2026-12-10", "2026-11", "2027"])
def test_it_is_so_for_radiotherapy_that_ends_in_a_time_to_come(screening: Screening, end: str) -> None:
    irradiated = procedure(Snomed.RADIOTHERAPY, period("2026-11-01", end))
    record = screening.read(as_json(eligible(SINAI).add(irradiated).bundle()), "record")
    told = by_trial(screening.screen(record, TODAY))
    changes = {name: (t.changes_on.date, t.changes_on.grade) if t.changes_on else None for name, t in told.items()}
    assert changes == first_difference(screening, record)
    assert (changes[SINAI] is None) == (end == "2026-11")


def change(screening: Screening, record: object) -> tuple[str, str, tuple[str, ...]] | None:
    result = screening.screen(screening.read(as_json(record), "record"), TODAY)
    found = by_trial(result)[SINAI].changes_on
    return (found.date, found.grade, found.because) if found else None


def test_a_birthday_opens_a_trial(screening: Screening) -> None:
    record = eligible(SINAI).put(patient=patient("2008-12-01"))
    found = change(screening, record.bundle())
    assert found is not None
    assert (found[0], "adult" in found[2]) == ("2026-12-01", True)


def test_a_result_grows_stale_on_the_day_after_its_window(screening: Screening) -> None:
    lvef = eligible(SINAI).resources["lvef"]
    record = eligible(SINAI).put(lvef=lvef | {"effectiveDateTime": "2026-08-25"})
    # 90 days: the last is 23 November
    assert change(screening, record.bundle()) == ("2026-11-24", "possible", ("lvef",))


def test_a_told_death_to_come_closes_everything(screening: Screening) -> None:
    key = next(k for k, r in eligible(SINAI).resources.items() if r["resourceType"] == "Patient")
    record = eligible(SINAI).edit(key, deceasedDateTime="2026-11-23")
    assert change(screening, record.bundle()) == ("2026-11-23", "certainly-not", ("alive",))


def test_what_fails_for_good_never_changes(screening: Screening) -> None:
    record = eligible(SINAI).put(t_dm1=statement(RxNorm.PALBOCICLIB, "2025-01-01"), patient=patient("1960-03-05"))
    result = screening.screen(screening.read(as_json(record.bundle()), "record"), TODAY)
    failed_for_good = [t for t in result.results if any(c.outcome == "fail" for c in t.criteria)]
    assert failed_for_good
    assert all(t.changes_on is None or t.changes_on.grade != t.grade for t in failed_for_good)


def near_the_ends(seed: int) -> Json:
    """Several records of a kind, most of them begun or ended where a window does: days, months and years back, some to
    come."""
    chance = random.Random(seed)

    def day(*windows: int) -> str:
        on = ago(chance.choice([0, *windows]) + chance.randint(-40, 40))
        return chance.choice([on, on, on[:7]])

    makers: list[Callable[[], Json]] = [
        lambda: condition(Icd10cm.INFARCTION, day(90, 180, 365)),
        lambda: condition(Icd10cm.LUNG_CANCER, day(1095, 1825), clinical=chance.choice(["active", "resolved"])),
        lambda: condition(Icd10cm.PREGNANT, day(150, 300)),
        lambda: condition(Icd10cm.CIRRHOSIS, clinical=None, category=ENCOUNTER_DIAGNOSIS, recorded=day(28)),
        lambda: condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, day(14, 42), clinical=chance.choice(["active", None])),
        lambda: condition(Icd10cm.HEART_FAILURE, day(500), abatement=chance.choice([None, day()])),
        lambda: administration(RxNorm.DOCETAXEL, day(14, 42)),
        lambda: administration(RxNorm.GOSERELIN_3_6_MG, day(28, 90)),
        lambda: statement(RxNorm.VERAPAMIL, day(200), day(), status=chance.choice(["active", "on-hold", "completed"])),
        lambda: statement(RxNorm.LETROZOLE, day(400), day(14)),
        lambda: statement(RxNorm.CAPECITABINE, day(200), day(), status=chance.choice(["on-hold", "active"])),
        lambda: procedure(Snomed.RADIOTHERAPY, period(day(90), day(14))),
        lambda: observation(Loinc.PREGNANCY_TEST_SERUM, chance.choice([Snomed.POSITIVE, Snomed.NEGATIVE]), day(7, 14)),
        lambda: laboratory(Loinc.ANC, chance.choice([0.9, 2.1]), "10*3/uL", day(14, 28)),
        lambda: observation(Loinc.HER2_IHC, chance.choice([Snomed.POSITIVE, Snomed.NEGATIVE]), day(30)),
    ]
    kinds = chance.sample(makers, 4)
    return eligible(SINAI).add(*(made() for made in kinds for _ in range(chance.randint(1, 4)))).bundle()


def check_that_answers_hold(screening: Screening, record: Record) -> None:
    """The outcome, and whether it rests on silence, which is all that a grade is made of."""
    plan = screening.plan
    held = plan.asked_of(record)
    rules = {id(q.rule): (q.criterion.id, q.rule) for trial in plan.plans for q in trial.questions}
    today = Evaluation(record, TODAY, None, plan.silence, held)
    findings = {key: today.find(rule) for key, (_, rule) in rules.items()}
    until = {key: today.next_change(rule) for key, (_, rule) in rules.items()}
    for day in range(TODAY + 1, TODAY + HORIZON):
        later = Evaluation(record, day, None, plan.silence, held)
        for key, (name, rule) in rules.items():
            if day < until[key]:
                found, known = later.find(rule), findings[key]
                assert found.outcome == known.outcome, (name, day - TODAY)
                assert (found.basis == "no-record") == (known.basis == "no-record"), (name, day - TODAY)


@pytest.mark.parametrize("seed", range(24))
def test_every_answer_holds_until_the_day_that_it_names(screening: Screening, seed: int) -> None:
    check_that_answers_hold(screening, screening.read(as_json(near_the_ends(seed)), "record"))


def test_a_drug_on_hold_that_ends_decides_before_another_one_does(screening: Screening) -> None:
    on_hold = [statement(RxNorm.CAPECITABINE, ago(200), ago(-days), status="on-hold") for days in (10, 40)]
    check_that_answers_hold(screening, screening.read(as_json(eligible(SINAI).add(*on_hold).bundle()), "record"))
