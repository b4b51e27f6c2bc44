"""What a ValueSet of an installation may look like: the part of FHIR R4 that is compiled, and nothing else in silence.

A mistake is a TrialError that names the file and the place in it. https://hl7.org/fhir/R4/valueset.html
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from service.errors import TrialError
from service.mappers.code_systems import PREFIX_SYSTEMS, SHORT_NAMES, canonical_system

BASE = "https://trialhook.org/fhir"
SPOKEN_NAME = f"{BASE}/StructureDefinition/spoken-name"
DOSE_FORM = f"{BASE}/StructureDefinition/dose-form"
DEPOT_STRENGTH = f"{BASE}/StructureDefinition/depot-strength"
MAY_MEAN = f"{BASE}/StructureDefinition/may-mean"

FAMILIES = ("observation", "answer", "condition", "procedure", "drug", "drugclass", "site")


# Of the site's own hierarchical code systems. Results are searched for by code, so theirs have to be listed.
STARRED_FAMILIES = ("condition", "procedure", "drug", "site")
PREFIX = re.compile(r"[A-Za-z0-9.-]{2,}")


def begins_with(prefix: str) -> dict[str, str]:
    """A filter for the codes that begin so."""
    return {"property": "code", "op": "regex", "value": prefix.replace(".", "\\.") + ".*"}


def prefix_of(rule: dict[str, Any]) -> str:
    """The beginning that a filter asks of codes."""
    value = str(rule["value"])
    return value.removesuffix(".*").replace("\\.", ".") if rule["op"] == "regex" else value


class _Filter(msgspec.Struct):
    op: str
    value: str
    property: str = "concept"


class _Concept(msgspec.Struct):
    code: str
    display: str = ""
    extension: list[dict[str, Any]] = []


class _Part(msgspec.Struct):
    system: str = ""
    concept: list[_Concept] = []
    filter: list[_Filter] = []
    value_sets: list[str] = msgspec.field(default_factory=list, name="valueSet")


class _Compose(msgspec.Struct):
    include: list[_Part]
    exclude: list[_Part] = []


class _ValueSet(msgspec.Struct):
    id: str
    compose: _Compose
    title: str = ""
    extension: list[dict[str, Any]] = []


def check_value_set(value_set: Any, file: str, place: str = "") -> None:
    """Refuse what cannot be compiled. `place` is where the ValueSet stands in the file."""
    at = f"{file}: {place}: " if place else f"{file}: "
    if not isinstance(value_set, dict) or value_set.get("resourceType") != "ValueSet":
        raise TrialError(f"{at}a FHIR R4 ValueSet was expected")
    family, _, concept = str(value_set.get("id", "")).partition("-")
    if family not in FAMILIES or not concept:
        raise TrialError(f"{at}id: the id must begin with one of {', '.join(FAMILIES)} and a dash")
    try:
        read = msgspec.convert(value_set, _ValueSet)
    except msgspec.ValidationError as problem:
        message, _, where = str(problem).partition(" - at ")
        inside = f"{where.strip('`').removeprefix('$').lstrip('.')}: " if where else ""
        raise TrialError(f"{at}{inside}{message}") from None
    for where, message in _mistakes(read, family):
        raise TrialError(f"{at}{where}: {message}")


def _mistakes(value_set: _ValueSet, family: str) -> Iterator[tuple[str, str]]:
    yield from _of_extensions("extension", value_set.extension)
    for name, parts in (("include", value_set.compose.include), ("exclude", value_set.compose.exclude)):
        for i, part in enumerate(parts):
            where = f"compose.{name}[{i}]"
            yield from _of_part(where, part, family, name)
            for j, concept in enumerate(part.concept):
                if not concept.code:
                    yield f"{where}.concept[{j}].code", "a code was expected; this is empty"
                yield from _of_extensions(f"{where}.concept[{j}].extension", concept.extension)


def _of_part(where: str, part: _Part, family: str, name: str) -> Iterator[tuple[str, str]]:
    if part.value_sets:
        if family != "drugclass" or name == "exclude" or part.system:
            yield f"{where}.valueSet", "other ValueSets are supported alone, and in a drugclass's include only"
        return
    if not part.system:
        yield f"{where}.system", "the codes' system was expected"
    if bool(part.concept) == bool(part.filter):
        yield where, "either codes (`concept`) or a `filter` were expected; a whole code system is not supported"
    for j, rule in enumerate(part.filter):
        if _is_prefix(rule, part.system, family):
            continue
        if rule.op != "is-a" or rule.property != "concept" or canonical_system(part.system) not in PREFIX_SYSTEMS:
            yield f"{where}.filter[{j}]", "only is-a filters on ICD-10, ICD-10-CM and ATC are supported"
        elif not rule.value.strip():
            yield f"{where}.filter[{j}].value", "a code was expected; this is empty"


def _is_prefix(rule: _Filter, system: str, family: str) -> bool:
    """Whether a filter asks for codes that begin alike, of a system that is not one of the international ones."""
    prefix = prefix_of(msgspec.to_builtins(rule))
    own = family in STARRED_FAMILIES and canonical_system(system) not in SHORT_NAMES.values()
    return own and PREFIX.fullmatch(prefix) is not None and msgspec.to_builtins(rule) == begins_with(prefix)


def _of_extensions(where: str, extensions: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The project's own extensions: names and forms are texts, a strength is a number."""
    for i, extension in enumerate(extensions):
        url, values = extension.get("url"), [value for key, value in extension.items() if key.startswith("value")]
        if url in (SPOKEN_NAME, DOSE_FORM, MAY_MEAN) and not all(isinstance(v, str) and v.strip() for v in values):
            yield f"{where}[{i}]", "a text was expected"
        elif url == DEPOT_STRENGTH and not all(_is_number(value) for value in values):
            yield f"{where}[{i}]", "a number of milligrams was expected"
        elif url in (SPOKEN_NAME, DOSE_FORM, MAY_MEAN, DEPOT_STRENGTH) and len(values) != 1:
            yield f"{where}[{i}]", "one value was expected"


def _is_number(value: Any) -> bool:
    number = value.get("value") if isinstance(value, dict) else value
    if isinstance(number, bool) or not isinstance(number, int | float | str):
        return False
    try:
        return Decimal(str(number)).is_finite()
    except InvalidOperation:
        return False
