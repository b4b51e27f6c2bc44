"""Each access to a patient's data is a valid FHIR R4 AuditEvent that tells who, what, when, by which trials and how it
ended; where it cannot be written, that is counted, and no answer waits for an audit server."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from fhir.resources.R4B.auditevent import AuditEvent
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from service import logs
from service.audit_events import Access, audit_event
from service.audit_events.server import AuditServer
from service.errors import SettingsError
from service.fhir_client import NotAllowed
from service.store import StoreError
from service.store.journals import Entry
from service.web.parts import EXTENSION
from tests.auth.tokens import bearer, claims, ec, jwk
from tests.builders import SERVER, SINAI, TRIALS, Json, as_json, eligible
from tests.decisions.test_replay import ASKED, TEST_DAYS
from tests.web.conftest import CALL, Serve, call_body, post

AUDIT = "https://audit.example.org/fhir"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
Told = Callable[[], list[Json]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """-> the events in files, each checked to be one of FHIR."""

    def read() -> list[Json]:
        lines = [line for path in sorted(tmp_path.glob("audit-*.ndjson")) for line in path.read_bytes().splitlines()]
        for line in lines:
            AuditEvent.model_validate_json(line)
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture
def client(serve: Serve, tmp_path: Path) -> FlaskClient:
    return serve(AUDIT_EVENTS=f"{tmp_path}/audit.ndjson")


def entities(event: Json, code: str) -> list[Json]:
    return [entity for entity in event["entity"] if entity.get("type", {}).get("code") == code]


def agent(event: Json, code: str) -> Json:
    (found,) = [a for a in event["agent"] if a["type"]["coding"][0]["code"] == code]
    return found


@pytest.mark.parametrize("claim", ASKED)
def test_every_answer_is_one_event(client: FlaskClient, told: Told, claim: str) -> None:
    assert post(client, *ASKED[claim], headers={"X-Request-Id": "0f8fad5bd9cb469fa16570867728950e"}).status_code == 200
    (event,) = told()
    assert (event["action"], event["outcome"], event["type"]["code"]) == ("E", "0", "rest")
    assert event["subtype"][0]["code"] == "operation"
    (patient,) = entities(event, "1")
    assert (patient["what"]["reference"], patient["role"]["code"]) == ("Patient/p1", "1")
    (request,) = entities(event, "XrequestId")
    assert request["what"]["identifier"]["value"] == "0f8fad5bd9cb469fa16570867728950e"
    trials = {entity["what"]["identifier"]["value"] for entity in entities(event, "2")}
    assert trials if claim == "evaluate one trial" else {*TRIALS} <= trials
    assert all(re.fullmatch("[0-9a-f]{64}", e["detail"][1]["valueString"]) for e in entities(event, "2"))


def test_who_asked_is_told(serve: Serve, tmp_path: Path, told: Told) -> None:
    import time

    issuer = "https://ehr.example.org"
    client = serve(
        AUTH="jwt",
        PUBLIC_URL="https://trials.example.org",
        CLIENTS=json.dumps({issuer: {"jwks": {"keys": [jwk(ec())]}}}),
        AUDIT_EVENTS=f"{tmp_path}/audit.ndjson",
    )
    now = int(time.time())
    token = bearer(
        ec(), claims(aud=f"https://trials.example.org{CALL}", iat=now, exp=now + 300, jti="once", tenant="ward-3")
    )
    body = call_body(fhirServer=SERVER)
    with responses.RequestsMock():
        assert post(client, CALL, body, headers={"Authorization": token}).status_code == 200
    (event,) = told()
    assert agent(event, "110153")["who"]["identifier"]["value"] == issuer
    assert agent(event, "110153")["altId"] == "ward-3"
    assert not agent(event, "110153")["requestor"]
    assert agent(event, "110152")["who"]["identifier"]["value"] == "https://trials.example.org"
    assert agent(event, "IRCP") == {
        "type": {"coding": [agent(event, "IRCP")["type"]["coding"][0]]},
        "who": {"reference": f"{SERVER}/Practitioner/example"},
        "requestor": True,
    }
    assert entities(event, "1")[0]["what"]["reference"] == f"{SERVER}/Patient/p1"


def test_who_is_not_let_in_has_used_no_data(serve: Serve, tmp_path: Path, told: Told) -> None:
    client = serve(
        AUTH="jwt",
        PUBLIC_URL="https://trials.example.org",
        CLIENTS=json.dumps({"https://ehr.example.org": {"jwks": {"keys": [jwk(ec())]}}}),
        AUDIT_EVENTS=f"{tmp_path}/audit.ndjson",
    )
    assert post(client, CALL, call_body()).status_code == 401
    assert told() == []


FAILURES: dict[str, tuple[str, Any, int, str, bool]] = {
    "a hook without a record": (CALL, call_body(prefetch={}), 412, "4", True),
    "a record without a patient": (
        f"/evaluate{TEST_DAYS}",
        {"resourceType": "Bundle", "type": "batch"},
        422,
        "4",
        False,
    ),
    "no JSON": (f"/getClinicalTrial{TEST_DAYS}", b"{", 400, "4", False),
}


@pytest.mark.parametrize("claim", FAILURES)
def test_a_failure_is_an_event_of_its_own(client: FlaskClient, told: Told, claim: str) -> None:
    path, body, status, outcome, known = FAILURES[claim]
    assert post(client, path, body).status_code == status
    (event,) = told()
    assert (event["outcome"], bool(entities(event, "1"))) == (outcome, known)
    assert event["outcomeDesc"].endswith(f"HTTP {status}")


def test_a_mistake_of_ours_is_a_serious_failure(
    client: FlaskClient, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr("service.screening.Screening.screen", broken)
    assert post(client, CALL, call_body()).status_code == 500
    (event,) = told()
    assert event["outcome"] == "8"


def test_a_page_that_is_opened_is_a_read(client: FlaskClient, told: Told) -> None:
    cards = json.loads(post(client, CALL, call_body()).get_data())["cards"]
    client.application.extensions[EXTENSION].explanations.flush()
    page = cards[0]["links"][0]["url"].removeprefix("http://localhost")
    assert client.get(page).status_code == 200
    assert client.get("/explain/none").status_code == 404
    _, event = told()
    assert (event["action"], event["subtype"][0]["code"]) == ("R", "read")
    assert entities(event, "1")[0]["what"]["reference"] == "Patient/p1"
    assert agent(event, "110152")["requestor"]
    assert agent(event, "110153")["who"]["display"] == "trialhook"


@pytest.mark.parametrize("path", ["/healthz", "/cds-services", "/trials", f"/trials/{SINAI}", "/metrics"])
def test_what_is_about_nobody_is_no_event(client: FlaskClient, told: Told, path: str) -> None:
    assert client.get(path).status_code == 200
    assert told() == []


USERS = {
    "Practitioner/1": {"reference": "Practitioner/1"},
    "PractitionerRole/a-b.c": {"reference": "PractitionerRole/a-b.c"},
    "Dr. Who": {"identifier": {"value": "Dr. Who"}, "display": "Dr. Who"},
    "Practitioner/1\n": {"identifier": {"value": "Practitioner/1"}, "display": "Practitioner/1"},
    "\x00": {"identifier": {"value": "not printable"}, "display": "not printable"},
    "x" * 4096: {"identifier": {"value": "x" * 256}, "display": "x" * 256},
}


@pytest.mark.parametrize("user", USERS)
def test_users_are_told_as_they_came_but_never_more_than_a_name(user: str) -> None:
    event = audit_event(Access(0.0, "operation", "/e", "r" * 8, 200, patient="Patient/1", user=user), "trialhook")
    AuditEvent.model_validate(event)
    assert event["agent"][2]["who"] == USERS[user]
    assert event["recorded"] == "1970-01-01T00:00:00.000Z"


def test_an_access_of_which_nothing_is_known_is_a_valid_event_too() -> None:
    event = audit_event(Access(0.0, "operation", "/evaluate", "", 500), "trialhook")
    AuditEvent.model_validate(event)
    assert "entity" not in event


@pytest.mark.parametrize("wanted", ["refuse", "answer"])
def test_an_event_that_cannot_be_written_refuses_the_answer_or_not_as_the_site_wants(
    serve: Serve, tmp_path: Path, wanted: str
) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    client = serve(AUDIT_EVENTS=f"{folder}/audit.ndjson", UNRECORDED=wanted)
    folder.rmdir()
    before = REGISTRY.get_sample_value("trialhook_unrecorded_total", {"what": "audit-event"}) or 0
    answer = post(client, CALL, call_body())
    assert answer.status_code == (503 if wanted == "refuse" else 200)
    assert REGISTRY.get_sample_value("trialhook_unrecorded_total", {"what": "audit-event"}) == before + 1
    assert post(client, CALL, b"{").status_code == 400  # what is refused anyhow is refused for its own reason


def test_the_database_keeps_them_too(serve: Serve) -> None:
    client = serve(AUDIT_EVENTS="database")
    post(client, CALL, call_body())
    (line,) = client.application.extensions[EXTENSION].audit._place.lines()
    assert AuditEvent.model_validate_json(line).outcome == "0"


# ---- an audit server


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_a_server_is_sent_each_event_with_the_token(serve: Serve, server: responses.RequestsMock) -> None:
    sent = server.post(f"{AUDIT}/AuditEvent", status=201)
    client = serve(AUDIT_EVENTS=AUDIT, AUDIT_TOKEN="secret-token")
    post(client, f"/evaluate{TEST_DAYS}", eligible(SINAI).bundle())
    assert client.application.extensions[EXTENSION].audit.flush()
    (call,) = sent.calls
    assert call.request.headers["Authorization"] == "Bearer secret-token"
    assert call.request.headers["Content-Type"] == "application/fhir+json"
    assert AuditEvent.model_validate_json(call.request.body).outcome == "0"


def entry(text: str = "{}") -> Entry:
    return Entry("1", 0.0, text.encode())


@pytest.mark.parametrize("status", [503, 429])
def test_a_server_that_is_busy_is_asked_again(server: responses.RequestsMock, status: int) -> None:
    server.post(f"{AUDIT}/AuditEvent", status=status, headers={"Retry-After": "0"})
    sent = server.post(f"{AUDIT}/AuditEvent", status=201)
    audit = AuditServer(AUDIT, "")
    audit.append(entry())
    assert audit.flush(10)
    assert (audit.lost, len(sent.calls)) == (0, 1)


@pytest.mark.parametrize("status", [400, 401, 302, 422])
def test_an_event_that_a_server_refuses_is_counted(
    server: responses.RequestsMock, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    server.post(f"{AUDIT}/AuditEvent", status=status, headers={"Location": "https://evil.example.org/AuditEvent"})
    logs.configure("warning")
    audit = AuditServer(AUDIT, "secret-token")
    audit.append(entry('{"patient":"Zebrowska"}'))
    assert audit.flush(10)
    assert audit.lost == 1
    told = "".join(capsys.readouterr())
    assert "an audit event is lost" in told
    assert not [word for word in ("Zebrowska", "secret-token", "evil") if word in told]


def test_no_answer_waits_for_a_server_and_what_does_not_fit_the_queue_is_counted(
    server: responses.RequestsMock,
) -> None:
    held, went_in = threading.Event(), threading.Event()

    def wait(_: object) -> tuple[int, dict[str, str], str]:
        went_in.set()
        held.wait(10)
        return 201, {}, ""

    server.add_callback(responses.POST, f"{AUDIT}/AuditEvent", callback=wait)
    audit = AuditServer(AUDIT, "", length=2)
    audit.append(entry())
    assert went_in.wait(10)
    for _ in range(3):  # two wait, the third has no room; none of them blocks
        audit.append(entry())
    assert audit.lost == 1
    assert not audit.flush(0.01)
    held.set()
    assert audit.flush(10)
    assert audit.lost == 1


def test_a_server_need_not_be_one_that_cds_clients_may_name(serve: Serve) -> None:
    client = serve(AUDIT_EVENTS=AUDIT)
    servers = client.application.extensions[EXTENSION].chart._servers
    with pytest.raises(NotAllowed):
        servers.at(AUDIT)


def test_a_token_without_a_server_stops_the_start(serve: Serve) -> None:
    with pytest.raises(SettingsError, match="TRIALHOOK_AUDIT_TOKEN"):
        serve(AUDIT_TOKEN="secret", AUDIT_EVENTS="database")


def test_bodies_are_not_in_the_event(client: FlaskClient, told: Told) -> None:
    record = eligible(SINAI).edit("patient", name=[{"family": "Zebrowska"}])
    post(client, f"/evaluate{TEST_DAYS}", record.bundle())
    assert b"Zebrowska" not in as_json(told())


def test_whoever_can_wait_loses_nothing_to_a_full_queue(server: responses.RequestsMock) -> None:
    sent = server.post(f"{AUDIT}/AuditEvent", status=201)
    audit = AuditServer(AUDIT, "", length=2)
    audit.deliver(entry() for _ in range(20))
    assert (audit.lost, len(sent.calls)) == (0, 20)


def test_many_events_that_a_server_does_not_take_are_told(server: responses.RequestsMock) -> None:
    for status in (422, 201, 422):
        server.post(f"{AUDIT}/AuditEvent", status=status)
    audit = AuditServer(AUDIT, "")
    with pytest.raises(StoreError, match="did not take: 2"):
        audit.deliver(entry() for _ in range(3))


def test_of_many_events_the_rest_is_not_tried_at_a_server_that_takes_none(server: responses.RequestsMock) -> None:
    sent = server.post(f"{AUDIT}/AuditEvent", status=401)
    audit = AuditServer(AUDIT, "")
    with pytest.raises(StoreError, match="the rest was not tried"):
        audit.deliver(entry() for _ in range(20))
    assert len(sent.calls) == 3


def test_many_events_are_sent_several_at_a_time_and_each_once(server: responses.RequestsMock) -> None:
    sent: list[bytes] = []
    second = threading.Event()

    def taken(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert isinstance(request.body, bytes)
        sent.append(request.body)
        if request.body == b"2":
            second.set()
        if request.body == b"1":  # is not answered before the next has come
            assert second.wait(30)
        return 201, {}, ""

    server.add_callback(responses.POST, f"{AUDIT}/AuditEvent", callback=taken)
    audit = AuditServer(AUDIT, "", seconds=60)
    audit.deliver(entry(str(number)) for number in range(41))
    assert sorted(map(int, sent)) == list(range(41))
    assert audit.lost == 0
