"""`trialhook trials`: the trial library. List it, explain one, check files, run the cases beside them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from service import settings
from service.cases.run import Report, Verdict, names_of, run_cases
from service.commands.setup import chosen_trials, screening_of
from service.criteria.catalogue import Criterion, Trial, load_trials, trial_files
from service.errors import TrialError
from service.render.trials import catalogue_line, trial_page
from service.screening import Screening


@click.group("trials", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """The trial library."""


@command.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(form: str) -> None:
    """Every trial, open ones first."""
    screening = screening_of(settings.load())
    ordered = sorted(screening.trials.trials, key=lambda t: (not t.is_open, t.id))
    for trial in ordered:
        click.echo(json.dumps(_facts(trial), ensure_ascii=False) if form == "json" else catalogue_line(trial))


@command.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(identifier: str, form: str) -> None:
    """Explain one trial: its facts, every criterion, how each is decided."""
    screening = screening_of(settings.load())
    trial = chosen_trials(screening, (identifier,)).trials[0]
    if form == "json":
        criteria = [_criterion(c) for c in trial.criteria]
        click.echo(json.dumps({**_facts(trial), "criteria": criteria}, ensure_ascii=False))
    else:
        click.echo(trial_page(trial))


@command.command("check")
@click.argument("path", required=False, type=click.Path(path_type=Path))
def check(path: Path | None) -> int:
    """Check trial files (all, or those of PATH): every mistake with its line and column."""
    screening = screening_of(settings.load())
    problems: list[str] = []
    trials: list[Trial] = []
    for file in _files(path, screening):
        try:
            trials += load_trials(screening.vocabulary, [file], built_in=False).trials
        except TrialError as mistake:
            problems += mistake.problems
    for trial in trials:
        problems += _problems_of_cases(screening, trial)
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(trials)} trials read, {len(problems)} mistakes", err=True)
    return 1 if problems else 0


@command.command("test")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--verbose", "-v", is_flag=True, help="List every case.")
def test(path: Path | None, verbose: bool) -> int:
    """Run the cases beside each trial, and name the outcomes that no case reaches."""
    screening = screening_of(settings.load())
    failed = 0
    for file in _files(path, screening):
        trial = load_trials(screening.vocabulary, [file], built_in=False).trials[0]
        report = run_cases(screening, trial)
        if report is None:
            click.echo(f"{trial.id}: no cases.yaml beside it")
            failed += 1
            continue
        failed += len(report.failed)
        for line in _report(report, verbose):
            click.echo(line)
    return 1 if failed else 0


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


def _files(path: Path | None, screening: Screening) -> list[Path]:
    """The trial files of a file or folder, or of the whole library."""
    if path is None:
        return [Path(trial.path) for trial in screening.trials.trials]
    if path.is_file():
        return [path]
    found = trial_files(path) if path.is_dir() else []
    if not found:
        raise click.UsageError(
            f"{path}: no trial.yaml there; a trial file, its folder or a folder of such was expected"
        )
    return found


def _problems_of_cases(screening: Screening, trial: Trial) -> Iterable[str]:
    from service.cases.casefile import read_cases
    from service.cases.run import CASES

    beside = Path(trial.path).parent / CASES
    if beside.is_file():
        try:
            read_cases(beside, trial, names_of(screening))
        except TrialError as mistake:
            yield from mistake.problems


def _report(report: Report, verbose: bool) -> Iterable[str]:
    right = len(report.verdicts) - len(report.failed)
    yield f"{report.trial}: {right} of {len(report.verdicts)} cases as expected"
    for verdict in report.verdicts:
        if verdict.problems:
            yield from _failure(verdict)
        elif verbose:
            yield f"  ✓ {verdict.case.name}"
    by_criterion: dict[str, list[str]] = {}
    for criterion, outcome in report.untested:
        by_criterion.setdefault(criterion, []).append(outcome)
    for criterion, outcomes in by_criterion.items():
        yield f"  {criterion}: no case that comes out as {' or '.join(outcomes)}"


def _failure(verdict: Verdict) -> Iterable[str]:
    yield f"  ✗ {verdict.case.place}: {verdict.case.name}"
    for problem in verdict.problems:
        yield f"      {problem}"


def _facts(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "shortName": trial.short_name,
        "title": trial.title,
        "version": trial.version,
        "status": trial.status,
        "phases": list(trial.phases),
        "recruitment": trial.recruitment,
        "sponsor": trial.sponsor,
        "registryUrl": trial.registry_url,
    }


def _criterion(criterion: Criterion) -> dict[str, str]:
    return {"id": criterion.id, "type": criterion.type, "source": criterion.source, "text": criterion.text}
