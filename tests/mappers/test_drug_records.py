"""Drug records that are no valid FHIR, and lengths of time: nothing is lost in silence, nothing is guessed."""

from datetime import date

import msgspec
import pytest

from service.criteria import spans
from service.mappers import wire
from service.mappers.lengths_of_time import after, after_exactly
from tests.builders import (
    SINAI,
    Icd10cm,
    Json,
    RxNorm,
    as_json,
    condition,
    eligible,
    medication,
    quantity,
    reference,
    request,
)
from tests.builders import statement as taken
from tests.mappers.test_malformed_resources import Judge

METHOTREXATE = taken(
    RxNorm.METHOTREXATE_TABLET, "2026-09-10", "2026-10-10", reasonReference=[reference("#why")]
)  # after the metastasis, and also a drug of rheumatism


@pytest.mark.parametrize(
    "contained",
    [
        [{"resourceType": "Condition", "id": "why", "code": 5}],
        [{"resourceType": "Observation", "id": "why", "code": condition(Icd10cm.BREAST_CANCER)["code"]}],
        [{"id": "why"}],
        ["why"],
        {"resourceType": "Condition", "id": "why"},
        [],
    ],
    ids=["unreadable", "no Condition", "no type", "a text", "no list", "nothing"],
)
def test_a_contained_reason_that_cannot_be_read_is_no_reason(judged: Judge, contained: object) -> None:
    record = eligible(SINAI).add(METHOTREXATE | {"contained": contained})
    found, _ = judged(record.bundle(), "no-prior-metastatic-therapy")
    assert found.outcome == "unknown"


@pytest.mark.parametrize(("name", "outcome"), [("#a", "pass"), ("#b", "fail"), ("#", "unknown"), ("#c", "unknown")])
def test_of_several_contained_medications_the_one_that_is_named_counts(judged: Judge, name: str, outcome: str) -> None:
    inside = [medication(RxNorm.LISINOPRIL_TABLET, id="a"), medication(RxNorm.VERAPAMIL, id="b")]
    order = request(reference(name) or {}, "2026-11-01") | {"contained": inside}
    assert judged(eligible(SINAI).add(order).bundle(), "cyp3a4")[0].outcome == outcome


@pytest.mark.parametrize("status", ["ordered", "active", None])
def test_an_order_without_an_intent_is_in_doubt_whatever_its_status(judged: Judge, status: str | None) -> None:
    order = request(RxNorm.VERAPAMIL, "2026-11-01", status="active")
    order = {name: value for name, value in (order | {"status": status}).items() if name != "intent"}
    found, _ = judged(eligible(SINAI).add(order).bundle(), "cyp3a4")
    assert found.outcome == "unknown"


def test_a_status_that_is_no_status_is_shown_shortened(judged: Judge) -> None:
    order = request(RxNorm.VERAPAMIL, "2026-11-01", status="x" * 400)
    found, _ = judged(eligible(SINAI).add(order).bundle(), "cyp3a4")
    assert (found.outcome, found.basis) == ("unknown", "missing")
    assert f"status {'x' * 24}" in found.reason
    assert "x" * 25 not in found.reason


@pytest.mark.parametrize("code", [" ", "", None], ids=repr)
def test_an_rxnorm_code_of_nothing_is_no_other_drug(judged: Judge, code: str | None) -> None:
    record = eligible(SINAI).add(taken({"coding": [RxNorm.VERAPAMIL | {"code": code}]}, "2026-11-01"))
    found, _ = judged(record.bundle(), "cyp3a4")
    assert (found.outcome, found.basis) == ("unknown", "unusable")


@pytest.mark.parametrize("sequence", ["1", -1, None, 10**30, {}], ids=str)
def test_an_odd_sequence_number_loses_no_dosage(judged: Judge, sequence: object) -> None:
    bounds = {"repeat": {"boundsPeriod": {"start": "2026-11-01", "end": "2026-11-30"}}}
    dosage = [{"sequence": sequence, "timing": bounds}, {"sequence": sequence, "timing": bounds}]
    order = request(RxNorm.VERAPAMIL, "2026-11-01", dosageInstruction=dosage)
    found, _ = judged(eligible(SINAI).add(order).bundle(), "cyp3a4")
    assert (found.outcome, found.basis) == ("fail", "recorded")


@pytest.mark.parametrize("high", [10**29, 10])
def test_bounds_without_a_limit_beside_others_are_read(judged: Judge, high: int) -> None:
    open_range = {"low": quantity(10, "d"), "high": quantity(high, "a")}
    repeats = [{"boundsRange": open_range}, {"boundsPeriod": {"start": "2026-11-01", "end": "2026-11-20"}}]
    order = request(RxNorm.VERAPAMIL, "2026-11-01", dosageInstruction=[{"timing": {"repeat": r}} for r in repeats])
    found, _ = judged(eligible(SINAI).add(order).bundle(), "cyp3a4")
    assert found.outcome == "unknown"


def test_an_order_of_very_many_dosages_is_read(judged: Judge) -> None:
    told = {"timing": {"repeat": {"boundsPeriod": {"start": "2026-11-01", "end": "2026-11-20"}}}}
    dosages = [told if i % 2 else {"sequence": i, "text": "once"} for i in range(20_000)]
    order = request(RxNorm.VERAPAMIL, "2026-11-01", dosageInstruction=dosages)
    found, _ = judged(eligible(SINAI).add(order).bundle(), "cyp3a4")
    assert found.outcome == "fail"


# ---- lengths of time -------------------------------------------------------------------------------------------------


def day(text: str) -> spans.Span:
    ordinal = date.fromisoformat(text).toordinal()
    return spans.of_days(ordinal, ordinal, text)


def length(value: Json) -> wire.Quantity:
    return msgspec.json.decode(as_json(value), type=wire.Quantity)


def reached(start: str, value: Json) -> tuple[str, str] | None:
    found = after_exactly(day(start), length(value))
    return None if found is None else (spans.iso(found.first), spans.iso(found.last))


@pytest.mark.parametrize(
    ("start", "value", "expected"),
    [
        ("2026-01-31", quantity(1, "mo"), ("2026-02-28", "2026-02-28")),
        ("2024-02-29", quantity(1, "a"), ("2025-02-28", "2025-02-28")),
        ("2024-02-29", quantity(4, "a"), ("2028-02-29", "2028-02-29")),
        ("2026-01-01", quantity(1.5, "mo"), ("2026-02-01", "2026-03-01")),
        ("2026-01-01", quantity(24, "h"), ("2026-01-02", "2026-01-02")),
        ("2026-01-01", quantity(25, "h"), ("2026-01-02", "2026-01-03")),
        ("2026-01-01", quantity(86_400, "s"), ("2026-01-02", "2026-01-02")),
        ("2026-01-01", quantity(0, "d"), ("2026-01-01", "2026-01-01")),
        ("2026-01-01", quantity(10, "d", comparator="<"), ("2026-01-01", "2026-01-11")),
        ("2026-01-01", quantity(10, "d", comparator="<="), ("2026-01-01", "2026-01-11")),
        ("2026-01-01", quantity(10, "d", comparator=">"), None),
        ("2026-01-01", quantity(10, "d", comparator=">="), None),
        ("2026-01-01", quantity(-1, "d"), None),
        ("2026-01-01", quantity(10, "mg"), None),
        ("2026-01-01", {"value": 10}, None),
        ("2026-01-01", {"value": "10", "unit": "d"}, None),
        ("2026-01-01", {"unit": "d"}, None),
        ("2026-01-01", {"value": 2, "code": "258705008", "unit": "week"}, ("2026-01-15", "2026-01-15")),
    ],
    ids=str,
)
def test_how_far_a_length_reaches(start: str, value: Json, expected: tuple[str, str] | None) -> None:
    assert reached(start, value) == expected


@pytest.mark.parametrize("unit", ["s", "h", "d", "wk", "mo", "a"])
def test_a_length_that_nobody_lives_ends_after_everything(unit: str) -> None:
    found = after_exactly(day("9999-12-31"), length(quantity(10**29, unit)))
    assert found is not None
    assert found.first >= date.max.toordinal()
    assert found.text == "no end"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (quantity(1, "wk"), quantity(10, "d"), ("2026-01-08", "2026-01-11")),
        (None, quantity(10, "d"), ("2026-01-01", "2026-01-11")),
        (quantity(1, "mg"), quantity(10, "d"), ("2026-01-01", "2026-01-11")),
        (quantity(14, "d"), quantity(10, "d"), ("2026-01-11", "2026-01-11")),
        (quantity(1, "wk"), None, None),
        (quantity(1, "wk"), quantity(1, "mg"), None),
    ],
)
def test_how_far_a_range_of_lengths_reaches(low: Json | None, high: Json | None, expected: object) -> None:
    found = after(day("2026-01-01"), low and length(low), high and length(high))
    assert (found and (spans.iso(found.first), spans.iso(found.last))) == expected


def test_a_month_that_is_known_alone_reaches_as_far_from_its_last_day() -> None:
    january = spans.of_days(date(2026, 1, 1).toordinal(), date(2026, 1, 31).toordinal(), "2026-01")
    found = after_exactly(january, length(quantity(1, "mo")))
    assert found is not None
    assert (spans.iso(found.first), spans.iso(found.last)) == ("2026-02-01", "2026-02-28")
