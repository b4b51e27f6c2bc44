"""The FHIR server that a screening list is written to: conditional creates, updates of the version that was read.

Temporary errors are tried again. Every request can be repeated without doing anything twice.
"""

import time
from decimal import Decimal
from typing import Any

import msgspec

from service.fhir_client import Access, Backend, Bearer, FhirServers
from service.fhir_client import scopes as smart
from service.fhir_client.addresses import Address, encoded
from service.fhir_client.answers import Failure
from service.fhir_client.backend import Configuration
from service.fhir_client.channel import Request, Retry
from service.fhir_client.remote import Reply
from service.population.candidates import IDENTIFIERS, Resource
from service.settings import Settings

PATIENCE = 120.0  # seconds for one request with all its repetitions
MAX_PAGES = 1000
KINDS = ("List", "ResearchSubject")
_FHIR_JSON = "application/fhir+json"
# a search whose result was kept from a minute ago does not show what was written since
_FRESH = {"Accept": _FHIR_JSON, "Cache-Control": "no-cache"}
_SENT = {"Accept": _FHIR_JSON, "Content-Type": f"{_FHIR_JSON}; charset=utf-8", "Prefer": "return=representation"}
_DONE = frozenset({200, 201})
_CONFLICTS = frozenset({409, 412})
# numbers keep their digits: what a person wrote goes back as it came
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Coding(msgspec.Struct):
    system: str | None = None


class _Flag(msgspec.Struct):
    coding: list[_Coding] | None = None


class _Reference(msgspec.Struct):
    reference: str | None = None


class _Listed(msgspec.Struct):
    item: _Reference | None = None
    flag: _Flag | None = None


class _Extension(msgspec.Struct):
    url: str = ""


class _Meta(msgspec.Struct):
    versionId: str | None = None


class _Shape(msgspec.Struct):
    """What is looked into of a resource; another shape would be no FHIR."""

    resourceType: str
    id: str
    meta: _Meta | None = None
    identifier: list[dict[str, Any]] | None = None
    status: str | None = None
    mode: str | None = None
    entry: list[_Listed] | None = None
    extension: list[_Extension] | None = None
    individual: _Reference | None = None


class _Found(msgspec.Struct):
    resource: dict[str, Any] = {}


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Bundle(msgspec.Struct):
    entry: list[_Found] | None = None
    link: list[_Link] | None = None


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_decode_bundle = msgspec.json.Decoder(_Bundle, float_hook=Decimal).decode


class Conflict(Exception):
    """Somebody else has changed the resource since it was read."""


class Target:
    """One server to write to. Failure and NotAuthorized say why a request came to nothing. With `dry` nothing is sent
    but searches and reads, and what would be written counts as written."""

    def __init__(self, servers: FhirServers, base: str, access: Access, *, dry: bool = False) -> None:
        self._remote = servers.remote(base, access)
        self._dry = dry

    def find(self, kind: str, query: str) -> list[Resource]:
        """All resources of a search."""
        found: list[Resource] = []
        address, seen = self._remote.reach.base.under(kind, encoded(query)), set[str]()
        while True:
            seen.add(address.url)
            bundle = _bundle(_checked(self._ask(Request("GET", address, _FRESH))))
            found += [
                _shaped(each.resource) for each in bundle.entry or () if each.resource.get("resourceType") == kind
            ]
            link = next((link.url for link in bundle.link or () if link.relation == "next"), "")
            if not link:
                return found
            address = self._at(link)
            if address.url in seen or len(seen) > MAX_PAGES:
                raise Failure("the pages of a search lead in a circle")

    def named(self, kind: str, name: str) -> Resource | None:
        """The resource that holds one of our identifiers. Failure where several do."""
        found = self.find(kind, f"identifier={IDENTIFIERS}|{name}")
        if len(found) > 1:
            raise Failure(
                f"several {kind} resources hold the identifier of this one; a person has to remove all but one"
            )
        return found[0] if found else None

    def read(self, kind: str, identity: str) -> Resource | None:
        """The resource as it is now; None where it is gone."""
        reply = self._ask(Request("GET", self._remote.reach.base.under(f"{kind}/{identity}"), _FRESH))
        return None if reply.status in (404, 410) else _shaped(_json(_checked(reply)))

    def create(self, resource: Resource, name: str) -> tuple[Resource, bool]:
        """The resource as the server holds it, and whether it is new: it may have been there, or come meanwhile."""
        kind = resource["resourceType"]
        if self._dry:
            return resource | {"id": name}, True
        condition = {"If-None-Exist": encoded(f"identifier={IDENTIFIERS}|{name}")}
        address = self._remote.reach.base.under(kind)
        reply = self._ask(Request("POST", address, _SENT | condition, body=_encode(resource)))
        if reply.status not in _CONFLICTS:
            _checked(reply)
        made = _made(reply, kind) if reply.status in _DONE else None
        if made is None:
            made = self.named(kind, name)
        if made is None:
            raise Failure(f"the server answered {reply.told}, and the {kind} is not there")
        return made, reply.status == 201

    def update(self, resource: Resource) -> None:
        """Put back what was read, changed. Conflict where it has another version by now."""
        version = resource.get("meta", {}).get("versionId")
        if not version:
            raise Failure("the server tells no versions, so that somebody else's change could be lost")
        if self._dry:
            return
        address = self._remote.reach.base.under(f"{resource['resourceType']}/{resource['id']}")
        headers = _SENT | {"If-Match": f'W/"{version}"'}
        reply = self._ask(Request("PUT", address, headers, body=_encode(resource)))
        if reply.status in _CONFLICTS:
            raise Conflict
        _checked(reply)

    def _at(self, link: str) -> Address:
        try:
            return self._remote.reach.at(link)
        except ValueError:
            raise Failure("the link to the next page leads to an address that may not be called") from None

    def _ask(self, request: Request) -> Reply:
        until = time.monotonic() + PATIENCE

        def attempt() -> Reply:
            reply = self._remote.ask(request, until)
            if reply.status == 429 or (reply.status >= 500 and reply.status != 501):
                raise Retry(Failure(f"the server answered {reply.told}", temporary=True), reply.wait)
            return reply

        return self._remote.retrying(attempt, until)


def check_client(servers: FhirServers, settings: Settings) -> None:
    """SettingsError where the service's own client could not sign."""
    if settings.backend_client_id:
        Backend(servers, settings.backend_client_id, settings.backend_key)


def writing_access(servers: FhirServers, base: str, settings: Settings) -> Access:
    """A token for reading and writing Lists and ResearchSubjects, if the service has a client of its own."""
    if not settings.backend_client_id:
        return Bearer()
    asked = settings.backend_scopes
    if asked in (smart.AUTO, smart.V1, smart.V2):
        asked = _scopes(_spoken(servers, base) if asked == smart.AUTO else asked)
    return Backend(servers, settings.backend_client_id, settings.backend_key, asked).access(base, KINDS)


def _scopes(spoken: str) -> str:
    letters = ("read", "write") if spoken == smart.V1 else ("crus",)
    return " ".join(f"system/{kind}.{letter}" for kind in KINDS for letter in letters)


def _spoken(servers: FhirServers, base: str) -> str:
    """The version of scopes that a server speaks; what else its configuration lacks is told when a token is asked."""
    answer = servers.at(base).smart_configuration(time.monotonic() + PATIENCE)
    try:
        found = msgspec.json.decode(answer.pages[0], type=Configuration) if answer.complete else Configuration()
    except msgspec.DecodeError:
        found = Configuration()
    return smart.version(found.capabilities or (), found.scopes_supported or ())


def _checked(reply: Reply) -> Reply:
    if reply.status not in _DONE:
        raise Failure(f"the server answered {reply.told}", status=reply.status)
    return reply


def _json(reply: Reply) -> Resource:
    try:
        return _decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure("the server's answer is no resource in JSON") from None


def _bundle(reply: Reply) -> _Bundle:
    try:
        return _decode_bundle(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure("the server's answer to a search is no Bundle") from None


def _shaped(resource: Resource) -> Resource:
    """The resource itself, once it is known to be one."""
    try:
        msgspec.convert(resource, _Shape)
    except msgspec.ValidationError:
        raise Failure("a resource of the server is malformed") from None
    return resource


def _made(reply: Reply, kind: str) -> Resource | None:
    """The resource that an answer holds; None where it holds none, as servers may choose."""
    try:
        found = _shaped(_json(reply))
    except Failure:
        return None
    return found if found["resourceType"] == kind else None
