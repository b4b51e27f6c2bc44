"""Drugs taken: from four kinds of resource to one kind of course with a start, an end and what is doubtful about it."""

from dataclasses import dataclass, field
from functools import lru_cache

from . import drug_names as drugs
from .answers import MISSING, SILENT, UNUSABLE, Answer
from .diagnoses import Codes, ever, has
from .record import Record
from .results import coded
from .spans import LONG_AGO, Span, after, since, span, until

TYPES = ("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense")
_TAKEN = {
    "MedicationStatement": ("active", "completed", "stopped", "on-hold"),
    "MedicationAdministration": ("in-progress", "completed", "stopped", "on-hold"),
    "MedicationDispense": ("completed",),
    "MedicationRequest": ("active", "completed", "stopped", "on-hold"),
}
_NOT_TAKEN = (
    "not-taken", "not-done", "intended", "draft", "cancelled", "declined", "preparation", "entered-in-error",
)  # fmt: skip
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_DAYS_TOLD_BY_DOSES, _CYCLE = 14, 42
_GRACE = 7
_CANCER_REASON = Codes(icd=("C",), snomed=frozenset(("254837009",)))
_ENDOCRINE_CODES = Codes(icd=("Z79810", "Z79811"))
NOTHING_TOLD = "a drug that tells nothing"


@dataclass(frozen=True)
class Course:
    """One record of a drug. `doubt` is the basis of the unknown that it gives instead of deciding."""

    names: frozenset[str]
    told: str
    status: str
    start: Span | None
    end: Span | None
    doubt: str | None = None
    code: str = ""
    topical: bool = False
    oral_or_subcutaneous: bool = False
    reasons: frozenset[str] = field(default_factory=frozenset)

    def takes(self, names: frozenset[str]) -> bool:
        return bool(self.names & names)

    @property
    def began(self) -> Span | None:
        """Its start; where none is told, some day up to its end."""
        return self.start or (Span(LONG_AGO, self.end.last) if self.end else None)


@lru_cache(maxsize=1)
def courses(record: Record) -> list[Course]:
    """All courses that were taken or may have been; worked out once for each record."""
    found = []
    for resource in record.of(*TYPES):
        if _taken(resource):
            course = _course(record, resource)
            if not after(course.start, record.as_of):
                found.append(course)
    return found + _by_condition(record)


def of(record: Record, names: frozenset[str]) -> list[Course]:
    return [course for course in courses(record) if course.takes(names)]


def anticancer(record: Record) -> list[tuple[Course, str]]:
    """Every course of systemic anticancer therapy, sure ("yes") or possible ("perhaps")."""
    kinds = [(course, systemic(record, course)) for course in courses(record)]
    return [(course, kind) for course, kind in kinds if kind != "no"]


def silence(record: Record, *other_types: str) -> Answer:
    """Silence about drugs: read completely, and no drug that tells nothing at all."""
    if not record.complete(*TYPES, *other_types):
        return MISSING
    return UNUSABLE if any(NOTHING_TOLD in course.names for course in courses(record)) else SILENT


def systemic(record: Record, course: Course) -> str:
    """Systemic anticancer therapy: yes, no, or perhaps (an oral drug of two uses without a recorded reason)."""
    names = drugs.SYSTEMIC | drugs.GNRH if record.patient.get("gender") == "male" else drugs.SYSTEMIC
    if not course.takes(names) or course.topical or course.reasons == {"other"}:
        return "no"
    if "cancer" in course.reasons:
        return "yes"
    return "perhaps" if _of_two_uses(course) else "yes"


def active(record: Record, course: Course) -> bool | None:
    """Whether it is being taken on the as-of date."""
    if course.told == "MedicationAdministration":
        return _active_by_doses(record, course)
    if course.status == "ended":
        return False
    # An end on or after the as-of date means active; one that has passed means ended.
    runs = since(course.end, record.as_of) if course.end else True
    return None if runs and course.status == "on-hold" else runs


def ended_within(record: Record, course: Course, days: int) -> bool | None:
    """Whether its end lies in the last days, over the whole interval in which it can lie."""
    return since(course.end, record.as_of - days) if course.end else None


def depot_active(record: Record, course: Course) -> bool | None:
    """A depot works as long as its form lasts after each dose given or handed over, and after a recorded end."""
    by_status = active(record, course) if course.told in ("MedicationStatement", "MedicationRequest") else False
    if by_status is not False:
        return by_status
    last = _last_dose(course)
    if last is None:
        return None if course.told in ("MedicationAdministration", "MedicationDispense") else False
    lasts = drugs.DEPOT_DAYS.get(course.code)
    if lasts is not None:
        return since(last, record.as_of - lasts - _GRACE)
    if since(last, record.as_of - 28 - _GRACE):
        return True
    return None if since(last, record.as_of - 84 - _GRACE) is not False else False


def _last_dose(course: Course) -> Span | None:
    if course.told == "MedicationDispense":
        return course.start
    return None if course.status == "ended" else course.end


def _of_two_uses(course: Course) -> bool:
    if course.takes(frozenset(("megestrol", "everolimus"))):
        return True
    two = frozenset(("methotrexate", "cyclophosphamide"))
    return course.takes(two) and course.oral_or_subcutaneous


def _active_by_doses(record: Record, course: Course) -> bool | None:
    """An antineoplastic told only by administrations: active to day 14, perhaps to day 42, not after that."""
    others = [c for c in courses(record) if c.takes(course.names) and c.told != "MedicationAdministration"]
    if others or systemic(record, course) == "no":
        return False
    if course.start is None:
        return None
    if any(c.start is not None and c.start.first > course.start.last for c in of(record, course.names)):
        # The last dose speaks for the drug.
        return False
    recent = since(course.start, record.as_of - _DAYS_TOLD_BY_DOSES)
    if recent:
        return True
    return None if since(course.start, record.as_of - _CYCLE) is not False else False


def _taken(resource: dict) -> bool:
    kind, status = resource["resourceType"], resource.get("status")
    if kind == "MedicationRequest" and (resource.get("intent") not in _ORDERS or resource.get("doNotPerform")):
        return False
    if kind == "MedicationDispense" and status in ("in-progress", "on-hold", "stopped"):
        return False
    return status not in _NOT_TAKEN


def _course(record: Record, resource: dict) -> Course:
    names, doubt, code = _drug(record, resource)
    start = _start(resource)
    routes = _routes(resource)
    return Course(
        names,
        resource["resourceType"],
        _status(resource),
        until(start, record.as_of) if not after(start, record.as_of) else start,
        _end(record, resource, start),
        "missing" if resource["status"] not in _TAKEN[resource["resourceType"]] else doubt,
        code,
        code in drugs.TOPICAL_CODES or bool(routes & drugs.TOPICAL_ROUTES),
        code in drugs.ORAL_CODES or bool(routes & drugs.ORAL_OR_SUBCUTANEOUS),
        _reasons(record, resource),
    )


def _status(resource: dict) -> str:
    """ "ended": a record that has ended and tells no end."""
    status = resource["status"]
    if resource["resourceType"] == "MedicationAdministration" or _told_end(resource):
        return status
    return "ended" if status in ("completed", "stopped") else status


def _drug(record: Record, resource: dict) -> tuple[frozenset[str], str | None, str]:
    """Ingredients, the doubt about them, and the code; a text that names a relevant drug only gives unknown."""
    concepts = _concepts(record, resource)
    codings = [coding for concept in concepts for coding in concept.get("coding", [])]
    usable = [c for c in codings if c.get("system") in (drugs.RXNORM, drugs.ATC, drugs.SNOMED)]
    if any(c["code"] in drugs.AMBIGUOUS for c in usable):
        return drugs.AMBIGUOUS_NAMES, "unusable", ""
    names = frozenset(n for c in usable for n in drugs.NAMES.get((c["system"], c["code"]), ()))
    if names or any(c["system"] == drugs.RXNORM for c in usable):
        return names, None, usable[0]["code"]
    text = " ".join([c.get("text", "") for c in concepts] + [c.get("display", "") for c in codings]).strip().lower()
    named = next((name for word, name in drugs.TEXT_NAMES if word in text), None)
    if named:
        return frozenset((named,)), "unusable", ""
    return (frozenset() if text else frozenset((NOTHING_TOLD,))), None, ""


def _concepts(record: Record, resource: dict) -> list[dict]:
    """In the resource, or in a Medication's code or ingredient, contained or behind a reference."""
    if "medicationCodeableConcept" in resource:
        return [resource["medicationCodeableConcept"]]
    medication = record.resolve(resource.get("medicationReference", {}).get("reference"), resource)
    if medication is None:
        return []
    inner = [i["itemCodeableConcept"] for i in medication.get("ingredient", []) if "itemCodeableConcept" in i]
    return [concept for concept in (medication.get("code"), *inner) if concept]


def _start(resource: dict) -> Span | None:
    """Period start, the effective time, the time given or handed over, the first dosage's, else when it was written."""
    told = (
        resource.get("effectivePeriod", {}).get("start")
        or resource.get("effectiveDateTime")
        or resource.get("whenHandedOver")
        or min((b["start"] for b in _bounds(resource) if b.get("start")), default=None)
        or resource.get("authoredOn")
    )
    return span(told)


def _bounds(resource: dict) -> list[dict]:
    """The bounds of each dosage of an order, as Periods of whole days; empty where it has none."""
    if resource["resourceType"] != "MedicationRequest":
        return []
    return [
        dosage.get("timing", {}).get("repeat", {}).get("boundsPeriod", {})
        for dosage in resource.get("dosageInstruction", [])
    ]


def _told_end(resource: dict) -> Span | None:
    """Period end, the last of an order's dosage bounds if every dosage has them, or its dispense validity."""
    if "effectivePeriod" in resource:
        return span(resource["effectivePeriod"].get("end"))
    ends = [bounds.get("end") for bounds in _bounds(resource)]
    if ends and all(ends):
        return span(max(ends))
    return span(resource.get("dispenseRequest", {}).get("validityPeriod", {}).get("end"))


def _end(record: Record, resource: dict, start: Span | None) -> Span | None:
    """The end told; an administration's own time; else, where it has ended, some moment up to what dates the record."""
    if resource["resourceType"] == "MedicationAdministration":
        return start
    told = _told_end(resource)
    if told is not None:
        return told
    if _status(resource) != "ended":
        return None
    told_by = [span(t) for t in (resource.get("dateAsserted"), resource.get("meta", {}).get("lastUpdated")) if t]
    latest = min([record.as_of, *(when.last for when in told_by)])
    return Span(min(start.first, latest) if start else LONG_AGO, latest)


def _routes(resource: dict) -> set[str]:
    dosages = resource.get("dosageInstruction") or resource.get("dosage") or []
    dosages = [dosages] if isinstance(dosages, dict) else dosages
    return {code for dosage in dosages for code in coded(dosage.get("route"), drugs.SNOMED)}


def _reasons(record: Record, resource: dict) -> frozenset[str]:
    """Whether the recorded reasons are cancer or something else."""
    concepts = list(resource.get("reasonCode", []))
    for reference in resource.get("reasonReference", []):
        target = record.resolve(reference.get("reference"), resource)
        concepts += [target["code"]] if target else []
    codings = [c for concept in concepts for c in concept.get("coding", [])]
    return frozenset("cancer" if _CANCER_REASON.names(c["system"], c["code"]) else "other" for c in codings)


def _by_condition(record: Record) -> list[Course]:
    """Long-term use of an aromatase inhibitor or a SERM, active as a Condition, is endocrine therapy begun by then."""
    return [
        Course(frozenset((drugs.ENDOCRINE_BY_CODE,)), "Condition", "active", d.when, None, d.doubt)
        for d in ever(record, _ENDOCRINE_CODES)
        if has(record, d)
    ]
