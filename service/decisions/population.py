"""One entry of the decision log for a whole screening: the digests of what went in, and one of all results."""

import hashlib

import msgspec

from service.decisions.opening import opened
from service.population.ledger import Ledger
from service.population.run import Run, Screened
from service.settings import Settings
from service.store import Store

_CHUNK = 1 << 20


def log_screening(run: Run, ledger: Ledger, done: Screened, settings: Settings, store: Store) -> None:
    """Write the entry, if decisions are logged; StoreError where that fails."""
    if (log := opened(settings, store)) is not None:
        log.record_population(
            run.day, _went_in(ledger), _came_out(run), run.trials.trials, done.patients, _grades(done)
        )


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
