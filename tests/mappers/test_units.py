"""Units of measure: conversions against values known independently, and what is refused instead of guessed."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry
from ucumvert.xml_util import get_units_with_full_definition

from service.mappers import units
from service.mappers.units import MAX_LENGTH, UnitError, UnreadableUnit, factor
from service.screening import Screening

D = Decimal
COUNT, MASS, ENZYME, HORMONE = "10*3/uL", "mg/dL", "U/L", "[iU]/L"
# molar masses in g/mol
CREATININE, BILIRUBIN, GLUCOSE, ESTRADIOL = D("113.12"), D("584.673"), D("180.156"), D("272.388")
# the haemoglobin monomer, Hb(Fe)
HEMOGLOBIN = D(16114)


def converted(value: str, unit: str, target: str, molar_mass: Decimal | None = None) -> Decimal:
    return D(value) * factor(unit, target, molar_mass)


# ---- spellings ----

SPELLINGS: dict[tuple[str, str], tuple[str, ...]] = {
    (COUNT, "1"): (
        *("10*3/uL", "10^3/uL", "10**3/uL", "10*3/µL", "10*3/μL", "10³/µL", "10E3/uL", "x10E3/uL", "X10E3/UL"),
        *("x10^3/uL", "10*3/mm3", "10*3/mm^3", "K/uL", "k/ul", "K/µL", "K/mcL", "K/mm3", "K/cumm", "thou/mcL"),
        *("thou/uL", "Thousand/uL", "thousands/uL", "1000/uL", "10*9/L", "10^9/L", "x10^9/L", "10e9/L", "10⁹/L"),
        *("G/L", "G/l", "Tsd/µl", "Tsd./µl", "Mrd/L", "Mrd./l"),  # French and Swiss, German and Austrian laboratories
        *("Giga/L", "GPT/L", "K/cmm", "Thous/mcL", "THOU/MCL", "x10^3 cells/uL"),
        *("10*6/mL", "10*3{cells}/uL", " 10*3/uL ", "10*3 / uL"),
    ),
    (COUNT, "0.001"): (
        *("/uL", "/mm3", "/mm^3", "/cumm", "cells/uL", "cells/mcL", "{cells}/uL", "{#}/uL", "1/uL", "cells/mm3"),
        *("cells/cu mm", "10*6/L", "10^6/L", "10*3/mL"),
    ),
    (COUNT, "1000"): ("10*6/uL", "10^6/uL", "million/uL", "10*12/L"),
    ("g/dL", "1"): ("g/dL", "g/dl", "G/DL", "gm/dL", "g%", "gm%", "g.dL-1"),
    ("g/dL", "0.1"): ("g/L", "g/l", "G/L", "mg/mL", "kg/m3"),
    (MASS, "1"): ("mg/dL", "mg/dl", "MG/DL", "mg%", " mg/dL", "mg / dL"),
    (MASS, "0.1"): ("mg/L", "ug/mL", "mcg/mL"),
    (MASS, "100"): ("g/L",),
    (ENZYME, "1"): ("U/L", "u/l", "IU/L", "[iU]/L", "[IU]/L", "units/L", "m[iU]/mL", "mU/mL", "umol/min/L"),
    (ENZYME, "60"): ("ukat/L", "µkat/L"),
    (ENZYME, "0.06"): ("nkat/L",),
    (HORMONE, "1"): ("[iU]/L", "[IU]/L", "IU/L", "m[iU]/mL", "mIU/mL", "MIU/ML", "U/L"),
    (HORMONE, "0.001"): ("m[iU]/L", "mIU/L", "u[iU]/mL"),
    (HORMONE, "1000"): ("[iU]/mL", "k[iU]/L"),
    ("pg/mL", "1"): ("pg/mL", "ng/L", "PG/ML"),
    ("%", "1"): ("%", "percent", "pct", "% of cells", "%{cells}", "%{WBC}", "%{}"),
    ("1", "1"): ("1", "{ratio}", "{score}", "{#}", "{INR}", "score", "ratio", "copies/cell"),
}


@pytest.mark.parametrize(
    ("unit", "target", "expected"),
    [(unit, target, known) for (target, known), units in SPELLINGS.items() for unit in units],
)
def test_common_spellings_are_read(unit: str, target: str, expected: str) -> None:
    assert factor(unit, target) == D(expected)


@pytest.mark.parametrize(("table", "own"), [(units._COUNT, COUNT), (units._MASS, "g/L"), (units._MOLAR, "mol/L")])
def test_the_tables_agree_with_the_units_library(table: dict[str, Decimal], own: str) -> None:
    registry = PintUcumRegistry()
    for code, known in table.items():
        found = (registry.from_ucum(code) / registry.from_ucum(own)).to_base_units()
        assert found.dimensionless, code
        assert float(found.magnitude) == pytest.approx(float(known / table[own]), rel=1e-12), code


# ---- values ----

# the same amount in two units, as textbooks and laboratories print it, to the digits printed
KNOWN: list[tuple[str, str, str, str, Decimal | None]] = [
    ("106.1", "umol/L", "1.20", MASS, CREATININE),
    ("106.1", "mcmol/L", "1.20", MASS, CREATININE),
    ("88.4", "umol/L", "1.00", MASS, CREATININE),
    ("0.1061", "mmol/L", "1.20", MASS, CREATININE),
    ("17.1", "umol/L", "1.00", MASS, BILIRUBIN),
    ("34.2", "umol/L", "2.00", MASS, BILIRUBIN),
    ("5.55", "mmol/L", "100", MASS, GLUCOSE),
    ("7.0", "mmol/L", "126", MASS, GLUCOSE),
    ("120", "g/L", "12.0", "g/dL", HEMOGLOBIN),
    ("7.45", "mmol/L", "12.0", "g/dL", HEMOGLOBIN),
    ("367", "pmol/L", "100", "pg/mL", ESTRADIOL),
    ("0.67", "ukat/L", "40", ENZYME, None),
    ("667", "nkat/L", "40", ENZYME, None),
    ("1500", "/mm3", "1.5", COUNT, None),
    ("75", "10*9/L", "75", COUNT, None),
    ("250000", "/uL", "250", COUNT, None),
    ("5", "m[IU]/mL", "5", HORMONE, None),
    ("0.98", "g/L", "98", MASS, GLUCOSE),
]


@pytest.mark.parametrize(("value", "unit", "known", "target", "molar_mass"), KNOWN)
def test_conversions_give_the_values_known_independently(
    value: str, unit: str, known: str, target: str, molar_mass: Decimal | None
) -> None:
    digits = D(1).scaleb(D(known).as_tuple().exponent)  # type: ignore[arg-type]
    found = converted(value, unit, target, molar_mass)
    # half a last digit of what is printed on either side
    given = D(1).scaleb(D(value).as_tuple().exponent) / 2  # type: ignore[arg-type]
    assert abs(found - D(known)) <= max(digits / 2, given * factor(unit, target, molar_mass))


def test_creatinine_of_1_2_milligrams_is_106_1_micromoles() -> None:
    assert (D("1.2") / factor("umol/L", MASS, CREATININE)).quantize(D("0.1")) == D("106.1")


def test_factors_are_exact_decimals() -> None:
    assert factor("umol/L", MASS, CREATININE) == D("0.011312")
    assert factor("umol/L", MASS, BILIRUBIN) == D("0.0584673")
    assert converted("1500", "/mm3", COUNT) == D("1.5")
    assert converted("9.1", "g/dL", "g/dL") == D("9.1")


def test_the_tests_of_the_inputs_have_the_molar_masses_of_their_substances(screening: Screening) -> None:
    told = {name: made.molar_mass for name, made in screening.inputs.by_name.items() if made.molar_mass is not None}
    assert told == {
        "bilirubin": BILIRUBIN,
        "c-peptide": Decimal("3020.3"),
        "creatinine": CREATININE,
        "estradiol": ESTRADIOL,
        "fasting-glucose": GLUCOSE,
        "hemoglobin": HEMOGLOBIN,
        "triglycerides": Decimal("885.7"),
    }


def test_substance_and_mass_are_exchanged_only_with_a_molar_mass() -> None:
    for unit in ("umol/L", "mmol/L", "mol/m3"):
        assert factor(unit, MASS, CREATININE) > 0
        with pytest.raises(UnitError):
            factor(unit, MASS)


@pytest.mark.parametrize("molar_mass", [CREATININE, BILIRUBIN, GLUCOSE])
def test_a_spelling_and_its_code_are_the_same_unit(molar_mass: Decimal) -> None:
    for spelled, code in (("µmol/L", "umol/L"), ("μmol/l", "umol/L"), ("MMOL/L", "mmol/L"), ("nmol/mL", "umol/L")):
        assert factor(spelled, MASS, molar_mass) == factor(code, MASS, molar_mass)


# ---- what the units library alone would read wrongly ----

LIBRARY_FAULTS = [
    ("[arb'U]/mL", "[iU]/mL"),
    ("[CFU]/mL", "/mL"),
    ("[CFU]/mL", COUNT),
    ("[iU]", "1"),
    ("[PFU]/mL", "[CFU]/mL"),
    ("meq/L", "mmol/L"),
    ("meq/L", MASS),
    ("[Cal]", "kJ"),
    ("k[Cal]", "J"),
    ("'", "min"),
    ("'", "s"),
    ("[in_i'Hg]", "mm[Hg]"),
    ("Np", "B"),
    ("Np", "1"),
    ("[p'diop]", "deg"),
    ("K", "1"),
]


@pytest.mark.parametrize(("unit", "target"), LIBRARY_FAULTS)
def test_known_wrong_answers_of_the_library_never_come_through(unit: str, target: str) -> None:
    for molar_mass in (None, CREATININE):
        with pytest.raises(UnitError):
            factor(unit, target, molar_mass)


def test_a_power_of_ten_is_not_ten_times_its_exponent() -> None:
    # pint reads 10*3 as thirty
    assert factor("10*3/uL", "/uL") == 1000
    assert converted("2.1", "10*3/uL", COUNT) == D("2.1")


def test_k_per_microlitre_is_thousands_and_not_kelvin() -> None:
    assert factor("K/uL", COUNT) == 1
    with pytest.raises(UnitError):
        factor("K", COUNT)


def test_a_lone_annotation_is_a_pure_number_and_nothing_else() -> None:
    assert factor("{ratio}", "1") == factor("{anything}", "1") == 1
    for target in (COUNT, MASS, ENZYME, HORMONE, "%"):
        with pytest.raises(UnitError):
            factor("{ratio}", target)


# ---- refusals ----

INTERNATIONAL = {"[iU]/L", "[IU]/L"}
ARBITRARY = [
    *("[arb'U]/L", "[USP'U]/L", "[GPL'U]/mL", "[MPL'U]/mL", "[APL'U]/mL", "[beth'U]/mL", "[anti'Xa'U]/mL"),
    *("[todd'U]/mL", "[dye'U]/mL", "[smgy'U]/mL", "[bdsk'U]/mL", "[ka'U]/mL", "[knk'U]/mL", "[mclg'U]/mL"),
    *("[tb'U]/mL", "[CCID_50]/mL", "[TCID_50]/mL", "[EID_50]/mL", "[PFU]/mL", "[FFU]/mL", "[CFU]/uL", "[BAU]/mL"),
    *("[AU]/mL", "[IR]/mL", "[Lf]/mL", "[hp_X]", "[hp'_X]", "[kp_C]", "[FEU]/mL", "ng[FEU]/mL", "[ELU]/mL", "[EU]/mL"),
    *("[PNU]/mL", "[D'ag'U]/mL", "[Amb'a'1'U]/mL", "/[HPF]", "/[LPF]", "[HPF]/uL", "{cells}/[HPF]", "10*3/[HPF]"),
    *("[hnsf'U]", "[NTU]", "[FNU]", "mosm/L", "eq/L"),
]
TARGETS = (COUNT, MASS, "g/dL", ENZYME, HORMONE, "%", "1", "pg/mL")


@pytest.mark.parametrize("unit", ARBITRARY)
def test_an_arbitrary_unit_is_converted_to_nothing(unit: str) -> None:
    for target in TARGETS:
        with pytest.raises(UnitError):
            factor(unit, target, CREATININE)


def test_every_unit_that_ucum_marks_as_arbitrary_stays_among_its_own() -> None:
    codes = [unit.code_cs for unit in get_units_with_full_definition() if unit.is_arbitrary]
    assert len(codes) > 40
    for code in codes:
        assert factor(f"{code}/mL", f"{code}/L") == 1000
        for target in ("/mL", COUNT, "10*3/mL", "g/mL", "[beth'U]/mL" if code != "[beth'U]" else "[CFU]/mL"):
            with pytest.raises(UnitError):
                factor(f"{code}/mL", target)


@pytest.mark.parametrize(("unit", "other"), [("/[HPF]", "/[LPF]"), ("meq/L", "mmol/L"), ("mosm/kg", "mmol/kg")])
def test_what_counts_in_a_unit_of_its_own_is_converted_within_it_alone(unit: str, other: str) -> None:
    assert factor(f"10*3{unit}" if unit.startswith("/") else unit.removeprefix("m"), unit) == 1000
    with pytest.raises(UnitError):
        factor(unit, other)


@pytest.mark.parametrize("target", [ENZYME, HORMONE])
def test_a_capital_m_is_mega_whatever_the_target(target: str) -> None:
    assert factor("MU/L", target) == factor("M[iU]/L", target) == 1_000_000
    assert factor("MU/mL", target) == 1_000_000_000
    assert factor("mU/mL", target) == 1


def test_international_units_are_those_of_enzymes_and_hormones_only() -> None:
    for unit in INTERNATIONAL:
        assert factor(unit, ENZYME) == factor(unit, HORMONE) == 1
        for target in (COUNT, MASS, "%", "1"):
            with pytest.raises(UnitError):
                factor(unit, target, CREATININE)


UNKNOWN = [
    *("", " ", "[pH]", "pH", "furlong", "bil/L", "cells", "H", "positive", "see note", "日本", "\x00", "1e400", "[iU"),
    *("mg/", "/", "//L", "mg/dL/", "10*3/", "{a", "a}", "[]", "((mg))/dLL", "-", "mg/dL; ng/mL", "10*3/uL 10*3/uL"),
]


@pytest.mark.parametrize("unit", UNKNOWN)
def test_what_is_no_unit_is_refused(unit: str) -> None:
    for target in TARGETS:
        with pytest.raises(UnitError):
            factor(unit, target, CREATININE)


@pytest.mark.parametrize(
    ("unit", "target"),
    [
        ("10*3", COUNT),
        ("uL", COUNT),
        ("g/L", COUNT),  # grams: giga per litre has a capital
        *((unit, COUNT) for unit in ("mil/uL", "M/uL", "mil/mm3")),  # a million, or mille: a thousand
        ("g/l", COUNT),
        ("g/dL", COUNT),
        ("%", COUNT),
        (COUNT, MASS),
        ("mg", MASS),
        ("mmol", MASS),
        ("U/L", MASS),
        ("%", "g/dL"),
        ("mmol/L", ENZYME),
        (MASS, ENZYME),
        ("ng/mL", HORMONE),
        ("1", "%"),
        ("{cells}%", "%"),  # no UCUM: an annotation follows its unit
        ("%{cells", "%"),
        ("%{cells}/L", "%"),
        ("%[slope]", "%"),
        ("{ratio}", "%"),
        ("%", "1"),
        ("mm[Hg]", "%"),
        ("10*3", "1"),
        ("mg", "1"),
        ("Cel", MASS),
    ],
)
def test_a_unit_of_another_kind_is_refused(unit: str, target: str) -> None:
    with pytest.raises(UnitError):
        factor(unit, target, CREATININE)


@pytest.mark.parametrize("sign", ["(", "[", "{", "1", "m", "/", "."])
def test_a_unit_of_64_characters_is_looked_at_and_a_longer_one_is_not(sign: str) -> None:
    for length in (MAX_LENGTH, MAX_LENGTH + 1, 6000):
        with pytest.raises(UnitError):
            factor(sign * length, MASS, CREATININE)
    with pytest.raises(UnreadableUnit, match="64"):
        factor("mg/dL" + " " * MAX_LENGTH, MASS)


def test_spaces_up_to_the_limit_change_no_unit() -> None:
    assert factor("mg/dL".ljust(MAX_LENGTH), MASS) == 1


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(st.text(max_size=12), st.sampled_from(TARGETS))
def test_any_text_is_converted_by_a_positive_factor_or_refused(text: str, target: str) -> None:
    with suppress(UnitError):
        assert factor(text, target, CREATININE) > 0
