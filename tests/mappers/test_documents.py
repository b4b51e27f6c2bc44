"""What is read as a FHIR R4 record, what is refused, and what is set aside by name: nothing is half-read in silence."""

import gzip
from typing import Any

import pytest

from service.errors import RecordError
from service.screening import Screening
from tests.builders import (
    AS_OF,
    SERVER,
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    RxNorm,
    Snomed,
    allergy,
    as_json,
    collection,
    condition,
    eligible,
    entry,
    laboratory,
    observation,
    operation_outcome,
    patient,
    procedure,
    quantity,
    searchset,
    statement,
)

RECORD = eligible(SINAI)
PERSON = patient("1960-03-05", name=[{"family": "Roe"}])
PERSON_TEXT = as_json(PERSON)
TEXT = as_json(RECORD.put(patient=PERSON).bundle())
LINES = [as_json(resource) for resource in RECORD.put(patient=PERSON).resources.values()]
CIRRHOSIS = condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"id": "cirrhosis"}


def criterion(screening: Screening, document: Json | list[Any] | bytes, id: str, **reading: Any) -> Any:
    """One criterion of one trial, and the notices of the whole result."""
    text = document if isinstance(document, bytes) else as_json(document)
    result = screening.screen(screening.read(text, "p.json", **reading), AS_OF)
    trial = next(trial for trial in result.results if trial.trial == SINAI)
    found = next(judged for judged in trial.criteria if judged.id == id)
    return found, result.notices if isinstance(result.notices, tuple) else ()


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def bundles_in_bundles(depth: int) -> Json:
    return collection({"resource": bundles_in_bundles(depth - 1)}) if depth else RECORD.bundle()


def with_note(raw: bytes) -> bytes:
    """The record with something else in an element that no rule reads."""
    return TEXT.replace(b'"id":"anc"', b'"id":"anc","note":' + raw, 1)


# ---- what is refused -------------------------------------------------------------------------------------------------

EMPTY, JSON, FHIR, DEEP, ENCODING = "empty", "not-json", "not-fhir", "too-deep", "wrong-encoding"
KEYS, NO_PATIENT, SEVERAL = "duplicate-key", "no-patient", "several-patients"

# what is handed in -> code of the error, and the place that its message tells
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "an empty file": (b"", EMPTY, ""),
    "white space alone": (b" \r\n\t", EMPTY, ""),
    "null": (b"null", FHIR, ""),
    "a number": (b"5", FHIR, ""),
    "a text": (b'"Roe"', FHIR, ""),
    "an object without a resourceType": (b'{"family":"Roe"}', FHIR, "resourceType"),
    "a resourceType of null": (b'{"resourceType":null}', FHIR, "resourceType"),
    "a resourceType that is a number": (b'{"resourceType":5}', FHIR, "resourceType"),
    "entries that are no list": (b'{"resourceType":"Bundle","entry":{"resource":{}}}', FHIR, "entry"),
    "an empty list": (b"[]", NO_PATIENT, ""),
    "a list of what is no resource": (b'[null,5,"Roe"]', NO_PATIENT, ""),
    "a Bundle without entries": (b'{"resourceType":"Bundle"}', NO_PATIENT, ""),
    "a record without a Patient": (as_json(RECORD.drop("patient").bundle()), NO_PATIENT, ""),
    "a Patient written in lower case": (PERSON_TEXT.replace(b'"Patient"', b'"patient"'), NO_PATIENT, ""),
    "an error in place of a record": (as_json(operation_outcome()), NO_PATIENT, ""),
    "a record inside Parameters": (b'{"resourceType":"Parameters","parameter":[{"resource":' + TEXT + b"}]}", NO_PATIENT, ""),
    "two Patients": (as_json(RECORD.put(p2=patient(id="p2")).bundle()), SEVERAL, "--patient"),
    "an error on the third line": (b'{\n "resourceType": "Patient",\n "id": Roe}', JSON, "line 3"),
    "an error after two empty lines": (b'\n\n{"resourceType": Roe}', JSON, "line 3"),
    "a Bundle cut short": (TEXT[:-40], JSON, "line 1"),
    "a list cut short": (b"[" + PERSON_TEXT + b",", JSON, "line 1"),
    "a trailing comma": (b"[" + PERSON_TEXT + b",]", JSON, "line 1"),
    "text after the end": (TEXT + b" Roe", JSON, "line 1"),
    "two documents in one line": (TEXT + TEXT, JSON, "line 1"),
    "a NUL after the end": (TEXT + b"\0", JSON, ""),
    "single quotes": (PERSON_TEXT.replace(b'"', b"'"), JSON, "line 1"),
    "a comment": (b"// Roe\n" + TEXT, JSON, "line 1"),
    "NaN": (with_note(b"NaN"), JSON, ""),
    "Infinity": (with_note(b"-Infinity"), JSON, ""),
    "a number with a leading zero": (with_note(b"007"), JSON, ""),
    "a control character": (with_note(b'"\x01"'), JSON, ""),
    "half of a surrogate pair": (with_note(b'"\\ud800"'), JSON, ""),
    "XML": (b'<Bundle xmlns="http://hl7.org/fhir"/>', JSON, "XML"),
    "XML after a byte order mark": (b'\xef\xbb\xbf<?xml version="1.0"?><Bundle/>', JSON, "XML"),
    "open brackets without end": (b"[" * 100_000, DEEP, ""),
    "brackets a hundred thousand deep": (nested(100_000), DEEP, ""),
    "objects a hundred thousand deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, DEEP, ""),
    "an element three hundred deep": (with_note(nested(300)), DEEP, ""),
    "an element a hundred thousand deep": (with_note(nested(100_000)), DEEP, ""),
    "Bundles in Bundles without end": (as_json(bundles_in_bundles(20)), DEEP, "entry[0]"),
    "UTF-16 with its mark": (TEXT.decode().encode("utf-16"), ENCODING, "UTF-8"),
    "UTF-16 without a mark": (TEXT.decode().encode("utf-16-be"), ENCODING, "UTF-8"),
    "UTF-32": (TEXT.decode().encode("utf-32"), ENCODING, "UTF-8"),
    "UTF-16 after a page of blanks": (b" " * 90 + TEXT.decode().encode("utf-16-le"), ENCODING, "UTF-8"),
    "Latin-1 on the third line": (b"\n\n" + TEXT.replace(b"Roe", b"Ro\xeb"), ENCODING, "line 3"),
    "half of a surrogate pair as bytes": (TEXT.replace(b"Roe", b"\xed\xa0\x80"), ENCODING, "line 1"),
    "gzip": (gzip.compress(TEXT), ENCODING, "gzip"),
    "a key twice in the Bundle": (TEXT.replace(b'"entry"', b'"entry":[],"entry"', 1), KEYS, "line 1"),
    "a key twice in an entry": (TEXT.replace(b'"resource"', b'"resource":{},"resource"', 1), KEYS, "line 1"),
    "a key twice in a resource": (TEXT.replace(b'"id":"anc"', b'"id":"anc","id":"anc"'), KEYS, "line 1"),
    "a key twice in a coding": (TEXT.replace(b'"code":"751-8"', b'"code":"x","code":"751-8"'), KEYS, "line 1"),
    "a key twice where no rule reads": (with_note(b'{"text":1,"text":2}'), KEYS, "line 1"),
    "a key twice, once with an escape": (with_note(b'1,"n\\u006fte":2'), KEYS, "line 1"),
    "a key twice that is no FHIR": (with_note(b'{"Roe":1,"Roe":2}'), KEYS, "line 1"),
    "NDJSON with a broken first line": (LINES[0][:-9] + b"\n" + LINES[1], JSON, "line 1"),
    "NDJSON with a broken third line": (b"\n".join([*LINES[:2], b'{"id":}', *LINES[3:]]), JSON, "line 3"),
    "NDJSON cut short": (b"\n".join(LINES)[:-9], JSON, f"line {len(LINES)}"),
    "NDJSON with a key twice": (b"\n".join(LINES[:1] + [b'{"resourceType":"Basic","id":"1","id":"2"}']), KEYS, "line 2"),
}  # fmt: skip


def refusal(screening: Screening, text: bytes) -> RecordError:
    with pytest.raises(RecordError) as refused:
        screening.read(text, "p.json")
    return refused.value


@pytest.mark.parametrize("claim", REFUSED)
def test_refused_with_its_code_and_place(screening: Screening, claim: str) -> None:
    text, code, place = REFUSED[claim]
    error = refusal(screening, text)
    assert error.code == code
    assert place in error.message


@pytest.mark.parametrize("claim", REFUSED)
def test_a_refusal_names_the_document_and_repeats_nothing_of_it(screening: Screening, claim: str) -> None:
    message = refusal(screening, REFUSED[claim][0]).message
    assert "p.json" in message
    assert not [content for content in ("Roe", "1960", "751-8") if content in message]


@pytest.mark.parametrize(
    "text", [TEXT[:2000], PERSON_TEXT, b"[" + PERSON_TEXT + b"]"], ids=["Bundle", "Patient", "list"]
)
def test_cut_at_any_place_it_is_no_json(screening: Screening, text: bytes) -> None:
    assert {refusal(screening, text[:length]).code for length in range(1, len(text))} == {"not-json"}


def test_a_number_too_long_for_the_parser_is_not_blamed_on_a_key(screening: Screening) -> None:
    assert refusal(screening, with_note(b"9" * 5000)).code != "duplicate-key"


# ---- what is read ----------------------------------------------------------------------------------------------------

KINDS = "batch collection document history message searchset transaction batch-response transaction-response".split()
TIMED = RECORD.edit(
    "anc", effectiveDateTime=None, effectiveTiming={"event": [None, "2026-11-10"], "_event": [{}, None]}
)

READ: dict[str, bytes] = {
    "a Bundle": TEXT,
    "with a byte order mark": b"\xef\xbb\xbf" + TEXT,
    "with white space around it": b"\r\n\t " + TEXT + b"\n\n",
    "a list of resources": b"[" + b",".join(LINES) + b"]",
    "a list of Bundles": b"[" + TEXT + b"," + as_json(collection()) + b"]",
    "Bundles in Bundles": as_json(bundles_in_bundles(3)),
    "NDJSON": b"\n".join(LINES) + b"\n",
    "NDJSON without a line end at its end": b"\n".join(LINES),
    "NDJSON with CR LF and blank lines": b"\r\n\r\n".join(LINES) + b"\r\n \r\n",
    "NDJSON of Bundles": b'{"resourceType":"Bundle"}\n' + TEXT,
    "a key with an escape, once": TEXT.replace(b'"code":"751-8"', b'"co\\u0064e":"751-8"'),
    "a number with an exponent": TEXT.replace(b'"value":3.2', b'"value":32E-1'),
    "an element with null": with_note(b"null"),
    "a note of ten megabytes": with_note(b'"' + b"x" * 10_000_000 + b'"'),
    "nulls of a primitive that has an extension": as_json(TIMED.bundle()),
    "resources of a type that no rule reads": as_json(RECORD.bundle({"resource": {"resourceType": "Basic"}})),
    "an entry with a response alone": as_json(RECORD.bundle({"response": {"status": "201 Created"}})),
    "an entry without anything": as_json(RECORD.bundle({}, {"resource": None})),
    "a warning": as_json(RECORD.bundle({"resource": operation_outcome("warning"), "search": {"mode": "outcome"}})),
} | {f"a Bundle of the type {kind}": as_json(RECORD.bundle() | {"type": kind}) for kind in KINDS}


@pytest.mark.parametrize("claim", READ)
def test_read_as_the_whole_record(screening: Screening, claim: str) -> None:
    for id, basis in (("anc", "recorded"), ("metastatic-breast-cancer", "recorded"), ("liver-disease", "no-record")):
        found, _ = criterion(screening, READ[claim], id)
        assert (found.outcome, found.basis) == ("pass", basis)


# ---- what cannot be read in it ---------------------------------------------------------------------------------------

UNTYPED = {name: value for name, value in CIRRHOSIS.items() if name != "resourceType"}
END = f"entry[{len(RECORD.resources)}]"
# an entry that may have held anything -> where it is named
LOST: dict[str, tuple[Any, str]] = {
    "a resource without a type": ({"resource": UNTYPED}, END),
    "a resource whose type is empty": ({"resource": CIRRHOSIS | {"resourceType": ""}}, END),
    "a resource whose type is a number": ({"resource": CIRRHOSIS | {"resourceType": 5}}, END),
    "a resource whose type is in lower case": ({"resource": CIRRHOSIS | {"resourceType": "condition"}}, END),
    "a resource that is a text": ({"resource": "K74.60"}, END),
    "a resource that is a list": ({"resource": [CIRRHOSIS]}, END),
    "an entry that is a text": ("K74.60", END),
    "an entry that is a list": ([entry(CIRRHOSIS)], END),
}


@pytest.mark.parametrize("claim", LOST)
def test_what_cannot_be_read_is_named_and_silence_does_not_count(screening: Screening, claim: str) -> None:
    lost, place = LOST[claim]
    found, notices = criterion(screening, RECORD.bundle(lost), "liver-disease")
    assert any(place in notice for notice in notices)
    assert found.outcome == "unknown"


@pytest.mark.parametrize("separator", [b",", b"\n"], ids=["of a list", "of NDJSON"])
@pytest.mark.parametrize("lost", [b'"K74.60"', b"[" + as_json(CIRRHOSIS) + b"]"], ids=["a text", "a list"])
def test_nor_does_it_where_a_member_is_no_resource(screening: Screening, lost: bytes, separator: bytes) -> None:
    text = separator.join([*LINES, lost])
    found, notices = criterion(screening, b"[" + text + b"]" if separator == b"," else text, "liver-disease")
    assert found.outcome == "unknown"
    assert notices


SUBJECT = {"reference": "Patient/p1"}
K74 = {"system": Icd10cm.CIRRHOSIS["system"], "code": "K74.60"}
HARM: dict[str, tuple[Json, str, list[tuple[str, Any]]]] = {
    "Condition": (CIRRHOSIS, "liver-disease", [
        ("code", "K74.60"), ("code", [{"coding": [K74]}]), ("code", {"coding": K74}), ("code", {"coding": ["K74.60"]}),
        ("code", {"coding": [K74 | {"code": 74}]}), ("code", {"coding": [K74 | {"system": 5}]}),
        ("code", {"coding": [K74 | {"display": 5}]}), ("code", {"coding": [K74], "text": 5}), ("subject", "Patient/p1"),
        ("subject", [SUBJECT]), ("subject", {"reference": 1}), ("clinicalStatus", "active"), ("meta", 5), ("id", 5),
        ("verificationStatus", "refuted"), ("onsetDateTime", 2025), ("recordedDate", []), ("stage", {}),
        ("bodySite", {}), ("modifierExtension", {}),
    ]),
    "AllergyIntolerance": (allergy(RxNorm.PALBOCICLIB) | {"id": "a"}, "allergy", [
        ("code", "palbociclib"), ("code", {"coding": [{"code": 1601374}]}), ("patient", "Patient/p1"),
        ("type", 5), ("reaction", {}), ("clinicalStatus", "active"), ("verificationStatus", []),
    ]),
    "Observation": (observation(Loinc.SATURATION, quantity(80, "%"), "2026-11-15") | {"id": "o"}, "lung-function", [
        ("code", "59408-5"), ("code", {"coding": [Loinc.SATURATION | {"display": 5}]}), ("subject", "Patient/p1"),
        ("status", 5), ("effectiveDateTime", 20261115), ("valueQuantity", 80), ("valueQuantity", [quantity(80, "%")]),
        ("valueQuantity", {"value": "80", "unit": "%"}), ("component", {}), ("referenceRange", {}), ("focus", {}),
    ]),
    "a newer result": (laboratory(Loinc.ANC, 0.4, "10*3/uL", "2026-11-15") | {"id": "o"}, "anc", [
        ("code", "751-8"), ("code", {"coding": [Loinc.ANC | {"display": 5}]}), ("subject", "Patient/p1"),
        ("status", 5), ("effectiveDateTime", 20261115), ("valueQuantity", 0.4), ("issued", 5), ("interpretation", "L"),
    ]),
    "a result in a panel": (observation(Loinc.BLOOD_COUNT_PANEL, None, "2026-11-15", components=[
        (Loinc.ANC, quantity(0.4, "10*3/uL"))]) | {"id": "o"}, "anc", [
        ("component", {}), ("component", ["751-8"]), ("component", [{"code": "751-8"}]), ("code", "58410-2"),
    ]),
    "MedicationStatement": (statement(RxNorm.VERAPAMIL, "2026-09-01") | {"id": "m"}, "cyp3a4", [
        ("medicationCodeableConcept", "verapamil"), ("subject", "Patient/p1"), ("status", 5), ("dosage", {}),
        ("medicationCodeableConcept", {"coding": [{"code": 11170}]}), ("effectivePeriod", "2026-09-01"),
    ]),
    "Procedure": (procedure(Snomed.RADIOTHERAPY, "2026-11-15") | {"id": "r"}, "recent-anticancer-therapy", [
        ("code", "53438000"), ("subject", "Patient/p1"), ("status", 5), ("performedDateTime", 20261115),
    ]),
}  # fmt: skip
MALFORMED = [(kind, element, value) for kind, (_, _, rows) in HARM.items() for element, value in rows]


@pytest.mark.parametrize("kind", HARM)
def test_whole_it_stands_in_the_way(screening: Screening, kind: str) -> None:
    resource, id, _ = HARM[kind]
    assert criterion(screening, RECORD.bundle(entry(resource)), id)[0].outcome == "fail"


@pytest.mark.parametrize(("kind", "element", "value"), MALFORMED, ids=lambda part: str(part)[:40])
def test_malformed_it_is_named_and_never_silence(screening: Screening, kind: str, element: str, value: Any) -> None:
    resource, id, _ = HARM[kind]
    found, notices = criterion(screening, RECORD.bundle({"resource": resource | {element: value}}), id)
    assert found.outcome == "unknown"
    named = [*notices, found.reason, *(evidence.reference for evidence in found.evidence)]
    assert any(f"{resource['resourceType']}/{resource['id']}" in said or END in said for said in named)
