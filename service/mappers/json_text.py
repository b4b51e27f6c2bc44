"""A document as JSON text: its encoding, keys that stand twice, complaints with line and column, never with content."""

import json
from collections.abc import Iterator
from typing import Any

import jiter
import msgspec
from msgspec import Raw

from service.errors import RecordError

_UTF8_BOM = b"\xef\xbb\xbf"


def as_utf8(data: bytes, name: str) -> tuple[bytes, int]:
    """The document as UTF-8 without a byte order mark or leading blanks, and the line it begins on; anything else is
    refused with what it seems to be."""
    if data.startswith(_UTF8_BOM):
        data = data[3:]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise RecordError(f"{name}: UTF-16 text; FHIR JSON is UTF-8", code="wrong-encoding")
    if data[:2] == b"\x1f\x8b":
        raise RecordError(f"{name}: gzip data; unpack it or name it .gz", code="wrong-encoding")
    stripped = data.lstrip()
    if not stripped:
        raise RecordError(f"{name}: empty; a FHIR R4 Bundle, resource or list was expected", code="empty")
    first_line = data.count(b"\n", 0, len(data) - len(stripped)) + 1
    if stripped[:1] == b"<":
        raise RecordError(f"{name}: XML; only FHIR JSON is read", code="not-json")
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
    code = "duplicate-key" if problem.startswith("a key stands twice") else "not-json"
    raise RecordError(f"{name}: {problem}", code=code)


def duplicate_key(raw: Raw | bytes) -> str:
    """What is wrong with the keys of a JSON text: empty, or where one stands twice in one object; never which."""
    try:
        # cache_mode: no text of a patient stays behind in the parser
        jiter.from_json(bytes(raw), catch_duplicate_keys=True, float_mode="lossless-float", cache_mode="keys")
    except ValueError as problem:
        text = str(problem)
        place = text.rpartition(" at ")[2]
        if text.startswith("Detected duplicate key"):
            return f"a key stands twice in one object at {place}"
        return text if text.startswith("recursion limit") else f"not JSON ({text})"
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
        line = at.lineno + first_line - 1
        return RecordError(f"{name}: not JSON at line {line}, column {at.colno}: {at.msg}", code="not-json")
    except ValueError as at:
        return RecordError(f"{name}: not JSON: {at}", code="not-json")
    except RecursionError:
        return RecordError(f"{name}: nested too deeply to be a FHIR document", code="too-deep")
    if isinstance(problem, msgspec.ValidationError):
        return RecordError(f"{name}: {problem}", code="not-fhir")
    return RecordError(f"{name}: not JSON: {problem}", code="not-json")


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
