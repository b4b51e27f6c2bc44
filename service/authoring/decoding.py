"""The registry's text as it was meant: backslash escapes first, then HTML entities, then what no file may hold."""

import html
import re
import unicodedata

_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")  # CommonMark: a backslash before ASCII punctuation stands for that sign
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_BARE_ENTITY = re.compile(r"&(lt|gt|le|ge)\b(?!;)")  # typed by hand, the semicolon forgotten
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNWRITABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decoded(text: str) -> str:
    """One line of registry text in plain signs: `\\&lt;` is `<`, `10\\^9` is `10^9`."""
    plain = _ESCAPE.sub(r"\1", text)
    plain = _BARE_ENTITY.sub(r"&\1;", _ENTITY.sub(_sign, plain))
    return printable(_ENTITY.sub(_sign, plain))


def _sign(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def printable(text: str) -> str:
    """The text without what a YAML file may not hold: control signs become blanks, broken surrogates U+FFFD."""
    return _UNWRITABLE.sub(lambda found: " " if unicodedata.category(found[0]) == "Cc" else "\ufffd", text)


def one_line(text: str) -> str:
    """Every run of white space as one blank."""
    return " ".join(text.split())


def lines(text: str) -> list[str]:
    """The lines of a text, whatever ends them."""
    return _BREAKS.sub("\n", text).split("\n")
