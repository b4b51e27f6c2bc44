"""Headings of a registry's eligibility text: what opens the inclusion list, the exclusion list, or neither."""

import re
from typing import Literal

import msgspec

Section = Literal["inclusion", "exclusion", "undetermined"]


class Heading(msgspec.Struct, frozen=True):
    """A heading: its section, for whom it holds where it says so, and what follows it on the same line."""

    section: Section
    label: str = ""
    rest: str = ""


_LONGEST = 200
_WORD = re.compile(
    r"^(?P<before>.*?)\b(?P<word>non[- ]?inclusion|inclusion|exclusion)(?:ary|s)?\b\s*(?P<criteria>criter\w*)"
    r"?(?P<after>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_TURNED = re.compile(
    r"^criteri\w*\s+(?:for|of)\s+(?P<word>non[- ]?inclusion|inclusion|exclusion)\s*(?P<after>.*)$", re.IGNORECASE
)
_BOTH = re.compile(
    r"\binclusion\b.{0,20}\b(?:and|or|&)\s*(?:the\s+)?exclusion\b|inclusion\s*/\s*exclusion", re.IGNORECASE
)
_PLAIN = re.compile(
    r"^(?:(?:key|main|major|general|overall|primary|principal|important|selected|common|specific|the|study|trial|"
    r"protocol|other|patient|patients|subject|subjects|participant|participants|eligibility)\s+)*$",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"\b(?:meets?|met|meeting|must|should|will|fulfil\w*|satisf\w*|does|do|not|who|whose|if|have|has|is|are|was|with|"
    r"any|all|of|the|these|other|than|per|see|without|except)\b",
    re.IGNORECASE,
)
_FOLLOWING = re.compile(r"\bfollowing\b", re.IGNORECASE)
_INTRODUCES = re.compile(
    r"^\s*(?:are|include|includes|included|including|consists? of|will be|were)?\s*(?:as follows|the following|"
    r"following)?"
    r"\s*[:：.]?\s*$",
    re.IGNORECASE,
)
_LISTS = re.compile(r"^\s*(?:are|include|includes|included)\s*:?\s+(?P<rest>\S.*)$", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(r"^\s*\(?(?:[0-9]{1,2}|[ivxIVX]{1,4}|[A-Za-z])[.)]\s*")
_COLON = re.compile(r"^\s*[:：;]\s*(?P<rest>.*)$|^\s*[-–—]+\s*(?P<dash>.*)$", re.DOTALL)
_FOR_WHOM = re.compile(
    r"^\s*(?:\(|[-–—,]*\s*(?:for|in|of|part|cohort|arm|phase|group|stage|step|applicable|all|both)\b)", re.IGNORECASE
)
_ONLY_WHOM = re.compile(
    r"^(?:(?:for|all|both)\b[^:]{0,80}:|\([^()]{0,80}\)\s*:?|(?:part|cohort|arm|phase|group|stage|step)"
    r"\s+\w{1,4}\s*:?)$",
    re.IGNORECASE,
)
_ALL_OF = re.compile(
    r"\b(?:must|should|shall|need to|has to|have to|required to)\s+(?:meet|fulfil\w*|satisfy)\b.*\b(?:following|"
    r"criteria)\b"
    r"|\bto be (?:eligible|included)\b.*\b(?:must|following)\b|\b(?:are|is|be) (?:eligible|included) if\b",
    re.IGNORECASE,
)
_EXCLUDES = re.compile(
    r"\b(?:will be|are|is|be|were)\s+(?:excluded|ineligible|not eligible|not be eligible)\b|\bnot be (?:eligible|"
    r"included)\b"
    r"|\b(?:must|should|may|can)\s?not\s+(?:meet|have|fulfil\w*)\s+any\b|\bcannot (?:participate|be included)\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"^(?:elimination|withdrawal|discontinuation|termination|removal|drop-?out|stopping|suspension|rescue|"
    r"re-?treatment|"
    r"randomi[sz]ation)\s+criteri\w*\b",
    re.IGNORECASE,
)


def heading_of(text: str, marked: bool, section: Section) -> Heading | None:
    """The heading that a decoded line is, or None. `marked`: it stands behind a bullet or number, where only the plain
    forms count: "* Patient meets the inclusion criteria" is a criterion. `section`: where the line stands."""
    plain = text.strip().strip("*_#").strip()
    if _BOTH.search(plain) and len(plain) <= _LONGEST:
        return _of_both(plain, marked)
    return _of_word(plain, marked) or (None if marked else _of_sentence(plain, section))


def _of_both(plain: str, marked: bool) -> Heading | None:
    """Both lists under one heading: which of them an item belongs to is not told."""
    bare = re.sub(r"[^a-z ]", " ", plain.lower())
    words = set(bare.split()) - {"key", "main", "general", "study", "the", "and", "or", "criteria", "criterion"}
    return Heading("undetermined") if words <= {"inclusion", "exclusion"} and not marked else None


def _of_word(plain: str, marked: bool) -> Heading | None:
    found = _TURNED.match(plain) or _WORD.match(plain)
    if found is None:
        return None
    groups = found.groupdict()
    before, after = _NUMBERED.sub("", groups.get("before") or ""), groups["after"]
    section: Section = "inclusion" if groups["word"].lower() == "inclusion" else "exclusion"
    if "before" in groups and not groups["criteria"]:
        return _of_bare_word(section, before, after)
    if not _PLAIN.match(before) and _SAYS.search(before):
        opens = not marked and len(plain) <= _LONGEST and after.strip() in (":", "：") and _FOLLOWING.search(before)
        return Heading(section, plain.rstrip(" :：")) if opens else None
    if len(before.split()) > 8 or len(before) > 80:
        return None
    label = "" if _PLAIN.match(before) else before.strip(" :-–—")
    return _with_rest(section, label, after, marked)


def _of_bare_word(section: Section, before: str, after: str) -> Heading | None:
    """`Inclusion:` and `Exclusions`, without the word criteria."""
    if not _PLAIN.match(before):
        return None
    if not after.strip():
        return Heading(section)
    return Heading(section, rest=after.strip()[1:].strip()) if after.strip()[0] in ":：" else None


def _with_rest(section: Section, label: str, after: str, marked: bool) -> Heading | None:
    if _INTRODUCES.match(after):
        return Heading(section, label)
    if colon := _COLON.match(after):
        rest = (colon["rest"] or colon["dash"] or "").strip()
        if colon["dash"] and _FOR_WHOM.match(rest) and len(rest) <= 120 and not rest.endswith("."):
            return Heading(section, _joined(label, rest))
        if _ONLY_WHOM.match(rest):
            return Heading(section, _joined(label, rest))
        return Heading(section, label, rest)
    if _FOR_WHOM.match(after) and len(after) <= 100 and not after.rstrip().endswith((".", ";", ",")):
        whom, colon_sign, rest = after.partition(":")
        return Heading(section, _joined(label, whom.strip()), rest.strip() if colon_sign else "")
    if not marked and after.rstrip().endswith((":", "：")) and len(after.split()) <= 4 and not _SAYS.search(after):
        return Heading(section, _joined(label, after.rstrip(" :：")))
    if not marked and not label and re.match(r"\s+[A-Z][a-z]*\s", after):
        return Heading(section, label, after.strip())
    if not marked and (listed := _LISTS.match(after)):
        return Heading(section, label, listed["rest"])
    return None


def _joined(label: str, more: str) -> str:
    return " ".join(part for part in (label, more.strip(" :-–—")) if part)


def _of_sentence(plain: str, section: Section) -> Heading | None:
    """Sentences that say without the usual words which list they open."""
    if len(plain) > _LONGEST:
        return None
    if _OTHER.match(plain):
        return Heading("undetermined", plain.rstrip(" :"))
    ends = plain.endswith((":", "："))
    if ends and section != "exclusion" and _EXCLUDES.search(plain):
        return Heading("exclusion", plain.rstrip(" :："))
    opens = ends or re.search(r"criteria\.?$", plain, re.IGNORECASE)
    if opens and section == "undetermined" and _ALL_OF.search(plain) and not _EXCLUDES.search(plain):
        return Heading("inclusion", plain.rstrip(" :："))
    return None
