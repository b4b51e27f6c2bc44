"""A realistic patient of eighty resources, about 64 KB: a breast cancer record and the routine results around it.

Made by code from LOINC, ICD-10-CM and UCUM codes; no one's data.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

NAME = "bench-0"
RESOURCES = 80
_BASE = "https://ehr.example.org/fhir"
_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_CONDITION = "http://terminology.hl7.org/CodeSystem/condition"
_FIRST_VISIT = datetime(2012, 3, 1, 8, 42, 52, tzinfo=UTC)

# What decides: LOINC code, date, value, unit, upper limit of normal where the laboratory gives one.
_DECIDING: tuple[tuple[str, str, float, str, float | None], ...] = (
    ("85337-4", "2026-08-05", 95, "%", None),
    ("10230-1", "2026-10-20", 60, "%", None),
    ("751-8", "2026-11-10", 2.1, "10*3/uL", None),
    ("777-3", "2026-11-10", 250, "10*3/uL", None),
    ("718-7", "2026-11-10", 12.5, "g/dL", None),
    ("1975-2", "2026-11-10", 0.6, "mg/dL", 1.2),
    ("1742-6", "2026-11-10", 22, "U/L", 40),
    ("1920-8", "2026-11-10", 24, "U/L", 40),
    ("2160-0", "2026-11-10", 0.8, "mg/dL", 1.1),
)
# What fills a record: LOINC code, its name, category, a value and its unit.
_ROUTINE: tuple[tuple[str, str, str, float, str], ...] = (
    ("8302-2", "Body Height", "vital-signs", 164.3, "cm"),
    ("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported", "vital-signs", 2, "{score}"),
    ("29463-7", "Body Weight", "vital-signs", 66.4, "kg"),
    ("39156-5", "Body mass index (BMI) [Ratio]", "vital-signs", 24.6, "kg/m2"),
    ("8867-4", "Heart rate", "vital-signs", 74, "/min"),
    ("9279-1", "Respiratory rate", "vital-signs", 14, "/min"),
    ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "laboratory", 6.615, "10*3/uL"),
    ("789-8", "Erythrocytes [#/volume] in Blood by Automated count", "laboratory", 4.634, "10*6/uL"),
    ("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "laboratory", 42.19, "%"),
    ("787-2", "MCV [Entitic volume] by Automated count", "laboratory", 87.14, "fL"),
    ("785-6", "MCH [Entitic mass] by Automated count", "laboratory", 31.95, "pg"),
    ("786-4", "MCHC [Mass/volume] by Automated count", "laboratory", 33.06, "g/dL"),
    ("32207-3", "Platelet distribution width [Entitic volume] in Blood by Automated count", "laboratory", 508.8, "fL"),
)


def bundle() -> bytes:
    """The record as a collection Bundle in JSON."""
    resources = [_patient(), *_conditions(), *_deciding()]
    resources += [_routine(i) for i in range(RESOURCES - len(resources))]
    entries = [{"fullUrl": f"{_BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def another(record: bytes, number: int) -> bytes:
    """The same record of another patient: its own ids, references and birthday."""
    birthday = (datetime(1955, 1, 1, tzinfo=UTC) + timedelta(days=number % 7300)).date().isoformat()
    return record.replace(NAME.encode(), f"bench-{number}".encode()).replace(b"1960-03-15", birthday.encode())


def _patient() -> dict[str, Any]:
    return {"resourceType": "Patient", "id": NAME, "gender": "female", "birthDate": "1960-03-15"}


def _conditions() -> list[dict[str, Any]]:
    def status(kind: str, code: str) -> dict[str, Any]:
        return {"coding": [{"system": f"{_CONDITION}-{kind}", "code": code}]}

    return [
        {
            "resourceType": "Condition",
            "id": f"{NAME}-{code}",
            "clinicalStatus": status("clinical", "active"),
            "verificationStatus": status("ver-status", "confirmed"),
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}], "text": text},
            "subject": {"reference": f"Patient/{NAME}"},
            "onsetDateTime": since,
        }
        for code, text, since in (
            ("C50.911", "Invasive carcinoma of the right breast", "2024-05-10"),
            ("C79.51", "Bone metastasis", "2026-08-01"),
            ("I10", "High blood pressure", "2015-02-03"),
        )
    ]


def _observation(name: str, code: str, date: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"{NAME}-{name}",
        "status": "final",
        "code": {"coding": [{"system": _LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{NAME}"},
        "effectiveDateTime": date,
    }


def _deciding() -> list[dict[str, Any]]:
    her2 = _observation("her2", "85319-2", "2026-08-05")
    her2["valueCodeableConcept"] = {"coding": [{"system": _LOINC, "code": "LA11843-2"}]}
    ecog = _observation("ecog", "89247-1", "2026-11-12") | {"valueInteger": 1}
    found = [her2, ecog]
    for code, date, value, unit, high in _DECIDING:
        result = _observation(code, code, date) | {"valueQuantity": _quantity(value, unit)}
        if high is not None:
            result["referenceRange"] = [{"high": _quantity(high, unit)}]
        found.append(result)
    return found


def _routine(number: int) -> dict[str, Any]:
    """One of the results of every visit, as an EHR writes them: profile, category, display, encounter, issue date."""
    code, name, category, value, unit = _ROUTINE[number % len(_ROUTINE)]
    visit = number // len(_ROUTINE)
    day = _FIRST_VISIT + timedelta(days=190 * visit)
    label = {"vital-signs": "Vital signs", "laboratory": "Laboratory"}[category]
    return {
        "resourceType": "Observation",
        "id": f"{NAME}-8d1f5c02-46{visit:02}-{number:012}",
        "meta": {"profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{category}"]},
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": category, "display": label}]}],
        "code": {"coding": [{"system": _LOINC, "code": code, "display": name}], "text": name},
        "subject": {"reference": f"Patient/{NAME}"},
        "encounter": {"reference": f"Encounter/{NAME}-25c6c3e7-{visit:012}"},
        "effectiveDateTime": day.isoformat(),
        "issued": (day + timedelta(milliseconds=213)).isoformat(timespec="milliseconds"),
        "valueQuantity": _quantity(round(value + visit / 10, 3), unit),
    }


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}
