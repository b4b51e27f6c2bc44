"""One bulk export job on a server: started, waited for, read out, deleted.

By the Bulk Data guide: version 2 and 3 (GET, or POST of Parameters, with types separated by commas), and the ballot of
version 4 (POST of Parameters in which a parameter stands once for each value).
"""

import random
import re
import time
from collections.abc import Callable
from functools import partial

from service.fhir_client import NotAuthorized, Remote
from service.fhir_client.addresses import Address
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Request
from service.fhir_client.remote import Reply
from service.population.export_manifest import ExportError, Manifest, read_manifest
from service.population.export_order import Limits, Order
from service.population.export_start import FHIR_JSON, Start, Started

MAX_MANIFESTS = 10_000
LEAST_WAIT = 0.1
LONG_WAIT = 10.0
CANCELLING = 30.0
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class JobGone(ExportError):
    """The server does not know the job any more."""


class Job:
    """The requests of one job until a deadline (of time.monotonic()); `progress` is told what the server says of it."""

    def __init__(
        self, remote: Remote, order: Order, limits: Limits, deadline: float, progress: Callable[[str], None]
    ) -> None:
        self._remote = remote
        self._order = order
        self._limits = limits
        self._deadline = deadline
        self._progress = progress

    def start(self, supported: frozenset[str] | None) -> tuple[str, Started]:
        """Start it; the status address, and how the server took it."""
        ask = partial(self._passing, retries=self._limits.retries)
        anonymous = not self._remote.access.token(self._deadline)
        started = Start(self._remote.reach.base, self._order, ask, anonymous=anonymous).run(supported)
        return self._status_url(started.reply), started

    def manifest(self, url: str) -> Manifest:
        """The manifest behind a status address, once the job is done, with all of its pages. JobGone or ExportError
        where there is none."""
        found = read_manifest(self._done(url).body)
        seen = {url}
        while found.following:
            if found.following in seen or len(seen) > MAX_MANIFESTS:
                raise ExportError("the pages of the manifest lead in a circle")
            seen.add(found.following)
            found = found.and_page(read_manifest(self._done(found.following).body))
        return found

    def delete(self, url: str) -> str:
        """Delete the job; why not, where that fails."""
        until = time.monotonic() + CANCELLING
        try:
            reply = self._ask(Request("DELETE", self._address(url), {"Accept": FHIR_JSON}), until)
        except (Failure, NotAuthorized, ExportError) as problem:
            return f"the job could not be deleted: {problem}"
        gone = reply.status < 300 or reply.status in (404, 410)
        return "" if gone else f"the job could not be deleted: the server answered {reply.told}"

    def _status_url(self, reply: Reply) -> str:
        link = reply.headers.get("content-location") or reply.headers.get("location", "")
        if not link:
            raise ExportError("the server started an export, but does not say where it is to be asked about")
        return self._address(link).url

    def _address(self, link: str) -> Address:
        try:
            return self._remote.reach.at(link)
        except ValueError:
            raise ExportError("the server names an address for the job that the service may not call") from None

    def _done(self, url: str) -> Reply:
        """The answer to the question how the job stands, once it is done."""
        address, waits = self._address(url), 0
        while True:
            question = Request("GET", address, {"Accept": "application/json"})
            reply = self._passing(question, retries=self._limits.patience)
            if reply.status == 200:
                return reply
            if reply.status in (404, 410):
                raise JobGone("the server does not know the export job any more")
            if reply.status != 202:
                # a server that cannot do some type says so, or that the request was wrong; a fault of its own stays one
                otherwise = reply.status < 500 or b"Medication" in reply.body
                told = f"the export failed: the server answered {reply.told}"
                raise ExportError(told, temporary=reply.transient, otherwise=otherwise)
            self._progress(_UNPRINTABLE.sub(" ", reply.headers.get("x-progress", ""))[:200])
            self._wait(reply.wait, waits)
            waits += 1

    def _passing(self, question: Request, *, retries: int) -> Reply:
        """The answer to a question; temporary errors in a row are passed over so often, being asked to slow down as
        often as the time allows."""
        failures = waits = 0
        while True:
            wait, least = None, False
            try:
                reply = self._ask(question)
                if not reply.transient or (failures >= retries and reply.status != 429):
                    return reply
                wait, least = reply.wait, reply.status != 429
            except (Failure, NotAuthorized) as problem:
                if not problem.temporary or failures >= retries:
                    raise _given_up(problem) from None
                least = True
            failures += least
            self._wait(wait, waits, least=least)
            waits += 1

    def _ask(self, request: Request, deadline: float | None = None) -> Reply:
        authorized = self._remote.reach.trusts(request.address)
        until = self._deadline if deadline is None else deadline
        return self._remote.ask(request, self._remote.deadline(120.0, until), authorized=authorized)

    def _wait(self, asked: float | None, number: int, *, least: bool = False) -> None:
        """As long as the server asks, or a growing pause of our own, after an error (`least`) the longer of both; never
        beyond the deadline."""
        own = self._limits.first_wait * 2.0 ** min(number, 6) * random.uniform(0.5, 1.0)
        wanted = own if asked is None else max(asked, own) if least else asked
        seconds = min(max(wanted, LEAST_WAIT), self._limits.longest_wait)
        if time.monotonic() + seconds >= self._deadline:
            raise ExportError(f"the export was not done within {self._limits.seconds:g} seconds", temporary=True)
        if seconds >= LONG_WAIT:
            self._progress(f"the server is asked again in {seconds:.0f} seconds")
        self._remote.policy.sleep(seconds)


def _given_up(problem: Failure | NotAuthorized) -> ExportError | NotAuthorized:
    return ExportError(problem.problem, temporary=problem.temporary) if isinstance(problem, Failure) else problem
