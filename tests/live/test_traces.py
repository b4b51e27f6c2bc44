"""Traces of a real service come to a collector, from every worker and also at the end; without one it goes on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.live.servers import free_port, service
from tests.live.test_serving import call, until

pytestmark = pytest.mark.live
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Sink:
    """A collector: what was sent to it, and on which paths."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.spans: list[Span] = []
        self.resources: list[dict[str, str]] = []

    def take(self, path: str, body: bytes) -> None:
        sent = ExportTraceServiceRequest.FromString(body)
        self.paths.add(path)
        for resource in sent.resource_spans:
            self.resources.append({a.key: a.value.string_value for a in resource.resource.attributes})
            for scope in resource.scope_spans:
                self.spans += scope.spans


@contextmanager
def collector() -> Iterator[tuple[str, Sink]]:
    sink = Sink()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sink.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", sink
        finally:
            server.shutdown()


def test_every_workers_traces_come_to_the_collector(tmp_path: Path) -> None:
    with collector() as (endpoint, sink), service(tmp_path, "--workers", "2", OTLP_ENDPOINT=endpoint) as running:
        assert call(running.base).status_code == 200
        for _ in range(40):
            headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "Connection": "close"}
            assert requests.get(f"{running.base}/trials", headers=headers, timeout=10).ok
        running.process.terminate()  # what was not sent yet is sent at the end
        assert running.process.wait(30) == 0
        log = running.log.read_text()
    assert sink.paths == {"/v1/traces"}
    names = [span.name for span in sink.spans]
    assert names.count("GET /trials") == 40
    assert {"decode", "evaluate", "render", "POST /cds-services/<service_id>"} <= set(names)
    assert {span.trace_id.hex() for span in sink.spans if span.name == "GET /trials"} == {TRACE}
    assert {resource["service.name"] for resource in sink.resources} == {"trialhook"}
    ids = {(span.trace_id.hex(), span.span_id.hex()) for span in sink.spans if span.name.startswith(("GET", "POST"))}
    lines = [json.loads(line) for line in log.splitlines()]
    told = {(line["trace_id"], line["span_id"]) for line in lines if line["event"] == "request" and "span_id" in line}
    assert told == ids


def test_a_collector_that_is_not_there_delays_nothing(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    with service(tmp_path, "--workers", "1", OTLP_ENDPOINT=endpoint) as running:
        for _ in range(20):
            assert call(running.base).status_code == 200
        until(lambda: '"event":"traces"' in running.log.read_text(), "the trouble is told")
        running.process.terminate()
        assert running.process.wait(25) == 0  # of the 30 that workers are given
        for line in running.log.read_text().splitlines():
            json.loads(line)


def test_a_collector_that_never_answers_delays_nothing(tmp_path: Path) -> None:
    silent = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            silent.wait(60)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        with service(tmp_path, "--workers", "1", OTLP_ENDPOINT=endpoint) as running:
            for _ in range(20):
                assert call(running.base).status_code == 200
            running.process.terminate()
            assert running.process.wait(25) == 0
    finally:
        silent.set()
        server.shutdown()
        server.server_close()
