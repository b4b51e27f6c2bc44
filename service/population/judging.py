"""Judging one part: its patients one after another, their results and errors as files that are there wholly or not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from service.criteria import early
from service.criteria.plan import Plan
from service.criteria.results import PatientError, PatientResult, Problem
from service.errors import RecordError
from service.mappers import wire
from service.mappers.documents import Document, read_lines, read_resources
from service.mappers.joining import joined
from service.mappers.sieve import Sieve
from service.population.bundles import is_whole, read_whole
from service.population.files import Input
from service.population.ledger import write_whole
from service.population.records import Shared, by_patient, judge, judge_early, read_patient
from service.population.spill import Entry, ErrorRow, Gap, Spilled
from service.population.summary import Tally
from service.screening import Screening, encode

Answered = tuple[PatientResult | PatientError | None, list[ErrorRow]]

UNDATED = "a Patient without a birth date"


def orphaned(patient: str) -> str:
    """Why a line leads to no answer."""
    return f"no Patient/{patient} in the source: an orphan"


class Judged(msgspec.Struct, frozen=True):
    """What one part gave: how many patients, how many errors, and its share of the summary."""

    patients: int
    errors: int
    tally: Tally


class Judge(msgspec.Struct, frozen=True):
    """Everything that judging a part takes; made before the workers are forked, and shared by them. `brief`: whom every
    trial excludes by what it asks first is asked nothing else, and read no further."""

    screening: Screening
    plan: Plan
    day: int
    inputs: Sequence[Input]
    spilled: Spilled
    shared: Shared
    gaps: Mapping[str, Sequence[Gap]]
    out: Path
    sieve: Sieve
    brief: bool

    def part(self, number: int, limit: int = 0) -> Judged:
        """Judge the patients of a part, at most `limit` where it is given, and write its files."""
        tally, count = Tally(), 0
        errors: list[ErrorRow] = []
        lines: list[bytes] = []
        for answer, rows in self.answers(number):
            errors += rows
            if answer is None:
                continue
            count += 1
            lines.append(encode(answer))
            if isinstance(answer, PatientResult):
                tally.add(answer)
            else:
                tally.add_error(answer.error.code)
            if limit and count == limit:
                break
        write_whole(self.out / f"errors-{number:05}.ndjson", _lines(encode(row) for row in errors))
        write_whole(self.out / f"results-{number:05}.ndjson", _lines(lines))
        return Judged(count, len(errors), tally)

    def answers(self, number: int) -> Iterator[Answered]:
        """The answers of a part's patients, in the order of their ids."""
        for patient, found in by_patient(self.spilled.entries(number)).items():
            yield self.answer(patient, found)

    def answer(self, patient: str, found: Sequence[Entry]) -> Answered:
        """What is said of one patient, and the rows of what is wrong with their lines."""
        return (self._early(patient, found) if self.brief else None) or self._whole(patient, found)

    def _early(self, patient: str, found: Sequence[Entry]) -> Answered | None:
        """The answer where the lines that are asked for first give one. None also where they cannot be read, for the
        reading of all lines tells why."""
        first = [entry for entry in found if not entry.type or entry.type in early.READ]
        if len(first) == len(found):
            return None
        try:
            document = self.document(patient, first)
        except RecordError:
            return None
        if not any(isinstance(item.resource, wire.Patient) for item in document.items):
            return None
        answer = judge_early(self.screening, self.plan, self.day, patient, document)
        return (answer, self._undated(patient, first, document)) if answer is not None else None

    def _whole(self, patient: str, found: Sequence[Entry]) -> Answered:
        try:
            document = self.document(patient, found)
        except RecordError as error:  # one patient's lines never end the run
            failed = PatientError(f"Patient/{patient}", Problem(error.code, error.message))
            return failed, [self._row(found[0], error.message, patient)]
        if not any(isinstance(item.resource, wire.Patient) for item in document.items):
            return None, [self._row(entry, orphaned(patient), patient) for entry in found]
        errors = self._undated(patient, found, document)
        answer = judge(self.screening, self.plan, self.day, patient, document, self.brief)
        if isinstance(answer, PatientError):
            errors.append(self._row(line_of_patient(found), answer.error.message, patient))
        return answer, errors

    def _undated(self, patient: str, found: Sequence[Entry], document: Document) -> list[ErrorRow]:
        persons = [item.resource for item in document.items if isinstance(item.resource, wire.Patient)]
        without = all(person.birthDate is None for person in persons)
        return [self._row(line_of_patient(found), UNDATED, patient)] if without else []

    def document(self, patient: str, found: Sequence[Entry]) -> Document:
        resources = [entry.json for entry in found if entry.type or not is_whole(entry.json)]
        if len(resources) == len(found):
            lines = read_lines(resources, "record", f"Patient/{patient}", self.sieve)
            return joined([read_patient(lines, patient, self.shared, self.gaps)])
        whole = [read_whole(self.inputs[entry.file], entry.json) for entry in found if is_whole(entry.json)]
        if not resources and len(whole) == 1 and not self.gaps:
            return whole[0]
        lines = read_resources(resources, "record")
        return joined([*whole, read_patient(lines, patient, self.shared, self.gaps)])

    def _row(self, entry: Entry, reason: str, patient: str) -> ErrorRow:
        return ErrorRow(self.inputs[entry.file].name, entry.line, reason, f"Patient/{patient}")


def line_of_patient(found: Sequence[Entry]) -> Entry:
    """The line that an error of a patient names: their Patient's, else what may hold it."""
    return next((e for kind in ("Patient", "") for e in found if e.type == kind), found[0])


def _lines(rows: Iterable[bytes]) -> bytes:
    return b"".join(row + b"\n" for row in rows)


def part_files(folder: Path, name: str, parts: int) -> Iterator[Path]:
    return (folder / f"{name}-{number:05}.ndjson" for number in range(parts))
