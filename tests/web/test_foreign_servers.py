"""Callers name servers, next pages and references; none of them makes the service call what it was not told to."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.fhir_client.addresses import ip_of
from tests.builders import SERVER, SINAI, Json, RxNorm, eligible, request, searchset
from tests.web.conftest import CALL, Serve, call_body, called, post, prefetch

RECORD = eligible(SINAI)
TOKEN = "token-of-the-user"
ACCESS = {"access_token": TOKEN, "token_type": "Bearer"}

ELSEWHERE = [
    # cloud metadata, this machine, private networks, in every spelling
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/latest",
    "http://metadata.google.internal/computeMetadata/v1",
    "http://localhost/fhir",
    "http://localhost:8080/fhir",
    "http://localhost./fhir",
    "http://127.0.0.1/fhir",
    "http://127.1/fhir",
    "http://2130706433/fhir",
    "http://0x7f000001/fhir",
    "http://0177.0.0.1/fhir",
    "http://0.0.0.0/fhir",
    "http://[::1]/fhir",
    "http://[::]/fhir",
    "http://[::ffff:127.0.0.1]/fhir",
    "http://[::ffff:169.254.169.254]/fhir",
    "http://[64:ff9b::7f00:1]/fhir",
    "http://[fe80::1%25eth0]/fhir",
    "http://10.0.0.1/fhir",
    "http://192.168.1.1/fhir",
    "http://①②⑦.0.0.1/fhir",
    # no web address at all
    "file:///etc/passwd",
    "file://ehr.example.org/fhir",
    "ftp://ehr.example.org/fhir",
    "gopher://127.0.0.1:6379/_INFO",
    "data:application/json,{}",
    "unix:///run/docker.sock",
    "//ehr.example.org/fhir",
    "ehr.example.org/fhir",
    "/fhir",
    "https://",
    "https:///fhir",
    "https://[/fhir",
    "https://ehr.example.org:99999/fhir",
    "javascript:alert(1)",
    # almost the one that is allowed
    "http://ehr.example.org/fhir",
    "https://ehr.example.org:8443/fhir",
    "https://ehr.example.org",
    "https://ehr.example.org/fhirs",
    "https://ehr.example.org/fhir/../admin",
    "https://ehr.example.org/fhir/%2e%2e/admin",
    "https://ehr.example.org/fhir/..%2fadmin",
    "https://ehr.example.org/fhir/..;/admin",
    "https://ehr.example.org/fhir?_format=json",
    "https://ehr.example.org/fhir#",
    "https://ehr.example.org.evil.example/fhir",
    "https://evil.example/https://ehr.example.org/fhir",
    "https://evilehr.example.org/fhir",
    "https://ehr.example.org@evil.example/fhir",
    "https://ehr.example.org:443@evil.example/fhir",
    "https://evil.example@ehr.example.org/fhir",
    "https://user:password@ehr.example.org/fhir",
    "https://evil.example\\@ehr.example.org/fhir",
    "https://ehr.example.org\\.evil.example/fhir",
    "https://evil.example#@ehr.example.org/fhir",
    "https://evil.example?@ehr.example.org/fhir",
    "https://ehr.example.org%00.evil.example/fhir",
    "https://ehr.example.org%2eevil.example/fhir",
    "https://ehr.example.org\r\nHost: evil.example/fhir",
    "https://ehr.example.org /fhir",
    "https://ehr。example。org/fhir",
    "https://еhr.example.org/fhir",  # with a Cyrillic letter
]
ALLOWED_FORMS = [
    SERVER,
    f"{SERVER}/",
    "HTTPS://EHR.EXAMPLE.ORG/fhir",
    "https://ehr.example.org:443/fhir",
    "https://ehr.example.org./fhir",
    f"{SERVER}/tenant-7",
]


class Wire:
    """Names that were looked up and addresses that were connected to."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.peers: list[Any] = []
        self.answers: dict[str, str] = {}

    def look_up(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if ip_of(host) is None:
            self.names.append(host)
            if host not in self.answers:
                raise socket.gaierror("no such name")
        address = self.answers.get(host, host)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        where = (address, port, 0, 0) if ":" in address else (address, port)
        return [(family, socket.SOCK_STREAM, 6, "", where)]

    def connect(self, address: Any) -> None:
        self.peers.append(address)
        raise ConnectionRefusedError("nobody there")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(socket, "getaddrinfo", wire.look_up)
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: wire.connect(address))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda _, address: wire.connect(address))
    return wire


def asked(client: FlaskClient, server: str) -> TestResponse:
    return post(client, CALL, call_body(prefetch=None, fhirServer=server, fhirAuthorization=ACCESS))


def match(client: FlaskClient, reference: str) -> TestResponse:
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueReference": {"reference": reference}}],
    }
    return post(client, "/fhir/ResearchStudy/$match", parameters)


@pytest.mark.parametrize("server", ELSEWHERE)
def test_a_server_that_is_not_listed_is_not_even_looked_up(serve: Serve, wire: Wire, server: str) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    assert asked(client, server).status_code == 412
    assert match(client, f"{server}/Patient/p1").status_code in (400, 412)
    assert (wire.names, wire.peers) == ([], [])


@pytest.mark.parametrize("server", [SERVER, ELSEWHERE[0], ELSEWHERE[3]])
def test_where_no_server_is_listed_none_is_called(serve: Serve, wire: Wire, server: str) -> None:
    client = serve()
    assert asked(client, server).status_code == 412
    assert match(client, f"{server}/Patient/p1").status_code == 412
    assert (wire.names, wire.peers) == ([], [])


@pytest.mark.parametrize("server", ALLOWED_FORMS)
def test_the_server_that_is_listed_is_called_however_it_is_spelled(serve: Serve, wire: Wire, server: str) -> None:
    asked(serve(FHIR_ALLOWED=SERVER), server)
    assert set(wire.names) == {"ehr.example.org"}


METADATA = ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "0.0.0.0", "::",
    "fd00:ec2::254", "100.100.100.200"]  # fmt: skip


@pytest.mark.parametrize("address", METADATA)
def test_a_listed_name_that_leads_to_where_clouds_keep_secrets_is_not_called(
    serve: Serve, wire: Wire, address: str
) -> None:
    wire.answers["ehr.example.org"] = address
    assert asked(serve(FHIR_ALLOWED=SERVER), SERVER).status_code == 412
    assert "ehr.example.org" in wire.names
    assert wire.peers == []


def test_a_listed_name_that_leads_outside_is_called(serve: Serve, wire: Wire) -> None:
    wire.answers["ehr.example.org"] = "93.184.216.34"
    asked(serve(FHIR_ALLOWED=SERVER), SERVER)
    assert {peer[0] for peer in wire.peers} == {"93.184.216.34"}


def test_a_listed_name_that_is_pointed_inside_later_is_not_called_any_more(serve: Serve, wire: Wire) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    for address in ("93.184.216.34", "127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1"):
        wire.answers["ehr.example.org"] = address
        assert asked(client, SERVER).status_code == 412
    assert {peer[0] for peer in wire.peers} == {"93.184.216.34"}


# ---- what a server says ----------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=float))


def answering(server: responses.RequestsMock, **special: dict[str, Any]) -> None:
    server.get(f"{SERVER}/Patient/p1", json=plain(RECORD.resources["patient"]))
    for kind in ("Condition", "Observation", "MedicationStatement", "MedicationRequest", "MedicationAdministration",
        "MedicationDispense", "Procedure", "AllergyIntolerance"):  # fmt: skip
        server.get(f"{SERVER}/{kind}", **special.get(kind, {"json": plain(searchset(RECORD.of_type(kind), kind))}))


def called_servers(server: responses.RequestsMock) -> set[str]:
    """Every address that was asked stood below the listed one, and only there went the token."""
    for sent in server.calls:
        assert sent.request.url.startswith(f"{SERVER}/")
        assert sent.request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in sent.request.url
    return {sent.request.url for sent in server.calls}


LEADING_AWAY = [
    "https://evil.example/fhir?page=2",
    "http://ehr.example.org/fhir?page=2",
    "https://ehr.example.org/admin?page=2",
    "https://ehr.example.org/fhir/../admin?page=2",
    "https://ehr.example.org@evil.example/fhir?page=2",
    "//evil.example/fhir?page=2",
    "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:127.0.0.1]/fhir?page=2",
    "file:///etc/passwd",
    "\\\\evil.example\\fhir",
    "/../../admin",
]


@pytest.mark.parametrize("link", LEADING_AWAY)
def test_a_next_page_elsewhere_is_not_read_and_leaves_the_search_incomplete(
    serve: Serve, server: responses.RequestsMock, link: str
) -> None:
    page = plain(searchset(RECORD.of_type("Procedure"), "Procedure", next_url=link))
    answering(server, Procedure={"json": page})
    body = call_body(prefetch=None, fhirServer=SERVER, fhirAuthorization=ACCESS)
    cards = called(serve(FHIR_ALLOWED=SERVER), body)
    assert len(called_servers(server)) == 9
    reasons = [c["reason"] for card in cards for c in card["extension"]["org.trialhook.result"]["criteria"]]
    assert any("Procedure resources" in reason for reason in reasons)


@pytest.mark.parametrize("link", LEADING_AWAY)
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_elsewhere_is_not_followed(
    serve: Serve, server: responses.RequestsMock, link: str, status: int
) -> None:
    answering(server, Procedure={"status": status, "headers": {"Location": link}})
    called(serve(FHIR_ALLOWED=SERVER), call_body(prefetch=None, fhirServer=SERVER, fhirAuthorization=ACCESS))
    assert len(called_servers(server)) == 9


def test_a_next_page_of_the_callers_prefetch_is_not_read_but_searched_anew(
    serve: Serve, server: responses.RequestsMock
) -> None:
    answering(server)
    found = prefetch(RECORD) | {"procedures": searchset([], "Procedure", next_url="https://evil.example/fhir?page=2")}
    called(serve(FHIR_ALLOWED=SERVER), call_body(prefetch=found, fhirServer=SERVER, fhirAuthorization=ACCESS))
    assert [url.partition("?")[0] for url in called_servers(server)] == [f"{SERVER}/Procedure"]


@pytest.mark.parametrize("reference", ["https://evil.example/fhir/Medication/m1", "http://169.254.169.254/Medication/m1",
    f"{SERVER}/../Medication/m1", "Medication/../../admin", "Medication/m1?x=y", "Medication/..", "Patient/p2",
    f"{SERVER}@evil.example/Medication/m1", "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e", "#m1"])  # fmt: skip
def test_a_reference_elsewhere_is_not_followed(serve: Serve, server: responses.RequestsMock, reference: str) -> None:
    answering(server)
    order: Json = request(RxNorm.VERAPAMIL, "2026-09-01") | {"id": "order"}
    del order["medicationCodeableConcept"]
    order["medicationReference"] = {"reference": reference}
    found = prefetch(RECORD) | {"medicationRequests": searchset([order], "MedicationRequest")}
    called(serve(FHIR_ALLOWED=SERVER), call_body(prefetch=found, fhirServer=SERVER, fhirAuthorization=ACCESS))
    assert called_servers(server) == set()


@pytest.mark.parametrize("identity", ["..", ".", "a..b", "-", "p1.."])
def test_an_id_does_not_lead_out_of_its_type(serve: Serve, server: responses.RequestsMock, identity: str) -> None:
    body = call_body(prefetch=None, fhirServer=SERVER, fhirAuthorization=ACCESS)
    body["context"] = body["context"] | {"patientId": identity}
    server.get(f"{SERVER}/Patient/-", status=404)
    post(serve(FHIR_ALLOWED=SERVER), CALL, body)
    for url in called_servers(server):
        path = requests.utils.urlparse(url).path
        assert path.startswith("/fhir/")
        assert "/.." not in path


def test_the_token_of_one_call_is_not_sent_with_the_next(serve: Serve, server: responses.RequestsMock) -> None:
    answering(server)
    client = serve(FHIR_ALLOWED=SERVER)
    for access in (ACCESS, None, {"access_token": "another"}):
        called(client, call_body(prefetch=None, fhirServer=SERVER, fhirAuthorization=access))
    sent = [call.request.headers.get("Authorization") for call in server.calls]
    assert sent == [f"Bearer {TOKEN}"] * 9 + [None] * 9 + ["Bearer another"] * 9


def test_addresses_and_proxies_of_the_environment_change_nothing(
    serve: Serve, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.evil.example:3128")
    asked(serve(FHIR_ALLOWED=SERVER), SERVER)
    assert set(wire.names) == {"ehr.example.org"}
