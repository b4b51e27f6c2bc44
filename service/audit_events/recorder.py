"""The audit trail that the settings describe: where AuditEvents go."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from service.audit_events.access import Access
from service.audit_events.event import audit_event
from service.audit_events.server import AuditServer
from service.errors import SettingsError
from service.settings import Settings
from service.store import Store
from service.store.journals import DatabaseJournal, Entry, FileJournal, Journal
from service.store.retention import Retention
from service.store.schema import AUDIT_EVENT

FLUSH_SECONDS = 5.0


class _Place(Protocol):
    def append(self, entry: Entry) -> None: ...


class AuditTrail:
    """Writes an AuditEvent for an access. In the database or a file it is there before the answer is given; StoreError
    where that fails. A server is told in the background."""

    def __init__(
        self, place: _Place, observer: str, retention: Retention | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._place = place
        self._observer = observer
        self._retention = retention
        self.now = clock

    def record(self, access: Access) -> None:
        self._place.append(self._entry(access))
        if self._retention is not None:
            self._retention.now_and_then()

    def record_all(self, accesses: Iterable[Access]) -> None:
        """Write one for each of many, waiting for a server to take it. StoreError where that fails."""
        if isinstance(self._place, AuditServer):
            self._place.deliver(map(self._entry, accesses))
            return
        for access in accesses:
            self.record(access)

    def _entry(self, access: Access) -> Entry:
        event = audit_event(access, self._observer)
        return Entry(event["id"], access.at, msgspec.json.encode(event))

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Whether everything is where it belongs, for which it may wait."""
        return self._place.flush(seconds) if isinstance(self._place, AuditServer) else True


def opened(settings: Settings, store: Store) -> AuditTrail | None:
    """None where no AuditEvents are written. SettingsError where the settings contradict each other."""
    check(settings)
    place: str = settings.audit_events
    observer = settings.public_url or "trialhook"
    if _is_server(place):
        server = AuditServer(place, settings.audit_token, certificates=settings.certificate_authorities)
        return AuditTrail(server, observer)
    if place == "none":
        return None
    journal = journal_of(settings, store)
    return AuditTrail(journal, observer, Retention(settings.audit_days, [journal]))


def check(settings: Settings) -> None:
    if settings.audit_token and not _is_server(settings.audit_events):
        raise SettingsError("TRIALHOOK_AUDIT_TOKEN goes with a FHIR server in TRIALHOOK_AUDIT_EVENTS")


def _is_server(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def journal_of(settings: Settings, store: Store) -> Journal:
    """The AuditEvents in the database or in files."""
    place: str = settings.audit_events
    return DatabaseJournal(store, AUDIT_EVENT) if place == "database" else FileJournal(Path(place))
