"""By which route a drug was given, and how long a depot of it lasts."""

import re
from decimal import Decimal

import msgspec

from service.mappers import quantities, units, wire
from service.mappers.concepts import texts
from service.mappers.contained import contained_in
from service.mappers.drug_names import Named
from service.mappers.quantities import Problem

# Days that a depot of so many milligrams lasts, by the labels of the products.
DEPOT_DAYS: dict[str, dict[Decimal, int]] = {
    "goserelin": {Decimal("3.6"): 28, Decimal("10.8"): 84},
    "leuprolide": {
        Decimal("3.75"): 28, Decimal("7.5"): 28, Decimal("11.25"): 84, Decimal("22.5"): 84, Decimal("30"): 112,
        Decimal("42"): 168, Decimal("45"): 168,
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


class _Dose(msgspec.Struct, gc=False):
    doseQuantity: wire.Quantity | None = None


def dosages_of(event: wire.MedicationEvent) -> list[wire.Dosage]:
    """The dosages of any of the four medication resources."""
    match event:
        case wire.MedicationStatement():
            return event.dosage or []
        case wire.MedicationRequest() | wire.MedicationDispense():
            return event.dosageInstruction or []
        case wire.MedicationAdministration():
            return [event.dosage] if event.dosage else []
    return []


def route_of(dosages: list[wire.Dosage]) -> str:
    """The first route that is known, such as oral or topical; empty where none is."""
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


def depot_days(named: Named, dosages: list[wire.Dosage]) -> int:
    """For how many days a depot works, by its product's strength or else by its dose; 0 where neither tells."""
    for ingredient, table in DEPOT_DAYS.items():
        if ingredient in named.sure:
            for strength in (named.strength, *(_milligrams(d) for d in dosages)):
                if strength is not None and strength in table:
                    return table[strength]
    return 0


def _milligrams(dosage: wire.Dosage) -> Decimal | None:
    for raw in (dosage.dose, *contained_in(dosage.doseAndRate)):
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
