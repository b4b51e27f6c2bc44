"""What a user reads of a malformed document: once, with its place, in words, and nothing of the patient."""

import json

import pytest

from service.errors import RecordError
from service.mappers.documents import read_document, read_resources
from service.mappers.joining import joined
from service.screening import Screening
from tests.builders import SERVER, SINAI, Json, as_json, collection, eligible, entry, patient

RECORD = eligible(SINAI)
PERSON = patient()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"resourceType": "Patient", "id": "Doe', "p: not JSON at line 1, column 35: Unterminated string"),
        (b'{"resourceType": "Patient",\n "x": NaN}', "p: not JSON at line 2, column 7: NaN is not a JSON number"),
        (b'{"resourceType": "Patient"}\n{"id": 1,}', "p, line 2: not JSON at column 10: "),
        (
            b'{"resourceType": "Patient"}\n{"id": 1, "id": 2}',
            "p, line 2: a key stands twice in one object at column 16",
        ),
        (b"null", "p: a FHIR R4 Bundle, resource or list was expected, this is null"),
        (b"42", "p: a FHIR R4 Bundle, resource or list was expected, this is a whole number"),
        (b'{"resourceType": 5}', "p: resourceType: a text was expected, this is a whole number"),
        (b"PK\x03\x04Doe", "p: a zip archive; FHIR JSON was expected"),
        (b"%PDF-1.4 Doe", "p: a PDF; FHIR JSON was expected"),
        (b"<html>Doe</html>", "p: XML or HTML; only FHIR JSON is read"),
        ('{"id": "Doe"}'.encode("utf-32"), "p: UTF-32 text; FHIR JSON is UTF-8"),
        ('{"id": "Doe"}'.encode("utf-16"), "p: UTF-16 text; FHIR JSON is UTF-8"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_with_its_place(text: bytes, said: str) -> None:
    with pytest.raises(RecordError) as refused:
        read_document(text, "p")
    assert str(refused.value).startswith(said)
    assert "Doe" not in str(refused.value)


def notices(screening: Screening, document: Json) -> list[str]:
    return list(screening.read(as_json(document), "p.json").notices)


def test_an_element_of_a_wrong_type_is_told_in_words(screening: Screening) -> None:
    document = RECORD.edit("anc", status=5).bundle()
    assert notices(screening, document) == ["Observation/anc: status: a text was expected, this is a whole number"]


def test_a_malformed_patient_is_named_once(screening: Screening) -> None:
    said = "Patient/p1: birthDate: a text was expected, this is a whole number; its data are not used"
    assert notices(screening, RECORD.edit("patient", birthDate=19600305).bundle()) == [said]


def test_a_malformed_code_is_named_once_and_is_a_gap(screening: Screening) -> None:
    record = screening.read(as_json(RECORD.edit("anc", code=[]).bundle()), "p.json")
    assert list(record.notices) == ["Observation/anc: code: an object was expected"]
    assert record.unread("Observation") == "Observation/anc: its code cannot be read"


def test_a_document_s_name_stands_once_however_often_it_is_joined() -> None:
    lines = read_resources([b'{"resourceType": "Observation", "status": 5}', b"[1]"], "record")
    whole = joined([joined([lines]), read_document(b'{"resourceType": "Foo"}', "p.json")])
    assert whole.notices == [
        "record: [1]: set aside, not a JSON object",
        "p.json: set aside, no resourceType that R4 knows",
    ]
    assert [item.reference for item in whole.items] == ["Observation at record: [0]"]


# ---- one Patient told twice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, -1], ids=["Bundle first", "file first"])
def test_a_patient_in_a_bundle_and_in_a_file_is_one(screening: Screening, order: int) -> None:
    laid_out = json.dumps(dict(reversed(PERSON.items())), indent=1).encode()
    documents = [read_document(as_json(RECORD.bundle()), "a.json"), read_document(laid_out, "b.json")]
    record = screening.of_document(joined(documents[::order]))
    assert record.person.ref == "Patient/p1"
    assert record.measurements("anc")


@pytest.mark.parametrize(
    "other",
    [
        entry(PERSON | {"gender": "male"}, None),
        entry(PERSON, "https://other.example.org/fhir"),
        entry(PERSON | {"id": "p2"}, None),
    ],
    ids=["other content", "other server", "other id"],
)
def test_another_patient_is_another(screening: Screening, other: Json) -> None:
    with pytest.raises(RecordError) as refused:
        screening.read(as_json(collection(entry(PERSON, SERVER), other)))
    assert refused.value.code == "several-patients"
