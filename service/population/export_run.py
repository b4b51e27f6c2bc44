"""The course of one export: started or found again, waited for, its files received, its job deleted."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from service.errors import TrialhookError
from service.fhir_client import FhirServers, NotAuthorized, Remote
from service.fhir_client.answers import Answer, Failure
from service.fhir_client.capabilities import capabilities
from service.population import export_state
from service.population.export_coverage import silent_types
from service.population.export_files import Expired, Received, Receiver, Room
from service.population.export_job import Job, JobGone
from service.population.export_lines import Cut, read_lines
from service.population.export_manifest import ExportError, Manifest, Output
from service.population.export_order import Limits
from service.population.export_outcomes import read_outcomes
from service.population.export_state import Part, State
from service.population.spill import ErrorRow, Gap

OUTPUT, ERROR, DELETED = "output", "error", "deleted"
METADATA = 60.0
MAX_COUNTED = 1000  # patients of a Group that are searched for one by one
CHUNK = 20
PATIENCE = 600.0  # seconds for these searches
_OF = {OUTPUT: "a file", ERROR: "an error file", DELETED: "a file of deletions"}


class _JobAndFilesGone(Exception):
    """A file is gone, and so is the job that could tell where it is now."""


class _Counted(msgspec.Struct):
    total: int | None = None


class _Identified(msgspec.Struct):
    id: str = ""


class Run:
    """One export into a folder; `state` is what has been done of it."""

    def __init__(
        self, remote: Remote, folder: Path, state: State, limits: Limits, progress: Callable[[str], None]
    ) -> None:
        deadline = time.monotonic() + limits.seconds
        self.state = state
        self._remote = remote
        self._deadline = deadline
        self._folder = folder
        self._progress = progress
        self._job = Job(remote, state.order, limits, deadline, progress)
        self._limits = limits
        self._receiver = self._receiving()
        self._renewed = self._anew = False

    def work(self, servers: FhirServers) -> None:
        """Do what is left to do. ExportError or NotAuthorized where nothing can be had."""
        try:
            self._prepare(servers)
            self._receive_all()
            self._require_something()
            self.state.none = self._counted_none(servers)
            self.state.not_granted = self._remote.access.not_granted
            self.state.whole = True
            self._end()
        except OSError as problem:
            with suppress(OSError):
                self._end()
            raise ExportError(f"{self._folder} cannot be written to ({problem.strerror})") from None
        except TrialhookError:
            self._end()
            raise

    def _prepare(self, servers: FhirServers) -> None:
        self._remote.access.token(self._deadline)  # the plainest error first
        if self.state.supported is None:
            self.state.supported = _supported(servers, self.state.order.base)

    def _manifest(self) -> Manifest:
        if self.state.manifest is None:
            resumed = bool(self.state.status_url)
            try:
                self.state.manifest = self._ended()
            except JobGone:
                if not resumed:
                    raise
                self.state.status_url = ""  # the job of the run before is gone; another is as good
                self.state.manifest = self._ended()
            self._save()
        return self.state.manifest

    def _ended(self) -> Manifest:
        """The manifest of the job, which is started where there is none."""
        if not self.state.status_url:
            supported = self.state.supported
            started = self._job.start(None if supported is None else frozenset(supported))
            self.state.status_url, how = started
            self.state.method, self.state.untyped = how.way.method, not how.way.types
            self.state.refused = how.refused
            self._save()
        return self._job.manifest(self.state.status_url)

    def _receiving(self) -> Receiver:
        room = Room(self._limits.max_bytes, sum(part.bytes for part in self.state.parts.values()))
        return Receiver(self._remote, self._folder, room, self._deadline, self._limits)

    def _receive_all(self) -> None:
        """All files; once more from a new job where the job is gone with what was left of them."""
        try:
            self._receive(self._manifest())
        except _JobAndFilesGone:
            self._progress("the job and its files are gone; another is started")
            self._anew, self._renewed = True, False
            supported, self.state = self.state.supported, export_state.clear(self.state, self._folder)
            self.state.supported = supported
            self._receiver = self._receiving()
            self._receive(self._manifest())

    def _receive(self, manifest: Manifest) -> None:
        for kind, entries in ((OUTPUT, manifest.output), (ERROR, manifest.errors), (DELETED, manifest.deleted)):
            for number in range(len(entries)):
                key = f"{kind}:{number + 1}"
                if key not in self.state.parts:
                    export_state.note(self.state, key, self._part(kind, number), self._folder)

    def _require_something(self) -> None:
        """ExportError where no file of resources came at all: that is no population to screen."""
        output = {key: part for key, part in self.state.parts.items() if key.startswith(OUTPUT)}
        if any(part.name for part in output.values()):
            return
        lost = [gap.reason for part in output.values() for gap in part.gaps]
        if lost:
            raise ExportError(f"none of the {len(output)} files of the export came: {lost[0]}", temporary=True)
        if not any(part.name for part in self.state.parts.values()):
            since = f" that changed since {self.state.order.since}" if self.state.order.since else ""
            raise ExportError(f"the export holds no resources of the types that were asked for{since}")

    def _counted_none(self, servers: FhirServers) -> tuple[str, ...]:
        """Of the types that the manifest leaves out, those that a server has and counts none of when searched: of all
        patients', or, where others have some, of each one's of a Group."""
        told = {part.type for key, part in self.state.parts.items() if key.startswith(OUTPUT)}
        silent = silent_types(self.state.order.types, told)
        asked = [kind for kind in silent if kind in (self.state.supported or ()) and kind not in self.state.refused]
        base, patients = self.state.order.base, self._members()
        return tuple(k for k in asked if _count(servers, base, k) == 0 or _none_of_these(servers, base, k, patients))

    def _members(self) -> list[str]:
        """The ids of the patients of a Group that came; empty for other exports and for a large Group."""
        if self.state.order.level != "group":
            return []
        parts = [p for key, p in self.state.parts.items() if key.startswith(OUTPUT) and p.name and p.type == "Patient"]
        if sum(part.lines for part in parts) > MAX_COUNTED:
            return []
        return [_identity(line) for part in parts for line in read_lines(self._folder / part.name)]

    def _part(self, kind: str, number: int) -> Part:
        entry = self._entries(kind)[number]
        if kind == OUTPUT and entry.type not in self.state.order.types:
            if self.state.untyped:  # everything was asked for, since the server takes no types
                return Part(entry.type)
            return Part(entry.type, findings=(ErrorRow("", 0, f"a file of {entry.type} was not asked for"),))
        whole = "*" if kind != OUTPUT else entry.type
        stem = f"{number + 1:04}.{entry.type}.ndjson" if kind == OUTPUT else f"{number + 1:04}.{kind}"
        try:
            received = self._received(kind, number, stem)
        except (Failure, NotAuthorized) as problem:
            told = problem.problem if isinstance(problem, Failure) else problem.message
            reason = f"{_OF[kind]} could not be had: {told}"
            return Part(entry.type, gaps=(Gap(whole, reason),), findings=(ErrorRow(stem, 0, reason),))
        self._progress(f"{received.name}: {received.lines} lines")
        return self._outcomes(received) if kind == ERROR else _part_of(received, kind, entry)

    def _received(self, kind: str, number: int, stem: str) -> Received:
        """A file; where it is gone, the manifest is fetched anew, once an export: its addresses may be fresh."""
        line_type = {OUTPUT: self._entries(kind)[number].type, ERROR: "OperationOutcome", DELETED: "Bundle"}[kind]
        try:
            return self._from(kind, number, line_type, stem)
        except Expired as expired:
            if not self._renew():
                raise expired.failure from None
        try:
            return self._from(kind, number, line_type, stem)
        except Expired as expired:
            raise expired.failure from None

    def _from(self, kind: str, number: int, line_type: str, stem: str) -> Received:
        manifest = self.state.manifest
        assert manifest is not None
        url = self._entries(kind)[number].url
        return self._receiver.receive(url, line_type, stem, token=manifest.requires_token)

    def _entries(self, kind: str) -> tuple[Output, ...]:
        manifest = self.state.manifest
        assert manifest is not None
        return {OUTPUT: manifest.output, ERROR: manifest.errors, DELETED: manifest.deleted}[kind]

    def _renew(self) -> bool:
        """Whether there is a new manifest, which lists the same files in the same order."""
        if self._renewed or self.state.manifest is None:
            return False
        self._renewed = True
        try:
            fresh = self._job.manifest(self.state.status_url)
        except JobGone:
            if not self._anew:
                raise _JobAndFilesGone from None
            return False
        except (ExportError, NotAuthorized):
            return False
        if _listing(fresh) != _listing(self.state.manifest):
            return False
        self.state.manifest = fresh
        self._save()
        return True

    def _outcomes(self, received: Received) -> Part:
        """What an error file tells; the file itself is not kept among the data."""
        path = self._folder / received.name
        try:
            told = read_outcomes(read_lines(path), self.state.order.types)
        except (Failure, Cut):
            return Part("OperationOutcome", gaps=(Gap("*", "an error file cannot be read"),))
        finally:
            path.unlink()
        findings = tuple(ErrorRow(received.name, 0, sentence) for sentence in told.findings)
        return Part("OperationOutcome", gaps=told.gaps, findings=findings)

    def _end(self) -> None:
        """Delete the job; what stands in the state afterwards is complete, or begins anew."""
        if self.state.status_url:
            problem = self._job.delete(self.state.status_url)
            if problem:
                self.state.findings.append(ErrorRow("", 0, problem))
        if not self.state.whole:
            self.state = export_state.clear(self.state, self._folder)
        self._save()

    def _save(self) -> None:
        export_state.save(self.state, self._folder)


def _supported(servers: FhirServers, base: str) -> tuple[str, ...] | None:
    """The resource types that a server says it has; None where it does not say."""
    told, _ = capabilities(servers.at(base), time.monotonic() + METADATA)
    return (tuple(sorted(told.types)) or None) if told is not None else None


def _count(servers: FhirServers, base: str, kind: str) -> int | None:
    """How many resources of a type a server says it has; None where it does not say."""
    return _total(servers.at(base).search(f"{kind}?_summary=count", time.monotonic() + METADATA))


def _none_of_these(servers: FhirServers, base: str, kind: str, patients: list[str]) -> bool:
    """Whether a server says of each of these patients that it has no resource of a type."""
    until = time.monotonic() + PATIENCE
    for first in range(0, len(patients), CHUNK):
        queries = {each: f"{kind}?patient={each}&_summary=count" for each in patients[first : first + CHUNK]}
        if any(_total(answer) != 0 for answer in servers.at(base).ask_all(queries, until).values()):
            return False
    return bool(patients)


def _identity(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Identified).id
    except msgspec.DecodeError:
        return ""  # of nobody, and searched for in vain


def _total(answer: Answer) -> int | None:
    try:
        return msgspec.json.decode(answer.pages[0], type=_Counted).total if answer.complete else None
    except msgspec.DecodeError:
        return None


def _listing(manifest: Manifest) -> list[list[tuple[str, int | None]]]:
    lists = (manifest.output, manifest.errors, manifest.deleted)
    return [[(entry.type, entry.count) for entry in entries] for entries in lists]


def _part_of(received: Received, kind: str, entry: Output) -> Part:
    """A file that came. One that holds fewer resources than it is said to is short of them; more do no harm."""
    whole = entry.type if kind == OUTPUT else "*"
    findings = [ErrorRow(received.name, line, f"the line {reason}" if line else reason)
                for line, reason in received.problems]  # fmt: skip
    gaps = [Gap(whole, f"{received.name}: {doubt}") for doubt in received.doubts]
    if kind == OUTPUT and entry.count is not None and entry.count != received.lines:
        counted = f"{received.lines} resources came where the manifest counts {entry.count}"
        findings.append(ErrorRow(received.name, 0, counted))
        if received.lines < entry.count:
            gaps.append(Gap(whole, f"{received.name}: {counted}"))
    return Part(entry.type, received.name, received.lines, received.bytes, tuple(gaps), tuple(findings))
