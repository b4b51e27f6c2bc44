"""What an answer may be, which status means what, and what is told of it."""

import gzip
import json
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import responses

from service.fhir_client import Server
from tests.fhir_client.conftest import BASE, Behaviour, Loopback, soon

PATIENT = {"resourceType": "Patient", "id": "1"}
FHIR = "application/fhir+json"


def outcome(code: str, severity: str = "error") -> dict[str, Any]:
    issue = {"severity": severity, "code": code, "diagnostics": "Erika Mustermann, born 1964"}
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}, issue]}


def searchset(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]} | more


def test_a_read_gives_the_body_as_it_came(mocked: responses.RequestsMock, server: Server) -> None:
    body = b'{"resourceType":"Patient",  "id":"1", "multipleBirthInteger": 1.50}'
    mocked.get(f"{BASE}/Patient/1", body=body, content_type=f"{FHIR};charset=utf-8")
    answer = server.read("Patient/1", soon())
    assert answer.complete
    assert (answer.pages, answer.problem, answer.status) == ((body,), "", 200)
    headers = mocked.calls[0].request.headers
    assert headers["Accept"] == FHIR
    assert headers["Authorization"] == "Bearer secret-token"
    assert "gzip" in headers["Accept-Encoding"]


def test_without_a_token_none_is_sent(mocked: responses.RequestsMock, servers: Any) -> None:
    mocked.get(f"{BASE}/Patient/1", json=PATIENT)
    assert servers().at(BASE).read("Patient/1", soon()).complete
    assert "Authorization" not in mocked.calls[0].request.headers


def test_gzip_is_unpacked(mocked: responses.RequestsMock, server: Server) -> None:
    body = json.dumps(PATIENT).encode()
    mocked.get(f"{BASE}/Patient/1", body=gzip.compress(body), headers={"Content-Encoding": "gzip"}, content_type=FHIR)
    assert server.read("Patient/1", soon()).pages == (body,)


def test_a_byte_order_mark_is_no_obstacle(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(f"{BASE}/Patient/1", body=b"\xef\xbb\xbf" + json.dumps(PATIENT).encode(), content_type=FHIR)
    assert server.read("Patient/1", soon()).complete


@pytest.mark.parametrize("content_type", [FHIR, "application/json", "application/json+fhir", "text/json", ""])
def test_every_name_of_json_is_taken(mocked: responses.RequestsMock, server: Server, content_type: str) -> None:
    mocked.get(f"{BASE}/Patient/1", body=json.dumps(PATIENT), content_type=content_type)
    assert server.read("Patient/1", soon()).complete


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Sign in</html>", "text/html"),
        (json.dumps(PATIENT), "text/html"),
        (json.dumps(PATIENT), "application/fhir+xml"),
        ("<Patient/>", FHIR),
        ('{"resourceType":"Patient"', FHIR),
        ('{"resourceType":"Patient"}{}', FHIR),
        ("", FHIR),
        ("[" * 100_000, FHIR),
        ("[]", FHIR),
        ('"Patient"', FHIR),
        ("{}", FHIR),
        ('{"resourceType":1}', FHIR),
        ('{"resourceType":"Observation"}', FHIR),
        (json.dumps(searchset(PATIENT)), FHIR),
    ],
)
def test_a_read_that_gives_anything_else_is_a_final_problem(
    mocked: responses.RequestsMock, server: Server, body: str, content_type: str
) -> None:
    mocked.get(f"{BASE}/Patient/1", body=body, content_type=content_type)
    answer = server.read("Patient/1", soon())
    assert answer.problem
    assert (answer.pages, answer.temporary, answer.status) == ((), False, 200)
    assert len(mocked.calls) == 1


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip"])
def test_what_cannot_be_unpacked_is_a_final_problem(
    mocked: responses.RequestsMock, server: Server, encoding: str
) -> None:
    mocked.get(f"{BASE}/Patient/1", json=PATIENT, headers={"Content-Encoding": encoding})
    answer = server.read("Patient/1", soon())
    assert "packed" in answer.problem
    assert (answer.pages, answer.temporary, len(mocked.calls)) == ((), False, 1)


@pytest.mark.parametrize(
    "body",
    [
        PATIENT,
        {"resourceType": "Bundle", "type": "history"},
        {"resourceType": "Bundle", "type": 1},
        {"resourceType": "Bundle", "type": "searchset", "link": "x"},
        {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next"}]},
        {"resourceType": "Bundle", "link": [{"relation": "next", "url": "?a"}, {"relation": "next", "url": "?b"}]},
    ],
)
def test_a_search_gives_a_searchset_and_nothing_else(
    mocked: responses.RequestsMock, server: Server, body: dict[str, Any]
) -> None:
    mocked.get(f"{BASE}/Patient?_id=1", json=body)
    assert not server.search("Patient?_id=1", soon()).complete


@pytest.mark.parametrize("body", [searchset(), {"resourceType": "Bundle"}, searchset(PATIENT, link=None, total=1)])
def test_an_empty_or_sparse_searchset_is_complete(
    mocked: responses.RequestsMock, server: Server, body: dict[str, Any]
) -> None:
    mocked.get(f"{BASE}/Patient?_id=1", json=body)
    answer = server.search("Patient?_id=1", soon())
    assert answer.complete
    assert len(answer.pages) == 1


@pytest.mark.parametrize(("code", "temporary"), [("processing", False), ("throttled", True)])
def test_an_outcome_with_status_200_is_a_problem(
    mocked: responses.RequestsMock, server: Server, code: str, temporary: bool
) -> None:
    mocked.get(f"{BASE}/Patient?_id=1", json=outcome(code))
    answer = server.search("Patient?_id=1", soon())
    assert answer.problem == f"the server answered with an OperationOutcome instead (error {code})"
    assert (answer.temporary, answer.pages) == (temporary, ())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 410, 422, 500, 501])
def test_a_refusal_is_final_and_tells_the_issue_without_its_text(
    mocked: responses.RequestsMock, server: Server, status: int
) -> None:
    mocked.get(f"{BASE}/Patient/1", json=outcome("security", "fatal"), status=status)
    answer = server.read("Patient/1", soon())
    assert answer.problem == f"the server answered {status} (fatal security)"
    assert (answer.temporary, answer.status) == (False, status)
    assert len(mocked.calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>Erika</html>",
        '{"error":"Erika"}',
        '{"resourceType":"OperationOutcome"}',
        '{"resourceType":"OperationOutcome","issue":[{"severity":"Erika M","code":"Not a code"}]}',
        '{"resourceType":"OperationOutcome","issue":"Erika"}',
        "x" * 300_000,
    ],
)
def test_a_refusal_without_a_readable_issue_tells_its_status(
    mocked: responses.RequestsMock, server: Server, body: str
) -> None:
    mocked.get(f"{BASE}/Patient/1", body=body, status=404)
    assert server.read("Patient/1", soon()).problem == "the server answered 404"


@pytest.mark.parametrize("status", [201, 202, 204, 206, 300, 304])
def test_only_200_is_an_answer(mocked: responses.RequestsMock, server: Server, status: int) -> None:
    mocked.get(f"{BASE}/Patient/1", json=PATIENT, status=status)
    answer = server.read("Patient/1", soon())
    assert (answer.problem, answer.pages) == (f"the server answered {status}", ())


def test_no_problem_names_the_patient_or_the_token(
    mocked: responses.RequestsMock, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mocked.get(f"{BASE}/Patient/mustermann-1", json=outcome("not-found"), status=404)
    mocked.get(f"{BASE}/Observation?patient=mustermann-1", body="{mustermann")
    asked = {"a": "Patient/mustermann-1", "b": "Observation?patient=mustermann-1", "c": "Patient/mustermann-1/x"}
    told = "".join(answer.problem for answer in server.ask_all(asked, soon()).values()) + caplog.text
    assert not any(word in told.lower() for word in ("mustermann", "secret-token", "erika", "ehr.example.org"))


def test_nothing_of_a_request_is_logged(
    loopback: Callable[[Behaviour], Loopback], servers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def serve(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nMustermann without a colon\r\nContent-Length: 0\r\n\r\n")

    caplog.set_level(logging.DEBUG)
    odd = loopback(serve)
    assert servers(odd.base).at(odd.base, "secret-token").read("Patient/mustermann-1", soon()).status == 404
    assert caplog.text == ""


def test_all_are_asked_and_come_back_in_order(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(f"{BASE}/Patient/1", json=PATIENT)
    mocked.get(f"{BASE}/Observation?patient=1", json=searchset())
    mocked.get(f"{BASE}/Condition?patient=1", status=403)
    asked = {"z": "Observation?patient=1", "wrong": "../x", "a": "Patient/1", "m": "Condition?patient=1"}
    answers = server.ask_all(asked, soon())
    assert list(answers) == list(asked)
    assert [answer.complete for answer in answers.values()] == [True, False, True, False]


def test_nothing_to_ask_is_nothing(server: Server) -> None:
    assert server.ask_all({}, soon()) == {}


def test_a_read_is_no_search_and_a_search_no_read(server: Server) -> None:
    assert not server.read("Patient?_id=1", soon()).complete
    assert not server.search("Patient/1", soon()).complete


def test_the_capability_statement_is_read_with_the_token(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(f"{BASE}/metadata", json={"resourceType": "CapabilityStatement"})
    assert server.metadata(soon()).complete
    assert "Authorization" in mocked.calls[0].request.headers


def test_the_smart_configuration_is_read_without_the_token(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(f"{BASE}/.well-known/smart-configuration", json={"token_endpoint": "https://x.example/token"})
    assert server.smart_configuration(soon()).complete
    assert "Authorization" not in mocked.calls[0].request.headers
    assert mocked.calls[0].request.headers["Accept"] == "application/json"


def test_no_cookie_passes_from_one_request_to_the_next(mocked: responses.RequestsMock, server: Server) -> None:
    mocked.get(f"{BASE}/Patient/1", json=PATIENT, headers={"Set-Cookie": "session=erika; Path=/"})
    for _ in range(2):
        assert server.read("Patient/1", soon()).complete
    assert "Cookie" not in mocked.calls[1].request.headers
