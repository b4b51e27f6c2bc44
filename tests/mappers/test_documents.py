"""What is read as a FHIR R4 record, what is refused (with its place, without its content), and what a document says
that it does not hold: nothing is half-read in silence.
"""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from service.errors import RecordError
from service.mappers.documents import read_document, read_lines
from service.screening import Screening
from tests.builders import (
    AS_OF,
    SERVER,
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    as_json,
    collection,
    condition,
    eligible,
    entry,
    medication,
    observation,
    operation_outcome,
    patient,
    quantity,
    reference,
    searchset,
)

Judge = Callable[..., Any]

RECORD = eligible(SINAI)
PERSON = patient("1960-03-05", name=[{"family": "Roe"}])
PERSON_TEXT = as_json(PERSON)
TEXT = as_json(RECORD.put(patient=PERSON).bundle())
LINES = [as_json(resource) for resource in RECORD.put(patient=PERSON).resources.values()]
CIRRHOSIS = condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"id": "cirrhosis"}


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
    "a record inside Parameters": (
        b'{"resourceType":"Parameters","parameter":[{"resource":' + TEXT + b"}]}", NO_PATIENT, "",
    ),
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
    "a key twice in a Patient alone": (PERSON_TEXT.replace(b'"id"', b'"id":"x","id"', 1), KEYS, "line 1"),
    "a key twice in a list": (b"[" + PERSON_TEXT.replace(b'"id"', b'"id":"x","id"', 1) + b"]", KEYS, "line 1"),
    "a key twice in a resource": (TEXT.replace(b'"id":"anc"', b'"id":"anc","id":"anc"'), KEYS, "line 1"),
    "a key twice in a coding": (TEXT.replace(b'"code":"751-8"', b'"code":"x","code":"751-8"'), KEYS, "line 1"),
    "a key twice where no rule reads": (with_note(b'{"text":1,"text":2}'), KEYS, "line 1"),
    "a key twice, once with an escape": (with_note(b'1,"n\\u006fte":2'), KEYS, "line 1"),
    "a key twice that is no FHIR": (with_note(b'{"Roe":1,"Roe":2}'), KEYS, "line 1"),
    "NDJSON with a broken first line": (LINES[0][:-9] + b"\n" + LINES[1], JSON, "line"),
    "NDJSON with a broken third line": (b"\n".join([*LINES[:2], b'{"id":}', *LINES[3:]]), JSON, "line 3"),
    "NDJSON cut short": (b"\n".join(LINES)[:-9], JSON, f"line {len(LINES)}"),
    "NDJSON with a key twice": (LINES[0] + b'\n{"resourceType":"Basic","id":"1","id":"2"}', KEYS, "line 2"),
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

KINDS = [
    "batch", "batch-response", "collection", "document", "history", "message", "searchset", "transaction",
    "transaction-response",
]  # fmt: skip
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
    "a transaction as it is sent": as_json(
        RECORD.bundle({"request": {"method": "POST", "url": "Basic"}, "resource": {"resourceType": "Basic"}})
    ),
    "a deletion of nothing": as_json(RECORD.bundle({"request": {"method": "DELETE"}, "response": {"status": "204"}})),
    "an entry without anything": as_json(RECORD.bundle({}, {"resource": None})),
    "a warning": as_json(RECORD.bundle({"resource": operation_outcome("warning"), "search": {"mode": "outcome"}})),
} | {f"a Bundle of the type {kind}": as_json(RECORD.bundle() | {"type": kind}) for kind in KINDS}


@pytest.mark.parametrize("claim", READ)
def test_read_as_the_whole_record(judged: Judge, claim: str) -> None:
    for asked, basis in (("anc", "recorded"), ("metastatic-breast-cancer", "recorded"), ("allergy", "no-record")):
        found, _ = judged(READ[claim], asked)
        assert (found.outcome, found.basis) == ("pass", basis)


# ---- what a document says that it does not hold ----------------------------------------------------------------------

NEXT = f"{SERVER}?_getpages=abc&_getpagesoffset=50"
OTHERS = RECORD.drop("patient").bundle()
UNTYPED = {name: value for name, value in RECORD.bundle().items() if name != "type"}
REPORT = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": reference("Patient/p1")}
LOW_SATURATION = observation(Loinc.SATURATION, quantity(80, "%"), "2026-11-15") | {"id": "low"}


def answered(response: Any) -> Json:
    return RECORD.bundle({"response": response}) | {"type": "batch-response"}


def linked(own: str, following: str, **more: Any) -> Json:
    return searchset([], self_url=own, next_url=following, **more)


# what is handed in -> a criterion for which silence then does not count
INCOMPLETE: dict[str, tuple[Any, str]] = {
    "an answer whose status is a number": (answered({"status": 404}), "liver-disease"),
    "an answer that failed and holds something": (
        RECORD.bundle({"resource": {"resourceType": "Basic"}, "response": {"status": "404"}}), "liver-disease",
    ),
    "an answer without a status": (answered({}), "liver-disease"),
    "an answer that is a text": (answered("404 Not Found"), "liver-disease"),
    "an answer whose outcome is a list": (answered({"status": "200", "outcome": [operation_outcome()]}), "allergy"),
    "an error whose issue is no list": (
        RECORD.bundle({"resource": {"resourceType": "OperationOutcome", "issue": {"severity": "error"}}}), "allergy",
    ),
    "an error in a list": ([*RECORD.resources.values(), operation_outcome()], "allergy"),
    "an error in capitals": (RECORD.bundle({"resource": operation_outcome("ERROR")}), "allergy"),
    "an error with an id that is a number": (RECORD.bundle({"resource": operation_outcome() | {"id": 5}}), "allergy"),
    "an error beside the Patient alone": (
        [searchset([patient()], more_entries=[{"resource": operation_outcome()}]), OTHERS], "allergy",
    ),
    "a total that is a text": (RECORD.everything() | {"total": "many"}, "allergy"),
    "links that are no list": (RECORD.everything() | {"link": {"relation": "next", "url": NEXT}}, "allergy"),
    "a next page without an address": (RECORD.everything() | {"link": [{"relation": "next"}]}, "allergy"),
    "a next page that is the page itself": (RECORD.everything(self_url=NEXT, next_url=NEXT), "allergy"),
    "pages that lead to each other": (
        [RECORD.bundle(), linked("?1", "?2", total=9), linked("?2", "?1", total=9)], "allergy",
    ),
    "a larger total in a history": (RECORD.bundle() | {"type": "history", "total": 99}, "allergy"),
    "a larger total in a Bundle without a type": (UNTYPED | {"total": 99}, "allergy"),
    "a larger total in a Searchset": (RECORD.bundle() | {"type": "Searchset", "total": 99}, "allergy"),
    "a first page with the Patient alone": ([searchset([patient()], next_url=NEXT), OTHERS], "allergy"),
    "a page with Conditions alone, of no told type": (
        [RECORD.bundle(), searchset([CIRRHOSIS], next_url=NEXT)], "allergy",
    ),
    "a page of a search over several types": (
        [RECORD.bundle(), searchset([CIRRHOSIS], self_url=f"{SERVER}?_type=Condition,Procedure", next_url=NEXT)],
        "allergy",
    ),
    "a page of a server that is called FHIR": (
        [RECORD.bundle(), linked("https://ehr.example.org/FHIR?_getpages=a", NEXT)], "allergy",
    ),
    "an answer that nothing has changed since": (answered({"status": "304 Not Modified"}), "liver-disease"),
    "an answer that it will be done": (answered({"status": "202 Accepted"}), "liver-disease"),
    "a page of encounters with their diagnoses": (
        [RECORD.bundle(), linked(f"{SERVER}/Encounter?patient=p1&_include=Encounter:diagnosis", NEXT)], "liver-disease",
    ),
    "a page of encounters and of what leads to them": (
        [RECORD.bundle(), linked(f"{SERVER}/Encounter?patient=p1&_revinclude=Condition%3Aencounter", NEXT)],
        "liver-disease",
    ),
    "a page that brought a diagnosis along": (
        [RECORD.bundle(), linked(f"{SERVER}/Observation?patient=p1", NEXT) | {"entry": [
            entry(CIRRHOSIS | {"code": {"coding": [Icd10cm.HYPERLIPIDEMIA]}}, search={"mode": "include"}),
        ]}], "liver-disease",
    ),
    "a resource inside Parameters": (
        RECORD.bundle({"resource": {"resourceType": "Parameters", "parameter": [{"resource": CIRRHOSIS}]}}),
        "liver-disease",
    ),
    "a result contained in its report": (
        RECORD.bundle({"resource": REPORT | {"contained": [LOW_SATURATION], "result": [reference("#low")]}}),
        "lung-function",
    ),
    "a malformed result contained in its report": (
        RECORD.bundle({"resource": REPORT | {"contained": [{"resourceType": "Observation", "code": 5}]}}),
        "lung-function",
    ),
    "a report whose contained resources are no list": (
        RECORD.bundle({"resource": REPORT | {"contained": {}}}), "lung-function",
    ),
}  # fmt: skip


PANEL = observation(Loinc.BLOOD_COUNT_PANEL, None, "2026-11-15") | {"id": "panel"}


@pytest.mark.parametrize("holder", [REPORT, PANEL], ids=["a report", "a panel"])
@pytest.mark.parametrize("contained", [{}, [{"resourceType": "Observation", "code": 5}], [5]])
def test_what_cannot_be_read_inside_a_report_or_panel_is_a_result(judged: Judge, holder: Json, contained: Any) -> None:
    """Nothing else is read there, so that the silence of other types is as it was."""
    document = RECORD.bundle({"resource": holder | {"contained": contained}})
    found, notices = judged(document, "liver-disease")
    assert (found.outcome, found.basis, len(notices)) == ("pass", "no-record", 1)
    assert judged(document, "lung-function")[0].outcome == "unknown"


@pytest.mark.parametrize("holder", [REPORT, PANEL], ids=["a report", "a panel"])
@pytest.mark.parametrize(
    "contained",
    [
        None,
        [{"resourceType": "Condition", "code": 5}],
        [{"resourceType": "NutritionIntake"}],
        [{"resourceType": "Specimen"}],
    ],
)
def test_what_is_no_result_inside_a_report_or_panel_is_no_matter(judged: Judge, holder: Json, contained: Any) -> None:
    document = RECORD.bundle({"resource": holder | {"contained": contained}})
    found, notices = judged(document, "lung-function")
    assert (found.outcome, notices) == ("pass", ())


def test_a_result_contained_in_a_panel_is_read_in_every_form_of_source(screening: Screening) -> None:
    panel = PANEL | {"contained": [LOW_SATURATION | {"subject": None}], "hasMember": [reference("#low")]}
    lines = [as_json(resource) for resource in (*RECORD.resources.values(), panel)]
    documents = {
        "a Bundle": read_document(as_json(RECORD.bundle({"resource": panel}))),
        "a Bundle of a search": read_document(as_json([RECORD.bundle(), searchset([panel])])),
        "a list": read_document(b"[%b]" % b",".join(lines)),
        "lines": read_document(b"\n".join(lines)),
        "lines of a long record": read_lines(lines, "record", "Patient/p1", screening.sieve(screening.plan)),
        "malformed": read_document(as_json(RECORD.bundle({"resource": panel | {"method": 5}}))),
    }
    found = {
        form: next(
            criterion.outcome
            for trial in screening.screen(screening.of_document(document), AS_OF).results
            for criterion in trial.criteria
            if (trial.trial, criterion.id) == (SINAI, "lung-function")
        )
        for form, document in documents.items()
    }
    assert found == dict.fromkeys(documents, "fail") | {"malformed": "unknown"}


def test_search_parameters_beside_a_record_leave_its_silence_as_it_is(judged: Judge) -> None:
    zip_code = {"resourceType": "Parameters", "id": "0", "parameter": [{"name": "zipCode", "valueString": "12345"}]}
    found, notices = judged(RECORD.bundle({"resource": zip_code}), "liver-disease")
    assert (found.outcome, found.basis, notices) == ("pass", "no-record", ())


@pytest.mark.parametrize("claim", INCOMPLETE)
def test_silence_does_not_count_beside(judged: Judge, claim: str) -> None:
    document, asked = INCOMPLETE[claim]
    assert judged(document, asked)[0].outcome != "pass"


@pytest.mark.parametrize("include", [":", "%3A", ":iterate="], ids=["plain", "escaped", "iterated"])
def test_a_page_of_orders_with_their_drugs_is_of_nothing_else(judged: Judge, include: str) -> None:
    drug = "MedicationRequest:medication" if "=" in include else f"MedicationRequest{include}medication"
    name = "_include:iterate" if "=" in include else "_include"
    page = linked(f"{SERVER}/MedicationRequest?patient=p1&{name}={drug}", NEXT)
    brought = entry(medication(Loinc.ANC, id="m"), search={"mode": "include"})
    found, _ = judged([RECORD.bundle(), page | {"entry": [brought]}], "liver-disease")
    assert (found.outcome, found.basis) == ("pass", "no-record")


@pytest.mark.parametrize(("total", "outcome"), [(2, "pass"), (3, "unknown")])
def test_pages_that_were_all_handed_in_are_one_result(judged: Judge, total: int, outcome: str) -> None:
    first, second = f"{SERVER}/Condition?patient=p1", f"{SERVER}/Condition?patient=p1&page=2"
    found = [condition(Icd10cm.HYPERLIPIDEMIA) | {"id": name} for name in "ab"]
    pages = [
        searchset(found[:1], self_url=first, next_url=second, total=total),
        searchset(found[1:], self_url=second, total=total),
    ]
    for order in (pages, pages[::-1]):
        assert judged([RECORD.bundle(), *order], "liver-disease")[0].outcome == outcome


def test_an_error_in_the_search_of_one_type_leaves_the_silence_of_others_as_it_is(judged: Judge) -> None:
    failed = searchset([], "Condition", more_entries=[{"resource": operation_outcome()}])
    assert judged([RECORD.bundle(), failed], "liver-disease")[0].outcome == "unknown"
    found, _ = judged([RECORD.bundle(), failed], "allergy")
    assert (found.outcome, found.basis) == ("pass", "no-record")
