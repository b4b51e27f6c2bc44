"""A request takes a thread once it has arrived, and not before."""

import socket
import time
from collections.abc import Iterator

import pytest

from service import worker
from service.worker import Connection, TimedSource

POST = b"POST /x HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def connection(ends: tuple[socket.socket, socket.socket]) -> Connection:
    return Connection(None, ends[0], ("127.0.0.1", 1), ("127.0.0.1", 2))


def came(connection: Connection, data: bytes) -> bool:
    connection.came += data
    return connection.has_arrived()


@pytest.mark.parametrize(
    ("almost", "rest"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r", b"\n", id="a head"),
        pytest.param(POST + b"Content-Length: 0\r\n\r", b"\n", id="an empty body"),
        pytest.param(POST + b"Content-Length: 3\r\n\r\n{ ", b"}", id="a body"),
        pytest.param(POST + b"cOnTeNt-LeNgTh:\t3 \r\nAccept: x\r\n\r\n{ ", b"}", id="a length in another spelling"),
        pytest.param(POST + b"X-Content-Length: 9\r\n\r", b"\n", id="a header that only ends alike"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r", b"\n", id="a body that comes in chunks"),
        pytest.param(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r", b"\n", id="a client that asks first"),
        pytest.param(b"x" * worker.HEAD_BYTES, b"x", id="a head without an end"),
    ],
)
def test_a_request_has_arrived_with_its_last_byte(connection: Connection, almost: bytes, rest: bytes) -> None:
    assert not came(connection, almost)
    assert came(connection, rest)


def test_of_a_large_body_only_the_beginning_is_gathered(connection: Connection) -> None:
    head = POST + b"Content-Length: %d\r\n\r\n" % (worker.GATHERED_BYTES + 1)
    assert not came(connection, head + b" " * (worker.GATHERED_BYTES - 1))
    assert came(connection, b" ")


def test_a_length_inside_a_body_is_no_length(connection: Connection) -> None:
    assert came(connection, POST + b"\r\n\r\nContent-Length: 99999\r\n\r\n")


def test_what_comes_in_time_is_read(ends: tuple[socket.socket, socket.socket]) -> None:
    source = TimedSource(ends[0])
    source.until = time.monotonic() + 60
    ends[1].sendall(b"abc")
    assert source.recv(10) == b"abc"
    assert ends[0].gettimeout() == worker.SENDING_SECONDS


@pytest.mark.parametrize("left", [-1.0, 0.01])
def test_what_comes_too_late_is_as_lost(ends: tuple[socket.socket, socket.socket], left: float) -> None:
    source = TimedSource(ends[0])
    source.until = time.monotonic() + left
    with pytest.raises(ConnectionResetError):
        source.recv(10)
