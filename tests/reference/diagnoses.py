"""Conditions: what a patient has or had, how sure the record is of it, and since when."""

from dataclasses import dataclass

from .answers import PASS, Answer, unknown
from .record import Record
from .results import coded
from .spans import LONG_AGO, Span, after, birthday, period, span, until, within

SNOMED = "http://snomed.info/sct"
ICD10_SYSTEMS = ("http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10")
_NEVER = ("refuted", "entered-in-error")
_DOUBTED = ("provisional", "differential", "unconfirmed")
_OVER = ("resolved", "remission", "inactive")
_ENCOUNTER_DAYS = 28


@dataclass(frozen=True)
class Codes:
    """ICD-10 codes by their beginning (without dots), SNOMED CT codes one by one."""

    icd: tuple[str, ...] = ()
    snomed: frozenset[str] = frozenset()
    except_icd: tuple[str, ...] = ()

    def __or__(self, other: "Codes") -> "Codes":
        return Codes(self.icd + other.icd, self.snomed | other.snomed, self.except_icd + other.except_icd)

    def names(self, system: str, code: str) -> bool:
        """Matched under its own system; ICD-10 without regard to case and dot."""
        if system == SNOMED:
            return code in self.snomed
        return system in ICD10_SYSTEMS and self._is_icd(code)

    def resembles(self, code: str) -> bool:
        return code in self.snomed or self._is_icd(code)

    def _is_icd(self, code: str) -> bool:
        plain = code.upper().replace(".", "")
        return (
            bool(self.icd)
            and plain.startswith(self.icd)
            and not (self.except_icd and plain.startswith(self.except_icd))
        )


@dataclass(frozen=True)
class Diagnosis:
    """A Condition that counts: `doubt` is the basis of the unknown it gives instead of deciding."""

    resource: dict
    doubt: str | None
    when: Span | None
    status: str | None

    def answer(self, sure: Answer) -> Answer:
        """What it does where it stands in the way; a doubtful one gives unknown only where it would decide."""
        return sure if self.doubt is None or sure.outcome == "pass" else unknown(self.doubt)

    def shown(self) -> Answer:
        """What it does where it is asked for."""
        return PASS if self.doubt is None else unknown(self.doubt)


def ever(record: Record, codes: Codes) -> list[Diagnosis]:
    """History of: any clinical status. Cancer, its metastases and past events are read so."""
    found = []
    for resource in record.of("Condition"):
        doubt = _doubt(resource, codes)
        when = onset(record, resource)
        if doubt != "no" and not after(when, record.as_of):
            found.append(Diagnosis(resource, doubt or None, until(when, record.as_of), clinical_status(resource)))
    return found


def now(record: Record, codes: Codes) -> list[Diagnosis]:
    """Has: active, recurrence, relapse or no clinical status, and no abatement on or before the as-of date."""
    return [d for d in ever(record, codes) if has(record, d)]


def has(record: Record, diagnosis: Diagnosis) -> bool:
    if diagnosis.status in _OVER or _abated(record, diagnosis.resource):
        return False
    if diagnosis.status is None and _of_encounter(diagnosis.resource):
        # An encounter diagnosis without clinical status is one for 28 days.
        return diagnosis.when is None or within(diagnosis.when, record.as_of, _ENCOUNTER_DAYS) is not False
    return True


def refuted(record: Record, codes: Codes) -> bool:
    return any(_verification(resource) == "refuted" and _match(resource, codes) for resource in record.of("Condition"))


def clinical_status(resource: dict) -> str | None:
    status = coded(resource.get("clinicalStatus"), "http://terminology.hl7.org/CodeSystem/condition-clinical")
    return next(iter(status), None)


def onset(record: Record, resource: dict) -> Span | None:
    """The onset, else the recorded date as "then or earlier". Text is no date."""
    told = _told(record, resource, "onset")
    if told is not None:
        return told
    recorded = span(resource.get("recordedDate"))
    return Span(LONG_AGO, recorded.last) if recorded else None


def text_of(resource: dict) -> str:
    return resource.get("code", {}).get("text", "").lower()


def _abated(record: Record, resource: dict) -> bool:
    end = _told(record, resource, "abatement")
    return end is not None and end.first <= record.as_of


def _told(record: Record, resource: dict, what: str) -> Span | None:
    if f"{what}DateTime" in resource:
        return span(resource[f"{what}DateTime"])
    if f"{what}Period" in resource:
        return period(resource[f"{what}Period"])
    if f"{what}Age" in resource:
        return _age(record, int(resource[f"{what}Age"]["value"]))
    return None


def _age(record: Record, years: int) -> Span | None:
    """An Age counts from the birth date as a year's interval."""
    born = record.born()
    return Span(birthday(born.first, years), birthday(born.last, years + 1) - 1) if born else None


def _verification(resource: dict) -> str | None:
    status = coded(resource.get("verificationStatus"), "http://terminology.hl7.org/CodeSystem/condition-ver-status")
    return next(iter(status), None)


def _doubt(resource: dict, codes: Codes) -> str:
    """Empty for a sure match, else why it is none ("no") or only a possible one."""
    match = _match(resource, codes)
    if not match or _verification(resource) in _NEVER:
        return "no"
    if match == "loose":
        return "unusable"
    return "missing" if _verification(resource) in _DOUBTED else ""


def _match(resource: dict, codes: Codes) -> str | None:
    """A code without a system, or under the wrong one, never decides alone."""
    codings = resource.get("code", {}).get("coding", [])
    if any(codes.names(c.get("system", ""), c["code"]) for c in codings):
        return "sure"
    return "loose" if any(codes.resembles(c["code"]) for c in codings) else None


def _of_encounter(resource: dict) -> bool:
    return any(
        "encounter-diagnosis" in coded(category, "http://terminology.hl7.org/CodeSystem/condition-category")
        for category in resource.get("category", [])
    )
