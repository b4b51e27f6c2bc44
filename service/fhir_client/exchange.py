"""One GET until there is a JSON body or a reason: retries, the statuses, the bounds on time and bytes."""

import threading

import requests

from service import tracing
from service.fhir_client import contents
from service.fhir_client.addresses import Address, Bounds
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Channel, Policy, Request, Retry, refusal, retrying

MAX_ERROR_BODY = 262_144


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


class Exchange:
    """Requests to one server on behalf of one read or search. `status` is that of the last response."""

    def __init__(
        self,
        session: requests.Session,
        bounds: Bounds,
        accept: str,
        token: str,
        budget: Budget,
        deadline: float,
        policy: Policy,
    ) -> None:
        self._channel = Channel(session, bounds, deadline)
        self._headers = {"Accept": accept}
        self._token = token
        self._budget = budget
        self._deadline = deadline
        self._policy = policy

    @property
    def status(self) -> int:
        return self._channel.status

    def get(self, address: Address) -> bytes:
        """The JSON body at an address. Failure says why there is none."""
        request = Request("GET", address, self._headers, self._token, traceparent=tracing.traceparent())
        return retrying(lambda: self._attempt(request), self._policy, self._deadline)

    def _attempt(self, request: Request) -> bytes:
        with self._channel.opened(request) as response:
            if response.status_code != 200:
                raise refusal(response.status_code, response.headers, self._error_body(response))
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
            if media_type and not contents.MEDIA_TYPE.fullmatch(media_type):
                raise Failure("the server's answer is not JSON")
            return self._read(response, None)

    def _error_body(self, response: requests.Response) -> bytes:
        """The body of an error, empty where it cannot be had: the status says enough."""
        try:
            return self._read(response, MAX_ERROR_BODY)
        except (Retry, Failure):
            return b""

    def _read(self, response: requests.Response, most: int | None) -> bytes:
        body = bytearray()
        for piece in self._channel.pieces(response):
            self._budget.spend(len(piece))
            body += piece
            if most is not None and len(body) > most:
                raise Failure("an error of unusual size")
        return bytes(body)
