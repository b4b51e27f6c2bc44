"""`trialhook trials import`, and `check --against`: a trial drafted from a registry's record, and what the record says
otherwise today."""

import json
import os
import sys
import tempfile
from pathlib import Path

import click

from service import settings
from service.authoring.drafting import draft
from service.authoring.drift import drift
from service.authoring.registry import MAX_BYTES, Record, read_record
from service.authoring.soundness import sound
from service.authoring.writing import trial_yaml
from service.commands.setup import screening_of
from service.criteria.catalogue import FILE, Trial
from service.criteria.wording import counted
from service.errors import SourceError


@click.command("import", short_help="Draft a trial from a ClinicalTrials.gov record.")
@click.argument("source", metavar="NCT.json")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="Folder for ID/trial.yaml. [default: the current one]",
)
@click.option("--force", is_flag=True, help="Overwrite a trial.yaml that is there.")
def import_(source: str, folder: Path, force: bool) -> None:
    """Draft a trial from a ClinicalTrials.gov v2 record (a file, or - for standard input).

    Writes ID/trial.yaml, and one JSON line with the counts: items (the registry's bullets and other criteria), criteria
    (what came out: one for each item, and `fields` more for ages and sex that no item asks for), drafted, review.
    """
    from service.commands.trials import schema_text

    record = record_of(source)
    screening = screening_of(settings.load())
    drafted = sound(draft(record, screening.vocabulary), screening)
    path = folder / record.id / FILE
    if path.exists() and not force:
        raise click.UsageError(f"{path} is there already; nothing was written (--force overwrites it)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, trial_yaml(drafted.trial))
        _write(folder / "trial.schema.json", schema_text(screening, "trial") + "\n")
    except OSError as problem:
        raise click.UsageError(f"{path}: cannot be written: {problem.strerror}") from None
    click.echo(json.dumps(drafted.counts()))
    for note in drafted.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{path}: a draft; `trialhook trials check {path}` checks it", err=True)


def record_of(source: str) -> Record:
    """The record in a file, or on standard input for `-`. SourceError where it cannot be read."""
    if source == "-":
        return read_record(sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin is not None else b"", "standard input")
    try:
        return read_record(Path(source).read_bytes(), source)
    except (OSError, ValueError) as problem:
        raise SourceError(f"{source}: cannot be read: {getattr(problem, 'strerror', None) or problem}") from None


def _write(path: Path, text: str) -> None:
    """Write a file so that it is there wholly or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".trialhook-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def against(trials: list[Trial], source: str) -> int:
    """Tell what a registry's record says otherwise than the file of its trial; how many differences there are."""
    record = record_of(source)
    known = (record.id, *record.aliases)
    trial = next((trial for trial in trials if trial.id in known), None)
    if trial is None:
        raise click.UsageError(f"{source} is the record of {record.id}; no such trial is among those checked")
    found = drift(trial, record)
    for change in found.changes:
        click.echo(f"{trial.path}: {change.line()}")
    if not found.has_digests:
        click.echo(
            f"{trial.path}: no source-items: which items changed cannot be told, only facts and places", err=True
        )
    touched = {name for change in found.changes for name in change.criteria}
    differences = counted(len(found.changes), "difference")
    criteria = counted(len(touched), "criterion", "criteria")
    click.echo(f"{differences} from {source}, {criteria} touched", err=True)
    return len(found.changes)
