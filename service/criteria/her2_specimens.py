"""HER2 results that belong to one specimen, read together."""

from collections.abc import Iterable
from decimal import Decimal
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
    `ihc_said` is the score, or the word, that was reported."""

    measurements: list[Measurement]
    ihc: str | None = None
    ihc_said: str = ""
    ratio: Interval | None = None
    copies: Interval | None = None
    ish_words: str | None = None
    overall: str | None = None
    problem: str = ""
    basis: Basis = "unusable"

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


def _grouped(results: list[Measurement]) -> list[list[Measurement]]:
    groups: list[list[Measurement]] = []
    keys: list[set[str]] = []
    loose: list[Measurement] = []
    for m in results:
        own = {k for k in (m.specimen and f"s:{m.specimen}", m.report and f"r:{m.report}") if k}
        if not own:
            loose.append(m)
            continue
        joined = [i for i, k in enumerate(keys) if k & own]
        _join(groups, keys, joined, m, own)
    for m in sorted(loose, key=_time, reverse=True):
        near = _nearest(groups, keys, m)
        if near is None:
            groups.append([m])
            keys.append(set())
        else:
            groups[near].append(m)
    return _merge_unlinked(groups, keys)


def _join(
    groups: list[list[Measurement]], keys: list[set[str]], joined: list[int], m: Measurement, own: set[str]
) -> None:
    if not joined:
        groups.append([m])
        keys.append(own)
        return
    first = joined[0]
    groups[first].append(m)
    keys[first] |= own
    for i in reversed(joined[1:]):
        groups[first] += groups.pop(i)
        keys[first] |= keys.pop(i)


def _nearest(groups: list[list[Measurement]], keys: list[set[str]], m: Measurement) -> int | None:
    """The group closest in time, all of whose results lie within 30 days of this one."""
    best: tuple[float, int] | None = None
    for i, group in enumerate(groups):
        distances = [_days_apart(m, other) for other in group]
        if max(distances) <= SAME_TIME:
            distance = min(distances)
            if best is None or distance < best[0]:
                best = (distance, i)
    return best[1] if best else None


def _merge_unlinked(groups: list[list[Measurement]], keys: list[set[str]]) -> list[list[Measurement]]:
    """Groups known by a specimen and groups known by a report, with no name in common, are one where their results lie
    within 30 days of each other; two different specimens, or two different reports, stay apart."""
    merged = True
    while merged:
        merged = False
        for i in range(len(groups)):
            for j in range(i + 1, len(groups)):
                kinds_i, kinds_j = {k[0] for k in keys[i]}, {k[0] for k in keys[j]}
                if kinds_i & kinds_j or not kinds_i or not kinds_j:
                    continue
                if all(_days_apart(a, b) <= SAME_TIME for a in groups[i] for b in groups[j]):
                    groups[i] += groups.pop(j)
                    keys[i] |= keys.pop(j)
                    merged = True
                    break
            if merged:
                break
    return groups


def _time(m: Measurement) -> float:
    return m.span.end if m.span else float("-inf")


def _days_apart(a: Measurement, b: Measurement) -> float:
    if a.span is None or b.span is None:
        return 0 if a.span is b.span else float("inf")
    if a.span.first <= b.span.last and b.span.first <= a.span.last:
        return 0
    return b.span.first - a.span.last if b.span.first > a.span.last else a.span.first - b.span.last


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
    if before is not None and value is not None and before != value:
        both = f" ({', '.join(sorted((before, value)))})" if isinstance(before, str) and isinstance(value, str) else ""
        raise _Disagreement(f"results of the same time disagree{both}")
    if value is not None:
        setattr(tested, field, value)


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
        parts.append(f"IHC {tested.ihc_said or tested.ihc}")
    for label, value in (("ratio", tested.ratio), ("copies", tested.copies)):
        if value is not None:
            parts.append(f"{label} {_shown(value)}")
    if tested.ish_words is not None and tested.ratio is None and tested.copies is None:
        parts.append(f"ISH {tested.ish_words}")
    if tested.overall is not None:
        parts.append(f"overall {tested.overall}")
    span = tested.span
    return f"HER2 {', '.join(parts) or 'result'}{f' on {span.text}' if span else ''}"


def _shown(value: Interval) -> str:
    if value.exact is not None:
        return str(value.exact)
    low = "" if value.low is None else f"{'>' if value.low_open else '≥'}{value.low}"
    high = "" if value.high is None else f"{'<' if value.high_open else '≤'}{value.high}"
    return " ".join(part for part in (low, high) if part)
