"""What a trial file says that cannot be meant, though it can be read: rules that contradict each other, that nothing
can reach, that never decide. Found from the compiled rules alone, without a patient."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import combinations, product
from typing import Any

import msgspec

from service.criteria.bands import Band
from service.criteria.catalogue import Criterion, Trial
from service.criteria.combinations import AllOf, AnyOf, WhenRule
from service.criteria.composite_signs import AllSigns, AnySign
from service.criteria.describing import describe
from service.criteria.evaluation import Rule
from service.criteria.lexicon import Lexicon
from service.criteria.measured import Limit, MeasurementRule, Threshold
from service.criteria.rules import AbsenceRule, PresenceRule
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.criteria.spans import Window
from service.criteria.taken import DrugSign
from service.criteria.threshold_sign import ThresholdSign
from service.library.demands import (
    beyond,
    demands,
    necessary,
    pairs,
    range_of,
    ranges,
    sexes,
    sharing_an_arm,
    wanted_and_unwanted,
)

Path = tuple[str | int, ...]
HasCodes = Callable[[str, str], bool]  # family and concept
LONG_FOR_A_RESULT = 24  # months: a result so old tells nothing of what changes
LONG_FOR_A_THERAPY = 120


class Remark(msgspec.Struct, frozen=True):
    """Something to look at, and where in the file it stands. A mistake cannot be meant; a warning may be."""

    path: Path
    text: str
    is_mistake: bool = True


def remarks(trial: Trial, lexicon: Lexicon, has_codes: HasCodes, today: str) -> Iterator[Remark]:
    """Everything that is remarkable about a trial, as of a day (ISO)."""
    yield from _of_the_file(trial, today)
    yield from _across(trial)
    for index, criterion in enumerate(trial.criteria):
        where: Path = ("criteria", index)
        if trial.status == "active" and criterion.draft:
            yield Remark((*where, "draft"), "an active trial has no drafts: check the rule and take `draft` away")
        yield from _polarity(criterion, where)
        yield from _undecided(criterion.rule, (*where, "rule"))
        for part in parts(criterion.rule):
            for text, is_mistake in _of_part(part, lexicon, has_codes):
                yield Remark((*where, "rule"), text, is_mistake)


def parts(whole: Any) -> Iterator[Any]:
    """A rule or sign and everything that it is made of."""
    yield whole
    for name in getattr(whole, "__struct_fields__", ()):
        value = getattr(whole, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, msgspec.Struct):
                yield from parts(part)


# -- the file


def _of_the_file(trial: Trial, today: str) -> Iterator[Remark]:
    if trial.review_by and trial.review_by < today:
        yield Remark(("review-by",), f"was to be reviewed by {trial.review_by}", False)
    if trial.effective_to and trial.effective_to < today and trial.status == "active":
        yield Remark(("effective-to",), f"active, but in effect only until {trial.effective_to}", False)


# -- criteria that do not go together


def _across(trial: Trial) -> Iterator[Remark]:
    every = [d for n, criterion in enumerate(trial.criteria) for d in demands(criterion, n)]
    for earlier, later in pairs(every):
        where: Path = ("criteria", later.index, "rule")
        other = "here too" if earlier.index == later.index else f"in {earlier.criterion.id}"
        both = earlier.range.and_(later.range)
        if both.is_empty:
            yield Remark(where, f"{later.label} {later.asked}, but {earlier.asked} {other}: nobody can meet both")
        elif both in (earlier.range, later.range) and earlier.window == later.window:
            yield Remark(where, f"{later.label} {later.asked}, and {earlier.asked} {other}: one of them is idle", False)
    for (n, one), (m, other_one) in combinations(enumerate(trial.criteria), 2):
        if sharing_an_arm(one, other_one):
            yield from _against(one, n, other_one, m)
    for n, criterion in enumerate(trial.criteria):
        yield from _against(criterion, n, criterion, n)


def _against(one: Criterion, n: int, other: Criterion, m: int) -> Iterator[Remark]:
    """What one criterion wants there and the other wants gone."""
    if n != m and any(a != b for a, b in product(sexes(one.rule), sexes(other.rule))):
        yield Remark(("criteria", m, "rule"), f"the other gender is asked for in {one.id}: nobody can meet both")
    (there, gone), (also_there, also_gone) = wanted_and_unwanted(one.rule), wanted_and_unwanted(other.rule)
    clash = [s for s in there if s in also_gone]
    clash += [s for s in also_there if s in gone] if n != m else []
    for sign in clash:
        yield Remark(("criteria", m, "rule"), f"{describe(sign)}: asked for and ruled out ({one.id}, {other.id})")


# -- what one part says


def _of_part(part: Any, lexicon: Lexicon, has_codes: HasCodes) -> Iterator[tuple[str, bool]]:
    match part:
        case Threshold():
            yield from _possible(part, lexicon)
            yield from _fresh(part, lexicon)
        case WhenRule():
            yield from _branches(part)
        case AnyOf() | AllOf():
            yield from _twice([describe(rule) for rule in part.rules])
            yield from _idle(part)
            if isinstance(part, AnyOf):
                yield from _closed(part.rules)
        case AnySign() | AllSigns():
            yield from _twice([describe(sign) for sign in part.signs])
        case AbsenceRule():
            yield from _twice([describe(concern.sign) for concern in part.concerns])
        case DiagnosisSign():
            yield from _coded("condition", part.concepts, part.label, has_codes, bool(part.observed))
        case ProcedureSign():
            yield from _coded("procedure", part.concepts, part.label, has_codes)
        case DrugSign():
            yield from _coded("drug", part.drugs.ingredients, part.drugs.label, has_codes)
    window = getattr(part, "window", None)
    if isinstance(window, Window) and not isinstance(part, Threshold) and _months(window) > LONG_FOR_A_THERAPY:
        yield f"{window} is a very long window", False


def _possible(threshold: Threshold, lexicon: Lexicon) -> Iterator[tuple[str, bool]]:
    """A limit that no value, or every value, of a living person meets."""
    usable = lexicon.input(threshold.input).usable
    is_band = isinstance(threshold, Band)  # its ends come by themselves
    if usable is None or threshold.limit.times_uln or is_band:
        return
    living = range_of(Limit("at-least", usable[0])).and_(range_of(Limit("at-most", usable[1])))
    if living.and_(range_of(threshold.limit)).is_empty:
        yield f"{threshold.label} {threshold.limit}: no value that is read can meet it", True
    elif living.and_(beyond(threshold.limit)).is_empty:
        yield f"{threshold.label} {threshold.limit}: every value that is read meets it", False


def _fresh(threshold: Threshold, lexicon: Lexicon) -> Iterator[tuple[str, bool]]:
    usual = lexicon.input(threshold.input).window
    if usual is None:
        return
    if threshold.window is None:
        yield f"{threshold.label} without `within`: a result of any age counts; usual is {usual}", False
    elif _months(threshold.window) > LONG_FOR_A_RESULT:
        yield f"{threshold.label} within {threshold.window}: so old a result tells little; usual is {usual}", False


def _months(window: Window) -> float:
    return {"days": window.number / 30, "weeks": window.number / 4}.get(window.unit, window.months)


def _branches(rule: WhenRule) -> Iterator[tuple[str, bool]]:
    yield from _closed((rule.then, rule.otherwise))
    if rule.then == rule.otherwise:
        yield "`then` and `otherwise` say the same: `when` decides nothing", True
    for branch in (rule.then, rule.otherwise):
        if any(isinstance(p, WhenRule) and p.sign == rule.sign for p in parts(branch)):
            yield "`when` asks inside for what it has asked already: one branch can never be reached", True


def _closed(branches: tuple[Rule, ...]) -> Iterator[tuple[str, bool]]:
    """Branches that ask for what no value can be."""
    for branch in branches:
        found = [asked for rule in necessary(branch) for asked in ranges(rule)]
        for (about, label, one, said, _), (also, _, other, words, _) in combinations(found, 2):
            if about == also and one.and_(other).is_empty:
                yield f"{label} {said}, and {words}: nobody can meet both", True


def _twice(said: list[str]) -> Iterator[tuple[str, bool]]:
    for text in dict.fromkeys(text for text in said if said.count(text) > 1):
        yield f"stands twice: {text}", True


def _idle(rule: AnyOf | AllOf) -> Iterator[tuple[str, bool]]:
    """A part that always passes: in any-of the others are never reached, in all-of it says nothing."""
    always = [part for part in rule.rules if part.outcomes() == {"pass"}]
    if always and len(rule.rules) > 1:
        what = "the others never decide" if isinstance(rule, AnyOf) else "it says nothing here"
        yield f"{describe(always[0])}: always passes, so {what}", isinstance(rule, AnyOf)


def _coded(
    family: str, concepts: frozenset[str], label: str, has_codes: HasCodes, observed: bool = False
) -> Iterator[tuple[str, bool]]:
    """Names that no value set gives a code for are never found in a record."""
    without = sorted(name for name in concepts if not has_codes(family, name))
    if without and len(without) == len(concepts) and not observed:
        yield f"{label}: no value set has a code for it, so no record can hold it", True
    elif without:
        yield f"{label}: no value set has a code for {', '.join(without)}", False


def _undecided(rule: Rule, where: Path) -> Iterator[Remark]:
    """A criterion with one possible outcome that is neither a person's judgement nor a wish."""
    outcomes = rule.outcomes()
    if len(outcomes) == 1 and outcomes.isdisjoint({"review", "pass"}):
        yield Remark(where, f"never decides: it always comes out as {next(iter(outcomes))}")


# -- an exclusion written the wrong way round

_UP = (
    r"at least|no less than|not less than|or more|or greater|≥|>=|more than|above|over|greater than|exceed(?:s|ing)?|>"
)
_DOWN = r"at most|no more than|not more than|or less|up to|≤|<=|less than|below|under|lower than|<"
_DIRECTION = re.compile(rf"(?P<down>{_DOWN})|(?P<up>{_UP})", re.IGNORECASE)


def _polarity(criterion: Criterion, where: Path) -> Iterator[Remark]:
    """A rule says what the patient must be like. One that asks for what its exclusion names is the wrong way round."""
    rule, path = criterion.rule, (*where, "rule")
    excluded = criterion.type == "exclusion"
    if excluded and isinstance(rule, PresenceRule):
        said = f"an exclusion that asks for {describe(rule.sign)}: is `absent` what is meant?"
        yield Remark(path, said, False)
    for limit, must_meet in _only_limit(rule):
        told = _direction(criterion.text, limit)
        upwards = limit.comparison in ("at-least", "more-than")
        if told is not None and (told == upwards) is (excluded is must_meet):
            what = "excludes" if excluded else "asks for"
            yield Remark(path, f"the wrong way round? The text {what} other values; met is: {describe(rule)}", False)


def _only_limit(rule: Rule) -> Iterator[tuple[Limit, bool]]:
    """The limit of a rule that has just one, and whether a value must meet it or must not."""
    if isinstance(rule, MeasurementRule) and not isinstance(rule.threshold, Band):
        yield rule.threshold.limit, True
    elif isinstance(rule, AbsenceRule) and len(rule.concerns) == 1:
        sign = rule.concerns[0].sign
        if isinstance(sign, ThresholdSign):
            yield sign.threshold.limit, False


def _direction(text: str, limit: Limit) -> bool | None:
    """Whether a text that names the limit's number speaks of values above it; None where it does not tell."""
    numbers = {Decimal(n.replace(",", "")) for n in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)}
    found = {match.lastgroup for match in _DIRECTION.finditer(text)}
    if limit.number / limit.scale not in numbers or len(found) != 1:
        return None
    return found == {"up"}
