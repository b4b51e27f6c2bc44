"""codes.yaml of a site's folder: value sets in short, for who does not write FHIR.

    condition-asthma: {title: asthma, names: [asthma], snomed: {195967001: asthma}, icd-10-cm: J45}
    observation-anc: {also: true, http://lab.example.org: {NEU: neutrophils}}
    drugclass-biologic: {title: a biologic, of: [omalizumab, mepolizumab]}

A code of ICD-10, ICD-10-CM or ATC stands for itself and all below it. `also` adds to the value set of that name; an
entry without it replaces that one or is new.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from service.criteria.places import PlacedError, problems_of, read
from service.criteria.schema import nearest
from service.errors import TrialError
from service.mappers.code_systems import PREFIX_SYSTEMS, SHORT_NAMES
from service.mappers.value_sets import BASE, FAMILIES, SPOKEN_NAME, check_value_set

FILE = "codes.yaml"
_WORDS = ("title", "names", "also", "of")


def site_value_sets(folder: Path) -> Iterator[tuple[dict[str, Any], bool]]:
    """The value sets of a folder's codes.yaml, and whether each adds to the one that is there. TrialError lists every
    mistake with its place."""
    path = folder / FILE
    misnamed = path.with_suffix(".yml")
    if misnamed.is_file():
        raise TrialError(f"{misnamed}: is not read under this name; it has to be called {FILE}")
    if not path.is_file():
        return
    try:
        placed = read(path.read_text("utf-8"))
    except PlacedError as problem:
        line = f"{path}:{problem.line}:{problem.column}: {problem.message}"
        raise TrialError(line, (line,)) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TrialError(f"{path}: cannot be read: {problem}") from None
    made, mistakes = [], {}
    for identifier, entry in _entries(placed.data).items():
        try:
            made.append((_value_set(identifier, entry), bool(entry.get("also"))))
        except ValidationError as problem:
            mistakes[identifier] = problem.messages
    if mistakes:
        lines = problems_of(mistakes, placed, str(path))
        raise TrialError("\n".join(lines), lines)
    for value_set, also in made:
        check_value_set(value_set, str(path), value_set["id"])
        yield value_set, also


def _entries(data: Any) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise TrialError(f"{FILE}: a mapping of names such as condition-asthma was expected")
    return data


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
    named = isinstance(value, dict) and value and all(name is None or isinstance(name, str) for name in value.values())
    return "" if named or _is_texts(value) else "a code, a list of codes, or codes with names were expected"


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
            yield {"system": system, "filter": [{"property": "concept", "op": "is-a", "value": code}]}
    else:
        yield {"system": system, "concept": [{"code": code, "display": name} for code, name in codes.items()]}
