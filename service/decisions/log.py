"""Writing the decision log: one entry an answer, before the answer is given. StoreError where that fails."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from service import __version__
from service.criteria.catalogue import Trial
from service.criteria.results import PatientResult
from service.criteria.spans import iso
from service.decisions import entry
from service.decisions.asked import Answer, Asked, answer_text
from service.decisions.entry import Basis, Decision, Question, TrialVersion
from service.decisions.keys import Keys
from service.store.journals import Entry, Journal
from service.store.retention import Retention
from service.store.shelves import Shelf


class Occasion(msgspec.Struct, frozen=True):
    """On what occasion something was asked: the endpoint or hook, the request's id, the day asked about (ordinal)."""

    endpoint: str
    request: str
    day: int


class DecisionLog:
    """`shelf` is None where inputs are not kept."""

    def __init__(
        self,
        basis: Basis,
        keys: Keys,
        journal: Journal,
        shelf: Shelf | None,
        retention: Retention,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.basis = basis
        self.keys = keys
        self.journal = journal
        self.shelf = shelf
        self.retention = retention
        self._clock = clock

    def record(
        self,
        occasion: Occasion,
        asked: Asked,
        question: Question,
        found: Answer,
        trials: Iterable[Trial],
    ) -> None:
        """Write what was answered. `trials` are those that were asked about."""
        key, text = self.keys.newest, asked.text
        grades = {r.trial: r.grade for r in found.results} if isinstance(found, PatientResult) else {}
        effects = found if isinstance(found, list) else found.what_if or ()
        person = found.patient if isinstance(found, PatientResult) else f"Patient/{asked.patient}"
        name = key.input(text)
        if self.shelf is not None:
            self.shelf.put(name, self._clock(), key.sealed(name, text))
        self._append(
            occasion,
            question=question,
            key=key.id,
            patient=key.patient(person),
            input=name,
            answer=key.answer(answer_text(found, __version__)),
            trials=tuple(TrialVersion(t.id, t.version, t.digest, grades.get(t.id, "")) for t in trials),
            closes=tuple(sorted({effect.trial for effect in effects})),
        )

    def record_population(
        self,
        day: int,
        inputs: bytes,
        results: bytes,
        trials: Iterable[Trial],
        patients: int,
        grades: dict[str, dict[str, int]],
    ) -> None:
        """Write one entry for a screening of many: `inputs` and `results` stand for what went in and what came out."""
        key = self.keys.newest
        self._append(
            Occasion("screen", "", day),
            question="population",
            key=key.id,
            input=key.input(inputs),
            answer=key.answer(results),
            trials=tuple(TrialVersion(t.id, t.version, t.digest) for t in trials),
            patients=patients,
            grades=grades,
        )

    def _append(self, occasion: Occasion, **told: object) -> None:
        name, now = str(uuid4()), self._clock()
        decision = Decision(
            decision=name,
            time=datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            endpoint=occasion.endpoint,
            request=occasion.request,
            as_of=iso(occasion.day),
            trialhook=__version__,
            basis=self.basis,
            **told,  # type: ignore[arg-type]
        )
        self.journal.append(Entry(name, now, entry.encode(decision)))
        self.retention.now_and_then()
