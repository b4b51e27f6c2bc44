"""A result as a page for a terminal: a criterion a line, why, and what is missing."""

import shutil
import textwrap
from collections.abc import Iterable

import click
from msgspec import UNSET, UnsetType

from service.criteria.results import (
    CriterionResult,
    Effect,
    Needed,
    Order,
    PatientError,
    PatientResult,
    RestsOn,
    TrialResult,
)
from service.render.pages import CONTROL, SYSTEMS

MARKS = {"pass": ("✓", "green"), "fail": ("✗", "red"), "unknown": ("?", "yellow"), "review": ("◦", "cyan")}
GRADES = {
    "certain": ("fits", "green"),
    "probable": ("probably fits", "green"),
    "possible": ("may fit, something is missing", "yellow"),
    "certainly-not": ("does not fit", "red"),
}
STATUS = {"draft": "A draft: nobody has checked all of its rules", "retired": "Retired: no longer in use"}
BASES = {"no-record": "nothing on record", "not-applicable": "does not apply", "manual": "for a person to judge"}
MAX_WIDTH = 110


def page(result: PatientResult | PatientError) -> str:
    """The whole page. Colours are click's: it takes them away where there is no terminal."""
    if isinstance(result, PatientError):
        return click.style(f"Not read: {result.error.message}", fg="red")
    lines = [click.style(f"{result.patient} as of {result.as_of}", bold=True)]
    rests = {told.trial: told for told in result.rests_on} if result.rests_on is not UNSET else {}
    for trial in result.results:
        lines += ["", *_trial(trial)]
        if trial.trial in rests:
            lines += _rests_on(rests[trial.trial])
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
    if trial.status is not UNSET:
        yield click.style(f"  {STATUS[trial.status]}", fg="yellow")
    for arm in trial.arms if trial.arms is not UNSET else ():
        yield from _wrapped(f"{arm.arm}: {GRADES[arm.grade][0]}", "  ", "    ")
    if (change := trial.changes_on) is not None:
        yield f"  With no new data: {change.grade} from {change.date} ({', '.join(change.because)})"
    if trial.failure is not UNSET:
        yield f"  {_lifted(trial.failure, trial.until)}"
    width = max((len(c.id) for c in trial.criteria), default=0)
    for criterion in trial.criteria:
        yield from _criterion(criterion, width)
    if trial.needed:
        yield "  What would settle it:"
        for need in trial.needed:
            yield from _wrapped(_needed(need, trial.trial), "    · ", "      ")
    yield from _sets(trial)


def _what_if(effects: Iterable[Effect]) -> list[str]:
    lines = []
    for effect in effects:
        since = f" from {effect.closes_from}" if effect.closes_from else ""
        until = since + (f" until {effect.open_again}" if effect.open_again else "")
        beside = f" together with {', '.join(effect.together_with)}" if effect.together_with else ""
        said = f"{effect.says}{beside} would close {effect.trial}{until}: {'; '.join(effect.reasons)}"
        if effect.alternatives:
            said += f" (not named by the trial, for a person to judge: {', '.join(effect.alternatives)})"
        lines += _wrapped(said, "  ✗ ", "    ")
    return lines or ["  no trial would close"]


def _criterion(criterion: CriterionResult, width: int) -> Iterable[str]:
    mark, colour = MARKS[criterion.outcome]
    basis = BASES.get(criterion.basis, criterion.basis if criterion.outcome == "unknown" else "")
    said = f"{criterion.reason} [{basis}]" if basis else criterion.reason
    if criterion.arms is not UNSET:
        said = f"({', '.join(criterion.arms)} only) {said}"
    if criterion.draft is not UNSET:
        said += " [draft]"
    if criterion.failure == "until":
        said += f" [until {criterion.until}]"
    elif criterion.failure == "permanent":
        said += " [for good]"
    first, *rest = _wrapped(said, "", " " * (width + 6))
    yield f"  {click.style(mark, fg=colour, bold=True)} {criterion.id.ljust(width)}  {first}"
    yield from rest


def _lifted(failure: str, until: str | UnsetType) -> str:
    """How a fail may be lifted, in words."""
    if failure == "until":
        return f"Ends with the calendar alone: nothing fails any more from {until}"
    return "For good: what fails cannot be undone" if failure == "permanent" else "Another result could change it"


def _sets(trial: TrialResult) -> Iterable[str]:
    """The least that would settle it, where there are several ways or several data."""
    if (sets := trial.smallest_sets) is UNSET:
        return
    labels = {need.input: need.label or need.input for need in trial.needed}
    said = [" and ".join(labels[name] for name in names) for names in sets.probable]
    if sets.worth_telling(trial.needed):
        yield from _wrapped(f"Enough together: {'; or '.join(said)}", "  ", "    ")
    elif not said:
        yield "  No datum settles all of it: a person has to look."


def _rests_on(told: RestsOn) -> Iterable[str]:
    for title, lines in (
        ("Fits only because nothing is on record", [", ".join(told.silence)] if told.silence else []),
        ("Decided by the site", [f"{name}: {said}" for name, said in told.site_defaults.items()]),
        ("How the source was read", [*told.of_the_trial, *(f"{n}: {s}" for n, s in told.interpretations.items())]),
    ):
        if lines:
            yield f"  {title}:"
        for line in lines:
            yield from _wrapped(line, "    · ", "      ")


def _needed(need: Needed, trial: str) -> str:
    date = f", last {need.last_date}" if need.last_date is not UNSET else ""
    order = f"; order {_code(need.order)}" if need.order is not UNSET else ""
    others = [name for name in need.trials if name != trial]
    also = f" (and serves {', '.join(others)})" if others else ""
    return f"{need.label or need.input} ({need.why}{date}): settles {', '.join(need.settles)}{also}{order}"


def _code(order: Order) -> str:
    return f"{SYSTEMS.get(order.system, order.system)} {order.code} ({order.display})"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    text = CONTROL.sub("", text)
    width = min(shutil.get_terminal_size((100, 24)).columns, MAX_WIDTH)
    indent = max(len(rest), len(first))
    lines = textwrap.wrap(text, max(40, width - indent), break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{first if i == 0 else rest}{line}" for i, line in enumerate(lines)]
