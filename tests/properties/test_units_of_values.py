"""The same value in another unit is the same value: no outcome, basis or grade depends on how a laboratory writes."""

from collections.abc import Iterator
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from service.screening import Screening
from tests.builders import SINAI, UCUM, YALE, Json, Loinc, Record, eligible, laboratory
from tests.properties.records import REPEATABLE, SEEDS, answers, differences, generated, resources

D = Decimal
# how else a laboratory writes it, and how many of these one is
OTHER_UNITS: dict[str, list[tuple[str, Decimal]]] = {
    "10*3/uL": [("/uL", D(1000)), ("10*9/L", D(1)), ("10*6/L", D(1000)), ("K/uL", D(1)), ("10*3/mm3", D(1))],
    "/mm3": [("10*3/uL", D("0.001")), ("{cells}/uL", D(1))],
    "g/dL": [("g/L", D(10)), ("mg/dL", D(1000))],
    "mg/dL": [("mg/L", D(10)), ("g/L", D("0.01")), ("ug/mL", D(10))],
    "U/L": [("[iU]/L", D(1)), ("mU/mL", D(1)), ("U/mL", D("0.001"))],
}
# mass per substance: milligrams a decilitre in a micromole a litre, exact
PER_MICROMOLE = {"creatinine": D("0.0113120"), "bilirubin": D("0.0584673")}


def _measured(document: Json) -> Iterator[Json]:
    """Results whose unit can be another; a range in words may have the value's unit, and would change with it."""
    for entries, index in resources(document):
        resource = entries[index]["resource"]
        in_words = any("text" in stated for stated in resource.get("referenceRange", ()))
        if not in_words and resource.get("valueQuantity", {}).get("code") in OTHER_UNITS:
            yield resource


def _bounds(resource: Json) -> Iterator[Json]:
    for stated in resource.get("referenceRange", ()):
        yield from (stated[name] for name in ("low", "high") if name in stated)


def _written_in(quantity: Json, unit: str, factor: Decimal) -> None:
    quantity["value"] = D(str(quantity["value"])) * factor
    if "code" in quantity or "unit" in quantity:
        quantity.update({"unit": unit, "system": UCUM, "code": unit})


@REPEATABLE
@given(SEEDS, st.integers(0, 2**16))
def test_another_unit_changes_no_answer(screening: Screening, seed: int, choice: int) -> None:
    document = generated(seed)
    before = answers(screening, document)
    for number, resource in enumerate(_measured(document)):
        own = resource["valueQuantity"]["code"]
        others = OTHER_UNITS[own]
        unit, factor = others[(choice + number) % len(others)]
        _written_in(resource["valueQuantity"], unit, factor)
        for bound in _bounds(resource):
            # a bound without a unit has the value's, one in another unit stays as it is
            if bound.get("code", own) == own:
                _written_in(bound, unit, factor)
    assert not differences(before, answers(screening, document))


def _with(record: Record, code: Json, name: str, value: Decimal, unit: str, high: Decimal) -> Json:
    return record.put(**{name: laboratory(code, value, unit, high=high)}).bundle()


@REPEATABLE
@given(
    st.sampled_from(["creatinine", "bilirubin"]),
    st.integers(1, 600),
    st.sampled_from([17, 20, 80, 97, 106]),
    st.sampled_from([SINAI, YALE]),
)
def test_substance_and_mass_give_one_answer(
    screening: Screening, name: str, micromoles: int, high: int, trial: str
) -> None:
    code = {"creatinine": Loinc.CREATININE, "bilirubin": Loinc.BILIRUBIN}[name]
    scale = PER_MICROMOLE[name]
    molar = _with(eligible(trial), code, name, D(micromoles), "umol/L", D(high))
    mass = _with(eligible(trial), code, name, D(micromoles) * scale, "mg/dL", D(high) * scale)
    assert not differences(answers(screening, molar), answers(screening, mass))


@REPEATABLE
@given(st.sampled_from(["creatinine", "bilirubin"]), st.sampled_from([20, 80, 106]), st.sampled_from([0, 1]))
def test_a_limit_of_one_and_a_half_times_normal_is_exact_in_every_unit(
    screening: Screening, name: str, high: int, above: int
) -> None:
    code = {"creatinine": Loinc.CREATININE, "bilirubin": Loinc.BILIRUBIN}[name]
    value = D(high) * D("1.5") + above * D("0.001")
    molar = _with(eligible(SINAI), code, name, value, "umol/L", D(high))
    _, outcomes = answers(screening, molar)[SINAI]
    assert outcomes[name] == (("fail", "recorded") if above else ("pass", "recorded"))
