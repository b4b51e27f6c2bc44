"""The shape of cases.yaml: sketches of patients, their changes and orders, and what may be stated of them."""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, post_load

from service.cases.sketch import SYSTEMS, SketchError, read_code, read_day
from service.criteria.logic import FAILURES, GRADES, OUTCOMES
from service.criteria.schema import DateText, ListOf, OneOf, Strict, Text, nearest

BASES = ("recorded", "no-record", "not-applicable", "missing", "stale", "conflict", "unusable", "manual")
NAMES: ContextVar[Mapping[str, Iterable[str]]] = ContextVar("names")
NONE = "none"
_SOME_DAY = date(2026, 1, 1)  # whether `10 days ago` can be read does not hang on the day


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
