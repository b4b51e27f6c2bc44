"""What a trial asks of everybody it takes, as ranges of values: so that two criteria that no one can meet together, or
of which one makes the other idle, can be found without a patient."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from service.criteria.bands import Band
from service.criteria.catalogue import Criterion
from service.criteria.combinations import AllOf, DoubtfulRule
from service.criteria.evaluation import Rule, Sign
from service.criteria.for_a_person import ShownRule
from service.criteria.measured import Limit, MeasurementRule, Threshold
from service.criteria.rules import AbsenceRule, AgeRule, PresenceRule, SexRule
from service.criteria.spans import Window
from service.criteria.threshold_sign import ThresholdSign

INFINITY = Decimal("Infinity")


class Range(msgspec.Struct, frozen=True):
    """Values from `low` to `high`; a bound marked open is not in it."""

    low: Decimal = -INFINITY
    high: Decimal = INFINITY
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def and_(self, other: "Range") -> "Range":
        """What lies in both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Range(low, high, low_open, not closed)


class Demand(msgspec.Struct, frozen=True):
    """One range that a criterion asks for. `about` is the same where two speak of one value; `asked` is for readers."""

    about: tuple[object, ...]
    label: str
    range: Range
    asked: str
    window: Window | None
    criterion: Criterion
    index: int


def range_of(limit: Limit) -> Range:
    """The values that meet a limit."""
    return {
        "at-least": Range(low=limit.number),
        "more-than": Range(low=limit.number, low_open=True),
        "at-most": Range(high=limit.number),
        "less-than": Range(high=limit.number, high_open=True),
    }[limit.comparison]


def beyond(limit: Limit) -> Range:
    """The values that do not meet a limit."""
    return {
        "at-least": Range(high=limit.number, high_open=True),
        "more-than": Range(high=limit.number),
        "at-most": Range(low=limit.number, low_open=True),
        "less-than": Range(low=limit.number),
    }[limit.comparison]


def necessary(rule: Rule) -> Iterator[Rule]:
    """The rules that must pass wherever this one does, taken out of what combines them."""
    match rule:
        case AllOf():
            for part in rule.rules:
                yield from necessary(part)
        case DoubtfulRule() | ShownRule():
            yield from necessary(rule.rule)
        case _:
            yield rule


def demands(criterion: Criterion, index: int) -> Iterator[Demand]:
    """Every range that a patient's values must lie in for a criterion to be met."""
    for rule in necessary(criterion.rule):
        for about, label, found, asked, window in ranges(rule):
            yield Demand(about, label, found, asked, window, criterion, index)


def ranges(rule: Rule) -> Iterator[tuple[tuple[object, ...], str, Range, str, Window | None]]:
    """The ranges of one rule: of what, its label, the values, the words of the limit, the window."""
    match rule:
        case AgeRule():
            low = -INFINITY if rule.at_least is None else Decimal(rule.at_least)
            high = INFINITY if rule.below is None else Decimal(rule.below)
            bounds = [f"at least {rule.at_least}"] if rule.at_least is not None else []
            bounds += [f"below {rule.below}"] if rule.below is not None else []
            yield ("age",), "age", Range(low, high, high_open=True), f"{' and '.join(bounds)} years", None
        case MeasurementRule():
            for own in ends(rule.threshold):
                yield _about(own), own.label, range_of(own.limit), str(own.limit), own.window
        case AbsenceRule():
            for concern in rule.concerns:
                if concern.then == "fail" and isinstance(concern.sign, ThresholdSign):
                    own = concern.sign.threshold
                    yield _about(own), own.label, beyond(own.limit), f"not {own.limit}", own.window


def ends(threshold: Threshold) -> tuple[Threshold, ...]:
    """The thresholds that a value has to meet: both of a band."""
    return (threshold.lower, threshold.upper) if isinstance(threshold, Band) else (threshold,)


def _about(threshold: Threshold) -> tuple[object, ...]:
    return threshold.input, threshold.limit.times_uln, threshold.method, threshold.aside


def wanted_and_unwanted(rule: Rule) -> tuple[list[Sign], list[Sign]]:
    """The signs that must be there for a rule to pass, and those that must not."""
    there, gone = [], []
    for part in necessary(rule):
        if isinstance(part, PresenceRule):
            there.append(part.sign)
        elif isinstance(part, AbsenceRule):
            gone += [concern.sign for concern in part.concerns if concern.then == "fail"]
    return there, gone


def sexes(rule: Rule) -> list[str]:
    return [part.sex for part in necessary(rule) if isinstance(part, SexRule)]


def sharing_an_arm(one: Criterion, other: Criterion) -> bool:
    """Whether some patient is asked both."""
    return not one.arms or not other.arms or not set(one.arms).isdisjoint(other.arms)


def pairs(found: Iterable[Demand]) -> Iterator[tuple[Demand, Demand]]:
    """Demands on the same value that one patient has to meet, earlier ones first."""
    every = list(found)
    for n, later in enumerate(every):
        for earlier in every[:n]:
            if earlier.about == later.about and sharing_an_arm(earlier.criterion, later.criterion):
                yield earlier, later
