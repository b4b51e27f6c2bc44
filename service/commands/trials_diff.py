"""`trialhook trials diff`: what an amendment changes in a trial, and in whom."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from service import settings as settings_module
from service.commands.setup import Day, screening_of
from service.criteria.catalogue import Trial, load_trials
from service.criteria.schema import DIGEST_LENGTH, nearest
from service.library.amendment import Amendment, CriterionChange, compare
from service.population.progress import progress
from service.population.regrading import Regraded, Regrading, regrade
from service.render.pages import CONTROL
from service.screening import Screening

SIGNS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "tightened": ("▲", "yellow"),
    "loosened": ("▼", "cyan"),
    "changed": ("~", "yellow"),
    "renamed": ("=", ""),
    "words": ("=", ""),
}
NAMES = {"words": "words only"}


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--on", "source", type=click.Path(path_type=Path), help="Whose grades change: files as `screen` reads.")
@click.option("--as-of", type=Day(), metavar="DATE", help="The day as of which patients are judged [default: today].")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that judge patients.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(old: str, new: str, source: Path | None, as_of: date | None, workers: int, form: str) -> int:
    """Say in clinical words what an amendment changes.

    OLD and NEW are each the id of a trial, a trial file, or a folder of such. JSON is one object a trial.
    """
    settings = settings_module.load()
    screening = screening_of(settings, as_of)
    day = as_of.toordinal() if as_of else screening.today()
    pairs, alone = _pairs(_trials(old, screening), _trials(new, screening))
    errors = 0
    for before, after in pairs:
        found = None
        if source is not None:
            told = progress("auto")
            found = regrade(screening, settings, before, after, source, day, workers, told)
            told.close()
            errors = max(errors, found.errors)
        _show(before, after, compare(before, after), found, form)
    for name, where in alone:
        click.echo(f"{name}: only in {where}", err=True)
    if errors:
        click.echo(f"trialhook: {errors} inputs or patients could not be read", err=True)
    return 1 if errors else 0


def _trials(named: str, screening: Screening) -> dict[str, Trial]:
    """The trials that an argument names: by id, or all below a path. UsageError where it is neither."""
    known = [trial.id for trial in screening.trials.trials]
    if named in known:
        return {named: screening.trials[named]}
    if not Path(named).exists():
        raise click.UsageError(f"{named} is neither the id of a trial nor a file or folder{nearest(named, known)}")
    found = load_trials(screening.vocabulary, [Path(named)], built_in=False, day=screening.trials.day).trials
    if not found:
        raise click.UsageError(f"{named}: no trial.yaml there")
    return {trial.id: trial for trial in found}


def _pairs(old: dict[str, Trial], new: dict[str, Trial]) -> tuple[list[tuple[Trial, Trial]], list[tuple[str, str]]]:
    """Trials to compare, by id (one with one whatever its id); and those that have no counterpart."""
    if len(old) == len(new) == 1:
        return list(zip(old.values(), new.values(), strict=True)), []
    both = [(old[name], new[name]) for name in sorted(old.keys() & new.keys())]
    alone = [(name, "OLD" if name in old else "NEW") for name in sorted(old.keys() ^ new.keys())]
    if not both:
        raise click.UsageError("OLD and NEW have no trial in common")
    return both, alone


def _show(old: Trial, new: Trial, amendment: Amendment, found: Regrading | None, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(_as_json(old, new, amendment, found), ensure_ascii=False))
    else:
        for line in _page(old, new, amendment, found):
            click.echo(line)


# -- for a program


def _as_json(old: Trial, new: Trial, amendment: Amendment, found: Regrading | None) -> dict[str, Any]:
    made: dict[str, Any] = {"trial": new.id, "old": _version(old), "new": _version(new)}
    made |= msgspec.to_builtins(amendment)
    return made | ({"population": msgspec.to_builtins(found)} if found else {})


def _version(trial: Trial) -> dict[str, str]:
    digest = trial.digest[:DIGEST_LENGTH]
    return {"trial": trial.id, "version": trial.version, "digest": digest, "status": trial.standing}


# -- for a reader


def _page(old: Trial, new: Trial, amendment: Amendment, found: Regrading | None) -> Iterator[str]:
    versions = (f"{t.id} {t.version} ({t.digest[:DIGEST_LENGTH]})" for t in (old, new))
    yield click.style(" → ".join(versions), bold=True)
    if not amendment.criteria and not amendment.facts:
        yield "  nothing differs"
    for change in amendment.criteria:
        yield from _criterion(change)
    for fact in amendment.facts:
        yield _plain(f"  {fact.fact}: {fact.before or '–'} → {fact.after or '–'}")
    if found is not None:
        yield from _population(found)


def _criterion(change: CriterionChange) -> Iterator[str]:
    sign, colour = SIGNS[change.change]
    name = NAMES.get(change.change, change.change)
    yield f"  {click.style(sign, fg=colour or None, bold=True)} {change.id}: {name}"
    yield from (_plain(f"      {said}") for said in change.says)


def _population(found: Regrading) -> Iterator[str]:
    noun = "patient" if found.patients == 1 else "patients"
    yield ""
    yield click.style(f"{found.patients} {noun}: the grade of {len(found.regraded)} changes", bold=True)
    if found.other_answers:
        yield f"  {found.other_answers} with the same grade for other reasons"
    yield from (f"  {count:>6}  {change}" for change, count in found.changes.items())
    yield from _patients(found.regraded)


def _patients(regraded: Iterable[Regraded]) -> Iterator[str]:
    for patient in regraded:
        yield _plain(f"  {patient.patient}: {patient.before} → {patient.after}")
        for why in patient.because:
            yield _plain(f"      {why.criterion}: {why.before} → {why.after} ({why.reason})")


def _plain(text: str) -> str:
    return CONTROL.sub("", text)
