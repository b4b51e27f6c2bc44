"""Procedures that were done, and until when."""

from dataclasses import dataclass

from .diagnoses import SNOMED
from .record import Record
from .results import coded
from .spans import Span, after, span, until

_DONE = ("completed", "in-progress", "stopped", "on-hold")


@dataclass(frozen=True)
class Done:
    """`doubt` is the basis of the unknown that a Procedure of unknown status gives; `end` counts for a washout."""

    resource: dict
    doubt: str | None
    start: Span | None
    end: Span | None


def done(record: Record, codes: frozenset[str]) -> list[Done]:
    """Completed, in progress, stopped, on hold were done; not done, preparation, entered in error never."""
    found = []
    for resource in record.of("Procedure"):
        status = resource.get("status")
        if not codes & coded(resource.get("code"), SNOMED) or status not in (*_DONE, "unknown"):
            continue
        start, end = _times(record, resource)
        if not after(start, record.as_of):
            doubt = "missing" if status == "unknown" else None
            found.append(Done(resource, doubt, until(start, record.as_of), until(end, record.as_of)))
    return found


def _times(record: Record, resource: dict) -> tuple[Span | None, Span | None]:
    """The performed Period (in progress: until now) or the one time."""
    if "performedPeriod" in resource:
        start = span(resource["performedPeriod"].get("start"))
        end = span(resource["performedPeriod"].get("end"))
    else:
        start = end = span(resource.get("performedDateTime"))
    if resource["status"] == "in-progress":
        end = Span(record.as_of, record.as_of)
    return start or end, end or (Span(start.first, record.as_of) if start else None)
