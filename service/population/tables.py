"""criteria.* and trials.* as CSV and Parquet: written as results come, in bounded memory, and whole or not at all; and
tables of few rows, which are sorted first, also as NDJSON."""

import csv
import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, get_type_hints

import msgspec

from service.criteria.results import PatientResult
from service.errors import SettingsError
from service.population.rows import CriterionRow, NearMissRow, TrialRow, UpcomingRow, criterion_rows, trial_rows

FORMATS = ("csv", "parquet")
TABLES: dict[str, tuple[type, Callable[[PatientResult], Iterator[tuple[Any, ...]]]]] = {
    "criteria": (CriterionRow, criterion_rows),
    "trials": (TrialRow, trial_rows),
}
SORTED: dict[str, type] = {"upcoming": UpcomingRow, "near-misses": NearMissRow}
# Columns with a value a row are plain; the others repeat a few values, which a dictionary keeps once.
_PLAIN = frozenset({"patient", "reason", "evidence", "reasons"})
_BATCH = 20_000
# A spreadsheet takes a cell that begins so for a formula, full-width signs included; one that is a number it may.
_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class Table(Protocol):
    """An open file of one table."""

    def write(self, row: tuple[Any, ...]) -> None: ...

    def close(self) -> None: ...


class TableWriter:
    """Both tables in each of some formats (`csv`, `parquet`), in a folder. To be used as a context: the files get their
    names when all is written; where an exception ends it, nothing of them stays.

    SettingsError for `parquet` without the extra that brings it, before anything is written.
    """

    def __init__(self, folder: Path, formats: Iterable[str]) -> None:
        self._files = [_Pending(folder / f"{table}.{form}") for form in formats for table in TABLES]
        self._tables: list[tuple[Table, str]] = []
        if any(file.path.suffix == ".parquet" for file in self._files):
            _parquet()

    def __enter__(self) -> "TableWriter":
        with ExitStack() as opened:
            for file in self._files:
                opened.callback(file.discard)
                self._tables.append((_OPEN[file.path.suffix](file.draft, file.table), file.table))
            opened.pop_all()
        return self

    def add(self, result: PatientResult) -> None:
        made = {name: list(rows(result)) for name, (_, rows) in TABLES.items()}
        for table, name in self._tables:
            for row in made[name]:
                table.write(row)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for table, _ in self._tables:
                table.close()
            if kind is None:
                for file in self._files:
                    os.replace(file.draft, file.path)
        finally:
            for file in self._files:
                file.discard()


def write_tables(results: Iterable[PatientResult], folder: Path, formats: Iterable[str]) -> None:
    """Write `criteria` and `trials` of all results, in each format."""
    with TableWriter(folder, formats) as tables:
        for result in results:
            tables.add(result)


def write_sorted(table: str, rows: Iterable[tuple[Any, ...]], folder: Path, formats: Iterable[str]) -> None:
    """Write a table of `SORTED` in each of some formats, NDJSON among them; each file whole or not at all."""
    pending = [_Pending(folder / f"{table}.{form}") for form in formats]
    kept = list(rows)
    for file in pending:
        try:
            opened = _OPEN[file.path.suffix](file.draft, table)
            try:
                for row in kept:
                    opened.write(row)
            finally:
                opened.close()
            os.replace(file.draft, file.path)
        finally:
            file.discard()


def safe_cell(value: str) -> str:
    """Text that no spreadsheet runs: an apostrophe before what it would take for a formula, numbers as they are."""
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


def columns(table: str) -> dict[str, type]:
    """The columns of a table and their types, in order."""
    return get_type_hints(SORTED[table] if table in SORTED else TABLES[table][0])


class _Pending(NamedTuple):
    """A file under a name of its own until it is whole."""

    path: Path

    @property
    def draft(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    @property
    def table(self) -> str:
        return self.path.stem

    def discard(self) -> None:
        self.draft.unlink(missing_ok=True)


class _Csv:
    """RFC 4180, UTF-8 without a byte order mark, one header line."""

    def __init__(self, path: Path, table: str) -> None:
        self._file = path.open("w", encoding="utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(columns(table))

    def write(self, row: tuple[Any, ...]) -> None:
        self._writer.writerow([safe_cell(v) if isinstance(v, str) else v for v in map(_cell, row)])

    def close(self) -> None:
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


class _Parquet:
    """Row groups of `_BATCH` rows, so that no more than one is in memory."""

    def __init__(self, path: Path, table: str) -> None:
        self._arrow, parquet = _parquet()
        self._schema = self._arrow.schema([(name, self._type(name, kind)) for name, kind in columns(table).items()])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []

    def _type(self, name: str, kind: type) -> Any:
        if kind is int:
            return self._arrow.int32()
        text = self._arrow.string()
        return text if name in _PLAIN else self._arrow.dictionary(self._arrow.int32(), text)

    def write(self, row: tuple[Any, ...]) -> None:
        self._rows.append(tuple(_encodable(v) if isinstance(v, str) else v for v in map(_cell, row)))
        if len(self._rows) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            arrays = [
                self._arrow.array(values, type=field.type)
                for values, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
            ]
            self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
            self._rows.clear()

    def close(self) -> None:
        if self._writer.is_open:
            self._flush()
            self._writer.close()


class _Ndjson:
    """One object a row, its keys in camelCase as in the results, several values as a list."""

    def __init__(self, path: Path, table: str) -> None:
        self._file = path.open("wb")
        self._names = [_camel(name) for name in columns(table)]

    def write(self, row: tuple[Any, ...]) -> None:
        self._file.write(msgspec.json.encode(dict(zip(self._names, row, strict=True))) + b"\n")

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _cell(value: Any) -> Any:
    """Several ids with spaces between, several sentences with semicolons."""
    if not isinstance(value, tuple):
        return value
    return ("; " if any(" " in text for text in value) else " ").join(value)


_OPEN: dict[str, Callable[[Path, str], Table]] = {".csv": _Csv, ".parquet": _Parquet, ".ndjson": _Ndjson}


def _parquet() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as problem:
        raise SettingsError("Parquet needs the extra `parquet`: pip install 'trialhook[parquet]'") from problem


def _encodable(text: str) -> str:
    """Half of a surrogate pair, which JSON can tell and UTF-8 cannot, becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
