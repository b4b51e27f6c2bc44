"""Sorting resources by patient without holding them: every line goes to the part of its patient, on disk.

Parts are small enough to be held one at a time; a patient's resources meet in one part whatever file and order they
came in. What cannot be read becomes an error with file and line, and makes silence unproven for whom it concerns.
"""

import os
import re
import shutil
import zlib
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO

import msgspec

from service.mappers import wire
from service.population.files import Input, Opened

PART_BYTES = 12 << 20
MAX_PARTS = 2048
BUFFERED = 32 << 20
REMEMBERED = 1024  # patients: their lines mostly follow each other
MAX_LINE = 64 << 20
SLICE = 1000  # lines in a row that belong to one slice of an input
SHARED = frozenset({"Medication", "Substance"})
SHARED_PART = -1
BOM = b"\xef\xbb\xbf"
_READ = frozenset(cls.__name__ for cls in wire.READ_TYPES) - {"Parameters"}
_REFERENCE = re.compile(rb'"reference"\s*:\s*"(?:[^"]*/)?Patient/([A-Za-z0-9\-.]{1,64})')
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
_BY_NAME = re.compile(r"(?:^|[./_-])([A-Z][A-Za-z]+)[^/]*$")


class _Ref(msgspec.Struct, gc=False):
    reference: str | None = None


class _Head(msgspec.Struct, gc=False):
    """What has to be known of a resource to sort it."""

    resourceType: str = ""
    id: str | None = None
    subject: _Ref | None = None
    patient: _Ref | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_outcome = msgspec.json.Decoder(wire.OperationOutcome).decode


class ErrorRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that could not be read: file, line (0: the file as a whole) and why; the patient where known."""

    file: str
    line: int
    reason: str
    patient: str = ""


class Gap(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A resource type (`*`: any) whose silence is not proven, and why; for one patient, or for all. While an input is
    sorted it has the line that it is of."""

    type: str
    reason: str
    patient: str = ""
    line: int = 0


class Sorted(msgspec.Struct):
    """What came of one input: its digest, its errors, gaps, and how many resources of each type it held. Until it is
    `finish`ed, a type that a line itself does not tell is empty, and `unread` holds the types of which nobody's line
    cannot be read, with the first such line."""

    digest: str
    errors: list[ErrorRow] = msgspec.field(default_factory=list)
    gaps: list[Gap] = msgspec.field(default_factory=list)
    unread: dict[str, int] = msgspec.field(default_factory=dict)
    counts: dict[str, int] = msgspec.field(default_factory=dict)

    def cannot_read(self, kind: str, line: int) -> None:
        self.unread[kind] = min(line, self.unread.get(kind, line))

    def merge(self, other: "Sorted") -> None:
        """Add what came of other lines of the same input."""
        self.digest = other.digest or self.digest
        self.errors += other.errors
        self.gaps += other.gaps
        for kind, line in other.unread.items():
            self.cannot_read(kind, line)
        for kind, count in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count

    def finish(self, name: str) -> None:
        """All lines of the input of that name were seen: its types tell what no line tells."""
        self.errors.sort(key=lambda error: error.line)
        told = type_told(name, self.counts) if "" in self.unread or any(not gap.type for gap in self.gaps) else ""
        self.gaps.sort(key=lambda gap: gap.line)
        self.gaps = [msgspec.structs.replace(gap, type=gap.type or told, line=0) for gap in self.gaps]
        if "" in self.unread:
            self.cannot_read(told, self.unread.pop(""))
        self.gaps += [
            Gap(kind, f"{name}, line {line} cannot be read")
            for kind, line in sorted(self.unread.items(), key=itemgetter(1))
        ]
        self.unread = {}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One resource of a part: the number of its file, its line, its patient's id (its own name where it is nobody's),
    the JSON, and its type where that was read."""

    file: int
    line: int
    patient: str
    json: bytes
    type: str = ""


def parts_for(inputs: list[Input]) -> int:
    """Into how many parts a population is sorted: depends on the inputs alone, not on the machine."""
    total = sum(source.weight for source in inputs)
    return max(1, min(MAX_PARTS, -(-total // PART_BYTES)))


@lru_cache(REMEMBERED)
def part_of(patient: str, parts: int) -> int:
    return zlib.crc32(patient.encode()) % parts


@lru_cache(REMEMBERED)
def logical_id(reference: str) -> str:
    """`p1` of Patient/p1, an absolute address, one with a version, or urn:uuid:p1."""
    plain = reference.partition("/_history/")[0]
    return plain.rpartition("/")[2] if "/" in plain else plain.rpartition(":")[2]


class _Pile:
    """Rows of one part that wait to be written."""

    __slots__ = ("pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0


class Spill:
    """Writes the lines of one input to its files below a folder, one a part. The folder is named by the input's
    number."""

    def __init__(self, folder: Path, parts: int) -> None:
        self._folder = folder
        self._parts = parts
        self._limit = max(4096, BUFFERED // parts)
        self._piles: dict[int, _Pile] = {}
        self._places: dict[tuple[str, str], tuple[int, _Pile, bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, line: int, patient: str, text: bytes, kind: str = "") -> None:
        """A patient's resource: one line, with or without its end, and its type. The id is printable."""
        place = self._places.get((patient, kind))
        if place is None:
            if len(self._places) >= REMEMBERED:
                self._places.clear()
            place = self._places[patient, kind] = self._place(part_of(patient, self._parts), patient, kind)
        self._append(place, line, text)

    def share(self, line: int, name: str, text: bytes) -> None:
        """A resource that is nobody's: found by its name from any part."""
        self._append(self._place(SHARED_PART, name, ""), line, text)

    def _place(self, part: int, name: str, kind: str) -> tuple[int, _Pile, bytes]:
        """Where the rows of one name and type go, and how they begin."""
        return part, self._piles.setdefault(part, _Pile()), f"{name}\t{kind}\t".encode()

    def _append(self, place: tuple[int, _Pile, bytes], line: int, text: bytes) -> None:
        part, pile, begin = place
        pile.pieces.append(b"%b%d\t" % (begin, line))
        pile.pieces.append(text if text[-1:] == b"\n" else text + b"\n")
        pile.size += len(text)
        if pile.size > self._limit:
            self._write(part, pile)

    def _write(self, part: int, pile: _Pile) -> None:
        with (self._folder / _name(part)).open("ab") as out:
            out.write(b"".join(pile.pieces))
        pile.pieces.clear()
        pile.size = 0

    def close(self) -> None:
        for part, pile in self._piles.items():
            if pile.pieces:
                self._write(part, pile)


def _name(part: int) -> str:
    return "shared" if part == SHARED_PART else f"part-{part:05}"


def spill_folder(spilled: Path, number: int, slice_: int = 0) -> Path:
    """Where the lines of an input go, or of a slice of it."""
    return spilled / (f"{number:05}-{slice_}" if slice_ else f"{number:05}")


def forget(spilled: Path, numbers: Collection[int]) -> None:
    """Take away what a killed run has sorted of these inputs."""
    for folder in spilled.iterdir():
        if int(folder.name.partition("-")[0]) in numbers:
            shutil.rmtree(folder)


def _number_of(path: Path) -> int:
    return int(path.parent.name.partition("-")[0])


class Spilled:
    """What all inputs left below a folder, once all are sorted. The folders are looked through once, not once a part: a
    population may be of a hundred thousand files."""

    def __init__(self, folder: Path | None = None) -> None:
        """Of nothing where no folder is named, or none is there: what is judged comes from elsewhere."""
        self._folder = folder or Path()
        self._names = sorted(os.listdir(folder)) if folder is not None and folder.exists() else []
        self._holding: dict[str, array[int]] = {}  # a part's name -> the places of the folders that hold some of it
        for place, name in enumerate(self._names):
            for file in os.listdir(self._folder / name):
                self._holding.setdefault(file, array("L")).append(place)

    def entries(self, part: int) -> Iterator[Entry]:
        """All entries of a part, input by input, by line; of SHARED_PART those that are nobody's."""
        places = self._holding.get(_name(part), ())
        found = sorted((self._folder / self._names[place] / _name(part) for place in places), key=_number_of)
        for file, paths in groupby(found, key=_number_of):
            slices = [_entries(path, file) for path in paths]
            yield from slices[0] if len(slices) == 1 else merge(*slices, key=_line)


def _entries(path: Path, file: int) -> Iterator[Entry]:
    with path.open("rb") as rows:
        for row in rows:
            name, kind, line, data = row.split(b"\t", 3)
            yield Entry(file, int(line), name.decode(), data[:-1], kind.decode())


def _line(entry: Entry) -> int:
    return entry.line


def _silent(_: int) -> None:
    """Nobody asked for progress."""


def sort_lines(
    source: Input, spill: Spill, only: str = "", tick: Callable[[int], None] = _silent, slice_: int = 0, of: int = 1
) -> Sorted:
    """Sort one NDJSON input. `only` keeps one patient's resources (and those that are nobody's).

    Several processes share a large one: each reads it all, for where a line begins only reading tells, and sorts its
    slice `of` so many. The first tells the digest and any damage. Their reports are to be merged and finished.
    """
    found = Sorted("")
    line = 0
    with Opened(source, with_digest=not slice_) as opened:
        try:
            for line, text in enumerate(_lines(opened.stream), 1):
                if of > 1 and line // SLICE % of != slice_:
                    continue
                if len(text) > MAX_LINE:
                    _too_long(source, line, text, found)
                else:
                    sort_line(source, line, text, spill, only, found)
                if not line % 10_000:
                    tick(10_000)
        except (EOFError, OSError, zlib.error) as problem:
            if isinstance(problem, OSError) and problem.errno:
                raise  # the disk's fault, not the file's
            if not slice_:
                found.errors.append(ErrorRow(source.name, line + 1, "the file is cut short or damaged"))
                found.gaps.append(Gap("", f"{source.name} is cut short or damaged", line=line + 1))
        found.digest = opened.digest
    spill.close()
    tick(line % 10_000)
    if of == 1:
        found.finish(source.name)
    return found


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream; of one that is longer than MAX_LINE its beginning, which is longer still: a small packed
    file could hold one that fills the memory."""
    while text := stream.readline(MAX_LINE + 1):
        yield text
        while len(text) > MAX_LINE and text[-1:] != b"\n" and (text := stream.readline(MAX_LINE + 1)):
            pass


def _too_long(source: Input, line: int, text: bytes, found: Sorted) -> None:
    told = _TYPE.search(text)
    kind = told[1].decode() if told else ""
    if kind and kind not in _READ and kind != "Bundle":
        found.counts[kind] = found.counts.get(kind, 0) + 1
        return
    found.errors.append(ErrorRow(source.name, line, f"a line of more than {MAX_LINE >> 20} MB"))
    found.cannot_read("*" if kind == "Bundle" else kind, line)


def sort_line(source: Input, line: int, text: bytes, spill: Spill, only: str, found: Sorted) -> None:
    try:
        head = _decode_head(text)
        if not text.isascii():
            text.decode()  # also where nothing is read of it here
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if line == 1 and text.startswith(BOM):
            sort_line(source, line, text.removeprefix(BOM), spill, only, found)
        elif data := text.strip():
            _unreadable(source, line, data, spill, only, found)
        return
    kind = head.resourceType
    found.counts[kind] = found.counts.get(kind, 0) + 1
    if kind not in _READ:
        if not kind:
            found.errors.append(ErrorRow(source.name, line, "no resourceType"))
        elif kind == "Bundle" and b'"resource"' in text:  # one of deletions holds none
            found.errors.append(ErrorRow(source.name, line, "a Bundle in a line: its resources are not read"))
            found.gaps.append(Gap("*", f"{source.name} holds Bundles that are not read", line=line))
    elif kind == "Patient":
        _add_patient(source, line, head, text, spill, only, found)
    elif kind in SHARED:
        if not head.id:
            return  # nothing can refer to it
        if is_name(name := f"{kind}/{head.id}"):
            spill.share(line, name, text)
        else:
            found.errors.append(ErrorRow(source.name, line, f"{with_article(kind)} with control characters in its id"))
    elif kind == "OperationOutcome":
        _outcome(source, line, text, found)
    else:
        owner = head.subject if kind != "AllergyIntolerance" else head.patient
        patient = _owner(owner.reference) if owner is not None and owner.reference else ""
        if not patient:
            found.errors.append(ErrorRow(source.name, line, f"{with_article(kind)} without a subject"))
        elif not only or patient == only:
            spill.add(line, patient, text, kind)


@lru_cache(REMEMBERED)
def _owner(reference: str) -> str:
    """The id of whom a reference names; empty where it cannot be one."""
    patient = logical_id(reference)
    return patient if is_name(patient) else ""


def is_name(text: str) -> bool:
    """Whether a line of a part can begin with it: control characters stand in no id."""
    return bool(text) and text.isprintable()


def with_article(kind: str) -> str:
    return f"{'an' if kind[:1] in 'AEIOU' else 'a'} {kind}"


def _add_patient(source: Input, line: int, head: _Head, text: bytes, spill: Spill, only: str, found: Sorted) -> None:
    if not head.id:
        found.errors.append(ErrorRow(source.name, line, "a Patient without an id; nothing can be told to be theirs"))
    elif not is_name(head.id):
        found.errors.append(ErrorRow(source.name, line, "a Patient with control characters in its id"))
    elif not only or head.id == only:
        spill.add(line, head.id, text, "Patient")


def _outcome(source: Input, line: int, data: bytes, found: Sorted) -> None:
    try:
        issues = _decode_outcome(data).issue or ()
    except msgspec.DecodeError:
        issues = ()
    if any((issue.severity or "").lower() in ("error", "fatal") for issue in issues):
        found.errors.append(
            ErrorRow(source.name, line, "an OperationOutcome of severity error: the export has failures")
        )
        found.gaps.append(Gap("*", f"{source.name} holds errors of the export", line=line))


def _unreadable(source: Input, line: int, data: bytes, spill: Spill, only: str, found: Sorted) -> None:
    """A line that is no resource as FHIR has it. Where it is well-formed JSON its record's reader judges it; whose it
    is decides whose silence it disturbs."""
    told = _TYPE.search(data)
    kind = told[1].decode() if told else ""
    if told and kind not in _READ:
        found.counts[kind] = found.counts.get(kind, 0) + 1
        return
    owners = {owner.decode() for owner in _REFERENCE.findall(data)}
    whole = _is_json(data)
    reason = f"a malformed {kind or 'resource'}" if whole else "not JSON"
    found.errors.append(ErrorRow(source.name, line, reason, f"Patient/{min(owners)}" if len(owners) == 1 else ""))
    if len(owners) == 1:
        (owner,) = owners
        if whole and (not only or owner == only):
            spill.add(line, owner, data)
        elif not whole:
            found.gaps.append(Gap(kind, f"{source.name}, line {line} cannot be read", owner, line))
    else:
        found.cannot_read(kind, line)


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def type_told(name: str, counts: Mapping[str, int]) -> str:
    """The resource type of a file whose line does not tell it: by its other lines, else by its name."""
    if len(counts) == 1:
        return next(iter(counts))
    by_name = _BY_NAME.search(name.rpartition("!")[2])
    return by_name[1] if by_name and by_name[1] in _READ else "*"
