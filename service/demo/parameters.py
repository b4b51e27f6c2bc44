"""Which resource types the demo's FHIR endpoint serves, and by which of FHIR R4's search parameters.

Names and elements are those of https://hl7.org/fhir/R4/searchparameter-registry.html. Of the times that a parameter of
type date covers, dates and Periods are looked at; a Timing, an Age or a text is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["token", "reference", "date"]


@dataclass(frozen=True)
class Parameter:
    """A search parameter of one resource type: `paths` are the elements that it looks at, lists walked through.

    `target` is the only resource type that a reference may lead to, where there is one.
    """

    name: str
    kind: Kind
    paths: tuple[str, ...]
    target: str = ""


def _token(name: str, *paths: str) -> Parameter:
    return Parameter(name, "token", paths or (name,))


def _date(name: str, *paths: str) -> Parameter:
    return Parameter(name, "date", paths)


_ID = _token("_id", "id")
_STATUS = _token("status")
_CATEGORY = _token("category")
_CODE = _token("code")
_CLINICAL_STATUS = _token("clinical-status", "clinicalStatus")
_VERIFICATION_STATUS = _token("verification-status", "verificationStatus")
_MEDICATION_CODE = _token("code", "medicationCodeableConcept")
_MEDICATION = Parameter("medication", "reference", ("medicationReference",), "Medication")
_PATIENT = Parameter("patient", "reference", ("subject",), "Patient")
_SUBJECT = Parameter("subject", "reference", ("subject",))
_OF_A_PATIENT = (_ID, _PATIENT, _SUBJECT)
_OF_A_DRUG = (*_OF_A_PATIENT, _MEDICATION_CODE, _MEDICATION, _STATUS)

_TABLE: dict[str, tuple[Parameter, ...]] = {
    "Patient": (
        _ID,
        Parameter("identifier", "token", ("identifier",)),
        _token("gender"),
        _date("birthdate", "birthDate"),
    ),
    "Observation": (
        *_OF_A_PATIENT,
        _CODE,
        _token("combo-code", "code", "component.code"),
        _CATEGORY,
        _STATUS,
        _date("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    ),
    "Condition": (
        *_OF_A_PATIENT,
        _CODE,
        _CATEGORY,
        _CLINICAL_STATUS,
        _VERIFICATION_STATUS,
        _date("onset-date", "onsetDateTime", "onsetPeriod"),
        _date("recorded-date", "recordedDate"),
    ),
    "MedicationStatement": (*_OF_A_DRUG, _CATEGORY, _date("effective", "effectiveDateTime", "effectivePeriod")),
    "MedicationRequest": (*_OF_A_DRUG, _CATEGORY, _token("intent"), _date("authoredon", "authoredOn")),
    "MedicationAdministration": (*_OF_A_DRUG, _date("effective-time", "effectiveDateTime", "effectivePeriod")),
    "MedicationDispense": (
        *_OF_A_DRUG,
        _date("whenhandedover", "whenHandedOver"),
        _date("whenprepared", "whenPrepared"),
    ),
    "Medication": (_ID, _CODE, _STATUS),
    "Procedure": (
        *_OF_A_PATIENT,
        _CODE,
        _CATEGORY,
        _STATUS,
        _date("date", "performedDateTime", "performedPeriod"),
    ),
    "AllergyIntolerance": (
        _ID,
        Parameter("patient", "reference", ("patient",), "Patient"),
        _token("code", "code", "reaction.substance"),
        _CATEGORY,
        _CLINICAL_STATUS,
        _VERIFICATION_STATUS,
        _date("date", "recordedDate"),
    ),
}

PARAMETERS: dict[str, dict[str, Parameter]] = {
    kind: {parameter.name: parameter for parameter in parameters} for kind, parameters in _TABLE.items()
}

# The one kind of `_include`: the Medication that a record of a drug leads to.
INCLUDES: dict[str, tuple[str, ...]] = {
    kind: (f"{kind}:medication",) if "medication" in known else () for kind, known in PARAMETERS.items()
}


def elements(resource: dict[str, Any], parameter: Parameter) -> Iterator[Any]:
    """What a resource holds in the elements that a parameter looks at."""
    for path in parameter.paths:
        yield from _walk(resource, path.split("."))


def _walk(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _walk(value[path[0]], path[1:])
