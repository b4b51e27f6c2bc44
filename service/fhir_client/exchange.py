"""One GET until there is a body or a reason: retries, redirects, the statuses, the bounds on time and bytes."""

import threading
import time
from collections.abc import Callable

import msgspec
import requests
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from service.fhir_client import contents, transport, waiting
from service.fhir_client.addresses import Address, Bounds
from service.fhir_client.answers import Failure, late

MAX_REDIRECTS = 3
CHUNK = 65_536
MAX_ERROR_BODY = 262_144
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TEMPORARY = frozenset({429, 502, 503, 504})


class Budget:
    """The bytes that one call may still read, after decompression. Shared by threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._spent = 0
        self._lock = threading.Lock()

    def spend(self, count: int) -> None:
        """Failure once more than the most has come."""
        with self._lock:
            self._spent += count
            if self._spent > self._most:
                raise Failure(f"more than the {self._most} bytes that one call may read")


class Policy(msgspec.Struct, frozen=True):
    """How often a request is tried again, how long the first pause is (seconds), how pauses are made, and how many
    pages a search may have."""

    retries: int
    pause: float
    max_pages: int
    sleep: Callable[[float], None]


class _Retry(Exception):
    """An attempt failed in a way that another may not; `after` is the wait that the server asks for, in seconds."""

    def __init__(self, failure: Failure, after: float | None = None) -> None:
        super().__init__(failure.problem)
        self.failure = failure
        self.after = after


class Exchange:
    """Requests to one server on behalf of one read or search. `status` is that of the last response."""

    def __init__(
        self,
        session: requests.Session,
        bounds: Bounds,
        headers: dict[str, str],
        budget: Budget,
        deadline: float,
        policy: Policy,
    ) -> None:
        self._session = session
        self._bounds = bounds
        self._headers = headers
        self._budget = budget
        self._deadline = deadline
        self._policy = policy
        self.status = 0

    def get(self, address: Address) -> bytes:
        """The JSON body at an address. Failure says why there is none."""
        attempt = 0
        while True:
            try:
                return self._attempt(address)
            except _Retry as retry:
                self._wait(retry, attempt)
            attempt += 1

    def _wait(self, retry: _Retry, attempt: int) -> None:
        """Pause before the next attempt; the failure itself where there is none any more, or no time for it."""
        seconds = max(retry.after or 0.0, waiting.pause(self._policy.pause, attempt))
        if attempt == self._policy.retries or seconds >= self._deadline - time.monotonic():
            raise retry.failure from None
        self._policy.sleep(seconds)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late()
        return left

    def _attempt(self, address: Address) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            with self._send(address) as response:
                self.status = response.status_code
                if self.status not in REDIRECTS:
                    return self._body_of(response)
                address = self._redirected(response, address)
        raise Failure(f"the server redirects more than {MAX_REDIRECTS} times")

    def _send(self, address: Address) -> requests.Response:
        try:
            return transport.get(self._session, address.url, self._headers, self._left())
        except transport.RefusedPeer:
            raise Failure("the server's name leads to a network address that may not be called") from None
        except requests.Timeout:
            raise late() from None
        except requests.exceptions.SSLError:
            raise Failure("no secure connection to the server: its certificate or TLS was refused") from None
        except requests.ConnectionError:
            raise _Retry(Failure("no connection to the server", temporary=True)) from None
        except (requests.RequestException, HTTPError):
            raise Failure("the server's answer is not HTTP") from None

    def _redirected(self, response: requests.Response, address: Address) -> Address:
        try:
            return self._bounds.redirect(response.headers.get("Location", ""), address)
        except ValueError:
            raise Failure("the server redirects to an address that may not be called") from None

    def _body_of(self, response: requests.Response) -> bytes:
        if response.status_code != 200:
            raise self._refusal(response)
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type and not contents.MEDIA_TYPE.fullmatch(media_type):
            raise Failure("the server's answer is not JSON")
        return self._read(response, None)

    def _refusal(self, response: requests.Response) -> Exception:
        """What another status than 200 means: to be tried again, or final."""
        issues = contents.read_outcome(self._error_body(response))
        status, told = response.status_code, contents.describe(issues)
        temporary = status in TEMPORARY or (status == 500 and contents.transient(issues))
        failure = Failure(f"the server answered {status}" + (f" ({told})" if told else ""), temporary=temporary)
        return _Retry(failure, waiting.asked_for(response.headers)) if temporary else failure

    def _error_body(self, response: requests.Response) -> bytes:
        """The body of an error, empty where it cannot be had: the status says enough."""
        try:
            return self._read(response, MAX_ERROR_BODY)
        except (_Retry, Failure):
            return b""

    def _read(self, response: requests.Response, most: int | None) -> bytes:
        if response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity", "gzip", "x-gzip"):
            raise Failure("the server's answer is packed in a way that was not asked for")
        body = bytearray()
        try:
            # read1 returns what has come; the stream ends the wait itself when the time is over
            while chunk := response.raw.read1(CHUNK, decode_content=True):
                self._budget.spend(len(chunk))
                body += chunk
                if most is not None and len(body) > most:
                    raise Failure("an error of unusual size")
                self._left()
        except ReadTimeoutError:
            raise late() from None
        except DecodeError:
            raise Failure("the server's answer cannot be unpacked") from None
        except (HTTPError, OSError):
            raise _Retry(Failure("the connection to the server broke off", temporary=True)) from None
        return bytes(body)
