"""A FHIR search of the demo's store: the question read from its parameters, and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.demo.matching import Test, split, test_of
from service.demo.moments import span_of_element
from service.demo.parameters import INCLUDES, PARAMETERS, Parameter, elements
from service.demo.refusal import Refusal
from service.demo.store import Json, Store

DEFAULT_COUNT = 50
MAX_COUNT = 500
JSON_FORMATS = ("json", "application/json", "application/fhir+json", "text/json")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Clause:
    """One parameter as it was asked: a resource matches where any element passes any of the alternatives."""

    parameter: Parameter
    alternatives: tuple[Test, ...]

    def holds(self, resource: Json) -> bool:
        found = list(elements(resource, self.parameter))
        return any(test(element) for test in self.alternatives for element in found)


@dataclass(frozen=True)
class Search:
    """A search of one resource type; all clauses hold for a match."""

    kind: str
    clauses: tuple[Clause, ...] = ()
    order: tuple[tuple[Parameter, bool], ...] = ()  # a parameter, and whether the greatest comes first
    count: int = DEFAULT_COUNT
    offset: int = 0
    medications: bool = False


@dataclass(frozen=True)
class Found:
    """One page: its matches, what they include, the number of all matches, where the next page starts."""

    matches: list[Json]
    included: list[Json]
    total: int
    next_offset: int | None


def read_search(kind: str, pairs: Pairs, base: str) -> Search:
    """A search as its parameters ask for it. Refusal (400) for a parameter or a value that is not known here."""
    search = Search(kind)
    seen: set[str] = set()
    for name, value in pairs:
        if name in _RESULT_PARAMETERS:
            if name in seen:
                raise Refusal(400, "invalid", f"{name}: given twice")
            search = _RESULT_PARAMETERS[name](search, value)
            seen.add(name)
        else:
            search = replace(search, clauses=(*search.clauses, _clause(kind, name, value, base)))
    return search


def _clause(kind: str, asked: str, value: str, base: str) -> Clause:
    name, _, modifier = asked.partition(":")
    parameter = PARAMETERS[kind].get(name)
    if parameter is None:
        raise Refusal(400, "not-supported", f"no such search parameter of {kind}; known are {_known(kind)}")
    if modifier:
        parameter = _modified(parameter, modifier)
    try:
        return Clause(parameter, tuple(test_of(parameter, part, base) for part in split(value, ",")))
    except ValueError as problem:
        raise Refusal(400, "invalid", f"{name}: {problem}") from None


def _known(kind: str) -> str:
    return ", ".join([*PARAMETERS[kind], *_RESULT_PARAMETERS])


def _modified(parameter: Parameter, modifier: str) -> Parameter:
    """`subject:Patient=anna` says of which type the id is; no other modifier is known."""
    if parameter.kind != "reference" or modifier not in PARAMETERS or parameter.target not in ("", modifier):
        raise Refusal(400, "not-supported", f"{parameter.name}: this modifier is not supported")
    return replace(parameter, target=modifier)


def _with_count(search: Search, value: str) -> Search:
    return replace(search, count=min(_number("_count", value), MAX_COUNT))


def _with_offset(search: Search, value: str) -> Search:
    return replace(search, offset=_number("_offset", value))


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Refusal(400, "invalid", f"{name}: a whole number, zero or more, was expected")
    return int(value)


def _with_order(search: Search, value: str) -> Search:
    return replace(search, order=tuple(_ordering(search.kind, part) for part in value.split(",")))


def _ordering(kind: str, part: str) -> tuple[Parameter, bool]:
    parameter = PARAMETERS[kind].get(part.removeprefix("-"))
    if parameter is None or not (parameter.kind == "date" or parameter.name == "_id"):
        sortable = [p.name for p in PARAMETERS[kind].values() if p.kind == "date" or p.name == "_id"]
        raise Refusal(400, "not-supported", f"_sort: one of {', '.join(sortable)} was expected, a minus before it")
    return parameter, part.startswith("-")


def _with_include(search: Search, value: str) -> Search:
    known = INCLUDES[search.kind]
    if value.removesuffix(":Medication") not in known:
        raise Refusal(400, "not-supported", f"_include: {' or '.join(known) or 'none'} was expected of {search.kind}")
    return replace(search, medications=True)


def _with_format(search: Search, value: str) -> Search:
    check_format(value)
    return search


def check_format(value: str) -> None:
    """Refusal (406) for any format but JSON; a plus that was not encoded has become a blank."""
    if value.replace(" ", "+") not in JSON_FORMATS:
        raise Refusal(406, "not-supported", f"_format: one of {', '.join(JSON_FORMATS)} was expected")


_RESULT_PARAMETERS = {
    "_count": _with_count,
    "_offset": _with_offset,
    "_sort": _with_order,
    "_include": _with_include,
    "_format": _with_format,
}


def run(search: Search, store: Store) -> Found:
    """The page that was asked for. `_count=0` asks for the total alone."""
    matches = [r for r in store.of_type(search.kind) if all(clause.holds(r) for clause in search.clauses)]
    for parameter, descending in reversed(search.order):
        matches = _sorted(matches, parameter, descending)
    end = search.offset + search.count
    page = matches[search.offset : end]
    included = _medications(page, store) if search.medications else []
    return Found(page, included, len(matches), end if search.count and end < len(matches) else None)


def _sorted(resources: list[Json], parameter: Parameter, descending: bool) -> list[Json]:
    """Ordered by the earliest time, or the id, that a parameter finds; what has none comes last in either order."""
    keyed = [(_sort_key(resource, parameter), resource) for resource in resources]
    known = [(key, resource) for key, resource in keyed if key]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [resource for _, resource in known] + [resource for key, resource in keyed if not key]


def _sort_key(resource: Json, parameter: Parameter) -> str:
    """Empty where there is nothing to sort by."""
    if parameter.kind != "date":
        return str(resource["id"])
    spans = [span for element in elements(resource, parameter) if (span := span_of_element(element)) is not None]
    return min(spans).start.isoformat(timespec="microseconds") if spans else ""


def _medications(page: list[Json], store: Store) -> list[Json]:
    """The Medications that resources refer to, each once."""
    found: dict[str, Json] = {}
    for resource in page:
        kind, _, logical_id = resource.get("medicationReference", {}).get("reference", "").rpartition("/")
        medication = store.read("Medication", logical_id) if kind == "Medication" else None
        if medication is not None:
            found[logical_id] = medication
    return list(found.values())
