"""Clients that are closed after the test, a mocked server, and one on loopback that misbehaves below HTTP."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import responses

from service.fhir_client import FhirServers, Server

BASE = "https://ehr.example.org/fhir"
ENOUGH = 1_000_000

Behaviour = Callable[[socket.socket, threading.Event], None]


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def servers() -> Iterator[Callable[..., FhirServers]]:
    """FhirServers without pauses between attempts, for BASE if no other address is given."""
    made: list[FhirServers] = []

    def make(*allowed: str, max_bytes: int = ENOUGH, **options: object) -> FhirServers:
        made.append(FhirServers(allowed or (BASE,), max_bytes, **({"pause": 0.0} | options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def server(servers: Callable[..., FhirServers]) -> Server:
    return servers().at(BASE, "secret-token")


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


class Loopback:
    """A TCP server of one behaviour: what it does with a connection whose first request has come. It counts
    connections."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.connections = 0
        self.stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.stop.is_set():
                connection.close()
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                if request_on(connection):
                    self.behaviour(connection, self.stop)
            except OSError:
                pass  # the client went away, as it should

    def close(self) -> None:
        self.stop.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()
        self._listener.close()


def request_on(connection: socket.socket) -> bytes:
    """The next request on a connection; empty where the client has closed it."""
    request = b""
    while not request.endswith(b"\r\n\r\n") and (data := connection.recv(65_536)):
        request += data
    return request


@pytest.fixture
def loopback() -> Iterator[Callable[[Behaviour], Loopback]]:
    started: list[Loopback] = []

    def start(behaviour: Behaviour) -> Loopback:
        started.append(Loopback(behaviour))
        return started[-1]

    yield start
    for each in started:
        each.close()
