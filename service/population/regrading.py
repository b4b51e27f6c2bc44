"""Whose grade an amendment changes, and why: a population judged once by both versions of a trial."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from service.criteria.catalogue import Trial, Trials
from service.population.files import find_inputs
from service.population.progress import Progress
from service.population.run import Run, begin, finish, question, screen
from service.screening import Screening
from service.settings import Settings

OLD, NEW = "old", "new"
ABSENT = "–"  # a criterion that a version has not


class Difference(msgspec.Struct, frozen=True):
    """One criterion that comes out otherwise; `reason` is the new one's, or the old one's where it is gone."""

    criterion: str
    before: str
    after: str
    reason: str


class Regraded(msgspec.Struct, frozen=True, rename="camel"):
    """One patient whose grade changes, and the criteria by which."""

    patient: str
    before: str
    after: str
    because: tuple[Difference, ...]


class Regrading(msgspec.Struct, frozen=True, rename="camel"):
    """A population: how many were judged, could not be read, keep their grade (some with other answers)."""

    patients: int
    errors: int
    unchanged: int
    other_answers: int
    changes: dict[str, int]
    regraded: tuple[Regraded, ...]


class _Criterion(msgspec.Struct):
    id: str
    outcome: str
    reason: str


class _Result(msgspec.Struct):
    trial: str
    grade: str
    criteria: list[_Criterion]


class _Line(msgspec.Struct):
    patient: str | None
    results: list[_Result] = []


def regrade(
    screening: Screening,
    settings: Settings,
    old: Trial,
    new: Trial,
    source: Path,
    day: int,
    workers: int,
    told: Progress,
) -> Regrading:
    """Judge what lies in a folder by both versions. What is written on the way lies in a temporary folder and is taken
    away again. SourceError where the source cannot be read."""
    pair = Trials((_as_checked(old, OLD), _as_checked(new, NEW)))
    inputs = find_inputs(source)
    with tempfile.TemporaryDirectory(prefix="trialhook-") as folder:
        run = Run(screening, pair, day, str(source), inputs, Path(folder) / "out", workers=workers)
        ledger = begin(run, question(run, settings), resume=False)
        done = screen(run, ledger, told)
        finish(run, ledger)
        return _summed(_lines(run.out), done.errors)


def _as_checked(trial: Trial, name: str) -> Trial:
    """A trial under another id, its drafts taken for checked: that a person has yet to agree changes no grade."""
    criteria = tuple(msgspec.structs.replace(c, draft="") for c in trial.criteria)
    return msgspec.structs.replace(trial, id=name, status="active", criteria=criteria)


def _lines(out: Path) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    for path in sorted(out.glob("results*.ndjson")):
        with path.open("rb") as lines:
            yield from (decoder.decode(line) for line in lines)


def _summed(lines: Iterator[_Line], errors: int) -> Regrading:
    patients = unchanged = other_answers = 0
    changes: dict[str, int] = {}
    regraded: list[Regraded] = []
    for line in lines:
        by_version = {result.trial: result for result in line.results}
        if len(by_version) < 2 or line.patient is None:
            continue
        patients += 1
        old, new = by_version[OLD], by_version[NEW]
        because = tuple(_differences(old, new))
        if old.grade == new.grade:
            unchanged += 1
            other_answers += bool(because)
            continue
        key = f"{old.grade} → {new.grade}"
        changes[key] = changes.get(key, 0) + 1
        regraded.append(Regraded(line.patient, old.grade, new.grade, because))
    ordered = dict(sorted(changes.items(), key=lambda change: (-change[1], change[0])))
    return Regrading(patients, errors, unchanged, other_answers, ordered, tuple(regraded))


def _differences(old: _Result, new: _Result) -> Iterator[Difference]:
    """Criteria that come out otherwise; one that only one version has counts where it does not pass."""
    before = {criterion.id: criterion for criterion in old.criteria}
    for criterion in new.criteria:
        was = before.pop(criterion.id, None)
        if was is None and criterion.outcome != "pass":
            yield Difference(criterion.id, ABSENT, criterion.outcome, criterion.reason)
        elif was is not None and was.outcome != criterion.outcome:
            yield Difference(criterion.id, was.outcome, criterion.outcome, criterion.reason)
    for gone in before.values():
        if gone.outcome != "pass":
            yield Difference(gone.id, gone.outcome, ABSENT, gone.reason)
