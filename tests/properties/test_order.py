"""What does not matter of a record: the order of its resources, and resources that no criterion speaks of."""

import random

from hypothesis import given
from hypothesis import strategies as st

from service.screening import Screening
from tests.builders import (
    Icd10cm,
    Json,
    RxNorm,
    Snomed,
    allergy,
    condition,
    dispense,
    laboratory,
    loinc,
    observation,
    procedure,
    quantity,
    request,
    snomed,
    statement,
)
from tests.properties.records import BUNDLES, REPEATABLE, answers, differences, resources, screened

BODY_HEIGHT, POTASSIUM, SMOKING, BLOOD_PRESSURE = loinc("8302-2"), loinc("2823-3"), loinc("72166-2"), loinc("85354-9")
IRRELEVANT: dict[str, Json] = {
    "height": observation(BODY_HEIGHT, quantity(165, "cm")),
    "potassium": laboratory(POTASSIUM, 2.1, "mmol/L", high=5.1),
    "smoking": observation(SMOKING, snomed("77176002")),
    "blood pressure": observation(BLOOD_PRESSURE, None, components=[(loinc("8480-6"), quantity(190, "mm[Hg]"))]),
    "lipids": condition(Icd10cm.HYPERLIPIDEMIA, "2012-01-01"),
    "arthritis": condition(Icd10cm.RHEUMATOID_ARTHRITIS, "2015-01-01"),
    "lisinopril": request(RxNorm.LISINOPRIL_TABLET, "2020-01-01"),
    "metformin": statement(RxNorm.METFORMIN, "2020-01-01", "2024-01-01"),
    "a dispensed tablet": dispense(RxNorm.LISINOPRIL_TABLET, "2026-11-01"),
    "penicillin": allergy(RxNorm.PENICILLIN_G),
    "colonoscopy": procedure(snomed("73761001"), "2022-01-01"),
    "an encounter": {"resourceType": "Encounter", "status": "finished", "subject": {"reference": "Patient/p1"}},
    "a vaccination": {"resourceType": "Immunization", "status": "completed", "patient": {"reference": "Patient/p1"}},
    "an address": {"resourceType": "Organization", "name": "A hospital"},
    "consent": {"resourceType": "Consent", "status": "active", "patient": {"reference": "Patient/p1"}},
    "yesterday's plan": {"resourceType": "ServiceRequest", "status": "active", "code": {"coding": [Snomed.MASTECTOMY]}},
}
OWNER = ("subject", "patient")


def _of_this_patient(document: Json, resource: Json) -> Json:
    """An entry of the resource, as the record's own patient's."""
    person = next(entry for entry in document["entry"] if entry["resource"]["resourceType"] == "Patient")
    url = person["fullUrl"]
    own = {"reference": url if url.startswith("urn:") else f"Patient/{person['resource']['id']}"}
    owned = {name: (own if name in OWNER else value) for name, value in resource.items()}
    return {"resource": {**owned, "id": "beside"}}


@REPEATABLE
@given(BUNDLES, st.integers(0, 2**16))
def test_the_order_of_resources_changes_no_answer(screening: Screening, document: Json, seed: int) -> None:
    before = answers(screening, document)
    shuffler = random.Random(seed)
    for entries in {id(entries): entries for entries, _ in resources(document)}.values():
        shuffler.shuffle(entries)
    assert not differences(before, answers(screening, document))


@REPEATABLE
@given(BUNDLES, st.sampled_from(sorted(IRRELEVANT)))
def test_a_resource_that_no_criterion_speaks_of_changes_no_result(
    screening: Screening, document: Json, name: str
) -> None:
    before = screened(screening, document)
    # at the end: what cannot be read is named by its place in the document
    document["entry"].append(_of_this_patient(document, IRRELEVANT[name]))
    after = screened(screening, document)
    assert after.results == before.results
    assert after.notices == before.notices
