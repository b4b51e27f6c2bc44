"""A FHIR server that AuditEvents are sent to in the background: no answer waits for it; what is lost is counted."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from requests.structures import CaseInsensitiveDict

from service import metrics
from service.fhir_client import FhirServers
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Request, refusal
from service.fhir_client.servers import FHIR_JSON
from service.store.engine import StoreError
from service.store.forks import renew_in_child
from service.store.journals import Entry

QUEUE_LENGTH = 1024
SECONDS = 10.0
RETRIES = 5
AT_A_TIME = 8  # of many that are sent while the caller waits
PATIENCE = 3  # events in a row that were not taken, before the rest of many is not tried
_HEADERS = {"Content-Type": FHIR_JSON, "Accept": FHIR_JSON, "Prefer": "return=minimal"}
_CREATED = frozenset({200, 201, 202})
log = structlog.get_logger(__name__)


class AuditServer:
    """Creates AuditEvents on the server at `base`, each tried again for some seconds.

    The base is the only address that is called: it need not be one that CDS clients may name, and should not be.
    """

    def __init__(
        self,
        base: str,
        token: str,
        length: int = QUEUE_LENGTH,
        seconds: float = SECONDS,
        certificates: str = "",
    ) -> None:
        servers = FhirServers((base,), 1, retries=RETRIES, certificates=certificates)
        self._remote = servers.remote(base)
        self._token = token
        self._address = self._remote.reach.at("AuditEvent")
        self._length = length
        self._seconds = seconds
        self.lost = 0
        self._thread: threading.Thread | None = None
        self._start_anew()
        renew_in_child(self._start_anew)

    def append(self, entry: Entry) -> None:
        """Never waits and never fails: with a full queue the event is lost."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="audit-events", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(entry.line)
        except queue.Full:
            self._lose("the queue is full")

    def flush(self, seconds: float) -> bool:
        """Wait until what was in the queue is sent or lost; whether that was within the time."""
        with self._lock:
            if self._thread is None:
                return True
        done, end = threading.Event(), time.monotonic() + seconds
        try:
            self._queue.put(done, timeout=seconds)
        except queue.Full:
            return False
        return done.wait(max(end - time.monotonic(), 0.0))

    def _send_all(self) -> None:
        waiting = self._queue
        while True:
            item = waiting.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            self._tried(item)

    def deliver(self, entries: Iterable[Entry]) -> None:
        """Send them now, several at a time: for a caller who can wait, and makes more than a queue holds. StoreError
        where any was not taken; after a few in a row the rest is not tried."""
        lost = in_a_row = 0
        pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="audit-events")
        try:
            for problem in self._problems(entries, pool):
                lost, in_a_row = (lost + 1, in_a_row + 1) if problem else (lost, 0)
                if in_a_row == PATIENCE:
                    raise StoreError(f"AuditEvents are not taken by their server, the rest was not tried: {problem}")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        if lost:
            raise StoreError(f"AuditEvents that their server did not take: {lost}")

    def _problems(self, entries: Iterable[Entry], pool: ThreadPoolExecutor) -> Iterator[str]:
        """What is wrong with each, in their order; one at a time until the server has taken one."""
        waiting: deque[Future[str]] = deque()
        most = 1
        for entry in entries:
            waiting.append(pool.submit(self._tried, entry.line))
            if len(waiting) == most:
                problem = waiting.popleft().result()
                most = most if problem else AT_A_TIME
                yield problem
        while waiting:
            yield waiting.popleft().result()

    def _tried(self, line: bytes) -> str:
        """Why an event is lost; empty where it was taken."""
        try:
            problem = self._sent(line)
        except Exception as error:  # noqa: BLE001 - the thread's edge: the next event must have its chance
            problem = type(error).__name__
        if problem:
            self._lose(problem)
        return problem

    def _sent(self, line: bytes) -> str:
        """Why an event was not taken; empty where it was."""
        request = Request("POST", self._address, _HEADERS, self._token, line)
        deadline = time.monotonic() + self._seconds

        def attempt() -> None:
            reply = self._remote.ask_once(request, deadline)
            if reply.status not in _CREATED:
                raise refusal(reply.status, CaseInsensitiveDict(reply.headers), reply.body)

        try:
            self._remote.retrying(attempt, deadline)
        except Failure as problem:
            return problem.problem
        return ""

    def _lose(self, problem: str) -> None:
        with self._lock:
            self.lost += 1
        metrics.unrecorded("audit-event")
        log.warning("an audit event is lost", problem=problem)

    def _start_anew(self) -> None:
        """A forked process has neither its parent's thread nor what that still has to send."""
        self._lock = threading.Lock()
        self._queue: queue.Queue[bytes | threading.Event] = queue.Queue(self._length)
        self._thread = None
