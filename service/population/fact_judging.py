"""Judging a part from facts: patients whose lines are the same are not read again, the others are, and are kept."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from service.criteria.results import PatientError, PatientResult, Problem
from service.errors import RecordError
from service.mappers import wire
from service.population.bundles import WHOLE_FILE
from service.population.fact_store import About, Row, Store
from service.population.facts import FactsRecord, pack
from service.population.judging import UNDATED, Answered, Judge, line_of_patient, orphaned
from service.population.records import Shared, answered, by_patient
from service.population.spill import Entry, ErrorRow, part_of

_pack_about = msgspec.msgpack.Encoder().encode
_unpack_about = msgspec.msgpack.Decoder(About).decode


class Watched(Shared):
    """Shared resources, and the names that were looked for among them."""

    def __init__(self, inner: Shared) -> None:
        self._inner = inner
        self.asked: set[str] = set()

    def find(self, names: Iterable[str]) -> list[bytes]:
        wanted = list(names)
        self.asked.update(wanted)
        return self._inner.find(wanted)


class FactsJudge(Judge, frozen=True):
    """Judges from a store. `digests` are those of the inputs; `stands_in`: nothing was sorted, the store has it all;
    `keeps`: what is read is written back, which a run of some of the patients does not do."""

    store: Store
    parts: int
    digests: Sequence[str]
    stands_in: bool
    keeps: bool
    only: str = ""

    def answers(self, number: int) -> Iterator[Answered]:
        if self.stands_in and self.only and part_of(self.only, self.parts) != number:
            return
        old = self.store.rows(number, self.parts)
        if self.stands_in:
            yield from (self._answer(row) for row in old.values() if not self.only or row.patient == self.only)
            return
        rows: list[Row] = []
        for patient, found in by_patient(self.spilled.entries(number)).items():
            row = self._row_of(patient, found, old.get(patient))
            if row is None:
                if self.keeps:
                    self.store.leave_incomplete()
                yield self.answer(patient, found)
            else:
                rows.append(row)
                yield self._answer(row)
        if self.keeps and rows != list(old.values()):
            self.store.write(number, rows)

    def _row_of(self, patient: str, found: Sequence[Entry], old: Row | None) -> Row | None:
        """The stored row where it still says what the lines say; else they are read. None where that fails by a mistake
        of ours, which may be mended before the next run."""
        if old is not None:
            about = _unpack_about(old.about)
            if old.digest == self._digest(patient, found, about.shared):
                moved = msgspec.structs.replace(about, places=_places(about.kind, found))
                return old if moved == about else msgspec.structs.replace(old, about=_pack_about(moved))
        watched = Watched(self.shared)
        reading = msgspec.structs.replace(self, shared=watched)
        try:
            about, facts = reading.read(patient, found)
        except Exception:  # noqa: BLE001 - the patient is judged without the store, and the failure told there
            return None
        about = msgspec.structs.replace(about, shared=tuple(sorted(watched.asked)))
        digest = self._digest(patient, found, about.shared)
        return Row(patient, digest, self.store.version, _pack_about(about), facts)

    def read(self, patient: str, found: Sequence[Entry]) -> tuple[About, bytes]:
        """What comes of a patient's lines."""
        document = self.document(patient, found)
        persons = [item.resource for item in document.items if isinstance(item.resource, wire.Patient)]
        if not persons:
            return About("orphan", _places("orphan", found)), b""
        undated = all(person.birthDate is None for person in persons)
        try:
            facts = pack(self.screening.of_document(document, f"Patient/{patient}"))
        except RecordError as error:
            places = _places("unreadable", found)
            return About("unreadable", places, (), undated, error.code, error.message), b""
        return About("facts", _places("facts", found), (), undated), facts

    def _answer(self, row: Row) -> Answered:
        about = _unpack_about(row.about)
        if about.kind == "orphan":
            return None, [self._error(place, orphaned(row.patient), row.patient) for place in about.places]
        errors = []
        if about.undated:
            errors.append(self._error(about.places[0], UNDATED, row.patient))
        answer = self._judged(row, about)
        if isinstance(answer, PatientError):
            errors.append(self._error(about.places[0], answer.error.message, row.patient))
        return answer, errors

    def _judged(self, row: Row, about: About) -> PatientResult | PatientError:
        if about.kind == "unreadable":
            return PatientError(f"Patient/{row.patient}", Problem(about.code, about.message))
        try:
            return answered(self.screening, self.plan, self.day, FactsRecord(row.facts), self.brief)
        except Exception as error:  # noqa: BLE001 - a mistake of ours in one patient must not lose the others
            return PatientError(
                f"Patient/{row.patient}", Problem("unexpected", f"an unexpected {type(error).__name__}")
            )

    def _error(self, place: tuple[int, int], reason: str, patient: str) -> ErrorRow:
        return ErrorRow(self.inputs[place[0]].name, place[1], reason, f"Patient/{patient}")

    def _digest(self, patient: str, found: Sequence[Entry], shared: Sequence[str]) -> str:
        """Of everything a patient is read from: their lines in order, files that are theirs as a whole, the shared
        resources they lead to, and what is known to be missing."""
        digest = hashlib.blake2b(digest_size=16)
        for entry in found:
            data = entry.json
            if data == WHOLE_FILE:
                data = b"@%b %b" % (self.inputs[entry.file].name.encode(), self.digests[entry.file].encode())
            digest.update(b"%d %b" % (len(data), data))
        gaps = [*self.gaps.get("", ()), *self.gaps.get(patient, ())]
        digest.update(msgspec.json.encode([bool(self.gaps), gaps]))
        for name in shared:
            for data in self.shared.find([name]):
                digest.update(b"%d %b %b" % (len(data), name.encode(), data))
        return digest.hexdigest()


def _places(kind: str, found: Sequence[Entry]) -> tuple[tuple[int, int], ...]:
    """Which places an error of a patient names."""
    if kind == "orphan":
        return tuple((entry.file, entry.line) for entry in found)
    first = line_of_patient(found)
    return ((first.file, first.line),)
