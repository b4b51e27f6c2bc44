"""From a sketch of a patient (names, values, dates) to FHIR R4 resources.

A sketch says `anc: 1500 /mm3` where FHIR needs a page; the resources made here are read by the same mappers as any
record. Names are those of inputs.yaml and of the value sets; `loinc 751-8` or `icd-10-cm C50.911` name a code.
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from service.criteria.places import DecimalText
from service.criteria.spans import Window, add_months
from service.mappers.code_systems import SHORT_NAMES
from service.mappers.dates import Calendar
from service.mappers.inputs import Input, Inputs
from service.mappers.terminology import Terminology

SYSTEMS = SHORT_NAMES
PATIENT = "Patient/case"
FRESH = 7  # days before the as-of date on which a result was taken, where a sketch says nothing
_AGO = re.compile(r"([0-9]{1,4}) (day|week|month|year)s? ago")
_AHEAD = re.compile(r"in ([0-9]{1,4}) days?")
_VALUE = re.compile(r"(<=|>=|<|>)?\s*(-?\d[\d,]*(?:\.\d+)?)\s*(.*)")
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
_ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_FLAGS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

_CALENDAR = Calendar()

Resource = dict[str, Any]


class SketchError(ValueError):
    """A name or a value of a sketch that means nothing."""


def read_day(text: str, today: date) -> str:
    """A date of a sketch as FHIR writes it: a date as it stands, `10 days ago`, `today`, `in 3 days`."""
    if text == "today":
        return today.isoformat()
    try:
        if found := _AGO.fullmatch(text):
            return date.fromordinal(_back(today.toordinal(), Window(int(found[1]), f"{found[2]}s"))).isoformat()
        if found := _AHEAD.fullmatch(text):
            return date.fromordinal(today.toordinal() + int(found[1])).isoformat()
    except (ValueError, OverflowError):
        raise SketchError(f"{text!r} lies before or after every calendar") from None
    if _CALENDAR.read(text) is not None:
        return text
    raise SketchError(f"{text!r} is no date; 2026-11-10, 10 days ago, today or in 3 days was expected")


def _back(day: int, window: Window) -> int:
    if window.unit in ("days", "weeks"):
        return day - window.number * (7 if window.unit == "weeks" else 1)
    return add_months(day, -window.months)


def read_code(text: str) -> tuple[str, str]:
    """A code that is written out, such as `loinc 751-8`, as system and code."""
    name, _, code = text.partition(" ")
    if name not in SYSTEMS or not code.strip():
        raise SketchError(f"{text!r} is no code such as loinc 751-8; known systems are {', '.join(SYSTEMS)}")
    return SYSTEMS[name], code.strip()


class Sketcher:
    """Makes resources from the sections of a sketch, with the codes of one installation."""

    def __init__(self, terminology: Terminology, inputs: Inputs, today: date) -> None:
        self._terminology = terminology
        self._inputs = inputs
        self._today = today

    def bundle(self, sketch: dict[str, Any]) -> Resource:
        """The whole record as a collection Bundle; types named under `unread` come as an interrupted search."""
        unread = list(sketch.get("unread", ()))
        entries: list[Resource] = [{"resource": resource} for resource in self.resources(sketch)]
        entries += [{"resource": _interrupted(kind)} for kind in unread]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    def resources(self, sketch: dict[str, Any]) -> Iterable[Resource]:
        yield self._patient(sketch)
        for section, make in (
            ("results", self.observation),
            ("diagnoses", self.condition),
            ("drugs", self.medication),
            ("procedures", self.procedure),
            ("allergies", self.allergy),
        ):
            for name, entries in sketch.get(section, {}).items():
                for i, entry in enumerate(entries):
                    resource = make(name, entry)
                    resource["id"] = _identifier(name, i)
                    yield resource
        for resource in sketch.get("resources", ()):
            yield plain(resource)

    def _patient(self, sketch: dict[str, Any]) -> Resource:
        patient: Resource = {"resourceType": "Patient", "id": "case"}
        if gender := sketch.get("gender"):
            patient["gender"] = gender
        if born := sketch.get("born"):
            patient["birthDate"] = read_day(born, self._today)
        if died := sketch.get("died"):
            patient["deceasedDateTime"] = read_day(died, self._today)
        return patient

    def observation(self, name: str, entry: dict[str, Any]) -> Resource:
        made = self._inputs.by_name.get(name)
        concept = next(iter(self._codes_of(name)), "")
        resource: Resource = {
            "resourceType": "Observation",
            "status": entry.get("status", "final"),
            "code": self._code("observation", concept, entry.get("code") or (name if " " in name else "")),
            "subject": {"reference": PATIENT},
        }
        if (day := entry.get("on", f"{FRESH} days ago")) != "none":
            resource["effectiveDateTime"] = read_day(day, self._today)
        if "value" in entry:
            resource |= self._value(entry["value"], made)
        elif "text" in entry:
            resource["valueString"] = entry["text"]
        else:
            resource["dataAbsentReason"] = {"text": "not told"}
        if high := entry.get("high"):
            resource["referenceRange"] = [{"high": _quantity(high)}]
        if flag := entry.get("flag"):
            resource["interpretation"] = [{"coding": [{"system": _FLAGS, "code": flag}]}]
        if method := entry.get("method"):
            resource["method"] = {"text": method}
        if made is not None and made.about:
            resource["component"] = [
                {
                    "code": self._code("observation", part, ""),
                    "valueCodeableConcept": self._code("answer", min(answers), ""),
                }
                for part, answers in made.about
            ]
        if specimen := entry.get("specimen"):
            resource["specimen"] = {"reference": f"Specimen/{specimen}"}
        return resource

    def _codes_of(self, name: str) -> Iterable[str]:
        for concept, feeds in self._inputs.by_concept.items():
            for made, mark in feeds:
                if made.name == name and not mark:
                    yield concept

    def _value(self, text: str, made: Input | None) -> Resource:
        """A number with a unit, an answer by its name, or a date, as the input can have it."""
        if made is None or "answer" in made.reads:
            for family in ("answer", *(made.answer_families if made else ())):
                if code := self._terminology.first_code(family, text):
                    return {"valueCodeableConcept": _concept(*code)}
        if made is not None and "date" in made.reads:
            return {"valueDateTime": read_day(text, self._today)}
        if made is not None and made.score and text.isdigit():
            return {"valueInteger": int(text)}
        if _VALUE.fullmatch(text):
            quantity = _quantity(text)
            if made is not None and made.unit == "1":
                quantity.setdefault("unit", "1")
            return {"valueQuantity": quantity}
        raise SketchError(
            f"{text!r} is no value of {made.label if made else 'a result'}; for free text write {{text: …}}"
        )

    def condition(self, name: str, entry: dict[str, Any]) -> Resource:
        resource: Resource = {
            "resourceType": "Condition",
            "code": {"text": entry["text"]}
            if "text" in entry
            else self._code("condition", name, entry.get("code", "")),
            "subject": {"reference": PATIENT},
        }
        if (status := entry.get("status", "active")) != "none":
            resource["clinicalStatus"] = {"coding": [{"system": _CLINICAL, "code": status}]}
        if (verification := entry.get("verification", "confirmed")) != "none":
            resource["verificationStatus"] = {"coding": [{"system": _VERIFICATION, "code": verification}]}
        if entry.get("encounter") == "true":
            resource["category"] = [{"coding": [{"system": _CATEGORY, "code": "encounter-diagnosis"}]}]
        for key, field in (("onset", "onsetDateTime"), ("recorded", "recordedDate"), ("ended", "abatementDateTime")):
            if key in entry:
                resource[field] = read_day(entry[key], self._today)
        if site := entry.get("site"):
            resource["bodySite"] = [self._code("site", site, "")]
        if stage := entry.get("stage"):
            resource["stage"] = [{"summary": self._code("answer", stage, "")}]
        return resource

    def medication(self, name: str, entry: dict[str, Any]) -> Resource:
        """A dose (`given`), an order (`ordered`) or a statement (`from`, `to`)."""
        code = {"text": entry["text"]} if "text" in entry else self._code("drug", name, entry.get("code", ""))
        resource: Resource = {"medicationCodeableConcept": code, "subject": {"reference": PATIENT}}
        if "given" in entry:
            resource |= {
                "resourceType": "MedicationAdministration",
                "status": entry.get("status", "completed"),
                "effectiveDateTime": read_day(entry["given"], self._today),
            }
            if route := entry.get("route"):
                resource["dosage"] = {"route": {"text": route}}
        elif "ordered" in entry:
            resource |= {
                "resourceType": "MedicationRequest",
                "status": entry.get("status", "active"),
                "intent": "order",
                "authoredOn": read_day(entry["ordered"], self._today),
            }
            if route := entry.get("route"):
                resource["dosageInstruction"] = [{"route": {"text": route}}]
        else:
            ended = "to" in entry
            period = {
                key: read_day(entry[k], self._today) for k, key in (("from", "start"), ("to", "end")) if k in entry
            }
            resource |= {
                "resourceType": "MedicationStatement",
                "status": entry.get("status", "completed" if ended else "active"),
            }
            if period:
                resource["effectivePeriod"] = period
            if route := entry.get("route"):
                resource["dosage"] = [{"route": {"text": route}}]
        if reason := entry.get("reason"):
            resource["reasonCode"] = [self._code("condition", reason, "")]
        return resource

    def procedure(self, name: str, entry: dict[str, Any]) -> Resource:
        resource: Resource = {
            "resourceType": "Procedure",
            "status": entry.get("status", "completed"),
            "code": self._code("procedure", name, entry.get("code", "")),
            "subject": {"reference": PATIENT},
        }
        if "from" in entry or "to" in entry:
            keys = (("from", "start"), ("to", "end"))
            resource["performedPeriod"] = {key: read_day(entry[k], self._today) for k, key in keys if k in entry}
        elif "on" in entry:
            resource["performedDateTime"] = read_day(entry["on"], self._today)
        if site := entry.get("site"):
            resource["bodySite"] = [self._code("site", site, "")]
        return resource

    def allergy(self, name: str, entry: dict[str, Any]) -> Resource:
        known = name == "none-known"
        resource: Resource = {
            "resourceType": "AllergyIntolerance",
            "patient": {"reference": PATIENT},
            "code": self._code("condition" if known else "drug", name, entry.get("code", "")),
            "clinicalStatus": {"coding": [{"system": _ALLERGY_CLINICAL, "code": entry.get("status", "active")}]},
        }
        verification = entry.get("verification", "confirmed")
        resource["verificationStatus"] = {"coding": [{"system": _ALLERGY_VERIFICATION, "code": verification}]}
        if not known:
            resource["type"] = entry.get("type", "allergy")
        if reaction := entry.get("reaction"):
            resource["reaction"] = [{"manifestation": [{"text": reaction}]}]
        return resource

    def _code(self, family: str, concept: str, written: str) -> Resource:
        """A CodeableConcept: of the code written out, else the first code of the named concept."""
        if written or " " in concept:
            system, code = read_code(written or concept)
            return {"coding": [{"system": system, "code": code}]}
        found = self._terminology.first_code(family, concept)
        if found is None:
            raise SketchError(f"{concept} is no {family} that a value set names")
        return _concept(*found)


def _concept(system: str, code: str, display: str) -> Resource:
    coding = {"system": system, "code": code}
    if display:
        coding["display"] = display
    return {"coding": [coding]}


def _quantity(text: str) -> Resource:
    found = _VALUE.fullmatch(text)
    if found is None:
        raise SketchError(f"{text!r} is no number with a unit, such as 1500 /mm3")
    comparator, number, unit = found.groups()
    quantity: Resource = {"value": Decimal(number.replace(",", ""))}
    if comparator:
        quantity["comparator"] = comparator
    if unit:
        quantity["unit"] = unit
    return quantity


def _identifier(name: str, index: int) -> str:
    plain_name = re.sub(r"[^A-Za-z0-9.-]+", "-", name)
    return f"{plain_name}-{index + 1}" if index else plain_name


def _interrupted(kind: str) -> Resource:
    """A search of one type that was not followed to its end."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": f"{kind}?"}, {"relation": "next", "url": f"{kind}?page=2"}],
    }


def plain(value: Any) -> Any:
    """Data of a YAML file as JSON has it: its decimal numbers are numbers."""
    if isinstance(value, DecimalText):
        return Decimal(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value
