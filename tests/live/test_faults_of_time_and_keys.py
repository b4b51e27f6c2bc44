"""Clocks that jump and keys that are exchanged under a real service: nobody gets in or sees more than they may, and
nothing has to be started anew."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from joserfc.jwk import ECKey

from tests.auth.tokens import ISSUER, bearer, claims, ec, jwk
from tests.builders import as_json
from tests.live.servers import MODULE, Service, clean_environment, service
from tests.live.test_faults import is_problem, names_nobody, verdicts
from tests.live.test_serving import JSON, call, until
from tests.web.conftest import CALL, call_body

pytestmark = pytest.mark.live
PUBLIC = "https://trials.example.org"
OLD, NEW = "o" * 40, "n" * 40


def linked(answer: requests.Response) -> str:
    return str(answer.json()["cards"][0]["links"][0]["url"])


# -- clocks


class Clock:
    """The wall clock of a service, which a file sets; the clock that nobody sets is left alone."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)
        self.program = ("-c", _WITH_A_CLOCK.format(file=str(file)))

    def set(self, days: float) -> None:
        """So many days ahead of the true time."""
        written = self._file.with_suffix(".new")
        written.write_text(str(days * 86_400))
        written.replace(self._file)


# before anything of the service is read, so that all of it has this clock
_WITH_A_CLOCK = """
import datetime, pathlib, time
true, file = time.time, pathlib.Path({file!r})
time.time = lambda: true() + float(file.read_text())
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Shifted
from service.cli import main
main()
"""


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


def test_a_clock_that_jumps_changes_no_answer_and_ends_no_worker(clock: Clock, tmp_path: Path) -> None:
    log = tmp_path / "decisions.ndjson"
    given = {"DECISION_LOG": str(log), "DECISION_KEY": OLD, "DECISION_DAYS": "30"}
    with service(tmp_path, "--workers", "2", program=clock.program, **given) as running:
        until(lambda: len(running.workers()) == 2, "both workers")
        workers = running.workers()
        first = call(running.base)
        link = linked(first)
        assert requests.get(link, timeout=10).ok
        for days, status in ((2, 410), (-3, 410), (400, 410), (-400, 410), (0, 200)):
            clock.set(days)
            # the day is that of the call, so its answer is the same
            assert verdicts(call(running.base)) == verdicts(first)
            assert requests.get(link, timeout=10).status_code == status
            assert requests.get(f"{running.base}/readyz", timeout=10).ok
        assert requests.get(linked(call(running.base)), timeout=10).ok
        assert running.workers() == workers
        names_nobody(running)
    # a clock that was far ahead for a while has deleted nothing
    files = sorted(tmp_path.glob("decisions-*.ndjson"))
    assert len(files) == 5
    assert sum(len(file.read_bytes().splitlines()) for file in files) == 7


# -- keys of CDS clients


class KeyServer(ThreadingHTTPServer):
    """Publishes a client's keys, or fails."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _KeySet)
        self.keys: list[ECKey] = []
        self.fails = False


class _KeySet(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        body = json.dumps({"keys": [jwk(key) for key in self.server.keys]}).encode()
        self.send_response(503 if self.server.fails else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def published() -> Iterator[KeyServer]:
    with KeyServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def signed(running: Service, key: ECKey) -> requests.Response:
    """A call with a token of its own."""
    now = int(time.time())
    token = bearer(key, claims(aud=f"{PUBLIC}{CALL}", iat=now, exp=now + 300, jti=str(uuid4())))
    headers = JSON | {"Authorization": token}
    return requests.post(f"{running.base}{CALL}", data=as_json(call_body()), headers=headers, timeout=30)


@contextmanager
def protected(folder: Path, clients: object, program: Sequence[str] = MODULE) -> Iterator[Service]:
    (folder / "clients.json").write_text(json.dumps(clients))
    given = {"AUTH": "jwt", "PUBLIC_URL": PUBLIC, "CLIENTS": str(folder / "clients.json")}
    with service(folder, "--workers", "1", program=program, **given) as running:
        yield running


def test_a_client_exchanges_its_published_key(published: KeyServer, tmp_path: Path) -> None:
    published.keys = [ec("old")]
    place = {ISSUER: {"jwksUrl": f"http://127.0.0.1:{published.server_port}/keys"}}
    with protected(tmp_path, place) as running:
        first = verdicts(signed(running, ec("old")))
        published.keys = [ec("old"), ec("new")]
        assert verdicts(signed(running, ec("new"))) == first
        assert verdicts(signed(running, ec("old"))) == first
        published.fails = True
        assert verdicts(signed(running, ec("new"))) == first
        assert is_problem(signed(running, ec("stranger")), 401, "unauthorized")
        names_nobody(running)


def test_a_client_withdraws_a_key_that_lies_in_a_file(tmp_path: Path) -> None:
    def listed(*keys: ECKey) -> object:
        return {ISSUER: {"jwks": {"keys": [jwk(key) for key in keys]}}}

    with protected(tmp_path, listed(ec("old"))) as running:
        first = verdicts(signed(running, ec("old")))
        (tmp_path / "clients.json").write_text("{")
        reload(running, "reload refused")
        assert verdicts(signed(running, ec("old"))) == first
        (tmp_path / "clients.json").write_text(json.dumps(listed(ec("new"))))
        reload(running, '"event":"reloaded"')
        assert verdicts(signed(running, ec("new"))) == first
        is_problem(signed(running, ec("old")), 401, "unauthorized")
        names_nobody(running)


def test_tokens_of_another_time_open_nothing_until_the_clock_is_right(clock: Clock, tmp_path: Path) -> None:
    place = {ISSUER: {"jwks": {"keys": [jwk(ec())]}}}
    with protected(tmp_path, place, clock.program) as running:
        first = verdicts(signed(running, ec()))
        for days in (2, -2):
            clock.set(days)
            is_problem(signed(running, ec()), 401, "unauthorized")
        clock.set(0)
        assert verdicts(signed(running, ec())) == first
        names_nobody(running)


def reload(running: Service, told: str) -> None:
    """SIGHUP, until the log tells what came of it and the one worker is a new one, as it is either way."""
    before, times = running.workers(), running.log.read_text().count(told)
    running.process.send_signal(1)
    until(lambda: running.log.read_text().count(told) > times, told)
    until(lambda: len(running.workers()) == 1 and not before & running.workers(), "a new worker")


# -- keys of the service


def test_links_open_under_the_last_secret_while_it_is_listed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(OLD)
    with service(tmp_path, "--workers", "1", SECRET_FILE=str(secret)) as running:
        old = linked(call(running.base))
        assert requests.get(old, timeout=10).ok
        secret.write_text("short")
        reload(running, "reload refused")
        assert requests.get(old, timeout=10).ok
        secret.write_text(f"{NEW} {OLD}")
        reload(running, '"event":"reloaded"')
        new = linked(call(running.base))
        assert {requests.get(link, timeout=10).status_code for link in (old, new)} == {200}
        secret.write_text(NEW)
        reload(running, '"event":"reloaded"')
        assert requests.get(new, timeout=10).ok
        gone = requests.get(old, timeout=10)
        assert (gone.status_code, gone.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert not [text for text in (OLD, NEW, "short") if text in running.log.read_text()]


def test_decisions_of_a_patient_are_found_under_every_listed_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(OLD)
    given = {"DECISION_LOG": "database", "DECISION_KEY_FILE": str(key), "DATABASE_URL": f"sqlite:///{tmp_path}/own.db"}
    with service(tmp_path, "--workers", "1", **given) as running:
        first = verdicts(call(running.base))
        key.write_text(f"{NEW} {OLD}")
        reload(running, '"event":"reloaded"')
        assert verdicts(call(running.base)) == first
        assert len(_exported(given)) == 2
        assert len({entry["key"] for entry in _exported(given)}) == 2
        key.write_text(NEW)
        assert len(_exported(given)) == 1
        names_nobody(running)


def _exported(given: dict[str, str]) -> list[dict[str, object]]:
    own = clean_environment() | {f"TRIALHOOK_{name}": value for name, value in given.items()}
    command = [sys.executable, "-m", "service", "decisions", "export", "--patient", "Patient/p1"]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
