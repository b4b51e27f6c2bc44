"""MedicationStatement, MedicationRequest, MedicationAdministration and MedicationDispense as exposures to ingredients.

Medication and Substance are followed, contained or referenced. https://hl7.org/fhir/R4/medicationstatement.html
"""

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec

from service.criteria import spans
from service.criteria.facts import Exposure
from service.criteria.spans import FOREVER, LONG_AGO, Span
from service.mappers import quantities, units, wire
from service.mappers.concepts import shown, texts
from service.mappers.dates import Calendar
from service.mappers.quantities import Problem
from service.mappers.terminology import ATC, ICD10, ICD10CM, RXNORM, SNOMED, Terminology, canonical_system

_Course = Literal["active", "on-hold", "ended", "point"]
_TAKEN: dict[str, dict[str, _Course]] = {
    "MedicationStatement": {"active": "active", "completed": "ended", "stopped": "ended", "on-hold": "on-hold"},
    "MedicationRequest": {"active": "active", "completed": "ended", "stopped": "ended", "on-hold": "on-hold"},
    "MedicationAdministration": {
        "in-progress": "point", "completed": "point", "stopped": "point", "on-hold": "point",
    },
    "MedicationDispense": {"completed": "point"},
}  # fmt: skip
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_KINDS = {
    "MedicationStatement": "statement",
    "MedicationRequest": "order",
    "MedicationAdministration": "administration",
    "MedicationDispense": "dispense",
}
# Days that a depot of so many milligrams lasts, by the labels of the products.
DEPOT_DAYS: dict[str, dict[Decimal, int]] = {
    "goserelin": {Decimal("3.6"): 28, Decimal("10.8"): 84},
    "leuprolide": {
        Decimal("3.75"): 28, Decimal("7.5"): 28, Decimal("11.25"): 84, Decimal("22.5"): 84, Decimal("30"): 112,
        Decimal("45"): 168,
    },
    "triptorelin": {Decimal("3.75"): 28, Decimal("11.25"): 84, Decimal("22.5"): 168},
}  # fmt: skip
_ROUTES = (
    ("intravitreal", ("intravitreal", "418401004")),
    ("ophthalmic", ("ophthalm", "ocular", "eye", "54485002")),
    ("topical", ("topical", "cutaneous use", "on skin", "6064005", "448598008")),
    ("vaginal", ("vagin", "16857009")),
    ("nasal", ("nasal", "46713006")),
    ("otic", ("otic", "auricular", "ear ", "10547007")),
    ("inhalation", ("inhal", "respiratory", "447694001")),
    ("transdermal", ("transdermal", "45890007")),
    ("subcutaneous", ("subcutan", "sub-cutan", "subq", "34206005")),
    ("intramuscular", ("intramusc", "78421000")),
    ("intravenous", ("intraven", "infusion", "47625008")),
    ("oral", ("oral", "by mouth", "per os", "26643006")),
)
_SHORT_ROUTES = {"po": "oral", "iv": "intravenous", "sc": "subcutaneous", "sq": "subcutaneous", "im": "intramuscular"}
_CANCER = re.compile(
    r"cancer|carcinoma|neoplas|tumou?r|malignan|metasta|lymphoma|leuk(?:a)?emia|melanoma|sarcoma|myeloma|oncolog|adjuvant"
)
_FERTILITY = re.compile(r"fertil|ovulation|\bivf\b|oocyte|egg retrieval|assisted reproduc")
_LAST_DAY = date.max.toordinal()
_LONGEST = 200 * 365  # days: nobody takes a drug longer, whatever a length of time says
_DURATIONS = {
    "d": 1,
    "day": 1,
    "days": 1,
    "wk": 7,
    "week": 7,
    "weeks": 7,
    "mo": 30,
    "month": 30,
    "months": 30,
    "a": 365,
}


class _Dose(msgspec.Struct, gc=False):
    doseQuantity: wire.Quantity | None = None


class _Named(msgspec.Struct):
    """What is known of which drug a record is about."""

    sure: set[str] = msgspec.field(default_factory=set)
    possible: set[str] = msgspec.field(default_factory=set)
    coded: bool = False
    worded: bool = False
    said: list[str] = msgspec.field(default_factory=list)
    why: str = ""
    problem: str = ""
    form: str = ""
    strength: Decimal | None = None
    followed: set[int] = msgspec.field(default_factory=set)

    @property
    def is_nameless(self) -> bool:
        return not self.sure and not self.possible and not self.coded and not self.worded


class ExposureMapper:
    """Maps the medication resources of one patient. `resolve` finds a resource of the record by its reference, and says
    why it may not be used; `reason_of` tells what kind of reason the Condition behind a reference is."""

    def __init__(
        self,
        terminology: Terminology,
        calendar: Calendar,
        resolve: Callable[[str], tuple[object | None, str]],
        reason_of: Callable[[str], str],
    ) -> None:
        self._terminology = terminology
        self._calendar = calendar
        self._resolve = resolve
        self._reason_of = reason_of

    def map(self, event: wire.MedicationEvent, ref: str, problem: str = "") -> Exposure | None:
        """The exposure, or None where the drug was not taken."""
        kind = type(event).__name__
        course, certain, why = _course(event, kind)
        if course is None:
            return None
        named = self._drug(event)
        problem = problem or named.problem
        if problem:
            certain, why = False, problem
        start, end, told = self._times(event, course)
        dosages = _dosages(event)
        form = _route(dosages) or named.form
        return Exposure(
            ref=ref,
            says="; ".join(dict.fromkeys(s for s in named.said if s)) or "a drug without a name",
            kind=_KINDS[kind],
            ingredients=frozenset(named.sure),
            possible=frozenset(named.possible - named.sure),
            nameless=named.is_nameless,
            why="; ".join(w for w in (why, named.why) if w),
            certain=certain,
            broken=bool(problem),
            course=course,
            start=start,
            end=end,
            end_told=told,
            form=form,
            depot=bool(named.sure & DEPOT_DAYS.keys()),
            depot_days=_depot_days(named, dosages),
            reason=self._reason(event),
        )

    def names_unknown(self, concept: wire.CodeableConcept) -> bool:
        """Whether it tells a drug that is none of the known ones, nor may be: no rule can ask for it."""
        named = _Named()
        self._name(concept, named)
        return not named.sure and not named.possible and not named.is_nameless

    def _drug(self, event: wire.MedicationEvent) -> _Named:
        named = _Named()
        if event.medicationCodeableConcept is not None:
            self._name(event.medicationCodeableConcept, named)
        reference = event.medicationReference
        if reference is not None and reference.reference:
            found = self._follow(reference.reference, event.contained, named)
            if isinstance(found, wire.Medication):
                self._medication(found, named, event.contained)
            elif reference.display:
                self._name(wire.CodeableConcept(text=reference.display), named)
            else:
                named.why = "a reference to a Medication that is not in the record"
        elif reference is not None and reference.display:
            self._name(wire.CodeableConcept(text=reference.display), named)
        return named

    def _follow(self, reference: str, contained: msgspec.Raw, named: _Named) -> Any:
        if not reference.startswith("#"):
            resource, problem = self._resolve(reference)
            named.problem = named.problem or problem
            return resource
        for raw in _contained(contained):
            try:
                found = wire.decode_resource(raw)
            except (msgspec.DecodeError, RecursionError):
                continue
            if getattr(found, "id", None) in (reference[1:], reference):
                return found
        return None

    def _medication(self, medication: wire.Medication, named: _Named, contained: msgspec.Raw) -> None:
        if id(medication) in named.followed:
            return
        named.followed.add(id(medication))
        if medication.status == "entered-in-error":
            named.why = "a Medication entered in error"
            return
        if medication.code is not None:
            self._name(medication.code, named)
        for ingredient in medication.ingredient or ():
            if ingredient.isActive is False:
                continue
            if ingredient.itemCodeableConcept is not None:
                self._name(ingredient.itemCodeableConcept, named)
            elif ingredient.itemReference is not None and ingredient.itemReference.reference:
                self._part(ingredient.itemReference.reference, medication, named, contained)

    def _part(self, reference: str, medication: wire.Medication, named: _Named, outer: msgspec.Raw) -> None:
        found = self._follow(reference, medication.contained, named) or self._follow(reference, outer, named)
        if isinstance(found, wire.Substance) and found.code is not None:
            self._name(found.code, named)
        elif isinstance(found, wire.Medication):
            self._medication(found, named, outer)

    def _name(self, concept: wire.CodeableConcept, named: _Named) -> None:
        """Add what one CodeableConcept says about the drug."""
        terminology = self._terminology
        named.said.append(shown(concept))
        named.worded = named.worded or bool(texts(concept))
        found = terminology.look_up("drug", concept)
        for ingredient in found.sure:
            meanings = terminology.may_mean.get(ingredient)
            if meanings:
                named.possible |= set(meanings)
                named.why = "a code that does not tell which of these drugs"
            else:
                named.sure.add(ingredient)
        self._name_form(concept, named)
        if found.sure:
            named.coded = True
            return
        if found.ambiguous:
            named.possible |= {m for c in found.ambiguous for m in terminology.may_mean.get(c, (c,))}
            named.why = "a drug code without a system or under a wrong one"
        spoken = self._spoken(texts(concept))
        if spoken:
            named.possible |= spoken
            named.why = named.why or "a drug named in text, without a known code"
        named.coded = named.coded or _in_drug_system(concept)

    def _spoken(self, text: str) -> set[str]:
        names = set(self._terminology.spoken("drug", text))
        for group in self._terminology.spoken("drugclass", text):
            names |= self._terminology.classes[group]
        return {m for c in names for m in self._terminology.may_mean.get(c, (c,))}

    def _name_form(self, concept: wire.CodeableConcept, named: _Named) -> None:
        for coding in concept.coding or ():
            if coding is None or not coding.code or not coding.system:
                continue
            form = self._terminology.drug_forms.get((canonical_system(coding.system), coding.code))
            if form is not None:
                named.form = named.form or form.form
                named.strength = named.strength or form.strength

    def _times(self, event: wire.MedicationEvent, course: str) -> tuple[Span | None, Span | None, bool]:
        """Start, end, and whether the end is told; an ended record without one has a span in which it must lie."""
        start, end = self._told(event)
        if end is not None and start is not None and end.last < start.first:
            end = None
        if course == "point":
            return start, end or start, True
        if end is not None:
            return start, end, True
        if course == "ended":
            return start, self._ended_by(event, start), False
        return start, None, False

    def _told(self, event: wire.MedicationEvent) -> tuple[Span | None, Span | None]:
        read = self._calendar.read
        match event:
            case wire.MedicationStatement() | wire.MedicationAdministration():
                start, end = self._calendar.period(event.effectivePeriod)
                return start or read(event.effectiveDateTime), end
            case wire.MedicationDispense():
                start = read(event.whenHandedOver) or read(event.whenPrepared)
                return start, _after(start, event.daysSupply)
            case wire.MedicationRequest():
                return self._order_times(event)
        return None, None

    def _order_times(self, order: wire.MedicationRequest) -> tuple[Span | None, Span | None]:
        start = self._calendar.read(order.authoredOn)
        ends = []
        for dosage in order.dosageInstruction or ():
            repeat = dosage.timing.repeat if dosage.timing else None
            if repeat is None:
                continue
            first, last = self._calendar.period(repeat.boundsPeriod)
            start = first or start
            last = last or _after(first or start, repeat.boundsDuration)
            if last is not None:
                ends.append(last)
        if not ends and order.dispenseRequest is not None:
            last = self._calendar.period(order.dispenseRequest.validityPeriod)[1]
            if last is not None:
                ends.append(last)
        return start, max(ends, key=lambda span: span.end) if ends else None

    def _ended_by(self, event: wire.MedicationEvent, start: Span | None) -> Span:
        """Some moment between the start and the first of dateAsserted and lastUpdated (the as-of date cuts it too)."""
        known = [self._calendar.read(event.meta.lastUpdated)] if event.meta else []
        if isinstance(event, wire.MedicationStatement):
            known.append(self._calendar.read(event.dateAsserted))
        last = min((span.last for span in known if span is not None), default=FOREVER)
        first = LONG_AGO if start is None else start.first
        return spans.of_days(first, max(first, last), "not told")

    def _reason(self, event: wire.MedicationEvent) -> str:
        """cancer, fertility, other, or empty where no reason is recorded."""
        reasons = [self._reason_said(concept) for concept in event.reasonCode or ()]
        for reference in event.reasonReference or ():
            reason = self._reason_of(reference.reference) if reference.reference else ""
            if not reason and reference.display:
                reason = self._reason_said(wire.CodeableConcept(text=reference.display))
            reasons.append(reason)
        for wanted in ("cancer", "fertility", "other"):
            if wanted in reasons:
                return wanted
        return ""

    def _reason_said(self, concept: wire.CodeableConcept) -> str:
        said = reason_of_concepts(self._terminology.look_up("condition", concept).sure, texts(concept))
        return said or _reason_by_chapter(concept)


def doses_told_twice(exposures: list[Exposure]) -> list[Exposure]:
    """An order that ended without telling when, and the doses given for it, are one: from the first of them on the
    doses tell what was taken. They are those from the order's day until the next order of the drug."""
    doses = [e for e in exposures if e.course == "point" and e.start is not None and e.certain]
    if not doses:
        return exposures
    by_drug: dict[str, tuple[list[Exposure], list[Exposure]]] = {}
    for exposure in exposures:
        if exposure.start is not None and (exposure.kind == "order" or exposure.course == "point"):
            for ingredient in exposure.ingredients:
                orders, given = by_drug.setdefault(ingredient, ([], []))
                (orders if exposure.kind == "order" else given).append(exposure)
    return [_with_doses(e, by_drug) if _ended_untold(e) else e for e in exposures]


def _ended_untold(exposure: Exposure) -> bool:
    return exposure.kind == "order" and exposure.course == "ended" and not exposure.end_told


def _with_doses(order: Exposure, by_drug: dict[str, tuple[list[Exposure], list[Exposure]]]) -> Exposure:
    if order.start is None or not order.ingredients:
        return order
    first_doses: list[Span] = []
    for ingredient in order.ingredients:
        orders, doses = by_drug[ingredient]
        later = [o.start.first for o in orders if o.start is not None and o.start.first > order.start.last]
        until = min(later, default=FOREVER)
        given = [d.start for d in doses if d.start is not None and order.start.first <= d.start.last < until]
        if not given:
            return order
        first_doses.append(min(given, key=lambda span: span.start))
    return msgspec.structs.replace(order, doses_from=max(first_doses, key=lambda span: span.start))


_OF_CANCER = (
    "breast-", "metastasis-", "other-malignancy", "malignancy-", "skin-cancer", "cervix-cancer", "lung-cancer",
    "m1-finding", "er-", "pr-", "her2-", "hormone-receptor-", "chemotherapy-", "immunotherapy-", "endocrine-therapy-",
    "history-chemotherapy",
)  # fmt: skip


def reason_of_concepts(concepts: Iterable[str], text: str) -> str:
    """What kind of reason a diagnosis is: a code decides, else the words."""
    found = set(concepts) - {"breastfeeding", "breastfeeding-unclear"}
    if any(c.startswith(_OF_CANCER) for c in found):
        return "cancer"
    if "fertility" in found:
        return "fertility"
    plain = text.lower()
    if _CANCER.search(plain):
        return "cancer"
    if _FERTILITY.search(plain):
        return "fertility"
    return "other" if found or plain else ""


def _reason_by_chapter(concept: wire.CodeableConcept) -> str:
    """ICD-10's chapter of neoplasms is cancer, any other is not; a SNOMED CT code that no list holds does not tell."""
    for coding in concept.coding or ():
        if coding and coding.code and coding.system and canonical_system(coding.system) in (ICD10, ICD10CM):
            code = coding.code.strip().upper()
            return "cancer" if code[:1] == "C" or code[:2] in ("D0", "D1", "D2", "D3", "D4") else "other"
    return ""


def _course(event: wire.MedicationEvent, kind: str) -> tuple[_Course | None, bool, str]:
    """-> (course, certain, why not). A course of None: not taken."""
    if isinstance(event, wire.MedicationRequest):
        if event.doNotPerform:
            return None, True, ""
        intent = (event.intent or "").strip().lower()
        if intent and intent not in _ORDERS:
            return None, True, ""
        if not intent:
            return _TAKEN[kind].get((event.status or "").strip().lower()), False, "an order without an intent"
    status = (event.status or "").strip().lower()
    if status in ("", "unknown"):
        return (
            "point" if kind in ("MedicationAdministration", "MedicationDispense") else "active",
            False,
            (f"status {status}" if status else "no status"),
        )
    return _TAKEN[kind].get(status), True, ""


def _in_drug_system(concept: wire.CodeableConcept) -> bool:
    systems = {canonical_system(c.system) for c in concept.coding or () if c and c.system and c.code}
    return bool(systems & {RXNORM, SNOMED, ATC})


def _contained(raw: msgspec.Raw) -> list[msgspec.Raw]:
    if not bytes(raw):
        return []
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        return []


def _dosages(event: wire.MedicationEvent) -> list[wire.Dosage]:
    match event:
        case wire.MedicationStatement():
            return event.dosage or []
        case wire.MedicationRequest() | wire.MedicationDispense():
            return event.dosageInstruction or []
        case wire.MedicationAdministration():
            return [event.dosage] if event.dosage else []
    return []


def _route(dosages: list[wire.Dosage]) -> str:
    for dosage in dosages:
        if dosage.route is None:
            continue
        words = f"{texts(dosage.route)} {' '.join(c.code or '' for c in dosage.route.coding or () if c)}".lower()
        for route, names in _ROUTES:
            if any(name in words for name in names):
                return route
        for word in re.findall(r"[a-z]+", words):
            if word in _SHORT_ROUTES:
                return _SHORT_ROUTES[word]
    return ""


def _depot_days(named: _Named, dosages: list[wire.Dosage]) -> int:
    for ingredient, table in DEPOT_DAYS.items():
        if ingredient in named.sure:
            for strength in (named.strength, *(_milligrams(d) for d in dosages)):
                if strength is not None and strength in table:
                    return table[strength]
    return 0


def _milligrams(dosage: wire.Dosage) -> Decimal | None:
    for raw in (dosage.dose, *_contained(dosage.doseAndRate)):
        if not bytes(raw):
            continue
        try:
            quantity = (
                msgspec.json.decode(raw, type=wire.Quantity)
                if raw is dosage.dose
                else msgspec.json.decode(raw, type=_Dose).doseQuantity
            )
            if quantity is not None:
                written = quantities.of_quantity(quantity)
                exact = written.interval.exact
                if exact is not None:
                    return exact * units.factor(written.code or written.text, "mg")
        except (msgspec.DecodeError, Problem, units.UnitError):
            continue
    return None


def _after(start: Span | None, length: wire.Quantity | None) -> Span | None:
    """The last day of a supply or duration that begins on a date."""
    if start is None or length is None:
        return None
    days = _DURATIONS.get((length.code or length.unit or "d").strip().lower())
    try:
        number = quantities.number(length.value)
    except Problem:
        return None
    if days is None or number is None or number < 0:
        return None
    more = min(int(min(number, Decimal(_LONGEST)) * days), _LONGEST)
    last = start.last + more
    return spans.of_days(start.first + more, last, spans.iso(last) if last < _LAST_DAY else "no end")
