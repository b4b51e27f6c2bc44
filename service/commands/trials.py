"""`trialhook trials`: the trial library. List it, explain one, check files, run the cases beside them."""

import json
from typing import Any

import click

from service import settings
from service.cases.run import names_of
from service.commands import trials_check, trials_diff, trials_export, trials_import, trials_names, trials_new
from service.commands.setup import chosen_trials, screening_of
from service.criteria.catalogue import Criterion, Trial
from service.criteria.describing import sentence
from service.library.upkeep import upkeep
from service.render.trials import catalogue_line, trial_page
from service.screening import Screening


@click.group("trials", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """The trial library."""


for _part in (
    trials_check.check,
    trials_check.test,
    trials_diff.diff,
    trials_export.export,
    trials_import.import_,
    trials_names.names,
    trials_new.new,
):
    command.add_command(_part)


@command.command("list", short_help="Every trial, those in use first, and what wants attention.")
@click.option("--needs-review", is_flag=True, help="Only those that want somebody's attention.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(needs_review: bool, form: str) -> None:
    """Every trial, those in use and open first; what wants somebody's attention stands below it."""
    screening = screening_of(settings.load())
    used = {trial.id for trial in screening.used.trials}
    for trial in sorted(screening.trials.trials, key=lambda t: (t.id not in used, not t.is_open, t.id)):
        notes = list(upkeep(trial, screening.trials, screening.used))
        if needs_review and not notes:
            continue
        if form == "json":
            told = {**_facts(trial), **_upkeep(trial), "inUse": trial.id in used, "notes": notes}
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            click.echo(catalogue_line(trial))
            for note in notes:
                click.echo(f"  · {note}")


@command.command("show", short_help="One trial: its facts, its criteria, how each is decided.")
@click.argument("identifier", metavar="ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(identifier: str, form: str) -> None:
    """Explain one trial: its facts, every criterion, how each is decided."""
    screening = screening_of(settings.load())
    trial = chosen_trials(screening, (identifier,)).trials[0]
    if form == "json":
        criteria = [_criterion(c) for c in trial.criteria]
        click.echo(json.dumps({**_facts(trial), **_upkeep(trial), "criteria": criteria}, ensure_ascii=False))
    else:
        click.echo(trial_page(trial))


@command.command("schema")
@click.argument("which", type=click.Choice(["trial", "cases"]))
def schema(which: str) -> None:
    """The JSON Schema of trial.yaml or cases.yaml, for editors."""
    click.echo(schema_text(screening_of(settings.load()), which))


def schema_text(screening: Screening, which: str) -> str:
    from service.cases.editor import cases_schema, trial_schema

    names = {family: list(known) for family, known in names_of(screening).items()}
    made = trial_schema(screening.vocabulary) if which == "trial" else cases_schema(names)
    return json.dumps(made, indent=1, ensure_ascii=False)


def _facts(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "shortName": trial.short_name,
        "title": trial.title,
        "version": trial.version,
        "status": trial.standing,
        "phases": list(trial.phases),
        "recruitment": trial.recruitment,
        "sponsor": trial.sponsor,
        "registryUrl": trial.registry_url,
        "digest": trial.digest,
    }


def _upkeep(trial: Trial) -> dict[str, Any]:
    told = {
        "owner": trial.owner,
        "reviewBy": trial.review_by,
        "effectiveFrom": trial.effective_from,
        "effectiveTo": trial.effective_to,
        "example": trial.example,
    }
    return {name: value for name, value in told.items() if value}


def _criterion(criterion: Criterion) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": criterion.id,
        "type": criterion.type,
        "source": criterion.source,
        "text": criterion.text,
        "rule": sentence(criterion.rule),
    }
    more = {"interpretation": criterion.interpretation, "draft": criterion.draft, "arms": list(criterion.arms)}
    return told | {name: value for name, value in more.items() if value}
