"""A server's asynchronous side: requests whose status and headers matter, and files of any length."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec
import requests

from service.fhir_client import contents, waiting
from service.fhir_client.access import Access
from service.fhir_client.addresses import Address, Reach
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Channel, Policy, Request, Retry, T, refusal, retrying

MAX_REPLY = 33_554_432
MAX_ERROR_BODY = 262_144


class Reply(msgspec.Struct, frozen=True):
    """A response of any status, read whole; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def issues(self) -> tuple[contents.Issue, ...]:
        return contents.read_outcome(self.body)

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return isinstance(refusal(self.status, self.headers, self.body), Retry) or (
            self.status >= 500 and contents.transient(self.issues)
        )

    @property
    def told(self) -> str:
        """The status in words, with the code of the most severe issue."""
        told = contents.describe(self.issues)
        return f"{self.status}" + (f" ({told})" if told else "")

    @property
    def wait(self) -> float | None:
        """Seconds that the server asks to wait."""
        return waiting.asked_for(requests.structures.CaseInsensitiveDict(self.headers))


class Remote:
    """One server whose jobs and files are asked for with one access. Safe to use from many threads.

    `idle` is how many seconds a file may pause. Failure, Retry and NotAuthorized are raised as each method says;
    deadlines are values of time.monotonic().
    """

    def __init__(
        self,
        sessions: tuple[requests.Session, requests.Session],
        reach: Reach,
        access: Access,
        policy: Policy,
        idle: float,
    ) -> None:
        self._short, self._long = sessions
        self.reach = reach
        self.access = access
        self.policy = policy
        self._idle = idle

    def ask(self, request: Request, deadline: float, *, authorized: bool = True) -> Reply:
        """The response to a request, whatever its status; a broken connection is tried again. A token that is refused
        is renewed once. Failure where no response comes."""

        def attempt(token: str) -> Reply:
            given = msgspec.structs.replace(request, token=token)
            return retrying(lambda: self.ask_once(given, deadline), self.policy, deadline)

        token = self.access.token(deadline) if authorized else ""
        reply = attempt(token)
        if reply.status == 401 and token and (other := self.access.renewed(token, deadline)) != token:
            return attempt(other)
        return reply

    def ask_once(self, request: Request, deadline: float) -> Reply:
        """The response to one attempt, without a token of this server's unless the request holds one. Retry where
        another attempt may bring one, Failure where not."""
        channel = Channel(self._short, self.reach, deadline)
        with channel.opened(request) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, _whole(channel, response, MAX_REPLY))

    def retrying(self, attempt: Callable[[], T], deadline: float) -> T:
        """As `channel.retrying`, by this server's policy."""
        return retrying(attempt, self.policy, deadline)

    @contextmanager
    def file(self, address: Address, accept: str, deadline: float, *, authorized: bool) -> Iterator[Iterator[bytes]]:
        """The bytes of a file as they are sent, packed or not. A token that is refused is renewed once. Retry or
        Failure where there is no file, or where it breaks off."""
        request = Request("GET", address, {"Accept": accept}, self.access.token(deadline) if authorized else "")
        channel = Channel(self._long, self.reach, deadline, self._idle)
        with channel.opened(request) as response:
            if response.status_code != 401 or not request.token:
                yield self._pieces(channel, response)
                return
        other = self.access.renewed(request.token, deadline)
        with channel.opened(msgspec.structs.replace(request, token=other)) as response:
            yield self._pieces(channel, response)

    def _pieces(self, channel: Channel, response: requests.Response) -> Iterator[bytes]:
        if response.status_code != 200:
            raise refusal(response.status_code, response.headers, _error_body(channel, response))
        return channel.pieces(response, unpacked=False)

    def deadline(self, seconds: float, until: float) -> float:
        """The moment in so many seconds, or `until` where that is earlier."""
        return min(time.monotonic() + seconds, until)


def _whole(channel: Channel, response: requests.Response, most: int) -> bytes:
    body = bytearray()
    for piece in channel.pieces(response):
        body += piece
        if len(body) > most:
            raise Failure("the server's answer is of unusual size")
    return bytes(body)


def _error_body(channel: Channel, response: requests.Response) -> bytes:
    try:
        return _whole(channel, response, MAX_ERROR_BODY)
    except (Retry, Failure):
        return b""
