"""The bounds on bytes and time hold against servers that send too much, too slowly, or nothing."""

import contextlib
import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import responses

from service.fhir_client import FhirServers, transport
from tests.fhir_client.conftest import BASE, Behaviour, Loopback, request_on, soon
from tests.fhir_client.test_reading import FHIR, PATIENT, searchset

Servers = Callable[..., FhirServers]
Start = Callable[[Behaviour], Loopback]
LATE = "did not arrive in time"
BODY = json.dumps(PATIENT).encode()


def head(length: int, *more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {FHIR}", f"Content-Length: {length}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize(("most", "complete"), [(len(BODY), True), (len(BODY) - 1, False)])
def test_bytes_are_counted(mocked: responses.RequestsMock, servers: Servers, most: int, complete: bool) -> None:
    mocked.get(f"{BASE}/Patient/1", body=BODY, content_type=FHIR)
    answer = servers(max_bytes=most).at(BASE).read("Patient/1", soon())
    assert answer.complete is complete
    assert complete or answer.problem == f"more than the {most} bytes that one call may read"


def test_bytes_are_counted_unpacked(mocked: responses.RequestsMock, servers: Servers) -> None:
    bomb = gzip.compress(b'{"resourceType":"Patient","x":"' + b" " * 20_000_000 + b'"}')
    assert len(bomb) < 100_000
    mocked.get(f"{BASE}/Patient/1", body=bomb, headers={"Content-Encoding": "gzip"}, content_type=FHIR)
    answer = servers(max_bytes=100_000).at(BASE).read("Patient/1", soon())
    assert answer.problem.startswith("more than")
    assert not answer.temporary


def test_questions_side_by_side_share_the_bytes(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(f"{BASE}/Patient/1", body=BODY, content_type=FHIR)
    mocked.get(f"{BASE}/Patient/2", body=BODY, content_type=FHIR)
    server = servers(max_bytes=len(BODY) * 3 // 2).at(BASE)
    answers = server.ask_all({"a": "Patient/1", "b": "Patient/2"}, soon())
    assert sorted(answer.complete for answer in answers.values()) == [False, True]


def test_pages_of_a_search_share_the_bytes_and_those_that_came_are_kept(
    mocked: responses.RequestsMock, servers: Servers
) -> None:
    first = json.dumps(searchset(link=[{"relation": "next", "url": "?page=2"}]))
    mocked.get(f"{BASE}/Observation?patient=1", body=first, content_type=FHIR)
    mocked.get(f"{BASE}/Observation?page=2", json=searchset())
    answer = servers(max_bytes=len(first) + 1).at(BASE).search("Observation?patient=1", soon())
    assert len(answer.pages) == 1
    assert not answer.complete


def test_each_server_object_has_bytes_of_its_own(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(f"{BASE}/Patient/1", body=BODY, content_type=FHIR)
    client = servers(max_bytes=len(BODY))
    for _ in range(2):
        server = client.at(BASE)
        assert server.read("Patient/1", soon()).complete
        assert not server.read("Patient/1", soon()).complete


def test_after_the_deadline_nothing_is_asked(servers: Servers) -> None:
    answer = servers().at(BASE).read("Patient/1", time.monotonic() - 1)
    assert (answer.problem, answer.temporary, answer.status) == (LATE, True, 0)


def _silent(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(30)


def _drip(data: bytes) -> Behaviour:
    """Sends one byte at a time, each long before a socket would time out."""

    def send(connection: socket.socket, stop: threading.Event) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            if stop.wait(0.02):
                return

    return send


def _headers_then_silence(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(head(1000))
    stop.wait(30)


@pytest.mark.parametrize(
    "behaviour",
    [
        _silent,
        _headers_then_silence,
        _drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 3000),
        _drip(head(3000) + b"x" * 3000),
        _drip(head(3000, "Content-Encoding: gzip") + gzip.compress(b"") * 150),
        _drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 3000),
        _drip(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000),
    ],
    ids=["silent", "no body", "headers", "body", "empty gzip", "chunk size", "error"],
)
def test_a_slow_server_is_not_waited_for(loopback: Start, servers: Servers, behaviour: Behaviour) -> None:
    slow = loopback(behaviour)
    client = servers(slow.base)
    answer = client.at(slow.base).read("Patient/1", soon(0.3))
    assert not answer.complete
    assert not answer.pages
    closing = threading.Thread(target=client.close)  # waits for the thread that asked
    closing.start()
    closing.join(20)
    assert not closing.is_alive(), "a thread still hangs on the server, which would go on for a minute"


def test_the_body_of_a_redirect_is_not_waited_for(loopback: Start, servers: Servers) -> None:
    def serve(connection: socket.socket, stop: threading.Event) -> None:
        if target.connections == 1:
            connection.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: 2\r\nContent-Length: 9\r\n\r\n")
            stop.wait(30)
        connection.sendall(head(len(BODY)) + BODY)

    target = loopback(serve)
    assert servers(target.base).at(target.base).read("Patient/1", soon()).complete


def test_what_came_in_time_is_told_apart_from_what_did_not(loopback: Start, servers: Servers) -> None:
    first = json.dumps(searchset(link=[{"relation": "next", "url": "Observation?page=2"}])).encode()

    def serve(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head(len(first)) + first)
        if request_on(connection):
            stop.wait(30)

    halting = loopback(serve)
    server = servers(halting.base).at(halting.base)
    answers = server.ask_all({"slow": "Observation?patient=1", "bad": "x/y/z"}, soon(1.0))
    assert list(answers) == ["slow", "bad"]
    assert (answers["slow"].problem, answers["slow"].temporary) == (LATE, True)
    assert answers["slow"].pages == (first,)
    assert answers["slow"].status == 200


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, servers: Servers) -> None:
    found = threading.Event()

    def look_up(*args: Any, **kwargs: Any) -> list[Any]:
        found.wait(30)
        raise socket.gaierror("unknown")

    monkeypatch.setattr(transport.socket, "getaddrinfo", look_up)
    answer = servers().at(BASE).read("Patient/1", soon(0.2))
    still_looking = not found.is_set()
    found.set()
    assert (answer.problem, answer.temporary) == (LATE, True)
    assert still_looking


def test_more_questions_than_connections_wait_their_turn(mocked: responses.RequestsMock, servers: Servers) -> None:
    mocked.get(f"{BASE}/Patient/1", json=PATIENT)
    answers = servers(connections=2).at(BASE).ask_all({str(n): "Patient/1" for n in range(9)}, soon())
    assert all(answer.complete for answer in answers.values())


def test_a_question_whose_turn_never_came_is_late(loopback: Start, servers: Servers) -> None:
    silent = loopback(_silent)
    server = servers(silent.base, connections=1).at(silent.base)
    answers = server.ask_all({"a": "Patient/1", "b": "Patient/2"}, soon(0.2))
    assert [(answer.problem, answer.status) for answer in answers.values()] == [(LATE, 0)] * 2
    assert silent.connections < 2


def _reset(connection: socket.socket, stop: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _truncated(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(head(len(BODY) + 1) + BODY)


def _truncated_chunk(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n" + BODY[:10])


def _no_http(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")


@pytest.mark.parametrize("behaviour", [_reset, _truncated, _truncated_chunk, _no_http])
def test_a_broken_answer_is_tried_again_and_never_taken_for_whole(
    loopback: Start, servers: Servers, behaviour: Behaviour
) -> None:
    broken = loopback(behaviour)
    answer = servers(broken.base, retries=1).at(broken.base).read("Patient/1", soon())
    assert answer.temporary
    assert not answer.pages
    assert broken.connections == 2


def test_a_connection_is_used_again(loopback: Start, servers: Servers) -> None:
    def serve(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head(len(BODY)) + BODY)
        while request_on(connection):
            packed = gzip.compress(BODY)
            connection.sendall(head(len(packed), "Content-Encoding: gzip") + packed)

    kept = loopback(serve)
    client = servers(kept.base)
    answers = [client.at(kept.base).read("Patient/1", soon()) for _ in range(3)]
    assert [answer.pages for answer in answers] == [(BODY,)] * 3
    assert kept.connections == 1
    client.close()


def test_a_connection_that_the_server_has_closed_meanwhile_is_opened_anew(loopback: Start, servers: Servers) -> None:
    def serve(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head(len(BODY)) + BODY)

    once = loopback(serve)
    client = servers(once.base)
    assert all(client.at(once.base).read("Patient/1", soon()).complete for _ in range(2))
    assert once.connections == 2


def test_nobody_listening_is_a_temporary_problem(servers: Servers) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
    answer = servers(base).at(base).read("Patient/1", soon())
    assert (answer.problem, answer.temporary, answer.status) == ("no connection to the server", True, 0)
