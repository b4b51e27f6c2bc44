"""By which route a drug was given, and how long a depot of it works."""

from decimal import Decimal

import msgspec
import pytest

from service.mappers import wire
from service.mappers.drug_forms import depot_days, route_of
from service.mappers.drug_names import Named

SNOMED = "http://snomed.info/sct"


def dosage(**elements: object) -> wire.Dosage:
    return msgspec.json.decode(msgspec.json.encode(elements), type=wire.Dosage)


def dose(value: object, unit: str = "mg") -> wire.Dosage:
    return dosage(doseAndRate=[{"doseQuantity": {"value": value, "unit": unit}}])


@pytest.mark.parametrize(
    ("told", "route"),
    [
        ("418401004", "intravitreal"),
        ("54485002", "ophthalmic"),
        ("6064005", "topical"),
        ("448598008", "topical"),
        ("16857009", "vaginal"),
        ("46713006", "nasal"),
        ("10547007", "otic"),
        ("447694001", "inhalation"),
        ("45890007", "transdermal"),
        ("34206005", "subcutaneous"),
        ("78421000", "intramuscular"),
        ("47625008", "intravenous"),
        ("26643006", "oral"),
        ("404815008", ""),
    ],
)
def test_a_route_is_known_by_its_code(told: str, route: str) -> None:
    assert route_of([dosage(route={"coding": [{"system": SNOMED, "code": told}]})]) == route


@pytest.mark.parametrize(
    ("told", "route"),
    [
        ("Intravitreal use", "intravitreal"),
        ("Left eye", "ophthalmic"),
        ("Ocular route", "ophthalmic"),
        ("Cutaneous use", "topical"),
        ("On skin", "topical"),
        ("Transdermal patch", "transdermal"),
        ("Sub-cutaneous", "subcutaneous"),
        ("infusion", "intravenous"),
        ("per os", "oral"),
        ("by mouth", "oral"),
        ("PO", "oral"),
        ("SQ", "subcutaneous"),
        ("IM", "intramuscular"),
        ("i.v.", ""),
        ("as before", ""),
    ],
)
def test_a_route_is_known_by_its_words(told: str, route: str) -> None:
    assert route_of([dosage(route={"text": told})]) == route


def test_the_first_route_that_is_known_is_told() -> None:
    assert route_of([dosage(), dosage(route={"text": "as before"}), dosage(route={"text": "Oral"})]) == "oral"


@pytest.mark.parametrize(
    ("drug", "strength", "days"),
    [
        ("goserelin", "3.6", 28),
        ("goserelin", "10.8", 84),
        ("leuprolide", "3.75", 28),
        ("leuprolide", "7.5", 28),
        ("leuprolide", "11.25", 84),
        ("leuprolide", "22.5", 84),
        ("leuprolide", "30", 112),
        ("leuprolide", "45", 168),
        ("triptorelin", "3.75", 28),
        ("triptorelin", "11.25", 84),
        ("triptorelin", "22.5", 168),
        ("triptorelin", "3.6", 0),
        ("letrozole", "3.75", 0),
    ],
)
def test_a_depot_lasts_as_long_as_its_label_says(drug: str, strength: str, days: int) -> None:
    assert depot_days(Named(sure={drug}, strength=Decimal(strength)), []) == days
    assert depot_days(Named(sure={drug}), [dose(float(strength))]) == days


@pytest.mark.parametrize(
    ("told", "days"),
    [
        (dosage(dose={"value": 10.8, "unit": "mg"}), 84),
        (dose(10800, "ug"), 84),
        (dose(10.8, "implant"), 0),
        (dosage(doseAndRate=[{"doseQuantity": {"value": 10.8, "unit": "mg", "comparator": "<"}}]), 0),
        (dosage(doseAndRate=[{"doseRange": {"low": {"value": 3.6}}}]), 0),
        (dosage(doseAndRate=[{"doseQuantity": {"unit": "mg"}}]), 0),
        (dosage(doseAndRate=[{"doseQuantity": "much"}, {"doseQuantity": {"value": 10.8, "unit": "mg"}}]), 84),
        (dosage(), 0),
    ],
)
def test_a_dose_that_tells_no_strength_tells_no_length(told: wire.Dosage, days: int) -> None:
    assert depot_days(Named(sure={"goserelin"}), [told]) == days
