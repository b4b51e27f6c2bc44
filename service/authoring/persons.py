"""Who a criterion asks for: age, sex, performance status, pregnancy. Read only where the whole phrase is understood."""

import re
from itertools import pairwise
from typing import Any, Literal

import msgspec

from service.authoring.phrases import Window, canonical, take_window, without_event
from service.authoring.registry import Age

Rule = dict[str, Any]
Side = Literal["inclusion", "exclusion"]
Sex = Literal["", "female", "male", "any"]

_OPPOSITE = {">": "at-most", ">=": "below", "<": "at-least"}
_SAME = {">=": "at-least", "<": "below", "<=": "at-most"}
_YEARS = r"(?:years?|yrs?|y\.?/?o\.?|yo)(?:[ -](?:old|of age))?(?: of age| old)?"
_SEX_WORDS = r"(?:fe)?males?|(?:wo)?men|(?:wo)?man"
_WHO = (
    rf"(?:(?:all|eligible)\s+)?(?:(?P<sex>(?:{_SEX_WORDS})(?:\s*(?:and|or|/|and/or|,|&)\s*(?:{_SEX_WORDS}))*)\s*)?"
    r"(?:adult\s+)?(?:patients?|subjects?|participants?|individuals?|adults?|volunteers?|persons?|people)?\s*[,:]?\s*"
    r"(?:(?:who|that)\s+)?(?:(?:must|should|shall|will|is|are|be|at|have|has|with|to)\s+)*(?:of\s+)?"
)
_AGED = (
    r"(?:(?:minimum |patient |subject |participant )?(?:ages?|aged)(?: range| group| limit)?\s*(?:(?:must|"
    r"should|is|are|be|of|:|-|,|from)\s*)*)"
)
_LOW = r"(?P<low>\d{1,3})"
_HIGH = r"(?P<high>\d{1,3})"
_INCLUSIVE = r"(?:\s*[,(]?\s*(?:both\s+)?(?:inclusive|inclusively|included|including both|limits included)\s*\)?)?"
_ONE = re.compile(rf"^{_WHO}(?P<aged>{_AGED})?(?P<sign>>=|<=|>|<)\s*(?P<low>\d{{1,3}})\s*(?P<years>{_YEARS})?$")
_POST = re.compile(
    rf"^{_WHO}(?P<aged>{_AGED})?{_LOW}\s*(?P<years>{_YEARS})?\s*(?:or|and|&)\s*(?P<word>older|>|more|greater|up|"
    rf"upwards?|younger|<|less)"
    rf"(?:\s+(?P<after>{_YEARS}|of age))?$"
)
_PLUS = re.compile(rf"^{_WHO}(?P<aged>{_AGED})?{_LOW}\s?\+\s*(?P<years>{_YEARS})?$")
_RANGE = re.compile(
    rf"^{_WHO}(?P<aged>{_AGED})?(?:between\s+|from\s+)?(?:the\s+(?:ages?\s+)?(?:of\s+)?)?(?P<first>>=|>)"
    rf"?\s*{_LOW}\s*(?P<years>{_YEARS})?"
    rf"\s*(?:-|to|and|through|until|,)\s*(?:and\s+|to\s+)?(?P<second><=|<)?\s*{_HIGH}\s*(?P<after>{_YEARS})"
    rf"?{_INCLUSIVE}$"
)
_OUTSIDE = re.compile(
    rf"^{_WHO}(?P<aged>{_AGED})?(?P<first><)\s*{_LOW}\s*(?P<years>{_YEARS})?\s*(?:or|and|,|and/or)\s*(?:aged?\s+)"
    rf"?(?P<second>>=|>)\s*{_HIGH}"
    rf"\s*(?P<after>{_YEARS})?$"
)


class Person(msgspec.Struct, frozen=True):
    """An age and a sex that a phrase asks for; `strict` where it says "over 18", which the language cannot."""

    low: int | None = None
    high: int | None = None
    below: int | None = None
    sex: Sex = ""
    strict: bool = False

    def rules(self) -> list[Rule]:
        bounds = {"at-least": self.low, "at-most": self.high, "below": self.below}
        age = {key: value for key, value in bounds.items() if value is not None}
        return [*([{"sex": self.sex}] if self.sex in ("female", "male") else []), *([{"age": age}] if age else [])]


def read_person(words: str, side: Side, minimum: Age | None, maximum: Age | None) -> Person | None:
    """The age and sex of a phrase such as "female patients aged 18 to 75 years". An age without a unit is one in years
    only where the registry's own field says the same number of years."""
    phrase = without_event(canonical(words))
    phrase = " ".join(re.sub(r"\((?:wocbp|inclusive|included)\)", "", phrase).split())
    for pattern in (_ONE, _POST, _PLUS, _RANGE, _OUTSIDE):
        found = pattern.match(phrase)
        if found and (made := _person(found.groupdict(), side, minimum, maximum)):
            return made
    return _sex_alone(phrase, side)


def _person(parts: dict[str, Any], side: Side, minimum: Age | None, maximum: Age | None) -> Person | None:
    low = int(parts["low"])
    high = int(parts["high"]) if parts.get("high") else None
    unit = parts.get("years") or parts.get("after") or ""
    in_field = _same(low, minimum) if high is None else _same(low, minimum) and _same(high, maximum)
    in_field = in_field or (high is None and _same(low, maximum))
    told = bool(parts.get("aged")) or bool(re.search(r"of age|old|y", unit) and re.search(r"age|old", unit))
    if not told and not (unit and in_field):
        return None
    if (not unit and not in_field) or (max(low, high or 0) > 120 and not in_field):
        return None
    sex = _sex(parts.get("sex"))
    if sex is None or (side == "exclusion" and sex):
        return None
    bounds = _bounds(parts, side, low, high)
    return None if bounds is None else msgspec.structs.replace(bounds, sex=sex)


def _bounds(parts: dict[str, Any], side: Side, low: int, high: int | None) -> Person | None:
    if high is not None:
        return _between(parts, side, low, high)
    if "sign" in parts:
        return _one_bound(parts["sign"], side, low)
    word = parts.get("word") or "older"
    return _one_bound(">=" if word in ("older", ">", "more", "greater", "up", "upward", "upwards") else "<=", side, low)


def _between(parts: dict[str, Any], side: Side, low: int, high: int) -> Person | None:
    if high <= low:
        return None
    outside = parts.get("first") == "<"
    if outside != (side == "exclusion"):
        return None
    if outside:
        return Person(low, high) if parts["second"] == ">" else Person(low, below=high)
    if parts.get("first") == ">":
        return Person(strict=True)
    return Person(low, below=high) if parts.get("second") == "<" else Person(low, high)


def _one_bound(sign: str, side: Side, value: int) -> Person | None:
    key = (_SAME if side == "inclusion" else _OPPOSITE).get(sign)
    if key is None:
        return Person(strict=True)
    return {"at-least": Person(low=value), "at-most": Person(high=value), "below": Person(below=value)}[key]


def _same(value: int | None, field: Age | None) -> bool:
    return field is not None and field.unit == "years" and field.number == value


def _sex(words: str | None) -> Sex | None:
    if not words:
        return ""
    kinds = {"female" if re.match(r"female|wom", word) else "male" for word in re.findall(_SEX_WORDS, words)}
    return "any" if len(kinds) == 2 else "female" if kinds == {"female"} else "male"


def _sex_alone(phrase: str, side: Side) -> Person | None:
    found = re.match(
        rf"^(?:(?:sex|gender)\s*[:=-]?\s*)?(?P<sex>(?:{_SEX_WORDS})(?:\s*(?:and|or|/|and/or|,|&)\s*(?:{_SEX_WORDS}))*)"
        r"(?:\s+(?:patients?|subjects?|participants?|gender|sex|individuals?))?(?:\s+only)?$",
        phrase,
    )
    sex = _sex(found["sex"]) if found else None
    return Person(sex=sex) if sex in ("female", "male") and side == "inclusion" else None


# -- performance status

_ECOG = (
    r"(?:(?:the\s+)?(?:eastern co-?operative (?:oncology )?group|ecog)\s*(?:\(ecog\))?\s*(?:\(?ps\)?)"
    r"?\s*(?:performance)?\s*"
    r"(?:status|score|scale|scores)?\s*(?:\((?:ps|ecog|ecog ps|ecog-ps)\))?\s*(?:score|scores|scale|grade|ps|status)?"
    r"|performance status\s*(?:\(ps\))?\s*(?:of|by|according to|per|as per|on|,)?\s*(?:the\s+)"
    r"?\(?ecog\)?\s*(?:scale|criteria|score)?)"
)
_ECOG_SUBJECT = (
    r"(?:(?:patients?|subjects?|participants?)\s+)?(?:who\s+)?(?:(?:must|should|shall)\s+)?(?:(?:have|has|having|"
    r"with|be)\s+)?"
    r"(?:(?:an?|the|their)\s+)?(?:(?:baseline|adequate|good|current)\s+)?"
)
_ECOG_LINK = r"\s*[:,=-]?\s*(?:(?:of|is|are|must|should|be|score|grade|has to|with|at|from|between|either)\s+)*"
_ECOG_VALUE = re.compile(
    rf"^{_ECOG_SUBJECT}{_ECOG}{_ECOG_LINK}(?:(?P<sign><=|<|>=|>)\s*(?P<one>[0-5])"
    r"|(?P<post>[0-5])\s*(?:or|and)\s*(?P<word>less|lower|better|<|>|more|higher|greater|worse)"
    r"|(?P<list>[0-5](?:\s*(?:-|to|through|,\s*or|,\s*and|,|or|and|/)\s*[0-5])*))(?:\s*\(?inclusive\)?)?$"
)
_STATUS = {"window-is": "site-default"}


def read_ecog(words: str, side: Side, inherited: Window | None) -> Rule | None:
    """A limit on the ECOG performance status: `0-1`, `0, 1 or 2`, `< 2`, `2 or less`."""
    taken = take_window(canonical(re.sub(r"(?<=\b[0-5]),(?=[0-5]\b)", ", ", words)))
    if taken is None:
        return None
    window = taken[0] or inherited
    found = _ECOG_VALUE.match(without_event(re.sub(r"\s*\((?=[0-5<>])|(?<=[0-5])\)$", " ", taken[1]).strip()))
    limit = _ecog_limit(found, side) if found else None
    if limit is None:
        return None
    return {"measurement": "ecog", **limit, **({"within": str(window)} if window else _STATUS)}


def _ecog_limit(found: re.Match[str], side: Side) -> Rule | None:
    if found["list"]:
        return _ecog_list([int(n) for n in re.findall(r"[0-5]", found["list"])], found["list"], side)
    if found["sign"]:
        sign, value = found["sign"], found["one"]
    else:
        sign, value = ("<=" if found["word"] in ("less", "lower", "better", "<") else ">="), found["post"]
    keys = {">": "more-than", ">=": "at-least", "<": "less-than", "<=": "at-most"}
    turned = {">": "at-most", ">=": "less-than", "<": "at-least", "<=": "more-than"}
    if (sign in (">", ">=")) == (side == "inclusion"):
        return None  # nobody is asked to be worse than that, nor kept out for being better: a slip of the sign
    return {(keys if side == "inclusion" else turned)[sign]: int(value)}


def _ecog_list(values: list[int], text: str, side: Side) -> Rule | None:
    ranged = bool(re.search(r"-|to|through", text))
    steps = [b - a for a, b in pairwise(values)]
    if side == "exclusion" or (ranged and (len(values) != 2 or steps[0] <= 0)):
        return None
    if not ranged and any(step != 1 for step in steps):
        return None
    if values[0] == 0:
        return {"at-most": values[-1]}
    return {"at-least": values[0], "at-most": values[-1]} if len(values) > 1 else None


# -- pregnancy

_NURSING = r"(?:breast[ -]?feeding|lactating|nursing|lactation|breastfeed|breast-feed)"
_BOTH = re.compile(
    r"^(?:(?:women|females?|female (?:patients|subjects|participants)|patients?|subjects?|participants?)\s+)?"
    r"(?:(?:who|that)\s+(?:are|is)\s+)?(?:(?:currently|known)\s+)?(?:pregnant|pregnancy)(?:\s+(?:women|woman|"
    r"females?|patients?|subjects?))?"
    rf"\s*(?:,\s*or|,\s*and|and/or|,|/|or|and)\s*(?:(?:who|that)\s+)?(?:(?:are|is|currently|actively)\s+)*{_NURSING}"
    r"(?:\s+(?:women|woman|females?|patients?|mothers?|subjects?|female (?:patients?|subjects?|participants?)))?"
    r"(?P<more>\s*(?:,\s*or|;\s*or|,|;|or)\s+.+)?$"
)
_NEITHER = re.compile(
    r"^(?:(?:women|females?|patients?|subjects?|participants?)\s+)?(?:(?:must|should)\s+)?(?:(?:be|is|are)\s+)"
    r"?(?:not|non-?)\s?(?:be\s+)?pregnant\s*"
    rf"(?:,\s*and|,\s*or|,|or|and|nor)\s*(?:(?:not|non-?)\s?)?{_NURSING}$"
)
_HEDGED = re.compile(
    r"\b(?:unless|except\w*|exempt\w*|if|only|without|not applicable|cohorts?|arms?|part [a-z0-9]|phase|groups?|but|"
    r"allowed|permitted|eligible|acceptable|may)\b"
)
_FERTILE = (
    r"(?:women|woman|females?|female (?:patients|subjects|participants)|patients|participants) (?:of|with)"
    r" (?:child[ -]?bearing|reproductive) "
    r"(?:potential|age|capacity|capability)(?: \((?:wocbp|wcbp|focbp)\))?|(?:wocbp|wcbp|focbp)"
)
_TEST = (
    r"(?:(?:a|documented|confirmed)\s+)*negative\s+(?P<kind>(?:serum|urine|blood|urinary|or|and/or|/|\(|\)|\s)"
    r"*)(?:(?:b|beta|human)[ -]?)?(?:hcg\s+)?pregnancy test(?:ing|s)?(?: results?)?"
)
_TESTED = (
    re.compile(
        rf"^(?:{_FERTILE})\s+(?:(?:must|should|shall|are required to|need to|who)\s+)*(?:have|has|having|with|"
        rf"undergo)\s+(?:had\s+)?{_TEST}$"
    ),
    re.compile(rf"^{_TEST}\s*[,(]?\s*(?:(?:for|in|if)\s+)?(?:all\s+)?(?:{_FERTILE})\)?(?:\s+only)?$"),
)


def read_pregnancy(words: str, side: Side) -> tuple[Rule, str] | None:
    """Pregnant and breast-feeding women kept out; what else a list names is left for a person."""
    phrase = without_event(canonical(words))
    rule = {"for": "women", "rule": {"pregnancy": "none"}}
    if side == "inclusion":
        return (rule, "") if _NEITHER.match(phrase) else None
    found = _BOTH.match(phrase)
    if found is None or _HEDGED.search(phrase):
        return None
    return rule, words if found["more"] else ""


def read_pregnancy_test(words: str, side: Side) -> Rule | None:
    """A negative test, in urine or serum, in a window, for those who may bear children."""
    taken = take_window(canonical(words))
    if side == "exclusion" or taken is None or taken[0] is None:
        return None
    phrase = re.sub(r"\b(?:test)\s+(?:done|performed|obtained)\b", "test", taken[1])
    found = next((match for pattern in _TESTED if (match := pattern.match(without_event(phrase)))), None)
    if found is None:
        return None
    kinds = set(re.findall(r"serum|blood|urin", found["kind"] or ""))
    if kinds and not ("urin" in kinds and kinds & {"serum", "blood"}):
        return None  # one kind alone is asked for; the record's test may be the other
    return {"for": "child-bearing", "rule": {"pregnancy-test": "negative", "within": str(taken[0])}}
