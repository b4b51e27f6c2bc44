"""`trialhook serve` as a process: it starts or says why not, stops and reloads without losing a request."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import urllib3

from tests.auth.tokens import ec, jwk
from tests.builders import SINAI, as_json, eligible
from tests.live.servers import Service, clean_environment, free_port, service
from tests.web.conftest import CALL, call_body

pytestmark = pytest.mark.live
SERVE = [sys.executable, "-m", "service", "serve"]
JSON = {"Content-Type": "application/json"}


def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"waited in vain: {what}")
        time.sleep(0.05)


def call(base: str, **changes: object) -> requests.Response:
    return requests.post(f"{base}{CALL}", data=as_json(call_body(**changes)), headers=JSON, timeout=30)


def counted(base: str, route: str) -> int:
    """How many requests of a route the metrics tell of."""
    lines = requests.get(f"{base}/metrics", timeout=10).text.splitlines()
    name = f'trialhook_requests_total{{method="GET",route="{route}",status="200"}} '
    return sum(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))


def refused(*arguments: str, cwd: Path | str | None = None, **given: str) -> tuple[int, str]:
    """Exit code and stderr of a service that should not start."""
    own = clean_environment() | given
    ended = subprocess.run([*SERVE, *arguments], env=own, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


def told(stderr: str) -> list[str]:
    """What the command says itself, beside the log."""
    return [line for line in stderr.splitlines() if line.startswith("trialhook: ")]


# -- it answers


def test_it_starts_answers_and_stops(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "1") as running:
        assert requests.get(f"{running.base}/healthz", timeout=5).json()["status"] == "ok"
        assert requests.get(f"{running.base}/readyz", timeout=5).json()["trials"] == 4
        cards = call(running.base).json()["cards"]
        assert cards
        page = requests.get(cards[0]["links"][0]["url"], timeout=5)
        assert page.status_code == 200
        running.process.terminate()
        assert running.process.wait(30) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running.base}/healthz", timeout=5)


def test_the_metrics_of_several_workers_add_up(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "3") as running:
        for _ in range(200):
            assert requests.get(f"{running.base}/cds-services", timeout=10).ok
        assert len(running.workers()) == 3
        assert counted(running.base, "/cds-services") == 200


@pytest.mark.parametrize(("host", "reached"), [("::1", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1")])
def test_it_listens_where_it_is_told_to(tmp_path: Path, host: str, reached: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with service(tmp_path, "--workers", "1", "--host", host, host=reached) as running:
        assert requests.get(f"{running.base}/healthz", timeout=5).ok


def exchanged(base: str, sent: bytes) -> str:
    """What comes back until the service closes the connection."""
    address = urlsplit(base)
    came = b""
    with socket.create_connection((address.hostname, address.port), timeout=20) as client:
        client.sendall(sent)
        while part := client.recv(65536):
            came += part
    return came.decode()


TOO_MUCH = {
    "no HTTP": (b"JANE DOE\r\nOrigin: https://ehr.example.org\r\n\r\n", 400, "not-http"),
    "an address": (
        b"GET /?%b HTTP/1.1\r\nOrigin: https://ehr.example.org\r\n\r\n" % (b"Doe" * 3000), 414, "address-too-long",
    ),
    "a header": (
        b"GET / HTTP/1.1\r\nOrigin: https://ehr.example.org\r\nX: %b\r\n\r\n" % (b"Doe" * 15000),
        431,
        "headers-too-large",
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", TOO_MUCH)
def test_what_no_view_sees_is_a_problem_too(tmp_path: Path, claim: str) -> None:
    sent, status, code = TOO_MUCH[claim]
    with service(tmp_path, "--workers", "1", CORS_ORIGINS="https://ehr.example.org") as running:
        head, _, body = exchanged(running.base, sent).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "content-type: application/problem+json" in head.lower()
    assert "Access-Control-Allow-Origin: https://ehr.example.org" in head
    assert json.loads(body)["code"] == code
    assert not any(word in head + body + running.log.read_text() for word in ("JANE", "Doe"))


def test_a_token_that_is_too_long_is_refused_as_a_token(tmp_path: Path) -> None:
    key = jwk(ec())
    listed = json.dumps({"https://ehr.example.org": {"jwks": {"keys": [key]}}})
    given = {"AUTH": "jwt", "PUBLIC_URL": "https://trials.example.org", "CLIENTS": listed}
    with service(tmp_path, "--workers", "1", **given) as running:
        long = {"Authorization": f"Bearer {'a' * 20_000}"}
        assert requests.get(f"{running.base}/cds-services", headers=long, timeout=10).status_code == 401


@pytest.mark.parametrize(("size", "said"), [(65_000, "keep-alive"), (400_000, "close")])
def test_an_answer_says_whether_the_connection_stays(tmp_path: Path, size: int, said: str) -> None:
    with service(tmp_path, "--workers", "1") as running:
        answer = requests.post(f"{running.base}{CALL}", data=b" " * size, timeout=10)  # of no media type
        assert (answer.status_code, answer.headers["Connection"]) == (415, said)


def test_every_line_of_its_log_is_a_json_object(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "1") as running:
        call(running.base)
        address = urlsplit(running.base)
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            client.sendall(b"GET /cds-services?patient=Jane Doe HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "reloaded" in running.log.read_text(), "the reload")
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert {"request", "invalid request refused", "reloaded"} <= {line["event"] for line in lines}
    assert "Jane" not in running.log.read_text()


# -- it stops


@contextmanager
def slow_fhir_server() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A FHIR server that has one patient: its base, an event once it was asked, and one that lets it answer."""
    asked, may_answer = threading.Event(), threading.Event()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            may_answer.wait(30)
            single = self.path.startswith("/fhir/Patient/")
            body = eligible(SINAI).resources["patient"] if single else {"resourceType": "Bundle", "type": "searchset"}
            data = as_json(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/fhir", asked, may_answer
        finally:
            may_answer.set()
            server.shutdown()


def test_a_request_in_flight_is_answered_when_the_service_is_stopped(tmp_path: Path) -> None:
    answers: list[requests.Response] = []
    with (
        slow_fhir_server() as (base, asked, may_answer),
        service(tmp_path, "--workers", "2", FHIR_ALLOWED=base, TIME_BUDGET_MS="20000") as running,
    ):
        client = threading.Thread(target=lambda: answers.append(call(running.base, prefetch=None, fhirServer=base)))
        client.start()
        assert asked.wait(30)
        running.process.terminate()
        until(lambda: not listens(running.base), "the service turns new clients away")
        may_answer.set()
        client.join(30)
        assert running.process.wait(30) == 0
    assert [answer.status_code for answer in answers] == [200]


# The second worker takes its time before it has handlers for signals.
SLOWLY_MADE = """
import time
import service.server as server
from service.cli import main

made = server._post_fork

def slowly(arbiter, worker):
    made(arbiter, worker)
    time.sleep(3 * worker.place)

server._post_fork = slowly
main()
"""


def test_a_worker_that_is_still_being_made_ends_when_told_to(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "2", program=("-c", SLOWLY_MADE)) as running:
        until(lambda: len(running.workers()) == 2, "the second worker")
        running.process.terminate()
        assert running.process.wait(20) == 0  # not after the 30 seconds that an open request may take


def listens(base: str) -> bool:
    address = urlsplit(base)
    try:
        socket.create_connection((address.hostname, address.port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


class Load:
    """Clients that call without a pause, half of them on kept connections, until turned away or told to end."""

    def __init__(self, base: str, clients: int = 6) -> None:
        self.outcomes: Counter[str] = Counter()
        self._base = base
        self._end = threading.Event()
        self._body = as_json(call_body())
        self._threads = [threading.Thread(target=self._run, args=(n % 2 == 0,)) for n in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def _run(self, keep: bool) -> None:
        with urllib3.PoolManager(retries=False, timeout=30) as pool:
            while not self._end.is_set():
                outcome = self._ask(pool, keep)
                self.outcomes[outcome] += 1
                if outcome == "turned away":
                    return

    def _ask(self, pool: urllib3.PoolManager, keep: bool) -> str:
        headers = JSON | ({} if keep else {"Connection": "close"})
        try:
            return str(pool.request("POST", f"{self._base}{CALL}", body=self._body, headers=headers).status)
        except urllib3.exceptions.NewConnectionError:
            return "turned away"
        except urllib3.exceptions.HTTPError as problem:
            return f"lost: {problem}"


def test_no_request_is_lost_when_a_busy_service_is_stopped(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "2") as running, Load(running.base) as load:
        until(lambda: load.outcomes["200"] > 50, "some answers")
        running.process.terminate()
        assert running.process.wait(40) == 0
        load.join()
    assert set(load.outcomes) == {"200", "turned away"}


# -- it reloads


def own_trial(folder: Path, version: str) -> Path:
    """A folder with a trial of the library in a version of its own."""
    made = folder / "trials" / SINAI
    made.mkdir(parents=True, exist_ok=True)
    text = (files("service") / "criteria" / "trials" / SINAI / "trial.yaml").read_text("utf-8")
    changed, times = re.subn(r"(?m)^version: .*$", f'version: "{version}"', text)
    assert times == 1
    written = made / "trial.new"
    written.write_text(changed, "utf-8")
    written.replace(made / "trial.yaml")
    return folder / "trials"


def version(base: str) -> str:
    return str(requests.get(f"{base}/trials/{SINAI}", timeout=10).json()["version"])


def test_a_changed_trial_is_picked_up_under_load_without_losing_a_request(tmp_path: Path) -> None:
    folder = own_trial(tmp_path, "2030-01-01")
    with service(tmp_path, "--workers", "2", TRIALS=str(folder)) as running, Load(running.base) as load:
        assert version(running.base) == "2030-01-01"
        before = running.workers()
        own_trial(tmp_path, "2030-02-02")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: len(running.workers()) == 2 and not before & running.workers(), "all workers replaced")
        assert {version(running.base) for _ in range(20)} == {"2030-02-02"}
        answered = load.outcomes["200"]
        until(lambda: load.outcomes["200"] > answered + 20, "answers after the reload")
    assert set(load.outcomes) == {"200"}


def test_links_made_before_a_reload_still_open(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "1") as running:
        link = call(running.base).json()["cards"][0]["links"][0]["url"]
        before = running.workers()
        running.process.send_signal(signal.SIGHUP)
        until(lambda: len(running.workers()) == 1 and not before & running.workers(), "the worker replaced")
        assert requests.get(link, timeout=10).status_code == 200


@pytest.mark.parametrize("spoil", ["wrong", "not text", "gone"])
def test_a_broken_trial_is_refused_and_the_old_ones_stay(tmp_path: Path, spoil: str) -> None:
    folder = own_trial(tmp_path, "2030-01-01")
    file = folder / SINAI / "trial.yaml"
    with service(tmp_path, "--workers", "2", TRIALS=str(folder)) as running, Load(running.base, 2) as load:
        if spoil == "gone":
            shutil.rmtree(folder)
        else:
            file.write_bytes(b"\xff\xfe\x00" if spoil == "not text" else b"id: 7\nnonsense: [\n")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "reload refused, the old trials stay" in running.log.read_text(), "the refusal")
        assert {version(running.base) for _ in range(10)} == {"2030-01-01"}
        assert running.process.poll() is None
    assert set(load.outcomes) == {"200"}


# -- workers come and go


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "2") as running:
        for _ in range(50):
            assert requests.get(f"{running.base}/cds-services", timeout=10).ok
        victim = min(running.workers())
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(running.workers()) == 2 and victim not in running.workers(), "a new worker")
        for _ in range(50):
            assert requests.get(f"{running.base}/cds-services", timeout=10).ok
        assert counted(running.base, "/cds-services") == 100


def test_workers_are_renewed_without_losing_a_request_or_a_count(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    often = (
        f"import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = {str(folder)!r}; "
        "import service.server as server; server.RECYCLE_AFTER = 40; from service.cli import main; main()"
    )
    with service(tmp_path, "--workers", "2", program=("-c", often)) as running:
        first = running.workers()
        seen = set(first)
        with urllib3.PoolManager(retries=False) as pool:
            for n in range(400):
                headers = {"Connection": "close"} if n % 3 else {}
                assert pool.request("GET", f"{running.base}/cds-services", headers=headers).status == 200
                seen |= running.workers()
        assert len(seen) >= 6
        assert not first & running.workers()
        assert counted(running.base, "/cds-services") == 400
        # files do not pile up with the workers that have been
        assert len(list(folder.glob("counter_*.db"))) <= 4


# -- slow clients


@contextmanager
def clients(running: Service, number: int, sends: bytes) -> Iterator[list[socket.socket]]:
    address = urlsplit(running.base)
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(number):
            client = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=30))
            client.sendall(sends)
            opened.append(client)
        yield opened


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that answers two requests at a time."""
    with service(tmp_path_factory.mktemp("narrow"), "--workers", "1", "--threads", "2") as running:
        yield running


HEAD = b"POST " + CALL.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "sends",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"G", id="a letter"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(HEAD + b"Content-Length: 80000\r\n\r\n{", id="the beginning of a body"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", id="a request, and never closes"
        ),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /he", id="a request and a half"),
    ],
)
def test_clients_that_dawdle_do_not_keep_others_waiting(narrow: Service, sends: bytes) -> None:
    with clients(narrow, 60, sends):
        assert requests.get(f"{narrow.base}/healthz", timeout=15).ok
        assert call(narrow.base).status_code == 200


def test_a_request_may_come_in_pieces(narrow: Service) -> None:
    body = as_json(call_body())
    whole = HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    with clients(narrow, 1, b"") as [client]:
        for start in range(0, len(whole), len(whole) // 50):
            client.sendall(whole[start : start + len(whole) // 50])
            time.sleep(0.002)
        assert read(client).startswith(b"HTTP/1.1 200")


def test_two_requests_may_come_at_once(narrow: Service) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    with clients(narrow, 1, ask + b"\r\n" + ask + b"Connection: close\r\n\r\n") as [client]:
        assert read(client).count(b"HTTP/1.1 200") == 2


def read(client: socket.socket) -> bytes:
    found = b""
    while data := client.recv(65536):
        found += data
    return found


@pytest.mark.parametrize("size", [400_000, 600_000, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_read_whole(narrow: Service, size: int, chunked: bool) -> None:
    body = as_json(call_body()) + b" " * size
    data = iter([body[:70_000], body[70_000:]]) if chunked else body
    answer = requests.post(f"{narrow.base}{CALL}", data=data, headers=JSON, timeout=30)
    assert answer.status_code == 200


def test_a_body_that_is_too_large_gets_its_answer_though_nobody_reads_it(narrow: Service) -> None:
    head = HEAD + b"Content-Length: 99999999\r\n\r\n"
    with clients(narrow, 1, head + b"{" * 600_000) as [client]:
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(narrow: Service) -> None:
    body = as_json(call_body())
    head = HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with clients(narrow, 1, head) as [client]:
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(body)
        assert read(client).startswith(b"HTTP/1.1 200")


# -- it says why it does not start


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, stderr = refused("--port", str(port), TRIALHOOK_AUTH="none", cwd=tmp_path)
    assert (code, stderr) == (3, f"trialhook: cannot listen on 127.0.0.1:{port}: Address already in use\n")


@pytest.mark.parametrize(("host", "reason"), [("192.0.2.1", "Cannot assign"), ("no-such-host.invalid", "")])
def test_an_address_that_is_not_ours_is_one_line(tmp_path: Path, host: str, reason: str) -> None:
    code, stderr = refused("--host", host, TRIALHOOK_AUTH="none", cwd=tmp_path)
    assert code == 3
    assert stderr.startswith(f"trialhook: cannot listen on {host}:8080: {reason}")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"), [("TIMEZONE", "Nowhere"), ("TIME_BUDGET_MS", "49"), ("NO_SUCH", "1"), ("TRIALS", "/no/folder")]
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    own = {"TRIALHOOK_AUTH": "none", f"TRIALHOOK_{name}": value}
    code, stderr = refused("--port", str(free_port()), cwd=tmp_path, **own)
    assert code == 2
    assert stderr.startswith(f"trialhook: TRIALHOOK_{name}: ")


def test_tokens_need_somebody_to_trust(tmp_path: Path) -> None:
    code, stderr = refused("--port", str(free_port()), cwd=tmp_path)
    assert code == 2
    assert "TRIALHOOK_CLIENTS" in stderr


def test_a_missing_folder_for_the_database_is_named(tmp_path: Path) -> None:
    own = {"TRIALHOOK_AUTH": "none", "TRIALHOOK_DATABASE_URL": f"sqlite:///{tmp_path}/none/trialhook.db"}
    code, stderr = refused("--port", str(free_port()), **own)
    assert code == 3
    assert told(stderr) == [f"trialhook: there is no folder {tmp_path}/none for the database trialhook.db"]


def test_a_broken_trial_stops_the_start_with_its_place(tmp_path: Path) -> None:
    folder = own_trial(tmp_path, "2030-01-01")
    (folder / SINAI / "trial.yaml").write_text("id: [\n")
    own = {"TRIALHOOK_AUTH": "none", "TRIALHOOK_TRIALS": str(folder)}
    code, stderr = refused("--port", str(free_port()), cwd=tmp_path, **own)
    assert code == 2
    assert "trial.yaml:" in stderr


# A folder in which nobody can write, root included.
READ_ONLY = Path("/proc/self/fdinfo")


def test_the_current_folder_need_not_be_writable(tmp_path: Path) -> None:
    if not READ_ONLY.is_dir():
        pytest.skip("no /proc here")
    start = f"import os; os.chdir({str(READ_ONLY)!r}); from service.cli import main; main()"
    with service(tmp_path, "--workers", "1", program=("-c", start)) as running:
        assert call(running.base).status_code == 200
    code, stderr = refused("--port", str(free_port()), cwd="/proc", TRIALHOOK_AUTH="none")
    assert code == 3
    assert "the database at sqlite:///trialhook.db cannot be used" in told(stderr)[0]


# -- the demo


def demo(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The demo with nothing set but where temporary folders go."""
    own = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    return subprocess.Popen([*SERVE, "--demo", *arguments], cwd=folder, env=own, stderr=subprocess.PIPE, text=True)


def test_the_demo_needs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("trialhook demo: "))
        base = line.split()[-1].rstrip("/")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        until(lambda: listens(base), "the demo")
        assert len(requests.get(f"{base}/demo/patients", timeout=10).json()) == 12
        # the demo calls its own FHIR endpoint
        body = call_body(prefetch=None, fhirServer=f"{base}/fhir", context={"userId": "x", "patientId": "anna"})
        assert len(requests.post(f"{base}{CALL}", json=body, timeout=30).json()["cards"]) == 4
        assert list(tmp_path.iterdir())
        process.terminate()
        assert process.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as process:
        until(lambda: bool(list(tmp_path.iterdir())), "a temporary folder")
        process.terminate()
        assert process.wait(30) in (0, 128 + signal.SIGTERM)
    assert list(tmp_path.iterdir()) == []
