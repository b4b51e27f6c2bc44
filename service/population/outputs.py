"""What a finished screening leaves beside its results: summary, tables, report; and what it says at the end."""

import contextlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import compress, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import click
import msgspec

from service import prefetch
from service.criteria.results import PatientResult
from service.criteria.spans import iso
from service.criteria.wording import counted
from service.errors import ChangedQuestion, SettingsError
from service.population import ledger as ledgers
from service.population.count_groups import small
from service.population.ledger import write_whole
from service.population.near_misses import NearMisses
from service.population.ranked import SHOWN
from service.population.run import Run, Screened, answers, results
from service.population.screening_list import ScreeningList
from service.population.spill import ErrorRow, Gap
from service.population.summary import Tally, summary
from service.population.tables import TableWriter, write_sorted
from service.population.tally import HORIZON_DAYS
from service.population.upcoming import Upcoming
from service.population.worklist import Worklist
from service.population.written import WRITE_BACK

SHOWN_ERRORS = 100


class Wanted(msgspec.Struct, frozen=True):
    """Which outputs were asked for; `within` are the days ahead for which changes are listed, 0 for none."""

    formats: tuple[str, ...] = ("ndjson",)
    report: bool = False
    screening_list: bool = False
    suppress_below: int = 0
    within: int = 0
    near_misses: bool = False


def check(wanted: Wanted) -> None:
    """Refuse at the start what could not be written at the end."""
    if "parquet" in wanted.formats and find_spec("pyarrow") is None:
        raise SettingsError("Parquet needs the extra `parquet`: pip install 'trialhook[parquet]'")


def write(run: Run, done: Screened, wanted: Wanted) -> None:
    """summary.json; the tables, lists and the report where they are wanted. Each is there wholly or not at all."""
    tables = [form for form in wanted.formats if form != "ndjson"]
    found = _collected(run, wanted, tables)
    made = summary(done.tally, run.trials.trials, wanted.suppress_below, found.upcoming if wanted.within else None)
    made["errorRows"] = done.errors
    made["gaps"] = [{"type": gap.type, "reason": gap.reason} for gap in _of_all(done.gaps)]
    made["resources"] = {name: shown(count, wanted) for name, count in sorted(done.counts.items())}
    write_whole(run.out / "summary.json", msgspec.json.format(msgspec.json.encode(made), indent=2))
    if wanted.within:
        write_sorted("upcoming", found.upcoming.rows, run.out, ["ndjson", *tables])
    if wanted.near_misses:
        write_sorted("near-misses", found.near.rows, run.out, ["ndjson", *tables])
    if wanted.screening_list:
        lines = (msgspec.json.encode(resource) + b"\n" for resource in found.candidates.resources())
        write_whole(run.out / "screening-list.ndjson", b"".join(lines))
    if wanted.report:
        from service.population.report import About, write_report
        from service.population.report_lists import Lists

        about = About(
            source=Path(run.source).name,
            errors=list(islice(error_rows(run.out), SHOWN_ERRORS)),
            gaps=_sentences(done.gaps, wanted),
        )
        lists = Lists(found.upcoming.rows, found.near.rows)
        write_report(run.out / "report.html", made, run.trials.trials, found.worklist, about, lists)


class Collector(Protocol):
    """Takes results one by one."""

    def add(self, result: PatientResult) -> None: ...


class _Collected(NamedTuple):
    """What is made of the results one by one, for those outputs that are wanted."""

    worklist: Worklist
    candidates: ScreeningList
    upcoming: Upcoming
    near: NearMisses


def _collected(run: Run, wanted: Wanted, tables: Sequence[str]) -> _Collected:
    found = _Collected(
        Worklist(),
        ScreeningList(run.trials.trials),
        Upcoming(wanted.within or HORIZON_DAYS, 0 if wanted.within else SHOWN),
        NearMisses(0 if wanted.near_misses else SHOWN),
    )
    soon, nearly = bool(wanted.report or wanted.within), wanted.report or wanted.near_misses
    is_asked = (wanted.report, wanted.screening_list, soon, nearly)
    asked: list[Collector] = list(compress(found, is_asked))
    if asked or tables:
        with TableWriter(run.out, tables) as writer:
            for result in results(run.out):
                writer.add(result)
                for collector in asked:
                    collector.add(result)
    return found


def _of_all(gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps that concern every patient, each once."""
    return list(dict.fromkeys(gap for gap in gaps if not gap.patient))


def _sentences(gaps: Sequence[Gap], wanted: Wanted) -> list[str]:
    told = [f"{_type(gap)}: {gap.reason}" for gap in _of_all(gaps)]
    concerned = {gap.patient for gap in gaps if gap.patient}
    if concerned:
        number = shown(len(concerned), wanted)
        who = "some patients" if number is None else counted(number, "patient")
        told.append(f"{who}: a line or a search that cannot be read")
    return told


def _type(gap: Gap) -> str:
    return "any resource" if gap.type == "*" else gap.type


def screened_before(run: Run) -> Screened:
    """What a finished run gave, from its outputs. ChangedQuestion where one that is read for it is gone: what it was
    made of went away when the run was done."""
    for name in ("results.ndjson", "errors.ndjson", "summary.json"):
        if not (run.out / name).is_file():
            raise ChangedQuestion(
                f"{run.out} holds a finished screening without its {name}; screen into another folder"
            )
    tally, count = Tally(), 0
    for answer in answers(run.out):
        count += 1
        if isinstance(answer, PatientResult):
            tally.add(answer)
        else:
            tally.add_error(answer.error.code)
    ledger = ledgers.load(run.out)
    gaps = tuple(ledger.gaps) if ledger else ()
    errors = sum(1 for _ in error_rows(run.out))
    old = msgspec.json.decode((run.out / "summary.json").read_bytes())
    return Screened(count, errors, tally, gaps, old.get("resources", {}))


def error_rows(folder: Path) -> Iterator[ErrorRow]:
    """The rows of errors.ndjson that tell what could not be read; what could not be written is told anew each time."""
    with (folder / "errors.ndjson").open("rb") as lines:
        for line in lines:
            row = msgspec.json.decode(line, type=ErrorRow)
            if row.file != WRITE_BACK:
                yield row


def describe(run: Run) -> None:
    """What would be read and asked: inputs, trials, queries."""
    click.echo(f"as of {iso(run.day)}")
    for source in run.inputs:
        click.echo(f"input {source.name} ({source.kind}, {source.size:,} bytes)")
    for trial in run.trials.trials:
        click.echo(f"trial {trial.id} version {trial.version}, {len(trial.criteria)} criteria")
    plan = run.screening.plan_for(run.trials)
    for query in prefetch.queries(plan, run.screening.inputs, run.screening.terminology):
        click.echo(f"asks for {query.template}")


def tell(run: Run, done: Screened, wanted: Wanted) -> None:
    """The counts of each trial as summary.json shows them, on stderr: stdout carries results only, and there are none
    here."""
    made = msgspec.json.decode((run.out / "summary.json").read_bytes())
    say(f"{_counted(made['patients'], 'patient')} screened into {run.out}")
    if run.only and not done.patients:
        say("  the patient asked for is not in the source")
    for trial in made["trials"]:
        if trial["screened"] != 0:
            grades = (trial["grades"] or {}).get
            told = (f"{_count(grades(name))} {name}" for name in ("certain", "probable", "possible"))
            say(f"  {trial['trial']}: {', '.join(told)}")
    if wanted.within:
        _tell_changes(made, wanted)
    for sentence in _sentences(done.gaps, wanted):
        say(f"  not read completely – {sentence}; silence about it is unknown")
    if done.errors:
        say(f"  {_counted(done.errors, 'error')}, listed in errors.ndjson")


def shown(count: int | None, wanted: Wanted) -> int | None:
    """A count, or None where it is too small to be shown, or was to an earlier run that did not keep it."""
    return None if count is None or small(count, wanted.suppress_below) else count


def _count(count: int | None) -> str:
    return "hidden" if count is None else f"{count:,}"


def _counted(count: int | None, one: str) -> str:
    return f"{_count(count)} {one if count == 1 else f'{one}s'}"


def _tell_changes(made: dict[str, Any], wanted: Wanted) -> None:
    """How many a trial opens to and closes for; not where small counts are hidden."""
    for trial in made["trials"]:
        told = trial["within"]
        if told["patients"]:
            span = f"within {counted(wanted.within, 'day')}"
            say(f"  {trial['trial']}: {span} it opens to {told['opens']:,} and closes for {told['closes']:,}")


def say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more; the outputs are there
        click.echo(text, err=True)
