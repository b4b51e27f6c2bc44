"""Hormones in mega-units are a slip of the pen: no living person has them, so they decide nothing."""

import pytest

from service.screening import Screening
from tests.builders import SINAI, Loinc, as_json, eligible, laboratory

HORMONES = {"fsh": Loinc.FSH, "lh": Loinc.LH}


@pytest.mark.parametrize("name", HORMONES)
@pytest.mark.parametrize(
    ("unit", "value", "usable"),
    [("MU/L", 60, False), ("[IU]/L", 60, True), ("m[IU]/mL", 60, True), ("[IU]/L", 1001, False)],
)
def test_only_what_a_living_person_can_have_is_used(
    screening: Screening, name: str, unit: str, value: int, usable: bool
) -> None:
    record = eligible(SINAI).add(laboratory(HORMONES[name], value, unit))
    (measurement,) = screening.read(as_json(record.bundle()), "record").measurements(name)
    assert bool(measurement.problem) is not usable
