"""codes.yaml of a site's folder: value sets in short, for who does not write FHIR.

    systems: {http://fhir.de/CodeSystem/bfarm/icd-10-gm: icd-10}
    condition-asthma: {title: asthma, names: [asthma], snomed: {195967001: asthma}, icd-10-cm: J45}
    observation-anc: {also: true, http://lab.example.org: {NEU: neutrophils}}
    drugclass-biologic: {title: a biologic, of: [omalizumab, mepolizumab]}

A code of ICD-10, ICD-10-CM or ATC stands for itself and all below it; so does one of a site's or country's own system
that ends in a star (`8-52*`), for all codes that begin so. `also` adds to the value set of that name; an entry without
it replaces that one or is new. `systems` names the code systems of a country or a site whose codes mean what the same
codes of another system do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from marshmallow import ValidationError

from service.criteria.places import PlacedError, problems_of, read
from service.criteria.schema import nearest
from service.errors import TrialError
from service.mappers.code_systems import PREFIX_SYSTEMS, SHORT_NAMES, canonical_system
from service.mappers.value_sets import (
    BASE,
    FAMILIES,
    PREFIX,
    SPOKEN_NAME,
    STARRED_FAMILIES,
    begins_with,
    check_value_set,
)

FILE = "codes.yaml"
SYSTEMS = "systems"
_WORDS = ("title", "names", "also", "of")


class SiteCodes(NamedTuple):
    """The code systems that stand for another, and the value sets, with whether each adds to the one that is there."""

    systems: dict[str, str]
    value_sets: list[tuple[dict[str, Any], bool]]


def site_codes(folder: Path) -> SiteCodes:
    """What a folder's codes.yaml says. TrialError lists every mistake with its place."""
    path = folder / FILE
    misnamed = path.with_suffix(".yml")
    if misnamed.is_file():
        raise TrialError(f"{misnamed}: is not read under this name; it has to be called {FILE}")
    if not path.is_file():
        return SiteCodes({}, [])
    try:
        placed = read(path.read_text("utf-8"))
    except PlacedError as problem:
        line = f"{path}:{problem.line}:{problem.column}: {problem.message}"
        raise TrialError(line, (line,)) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TrialError(f"{path}: cannot be read: {problem}") from None
    said, mistakes = SiteCodes({}, []), {}
    for identifier, entry in _entries(placed.data).items():
        try:
            if identifier == SYSTEMS:
                said.systems.update(_systems(entry))
            else:
                said.value_sets.append((_value_set(identifier, entry), bool(entry.get("also"))))
        except ValidationError as problem:
            mistakes[identifier] = problem.messages
    if mistakes:
        lines = problems_of(mistakes, placed, str(path))
        raise TrialError("\n".join(lines), lines)
    for value_set, _ in said.value_sets:
        check_value_set(value_set, str(path), value_set["id"])
    return said


def _entries(data: Any) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise TrialError(f"{FILE}: a mapping of names such as condition-asthma was expected")
    return data


def _systems(entry: Any) -> dict[str, str]:
    """Addresses of code systems, and that of the system for which each stands."""
    if not isinstance(entry, dict) or not entry:
        raise ValidationError("a mapping of code systems was expected, such as {http://…/icd-10-gm: icd-10}")
    mistakes = {}
    for address, name in entry.items():
        if "://" not in address and not address.startswith("urn:"):
            mistakes[address] = ["the address of a code system was expected"]
        elif canonical_system(address) in SHORT_NAMES.values():
            mistakes[address] = ["this code system stands for itself"]
        elif name not in SHORT_NAMES:
            mistakes[address] = [f"one of {', '.join(SHORT_NAMES)} was expected{nearest(str(name), list(SHORT_NAMES))}"]
    if mistakes:
        raise ValidationError(mistakes)
    return {canonical_system(address): SHORT_NAMES[name] for address, name in entry.items()}


def _value_set(identifier: str, entry: Any) -> dict[str, Any]:
    family, _, concept = identifier.partition("-")
    if family not in FAMILIES or not concept:
        hint = nearest(family, list(FAMILIES))
        raise ValidationError(f"a name begins with one of {', '.join(FAMILIES)} and a dash{hint}")
    if not isinstance(entry, dict):
        raise ValidationError("a mapping was expected, such as {title: asthma, snomed: 195967001}")
    mistakes = {key: [problem] for key, value in entry.items() if (problem := _problem(key, value, family))}
    if mistakes:
        raise ValidationError(mistakes)
    include = [part for key, value in entry.items() if key not in _WORDS for part in _parts(_system(key), value)]
    if "of" in entry:
        include.append({"valueSet": [f"{BASE}/ValueSet/{_member(name)}" for name in _texts(entry["of"])]})
    if not include:
        raise ValidationError("codes were expected, such as snomed: 195967001")
    return {
        "resourceType": "ValueSet",
        "id": identifier,
        "title": entry.get("title", concept.replace("-", " ")),
        "extension": [{"url": SPOKEN_NAME, "valueString": name} for name in _texts(entry.get("names", []))],
        "compose": {"include": include},
    }


def _problem(key: str, value: Any, family: str) -> str:
    """What is wrong with one key of an entry; empty where nothing is."""
    if key == "also":
        return "" if isinstance(value, bool) else "true was expected"
    if key == "of":
        return "" if family == "drugclass" and _is_texts(value) else "drugs were expected, in a drugclass only"
    if key in ("title", "names"):
        return "" if _is_texts(value) and (key == "names" or isinstance(value, str)) else "a text was expected"
    if key not in SHORT_NAMES and "://" not in key:
        known = [*_WORDS, *SHORT_NAMES]
        return f"unknown key {key}{nearest(key, known)}; known are {', '.join(known)}, and the address of a code system"
    if problem := _starred(key, value, family):
        return problem
    named = isinstance(value, dict) and value and all(name is None or isinstance(name, str) for name in value.values())
    return "" if named or _is_texts(value) else "a code, a list of codes, or codes with names were expected"


def _starred(key: str, value: Any, family: str) -> str:
    """What is wrong with codes that end in a star; empty where nothing is."""
    codes = [str(code) for code in (value if isinstance(value, list | dict) else [value])]
    for code in (code for code in codes if "*" in code):
        if "*" in code[:-1]:
            return "a star stands at the end of a code"
        if _system(key) in PREFIX_SYSTEMS:
            continue
        if key in SHORT_NAMES:
            return f"codes of {key} do not begin with those above them: a star says nothing"
        if family not in STARRED_FAMILIES:
            return "a star stands at the end of codes of conditions, procedures, drugs and sites only"
        if len(code) < 3:
            return "two characters at least stand before the star"
        if not PREFIX.fullmatch(code[:-1]):
            return "letters, digits, dots and dashes stand before the star"
    return ""


def _is_texts(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(v, str | int) and not isinstance(v, bool) and str(v).strip() for v in values)


def _texts(value: Any) -> list[str]:
    return [str(v) for v in (value if isinstance(value, list) else [value])]


def _system(key: str) -> str:
    return SHORT_NAMES.get(key, key)


def _member(name: str) -> str:
    return name if name.startswith(("drug-", "drugclass-")) else f"drug-{name}"


def _parts(system: str, value: Any) -> Iterator[dict[str, Any]]:
    codes = {str(code): str(name or "") for code, name in value.items()} if isinstance(value, dict) else None
    if codes is None:
        codes = dict.fromkeys(_texts(value), "")
    if system in PREFIX_SYSTEMS:
        for code in codes:
            yield {"system": system, "filter": [{"property": "concept", "op": "is-a", "value": code.rstrip("*")}]}
        return
    for code in (code for code in codes if code.endswith("*")):
        yield {"system": system, "filter": [begins_with(code[:-1])]}
    if single := [{"code": code, "display": name} for code, name in codes.items() if not code.endswith("*")]:
        yield {"system": system, "concept": single}
