"""What is answered where a request does not reach the application."""

import json
import socket
from typing import Any

import pytest
from gunicorn.http import errors

from service.refusals import refusal, status_of
from service.worker import Connection, PatientWorker

ORIGIN = "https://ehr.example.org"
KINDS: list[tuple[Exception, int]] = [
    (errors.LimitRequestLine(5000, 4094), 414),
    (errors.LimitRequestHeaders("limit request headers fields size"), 431),
    (errors.InvalidRequestLine("GET /?patient=Jane"), 400),
    (errors.InvalidHeader("Jane"), 400),
    (errors.InvalidHTTPVersion("Jane"), 400),
    (errors.InvalidChunkSize(b"Jane"), 400),
    (errors.ObsoleteFolding("Jane"), 400),
    (errors.UnsupportedTransferCoding("Jane"), 501),
    (errors.ExpectationFailed("Jane"), 417),
    (errors.InvalidResponseHeader("Jane"), 500),
    (ZeroDivisionError("Jane"), 500),
]


def parted(answer: bytes) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Status line, headers, body."""
    head, _, body = answer.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return first, headers, json.loads(body)


@pytest.mark.parametrize(("error", "status"), KINDS, ids=lambda value: getattr(type(value), "__name__", str(value)))
def test_every_refusal_is_a_problem_that_quotes_nothing(error: Exception, status: int) -> None:
    assert status_of(error) == status
    answer = refusal(status_of(error), "", ())
    first, headers, body = parted(answer)
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert headers["Content-Type"].startswith("application/problem+json")
    assert headers["Connection"] == "close"
    assert (body["status"], bool(body["code"]), bool(body["detail"])) == (status, True, True)
    assert b"Jane" not in answer


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, True), ("https://evil.example.org", False), ("", False)])
def test_a_page_of_a_listed_origin_may_read_a_refusal(origin: str, allowed: bool) -> None:
    _, headers, _ = parted(refusal(431, origin, frozenset({ORIGIN})))
    assert headers.get("Access-Control-Allow-Origin") == (ORIGIN if allowed else None)
    assert headers["Vary"] == "Origin"


class Worker(PatientWorker):
    """As far as it answers errors."""

    def __init__(self) -> None:
        import threading

        self._serving = threading.local()
        self._origins = frozenset({ORIGIN})
        self.log = self
        self.told: list[str] = []

    def warning(self, message: str) -> None:
        self.told.append(message)

    exception = warning


@pytest.mark.parametrize(("error", "status"), [(errors.InvalidHeader("Jane"), 400), (ZeroDivisionError(), 500)])
def test_a_worker_answers_what_it_cannot_take(error: Exception, status: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Worker()
        worker.handle_error(None, ours, ("127.0.0.1", 1), error)
        first, headers, _ = parted(theirs.recv(4096))
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert "Access-Control-Allow-Origin" not in headers
    assert "Jane" not in str(worker.told)


HEAD = b"GET /x HTTP/1.1\r\nHost: x\r\nORIGIN:  https://ehr.example.org \r\n"


@pytest.mark.parametrize(
    ("came", "origin"),
    [
        pytest.param(HEAD + b"\r\n", ORIGIN, id="in its head"),
        pytest.param(HEAD + b"X: " + b"a" * 100_000, ORIGIN, id="before a header without an end"),
        pytest.param(b"GET /x HTTP/1.1\r\n\r\n" + HEAD, "", id="in its body"),
        pytest.param(b"GET /x HTTP/1.1\r\nX-Origin: https://ehr.example.org\r\n\r\n", "", id="in another header"),
        pytest.param(b"GET /x HTTP/1.1\r\nOrigin: a b\r\n\r\n", "", id="none that is one"),
    ],
)
def test_the_origin_of_a_request_is_read_from_its_head(came: bytes, origin: str) -> None:
    assert Connection.origin_in(bytearray(came)) == origin
