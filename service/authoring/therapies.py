"""Drugs, treatments and diagnoses that the vocabulary knows by name: `prior treatment with a CDK4/6 inhibitor`,
`chemotherapy within 3 weeks of registration`, `history of myocardial infarction within 6 months`.
"""

import re
from functools import lru_cache
from typing import Any, Literal

from service.authoring.phrases import canonical, take_window, window_is_last, without_event
from service.criteria.lexicon import Lexicon

Rule = dict[str, Any]
Side = Literal["inclusion", "exclusion"]

# Classes that mean to a trial what they mean to us; other class names of the vocabulary are wider or narrower.
_CLASSES: dict[str, tuple[str, ...]] = {
    "cdk4-6-inhibitor": ("cdk4/6 inhibitor", "cdk 4/6 inhibitor", "cdk4 and 6 inhibitor", "cdk4/cdk6 inhibitor"),
    "aromatase-inhibitor": ("aromatase inhibitor",),
    "taxane": ("taxane",),
    "gnrh-agonist": ("gnrh agonist", "lhrh agonist", "gonadotropin-releasing hormone agonist"),
    "glp-1-agonist": ("glp-1 agonist", "glp-1 receptor agonist", "glp1 receptor agonist", "glp-1ra", "glp-1 ra"),
    "ado-trastuzumab-emtansine": ("t-dm1", "trastuzumab emtansine", "ado-trastuzumab emtansine"),
    "trastuzumab-deruxtecan": ("t-dxd", "trastuzumab deruxtecan", "fam-trastuzumab deruxtecan"),
}
# Names of the vocabulary that are groups made for one purpose, or words of a wider meaning.
_NO_NAME = re.compile(
    r"cyp3a4|menstruation|therapy|chemotherapy|antibody|conjugate|inhibitor|suppression|corticosteroid|opioid|"
    r"contraceptive|insulin|"
    r"^bcg$|tretinoin|hydroxyurea|agonist|interferon"
)
_JOIN = r"(?:\s*,\s*and/or\s+|\s*,\s*or\s+|\s*,\s*|\s+or\s+|\s+and/or\s+|\s*/\s*)"
_ARTICLE = r"(?:(?:an|a|any|the|other|another)\s+)*"
_PRIOR = re.compile(
    r"^(?:(?:patients?|subjects?|participants?)\s+)?(?:(?:who|that)\s+)?(?:(?:must|should)\s+)?(?:(?:have|has|had)"
    r"\s+)?(?:any\s+)?(?:(?:been\s+)?"
    r"(?:(?:prior|previous|past|previously|history of)\s+)+(?:systemic\s+)?(?:(?:received|treatment|treated|"
    r"therapy|use|exposure|taken|administration|receipt|exposed)\s*)?"
    r"(?:(?:with|to|of|treatment with|therapy with)\s+)?|received\s+(?:prior|previous)?\s*(?:(?:treatment|therapy)"
    r"\s+with\s+)?|been treated with\s+)"
    rf"{_ARTICLE}(?P<drugs>.+?)(?:\s+(?:treatment|therapy|use|exposure))?(?:\s+(?:at any time|in any setting|"
    rf"for any indication))?$"
)
_CURRENT = re.compile(
    r"^(?:(?:current|concurrent|concomitant|ongoing|currently)\s+)+(?:(?:use|treatment|therapy|taking|receiving|"
    r"using)\s*(?:of|with)?\s+)?"
    rf"{_ARTICLE}(?P<drugs>.+?)(?:\s+(?:treatment|therapy|use))?$"
)
_NO_PRIOR = re.compile(
    r"^(?:(?:no|without)\s+(?:any\s+)?(?:prior|previous|history of)|(?:(?:patients?|subjects?|participants?)\s+)"
    r"?(?:must|should|may)\s+not\s+have\s+"
    r"(?:(?:previously\s+)?(?:received|had|been treated with))(?:\s+(?:any|prior|previous))*)\s+(?:(?:treatment|"
    r"therapy|use|exposure)\s+)?(?:(?:with|to|of)\s+)?"
    rf"{_ARTICLE}(?P<drugs>.+?)(?:\s+(?:treatment|therapy|use|exposure))?$"
)


@lru_cache(16)
def _drug_words(names: tuple[str, ...]) -> dict[str, str]:
    """What a text may call each drug of the vocabulary: its own name, and the usual ones of a few classes."""
    known = {name.replace("-", " "): name for name in names if len(name) > 4 and not _NO_NAME.search(name)}
    for name, spelt in _CLASSES.items():
        if name in names:
            known |= {_bare(word): name for word in spelt}
    return known


def _bare(text: str) -> str:
    return " ".join(text.replace("-", " ").replace("/", " ").split())


def _drugs(text: str, lexicon: Lexicon) -> list[str]:
    """The drugs of an or-list; none where one of them is not known by name."""
    known = _drug_words(tuple(lexicon.names("drug")))
    if whole := _drug(text, known):
        return [whole]
    found = [_drug(re.sub(rf"^{_ARTICLE}", "", part.strip()), known) for part in re.split(_JOIN, text) if part.strip()]
    return [name for name in found if name] if all(found) else []


def _drug(text: str, known: dict[str, str]) -> str:
    bare = re.sub(r"\(s\)$", "", _bare(text)).strip()
    return known.get(bare) or known.get(re.sub(r"s$", "", bare)) or ""


def read_drugs(words: str, side: Side, lexicon: Lexicon) -> Rule | None:
    """A drug taken before, or now: kept out, or asked for. A window is not read: it would need the last dose."""
    phrase = without_event(canonical(words))
    if side == "inclusion":
        return _wanted(phrase, lexicon)
    for pattern, taken in ((_PRIOR, "ever"), (_CURRENT, "now")):
        if (found := pattern.match(phrase)) and (drugs := _drugs(found["drugs"], lexicon)):
            return {"absent": [{"drug": drugs, "taken": taken}]}
    return None


def _wanted(phrase: str, lexicon: Lexicon) -> Rule | None:
    if found := _NO_PRIOR.match(phrase):
        drugs = _drugs(found["drugs"], lexicon)
        return {"absent": [{"drug": drugs, "taken": "ever"}]} if drugs else None
    if found := _PRIOR.match(phrase):
        drugs = _drugs(found["drugs"], lexicon)
        several = len(drugs) > 1 and not re.search(r"\bor\b", found["drugs"])
        return {"present": {"drug": drugs, "taken": "ever"}} if drugs and not several else None
    return None


# -- treatments within a window

_CHEMOTHERAPY = r"(?:systemic\s+|cytotoxic\s+)*chemo-?therapy"
_RADIOTHERAPY = r"radio-?therapy|radiation therapy|radiation treatment|radiation"
_SYSTEMIC = r"systemic anti-?\s?(?:cancer|neoplastic) (?:therapy|treatment)s?"
_TREATED = re.compile(
    r"^(?:(?:patients?|subjects?|participants?)\s+)?(?:(?:who|that)\s+)?(?:(?:have|has|had)\s+)?(?:(?:received|"
    r"receipt of|receiving|any|prior|previous|last|treatment with|"
    r"administration of|use of|having|had|of)\s+)*"
    rf"(?P<kinds>(?:{_CHEMOTHERAPY}|{_RADIOTHERAPY}|{_SYSTEMIC})(?:{_JOIN}(?:{_CHEMOTHERAPY}|{_RADIOTHERAPY}|"
    rf"{_SYSTEMIC}))*)$"
)


def read_washout(words: str, side: Side, lexicon: Lexicon) -> Rule | None:
    """Chemotherapy, systemic anticancer therapy or radiotherapy within a window keeps out."""
    if side == "inclusion":
        return None
    whole = re.sub(r"(?<=\S)\s+<=\s*(?=\d+\s*(?:days?|weeks?|months?))", " within ", canonical(words))
    taken = take_window(whole)
    if taken is None or taken[0] is None:
        return None
    window, phrase = taken
    found = _TREATED.match(phrase)
    if found is None or not window_is_last(whole):
        return None
    kinds = found["kinds"]
    radiotherapy = bool(re.search(_RADIOTHERAPY, kinds))
    therapy = "systemic-anticancer" if re.search(_SYSTEMIC, kinds) else "chemotherapy" if "chemo" in kinds else ""
    if radiotherapy and "radiotherapy" not in lexicon.names("procedure"):
        return None
    if not therapy:
        return {"absent": [{"procedure": "radiotherapy", "within": str(window)}]}
    if therapy not in lexicon.names("therapy"):
        return None
    return {"washout": therapy, "within": str(window)} | ({"procedures": ["radiotherapy"]} if radiotherapy else {})


# -- diagnoses

_DIAGNOSES: tuple[tuple[str, str], ...] = (
    ("myocardial-infarction", r"(?:acute )?myocardial infarctions?(?: \(mi\))?"),
    ("unstable-angina", r"unstable angina(?: pectoris)?"),
    ("stroke", r"stroke"),
    ("cirrhosis", r"(?:liver |hepatic )?cirrhosis(?: of the liver)?"),
    ("atrial-fibrillation", r"atrial (?:fibrillation|flutter)"),
    ("brain-metastases", r"brain metastas[ei]s|metastas[ei]s to the brain|cerebral metastas[ei]s"),
    (
        "cns-metastases",
        r"(?:cns|central nervous system)(?: \(cns\))? metastas[ei]s|metastas[ei]s to the (?:cns|"
        r"central nervous system)",
    ),
    ("liver-metastases", r"(?:liver|hepatic) metastas[ei]s"),
    ("leptomeningeal-metastases", r"leptomeningeal (?:metastas[ei]s|disease|carcinomatosis)|carcinomatous meningitis"),
    ("pancreatitis", r"(?:acute or chronic |chronic or acute )?pancreatitis"),
    ("type-1-diabetes", r"type (?:1|i) diabetes(?: mellitus)?(?: \(t1dm?\))?"),
    (
        "type-2-diabetes",
        r"type (?:2|ii) diabetes(?: mellitus)?(?: \(t2dm?\))?|(?:diabetes mellitus|diabetes),? type (?:2|ii)|"
        r"t2dm",
    ),
    ("non-small-cell-lung-cancer", r"non-?\s?small[ -]cell lung (?:cancer|carcinoma)(?: \(nsclc\))?|nsclc"),
    ("small-cell-lung-cancer", r"small[ -]cell lung (?:cancer|carcinoma)(?: \(sclc\))?|sclc"),
)  # fmt: skip
_ANY_DIAGNOSIS = "|".join(f"(?:{pattern})" for _, pattern in _DIAGNOSES)
_EXCLUDED = re.compile(
    r"^(?:(?:patients?|subjects?|participants?)\s+)?(?:(?:who|that)\s+)?(?:(?:with|have|has|having|had)\s+)"
    r"?(?:(?:a|an|any|the|known|documented|presence of|"
    r"diagnosis of|diagnosed with|evidence of|confirmed)\s+)*(?P<history>(?:(?:known|prior|previous|past|a)\s+)"
    r"*(?:history of|prior|previous)\s+(?:an?\s+|any\s+)?)?"
    rf"(?P<names>(?:{_ANY_DIAGNOSIS})(?:{_JOIN}(?:{_ANY_DIAGNOSIS}))*)$"
)
_ABSENT = re.compile(
    rf"^(?:no|without|absence of)\s+(?:(?:any|known|evidence of|documented)\s+)*(?P<history>(?:prior |previous )"
    rf"?history of\s+)?"
    rf"(?P<names>(?:{_ANY_DIAGNOSIS})(?:{_JOIN}(?:{_ANY_DIAGNOSIS}))*)$"
)
_WANTED = re.compile(
    r"^(?:(?:patients?|subjects?|participants?)\s+)?(?:(?:must|should)\s+)?(?:(?:have|has|having|with)\s+)"
    r"?(?:(?:a|an|the|known|documented|confirmed|established)\s+)*"
    rf"(?:(?:clinical\s+)?diagnos(?:is|ed)\s+(?:of|with)\s+)?(?P<name>{_ANY_DIAGNOSIS})$"
)
_CANCER = re.compile(
    r"^(?:(?:patients?|subjects?|participants?)\s+)?(?:(?:must|should)\s+)?(?:(?:have|has|with)\s+)?(?:(?:a|an|"
    r"the|documented|known)\s+)*(?:(?:diagnosis of|diagnosed with)\s+)?"
    r"metastatic (?P<cancer>breast) cancer(?: \(mbc\))?$"
)


def read_diagnosis(words: str, side: Side, lexicon: Lexicon) -> Rule | None:
    """A diagnosis of the vocabulary: kept out, ever or within a window, or asked for."""
    whole = canonical(words)
    taken = take_window(whole)
    if taken is None or not window_is_last(whole):
        return None
    window, phrase = taken
    phrase = without_event(phrase)
    if side == "inclusion":
        return None if window else _wanted_diagnosis(phrase, lexicon)
    found = _EXCLUDED.match(phrase)
    if found is None:
        return None
    return _absence(found, lexicon, str(window) if window else "")


def _wanted_diagnosis(phrase: str, lexicon: Lexicon) -> Rule | None:
    if found := _ABSENT.match(phrase):
        return _absence(found, lexicon, "")
    if (found := _CANCER.match(phrase)) and found["cancer"] in lexicon.names("cancer"):
        return {"cancer": found["cancer"], "extent": "metastatic"}
    found = _WANTED.match(phrase)
    names = _diagnoses(found["name"], lexicon) if found else []
    return {"present": {"diagnosis": names}} if names else None


def _absence(found: re.Match[str], lexicon: Lexicon, within: str) -> Rule | None:
    names = _diagnoses(found["names"], lexicon)
    if not names:
        return None
    options = ({"reading": "history-of"} if found["history"] or within else {}) | ({"within": within} if within else {})
    concerns: list[Rule] = [{"diagnosis": names, **options}]
    if "leptomeningeal-metastases" in names and "meningeal-metastases-unclear" in lexicon.names("diagnosis"):
        because = "the code also stands for dural spread"
        concerns.append({"diagnosis": "meningeal-metastases-unclear", "then": "review", "because": because})
    return {"absent": concerns}


def _diagnoses(text: str, lexicon: Lexicon) -> list[str]:
    parts = [text] if any(re.fullmatch(p, text) for _, p in _DIAGNOSES) else re.split(_JOIN, text)
    found = [next((name for name, p in _DIAGNOSES if re.fullmatch(p, part.strip())), "") for part in parts]
    known = set(lexicon.names("diagnosis"))
    return found if all(name in known for name in found) else []
