"""Patient as a person. https://hl7.org/fhir/R4/patient.html"""

import msgspec

from service.criteria.facts import Person
from service.mappers import wire
from service.mappers.dates import Calendar

_BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"


class _Extension(msgspec.Struct, gc=False):
    url: str | None = None
    valueCode: str | None = None


def map_patient(patient: wire.Patient, ref: str, calendar: Calendar, flaw: str = "") -> Person:
    """The person. Where a `flaw` makes the resource unusable only a death still counts: it is never read as living."""
    died = calendar.read(patient.deceasedDateTime)
    written = patient.deceasedDateTime is not None or bytes(patient.deceasedElement) not in (b"", b"null")
    dead = patient.deceasedBoolean is True or (written and died is None)
    if flaw:
        return Person(ref=ref, died=died, dead=dead, flaw=flaw)
    return Person(
        ref=ref,
        gender=(patient.gender or "").strip().lower(),
        birth=calendar.read(patient.birthDate),
        birth_sex=_birth_sex(patient.extension),
        died=died,
        dead=dead,
    )


def _birth_sex(raw: msgspec.Raw) -> str:
    if not bytes(raw) or b"us-core-birthsex" not in bytes(raw):
        return ""
    try:
        extensions = msgspec.json.decode(raw, type=list[_Extension])
    except msgspec.ValidationError:
        return ""
    for extension in extensions:
        if extension.url == _BIRTH_SEX and extension.valueCode:
            return {"F": "female", "M": "male"}.get(extension.valueCode, "")
    return ""
