"""Whether words that are left of an item are bound to what was read from it: as an alternative, an exception, a
condition, a subgroup's own limit. Then a rule made of the rest would say something else than the item.
"""

import re
from typing import Literal

from service.authoring.phrases import canonical

Side = Literal["inclusion", "exclusion"]

_BINDS = re.compile(
    r"\b(?:or|unless|except|exception|excluding|if|when|whenever|where|otherwise|however|either|may|might|can|"
    r"could|allowed|allowable|"
    r"permitted|permissible|acceptable|eligible|waived?|required|necessary|discretion|provided|only|respectively|"
    r"but|note|not applicable|"
    r"cohorts?|arms?|phase|groups?|part [a-z0-9]|following|these|this|such|both|same|than)\b|e\.g|i\.e|"
    r"\b(?:for|in|of) (?:the )?(?:\w+ )?(?:patients|subjects|participants|those|women|men|males|females|children)\b|"
    r"\b(?:patients|subjects|participants|women|men|those|individuals)\s+(?:with|who|whose|receiving|on|having|"
    r"undergoing|of|in|aged)\b|"
    r"\b(?:with|who|whose|receiving|having|undergoing)\b.*\b(?:must|should|will|need)\b",
    re.IGNORECASE,
)
_BINDS_EXCLUDED = re.compile(
    r"\b(?:and|unless|except|exception|excluding|if|when|where|otherwise|however|both|only|with|who|whose|despite|"
    r"while|without|not|but|"
    r"may|allowed|permitted|eligible|acceptable|following|these|this|such|same|defined|than|for|cases?|in (?:the|"
    r"patients|subjects|those))\b"
    r"|e\.g|i\.e",
    re.IGNORECASE,
)
# Words of either list that take something back, ask for more of it, or leave it to somebody.
_TAKES_BACK = re.compile(
    r"\b(?:except\w*|exempt\w*|excluded|lesser|decision|"
    r"alternative\w*|instead|considered|case[- ]by[- ]case|discuss\w*|consult\w*|"
    r"approv\w*|agreement|suffic\w*|depend(?:s|ing)|regardless|irrespective|pending|plus|together|combined|confirmed|"
    r"repeat(?:ed)?|consecutive\w*|occasions?|twice|persistent\w*|lower|higher|"
    r"cohorts?|arms?|groups?|phase|part [a-z0-9]|do(?:es)? not (?:apply|count))\b"
)
_OPENS = re.compile(
    r"^(?:for|in|with|without|at|on|after|before|during|under|until|while|upon|among|despite|following|since|as|by)\b"
)
_ELLIPTIC = re.compile(r"^[\s(]*(?:[<>=\d]|(?:more|less|greater|fewer)\b)")
_COMPARED = re.compile(r"[<>]=?\s*\d|\d\s?(?:%|(?:x\s?)?[a-z0-9^*]*/|x\s?uln|ms(?:ec)?\b|mm\s?hg)")
_QUALITY = re.compile(r"^(?:(?:a)?symptomatic|sustained|uncontrolled|untreated|active|acute|chronic)$")
# What a limit that cannot be read may be of. One of anything else ("liver metastases: <= 5 x ULN", "women <= 470 ms")
# is the limit before it again, for some patients.
_MEASURED = re.compile(
    r"^(?:and\s+)?(?:(?:serum|plasma|blood|urine|urinary|total|direct|fasting|absolute|corrected|calculated|estimated|"
    r"measured|resting|adequate|a|an|the)\s+)*(?:inr|pt|a?ptt|international|prothrombin|partial|activated|potassium|"
    r"sodium|calcium|magnesium|phosph\w+|albumin\w*|wbc|white (?:blood|cells?)|leu[ck]o\w+|lymphocytes?|alc|"
    r"eosinophils?|monocytes?|"
    r"h(?:a?emoglobin|gb|b|ba1c)|a1c|glyc\w+|anc|neutrophils?|platelets?|plt|bilirubin|alt|ast|alp|sgpt|sgot|alanine|"
    r"aspartate|alkaline|ggt|creatinine|crcl|clearance|e?gfr|glomerular|urea|bun|uric|protein\w*|glucose|fpg|"
    r"c-peptide|cholesterol|ldl|hdl|triglycerides?|lipase|amylase|crp|c-reactive|esr|tsh|psa|testosterone|fsh|"
    r"estradiol|troponin|bnp|nt-probnp|ferritin|lactate|ldh|fibrinogen|d-dimer|lvef|"
    r"left ventricular|ejection|qtc?f?|heart rate|pulse|"
    r"systolic|diastolic|sbp|dbp|bp|spo2|oxygen sat\w*|sao2|fev1?|dlco|bmi|"
    r"body (?:mass|weight|temp\w*|surface)|weight|height|waist|temperature|viral load|cd4|"
    r"hiv|hbv|hcv|ecog|karnofsky|kps|lansky|life expectancy)\b"
)
# What else an input is spoken of by: "a clearance of 60 mL/min" is about the creatinine.
_ABOUT = {
    "creatinine": r"creatinine|clearance|crcl|gfr|egfr",
    "egfr": r"creatinine|clearance|crcl|gfr|egfr",
    "bilirubin": r"bilirubin|gilbert(?:'s)?",
    "alt": r"alt|ast|transaminases?|(?:liver|hepatic) (?:metasta\w+|involvement)",
    "ast": r"alt|ast|transaminases?|(?:liver|hepatic) (?:metasta\w+|involvement)",
    "alp": r"alp|(?:liver|hepatic|bone) (?:metasta\w+|involvement)",
    "ecog": r"ecog|ps|performance status|karnofsky|kps",
    "hemoglobin": r"ha?emoglobin|hgb|hb",
    "platelets": r"platelets?|plt",
    "anc": r"anc|neutrophils?",
    "hba1c": r"hba1c|a1c|ha?emoglobin",
}


def bound(words: str, side: Side, inputs: set[str]) -> bool:
    """Whether words of an item change what was read from the others; `inputs`: what those were limits of."""
    if (_BINDS if side == "inclusion" else _BINDS_EXCLUDED).search(words):
        return True
    phrase = canonical(words).removeprefix("? ")
    if _OPENS.match(phrase) or _ELLIPTIC.match(phrase) or _QUALITY.match(phrase):
        return True
    if _TAKES_BACK.search(phrase):
        return True
    about = "|".join(_ABOUT.get(name, name.replace("-", "[ -]")) for name in sorted(inputs))
    if about and re.search(rf"\b(?:{about})\b", phrase):
        return True
    return bool(_COMPARED.search(phrase)) and not (_MEASURED.match(phrase) and _ends_with_limit(phrase))


def _ends_with_limit(phrase: str) -> bool:
    """Whether nothing follows the last number and its unit: "after run-in" may hold for the limits before it too."""
    last = re.split(r"(?<![a-z])\d[\d.^*]*", phrase)[-1]
    return not re.search(
        r"\b(?:at|after|before|in|on|by|with|without|under|during|for|while|until|using|of|to|from)\b", last
    )
