"""Jobs and files of a server: where they may lie, where the token goes, and how slow a file may be."""

import socket
import threading
from collections.abc import Callable

import pytest
import responses

from service.fhir_client import Bearer, FhirServers, NotAllowed
from service.fhir_client.addresses import Reach, parse_base
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Request
from tests.fhir_client.conftest import BASE, Behaviour, Loopback, request_on, soon

Servers = Callable[..., FhirServers]
REACH = Reach(parse_base(BASE), (parse_base(BASE), parse_base("https://files.example.org/bulk")))


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f"{BASE}/$export-poll-status?_jobId=1", f"{BASE}/$export-poll-status?_jobId=1"),
        ("$poll/1", f"{BASE}/$poll/1"),
        ("/bulk/1", "https://ehr.example.org/bulk/1"),
        ("https://ehr.example.org:443/elsewhere", "https://ehr.example.org/elsewhere"),
        ("https://files.example.org/bulk/1", "https://files.example.org/bulk/1"),
    ],
)
def test_jobs_and_files_lie_on_the_servers_origin_or_under_a_listed_address(link: str, url: str) -> None:
    assert REACH.at(link).url == url


@pytest.mark.parametrize(
    "link",
    [
        "https://files.example.org/other/1",
        "https://files.example.org/bulkier",
        "https://files.example.org/bulk/../other",
        "http://ehr.example.org/fhir/1",
        "https://ehr.example.org:8443/fhir/1",
        "https://ehr.example.org@evil.example.com/fhir",
        "https://evil.example.com/fhir",
        "//evil.example.com/fhir",
        "file:///etc/passwd",
    ],
)
def test_they_lie_nowhere_else(link: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        REACH.at(link)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        (f"{BASE}/x", True),
        ("https://ehr.example.org/other", True),
        ("https://files.example.org/bulk/1", False),
        ("http://ehr.example.org/fhir", False),
    ],
)
def test_the_token_stays_on_the_servers_origin(url: str, trusted: bool) -> None:
    assert REACH.trusts(parse_base(url)) is trusted


def test_a_server_that_is_not_listed_has_no_jobs(servers: Servers) -> None:
    with pytest.raises(NotAllowed):
        servers().remote("https://evil.example.com/fhir")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_a_get_is_redirected(mocked: responses.RequestsMock, servers: Servers, method: str) -> None:
    mocked.add(method, f"{BASE}/job", status=307, headers={"Location": f"{BASE}/elsewhere"})
    remote = servers().remote(BASE)
    with pytest.raises(Failure, match=f"redirects a {method}"):
        remote.ask(Request(method, remote.reach.at("job"), {}), soon())


def test_a_request_that_is_not_authorized_carries_no_token(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(f"{BASE}/job", json={})
    remote = servers().remote(BASE, Bearer("t1"))
    request = Request("GET", remote.reach.at("job"), {})
    remote.ask(request, soon())
    remote.ask(request, soon(), authorized=False)
    sent = [call.request.headers.get("Authorization") for call in mocked.calls]  # type: ignore[union-attr, misc]
    assert sent == ["Bearer t1", None]


def test_the_token_comes_back_no_sooner_than_the_redirect(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(f"{BASE}/job", status=302, headers={"Location": "https://files.example.org/bulk/1"})
    mocked.get("https://files.example.org/bulk/1", json={})
    remote = servers(BASE, "https://files.example.org/bulk").remote(BASE, Bearer("t1"))
    assert remote.ask(Request("GET", remote.reach.at("job"), {}), soon()).status == 200
    sent = [call.request.headers.get("Authorization") for call in mocked.calls]  # type: ignore[union-attr, misc]
    assert sent == ["Bearer t1", None]


# ---- slow files


def drips(pause: float, pieces: int = 6) -> Behaviour:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % pieces)
        for _ in range(pieces):
            connection.sendall(b"x")
            stop.wait(pause)
        request_on(connection)

    return behave


def read(servers: FhirServers, base: str, idle: float, seconds: float) -> bytes:
    remote = servers.remote(base, idle=idle)

    def attempt() -> bytes:
        with remote.file(remote.reach.at("file"), "*/*", soon(seconds), authorized=False) as pieces:
            return b"".join(pieces)

    return remote.retrying(attempt, soon(seconds))


def test_a_file_may_take_longer_than_it_may_pause(servers: Servers, loopback: Callable[[Behaviour], Loopback]) -> None:
    server = loopback(drips(0.1))
    assert read(servers(server.base), server.base, idle=0.5, seconds=30) == b"xxxxxx"


def test_a_file_that_pauses_for_too_long_is_tried_again(
    servers: Servers, loopback: Callable[[Behaviour], Loopback]
) -> None:
    server = loopback(drips(30.0))
    with pytest.raises(Failure, match="stopped sending"):
        read(servers(server.base, retries=1), server.base, idle=0.2, seconds=30)
    assert server.connections == 2


def test_a_file_ends_with_its_deadline_however_steadily_it_comes(
    servers: Servers, loopback: Callable[[Behaviour], Loopback]
) -> None:
    server = loopback(drips(0.05, pieces=10_000))
    with pytest.raises(Failure, match="in time"):
        read(servers(server.base), server.base, idle=5.0, seconds=0.5)
