"""The lines of an eligibility text, put under their headings: which list each is of, and which part of the study."""

import re
from collections.abc import Iterator

import msgspec

from service.authoring.decoding import decoded, lines, one_line
from service.authoring.headings import Heading, heading_of
from service.authoring.markers import Marker, MarkerReader

ENDS = (":", "：")


class Line(msgspec.Struct):
    """A line of text without its marker. `after_blank`: an empty line stands above it, or nothing."""

    indent: int
    text: str
    marker: Marker | None = None
    after_blank: bool = False


class Body(msgspec.Struct):
    """What stands below a heading; `part` is the line above the heading that says whose lists follow ("Part 2:")."""

    heading: Heading
    part: str
    lines: list[Line]
    repeated: bool = False


_INLINE_HEADING = re.compile(
    r"(?<=[.;:)\]])\s*(?=(?:Key |Main |Major )?(?:Inclusion|Exclusion|INCLUSION|EXCLUSION) "
    r"(?:[Cc]riteria|CRITERIA)\s*:)"
    r"|(?<=\S{3})\s+(?=(?:Inclusion|Exclusion|INCLUSION|EXCLUSION) (?:[Cc]riteria|CRITERIA)\s*:\s*(?:1[.)]|\())"
)
# A heading that lost its line break: the last words of a bullet.
_LOST_BREAK = re.compile(
    r"(?<=[a-z0-9.;)])(?<!\bor)(?<!\band)(?<!\bof)(?<!\bfor)(?<!\bthe)(?<!\bto)(?<!\bany)\s+"
    r"(?=(?:Exclusion|EXCLUSION)(?: (?:[Cc]riteria|CRITERIA))?\s*:?\s*$)"
)
_BULLETED = re.compile(r"^\s*(?:\*|-|•|\d+\\?[.)])\s")
_SPEAKS = re.compile(
    r"\b(?:must|should|have|has|is|are|be|no|not|able|willing|with|without|any|history|prior)\b|[<>≤≥=]|\d{2}",
    re.IGNORECASE,
)
_GROUP_NAME = re.compile(
    r"^(?:part|cohort|arm|group|phase|stage|step|sub-?study)\s+[\w()-]{1,12}(?:\s+\S+){0,4}$"
    r"|^(?:healthy|control|normal|patient|study|adult|pediatric)?\s*(?:volunteers|controls|participants|subjects|patients|groups?)$",
    re.IGNORECASE,
)
_LONGEST_TITLE = 60


def bodies(text: str) -> list[Body]:
    """The text under its headings, in its order; what stands before the first heading is undetermined."""
    found = [Body(Heading("undetermined"), "", [])]
    part = ""
    for line in _read(text):
        heading = heading_of(line.text, line.marker is not None, found[-1].heading.section)
        if heading is None:
            found[-1].lines.append(line)
            continue
        part = _taken_part(found[-1].lines) or part
        found.append(Body(heading, part, []))
        if heading.rest:
            marker, rest = MarkerReader().read(heading.rest)
            found[-1].lines.append(Line(0, rest, marker, True))
    return _counted(found)


def _counted(found: list[Body]) -> list[Body]:
    """Lists of one kind that come several times without saying for whom may each be meant for some patients only."""
    for body in found:
        alike = [b for b in found if b.heading.section == body.heading.section and b.lines]
        body.repeated = len(alike) > 1
    return found


def _taken_part(body: list[Line]) -> str:
    """The last line above a heading, where it names the part of the study that the heading belongs to; taken away."""
    last = body[-1] if body else None
    if last is None or last.marker or last.indent or not (last.after_blank or len(body) == 1):
        return ""
    if not ((last.text.endswith(ENDS) and len(last.text) <= 120) or is_title(last.text)):
        return ""
    return body.pop().text.rstrip(" :：")


def is_title(text: str) -> bool:
    """Whether an unmarked line could be the name of a group: short, and without anything that is asked."""
    if len(text) > _LONGEST_TITLE or text.endswith((".", ";", ",")):
        return False
    return not _SPEAKS.search(text)


def is_label(line: Line, following: Line | None, inside: bool) -> bool:
    """Whether an unmarked line names the group of the items after it. `inside`: an item is open that it may go on."""
    if following is None or (line.indent and inside):
        return False
    if line.text.endswith(ENDS) or (_GROUP_NAME.match(line.text) and line.after_blank):
        return True
    return following.marker is not None and line.after_blank and line.text[0].isupper() and is_title(line.text)


def _read(text: str) -> Iterator[Line]:
    reader, blank = MarkerReader(), True
    for raw in lines(text):
        broken = _LOST_BREAK.sub("\n", raw) if _BULLETED.match(raw) else raw
        for part in _INLINE_HEADING.sub("\n", broken).split("\n"):
            content = part.expandtabs(4)
            plain = one_line(decoded(content))
            if not plain:
                blank = True
                continue
            indent = len(content) - len(content.lstrip())
            if content.lstrip().startswith("\\*"):  # a footnote's star, no bullet
                yield Line(indent, plain, None, blank)
            else:
                marker, rest = reader.read(plain)
                yield Line(indent, rest, marker, blank)
            blank = False
