"""A patient's record for one call: what came with the call, and the rest from the caller's FHIR server.

What could not be had in full is no silence: it stands in the record as a gap with its reason.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec
import structlog
from msgspec import Raw

from service import metrics
from service.errors import RecordError, TrialhookError
from service.fhir_client import Answer, FhirServers, NotAllowed, Server
from service.mappers import wire
from service.mappers.documents import Document
from service.mappers.identity import base_of
from service.mappers.joining import joined, read_pages
from service.mappers.searched import FOREIGN, SOMETHING_ELSE, answers_otherwise, foreign_types
from service.phases import phase
from service.prefetch import CONDITIONS, PATIENT, Query
from service.prefetched import State, Supplied, read_supplied

# Without these there is no answer worth giving
REQUIRED = (PATIENT, CONDITIONS)
# A server may lack some of the resources that tell of drugs, not all of them.
DRUG_TYPES = frozenset({"MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense"})
MAX_MEDICATIONS = 200
_RELATIVE = re.compile(r"Medication/[A-Za-z0-9\-.]{1,64}\Z")
log = structlog.get_logger(__name__)


class InsufficientData(TrialhookError):
    """What is required for an answer neither came with the call nor can be had."""

    code = "insufficient-data"


class Call(msgspec.Struct, frozen=True):
    """Whose record is asked for, what came with the call, and where the rest may be had."""

    patient: str
    prefetch: Mapping[str, Raw] = {}
    fhir_server: str = ""
    token: str = ""


class Chart:
    """Gathers records by a fixed set of queries. Safe to use from many threads."""

    def __init__(
        self, queries: Sequence[Query], servers: FhirServers, anonymous: bool, budget: float, *, strict: bool = False
    ) -> None:
        """`budget` in seconds is what one call may spend asking; `anonymous` asks servers also without a token. With
        `strict` a record without Conditions that a server could not give is none, and what lacks is told by its key."""
        self.queries = tuple(queries)
        self._servers = servers
        self._anonymous = anonymous
        self._budget = budget
        self._strict = strict

    def gather(self, call: Call) -> Document:
        """The record, with a gap for each resource type that is not complete. InsufficientData where there is none."""
        deadline = time.monotonic() + self._budget
        with phase("decode"):
            supplied = {query.key: read_supplied(query, call.prefetch) for query in self.queries}
        metrics.prefetched(Counter(came.state.name.lower() for came in supplied.values()))
        wanting = [query for query in self.queries if supplied[query.key].state is not State.COMPLETE]
        server, why_not = (None, "") if not wanting and not call.fhir_server else self._server(call)
        asked = [query for query in wanting if supplied[query.key].state is not State.REFUSED]
        answers = self._fetch(server, asked, call, deadline)
        self._require(wanting, supplied, answers, why_not)
        with phase("decode"):
            documents = _documents(self.queries, supplied, answers, why_not)
        if server is not None:
            documents += _medications(documents, server, call.fhir_server, deadline)
        with phase("decode"):
            return self._of_one(joined(documents), call.patient)

    def _of_one(self, document: Document, patient: str) -> Document:
        """With a gap for each type of which somebody else's resources came."""
        kinds = {query.type for query in self.queries}
        foreign = foreign_types(document, kinds, patient, server_of(document))
        document.gaps += [(kind, f"{kind} resources: {FOREIGN}") for kind in foreign]
        if foreign:
            log.warning("resources came that are not the patient's", resources=foreign)
        return document

    def _server(self, call: Call) -> tuple[Server | None, str]:
        if not call.fhir_server:
            return None, "no FHIR server was named"
        if not call.token and not self._anonymous:
            return None, "no access to the FHIR server was given"
        try:
            return self._servers.at(call.fhir_server, call.token), ""
        except NotAllowed:
            return None, "the FHIR server named is not one that may be called"

    def _fetch(
        self, server: Server | None, queries: Sequence[Query], call: Call, deadline: float
    ) -> Mapping[str, Answer]:
        if server is None or not queries:
            return {}
        with phase("fetch"):
            return server.ask_all({query.key: query.of(call.patient) for query in queries}, deadline)

    def _require(
        self, wanting: Iterable[Query], supplied: Mapping[str, Supplied], answers: Mapping[str, Answer], why_not: str
    ) -> None:
        """InsufficientData where what is required can be had neither from the call nor from the server."""
        told = []
        for query in wanting:
            if query.key in REQUIRED:
                why = _why_lacking(query, supplied[query.key], answers.get(query.key), self._strict)
                told += [f"prefetch.{query.key}: {why}" if self._strict else why] if why else []
        if told:
            raise InsufficientData("; ".join(told) + (f"; and {why_not}" if why_not else ""))


def server_of(document: Document) -> str:
    """The one server, with a slash at its end, that all full URLs of a record lead to; empty where there is no such.

    A Patient from prefetch or from a read has no full URL of its own, so an absolute reference to a patient of the same
    id on another server could not be told from one to this patient. What the client calls its server does not help:
    behind a proxy the resources have other addresses.
    """
    found = ""
    for item in document.items:
        if not item.full_url:
            continue
        base = base_of(item.full_url, type(item.resource).__name__, item.resource.id)
        if base and found and base != found:
            return ""
        found = base or found
    return found


def _why_lacking(query: Query, came: Supplied, answer: Answer | None, strict: bool) -> str:
    """Why there is nothing of what is required; empty where there is something. Conditions for which only the time did
    not suffice are unknown, and the rest of the record is still worth an answer."""
    if answer is None:
        return came.reason if came.document is None else ""
    if query.key == PATIENT:
        return "" if answer.complete else f"the Patient cannot be read: {answer.problem}"
    if answer.complete or answer.pages or answer.kind == "timeout" or came.document is not None or not strict:
        return ""
    return f"{query.type} resources: {answer.problem}"


def _documents(
    queries: Sequence[Query], supplied: Mapping[str, Supplied], answers: Mapping[str, Answer], why_not: str
) -> list[Document]:
    """One document a query: complete, or with a gap that says why not."""
    documents = [_document(query, supplied[query.key], answers.get(query.key), why_not) for query in queries]
    lacking = {d.name for d in documents if _is_lacking(answers.get(d.name))}
    drugs = {query.key for query in queries if query.type in DRUG_TYPES}
    for query, document in zip(queries, documents, strict=True):
        if query.key in lacking & drugs and not drugs <= lacking:
            document.gaps = []
            document.notices = [f"the server has no {query.type}"]
    return documents


def _document(query: Query, came: Supplied, answer: Answer | None, why_not: str) -> Document:
    if came.state is State.COMPLETE and came.document is not None:
        return came.document
    if answer is None:
        document = came.document or Document(query.key)
        reason = came.reason if came.state is State.REFUSED or not why_not else f"{came.reason}, and {why_not}"
        document.gaps = [(query.type, reason)]
        return document
    try:
        document = read_pages(answer.pages, query.key, whole=answer.complete)
    except RecordError:
        return Document(query.key, gaps=[(query.type, f"{query.type} resources: the server's answer cannot be read")])
    document.gaps = [(query.type, f"{query.type} resources: {reason}") for _, reason in document.gaps]
    if query.key != PATIENT and answers_otherwise(document, answer.pages, query.type):
        document.gaps.append((query.type, f"{query.type} resources: {SOMETHING_ELSE}"))
    if not answer.complete:
        document.gaps.append((query.type, f"{query.type} resources: {answer.problem}"))
        if came.document is not None:
            document.items += came.document.items  # a value recorded decides, whichever way it came
    return document


def _is_lacking(answer: Answer | None) -> bool:
    """Whether a server says that it does not have a resource type: a search by type that is not found. A bare 404 may
    be a gateway's, behind which no server is up just now."""
    if answer is None or answer.complete or answer.pages:
        return False
    return answer.status == 501 or (answer.status == 404 and answer.explained)


def _medications(documents: Sequence[Document], server: Server, base: str, deadline: float) -> list[Document]:
    """Medications that drug records refer to and nobody sent. One that cannot be had leaves its drug unknown."""
    known: set[str] = set()
    wanted: dict[str, None] = {}
    for document in documents:
        for item in document.items:
            resource = item.resource
            if isinstance(resource, wire.Medication):
                known.add(f"Medication/{resource.id}")
            elif isinstance(resource, wire.MedicationEvent) and resource.medicationReference is not None:
                reference = (resource.medicationReference.reference or "").removeprefix(f"{base.rstrip('/')}/")
                if _RELATIVE.match(reference):
                    wanted[reference] = None
    missing = dict(islice(((name, name) for name in wanted if name not in known), MAX_MEDICATIONS))
    if not missing:
        return []
    with phase("fetch"):
        answers = server.ask_all(missing, deadline)
    return [_medication(name, answer) for name, answer in answers.items() if answer.pages]


def _medication(name: str, answer: Answer) -> Document:
    try:
        document = read_pages(answer.pages, "Medication")
    except RecordError:
        return Document("Medication")
    document.gaps = []
    return document
