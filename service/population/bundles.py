"""Bundles as inputs: one patient's Bundle stays whole, one of several patients (or none) is sorted like lines."""

import re
import zlib

import msgspec

from service.errors import RecordError
from service.mappers import wire
from service.mappers.documents import Document, read_document
from service.population.files import Input, Opened, has_changed
from service.population.spill import SHARED, ErrorRow, Gap, Sorted, Spill, is_name, logical_id, with_article

# In place of a resource: the whole file is this patient's. Its bytes stand behind the mark where it can't be had again
# without unpacking what stands before it.
WHOLE_FILE = b"@"
MAX_BUNDLE = 512 << 20  # bytes, unpacked: it is held in memory, and a small packed file could fill that
_URN = re.compile(rb'"urn:[^"\\]*"')


def sort_bundle(source: Input, spill: Spill, only: str = "") -> Sorted:
    """Sort one JSON document (a Bundle, a resource, a list of either)."""
    found = Sorted("")
    with Opened(source) as opened:
        try:
            data = _content(opened)
        except RecordError as error:
            found.digest = opened.digest
            return _unreadable(source, error.message, found)
        found.digest = opened.digest
    if nothing := _holds_nothing(data):
        found.errors.append(ErrorRow(source.name, 0, nothing))
        return found
    try:
        document = read_document(data, source.name, strict=False)
    except RecordError as error:
        return _unreadable(source, error.message.removeprefix(f"{source.name}: "), found)
    whole = WHOLE_FILE + one_line(data) if source.in_packed_tar else WHOLE_FILE
    _sort_document(source, document, whole, spill, only, found)
    spill.close()
    return found


def _content(opened: Opened) -> bytes:
    """All of a file. RecordError where it is damaged, or larger than what is held in memory."""
    try:
        data = opened.stream.read(MAX_BUNDLE + 1)
    except (EOFError, OSError, zlib.error) as problem:
        if isinstance(problem, OSError) and problem.errno:
            raise  # the disk's fault, not the file's
        raise RecordError("the file is cut short or damaged") from None
    if len(data) > MAX_BUNDLE:
        raise RecordError(f"a Bundle of more than {MAX_BUNDLE >> 20} MB", code="too-large")
    return data


def _unreadable(source: Input, reason: str, found: Sorted) -> Sorted:
    """Of a file that might have held anything of anybody."""
    found.errors.append(ErrorRow(source.name, 0, reason))
    found.gaps.append(Gap("*", f"{source.name} cannot be read"))
    return found


def _holds_nothing(data: bytes) -> str:
    """Why a file holds no resource, so that none is missing; empty where it may hold one."""
    if not data.strip():
        return "an empty file"
    if b'"resourceType"' in data or b"\\u" in data:
        return ""
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return "JSON without a FHIR resource"


def _sort_document(source: Input, document: Document, whole: bytes, spill: Spill, only: str, found: Sorted) -> None:
    for item in document.items:
        kind = type(item.resource).__name__
        found.counts[kind] = found.counts.get(kind, 0) + 1
    patients = {item.resource.id or logical_id(item.full_url) for item in document.items if _is_patient(item.resource)}
    if len(patients) == 1:
        (patient,) = patients
        if not is_name(patient):
            found.errors.append(ErrorRow(source.name, 0, "a Patient with control characters in its id"))
        elif not only or patient == only:
            spill.add(0, patient, whole)
        return
    found.gaps += [Gap(kind, f"{source.name}: {reason}") for kind, reason in document.gaps]
    names = _named(document)
    for line, item in enumerate(document.items):
        if item.holder is None:  # what another contains goes with it
            data = one_line(bytes(item.raw))
            _sort_resource(source, line, item.resource, _plainly(data, names) if names else data, spill, only, found)


def _named(document: Document) -> dict[bytes, bytes]:
    """Relative references, as JSON strings, for the full URLs of entries that are a urn: a line by itself has no full
    URL. A resource without an id takes the urn's."""
    names: dict[bytes, bytes] = {}
    for item in document.items:
        if item.full_url.startswith("urn:") and is_name(name := logical_id(item.full_url)):
            item.raw = _with_id(bytes(item.raw), name) if not item.resource.id else item.raw
            item.resource.id = item.resource.id or name
            reference = f"{type(item.resource).__name__}/{item.resource.id}"
            names[msgspec.json.encode(item.full_url)] = msgspec.json.encode(reference)
    for item in document.items:
        owner = _owner(item.resource)
        named = names.get(msgspec.json.encode(owner.reference)) if owner is not None else None
        if owner is not None and named is not None:
            owner.reference = msgspec.json.decode(named, type=str)
    return names


def _with_id(data: bytes, name: str) -> bytes:
    return b'{"id":' + msgspec.json.encode(name) + b"," + data[data.index(b"{") + 1 :]


def _plainly(data: bytes, names: dict[bytes, bytes]) -> bytes:
    """A resource whose references to full URLs lead to the resources by their names."""
    return _URN.sub(lambda found: names.get(found[0], found[0]), data)


def _sort_resource(
    source: Input, line: int, resource: object, data: bytes, spill: Spill, only: str, found: Sorted
) -> None:
    kind = type(resource).__name__
    if kind in SHARED:
        if not resource.id:  # type: ignore[attr-defined]
            return  # nothing can refer to it
        if is_name(name := f"{kind}/{resource.id}"):  # type: ignore[attr-defined]
            spill.share(line, name, data)
        else:
            found.errors.append(ErrorRow(source.name, line, f"{with_article(kind)} with control characters in its id"))
        return
    patient = _patient_of(resource)
    if not is_name(patient):
        lacking = "an id" if _is_patient(resource) else "a subject"
        found.errors.append(ErrorRow(source.name, line, f"{with_article(kind)} without {lacking}"))
    elif not only or patient == only:
        spill.add(line, patient, data, kind)


def _patient_of(resource: object) -> str:
    if isinstance(resource, wire.Patient):
        return resource.id or ""
    owner = _owner(resource)
    return logical_id(owner.reference) if owner is not None and owner.reference else ""


def _owner(resource: object) -> wire.Reference | None:
    return getattr(resource, "patient" if isinstance(resource, wire.AllergyIntolerance) else "subject", None)


def _is_patient(resource: object) -> bool:
    return isinstance(resource, wire.Patient)


def one_line(data: bytes) -> bytes:
    """JSON holds line breaks only between its tokens."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


def is_whole(data: bytes) -> bool:
    """Whether what stands in place of a resource is a whole file: its name alone, or its bytes behind the mark."""
    return data.startswith(WHOLE_FILE)


def carried(source: Input) -> bytes:
    """A whole file with its bytes, for a reader elsewhere."""
    with Opened(source) as opened:
        return WHOLE_FILE + _content(opened)


def read_whole(source: Input, data: bytes = WHOLE_FILE) -> Document:
    """The document of an input that is one patient's. RecordError where it has become unreadable, or another."""
    if len(data) > len(WHOLE_FILE):
        return read_document(data[len(WHOLE_FILE) :], source.name, strict=False)
    with Opened(source, with_digest=False) as opened:
        try:
            whole = _content(opened)
        except RecordError as error:
            raise RecordError(f"{source.name}: {error.message}", code=error.code) from None
    if has_changed(source):
        raise RecordError(f"{source.name}: the file has changed since it was first read")
    return read_document(whole, source.name, strict=False)
