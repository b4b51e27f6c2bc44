"""Numbers as intervals in one unit for each test. What is no number in a known unit is unusable, never guessed."""

import re
from dataclasses import dataclass
from decimal import Decimal

UNUSABLE_VALUE = "unusable"
CONFLICTING_VALUES = "conflict"


@dataclass(frozen=True)
class Amount:
    """All numbers between two ends; None is an open side, `*_open` says that the end itself is not in it."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    def at_most(self, limit: Decimal) -> bool | None:
        if self.high is not None and self.high <= limit:
            return True
        return False if self._begins_above(limit) else None

    def below(self, limit: Decimal) -> bool | None:
        if self.high is not None and (self.high < limit or (self.high == limit and self.high_open)):
            return True
        return False if self.low is not None and self.low >= limit else None

    def at_least(self, limit: Decimal) -> bool | None:
        return _opposite(self.below(limit))

    def above(self, limit: Decimal) -> bool | None:
        return _opposite(self.at_most(limit))

    def _begins_above(self, limit: Decimal) -> bool:
        return self.low is not None and (self.low > limit or (self.low == limit and self.low_open))


def _opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def exactly(number: Decimal) -> Amount:
    return Amount(number, number)


def compared(comparator: str | None, number: Decimal) -> Amount:
    """A comparator makes an interval: `<2` is everything under 2."""
    match comparator:
        case "<":
            return Amount(None, number, high_open=True)
        case "<=":
            return Amount(None, number)
        case ">":
            return Amount(number, None, low_open=True)
        case ">=":
            return Amount(number, None)
    return exactly(number)


_ONE, _THOUSANDTH = Decimal(1), Decimal("0.001")

_COUNT = {
    **dict.fromkeys(("10*3/uL", "10^3/uL", "K/uL", "x10E3/uL", "10*9/L", "10^9/L", "thou/mcL"), _ONE),
    **dict.fromkeys(("/uL", "/mm3", "cells/uL", "{cells}/uL"), _THOUSANDTH),
}
_ENZYME = {**dict.fromkeys(("U/L", "IU/L", "[iU]/L"), _ONE), "ukat/L": Decimal(60)}
_PERCENT = {"%": _ONE}
_HORMONE = dict.fromkeys(("[IU]/L", "IU/L", "m[IU]/mL", "mIU/mL", "U/L"), _ONE)
_PURE = dict.fromkeys(("1", "{ratio}", "{#}", "{score}"), _ONE)

# Molar masses (g/mol) make µmol/L or mmol/L out of mg/dL: bilirubin 584.673, creatinine 113.120, glucose 180.156.
FACTORS: dict[str, dict[str, Decimal]] = {
    "anc": _COUNT,
    "platelets": _COUNT,
    "hemoglobin": {"g/dL": _ONE, "gm/dL": _ONE, "g/L": Decimal("0.1")},
    "bilirubin": {"mg/dL": _ONE, "umol/L": Decimal("0.0584673")},
    "creatinine": {"mg/dL": _ONE, "umol/L": Decimal("0.0113120")},
    "glucose": {"mg/dL": _ONE, "mmol/L": Decimal("18.0156")},
    "alt": _ENZYME,
    "ast": _ENZYME,
    "alp": _ENZYME,
    "lvef": _PERCENT,
    "spo2": _PERCENT,
    "fev1": _PERCENT,
    "receptor": _PERCENT,
    "her2-ratio": _PURE,
    "her2-copy": _PURE,
    "fsh": _HORMONE,
    "lh": _HORMONE,
    "estradiol": {"pg/mL": _ONE, "pmol/L": Decimal("0.272388")},
    "hcg": _HORMONE,
}

# A value that no living person has is unusable.
_LIVING: dict[str, tuple[str, str]] = {
    "anc": ("0.01", "200"),
    "platelets": ("1", "3000"),
    "hemoglobin": ("2", "25"),
    "bilirubin": ("0.05", "80"),
    "creatinine": ("0.1", "40"),
    "glucose": ("10", "2000"),
    "alt": ("1", "30000"),
    "ast": ("1", "30000"),
    "alp": ("1", "30000"),
    "lvef": ("5", "95"),
    "spo2": ("30", "100"),
    "receptor": ("0", "100"),
    "her2-ratio": ("0.1", "50"),
    "her2-copy": ("0.5", "100"),
}

_WORDS = {"less than": "<", "greater than": ">", "<=": "<=", ">=": ">=", "<": "<", ">": ">"}
_NUMBER = r"\d+(?:\.\d+)?"
_TEXT = re.compile(rf"(less than|greater than|<=|>=|<|>)?\s*({_NUMBER})(?:\s*-\s*({_NUMBER}))?\s*(\S+)?")


def amount_of(observation: dict, test: str) -> Amount | str | None:
    """The value of a result in the test's own unit; None where there is no value at all."""
    read = [_read(kind, observation[kind], test) for kind in sorted(observation) if kind.startswith("value")]
    if not read:
        return None
    if any(value != read[0] for value in read):
        return CONFLICTING_VALUES
    return read[0]


def factor(test: str, unit: str | None) -> Decimal | None:
    return FACTORS[test].get(unit or "")


def unit_of(quantity: dict) -> str | None:
    """UCUM code first, then the unit's text."""
    return quantity.get("code") or quantity.get("unit")


def _read(kind: str, value: object, test: str) -> Amount | str:
    match kind:
        case "valueQuantity":
            amount = _quantity(value, test)
        case "valueRange":
            amount = _range(value, test)
        case "valueRatio":
            amount = _ratio(value, test)
        case "valueString":
            amount = text_amount(value, test)
        case _:
            amount = None
    return UNUSABLE_VALUE if amount is None or not _possible(amount, test) else amount


def _quantity(value: dict, test: str) -> Amount | None:
    """No unit, or one that cannot be converted: unusable."""
    by = factor(test, unit_of(value))
    if by is None or "value" not in value:
        return None
    return compared(value.get("comparator"), Decimal(value["value"]) * by)


def _range(value: dict, test: str) -> Amount | None:
    low, high = _quantity(value["low"], test), _quantity(value["high"], test)
    return Amount(low.low, high.high) if low and high else None


def _ratio(value: dict, test: str) -> Amount | None:
    """A Ratio is its quotient."""
    if factor(test, "{ratio}") is None:
        return None
    return exactly(Decimal(value["numerator"]["value"]) / Decimal(value["denominator"]["value"]))


def text_amount(text: str, test: str) -> Amount | None:
    """Text is read when the whole of it is a number, with an optional comparator and a known unit."""
    found = _TEXT.fullmatch(text.strip())
    if not found:
        return None
    comparator, low, high, unit = found.groups()
    by = _ONE if unit is None and FACTORS[test] is _PURE else factor(test, unit)
    if by is None:
        return None
    if high is not None:
        return Amount(Decimal(low) * by, Decimal(high) * by)
    return compared(_WORDS.get(comparator or ""), Decimal(low) * by)


def _possible(amount: Amount, test: str) -> bool:
    if test not in _LIVING:
        return True
    if test == "anc" and amount == exactly(Decimal(0)):
        return True
    lowest, highest = (Decimal(bound) for bound in _LIVING[test])
    return amount.below(lowest) is not True and amount.above(highest) is not True
