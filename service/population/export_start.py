"""Starting an export: the ways of asking in which servers differ, from the most exact to the most patient.

What every way asks for is the same data, or more; where a server would give less than was asked, the types it left out
are said.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from service.fhir_client.addresses import Address
from service.fhir_client.channel import Request
from service.fhir_client.remote import Reply
from service.population.export_manifest import ExportError
from service.population.export_order import Level, Order
from service.population.export_outcomes import types_named

FHIR_JSON = "application/fhir+json"
# by these a server says that it wants another way of asking, or not all of the types
_OTHERWISE = frozenset({400, 404, 405, 415, 422, 501})
_NO_SUCH_OPERATION = frozenset({404, 405, 501})
_PATHS = {"system": "$export", "patient": "Patient/$export"}
# nobody's own: servers that refuse them in an export of patients are asked for the others without them by the caller
_SEPARATE = "Medication"


class Way(msgspec.Struct, frozen=True):
    """How a server is asked. Without types it is asked for everything."""

    method: str
    level: Level
    types: tuple[str, ...]
    lenient: bool = False


class Started(msgspec.Struct, frozen=True):
    """The server's answer, the way it took, and the types that it refused by name or was not asked for."""

    reply: Reply
    way: Way
    refused: tuple[str, ...]


class Start:
    """Tries ways of asking until a server takes one; `asked` sends a request and passes over temporary errors, with a
    token unless `anonymous`."""

    def __init__(self, base: Address, order: Order, asked: Callable[[Request], Reply], *, anonymous: bool) -> None:
        self._base = base
        self._order = order
        self._asked = asked
        self._anonymous = anonymous

    def run(self, supported: frozenset[str] | None) -> Started:
        """The first way that is taken. `supported` are the types that the server says it has, if it says so.
        ExportError where it takes none."""
        refusal: Reply | None = None
        dead: set[tuple[str, str]] = set()
        for way in self._ways(supported):
            if (way.method, way.level) in dead:
                continue
            reply, way = self._narrowed(way)
            if reply.status == 202:
                left_out = [kind for kind in self._order.types if way.types and kind not in way.types]
                return Started(reply, way, tuple(left_out))
            refusal = refusal if refusal is not None and reply.status in _NO_SUCH_OPERATION else reply
            if reply.status not in _OTHERWISE:
                break
            if reply.status in _NO_SUCH_OPERATION:
                dead.add((way.method, way.level))
        assert refusal is not None
        raise self._refused(refusal)

    def _ways(self, supported: frozenset[str] | None) -> list[Way]:
        methods = ("get", "post") if self._order.method == "auto" else (self._order.method,)
        levels: tuple[Level, ...] = ("patient", "system") if self._order.level == "auto" else (self._order.level,)
        ways = []
        for level in levels:
            for types, lenient in self._questions(supported):
                ways += [Way(method, level, types, lenient) for method in methods]
        return ways

    def _questions(self, supported: frozenset[str] | None) -> list[tuple[tuple[str, ...], bool]]:
        """Types and leniency: all; those that the server says it has; what it knows of all; everything."""
        types, lenient = self._order.types, self._order.lenient
        if types == (_SEPARATE,):  # the whole of a system is not asked for in its place
            return [(types, lenient)]
        questions = [(types, lenient)]
        fewer = tuple(kind for kind in types if supported is not None and kind in supported)
        if set(fewer) - {"Patient"} and fewer != types:
            questions.append((fewer, lenient))
        if not lenient:
            questions.append((types, True))
        return [*questions, ((), lenient)]

    def _narrowed(self, way: Way) -> tuple[Reply, Way]:
        """The answer, after the types that refusals name were left out one after another."""
        while True:
            reply = self._asked(self._request(way))
            if reply.status not in _OTHERWISE - _NO_SUCH_OPERATION:
                return reply, way
            named = types_named(reply.body, way.types)
            if _SEPARATE in named:
                raise self._refused(reply)
            fewer = tuple(kind for kind in way.types if kind not in named)
            if not named or not set(fewer) - {"Patient"}:
                return reply, way
            way = msgspec.structs.replace(way, types=fewer)

    def _request(self, way: Way) -> Request:
        prefer = "respond-async" + (", handling=lenient" if way.lenient else "")
        headers = {"Accept": FHIR_JSON, "Prefer": prefer}
        path = _PATHS.get(way.level) or f"Group/{self._order.group}/$export"
        if way.method == "get":
            return Request("GET", self._base.under(path, self._query(way.types)), headers)
        named = [",".join(way.types)] if way.method == "post-list" and way.types else way.types
        body = msgspec.json.encode(self._parameters(way.types, named))
        return Request("POST", self._base.under(path), headers | {"Content-Type": FHIR_JSON}, body=body)

    def _query(self, types: tuple[str, ...]) -> str:
        pairs = [("_type", ",".join(types))] if types else []
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

    def _refused(self, reply: Reply) -> ExportError:
        told = f"the server does not export: it answered {reply.told}"
        if reply.status == 401 and self._anonymous:
            told += "; it asks for an access token (TRIALHOOK_BACKEND_CLIENT_ID, TRIALHOOK_BACKEND_KEY)"
        return ExportError(told, temporary=reply.transient, otherwise=reply.status in _OTHERWISE | {403})
