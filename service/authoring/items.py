"""The eligibility text of a registry record as items: every bullet, number and unmarked criterion, nested as it stands,
with the list it belongs to. Nothing is left out: what is no heading and no group's label is an item or part of one.
"""

import re
from collections.abc import Iterator

import msgspec

from service.authoring.headings import Section
from service.authoring.markers import enumerated_within
from service.authoring.sections import ENDS, Body, Line, bodies, is_label

LETTERS: dict[Section, str] = {"inclusion": "I", "exclusion": "E", "undetermined": "U"}
MAX_DEPTH = 8
_COLONS = " :："


class Item(msgspec.Struct, frozen=True):
    """One item of a list: its place (`I3`, `I3.1`), its own words, and what stands above it.

    `label`: the group it stands under, of a heading or of a line that ends in a colon; `leads`: the items it is nested
    in, outermost first; `parent`: whether further items are nested in it; `qualified`: whether it does not stand alone:
    the item after it speaks of an exception, the one before it is left unfinished, or its list is one of several;
    `arm`: the arm of the trial that the label names.
    """

    place: str
    section: Section
    text: str
    label: str = ""
    leads: tuple[str, ...] = ()
    parent: bool = False
    qualified: bool = False
    arm: str = ""

    @property
    def headed(self) -> str:
        """The item with the label it stands under, as its digest is made of."""
        return f"{self.label}: {self.text}" if self.label else self.text


class _Draft(msgspec.Struct):
    """An item while further lines may still belong to it."""

    place: str
    section: Section
    text: str
    label: str
    leads: list["_Draft"]
    children: int = 0
    qualified: bool = False


class _Open(msgspec.Struct):
    """An item that may still have others nested in it."""

    indent: int
    kind: str
    item: _Draft


_EXCEPTION = re.compile(
    r"^\W*(?:exceptions?|except|unless|note|n\.?b\.?|however|provided|otherwise|but|these|this|such|if|in cases?|"
    r"or|and/or|(?:for )?(?:patients|subjects|participants|those|women|men|individuals)\b.*\b(?<!not )(?<!not be )"
    r"(?:eligible|allowed|permitted|acceptable|may(?! not)|exempt))\b",
    re.IGNORECASE,
)
_UNFINISHED = {
    "inclusion": re.compile(r"\b(?:or|and/or|of|with|to|the|by|than|either|if|unless|in|for)\W*$", re.IGNORECASE),
    "exclusion": re.compile(r"\b(?:and|and/or|of|with|to|the|by|than|either|if|unless|in|for)\W*$", re.IGNORECASE),
}
_BULLETS = frozenset("*-o•·▪▫◦●○■□")
_TITLED = frozenset("iA")  # roman numerals and capitals stand before titles


def items_of(text: str) -> tuple[Item, ...]:
    """The items of an eligibility text, in its order. An empty marker is no item."""
    builder = _Builder()
    for body in bodies(text):
        builder.section(body)
    builder.part("")
    return tuple(_finished(builder.drafts))


def _finished(drafts: list[_Draft]) -> Iterator[Item]:
    for number, draft in enumerate(drafts):
        before = drafts[number - 1] if number else None
        after = drafts[number + 1] if number + 1 < len(drafts) else None
        excepted = after is not None and after.section == draft.section and _EXCEPTION.match(after.text)
        nested = bool(draft.leads) and draft.leads[-1] is before
        begun = before is not None and not nested and before.section == draft.section and _left_open(before)
        yield Item(
            draft.place,
            draft.section,
            draft.text,
            draft.label,
            tuple(lead.text for lead in draft.leads),
            draft.children > 0,
            draft.qualified or bool(excepted or begun),
        )


def _left_open(draft: _Draft) -> bool:
    """Whether an item ends in mid-sentence. Excluded things are listed with "or", wanted ones with "and"."""
    pattern = _UNFINISHED.get(draft.section)
    return pattern is not None and bool(pattern.search(draft.text))


class _Builder:
    """Puts lines together into items, section after section. Places are counted on through headings of one kind."""

    def __init__(self) -> None:
        self.drafts: list[_Draft] = []
        self._counts: dict[str, int] = {}
        self._open: list[_Open] = []
        self._body = Body(bodies("")[0].heading, "", [])
        self._group = ""
        self._colon = ""
        self._unused = ""
        self._labelled_at = 0

    def part(self, name: str) -> None:
        """Another part of the study begins. The name of one that had no item is an item itself: nothing is dropped."""
        if self._unused:
            self._body, self._open, self._group, self._colon = Body(bodies("")[0].heading, "", []), [], "", ""
            self._add(self._unused, 0, "")
        self._unused = name

    def section(self, body: Body) -> None:
        if body.part != self._body.part:
            self.part(body.part)
        self._body, self._group, self._colon, self._open = body, "", "", []
        rows = list(_joined_markers(body.lines))
        alone = _unmarked_are_items(rows)
        for number, line in enumerate(rows):
            following = rows[number + 1] if number + 1 < len(rows) else None
            if line.marker:
                self._marked(line, following)
            elif is_label(line, following, bool(self._open)):
                self._label_group(line.text.rstrip(_COLONS))
            else:
                self._unmarked(line, alone)

    def _label_group(self, name: str) -> None:
        """Another group begins; a label that had no item stays before the one that follows it at once."""
        waiting = self._group if self._group and len(self.drafts) == self._labelled_at else ""
        self._group, self._colon, self._open = f"{waiting}; {name}" if waiting else name, "", []
        self._labelled_at = len(self.drafts)

    def _marked(self, line: Line, following: Line | None) -> None:
        assert line.marker is not None
        beside = following.marker if following and following.indent == line.indent else None
        for part in enumerated_within(line.text, line.marker, beside):
            self._place(line.indent, line.marker.kind)
            self._add(part, line.indent, line.marker.kind)
        self._colon_lead(line, following)

    def _colon_lead(self, line: Line, following: Line | None) -> None:
        """A bullet that ends in a colon without anything nested in it speaks of those after it on its own level."""
        if line.text.endswith(ENDS) and following and following.marker and following.indent <= line.indent:
            assert line.marker is not None
            if following.marker.kind == line.marker.kind:
                self._colon = line.text.rstrip(_COLONS)

    def _unmarked(self, line: Line, alone: bool) -> None:
        parent = self._continued(line)
        if parent is None or (alone and line.indent == 0 and not _goes_on(line.text, parent.text)):
            self._open = []
            for part in enumerated_within(line.text, None, None):
                self._open = []
                self._add(part, line.indent, "")
            return
        if line.after_blank and _EXCEPTION.match(line.text):
            parent.qualified = True
        parent.text = f"{parent.text} {line.text}"
        self.drafts[-1].qualified = self.drafts[-1].qualified or self.drafts[-1] is not parent

    def _continued(self, line: Line) -> _Draft | None:
        """The item that an unmarked line goes on with: the innermost that it is indented under, else the last one of
        the outermost level, unless others are nested in that."""
        inside = [one for one in self._open if one.indent < line.indent]
        if inside:
            return inside[-1].item
        return self._open[0].item if len(self._open) == 1 else None

    def _place(self, indent: int, kind: str) -> None:
        """Close the items that one of this indent and marker is not nested in. On one level, bullets are
        nested in a roman numeral's or a capital's item, and any other kind of marker in one that ends in a colon."""
        while self._open and self._open[-1].indent > indent:
            self._open.pop()
        if not self._open or self._open[-1].indent < indent:
            return
        alike = [n for n, one in enumerate(self._open) if one.indent == indent and one.kind == kind]
        last = self._open[-1]
        if alike:
            del self._open[alike[-1] :]
        elif not (last.item.text.endswith(ENDS) or (kind in _BULLETS and last.kind in _TITLED)):
            self._open.pop()

    def _add(self, text: str, indent: int, kind: str) -> None:
        section = self._body.heading.section
        leads = [one.item for one in self._open][-MAX_DEPTH:]
        if leads:
            leads[-1].children += 1
            place = f"{leads[-1].place}.{leads[-1].children}"
        else:
            letter = LETTERS[section]
            self._counts[letter] = self._counts.get(letter, 0) + 1
            place = f"{letter}{self._counts[letter]}"
        draft = _Draft(place, section, text, self._label(), leads, 0, self._body.repeated)
        self.drafts.append(draft)
        self._open.append(_Open(indent, kind, draft))
        self._unused = ""

    def _label(self) -> str:
        above = (self._body.part, self._body.heading.label, self._group, self._colon)
        return "; ".join(part for part in above if part)


def _joined_markers(body: list[Line]) -> Iterator[Line]:
    """A marker alone on its line belongs to the unmarked line right below it; without one it is nothing."""
    empty: Line | None = None
    for line in body:
        if line.marker and not line.text:
            empty = line
            continue
        if empty and not line.marker and not line.after_blank:
            line = msgspec.structs.replace(line, marker=empty.marker, indent=empty.indent)
        empty = None
        yield line


def _unmarked_are_items(body: list[Line]) -> bool:
    """Whether unmarked lines of this section are items of their own rather than parts of the bullet above."""
    plain = [line for line in body if not line.marker and line.indent == 0 and not line.text.endswith(ENDS)]
    marked = [line for line in body if line.marker and line.indent == 0]
    return (len(plain) >= 2 and len(plain) >= len(marked)) or not any(line.marker for line in body)


def _goes_on(text: str, before: str) -> bool:
    """Whether a line is the rest of a sentence that the line before began."""
    return bool(re.match(r"[a-z(),;]", text)) and not before.endswith((".", ";"))
