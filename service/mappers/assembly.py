"""From a document to the record of its one patient: which Patient, which resources are theirs, which version counts."""

import json
from collections.abc import Sequence

import msgspec

from service.mappers import wire
from service.mappers.dates import Calendar
from service.mappers.documents import Document, Item
from service.mappers.identity import Identity, base_of, without_version
from service.mappers.integrity import is_part, problem_of, problem_of_holder
from service.mappers.observation import Library
from service.mappers.patient import map_patient
from service.mappers.record import Record

# Resources that are nobody's: found where another refers to them.
SHARED_TYPES = frozenset({wire.Patient, wire.Medication, wire.Substance})


def read_record(document: Document, library: Library, patient: str = "", base: str = "") -> Record:
    """The record of the one patient of a document; `patient` (an id, Patient/id or address) chooses where there are
    several. `base` is the server the document came from, where that is known.

    RecordError where there is no Patient, one without an id, or more than one and none was asked for.
    """
    items = document.items if not document.deleted else _living(document)
    person_item = _choose_patient(document, items, patient, library.calendar)
    person: wire.Patient = person_item.resource
    identity = Identity(person, person_item.full_url, base)
    record = _empty_record(person_item, library, document)
    _doubt_contained(items)
    owned = _owned(items, record, identity)
    current = _current_versions(owned, record, identity)
    record.know(current, identity.base, document.passed_over)
    record.add_all(current)
    return record


def with_more(record: Record, added: Sequence[Document]) -> Record | None:
    """A record with the resources of further documents, as reading all of it anew would give it. None where that may
    give something else: of what is neither a procedure nor a drug's, of another subject, there already, or in doubt."""
    items = [item for document in added for item in document.items]
    names = {item.reference for item in items}
    told = any(document.gaps or document.deleted or document.notices or document.outcomes for document in added)
    if told or len(names) < len(items) or not all(_is_plainly_new(item, record) for item in items):
        return None
    return record.and_more(items)


def _is_plainly_new(item: Item, record: Record) -> bool:
    resource = item.resource
    if resource.__class__ not in (wire.Procedure, wire.MedicationRequest) or not resource.id:
        return False
    subject = resource.subject.reference if resource.subject else None
    own = subject == record.person.ref and not item.full_url
    return own and not item.problem and record.find(item.reference) is None


def _doubt_contained(items: list[Item]) -> None:
    """A result inside a report or another result that decides nothing decides nothing either."""
    problems: dict[int, str] = {}
    for item in items:
        holder = item.holder
        if holder is None or item.problem:
            continue
        if (problem := problems.get(id(holder))) is None:
            problem = problems[id(holder)] = problem_of_holder(holder)
        if problem:
            kind = "report" if isinstance(holder.resource, wire.DiagnosticReport) else "result"
            item.problem = f"inside a {kind} with {problem}"


def _living(document: Document) -> list[Item]:
    """Items that were not deleted after they stood there."""
    gone: list[Item] = []
    for deleted in document.deleted:
        plain = without_version(deleted.url)
        tail = "/".join(plain.rsplit("/", 2)[-2:])
        for item in document.items[deleted.after :]:
            name = f"{type(item.resource).__name__}/{item.resource.id}"
            if name == tail and (plain == tail or not item.full_url or without_version(item.full_url) == plain):
                gone.append(item)
    return _without(document.items, {id(item) for item in gone})


def _without(items: list[Item], gone: set[int]) -> list[Item]:
    """Items without those of these identities; what one contains goes with it."""
    return [item for item in items if id(item) not in gone and id(item.holder) not in gone]


def _choose_patient(document: Document, items: list[Item], asked: str, calendar: Calendar) -> Item:
    found: dict[str, Item] = {}
    for item in _told_once([i for i in items if i.resource.__class__ is wire.Patient]):
        key = _patient_key(item)
        if not key:
            raise document.error("a Patient without an id; no resource can be told to be theirs", "no-patient-id")
        other = found.get(key)
        if other is None or _newer(item, other, calendar):
            found[key] = item
        elif not _newer(other, item, calendar) and bytes(item.raw) != bytes(other.raw):
            raise document.error("two versions of one Patient that do not tell which is newer", "several-patients")
    if asked:
        found = {key: item for key, item in found.items() if _is_asked_for(item, asked)}
        if not found:
            raise document.error("the patient asked for is not in the record", "no-such-patient")
    if not found:
        raise document.error("no Patient resource", "no-patient")
    if len(found) > 1:
        told = f"{len(found)} Patients in one record, where one was expected (on the command line, --patient names it)"
        raise document.error(told, "several-patients")
    return next(iter(found.values()))


def _told_once(patients: list[Item]) -> list[Item]:
    """Without copies of no server: a Patient that stands in a Bundle and in a file of its own is one."""
    if len(patients) < 2:
        return patients
    served = [item for item in patients if item.full_url]
    contents = {(item.resource.id, _content(item)) for item in served}
    return served + [p for p in patients if not p.full_url and (p.resource.id, _content(p)) not in contents]


def _content(item: Item) -> str:
    """What a resource says, however its text is laid out."""
    return json.dumps(msgspec.json.decode(item.raw), sort_keys=True)


def _patient_key(item: Item) -> str:
    """What tells two Patients apart: server and id, else the full URL; empty where nothing does."""
    identifier = item.resource.id
    if identifier:
        return f"{base_of(item.full_url, 'Patient', identifier)}{identifier}"
    return item.full_url if item.full_url.startswith(("urn:", "http://", "https://")) else ""


def _is_asked_for(item: Item, asked: str) -> bool:
    plain = without_version(asked)
    if plain.startswith(("http://", "https://", "urn:")):
        return without_version(item.full_url) == plain
    identifier = item.resource.id or item.full_url.removeprefix("urn:uuid:")
    return plain in (identifier, f"Patient/{identifier}")


def _empty_record(item: Item, library: Library, document: Document) -> Record:
    patient: wire.Patient = item.resource
    problem = problem_of(item)
    ref = f"Patient/{patient.id}" if patient.id else item.full_url
    record = Record(map_patient(patient, ref, library.calendar, problem), library, document.gaps)
    for notice in document.notices:
        record.notice(notice)
    if problem:
        record.notice(f"{ref}: {problem}; its data are not used")
    return record


def _owned(items: list[Item], record: Record, identity: Identity) -> list[Item]:
    """The patient's own resources and the shared ones; what is another's is named and left out."""
    owns, servers = identity.known, identity.unwatched
    own: list[Item] = []
    for item in items:
        resource = item.resource
        kind = resource.__class__
        if kind not in SHARED_TYPES:
            subject = resource.subject if kind is not wire.AllergyIntolerance else resource.patient
            url = (item.holder or item).full_url  # what is contained is of the server of its holder
            known = subject is not None and owns.get(subject.reference) is True and (not url or url.startswith(servers))
            if not known and not _is_own(item, url, subject, record, identity):
                continue
        if resource.meta is not None and is_part(resource):
            record.take_in_part(item)
        if item.problem:
            record.name_problem(item)
        own.append(item)
    return own


def _is_own(item: Item, url: str, subject: wire.Reference | None, record: Record, identity: Identity) -> bool:
    reference = (subject.reference if subject else None) or ""
    own = identity.owns(reference, url)
    if own is None and item.problem:
        record.lose(item, f"its subject cannot be read ({item.problem})")
    elif own is None:
        told = "its subject is told without a reference" if subject else "no subject"
        record.notice(f"{record.reference(item)}: {told}, set aside")
    elif not own and (reference.startswith("#") or "?" in reference):
        record.notice(f"{record.reference(item)}: whose it is cannot be told by its subject, set aside")
    elif not own:
        record.notice(f"{record.reference(item)}: another patient's, not used")
    return bool(own)


def _current_versions(items: list[Item], record: Record, identity: Identity) -> list[Item]:
    """Of two versions of a resource the newer."""
    if len({item.resource.id for item in items}) == len(items):
        return items
    newest: dict[tuple[str, type, str], Item] = {}
    gone: set[int] = set()
    calendar = record.library.calendar
    for item in items:
        resource = item.resource
        if not resource.id:
            continue
        kind = resource.__class__
        key = (base_of(item.full_url, kind.__name__, resource.id) or identity.base, kind, resource.id)
        other = newest.get(key)
        if other is not None:
            if bytes(item.raw) == bytes(other.raw) or _newer(other, item, calendar):
                gone.add(id(item))
                continue
            if _newer(item, other, calendar):
                gone.add(id(other))
            else:
                name = f"{kind.__name__}/{resource.id}"
                record.notice(f"{name} stands twice with different content and no version; both are read")
        newest[key] = item
    return _without(items, gone)


def _newer(a: Item, b: Item, calendar: Calendar) -> bool:
    """Whether `a` is certainly the newer version of the same resource."""
    one, other = a.resource.meta, b.resource.meta
    if one is None or other is None:
        return False
    versions = [_numbered(meta.versionId) for meta in (one, other)]
    if versions[0] is not None and versions[1] is not None:
        return versions[0] > versions[1]
    times = [calendar.read(meta.lastUpdated) for meta in (one, other)]
    return times[0] is not None and times[1] is not None and times[1].before(times[0])


def _numbered(version: str | None) -> tuple[int, str] | None:
    """A version number in an order, however long it is; None where it is no number."""
    if not version or not (version.isascii() and version.isdigit()):
        return None
    digits = version.lstrip("0")
    return len(digits), digits
