"""Units: from what a laboratory wrote to an exact decimal factor into the unit an input is judged in.

Common units and spellings stand in tables here, exact and without the cost of a parser. Everything else that is UCUM
goes through ucumvert and pint, behind a guard that refuses rather than guesses: some of their answers are wrong, and
arbitrary units (international units, colony forming units …) must not be taken for plain numbers.
UCUM: https://ucum.org/ucum
"""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

D = Decimal

# Factors into the unit that names the table. A test compares them with the library.
_COUNT = {
    "10*3/uL": D(1), "10*9/L": D(1), "10*3/mm3": D(1), "10*6/mL": D(1),
    "/uL": D("0.001"), "/mm3": D("0.001"), "10*6/L": D("0.001"), "10*3/mL": D("0.001"),
    "/mL": D("0.000001"), "/L": D("0.000000001"), "10*12/L": D(1000), "10*6/uL": D(1000),
}  # fmt: skip
_GIGA = {"10*3/uL": D(1), "G/L": D(1), "G/l": D(1)}  # of counts alone: some write grams with a capital too
_MASS = {
    "g/dL": D("10"), "g/L": D(1), "mg/dL": D("0.01"), "mg/L": D("0.001"), "ug/dL": D("0.00001"), "ug/L": D("0.000001"),
    "ng/mL": D("0.000001"), "pg/mL": D("0.000000001"), "ng/L": D("0.000000001"), "ng/dL": D("0.00000001"),
    "mg/mL": D(1), "g/mL": D(1000), "ug/mL": D("0.001"), "kg/L": D(1000),
}  # fmt: skip
_MOLAR = {
    "mol/L": D(1), "mmol/L": D("0.001"), "umol/L": D("0.000001"), "nmol/L": D("0.000000001"),
    "pmol/L": D("0.000000000001"), "mmol/dL": D("0.01"), "umol/dL": D("0.00001"), "nmol/mL": D("0.000001"),
    "pmol/mL": D("0.000000001"),
}  # fmt: skip
_ENZYME = {
    "U/L": D(1), "[iU]/L": D(1), "[IU]/L": D(1), "m[iU]/mL": D(1), "m[IU]/mL": D(1), "mU/mL": D(1), "U/mL": D(1000),
    "[iU]/mL": D(1000), "[IU]/mL": D(1000), "ukat/L": D(60), "nkat/L": D("0.06"), "mkat/L": D(60000),
    "U/dL": D(10), "kU/L": D(1000),
    "MU/L": D(1000000), "M[iU]/L": D(1000000), "M[IU]/L": D(1000000), "MU/mL": D(1000000000),
}  # fmt: skip
_HORMONE = {
    "[iU]/L": D(1), "[IU]/L": D(1), "m[iU]/mL": D(1), "m[IU]/mL": D(1), "mU/mL": D(1), "U/L": D(1),
    "[iU]/mL": D(1000), "[IU]/mL": D(1000), "m[iU]/L": D("0.001"), "m[IU]/L": D("0.001"), "u[iU]/mL": D("0.001"),
    "u[IU]/mL": D("0.001"), "k[iU]/L": D(1000), "k[IU]/L": D(1000), "mU/L": D("0.001"), "U/mL": D(1000),
    "MU/L": D(1000000), "M[iU]/L": D(1000000), "M[IU]/L": D(1000000), "MU/mL": D(1000000000),  # mega, not milli
}  # fmt: skip
_PLAIN = {"1": D(1), "{ratio}": D(1), "{score}": D(1), "{#}": D(1)}
_PERCENT = {"%": D(1)}

# Spellings that are not UCUM, or that UCUM reads as something else (K/uL is kelvin per microlitre there).
_SPELLINGS = {
    "k/ul": "10*3/uL", "k/cumm": "10*3/uL", "k/mm3": "10*3/uL", "thou/ul": "10*3/uL", "thou/mm3": "10*3/uL",
    "k/cmm": "10*3/uL", "thou/cmm": "10*3/uL", "thous/ul": "10*3/uL",
    "thousand/ul": "10*3/uL", "thousands/ul": "10*3/uL", "thousand/mm3": "10*3/uL", "1000/ul": "10*3/uL",
    "tsd/ul": "10*3/uL", "tsd./ul": "10*3/uL", "mrd/l": "10*9/L", "mrd./l": "10*9/L",
    "g/l": "g/L", "giga/l": "10*9/L", "gpt/l": "10*9/L", "cells/ul": "/uL", "cell/ul": "/uL", "cells/mm3": "/mm3",
    "/cumm": "/mm3", "/cmm": "/mm3", "cells/cumm": "/mm3", "/ul": "/uL", "/mm3": "/mm3", "/l": "/L", "/ml": "/mL",
    # mil/uL and M/uL are none: a million in one country, a thousand in another
    "cells/l": "/L", "million/ul": "10*6/uL",
    "g/dl": "g/dL", "gm/dl": "g/dL", "gms/dl": "g/dL", "g%": "g/dL", "gm%": "g/dL", "mg/dl": "mg/dL", "mg%": "mg/dL",
    "mg/l": "mg/L", "ng/ml": "ng/mL", "pg/ml": "pg/mL", "ng/l": "ng/L", "ug/l": "ug/L", "ug/dl": "ug/dL",
    "mmol/l": "mmol/L", "umol/l": "umol/L", "nmol/l": "nmol/L", "pmol/l": "pmol/L",
    "u/l": "U/L", "iu/l": "[iU]/L", "units/l": "U/L", "unit/l": "U/L", "ukat/l": "ukat/L", "nkat/l": "nkat/L",
    "miu/ml": "m[iU]/mL", "iu/ml": "[iU]/mL", "mu/ml": "mU/mL", "miu/l": "m[iU]/L", "mu/l": "mU/L", "u/ml": "U/mL",
    "ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}", "ml/min/{1.73m2}": "mL/min/{1.73_m2}",
    "ml/min/1.73sqm": "mL/min/{1.73_m2}", "mmhg": "mm[Hg]", "msec": "ms", "msecs": "ms", "kg/m^2": "kg/m2",
    "percent": "%", "pct": "%", "%": "%", "% of cells": "%", "% cells": "%", "%sat": "%", "% sat": "%", "%o2": "%",
    "ratio": "{ratio}", "score": "{score}", "(score)": "{score}", "points": "{score}", "copies": "{#}",
    "signals/cell": "{#}", "signals/nucleus": "{#}", "copies/cell": "{#}", "copies/nucleus": "{#}", "number": "{#}",
}  # fmt: skip
_SPELLED = frozenset(_SPELLINGS.values())
_OWN = frozenset(
    {"L/min", "kg/m2", "mL/min/{1.73_m2}", "mm[Hg]", "ms"}
)  # of inputs.yaml; the library need not be asked
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_POWER = re.compile(r"^[xX×*]?\s*10\s*(?:\*\*|\*|\^|[eE]\^?|\()?\s*\+?(\d{1,2})\)?\s*(.*)$")
_MICROLITRE = re.compile(r"mc[lL]|MCL")
_TRAILING_ANNOTATION = re.compile(r"\{[^{}]*\}\Z")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
MAX_LENGTH = 64


class UnitError(ValueError):
    """A unit that cannot be read, or not converted into the one asked for."""


def normalised(unit: str) -> str:
    """A unit text in the spelling of the tables: micro signs, superscripts, powers of ten, common abbreviations."""
    text = _MICROLITRE.sub("uL", unit.strip().replace("µ", "u").replace("μ", "u"))
    text = text.replace("mcg", "ug").replace("mcmol", "umol")
    if any(c in text for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: m[0].translate(_SUPERSCRIPTS), text)
    text = text.replace("mm^3", "mm3").replace("mm**3", "mm3").replace("cu mm", "cumm").replace("per ", "/")
    power = _POWER.match(text)
    if (power and power[2][:1] in ("/", "")) or (power and power[2][:1].isalpha()):
        per = power[2].removeprefix("cells")
        rest = per if per.startswith("/") else f"/{per}" if per else ""
        return f"10*{power[1]}{_case(rest.replace(' ', ''))}"
    return _SPELLINGS.get(text.lower().replace(" ", ""), _SPELLINGS.get(text.lower(), text))


def _case(rest: str) -> str:
    return {"/ul": "/uL", "/l": "/L", "/ml": "/mL", "/mm3": "/mm3", "/cumm": "/mm3"}.get(rest.lower(), rest)


def is_unit(text: str) -> bool:
    """Whether a text is a unit that results can be converted into."""
    if text in _OWN or any(text in table for table in (_COUNT, _MASS, _MOLAR, _ENZYME, _HORMONE, _PLAIN, _PERCENT)):
        return True
    try:
        _parsed(text)
    except UnitError:
        return False
    return True


class UnreadableUnit(UnitError):
    """A text that is no unit at all, as far as we can read."""


@lru_cache(8192)
def factor(unit: str, target: str, molar_mass: Decimal | None = None) -> Decimal:
    """What a number in `unit` is multiplied with to be in `target`. `molar_mass` in g/mol opens mass ↔ substance.

    Raises UnitError where the two do not measure the same thing.
    """
    if len(unit) > MAX_LENGTH:
        raise UnreadableUnit("a unit longer than 64 characters")
    if unit == target:
        return D(1)
    if target == "%":
        return _from_table(_PERCENT, unit, target)
    if target == "1":
        return _plain(unit)
    for table in _TABLES.get(target, ()):
        found = table.get(unit) or table.get(normalised(unit)) or table.get(_ANNOTATION.sub("", unit))
        if found is not None:
            return found / table[target]
    if target in _MASS:
        return _mass_factor(unit, target, molar_mass)
    spelled = normalised(unit)
    return D(1) if spelled == target else _library_factor(spelled if spelled in _SPELLED else unit, target)


def _from_table(table: dict[str, Decimal], unit: str, target: str) -> Decimal:
    found = table.get(unit) or table.get(normalised(unit)) or table.get(_TRAILING_ANNOTATION.sub("", unit))
    if found is None:
        raise UnitError(f"{unit} is not {target}")
    return found


def _plain(unit: str) -> Decimal:
    """A pure number: 1, or nothing but annotations; a percent is none."""
    if unit in _PLAIN or normalised(unit) in _PLAIN:
        return D(1)
    if _ANNOTATION.search(unit) and not _ANNOTATION.sub("", unit).strip("/.1"):
        return D(1)
    raise UnitError(f"{unit} is not a pure number")


def _mass_factor(unit: str, target: str, molar_mass: Decimal | None) -> Decimal:
    spelled = normalised(unit)
    if spelled in _MASS:
        return _MASS[spelled] / _MASS[target]
    if molar_mass is not None:
        try:
            substance = _MOLAR[spelled] if spelled in _MOLAR else _library_factor(unit, "mol/L")
        except UnitError:
            substance = None
        if substance is not None:
            return substance * molar_mass / _MASS[target]
    return _library_factor(unit, target)


_TABLES: dict[str, tuple[dict[str, Decimal], ...]] = {
    "10*3/uL": (_COUNT, _GIGA),
    "U/L": (_ENZYME,),
    "[iU]/L": (_HORMONE,),
}

# Read wrongly by the library, or dimensionless there although UCUM forbids to convert them.
_REFUSED = re.compile(r"\[p'diop\]|\bNp\b|\[Cal\]|\[in_i'Hg\]|(?<![A-Za-z\[])'(?![^\[\]]*\])|\[pH\]")
# UCUM's own table, as the library holds it, says which units are arbitrary; these are others that the library takes for
# plain numbers or moles: microscope fields, homeopathic and optical scales, equivalents, osmoles.
_OTHER_ARBITRARY = frozenset(
    {"[hpf]", "[lpf]", "[hnsf'u]", "[ntu]", "[fnu]", "[car_au]", "[mesh_i]", "[iu]"}
    | {f"[hp{prime}_{kind}]" for prime in ("", "'") for kind in "xcmq"}
)
_BRACKETED = re.compile(r"\[[^\[\]]*\]")
_CHARGES = re.compile(r"(?<![A-Za-z])(?:da|[YZEPTGMkhdcmunpfazy])?(eq|osm)(?![A-Za-z])")


def _library_factor(unit: str, target: str) -> Decimal:
    source, goal = _parsed(unit), _parsed(target)
    if _arbitrary(unit) != _arbitrary(target):
        raise UnitError(f"{unit} is not {target}")
    try:
        ratio = source.to(goal.units).magnitude / goal.magnitude
        return D(f"{float(ratio):.15g}")
    except (ArithmeticError, InvalidOperation, AttributeError, TypeError, ValueError) as problem:
        raise UnitError(f"{unit} is not {target}") from problem


def _arbitrary(code: str) -> tuple[str, ...]:
    """The units in a code that no factor leads out of: they must stand on both sides."""
    bracketed = [unit for unit in map(str.lower, _BRACKETED.findall(code)) if unit in _arbitrary_units()]
    return tuple(sorted([*bracketed, *_CHARGES.findall(code)]))


@lru_cache(1)
def _arbitrary_units() -> frozenset[str]:
    """Every unit that UCUM's own table marks as arbitrary, in lower case as both spellings of [iU] are one."""
    from ucumvert.xml_util import get_units_with_full_definition  # slow to import, like the registry

    told = (unit for unit in get_units_with_full_definition() if unit.is_arbitrary)
    return _OTHER_ARBITRARY | {unit.code_cs.lower() for unit in told}


@lru_cache(4096)
def _parsed(code: str) -> Any:
    """A pint quantity of one UCUM unit, or UnitError."""
    if _REFUSED.search(code):
        raise UnitError(f"{code} is not converted")
    plain = re.sub(r"(?<![\w\]%*}])\{[^{}]*\}", "1", code) or "1"  # the library fails on a lone annotation
    try:
        quantity = _registry().from_ucum(plain)
        multiplicative = quantity._is_multiplicative
    except Exception as problem:  # lark, pint and the transformer raise unrelated classes, RecursionError among them
        raise UnreadableUnit(f"{code} is not a UCUM unit that can be read") from problem
    if not multiplicative:
        raise UnitError(f"{code} has an offset")
    return quantity


@lru_cache(1)
def _registry() -> Any:
    from ucumvert import PintUcumRegistry  # half a second: only where a unit is in no table

    return PintUcumRegistry()
