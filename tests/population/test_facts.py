"""A record of facts answers exactly as the record they were taken from: every trial, any day, evidence and notices."""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec
import pytest

from service.criteria.plan import Plan
from service.population.facts import FactsRecord, pack
from service.screening import Screening, encode
from tests.builders import (
    AS_OF,
    SINAI,
    TRIALS,
    UNKNOWN_MODIFIER,
    Json,
    Loinc,
    Record,
    RxNorm,
    Snomed,
    allergy,
    as_json,
    condition,
    eligible,
    laboratory,
    medication,
    observation,
    operation_outcome,
    percent,
    report,
    request,
    statement,
)
from tests.reference.patients import AS_OF as REFERENCE_AS_OF
from tests.reference.patients import patient

DAYS = (-2000, -365, -60, -1, 0, 1, 29, 400)
OF_ANOTHER = {"focus": [{"reference": "Device/pump"}]}


def plans(screening: Screening) -> list[Plan]:
    """All trials together, and each alone: what is asked, and in which order, is another every time."""
    return [screening.plan, *(screening.plan_for(screening.trials.chosen((trial,))) for trial in TRIALS)]


def check_same(screening: Screening, document: Json, days: Iterable[date], name: str) -> None:
    data = as_json(document)
    facts = pack(screening.read(data))
    for on in days:
        for plan in plans(screening):
            told = screening.screen(screening.read(data), on, plan)
            kept = screening.screen(FactsRecord(facts), on, plan)
            assert kept == told, name
            assert encode(kept) == encode(told), name


@pytest.mark.parametrize("block", range(8))
def test_generated_patients_get_the_same_answers_from_facts(screening: Screening, block: int) -> None:
    days = [REFERENCE_AS_OF + timedelta(days) for days in (*DAYS[block % 4 :: 4], 0)]
    for seed in range(block * 25, block * 25 + 25):
        check_same(screening, patient(seed), days, f"patient {seed}")


RECORDS: dict[str, Record] = {
    **{trial: eligible(trial) for trial in TRIALS},
    "dead": eligible(SINAI).edit("patient", deceasedDateTime="2026-10-01"),
    "two equal results of one time": eligible(SINAI).add(
        *[laboratory(Loinc.ANC, 1.2, "10*3/uL", "2026-11-12")] * 2, laboratory(Loinc.ANC, 3, "10*3/uL", "2026-11-12")
    ),
    "a result of another subject": eligible(SINAI).add(
        observation(Loinc.LVEF, percent(20), "2026-11-15", **OF_ANOTHER),
        laboratory(Loinc.ANC, 0.2, "10*3/uL", "2026-11-15", **OF_ANOTHER),
    ),
    "a modifier nobody knows": eligible(SINAI).add(
        laboratory(Loinc.PLATELETS, 20, "10*3/uL", "2026-11-15", modifierExtension=UNKNOWN_MODIFIER)
    ),
    "a date that cannot be read": eligible(SINAI).add(laboratory(Loinc.ANC, 0.2, "10*3/uL", "last week")),
    "numbers to the last digit": eligible(SINAI).add(
        laboratory(Loinc.CREATININE, 1.50, "mg/dL", "2026-11-15", high=1.0, comparator="<")
    ),
    "a code named in words": eligible(SINAI).add(
        condition({"code": "X1", "display": "cirrhosis of liver", "system": "urn:local"}, "2020"),
    ),
    "drugs": eligible(SINAI).add(
        request(RxNorm.VERAPAMIL, "2026-09-01"),
        statement({"display": "study drug"}, "2026-10"),
        statement({"reference": "Medication/mixture"}, "2026-10-01"),
        medication(ingredients=[RxNorm.VERAPAMIL], id="mixture"),
    ),
    "allergies": eligible(SINAI).add(allergy(RxNorm.VERAPAMIL), allergy(Snomed.NO_KNOWN_ALLERGY)),
    "a report of its results": eligible(SINAI).add(report("2026-11-01", "her2")),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_gets_the_same_answers_from_facts(screening: Screening, name: str) -> None:
    check_same(screening, RECORDS[name].bundle(), [AS_OF + timedelta(days) for days in DAYS], name)


@pytest.mark.parametrize("kind", ["Condition", "MedicationRequest", "Observation"])
def test_what_was_not_read_completely_is_so_in_facts(screening: Screening, kind: str) -> None:
    failed = [{"resource": operation_outcome(), "search": {"mode": "outcome"}}]
    for document in (
        eligible(SINAI).searches(**{kind: {"more_entries": failed}}),
        eligible(SINAI).everything(next_url="https://ehr.example.org/fhir?page=2"),
    ):
        assert screening.read(as_json(document)).has_gaps
        check_same(screening, document, [AS_OF], kind)


def test_a_notice_is_told_where_its_input_is_asked_for_and_only_there(screening: Screening) -> None:
    """Observations of another subject are noticed when a rule asks for their input."""
    facts = pack(screening.read(as_json(RECORDS["a result of another subject"].bundle())))
    record = FactsRecord(facts)
    before = record.notices
    record.measurements("lvef")
    assert len(record.notices) == len(before) + 1
    record.measurements("lvef")
    record.measurements("anc")
    assert len(record.notices) == len(before) + 2


def test_equal_results_remain_two(screening: Screening) -> None:
    """Two results are the same only where they are one: a rule may set one aside and keep the other."""
    facts = pack(screening.read(as_json(RECORDS["two equal results of one time"].bundle())))
    found = [m for m in FactsRecord(facts).measurements("anc") if m.said.startswith("1.2")]
    assert len(found) == 2
    assert found[0] not in found[1:]


def test_facts_hold_what_no_trial_asks_for(screening: Screening) -> None:
    """A trial to come is screened from the same facts: every input and concept of the installation is in them."""
    document = eligible(SINAI).add(condition(Snomed.ULCERATIVE_COLITIS, "2020")).bundle()
    record, facts = screening.read(as_json(document)), pack(screening.read(as_json(document)))

    def held(record: object) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for family, names in record.holds():  # type: ignore[attr-defined]
            found.setdefault(family, set()).update(names)
        return found

    assert held(FactsRecord(facts)) == held(record)


def test_damaged_facts_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        FactsRecord(b"\x90")
