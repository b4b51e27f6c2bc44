"""report.html: one file for a study team, with everything in it; it decides nothing and loads nothing.

Bars are a few SVG rectangles and the heat map is a table: small, printable, readable aloud, and no chart library has to
be carried along or trusted in a page about patients.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from markupsafe import Markup

from service.criteria.catalogue import Trial
from service.criteria.logic import GRADES
from service.population.funnel import FunnelRow, full_width, funnel
from service.population.ranked import SHOWN
from service.population.report_lists import (
    ChangesView,
    ComingView,
    LikelyView,
    Lists,
    NearRowView,
    NearView,
    changes_view,
    coming,
    likely_view,
    near_view,
    nearest,
    number,
)
from service.population.worklist import LIMIT, WorkItem
from service.render.explain import HEADLINES, counted, in_words, input_name, phase, recruitment, web_address
from service.render.pages import SYSTEMS, environment

SHOWN_ERRORS = 50
_REST = ("older", "undated", "none")
NO_LISTS = Lists()
_WHY = {"missing": "not on record", "stale": "too old", "conflict": "contradictory", "unusable": "unusable"}


class Unread(Protocol):
    """One input that could not be read: where, and why."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int | None: ...

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class ReadError:
    file: str
    line: int | None
    reason: str


@dataclass(frozen=True)
class About:
    """How the screening was done: when it was written, from what, what could not be read (the first of it is enough),
    which parts of the records were not complete (`gaps`, a sentence each)."""

    generated: str = ""
    source: str = ""
    errors: Sequence[Unread] = ()
    gaps: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class MissingView:
    """What an input would settle, as a sentence; `share` of the possible patients in hundredths, for the bar; `alone`
    where it settles any without another."""

    name: str
    sentence: str
    detail: str
    order: str
    share: float | None
    alone: bool


@dataclass(frozen=True)
class HeatRow:
    name: str
    patients: int | None
    cells: tuple[tuple[int | None, int], ...]  # the count, and its shade 0..5


@dataclass(frozen=True)
class TrialView:
    """One trial as the page shows it."""

    anchor: str
    trial: Trial
    phase: str
    recruitment: str
    registry_href: str
    screened: int | None
    early: int
    at_least: int | None
    at_most: int | None
    range: str
    grades: tuple[tuple[str, str, int | None], ...]
    bar: tuple[tuple[str, float, float], ...]
    funnel: tuple[FunnelRow, ...]
    scale: int
    criteria: Sequence[Mapping[str, Any]]
    missing: tuple[MissingView, ...]
    settled: str
    likely: LikelyView
    near: NearView | None
    changes: ChangesView | None
    months: tuple[tuple[str, str], ...]
    heat: tuple[HeatRow, ...]


@dataclass(frozen=True)
class WorkView:
    patient: str
    trial: str
    trial_name: str
    grade: str
    grade_rank: int
    missing: tuple[str, ...]
    judge: tuple[str, ...]
    changes_on: str
    changes_to: str


@dataclass(frozen=True)
class Page:
    """Everything that the template shows."""

    summary: Mapping[str, Any]
    as_of: str
    trials: tuple[TrialView, ...]
    rows: tuple[WorkView, ...]
    more: bool
    listed: bool
    missing_names: tuple[str, ...]
    coming: tuple[ComingView, ...]
    nearest: tuple[NearRowView, ...]
    shown: int
    about: About
    errors: tuple[Unread, ...]
    unread: int


def write_report(
    path: Path,
    summary: Mapping[str, Any],
    trials: Iterable[Trial],
    worklist: Iterable[WorkItem],
    about: About,
    lists: Lists = NO_LISTS,
) -> None:
    """Write the page, whole or not at all.

    `worklist` comes best first; `worklist.LIMIT` of it are shown. Where the summary hides small counts, it and the
    other lists are left out: their rows would give them away.
    """
    css = "\n".join(_static(name) for name in ("trialhook.css", "report.css"))
    script = _static("report.js")
    page = view(summary, trials, worklist, about, lists)
    parts = _TEMPLATES.get_template("report.html").generate(
        page=page, css=Markup(css), script=Markup(script), policy=_policy(css, script)
    )
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.writelines(parts)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def view(
    summary: Mapping[str, Any],
    trials: Iterable[Trial],
    worklist: Iterable[WorkItem],
    about: About,
    lists: Lists = NO_LISTS,
) -> Page:
    """The values of the page, in reading order."""
    by_id = {trial.id: trial for trial in trials}
    counts = [trial for trial in summary["trials"] if trial["trial"] in by_id]
    listed = summary["suppressBelow"] is None
    items = list(islice(worklist, LIMIT + 1)) if listed else []
    rows = tuple(_work(item, by_id) for item in items[:LIMIT])
    views = tuple(_trial(trial, by_id[trial["trial"]], place) for place, trial in enumerate(counts, 1))
    return Page(
        summary=summary,
        as_of=in_words(summary["asOf"] or ""),
        trials=views,
        rows=rows,
        more=len(items) > LIMIT or _candidates(counts) > len(rows),
        listed=listed,
        missing_names=tuple(sorted({name for row in rows for name in row.missing}, key=str.lower)),
        coming=coming(lists.upcoming, by_id) if listed else (),
        nearest=nearest(lists.near, by_id) if listed else (),
        shown=SHOWN,
        about=about,
        errors=tuple(about.errors[:SHOWN_ERRORS]),
        unread=max(summary["errors"]["total"], summary.get("errorRows", 0), len(about.errors)),
    )


def _candidates(counts: Iterable[Mapping[str, Any]]) -> int:
    return sum(trial["bounds"]["atMost"] or 0 for trial in counts)


def _trial(counts: Mapping[str, Any], trial: Trial, place: int) -> TrialView:
    rows = funnel(counts)
    return TrialView(
        anchor=f"trial-{place}",
        trial=trial,
        phase=phase(trial.phases),
        recruitment=recruitment(trial.recruitment),
        registry_href=web_address(trial.registry_url),
        screened=counts["screened"],
        early=counts["decidedEarly"],
        at_least=counts["bounds"]["atLeast"],
        at_most=counts["bounds"]["atMost"],
        range=_range(counts["bounds"]),
        grades=tuple((grade, HEADLINES[grade], counts["grades"][grade]) for grade in GRADES),
        bar=tuple(_grade_bar(counts["grades"])),
        funnel=rows,
        scale=full_width(counts["attrition"]),
        criteria=counts["criteria"],
        missing=tuple(_missing(need, counts["grades"]["possible"]) for need in counts["missing"]),
        settled=_settled(counts),
        likely=likely_view(counts, trial),
        near=near_view(counts, trial),
        changes=changes_view(counts, trial),
        months=tuple(_months(counts)),
        heat=tuple(_heat(row) for row in counts["completeness"]),
    )


def _range(bounds: Mapping[str, int | None]) -> str:
    low, high = bounds["atLeast"], bounds["atMost"]
    if low is None and high is None:
        return "hidden"
    if low is None:
        return f"up to {number(high)}"
    if high is None:
        return f"at least {number(low)}"
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def _grade_bar(grades: Mapping[str, int | None]) -> Iterable[tuple[str, float, float]]:
    """Shares of the screened in hundredths; nothing where one of them is hidden."""
    if None in grades.values():
        return
    total, start = sum(n or 0 for n in grades.values()) or 1, 0.0
    for grade in GRADES:
        width = (grades[grade] or 0) / total * 100
        if width:
            yield grade, round(start, 3), round(width, 3)
        start += width


def _missing(need: Mapping[str, Any], possible: int | None) -> MissingView:
    name, settles = input_name(need["input"]), need["settles"]
    patients = counted(possible, "possible patient", "possible patients") if possible else "the possible patients"
    data = f"Data on {_inside(name)}{' within the window' if need['why'].get('stale') else ''}"
    told = "some (number hidden)" if settles is None else number(settles)
    order = need["order"]
    return MissingView(
        name=name,
        sentence=f"{data} would settle {told} of {patients}.",
        detail=_detail(need["touches"], need["why"]),
        order=f"{SYSTEMS.get(order['system'], order['system'])} {order['code']} {order['display']}" if order else "",
        share=None if settles is None or not possible else round(settles / possible * 100, 2),
        alone=settles != 0,
    )


def _detail(touches: int | None, why: Mapping[str, int | None]) -> str:
    """How many lack it, and why."""
    if touches is None:
        return "How many lack it is hidden."
    if None in why.values():
        return f"Missing for {number(touches)}; for which reasons is hidden in part."
    if len(why) == 1:
        return f"{_WHY[next(iter(why))].capitalize()} for {number(touches)}."
    return f"Missing for {number(touches)}: {', '.join(f'{number(n)} {_WHY[reason]}' for reason, n in why.items())}."


def _inside(name: str) -> str:
    """A name as it stands inside a sentence: `LVEF`, but `disease status`."""
    return name if name[:2].isupper() else name[:1].lower() + name[1:]


def _settled(counts: Mapping[str, Any]) -> str:
    by, possible = counts["settledBy"], counts["grades"]["possible"]
    if not possible:
        return ""
    told = [
        (by["oneInput"], "on one missing input alone"),
        (by["severalInputs"], "on several together"),
        (by["notByInputs"], "on something that no further input settles"),
    ]
    parts = [f"{number(count)} {words}" for count, words in told if count != 0]
    return (
        f"Of {counted(possible, 'possible patient', 'possible patients')}, the answer hangs for {', for '.join(parts)}."
    )


def _months(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and year of each column."""
    rows = counts["completeness"]
    days = [date.fromisoformat(f"{month}-01") for month in rows[0]["months"]] if rows else []
    return [(f"{day:%b}", f"{day:%Y}") for day in days]


def _heat(row: Mapping[str, Any]) -> HeatRow:
    patients = row["patients"]
    cells = [*row["months"].values(), *(row[key] for key in _REST)]
    return HeatRow(input_name(row["input"]), patients, tuple((count, _shade(count, patients)) for count in cells))


def _shade(count: int | None, patients: int | None) -> int:
    """0 for nobody, then 1 to 5 by fifths of the patients."""
    return min(5, 1 + count * 5 // patients) if count and patients else 0


def _work(item: WorkItem, trials: Mapping[str, Trial]) -> WorkView:
    trial = trials.get(item.trial)
    return WorkView(
        patient=item.patient.removeprefix("Patient/"),
        trial=item.trial,
        trial_name=trial.short_name if trial else item.trial,
        grade=item.grade,
        grade_rank=GRADES.index(item.grade) if item.grade in GRADES else len(GRADES),
        missing=tuple(input_name(name) for name in item.missing),
        judge=tuple(input_name(name) for name in item.judge),
        changes_on=item.changes_on,
        changes_to=HEADLINES.get(item.changes_to, item.changes_to),
    )


def _static(name: str) -> str:
    text = (files("service") / "static" / name).read_text("utf-8")
    if "</" in text:
        raise ValueError(f"{name} cannot stand inside a page: it ends its own element")
    return text


def _policy(css: str, script: str) -> str:
    """Only what is in this page, told by hashes; nothing from elsewhere, nothing sent anywhere."""

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; style-src {digest(css)}; script-src {digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


_TEMPLATES = environment()
_TEMPLATES.filters |= {"number": number, "input_name": input_name, "recruitment": recruitment}
