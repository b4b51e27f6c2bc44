"""cases.yaml: a base patient and what changes in each case, read with the place of every mistake.

A change has the shape of a patient; what it names replaces what the base patient has of that name, `none` takes it
away. A case states the outcome of one criterion; a patient of the list `patients` may state many, and of the trial the
grade, when it changes, what would settle it, how a fail may be lifted, and what an order would do.
"""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from marshmallow import ValidationError, fields, post_load
from marshmallow.error_store import merge_errors

from service.cases.sketch import SYSTEMS, SketchError, read_code, read_day
from service.criteria.catalogue import Trial
from service.criteria.logic import FAILURES, GRADES, OUTCOMES
from service.criteria.places import Placed, PlacedError, problems_of, read
from service.criteria.schema import DateText, ListOf, OneOf, Strict, Text, nearest
from service.errors import TrialError

BASES = ("recorded", "no-record", "not-applicable", "missing", "stale", "conflict", "unusable", "manual")
NAMES: ContextVar[Mapping[str, Iterable[str]]] = ContextVar("names")
NONE = "none"
_SOME_DAY = date(2026, 1, 1)  # whether `10 days ago` can be read does not hang on the day


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


class _Day(Text):
    """A date of a sketch: 2026-11-10, `10 days ago`, today, `in 3 days`; `none` takes away the usual one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text != NONE:
            _understood(lambda: read_day(text, _SOME_DAY))
        return text


class _Code(Text):
    """A code with its system: `loinc 751-8`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        _understood(lambda: read_code(text))
        return text


class ResourceField(fields.Field[dict[str, Any]]):
    """A FHIR resource as it stands; the patient is told by the sketch itself."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
            raise ValidationError("a FHIR resource was expected: a mapping with resourceType")
        if value["resourceType"] == "Patient":
            raise ValidationError("a case has one Patient: say gender, born and died beside `resources`")
        return value


def _understood(read: Callable[[], Any]) -> None:
    try:
        read()
    except SketchError as problem:
        raise ValidationError(str(problem)) from None


class _Entry(Strict):
    """Options of one entry of a sketch; all are texts."""


class _Result(_Entry):
    value = Text(metadata={"description": "a number with its unit, the name of an answer, or a date"})
    text = Text(metadata={"description": "free text as the value"})
    on = _Day(metadata={"description": "when: a date, `10 days ago`, today, none"})
    high = Text(metadata={"description": "the upper limit of normal, with its unit"})
    flag = Text(metadata={"description": "the laboratory's flag: N, L, H …"})
    status = Text()
    code = _Code(metadata={"description": "a code instead of the input's first one, such as `loinc 751-8`"})
    method = Text()
    specimen = Text()


class _Diagnosis(_Entry):
    onset = _Day()
    recorded = _Day()
    ended = _Day()
    status = Text(metadata={"description": "clinical status; active where nothing is said, none for no status"})
    verification = Text()
    encounter = OneOf("true", "false")
    site = Text()
    stage = Text()
    code = _Code()
    text = Text()


class _Drug(_Entry):
    given = _Day(metadata={"description": "one dose on a day"})
    ordered = _Day(metadata={"description": "an order written on a day"})
    from_ = _Day(data_key="from")
    to = _Day()
    status = Text()
    route = Text()
    reason = Text()
    code = _Code()
    text = Text()


class _Procedure(_Entry):
    on = _Day()
    from_ = _Day(data_key="from")
    to = _Day()
    status = Text()
    site = Text()
    code = _Code()


class _Allergy(_Entry):
    type = OneOf("allergy", "intolerance")
    status = Text()
    verification = Text()
    reaction = Text()
    code = _Code()


class SectionField(fields.Field[dict[str, list[dict[str, Any]]]]):
    """Names with an entry each: a mapping, a list of them, the short form of one, or `none`."""

    def __init__(self, family: str, schema: type[_Entry], short: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.family, self.schema, self.short = family, schema, short

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, list[dict[str, Any]]]:
        if not isinstance(value, dict):
            raise ValidationError("a mapping of names was expected")
        out: dict[str, list[dict[str, Any]]] = {}
        mistakes: dict[str, Any] = {}
        for name, entry in value.items():
            try:
                self._check_name(name)
                out[name] = self._entries(entry)
            except ValidationError as problem:
                mistakes[name] = problem.messages
        if mistakes:
            raise ValidationError(mistakes)
        return out

    def _check_name(self, name: str) -> None:
        system, _, code = name.partition(" ")
        known = list(NAMES.get()[self.family])
        if not (code and system in SYSTEMS) and name not in known:
            raise ValidationError(f"no {self.family} called {name}{nearest(name, known)}")

    def _entries(self, entry: Any) -> list[dict[str, Any]]:
        if entry is None or entry == NONE:
            return []
        if isinstance(entry, list):
            return [self._entry(one) for one in entry]
        return [self._entry(entry)]

    def _entry(self, entry: Any) -> dict[str, Any]:
        given = entry if isinstance(entry, dict) else {self.short: entry}
        loaded = self.schema().load({key: _text(value) for key, value in given.items()})
        assert isinstance(loaded, dict)
        return {key.rstrip("_"): value for key, value in loaded.items()}


def _text(value: Any) -> Any:
    """Numbers and truth values as they were written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


class PatientSchema(Strict):
    """A sketch of a patient, or a change to one."""

    gender = OneOf("female", "male", "other", "unknown", NONE)
    born = _Day()
    died = _Day()
    results = SectionField("input", _Result, "value")
    diagnoses = SectionField("diagnosis", _Diagnosis, "onset")
    drugs = SectionField("drug", _Drug, "from")
    procedures = SectionField("procedure", _Procedure, "on")
    allergies = SectionField("allergy", _Allergy, "type")
    unread = ListOf(OneOf("Observation", "Condition", "Procedure", "MedicationStatement", "AllergyIntolerance"))
    resources = fields.List(ResourceField(), metadata={"description": "FHIR resources as they stand"})


class _Changes(Strict):
    date = DateText(required=True)
    grade = OneOf(*GRADES, required=True)


class _Expected(Strict):
    grade = OneOf(*GRADES)
    outcomes = fields.Dict(keys=Text(), values=OneOf(*OUTCOMES))
    failure = OneOf(*FAILURES, metadata={"description": "how a trial that is certainly not for the patient may open"})
    until = DateText(metadata={"description": "the day from which nothing fails any more"})
    changes_on = fields.Nested(_Changes, data_key="changes-on")
    enough = ListOf(Text(), metadata={"description": "the first of the smallest sets of inputs that would settle it"})
    closes = ListOf(Text(), metadata={"description": "the criteria by which the orders close the trial"})
    closes_nothing = fields.Boolean(data_key="closes-nothing")
    closed_until = DateText(data_key="closed-until")


class _Orders(Strict):
    """Draft orders: drugs, and procedures asked for."""

    drugs = SectionField("drug", _Drug, "ordered")
    procedures = SectionField("procedure", _Procedure, "on")


class _Named(Strict):
    name = Text(required=True)
    as_of = DateText(data_key="as-of")
    change = fields.Nested(PatientSchema)
    order = fields.Nested(_Orders, metadata={"description": "draft orders that somebody is about to sign"})
    expect = fields.Nested(_Expected, required=True)


class _Change(fields.Nested):
    """A change; an empty one may be left blank."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super().deserialize({} if value is None else value, *args, **kwargs)


class CaseSchema(Strict):
    """`pass`, `fail`, `unknown` or `review`, with the change that leads to it."""

    pass_ = _Change(PatientSchema, data_key="pass", allow_none=True)
    fail = _Change(PatientSchema, allow_none=True)
    unknown_ = _Change(PatientSchema, data_key="unknown", allow_none=True)
    review = _Change(PatientSchema, allow_none=True)
    basis = OneOf(*BASES)
    note = Text(metadata={"description": "what the case is about"})
    as_of = DateText(data_key="as-of")

    error_messages = {  # noqa: RUF012 - the base class declares it so
        "type": "a mapping such as {pass: {results: {anc: 1500 /mm3}}} was expected"
    }

    @post_load
    def _one(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        stated = [key for key in ("pass_", "fail", "unknown_", "review") if key in data]
        if len(stated) != 1:
            raise ValidationError("a case states one outcome: pass, fail, unknown or review")
        key = stated[0]
        return {**data, "outcome": key.rstrip("_"), "change": data[key] or {}}


class CasesField(fields.Field[dict[str, list[dict[str, Any]]]]):
    """Cases by criterion."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, list[dict[str, Any]]]:
        if not isinstance(value, dict):
            raise ValidationError("a mapping of criteria to their cases was expected")
        out: dict[str, list[dict[str, Any]]] = {}
        mistakes: dict[str, Any] = {}
        for criterion, entries in value.items():
            if not isinstance(entries, list):
                mistakes[criterion] = ["a list of cases was expected"]
                continue
            out[criterion] = []
            for i, entry in enumerate(entries):
                try:
                    out[criterion].append(CaseSchema().load(entry))
                except ValidationError as problem:
                    mistakes.setdefault(criterion, {})[i] = problem.messages
        if mistakes:
            raise ValidationError(mistakes)
        return out


class FileSchema(Strict):
    as_of = DateText(data_key="as-of", required=True)
    patient = fields.Nested(PatientSchema, required=True)
    cases = CasesField()
    patients = fields.List(fields.Nested(_Named))


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
