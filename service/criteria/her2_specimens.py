"""HER2 results that belong to one specimen, read together."""

from bisect import insort
from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from math import prod
from typing import Literal

import msgspec

from service.criteria.amounts import Interval, at_least
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Evidence, cite_measurement
from service.criteria.focus import of_breast
from service.criteria.logic import Basis
from service.criteria.newest import select
from service.criteria.signs import doubt_of
from service.criteria.spans import Span
from service.criteria.wording import with_label

Status = Literal["positive", "negative", "unknown", "conflict"]
Group = Literal["1", "2", "3", "4", "5", "single-high", "single-middle", "single-low"]

INPUTS = ("her2-ihc", "her2-ish", "her2-ratio", "her2-copies", "her2-overall")
LABELS = {
    "her2-ihc": "HER2 IHC",
    "her2-ish": "HER2 ISH",
    "her2-ratio": "HER2 ratio",
    "her2-copies": "HER2 copies",
    "her2-overall": "HER2",
}
SAME_TIME = 30
MAX_READINGS = 64  # more ways of taking results that differ are not tried: they disagree
_IHC = {"ihc-0": "0/1+", "ihc-1": "0/1+", "ihc-2": "2+", "ihc-3": "3+"}
_IHC_SAID = {"ihc-0": "0", "ihc-1": "1+", "ihc-2": "2+", "ihc-3": "3+"}
# How words are read where no score is given.
_IHC_WORDS = {"positive": "3+", "negative": "0/1+", "equivocal": "2+"}
_ISH_WORDS: dict[str, frozenset[Group]] = {
    "positive": frozenset({"1"}),
    "negative": frozenset({"5"}),
    "equivocal": frozenset({"2", "3", "4"}),
}


class Tested(msgspec.Struct):
    """What is known of one specimen. None where nothing was measured; `problem` where something cannot be read.
    `ihc_said` is the score, or the word, that was reported. `also` are further values of a kind that results of the
    same time give."""

    measurements: list[Measurement]
    ihc: str | None = None
    ihc_said: str = ""
    ratio: Interval | None = None
    copies: Interval | None = None
    ish_words: str | None = None
    overall: str | None = None
    problem: str = ""
    basis: Basis = "unusable"
    also: dict[str, list[object]] = msgspec.field(default_factory=dict)

    def readings(self) -> list["Tested"]:
        """The specimen with one value of each kind, in every way in which the results may be taken; none where there
        are too many."""
        if not self.also:
            return [self]
        if prod(len(others) + 1 for others in self.also.values()) > MAX_READINGS:
            return []
        values = [[getattr(self, field), *others] for field, others in self.also.items()]
        return [
            msgspec.structs.replace(self, also={}, ihc_said="", **dict(zip(self.also, chosen, strict=True)))
            for chosen in product(*values)
        ]

    @property
    def span(self) -> Span | None:
        spans = [m.span for m in self.measurements if m.span is not None]
        if len(spans) == 1:
            return spans[0]
        return max(spans, key=lambda s: (s.end, s.start)) if spans else None

    @property
    def measured(self) -> bool:
        return self.ihc is not None or self.has_ish

    @property
    def has_ish(self) -> bool:
        return self.ratio is not None or self.copies is not None or self.ish_words is not None

    def evidence(self, used: bool = True, why: str = "") -> tuple[Evidence, ...]:
        return tuple(
            _cited(m, used and m.standing == "sure" and not m.problem, why or m.why or m.problem)
            for m in self.measurements
        )


def _cited(m: Measurement, used: bool, why: str) -> Evidence:
    return named(cite_measurement(m, used, why), m.name)


def named(evidence: Evidence, name: str) -> Evidence:
    """Evidence that says which HER2 result it is, where it does not begin so."""
    return evidence if evidence.says.casefold().startswith("her2") else with_label(evidence, LABELS[name])


def specimens(ev: Evaluation) -> list[Tested]:
    """All specimens with HER2 results, the newest first."""
    told = of_breast(m for name in INPUTS for m in ev.record.measurements(name))
    results = [m for m in told if ev.counts(m.span) and _speaks(m)]
    if len(results) == 1:
        return [_read(ev, results)]
    dated = [m for m in results if m.span is not None]
    groups = _grouped(dated or results)
    tested = [_read(ev, group) for group in groups]
    return sorted(tested, key=lambda t: t.span.end if t.span else float("-inf"), reverse=True)


def _speaks(m: Measurement) -> bool:
    return not m.provisional and (m.standing != "sure" or not m.empty)


class _Group(msgspec.Struct):
    """Results taken to be of one specimen: whether its name or a report's tells that, and how far the results reach in
    time, so that the distance of another is told without a look at each. `number` is its place among all groups."""

    number: int
    results: list[Measurement] = msgspec.field(default_factory=list)
    named_specimen: bool = False
    named_report: bool = False
    days: set[tuple[float, float]] = msgspec.field(default_factory=set)
    latest_first: float = float("-inf")
    earliest_last: float = float("inf")

    def add(self, m: Measurement) -> None:
        first, last = days = _days(m)
        self.results.append(m)
        self.named_specimen |= bool(m.specimen)
        self.named_report |= bool(m.report)
        self.days.add(days)
        self.latest_first = max(self.latest_first, first)
        self.earliest_last = min(self.earliest_last, last)

    def holds(self, m: Measurement) -> bool:
        """Whether all of its results lie within 30 days of this one."""
        first, last = _days(m)
        return first - self.earliest_last <= SAME_TIME and self.latest_first - last <= SAME_TIME

    def distance(self, m: Measurement) -> float:
        """Days to the nearest of its results."""
        first, last = _days(m)
        return min(max(first - its_last, its_first - last, 0) for its_first, its_last in self.days)

    def is_near(self, other: "_Group") -> bool:
        """Whether all results of the two lie within 30 days of each other."""
        apart = max(self.latest_first - other.earliest_last, other.latest_first - self.earliest_last)
        return apart <= SAME_TIME


def _grouped(results: list[Measurement]) -> list[list[Measurement]]:
    """Results put together by specimen and report, each other one with what lies nearest in time. All are dated, or
    none is."""
    groups = _by_name([m for m in results if m.specimen or m.report])
    to_come = sorted(groups, key=lambda g: g.earliest_last)
    near: list[_Group] = []
    day = float("inf")
    # back in time: a group is met, may take results, and is past for good
    for m in sorted((m for m in results if not m.specimen and not m.report), key=_time, reverse=True):
        first, last = _days(m)
        while to_come and first - to_come[-1].earliest_last <= SAME_TIME:
            insort(near, to_come.pop(), key=_number)
        if last < day:
            near, day = [g for g in near if g.latest_first - last <= SAME_TIME], last
        group = _nearest(near, m)
        if group is None:
            group = _Group(len(groups))
            groups.append(group)
            near.append(group)
        group.add(m)
    return [g.results for g in _merged(groups)]


def _nearest(groups: list[_Group], m: Measurement) -> _Group | None:
    """The group closest in time, all of whose results lie within 30 days of this one; of several, the first."""
    best, closest = None, float("inf")
    for group in groups:
        if group.holds(m):
            distance = group.distance(m)
            if distance == 0:
                return group
            if distance < closest:
                best, closest = group, distance
    return best


def _number(group: _Group) -> int:
    return group.number


def _by_name(results: list[Measurement]) -> list[_Group]:
    """Results that share a specimen or a report, directly or through others."""
    same: dict[str, str] = {}

    def first_of(name: str) -> str:
        while same.setdefault(name, name) != name:
            same[name] = name = same[same[name]]
        return name

    def name_of(m: Measurement) -> str:
        return f"specimen {m.specimen}" if m.specimen else f"report {m.report}"

    for m in results:
        if m.specimen and m.report:
            same[first_of(f"report {m.report}")] = first_of(name_of(m))
    groups: dict[str, _Group] = {}
    for m in results:
        groups.setdefault(first_of(name_of(m)), _Group(len(groups))).add(m)
    return list(groups.values())


def _merged(groups: list[_Group]) -> list[_Group]:
    """Groups known by a specimen alone and groups known by a report alone are one where their results lie within 30
    days of each other; two different specimens, or two different reports, stay apart."""
    by_specimen = {g.number: g for g in groups if g.named_specimen and not g.named_report}
    by_report = {g.number: g for g in groups if g.named_report and not g.named_specimen}
    gone: set[int] = set()
    for group in groups if by_specimen and by_report else ():
        if group.number in by_specimen:
            own, others = by_specimen, by_report
        elif group.number in by_report:
            own, others = by_report, by_specimen
        else:
            continue
        del own[group.number]
        other = next((g for g in others.values() if group.is_near(g)), None)
        if other is not None:
            del others[other.number]
            gone.add(other.number)
            for m in other.results:
                group.add(m)
    return [g for g in groups if g.number not in gone]


def _time(m: Measurement) -> float:
    return m.span.end if m.span else float("-inf")


def _days(m: Measurement) -> tuple[float, float]:
    """The first and the last day it may be of; the undated are of one time."""
    return (m.span.first, m.span.last) if m.span else (0, 0)


def _read(ev: Evaluation, group: list[Measurement]) -> Tested:
    """The newest result of each kind in a specimen."""
    tested = Tested(group)
    for name in INPUTS:
        own = [m for m in group if m.name == name]
        if not own:
            continue
        chosen = select(ev, own)
        for m in chosen.candidates or chosen.undated:
            _take(tested, name, m)
    return tested


def _take(tested: Tested, name: str, m: Measurement) -> None:
    doubt, basis = doubt_of(m.standing, m.why)
    if not doubt and m.conflicting:
        doubt, basis = "two values that disagree in one resource", "conflict"
    if not doubt and m.problem:
        doubt, basis = m.problem, "unusable"
    if doubt:
        tested.problem = tested.problem or f"{m.said}: {doubt}"
        tested.basis = basis
        return
    try:
        _put(tested, name, m)
    except _Disagreement as both:
        tested.problem, tested.basis = str(both), "conflict"


class _Disagreement(ValueError):
    pass


def _put(tested: Tested, name: str, m: Measurement) -> None:
    match name:
        case "her2-ihc":
            _set(tested, "ihc", _score(m))
            said = _score_said(m)
            tested.ihc_said = said if tested.ihc_said in ("", said) else tested.ihc or ""
        case "her2-overall":
            _set(tested, "overall", _word(m.answers))
        case "her2-copies":
            _set(tested, "copies", m.value)
        case _:
            if m.value is not None:
                _set(tested, "ratio", m.value)
            if m.answers:
                _set(tested, "ish_words", _word(m.answers))
    if name == "her2-ish" and m.value is not None and m.answers:
        _agree(m.value, _word(m.answers))


def _set(tested: Tested, field: str, value: object) -> None:
    before = getattr(tested, field)
    if value is None or value == before:
        return
    if before is None:
        setattr(tested, field, value)
        return
    others = tested.also.setdefault(field, [])
    if len(others) < MAX_READINGS and value not in others:
        others.append(value)


def _agree(ratio: Interval, word: str | None) -> None:
    amplified = at_least(ratio, Decimal(2))
    if (word == "positive" and amplified is False) or (word == "negative" and amplified is True):
        raise _Disagreement("the ratio and the answer of one result disagree")


def _score(m: Measurement) -> str | None:
    if len(m.answers) == 1:
        (answer,) = m.answers
        return _IHC.get(answer) or _IHC_WORDS.get(answer)
    scores = {_IHC[a] for a in m.answers if a in _IHC}
    words = {_IHC_WORDS[a] for a in m.answers if a in _IHC_WORDS}
    found = scores or words
    if scores and words and scores != words and not (scores == {"2+"}):
        raise _Disagreement("the score and the answer of one result disagree")
    if len(found) > 1:
        raise _Disagreement("two scores in one result")
    return next(iter(found), None)


def _score_said(m: Measurement) -> str:
    """The score as reported; a word with the score that it is read as."""
    scores = sorted(_IHC_SAID[a] for a in m.answers if a in _IHC_SAID)
    if scores:
        return "/".join(scores)
    return next((f"{word} (read as {score})" for word, score in _IHC_WORDS.items() if word in m.answers), "")


def _word(answers: frozenset[str]) -> str | None:
    words = {a for a in answers if a in ("positive", "negative", "equivocal")}
    if len(words) > 1:
        raise _Disagreement("two answers in one result")
    return next(iter(words), None)


def groups_of(tested: Tested) -> frozenset[str]:
    """The groups that an in situ hybridisation may be; {"none"} where there is none."""
    if tested.ratio is None and tested.copies is None:
        return _ISH_WORDS[tested.ish_words] if tested.ish_words else frozenset({"none"})
    if tested.ratio is None:
        assert tested.copies is not None
        return frozenset(_single(tested.copies))
    return frozenset(_dual(tested.ratio, tested.copies))


def _single(copies: Interval) -> Iterable[str]:
    for low, high, name in ((6, None, "single-high"), (4, 6, "single-middle"), (None, 4, "single-low")):
        if _may_lie(copies, low, high):
            yield name


def _dual(ratio: Interval, copies: Interval | None) -> Iterable[str]:
    table = (
        ("1", (2, None), (4, None)), ("2", (2, None), (None, 4)), ("3", (None, 2), (6, None)),
        ("4", (None, 2), (4, 6)), ("5", (None, 2), (None, 4)),
    )  # fmt: skip
    for name, of_ratio, of_copies in table:
        if _may_lie(ratio, *of_ratio) and (copies is None or _may_lie(copies, *of_copies)):
            yield name


def _may_lie(value: Interval, low: int | None, below: int | None) -> bool:
    """Whether some value of the interval lies in [low, below)."""
    if low is not None and at_least(value, Decimal(low)) is False:
        return False
    return below is None or at_least(value, Decimal(below)) is not True


def describe(tested: Tested) -> str:
    parts = []
    if tested.ihc is not None:
        parts.append(f"IHC {_all(tested, 'ihc') if 'ihc' in tested.also else tested.ihc_said or tested.ihc}")
    parts += [f"{label} {_all(tested, label)}" for label in ("ratio", "copies") if getattr(tested, label) is not None]
    if tested.ish_words is not None and tested.ratio is None and tested.copies is None:
        parts.append(f"ISH {_all(tested, 'ish_words')}")
    if tested.overall is not None:
        parts.append(f"overall {_all(tested, 'overall')}")
    span = tested.span
    return f"HER2 {', '.join(parts) or 'result'}{f' on {span.text}' if span else ', undated'}"


def _all(tested: Tested, field: str) -> str:
    """Every value that results of the same time give."""
    values = (getattr(tested, field), *tested.also.get(field, ()))
    return " and ".join(sorted(_shown(value) if isinstance(value, Interval) else value for value in values))


def _shown(value: Interval) -> str:
    if value.exact is not None:
        return str(value.exact)
    if value.low is not None and value.high is not None and not value.low_open and not value.high_open:
        return f"{value.low} to {value.high}"
    low = "" if value.low is None else f"{'>' if value.low_open else '≥'}{value.low}"
    high = "" if value.high is None else f"{'<' if value.high_open else '≤'}{value.high}"
    return " ".join(part for part in (low, high) if part)
