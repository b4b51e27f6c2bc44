"""From bytes to resources: JSON documents, Bundles of every type, lists, NDJSON. Nothing is judged here.

What cannot be read is refused with its place, or set aside and named; what a search left out is noted, because
silence about a resource type counts only where that type was read completely."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from service.errors import RecordError
from service.mappers import wire
from service.mappers.json_text import (
    as_utf8,
    check_keys,
    decoded,
    duplicate_key,
    in_words,
    iter_lines,
    json_error,
    looks_like_lines,
)
from service.mappers.pages import Page, missing_pages, types_searched
from service.mappers.salvage import NotAResource, salvage

MAX_NESTED_BUNDLES = 4
SEVERE = frozenset({"error", "fatal"})
# issue codes that say, however severe, that something may be missing (http://hl7.org/fhir/issue-type)
PARTIAL = frozenset({"incomplete", "suppressed"})
# statuses of an answer that may hold no resource although nothing is missing; a 304 or a 202 leaves out what was asked
DONE = frozenset({"200", "201", "204"})
VOID = frozenset({"entered-in-error", "cancelled"})  # a result or report of such a status never counts
HOLDERS = frozenset({wire.DiagnosticReport, wire.Observation})  # whose contained results are read


class PassedOver(msgspec.Struct, gc=False):
    """Resources of which the text alone is kept, by type and id. Their results are of none of the `asked` inputs."""

    texts: dict[str, dict[str, bytes]] = msgspec.field(default_factory=dict)
    asked: Collection[str] = ()


# by their places, those that are not passed over; None is malformed
Rest = list[tuple[int, Any | None]]


class Passing(Protocol):
    """Sets aside what of a subject's resources can say nothing; None where every one of them has to be read."""

    def sift(self, resources: Sequence[bytes], subject: str) -> tuple[PassedOver, Rest] | None: ...


_NULL = Raw(b"null")


class Item(msgspec.Struct, gc=False):
    """One resource of a document: decoded, raw, the entry's full URL, where it stood, what is wrong with it, and the
    report or result in which it is contained."""

    resource: Any
    raw: Raw | bytes
    full_url: str = ""
    parent: str = ""
    index: int = -1
    problem: str = ""
    checked: bool = False  # its keys are known to stand once
    sound: bool = False  # looked at: nothing is wrong with it
    holder: "Item | None" = None

    @property
    def place(self) -> str:
        return self.parent if self.index < 0 else f"{self.parent}entry[{self.index}]"

    @property
    def reference(self) -> str:
        """What evidence names: Type/id, else the full URL, else the place in the document."""
        kind: str = self.resource.__class__.__name__
        if self.resource.id:
            return f"{kind}/{self.resource.id}"
        return self.full_url or (f"{kind} at {self.place}" if self.place else kind)


class Deleted(msgspec.Struct, frozen=True):
    """A resource said to be deleted; only what stands from item `after` on is gone (a history has its newest first)."""

    url: str
    after: int


class Document(msgspec.Struct):
    """The resources of one document, and what is known to be missing from it: resource type (or `*`) and reason."""

    name: str = "document"
    items: list[Item] = msgspec.field(default_factory=list)
    gaps: list[tuple[str, str]] = msgspec.field(default_factory=list)
    deleted: list[Deleted] = msgspec.field(default_factory=list)
    notices: list[str] = msgspec.field(default_factory=list)
    pages: list[Page] = msgspec.field(default_factory=list)
    checked: bool = False
    outcomes: bool = False  # whether an OperationOutcome is, or was, among the items
    passed_over: PassedOver = msgspec.field(default_factory=PassedOver)

    def lost(self, place: str, reason: str, kind: str = "*") -> None:
        """Something that was of a type, or may have been of any, cannot be read."""
        self.notices.append(f"{place or self.name}: set aside, {reason}")
        self.gaps.append((kind, f"{place or 'a part of the document'} cannot be read"))

    def error(self, message: str, code: str) -> RecordError:
        return RecordError(f"{self.name}: {message}", code=code)


def read_document(data: bytes, name: str = "document", strict: bool = True) -> Document:
    """Read one document: a Bundle, one resource, a list of either, or NDJSON.

    `strict` checks the whole text for keys that stand twice (jiter); without it the reader checks each resource that
    matters on its own. Raises RecordError with line and column, never with content.
    """
    text, first_line = as_utf8(data, name)
    document = Document(name, checked=strict)
    try:
        _collect(text, document, strict, first_line)
    except RecursionError:
        raise document.error("nested too deeply to be a FHIR document", "too-deep") from None
    return _finished(document)


def read_resources(resources: Sequence[bytes], name: str = "document") -> Document:
    """One document of resources that are a JSON text each, as UTF-8, without repeated keys being looked for."""
    document = Document(name)
    for i, raw in enumerate(resources):
        _add(document, raw, "", f"[{i}]", -1, 0)
    return _finished(document)


def read_lines(resources: Sequence[bytes], name: str, subject: str, sieve: Passing) -> Document:
    """`read_resources` for the long record of one `subject` (a reference as it is written): of what is well-formed and
    can say nothing the text alone is kept."""
    sifted = sieve.sift(resources, subject)
    if sifted is None:
        return read_resources(resources, name)
    document = Document(name)
    document.passed_over, rest = sifted
    for place, resource in rest:
        if resource is None:
            _add_malformed(document, resources[place], "", f"[{place}]", -1, 0)
        else:
            _add_decoded(document, Item(resource, resources[place], "", f"[{place}]"), 0)
    return _finished(document)


def _finished(document: Document) -> Document:
    failed: list[str] = []
    _drop_outcomes(document, 0, failed)
    document.gaps += [("*", reason) for reason in failed]
    if document.pages:
        document.gaps += missing_pages(document.pages)
    return document


def _collect(data: bytes, document: Document, strict: bool, first_line: int) -> None:
    name = document.name
    if data[:1] == b"[":
        members = decoded(wire.decode_list, data, name, first_line)
        check_keys(data, name, strict)
        for i, raw in enumerate(members):
            _add(document, raw, "", f"[{i}]", -1, 0)
        return
    kind: wire.Bundle | wire.Kind | None
    try:
        kind = wire.decode_bundle(data)
    except msgspec.DecodeError as problem:
        kind = _kind_of(data, document, strict, problem, first_line)
        if kind is None:
            return
    if kind.resourceType == "Bundle":
        bundle = kind if isinstance(kind, wire.Bundle) else None
        check_keys(data, name, strict or (bundle is not None and _may_repeat(data, bundle)))
        _open_bundle(Item(wire.NestedBundle(), data), bundle, document, 0)
        return
    check_keys(data, name, strict)
    if not kind.resourceType:
        raise document.error("no resourceType; a FHIR R4 Bundle, resource or list was expected", "not-fhir")
    _add(document, data, "", "", -1, 0)


def _may_repeat(data: bytes, bundle: wire.Bundle) -> bool:
    """Whether a key of the Bundle, or `resource` in an entry, may stand twice: cheaper than looking at every key."""
    if b"\\" in data and b"\\u" in data:  # most texts hold no backslash, and one byte is found much faster than two
        return True
    first = data.find(b'"entry"')
    if first < 0 or first != data.rfind(b'"entry"'):  # once; from both ends this is faster than counting
        return True
    held = [entry.resource for entry in bundle.entry or () if entry.resource]
    if not held or data.count(b'"resource"') != len(held):
        return True
    last = bytes(held[-1])
    behind = data.rfind(last) + len(last)
    return bool(duplicate_key(b'%b"entry":[{"resource":0%b' % (data[:first], data[behind:])))


def _kind_of(
    data: bytes, document: Document, strict: bool, problem: Exception, first_line: int
) -> wire.Bundle | wire.Kind | None:
    """A document that is no well-formed Bundle: another resource, or NDJSON, which is taken here."""
    try:
        return wire.decode_kind(data)
    except msgspec.DecodeError:
        if not looks_like_lines(data):
            raise json_error(data, document.name, problem, first_line) from None
    for number, line in iter_lines(data):
        place = f"line {number + first_line - 1}"
        try:
            whole = msgspec.json.decode(line, type=Raw)
        except (msgspec.DecodeError, RecursionError) as broken:
            raise json_error(line, f"{document.name}, {place}", broken) from None
        check_keys(line, f"{document.name}, {place}", strict)
        _add(document, whole, "", place, -1, 0)
    return None


def _add(document: Document, raw: Raw | bytes, full_url: str, parent: str, index: int, depth: int) -> None:
    """Take one resource; a Bundle is opened."""
    try:
        resource = wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        _add_malformed(document, raw, full_url, parent, index, depth)
        return
    _add_decoded(document, Item(resource, raw, full_url, parent, index, "", document.checked), depth)


def _add_decoded(document: Document, item: Item, depth: int) -> None:
    if item.resource.__class__ in wire.READ_TYPES:
        _take(document, item)
    elif isinstance(item.resource, wire.NestedBundle):
        _open_bundle(item, None, document, depth)


def _add_malformed(document: Document, raw: Raw | bytes, full_url: str, parent: str, index: int, depth: int) -> None:
    place = Item(None, b"", "", parent, index).place
    try:
        resource, problem = salvage(raw)
    except NotAResource as nothing:
        if nothing.harmless:
            document.notices.append(f"{place or document.name}: set aside, {nothing}")
        elif _is_bundle(raw):
            _open_bundle(Item(wire.NestedBundle(), raw, full_url, parent, index), None, document, depth)
        else:
            document.lost(place, str(nothing), nothing.lost)
        return
    _take(document, Item(resource, raw, full_url, parent, index, problem, document.checked))


def _is_bundle(raw: Raw | bytes) -> bool:
    try:
        return wire.decode_kind(raw).resourceType == "Bundle"
    except (msgspec.DecodeError, RecursionError):
        return False


def _take(document: Document, item: Item) -> None:
    """Keep an item; what carries resources of its own hands them over or says that they are lost."""
    kind = item.resource.__class__
    if kind is wire.Parameters:
        # search parameters beside a record are common, and hold nothing; resources inside may be anything
        if b'"resource"' in bytes(item.raw) or b"\\u" in bytes(item.raw):
            document.lost(item.place, "resources inside Parameters are not read")
        return
    document.items.append(item)
    if kind is wire.OperationOutcome:
        document.outcomes = True
    elif kind in HOLDERS and item.resource.contained:
        _take_contained(document, item)


def _take_contained(document: Document, holder: Item) -> None:
    """Results inside their report, or inside the result that they are members of: they have its subject and date where
    they tell none. Nothing else inside is read, so nothing else can be missing."""
    resource: wire.DiagnosticReport | wire.Observation = holder.resource
    if (resource.status or "").lower() in VOID or resource.contained == _NULL:
        return
    try:
        raws = msgspec.json.decode(resource.contained, type=list[Raw])
    except msgspec.DecodeError:
        document.lost(holder.place, "its contained resources are no list", "Observation")
        return
    for i, raw in enumerate(raws):
        try:
            inner = wire.decode_resource(raw)
        except (msgspec.DecodeError, RecursionError):
            if _may_be_result(raw):
                document.lost(f"{holder.place}.contained[{i}]", "a malformed resource", "Observation")
            continue
        if isinstance(inner, wire.Observation):
            inherit(inner, resource)
            document.items.append(
                Item(inner, raw, "", place_inside(holder, i), -1, "", document.checked, holder=holder)
            )


def _may_be_result(raw: Raw) -> bool:
    """Whether something malformed may have been an Observation."""
    try:
        return isinstance(salvage(raw)[0], wire.Observation)
    except NotAResource as nothing:
        return not nothing.harmless


def place_inside(holder: Item, index: int) -> str:
    """Where a contained result stands. The name of what holds it says it in every document."""
    return f"{holder.reference if holder.resource.id else holder.place}.contained[{index}]"


def inherit(inner: wire.Observation, holder: wire.DiagnosticReport | wire.Observation) -> None:
    """Give a contained result what it takes from the report or the result that holds it."""
    inner.subject = inner.subject or holder.subject
    own = (inner.effectiveDateTime, inner.effectivePeriod, inner.effectiveInstant, inner.effectiveTiming)
    undated = all(date is None for date in own)
    if undated:
        inner.effectiveDateTime, inner.effectivePeriod = holder.effectiveDateTime, holder.effectivePeriod
    if isinstance(holder, wire.Observation):
        inner.focus, inner.specimen = inner.focus or holder.focus, inner.specimen or holder.specimen
        if undated:
            inner.effectiveInstant, inner.effectiveTiming = holder.effectiveInstant, holder.effectiveTiming
            inner.issued = inner.issued or holder.issued
    inner.id = None  # the id of a contained resource is known inside its holder alone


def _open_bundle(item: Item, bundle: wire.Bundle | None, document: Document, depth: int) -> None:
    if depth >= MAX_NESTED_BUNDLES:
        raise document.error(f"{item.place}: Bundles nested more than {MAX_NESTED_BUNDLES} deep", "too-deep")
    bundle = bundle or _lenient_bundle(item, document)
    parent = f"{item.place}." if item.place else ""
    first = len(document.items)
    failed: list[str] = []
    _add_entries(bundle, parent, document, depth + 1, failed)
    _drop_outcomes(document, first, failed)
    _note_gaps(bundle, item, document, first, failed)


def _add_entries(bundle: wire.Bundle, parent: str, document: Document, depth: int, failed: list[str]) -> None:
    """Every entry's resource, in order. The one loop that every resource passes: kept free of calls."""
    decode, plain, add, checked = wire.decode_resource, wire.PLAIN_TYPES, document.items.append, document.checked
    observation = wire.Observation
    for i, entry in enumerate(bundle.entry or ()):
        if entry.response is not None or entry.request is not None:
            _note_exchange(entry, f"{parent}entry[{i}]", bundle, document, failed)
        raw = entry.resource
        if not raw:
            _note_absent(entry, f"{parent}entry[{i}]", bundle, failed)
            continue
        try:
            resource = decode(raw)
        except (msgspec.DecodeError, RecursionError):
            if raw == _NULL:
                _note_absent(entry, f"{parent}entry[{i}]", bundle, failed)
            else:
                _add_malformed(document, raw, entry.fullUrl or "", parent, i, depth)
            continue
        kind = resource.__class__
        if kind in plain:
            item = Item(resource, raw, entry.fullUrl or "", parent, i, "", checked)
            add(item)
            if kind is observation and resource.contained:
                _take_contained(document, item)
        elif kind in wire.READ_TYPES:
            _take(document, Item(resource, raw, entry.fullUrl or "", parent, i, "", checked))
        elif kind is wire.NestedBundle:
            _open_bundle(Item(resource, raw, entry.fullUrl or "", parent, i), None, document, depth)


def _note_exchange(entry: wire.Entry, place: str, bundle: wire.Bundle, document: Document, failed: list[str]) -> None:
    """What an entry of a transaction, batch or history tells besides its resource."""
    response = entry.response
    if response is not None:
        status = response.status or ""
        if status[:1] in ("4", "5"):
            failed.append(f"{place} answered {status[:3] if status[:3].isdigit() else 'an error'}")
        elif not entry.resource and status[:3] not in DONE:
            said = f"answered {status[:3]}" if status[:3].isdigit() else "holds an answer without a status"
            failed.append(f"{place} {said}")
        elif _raw_outcome_is_severe(response.outcome):
            failed.append(f"{place} carries an error")
    if entry.request is not None and entry.request.method == "DELETE" and entry.request.url:
        after = len(document.items) if (bundle.type or "").lower() == "history" else 0
        document.deleted.append(Deleted(entry.request.url, after))


def _note_absent(entry: wire.Entry, place: str, bundle: wire.Bundle, failed: list[str]) -> None:
    """An entry of a search result without its resource: a match that did not come."""
    if (bundle.type or "").lower() == "searchset" and entry.response is None:
        failed.append(f"{place} holds no resource")


def _drop_outcomes(document: Document, first: int, failed: list[str]) -> None:
    """OperationOutcomes are about the answer, not the patient; a severe one says that something is missing."""
    if not document.outcomes:
        return
    items = document.items
    failed += [
        f"{item.place or 'the document'} is an OperationOutcome {_what_it_says(item)}"
        for item in items[first:]
        if isinstance(item.resource, wire.OperationOutcome) and (item.problem or _is_severe(item.resource))
    ]
    items[first:] = [i for i in items[first:] if not isinstance(i.resource, wire.OperationOutcome)]


def _is_severe(outcome: wire.OperationOutcome) -> bool:
    """Whether it is an error, or says that something may be missing."""
    return any((i.severity or "").lower() in SEVERE or i.code in PARTIAL for i in outcome.issue or ())


def _what_it_says(item: Item) -> str:
    codes = {issue.code for issue in item.resource.issue or ()} & PARTIAL
    return f"that says {min(codes)}" if codes else "of severity error"


def _raw_outcome_is_severe(raw: Raw | bytes) -> bool:
    """An outcome that cannot be read may be an error."""
    if not raw or raw == _NULL:
        return False
    try:
        outcome = wire.decode_resource(raw)
    except (msgspec.DecodeError, RecursionError):
        return True
    return not isinstance(outcome, wire.OperationOutcome) or _is_severe(outcome)


def _note_gaps(bundle: wire.Bundle, item: Item, document: Document, first: int, failed: list[str]) -> None:
    """What a Bundle says that it does not hold: an error here, a next page or a larger total once all is read."""
    searched = (bundle.type or "searchset").lower() == "searchset"
    if not failed and not searched and not bundle.link and bundle.total is None:
        return
    included = {
        e.fullUrl for e in bundle.entry or () if e.search and e.search.mode in ("include", "outcome") and e.fullUrl
    }
    items = document.items[first:]
    own = [type(i.resource).__name__ for i in items if not (i.full_url and i.full_url in included)]
    brought = {type(i.resource).__name__ for i in items if i.full_url in included} if included else set()
    kinds = types_searched(bundle, own, brought)
    document.gaps += [(kind, reason) for reason in failed for kind in kinds]
    links = {link.relation: link.url or "" for link in bundle.link or ()}
    found = sum(1 for e in bundle.entry or () if not (e.search and e.search.mode in ("include", "outcome")))
    if searched or "next" in links or bundle.total is not None or links.get("self"):
        next_url = links.get("next", "") or ("?" if "next" in links else "")
        where = item.place.removesuffix(".resource") or "the Bundle"
        document.pages.append(Page(where, kinds, links.get("self", ""), next_url, bundle.total, found))


def _lenient_bundle(item: Item, document: Document) -> wire.Bundle:
    """A Bundle whose own elements may be malformed: entries are what matters."""
    place = item.place or "Bundle"
    try:
        return wire.decode_bundle(item.raw)
    except msgspec.ValidationError as problem:
        document.notices.append(f"{place}: {in_words(problem)}")
    fields = msgspec.json.decode(item.raw, type=dict[str, Raw])
    bundle = wire.Bundle()
    for name, kind in (("type", str | None), ("total", int | None), ("link", list[wire.Link] | None)):
        if name in fields:
            try:
                setattr(bundle, name, msgspec.json.decode(fields[name], type=kind))
            except msgspec.ValidationError:
                document.gaps.append(("*", f"{place}.{name} cannot be read"))
    try:
        raws = msgspec.json.decode(fields.get("entry", b"[]"), type=list[Raw])
    except msgspec.ValidationError:
        raise document.error(f"{place}.entry is not a list", "not-fhir") from None
    parent = f"{item.place}." if item.place else ""
    bundle.entry = [_lenient_entry(raw, f"{parent}entry[{i}]", document) for i, raw in enumerate(raws)]
    return bundle


def _lenient_entry(raw: Raw, place: str, document: Document) -> wire.Entry:
    """An entry element by element: its resource is read though its request or response cannot be."""
    try:
        return msgspec.json.decode(raw, type=wire.Entry)
    except msgspec.ValidationError:
        pass
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.ValidationError:
        document.lost(place, "not a JSON object")
        return wire.Entry()
    entry = wire.Entry(resource=fields.get("resource", wire.NOTHING))
    for name, kind in (("fullUrl", str), ("response", wire.EntryResponse), ("request", wire.EntryRequest)):
        if name in fields:
            try:
                setattr(entry, name, msgspec.json.decode(fields[name], type=kind | None))
            except msgspec.ValidationError:
                document.lost(f"{place}.{name}", "malformed")
    try:
        entry.search = msgspec.json.decode(fields.get("search", b"null"), type=wire.EntrySearch | None)
    except msgspec.ValidationError:
        document.notices.append(f"{place}.search: malformed")
    return entry
