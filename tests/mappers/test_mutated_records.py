"""Records with a byte, a value or a type changed anywhere: read or refused, and never better for it in silence."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.criteria.results import PatientResult
from service.errors import RecordError
from service.screening import Screening
from tests.builders import (
    AS_OF,
    SINAI,
    Icd10cm,
    Loinc,
    RxNorm,
    Snomed,
    allergy,
    as_json,
    condition,
    eligible,
    laboratory,
    observation,
    procedure,
    quantity,
    statement,
)

# an eligible patient with newer evidence against each kind of criterion
RECORD = eligible(SINAI).add(
    condition(Icd10cm.CIRRHOSIS, "2025-02-01"),
    condition(Icd10cm.INFARCTION, "2026-10-01"),
    condition(Icd10cm.METASTASIS_TO_MENINGES, "2026-10-01"),
    allergy(RxNorm.PALBOCICLIB),
    laboratory(Loinc.ANC, 0.4, "10*3/uL", "2026-11-15"),
    laboratory(Loinc.ALT, 900, "U/L", "2026-11-15", high=40),
    observation(Loinc.SATURATION, quantity(80, "%"), "2026-11-15"),
    observation(Loinc.ECOG, 3, "2026-11-15"),
    observation(Loinc.BLOOD_COUNT_PANEL, None, "2026-11-15", components=[(Loinc.PLATELETS, quantity(20, "10*3/uL"))]),
    observation(Loinc.LVEF_ULTRASOUND, quantity(30, "%"), "2026-11-15"),
    statement(RxNorm.VERAPAMIL, "2026-09-01"),
    procedure(Snomed.RADIOTHERAPY, "2026-11-15"),
)
DOCUMENT = RECORD.bundle()
TEXT = as_json(DOCUMENT)
REPEATABLE = settings(max_examples=150, deadline=None, derandomize=True, database=None)

Path = tuple[str | int, ...]
WRONG: dict[type, list[Any]] = {str: [5, {"x": 1}, []], dict: ["x", [{}], 5], list: [{}, "x", 5], bool: ["true", 1]}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """The place of every value in a JSON document but the document itself."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from paths(member, (*path, key))


def at(path: Path) -> Any:
    value: Any = DOCUMENT
    for key in path:
        value = value[key]
    return value


def changed(path: Path, value: Any) -> bytes:
    document = copy.deepcopy(DOCUMENT)
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return as_json(document)


PATHS = list(paths(DOCUMENT))


def read(screening: Screening, text: bytes) -> PatientResult | None:
    """None where the document is refused; any other exception is a failure of the test."""
    try:
        return screening.screen(screening.read(text, "p.json"), AS_OF)
    except RecordError:
        return None


@REPEATABLE
@given(
    cut=st.integers(0, len(TEXT)),
    bytes_=st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(0, 255)), max_size=4),
)
def test_flipped_bytes_are_read_or_refused(screening: Screening, cut: int, bytes_: list[tuple[int, int]]) -> None:
    text = bytearray(TEXT)
    for place, byte in bytes_:
        text[place] = byte
    read(screening, bytes(text))
    read(screening, bytes(text[:cut]))


@REPEATABLE
@given(path=st.sampled_from(PATHS), value=ANYTHING)
def test_any_value_anywhere_is_read_or_refused(screening: Screening, path: Path, value: Any) -> None:
    read(screening, changed(path, value))


def passes(result: PatientResult) -> dict[tuple[str, str], list[str]]:
    """The criteria that pass, and the resources shown for each."""
    return {
        (trial.trial, criterion.id): [evidence.reference for evidence in criterion.evidence]
        for trial in result.results
        for criterion in trial.criteria
        if criterion.outcome == "pass"
    }


def notices(result: PatientResult) -> list[str]:
    return list(result.notices) if isinstance(result.notices, tuple) else []


@REPEATABLE
@given(path=st.sampled_from([path for path in PATHS if len(path) > 1]), choice=st.integers(0, 2))
def test_a_wrong_type_makes_no_pass_that_does_not_name_its_resource(
    screening: Screening, path: Path, choice: int
) -> None:
    wrong = WRONG.get(type(at(path)), ["x", {}])
    whole, result = read(screening, TEXT), read(screening, changed(path, wrong[choice % len(wrong)]))
    assert whole is not None
    if result is None:
        return
    place, resource = f"entry[{path[1]}]", at(("entry", path[1], "resource"))
    for criterion in passes(result).keys() - passes(whole).keys():
        named = [*notices(result), *passes(result)[criterion]]
        assert any(f"{resource['resourceType']}/{resource['id']}" in n or place in n for n in named), criterion
