"""Which lines of a record are passed over, and that nothing is lost with them."""

import pytest

from service.mappers.documents import Document, read_lines, read_resources
from service.screening import Screening
from tests.builders import (
    AS_OF,
    PATIENT,
    SINAI,
    Json,
    Loinc,
    RxNorm,
    as_json,
    concept,
    condition,
    eligible,
    icd10cm,
    laboratory,
    loinc,
    medication,
    observation,
    procedure,
    reference,
    request,
    rxnorm,
    snomed,
)

HEIGHT = loinc("8302-2", "Body Height")
LISINOPRIL = rxnorm("314076", "lisinopril 10 MG Oral Tablet")
RECONCILED = snomed("430193006", "Medication Reconciliation (procedure)")
HYPERTENSION = icd10cm("I10", "High blood pressure")


def _read(screening: Screening, *resources: Json, asked: bool = True) -> Document:
    """The lines of an eligible patient with further ones."""
    lines = [as_json(resource) for resource in (*eligible(SINAI).resources.values(), *resources)]
    return read_lines(lines, "record", PATIENT, screening.sieve(screening.plan if asked else None))


def _passed(screening: Screening, resource: Json, asked: bool = True) -> bool:
    found = _read(screening, resource | {"id": "x"}, asked=asked)
    return "x" in found.passed_over.texts.get(resource["resourceType"], {})


@pytest.mark.parametrize(
    "resource",
    [
        laboratory(HEIGHT, 160, "cm"),
        observation(HEIGHT, components=[(HEIGHT, 3)]),
        laboratory(HEIGHT, 160, "cm") | {"contained": [{"resourceType": "Practitioner"}, {"resourceType": "Patient"}]},
        laboratory(HEIGHT, 160, "cm") | {"contained": None},
        laboratory(HEIGHT, 160, "cm") | {"code": {"coding": [None, HEIGHT]}},
        laboratory(HEIGHT, 160, "cm") | {"code": {"text": "Height"}},
        observation(HEIGHT, components=[(HEIGHT, 3)]) | {"component": [{"code": {"coding": [None]}}, {"code": None}]},
        procedure(RECONCILED),
        condition(HYPERTENSION),
        condition(HYPERTENSION) | {"code": {"coding": [HYPERTENSION, snomed("38341003", "Hypertensive disorder")]}},
        condition(HYPERTENSION) | {"code": {"coding": [None], "text": "High blood pressure"}},
        request(LISINOPRIL),
    ],
    ids=[
        "a result",
        "components",
        "who measured",
        "nothing contained",
        "a code that is null",
        "a result in words",
        "components without codes",
        "a procedure",
        "a diagnosis",
        "by two codes",
        "by words alone",
        "a drug",
    ],
)
def test_what_no_value_set_knows_is_passed_over(screening: Screening, resource: Json) -> None:
    assert _passed(screening, resource)
    assert _passed(screening, resource, asked=False)


@pytest.mark.parametrize(
    "resource",
    [
        laboratory(Loinc.ANC, 2, "10*3/uL"),
        laboratory(Loinc.ANC | {"system": "urn:oid:1.2.3"}, 2, "10*3/uL"),
        observation(HEIGHT, components=[(Loinc.ANC, 3)]),
        laboratory(HEIGHT, 160, "cm") | {"contained": [laboratory(Loinc.ANC, 2, "10*3/uL")]},
        laboratory(HEIGHT, 160, "cm") | {"contained": [5]},
        laboratory(HEIGHT, 160, "cm") | {"contained": {}},
        laboratory(HEIGHT, 160, "cm") | {"contained": [{"resourceType": "observation"}]},
        procedure(snomed("1", "Radiotherapy of the chest wall")),
        procedure(RECONCILED, category=concept(snomed("1287742003"))),
        condition(snomed("1", "Metastasis to brain")),
        request(RxNorm.VERAPAMIL),
        request(rxnorm("1", "trastuzumab 440 MG")),
        request(reference("Medication/unknown") or {}),
        request(LISINOPRIL) | {"medicationCodeableConcept": {}},
        request(LISINOPRIL) | {"medicationReference": reference("Medication/unknown")},
        condition(HYPERTENSION) | {"code": None},
    ],
    ids=[
        "a result", "under a wrong system", "in a component", "contained in a result",
        "contained, unreadable", "contained, no list", "contained, of no known type", "a procedure in words",
        "a procedure by its category", "a diagnosis in words", "a drug", "a drug in words", "a drug elsewhere",
        "a nameless drug", "a drug here and elsewhere", "a nameless diagnosis",
    ],
)  # fmt: skip
def test_what_may_say_something_is_read(screening: Screening, resource: Json) -> None:
    assert not _passed(screening, resource)


def test_a_result_that_no_trial_asks_for_is_kept_as_a_fact(screening: Screening) -> None:
    pressure = laboratory(loinc("8480-6", "Systolic blood pressure"), 120, "mm[Hg]")
    assert "systolic-blood-pressure" not in screening.plan.bits["input"]
    assert _passed(screening, pressure)
    assert not _passed(screening, pressure, asked=False)


@pytest.mark.parametrize(
    ("made", "place"),
    [
        (laboratory(Loinc.ANC, 7, "10*3/uL") | {"issued": 5}, "issued"),
        (laboratory(HEIGHT, 160, "cm") | {"code": 5}, "code"),
        (laboratory(HEIGHT, 160, "cm") | {"component": [], "issued": 5}, "issued"),
        (procedure(RECONCILED) | {"performedDateTime": 5}, "performedDateTime"),
    ],
)
def test_what_is_malformed_is_named_where_it_may_speak(screening: Screening, made: Json, place: str) -> None:
    record = screening.of_document(_read(screening, made | {"id": "x"}), PATIENT)
    assert any(f"/x: {place}" in notice for notice in record.notices)


def test_of_a_result_that_nobody_asks_for_no_more_is_looked_at(screening: Screening) -> None:
    assert _passed(screening, laboratory(HEIGHT, 160, "cm") | {"issued": 5})


def test_what_is_of_another_subject_is_named(screening: Screening) -> None:
    found = _read(screening, laboratory(HEIGHT, 160, "cm", subject="Patient/p2") | {"id": "x"})
    assert "Observation/x: another patient's, not used" in screening.of_document(found, PATIENT).notices


@pytest.mark.parametrize(
    "silent", [laboratory(HEIGHT, 160, "cm"), condition(HYPERTENSION)], ids=["result", "diagnosis"]
)
def test_what_has_no_subject_is_named(screening: Screening, silent: Json) -> None:
    found = _read(screening, silent | {"id": "x", "subject": None})
    notices = screening.of_document(found, PATIENT).notices
    assert f"{silent['resourceType']}/x: no subject, set aside" in notices


@pytest.mark.parametrize("speaks", [True, False], ids=["the newer says something", "the newer says nothing"])
def test_of_two_versions_the_newer_counts_though_one_says_nothing(screening: Screening, speaks: bool) -> None:
    versions = [
        laboratory(Loinc.ANC, 7, "10*3/uL") | {"id": "x", "meta": {"versionId": "2" if speaks else "1"}},
        laboratory(HEIGHT, 160, "cm") | {"id": "x", "meta": {"versionId": "1" if speaks else "2"}},
    ]
    for resources in (versions, versions[::-1]):
        record = screening.of_document(_read(screening, *resources), PATIENT)
        assert ("Observation/x" in [m.ref for m in record.measurements("anc")]) is speaks


def test_a_reference_leads_to_what_was_passed_over(screening: Screening) -> None:
    assessment = laboratory(HEIGHT, 160, "cm", "2026-02-03") | {"id": "x"}
    staged = condition(icd10cm("C50.911"), "2024-01-01", stage=snomed("2640006")) | {"id": "staged"}
    staged["stage"][0]["assessment"] = [reference("Observation/x")]
    lines = [as_json(resource) for resource in (*eligible(SINAI).resources.values(), assessment, staged)]
    sieved = screening.of_document(_read(screening, assessment, staged), PATIENT)
    whole = screening.of_document(read_resources(lines), PATIENT)
    found = sieved.find("Observation/x")
    assert found is not None
    assert found.resource == whole.find("Observation/x").resource  # type: ignore[union-attr]
    assert screening.screen(sieved, AS_OF) == screening.screen(whole, AS_OF)


def test_a_reference_to_another_type_of_that_id_leads_nowhere(screening: Screening) -> None:
    record = screening.of_document(_read(screening, laboratory(HEIGHT, 160, "cm") | {"id": "x"}), PATIENT)
    assert record.find("Procedure/x") is None
    assert record.find("Observation/y") is None


def test_a_drug_record_that_refers_to_an_unknown_drug_is_read(screening: Screening) -> None:
    shared = medication(LISINOPRIL, id="m")
    found = _read(screening, shared, request(reference("Medication/m") or {}) | {"id": "x"})
    assert "x" not in found.passed_over.texts["MedicationRequest"]
