"""Journals and shelves: whole entries from many writers, in order, deleted after their days by whoever is first."""

import fcntl
import os
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from service.store import Store, StoreError
from service.store.journals import BATCH, DatabaseJournal, Entry, FileJournal, Journal, append_line, lines_of
from service.store.retention import Retention
from service.store.schema import AUDIT_EVENT, DECISION, DECISION_INPUT
from service.store.shelves import DatabaseShelf, FolderShelf, Shelf
from tests.store.processes import in_fork, together

DAY = 86_400
NAME, OTHER = "a" * 64, "b" * 64


def at(day: str) -> float:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp()


def entry(day: str, text: str = "{}") -> Entry:
    return Entry(str(uuid4()), at(day), text.encode())


@pytest.fixture(params=["files", "sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store | Path]:
    """A folder, or a database with its tables."""
    if request.param == "files":
        yield tmp_path
        return
    server = request.param == "postgresql"
    made = Store(
        request.getfixturevalue("postgres_server").new_database() if server else f"sqlite:///{tmp_path / 'store.db'}"
    )
    made.migrate()
    yield made
    made.dispose()


@pytest.fixture
def journal(place: Store | Path) -> Journal:
    return FileJournal(place / "log.ndjson") if isinstance(place, Path) else DatabaseJournal(place, DECISION)


@pytest.fixture
def shelf(place: Store | Path) -> Shelf:
    return FolderShelf(place / "inputs") if isinstance(place, Path) else DatabaseShelf(place, DECISION_INPUT)


def test_entries_are_read_in_the_order_of_time(journal: Journal) -> None:
    for day, text in (("2026-11-21", "2"), ("2026-11-20", "1"), ("2026-11-22", "3")):
        journal.append(entry(day, text))
    assert list(journal.lines()) == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-11-21", None, [b"2", b"3"]),
        (None, "2026-11-21", [b"1", b"2"]),
        ("2026-11-21", "2026-11-21", [b"2"]),
        ("2026-11-23", None, []),
    ],
)
def test_days_are_included_at_both_ends(
    journal: Journal, since: str | None, until: str | None, expected: list[bytes]
) -> None:
    for number, day in enumerate(("2026-11-20", "2026-11-21", "2026-11-22"), 1):
        journal.append(entry(day, str(number)))
    first, last = (date.fromisoformat(day) if day else None for day in (since, until))
    assert list(journal.lines(first, last)) == expected


def test_the_last_second_of_a_day_is_kept_with_it(journal: Journal) -> None:
    midnight = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    journal.append(Entry("before", midnight - 1, b"before"))
    journal.append(Entry("after", midnight, b"after"))
    assert journal.forget(date(2026, 11, 21)) == 1
    assert list(journal.lines()) == [b"after"]
    assert journal.forget(date(2026, 11, 21)) == 0


def test_more_than_one_step_is_forgotten(store: Store) -> None:
    journal = DatabaseJournal(store, AUDIT_EVENT)
    with store.changing() as connection:
        old = [{"name": str(uuid4()), "at": number, "entry": "{}"} for number in range(BATCH * 2 + 1)]
        connection.execute(AUDIT_EVENT.insert(), old)
    journal.append(entry("2026-11-21"))
    assert journal.forget(date(2026, 1, 1)) == BATCH * 2 + 1
    assert len(list(journal.lines())) == 1


def forgotten(url: str) -> int:
    store = Store(url)
    gone = DatabaseJournal(store, DECISION).forget(date(2026, 1, 1))
    store.dispose()
    return gone


def test_processes_that_forget_together_forget_each_entry_once(store: Store, url: str) -> None:
    with store.changing() as connection:
        connection.execute(
            DECISION.insert(), [{"name": str(uuid4()), "at": n, "entry": "{}"} for n in range(BATCH + 500)]
        )
    assert sum(together(forgotten, url, processes=3)) == BATCH + 500


def test_lines_of_many_threads_and_processes_stay_whole(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "log.ndjson")

    def write(sign: str) -> None:
        for _ in range(50):
            journal.append(entry("2026-11-21", sign * 70_000))

    def child() -> bytes:
        write("c")
        return b"done"

    threads = [threading.Thread(target=write, args=(sign,)) for sign in "ab"]
    for thread in threads:
        thread.start()
    assert in_fork(child) == b"done"
    for thread in threads:
        thread.join()
    lines = list(journal.lines())
    assert len(lines) == 150
    assert all(len(line) == 70_000 and len(set(line)) == 1 for line in lines)


def test_a_line_that_was_torn_does_not_take_the_next_with_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"whole":1}\n{"torn')
    append_line(path, b'{"next":1}')
    assert list(lines_of(path)) == [b'{"whole":1}', b'{"torn', b'{"next":1}']


def test_a_line_for_which_there_is_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = FileJournal(tmp_path / "log.ndjson")
    journal.append(entry("2026-11-21", "whole"))
    real = os.write
    monkeypatch.setattr("service.store.journals.os.write", lambda file, data: real(file, data[:3]))
    with pytest.raises(StoreError, match="no space left"):
        journal.append(entry("2026-11-21", "not whole"))
    monkeypatch.undo()
    journal.append(entry("2026-11-21", "after"))
    assert list(journal.lines()) == [b"whole", b"after"]


def test_only_the_owner_reads_files(tmp_path: Path) -> None:
    FileJournal(tmp_path / "log.ndjson").append(entry("2026-11-21"))
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "log.ndjson")
    for name in ("log.ndjson", "other-2020-01-01.ndjson", "log-2020-01-01.ndjson.gz", "log-2020-13-01.ndjson"):
        (tmp_path / name).write_text("{}\n")
    journal.append(entry("2020-01-01"))
    assert journal.forget(date(2026, 1, 1)) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "none" / "log.ndjson")
    with pytest.raises(StoreError, match="cannot be written"):
        journal.append(entry("2026-11-21"))
    with pytest.raises(StoreError, match="cannot be read"):
        list(journal.lines())


def test_a_process_forked_while_a_line_is_written_can_write_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(tmp_path / "log.ndjson")
    real = os.write
    children: list[int] = []
    waits, goes_on = os.pipe()

    def fork_and_write(file: int, data: bytes) -> int:
        if not children:
            children.append(os.fork())
            if not children[0]:  # holds the file of the parent open for a while, and with it any lock not given back
                os.close(goes_on)
                os.read(waits, 1)
                os._exit(0)
        return real(file, data)

    monkeypatch.setattr("service.store.journals.os.write", fork_and_write)
    journal.append(entry("2026-11-21", "1"))
    with (tmp_path / "log-2026-11-21.ndjson").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError where the child still holds it
    os.close(goes_on)
    os.waitpid(children[0], 0)
    os.close(waits)


def test_what_is_put_on_a_shelf_is_got_again_until_it_is_forgotten(shelf: Shelf) -> None:
    shelf.put(NAME, at("2026-11-20"), b"sealed")
    shelf.put(NAME, at("2026-11-22"), b"sealed")  # judged again: it is kept from then on
    shelf.put(OTHER, at("2026-11-20"), b"other")
    assert (shelf.get(NAME), shelf.get(OTHER), shelf.get("c" * 64)) == (b"sealed", b"other", None)
    assert shelf.forget(date(2026, 11, 21)) >= 1
    assert (shelf.get(NAME), shelf.get(OTHER)) == (b"sealed", None)


@pytest.mark.parametrize("name", ["../log", "", "A" * 64, f"{'a' * 63}/"])
def test_a_name_that_is_no_hash_leads_nowhere(tmp_path: Path, name: str) -> None:
    shelf = FolderShelf(tmp_path / "inputs")
    shelf.put(NAME, at("2026-11-20"), b"sealed")
    (tmp_path / "inputs" / "log").write_bytes(b"no")
    assert shelf.get(name) is None


def test_inputs_that_cannot_be_deleted_are_not_counted_as_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = FolderShelf(tmp_path / "inputs")
    shelf.put(NAME, at("2026-11-20"), b"sealed")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(StoreError, match="2026-11-20 cannot be deleted"):
        shelf.forget(date(2026, 11, 21))


def test_a_folder_of_inputs_that_may_not_be_looked_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        FolderShelf(tmp_path / "inputs").put(NAME, at("2026-11-20"), b"sealed")


def test_a_file_that_is_named_for_a_day_is_somebody_elses(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path)
    (tmp_path / "2026-11-01").write_bytes(b"")
    assert (shelf.get(NAME), shelf.forget(date(2026, 11, 21))) == (None, 0)


class Counting:
    """Something to be forgotten that notes the days."""

    def __init__(self) -> None:
        self.asked: list[date] = []
        self.done = threading.Event()

    def forget(self, before: date) -> int:
        self.asked.append(before)
        self.done.set()
        return 1


def test_retention_keeps_whole_days() -> None:
    kept = Counting()
    assert Retention(30, [kept], clock=lambda: at("2026-11-21")).forget() == 1
    assert kept.asked == [date(2026, 10, 22)]


def test_retention_of_no_days_is_for_ever() -> None:
    kept = Counting()
    retention = Retention(0, [kept])
    retention.now_and_then()
    assert (retention.forget(), kept.asked) == (0, [])


def test_retention_is_done_in_the_background_once_in_a_while() -> None:
    kept = Counting()
    retention = Retention(1, [kept])
    retention.now_and_then()
    assert kept.done.wait(10)
    retention.now_and_then()
    assert len(kept.asked) == 1


def ended_forgetting(retention: Retention) -> None:
    retention.now_and_then()
    for thread in [thread for thread in threading.enumerate() if thread.name == "retention"]:
        thread.join(10)


@pytest.mark.parametrize(("jump", "left"), [(DAY - 60, False), (DAY + 60, True), (-DAY + 60, False), (-DAY - 60, True)])
def test_a_clock_that_jumped_deletes_nothing(jump: float, left: bool) -> None:
    now = at("2026-11-21")
    kept = Counting()
    retention = Retention(1, [kept], clock=lambda: now)
    now += jump
    ended_forgetting(retention)
    assert (kept.asked == []) == left


def test_a_process_that_was_forked_since_takes_the_clock_as_it_is() -> None:
    now = at("2026-11-21")
    kept = Counting()
    retention = Retention(1, [kept], clock=lambda: now)
    now += 400 * DAY

    def forgets() -> bytes:
        retention.now_and_then()
        return str(kept.done.wait(10)).encode()

    assert in_fork(forgets) == b"True"
