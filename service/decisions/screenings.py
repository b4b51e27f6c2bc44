"""Past screenings that a replay has at hand: found by the hashes that decisions name their inputs by, and done again.

Only files can be read again. What a FHIR server held at that time cannot be asked of it.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec

from service import __version__
from service.criteria.catalogue import Trials
from service.decisions.entry import Decision
from service.decisions.keys import Key
from service.decisions.population import came_out, came_out_of, grades_of, went_in
from service.decisions.verdicts import Difference
from service.errors import SourceError
from service.population.files import BROKEN, Input, digest_of, find_inputs
from service.population.ledger import Ledger
from service.population.progress import Silent
from service.population.run import Run, begin, screen
from service.screening import Screening


class Past(msgspec.Struct, frozen=True):
    """The manifest of a screening, and its inputs as they are now. `changed` are those that are not as they were; it is
    the source as a whole where that is gone, or is a server."""

    ledger: Ledger
    inputs: tuple[Input, ...]
    changed: tuple[Difference, ...]


class Again(msgspec.Struct, frozen=True):
    """What a screening gives now: what went in and what came out as an entry would hash them, and counts by grade."""

    inputs: bytes
    results: bytes
    grades: dict[str, dict[str, int]]


class Screenings:
    """`ledgers` are the manifests in the outputs that are at hand. SourceError where a source cannot be read, or there
    is no room to sort it."""

    def __init__(self, screening: Screening, ledgers: Iterable[Ledger] = ()) -> None:
        self._screening = screening
        self._ledgers = tuple(ledgers)

    def of(self, decision: Decision, key: Key) -> Past | None:
        """The screening that a decision is about: one whose source is as it was, if there is any; None where none that
        is at hand had its inputs and options."""
        found = [ledger for ledger in self._ledgers if key.input(went_in(ledger)) == decision.input]
        found.sort(key=lambda ledger: _asked_the_same(ledger, decision), reverse=True)
        first: Past | None = None
        for ledger in found:
            past = _now(ledger)
            if not past.changed:
                return past
            first = first or past
        return first

    def again(self, past: Past, decision: Decision, trials: Trials) -> Again:
        """Screen the same source for the same day, in a folder of its own that is taken away again."""
        source, options = past.ledger.source, past.ledger.question.options
        with _readable(source), tempfile.TemporaryDirectory(prefix="trialhook-") as folder:
            run = Run(
                screening=self._screening,
                trials=trials,
                day=date.fromisoformat(decision.as_of).toordinal(),
                source=source,
                inputs=past.inputs,
                out=Path(folder),
                only=options.get("patient", ""),
                limit=int(options.get("limit", "0")),
                brief=bool(options.get("brief")),
            )
            ledger = begin(run, past.ledger.question, resume=False)
            ledger.parts = past.ledger.parts  # results stand in the order of the parts
            done = screen(run, ledger, Silent())
            is_same_version = decision.trialhook == __version__
            results = came_out(run.out) if is_same_version else came_out_of(run.out, decision.trialhook)
            return Again(went_in(ledger), results, grades_of(done))


def _asked_the_same(ledger: Ledger, decision: Decision) -> bool:
    """Of several screenings of the same inputs: whether day and trials are the decision's too."""
    trials = {version.id: version.digest for version in decision.trials}
    return (ledger.question.as_of, ledger.question.trials) == (decision.as_of, trials)


def _now(ledger: Ledger) -> Past:
    with _readable(ledger.source):
        try:
            here = {found.name: found for found in find_inputs(Path(ledger.source))}
        except SourceError:  # gone, emptied, or a server
            return Past(ledger, (), (Difference("input", ledger.source),))
        digests = [(source, _digest(here.get(source.name))) for source in ledger.inputs]
    changed = tuple(Difference("input", was.name, was.digest, now) for was, now in digests if now != was.digest)
    return Past(ledger, tuple(here[source.name] for source in ledger.inputs if source.name in here), changed)


def _digest(source: Input | None) -> str | None:
    """None for an input that is gone, or stands in an archive that has been damaged."""
    try:
        return digest_of(source) if source is not None else None
    except OSError:
        raise
    except BROKEN:
        return None


@contextmanager
def _readable(source: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise SourceError(f"{source} cannot be screened again: {why}") from None
