"""Limits on measured values: `ANC ≥ 1,500/mm3 within 28 days`, `AST and ALT ≤ 2.5 × ULN (≤ 5 × ULN if liver
metastases)`. A phrase is read only where all of it is understood; numbers and units are taken over as they are written.
"""

import re
from decimal import Decimal
from typing import Any, Literal

import msgspec

from service.authoring.limits import BAND, LIMIT, POST, Limit, band_of, limit_of, turned
from service.authoring.phrases import Window, canonical, take_window, without_event
from service.criteria.lexicon import Lexicon

Rule = dict[str, Any]
Side = Literal["inclusion", "exclusion"]

_NAMES: tuple[tuple[str, str], ...] = (
    ("anc", r"absolute neutrophils? counts?|absolute neutrophils?|neutrophils? counts?|neutrophils|anc"),
    ("platelets", r"platelets? counts?|platelets?|plt|thrombocytes?(?: counts?)?"),
    ("hemoglobin", r"ha?emoglobin|hgb|hb"),
    ("bilirubin", r"(?:total )?(?:serum |plasma |blood )?(?:total )?bilirubin"),
    ("alt", r"alanine[ -]?(?:amino[ -]?)?transferase|alanine transaminase|alat|alt|sgpt"),
    ("ast", r"aspartate[ -]?(?:amino[ -]?)?transferase|aspartic transaminase|aspartate transaminase|asat|ast|sgot"),
    ("alp", r"alkaline phosphatase|alk(?:\.|aline)? phos(?:phatase)?|alp"),
    ("creatinine", r"creatinine"),
    (
        "lvef",
        r"left ventricular ejection fraction|left ventricular ef|lv ejection fraction|"
        r"(?:cardiac )?ejection fraction|lvef",
    ),
    ("hba1c", r"ha?emoglobin a1c|glycat?ed ha?emoglobin|glycosylated ha?emoglobin|hba1c|hb a1c|a1c"),
    ("fasting-glucose", r"fasting (?:plasma |blood |serum )?glucose|fpg"),
    ("bmi", r"body mass index|bmi"),
    ("egfr", r"estimated glomerular filtration rate|estimated gfr|egfr"),
    ("systolic-blood-pressure", r"systolic blood pressure|systolic bp|sbp"),
    ("diastolic-blood-pressure", r"diastolic blood pressure|diastolic bp|dbp"),
    ("triglycerides", r"(?:fasting )?triglycerides?"),
    ("qtc", r"(?:corrected )?qtc(?: interval)?|corrected qt interval"),
    ("oxygen-saturation", r"oxygen saturation|spo2"),
)
# Limits that a trial may reasonably set, in the input's own unit, where what a living person can have is far wider.
_REASONABLE = {
    "anc": (Decimal("0.1"), Decimal(20)),
    "platelets": (Decimal(5), Decimal(1500)),
    "hemoglobin": (Decimal(4), Decimal(22)),
}
_ABBREVIATION = re.compile(
    r"\(\s*(?:anc|plts?|platelets|hgb|hb|tbil|tbili|alt|alat|ast|asat|sgot|sgpt|alp|ap|scr|cr|lvef|ef|hba1c|a1c|"
    r"fpg|bmi|egfr|sbp|dbp|"
    r"qtc|spo2|serum glutamic[ -]oxaloacetic transaminase|serum glutamic[ -]pyruvic transaminase|or |/|,|\s|\[|\])"
    r"+\s*\)"
    r"|\[\s*(?:anc|hgb|hb|alt|ast|sgot|sgpt|alp|lvef|hba1c|bmi|or |\s)+\s*\]"
)
_SLASHED = re.compile(r"\b(ast|alt)\s?/\s?(sgot|sgpt)\b|\b(sgot|sgpt)\s?/\s?(ast|alt)\b")
_SUBJECT = (
    r"(?:(?:all |eligible )?(?:patients?|subjects?|participants?|individuals?)\s+)?(?:(?:who|that)\s+)?"
    r"(?:(?:must|should|shall|will|needs? to|are required to|is required to)\s+)?(?:(?:be|have|has|having|with|"
    r"show)\s+)?"
    r"(?:(?:a|an|the|their)\s+)?(?:(?:baseline|current|documented|adequate|resting|serum|plasma|blood|measured)\s+)*"
)
_LINK = (
    r"(?:\s*[:,=-])?\s*(?:(?:count|counts|level|levels|value|values|concentration|of|is|are|was|be|being|must|"
    r"should|shall|"
    r"has to|have to|to|at|with|result)\s+)*"
)
_METHODS = re.compile(
    r"\s*[,(]?\s*(?:as\s+)?(?:measured|assessed|determined|evaluated|documented|demonstrated|obtained|performed)?\s*"
    r"(?:by|on|via|with|using|per)\s+(?:either\s+)?(?:an?\s+)?(?P<methods>[a-z0-9 ,;/()\[\]-]+?)\)?$"
)
_METHOD_WORDS = re.compile(
    r"\b(?:echo|echocardiogram|echocardiography|echocardiographic|muga|multi-?gated|multiple-?gated|multi|"
    r"multiple|gated|"
    r"acquisition|scans?|scanning|or|and|an|a|by|2-?d|transthoracic|tte|cardiac|preferred|either|ecg|assessment)"
    r"\b|[,;/()\[\]-]"
)
_OPPOSITE = {">": "at-most", ">=": "less-than", "<": "at-least", "<=": "more-than"}
_SAME = {">": "more-than", ">=": "at-least", "<": "less-than", "<=": "at-most"}
_STATES = ("neutropenia", "thrombocytopenia", "ana?emia", "hyperbilirubina?emia")


class Read(msgspec.Struct, frozen=True):
    """What a phrase asks of values: the rule that passes where the patient meets it, and words left for a person."""

    rule: Rule
    rest: str = ""


def _name_pattern(names: tuple[tuple[str, str], ...]) -> str:
    return "|".join(f"(?:{pattern})" for _, pattern in names)


_ANY_NAME = _name_pattern(_NAMES)
_SEPARATOR = r"\s*(?:,\s*and/or|,\s*and|,\s*or|and/or|and|or|/|,|&)\s*"
_LIVER = (
    r"(?:if|for|in|with|when)\s+(?:(?:the\s+)?(?:patients?|subjects?|participants?|those|case|cases|presence|"
    r"setting|event)\s+)?"
    r"(?:(?:of|with|has|have|who have|had|there (?:are|is))\s+)?(?:(?:known|documented|confirmed|any)\s+)?"
    r"(?:liver|hepatic)\s+metastas[ei]s"
    r"(?:\s+(?:are|is)\s+present)?"
)
_UNLIKE = r"[^()]*\b(?:if|for|in|with|when)\b"
_WHOLE = re.compile(
    rf"^{_SUBJECT}(?P<names>(?:{_ANY_NAME})(?:{_SEPARATOR}(?:serum\s+)?(?:{_ANY_NAME}))*){_LINK}"
    rf"(?:(?P<band>{BAND})|(?P<limit>{LIMIT})(?:\s*[(\[](?P<same>(?!{_UNLIKE})\s*[<>=]*\s*\d[^()\[\]]*)[)\]])?"
    rf"(?:\s*[,;]?\s*(?P<joined>[(\[]\s*(?:or|unless|except)?|or|unless|except)\s*(?P<second>{LIMIT})"
    rf"(?:\s+(?P<liver>{_LIVER}))?\s*[)\]]?)?"
    rf"|(?P<post>{POST}))(?P<tail>.*)$"
)
# Support that a value must not rest on. Any other "without" ("without liver metastases") says for whom the limit holds.
_RESTRICTS = re.compile(
    r"\s*[,(]?\s*(?:\bwithout\b|\bin the absence of\b|\bindependent of\b|\bnot requiring\b|\bunsupported\b|\bwith no\b)"
    r"(?=.*\b(?:unsupported|support\w*|transfus\w*|growth[- ]factors?|g-?csf|gm-?csf|colony|erythropoie\w*|epo|"
    r"filgrastim|oxygen|supplement\w*|stimulat\w*)\b)"
    r"(?!.*\b(?:unless|except|if|when|however|allowed|permitted|may|metasta\w+|syndrome|involvement)\b).*$"
)


def inputs_of(rule: Any) -> set[str]:
    """The inputs that a rule holds limits of."""
    if isinstance(rule, list):
        return set().union(*map(inputs_of, rule))
    if not isinstance(rule, dict):
        return set()
    own = {rule["measurement"]} if "measurement" in rule else set()
    return own.union(*(inputs_of(inner) for key, inner in rule.items() if key != "measurement"))


def read_limit(words: str, side: Side, lexicon: Lexicon, inherited: Window | None) -> Read | None:
    """The rule that a phrase about measured values asks for; None where any of it is not understood."""
    whole = canonical(words)
    phrase, restriction = whole, ""
    if side == "inclusion" and (found := _RESTRICTS.search(whole)):
        phrase, restriction = whole[: found.start()], words
    taken = take_window(phrase)
    if taken is None:
        return None
    window, phrase = taken
    phrase = _SLASHED.sub(lambda m: m[1] or m[4], _ABBREVIATION.sub(" ", phrase))
    phrase = without_event(" ".join(phrase.split()))
    if side == "exclusion":
        phrase = _defined_state(phrase)
    found = _WHOLE.match(phrase)
    if found is None:
        return None
    names = _inputs(found["names"], lexicon)
    if not names or not _all_of_them(found["names"], len(names), side):
        return None
    return _Reader(found, names, side, window or inherited, lexicon).read(restriction)


def _defined_state(phrase: str) -> str:
    """`thrombocytopenia (platelets < 100 x 10^9/l)` is what stands in the brackets."""
    for state in _STATES:
        if found := re.match(
            rf"^{state}\s*(?:\(|:|,|defined as|=)\s*(?:i\.?e\.?,?\s*|defined as\s*)?(?P<inner>[^()]*)\)?$", phrase
        ):
            return found["inner"].strip()
    return phrase


def _inputs(names: str, lexicon: Lexicon) -> list[str]:
    """The inputs named, in order; none where one of them is not known."""
    known, found = set(lexicon.names("input")), []
    for part in re.split(_SEPARATOR, names):
        bare = re.sub(r"^serum\s+", "", part.strip())
        name = next((n for n, pattern in _NAMES if re.fullmatch(pattern, bare)), "")
        if name not in known:
            return []
        found.append(name)
    return found


def _all_of_them(names: str, count: int, side: Side) -> bool:
    """Whether every one of the named values has to keep the limit, for the patient to pass: wanted with "and",
    excluded with "or". "AST or ALT at most" leaves open which."""
    if count == 1:
        return True
    words = set(re.findall(r"\band/or\b|\band\b|\bor\b", names))
    return words <= ({"and"} if side == "inclusion" else {"or", "and/or"})


class _Reader:
    def __init__(
        self, found: re.Match[str], names: list[str], side: Side, window: Window | None, lexicon: Lexicon
    ) -> None:
        self._found, self._names, self._side = found, names, side
        self._window, self._lexicon = window, lexicon

    def read(self, restriction: str) -> Read | None:
        options = self._tail(self._found["tail"].strip())
        if options is None:
            return None
        rules = [self._rule(name, options) for name in self._names]
        if any(rule is None for rule in rules):
            return None
        made = [rule for rule in rules if rule is not None]
        return Read(made[0] if len(made) == 1 else {"all-of": made}, restriction)

    def _tail(self, tail: str) -> Rule | None:
        """What stands behind the limit: nothing, or the method of an ejection fraction."""
        if not tail:
            return {}
        found = _METHODS.match(tail) if self._names == ["lvef"] else None
        return _method(found["methods"]) if found else None

    def _rule(self, name: str, options: Rule) -> Rule | None:
        found = self._found
        if found["band"]:
            return self._band(name, found["band"], options)
        first = limit_of(found["limit"] or turned(found["post"]))
        if first is None or not self._fits(name, first) or not self._same(name, first, found["same"]):
            return None
        if not found["second"]:
            return None if found["joined"] else self._one(name, first, options)
        second = limit_of(found["second"])
        if second is None or not self._fits(name, second):
            return None
        return self._two(name, first, second, options)

    def _two(self, name: str, first: Limit, second: Limit, options: Rule) -> Rule | None:
        """A second limit for liver metastases, or a second one that will do as well."""
        rules = [self._one(name, limit, options) for limit in (first, second)]
        if self._found["liver"]:
            if first.sign[0] != second.sign[0] or "liver-metastases" not in self._lexicon.names("diagnosis"):
                return None
            return {"when": {"diagnosis": "liver-metastases"}, "then": rules[1], "otherwise": rules[0]}
        if self._found["joined"].strip("([ ") != "or" or first.sign[0] != second.sign[0]:
            return None
        return {"any-of" if self._side == "inclusion" else "all-of": rules}

    def _one(self, name: str, limit: Limit, options: Rule) -> Rule:
        keys = _SAME if self._side == "inclusion" else _OPPOSITE
        return {"measurement": name, keys[limit.sign]: limit.value, **self._when(name), **options}

    def _band(self, name: str, text: str, options: Rule) -> Rule | None:
        """From one value to another; only for what is asked for."""
        ends = band_of(text) if self._side == "inclusion" else None
        if ends is None or not all(self._fits(name, end) for end in ends):
            return None
        limits = {_SAME[end.sign]: end.value for end in ends}
        return {"measurement": name, **limits, **self._when(name), **options}

    def _when(self, name: str) -> Rule:
        if self._window:
            return {"within": str(self._window)}
        return {"window-is": "site-default"} if self._lexicon.input(name).window else {}

    def _fits(self, name: str, limit: Limit) -> bool:
        """Whether the unit measures this input, and the value is one that a trial may ask for."""
        info = self._lexicon.input(name)
        if limit.times_uln:
            return info.ranges
        number, _, unit = limit.value.partition(" ")
        try:
            value = Decimal(number) * self._lexicon.scale(name, unit)
        except ValueError:
            return False
        low, high = _REASONABLE.get(name) or info.usable or (Decimal(0), Decimal("Infinity"))
        return low <= value <= high

    def _same(self, name: str, limit: Limit, bracket: str | None) -> bool:
        """Whether a bracket behind the limit says the same in another unit."""
        if not bracket:
            return True
        other = limit_of(bracket if bracket.strip()[:1] in "<>" else f"{limit.sign} {bracket.strip()}")
        if other is None or other.sign != limit.sign or limit.times_uln or other.times_uln:
            return False
        (one, _, unit), (two, _, second) = limit.value.partition(" "), other.value.partition(" ")
        if {unit, second} == {"%", "mmol/mol"} and name == "hba1c":
            percent, molar = (one, two) if unit == "%" else (two, one)
            return abs(Decimal(percent) - (Decimal(molar) * Decimal("0.09148") + Decimal("2.152"))) <= Decimal("0.06")
        try:
            values = [Decimal(n) * self._lexicon.scale(name, u) for n, u in ((one, unit), (two, second))]
        except ValueError:
            return False
        return abs(values[0] - values[1]) <= values[0] * Decimal("0.015")


def _method(methods: str) -> Rule | None:
    """The option for an ejection fraction's method: echocardiogram alone, or either of the usual two."""
    if _METHOD_WORDS.sub("", methods).strip():
        return None
    echo, muga = "echo" in methods or "tte" in methods, bool(re.search(r"muga|gated", methods))
    if not echo:
        return None
    return {} if muga else {"method": "echo"}
