"""`trialhook screen`: a whole population against the trials, from files or a FHIR server."""

import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service import settings as settings_module
from service.commands.setup import Day, chosen_trials, screening_of
from service.errors import ProcessLost, SettingsError, SourceError, writable
from service.population import ledger as ledgers
from service.population import outputs
from service.population.export_order import Level
from service.population.fact_store import facts_in
from service.population.files import Input, find_inputs
from service.population.progress import Discreet, Form, Progress, progress
from service.population.run import WORK, Run, begin, finish, held, question, screen
from service.population.source_server import Server, options_of
from service.settings import Settings

if TYPE_CHECKING:
    from service.population.spark import SparkEngine
    from service.population.writing import Destination

FORMATS = ("ndjson", "csv", "parquet")


class Formats(click.ParamType[tuple[str, ...]]):
    """A list such as ndjson,csv."""

    name = "list"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        wanted = tuple(part.strip() for part in str(value).split(",") if part.strip())
        if unknown := [part for part in wanted if part not in FORMATS]:
            self.fail(f"{unknown[0]!r} is none of {', '.join(FORMATS)}", param, ctx)
        return wanted


@click.command("screen")
@click.argument("source")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder for the outputs.")
@click.option("--trial", "trials", multiple=True, metavar="ID", help="Only this trial; may be given more than once.")
@click.option("--as-of", "as_of", type=Day(), help="The day to judge for (default: today in TRIALHOOK_TIMEZONE).")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--resume", is_flag=True, help="Go on with the screening in the folder.")
@click.option("--format", "formats", type=Formats(), default=("ndjson",), help="ndjson, csv, parquet (a list).")
@click.option("--report", is_flag=True, help="Write report.html too.")
@click.option("--list", "as_list", is_flag=True, help="Write screening-list.ndjson too: FHIR Lists of candidates.")
@click.option(
    "--within",
    metavar="DAYS",
    type=click.IntRange(1, 365),
    help="List who becomes eligible, or stops fitting, in so many days: upcoming.ndjson.",
)
@click.option("--near-misses", is_flag=True, help="List whom few criteria keep out, none for good: near-misses.ndjson.")
@click.option("--write-back", is_flag=True, help="Write the candidates to the FHIR server that they come from.")
@click.option("--write-back-to", default="", metavar="URL", help="With --write-back: to this server instead.")
@click.option("--suppress-below", default=0, metavar="N", type=click.IntRange(0), help="Hide counts below N.")
@click.option("--patient", default="", metavar="ID", help="Only this patient.")
@click.option(
    "--group", default="", metavar="ID", help="A server: only the members of this Group, by search or with --bulk."
)
@click.option("--query", default="Patient", metavar="QUERY", help="A server: only patients of a search, Patient?…")
@click.option("--bulk", is_flag=True, help="A server: by Bulk Data $export, not by search.")
@click.option(
    "--level",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "patient", "system"]),
    help="With --bulk: export the patients' data or the whole system's; auto: the system's where it must be.",
)
@click.option("--since", default="", metavar="INSTANT", help="With --bulk: only what changed since.")
@click.option(
    "--longest-wait",
    default=0.0,
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="With --bulk: ask at least so often.",
)
@click.option(
    "--brief", is_flag=True, help="Ask and read nothing else of who lacks the disease that each trial is about."
)
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Only so many patients.")
@click.option("--facts", type=click.Path(path_type=Path), help="Keep what is read in this folder, and go by it.")
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True, help="Where it is judged."
)
@click.option("--master", default="", metavar="URL", help="With --engine spark: the cluster, else as Spark is set up.")
@click.option("--dry-run", is_flag=True, help="Say what would be read, asked and written, and stop.")
@click.option(
    "--progress",
    "form",
    type=click.Choice(["auto", "bars", "plain", "json", "none"]),
    default="auto",
    help="How progress is told on stderr: bars on a terminal, else lines.",
)
def command(
    source: str,
    out: Path,
    trials: tuple[str, ...],
    as_of: date | None,
    workers: int,
    resume: bool,
    formats: tuple[str, ...],
    report: bool,
    as_list: bool,
    within: int | None,
    near_misses: bool,
    write_back: bool,
    write_back_to: str,
    suppress_below: int,
    patient: str,
    group: str,
    query: str,
    bulk: bool,
    level: Level,
    since: str,
    longest_wait: float,
    brief: bool,
    limit: int | None,
    facts: Path | None,
    engine: str,
    master: str,
    dry_run: bool,
    form: Form,
) -> int:
    """Screen a population.

    SOURCE is a folder (or file, or archive) of NDJSON as Bulk Data writes it, or of Bundles; or a FHIR base URL, whose
    patients are searched for or exported.
    """
    server = _server(source, query, group, bulk, level, since, longest_wait)
    if brief and suppress_below > 1:
        raise click.UsageError("--brief does not go with --suppress-below: who was not asked may tell what is hidden")
    settings = settings_module.load()
    if _is_recorded(settings):
        from service.commands import screen_records

        screen_records.check(settings)
    destination = _destination(write_back, write_back_to, server)
    screening = screening_of(settings, as_of)
    chosen = chosen_trials(screening, trials)
    spark = _spark(engine, master, source, out, settings, bool(server or facts or limit))
    run = Run(
        screening=screening,
        trials=chosen,
        day=as_of.toordinal() if as_of else screening.today(),
        source=writable(source),
        inputs=() if server else spark.inputs if spark else _inputs(source, out),
        out=out,
        workers=workers,
        only=writable(patient.removeprefix("Patient/")),
        limit=limit or 0,
        options=options_of(server) if server else {"engine": "spark"} if spark else {},
        facts=facts_in(facts, settings) if facts else None,
        engine=spark,
        brief=brief,
    )
    if destination:
        destination.check(settings)
    if dry_run:
        outputs.describe(run)
        if destination:
            destination.describe(run, settings)
        return 0
    # an earlier call's report is made anew: it would tell what --suppress-below hides in the summary beside it
    report = report or (out / "report.html").exists()
    wanted = outputs.Wanted(formats, report, as_list, suppress_below, within or 0, near_misses)
    outputs.check(wanted)
    told = Discreet(progress(form)) if suppress_below > 1 else progress(form)
    return _screen(run, server, settings, resume, wanted, destination, told)


def _server(
    source: str, query: str, group: str, bulk: bool, level: Level, since: str, longest_wait: float
) -> Server | None:
    """The FHIR server that a source names; None for files."""
    if source.startswith(("http://", "https://")):
        if since and not bulk:
            raise click.UsageError("--since goes with --bulk")
        if level != "auto" and not bulk:
            raise click.UsageError("--level goes with --bulk")
        if level != "auto" and group:
            raise click.UsageError("--level goes with an export of all patients, not with --group")
        if longest_wait and not bulk:
            raise click.UsageError("--longest-wait goes with --bulk")
        if query != "Patient" and (bulk or group):
            raise click.UsageError("--query goes with a search of all patients, not with --bulk or --group")
        if query.partition("?")[0] != "Patient":
            raise click.UsageError("--query is a search of patients, such as Patient?gender=female")
        return Server(source.rstrip("/"), query, group, bulk, since, level, longest_wait)
    if group or bulk or since or longest_wait or level != "auto" or query != "Patient":
        raise click.UsageError("--group, --query, --bulk, --level, --since and --longest-wait go with a FHIR base URL")
    return None


def _is_recorded(settings: Settings) -> bool:
    """Whether the decision log or the audit trail is to have an entry. What writes them takes a second to load."""
    return (settings.decision_log, settings.audit_events) != ("none", "none")


def _destination(write_back: bool, write_back_to: str, server: Server | None) -> "Destination | None":
    """The server that candidates are written to; None where nothing is to be written."""
    if write_back_to and not write_back:
        raise click.UsageError("--write-back-to goes with --write-back")
    if not write_back:
        return None
    source = server.base if server else ""
    if not write_back_to and not source:
        raise click.UsageError("--write-back of files needs a server: --write-back-to URL")
    from service.population.writing import Destination

    return Destination(write_back_to.rstrip("/") or source, source)


def _spark(engine: str, master: str, source: str, out: Path, settings: Settings, is_more: bool) -> "SparkEngine | None":
    """The engine on a cluster, if it is asked for. `is_more`: so is something that it cannot do."""
    if engine != "spark":
        if master:
            raise click.UsageError("--master goes with --engine spark")
        return None
    if is_more:
        raise click.UsageError("--engine spark goes with files, without --facts and --limit")
    from service.population import spark

    return spark.SparkEngine(spark.session(master), source, settings, out)


def _inputs(source: str, out: Path) -> list[Input]:
    if "://" in source:
        raise click.UsageError(f"{writable(source)}: a folder, a file, or a FHIR base URL (https://…) was expected")
    inside = out.resolve()
    found = [i for i in find_inputs(Path(source)) if inside not in Path(i.path).resolve().parents]
    if not found:
        raise SourceError(f"{writable(source)} holds nothing but the outputs of a screening")
    return found


def _screen(
    run: Run,
    server: Server | None,
    settings: Settings,
    resume: bool,
    wanted: outputs.Wanted,
    destination: "Destination | None",
    told: Progress,
) -> int:
    _make(run.out, "--out")
    if run.facts:
        _make(run.facts.folder, "--facts")
    try:
        with ledgers.alone(run.out):
            failed = _screen_alone(run, server, settings, resume, wanted, told)
            if destination:
                failed += destination.write(run, settings, wanted.suppress_below)
            return 1 if failed else 0
    except (OSError, ProcessLost) as problem:
        told.close()
        click.echo(f"trialhook: {_stopped(problem)}; what was done is kept, go on with --resume", err=True)
        return 1
    finally:
        told.close()


def _make(folder: Path, option: str) -> None:
    """The folder of an option, there or new. SettingsError where it cannot be, before anything is read."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700 if option == "--facts" else 0o777)
    except OSError as problem:
        raise SettingsError(f"{option} {folder}: no folder can be there ({problem.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"{option} {folder}: nothing can be written there")


def _screen_alone(
    run: Run, server: Server | None, settings: Settings, resume: bool, wanted: outputs.Wanted, told: Progress
) -> int:
    """The number of errors."""
    asked = question(run, settings)
    old = ledgers.load(run.out)
    if old is not None and not resume:
        raise held(run.out)  # before anything of the earlier run is taken away, or a server is asked
    if server is not None and not (old and old.phase == "done"):
        run = _staged(run, server, settings, resume, told)
    ledger = begin(run, asked, resume, fetched=server is not None)
    done = outputs.screened_before(run) if ledger.phase == "done" else screen(run, ledger, told)
    outputs.write(run, done, wanted)
    if ledger.phase != "done" and _is_recorded(settings):
        from service.commands import screen_records

        screen_records.write_records(run, ledger, done, server.base if server else "", settings)
    finish(run, ledger)
    told.close()
    outputs.tell(run, done, wanted)
    missed = run.only != "" and not done.patients
    return ledger.totals.errors or int(missed)


def _staged(run: Run, server: Server, settings: Settings, resume: bool, told: Progress) -> Run:
    """The run with what the server sent as its inputs. What talks to servers takes half a second to load."""
    from service.population.staging import stage

    work = run.out / WORK
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    plan = run.screening.plan_for(run.trials)
    inputs, staged = stage(server, run.screening, plan, settings, work, run.day, told)
    return msgspec.structs.replace(run, inputs=inputs, gaps=staged.gaps, findings=staged.findings, doubts=staged.doubts)


def _stopped(problem: OSError | ProcessLost) -> str:
    if isinstance(problem, ProcessLost):
        return problem.message
    name = Path(problem.filename).name if isinstance(problem.filename, str) else "a file"
    return f"stopped at {name}: {problem.strerror or type(problem).__name__}"
