"""Journals: entries that are written once, in the order of time, read again, and deleted after some days.

In the database, or as NDJSON in one file a day. Several processes and threads write to the same journal. StoreError
where that fails; its message names no entry.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import Table, delete, insert, select

from service.store.database import Store
from service.store.engine import StoreError

BATCH = 1000


class Entry(msgspec.Struct, frozen=True):
    """One entry: a name of its own, when it was written (seconds since 1970), and one line of JSON."""

    name: str
    at: float
    line: bytes


class Journal(Protocol):
    """Where entries go. Days are days in UTC."""

    def append(self, entry: Entry) -> None: ...

    def lines(self, since: date | None = None, until: date | None = None) -> Iterator[bytes]:
        """The entries of the days from `since` to `until` (both included), oldest first."""
        ...

    def forget(self, before: date) -> int:
        """Delete what was written before a day, in steps that other writers need not wait for: how much that was
        (entries, or files of a day)."""
        ...


class DatabaseJournal:
    """A table of a name, a time and a text."""

    def __init__(self, store: Store, table: Table) -> None:
        self._store = store
        self._table = table

    def append(self, entry: Entry) -> None:
        row = {"name": entry.name, "at": int(entry.at), "entry": entry.line.decode()}
        with self._store.changing() as connection:
            connection.execute(insert(self._table), row)

    def lines(self, since: date | None = None, until: date | None = None) -> Iterator[bytes]:
        table = self._table
        asked = select(table.c.entry).order_by(table.c.at, table.c.name)
        if since:
            asked = asked.where(table.c.at >= _begins(since))
        if until:
            asked = asked.where(table.c.at < _begins(until) + 86_400)
        with self._store.reading() as connection:
            for entry in connection.execution_options(yield_per=BATCH).execute(asked).scalars():
                yield entry.encode()

    def forget(self, before: date) -> int:
        return forget_rows(self._store, self._table, before)


def forget_rows(store: Store, table: Table, before: date) -> int:
    """Delete the rows of a table before a day. Processes that do so together share the work."""
    old = select(table.c.name).where(table.c.at < _begins(before)).limit(BATCH)
    total = 0
    while True:
        with store.changing() as connection:
            gone = connection.execute(delete(table).where(table.c.name.in_(old)).returning(table.c.name)).all()
        total += len(gone)
        if not gone:
            return total


class FileJournal:
    """`decisions.ndjson` stands for a file a day beside it: `decisions-2026-11-21.ndjson`, readable by its owner."""

    def __init__(self, path: Path) -> None:
        self._folder, self._stem, self._suffix = path.parent, path.stem, path.suffix or ".ndjson"
        self._named = re.compile(rf"{re.escape(self._stem)}-(\d{{4}}-\d{{2}}-\d{{2}}){re.escape(self._suffix)}")

    def append(self, entry: Entry) -> None:
        path = self._folder / f"{self._stem}-{day_of(entry.at).isoformat()}{self._suffix}"
        try:
            append_line(path, entry.line)
        except OSError as problem:
            raise StoreError(f"{path.name} cannot be written: {problem.strerror}") from None

    def lines(self, since: date | None = None, until: date | None = None) -> Iterator[bytes]:
        for day, path in self._days():
            if (since is None or since <= day) and (until is None or day <= until):
                yield from lines_of(path)

    def forget(self, before: date) -> int:
        gone = 0
        for day, path in self._days():
            if day < before:
                try:
                    path.unlink()
                    gone += 1
                except FileNotFoundError:
                    continue  # another process was quicker
                except OSError as problem:
                    raise StoreError(f"{path.name} cannot be deleted: {problem.strerror}") from None
        return gone

    def _days(self) -> list[tuple[date, Path]]:
        try:
            return sorted(self._dated())
        except OSError as problem:
            raise StoreError(f"the folder of {self._stem} cannot be read: {problem.strerror}") from None

    def _dated(self) -> Iterator[tuple[date, Path]]:
        """The files named for days; what else lies there is somebody else's."""
        for path in self._folder.iterdir():
            if match := self._named.fullmatch(path.name):
                with suppress(ValueError):
                    yield date.fromisoformat(match[1]), path


def append_line(path: Path, line: bytes) -> None:
    """One whole line at the end of a file, or nothing: also where the disk is full, or a process died while writing."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        data = (b"\n" if torn else b"") + line + b"\n"
        if os.write(file, data) != len(data):
            os.ftruncate(file, size)
            raise OSError(28, "no space left for a whole line")
    finally:
        # not left to closing it: a process forked meanwhile holds the file open too
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of an NDJSON file without blank ones. StoreError where it cannot be read."""
    try:
        with path.open("rb") as lines:
            yield from (line.strip() for line in lines if line.strip())
    except OSError as problem:
        raise StoreError(f"{path.name} cannot be read: {problem.strerror}") from None


def day_of(at: float) -> date:
    """The day, in UTC, of a time in seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).date()


def _begins(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
