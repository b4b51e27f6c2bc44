"""What the report tells besides the counts: the likely number, near misses, and who changes soon."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from service.criteria.catalogue import Trial
from service.population.ranked import SHOWN
from service.population.rows import NearMissRow, UpcomingRow
from service.population.tally import HORIZON_DAYS
from service.render.explain import HEADLINES, counted, input_name

NAMED = 3  # of a list inside a sentence
KINDS = {"opens": "becomes open", "closes": "stops fitting", "better": "fits better", "worse": "fits less surely"}


@dataclass(frozen=True)
class Lists:
    """Those whose grade changes soon, by day, and the near misses, the nearest first."""

    upcoming: Iterable[UpcomingRow] = ()
    near: Iterable[NearMissRow] = ()


@dataclass(frozen=True)
class RateView:
    text: str
    rate: str
    known: str
    near: str


@dataclass(frozen=True)
class LikelyView:
    """The likely number as a sentence, or why there is none; the rates it was reckoned by."""

    sentence: str
    rates: tuple[RateView, ...]


@dataclass(frozen=True)
class ChangesView:
    """Within how many days, the sum as a sentence, and its parts."""

    days: int
    sentence: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class NearView:
    sentence: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class ComingView:
    patient: str
    trial_name: str
    date: str
    kind: str
    words: str
    before: str
    after: str
    because: str


@dataclass(frozen=True)
class NearRowView:
    patient: str
    trial_name: str
    standing: tuple[str, ...]
    reasons: tuple[str, ...]
    failure: str
    until: str
    unknown: int


def number(count: int | None) -> str:
    """`1,234`; a hidden count says so."""
    return "hidden" if count is None else f"{count:,}"


def likely_view(counts: Mapping[str, Any], trial: Trial) -> LikelyView:
    told, texts = counts["likely"], _texts(trial)
    if told["noneKnown"]:
        names = [text for name, text in texts.items() if name in told["noneKnown"]]
        sentence = f"No estimate of the likely number: nobody here has data on {len(names)} of the criteria"
        return LikelyView(f"{sentence} that are open: {_first(names)}.", ())
    if told["patients"] is None:
        return LikelyView("The likely number is hidden.", ())
    if not counts["grades"]["possible"]:
        return LikelyView("", ())
    rates = tuple(
        RateView(texts.get(r["id"], r["id"]), f"{r['rate']:.0%}", number(r["known"]), number(r["near"]))
        for r in told["rates"]
    )
    span = "" if told["low"] == told["high"] else f", {number(told['low'])} to {number(told['high'])} nine times in ten"
    return LikelyView(f"Most likely {number(told['patients'])}{span}.", rates)


def changes_view(counts: Mapping[str, Any], trial: Trial) -> ChangesView | None:
    """None where nobody was screened. Within the days that were asked for, else those of the summary."""
    days, told = HORIZON_DAYS, counts[f"changesWithin{HORIZON_DAYS}Days"]
    asked = counts.get("within")
    if asked and asked["patients"] is not None:
        days, told = asked["days"], asked
    return None if told is None else ChangesView(days, _changes_told(told, days), tuple(_changes(told, trial)))


def _changes_told(told: Mapping[str, Any], days: int) -> str:
    span = f"in the next {counted(days, 'day', 'days')}"
    if told["patients"] == 0:
        return f"Nobody’s grade changes {span} with the calendar alone."
    patients = told["patients"]
    whose = "some patients (number hidden)" if patients is None else counted(patients, "patient", "patients")
    opens, closes = number(told["opens"]), number(told["closes"])
    return (
        f"With the calendar alone, the grade changes {span} for {whose}: the trial opens to {opens} and closes for "
        f"{closes}."
    )


def _changes(told: Mapping[str, Any], trial: Trial) -> Iterable[str]:
    for row in told["grades"]:
        before, after = (HEADLINES[row[key]].lower() for key in ("from", "to"))
        yield f"{number(row['patients'])}: from “{before}” to “{after}”."
    texts = _texts(trial)
    for row in told["because"]:
        yield f"{number(row['patients'])} of them by: {texts.get(row['id'], row['id'])}."


def near_view(counts: Mapping[str, Any], trial: Trial) -> NearView | None:
    """None where nobody is near."""
    told, texts = counts["nearMisses"], _texts(trial)
    one, two = told["oneCriterion"], told["twoCriteria"]
    if one == 0 and two == 0:
        return None
    only_for_now = "" if told["byTime"] == 0 else f"; {number(told['byTime'])} of these only for a time"
    sentence = (
        f"Kept out, but not for good, by one criterion alone: {number(one)}; by two: {number(two)}{only_for_now}."
    )
    rows = (f"{number(row['patients'])} by: {texts.get(row['id'], row['id'])}." for row in told["byCriterion"])
    return NearView(sentence, tuple(rows))


def coming(rows: Iterable[UpcomingRow], trials: Mapping[str, Trial]) -> tuple[ComingView, ...]:
    return tuple(
        ComingView(
            patient=row.patient.removeprefix("Patient/"),
            trial_name=_name(row.trial, trials),
            date=row.date,
            kind=row.kind,
            words=KINDS[row.kind],
            before=HEADLINES[row.grade].lower(),
            after=HEADLINES[row.changes_to].lower(),
            because="; ".join(input_name(name) for name in row.because),
        )
        for row in islice(rows, SHOWN)
    )


def nearest(rows: Iterable[NearMissRow], trials: Mapping[str, Trial]) -> tuple[NearRowView, ...]:
    return tuple(
        NearRowView(
            patient=row.patient.removeprefix("Patient/"),
            trial_name=_name(row.trial, trials),
            standing=tuple(input_name(name) for name in row.failing),
            reasons=row.reasons,
            failure=row.failure,
            until=row.until,
            unknown=row.unknown,
        )
        for row in islice(rows, SHOWN)
    )


def _first(names: Sequence[str]) -> str:
    """The first few of a list; how many more there are."""
    more = len(names) - NAMED
    return "; ".join(names) if more <= 1 else f"{'; '.join(names[:NAMED])}; and {more} more"


def _name(trial: str, trials: Mapping[str, Trial]) -> str:
    return trials[trial].short_name if trial in trials else trial


def _texts(trial: Trial) -> dict[str, str]:
    return {criterion.id: criterion.text for criterion in trial.criteria}
