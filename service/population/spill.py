"""Sorting resources by patient without holding them: every line goes to the part of its patient, on disk.

Parts are small enough to be held one at a time; a patient's resources meet in one part whatever file and order they
came in. What cannot be read becomes an error with file and line, and makes silence unproven for whom it concerns.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from service.mappers import wire
from service.population.files import Input, Opened

PART_BYTES = 24 << 20
MAX_PARTS = 2048
BUFFERED = 32 << 20
MAX_LINE = 64 << 20
SHARED = frozenset({"Medication", "Substance"})
SHARED_PART = -1
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
    """A resource type (`*`: any) whose silence is not proven, and why; for one patient, or for all."""

    type: str
    reason: str
    patient: str = ""


class Sorted(msgspec.Struct):
    """What came of one input: its digest, its errors, gaps, and how many resources of each type it held."""

    digest: str
    errors: list[ErrorRow] = msgspec.field(default_factory=list)
    gaps: list[Gap] = msgspec.field(default_factory=list)
    unproven: set[str] = msgspec.field(default_factory=set)  # types of which some line cannot be read: told once
    counts: dict[str, int] = msgspec.field(default_factory=dict)


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


@lru_cache(1024)  # the lines of a patient mostly follow each other; so below
def part_of(patient: str, parts: int) -> int:
    return zlib.crc32(patient.encode()) % parts


@lru_cache(1024)
def logical_id(reference: str) -> str:
    """`p1` of Patient/p1, an absolute address, one with a version, or urn:uuid:p1."""
    plain = reference.partition("/_history/")[0]
    return plain.rpartition("/")[2] if "/" in plain else plain.rpartition(":")[2]


class Spill:
    """Writes the lines of one input to its files below a folder, one a part. The folder is named by the input's
    number."""

    def __init__(self, folder: Path, parts: int) -> None:
        self._folder = folder
        self._parts = parts
        self._limit = max(4096, BUFFERED // parts)
        self._buffers: dict[int, bytearray] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, line: int, patient: str, text: bytes, kind: str = "") -> None:
        """A patient's resource: one line, with or without its end, and its type. The id is printable."""
        self._append(part_of(patient, self._parts), patient, line, text, kind)

    def share(self, line: int, name: str, text: bytes) -> None:
        """A resource that is nobody's: found by its name from any part."""
        self._append(SHARED_PART, name, line, text)

    def _append(self, part: int, name: str, line: int, text: bytes, kind: str = "") -> None:
        buffer = self._buffers.get(part)
        if buffer is None:
            buffer = self._buffers[part] = bytearray()
        buffer += b"%b\t%b\t%d\t" % (name.encode(), kind.encode(), line)
        buffer += text
        if not text.endswith(b"\n"):
            buffer += b"\n"
        if len(buffer) > self._limit:
            self._write(part, buffer)

    def _write(self, part: int, buffer: bytearray) -> None:
        with (self._folder / _name(part)).open("ab") as out:
            out.write(buffer)
        buffer.clear()

    def close(self) -> None:
        for part, buffer in self._buffers.items():
            if buffer:
                self._write(part, buffer)


def _name(part: int) -> str:
    return "shared" if part == SHARED_PART else f"part-{part:05}"


def entries(folder: Path, part: int) -> Iterator[Entry]:
    """All entries of a part, file by file in the order of the inputs; of SHARED_PART those that are nobody's."""
    for path in sorted(folder.glob(f"*/{_name(part)}")):
        file = int(path.parent.name)
        with path.open("rb") as rows:
            for row in rows:
                name, kind, line, data = row.split(b"\t", 3)
                yield Entry(file, int(line), name.decode(), data[:-1], kind.decode())


def _silent(_: int) -> None:
    """Nobody asked for progress."""


def sort_lines(source: Input, spill: Spill, only: str = "", tick: Callable[[int], None] = _silent) -> Sorted:
    """Sort one NDJSON input. `only` keeps one patient's resources (and those that are nobody's)."""
    found = Sorted("")
    line = 0
    with Opened(source) as opened:
        try:
            for line, text in enumerate(opened.stream, 1):
                sort_line(source, line, text, spill, only, found)
                if not line % 10_000:
                    tick(10_000)
        except (EOFError, OSError, zlib.error) as problem:
            if isinstance(problem, OSError) and problem.errno:
                raise  # the disk's fault, not the file's
            found.errors.append(ErrorRow(source.name, line + 1, "the file is cut short or damaged"))
            found.gaps.append(Gap(_type_told(source.name, found), f"{source.name} is cut short or damaged"))
        found.digest = opened.digest
    spill.close()
    tick(line % 10_000)
    return found


def sort_line(source: Input, line: int, text: bytes, spill: Spill, only: str, found: Sorted) -> None:
    try:
        head = _decode_head(text)
        if not text.isascii():
            text.decode()  # also where nothing is read of it here
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if data := text.strip():
            _unreadable(source, line, data, spill, only, found)
        return
    kind = head.resourceType
    found.counts[kind] = found.counts.get(kind, 0) + 1
    if kind not in _READ:
        if not kind:
            found.errors.append(ErrorRow(source.name, line, "no resourceType"))
    elif kind == "Patient":
        _add_patient(source, line, head, text, spill, only, found)
    elif kind in SHARED:
        if is_name(name := f"{kind}/{head.id}"):
            spill.share(line, name, text)
        else:
            found.errors.append(ErrorRow(source.name, line, f"{with_article(kind)} with control characters in its id"))
    elif kind == "OperationOutcome":
        _outcome(source, line, text, found)
    else:
        owner = head.subject if kind != "AllergyIntolerance" else head.patient
        patient = logical_id(owner.reference) if owner is not None and owner.reference else ""
        if not is_name(patient):
            found.errors.append(ErrorRow(source.name, line, f"{with_article(kind)} without a subject"))
        elif not only or patient == only:
            spill.add(line, patient, text, kind)


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
        found.gaps.append(Gap("*", f"{source.name} holds errors of the export"))


def _unreadable(source: Input, line: int, data: bytes, spill: Spill, only: str, found: Sorted) -> None:
    """A line that is no resource as FHIR has it. Where it is well-formed JSON its record's reader judges it; whose it
    is decides whose silence it disturbs."""
    told = _TYPE.search(data)
    kind = told[1].decode() if told else _type_told(source.name, found)
    if told and kind not in _READ:
        found.counts[kind] = found.counts.get(kind, 0) + 1
        return
    owners = {owner.decode() for owner in _REFERENCE.findall(data)}
    whole = _is_json(data)
    reason = f"a malformed {kind}" if whole else "not JSON"
    found.errors.append(ErrorRow(source.name, line, reason, f"Patient/{min(owners)}" if len(owners) == 1 else ""))
    if len(owners) == 1:
        (owner,) = owners
        if whole and (not only or owner == only):
            spill.add(line, owner, data)
        elif not whole:
            found.gaps.append(Gap(kind, f"{source.name}, line {line} cannot be read", owner))
    elif kind not in found.unproven:
        found.unproven.add(kind)
        found.gaps.append(Gap(kind, f"{source.name}, line {line} cannot be read"))


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _type_told(name: str, found: Sorted) -> str:
    """The resource type of a file whose line does not tell it: by its other lines, else by its name."""
    if len(found.counts) == 1:
        return next(iter(found.counts))
    by_name = _BY_NAME.search(name.rpartition("!")[2])
    return by_name[1] if by_name and by_name[1] in _READ else "*"
