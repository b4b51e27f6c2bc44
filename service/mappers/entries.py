"""inputs.yaml and vocabulary.yaml, the package's own and a site's: read and checked, every mistake with its place.

A site's folder holds files of the same names and shape; an entry there replaces the one of the same name or is new.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextvars import ContextVar
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from service.criteria.places import DecimalText, PlacedError, problems_of, read
from service.criteria.schema import ListOf, OneOf, Strict, Text, WindowField, nearest
from service.errors import TrialError
from service.mappers import units

Names = Callable[[str], Collection[str]]
_NAMES: ContextVar[Names] = ContextVar("names")


class Known(fields.String):
    """The name of something that a value set or an input stands behind; `family` says what."""

    def __init__(self, family: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.family = family

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        known = sorted(_NAMES.get()(self.family))
        if name not in known:
            what = {"input": "input called ", "drug": "ValueSet drug- or drugclass-"}.get(
                self.family, f"ValueSet {self.family}-"
            )
            raise ValidationError(f"no {what}{name}{nearest(name, known)}")
        return name


class MapOf(fields.Field[dict[str, Any]]):
    """A mapping of names to values of one kind."""

    def __init__(self, key: fields.Field[Any], inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key, self.inner = key, inner

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("a mapping was expected")
        out: dict[str, Any] = {}
        mistakes: dict[str, Any] = {}
        for name, inner in value.items():
            try:
                out[str(self.key.deserialize(name))] = self.inner.deserialize(inner)
            except ValidationError as problem:
                mistakes[name] = problem.messages
        if mistakes:
            raise ValidationError(mistakes)
        return out


class Number(fields.Field[Decimal]):
    """A decimal number, exactly as it is written."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        return _number(value)


def _number(value: Any) -> Decimal:
    try:
        if isinstance(value, int | DecimalText) and not isinstance(value, bool):
            return Decimal(value)
    except InvalidOperation:
        pass
    raise ValidationError("a number was expected")


class Unit(Text):
    """A unit as UCUM writes it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not units.is_unit(text):
            raise ValidationError(f"{text} is no unit as UCUM writes it, such as mg/L, 10*3/uL, % or mm[Hg]")
        return text


class Bounds(fields.Field[tuple[Decimal, Decimal]]):
    """Two numbers, the lower first: [2, 25]."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Decimal, Decimal]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValidationError("two numbers were expected, the lower first: [2, 25]")
        low, high = (_number(number) for number in value)
        if low > high:
            raise ValidationError(f"the lower number first: [{high}, {low}]")
        return low, high


class _Order(Strict):
    system = Text(required=True)
    code = Text(required=True)
    display = Text(required=True)


class _Conversion(Strict):
    times = Number(required=True)
    plus = Number(required=True)


class InputEntry(Strict):
    label = Text(required=True)
    title = Text()
    codes = ListOf(Known("observation"), required=True)
    marked = MapOf(Text(), ListOf(Known("observation")))
    in_unit = MapOf(Known("observation"), Text(), data_key="in-unit")
    about = MapOf(Known("observation"), ListOf(Known("answer")))
    panels = ListOf(Text())
    reads = ListOf(OneOf("quantity", "answer", "date"), required=True)
    unit = Unit()
    conversions = MapOf(Text(), fields.Nested(_Conversion))
    molar_mass = Number(data_key="molar-mass")
    usable = fields.List(Bounds())
    window = WindowField()
    ranges = fields.Boolean()
    score = Text()
    grades = Text()
    answers_from = ListOf(OneOf("site", "condition"), data_key="answers-from")
    order = fields.Nested(_Order)
    effort = OneOf("question", "bedside", "sample", "examination", "tissue")

    @validates_schema
    def _fits_together(self, data: dict[str, Any], **_: Any) -> None:
        if "quantity" in data["reads"] and "unit" not in data:
            raise ValidationError({"reads": ["a quantity needs a unit"]})
        for name, unit in data.get("in_unit", {}).items():
            if unit != data.get("unit") and unit not in data.get("conversions", {}):
                raise ValidationError({"in-unit": {name: [f"{unit} is neither the unit nor one of the conversions"]}})


class _Diagnosis(Strict):
    label = Text(required=True)
    conditions = ListOf(Known("condition"), required=True)
    reading = OneOf("has", "history-of")
    observed = MapOf(Known("input"), ListOf(Text()))


class _Procedure(Strict):
    label = Text(required=True)
    procedures = ListOf(Known("procedure"), required=True)


class _Class(Strict):
    label = Text(required=True)
    input = Known("input", required=True)
    prefix = Text(required=True)
    illness = ListOf(Known("condition"), required=True)


class _DrugGroup(Strict):
    label = Text(required=True)
    of = ListOf(Known("drug"), required=True)


class _Therapy(_DrugGroup):
    for_men = ListOf(Known("drug"), data_key="for-men")
    endocrine = ListOf(Known("drug"))
    other_uses = MapOf(Known("drug"), fields.List(fields.String()), data_key="other-uses")
    conditions = ListOf(Known("condition"))


class _Regimen(Strict):
    names = ListOf(Text(), required=True)
    of = ListOf(Known("drug"), required=True)


class _Unnamed(Strict):
    names = ListOf(Text(), required=True)


class _Nameless(Strict):
    label = Text(required=True)
    conditions = ListOf(Known("condition"))
    histories = ListOf(Known("condition"))
    procedures = ListOf(Known("procedure"))
    may_be = ListOf(Known("drug"), data_key="may-be", required=True)


class _Cancer(Strict):
    label = Text(required=True)
    diagnosis = ListOf(Known("condition"), required=True)
    says_metastatic = ListOf(Known("condition"), data_key="says-metastatic")
    history = ListOf(Known("condition"))
    distant = ListOf(Known("condition"))
    regional = ListOf(Known("condition"))
    unclear = ListOf(Known("condition"))
    another = ListOf(Known("condition"))
    distant_sites = ListOf(Known("site"), data_key="distant-sites")
    own_results = ListOf(Known("input"), data_key="own-results")


class _Need(Strict):
    title = Text(required=True)
    order_of = Known("input", data_key="order-of", required=True)


SECTIONS: dict[str, type[Schema]] = {
    "diagnoses": _Diagnosis,
    "procedures": _Procedure,
    "classes": _Class,
    "drugs": _DrugGroup,
    "therapies": _Therapy,
    "regimens": _Regimen,
    "unnamed": _Unnamed,
    "nameless": _Nameless,
    "cancers": _Cancer,
    "needs": _Need,
}


def texts(name: str, folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """The package's own file of a name and those of a site's folders, as (what to call it, text)."""
    yield name, (files("service.mappers") / name).read_text("utf-8")
    for folder in folders:
        path = Path(folder) / name
        misnamed = path.with_suffix(".yml")
        if misnamed.is_file():
            raise TrialError(f"{misnamed}: is not read under this name; it has to be called {name}")
        if path.is_file():
            try:
                yield str(path), path.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as problem:
                raise TrialError(f"{path}: cannot be read: {problem}") from None


def input_entries(text: str, name: str, names: Names) -> dict[str, dict[str, Any]]:
    """The checked entries of an inputs.yaml by name, with underscores in their keys. TrialError lists every mistake."""
    return _checked(text, name, names, lambda data: _loaded(data, InputEntry))


def vocabulary_entries(text: str, name: str, names: Names) -> dict[str, dict[str, dict[str, Any]]]:
    """The checked entries of a vocabulary.yaml by section and name. TrialError lists every mistake."""
    return _checked(text, name, names, _sections)


def _checked(text: str, name: str, names: Names, load: Callable[[Any], Any]) -> dict[str, Any]:
    try:
        placed = read(text)
    except PlacedError as problem:
        raise _error((f"{name}:{problem.line}:{problem.column}: {problem.message}",)) from None
    token = _NAMES.set(names)
    try:
        found: dict[str, Any] = load({} if placed.data is None else placed.data)
    except ValidationError as problem:
        raise _error(problems_of(problem.messages, placed, name)) from None
    finally:
        _NAMES.reset(token)
    return found


def _error(lines: tuple[str, ...]) -> TrialError:
    return TrialError("\n".join(lines), lines)


def _loaded(data: Any, schema: type[Schema]) -> dict[str, Any]:
    """A mapping of names to entries of one kind."""
    if not isinstance(data, dict):
        raise ValidationError("a mapping of names was expected")
    out, mistakes = {}, {}
    for key, entry in data.items():
        try:
            if not isinstance(entry, dict):
                required = (f.data_key or name for name, f in schema().fields.items() if f.required)
                raise ValidationError(f"a mapping was expected, with {', '.join(required)}")
            out[key] = schema().load(entry)
        except ValidationError as problem:
            mistakes[key] = problem.messages
    if mistakes:
        raise ValidationError(mistakes)
    return out


def _sections(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValidationError(f"a mapping was expected, with the sections {', '.join(SECTIONS)}")
    out, mistakes = {}, {}
    for section, entries in data.items():
        try:
            if section not in SECTIONS:
                raise ValidationError(f"unknown section{nearest(section, list(SECTIONS))}; known are {_KNOWN}")
            out[section] = _loaded({} if entries is None else entries, SECTIONS[section])
        except ValidationError as problem:
            mistakes[section] = problem.messages
    if mistakes:
        raise ValidationError(mistakes)
    return out


_KNOWN = ", ".join(SECTIONS)
