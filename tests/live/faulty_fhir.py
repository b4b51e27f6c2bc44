"""A FHIR server on loopback that holds one patient and misbehaves as a test says."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.builders import Record, as_json, searchset

FHIR = "application/fhir+json"
# what a server does with a request: True where it has answered it, False where it is to be answered truly
Fault = Callable[["Request"], bool]


def honest(_: "Request") -> bool:
    return False


class Request(BaseHTTPRequestHandler):
    """One request; `kind` is the resource type that it asks for, `attempt` counts requests of the same address from 1.

    The methods are what faults are made of; none of them keeps a connection.
    """

    server: "Faulty"
    attempt = 0

    @property
    def kind(self) -> str:
        return self.path.removeprefix("/fhir/").partition("?")[0].partition("/")[0]

    def do_GET(self) -> None:
        self.attempt = self.server.count(self.path)
        try:
            if not self.server.fault(self):
                self.say(self.server.truth(self.path))
        except OSError:
            pass  # the client did not wait, as it should

    def say(self, body: object, status: int = 200, content_type: str = FHIR) -> bool:
        data = body if isinstance(body, bytes) else as_json(body)
        self.begin(len(data), status, content_type)
        self.wfile.write(data)
        return True

    def begin(self, length: int, status: int = 200, content_type: str = FHIR) -> None:
        """Status and headers of an answer; the body is to follow."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def drip(self, body: bytes, size: int, pause: float) -> bool:
        """The answer in pieces, with a pause (seconds) after each."""
        self.begin(len(body))
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            self.server.stopped.wait(pause)
        return True

    def drop(self) -> bool:
        """Close the connection without an answer."""
        return True

    def wait(self, seconds: float) -> None:
        self.server.stopped.wait(seconds)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Faulty(ThreadingHTTPServer):
    """`fault` may be changed while it runs."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, record: Record) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.record = record
        self.fault: Fault = honest
        self.stopped = threading.Event()
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/fhir"

    def count(self, path: str) -> int:
        with self._lock:
            self.asked[path] += 1
            return self.asked[path]

    def truth(self, path: str) -> object:
        kind, _, query = path.removeprefix("/fhir/").partition("?")
        if not query:
            return self.record.resources["patient"]
        return searchset(self.record.of_type(kind), kind)

    def handle_error(self, *_: object) -> None:
        """A connection that the client closed."""


@contextmanager
def faulty(record: Record) -> Iterator[Faulty]:
    with Faulty(record) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()
