"""Names of drugs as they are spelled in texts: in several languages, with salts' endings, as abbreviations of regimens.

International nonproprietary names differ between languages by a few letters: fentanyl, fentanil, fentanilo; rifampicin,
rifampicina. https://www.who.int/teams/health-product-and-policy-standards/inn
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_DASHES = re.compile(r"[-‐‑–_/]+")
_SPACES = re.compile(r"\s+")
_DOUBLED = re.compile(r"([b-df-hj-np-tv-z])\1")
_ENDINGS = re.compile(r"(?<=[a-z]{5})(?:um|us|[aeo])\b")
_LETTERS = str.maketrans({"y": "i", "k": "c", "-": " "})


def plain(text: str) -> str:
    """A text for comparing names: lower case, dashes and apostrophes folded."""
    return _SPACES.sub(" ", _DASHES.sub("-", text.lower().replace("’", "'"))).strip()


def _bare(text: str) -> str:
    """A text in plain letters, without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain(text)) if not unicodedata.combining(letter))


# what stands between a disease and its organ and tells no more than which side, whose, or which part of it
_WHERE = re.compile(
    r"\b(?:the|left|right|(?<!ectomy )(?<!ectomy, )bilateral(?! (?:salping|oophor|ovari|adnex))|female|male"
    r"|(?:(?:upper|lower)[- ](?:outer|inner) quadrant|central portion|axillary tail|nipple(?: and areola)?"
    r"|overlapping (?:sites?|lesion)|unspecified (?:site|part)) of)\b"
)


_MARKS = re.compile(r"[^\w,'+]+")
_COMMAS = re.compile(r" *,[ ,]*")


def treatment_name(text: str) -> str:
    """A text for comparing names of treatments: words in plain letters, and commas."""
    return _COMMAS.sub(", ", _MARKS.sub(" ", _bare(text))).strip(" ,")


def disease_name(text: str) -> str:
    """A text for comparing names of diseases, without side, sex and part: `Carcinoma of the left breast` is that
    `of breast`."""
    return treatment_name(_WHERE.sub(" ", treatment_name(text)))


def drug_name(text: str) -> str:
    """A text for comparing names of drugs: what differs between languages is folded, too."""
    one_way = _bare(text).replace("ph", "f").replace("th", "t").translate(_LETTERS)
    return _SPACES.sub(" ", _ENDINGS.sub("", _DOUBLED.sub(r"\1", one_way)))


# what stands between the steps of a regimen, around them, and beside a name: how often, how many, what for
_THEN = re.compile(r"[;→>+&]|->|\b(?:then|followed by|and|plus)\b")
_AROUND = re.compile(r"[,:()\[\]|]+")
_BESIDE = re.compile(
    r"\b(?:x ?\d+|\d+ ?x|c\d+(?:d\d+)?|d\d+|q ?\d+ ?w\w*|cycles?|courses?|weekly|biweekly|dose dense|dd|regimen|regime"
    r"|chemotherap\w*|chemo|protocol|schem[ae]|schedule|neo ?adjuvant|adjuvant|palliative|first line|iv|of|\d+)\b"
)
_NUMBERED = re.compile(r"(?<=[a-z]{2})\d+\b")


def regimen_name(text: str) -> str:
    """What is left of a text besides numbers, cycles and words such as `regimen`: `FEC 100 x 3 cycles` is `fec`."""
    bare = _NUMBERED.sub("", plain(_AROUND.sub(" ", text)).replace("-", " "))
    return _SPACES.sub(" ", _BESIDE.sub(" ", bare)).strip()


def steps(text: str) -> Iterator[str]:
    """The names that a text may tell regimens by: all of it, and each of its steps."""
    found = _THEN.split(text.lower())
    yield regimen_name(" ".join(found))
    if len(found) > 1:
        yield from map(regimen_name, found)


# what stands beside the words for a drug and does not tell which: how much, in what form, how often, how it is blinded
_NOT_A_NAME = re.compile(
    r"\b(?:\d+(?:[.,]\d+)?(?: ?(?:m?c?g|ug|ml|iu))?|tab(?:let)?s?|tbl|tabletten?|caps?(?:ules?)?|kapseln?|pills?|oral"
    r"|po|iv|im|sc|(?:intravenous|intramuscular|subcutaneous)(?:ly)?|injections?|injectable|infusions?|solutions?|vials?"
    r"|syringes?|injektion(?:en|slosung)?|infusion(?:en|slosung)|losung|ampullen?"
    r"|daily|qd|bid|arm [a-d]|(?:double |un)?blind(?:ed)?|(?:doppel|ver)blind\w*|open label|nos"
    r"|(?:or|vs) placebo|placebo (?:or|vs))\b"
)
_SIGNS = re.compile(r"[^\w'; ]+")


@lru_cache(8192)
def naming_words(text: str) -> tuple[str, ...]:
    """The parts of a text, bare of doses and forms, that may name a drug: `Study-drug 5 mg` is `study drug`."""
    parts = _NOT_A_NAME.sub(" ", _SIGNS.sub(" ", _bare(text))).split(";")
    return tuple(named for part in parts if (named := _SPACES.sub(" ", part).strip()))
