"""cases.yaml: a base patient and what changes in each case, read with the place of every mistake.

A change has the shape of a patient; what it names replaces what the base patient has of that name, `none` takes it
away. A case states the outcome of one criterion; a patient of the list `patients` may state many, and of the trial the
grade, when it changes, what would settle it, how a fail may be lifted, and what an order would do.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from marshmallow import ValidationError
from marshmallow.error_store import merge_errors

from service.cases.shape import NAMES, NONE, FileSchema
from service.criteria.catalogue import Trial
from service.criteria.places import Placed, PlacedError, problems_of, read
from service.criteria.schema import nearest
from service.errors import TrialError


class Expected(msgspec.Struct, frozen=True):
    """What is expected of the trial; None and empty are not looked at.

    `changes_on` is a date with the grade from then on; `enough` the first of the smallest sets of inputs;
    `closes` the criteria by which the case's orders close the trial, `closed_until` the day it opens again.
    """

    grade: str = ""
    failure: str = ""
    until: str = ""
    changes_on: tuple[str, str] | None = None
    enough: tuple[str, ...] | None = None
    closes: tuple[str, ...] | None = None
    closed_until: str = ""


class Case(msgspec.Struct, frozen=True):
    """One patient and what is expected: outcomes by criterion, bases where stated, what is expected of the trial.
    `order` is a sketch of draft orders."""

    name: str
    place: str
    sketch: dict[str, Any]
    outcomes: dict[str, str]
    basis: str = ""
    as_of: str = ""
    expected: Expected = Expected()
    order: dict[str, Any] = {}


class CaseFile(msgspec.Struct, frozen=True):
    path: str
    as_of: str
    cases: tuple[Case, ...]


def read_cases(path: Path, trial: Trial, names: Mapping[str, Iterable[str]]) -> CaseFile:
    """The cases beside a trial. TrialError lists every mistake with file, line and column."""
    shown = str(path)
    try:
        placed = read(path.read_text("utf-8"))
    except PlacedError as problem:
        line = f"{shown}:{problem.line}:{problem.column}: {problem.message}"
        raise TrialError(line, (line,)) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TrialError(f"{shown}:1:1: cannot be read: {problem}", (f"{shown}:1:1: cannot be read",)) from None
    data = _loaded(placed, trial, names, shown)
    cases = (*_by_criterion(data, placed.place, shown), *_by_patient(data, placed.place, shown))
    return CaseFile(shown, data["as_of"], cases)


def _loaded(placed: Placed, trial: Trial, names: Mapping[str, Iterable[str]], path: str) -> dict[str, Any]:
    data: Any = None
    if not isinstance(placed.data, dict):
        line = f"{path}:1:1: cases were expected: a mapping with as-of, patient, cases …"
        raise TrialError(line, (line,))
    mistakes = _unknown_criteria(placed.data, trial)
    token = NAMES.set(names)
    try:
        data = FileSchema().load(placed.data)
    except ValidationError as problem:
        mistakes = merge_errors(problem.messages, mistakes)  # type: ignore[no-untyped-call]
    finally:
        NAMES.reset(token)
    if mistakes:
        lines = problems_of(mistakes, placed, path)
        raise TrialError("\n".join(lines), lines)
    assert isinstance(data, dict)
    return data


def _unknown_criteria(data: Any, trial: Trial) -> dict[str, Any]:
    """Criteria that the trial lacks, looked for in the file as it stands: also beside mistakes of other kinds."""
    known = [criterion.id for criterion in trial.criteria]
    mistakes: dict[str, Any] = {}
    if unknown := _strange(_inside(data, "cases"), known, trial.id):
        mistakes["cases"] = unknown
    patients = data.get("patients") if isinstance(data, dict) else None
    for i, named in enumerate(patients if isinstance(patients, list) else ()):
        if unknown := _strange(_inside(named, "expect", "outcomes"), [*known, "alive"], trial.id):
            mistakes.setdefault("patients", {})[i] = {"expect": {"outcomes": unknown}}
    return mistakes


def _inside(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _strange(named: dict[str, Any], known: list[str], trial: str) -> dict[str, list[str]]:
    return {name: [f"{trial} has no criterion {name}{nearest(name, known)}"] for name in named if name not in known}


def _by_criterion(data: dict[str, Any], place: Any, path: str) -> Iterable[Case]:
    for criterion, entries in data.get("cases", {}).items():
        for i, entry in enumerate(entries):
            line, _ = place(("cases", criterion, i))
            note = entry.get("note", "")
            yield Case(
                name=f"{criterion}: {note or entry['outcome']}",
                place=f"{path}:{line}",
                sketch=merged(data["patient"], entry["change"]),
                outcomes={criterion: entry["outcome"]},
                basis=entry.get("basis", ""),
                as_of=entry.get("as_of", data["as_of"]),
            )


def _by_patient(data: dict[str, Any], place: Any, path: str) -> Iterable[Case]:
    for i, entry in enumerate(data.get("patients", ())):
        line, _ = place(("patients", i))
        yield Case(
            name=entry["name"],
            place=f"{path}:{line}",
            sketch=merged(data["patient"], entry.get("change", {})),
            outcomes=entry["expect"].get("outcomes", {}),
            as_of=entry.get("as_of", data["as_of"]),
            expected=_expected(entry["expect"]),
            order=entry.get("order", {}),
        )


def _expected(stated: dict[str, Any]) -> Expected:
    change, closes = stated.get("changes_on"), stated.get("closes", [] if stated.get("closes_nothing") else None)
    return Expected(
        grade=stated.get("grade", ""),
        failure=stated.get("failure", ""),
        until=stated.get("until", ""),
        changes_on=(change["date"], change["grade"]) if change else None,
        enough=tuple(stated["enough"]) if "enough" in stated else None,
        closes=None if closes is None else tuple(closes),
        closed_until=stated.get("closed_until", ""),
    )


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The base patient with a change: names are replaced one by one, lists added to, `none` takes away."""
    out = dict(base)
    for key, value in change.items():
        if isinstance(value, dict):
            out[key] = {**base.get(key, {}), **value}
        elif isinstance(value, list):
            out[key] = [*base.get(key, ()), *value]
        elif value == NONE:
            out.pop(key, None)
        else:
            out[key] = value
    return out
