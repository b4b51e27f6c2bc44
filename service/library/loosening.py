"""Two versions of a rule: where they differ, and whether the new one is met by more patients (looser) or by fewer
(tighter). Where that cannot be told from the rules alone, both are put side by side."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial, reduce
from typing import Any, Literal

import msgspec

from service.criteria.combinations import AllOf, AnyOf, DoubtfulRule, WhenRule
from service.criteria.describing import describe
from service.criteria.drug_now import NoDrugNowRule
from service.criteria.drugs import Drugs
from service.criteria.for_a_person import ShownRule
from service.criteria.lines import LinesRule
from service.criteria.measured import MeasurementRule, Threshold
from service.criteria.reproduction import ForWomenRule
from service.criteria.rules import AbsenceRule, AgeRule, Concern, PresenceRule
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.criteria.since_metastasis import NoTherapySinceRule
from service.criteria.spans import Window
from service.criteria.taken import DrugSign
from service.criteria.threshold_sign import ThresholdSign
from service.criteria.washout import WashoutRule
from service.library.demands import Range, ends, range_of, ranges
from service.library.lengths import compared

NO_WINDOW = "without a window"
_GRAVITY = {"review": 0, "unknown": 1, "fail": 2}


class Step(msgspec.Struct, frozen=True):
    """One difference in words, and what it does; no direction where that cannot be told."""

    direction: Literal["", "tighter", "looser"]
    says: str


def steps(old: Any, new: Any) -> list[Step]:
    """The differences between two rules; none where they are the same."""
    return [] if old == new else list(_steps(old, new))


def _steps(old: Any, new: Any) -> Iterator[Step]:
    match old, new:
        case AgeRule(), AgeRule():
            yield from _age(old, new)
        case MeasurementRule(), MeasurementRule():
            yield from _threshold(old.threshold, new.threshold, True)
            if old.site_window != new.site_window:
                yield Step("", f"the window is now {'the usual one' if new.site_window else 'the source’s'}")
        case PresenceRule(), PresenceRule() if old.if_none == new.if_none:
            yield from _sign(old.sign, new.sign, True)
        case AbsenceRule(), AbsenceRule():
            yield from _concerns(old.concerns, new.concerns)
        case (AllOf(), AllOf()) | (AnyOf(), AnyOf()):
            yield from _parts(old.rules, new.rules, more_is_looser=isinstance(old, AnyOf))
        case WhenRule(), WhenRule() if old.sign == new.sign:
            yield from _prefixed(f"where {describe(old.sign)}: ", steps(old.then, new.then))
            yield from _prefixed("otherwise: ", steps(old.otherwise, new.otherwise))
        case (DoubtfulRule(), DoubtfulRule()) | (ShownRule(), ShownRule()) | (ForWomenRule(), ForWomenRule()):
            yield from _inside(old, new)
        case WashoutRule(), WashoutRule():
            yield from _drugs(old.therapy.drugs, new.therapy.drugs, False)
            yield from _window(old.window, new.window, longer_is_looser=False)
            yield from _list(old.procedures, new.procedures, False)
        case LinesRule(), LinesRule() if msgspec.structs.replace(old, at_most=new.at_most) == new:
            yield Step(
                "looser" if new.at_most > old.at_most else "tighter", f"at most {old.at_most} lines → {new.at_most}"
            )
        case (NoDrugNowRule(), NoDrugNowRule()) | (NoTherapySinceRule(), NoTherapySinceRule()) if (
            msgspec.structs.replace(old, therapy=new.therapy) == new
        ):
            yield from _drugs(old.therapy.drugs, new.therapy.drugs, False)
        case _:
            yield _side_by_side(old, new)


def _side_by_side(old: Any, new: Any) -> Step:
    before, after = describe(old), describe(new)
    return Step("", f"{before} → {after}" if before != after else f"{after}: read otherwise than before")


def _prefixed(prefix: str, found: Iterable[Step]) -> Iterator[Step]:
    for step in found:
        yield Step(step.direction, f"{prefix}{step.says}")


def _inside(old: Any, new: Any) -> Iterator[Step]:
    """Rules that hold another rule: the inner one, where all else is the same."""
    if msgspec.structs.replace(old, rule=new.rule) == new:
        yield from steps(old.rule, new.rule)
    else:
        yield _side_by_side(old, new)


# -- values and windows


def _age(old: AgeRule, new: AgeRule) -> Iterator[Step]:
    ((_, _, before, said, _),), ((_, _, after, says, _),) = ranges(old), ranges(new)
    yield Step(_of_ranges(before, after), f"age {said} → {says}")


def _of_ranges(old: Range, new: Range) -> Literal["", "tighter", "looser"]:
    """Where the new values lie within the old ones, fewer patients have them."""
    both = old.and_(new)
    if both == new:
        return "tighter"
    return "looser" if both == old else ""


def _threshold(old: Threshold, new: Threshold, wanted: bool) -> Iterator[Step]:
    """Limits of one input. `wanted`: a value that meets it makes the criterion pass, else it fails by it."""
    before, after = _values(old), _values(new)
    if before is None or after is None or _aside_of_limits(old) != _aside_of_limits(new):
        yield Step("", f"{_said(old)} → {_said(new)}")
        return
    if before[1] != after[1]:
        direction = _of_ranges(before[1], after[1])
        yield Step(direction if wanted else _opposite(direction), f"{old.label} {old.limit} → {new.limit}")
    elif old.limit.asked != new.limit.asked:
        yield Step("", f"{old.label} {old.limit} → {new.limit}, which is the same value")
    yield from _window(old.window, new.window, longer_is_looser=wanted, of=f"{old.label} ")


def _said(threshold: Threshold) -> str:
    """A limit with its window, its method, and what of its results is passed over."""
    parts = (
        f"by {threshold.method}" if threshold.method else "",
        f"without results marked {' or '.join(threshold.aside)}" if threshold.aside else "",
        f"in doubt where marked {' or '.join(threshold.doubtful)}" if threshold.doubtful else "",
    )
    return ", ".join((f"{threshold.label} {threshold.limit}{_in(threshold.window)}", *filter(None, parts)))


def _values(threshold: Threshold) -> tuple[bool, Range] | None:
    """In times ULN or not, and the values that meet it; None for a band of both."""
    both = [(end.limit.times_uln, range_of(end.limit)) for end in ends(threshold)]
    if len({is_uln for is_uln, _ in both}) > 1:
        return None
    return both[0][0], reduce(Range.and_, (values for _, values in both))


def _aside_of_limits(threshold: Threshold) -> tuple[object, ...]:
    is_uln = ends(threshold)[0].limit.times_uln
    return threshold.input, is_uln, threshold.method, threshold.aside, threshold.doubtful


def _opposite(direction: str) -> Literal["", "tighter", "looser"]:
    return {"tighter": "looser", "looser": "tighter"}.get(direction, "")  # type: ignore[return-value]


def _window(old: Window | None, new: Window | None, longer_is_looser: bool, of: str = "") -> Iterator[Step]:
    if old == new:
        return
    said = f"{of}{_in(old).strip() or NO_WINDOW} → {_in(new).strip() or NO_WINDOW}"
    match compared(old, new):
        case "same":
            yield Step("", f"{said}, which is the same length")
        case "":
            yield Step("", said)
        case longer:
            yield Step("looser" if (longer == "longer") is longer_is_looser else "tighter", said)


def _in(window: Window | None) -> str:
    return f" within {window}" if window else ""


# -- signs


def _sign(old: Any, new: Any, wanted: bool) -> Iterator[Step]:
    """Signs that must be there (`wanted`) or must not."""
    if old == new:
        return
    match old, new:
        case ThresholdSign(), ThresholdSign():
            yield from _threshold(old.threshold, new.threshold, wanted)
        case DrugSign(), DrugSign() if msgspec.structs.replace(old, drugs=new.drugs) == new:
            yield from _drugs(old.drugs, new.drugs, wanted)
        case (DiagnosisSign(), DiagnosisSign()) | (ProcedureSign(), ProcedureSign()):
            yield from _concepts(old, new, wanted)
        case _:
            yield _side_by_side(old, new)


def _concepts(old: Any, new: Any, wanted: bool) -> Iterator[Step]:
    """Diagnoses or procedures: more of them, or a longer window, is more to find."""
    like_new = msgspec.structs.replace(
        old, name=new.name, concepts=new.concepts, label=new.label, window=new.window,
        **({"observed": new.observed, "parts": new.parts} if isinstance(old, DiagnosisSign) else {}),
    )  # fmt: skip
    if like_new != new:
        yield _side_by_side(old, new)
        return
    yield from _sets(old.concepts, new.concepts, old.label, new.label, wanted)
    yield from _window(old.window, new.window, longer_is_looser=wanted, of=f"{new.label} ")


def _drugs(old: Drugs, new: Drugs, wanted: bool) -> Iterator[Step]:
    yield from _sets(old.ingredients, new.ingredients, old.label, new.label, wanted)


def _sets(old: frozenset[str], new: frozenset[str], was: str, label: str, wanted: bool) -> Iterator[Step]:
    """What was added to a group and what was taken out of it."""
    added, gone = ", ".join(sorted(new - old)), ", ".join(sorted(old - new))
    if was != label:
        label = f"{was} → {label}"
    if added:
        yield Step("looser" if wanted else "tighter", f"{label}: {added} added")
    if gone:
        yield Step("tighter" if wanted else "looser", f"{label}: {gone} taken out")


# -- parts


def _concerns(old: Sequence[Concern], new: Sequence[Concern]) -> Iterator[Step]:
    """What is ruled out: concerns that are the same are left aside, those of one kind compared in their order."""
    before, after = _different(old, new)
    for was, now in _paired(before, after):
        yield from _sign(was.sign, now.sign, False)
        if was.then != now.then:
            direction: Literal["tighter", "looser"] = "tighter" if _GRAVITY[now.then] > _GRAVITY[was.then] else "looser"
            yield Step(direction, f"{describe(now.sign)}: {was.then} → {now.then}")
        if was.because != now.because:
            yield Step("", f"{describe(now.sign)}: because {was.because or '–'} → {now.because or '–'}")
        before.remove(was)
        after.remove(now)
    yield from (Step("looser", f"no longer ruled out: {describe(c)}") for c in before)
    yield from (Step("tighter", f"now ruled out: {describe(c)}") for c in after)


def _paired(before: list[Concern], after: list[Concern]) -> list[tuple[Concern, Concern]]:
    """Concerns of which one is the other's new version: the same sign, else the same kind of sign where no other is."""
    found: list[tuple[Concern, Concern]] = []
    for alike in (_same_sign, _same_kind):
        for was in before:
            taken = [pair for pair in found if was is pair[0]]
            free = [c for c in after if all(c is not now for _, now in found) and alike(was, c)]
            if not taken and len(free) == 1:
                found.append((was, free[0]))
    return found


def _same_sign(one: Concern, other: Concern) -> bool:
    return one.sign == other.sign


def _same_kind(one: Concern, other: Concern) -> bool:
    if isinstance(one.sign, ThresholdSign) and isinstance(other.sign, ThresholdSign):
        return one.sign.threshold.input == other.sign.threshold.input
    return type(one.sign) is type(other.sign)


def _parts(old: Sequence[Any], new: Sequence[Any], more_is_looser: bool) -> Iterator[Step]:
    """The rules of all-of or any-of: those that are the same are left aside; a lone one is compared with a lone one."""
    before, after = _different(old, new)
    if len(before) == len(after) and all(type(a) is type(b) for a, b in zip(before, after, strict=True)):
        for was, now in zip(before, after, strict=True):
            yield from steps(was, now)
        return
    one_less, one_more = ("tighter", "looser") if more_is_looser else ("looser", "tighter")
    yield from (Step(one_less, f"no longer: {describe(part)}") for part in before)  # type: ignore[arg-type]
    yield from (Step(one_more, f"now also: {describe(part)}") for part in after)  # type: ignore[arg-type]


def _different(old: Iterable[Any], new: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    before, after = list(old), list(new)
    return [part for part in before if part not in after], [part for part in after if part not in before]


def _list(old: Sequence[Any], new: Sequence[Any], wanted: bool) -> Iterator[Step]:
    """Procedures beside a therapy, which have its window."""
    before, after = ({part.name: part for part in parts} for parts in (old, new))
    step = partial(Step, "looser" if wanted else "tighter")
    yield from (step(f"now also: {after[name].label}") for name in after if name not in before)
    back = partial(Step, "tighter" if wanted else "looser")
    yield from (back(f"no longer: {before[name].label}") for name in before if name not in after)
