"""A population on a FHIR server, brought into files first: by search or by Bulk Data export.

What came is screened as files are; what did not come is handed on as gaps and findings. The files are in the work
folder of the screening, for its owner only, and go away with it.
"""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from service import prefetch
from service.criteria.plan import Plan
from service.errors import ChangedQuestion, SourceError
from service.fhir_client import Access, Bearer, FhirServers, NotAllowed
from service.fhir_client.access import NotAuthorized
from service.fhir_client.backend import Backend
from service.mappers.documents import Document
from service.population import export_medications
from service.population.bundles import one_line
from service.population.export import Export, ExportError, Limits, Order, run_export
from service.population.export_order import Level
from service.population.files import Input, find_inputs
from service.population.ledger import write_whole
from service.population.progress import Progress
from service.population.search import Found, Gathering, Selection
from service.population.source_server import Server, options_of
from service.population.spill import ErrorRow, Gap
from service.screening import Screening
from service.settings import Settings

FETCHED = "fetched"
CHUNK = 200
ASKED = "asked.json"
STAGED = "staged.json"


class Staged(msgspec.Struct, frozen=True):
    """What came besides the files: what silence is not proven, what went wrong (one that names a patient is of someone
    who was not had at all), and what went wrong with a part of somebody's record."""

    gaps: tuple[Gap, ...] = ()
    findings: tuple[ErrorRow, ...] = ()
    doubts: tuple[ErrorRow, ...] = ()


class _Chunk(msgspec.Struct):
    """Some patients of a search: their ids, and what is to be said of them."""

    patients: list[str] = []
    gaps: list[Gap] = []
    findings: list[ErrorRow] = []
    doubts: list[ErrorRow] = []


def stage(
    server: Server, screening: Screening, plan: Plan, settings: Settings, work: Path, day: int, told: Progress
) -> tuple[list[Input], Staged]:
    """Bring the population into the work folder, or go on where a killed run was. SourceError where nothing comes."""
    folder = work / FETCHED
    queries = prefetch.queries(plan, screening.inputs, screening.terminology)
    _begin(folder, server, queries, day)
    done = folder / STAGED
    if not done.exists():
        allowed, authorities = [*settings.fhir_allowed, server.base], settings.certificate_authorities
        servers = FhirServers(allowed, settings.max_body, certificates=authorities)
        with servers:
            try:
                if server.bulk:
                    staged = _export(server, servers, queries, settings, folder, told)
                else:
                    selection = Selection(server.base, date.fromordinal(day), queries, server.query, server.group)
                    access = _access(servers, server, selection.reads, settings)
                    staged = _search(Gathering(servers, selection, access=access), folder, told)
            except (ExportError, NotAllowed, NotAuthorized) as problem:
                raise SourceError(f"{problem.message}") from None
        write_whole(done, msgspec.json.encode(staged))
    staged = msgspec.json.decode(done.read_bytes(), type=Staged)
    return find_inputs(folder / "files"), staged


def _begin(folder: Path, server: Server, queries: tuple[prefetch.Query, ...], day: int) -> None:
    """A folder of this question: a killed run of another one is not gone on with, for what it did not ask for of the
    patients whom it has would be taken for silence. The day tells who is a member of a Group."""
    told = {"server": options_of(server), "queries": queries, "day": day if server.group else 0}
    asked = msgspec.json.encode(told)
    if (folder / ASKED).exists():
        if (folder / ASKED).read_bytes() != asked:
            raise ChangedQuestion("the earlier run asked the server something else; name another folder")
        return
    (folder / "files").mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    write_whole(folder / ASKED, asked)


def _access(servers: FhirServers, server: Server, types: tuple[str, ...], settings: Settings) -> Access:
    if not settings.backend_client_id:
        return Bearer()
    backend = Backend(servers, settings.backend_client_id, settings.backend_key, settings.backend_scopes)
    return backend.access(server.base, types)


# -- Bulk Data


def _export(
    server: Server,
    servers: FhirServers,
    queries: tuple[prefetch.Query, ...],
    settings: Settings,
    folder: Path,
    told: Progress,
) -> Staged:
    """An export of the types that the trials need. Some servers refuse what is nobody's in an export of patients: those
    are asked for the rest, and the Medications that are referred to are had otherwise."""
    types = tuple(dict.fromkeys(query.type for query in queries))
    level: Level = "group" if server.group else server.level

    def ordered(name: str, level: Level, types: tuple[str, ...], method: Literal["auto", "get"] = "get") -> Export:
        group = server.group if level == "group" else ""
        since = server.since if "Patient" in types else ""  # what is referred to may be old
        order = Order(server.base, types, level, group, since, method=method)
        access = _access(servers, server, order.reads, settings)
        limits = Limits(longest_wait=server.longest_wait) if server.longest_wait else None
        path = folder / name
        return run_export(servers, order, path, access=access, limits=limits, progress=told.note, resume=path.exists())

    try:
        exported = ordered("export", level, (*types, "Medication"))
    except ExportError as problem:
        if problem.temporary or not problem.otherwise:
            raise
        exported = ordered("export-owned", level, types, "auto")
    medications, lacking = export_medications.complete(
        exported,
        servers.authorized(server.base, _access(servers, server, ("Medication",), settings)),
        server.base,
        told,
        lambda: ordered("export-medications", "system", ("Medication",)),
    )
    for path in (folder / "files").iterdir():
        path.unlink()  # of an export whose files a killed run was taking, for which another had to be made
    _take([file.path for file in exported.files], folder / "files", "")
    _take([file.path for file in medications], folder / "files", "medications-")
    return Staged(exported.coverage, (*exported.findings, *lacking))


def _take(paths: list[Path], folder: Path, prefix: str) -> None:
    for path in paths:
        shutil.move(path, folder / f"{prefix}{path.name}")


# -- search


def _search(gathering: Gathering, folder: Path, told: Progress) -> Staged:
    """Patients in chunks; what was fetched before a kill is not fetched again."""
    chunks = [msgspec.json.decode(p.read_bytes(), type=_Chunk) for p in sorted((folder / "files").glob(".chunk-*"))]
    for chunk in chunks:  # the list is read again from its beginning, and tells then what is wrong with it
        chunk.findings = [finding for finding in chunk.findings if finding.patient]
    known = {patient for chunk in chunks for patient in chunk.patients}
    told.phase("fetching", 0, "patients")
    taken: list[Found] = []
    for found in gathering.records(known.__contains__):
        taken.append(found)
        if found.patient:  # else it tells what is wrong with the list
            told.advance(1)
        if len(taken) == CHUNK:
            chunks.append(_keep(taken, folder / "files", len(chunks)))
            taken = []
    if taken or not chunks:
        chunks.append(_keep(taken, folder / "files", len(chunks)))
    if not any(chunk.patients for chunk in chunks):
        raise SourceError(next((f.reason for c in chunks for f in c.findings), "the server lists no patient"))
    return Staged(
        tuple(g for c in chunks for g in c.gaps),
        tuple(f for c in chunks for f in c.findings),
        tuple(d for c in chunks for d in c.doubts),
    )


def _keep(taken: list[Found], folder: Path, number: int) -> _Chunk:
    """A chunk as lines, and the mark that says it is whole, which is written last."""
    chunk = _Chunk([], [], [], [])
    lines: list[bytes] = []
    for found in taken:
        if found.document is None:
            chunk.findings.append(_problem(found))
            if not found.patient:
                continue
        else:
            lines += _lines(found.document)
            chunk.gaps += [Gap(kind, reason, found.patient) for kind, reason in found.document.gaps]
            chunk.doubts += [ErrorRow("search", 0, doubt, f"Patient/{found.patient}") for doubt in found.doubts]
        chunk.patients.append(found.patient)
    write_whole(folder / f"searched-{number:05}.ndjson", b"".join(line + b"\n" for line in lines))
    write_whole(folder / f".chunk-{number:05}", msgspec.json.encode(chunk))
    return chunk


def _problem(found: Found) -> ErrorRow:
    return ErrorRow("search", 0, found.problem, f"Patient/{found.patient}" if found.patient else "")


def _lines(document: Document) -> Iterator[bytes]:
    for item in document.items:
        yield one_line(bytes(item.raw))
