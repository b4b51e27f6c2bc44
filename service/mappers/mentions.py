"""What a text says of a disease or treatment that it names: that it is there, that it was, or neither.

Negations, questions, and what is about others, tests or vaccinations are read by the words before and behind a name,
each within its clause, as in NegEx: https://doi.org/10.1006/jbin.2001.1029
"""

import re
from collections.abc import Iterator

import msgspec

_CLAUSE = re.compile(r"[;\n\r|]|(?<=[a-z0-9)]{2})\.(?=\s)|\b(?:but|however|although|though)\b")
# Other things whose names hold that of a disease.
_OTHER_THINGS = re.compile(
    r"\b(?:non ?metastatic|heat ?stroke|sun ?stroke|stroke volume|cva tenderness|anti gbm"
    r"|(?:pituitary|placental) apoplexy|(?:trace|trivial|mild|moderate) mi|mitral insufficiency mi"
    r"|(?:ectopic|tubal|molar|previous|prior|past|last|teenage) pregnancy|pregnancy (?:loss|termination)"
    r"|(?:end|termination) of pregnancy|(?:wish\w*|desires?|trying|plan\w*|attempting)"
    r" (?:to (?:become|get|be)|for(?: a)?) pregnan(?:t|cy)"
    r"|(?:physical|sexual|child|domestic|emotional|elder|verbal|laxative) abuse"
    r"|chronic (?:rhino)?(?:sinusitis|bronchitis|tonsillitis|pharyngitis|cholecystitis)"
    r"|(?:interstitial|radiation|hemorrhagic) cystitis|(?:hearing|walking|mobility) aids|infection control)\b"
)
_NOT = re.compile(
    r"\b(?:no(?! (?:change|improvement|response|relief|worsening|longer responding))"
    r"|not(?! (?:well|yet|fully|completely|optimally|adequately|controlled|resolved|improv\w*|respond\w*|otherwise"
    r"|specified|in remission|elsewhere))"
    r"|denie[sd]|denying|without|w o|never (?:had|been|diagnosed)|negative for|neg for|free of|absence of"
    r"|ruled out|excluded)\b"
)
_ABOUT = re.compile(
    r"(?<!positive )\b(?:screen\w*|test(?:ing|s|ed)?|work ?up|vaccin\w*|immuni[sz]\w*|counsel\w*|educat\w*|expos\w*"
    r"|examination|prevent\w*|prophyla\w*|risk(?: factors?)?|fear(?:ful)?|worr\w+|susceptib\w*|predisposition)"
    r"(?: (?!positive|reactive)\w+){0,2}? (?:for|of|to|against|about|regarding)\b"
)
_KIND = re.compile(r"\b(?:in situ|benign|non ?invasive|pre ?cancerous|pre ?malignant)(?: \w+){0,3} $")
_RELATIVE = (
    r"(?:mother|father|sister|brother|aunt|uncle|grand(?:mother|father|parents?)|mom|dad|parents?|siblings?|daughter|son"
    r"|cousin|niece|nephew|relatives?|husband|wife|partner|spouse)"
)
_FAMILY = re.compile(
    rf"\bfamil(?:y|ial) (?:medical )?(?:history|hx|h o)\b|\b(?:fh|fhx|fam hx)\b"
    rf"|\b{_RELATIVE}s?\b(?= (?:with|had|has|have|who|died|dx|diagnosed|s|of)\b)"
    rf"|^{_RELATIVE}\b(?! (?:mary|reports|states|says|notes))"
)
_PAST = re.compile(
    r"(?<!medical )\bhistory of|\b(?:h o|hx of|hx|h x|s p|status post|past|previous(?:ly)?|prior|remote|former|resolved"
    r"|recovered from)\b"
)
_UNTIL = re.compile(r"\b(?:due to|secondary to|because|given|except|other than|despite)\b")
_UNTIL_NOW = re.compile(
    r"\b(?:with|now|current(?:ly)?|active|presenting|due to|secondary to|because|for|showing|in|on)\b"
)
_LISTED = re.compile(r"\b(?:or|nor)\b")
# Words that may stand between a name and what is said of it, within a phrase and beyond a comma.
_BETWEEN = (
    r"virus|viral|infections?|diseases?|disorder|syndrome|status|lifetime|surface|core|antigen|antibody|ab|ag|dna|rna|load"
    r"|genetic|booster|series|severe|moderate|mild|acute|chronic|unspecified|uncomplicated|episodes?|type|nos|is|was|has"
    r"|been|now|fully|completely|since|[a-e]|\d+"
)
_BEHIND = re.compile(
    rf"(?: (?:{_BETWEEN}))* (?:screening|unlikely|vaccin\w*|immuni[sz]\w*|immune|immunity|shots?|risk|susceptib\w*"
    r"|predisposition|counsel\w*|educat\w*|teaching|exposure|examination|prevent\w*|prophyla\w*|prep|pep|denied|in situ"
    r"|mutation|gene|awareness|(?:test|screen)(?:ing|s|ed)?(?!(?: \w+)? (?:positive|reactive|detected|found))"
    rf"|in (?:her |his |the |patient s )?(?:family|(?:maternal |paternal )?{_RELATIVE})|{_RELATIVE})\b"
)
_RULED_OUT = re.compile(
    rf"(?:[ ,]+(?:{_BETWEEN}|test(?:ing|s|ed)?|screen(?:ing|ed)?|serology|pcr|culture|results?|titers?))*[ ,]+"
    r"(?:ruled out|excluded|non ?reactive|not detected|not found|not seen|not present|absent"
    r"|neg(?:ative)?(?! (?:for|margins?|nodes?|sentinel|lymph)))\b"
)
_ENDED = re.compile(
    rf"(?:[ ,]+(?:{_BETWEEN}))*[ ,]+"
    r"(?:resolved|in (?:\w+ ){0,2}remission|remission|cured|recovered|healed|eradicated|s p svr|history(?! of))\b"
)
_STILL = re.compile(r"\b(?:active|ongoing|current(?:ly)?|now|still|persistent|on)\b")
_POSITIVE = re.compile(r"\bpositive\W*$")


class Mention(msgspec.Struct, frozen=True, gc=False):
    """One name in a text, and whether it is of something that is over."""

    name: str
    past: bool = False


def clauses(text: str) -> Iterator[str]:
    """The parts of a text in which one thing is said."""
    return (clause for clause in _CLAUSE.split(text.lower()) if clause and not clause.isspace())


def mentions(clause: str, names: re.Pattern[str]) -> Iterator[Mention]:
    """The names in a clause of which it says that they are, or were, this patient's. The clause is spelled as the names
    are."""
    clause = _OTHER_THINGS.sub(" ", clause)
    found = list(names.finditer(clause))
    if not found:
        return
    silent = [*_scopes(_NOT, clause, lists=True), *_scopes(_ABOUT, clause), *_scopes(_FAMILY, clause, whole=True)]
    past = list(_scopes(_PAST, clause, _UNTIL_NOW))
    for i, match in enumerate(found):
        behind = clause[match.end() : found[i + 1].start() if i + 1 < len(found) else len(clause)]
        if any(start <= match.start() < end for start, end in silent):
            continue
        before = clause[: match.start()]
        if _KIND.search(before) or (_is_silent(behind) and not _POSITIVE.search(before)):
            continue
        was = any(start <= match.start() < end for start, end in past) and not _STILL.search(behind)
        yield Mention(match[0], was or _ENDED.match(behind) is not None)


def _is_silent(behind: str) -> bool:
    return _BEHIND.match(behind) is not None or _RULED_OUT.match(behind) is not None


def _scopes(
    words: re.Pattern[str], clause: str, until: re.Pattern[str] = _UNTIL, lists: bool = False, whole: bool = False
) -> Iterator[tuple[int, int]]:
    """How far what some words say reaches: to the next comma, through `lists` that go on to an `or`, or, `whole`, to
    the end of the clause; at most `until` something else is said."""
    for match in words.finditer(clause):
        start, end = match.end(), len(clause)
        if not whole:
            if other := until.search(clause, start):
                end = other.start()
            comma = clause.find(",", start, end)
            if comma >= 0 and not (lists and _LISTED.search(clause, comma, end)):
                end = comma
        yield start, end
