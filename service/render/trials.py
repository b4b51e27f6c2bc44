"""The trial library for a terminal: a line a trial, or a page about one."""

import textwrap
from collections.abc import Iterable

import click

from service.criteria.catalogue import Criterion, Trial
from service.criteria.describing import sentence
from service.criteria.schema import DIGEST_LENGTH

WIDTH = 100


def catalogue_line(trial: Trial) -> str:
    phases = "/".join(phase.removeprefix("phase-") for phase in trial.phases)
    told = f"phase {phases:<4} {trial.recruitment:<24} {trial.standing:<8} {trial.digest[:DIGEST_LENGTH]}"
    return f"{click.style(trial.id, bold=True):<24} {told}  {trial.short_name}"


def trial_page(trial: Trial) -> str:
    """Facts, arms, sites, results, interpretations, and every criterion with its place in the source."""
    return "\n".join(_page(trial))


def _page(trial: Trial) -> Iterable[str]:
    yield click.style(f"{trial.id}  {trial.short_name}", bold=True)
    yield from _wrapped(trial.title, "")
    yield ""
    recruitment = trial.recruitment + (f" (as of {trial.recruitment_date})" if trial.recruitment_date else "")
    for name, value in (
        ("phase", ", ".join(trial.phases)),
        ("recruitment", recruitment),
        ("", trial.recruitment_note),
        ("sponsor", trial.sponsor),
        ("registry", trial.registry_url),
        ("version", f"{trial.version}, {trial.standing}{', an example' if trial.example else ''}"),
        ("in effect", _effect(trial)),
        ("owner", trial.owner),
        ("review by", trial.review_by),
        ("file", f"{trial.digest[:DIGEST_LENGTH]} {trial.path}"),
        ("written from", trial.source),
        ("enrolled", trial.enrolled),
        ("sites", "; ".join(", ".join(p for p in (s.name, s.city, s.state) if p) for s in trial.sites)),
    ):
        if value:
            yield from _wrapped(value, f"{name:<14}")
    for arm in trial.arms:
        yield from _wrapped(f"{arm.name}: {arm.description}", f"{'arm':<14}")
    for result in trial.results:
        yield from _wrapped(f"{result.result} ({result.citation}, {result.date})", f"{'published':<14}")
    for said in trial.interpretations:
        yield from _wrapped(said, f"{'read as':<14}")
    for kind in ("inclusion", "exclusion"):
        yield ""
        yield click.style(kind.capitalize(), bold=True)
        for criterion in trial.criteria:
            if criterion.type == kind:
                yield from _criterion(criterion)


def _effect(trial: Trial) -> str:
    parts = (("from", trial.effective_from), ("to", trial.effective_to))
    return " ".join(f"{word} {day}" for word, day in parts if day)


def _criterion(criterion: Criterion) -> Iterable[str]:
    decided = "a person" if criterion.rule.outcomes() == {"review"} else "the record"
    yield from _wrapped(f"{criterion.text} [{criterion.source}; decided by {decided}]", f"  {criterion.id:<34}")
    if decided == "the record":
        yield from _wrapped(f"rule: {sentence(criterion.rule)}", " " * 36)
    if criterion.arms:
        yield from _wrapped(f"only for: {', '.join(criterion.arms)}", " " * 36)
    if criterion.draft:
        yield from _wrapped(f"draft, not checked; read from: {criterion.draft}", " " * 36)
    if criterion.interpretation:
        yield from _wrapped(f"read as: {criterion.interpretation}", " " * 36)


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)
