"""`trialhook evaluate`: one or more records against the trials."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from service import settings
from service.commands.setup import Day, chosen_trials, screening_of
from service.criteria.plan import Plan
from service.criteria.results import PatientError, PatientResult, Problem
from service.errors import RecordError, writable
from service.guard import read_orders, with_orders
from service.mappers.documents import read_document
from service.render.certainty import explained
from service.screening import Screening

MAX_FILE = 512 * 1024 * 1024


@click.command("evaluate")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--trial", "trials", multiple=True, metavar="ID", help="Only this trial; may be given more than once.")
@click.option("--as-of", "as_of", type=Day(), help="The day to judge for (default: today in TRIALHOOK_TIMEZONE).")
@click.option("--format", "form", type=click.Choice(["text", "json"]), help="Default: text on a terminal, else json.")
@click.option("--patient", default="", metavar="ID", help="Which patient, where a record holds several.")
@click.option("--validate", is_flag=True, help="Check each record against FHIR R4 first (slow), and say what is wrong.")
@click.option("--what-if", "what_if", metavar="FILE", help="Draft orders (FHIR): which trials they would close.")
@click.option("--explain", is_flag=True, help="What the answers rest on: silence, site defaults, interpretations.")
def command(
    files: tuple[str, ...],
    trials: tuple[str, ...],
    as_of: date | None,
    form: str | None,
    patient: str,
    validate: bool,
    what_if: str | None,
    explain: bool,
) -> int:
    """Evaluate records (Bundles, resources, lists, NDJSON; `-` is standard input) against the trials, drafts too.

    JSON is one result a line.
    """
    # who evaluates by hand sees drafts too, each marked as one; cards and populations are for checked trials
    screening = screening_of(settings.load(), as_of, True)
    plan = screening.plan_for(chosen_trials(screening, trials))
    day = as_of.toordinal() if as_of else screening.today()
    show = _printer(form or ("text" if sys.stdout.isatty() else "json"))
    drafts = _drafts(what_if) if what_if else None
    failed = 0
    for name in files:
        try:
            result = _evaluate(screening, plan, name, day, patient, validate, drafts)
        except RecordError as problem:
            failed += 1
            click.echo(f"trialhook: {problem.message}", err=True)
            show(PatientError(None, Problem(problem.code, problem.message)))
            continue
        show(explained(result, screening.trials) if explain else result)
    if failed:
        click.echo(f"trialhook: {failed} of {len(files)} could not be read", err=True)
    return 3 if failed == len(files) else 1 if failed else 0


def _drafts(name: str) -> Any:
    """Draft orders as JSON values; a file without any is wrong use."""
    try:
        drafts = msgspec.json.decode(_read(name))
    except RecordError as problem:
        raise click.UsageError(problem.message) from None
    except (msgspec.DecodeError, RecursionError):
        raise click.UsageError(f"{_shown(name)}: JSON with draft orders was expected") from None
    if not read_orders(drafts, "p", 1):
        raise click.UsageError(
            f"{_shown(name)}: no draft order there: a MedicationRequest or ServiceRequest with a drug or code"
        )
    return drafts


def _evaluate(
    screening: Screening, plan: Plan, name: str, day: int, patient: str, validate: bool, drafts: Any
) -> PatientResult:
    data = _read(name)
    shown = _shown(name)
    if validate:
        from service.mappers.validation import problems_of

        for problem in problems_of(data, shown):
            click.echo(f"trialhook: {problem}", err=True)
    document = read_document(data, shown)
    if drafts is not None:
        return with_orders(screening, plan, document, patient, day, drafts)
    return screening.screen(screening.of_document(document, patient), day, plan)


def _shown(name: str) -> str:
    return "standard input" if name == "-" else writable(Path(name).name or name)


def _read(name: str) -> bytes:
    shown = _shown(name)
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1) if sys.stdin is not None else None
            if data is None:
                raise RecordError("standard input is closed", code="unreadable-source")
        else:
            path = Path(name)
            if path.is_dir():
                raise RecordError(f"{writable(name)} is a folder; a file was expected", code="unreadable-source")
            with path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as problem:
        raise RecordError(f"{shown} cannot be read: {problem.strerror}", code="unreadable-source") from None
    if len(data) > MAX_FILE:
        raise RecordError(f"{shown} is larger than {MAX_FILE // 2**20} MB", code="too-large")
    return _unpacked(data, shown) if data[:2] == b"\x1f\x8b" else data


def _unpacked(data: bytes, name: str) -> bytes:
    """A gzip file, which may have several members; never more than MAX_FILE of it."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            out = packed.read(MAX_FILE + 1)
    except EOFError:
        raise RecordError(f"{name} is a gzip file cut short", code="unreadable-source") from None
    except (gzip.BadGzipFile, zlib.error):
        raise RecordError(f"{name} is not a whole gzip file", code="unreadable-source") from None
    if len(out) > MAX_FILE:
        raise RecordError(f"{name} is larger than {MAX_FILE // 2**20} MB unpacked", code="too-large")
    return out


def _printer(form: str) -> Callable[[PatientResult | PatientError], None]:
    if form == "text":
        from service.render.text import page

        return lambda result: click.echo(page(result))
    return lambda result: click.echo(msgspec.json.encode(result).decode())
