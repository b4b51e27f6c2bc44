"""A population by search: the patients of a server, of a query or of a Group, and each one's record.

Records are gathered by the queries of the hook, so both see the same. One patient's failure is told with that patient
and stops no other; what is wrong with the list of patients is told without one.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import msgspec
from msgspec import Raw

from service.chart import Call, Chart, InsufficientData
from service.errors import RecordError
from service.fhir_client import Access, Bearer, FhirServers
from service.mappers.documents import Document
from service.population.group import Listed, members
from service.prefetch import PATIENT, Query

PAGE = 60.0
COUNT = 100
IDLE_PAGES = 200  # in a row with nobody new: such a list need not end
WORKERS = 4
_QUERY = re.compile(r"Patient(\?.*)?")
# what leaves elements out of the Patients found, which then cannot stand for the record's own
_SUBSETS = re.compile(r"[?&]_(elements|summary)=")
_SUBSETTED = b'"SUBSETTED"'


@dataclass(frozen=True)
class Found:
    """A patient's id and record, or why there is none. Without an id it tells what is wrong with the list. `doubts` are
    the searches of which not everything came, in words."""

    patient: str
    document: Document | None = None
    problem: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Which patients: all (`Patient`), those of a search (`Patient?…`), or the members of a Group, by its id, on a day.
    The queries of `service.prefetch` say what of each."""

    base: str
    on: date
    queries: tuple[Query, ...]
    query: str = "Patient"
    group: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The resource types that an access token has to stand for."""
        kinds = {"Patient", "Medication", *(query.type for query in self.queries)}
        return tuple(sorted(kinds | ({"Group"} if self.group else set())))


def _nobody(_: str) -> bool:
    return False


class Gathering:
    """Finds patients and their records. `seconds` is what one record may take, `workers` how many are gathered at a
    time. NotAllowed where the server may not be called."""

    def __init__(
        self,
        servers: FhirServers,
        selection: Selection,
        *,
        access: Access | None = None,
        workers: int = WORKERS,
        seconds: float = 120.0,
    ) -> None:
        if not _QUERY.fullmatch(selection.query):
            raise RecordError("patients are searched for by a query such as Patient?gender=female")
        self._selection = selection
        self._access = access or Bearer()
        self._servers = servers.authorized(selection.base, self._access)
        self._servers.at(selection.base)
        self._chart = Chart(selection.queries, self._servers, anonymous=True, budget=seconds)
        self._workers = workers

    def records(self, known: Callable[[str], bool] = _nobody) -> Iterator[Found]:
        """Every patient once, in the order of the list, but those `known` already. The list is read on as records are
        taken."""
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="records")
        waiting: deque[Future[Found]] = deque()
        try:
            for listed in self.patients():
                if listed.patient and known(listed.patient):
                    continue
                waiting.append(pool.submit(self._found, listed))
                if len(waiting) > 2 * self._workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def patients(self) -> Iterator[Listed]:
        """The patients, each once, without their records."""
        selection, seen = self._selection, set[str]()
        listed = (
            members(self._servers.at(selection.base), selection.base, selection.group, selection.on)
            if selection.group
            else self._searched()
        )
        for each in listed:
            if not each.patient or each.patient not in seen:
                seen.add(each.patient)
                yield each

    def _searched(self) -> Iterator[Listed]:
        query, link, seen = self._query(), "", set[str]()
        names: set[str] = set()
        total = found = idle = 0
        while True:
            # a server object may read so many bytes in all; each page has its own
            answer, following = self._servers.at(self._selection.base).page(query, link, time.monotonic() + PAGE)
            for body in answer.pages:
                listed = list(_patients(body, whole=not _SUBSETS.search(query)))
                total, found = max(total, _total(body)), found + len(listed)
                idle = 0 if {each.patient for each in listed} - names else idle + 1
                names.update(each.patient for each in listed)
                yield from listed
            if not answer.complete:
                yield Listed("", problem=f"the list of patients is not complete: {answer.problem}")
            if not following:
                if answer.complete and found < total:
                    yield Listed("", problem=f"the list of patients is not complete: {found} of {total} came")
                return
            if following in seen:
                yield Listed("", problem="the list of patients is not complete: its pages lead in a circle")
                return
            if idle == IDLE_PAGES:
                told = f"{IDLE_PAGES} pages in a row brought nobody new, and there are more"
                yield Listed("", problem=f"the list of patients is not complete: {told}")
                return
            seen.add(following)
            link = following

    def _query(self) -> str:
        query = self._selection.query
        if re.search(r"[?&]_count=", query):
            return query
        return f"{query}{'&' if '?' in query else '?'}_count={COUNT}"

    def _found(self, listed: Listed) -> Found:
        if listed.problem:
            return Found(listed.patient, problem=listed.problem)
        prefetch = {PATIENT: Raw(listed.resource)} if listed.resource else {}
        call = Call(listed.patient, prefetch, self._selection.base)
        try:
            document = self._chart.gather(call)
        except (InsufficientData, RecordError) as problem:
            return Found(listed.patient, problem=problem.message)
        except Exception as problem:  # noqa: BLE001 - a mistake of ours in one patient must not lose the others
            return Found(listed.patient, problem=f"an unexpected {type(problem).__name__}")
        doubts = tuple(dict.fromkeys(reason for _, reason in document.gaps))
        document.gaps += [
            (kind, "the access token does not stand for reading it in full")
            for kind in self._access.not_granted
            if kind != "Group"
        ]
        return Found(listed.patient, document, doubts=doubts)


class _Search(msgspec.Struct):
    mode: str | None = None


class _Issue(msgspec.Struct):
    severity: str = ""


class _Resource(msgspec.Struct):
    resourceType: str = ""
    id: str | None = None
    issue: list[_Issue] | None = None


class _Entry(msgspec.Struct):
    resource: Raw = Raw(b"{}")
    search: _Search | None = None


class _Bundle(msgspec.Struct):
    entry: list[_Entry] | None = None


class _Count(msgspec.Struct):
    total: int | None = None


def _total(body: bytes) -> int:
    """How many patients the server counts; 0 where it does not tell."""
    try:
        return msgspec.json.decode(body, type=_Count).total or 0
    except msgspec.DecodeError:
        return 0


def _patients(body: bytes, *, whole: bool) -> Iterator[Listed]:
    """The Patients of a page; `whole`: they have all their elements."""
    try:
        entries = msgspec.json.decode(body, type=_Bundle).entry or []
        resources = [(entry, msgspec.json.decode(entry.resource, type=_Resource)) for entry in entries]
    except msgspec.DecodeError:
        yield Listed("", problem="the list of patients is not complete: a page cannot be read")
        return
    for entry, resource in resources:
        if resource.resourceType == "OperationOutcome":
            if any(issue.severity in ("fatal", "error") for issue in resource.issue or ()):
                yield Listed("", problem="the list of patients is not complete: the server reports an error in it")
        elif not resource.resourceType:
            yield Listed("", problem="the list of patients is not complete: an entry holds no resource")
        elif resource.resourceType == "Patient" and (entry.search is None or entry.search.mode != "include"):
            if resource.id:
                kept = bytes(entry.resource)
                yield Listed(resource.id, kept if whole and _SUBSETTED not in kept else b"")
            else:
                yield Listed("", problem="a patient of the list has no id")
