"""A result as a page for a terminal: a criterion a line, why, and what is missing."""

import shutil
import textwrap
from collections.abc import Iterable

import click
from msgspec import UNSET

from service.criteria.results import CriterionResult, Effect, Needed, PatientError, PatientResult, TrialResult
from service.render.pages import CONTROL

MARKS = {"pass": ("✓", "green"), "fail": ("✗", "red"), "unknown": ("?", "yellow"), "review": ("◦", "cyan")}
GRADES = {
    "certain": ("fits", "green"),
    "probable": ("probably fits", "green"),
    "possible": ("may fit, something is missing", "yellow"),
    "certainly-not": ("does not fit", "red"),
}
BASES = {"no-record": "nothing on record", "not-applicable": "does not apply", "manual": "for a person to judge"}
MAX_WIDTH = 110


def page(result: PatientResult | PatientError) -> str:
    """The whole page. Colours are click's: it takes them away where there is no terminal."""
    if isinstance(result, PatientError):
        return click.style(f"Not read: {result.error.message}", fg="red")
    lines = [click.style(f"{result.patient} as of {result.as_of}", bold=True)]
    for trial in result.results:
        lines += ["", *_trial(trial)]
    if result.what_if is not UNSET:
        lines += ["", "If the orders were carried out:", *_what_if(result.what_if)]
    notices = result.notices if result.notices is not UNSET else ()
    if notices:
        lines += ["", "Set aside:", *(line for notice in notices for line in _wrapped(notice, "  · ", "    "))]
    return "\n".join([*lines, ""])


def _trial(trial: TrialResult) -> Iterable[str]:
    words, colour = GRADES[trial.grade]
    head = click.style(f"{trial.trial}", bold=True)
    yield f"{head}  {click.style(f'{trial.grade}: {words}', fg=colour, bold=True)}  ({trial.recruitment})"
    yield from _wrapped(trial.title, "  ", "  ")
    if (change := trial.changes_on) is not None:
        yield f"  With no new data: {change.grade} from {change.date} ({', '.join(change.because)})"
    width = max((len(c.id) for c in trial.criteria), default=0)
    for criterion in trial.criteria:
        yield from _criterion(criterion, width)
    if trial.needed:
        yield "  What would settle it:"
        for need in trial.needed:
            yield from _wrapped(_needed(need), "    · ", "      ")


def _what_if(effects: Iterable[Effect]) -> list[str]:
    lines = []
    for effect in effects:
        until = f" until {effect.open_again}" if effect.open_again else ""
        said = f"{effect.says} would close {effect.trial}{until}: {'; '.join(effect.reasons)}"
        lines += _wrapped(said, "  ✗ ", "    ")
    return lines or ["  no trial would close"]


def _criterion(criterion: CriterionResult, width: int) -> Iterable[str]:
    mark, colour = MARKS[criterion.outcome]
    basis = BASES.get(criterion.basis, criterion.basis if criterion.outcome == "unknown" else "")
    said = f"{criterion.reason} [{basis}]" if basis else criterion.reason
    first, *rest = _wrapped(said, "", " " * (width + 6))
    yield f"  {click.style(mark, fg=colour, bold=True)} {criterion.id.ljust(width)}  {first}"
    yield from rest


def _needed(need: Needed) -> str:
    date = f", last {need.last_date}" if need.last_date is not UNSET else ""
    order = f"; order LOINC {need.order.code} ({need.order.display})" if need.order is not UNSET else ""
    return f"{need.label or need.input} ({need.why}{date}): settles {', '.join(need.settles)}{order}"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    text = CONTROL.sub("", text)
    width = min(shutil.get_terminal_size((100, 24)).columns, MAX_WIDTH)
    indent = max(len(rest), len(first))
    lines = textwrap.wrap(text, max(40, width - indent), break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{first if i == 0 else rest}{line}" for i, line in enumerate(lines)]
