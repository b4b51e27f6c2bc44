"""A transcript is read again as the document was read: the same text once more, and the same result."""

from collections.abc import Callable
from operator import attrgetter

import msgspec
import pytest

from service.errors import RecordError
from service.mappers.documents import read_document
from service.mappers.joining import joined
from service.mappers.transcript import read_transcript, transcript
from service.screening import Screening, encode
from tests.builders import AS_OF, SINAI, as_json, eligible
from tests.vignettes.catalogue import VIGNETTES
from tests.vignettes.vignette import Vignette

READABLE = [v for v in VIGNETTES if not v.refusal]


@pytest.mark.parametrize("vignette", READABLE, ids=attrgetter("id"))
def test_every_vignette_is_judged_from_its_transcript_as_from_itself(
    vignette: Vignette, screening_with: Callable[..., Screening]
) -> None:
    screening = screening_with(vignette.zone, vignette.upper_limits)
    document = read_document(as_json(vignette.document), "record")
    text = transcript(document)
    again = read_transcript(text)
    assert transcript(again) == text
    of = [encode(screening.screen(screening.of_document(d), vignette.as_of)) for d in (document, again)]
    assert of[0] == of[1]


REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "code": {"text": "blood"},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-11-10",
    "contained": [
        {
            "resourceType": "Observation",
            "id": "x",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "751-8"}]},
            "valueQuantity": {
                "value": 0.4,
                "unit": "10*3/uL",
                "system": "http://unitsofmeasure.org",
                "code": "10*3/uL",
            },
        }
    ],
}
PANEL = REPORT | {"resourceType": "Observation", "id": "p", "code": {"text": "blood count"}, "status": "final"}
MALFORMED = {"resourceType": "Observation", "id": "m", "status": 7, "subject": {"reference": "Patient/p1"}}
FORMS = {
    "results inside a report": [*eligible(SINAI).resources.values(), REPORT],
    "results inside a panel": [*eligible(SINAI).resources.values(), PANEL],
    "a panel beside a report": [*eligible(SINAI).resources.values(), REPORT, PANEL],
    "malformed resources": [*eligible(SINAI).resources.values(), MALFORMED],
    "a resource in a foreign place": [*eligible(SINAI).resources.values(), {"resourceType": "Nothing"}, 5],
}


@pytest.mark.parametrize("joins", [False, True], ids=["as it is", "joined"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_read_in_a_special_way_is_so_again(screening: Screening, form: str, joins: bool) -> None:
    document = read_document(as_json(FORMS[form]), "record", strict=not joins)
    if joins:
        document = joined([document, read_document(as_json(REPORT | {"id": "other"}), "more", strict=False)])
    text = transcript(document)
    again = read_transcript(text)
    assert transcript(again) == text
    of = [encode(screening.screen(screening.of_document(d), AS_OF)) for d in (document, again)]
    assert of[0] == of[1]


def test_blanks_around_a_resource_are_no_difference() -> None:
    one = as_json(eligible(SINAI).resources["patient"])
    assert transcript(read_document(one + b"\n \n")) == transcript(read_document(one))


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"name":1}'])
def test_another_text_is_no_transcript(text: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_transcript(text)


def test_a_transcript_without_a_patient_has_no_record(screening: Screening) -> None:
    with pytest.raises(RecordError, match="no Patient"):
        screening.of_document(read_transcript(transcript(read_document(as_json(REPORT)))))
