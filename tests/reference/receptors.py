"""HER2 by the two definitions, oestrogen and progesterone receptors."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from .amounts import Amount, amount_of
from .answers import CONFLICT, FAIL, MISSING, PASS, UNUSABLE, Answer
from .diagnoses import SNOMED, Codes, ever
from .record import Record
from .results import Result, coded, flags, newest, results
from .spans import Span

_LOINC = "http://loinc.org"
_POSITIVE, _NEGATIVE, _EQUIVOCAL = "positive", "negative", "equivocal"
_BOTH_WAYS = "both ways"
_WORDS = {
    **dict.fromkeys(("LA6576-8", "10828004", "LA11882-0", "260373001"), _POSITIVE),
    **dict.fromkeys(("LA6577-6", "260385009", "LA11883-8", "260415000"), _NEGATIVE),
    **dict.fromkeys(("LA11885-3", "LA11884-6", "42425007"), _EQUIVOCAL),
}
_FLAGS = {"POS": _POSITIVE, "DET": _POSITIVE, "NEG": _NEGATIVE, "ND": _NEGATIVE, "E": _EQUIVOCAL, "IND": _EQUIVOCAL}
_SCORES = {"LA6111-4": "0", "LA11841-6": "1+", "LA11842-4": "2+", "LA11843-2": "3+"}
_READ_AS = {_POSITIVE: "3+", _NEGATIVE: "0", _EQUIVOCAL: "2+"}

_IHC = frozenset(("85319-2", "18474-7", "72383-3"))
_ISH = frozenset(("85318-4", "31150-6", "96893-3"))
_RATIO = frozenset(("49683-6",))
_COPY = frozenset(("74860-8",))
_OVERALL = frozenset(("48676-1",))
_SPECIMEN_DAYS = 30

_ER = frozenset(("85329-1", "14228-1", "16112-5", "40556-3", "85337-4"))
_PR = frozenset(("85325-9", "14230-7", "16113-3", "40557-1", "85339-0"))
_BOTH = frozenset(("10480-2",))
_PERCENT = frozenset(("85329-1", "14228-1", "85325-9", "14230-7"))

_HER2_SAID = {
    _POSITIVE: Codes(icd=("Z1731", "Z17410", "Z17420"), snomed=frozenset(("427685000", "459391000124109"))),
    _NEGATIVE: Codes(icd=("Z1732", "Z17411", "Z17421"), snomed=frozenset(("431396003", "705105000"))),
}
_SAID = {
    "er": {
        _POSITIVE: Codes(icd=("Z170",), snomed=frozenset(("416053008",))),
        _NEGATIVE: Codes(icd=("Z171", "Z1742"), snomed=frozenset(("441117001", "438628005"))),
    },
    "pr": {
        _POSITIVE: Codes(icd=("Z1721",), snomed=frozenset(("416561008",))),
        _NEGATIVE: Codes(icd=("Z1722", "Z1742"), snomed=frozenset(("441118006", "438628005"))),
    },
}
_EITHER_SAID = Codes(icd=("Z1741",), snomed=frozenset(("417742002", "417181009")))


@dataclass(frozen=True)
class Specimen:
    """What one specimen showed. `ish` holds every dual-probe group or single-probe class that it could be."""

    last_day: int
    ihc: str | None
    ish: frozenset[str]
    ratio: Amount | None
    copies: Amount | None
    ish_said: str | None
    overall: str | None
    unusable: bool


def her2_by_guideline(record: Record) -> Answer:
    """ASCO/CAP 2018: the newest specimen decides."""
    found = specimens(record)
    if found:
        answer = _by_guideline(max(found, key=lambda s: s.last_day))
        return CONFLICT if _contradicts(answer, _diagnosed(record, _HER2_SAID)) else answer
    return _as_answer(_diagnosed(record, _HER2_SAID))


def her2_by_trial(record: Record) -> Answer:
    """NCT03304080's own definition: any specimen positive; else one undetermined is unknown; else negative."""
    found = specimens(record)
    if not found:
        return _as_answer(_diagnosed(record, _HER2_SAID, any_one=True))
    answers = [_by_trial(specimen) for specimen in found]
    if PASS in answers:
        return PASS
    return next((answer for answer in answers if answer.outcome == "unknown"), FAIL)


def specimens(record: Record) -> list[Specimen]:
    """Put together by specimen or report, else by dates at most 30 days apart."""
    groups: dict[str, list[Result]] = {}
    for result in results(record, _IHC | _ISH | _RATIO | _COPY | _OVERALL, _has_answer):
        groups.setdefault(_group_of(record, result, groups), []).append(result)
    return [_specimen(group) for group in groups.values()]


def estrogen(record: Record) -> Answer:
    """ER alone, the newest: ER and PR told together never settles that ER is positive."""
    answer = _newest_receptor(record, _ER, _SAID["er"])
    if answer is not None:
        return answer
    together = _newest_receptor(record, _BOTH, {})
    return FAIL if together == FAIL else together if together and together != PASS else MISSING


def either_newest(record: Record) -> Answer:
    """ER or PR, the newest of each."""
    return _either(
        record,
        _newest_receptor(record, _ER, _SAID["er"]),
        _newest_receptor(record, _PR, _SAID["pr"]),
        _newest_receptor(record, _BOTH, {}),
    )


def either_ever(record: Record) -> Answer:
    """ER or PR in any specimen."""
    return _either(
        record,
        _any_receptor(record, _ER, _SAID["er"]),
        _any_receptor(record, _PR, _SAID["pr"]),
        _any_receptor(record, _BOTH, {}),
    )


def _either(record: Record, er: Answer | None, pr: Answer | None, both: Answer | None) -> Answer:
    answers = [answer for answer in (er, pr, both) if answer is not None]
    if PASS in answers or (not answers and _said(record, _EITHER_SAID)):
        return PASS
    doubtful = [answer for answer in answers if answer.outcome == "unknown"]
    if doubtful:
        return doubtful[0]
    return FAIL if both == FAIL or (er == FAIL and pr == FAIL) else MISSING


def _newest_receptor(record: Record, codes: frozenset[str], said: dict[str, Codes]) -> Answer | None:
    """The newest of percentage and interpretation; a diagnosis only where no laboratory result is."""
    found = newest(results(record, codes, _has_answer))
    if not found:
        return _told(_diagnosed(record, said))
    answers = {_receptor(result) for result in found}
    return answers.pop() if len(answers) == 1 else CONFLICT


def _any_receptor(record: Record, codes: frozenset[str], said: dict[str, Codes]) -> Answer | None:
    times: dict[Span | None, set[Answer]] = {}
    found = results(record, codes, _has_answer)
    # An undated one serves only where nothing dated does.
    for result in [r for r in found if r.when is not None] or found:
        times.setdefault(result.when, set()).add(_receptor(result))
    if not times:
        return _told(_diagnosed(record, said, any_one=True))
    # At one time on different sides is a conflict of that specimen.
    told = [CONFLICT if len(answers) > 1 else next(iter(answers)) for answers in times.values()]
    return PASS if PASS in told else next((a for a in told if a.outcome == "unknown"), FAIL)


def _receptor(result: Result) -> Answer:
    """Positive at 1 % of cells or more; a percentage that may be on either side is unknown."""
    if _codes(result) & _PERCENT and any(kind.startswith("value") for kind in result.body):
        amount = amount_of(result.body, "receptor")
        if not isinstance(amount, Amount):
            return CONFLICT if amount == "conflict" else UNUSABLE
        positive = amount.at_least(Decimal(1))
        return UNUSABLE if positive is None else PASS if positive else FAIL
    return _as_answer(_word(result)) if _word(result) or not _has_value(result.body) else UNUSABLE


def _by_guideline(specimen: Specimen) -> Answer:
    if specimen.unusable:
        return UNUSABLE
    if specimen.ihc is None and not specimen.ish:
        return _as_answer(specimen.overall)
    answers = {_table(specimen.ihc, ish) for ish in specimen.ish or {"no ISH"}}
    answer = answers.pop() if len(answers) == 1 else MISSING
    return CONFLICT if _contradicts(answer, specimen.overall) else answer


def _contradicts(answer: Answer, word: str | None) -> bool:
    """An overall interpretation, or a diagnosis, that says the other thing."""
    return word is not None and word == {PASS: _NEGATIVE, FAIL: _POSITIVE}.get(answer)


def _table(ihc: str | None, ish: str) -> Answer:
    """The table of IHC against ISH: groups 1 to 5, or a single probe low, middle, high."""
    match ihc, ish:
        case "3+", "5" | "single low":
            return CONFLICT
        case "3+", _:
            return PASS
        case "2+", "1" | "3" | "single high":
            return PASS
        case "2+", "no ISH" | "single middle":
            return MISSING
        case "2+", _:
            return FAIL
        case "0" | "1+", "1" | "single high":
            return CONFLICT
        case "0" | "1+", _:
            return FAIL
        case None, "1" | "single high":
            return PASS
        case None, "5" | "single low":
            return FAIL
    return MISSING


def _by_trial(specimen: Specimen) -> Answer:
    """Measured values go before an overall interpretation, which was made by another rule."""
    if specimen.unusable:
        return UNUSABLE
    if specimen.ihc is None and not specimen.ish:
        return _as_answer(specimen.overall)
    high_copies = specimen.copies.at_least(Decimal(6)) if specimen.copies else None
    high_ratio = specimen.ratio.at_least(Decimal(2)) if specimen.ratio else None
    if specimen.ihc == "3+" or high_copies or high_ratio or specimen.ish_said == _POSITIVE:
        return PASS
    # An interval that reaches into the positive side may still be positive.
    if (specimen.copies and high_copies is None) or (specimen.ratio and high_ratio is None):
        return MISSING
    low_ratio = high_ratio is False
    negative = specimen.ihc in ("0", "1+") or specimen.ish_said == _NEGATIVE
    negative = negative or (low_ratio and (high_copies is False or specimen.ihc == "2+"))
    return FAIL if negative else MISSING


def _group_of(record: Record, result: Result, groups: dict[str, list[Result]]) -> str:
    """The same specimen or report, else taken within 30 days of one of the group."""
    named = result.parent.get("specimen", {}).get("reference") or _report_of(record, result)
    if named:
        return named
    for name, members in groups.items():
        if name.startswith("by date") and any(_near(result, member) for member in members):
            return name
    return f"by date {len(groups)}"


def _report_of(record: Record, result: Result) -> str | None:
    own = f"Observation/{result.parent['id']}"
    for report in record.of("DiagnosticReport"):
        if any(r.get("reference") == own for r in report.get("result", [])):
            return f"DiagnosticReport/{report['id']}"
    return None


def _near(first: Result, second: Result) -> bool:
    if first.when is None or second.when is None:
        return first.when is second.when
    return abs(first.when.first - second.when.first) <= _SPECIMEN_DAYS


def _specimen(group: list[Result]) -> Specimen:
    ratio, bad_ratio = _number(group, _RATIO | _ISH, "her2-ratio")
    copies, bad_copies = _number(group, _COPY, "her2-copy")
    ihc, bad_ihc = _ihc(group)
    said = _first_word(group, _ISH)
    return Specimen(
        max(result.when.last if result.when else 0 for result in group),
        ihc,
        _ish_classes(ratio, copies, said),
        ratio,
        copies,
        said if ratio is None and copies is None else None,
        _first_word(group, _OVERALL),
        bad_ratio or bad_copies or bad_ihc,
    )


def _number(group: list[Result], codes: frozenset[str], test: str) -> tuple[Amount | None, bool]:
    """The newest number of a test in the specimen, and whether it cannot be used."""
    found = [r for r in newest(_of(group, codes)) if not _word(r)]
    amounts = [amount_of(result.body, test) for result in found]
    if any(isinstance(amount, str) for amount in amounts):
        return None, True
    return next((amount for amount in amounts if isinstance(amount, Amount)), None), False


def _ihc(group: list[Result]) -> tuple[str | None, bool]:
    """The score as reported; positive reads as 3+, negative as 0 or 1+, equivocal as 2+."""
    for result in newest(_of(group, _IHC)):
        score = _score(result)
        return score, score is None
    return None, False


def _score(result: Result) -> str | None:
    for code in coded(result.body.get("valueCodeableConcept"), _LOINC):
        if code in _SCORES:
            return _SCORES[code]
    if "valueString" in result.body:
        text = result.body["valueString"].strip()
        return text if text in _SCORES.values() else None
    return _READ_AS.get(_word(result) or "")


def _ish_classes(ratio: Amount | None, copies: Amount | None, said: str | None) -> frozenset[str]:
    """Every group that the values could be; a copy number without a ratio is a single probe."""
    if ratio is None and copies is None:
        return {_POSITIVE: frozenset("1"), _NEGATIVE: frozenset("5")}.get(said or "", frozenset())
    levels = _levels(copies)
    if ratio is None:
        return frozenset(f"single {level}" for level in levels)
    amplified = ratio.at_least(Decimal(2))
    sides = [amplified] if amplified is not None else [True, False]
    return frozenset(_GROUPS[side, level] for side, level in product(sides, levels))


_GROUPS = {
    (True, "high"): "1",
    (True, "middle"): "1",
    (True, "low"): "2",
    (False, "high"): "3",
    (False, "middle"): "4",
    (False, "low"): "5",
}


def _levels(copies: Amount | None) -> list[str]:
    """Copies per cell: high from 6, middle from 4, low below."""
    if copies is None:
        return ["low", "middle", "high"]
    levels = []
    if copies.at_least(Decimal(4)) is not True:
        levels.append("low")
    if copies.below(Decimal(4)) is not True and copies.at_least(Decimal(6)) is not True:
        levels.append("middle")
    if copies.below(Decimal(6)) is not True:
        levels.append("high")
    return levels


def _of(group: list[Result], codes: frozenset[str]) -> list[Result]:
    return [result for result in group if _codes(result) & codes]


def _codes(result: Result) -> set[str]:
    return coded(result.body.get("code"), _LOINC)


def _first_word(group: list[Result], codes: frozenset[str]) -> str | None:
    return next((word for r in newest(_of(group, codes)) if (word := _word(r))), None)


def _word(result: Result) -> str | None:
    """A coded answer; an interpretation serves where there is no value."""
    concept = result.body.get("valueCodeableConcept")
    codes = coded(concept, _LOINC) | coded(concept, SNOMED)
    said = next((_WORDS[code] for code in sorted(codes) if code in _WORDS), None)
    if said or _has_value(result.body):
        return said
    return next((_FLAGS[flag] for flag in sorted(flags(result.body)) if flag in _FLAGS), None)


def _has_value(body: dict) -> bool:
    return any(kind.startswith("value") for kind in body)


def _has_answer(body: dict) -> bool:
    return _has_value(body) or bool(flags(body) & set(_FLAGS))


def _diagnosed(record: Record, said: dict[str, Codes], any_one: bool = False) -> str | None:
    """What the newest diagnoses say, or any positive one that none of its time denies; or that they contradict each
    other."""
    told = [(word, d.when) for word, codes in said.items() for d in ever(record, codes) if d.doubt is None]
    denials = [when for word, when in told if word == _NEGATIVE]
    if any_one and any(word == _POSITIVE and all(_apart(when, no) for no in denials) for word, when in told):
        return _POSITIVE
    words = {word for word, when in told if not any(_older(when, other) for _, other in told)}
    return _BOTH_WAYS if len(words) > 1 else next(iter(words), None)


def _older(when: Span | None, other: Span | None) -> bool:
    return when is not None and other is not None and when.last < other.first


def _apart(when: Span | None, other: Span | None) -> bool:
    return _older(when, other) or _older(other, when)


def _said(record: Record, codes: Codes) -> bool:
    return any(d.doubt is None for d in ever(record, codes))


def _as_answer(word: str | None) -> Answer:
    return {_POSITIVE: PASS, _NEGATIVE: FAIL, _BOTH_WAYS: CONFLICT}.get(word or "", MISSING)


def _told(word: str | None) -> Answer | None:
    return _as_answer(word) if word else None
