"""What the characteristics of a Group are made of: coded values, questions, times, and the list of what is not said."""

from datetime import date
from typing import Any

from service.criteria.drugs import Drugs
from service.criteria.spans import Window, add_months, iso
from service.mappers.inputs import Input
from service.mappers.quantities import UCUM
from service.mappers.value_sets import BASE
from service.screening import Screening
from service.sharing.value_sets import ValueSets, url_of

Json = dict[str, Any]

VALUE_SET = f"{BASE}/StructureDefinition/any-of-value-set"
WITHIN = f"{BASE}/StructureDefinition/within"
WHEN = f"{BASE}/StructureDefinition/when"
_UCUM_TIMES = {"days": "d", "weeks": "wk", "months": "mo", "years": "a"}


class Telling:
    """What the characteristics of one trial share. `gaps` are what they do not say of the criterion in hand; `day` is
    the as-of date that windows are counted from, where one is told: FHIR R4 has no period relative to it."""

    def __init__(self, screening: Screening, value_sets: ValueSets, day: date | None = None) -> None:
        self.screening = screening
        self.value_sets = value_sets
        self.day = day
        self.gaps: list[str] = []

    def nothing(self, why: str) -> list[Json]:
        self.gaps.append(why)
        return []

    def coded(self, family: str, names: frozenset[str], label: str) -> Json:
        """Any code of some concepts: the first listed one stands for them, the value set holds them all."""
        identifier = self.value_sets.of(family, names, label)
        return self._any_of(identifier, self._first(family, sorted(names)), label)

    def drugs(self, drugs: Drugs) -> Json:
        identifier = self.value_sets.of_drugs(drugs.ingredients, drugs.input)
        return self._any_of(identifier, self._first("drug", sorted(drugs.ingredients)), drugs.label)

    def asked(self, made: Input) -> Json:
        """The test that answers an input."""
        coding = dict(zip(("system", "code", "display"), made.order, strict=True)) if made.order else None
        return {**({"coding": [coding]} if coding else {}), "text": made.label}

    def window(self, window: Window | None, now: str = "") -> Json:
        """When it has to be so: as our extensions, and as R4's period where the as-of date is told."""
        extensions: list[Json] = [{"url": WHEN, "valueCode": now}] if now else []
        found: Json = {}
        if window is not None:
            code = _UCUM_TIMES[window.unit]
            length = {"value": window.number, "unit": str(window).partition(" ")[2], "system": UCUM, "code": code}
            extensions.append({"url": WITHIN, "valueDuration": length})
            if self.day is not None:
                found["period"] = {"start": iso(_first_day(window, self.day)), "end": self.day.isoformat()}
        return found | ({"extension": extensions} if extensions else {})

    def _first(self, family: str, names: list[str]) -> Json | None:
        codes = (self.screening.terminology.first_code(family, name) for name in names)
        found = next((code for code in codes if code is not None), None)
        return None if found is None else {k: v for k, v in zip(("system", "code", "display"), found, strict=True) if v}

    @staticmethod
    def _any_of(identifier: str, coding: Json | None, label: str) -> Json:
        extension = [{"url": VALUE_SET, "valueCanonical": url_of(identifier)}]
        return {"extension": extension, **({"coding": [coding]} if coding else {}), "text": label}


def _first_day(window: Window, day: date) -> int:
    today = day.toordinal()
    if window.unit in ("days", "weeks"):
        return today - window.number * (7 if window.unit == "weeks" else 1)
    return add_months(today, -window.months)
