"""One bulk export job on a server: started, waited for, read out, deleted.

By the Bulk Data guide: version 2 and 3 (GET, or POST of Parameters, with types separated by commas), and the ballot of
version 4 (POST of Parameters in which a parameter stands once for each value).
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from service.fhir_client import NotAuthorized, Remote
from service.fhir_client.addresses import Address
from service.fhir_client.answers import Failure
from service.fhir_client.channel import Request
from service.fhir_client.remote import Reply
from service.population.export_manifest import TYPE, ExportError, Manifest, read_manifest

FHIR_JSON = "application/fhir+json"
MAX_MANIFESTS = 10_000
LEAST_WAIT = 0.1
CANCELLING = 30.0
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
# by these a server says that it wants the other way of asking, or not all of the types
_OTHERWISE = frozenset({400, 404, 405, 415, 422, 501})
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class Order(msgspec.Struct, frozen=True):
    """What is to be exported: which patients of which server, and which resource types of theirs.

    `since` is an instant: only what changed later comes. `type_filters` are searches such as
    `Observation?code=2160-0`. `method` `auto` asks by GET, and by POST where a server refuses that; `post` names the
    types one by one, `post-list` in one parameter. `lenient` lets the server pass over parameters that it does not
    know.
    """

    base: str
    types: tuple[str, ...]
    level: Literal["system", "patient", "group"] = "patient"
    group: str = ""
    since: str = ""
    type_filters: tuple[str, ...] = ()
    method: Literal["auto", "get", "post", "post-list"] = "auto"
    lenient: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The resource types that an access token has to stand for; some servers want the Group's own too."""
        return (*self.types, "Group") if self.level == "group" else self.types

    def check(self) -> None:
        """ExportError where it cannot be asked for."""
        if not self.types or not all(TYPE.fullmatch(kind) for kind in self.types):
            raise ExportError("an export needs the resource types that it is of")
        if (self.level == "group") != bool(self.group) or (self.group and not _ID.fullmatch(self.group)):
            raise ExportError("an export of a group, and no other, needs the group's id")
        if self.since and not _INSTANT.fullmatch(self.since):
            raise ExportError("`since` is an instant such as 2026-01-31T00:00:00Z")
        if not all(text.partition("?")[0] in self.types for text in self.type_filters):
            raise ExportError("a type filter is a search of one of the types, such as Observation?code=2160-0")


class Limits(msgspec.Struct, frozen=True):
    """Bounds of an export: seconds for all of it, bytes of all files unpacked, the longest and the first wait between
    two questions (seconds), and how often a temporary error in a row is passed over."""

    seconds: float = 21_600.0
    max_bytes: int = 1 << 38
    longest_wait: float = 300.0
    first_wait: float = 1.0
    retries: int = 5


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

    def start(self, supported: frozenset[str] | None) -> tuple[str, str]:
        """Start it; the status address, and the method that the server took. Where the server refuses, the ways that
        are left are tried: POST, and without the types that it does not say it has."""
        refused = Reply(0, {}, b"")
        for method, types in self._ways(supported):
            reply = self._asked(partial(self._kick_off, method, types))
            if reply.status == 202:
                return self._status_url(reply), method
            refused = reply
            if reply.status not in _OTHERWISE:
                break
        raise ExportError(f"the server does not export: it answered {refused.told}", temporary=refused.transient)

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

    def _ways(self, supported: frozenset[str] | None) -> list[tuple[str, tuple[str, ...]]]:
        methods = ("get", "post") if self._order.method == "auto" else (self._order.method,)
        ways = [(method, self._order.types) for method in methods]
        fewer = tuple(kind for kind in self._order.types if supported is None or kind in supported)
        if fewer and fewer != self._order.types:
            ways += [(method, fewer) for method in methods]
        return ways

    def _kick_off(self, method: str, types: tuple[str, ...]) -> Reply:
        prefer = "respond-async" + (", handling=lenient" if self._order.lenient else "")
        headers = {"Accept": FHIR_JSON, "Prefer": prefer}
        if method != "get":
            named = [",".join(types)] if method == "post-list" else types
            body = msgspec.json.encode(self._parameters(types, named))
            request = Request("POST", self._operation(""), headers | {"Content-Type": FHIR_JSON}, body=body)
        else:
            request = Request("GET", self._operation(self._query(types)), headers)
        return self._ask(request, self._deadline)

    def _operation(self, query: str) -> Address:
        path = {"system": "$export", "patient": "Patient/$export", "group": f"Group/{self._order.group}/$export"}
        return self._remote.reach.base.under(path[self._order.level], query)

    def _query(self, types: tuple[str, ...]) -> str:
        pairs = [("_type", ",".join(types))]
        pairs += [("_since", self._order.since)] if self._order.since else []
        pairs += [("_typeFilter", text) for text in self._filters(types)]
        return urlencode(pairs, quote_via=quote, safe=",:")

    def _parameters(self, types: tuple[str, ...], named: Sequence[str]) -> dict[str, Any]:
        made = [{"name": "_type", "valueString": text} for text in named]
        made += [{"name": "_since", "valueInstant": self._order.since}] if self._order.since else []
        made += [{"name": "_typeFilter", "valueString": text} for text in self._filters(types)]
        return {"resourceType": "Parameters", "parameter": made}

    def _filters(self, types: tuple[str, ...]) -> list[str]:
        return [text for text in self._order.type_filters if text.partition("?")[0] in types]

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
            reply = self._asked(lambda: self._ask(Request("GET", address, {"Accept": "application/json"})))
            if reply.status == 200:
                return reply
            if reply.status in (404, 410):
                raise JobGone("the server does not know the export job any more")
            if reply.status != 202:
                raise ExportError(f"the export failed: the server answered {reply.told}", temporary=reply.transient)
            self._progress(_UNPRINTABLE.sub(" ", reply.headers.get("x-progress", ""))[:200])
            self._wait(reply.wait, waits)
            waits += 1

    def _asked(self, question: Callable[[], Reply]) -> Reply:
        """The answer to a question; temporary errors in a row are passed over, being asked to slow down as often as the
        time allows."""
        failures = waits = 0
        while True:
            wait: float | None = None
            try:
                reply = question()
                if not reply.transient or (failures >= self._limits.retries and reply.status != 429):
                    return reply
                wait, failures = reply.wait, failures + (reply.status != 429)
            except (Failure, NotAuthorized) as problem:
                if not problem.temporary or failures >= self._limits.retries:
                    raise _given_up(problem) from None
                failures += 1
            self._wait(wait, waits)
            waits += 1

    def _ask(self, request: Request, deadline: float | None = None) -> Reply:
        authorized = self._remote.reach.trusts(request.address)
        until = self._deadline if deadline is None else deadline
        return self._remote.ask(request, self._remote.deadline(120.0, until), authorized=authorized)

    def _wait(self, asked: float | None, number: int) -> None:
        """As long as the server asks, or a growing pause of our own; never beyond the deadline."""
        own = self._limits.first_wait * 2.0 ** min(number, 6) * random.uniform(0.5, 1.0)
        seconds = min(max(own if asked is None else asked, LEAST_WAIT), self._limits.longest_wait)
        if time.monotonic() + seconds >= self._deadline:
            raise ExportError(f"the export was not done within {self._limits.seconds:g} seconds", temporary=True)
        self._remote.policy.sleep(seconds)


def _given_up(problem: Failure | NotAuthorized) -> ExportError | NotAuthorized:
    return ExportError(problem.problem, temporary=problem.temporary) if isinstance(problem, Failure) else problem
