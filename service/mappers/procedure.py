"""Procedure as something that was done. https://hl7.org/fhir/R4/procedure.html"""

import re

from service.criteria.facts import Operation, Person
from service.criteria.spans import Span
from service.mappers import wire
from service.mappers.concepts import texts
from service.mappers.dates import Calendar, at_age, at_ages, between
from service.mappers.terminology import Terminology

_DONE = frozenset({"completed", "in-progress", "stopped", "on-hold"})
# Words that say a text is about a treatment, not one that was given.
_NOT_DONE = re.compile(
    r"plan|educat|teach|counsel|consult|consent|evaluat|assess|simulat|follow[ -]?up|follow[ -]through"
    r"|history tak|medical history|refus|declin|referral|\bport\b"
)
_NEVER = frozenset({"not-done", "preparation", "entered-in-error"})


def map_procedure(
    procedure: wire.Procedure, ref: str, person: Person, terminology: Terminology, calendar: Calendar
) -> Operation | None:
    """The operation, or None where it was not done."""
    status = (procedure.status or "").strip().lower()
    if status in _NEVER:
        return None
    start, end = _performed(procedure, person, calendar)
    if end is None and status != "in-progress" and procedure.performedPeriod is not None:
        end = between(start, None)  # it ended at some moment that is not told
    sites = (terminology.look_up("site", site).sure for site in procedure.bodySite or ())
    return Operation(
        ref=ref,
        says=terminology.shown("procedure", procedure.code) or "a Procedure without a code",
        certain=status in _DONE,
        why="" if status in _DONE else f"status {status[:24]}" if status else "no status",
        ongoing=status == "in-progress" and end is None,
        start=start,
        end=end or start,
        sites=frozenset(site for found in sites for site in found),
    )


def named_procedures(procedure: wire.Procedure, terminology: Terminology) -> tuple[str, ...]:
    """Concepts that a text names where no code says anything."""
    words = texts(procedure.code)
    return () if not words or _NOT_DONE.search(words.lower()) else tuple(terminology.said("procedure", words))


def kinds_of_procedure(procedure: wire.Procedure, terminology: Terminology) -> tuple[str, ...]:
    """Concepts that its category tells, which its code, of a system that nobody here knows, may well mean."""
    found = terminology.look_up("procedure", procedure.category).sure
    return () if not found or _NOT_DONE.search(texts(procedure.code).lower()) else found


def _performed(procedure: wire.Procedure, person: Person, calendar: Calendar) -> tuple[Span | None, Span | None]:
    if procedure.performedDateTime is not None:
        return calendar.read(procedure.performedDateTime), None
    if procedure.performedPeriod is not None:
        return calendar.period(procedure.performedPeriod)
    if procedure.performedAge is not None:
        return at_age(person.birth, procedure.performedAge), None
    if procedure.performedRange is not None:
        return at_ages(person.birth, procedure.performedRange), None
    return None, None
