"""A resource that was entered in error is as good as removed."""

import copy
import json

from hypothesis import assume, given
from hypothesis import strategies as st

from service.screening import Screening
from tests.builders import Json, concept, hl7
from tests.properties.records import BUNDLES, REPEATABLE, answers, differences, resources

BY_STATUS = {
    *("Observation", "Procedure", "DiagnosticReport", "MedicationStatement", "MedicationRequest"),
    *("MedicationAdministration", "MedicationDispense"),
}
BY_VERIFICATION = {"Condition": "condition-ver-status", "AllergyIntolerance": "allergyintolerance-verification"}


def _withdrawn(resource: Json) -> Json:
    kind = resource["resourceType"]
    if kind in BY_STATUS:
        return resource | {"status": "entered-in-error"}
    # FHIR asks that a Condition entered in error has no clinical status
    kept = {name: value for name, value in resource.items() if name != "clinicalStatus"}
    return kept | {"verificationStatus": concept(hl7(BY_VERIFICATION[kind], "entered-in-error"))}


def _stands_alone(document: Json, entry: Json) -> bool:
    """It is no version of another resource, and no other refers to it."""
    text, resource = json.dumps(document, default=str), entry["resource"]
    names = (f"{resource['resourceType']}/{resource['id']}", entry.get("fullUrl", ""))
    referred = any(f'"reference": "{name}' in text for name in names if name)
    ids = [entries[i]["resource"].get("id") for entries, i in resources(document)]
    return not referred and ids.count(resource["id"]) == 1


@REPEATABLE
@given(BUNDLES, st.integers(0, 2**16))
def test_what_was_entered_in_error_is_as_good_as_removed(screening: Screening, document: Json, chosen: int) -> None:
    places = [
        place
        for place, (entries, index) in enumerate(resources(document))
        if entries[index]["resource"]["resourceType"] in BY_STATUS | BY_VERIFICATION.keys()
        and _stands_alone(document, entries[index])
    ]
    assume(places)
    place = places[chosen % len(places)]
    removed, marked = copy.deepcopy(document), copy.deepcopy(document)
    entries, index = list(resources(removed))[place]
    del entries[index]
    entries, index = list(resources(marked))[place]
    entries[index]["resource"] = _withdrawn(entries[index]["resource"])
    assert not differences(answers(screening, removed), answers(screening, marked))
