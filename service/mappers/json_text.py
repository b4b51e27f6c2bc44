"""A document as JSON text: its encoding, keys that stand twice, complaints with line and column, never with content."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jiter
import msgspec
from msgspec import Raw

from service.errors import RecordError

_DOCUMENT = "a FHIR R4 Bundle, resource or list"
_UTF8_BOM = b"\xef\xbb\xbf"


def as_utf8(data: bytes, name: str) -> tuple[bytes, int]:
    """The document as UTF-8 without a byte order mark or leading blanks, and the line it begins on; anything else is
    refused with what it seems to be."""
    if data.startswith(_UTF8_BOM):
        data = data[3:]
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        raise RecordError(f"{name}: UTF-32 text; FHIR JSON is UTF-8", code="wrong-encoding")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise RecordError(f"{name}: UTF-16 text; FHIR JSON is UTF-8", code="wrong-encoding")
    if data[:2] == b"\x1f\x8b":
        raise RecordError(f"{name}: gzip data; unpack it or name it .gz", code="wrong-encoding")
    if data[:4] in (b"PK\x03\x04", b"%PDF"):
        kind = "a zip archive" if data[:2] == b"PK" else "a PDF"
        raise RecordError(f"{name}: {kind}; FHIR JSON was expected", code="wrong-encoding")
    stripped = data.lstrip()
    if not stripped:
        raise RecordError(f"{name}: empty; {_DOCUMENT} was expected", code="empty")
    first_line = data.count(b"\n", 0, len(data) - len(stripped)) + 1
    if stripped[:1] == b"<":
        raise RecordError(f"{name}: XML or HTML; only FHIR JSON is read", code="not-json")
    if b"\x00" in stripped[:64]:
        raise RecordError(f"{name}: binary or UTF-16/32 data; FHIR JSON is UTF-8", code="wrong-encoding")
    if stripped.isascii():
        return stripped, first_line
    try:
        stripped.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = stripped.count(b"\n", 0, problem.start) + first_line
        raise RecordError(f"{name}: line {line} is not UTF-8 (byte {problem.start})", code="wrong-encoding") from None
    return stripped, first_line


def check_keys(data: bytes, name: str, strict: bool) -> None:
    """Refuse a text in which a key stands twice in one object, or which is too deep to be looked through."""
    if not strict:
        return
    problem = duplicate_key(data)
    if not problem:
        return
    if problem.startswith("recursion limit"):
        raise RecordError(f"{name}: nested too deeply to be a FHIR document", code="too-deep")
    if _is_line(name):
        problem = problem.replace(" at line 1, column ", " at column ")
    code = "duplicate-key" if problem.startswith("a key stands twice") else "not-json"
    raise RecordError(f"{name}: {problem}", code=code)


def duplicate_key(raw: Raw | bytes) -> str:
    """What is wrong with the keys of a JSON text: empty, or where one stands twice in one object; never which."""
    try:
        # cache_mode: no text of a patient stays behind in the parser
        jiter.from_json(bytes(raw), catch_duplicate_keys=True, float_mode="lossless-float", cache_mode="keys")
    except ValueError as problem:
        text = str(problem)
        said, _, place = text.rpartition(" at ")
        place = place.replace(" column", ", column")
        if text.startswith("Detected duplicate key"):
            return f"a key stands twice in one object at {place}"
        return text if text.startswith("recursion limit") else f"not JSON at {place}: {said}"
    return ""


def decoded(decode: Any, data: bytes, name: str, first_line: int) -> Any:
    try:
        return decode(data)
    except msgspec.DecodeError as problem:
        raise json_error(data, name, problem, first_line) from None


def json_error(data: bytes, name: str, problem: Exception, first_line: int = 1) -> RecordError:
    """A parser's complaint with line and column; json gives the place, msgspec only the byte."""
    try:
        json.loads(data, parse_constant=_no_constant, parse_int=str)
    except json.JSONDecodeError as at:
        said = at.msg.removesuffix(" starting at").removesuffix(" at")
        return _no_json(name, f"{_where(data, at.pos, name, first_line)}: {said}")
    except ValueError as at:
        return _no_json(name, f"{_byte_of(data, problem, name, first_line)}: {at}")
    except RecursionError:
        return RecordError(f"{name}: nested too deeply to be a FHIR document", code="too-deep")
    if isinstance(problem, msgspec.ValidationError):
        said = in_words(problem).replace("an object was expected,", f"{_DOCUMENT} was expected,", 1)
        return RecordError(f"{name}: {said}", code="not-fhir")
    said = _BYTE.sub("", str(problem)).removeprefix("JSON is malformed: ")
    return _no_json(name, f"{_byte_of(data, problem, name, first_line)}: {said}")


def _no_json(name: str, said: str) -> RecordError:
    return RecordError(f"{name}: not JSON{said}", code="not-json")


_BYTE = re.compile(r" \(byte (\d+)\)")


def _byte_of(data: bytes, problem: Exception, name: str, first_line: int) -> str:
    """The place of msgspec's complaint; empty where it tells none."""
    byte = _BYTE.search(str(problem))
    return _where(data, len(data[: int(byte[1])].decode("utf-8", "replace")), name, first_line) if byte else ""


def _where(data: bytes, position: int, name: str, first_line: int) -> str:
    """A character's place in a text; of one line of a document, which its name tells, the column is enough."""
    before = data.decode("utf-8", "replace")[:position]
    column = position - before.rfind("\n")
    if _is_line(name):
        return f" at column {column}"
    return f" at line {before.count(chr(10)) + first_line}, column {column}"


def _is_line(name: str) -> bool:
    return name.rpartition(", ")[2].startswith("line ")


_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
_IN_WORDS = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null",
}  # fmt: skip


def in_words(problem: Exception) -> str:
    """msgspec's complaint about a value of a wrong type, for a reader who does not know Python's types."""
    found = _EXPECTED.fullmatch(str(problem))
    if found is None:
        return str(problem)
    wanted = " or ".join(_IN_WORDS.get(kind, kind) for kind in found[1].split(" | ") if kind != "null")
    place = f"{found[3]}: " if found[3] else ""
    return f"{place}{wanted} was expected, this is {_IN_WORDS.get(found[2], found[2])}"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def looks_like_lines(data: bytes) -> bool:
    head, found, rest = data.partition(b"\n")
    return bool(found) and head.rstrip().endswith(b"}") and bool(rest.strip())


def iter_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbered lines of an NDJSON text, blank ones left out."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield number, line.strip()
