"""Receiving one bulk file: streamed to disk as it is sent, put in its place only when it is whole."""

import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from service.fhir_client import Remote
from service.fhir_client.addresses import Address
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Retry, retrying
from service.population.export_lines import Cut, Lines, Unpacking
from service.population.export_order import Limits

NDJSON = "application/fhir+ndjson"
_CUT = "the file ended before it was whole"


class Room:
    """The bytes, unpacked, that all files of an export may still hold."""

    def __init__(self, most: int, used: int = 0) -> None:
        self._most = most
        self.used = used

    def hold(self, size: int) -> None:
        """Failure where a file of that size has no room."""
        if self.used + size > self._most:
            raise Failure(f"more than the {self._most} bytes that the export may hold")


class Received(msgspec.Struct, frozen=True):
    """A file as it came: where it is, its resources, its bytes unpacked, and what was noticed (line, reason). `doubts`
    are reasons why resources may be missing."""

    name: str
    lines: int
    bytes: int
    problems: tuple[tuple[int, str], ...] = ()
    doubts: tuple[str, ...] = ()


class Expired(Exception):
    """The server does not have a file any more at the address that it named; the failure tells how it said so."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.problem)
        self.failure = failure


class Receiver:
    """Receives files into a folder until a deadline (of time.monotonic()), a broken one as often anew as the limits
    say."""

    def __init__(self, remote: Remote, folder: Path, room: Room, deadline: float, limits: Limits) -> None:
        self._remote = remote
        self._policy = msgspec.structs.replace(remote.policy, retries=limits.retries, pause=limits.first_wait)
        self._folder = folder
        self._room = room
        self._deadline = deadline

    def receive(self, url: str, kind: str, stem: str, *, token: bool) -> Received:
        """The file at an address, whose lines are of one type, under a name of our own (`.gz` where it came packed).

        Broken transfers are begun anew; what is left broken is said in `doubts`. Expired where the server does not have
        it any more; Failure or NotAuthorized where it cannot be had.
        """
        address = self._address(url, token)
        attempts = 0

        def attempt() -> Received:
            nonlocal attempts
            attempts += 1
            try:
                return self._attempt(address, kind, stem, token, last=attempts > self._policy.retries)
            except Failure as failure:
                if failure.status >= 500:  # whatever the server's trouble is, a file can be asked for again
                    raise Retry(failure) from None
                raise

        self._room.hold(1)
        try:
            return retrying(attempt, self._policy, self._deadline)
        except Failure as failure:
            # an address that was signed for a time is answered with 403 once that is over
            if failure.status in (404, 410):
                raise Expired(Failure("the server does not have the file any more")) from None
            if failure.status == 403 and not token:
                raise Expired(failure) from None
            raise
        finally:
            self._part(stem).unlink(missing_ok=True)

    def _address(self, url: str, token: bool) -> Address:
        try:
            address = self._remote.reach.at(url)
        except ValueError:
            raise Failure("the file is at an address that the service may not call") from None
        if token and not self._remote.reach.trusts(address):
            raise Failure("the file asks for the token but is on another host, which is not given it")
        return address

    def _attempt(self, address: Address, kind: str, stem: str, token: bool, *, last: bool) -> Received:
        lines, unpacking = Lines(kind), Unpacking()
        part = self._part(stem)
        size = self._stream(address, token, part, unpacking, lines)
        try:
            rest = unpacking.end()
        except Cut:
            raise Retry(Failure(_CUT, temporary=True)) from None
        lines.feed(rest)
        lines.end()
        if lines.broken_end and not last:
            raise Retry(Failure(_CUT, temporary=True))
        if lines.problems and not lines.count:  # a page of some gateway, say: nothing to be kept, or told line by line
            raise Failure("what came is no file of resources")
        name = f"{stem}.gz" if unpacking.packed else stem
        part.replace(self._folder / name)
        self._room.used += size
        doubts = (*lines.doubts, *([_CUT] if lines.broken_end else []))
        return Received(name, lines.count, size, tuple(lines.problems), doubts)

    def _stream(self, address: Address, token: bool, part: Path, unpacking: Unpacking, lines: Lines) -> int:
        """From the server to a file; how many bytes that is unpacked."""
        size = 0
        with _private(part) as out, self._remote.file(address, NDJSON, self._deadline, authorized=token) as pieces:
            for piece in pieces:
                out.write(piece)
                for plain in unpacking.feed(piece):
                    size += len(plain)
                    self._room.hold(size)
                    lines.feed(plain)
            out.flush()
            os.fsync(out.fileno())
        return size

    def _part(self, stem: str) -> Path:
        return self._folder / f".{stem}.part"


def _private(path: Path) -> BinaryIO:
    """A new file that only its owner may read."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
