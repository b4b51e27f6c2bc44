"""The records are valid FHIR R4, but for those whose fault is what they are about."""

from collections.abc import Iterator
from functools import cache

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from tests.builders import Json, as_json
from tests.vignettes.catalogue import CHAPTERS, VIGNETTES

DELIBERATELY_INVALID = {
    **dict.fromkeys(
        (
            "her2-two-values-fish-low-amplified",
            "her2-two-values-fish-high-not-amplified",
            "her2-two-values-fish-high-amplified",
            "her2-two-values-ihc-code-and-text",
        ),
        "two value[x]",
    ),
    "identity-no-subject-condition": "a Condition without a subject",
    "observation-status-undeciding": "an Observation without a status",
    "observation-no-value-date-unread": "a day that the month lacks",
    **dict.fromkeys(
        (
            "observation-time-unread-date",
            "observation-time-unread-instant",
            "observation-time-unread-period-start",
            "observation-time-unread-period-end",
            "observation-time-unread-timing-event",
            "observation-time-unread-timing-bounds",
        ),
        "words in the place of a date",
    ),
    **dict.fromkeys(
        (
            "observation-two-values-agree",
            "observation-two-values-disagree",
            "observation-two-values-same-side",
            "observation-two-values-impossible",
            "observation-two-values-words",
        ),
        "two value[x]",
    ),
}
# fhir.resources looks neither for the codes of required bindings nor for rules of a whole Bundle
INVALID_UNSEEN = {
    "identity-version-by-updated": "one fullUrl twice, without versions",
    "observation-status-wrong-case": "FINAL is no status",
    "observation-status-wrong-case-error": "Entered-In-Error is no status",
}


def parts(document: Json | list[Json]) -> Iterator[Json]:
    """The resources of a document, and its Bundles without them."""
    if isinstance(document, list):
        for resource in document:
            yield from parts(resource)
    elif document["resourceType"] != "Bundle":
        yield document
    else:
        entries = document.get("entry", [])
        for entry in entries:
            yield from parts(entry["resource"]) if "resource" in entry else ()
        shells = [{name: value for name, value in entry.items() if name != "resource"} for entry in entries]
        yield document | {"entry": [shell for shell in shells if shell] or None}


@cache
def faults(resource: bytes) -> str:
    """What is wrong with a resource; cached, for most of them stand in many records."""
    decoded = msgspec.json.decode(resource)
    try:
        get_fhir_model_class(decoded["resourceType"]).model_validate(decoded)
    except ValidationError as problem:
        return str(problem)
    return ""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_records_are_valid_fhir(chapter: str) -> None:
    wrong = [
        f"{vignette.id}: {part['resourceType']}/{part.get('id', '')}: {fault}"
        for vignette in CHAPTERS[chapter]
        if vignette.id not in DELIBERATELY_INVALID
        for part in parts(vignette.document)
        if (fault := faults(as_json(part)))
    ]
    assert wrong == []


def test_the_faults_that_are_meant_are_there() -> None:
    documents = {vignette.id: vignette.document for vignette in VIGNETTES}
    for id in DELIBERATELY_INVALID:
        assert any(faults(as_json(part)) for part in parts(documents[id])), id
    assert INVALID_UNSEEN.keys() <= documents.keys()
