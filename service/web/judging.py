"""A record judged, and what came of it counted."""

from service import metrics
from service.criteria.plan import Plan
from service.criteria.results import PatientResult
from service.mappers.record import Record
from service.phases import phase
from service.web.parts import parts


def judged(record: Record, day: int, plan: Plan | None = None) -> PatientResult:
    """The result of a record as of a day."""
    with phase("evaluate"):
        result = parts().screening.screen(record, day, plan)
    count(result)
    return result


def count(result: PatientResult) -> None:
    """An input counts once a patient, however many trials it would settle."""
    best = result.results[0].grade if result.results else "none"  # results are sorted, the best first
    metrics.screened(best, {(needed.input, needed.why) for found in result.results for needed in found.needed})
