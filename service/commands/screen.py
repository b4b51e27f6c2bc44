"""`trialhook screen`: a whole population against the trials, from files or a FHIR server."""

from datetime import date
from pathlib import Path

import click

from service import settings as settings_module
from service.commands.setup import Day, chosen_trials, screening_of
from service.errors import SourceError
from service.population import ledger as ledgers
from service.population import outputs
from service.population.files import Input, find_inputs
from service.population.progress import Form, Progress, progress
from service.population.run import Run, begin, finish, question, screen
from service.settings import Settings

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
@click.option("--suppress-below", default=0, metavar="N", type=click.IntRange(0), help="Hide counts below N.")
@click.option("--patient", default="", metavar="ID", help="Only this patient.")
@click.option("--limit", default=0, metavar="N", type=click.IntRange(0), help="Only so many patients.")
@click.option("--dry-run", is_flag=True, help="Say what would be read and asked, and stop.")
@click.option("--progress", "form", type=click.Choice(["auto", "bars", "plain", "json", "none"]), default="auto")
def command(
    source: str,
    out: Path,
    trials: tuple[str, ...],
    as_of: date | None,
    workers: int,
    resume: bool,
    formats: tuple[str, ...],
    report: bool,
    suppress_below: int,
    patient: str,
    limit: int,
    dry_run: bool,
    form: Form,
) -> int:
    """Screen a population.

    SOURCE is a folder (or file, or archive) of NDJSON as Bulk Data writes it, or of Bundles.
    """
    settings = settings_module.load()
    screening = screening_of(settings)
    chosen = chosen_trials(screening, trials)
    run = Run(
        screening=screening,
        trials=chosen,
        day=as_of.toordinal() if as_of else screening.today(),
        source=source,
        inputs=_inputs(source, out),
        out=out,
        workers=workers,
        only=patient.removeprefix("Patient/"),
        limit=limit,
    )
    if dry_run:
        outputs.describe(run)
        return 0
    wanted = outputs.Wanted(formats, report, suppress_below)
    outputs.check(wanted)
    return _screen(run, settings, resume, wanted, progress(form))


def _inputs(source: str, out: Path) -> list[Input]:
    inside = out.resolve()
    found = [i for i in find_inputs(Path(source)) if inside not in Path(i.path).resolve().parents]
    if not found:
        raise SourceError(f"{source} holds nothing but the outputs of a screening")
    return found


def _screen(run: Run, settings: Settings, resume: bool, wanted: outputs.Wanted, told: Progress) -> int:
    run.out.mkdir(parents=True, exist_ok=True)
    try:
        with ledgers.alone(run.out):
            return _screen_alone(run, settings, resume, wanted, told)
    except OSError as problem:
        told.close()
        click.echo(f"trialhook: {_stopped(problem)}; what was done is kept, go on with --resume", err=True)
        return 1
    finally:
        told.close()


def _screen_alone(run: Run, settings: Settings, resume: bool, wanted: outputs.Wanted, told: Progress) -> int:
    ledger = begin(run, question(run, settings), resume)
    done = outputs.screened_before(run) if ledger.phase == "done" else screen(run, ledger, told)
    outputs.write(run, done, wanted)
    if ledger.phase != "done":
        finish(run, ledger)
    told.close()
    outputs.tell(run, done)
    return 1 if ledger.totals.errors else 0


def _stopped(problem: OSError) -> str:
    name = Path(problem.filename).name if isinstance(problem.filename, str) else "a file"
    return f"stopped at {name}: {problem.strerror or type(problem).__name__}"
