"""How a resource's elements match one value of a search parameter: tokens, references and dates of FHIR R4."""

from collections.abc import Callable
from typing import Any

from service.demo.moments import COMPARISONS, span_of, span_of_element
from service.demo.parameters import Parameter

Test = Callable[[Any], bool]


def split(text: str, mark: str) -> list[str]:
    """The parts of a search value between unescaped marks; a backslash escapes the character after it, and stays."""
    parts = [""]
    escaped = False
    for character in text:
        if character == mark and not escaped:
            parts.append("")
        else:
            parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def unescape(text: str) -> str:
    """A part of a search value as it was meant: `\\,` is a comma."""
    out, escaped = "", False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
        else:
            out, escaped = out + character, False
    return out


def test_of(parameter: Parameter, value: str, base: str) -> Test:
    """Whether an element matches one alternative of a parameter's value. ValueError where the value is malformed.

    `base` is the endpoint's own address: a reference below it is one of its own.
    """
    match parameter.kind:
        case "token":
            return _token_test(value)
        case "reference":
            return _reference_test(unescape(value), parameter.target, base)
        case "date":
            return _date_test(unescape(value))


def _token_test(value: str) -> Test:
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) > 2 or not any(parts):
        raise ValueError("code, system|code, system| or |code was expected")
    system, code = parts if len(parts) == 2 else (None, parts[0])
    return lambda element: any(_is_token(found, system, code) for found in _tokens(element))


def _tokens(element: Any) -> list[Any]:
    """A CodeableConcept's codings; a Coding, an Identifier or a code is one itself."""
    return element["coding"] if isinstance(element, dict) and "coding" in element else [element]


def _is_token(found: Any, system: str | None, code: str) -> bool:
    """A plain code has but one system, that of its element, so a system asked for is not compared with it.

    Codes of codings are compared without regard to case, as FHIR recommends; ids and plain codes exactly.
    """
    if not isinstance(found, dict):
        return bool(found == code)
    if system is not None and found.get("system", "") != system:
        return False
    known = str(found.get("code") or found.get("value") or "")
    return not code or known.casefold() == code.casefold()


def _reference_test(value: str, target: str, base: str) -> Test:
    """An id alone may be one of any type that the parameter leads to."""
    kind, logical_id = _parts(value, base)
    if not logical_id or (kind and not kind.isalpha()):
        raise ValueError("an id, Type/id or a reference to this server was expected")
    if kind and target not in ("", kind):
        raise ValueError(f"a {target} was expected")
    asked = kind or target

    def matches(element: Any) -> bool:
        found_kind, found_id = _parts(element.get("reference", ""), base)
        return found_id == logical_id and (not asked or found_kind == asked)

    return matches


def _parts(reference: str, base: str) -> tuple[str, str]:
    """The type and the id of a reference to this server."""
    kind, _, logical_id = reference.removeprefix(f"{base}/").rpartition("/")
    return kind, logical_id


def _date_test(value: str) -> Test:
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    if prefix not in COMPARISONS:
        raise ValueError(f"one of the prefixes {', '.join(COMPARISONS)} was expected")
    asked, compare = span_of(text), COMPARISONS[prefix]

    def matches(element: Any) -> bool:
        found = span_of_element(element)
        return found is not None and compare(found, asked)

    return matches
