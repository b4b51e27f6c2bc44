"""Limits as they are written: a comparison, a number, a unit or a multiple of the upper limit of normal."""

import re

import msgspec

NUMBER = r"\d+(?:\.\d+)?"
_TEN = r"(?:x\s?|\*\s?)?10\s?(?:\^|\*\*|\*|e\+?)?\s?"
_MICROLITRE = r"ul|mcl|microl(?:iter|itre)|mm3|mm 3|cumm|cu mm|cubic millimet(?:er|re)|cubic mm"
# What a text may say, and how the trial language writes it. A lost exponent (`109/L`) is a power of ten.
_UNITS: tuple[tuple[str, str], ...] = (
    (_TEN + r"(?P<power>9|12|6)\s?(?:cells\s?)?/\s?(?:l|liter|litre)", "10*{power}/L"),
    (_TEN + rf"(?P<power>3)\s?(?:cells\s?)?/\s?(?P<per>{_MICROLITRE})", "10*{power}/{per}"),
    (_TEN + r"(?P<power>6)\s?(?:cells\s?)?/\s?ml", "10*{power}/mL"),
    (r"k\s?/\s?(?P<per>ul|mcl|mm3|cumm)", "K/{per}"),
    (rf"(?:cells?\s?|platelets\s?|plt\s?)?(?:/|per)\s?(?P<per>{_MICROLITRE})", "/{per}"),
    (r"(?:g|gm|gms|grams?)\s?(?:/|per)\s?(?:dl|100 ?ml|deciliter)", "g/dL"),
    (r"(?:g|gm|grams?)\s?/\s?(?:l|liter|litre)", "g/L"),
    (r"mg\s?(?:/|per)\s?(?:dl|100 ?ml|deciliter)", "mg/dL"),
    (r"umol\s?/\s?l(?:iter|itre)?", "umol/L"),
    (r"mmol\s?/\s?l(?:iter|itre)?", "mmol/L"),
    (r"mmol\s?/\s?mol", "mmol/mol"),
    (r"(?:%|percent)", "%"),
    (r"(?:ms|msec|msecs|milliseconds?)", "ms"),
    (r"mm\s?hg", "mm[Hg]"),
    (r"kg\s?/\s?m2", "kg/m2"),
    (r"i?u\s?/\s?l", "U/L"),
    (r"ml\s?/\s?min(?:ute)?\s?(?:/|per)\s?1\.73\s?m2", "mL/min/{{1.73_m2}}"),
)
UNIT = "(?:" + "|".join(re.sub(r"\?P<\w+>", "?:", pattern) for pattern, _ in _UNITS) + r")(?![a-z0-9])"
_TIMES = rf"{NUMBER}\s?(?:x|times|fold|-fold|\*)?\s?(?:the )?uln"
LIMIT = rf"(?:<=|>=|<|>)\s*(?:{_TIMES}|uln|{NUMBER}\s?(?:{UNIT}))"
POST = rf"{NUMBER}\s?(?:{UNIT})\s?(?:or|and)\s(?:greater|more|higher|>|less|lower|<)"
_TO = r"(?:\s?(?:-|to|and|,)\s?(?:and\s?)?(?:<=?\s?)?|\s?<=?\s?)"
BAND = (
    rf"(?:between\s|from\s|>=?\s?)?{NUMBER}\s?(?:{UNIT})?{_TO}{NUMBER}\s?(?:{UNIT})"
    r"(?:,?\s?\(?(?:inclusive|included)\)?)?"
)
_PER = {"ul": "uL", "mcl": "uL", "microliter": "uL", "microlitre": "uL"}


class Limit(msgspec.Struct, frozen=True):
    """One limit: a comparison, and the value as the trial language writes it."""

    sign: str
    value: str

    @property
    def times_uln(self) -> bool:
        return self.value.endswith("ULN")


def limit_of(text: str) -> Limit | None:
    """A limit with its sign in front, `>= 1500 /mm3`; None where its unit is not known."""
    found = re.match(rf"^(?P<sign><=|>=|<|>)\s*(?P<number>{NUMBER})?\s?(?P<rest>.*)$", text.strip())
    if found is None:
        return None
    if found["rest"].endswith("uln"):
        return Limit(found["sign"], f"{found['number']} x ULN" if found["number"] else "ULN")
    unit = unit_of(text)
    return Limit(found["sign"], f"{found['number']} {unit}") if unit and found["number"] else None


def turned(text: str) -> str:
    """`50 % or more` as `>= 50 %`."""
    value, _, word = text.rpartition(" ")
    value = re.sub(r"\s?(?:or|and)$", "", value)
    return f"{'>=' if word in ('greater', 'more', 'higher', '>') else '<='} {value}"


def band_of(text: str) -> tuple[Limit, Limit] | None:
    """Both ends of a band, included unless the signs say otherwise; None where it is none."""
    signs = re.findall(r"[<>]=?", text)
    told = bool(signs) or bool(re.search(r"-|\bto\b|between|from", text))
    if not told or signs not in ([], [">="], [">"], [">=", "<="], [">=", "<"], [">", "<="], [">", "<"]):
        return None
    if len(signs) == 1 and "-" in text:
        return None  # ">= 9-10 g/dL": a limit that is somewhere between the two, or a band
    bare = re.sub(r"[, ]*\(?(?:inclusive|included)\)?$", "", text)
    numbers = re.findall(NUMBER, re.sub(rf"({NUMBER})\s?(?:{UNIT})", r"\1 ", bare))
    unit = unit_of(bare)
    if len(numbers) != 2 or not unit or float(numbers[0]) >= float(numbers[1]):
        return None
    low, high = (*signs, ">=", "<=")[:2] if len(signs) != 1 else (signs[0], "<=")
    return Limit(low, f"{numbers[0]} {unit}"), Limit(high, f"{numbers[1]} {unit}")


def unit_of(text: str) -> str:
    """The unit that a limit ends with, in the trial language's spelling; empty where it is none of them."""
    for pattern, spelt in _UNITS:
        if found := re.search(rf"(?<![\d.]){NUMBER}\s?{pattern}$", text.strip()):
            groups = found.groupdict()
            return spelt.format(power=groups.get("power"), per=_PER.get(groups.get("per") or "", "mm3"))
    return ""
