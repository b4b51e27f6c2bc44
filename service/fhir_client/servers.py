"""The FHIR servers that may be called, and one of them as one caller may use it."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from copy import copy
from typing import Self

import requests

from service import metrics
from service.fhir_client.access import Access, Bearer, NotAuthorized
from service.fhir_client.addresses import (
    Address,
    Bounds,
    NotAllowed,
    Question,
    Reach,
    bounds_of,
    parse,
    parse_allowed,
    parse_base,
    question,
)
from service.fhir_client.answers import Answer
from service.fhir_client.channel import Policy
from service.fhir_client.exchange import Budget, Exchange
from service.fhir_client.peers import Peers
from service.fhir_client.remote import Remote
from service.fhir_client.retrieval import Retrieval
from service.fhir_client.transport import open_session

MAX_PAGES = 200
CONNECTIONS = 16
FIRST_PAUSE = 0.1
FHIR_JSON = "application/fhir+json"
JSON = "application/json"
IDLE = 60.0
_TOKEN = re.compile(r"[\x21-\x7e]+")


class FhirServers:
    """All FHIR servers that a process may call; one object a process, used by all its threads.

    `allowed` are base addresses: they and what lies under them may be called. `max_bytes` is the most that one `Server`
    object reads, unpacked. `retries` are further attempts after a temporary error, `pause` (seconds) the first wait
    between them. `connections` requests run at a time, over all callers. `certificates` is a file of certificate
    authorities in place of the public ones. Threads start with the first request, so an object made before a fork
    serves the child. SettingsError where an allowed address is none.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        max_bytes: int,
        *,
        retries: int = 2,
        pause: float = FIRST_PAUSE,
        max_pages: int = MAX_PAGES,
        connections: int = CONNECTIONS,
        certificates: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._allowed = parse_allowed(allowed)
        self._max_bytes = max_bytes
        self._policy = Policy(retries, pause, max_pages, sleep)
        peers = Peers()
        self._session = open_session(peers, connections, certificates)
        self._file_session = open_session(peers, connections, certificates, long_files=True)
        self._access: dict[Address, Access] = {}
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="fhir")

    def at(self, base: str, token: str = "") -> "Server":
        """A server for one call on behalf of one user. NotAllowed where the base may not be called, or the token could
        not be sent."""
        address = _base(base)
        bounds = bounds_of(address, self._allowed)
        if token and not _TOKEN.fullmatch(token):
            raise NotAllowed("the access token is not one that can be sent", code="invalid-token")
        access = Bearer(token) if token else self._access.get(address, Bearer())
        return Server(self._session, self._threads, self._policy, bounds, access, self._max_bytes)

    def authorized(self, base: str, access: Access) -> "FhirServers":
        """The same servers, but the one of that base is asked with this access where no token is given. Connections
        and threads are shared; they are closed with the original. NotAllowed as for `at`."""
        view = copy(self)
        view._access = self._access | {_base(base): access}
        return view

    def remote(self, base: str, access: Access | None = None, idle: float = IDLE) -> Remote:
        """A server's jobs and files, asked for with one access; a file may pause for `idle` seconds. NotAllowed as for
        `at`."""
        address = _base(base)
        bounds_of(address, self._allowed)
        sessions = (self._session, self._file_session)
        return Remote(sessions, Reach(address, self._allowed), access or Bearer(), self._policy, idle)

    def token_endpoint(self, base: str, url: str) -> Address:
        """A token endpoint that a server names, which has to lie on the origin of a listed address. NotAllowed where it
        does not, or where a server with TLS names one without."""
        try:
            address = parse(url)
        except ValueError as problem:
            raise NotAllowed(f"the token endpoint cannot be called: {problem}") from None
        if not any(address.origin == listed.origin for listed in self._allowed):
            raise NotAllowed("the token endpoint is on a host that the service may not call")
        if _base(base).scheme == "https" and address.scheme != "https":
            raise NotAllowed("the token endpoint is one without TLS")
        return address

    def close(self) -> None:
        """Let go of connections and threads; requests under way end by their own deadline."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._session.close()
        self._file_session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Server:
    """One FHIR server for one call: its token, and the bytes that all its requests together may read.

    `deadline` is a value of time.monotonic(); no method returns later than that but by moments. Nothing is raised for
    what a server does: it stands in the Answer.
    """

    def __init__(
        self,
        session: requests.Session,
        threads: ThreadPoolExecutor,
        policy: Policy,
        bounds: Bounds,
        access: Access,
        max_bytes: int,
    ) -> None:
        self._session = session
        self._threads = threads
        self._policy = policy
        self._bounds = bounds
        self._access = access
        self._budget = Budget(max_bytes)

    def read(self, reference: str, deadline: float) -> Answer:
        """One resource by its relative reference, such as `Patient/1`."""
        return self._ask({"": self._question(reference, searching=False)}, deadline)[""]

    def search(self, query: str, deadline: float) -> Answer:
        """All pages of a search of one type, such as `Observation?patient=1`."""
        return self._ask({"": self._question(query, searching=True)}, deadline)[""]

    def page(self, query: str, link: str, deadline: float) -> tuple[Answer, str]:
        """One page of a search, and the link to the next, empty after the last. Without a link it is the first page;
        with one, that which the link of an earlier page leads to."""
        asked = self._question(query, searching=True)
        if link and asked is not None:
            try:
                # the link is absolute: it was joined when its page was read
                asked = Question(self._bounds.page(link, asked.address), asked.resource_type, searching=True)
            except ValueError:
                return Answer((), "the link to the next page leads to an address that may not be called"), ""
        answer = self._ask({"": asked}, deadline, single=True)[""]
        return answer, answer.following

    def ask_all(self, queries: Mapping[str, str], deadline: float) -> dict[str, Answer]:
        """Reads and searches side by side; the answers under the same keys in the same order."""
        return self._ask({key: self._question(query) for key, query in queries.items()}, deadline)

    def metadata(self, deadline: float) -> Answer:
        """The server's CapabilityStatement."""
        question = Question(self._bounds.base.under("metadata"), "CapabilityStatement", searching=False)
        return self._ask({"": question}, deadline)[""]

    def smart_configuration(self, deadline: float) -> Answer:
        """The server's SMART configuration, a JSON object; asked for without the token, as it is for everyone."""
        question = Question(self._bounds.base.under(".well-known/smart-configuration"), "", searching=False)
        return self._ask_with("", {"": question}, deadline, JSON)[""]

    def _question(self, text: str, searching: bool | None = None) -> Question | None:
        try:
            asked = question(self._bounds.base, text)
        except ValueError:
            return None
        return asked if searching in (None, asked.searching) else None

    def _ask(
        self, questions: Mapping[str, Question | None], deadline: float, single: bool = False
    ) -> dict[str, Answer]:
        """What the server says to each question; those that it refuses the token for are asked once more with another,
        where there is one."""
        try:
            token = self._access.token(deadline)
            answers = self._ask_with(token, questions, deadline, single=single)
            refused = {key: questions[key] for key, answer in answers.items() if answer.status == 401}
            if refused and token and (other := self._access.renewed(token, deadline)) != token:
                answers |= self._ask_with(other, refused, deadline, single=single)
        except NotAuthorized as problem:
            answers = {key: Answer((), problem.message, problem.temporary, kind="authorization") for key in questions}
        for key, asked in questions.items():
            if asked is not None:
                metrics.fhir_query(asked.resource_type or "none", answers[key].kind or "complete")
        return answers

    def _ask_with(
        self,
        token: str,
        questions: Mapping[str, Question | None],
        deadline: float,
        accept: str = FHIR_JSON,
        single: bool = False,
    ) -> dict[str, Answer]:
        # every request runs in a thread of the pool, a single one too: nothing else bounds the look-up of a name
        retrievals = {
            key: self._retrieval(asked, token, deadline, accept, single)
            for key, asked in questions.items()
            if asked is not None
        }
        running = {key: self._threads.submit(retrieval.run) for key, retrieval in retrievals.items()}
        wait(running.values(), timeout=max(deadline - time.monotonic(), 0.0))
        return {key: _result(running[key], retrievals[key]) if key in running else _not_asked() for key in questions}

    def _retrieval(self, question: Question, token: str, deadline: float, accept: str, single: bool) -> Retrieval:
        exchange = Exchange(self._session, self._bounds, accept, token, self._budget, deadline, self._policy)
        return Retrieval(question, exchange, self._bounds, self._policy.max_pages, single)


def _base(text: str) -> Address:
    try:
        return parse_base(text)
    except ValueError as problem:
        raise NotAllowed(f"this FHIR server cannot be called: {problem}") from None


def _result(running: Future[Answer], retrieval: Retrieval) -> Answer:
    if running.done():
        return running.result()
    running.cancel()
    return retrieval.so_far()


def _not_asked() -> Answer:
    return Answer((), "not a relative FHIR read or search")
