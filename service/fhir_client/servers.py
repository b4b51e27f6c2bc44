"""The FHIR servers that may be called, and one of them as one caller may use it."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self

import requests

from service.fhir_client.addresses import (
    Bounds,
    NotAllowed,
    Question,
    bounds_of,
    parse_allowed,
    parse_base,
    question,
)
from service.fhir_client.answers import Answer
from service.fhir_client.exchange import Budget, Exchange, Policy
from service.fhir_client.peers import Peers
from service.fhir_client.retrieval import Retrieval
from service.fhir_client.transport import open_session

MAX_PAGES = 200
CONNECTIONS = 16
FIRST_PAUSE = 0.1
FHIR_JSON = "application/fhir+json"
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
        self._session = open_session(Peers(), connections, certificates)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="fhir")

    def at(self, base: str, token: str = "") -> "Server":
        """A server for one call on behalf of one user. NotAllowed where the base may not be called, or the token could
        not be sent."""
        try:
            address = parse_base(base)
        except ValueError as problem:
            raise NotAllowed(f"this FHIR server cannot be called: {problem}") from None
        bounds = bounds_of(address, self._allowed)
        if token and not _TOKEN.fullmatch(token):
            raise NotAllowed("the access token is not one that can be sent", code="invalid-token")
        return Server(self._session, self._threads, self._policy, bounds, token, self._max_bytes)

    def close(self) -> None:
        """Let go of connections and threads; requests under way end by their own deadline."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._session.close()

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
        token: str,
        max_bytes: int,
    ) -> None:
        self._session = session
        self._threads = threads
        self._policy = policy
        self._bounds = bounds
        self._token = token
        self._budget = Budget(max_bytes)

    def read(self, reference: str, deadline: float) -> Answer:
        """One resource by its relative reference, such as `Patient/1`."""
        return self._ask({"": self._question(reference, searching=False)}, deadline)[""]

    def search(self, query: str, deadline: float) -> Answer:
        """All pages of a search of one type, such as `Observation?patient=1`."""
        return self._ask({"": self._question(query, searching=True)}, deadline)[""]

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
        return self._ask({"": question}, deadline, {"Accept": "application/json"})[""]

    def _question(self, text: str, searching: bool | None = None) -> Question | None:
        try:
            asked = question(self._bounds.base, text)
        except ValueError:
            return None
        return asked if searching in (None, asked.searching) else None

    def _ask(
        self, questions: Mapping[str, Question | None], deadline: float, headers: dict[str, str] | None = None
    ) -> dict[str, Answer]:
        headers = self._headers() if headers is None else headers
        # every request runs in a thread of the pool, a single one too: nothing else bounds the look-up of a name
        retrievals = {key: self._retrieval(q, deadline, headers) for key, q in questions.items() if q is not None}
        running = {key: self._threads.submit(retrieval.run) for key, retrieval in retrievals.items()}
        wait(running.values(), timeout=max(deadline - time.monotonic(), 0.0))
        return {key: _result(running[key], retrievals[key]) if key in running else _not_asked() for key in questions}

    def _retrieval(self, question: Question, deadline: float, headers: dict[str, str]) -> Retrieval:
        exchange = Exchange(self._session, self._bounds, headers, self._budget, deadline, self._policy)
        return Retrieval(question, exchange, self._bounds, self._policy.max_pages)

    def _headers(self) -> dict[str, str]:
        return {"Accept": FHIR_JSON} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})


def _result(running: Future[Answer], retrieval: Retrieval) -> Answer:
    if running.done():
        return running.result()
    running.cancel()
    return retrieval.so_far()


def _not_asked() -> Answer:
    return Answer((), "not a relative FHIR read or search")
