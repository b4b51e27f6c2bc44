"""The inputs that are at hand for a replay, found by the hashes that decisions name them by.

A file may be an input that was kept (sealed), a CDS Hooks call with its prefetch, a record as it was posted, or
Parameters with a record in them. A call whose prefetch did not suffice cannot be put together again from its body:
what the FHIR server said then is known only where inputs were kept.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from service.chart import Call, Chart, InsufficientData, server_of
from service.decisions import asked
from service.decisions.asked import Asked, asked_about
from service.decisions.entry import Decision
from service.decisions.keys import Key, Keys
from service.errors import RecordError, SourceError
from service.fhir_client import FhirServers
from service.mappers.documents import read_document
from service.prefetch import Query
from service.store.shelves import Shelf


class _Context(msgspec.Struct):
    patientId: str
    draftOrders: Any = None
    selections: Any = None


class _HookCall(msgspec.Struct):
    hook: str
    context: _Context
    prefetch: dict[str, Raw] | None = None
    fhirServer: str | None = None


class _Parameter(msgspec.Struct):
    name: str
    resource: Raw = Raw(b"")


class _Parameters(msgspec.Struct):
    resourceType: str
    parameter: list[_Parameter] = []


class Inputs:
    """Files are read once to be known by their hashes, and again when they are judged: memory holds one at a time."""

    def __init__(self, keys: Keys, paths: Iterable[Path] = (), shelf: Shelf | None = None) -> None:
        self._keys = keys
        self._servers = FhirServers((), 1)
        self._shelf = shelf
        self._paths = list(_files(paths))
        self._sealed = {path.name: path for path in self._paths}
        self._known: dict[tuple[str, ...], dict[str, tuple[Path, int]]] = {}

    def of(self, decision: Decision, queries: Sequence[Query]) -> Asked | None:
        """What a decision was about; None where no input of its hash is at hand. KeyError for an unknown key. `queries`
        are those of the trials then: they tell which parts of a call's prefetch were read."""
        key = self._keys[decision.key]
        kept = self._kept(key, decision.input)
        if kept is not None:
            return kept
        chart = Chart(queries, self._servers, anonymous=False, budget=0.0)
        place = self._by_hash(key, chart).get(decision.input)
        return None if place is None else _readings(place[0], chart)[place[1]]

    def _kept(self, key: Key, name: str) -> Asked | None:
        sealed = self._shelf.get(name) if self._shelf is not None else None
        if sealed is None and name in self._sealed:
            sealed = _read(self._sealed[name])
        text = key.opened(name, sealed) if sealed is not None else None
        return asked.read(text) if text is not None else None

    def _by_hash(self, key: Key, chart: Chart) -> dict[str, tuple[Path, int]]:
        named = (key.id, *(query.key for query in chart.queries))
        if named not in self._known:
            self._known[named] = {
                key.input(reading.text): (path, number)
                for path in self._paths
                for number, reading in enumerate(_readings(path, chart))
            }
        return self._known[named]


def _readings(path: Path, chart: Chart) -> list[Asked]:
    """What an endpoint may have made of a file's bytes."""
    data = _read(path)
    readers: list[Callable[[], Iterable[Asked]]] = [
        lambda: _of_call(data, chart),
        lambda: _of_parameters(data),
        lambda: [asked_about(read_document(data, "body"))],
    ]
    found: list[Asked] = []
    for reader in readers:
        try:
            found += reader()
        except (RecordError, InsufficientData, msgspec.MsgspecError, RecursionError, ValueError):
            continue  # it is something else
    return found


def _of_call(data: bytes, chart: Chart) -> Iterator[Asked]:
    """A patient-view, or draft orders before which nothing or the record was asked for."""
    call = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_HookCall)
    patient, context = call.context.patientId.removeprefix("Patient/"), call.context
    orders: tuple[Any, tuple[str, ...]] = (None, ())
    if call.hook != "patient-view":
        picked = context.selections if call.hook == "order-select" else None
        only = [name for name in picked if isinstance(name, str)] if isinstance(picked, list) else []
        orders = (context.draftOrders, tuple(only))
        yield asked_about(None, patient, "", *orders)
    document = chart.gather(Call(patient, call.prefetch or {}, call.fhirServer or ""))
    yield asked_about(document, patient, server_of(document), *orders)


def _of_parameters(data: bytes) -> Iterator[Asked]:
    """A record alone, or with draft orders."""
    found = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Parameters)
    given = {parameter.name: parameter.resource for parameter in found.parameter if parameter.resource}
    if found.resourceType == "Parameters" and "patient" in given:
        drafts = msgspec.json.decode(given["draftOrders"]) if "draftOrders" in given else None
        yield asked_about(read_document(bytes(given["patient"]), "parameter.patient"), drafts=drafts)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(inner for inner in path.rglob("*") if inner.is_file() and not inner.name.startswith("."))
        else:
            yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise SourceError(f"{path.name} cannot be read: {problem.strerror}") from None
