"""What Spark's executors do: sort files, find references, judge parts. Rows come and go as Arrow batches."""

import importlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from service import __version__
from service.criteria.plan import Plan
from service.criteria.results import PatientResult
from service.errors import RecordError, SettingsError
from service.mappers.documents import read_document
from service.population.bundles import carried, is_whole, sort_bundle
from service.population.files import BROKEN, Input, inputs_in
from service.population.judging import Judge, Judged
from service.population.records import Shared, references
from service.population.spill import (
    SHARED_PART,
    Entry,
    Gap,
    Sorted,
    Spill,
    Spilled,
    part_of,
    sort_line,
    sort_lines,
)
from service.population.summary import Tally
from service.screening import Screening, encode
from service.settings import Settings

ROWS = "kind string, part int, patient string, file int, line int, name string, json binary"
WANTED = "part int, patient string, name string"
JUDGED = "part int, kind string, data binary"
MEMBERS = "path string, member string, place int, size bigint, kind string"
CHUNK = 4 << 20  # bytes of a batch that is handed on
_EVENT = b'"medicationReference"'


class Installation(NamedTuple):
    """What a Screening is built from, with the files of the site's own folders: executors may not see those."""

    trials: tuple[tuple[tuple[str, bytes], ...], ...]
    value_sets: tuple[tuple[tuple[str, bytes], ...], ...]
    zone: str
    upper_limits: str

    @classmethod
    def of(cls, settings: Settings) -> "Installation":
        trials, value_sets = ([_files(f) for f in folders] for folders in (settings.trials, settings.value_sets))
        limits = msgspec.json.encode(settings.uln).decode()
        return cls(tuple(trials), tuple(value_sets), str(settings.timezone), limits)


def _files(folder: Path) -> tuple[tuple[str, bytes], ...]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple((path.relative_to(folder).as_posix(), path.read_bytes()) for path in found)


class Sorting(NamedTuple):
    """The inputs, their numbers by the path of their file, how many parts, and the one patient who is wanted."""

    inputs: tuple[Input, ...]
    numbers: dict[str, tuple[int, ...]]
    parts: int
    only: str


class Judging(NamedTuple):
    """The installation, the trials, the day, the names of the inputs; gaps by patient as a broadcast value; the version
    that every executor must have; whether to decide early."""

    installation: Installation
    trials: tuple[str, ...]
    day: int
    names: tuple[str, ...]
    gaps: Any
    version: str
    brief: bool


# -- sorting


def list_archives(names: Mapping[str, str], batches: Iterable[Any]) -> Iterator[Any]:
    """The members of archives, `path` and `content`; `names` tells how each is called. One without a name stands for an
    archive that is broken."""
    for batch in batches:
        for path, content in zip(batch.column("path"), batch.column("content"), strict=True):
            yield from _batches(_members(names[path.as_py()], path.as_py(), content.as_buffer()), MEMBERS)


def _members(name: str, path: str, content: Any) -> Iterator[tuple[Any, ...]]:
    with _on_disk(Input(name, "", "bundle", content.size), content) as archive:
        try:
            found = [(path, each.member, each.size, each.kind) for each in inputs_in(archive)]
        except BROKEN:
            found = [(path, "", 0, "bundle")]
    yield from ((*each[:2], place, *each[2:]) for place, each in enumerate(found))


def sort_files(task: Sorting, batches: Iterable[Any]) -> Iterator[Any]:
    """Rows of whole files: `path` and `content`."""
    for batch in batches:
        for path, content in zip(batch.column("path"), batch.column("content"), strict=True):
            numbers = task.numbers[path.as_py()]
            with _on_disk(task.inputs[numbers[0]], content.as_buffer()) as first:  # one file, or one archive of them
                for number in numbers:
                    source = msgspec.structs.replace(task.inputs[number], path=first.path)
                    yield from _batches(_rows_of_file(task, number, source), ROWS)


def _rows_of_file(task: Sorting, number: int, source: Input) -> Iterator[tuple[Any, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        sort = sort_lines if source.kind == "lines" else sort_bundle
        found = sort(source, Spill(Path(folder) / f"{number:05}", 1), task.only)
        spilled = Spilled(Path(folder))
        for entry in spilled.entries(0):
            whole = Entry(entry.file, entry.line, entry.patient, carried(source)) if is_whole(entry.json) else entry
            yield from _rows_of_entry(whole, task.parts)
        for entry in spilled.entries(SHARED_PART):
            yield ("shared", -1, "", entry.file, entry.line, entry.patient, entry.json)
    yield ("report", -1, "", number, 0, "", msgspec.json.encode(found))


@contextmanager
def _on_disk(source: Input, content: Any) -> Iterator[Input]:
    """The same input in a file of this machine's; its name ends as it did, for by that it is read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"input-{source.name.partition('!')[0].rpartition('/')[2]}"
        path.write_bytes(content)
        yield msgspec.structs.replace(source, path=str(path))


def _rows_of_entry(entry: Entry, parts: int) -> Iterator[tuple[Any, ...]]:
    part = part_of(entry.patient, parts)
    yield ("entry", part, entry.patient, entry.file, entry.line, entry.type, entry.json)
    if is_whole(entry.json):
        return
    if _EVENT in entry.json or b"\\u" in entry.json:
        for name in sorted(_wanted(entry.json)):
            yield ("wanted", part, entry.patient, 0, 0, name, None)


def _wanted(data: bytes) -> set[str]:
    """The shared resources that a resource refers to; none where it cannot be read, which its judging will tell."""
    try:
        return references([read_document(b"[%b]" % data, "record", strict=False)])
    except RecordError:
        return set()


class _Collected(Spill):
    """Entries in memory: of a line there is one at most."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.entries: list[Entry] = []
        self.shared: list[Entry] = []

    def add(self, line: int, patient: str, text: bytes, kind: str = "") -> None:
        self.entries.append(Entry(self._file, line, patient, text, kind))

    def share(self, line: int, name: str, text: bytes) -> None:
        self.shared.append(Entry(self._file, line, name, text))


def sort_rows(task: Sorting, batches: Iterable[Any]) -> Iterator[Any]:
    """Rows of lines that stand in rows already: `value`, the `path` of their file and their `number` in it, from 0."""
    yield from _batches(_rows_of_lines(task, batches), ROWS)


def _rows_of_lines(task: Sorting, batches: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    reports: dict[int, Sorted] = {}
    for batch in batches:
        for value, path, index in zip(*(batch.column(n).to_pylist() for n in range(3)), strict=True):
            (number,) = task.numbers[path]
            found = reports.setdefault(number, Sorted(""))
            text = value.encode() if isinstance(value, str) else value or b""
            spill = _Collected(number)
            source = msgspec.structs.replace(task.inputs[number], path=path)
            sort_line(source, index + 1, text.replace(b"\n", b" "), spill, task.only, found)
            for entry in spill.entries:
                yield from _rows_of_entry(entry, task.parts)
            for entry in spill.shared:
                yield ("shared", -1, "", entry.file, entry.line, entry.patient, entry.json)
    for number, found in reports.items():
        yield ("report", -1, "", number, 0, "", msgspec.json.encode(found))


def references_of(batches: Iterable[Any]) -> Iterator[Any]:
    """What shared resources refer to, for the patients who were led to them."""
    for batch in batches:
        rows = zip(*(batch.column(name).to_pylist() for name in ("part", "patient", "json")), strict=True)
        found = ((part, patient, name) for part, patient, data in rows for name in sorted(_wanted(data)))
        yield from _batches(found, WANTED)


# -- judging


class _Carried(Shared):
    """The shared resources that stand beside a patient's lines."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[bytes]] = {}

    def find(self, names: Iterable[str]) -> list[bytes]:
        return [data for name in names for data in sorted(self.by_name.get(name, ()))]


def judge_parts(task: Judging, batches: Iterable[Any]) -> Iterator[Any]:
    """Results and errors of whole parts, whose rows come in the order of part, patient, kind, file and line."""
    yield from _batches(_judged(task, _rows(batches)), JUDGED)


def _rows(batches: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    names = ("part", "patient", "kind", "file", "line", "name", "json")
    for batch in batches:
        yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)


def _judged(task: Judging, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[int, str, bytes]]:
    if task.version != __version__:
        raise SettingsError(f"an executor has trialhook {__version__}, the driver {task.version}")
    judge: Judge | None = None
    for part, of_part in groupby(rows, lambda row: row[0]):
        judge = judge or _judge_of(task)
        yield part, "begin", b""
        yield from _part(judge, part, of_part)


def _part(judge: Judge, part: int, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[int, str, bytes]]:
    tally, patients, errors = Tally(), 0, 0
    assert isinstance(judge.shared, _Carried)
    for patient, of_patient in groupby(rows, lambda row: row[1]):
        found: list[Entry] = []
        judge.shared.by_name = {}
        for _, _, kind, file, line, name, data in of_patient:
            if kind == "shared":
                judge.shared.by_name.setdefault(name, []).append(data)
            else:
                found.append(Entry(file, line, patient, data, name))
        answer, wrong = judge.answer(patient, found)
        errors += len(wrong)
        if wrong:
            yield part, "errors", b"".join(encode(row) + b"\n" for row in wrong)
        if answer is None:
            continue
        patients += 1
        yield part, "results", encode(answer) + b"\n"
        if isinstance(answer, PatientResult):
            tally.add(answer)
        else:
            tally.add_error(answer.error.code)
    yield part, "judged", msgspec.json.encode(Judged(patients, errors, tally))


def _judge_of(task: Judging) -> Judge:
    screening, plan = _installed(task.installation, task.trials, task.day)
    inputs = [Input(name, "", "lines", 0) for name in task.names]
    gaps: Mapping[str, Sequence[Gap]] = task.gaps.value
    return Judge(
        screening, plan, task.day, inputs, Spilled(), _Carried(), gaps, Path(), screening.sieve(plan), task.brief
    )


@lru_cache(1)
def _installed(installation: Installation, trials: tuple[str, ...], day: int) -> tuple[Screening, Plan]:
    """The screening of this process, built once, and its plan of the trials."""
    with tempfile.TemporaryDirectory() as folder:
        own = [_unpacked(Path(folder) / f"trials{n}", f) for n, f in enumerate(installation.trials)]
        sets = [_unpacked(Path(folder) / f"sets{n}", f) for n, f in enumerate(installation.value_sets)]
        limits = msgspec.json.decode(installation.upper_limits)
        screening = Screening(own, sets, ZoneInfo(installation.zone), limits, on=date.fromordinal(day))
    return screening, screening.plan_for(screening.trials.chosen(trials))


def _unpacked(folder: Path, found: Iterable[tuple[str, bytes]]) -> Path:
    folder.mkdir()
    for name, data in found:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


# -- batches


def _batches(rows: Iterable[tuple[Any, ...]], columns: str) -> Iterator[Any]:
    """Rows as Arrow batches of a few megabytes."""
    schema = _schema(columns)
    held: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        held.append(row)
        size += 64 + len(row[-1] or "")
        if size > CHUNK:
            yield _batch(held, schema)
            held, size = [], 0
    if held:
        yield _batch(held, schema)


def _batch(rows: list[tuple[Any, ...]], schema: Any) -> Any:
    arrow = importlib.import_module("pyarrow")
    arrays = [arrow.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)]
    return arrow.RecordBatch.from_arrays(arrays, schema=schema)


def _schema(columns: str) -> Any:
    arrow = importlib.import_module("pyarrow")
    kinds = {"string": arrow.string(), "int": arrow.int32(), "bigint": arrow.int64(), "binary": arrow.binary()}
    return arrow.schema([(name, kinds[kind]) for name, kind in (c.split() for c in columns.split(", "))])
