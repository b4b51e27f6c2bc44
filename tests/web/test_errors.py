"""Whatever is wrong with a request is told as a problem with a status and a code, without anything of what was sent."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.test import TestResponse

from service.web.parts import EXTENSION
from tests.builders import SINAI, Json, as_json, eligible
from tests.web.conftest import CALL, Serve, call_body, called, ended, made, prefetch

FEEDBACK = f"{CALL}/feedback"
MATCH = "/fhir/ResearchStudy/$match"
PATHS = (CALL, FEEDBACK, "/evaluate", "/getClinicalTrial", MATCH)
RECORDS = ("/evaluate", "/getClinicalTrial")
SECRET = "Wilhelmina-4711"  # stands in every wrong request, and in no answer
MIB = 1024 * 1024


def sent(client: FlaskClient, path: str, body: Any, **more: Any) -> TestResponse:
    data = body if isinstance(body, bytes) else as_json(body)
    return client.post(path, data=data, content_type=more.pop("content_type", "application/json"), **more)


def refused(answer: TestResponse, status: int, code: str) -> Json:
    """The problem that the answer must be."""
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), text
    problem: Json = json.loads(text)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"https://trialhook.org/problems/{code}"
    assert problem["title"]
    assert problem["detail"]
    assert SECRET not in text + str(answer.headers)
    return problem


# ---- the text --------------------------------------------------------------------------------------------------------

DEEP = 100_000
TEXTS = {
    "not JSON": (SECRET.encode(), "not-json"),
    "JavaScript": (b'{"hook": "' + SECRET.encode() + b'",}', "not-json"),
    "NaN": (b'{"context": NaN, "resourceType": "%s"}' % SECRET.encode(), "not-json"),
    "Infinity": (b'{"context": -Infinity}', "not-json"),
    "truncated": (as_json(call_body(hook=SECRET))[:300], "not-json"),
    "two documents": (b'{"resourceType":"Parameters"}{}', "not-json"),
    "half a surrogate": (b'{"hook": "\\ud800", "resourceType": "\\ud800"}', "not-json"),
    "a control character": (b'{"hook": "a\x01%s"}' % SECRET.encode(), "not-json"),
    "UTF-16": ('{"hook": "x"}'.encode("utf-16"), "wrong-encoding"),
    "Latin-1": (f'{{"resourceType": "é{SECRET}"}}'.encode("latin-1"), "wrong-encoding"),
    "objects nested": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "too-deep"),
    "lists nested in an object": (b'{"context":' + b"[" * DEEP + b"]" * DEEP + b"}", "too-deep"),
    "nested and cut": (b'{"context":' * DEEP, "too-deep"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("claim", TEXTS)
def test_a_text_that_cannot_be_read_is_a_400(shared: FlaskClient, path: str, claim: str) -> None:
    body, code = TEXTS[claim]
    refused(sent(shared, path, body), 400, code)


@pytest.mark.parametrize("path", PATHS)
def test_no_body_is_a_400(shared: FlaskClient, path: str) -> None:
    refused(sent(shared, path, b""), 400, "empty" if path in RECORDS else "not-json")


@pytest.mark.parametrize("body", [b"[]", b"5", b'"' + SECRET.encode() + b'"', b"null", b"true", b"[{}]"])
@pytest.mark.parametrize("path", PATHS)
def test_json_that_is_no_object_is_not_as_described(shared: FlaskClient, path: str, body: bytes) -> None:
    answer = sent(shared, path, body)
    if path in RECORDS:
        assert answer.status_code == 422
        refused(answer, 422, answer.json["code"])
    else:
        refused(answer, 400, "bad-request")


def test_lists_nested_alone_are_refused(shared: FlaskClient) -> None:
    for path in PATHS:
        assert sent(shared, path, b"[" * DEEP + b"]" * DEEP).status_code == 400


def test_a_byte_order_mark_is_passed_over(shared: FlaskClient) -> None:
    assert sent(shared, CALL, b"\xef\xbb\xbf" + as_json(call_body())).status_code == 200


def test_a_long_text_is_read_and_not_repeated(shared: FlaskClient) -> None:
    long = SECRET * (10 * MIB // len(SECRET))
    for changed in ({"hook": long}, {"hookInstance": long}, {"fhirServer": long}, {"context": {"patientId": long}}):
        answer = sent(shared, CALL, call_body() | changed)
        problem = refused(answer, 400, answer.json["code"])
        assert len(json.dumps(problem)) < 1000
    refused(sent(shared, "/evaluate", {"resourceType": long}), 422, "no-patient")
    refused(sent(shared, FEEDBACK, {"feedback": [{"card": long, "outcome": "accepted"}]}), 400, "bad-request")


TWICE = {
    "a member": as_json(call_body())[:-1] + b',"hook":"patient-view"}',
    "the prefetch": as_json(call_body())[:-1] + b',"prefetch":{}}',
    "an escaped name": as_json(call_body())[:-1] + b',"h\\u006fok":"patient-view"}',
    "a member of the context": as_json(call_body(context=None))[:-1]
    + b',"context":{"userId":"Practitioner/a","patientId":"p1","patientId":"p2"}}',
    "a prefetch key": as_json(call_body(prefetch=None))[:-1] + b',"prefetch":{"patient":null,"patient":null}}',
}


@pytest.mark.parametrize("claim", TWICE)
def test_a_name_that_stands_twice_is_refused(shared: FlaskClient, claim: str) -> None:
    refused(sent(shared, CALL, TWICE[claim]), 400, "duplicate-key")


def test_names_that_stand_twice_are_refused_in_every_body(shared: FlaskClient) -> None:
    refused(sent(shared, FEEDBACK, b'{"feedback":[],"feedback":[]}'), 400, "duplicate-key")
    refused(
        sent(shared, FEEDBACK, b'{"feedback":[{"card":"x","card":"y","outcome":"accepted"}]}'), 400, "duplicate-key"
    )
    refused(sent(shared, "/evaluate", b'{"resourceType":"Patient","id":"a","id":"b"}'), 422, "duplicate-key")
    twice = b'{"resourceType":"Parameters","parameter":[{"name":"patient","name":"patient","resource":{}}]}'
    refused(sent(shared, MATCH, twice), 400, "duplicate-key")


def test_the_same_name_in_two_objects_is_fine(shared: FlaskClient) -> None:
    body = as_json(call_body())[:-1] + b',"other":{"hook":1,"context":2},"more":{"hook":1}}'
    assert sent(shared, CALL, body).status_code == 200
    assert sent(shared, CALL, json.dumps(json.loads(body), indent=3).encode()).status_code == 200


# ---- the envelope ----------------------------------------------------------------------------------------------------

WRONG_VALUES = {"a number": 5, "text": SECRET, "a list": [SECRET], "an object": {SECRET: SECRET}, "true": True}
# member -> the kinds of value that it may have
ENVELOPE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("hook",): ("text",),
    ("hookInstance",): ("text",),
    ("context",): ("an object",),
    ("context", "userId"): ("text",),
    ("context", "patientId"): ("text",),
    ("context", "encounterId"): ("text",),
    ("fhirServer",): ("text",),
    ("fhirAuthorization",): ("an object",),
    ("fhirAuthorization", "access_token"): ("text",),
    ("fhirAuthorization", "token_type"): ("text",),
    ("prefetch",): ("an object",),
    ("extension",): ("an object",),
    ("extension", "org.trialhook.request"): ("an object",),
    ("extension", "org.trialhook.request", "asOf"): ("text",),
}
FULL = call_body(
    fhirServer="https://ehr.example.org/fhir",
    fhirAuthorization={"access_token": "abc", "token_type": "Bearer", "scope": "patient/*.rs"},
)


def with_value(path: tuple[str, ...], value: Any) -> Json:
    body: Json = json.loads(as_json(FULL))
    place = body
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return body


WRONG = [(path, kind) for path, right in ENVELOPE.items() for kind in WRONG_VALUES if kind not in right]


@pytest.mark.parametrize(("path", "kind"), WRONG)
def test_a_member_of_the_wrong_type_is_named(shared: FlaskClient, path: tuple[str, ...], kind: str) -> None:
    problem = refused(sent(shared, CALL, with_value(path, WRONG_VALUES[kind])), 400, "bad-request")
    assert ".".join(path) in [error["path"] for error in problem["errors"]]


@pytest.mark.parametrize(
    "access",
    [{"scope": None}, {"scope": ["a"]}, {"scope": 5}, {"token_type": None}, {"expires_in": "300", "subject": None}],
)
def test_a_call_is_answered_whatever_it_says_of_its_token(shared: FlaskClient, access: Json) -> None:
    body = call_body(fhirServer="https://ehr.example.org/fhir", fhirAuthorization={"access_token": "abc"} | access)
    assert sent(shared, CALL, body).status_code == 200


REQUIRED = [("hook",), ("hookInstance",), ("context",), ("context", "userId"), ("context", "patientId")]


@pytest.mark.parametrize("path", REQUIRED)
@pytest.mark.parametrize("value", [..., None, ""])
def test_a_required_member_is_missed(shared: FlaskClient, path: tuple[str, ...], value: Any) -> None:
    body = with_value(path, value)
    if value is ...:
        place = body
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]
    problem = refused(sent(shared, CALL, body), 400, "bad-request")
    assert ".".join(path) in [error["path"] for error in problem["errors"]]


def test_all_mistakes_are_told_at_once(shared: FlaskClient) -> None:
    problem = refused(sent(shared, CALL, {"context": {"patientId": f"{SECRET}/../x"}}), 400, "bad-request")
    told = [error["path"] for error in problem["errors"]]
    assert sorted(told) == ["context.patientId", "context.userId", "hook", "hookInstance"]


@pytest.mark.parametrize(
    "identity", ["", "a b", f"{SECRET}?x", "../p1", "Patient/", "Patient/a/b", "a" * 65, "p1\n", "é"]
)
def test_a_patient_is_named_by_a_fhir_id(shared: FlaskClient, identity: str) -> None:
    body = call_body(context={"userId": "Practitioner/a", "patientId": identity})
    problem = refused(sent(shared, CALL, body), 400, "bad-request")
    assert [error["path"] for error in problem["errors"]] == ["context.patientId"]


def test_authorization_without_a_server_is_missing_something(shared: FlaskClient) -> None:
    for server in (..., None, ""):
        body = with_value(("fhirServer",), server if server is not ... else None)
        if server is ...:
            del body["fhirServer"]
        problem = refused(sent(shared, CALL, body), 400, "bad-request")
        assert [error["path"] for error in problem["errors"]] == ["fhirServer"]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é", "a" * 16385])
def test_a_token_that_no_header_can_carry_is_refused(shared: FlaskClient, token: str) -> None:
    body = with_value(("fhirAuthorization", "access_token"), token)
    problem = refused(sent(shared, CALL, body), 400, "bad-request")
    assert [error["path"] for error in problem["errors"]] == ["fhirAuthorization.access_token"]


@pytest.mark.parametrize("more", [{}, {"expires_in": "soon", "subject": 5, "patient": []}])
def test_what_clients_leave_out_or_get_wrong_in_the_authorization_does_no_harm(shared: FlaskClient, more: Json) -> None:
    assert sent(shared, CALL, with_value(("fhirAuthorization",), {"access_token": "abc"} | more)).status_code == 200


@pytest.mark.parametrize("hook", ["order-select", "order-sign", "encounter-start", "Patient-View", SECRET])
def test_a_service_is_called_for_its_own_hook(shared: FlaskClient, hook: str) -> None:
    problem = refused(sent(shared, CALL, call_body(hook=hook)), 400, "wrong-hook")
    assert problem["errors"][0]["path"] == "hook"


@pytest.mark.parametrize("name", ["none", "TRIAL-MATCH", "trial-match%20", SECRET, "%00"])
@pytest.mark.parametrize("path", ["/cds-services/{}", "/cds-services/{}/feedback"])
def test_a_service_that_is_not_there_is_a_404(shared: FlaskClient, path: str, name: str) -> None:
    refused(sent(shared, path.format(name), call_body()), 404, "no-such-service")


UNKNOWN = {
    "in the body": {"member": SECRET, "extension": {"org.example.x": {"a": [1]}, "org.trialhook.request": {}}},
    "in the context": {"context": {"userId": "Practitioner/a", "patientId": "p1", "draftOrders": {"entry": 5}}},
    "in the prefetch": {"prefetch": prefetch(eligible(SINAI)) | {"another": "text", "more": 5, "none": None}},
    "an extension of nothing": {"extension": {}},
    "no extension": {"extension": None},
    "numbers out of range": {"member": {"a": 10**400}},
}


@pytest.mark.parametrize("claim", UNKNOWN)
def test_members_that_are_not_known_do_no_harm(shared: FlaskClient, claim: str) -> None:
    assert called(shared, call_body() | UNKNOWN[claim]) != []


@pytest.mark.parametrize("value", [5, "text", [], {}, {"resourceType": 5}, {"resourceType": "Bundle", "entry": [[]]}])
@pytest.mark.parametrize("key", ["patient", "conditions", "observations", "medicationRequests", "allergies"])
def test_a_prefetch_of_any_shape_is_no_error_of_ours(shared: FlaskClient, key: str, value: Any) -> None:
    answer = sent(shared, CALL, call_body(prefetch=prefetch(eligible(SINAI)) | {key: value}))
    required = key in ("patient", "conditions")
    assert answer.status_code in ((200, 412) if required else (200,))


SHAPES: list[Any] = [
    5,
    SECRET,
    True,
    [],
    {},
    [[]],
    [5],
    {"entry": 5},
    {"entry": [5, None, [], {}]},
    {"entry": [{"resource": 5}]},
    {"entry": {"resource": {}}},
    {"resourceType": "Bundle", "entry": [{"resource": None}]},
]
ODD = {"id": 5, "status": [], "medicationCodeableConcept": SECRET, "code": [SECRET], "contained": {}, "subject": 7,
    "dosageInstruction": "x", "medicationReference": 7, "doNotPerform": "yes", "resourceType": SECRET}  # fmt: skip
ORDER = {"resourceType": "MedicationRequest", "id": "o", "medicationCodeableConcept": {"text": "x"}}


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize(
    "drafts", [None, *SHAPES, *([ORDER | {name: value}] for name, value in ODD.items()),
        *([ORDER | {"resourceType": "ServiceRequest", name: value}] for name, value in ODD.items()),
        [ORDER | {"medicationCodeableConcept": {"coding": [SECRET, None, {"code": 5}], "text": {}}}]]
)  # fmt: skip
def test_drafts_of_any_shape_are_no_error_of_ours(shared: FlaskClient, hook: str, drafts: Any) -> None:
    body = call_body(hook=hook)
    body["context"] = body["context"] | {"draftOrders": drafts, "selections": drafts}
    answer = sent(shared, f"/cds-services/trial-guard-{hook.removeprefix('order-')}", body)
    assert (answer.status_code, answer.json) == (200, {"cards": []})


def test_drafts_nested_deep_are_refused(shared: FlaskClient) -> None:
    text = as_json(call_body(hook="order-sign"))
    drafts = b'"draftOrders":' + b"[" * DEEP + b"]" * DEEP
    text = text.replace(b'"context":{', b'"context":{' + drafts + b",")
    refused(sent(shared, "/cds-services/trial-guard-sign", text), 400, "too-deep")


@pytest.mark.parametrize("days", ["2026-02-30", "tomorrow", "2026-11-21T00:00:00Z", "10000-01-01"])
def test_the_day_of_a_call_is_a_date(shared: FlaskClient, days: str) -> None:
    body = call_body(extension={"org.trialhook.request": {"asOf": days}})
    problem = refused(sent(shared, CALL, body), 400, "bad-request")
    assert problem["errors"][0]["path"] == "extension.org.trialhook.request.asOf"


@pytest.mark.parametrize("days", ["0001-01-01", "1900-01-01", "2200-12-31", "9999-12-31"])
def test_a_day_far_off_is_answered(shared: FlaskClient, days: str) -> None:
    assert sent(shared, CALL, call_body(extension={"org.trialhook.request": {"asOf": days}})).status_code == 200


# ---- records and parameters ------------------------------------------------------------------------------------------

NO_RECORD = {
    "no Patient": {"resourceType": "Bundle", "type": "collection", "entry": []},
    "two Patients": [{"resourceType": "Patient", "id": SECRET}, {"resourceType": "Patient", "id": "b"}],
    "no resource": {"name": SECRET},
    "entries that are no list": {"resourceType": "Bundle", "entry": {SECRET: SECRET}},
    "a Patient alone in text": {"resourceType": "Bundle", "entry": [{"resource": f"Patient/{SECRET}"}]},
}


@pytest.mark.parametrize("path", RECORDS)
@pytest.mark.parametrize("claim", NO_RECORD)
def test_what_is_no_record_is_a_422(shared: FlaskClient, path: str, claim: str) -> None:
    answer = sent(shared, path, NO_RECORD[claim])
    refused(answer, 422, answer.json["code"])


PARAMETERS = {
    "none": {"resourceType": "Parameters"},
    "of another type": {"resourceType": SECRET, "parameter": [{"name": "patient", "resource": {}}]},
    "of another name": {"resourceType": "Parameters", "parameter": [{"name": SECRET, "resource": {}}]},
    "two": {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": {}}] * 2},
    "no value": {"resourceType": "Parameters", "parameter": [{"name": "patient"}]},
    "no list": {"resourceType": "Parameters", "parameter": {"name": "patient", "resource": {}}},
    "text": {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": SECRET}]},
    "two values": {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "resource": {}, "valueReference": {"reference": "https://a.org/Patient/1"}}],
    },
} | {
    f"a reference to {reference!r}": {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueReference": {"reference": reference}}],
    }
    for reference in (
        "Patient/1",
        "",
        f"https://a.org/{SECRET}",
        "ftp://a.org/Patient/1",
        "https:///Patient/1 2",
        "https://[a/Patient/1",
        "https://a.org/Patient/1?x=y",
        "file:///Patient/1",
    )
}


@pytest.mark.parametrize("claim", PARAMETERS)
def test_parameters_that_name_no_patient_are_not_as_described(shared: FlaskClient, claim: str) -> None:
    refused(sent(shared, MATCH, PARAMETERS[claim]), 400, "bad-request")


@pytest.mark.parametrize("trial", ["none", "", SECRET, "%00", "nct03304080"])
def test_a_trial_that_is_not_loaded_is_a_404(shared: FlaskClient, trial: str) -> None:
    refused(sent(shared, f"/evaluate?trial={SINAI}&trial={trial}", eligible(SINAI).bundle()), 404, "no-such-trial")
    if trial:
        refused(shared.get(f"/trials/{trial}"), 404, "no-such-trial")
        refused(shared.get(f"/fhir/ResearchStudy/{trial}"), 404, "no-such-trial")


# ---- what carries the body -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/xml", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/jsonx", "text/json", "application/fhir+xml"])  # fmt: skip
def test_a_body_of_another_media_type_is_a_415(shared: FlaskClient, path: str, kind: str | None) -> None:
    refused(sent(shared, path, call_body(hook=SECRET), content_type=kind), 415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/fhir+json"])
def test_a_body_of_json_is_read_however_it_is_called(shared: FlaskClient, kind: str) -> None:
    assert sent(shared, CALL, call_body(), content_type=kind).status_code == 200


def test_ndjson_is_read_only_where_it_is_a_record(shared: FlaskClient) -> None:
    for path in (CALL, FEEDBACK, "/getClinicalTrial", MATCH):
        answer = sent(shared, path, b"{}\n{}", content_type="application/fhir+ndjson")
        refused(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("coding", ["gzip", "br", "x-gzip"])
def test_a_packed_body_is_a_415(shared: FlaskClient, path: str, coding: str) -> None:
    answer = sent(shared, path, b"\x1f\x8b", headers={"Content-Encoding": coding})
    refused(answer, 415, "unsupported-media-type")


def oversize(client: FlaskClient, path: str, size: int, chunked: bool) -> TestResponse:
    """A body of `size` bytes, as a server hands it on: with its length, or in chunks of unknown length."""
    body = b'{"%s":"' % SECRET.encode()
    body += b"x" * (size - len(body) - 2) + b'"}'
    if not chunked:
        return sent(client, path, body)
    return client.post(
        path,
        input_stream=io.BytesIO(body),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    app = made(tmp_path_factory.mktemp("small"), MAX_BODY="2048")
    yield app.test_client()
    ended(app)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_the_largest_body_is_read_and_one_byte_more_is_a_413(small: FlaskClient, path: str, chunked: bool) -> None:
    assert oversize(small, path, 2048, chunked).status_code in (400, 422)
    refused(oversize(small, path, 2049, chunked), 413, "request-entity-too-large")


class Broken(io.BytesIO):
    """A body as gunicorn hands it on: it fails while it is read, in a way that quotes it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, _: int | None = -1) -> bytes:
        raise self._error

    def readinto(self, _: Any) -> int:
        raise self._error


@pytest.mark.parametrize("path", PATHS)
def test_a_body_in_chunks_that_are_none_is_a_400(small: FlaskClient, path: str) -> None:
    answer = small.post(
        path,
        input_stream=Broken(InvalidChunkSize(SECRET.encode())),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    refused(answer, 400, "body-broken-off")


def test_a_length_that_is_announced_is_enough_to_refuse(small: FlaskClient) -> None:
    announced = {"CONTENT_LENGTH": str(1 << 40)}
    answer = small.post(CALL, data=b"{}", content_type="application/json", environ_overrides=announced)
    refused(answer, 413, "request-entity-too-large")


LEFT = {  # status, and what is refused before its body is read
    "a media type": (415, {"content_type": "text/plain"}),
    "a packed body": (415, {"headers": {"Content-Encoding": "gzip"}}),
    "another method": (405, {"method": "PUT"}),
    "no such service": (404, {"path": "/nowhere"}),
}


@pytest.mark.parametrize("claim", LEFT)
@pytest.mark.parametrize(("size", "closes"), [(65536, False), (65537, True)])
def test_an_answer_before_a_large_body_was_read_says_that_the_connection_closes(
    shared: FlaskClient, claim: str, size: int, closes: bool
) -> None:
    status, more = LEFT[claim]
    asked: dict[str, Any] = {"path": CALL, "method": "POST", "content_type": "application/json"} | more
    answer = shared.open(data=b" " * size, **asked)
    assert answer.status_code == status
    assert (answer.headers.get("Connection") == "close") == closes


def test_a_chunked_body_that_was_not_read_closes_the_connection(shared: FlaskClient) -> None:
    chunked = {"headers": {"Transfer-Encoding": "chunked"}, "environ_overrides": {"wsgi.input_terminated": True}}
    answer = shared.post(CALL, input_stream=io.BytesIO(b"{}"), content_type="text/plain", **chunked)
    assert (answer.status_code, answer.headers["Connection"]) == (415, "close")


def test_a_large_body_that_was_read_leaves_the_connection_open(shared: FlaskClient) -> None:
    answer = shared.post(CALL, data=b"{" + b" " * 70000, content_type="application/json")
    assert answer.status_code == 400
    assert "Connection" not in answer.headers


def test_a_service_that_is_not_ready_tells_strangers_no_more(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = client.application.extensions[EXTENSION].store
    monkeypatch.setattr(type(store), "ready", lambda _: "/var/lib/secret-place is locked")
    problem = refused(client.get("/readyz"), 503, "not-ready")
    assert "secret-place" not in json.dumps(problem)
    assert "secret-place" in "".join(capfd.readouterr())


# ---- addresses and methods -------------------------------------------------------------------------------------------

ALLOWED = {
    "/cds-services": "GET",
    CALL: "POST",
    FEEDBACK: "POST",
    "/feedback/summary": "GET",
    "/evaluate": "POST",
    "/getClinicalTrial": "POST",
    MATCH: "POST",
    "/trials": "GET",
    f"/trials/{SINAI}": "GET",
    "/fhir/ResearchStudy": "GET",
    "/explain/x": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
    "/metrics": "GET",
    "/openapi.yaml": "GET",
    "/docs": "GET",
}


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_another_method_is_a_405_that_says_which_would_do(shared: FlaskClient, path: str, method: str) -> None:
    if method == ALLOWED[path] or (method, path) == ("GET", MATCH):  # which would be the ResearchStudy called `$match`
        return
    answer = shared.open(path, method=method)
    refused(answer, 405, "method-not-allowed")
    assert ALLOWED[path] in answer.headers["Allow"].replace(" ", "").split(",")


@pytest.mark.parametrize("path", ["/", "/nope", f"/{SECRET}", "/cds-services/", "/trials/", "/explain/", "/evaluate/x",
    "/docs/nope", "/docs/../../etc/passwd", "/docs/%2e%2e/%2e%2e/setup.py", "/static/%2e%2e/settings.py", "/fhir",
    "/fhir/Patient/1", "/feedback", "//evaluate", "/metrics/x"])  # fmt: skip
def test_an_address_that_is_not_there_is_a_404(shared: FlaskClient, path: str) -> None:
    answer = shared.get(path)
    if answer.status_code == 308:  # slashes put right
        answer = shared.get(path.replace("//", "/") + "-")
    refused(answer, 404, "not-found")


@pytest.mark.parametrize(
    "query",
    ["since=2026-02-30", "until=x", "since=20261121", f"until={SECRET}", "since=2026-11-01&since=2026-10-01"],
)
def test_the_days_of_a_summary_are_dates(shared: FlaskClient, query: str) -> None:
    problem = refused(shared.get(f"/feedback/summary?{query}"), 400, "bad-request")
    assert problem["errors"][0]["path"] == query.partition("=")[0]


RECORD_BODY = eligible(SINAI).bundle()
PARAMETERS_BODY = {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": RECORD_BODY}]}
MISSPELT = [
    ("/evaluate?trail=NCT03304080", RECORD_BODY, "trail", "no such parameter; did you mean trial?"),
    ("/evaluate?asof=2026-11-21", RECORD_BODY, "asof", "no such parameter; did you mean asOf?"),
    ("/evaluate?day=2026-11-21", RECORD_BODY, "day", "no such parameter; known are trial, asOf"),
    ("/evaluate?asOf=2026-11-21&_format=json", RECORD_BODY, "_format", "no such parameter; known are trial, asOf"),
    (f"/evaluate?{SECRET} {SECRET}=1", RECORD_BODY, "query", "no such parameter; known are trial, asOf"),
    ("/getClinicalTrial?trial=NCT03304080", RECORD_BODY, "trial", "no such parameter; only asOf is known"),
    (f"{MATCH}?as-of=2026-11-21", PARAMETERS_BODY, "as-of", "no such parameter; did you mean asOf?"),
    ("/feedback/summary?from=2026-11-21", None, "from", "no such parameter; known are since, until"),
    ("/trials?status=draft", None, "status", "no such parameter"),
]


@pytest.mark.parametrize(("path", "body", "place", "told"), MISSPELT)
def test_a_parameter_that_is_not_known_is_refused_and_named(
    shared: FlaskClient, path: str, body: object, place: str, told: str
) -> None:
    answer = sent(shared, path, body) if body else shared.get(path)
    assert refused(answer, 400, "bad-request")["errors"] == [{"path": place, "message": told}]


def test_a_parameter_of_an_operation_that_is_not_known_is_refused(shared: FlaskClient) -> None:
    day = {"name": "asOf", "valueDate": "2020-01-01"}
    body = {"resourceType": "Parameters", "parameter": [*PARAMETERS_BODY["parameter"], day]}
    problem = refused(sent(shared, MATCH, body), 400, "bad-request")
    assert problem["errors"] == [{"path": "parameter[1]", "message": "no such parameter; only patient is known"}]


def test_what_belongs_to_fhir_or_to_somebody_elses_link_is_let_pass(shared: FlaskClient) -> None:
    assert sent(shared, f"{MATCH}?_format=json&_pretty=true", PARAMETERS_BODY).status_code == 200
    assert sent(shared, f"{CALL}?source=chart", call_body()).status_code == 200
    assert shared.get("/cds-services?source=chart").status_code == 200
    assert shared.get("/fhir/ResearchStudy?status=active").status_code == 200


def test_what_we_did_not_foresee_is_a_500_that_tells_nothing(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()

    def failing(*_: object, **__: object) -> None:
        raise LookupError(SECRET)

    monkeypatch.setattr("service.screening.Screening.screen", failing)
    bundle = eligible(SINAI).bundle()
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": bundle}]}
    for path, body in ((CALL, call_body()), ("/evaluate", bundle), ("/getClinicalTrial", bundle), (MATCH, parameters)):
        refused(sent(client, path, body), 500, "unexpected")
