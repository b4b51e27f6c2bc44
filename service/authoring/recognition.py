"""From an item's words to a rule of the trial language, or to none. Only a text that is understood as a whole becomes a
rule; of a list of independent demands those that are understood do, with the rest beside them for a person to judge.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from service.authoring.binding import bound
from service.authoring.items import Item
from service.authoring.leads import Side, inherited_window, neutral
from service.authoring.measures import inputs_of, read_limit
from service.authoring.persons import Person, read_ecog, read_person, read_pregnancy, read_pregnancy_test
from service.authoring.phrases import Window
from service.authoring.registry import Record
from service.authoring.therapies import read_diagnosis, read_drugs, read_washout
from service.criteria.lexicon import Lexicon

Rule = dict[str, Any]


class Reading(msgspec.Struct, frozen=True):
    """What was read from an item: rules that must all pass, and the words that are left for a person.

    `person`: an age or sex that the text asks for, also where no rule came of it.
    """

    rules: tuple[Rule, ...] = ()
    rest: str = ""
    person: Person | None = None

    @property
    def rule(self) -> Rule | None:
        """One rule with what is left beside it; None where nothing was understood."""
        if not self.rules:
            return None
        parts = [*self.rules, *([{"review": self.rest}] if self.rest else [])]
        return parts[0] if len(parts) == 1 else {"all-of": parts}


NOTHING = Reading()
_MAX_WORDS = 600  # characters; no single demand is longer, and none of the patterns needs to look at more
_MAX_PIECES = 12
_CUT = re.compile(r"(;\s+and\s+|;\s+|\.\s+(?=[A-Z])|,\s+and\s+|\s+and\s+|\s+&\s+|,\s+)")
_CUT_EXCLUDED = re.compile(r"(;\s+or\s+|;\s+|,\s+or\s+|,\s+and/or\s+|\s+and/or\s+|\s+or\s+|,\s+)")
_LEAD = re.compile(
    r"^(?P<lead>[^:(]{3,160}?)(?::\s+|,?\s+(?:as\s+)?(?:defined|evidenced|demonstrated|shown|indicated|assessed)"
    r"\s+(?:as|by)\s*:?\s+)(?P<body>.+)$"
)
_BRACKETED = re.compile(r"^(?P<lead>[^:(]{3,120}?)\s*\((?P<body>[^()]*(?:\([^()]*\)[^()]*)*)\)\.?$")
_TIMED = re.compile(r"\b(?:within|during|prior to|before|in (?:the )?(?:last|past|previous))\b", re.IGNORECASE)
_CLOSING = re.compile(r"[\s;,.]*(?:(?<=[;,.\s])(?:and|or))?[\s;,.]*$", re.IGNORECASE)


def read_item(item: Item, record: Record, lexicon: Lexicon) -> Reading:
    """What an item of a known list asks for, as rules; nothing where its place or its neighbours change its meaning."""
    if item.section == "undetermined" or item.parent or item.qualified or len(item.text) > _MAX_WORDS:
        return NOTHING
    if not _alone(item):
        return NOTHING
    window = inherited_window([item.label, *item.leads])
    return _Reader(item.section, record, lexicon, window).read(item.text)


def read_age(item: Item, record: Record) -> Person | None:
    """The age or sex that an item speaks of, wherever it stands: to hold it against the registry's fields."""
    if item.section == "exclusion" or len(item.text) > _MAX_WORDS:
        return None
    return read_person(_stripped(item.text, "inclusion"), "inclusion", record.minimum_age, record.maximum_age)


def _alone(item: Item) -> bool:
    """Whether all that stands above an item is neutral."""
    side: Side = "inclusion" if item.section == "inclusion" else "exclusion"
    above = [*item.leads, *([item.label] if item.label and not item.arm else [])]
    return all(neutral(lead, side) for lead in above)


def _stripped(text: str, side: Side) -> str:
    """A text without the "; and" that joins wanted things to the next, or the "; or" that joins excluded ones. Joined
    the other way it is no demand by itself."""
    closing = _CLOSING.search(text)
    joins = r"\bor\b" if side == "inclusion" else r"(?<!/)\band\b(?!/)"
    return text if closing is None or re.search(joins, closing[0], re.IGNORECASE) else text[: closing.start()]


class _Reader:
    def __init__(self, side: Side, record: Record, lexicon: Lexicon, window: Window | None) -> None:
        self._side, self._record, self._lexicon, self._window = side, record, lexicon, window

    def read(self, text: str) -> Reading:
        words = _stripped(text, self._side)
        return self._whole(words) or self._in_lead(words) or self._in_pieces(words) or NOTHING

    def _whole(self, words: str) -> Reading | None:
        """The words as one demand."""
        for read in (self._limit, self._person, self._pregnancy):
            if found := read(words):
                return found
        plain: tuple[Callable[[], Rule | None], ...] = (
            lambda: read_ecog(words, self._side, self._window),
            lambda: read_pregnancy_test(words, self._side),
            lambda: read_washout(words, self._side, self._lexicon),
            lambda: read_drugs(words, self._side, self._lexicon),
            lambda: read_diagnosis(words, self._side, self._lexicon),
        )
        rule = next((rule for one in plain if (rule := one())), None)
        return Reading((rule,)) if rule else None

    def _limit(self, words: str) -> Reading | None:
        found = read_limit(words, self._side, self._lexicon, self._window)
        return Reading((found.rule,), found.rest) if found else None

    def _person(self, words: str) -> Reading | None:
        person = read_person(words, self._side, self._record.minimum_age, self._record.maximum_age)
        if person is None:
            return None
        doubtful = person.strict or (person.sex in ("female", "male") and self._record.sex != person.sex.upper())
        return Reading((), "", person) if doubtful else Reading(tuple(person.rules()), "", person)

    def _pregnancy(self, words: str) -> Reading | None:
        found = read_pregnancy(words, self._side)
        return Reading((found[0],), found[1]) if found else None

    def _in_lead(self, words: str) -> Reading | None:
        """`Adequate marrow function: ANC ≥ …, platelets ≥ …`: what stands behind a lead that adds nothing."""
        found = _LEAD.match(words) or _BRACKETED.match(words)
        if found is None or not neutral(found["lead"], self._side):
            return None
        window = inherited_window([found["lead"]]) or self._window
        inner = _Reader(self._side, self._record, self._lexicon, window)
        return inner._whole(found["body"]) or inner._in_pieces(found["body"])

    def _in_pieces(self, words: str) -> Reading | None:
        """Several demands in one text; each piece must be understood, or be free of words that bind it to another."""
        parts = (_CUT if self._side == "inclusion" else _CUT_EXCLUDED).split(words)
        pieces, joints = parts[0::2], parts[1::2]
        if not 1 < len(pieces) <= _MAX_PIECES:
            return None
        read, unread = self._longest(pieces, joints)
        inputs = {name for reading in read for rule in reading.rules for name in inputs_of(rule)}
        if not read or any(bound(piece, self._side, inputs) for piece in unread) or self._shared_window(pieces):
            return None
        person = next((reading.person for reading in read if reading.person), None)
        rules = tuple(rule for reading in read for rule in reading.rules)
        rest = words if unread or any(reading.rest for reading in read) else ""
        return Reading(rules, rest, person)

    def _longest(self, pieces: list[str], joints: list[str]) -> tuple[list[Reading], list[str]]:
        """From the left, the longest run of pieces that is understood as one demand; and what is not."""
        read: list[Reading] = []
        unread: list[str] = []
        at = 0
        while at < len(pieces):
            for end in range(len(pieces), at, -1):
                joined = "".join(
                    piece + joint for piece, joint in zip(pieces[at:end], [*joints[at : end - 1], ""], strict=True)
                )
                if found := self._piece(joined):
                    read.append(found)
                    at = end
                    break
            else:
                unread.append(pieces[at])
                at += 1
        return read, unread

    def _piece(self, words: str) -> Reading | None:
        """A demand that says all of itself: a limit, a score, an age. Names of drugs and diagnoses share their
        conditions with their neighbours, so they are not read from a piece."""
        if found := self._limit(words):
            return found
        if (found := self._person(words)) and found.rules and self._side == "inclusion":
            return found
        rule = read_ecog(words, self._side, self._window)
        return Reading((rule,)) if rule else None

    def _shared_window(self, pieces: list[str]) -> bool:
        """Whether a window stands in the last piece only, and so may be meant for all of them."""
        timed = [bool(_TIMED.search(piece)) for piece in pieces]
        return timed[-1] and not all(timed)
