"""AuditEvents of a screening: one for each patient whose data were judged."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from service.audit_events.access import Access, TrialRead
from service.audit_events.recorder import opened
from service.criteria.catalogue import Trials
from service.settings import Settings
from service.store import Store

ENDPOINT = "screen"


class _Answered(msgspec.Struct):
    patient: str | None = None


def audit_screening(results: Path, trials: Trials, server: str, settings: Settings, store: Store) -> None:
    """Write them, where they are wanted; StoreError where that fails. `results` is the screening's results.ndjson,
    `server` the FHIR server that the patients are on. Done again it tells a patient twice, but leaves none out."""
    trail = opened(settings, store)
    if trail is None:
        return
    read = tuple(TrialRead(t.id, t.version, t.digest) for t in trials.trials)
    trail.record_all(
        Access(trail.now(), "operation", ENDPOINT, "", 200, patient, server, trials=read)
        for patient in _patients(results)
    )


def _patients(results: Path) -> Iterator[str]:
    decode = msgspec.json.Decoder(_Answered).decode
    with results.open("rb") as lines:
        yield from (answered.patient for answered in map(decode, lines) if answered.patient)
