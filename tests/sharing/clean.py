"""Made-up patients in clean forms: what trials read, with their own codes, around their own limits and windows.

Everything stays within what the CQL of a trial carries: codes under their systems, UCUM units, full dates, one
reference range. Statuses, dates, values and codes vary; so do what is missing and what disagrees.
"""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Any, TypeVar

import msgspec

from service.criteria import keys
from service.criteria.allergies import AllergyRule, IntoleranceSign
from service.criteria.answered import AnswerSign
from service.criteria.bands import Band
from service.criteria.catalogue import Trial
from service.criteria.drugs import Drugs
from service.criteria.measured import Threshold
from service.mappers.inputs import Input
from service.mappers.terminology import Terminology
from service.screening import Screening
from service.sharing.cql_terms import known_units

Json = dict[str, Any]
AS_OF = date(2026, 11, 21)
SERVER = "https://ehr.example.org/fhir"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem/"
ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_AGO = (0, 1, 3, 7, 8, 13, 14, 15, 20, 27, 28, 29, 41, 43, 60, 89, 90, 91, 92, 100, 179, 180, 181, 200, 400, 800, 1500)
_BIRTHS = (
    "1960-03-15",
    "1975-07-01",
    "1948-11-30",
    "1950-11-21",
    "1950-11-22",
    "1951-01-01",
    "2008-11-21",
    "2008-11-22",
)
_SMALLEST = Decimal("0.00001")  # of the factors: whole numbers beyond 2^31 are too large for cql-execution
_SIX_DIGITS = Context(prec=6)
_OBSERVATION = ("final",) * 8 + ("amended", "corrected", "preliminary", "registered", "cancelled", "entered-in-error")
_CLINICAL = ("active", "active", "active", "recurrence", "relapse", "inactive", "remission", "resolved", "")
_VERIFICATION = ("confirmed",) * 6 + ("", "provisional", "unconfirmed", "refuted", "entered-in-error")
_STATED = (
    "active",
    "active",
    "completed",
    "stopped",
    "on-hold",
    "unknown",
    "not-taken",
    "entered-in-error",
    "intended",
)
_ORDERED = ("active", "active", "completed", "stopped", "on-hold", "unknown", "draft", "entered-in-error", "cancelled")


class Maker:
    """Makes patients for some trials; the same seed gives the same patient."""

    def __init__(self, screening: Screening, trials: Iterable[Trial]) -> None:
        rules = [criterion.rule for trial in trials for criterion in trial.criteria]
        reads = keys.together(rule.reads() for rule in rules)
        self.terminology = screening.terminology
        self.inputs = [screening.inputs.by_name[name] for name in sorted(keys.named("input", reads))]
        self.concepts = {
            family: [name for name in sorted(keys.named(family, reads)) if _codes(self.terminology, family, name)]
            for family in ("condition", "procedure", "drug")
        }
        self.allergens = sorted({name for rule in rules for name in _allergens(rule)})
        self.by_input = {made.name: _observation_codes(screening, made) for made in self.inputs}
        self.limits: dict[str, list[Threshold]] = {}
        for rule in rules:
            for threshold in _thresholds(rule):
                self.limits.setdefault(threshold.input, []).append(threshold)
        self.asked: dict[str, tuple[str, ...]] = {}
        for sign in (sign for rule in rules for sign in _found(rule, AnswerSign)):
            self.asked[sign.input] = (*self.asked.get(sign.input, ()), *sorted(sign.answers))
        sets = (drugs.ingredients for rule in rules for drugs in _found(rule, Drugs))
        self.drugs = [
            sorted(drugs & set(self.concepts["drug"])) for drugs in sets if drugs & set(self.concepts["drug"])
        ]
        self.answers = {
            name: _codes(self.terminology, "answer", name) for name in sorted(self.terminology.concepts("answer"))
        }

    def bundle(self, seed: int) -> Json:
        chart = _Chart(self, seed)
        chart.results()
        chart.diagnoses()
        chart.operations()
        chart.drugs()
        chart.allergies()
        resources = [chart.patient, *chart.resources]
        entries = [{"fullUrl": f"{SERVER}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
        return {"resourceType": "Bundle", "id": chart.patient["id"], "type": "collection", "entry": entries}


class _Chart:
    def __init__(self, maker: Maker, seed: int) -> None:
        self.maker = maker
        self.random = random.Random(seed)
        self.resources: list[Json] = []
        self.patient: Json = {"resourceType": "Patient", "id": f"made-{seed}"}
        if gender := self.pick("female", "female", "female", "male", "other", "unknown", ""):
            self.patient["gender"] = gender
        if not self.one_in(12):
            self.patient["birthDate"] = self.pick(*_BIRTHS, *_BIRTHS, "2008", "2008-11", "1950")
        if self.one_in(40):
            self.patient["deceasedDateTime"] = self.day(self.pick(-1, 0, 1, 30))
        elif self.one_in(40):
            self.patient["deceasedBoolean"] = self.pick(True, False)

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def one_in(self, number: int) -> bool:
        return self.random.randrange(number) == 0

    def day(self, ago: int) -> str:
        return (AS_OF - timedelta(days=ago)).isoformat()

    def when(self, ago: int | None = None) -> str:
        day = self.day(self.pick(*_AGO) if ago is None else ago)
        return f"{day}T{self.pick('08', '14')}:{self.pick('00', '30')}:00Z" if self.one_in(3) else day

    def add(self, kind: str, **body: Any) -> None:
        subject = {"reference": f"Patient/{self.patient['id']}"}
        name = "patient" if kind == "AllergyIntolerance" else "subject"
        self.resources.append({"resourceType": kind, "id": f"r{len(self.resources)}", name: subject, **body})

    # -- results

    def results(self) -> None:
        for made in self.maker.inputs:
            if made.name == "er-pr":  # one result for two receptors: the CQL answers null to it
                continue
            for _ in range(self.pick(0, 1, 1, 1, 1, 2, 3)):
                self.result(made)

    def result(self, made: Input) -> None:
        code = self.pick(*self.maker.by_input[made.name])
        body: Json = {"status": self.pick(*_OBSERVATION), "code": {"coding": [code]}}
        ago = self.pick(0, 5, 5, 5, 10, -1) if not self.one_in(3) else None
        body["effectiveDateTime"] = self.when(ago)
        body |= self.value(made)
        self.add("Observation", **body)

    def value(self, made: Input) -> Json:
        if made.score and self.one_in(2):
            return self.answer(f"{made.score}-") if self.one_in(2) else {"valueInteger": self.pick(0, 1, 2, 3, 4, 5)}
        if "quantity" in made.reads and ("answer" not in made.reads or made.score or self.one_in(2)):
            return self.number(made)
        if "answer" in made.reads:
            return self.answer("", self.maker.asked.get(made.name, ()))
        return {"valueDateTime": self.when()}

    def answer(self, prefix: str, asked: tuple[str, ...] = ()) -> Json:
        usual = ("positive", "negative", "positive", "negative", "equivocal", "undetermined", "stage-4", "m0", "m1")
        names = [n for n in self.maker.answers if n.startswith(prefix)] if prefix else [*usual, *asked, *asked]
        return {"valueCodeableConcept": {"coding": [self.pick(*self.maker.answers[self.pick(*names)])]}}

    def number(self, made: Input) -> Json:
        units = [unit for unit, factor in known_units(made).items() if factor >= _SMALLEST]
        unit = self.pick("1", "{score}") if made.score else self.pick(made.unit, made.unit, *units)
        high = None
        if made.ranges and not self.one_in(4):
            high = Decimal(self.pick("1.2", "40", "1.1", "35"))
        value = self._around(made, high)
        if made.score:
            value = value.to_integral_value()
        factor = made.factors[unit] or Decimal(1)
        body: Json = {"valueQuantity": _quantity(value / factor, unit)}
        if high is not None:
            body["referenceRange"] = [{"low": _quantity(Decimal(0), unit), "high": _quantity(high / factor, unit)}]
        elif made.ranges and self.one_in(3):
            body["interpretation"] = [{"coding": [{"system": f"{HL7}v3-ObservationInterpretation", "code": "N"}]}]
        return body

    def _around(self, made: Input, high: Decimal | None) -> Decimal:
        """A value at, or a little beside, a limit of some trial; or one that nobody has."""
        limits = self.maker.limits.get(made.name)
        if self.one_in(25):
            return Decimal(self.pick("0", "1000000"))
        if not limits:
            return Decimal(self.pick("0", "0.5", "1", "3", "50", "80"))
        limit = self.pick(*limits).limit
        base = limit.number * (high or 1) if limit.times_uln else limit.number
        return Decimal(base) * Decimal(self.pick("1", "1", "0.99", "1.01", "0.5", "1.6"))

    # -- diagnoses, procedures, drugs

    def diagnoses(self) -> None:
        for concept in self.maker.concepts["condition"]:
            if self.one_in(12):
                self.diagnosis(self.pick(*_codes(self.maker.terminology, "condition", concept)))

    def diagnosis(self, code: Json) -> None:
        body: Json = {"code": {"coding": [code]}}
        clinical, verification = self.pick(*_CLINICAL), self.pick(*_VERIFICATION)
        if clinical:
            body["clinicalStatus"] = {"coding": [{"system": f"{HL7}condition-clinical", "code": clinical}]}
        if verification:
            body["verificationStatus"] = {"coding": [{"system": f"{HL7}condition-ver-status", "code": verification}]}
        match self.pick(0, 1, 1, 1, 2, 3):
            case 0:
                body["recordedDate"] = self.when()
            case 1:
                body["onsetDateTime"] = self.when()
            case 2:
                body["onsetDateTime"] = self.day(self.pick(-3, 5000))
        if self.one_in(5):
            body["abatementDateTime"] = self.when(self.pick(-2, 0, 1, 100))
        self.add("Condition", **body)

    def operations(self) -> None:
        for concept in self.maker.concepts["procedure"]:
            if self.one_in(6):
                self.operation(self.pick(*_codes(self.maker.terminology, "procedure", concept)))

    def operation(self, code: Json) -> None:
        status = self.pick("completed", "completed", "in-progress", "stopped", "unknown", "not-done", "preparation")
        body: Json = {"status": status, "code": {"coding": [code]}}
        match self.pick(0, 1, 1, 2):
            case 1:
                body["performedDateTime"] = self.when()
            case 2:
                start = self.pick(*_AGO)
                body["performedPeriod"] = {"start": self.day(start), "end": self.day(self.random.randint(0, start))}
        self.add("Procedure", **body)

    def drugs(self) -> None:
        for _ in range(self.pick(0, 0, 1, 2, 4) if self.maker.drugs else 0):
            name = self.pick(*self.pick(*self.maker.drugs))
            self.drug(self.pick(*_codes(self.maker.terminology, "drug", name)))

    def drug(self, code: Json) -> None:
        kind = self.pick("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense")
        body: Json = {"status": self.pick(*_STATED), "medicationCodeableConcept": {"coding": [code]}}
        start = self.pick(*_AGO)
        if kind == "MedicationStatement":
            body["effectivePeriod"] = {"start": self.day(start)}
            if self.one_in(2):
                body["effectivePeriod"]["end"] = self.day(self.random.randint(-5, start))
        elif kind == "MedicationRequest":
            body |= {"intent": self.pick("order", "order", "order", "plan"), "authoredOn": self.when(start)}
            body["status"] = self.pick(*_ORDERED)
        elif kind == "MedicationAdministration":
            body["effectiveDateTime"] = self.when(start)
            body["status"] = self.pick("completed", "completed", "in-progress", "not-done", "unknown")
        else:
            body["whenHandedOver"] = self.when(start)
            body["status"] = self.pick("completed", "completed", "cancelled", "unknown")
        self.add(kind, **body)

    def allergies(self) -> None:
        names = self.maker.allergens
        for _ in range(self.pick(0, 0, 1, 2) if names else 0):
            self.allergy(self.pick(*_codes(self.maker.terminology, "drug", self.pick(*names))))

    def allergy(self, code: Json) -> None:
        body: Json = {"code": {"coding": [code]}}
        if type_ := self.pick("allergy", "intolerance", ""):
            body["type"] = type_
        verification = self.pick("confirmed", "confirmed", "unconfirmed", "refuted", "entered-in-error", "")
        if verification:
            system = f"{HL7}allergyintolerance-verification"
            body["verificationStatus"] = {"coding": [{"system": system, "code": verification}]}
        clinical = self.pick("active", "inactive", "resolved")
        body["clinicalStatus"] = {"coding": [{"system": f"{HL7}allergyintolerance-clinical", "code": clinical}]}
        if self.one_in(3):
            body["onsetDateTime"] = self.when(self.pick(-3, 0, 400))
        self.add("AllergyIntolerance", **body)


def _quantity(value: Decimal, unit: str) -> Json:
    """Six digits, as laboratories send at most: what is more than that is the calculation's, not the value's."""
    told = _SIX_DIGITS.plus(value)
    return {"value": Decimal(format(told.normalize(), "f")), "unit": unit, "system": UCUM, "code": unit}


def _codes(terminology: Terminology, family: str, name: str) -> list[Json]:
    """The codes of a concept as Codings: listed ones, and the stems of the hierarchical systems. Only those that mean
    nothing unclear: a code that stands for no other drug, a stem that is not excluded again."""
    value_set = terminology.value_sets.get(f"{family}-{name}")
    if value_set is None:
        return []
    found = []
    for include in value_set["compose"]["include"]:
        codes = [c["code"] for c in include.get("concept", ())] + [f["value"] for f in include.get("filter", ())]
        found += [(include["system"], code) for code in codes]
    index = terminology.indexes[family]
    return [{"system": system, "code": code} for system, code in found if name in index.exact(system, code)]


def _observation_codes(screening: Screening, made: Input) -> list[Json]:
    concepts = [c for c, pairs in screening.inputs.by_concept.items() if any(p[0].name == made.name for p in pairs)]
    return [code for concept in sorted(concepts) for code in _codes(screening.terminology, "observation", concept)]


T = TypeVar("T")


def _found(part: object, kind: type[T]) -> Iterable[T]:
    """Every part of a kind inside a rule or sign."""
    if isinstance(part, kind):
        yield part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _found(getattr(part, name), kind)
    elif isinstance(part, tuple):
        for item in part:
            yield from _found(item, kind)


def _thresholds(part: object) -> Iterable[Threshold]:
    """Every threshold inside a rule or sign; a band is two."""
    for found in _found(part, Threshold):
        yield from (found.lower, found.upper) if isinstance(found, Band) else (found,)


def _allergens(part: object) -> Iterable[str]:
    """Every drug that a rule asks about as an allergy."""
    for rule in _found(part, AllergyRule):
        yield from rule.drugs | rule.related
    for sign in _found(part, IntoleranceSign):
        yield from sign.drugs


def expansions(screening: Screening, value_sets: list[Json], bundles: Iterable[Json]) -> Json:
    """What a terminology service would answer, for the codes that the patients hold: url -> version -> codes."""
    codings = {(system, code) for bundle in bundles for system, code in _codings(bundle)}
    by_url = {value_set["url"]: value_set for value_set in value_sets}
    found: Json = {}
    for url, value_set in by_url.items():
        members = [
            {"system": system, "code": code, "version": ""}
            for system, code in sorted(codings)
            if _is_member(screening.terminology, by_url, value_set, system, code)
        ]
        found[url] = {value_set.get("version", ""): members}
    return found


def _is_member(terminology: Terminology, by_url: Json, value_set: Json, system: str, code: str) -> bool:
    family, _, concept = value_set["id"].partition("-")
    if value_set["id"] in terminology.value_sets and family != "drugclass":
        return concept in terminology.indexes[family].exact(system, code)
    for include in value_set["compose"]["include"]:
        if include.get("system") == system and any(c["code"] == code for c in include.get("concept", ())):
            return True
        if any(_is_member(terminology, by_url, by_url[url], system, code) for url in include.get("valueSet", ())):
            return True
    return False


def _codings(part: Any) -> Iterable[tuple[str, str]]:
    if isinstance(part, dict):
        if "system" in part and "code" in part:
            yield part["system"], part["code"]
        for value in part.values():
            yield from _codings(value)
    elif isinstance(part, list):
        for value in part:
            yield from _codings(value)
