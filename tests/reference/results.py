"""Observations: which of them count, which is the newest, and what a window makes of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from .answers import CONFLICT, MISSING, STALE, Answer
from .record import Record
from .spans import LONG_AGO, Span, after, instant, span, until, within

_COUNTING = ("final", "amended", "corrected")


@dataclass(frozen=True)
class Result:
    """One value with its date. A component is read like an Observation with its parent's date and status."""

    body: dict
    parent: dict
    when: Span | None
    moment: datetime | None
    issued: datetime | None


def results(record: Record, codes: frozenset[str], has_value: Callable[[dict], bool]) -> list[Result]:
    """All counting results under any of an input's codes; one without a value is set aside."""
    told = [(body, parent) for own, body, parent in _bodies(record) if codes & own and has_value(body)]
    found = [_dated(body, parent, record.as_of) for body, parent in told]
    return [result for result in found if not after(result.when, record.as_of)]


@lru_cache(maxsize=1)
def _bodies(record: Record) -> list[tuple[set[str], dict, dict]]:
    """Every counting Observation and component with its codes and its parent; read once for each record."""
    counting = [observation for observation in record.of("Observation") if _counts(record, observation)]
    return [
        (_codes_of(body), body, observation)
        for observation in counting
        for body in (observation, *observation.get("component", []))
    ]


def newest(found: list[Result]) -> list[Result]:
    """The newest by effective time; several where none is surely newer. An undated one only where nothing is dated."""
    dated = [result for result in found if result.when is not None] or found
    return [result for result in dated if not any(_newer(other, result) for other in dated)]


def agreed(found: Iterable[Result], judge: Callable[[Result], Answer]) -> Answer:
    """Results of the same time that stand on different sides are a conflict."""
    answers = [judge(result) for result in found]
    if not answers:
        return MISSING
    return answers[0] if len({answer.outcome for answer in answers}) == 1 else CONFLICT


def fresh(record: Record, result: Result, days: int, judge: Callable[[Result], Answer]) -> Answer:
    """Where there is a window only a result inside it decides: outside it is stale, whatever its value."""
    inside = None if result.when is None else within(result.when, record.as_of, days)
    if inside is None:
        return MISSING
    return judge(result) if inside else STALE


def unusable_extension(resource: dict) -> bool:
    """A modifierExtension that is not known makes a resource unusable."""
    return bool(resource.get("modifierExtension"))


def coded(concept: dict | None, system: str) -> set[str]:
    return {c["code"] for c in (concept or {}).get("coding", []) if c.get("system") == system and "code" in c}


def flags(body: dict) -> set[str]:
    """The interpretation flags of a result."""
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    return {code for concept in body.get("interpretation", []) for code in coded(concept, system)}


def _counts(record: Record, observation: dict) -> bool:
    """Final, amended, corrected, in any case; a focus on someone or something else is another subject."""
    if observation.get("status", "").lower() not in _COUNTING:
        return False
    return not any(_other_subject(record, focus.get("reference", "")) for focus in observation.get("focus", []))


def _other_subject(record: Record, reference: str) -> bool:
    """A stage looks at its cancer: that Condition is asked about where the stage is read."""
    target = record.resolve(reference, {})
    return not record.is_patient(reference) and (target is None or target["resourceType"] != "Condition")


def _codes_of(body: dict) -> set[str]:
    return coded(body.get("code"), "http://loinc.org") | coded(body.get("code"), "http://snomed.info/sct")


def _dated(body: dict, parent: dict, as_of: int) -> Result:
    told = _effective(parent)
    issued = instant(parent["issued"]) if "issued" in parent else None
    if told is None and issued is not None:
        # Issued as the only date is a latest possible one.
        when: Span | None = Span(LONG_AGO, issued.date().toordinal())
    else:
        when = span(told)
    when = when if after(when, as_of) else until(when, as_of)
    return Result(body, parent, when, instant(told) if isinstance(told, str) else None, issued)


def _effective(parent: dict) -> str | None:
    """A dateTime, an instant, a Period's end or its start where it has no end, the last event of a Timing."""
    if "effectivePeriod" in parent:
        return parent["effectivePeriod"].get("end") or parent["effectivePeriod"].get("start")
    if "effectiveTiming" in parent:
        return max(parent["effectiveTiming"]["event"])
    return parent.get("effectiveDateTime") or parent.get("effectiveInstant")


def _newer(first: Result, second: Result) -> bool:
    """By day, by time where both tell one; at the same time the later issue wins."""
    if first.when is None or second.when is None:
        return False
    if first.when.first > second.when.last:
        return True
    if first.when != second.when or first.when.first != first.when.last:
        return False
    if first.moment and second.moment and first.moment != second.moment:
        return first.moment > second.moment
    return bool(first.issued and second.issued and first.issued > second.issued)
