"""Databases that are down, hang, are locked or full, and full disks, under a real service: cards go on or are refused
as the site wants, what needs the database says that it is away, and nothing has to be started anew afterwards."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from service.cards import card_uuid
from tests.builders import SINAI, Json, as_json
from tests.live.servers import Service, free_port, service
from tests.live.test_faults import is_problem, names_nobody, verdicts
from tests.live.test_serving import JSON, call, refused, told, until
from tests.store import postgres
from tests.web.conftest import CALL

pytestmark = pytest.mark.live


def feedback(running: Service) -> requests.Response:
    """A report that a card was overridden; each is of another card."""
    item = {"card": card_uuid(SINAI), "outcome": "overridden", "outcomeTimestamp": "2026-11-21T10:00:00Z"}
    return requests.post(f"{running.base}{CALL}/feedback", data=as_json({"feedback": [item]}), headers=JSON, timeout=60)


def kept(running: Service) -> Json:
    found = requests.get(f"{running.base}/feedback/summary", timeout=60).json()["trials"]
    return next((trial for trial in found if trial["trial"] == SINAI), {})


def linked(answer: requests.Response) -> str:
    return str(answer.json()["cards"][0]["links"][0]["url"])


def counted(running: Service, name: str) -> int:
    lines = requests.get(f"{running.base}/metrics", timeout=10).text.splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(name))


def is_away(running: Service) -> None:
    """What needs the database says so, and cards are as ever."""
    is_problem(feedback(running), 503, "database")
    is_problem(requests.get(f"{running.base}/readyz", timeout=60), 503, "not-ready")
    assert requests.get(f"{running.base}/healthz", timeout=10).ok


# -- PostgreSQL


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Server]:
    """One that tests may stop; each starts it again."""
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    with postgres.running(programs) as server:
        yield server


def hurried(folder: Path) -> tuple[str, str]:
    """The command with shorter waits for a database."""
    return (
        "-c",
        f"import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = {str(folder / 'metrics')!r}; "
        f"os.mkdir({str(folder / 'metrics')!r}); from service.store import timed; timed.LOCK_SECONDS = 1; "
        "timed.TimedConnection.seconds = timed.ANSWER_SECONDS = 1.0; "
        "from service.web import counting; counting.EVERY_SECONDS = 0.2; "
        "from service.cli import main; main()",
    )


@pytest.fixture
def on_postgres(cluster: postgres.Server, tmp_path: Path) -> Iterator[tuple[Service, str]]:
    """A service, and the address of its database."""
    url = cluster.new_database()
    with service(tmp_path, "--workers", "1", program=hurried(tmp_path), DATABASE_URL=url) as running:
        yield running, url


def test_a_service_whose_database_is_down_does_not_start_and_says_why(cluster: postgres.Server) -> None:
    url = cluster.new_database()
    with cluster.stopped():
        code, stderr = refused("--port", str(free_port()), TRIALHOOK_AUTH="none", TRIALHOOK_DATABASE_URL=url)
    assert code == 3
    (line,) = told(stderr)
    assert f"the database at postgresql://127.0.0.1:{cluster.port}/" in line
    assert "cannot be used" in line
    assert postgres.PASSWORD not in stderr
    assert postgres.ENCODED_PASSWORD not in stderr


def test_cards_go_on_while_the_database_is_down(cluster: postgres.Server, on_postgres: tuple[Service, str]) -> None:
    running, _ = on_postgres
    first = call(running.base)
    assert requests.get(linked(first), timeout=10).ok
    assert feedback(running).ok
    with cluster.stopped():
        shown = [call(running.base) for _ in range(5)]
        assert all(verdicts(answer) == verdicts(first) for answer in shown)
        is_problem(requests.get(linked(first), timeout=60), 503, "database")
        is_away(running)
    assert requests.get(f"{running.base}/readyz", timeout=60).ok
    assert requests.get(linked(first), timeout=10).ok
    # a link of those minutes leads to a page that says there is nothing behind it
    lost = requests.get(linked(shown[0]), timeout=10)
    assert (lost.status_code, lost.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert feedback(running).ok
    assert verdicts(call(running.base)) == verdicts(first)
    # what was shown meanwhile is not lost
    assert kept(running)["shown"] == 7
    assert counted(running, "trialhook_store_failures_total") > 0
    names_nobody(running)


def test_a_database_that_hangs_keeps_nobody_waiting_for_long(
    cluster: postgres.Server, on_postgres: tuple[Service, str]
) -> None:
    running, _ = on_postgres
    first = call(running.base)
    assert feedback(running).ok
    with cluster.hanging():
        for _ in range(20):  # more than there are threads
            assert verdicts(call(running.base)) == verdicts(first)
        is_away(running)
    until(lambda: feedback(running).ok, "the database answers again")
    assert verdicts(call(running.base)) == verdicts(first)
    until(lambda: kept(running).get("shown") == 22, "every card counted")
    names_nobody(running)


def test_a_locked_table_is_told(on_postgres: tuple[Service, str]) -> None:
    import psycopg

    running, url = on_postgres
    assert feedback(running).ok
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE feedback, shown IN ACCESS EXCLUSIVE MODE")
        is_problem(feedback(running), 503, "database")
        assert call(running.base).ok
        assert requests.get(f"{running.base}/readyz", timeout=10).ok  # it answers, but for these tables
    assert feedback(running).ok


def test_a_reload_without_the_database_is_refused_and_the_service_goes_on(
    cluster: postgres.Server, on_postgres: tuple[Service, str]
) -> None:
    running, _ = on_postgres
    first = verdicts(call(running.base))
    with cluster.stopped():
        running.process.send_signal(1)
        until(lambda: "reload refused, the old trials stay" in running.log.read_text(), "the refusal")
        assert verdicts(call(running.base)) == first
    running.process.send_signal(1)
    until(lambda: '"event":"reloaded"' in running.log.read_text(), "the reload")
    assert verdicts(call(running.base)) == first
    until(lambda: feedback(running).ok, "the database")
    assert postgres.PASSWORD not in running.log.read_text()


def test_decisions_that_a_database_cannot_keep_are_refused(cluster: postgres.Server, tmp_path: Path) -> None:
    logged = {"DECISION_LOG": "database", "DECISION_KEY": "k" * 40, "AUDIT_EVENTS": "database"}
    url = cluster.new_database()
    with service(tmp_path, "--workers", "1", program=hurried(tmp_path), DATABASE_URL=url, **logged) as running:
        first = verdicts(call(running.base))
        with cluster.stopped():
            is_problem(call(running.base), 503, "not-recorded")
        assert verdicts(call(running.base)) == first
        names_nobody(running)


# -- SQLite


def test_a_file_that_another_process_has_locked_is_told(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "1", DATABASE_URL=f"sqlite:///{tmp_path}/own.db") as running:
        first = verdicts(call(running.base))
        other = sqlite3.connect(tmp_path / "own.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            assert verdicts(call(running.base)) == first
            is_problem(feedback(running), 503, "database")
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert feedback(running).ok
        assert verdicts(call(running.base)) == first
        names_nobody(running)


# -- a full disk


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self) -> Iterator[None]:
        filler = self.folder / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                while file.write(b"\0" * 4096):
                    pass
        except OSError:
            pass
        try:
            yield
        finally:
            filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_no_card(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database, the log, the counts and the temporary files lie on it."""
    monkeypatch.setenv("TMPDIR", str(disk.folder))
    with service(disk.folder, "--workers", "1") as running:
        first = call(running.base)
        assert feedback(running).ok
        with disk.full():
            (worker,) = running.workers()
            for path in ("/docs", "/trials", f"/trials/{SINAI}", "/metrics", "/openapi.yaml", "/readyz"):
                assert requests.get(f"{running.base}{path}", timeout=10).ok
            assert all(verdicts(call(running.base)) == verdicts(first) for _ in range(3))
            outcomes = {feedback(running).status_code for _ in range(50)}
            assert outcomes <= {200, 503}
            assert running.workers() == {worker}
            _fill_the_database(running)
            is_problem(_many(running), 503, "database")
        assert feedback(running).ok
        assert _many(running).ok
        assert verdicts(call(running.base)) == verdicts(first)
        names_nobody(running)


def _many(running: Service) -> requests.Response:
    """Feedback on a thousand cards that are not known, which takes room."""
    items = [
        {"card": str(uuid4()), "outcome": "accepted", "outcomeTimestamp": "2026-11-21T10:00:00Z"} for _ in range(1000)
    ]
    return requests.post(f"{running.base}{CALL}/feedback", data=as_json({"feedback": items}), headers=JSON, timeout=60)


def _fill_the_database(running: Service) -> None:
    """Pages that its file has still free are used up."""
    for _ in range(20):
        if not _many(running).ok:
            return
    pytest.fail("the disk is not full")


def test_a_service_starts_on_a_disk_that_only_holds_its_database(disk: Disk, tmp_path: Path) -> None:
    """With no room for counts: those are of this process's memory then."""
    counts = disk.folder / "counts"
    counts.mkdir()
    given = f"import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = {str(counts)!r}; "
    program = ("-c", f"{given} from service.cli import main; main()")
    with disk.full(), service(tmp_path, "--workers", "2", program=program) as running:
        assert call(running.base).ok
        assert requests.get(f"{running.base}/metrics", timeout=10).ok
        assert list(counts.iterdir()) == []


@pytest.mark.parametrize("wanted", ["refuse", "answer"])
def test_what_cannot_be_written_down_is_refused_or_counted(disk: Disk, tmp_path: Path, wanted: str) -> None:
    given = {
        "DECISION_LOG": str(disk.folder / "decision.ndjson"),
        "DECISION_KEY": "k" * 40,
        "AUDIT_EVENTS": str(disk.folder / "audit-event.ndjson"),
        "UNRECORDED": wanted,
    }
    with service(tmp_path, "--workers", "1", **given) as running:
        first = verdicts(call(running.base))
        with disk.full():
            answers = [call(running.base) for _ in range(8)]
            if wanted == "refuse":  # once what was left of the files' last pages is used up
                is_problem(answers[-1], 503, "not-recorded")
            else:
                assert all(verdicts(answer) == first for answer in answers)
        assert verdicts(call(running.base)) == first
        missing = {
            what: counted(running, f'trialhook_unrecorded_total{{what="{what}"}}')
            for what in ("decision", "audit-event")
        }
        names_nobody(running)
    for what, number in missing.items():
        assert number > 0
        (file,) = disk.folder.glob(f"{what}-*.ndjson")
        assert len([json.loads(line) for line in file.read_bytes().splitlines()]) == 2 + len(answers) - number
