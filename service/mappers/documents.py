"""From bytes to resources: JSON documents, Bundles of every type, lists, NDJSON. Nothing is judged here.

What cannot be read is refused with its place, or set aside and named; what a search left out is noted, because
silence about a resource type counts only where that type was read completely.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import jiter
import msgspec
from msgspec import Raw

from service.errors import RecordError
from service.mappers import wire
from service.mappers.salvage import salvage

MAX_NESTED_BUNDLES = 4
SEVERE = frozenset({"error", "fatal"})
_TYPE_IN_URL = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)(?:/_search)?(?:\?|$)")
_UTF8_BOM = b"\xef\xbb\xbf"
_NULL = Raw(b"null")


class Item(msgspec.Struct, gc=False):
    """One resource of a document: decoded, raw, the entry's full URL, where it stood, and what is wrong with it."""

    resource: Any
    raw: Raw | bytes
    full_url: str = ""
    parent: str = ""
    index: int = -1
    problem: str = ""
    checked: bool = False  # its keys are known to stand once

    @property
    def place(self) -> str:
        return self.parent if self.index < 0 else f"{self.parent}entry[{self.index}]"


class Document(msgspec.Struct):
    """The resources of one document, and what is known to be missing from it: resource type (or `*`) and reason."""

    items: list[Item] = msgspec.field(default_factory=list)
    gaps: list[tuple[str, str]] = msgspec.field(default_factory=list)
    deleted: set[str] = msgspec.field(default_factory=set)
    notices: list[str] = msgspec.field(default_factory=list)
    pages: list["Page"] = msgspec.field(default_factory=list)
    checked: bool = False


class Page(msgspec.Struct):
    """One page of a search result: where it stands, what it is of, and how many of how many it holds."""

    where: str
    kinds: set[str]
    own_url: str
    next_url: str
    total: int | None
    found: int


def read_document(data: bytes, name: str = "document", strict: bool = True) -> Document:
    """Read one document: a Bundle, one resource, a list of either, or NDJSON.

    `strict` checks the whole text for keys that stand twice (jiter); without it the reader checks each resource that
    matters on its own. Raises RecordError with line and column, never with content.
    """
    data = _text(data, name)
    document = Document(checked=strict)
    try:
        _collect(data, document, name, strict)
    except RecursionError:
        raise RecordError(f"{name}: nested too deeply to be a FHIR document", code="too-deep") from None
    failed: list[str] = []
    _drop_outcomes(document, 0, failed)
    document.gaps += [("*", reason) for reason in failed]
    _note_missing_pages(document)
    return document


def _collect(data: bytes, document: Document, name: str, strict: bool) -> None:
    if data[:1] == b"[":
        _check_json(data, name, strict)
        for i, raw in enumerate(_decoded(wire.decode_list, data, name)):
            _add(document, raw, "", f"[{i}]", -1, 0)
        return
    kind: wire.Bundle | wire.Kind | None
    try:
        kind = wire.decode_bundle(data)
    except msgspec.DecodeError as problem:
        kind = _kind_of(data, document, name, strict, problem)
        if kind is None:
            return
    _check_json(data, name, strict)
    if kind.resourceType == "Bundle" and isinstance(kind, wire.Bundle):
        _open_bundle(Item(wire.NestedBundle(), data), kind, document, 0)
    elif kind.resourceType is None:
        raise RecordError(f"{name}: no resourceType; a FHIR R4 Bundle, resource or list was expected", code="not-fhir")
    else:
        _add(document, data, "", "", -1, 0)


def _kind_of(
    data: bytes, document: Document, name: str, strict: bool, problem: Exception
) -> wire.Bundle | wire.Kind | None:
    """A document that is no well-formed Bundle: another resource, or NDJSON, which is taken here."""
    try:
        return wire.decode_kind(data)
    except msgspec.DecodeError:
        if not _looks_like_lines(data):
            raise _json_error(data, name, problem) from None
    for number, line in iter_lines(data):
        place = f"line {number}"
        if not _is_json(line):
            raise _json_error(line, f"{name}, {place}", problem)
        _check_json(line, f"{name}, {place}", strict)
        _add(document, line, "", place, -1, 0)
    return None


def _is_json(line: bytes) -> bool:
    try:
        wire.decode_kind(line)
    except msgspec.ValidationError:
        return True
    except msgspec.DecodeError:
        return False
    return True


def _add(document: Document, raw: Raw | bytes, full_url: str, parent: str, index: int, depth: int) -> None:
    """Take one resource; a Bundle is opened."""
    try:
        resource = wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        _add_malformed(document, raw, full_url, parent, index, depth)
        return
    if resource.__class__ in wire.READ_TYPES:
        document.items.append(Item(resource, raw, full_url, parent, index, "", document.checked))
    elif isinstance(resource, wire.NestedBundle):
        _open_bundle(Item(resource, raw, full_url, parent, index), None, document, depth)


def _add_malformed(document: Document, raw: Raw | bytes, full_url: str, parent: str, index: int, depth: int) -> None:
    resource, problem = salvage(raw)
    item = Item(resource, raw, full_url, parent, index, problem, document.checked)
    if isinstance(resource, wire.NestedBundle):
        _open_bundle(item, None, document, depth)
    elif resource is None:
        document.notices.append(f"{item.place or 'document'}: set aside, {problem}")
    else:
        document.items.append(item)


def _open_bundle(item: Item, bundle: wire.Bundle | None, document: Document, depth: int) -> None:
    if depth >= MAX_NESTED_BUNDLES:
        raise RecordError(f"{item.place}: Bundles nested more than {MAX_NESTED_BUNDLES} deep", code="too-deep")
    bundle = bundle or _lenient_bundle(item, document)
    parent = f"{item.place}." if item.place else ""
    first = len(document.items)
    failed: list[str] = []
    _add_entries(bundle.entry or [], parent, document, depth + 1, failed)
    _drop_outcomes(document, first, failed)
    _note_gaps(bundle, item, document, first, failed)


def _add_entries(entries: list[wire.Entry], parent: str, document: Document, depth: int, failed: list[str]) -> None:
    """Every entry's resource, in order. The one loop that every resource passes: kept free of calls."""
    decode, read_types, add, checked = wire.decode_resource, wire.READ_TYPES, document.items.append, document.checked
    for i, entry in enumerate(entries):
        if entry.response is not None or entry.request is not None:
            _note_exchange(entry, f"{parent}entry[{i}]", document, failed)
        raw = entry.resource
        if not raw:
            continue
        try:
            resource = decode(raw)
        except (msgspec.DecodeError, RecursionError):
            if raw != _NULL:
                _add_malformed(document, raw, entry.fullUrl or "", parent, i, depth)
            continue
        if resource.__class__ in read_types:
            add(Item(resource, raw, entry.fullUrl or "", parent, i, "", checked))
        elif resource.__class__ is wire.NestedBundle:
            _open_bundle(Item(resource, raw, entry.fullUrl or "", parent, i), None, document, depth)


def _note_exchange(entry: wire.Entry, place: str, document: Document, failed: list[str]) -> None:
    """What an entry of a transaction, batch or history tells besides its resource."""
    if entry.response is not None:
        status = entry.response.status or ""
        if status[:1] in ("4", "5"):
            failed.append(f"{place} answered {status[:3]}")
        elif _raw_outcome_is_severe(entry.response.outcome):
            failed.append(f"{place} carries an error")
    if entry.request is not None and entry.request.method == "DELETE" and entry.request.url:
        document.deleted.add(entry.request.url)


def _drop_outcomes(document: Document, first: int, failed: list[str]) -> None:
    """OperationOutcomes are about the answer, not the patient; a severe one says that something is missing."""
    items = document.items
    if not any(item.resource.__class__ is wire.OperationOutcome for item in items[first:]):
        return
    failed += [
        f"{item.place} is an OperationOutcome of severity error"
        for item in items[first:]
        if isinstance(item.resource, wire.OperationOutcome) and _is_severe(item.resource)
    ]
    items[first:] = [i for i in items[first:] if not isinstance(i.resource, wire.OperationOutcome)]


def _is_severe(outcome: wire.OperationOutcome) -> bool:
    return any((issue.severity or "").lower() in SEVERE for issue in outcome.issue or ())


def _raw_outcome_is_severe(raw: Raw | bytes) -> bool:
    if not raw:
        return False
    try:
        outcome = wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(outcome, wire.OperationOutcome) and _is_severe(outcome)


def _note_gaps(bundle: wire.Bundle, item: Item, document: Document, first: int, failed: list[str]) -> None:
    """What a Bundle says that it does not hold: an error here, a next page or a larger total once all is read."""
    if not failed and bundle.type != "searchset" and not bundle.link:
        return
    kinds = _types_searched(bundle, document.items[first:])
    document.gaps += [(kind, reason) for reason in failed for kind in kinds]
    links = {link.relation: link.url or "" for link in bundle.link or ()}
    found = sum(1 for e in bundle.entry or () if not (e.search and e.search.mode in ("include", "outcome")))
    total = bundle.total if bundle.type == "searchset" else None
    if "next" in links or total is not None:
        next_url = links.get("next", "") or ("?" if "next" in links else "")
        where = item.place.removesuffix(".resource") or "the Bundle"
        document.pages.append(Page(where, kinds, links.get("self", ""), next_url, total, found))
    elif links.get("self"):
        document.pages.append(Page(item.place, kinds, links["self"], "", None, found))


def _note_missing_pages(document: Document) -> None:
    """Pages that follow one another inside the document are one result; what is left over is missing."""
    by_url = {page.own_url: page for page in document.pages if page.own_url}
    followed = {page.next_url for page in document.pages if page.next_url in by_url}
    for page in document.pages:
        if page.own_url in followed:
            continue
        chain = _chain(page, by_url)
        last, found = chain[-1], sum(p.found for p in chain)
        reasons = []
        if last.next_url:
            reasons.append(f"{last.where} has a next page that was not read")
        if page.total is not None and found < page.total:
            reasons.append(f"{page.where} holds {found} of {page.total} results")
        document.gaps += [(kind, reason) for reason in reasons for kind in page.kinds]


def _chain(page: Page, by_url: dict[str, Page]) -> list[Page]:
    chain = [page]
    while (following := by_url.get(chain[-1].next_url)) is not None and following not in chain:
        chain.append(following)
    return chain


def _types_searched(bundle: wire.Bundle, items: list[Item]) -> set[str]:
    """The resource type a searchset is of; `*` where that cannot be told."""
    if bundle.type == "searchset":
        for link in bundle.link or ():
            if link.relation == "self" and link.url and (found := _TYPE_IN_URL.search(link.url)):
                return {found[1]}
        included = {
            e.fullUrl for e in bundle.entry or () if e.search and e.search.mode in ("include", "outcome") and e.fullUrl
        }
        kinds = {type(i.resource).__name__ for i in items if not (i.full_url and i.full_url in included)}
        if len(kinds) == 1:
            return kinds
    return {"*"}


def _lenient_bundle(item: Item, document: Document) -> wire.Bundle:
    """A Bundle whose own fields may be malformed: entries are what matters."""
    try:
        return wire.decode_bundle(item.raw)
    except msgspec.ValidationError as problem:
        document.notices.append(f"{item.place or 'Bundle'}: {problem}")
    fields = msgspec.json.decode(item.raw, type=dict[str, Raw])
    bundle = wire.Bundle()
    for name, kind in (("type", str), ("total", int), ("link", list[wire.Link])):
        if name in fields:
            try:
                setattr(bundle, name, msgspec.json.decode(fields[name], type=kind))
            except msgspec.ValidationError:
                document.gaps.append(("*", f"{item.place or 'Bundle'}.{name} cannot be read"))
    try:
        raws = msgspec.json.decode(fields.get("entry", b"[]"), type=list[Raw])
    except msgspec.ValidationError:
        raise RecordError(f"{item.place or 'Bundle'}.entry is not a list", code="not-fhir") from None
    bundle.entry = [_lenient_entry(raw, f"{item.place}entry[{i}]", document) for i, raw in enumerate(raws)]
    return bundle


def _lenient_entry(raw: Raw, place: str, document: Document) -> wire.Entry:
    try:
        return msgspec.json.decode(raw, type=wire.Entry)
    except msgspec.ValidationError as problem:
        document.notices.append(f"{place}: {problem}")
    try:
        resource = msgspec.json.decode(raw, type=dict[str, Raw]).get("resource", wire.NOTHING)
    except msgspec.ValidationError:
        return wire.Entry()
    return wire.Entry(resource=resource)


def _text(data: bytes, name: str) -> bytes:
    """The document as UTF-8 without a byte order mark; anything else is refused with what it seems to be."""
    if data.startswith(_UTF8_BOM):
        data = data[3:]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise RecordError(f"{name}: UTF-16 text; FHIR JSON is UTF-8", code="wrong-encoding")
    if data[:2] == b"\x1f\x8b":
        raise RecordError(f"{name}: gzip data; unpack it or name it .gz", code="wrong-encoding")
    stripped = data.lstrip()
    if not stripped:
        raise RecordError(f"{name}: empty; a FHIR R4 Bundle, resource or list was expected", code="empty")
    if stripped[:1] == b"<":
        raise RecordError(f"{name}: XML; only FHIR JSON is read", code="not-json")
    if b"\x00" in stripped[:64]:
        raise RecordError(f"{name}: binary or UTF-16/32 data; FHIR JSON is UTF-8", code="wrong-encoding")
    try:
        stripped.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = stripped.count(b"\n", 0, problem.start) + 1
        raise RecordError(f"{name}: line {line} is not UTF-8 (byte {problem.start})", code="wrong-encoding") from None
    return stripped


def _check_json(data: bytes, name: str, strict: bool) -> None:
    if not strict:
        return
    problem = duplicate_key(data)
    if problem:
        raise RecordError(f"{name}: {problem}", code="duplicate-key")


def duplicate_key(raw: Raw | bytes) -> str:
    """What is wrong with the keys of a JSON text: empty, or the key that stands twice in one object and where."""
    try:
        jiter.from_json(bytes(raw), catch_duplicate_keys=True)
    except ValueError as problem:
        text = str(problem)
        return text if text.startswith("Detected duplicate key") else f"not JSON ({text})"
    return ""


def _decoded(decode: Any, data: bytes, name: str) -> Any:
    try:
        return decode(data)
    except msgspec.DecodeError as problem:
        raise _json_error(data, name, problem) from None


def _json_error(data: bytes, name: str, problem: Exception) -> RecordError:
    """A parser's complaint with line and column; json gives the place, msgspec only the byte."""
    try:
        json.loads(data, parse_constant=_no_constant)
    except json.JSONDecodeError as at:
        return RecordError(f"{name}: not JSON at line {at.lineno}, column {at.colno}: {at.msg}", code="not-json")
    except ValueError as at:
        return RecordError(f"{name}: not JSON: {at}", code="not-json")
    except RecursionError:
        return RecordError(f"{name}: nested too deeply to be a FHIR document", code="too-deep")
    return RecordError(f"{name}: {problem}", code="not-fhir")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _looks_like_lines(data: bytes) -> bool:
    head, found, rest = data.partition(b"\n")
    return bool(found) and head.rstrip().endswith(b"}") and rest.lstrip()[:1] == b"{"


def iter_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbered lines of an NDJSON text, blank ones left out."""
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            yield number, line
