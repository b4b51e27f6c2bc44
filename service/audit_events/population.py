"""AuditEvents of a screening: one for each patient whose data were judged."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from service.audit_events.access import Access, TrialRead
from service.audit_events.recorder import AuditTrail, opened
from service.criteria.catalogue import Trials
from service.settings import Settings
from service.store import Store, StoreError

ENDPOINT = "screen"


class _Answered(msgspec.Struct):
    patient: str | None = None


def audit_screening(results: Path, trials: Trials, server: str, settings: Settings) -> None:
    """Write them, where they are wanted; `results` is the screening's results.ndjson, `server` the FHIR server that the
    patients are on. StoreError where that fails and is to end the run, which then can be resumed (a patient may be told
    twice, but none is left out); otherwise it is told on stderr."""
    if settings.audit_events == "none":
        return
    store = Store(settings.database_url)
    try:
        if settings.audit_events == "database":
            store.migrate()
        trail = opened(settings, store)
        assert trail is not None
        _record(trail, results, tuple(TrialRead(t.id, t.version, t.digest) for t in trials.trials), server)
    except StoreError as problem:
        if settings.unrecorded == "refuse":
            raise
        click.echo(f"trialhook: this screening is not in the audit trail: {problem.message}", err=True)
    finally:
        store.dispose()


def _record(trail: AuditTrail, results: Path, read: tuple[TrialRead, ...], server: str) -> None:
    for patient in _patients(results):
        trail.record(Access(trail.now(), "operation", ENDPOINT, "", 200, patient, server, trials=read))
    if not trail.flush():
        click.echo("trialhook: not every AuditEvent of this screening reached its server", err=True)


def _patients(results: Path) -> Iterator[str]:
    decode = msgspec.json.Decoder(_Answered).decode
    with results.open("rb") as lines:
        yield from (answered.patient for answered in map(decode, lines) if answered.patient)
