"""A server on loopback that exports as a test scripts it, faults below HTTP included."""

import gzip
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.builders import as_json

Json = dict[str, Any]
STATUS = "/fhir/$export-poll-status?job=1"
TIME = "2026-11-20T10:00:00Z"


@dataclass
class Answer:
    """A response. `cut`: the connection ends after so many bytes of the body; `unsized`: no length is told."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = -1
    unsized: bool = False


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class ExportServer:
    """Answers by method and path (its query apart unless the script names one), each script in order, its last answer
    again and again. With `valid` tokens, only who shows one of them gets more than 401 for what lies under /fhir."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.valid: set[str] | None = None
        self._scripts: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        outer = self

        class Exchange(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._send(outer.answer(Asked(self.command, self.path, headers, self.rfile.read(length))))

            do_GET = do_POST = do_DELETE = _do

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.unsized:
                    self.close_connection = True
                else:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body if answer.cut < 0 else answer.body[: answer.cut])
                if answer.cut >= 0:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base(self) -> str:
        return f"{self.origin}/fhir"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._scripts[method, path] = list(answers)

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if self.valid is not None and asked.path.startswith("/fhir/") and asked.token not in self.valid:
                return Answer(401)
            script = self._scripts.get((asked.method, asked.path)) or self._scripts.get(
                (asked.method, urlsplit(asked.path).path)
            )
            if not script:
                return Answer(404)
            return script.pop(0) if len(script) > 1 else script[0]

    def requests(self, method: str, path: str) -> list[Asked]:
        """Those that came for a path, whatever their query unless it is named."""
        return [a for a in self.asked if a.method == method and path in (a.path, urlsplit(a.path).path)]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # ---- an export that goes well, to be changed by what a test scripts afterwards

    def exports(self, *files: Json, level: str = "Patient", **manifest: Any) -> None:
        """A job that is done at once; `files` are entries of `output` as `file` makes them. A search counts no
        Observation."""
        self.counts("Observation", 0)
        self.on("GET", "/fhir/metadata", json_of(capabilities("Patient", "Condition", "Observation")))
        path = f"/fhir/{level}/$export" if level else "/fhir/$export"
        self.on("GET", path, Answer(202, headers={"Content-Location": self.origin + STATUS}))
        self.on("GET", STATUS, json_of(self.manifest(*files, **manifest)))
        self.on("DELETE", STATUS, Answer(202))

    def counts(self, kind: str, total: int) -> None:
        """What a search for resources of a type counts."""
        self.on("GET", f"/fhir/{kind}", json_of({"resourceType": "Bundle", "type": "searchset", "total": total}))

    def manifest(self, *files: Json, **manifest: Any) -> Json:
        whole = {"transactionTime": TIME, "request": self.base, "requiresAccessToken": False, "output": list(files)}
        return whole | {"error": []} | manifest

    def file(self, kind: str, name: str, *lines: Json | bytes, count: int | None = None, packed: bool = False) -> Json:
        """A file that is served, as a manifest lists it."""
        self.on("GET", f"/fhir/files/{name}", Answer(200, ndjson(lines, packed)))
        listed: Json = {"type": kind, "url": f"{self.base}/files/{name}"}
        return listed | ({} if count is None else {"count": count})


def ndjson(lines: Iterable[Json | bytes], packed: bool = False) -> bytes:
    body = b"".join((line if isinstance(line, bytes) else as_json(line)) + b"\n" for line in lines)
    return gzip.compress(body) if packed else body


def json_of(body: Any, status: int = 200) -> Answer:
    return Answer(status, as_json(body), {"Content-Type": "application/json"})


def capabilities(*types: str) -> Json:
    resources = [{"type": kind} for kind in types]
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": resources}]}


def outcome(severity: str, code: str, **other: Any) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, **other}]}
