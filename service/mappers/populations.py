"""For whom a reference range is: one sex, women before or after the menopause, those who are pregnant.

Laboratories say it by code, or in words: https://hl7.org/fhir/R4/valueset-referencerange-appliesto.html and
https://terminology.hl7.org/CodeSystem-referencerange-meaning.html
"""

import re
from collections.abc import Iterable

from service.mappers import wire
from service.mappers.terminology import Terminology

SEXES = frozenset({"female", "male"})
_SEX_CODES = {"248152002": "female", "248153007": "male", "f": "female", "m": "male"}
_STATES = ("postmenopausal", "premenopausal", "pregnant")
_WORDS = {
    "female": r"females?|wom[ae]n",
    "male": r"males?|m[ae]n",
    "postmenopausal": r"post[ -]?menopaus\w*",
    "premenopausal": r"pre[ -]?menopaus\w*|follicular|luteal|mid[ -]?cycle|ovulat\w+",
    "pregnant": r"(?<!non)(?<!non[ -])(?<!not )pregnan\w*|\w+ trimester|gestation\w*",
}
_NAMED = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _WORDS.items()))


def named(text: str | None) -> frozenset[str]:
    """The sexes and states that words name, such as those of `Female, post-menopausal`."""
    if not text:
        return frozenset()
    found = (match.lastgroup for match in _NAMED.finditer(text[:200].lower().replace("_", " ")))
    return frozenset(name for name in found if name)


def of_concept(concept: wire.CodeableConcept, terminology: Terminology) -> frozenset[str]:
    """The sexes and states that a CodeableConcept means; none where nobody knows them."""
    told = {answer for answer in terminology.look_up("answer", concept).sure if answer in _STATES}
    codings = [coding for coding in concept.coding or () if coding and coding.code]
    told |= {_SEX_CODES[c.code.lower()] for c in codings if c.code and c.code.lower() in _SEX_CODES}
    for words in (concept.text, *(word for c in codings for word in (c.code, c.display))):
        told |= named(words)
    if not told and (concept.text or "").strip().lower() in _SEX_CODES:
        told = {_SEX_CODES[(concept.text or "").strip().lower()]}
    return frozenset(told)


def state_of(told: Iterable[str]) -> str:
    """The one state among what is told; empty where there is none, or several."""
    states = [name for name in told if name in _STATES]
    return states[0] if len(states) == 1 else ""
