"""What stands above an item: whether it only names a group ("adequate organ function, defined as:"), so that the item
may be read by itself, or changes what the item asks (a cohort, a condition, a choice).
"""

import re
from typing import Literal

from service.authoring.phrases import Window, canonical, take_window

Side = Literal["inclusion", "exclusion"]

_NEUTRAL = frozenset((
    "organ", "organs", "bone", "marrow", "hematologic", "hematological", "haematologic", "haematological",
    "hematology", "haematology", "hematopoietic", "renal", "hepatic", "liver", "kidney", "cardiac", "heart",
    "function", "functions", "functioning", "reserve", "status", "laboratory", "lab", "labs", "values", "value",
    "tests", "test", "testing", "results", "result", "parameters", "parameter", "criteria", "criterion",
    "requirements", "requirement", "blood", "count", "counts", "cell", "chemistry", "chemistries", "biochemistry",
    "biochemical", "clinical", "as", "is", "are", "be", "been", "defined", "evidenced", "demonstrated", "shown",
    "indicated", "assessed", "determined", "documented", "by", "with", "the", "following", "following:", "all",
    "below", "must", "have", "has", "having", "meet", "meets", "meeting", "met", "patients", "patient", "subjects",
    "subject", "participants", "participant", "individuals", "include", "includes", "including", "follows", "at",
    "prior", "to", "before", "of", "on", "in", "study", "trial", "entry", "inclusion", "exclusion", "eligibility",
    "enrolment", "enrollment", "and", "screening", "baseline", "obtained", "measured", "performed", "system",
    "systems", "level", "levels", "characteristics", "demographics", "demographic", "age", "sex", "gender",
    "performance", "general", "for", "main", "key", "major", "additional", "other", "core", "these", "this",
    "their", "a", "an", "based", "upon", "registration", "randomization", "randomisation", "first", "dose",
    "treatment", "start", "initiation", "day", "time", "coagulation", "electrolytes", "investigations",
    "examination", "safety", "hematology/biochemistry", "end-organ", "end", "therapy", "adequate",
))  # fmt: skip
_WANTED = frozenset((
    "acceptable", "normal", "sufficient", "good", "each", "should", "required", "eligible", "satisfy", "fulfil",
    "fulfill", "fulfils",
))  # fmt: skip
_UNWANTED = frozenset((
    "any", "abnormal", "inadequate", "impaired", "dysfunction", "insufficient", "abnormality", "abnormalities",
    "or", "one", "more", "presence", "poor", "excluded", "if", "they", "will", "from", "who", "meets", "abnormally",
    "participation", "being", "ineligible",
))  # fmt: skip
# Whose criteria they are, if not everybody's: "patients with renal impairment", "subjects on treatment".
_SOME = re.compile(
    r"\b(?:patients?|subjects?|participants?|individuals?)\s+(?:with\s+(?!adequate|normal|acceptable|sufficient|"
    r"good|all|any|one|the "
    r"following|following|abnormal|inadequate|insufficient|impaired)|(?:on|in|at|of|from|prior|before|based)\b)"
)
_EVERYBODY = re.compile(
    r"\b(?:disease characteristics|medical history|patient characteristics)\b"
    r"|\b(?:all|both) (?:enrolled |study )?(?:patients|subjects|participants|cohorts|arms|parts|phases|groups|"
    r"individuals)\b"
)
# Where the items stand; to a comparison "below" would be "less than".
_WHERE = re.compile(
    r"\b(?:(?:defined|described|listed|outlined|specified|noted|shown)\s+)?(?:below|above)\b", re.IGNORECASE
)
_UNWANTED_NOT = frozenset(("all", "adequate", "each"))


def neutral(lead: str, side: Side) -> bool:
    """Whether a lead adds nothing but a name: every word of it is one of those that do not change its items. Wanted
    things must all be met, excluded ones are enough by themselves."""
    taken = take_window(canonical(_WHERE.sub("", lead)))
    if taken is None:
        return False
    phrase = _EVERYBODY.sub("criteria", taken[1])
    if _SOME.search(phrase):
        return False
    words = re.findall(r"[a-z][a-z/:'-]*|[0-9<>?=+%]+", phrase)
    allowed = _NEUTRAL | _WANTED if side == "inclusion" else (_NEUTRAL | _UNWANTED) - _UNWANTED_NOT
    return all(word.strip(":'-/") in allowed for word in words)


def inherited_window(leads: list[str]) -> Window | None:
    """The innermost window that the leads of an item give to all below them."""
    for lead in reversed(leads):
        taken = take_window(canonical(lead))
        if taken and taken[0]:
            return taken[0]
    return None
