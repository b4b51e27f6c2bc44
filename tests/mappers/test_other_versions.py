"""Records of other FHIR versions than R4: what they write otherwise is named and decides nothing, and never is silence
about what they tell.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import (
    SINAI,
    Icd10cm,
    Json,
    RxNorm,
    Snomed,
    administration,
    condition,
    dispense,
    eligible,
    entry,
    procedure,
    request,
    statement,
)

Judge = Callable[..., Any]

RECORD = eligible(SINAI)
THERAPY, RECENT = "recent-anticancer-therapy", "2026-11-15"
TAKEN = statement(RxNorm.DOCETAXEL, RECENT, status="completed")
GIVEN = administration(RxNorm.DOCETAXEL, RECENT)
HANDED_OVER = dispense(RxNorm.DOCETAXEL, RECENT)
RADIOTHERAPY = procedure(Snomed.RADIOTHERAPY, RECENT)
NEGATED = [
    ("STU3", TAKEN, {"taken": "n"}),
    ("DSTU2", TAKEN, {"wasNotTaken": True}),
    ("STU3", GIVEN, {"notGiven": True}),
    ("DSTU2", GIVEN, {"wasNotGiven": True}),
    ("STU3", HANDED_OVER, {"notDone": True}),
    ("STU3", RADIOTHERAPY, {"notDone": True}),
    ("DSTU2", RADIOTHERAPY, {"notPerformed": True}),
]


@pytest.mark.parametrize(("version", "resource", "negation"), NEGATED)
def test_an_element_that_may_turn_what_is_said_is_named_and_decides_nothing(
    judged: Judge, version: str, resource: Json, negation: Json
) -> None:
    assert judged(RECORD.bundle(entry(resource)), THERAPY)[0].outcome in ("fail", "unknown")
    found, notices = judged(RECORD.bundle(entry(resource | negation)), THERAPY)
    assert found.outcome == "unknown"
    assert any(f": {next(iter(negation))}: an element of another FHIR version" in notice for notice in notices)


def test_a_drug_in_r5s_words_is_no_silence(judged: Judge) -> None:
    r5 = {name: value for name, value in TAKEN.items() if name != "medicationCodeableConcept"}
    r5 |= {"medication": {"concept": TAKEN["medicationCodeableConcept"]}, "status": "recorded"}
    found, notices = judged(RECORD.bundle(entry(r5)), THERAPY)
    assert found.outcome == "unknown"
    assert any(": medication: an element of another FHIR version" in notice for notice in notices)


@pytest.mark.parametrize("kind", ["MedicationOrder", "MedicationPrescription"])
def test_an_order_under_its_earlier_name_is_no_silence_about_drugs_alone(judged: Judge, kind: str) -> None:
    order = entry(request(RxNorm.DOCETAXEL, RECENT) | {"resourceType": kind})
    found, notices = judged(RECORD.bundle(order), THERAPY)
    assert found.outcome == "unknown"
    assert any(f"{kind} is of FHIR before R4" in notice for notice in notices)
    assert judged(RECORD.bundle(order), "liver-disease")[0].outcome == "pass"


def test_a_diagnosis_with_the_status_as_a_code_tells_which_version_it_is_of(judged: Judge) -> None:
    cirrhosis = condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"clinicalStatus": "active"}
    found, notices = judged(RECORD.bundle(entry(cirrhosis)), "liver-disease")
    assert found.outcome == "unknown"
    assert any("clinicalStatus: an object was expected; FHIR before R4 has a code here" in said for said in notices)
