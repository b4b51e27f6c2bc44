"""One entry of the decision log for a whole screening: the digests of what went in, and one of all results."""

import hashlib

import click
import msgspec

from service.decisions.opening import opened
from service.population.ledger import Ledger
from service.population.run import Run, Screened
from service.settings import Settings
from service.store import Store, StoreError

_CHUNK = 1 << 20


def log_screening(run: Run, ledger: Ledger, done: Screened, settings: Settings) -> None:
    """Write the entry, if decisions are logged. StoreError where that fails and is to end the run, which then can be
    resumed; otherwise it is told on stderr."""
    if settings.decision_log == "none":
        return
    store = Store(settings.database_url)
    try:
        log = opened(settings, store)
        if settings.decision_log == "database":
            store.migrate()
        if log is not None:
            log.record_population(
                run.day, _went_in(ledger), _came_out(run), run.trials.trials, done.patients, _grades(done)
            )
    except StoreError as problem:
        if settings.unrecorded == "refuse":
            raise
        click.echo(f"trialhook: this screening is not in the decision log: {problem.message}", err=True)
    finally:
        store.dispose()


def _went_in(ledger: Ledger) -> bytes:
    return msgspec.json.encode([ledger.question.options, [(source.name, source.digest) for source in ledger.inputs]])


def _came_out(run: Run) -> bytes:
    digest = hashlib.sha256()
    with (run.out / "results.ndjson").open("rb") as results:
        while chunk := results.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _grades(done: Screened) -> dict[str, dict[str, int]]:
    return {trial: dict(counts.grades) for trial, counts in sorted(done.tally.trials.items())}
