"""One entry of the decision log for a whole screening: the digests of what went in, and one of all results."""

import hashlib
from pathlib import Path

import msgspec

from service.decisions.asked import answer_text
from service.decisions.opening import opened
from service.population.ledger import Ledger
from service.population.run import Run, Screened, answers
from service.settings import Settings
from service.store import Store


def log_screening(run: Run, ledger: Ledger, done: Screened, settings: Settings, store: Store) -> None:
    """Write the entry, if decisions are logged; StoreError where that fails."""
    if (log := opened(settings, store)) is not None:
        log.record_population(
            run.day, went_in(ledger), came_out(run.out), run.trials.trials, done.patients, grades_of(done)
        )


def went_in(ledger: Ledger) -> bytes:
    """What a screening's entry is found by: options and inputs, once all inputs are read."""
    return msgspec.json.encode([ledger.question.options, [(source.name, source.digest) for source in ledger.inputs]])


def came_out(out: Path) -> bytes:
    """The digest (SHA-256) of the results in a folder of outputs."""
    with (out / "results.ndjson").open("rb") as results:
        return hashlib.file_digest(results, "sha256").digest()


def came_out_of(out: Path, trialhook: str) -> bytes:
    """The same of the results as the version of the software would have given them that is named."""
    digest = hashlib.sha256()
    for found in answers(out):
        digest.update(answer_text(found, trialhook) + b"\n")
    return digest.digest()


def grades_of(done: Screened) -> dict[str, dict[str, int]]:
    """How many patients came to each grade, by trial."""
    return {trial: dict(counts.grades) for trial, counts in sorted(done.tally.trials.items())}
