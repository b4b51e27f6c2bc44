"""A screening from inputs to outputs: sort, judge part by part, assemble. Killed at any moment, it can be resumed.

Sorting is done input by input, judging part by part; each leaves files that are there wholly or not, and a mark in
the manifest. Workers are forked, so trials and value sets are loaded once.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import msgspec

from service import __version__
from service.criteria.catalogue import Trials
from service.criteria.results import PatientError, PatientResult, Problem
from service.criteria.spans import iso
from service.errors import ChangedQuestion
from service.population import fact_run
from service.population import ledger as ledgers
from service.population.fact_judging import FactsJudge
from service.population.fact_store import Facts, Store
from service.population.files import BUFFER, Input
from service.population.judging import Judge, Judged, part_files
from service.population.ledger import Ledger, Question, mark
from service.population.parallel import in_parallel
from service.population.progress import Progress
from service.population.records import Shared
from service.population.sorting import sort_one, sorting_jobs, whole_inputs
from service.population.spill import ErrorRow, Gap, Sorted, Spilled, forget, parts_for
from service.population.summary import Tally
from service.screening import Screening
from service.settings import Settings

T = TypeVar("T")
WORK = "work"
UNHAD = "unreadable-source"  # the code of a patient whom a server did not give
LEDGER_EVERY = 1.0  # seconds between two manifests while inputs are sorted


class Engine(Protocol):
    """Sorts and judges elsewhere than in processes of this machine. It leaves the same files in the folder of work."""

    def sort(self, run: "Run", ledger: Ledger, work: Path) -> None:
        """Leave the reports of all inputs."""

    def judge(self, run: "Run", ledger: Ledger, gaps: dict[str, list[Gap]], out: Path) -> Iterator[Judged]:
        """Leave the files of all parts that are not judged, and tell of each."""


class Run(msgspec.Struct, frozen=True):
    """What is to be screened, against what, as of when, and where the outputs go."""

    screening: Screening
    trials: Trials
    day: int
    source: str
    inputs: Sequence[Input]
    out: Path
    gaps: tuple[Gap, ...] = ()
    findings: tuple[ErrorRow, ...] = ()
    doubts: tuple[ErrorRow, ...] = ()
    workers: int = 1
    only: str = ""
    limit: int = 0
    options: dict[str, str] = {}
    facts: Facts | None = None
    engine: Engine | None = None
    brief: bool = False


class Screened(msgspec.Struct, frozen=True):
    """What a run gave."""

    patients: int
    errors: int
    tally: Tally
    gaps: tuple[Gap, ...]
    counts: dict[str, int]


def question(run: Run, settings: Settings) -> Question:
    return Question(
        as_of=iso(run.day),
        trials={trial.id: trial.digest for trial in run.trials.trials},
        value_sets=basis_digest(settings),
        trialhook=__version__,
        options={name: value for name, value in _options(run) if value},
    )


def _options(run: Run) -> Iterator[tuple[str, str]]:
    yield from run.options.items()
    yield "patient", run.only
    yield "limit", str(run.limit or "")
    yield "brief", "yes" if run.brief else ""


def basis_digest(settings: Settings) -> str:
    """A digest of value sets, inputs, vocabulary and the site's settings: with the trials, all that decides."""
    digest = hashlib.blake2b(digest_size=16)
    built_in = Path(str(files("service.mappers")))
    for folder in (built_in, *settings.value_sets):
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".yaml")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update(repr((sorted(settings.uln.items()), str(settings.timezone))).encode())
    return digest.hexdigest()


def held(out: Path) -> ChangedQuestion:
    """What a new run is told that finds an earlier one in its folder."""
    return ChangedQuestion(f"{out} holds a screening; name another folder, or go on with --resume")


def begin(run: Run, asked: Question, resume: bool, fetched: bool = False) -> Ledger:
    """The manifest of a new run, or of the one that is resumed. ChangedQuestion where that asked something else."""
    old = ledgers.load(run.out)
    if old is not None and not resume:
        raise held(run.out)
    if old is not None:
        ledgers.require_same(old, asked, None if fetched and old.phase == "done" else list(run.inputs))
        return old
    run.out.mkdir(parents=True, exist_ok=True)
    sources = [ledgers.Source(i.name, i.size, i.modified) for i in run.inputs]
    parts = parts_for(list(run.inputs))
    parts = Store(run.facts).parts_for(parts) if run.facts else parts
    versions = {trial.id: trial.version for trial in run.trials.trials}
    made = Ledger(asked, run.source, sources, parts, trial_versions=versions)
    ledgers.save(made, run.out)
    return made


def screen(run: Run, ledger: Ledger, told: Progress) -> Screened:
    """Do what is left to do; afterwards results.ndjson and errors.ndjson are there, whole."""
    with fact_run.opened(run.facts) as store:
        return _screen(run, ledger, store, told)


def _screen(run: Run, ledger: Ledger, store: Store | None, told: Progress) -> Screened:
    work = run.out / WORK
    fact_run.prepare(store, ledger, work, run.inputs, run.gaps, _reports(run, work), told)
    if ledger.phase == "sorting":
        _sort(run, ledger, work, told)
        Shared(work / "shared.db").fill(work / "spill")
        _enter(run, ledger, "judging")
    if ledger.phase == "judging":
        _judge(run, ledger, work, store, told)
        _enter(run, ledger, "assembling")
    if ledger.phase == "assembling":
        _assemble(run, ledger, work)
    return _screened(run, ledger, work)


def _enter(run: Run, ledger: Ledger, phase: Literal["judging", "assembling"]) -> None:
    ledger.phase = phase
    ledgers.save(ledger, run.out)


def finish(run: Run, ledger: Ledger) -> None:
    """Mark the run done, and take away what was only needed to get there, also where it was killed in between."""
    if ledger.phase != "done":
        ledger.phase = "done"
        ledgers.save(ledger, run.out)
    shutil.rmtree(run.out / WORK, ignore_errors=True)


def _reports(run: Run, work: Path) -> list[Path]:
    """Where the reports of sorting the inputs are."""
    return [mark(work, "sorted", number) for number in range(len(run.inputs))]


# -- sorting


def _sort(run: Run, ledger: Ledger, work: Path, told: Progress) -> None:
    (work / "spill").mkdir(parents=True, exist_ok=True)
    work.chmod(0o700)
    if run.engine is not None:
        run.engine.sort(run, ledger, work)
    left = [n for n in range(len(run.inputs)) if not mark(work, "sorted", n).exists()]
    told.phase("sorting", sum(run.inputs[n].size for n in left), "bytes")
    forget(work / "spill", left)
    jobs = sorting_jobs(run.inputs, left, run.workers, work, ledger.parts, run.only)
    saved = time.monotonic()
    with closing(in_parallel(run.workers, jobs, sort_one)) as came:
        for number, found in whole_inputs(came, jobs):
            told.advance(run.inputs[number].size, resources=sum(found.counts.values()), errors=len(found.errors))
            _note_digest(ledger, number, found)
            if time.monotonic() - saved > LEDGER_EVERY:  # it names every input; the marks alone decide where to go on
                ledgers.save(ledger, run.out)
                saved = time.monotonic()
    for number in range(len(run.inputs)):
        if not ledger.inputs[number].digest:  # marked by a run that was killed before it noted so
            _note_digest(ledger, number, _sorted(work, number))
    ledger.gaps = list(_gaps(run, work))


def _note_digest(ledger: Ledger, number: int, found: Sorted) -> None:
    ledger.inputs[number] = msgspec.structs.replace(ledger.inputs[number], digest=found.digest)
    ledger.totals.inputs_sorted += 1
    ledger.totals.errors += len(found.errors)


def _sorted(work: Path, number: int) -> Sorted:
    return msgspec.json.decode(mark(work, "sorted", number).read_bytes(), type=Sorted)


# -- judging

_judge_of_worker: Judge | None = None


def _judge(run: Run, ledger: Ledger, work: Path, store: Store | None, told: Progress) -> None:
    global _judge_of_worker
    gaps: dict[str, list[Gap]] = {}
    for gap in ledger.gaps:
        gaps.setdefault(gap.patient, []).append(gap)
    out = work / "parts"
    out.mkdir(parents=True, exist_ok=True)
    plan = run.screening.plan_for(run.trials)
    shared = Shared(work / "shared.db")
    sieve = run.screening.sieve(plan)
    spilled = Spilled(work / "spill")
    _judge_of_worker = Judge(run.screening, plan, run.day, run.inputs, spilled, shared, gaps, out, sieve, run.brief)
    left = [n for n in range(ledger.parts) if not mark(out, "judged", n).exists()]
    if store is not None:
        _judge_of_worker = fact_run.with_facts(_judge_of_worker, store, ledger, work, run.only, run.limit)
        fact_run.begin(_judge_of_worker, ledger, run.gaps, len(left) == ledger.parts)
    told.phase("judging", len(left), "parts")
    if run.engine is not None:
        for judged in run.engine.judge(run, ledger, gaps, out):
            told.advance(1, patients=judged.patients, errors=judged.errors)
        return
    if run.limit:
        _judge_some(run, ledger, out, told)
        return
    for _, judged in in_parallel(run.workers, [(n, n) for n in left], _judge_one):
        told.advance(1, patients=judged.patients, errors=judged.errors)
    if isinstance(_judge_of_worker, FactsJudge):
        fact_run.finish(_judge_of_worker, _reports(run, work))


def _judge_one(number: int, limit: int = 0) -> Judged:
    assert _judge_of_worker is not None
    judged = _judge_of_worker.part(number, limit)
    ledgers.write_whole(mark(_judge_of_worker.out, "judged", number), msgspec.json.encode(judged))
    return judged


def _judge_some(run: Run, ledger: Ledger, out: Path, told: Progress) -> None:
    """Only so many patients: one part after the other, so that the same ones are taken every time."""
    count = 0
    for number in range(ledger.parts):
        if count == run.limit:
            break
        if not mark(out, "judged", number).exists():
            told.advance(1, patients=_judge_one(number, run.limit - count).patients)
        count += _judged(out, number).patients


def _judged(out: Path, number: int) -> Judged:
    return msgspec.json.decode(mark(out, "judged", number).read_bytes(), type=Judged)


# -- assembling


def _gaps(run: Run, work: Path) -> Iterator[Gap]:
    yield from run.gaps
    for number in range(len(run.inputs)):
        yield from _sorted(work, number).gaps


def _assemble(run: Run, ledger: Ledger, work: Path) -> None:
    parts = work / "parts"
    unread = [PatientError(row.patient, Problem(UNHAD, row.reason)) for row in run.findings if row.patient]
    _join(
        part_files(parts, "results", ledger.parts),
        run.out / "results.ndjson",
        b"".join(msgspec.json.encode(line) + b"\n" for line in unread),
    )
    of_inputs = (*run.findings, *run.doubts, *(row for n in range(len(run.inputs)) for row in _sorted(work, n).errors))
    _join(
        part_files(parts, "errors", ledger.parts),
        run.out / "errors.ndjson",
        b"".join(msgspec.json.encode(row) + b"\n" for row in of_inputs),
    )


def _join(paths: Iterator[Path], target: Path, first: bytes = b"") -> None:
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as out:
        out.write(first)
        for path in paths:
            if path.exists():
                with path.open("rb") as data:
                    shutil.copyfileobj(data, out, BUFFER)
        out.flush()
        os.fsync(out.fileno())  # the parts are taken away once the run is marked done
    part.replace(target)


def _screened(run: Run, ledger: Ledger, work: Path) -> Screened:
    tally, patients, errors = Tally(), 0, len(run.findings) + len(run.doubts)
    for number in range(ledger.parts):
        if mark(work / "parts", "judged", number).exists():
            judged = _judged(work / "parts", number)
            tally.merge(judged.tally)
            patients += judged.patients
            errors += judged.errors
    counts: dict[str, int] = {}
    for number in range(len(run.inputs)):
        found = _sorted(work, number)
        errors += len(found.errors)
        for kind, count in found.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    for row in run.findings:
        if row.patient:
            tally.add_error(UNHAD)
            patients += 1
    ledger.totals.patients, ledger.totals.errors = patients, errors
    ledger.totals.parts_judged = ledger.parts
    return Screened(patients, errors, tally, tuple(ledger.gaps), counts)


_decode_result = msgspec.json.Decoder(PatientResult).decode
_decode_error = msgspec.json.Decoder(PatientError).decode
# a result names its day after the patient, whose id may be long; quotation marks inside a string have a backslash
_OF_RESULT = re.compile(rb'\{"patient":"(?:[^"\\]|\\.)*","asOf":')


def answers(folder: Path) -> Iterator[PatientResult | PatientError]:
    """The lines of a finished run, one at a time: a result, or why there is none."""
    with (folder / "results.ndjson").open("rb") as lines:
        for line in lines:
            yield _decode_result(line) if _OF_RESULT.match(line) else _decode_error(line)


def results(folder: Path) -> Iterator[PatientResult]:
    """The results of a finished run, one at a time; patients without one are left out."""
    return (answer for answer in answers(folder) if isinstance(answer, PatientResult))
