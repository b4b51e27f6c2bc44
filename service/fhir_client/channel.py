"""One request to a server: redirects within bounds, what goes wrong below HTTP in words, and when to try again."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

import msgspec
import requests
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from service.fhir_client import contents, transport, waiting
from service.fhir_client.addresses import Address
from service.fhir_client.answers import Failure, Kind, late

MAX_REDIRECTS = 3
CHUNK = 65_536
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TEMPORARY = frozenset({429, 502, 503, 504})
T = TypeVar("T")


class Route(Protocol):
    """Where a server's redirects may lead, and to which addresses its token may go."""

    def redirect(self, location: str, current: Address) -> Address: ...

    def trusts(self, address: Address) -> bool: ...


class Policy(msgspec.Struct, frozen=True):
    """How often a request is tried again, how long the first pause is (seconds), how pauses are made, and how many
    pages a search may have."""

    retries: int
    pause: float
    max_pages: int
    sleep: Callable[[float], None]


class Request(msgspec.Struct, frozen=True):
    """A request; its token, and the trace it is part of, go only to addresses that the route trusts."""

    method: str
    address: Address
    headers: Mapping[str, str]
    token: str = ""
    body: bytes = b""
    traceparent: str = ""


class Retry(Exception):
    """An attempt failed in a way that another may not; `after` is the wait that the server asks for, in seconds."""

    def __init__(self, failure: Failure, after: float | None = None) -> None:
        super().__init__(failure.problem)
        self.failure = failure
        self.after = after


def retrying(attempt: Callable[[], T], policy: Policy, deadline: float) -> T:
    """The result of the first attempt that succeeds. Failure where none does, or where there is no time to wait."""
    number = 0
    while True:
        try:
            return attempt()
        except Retry as retry:
            seconds = max(retry.after or 0.0, waiting.pause(policy.pause, number))
            if number >= policy.retries or seconds >= deadline - time.monotonic():
                raise retry.failure from None
        policy.sleep(seconds)
        number += 1


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Failure | Retry:
    """What another status than 200 means: to be tried again, or final."""
    issues = contents.read_outcome(body)
    told = contents.describe(issues)
    temporary = status in TEMPORARY or (status == 500 and contents.transient(issues))
    message = f"the server answered {status}" + (f" ({told})" if told else "")
    failure = Failure(message, temporary=temporary, status=status, kind=_kind(status), explained=bool(issues))
    return Retry(failure, waiting.asked_for(headers)) if temporary else failure


def _kind(status: int) -> Kind:
    if status in (401, 403):
        return "authorization"
    return "http-5xx" if status >= 500 else "http-4xx" if status >= 400 else "content"


class Channel:
    """Requests to one server until a deadline (of time.monotonic()). `status` is that of the last response.

    With `idle` (seconds) a response may take until the deadline as long as it does not pause for longer than that;
    the session has to be one for long responses. Without, the time left is for the whole response.
    """

    def __init__(self, session: requests.Session, route: Route, deadline: float, idle: float = 0.0) -> None:
        self._session = session
        self._route = route
        self._deadline = deadline
        self._idle = idle
        self.status = 0

    def left(self) -> float:
        """Seconds until the deadline; Failure where there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late()
        return left

    @contextmanager
    def opened(self, request: Request) -> Iterator[requests.Response]:
        """The response to a request, read as far as its headers. Only a GET is redirected: the body of anything else
        was meant for one address."""
        for _ in range(MAX_REDIRECTS + 1):
            with self._send(request) as response:
                self.status = response.status_code
                if self.status not in REDIRECTS:
                    yield response
                    return
                request = self._redirected(request, response)
        raise Failure(f"the server redirects more than {MAX_REDIRECTS} times")

    def pieces(self, response: requests.Response, *, unpacked: bool = True) -> Iterator[bytes]:
        """The body as it comes, without its content coding unless `unpacked` is false."""
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise Failure("the server's answer is packed in a way that was not asked for")
        try:
            # read1 returns what has come; the stream ends the wait itself when the time is over
            while piece := response.raw.read1(CHUNK, decode_content=unpacked):
                yield piece
                self.left()
        except ReadTimeoutError:
            raise self._too_slow() from None
        except DecodeError:
            raise Failure("the server's answer cannot be unpacked") from None
        except (HTTPError, OSError):
            raise Retry(Failure("the connection to the server broke off", temporary=True, kind="connection")) from None

    def _send(self, request: Request) -> requests.Response:
        left = self.left()
        headers = dict(request.headers)
        if (request.token or request.traceparent) and self._route.trusts(request.address):
            token = f"Bearer {request.token}" if request.token else ""
            own = {"Authorization": token, "traceparent": request.traceparent}
            headers |= {name: value for name, value in own.items() if value}
        try:
            url, idle = request.address.url, min(self._idle, left)
            return transport.send(self._session, request.method, url, headers, left, idle, request.body)
        except transport.RefusedPeer:
            reason = "the server's name leads to a network address that may not be called"
            raise Failure(reason, kind="connection") from None
        except requests.Timeout:
            raise self._too_slow() from None
        except requests.exceptions.SSLError:
            reason = "no secure connection to the server: its certificate or TLS was refused"
            raise Failure(reason, kind="connection") from None
        except requests.ConnectionError:
            raise Retry(Failure("no connection to the server", temporary=True, kind="connection")) from None
        except (requests.RequestException, HTTPError):
            raise Failure("the server's answer is not HTTP") from None

    def _too_slow(self) -> Exception:
        stopped = Failure("the server stopped sending", temporary=True, kind="timeout")
        return Retry(stopped) if self._idle else late()

    def _redirected(self, request: Request, response: requests.Response) -> Request:
        if request.method != "GET":
            raise Failure(f"the server redirects a {request.method}, which is not followed")
        try:
            address = self._route.redirect(response.headers.get("Location", ""), request.address)
        except ValueError:
            raise Failure("the server redirects to an address that may not be called") from None
        return msgspec.structs.replace(request, address=address)
