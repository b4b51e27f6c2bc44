"""Markers of a list: bullets, numbers, letters and roman numerals, as registries and word processors write them."""

import re

import msgspec


class Marker(msgspec.Struct, frozen=True):
    """What kind of marker a line begins with (`*`, `-`, `1`, `a`, `A`), and its place in its own sequence."""

    kind: str
    value: int = 0


_BULLET = re.compile(r"^(?:(?P<star>\*)(?:\s+|(?=[^\s*]))|(?P<sign>[•·▪▫◦●○■□◆◇►▶➢➤‣⁃∙✓✔❖\uf000-\uf0ff])+\s*)")
_DASH = re.compile(r"^(?:[-–—−]+\s+|[-–—−](?=[^\s\d.<>=≤≥-]))")
_LONE = re.compile(r"^(?:[-–—−*•·▪◦●○■□➢►‣]+|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s*$")
_LETTER_O = re.compile(r"^o\s+(?=[A-Z])")
_NUMBER = re.compile(r"^(?:\((?P<round>\d{1,3})\)|(?P<plain>\d{1,3})\s?[.)]\)?)(?:\s+|(?=[^\s\d.,)%]))")
_NUMBER_DASH = re.compile(r"^(?P<plain>\d{1,2})\s?[-–:]\s*(?=[A-Za-z(≥≤])")
_LETTER = re.compile(r"^(?:\((?P<round>[a-zA-Z])\)|(?P<plain>[a-zA-Z])(?:\)|\.(?=\s|[A-Z])))\s*(?=\S)")
_INITIAL = re.compile(r"^[A-Z]\.\s*[a-z]")  # of a name: `E. coli`
_ROMAN = re.compile(r"^\(?(?P<roman>[ivx]{2,5}|[IVX]{2,5})[.)]\s*(?=\S)")


class MarkerReader:
    """Reads the markers of consecutive lines. What could be a word (`A. baumannii`, `24-hour`) is a marker only where
    it goes on a sequence, or begins one."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def read(self, content: str) -> tuple[Marker | None, str]:
        """The marker of a line, and the text behind it; a doubled marker (`* 1.`, `* -`) is one."""
        marker, text = self._one(content)
        if marker is None:
            return None, content
        if (
            marker.kind == "1"
            and (again := _NUMBER.match(text))
            and int(again["round"] or again["plain"]) == marker.value
        ):
            return marker, text[again.end() :].strip()
        if marker.kind in ("*", "-"):
            inner, rest = self._inner(text)
            return marker, rest if inner else text
        return marker, text

    def _one(self, content: str) -> tuple[Marker | None, str]:
        if _LONE.match(content):
            return Marker("-"), ""
        if content[0] in _CIRCLED:
            return Marker("①", _CIRCLED.index(content[0]) + 1), content[1:].strip()
        content = _plain_brackets(content)
        for pattern, kind in ((_BULLET, "*"), (_DASH, "-"), (_LETTER_O, "o")):
            if found := pattern.match(content):
                return Marker(found.groupdict().get("sign") or kind), content[found.end() :].strip()
        return self._enumerated(content)

    def _inner(self, text: str) -> tuple[Marker | None, str]:
        """A second marker behind a bullet; an ordinal or an initial is none."""
        if _LONE.match(text):
            return Marker("-"), ""
        if found := _BULLET.match(text) or _DASH.match(text):
            return Marker("-"), text[found.end() :].strip()
        marker, rest = self._enumerated(text, "*")
        return (marker, rest) if marker else (None, text)

    def _enumerated(self, content: str, family: str = "") -> tuple[Marker | None, str]:
        if found := _NUMBER.match(content):
            value = int(found["round"] or found["plain"])
            if not family or self._continues(f"{family}1", value):
                return self._take("1", value, family), content[found.end() :].strip()
        if (found := _NUMBER_DASH.match(content)) and self._continues(f"{family}1", int(found["plain"])):
            return self._take("1", int(found["plain"]), family), content[found.end() :].strip()
        if found := _ROMAN.match(content):
            return self._take("i", _roman(found["roman"].lower()), family), content[found.end() :].strip()
        return self._lettered(content, family)

    def _lettered(self, content: str, family: str) -> tuple[Marker | None, str]:
        found = _LETTER.match(content)
        if found is None or _INITIAL.match(content) or re.match(r"(?:e\.\s?g|i\.\s?e)\b", content, re.IGNORECASE):
            return None, content
        letter = found["round"] or found["plain"]
        if letter == "I" and not self._continues(f"{family}A", 9):
            return self._take("i", 1, family), content[found.end() :].strip()
        if letter in "ivx" and letter != "i" and self._continues(f"{family}i", _roman(letter)):
            return self._take("i", _roman(letter), family), content[found.end() :].strip()
        kind, value = ("a" if letter.islower() else "A"), ord(letter.lower()) - ord("a") + 1
        sure = letter.islower() or content.startswith(("(", f"{letter})"))
        if sure or self._continues(f"{family}{kind}", value):
            return self._take(kind, value, family), content[found.end() :].strip()
        return None, content

    def _continues(self, kind: str, value: int) -> bool:
        return value == 1 or value == self._last.get(kind, -1) + 1

    def _take(self, kind: str, value: int, family: str) -> Marker:
        self._last[f"{family}{kind}"] = value
        return Marker(kind, value)


def _plain_brackets(content: str) -> str:
    """The first signs with the brackets and stops of an Asian keyboard as the usual ones."""
    return content[:5].translate(str.maketrans("（）．、", "()..")) + content[5:]


def _roman(text: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10}[sign] for sign in text]
    return sum(-v if any(v < later for later in values[n + 1 :]) else v for n, v in enumerate(values))


_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def enumerated_within(text: str, marker: Marker | None, beside: Marker | None) -> list[str]:
    """The parts of a line on which further numbers follow its own: at least two of them, those that the next line of
    its level (`beside`) shows to be missing, or any that are circled. One part where it is a single item."""
    kind, value = (marker.kind, marker.value) if marker else ("", 1)
    if kind != "1":
        return _circled(text, value if kind == "①" else 1)
    cuts: list[tuple[int, int]] = []
    wanted, at = value + 1, 0
    while found := re.compile(rf"(?:(?<=\s)|(?<=[.;,:)])){wanted}[.)]\s*(?=[^\s\d.,)])").search(text, at):
        cuts.append((found.start(), found.end()))
        wanted, at = wanted + 1, found.end()
    missed = beside is not None and beside.kind == "1" and beside.value == wanted
    gap = bool(cuts) and missed and text[: cuts[0][0]].rstrip()[-1:] in ".;,:)"
    return _parts(text, cuts) if len(cuts) >= 2 or gap else _circled(text, 1)


def _circled(text: str, value: int) -> list[str]:
    cuts: list[tuple[int, int]] = []
    at = 0
    while value < len(_CIRCLED) and (start := text.find(_CIRCLED[value], at)) > 0:
        cuts.append((start, start + 1))
        value, at = value + 1, start + 1
    return _parts(text, cuts)


def _parts(text: str, cuts: list[tuple[int, int]]) -> list[str]:
    """A text without its cuts."""
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text)]
    return [part for start, end in zip(starts, ends, strict=True) if (part := text[start:end].strip())]
