"""The shape of a result, made from the classes that hold it, with an example judged while the page is made."""

import re
import types
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from docs_site.http import contract
from docs_site.markdown import block, code, page, table
from service.criteria.findings import Evidence
from service.criteria.results import (
    ArmGrade,
    Change,
    CriterionResult,
    Effect,
    Needed,
    Order,
    PatientError,
    PatientResult,
    Problem,
    RestsOn,
    SmallestSets,
    TrialResult,
)
from service.screening import Screening

SHAPES: tuple[type[msgspec.Struct], ...] = (
    PatientResult, TrialResult, CriterionResult, Evidence, Needed, Order, SmallestSets, Change, ArmGrade, Effect,
    RestsOn, PatientError, Problem,
)  # fmt: skip
EXAMPLE_DAY = date(2026, 11, 21)
_SHOWN = 2  # criteria of the example


def results_page(screening: Screening) -> str:
    return page(
        "# Results",
        "What `trialhook evaluate --format json`, `POST /evaluate` and each line of `results.ndjson` hold: one object "
        "a patient. [What a result means](../rules.md) explains the words, [The logic](../logic.md) how outcomes come "
        "together.",
        "## An example",
        "A synthetic patient and one trial; all criteria but two are left out here.",
        block("json", example(screening)),
        *(part for shape in SHAPES for part in _shape(shape)),
    )


def example(screening: Screening) -> str:
    """A result as it is, cut short."""
    record = screening.read((files("service.demo") / "patients" / "dora.json").read_bytes())
    result = screening.screen(record, EXAMPLE_DAY, screening.plan_for(screening.wanted(["NCT03304080"])))
    told = msgspec.to_builtins(result)
    trial = told["results"][0]
    unknown = [criterion for criterion in trial["criteria"] if criterion["outcome"] == "unknown"]
    trial["criteria"] = [*trial["criteria"][: _SHOWN - 1], *unknown[:1]]
    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode()


def _shape(shape: type[msgspec.Struct]) -> Iterator[str]:
    hints = get_type_hints(shape)
    told = dict(_told())
    yield f"## {_title(shape)}"
    yield _meaning(shape)
    rows = [
        (code(field.encode_name), _kind(hints[field.name]), told.get((shape.__name__, field.encode_name), ""))
        for field in msgspec.structs.fields(shape)
    ]
    yield table(("member", "is", "meaning"), rows)


def _title(shape: type[msgspec.Struct]) -> str:
    """The name of a class in words: a trial result."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", shape.__name__).capitalize()


def _meaning(shape: type[msgspec.Struct]) -> str:
    """What a class says of itself, its members called as they are in JSON; the docstring msgspec makes says nothing."""
    told = " ".join((shape.__doc__ or "").split())
    for field in msgspec.structs.fields(shape):
        told = told.replace(f"`{field.name}`", f"`{field.encode_name}`")
    return "" if told.startswith(f"{shape.__name__}(") else told


def _kind(hint: Any) -> str:
    """A type in words; what may be left out says so."""
    options = [option for option in _options(hint) if option is not msgspec.UnsetType]
    left_out = " (may be left out)" if len(options) < len(_options(hint)) else ""
    return " or ".join(_one(option) for option in options) + left_out


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _one(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is type(None):
        return "null"
    if origin is Literal:
        return " or ".join(code(word) for word in inner)
    if origin is tuple:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return f"object of {_kind(inner[1])}"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return f"[{_title(hint).lower()}](#{_title(hint).lower().replace(' ', '-')})"
    return {str: "text", bool: "true or false", int: "number"}[hint]


def _told() -> Iterator[tuple[tuple[str, str], str]]:
    """What openapi.yaml says of the members, by class and member."""
    schemas = contract()["components"]["schemas"]
    trial = schemas["TrialResult"]["properties"]
    places = {
        "PatientResult": schemas["Result"],
        "TrialResult": schemas["TrialResult"],
        "CriterionResult": trial["criteria"]["items"],
        "Needed": trial["needed"]["items"],
        "SmallestSets": trial["smallestSets"],
        "Effect": schemas["Result"]["properties"]["whatIf"]["items"],
    }
    for name, schema in places.items():
        for member, node in schema["properties"].items():
            found = schemas[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
            yield (name, member), found.get("description", "")
