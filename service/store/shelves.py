"""Shelves: sealed things under a name, put there again by whoever has the same, and deleted after some days.

In the database, or as files in a folder a day. StoreError where that fails.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Store
from service.store.engine import StoreError
from service.store.journals import day_of, forget_rows

_NAME = re.compile(r"[0-9a-f]{64}")


class Shelf(Protocol):
    """Names are 64 hexadecimal digits; `at` is in seconds since 1970, days are days in UTC."""

    def put(self, name: str, at: float, sealed: bytes) -> None: ...

    def get(self, name: str) -> bytes | None: ...

    def forget(self, before: date) -> int:
        """Delete what was last put there before a day: how much that was (things, or folders of a day)."""
        ...


class DatabaseShelf:
    """A table of a name, a time and bytes."""

    def __init__(self, store: Store, table: Table) -> None:
        self._store = store
        self._table = table

    def put(self, name: str, at: float, sealed: bytes) -> None:
        table = self._table
        with self._store.changing() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            new = dialect.insert(table).values(name=name, at=int(at), sealed=sealed)
            connection.execute(new.on_conflict_do_update(index_elements=[table.c.name], set_={"at": int(at)}))

    def get(self, name: str) -> bytes | None:
        asked = select(self._table.c.sealed).where(self._table.c.name == name)
        with self._store.reading() as connection:
            found = connection.execute(asked).scalar_one_or_none()
        return None if found is None else bytes(found)

    def forget(self, before: date) -> int:
        return forget_rows(self._store, self._table, before)


class FolderShelf:
    """A folder that holds one a day; what is put there twice on one day is one file, readable by its owner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, at: float, sealed: bytes) -> None:
        folder = self._folder / day_of(at).isoformat()
        path, part = folder / name, folder / f".{uuid4().hex}.part"
        try:
            if path.exists():
                return
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.touch(mode=0o600)
            part.write_bytes(sealed)
            part.replace(path)
        except OSError as problem:
            with suppress(OSError):
                part.unlink()
            raise StoreError(f"an input cannot be kept: {problem.strerror}") from None

    def get(self, name: str) -> bytes | None:
        if not _NAME.fullmatch(name):
            return None
        for _, folder in reversed(self._days()):
            try:
                return (folder / name).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise StoreError(f"an input cannot be read: {problem.strerror}") from None
        return None

    def forget(self, before: date) -> int:
        old = [folder for day, folder in self._days() if day < before]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)  # another process may be at it
            if folder.exists():
                raise StoreError(f"inputs of {folder.name} cannot be deleted")
        return len(old)

    def _days(self) -> list[tuple[date, Path]]:
        return sorted(_dated(self._folder))


def _dated(folder: Path) -> Iterator[tuple[date, Path]]:
    """The folders named for days; what else lies there is somebody else's."""
    try:
        for path in folder.iterdir():
            if path.is_dir():
                with suppress(ValueError):
                    yield date.fromisoformat(path.name), path
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as problem:
        raise StoreError(f"the folder {folder.name} cannot be read: {problem.strerror}") from None
