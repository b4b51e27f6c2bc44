"""A malformed resource is read as far as it goes, named, and decides nothing: never is it silence, a pass, a traceback,
or much work.
"""

import json
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from service.errors import RecordError
from tests.builders import (
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    Record,
    RxNorm,
    Snomed,
    allergy,
    as_json,
    condition,
    dispense,
    eligible,
    entry,
    laboratory,
    medication,
    observation,
    patient,
    procedure,
    quantity,
    reference,
    request,
    searchset,
    statement,
    younger,
)

Judge = Callable[..., Any]

RECORD = eligible(SINAI)
TEXT = as_json(RECORD.bundle())
LINES = [as_json(resource) for resource in RECORD.resources.values()]
END = f"entry[{len(RECORD.resources)}]"
CIRRHOSIS = condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"id": "cirrhosis"}

# ---- what cannot be read at all --------------------------------------------------------------------------------------

LOST: dict[str, Any] = {
    "a resource without a type": {"resource": {"id": "x", "code": CIRRHOSIS["code"], "subject": CIRRHOSIS["subject"]}},
    "a resource whose type is empty": {"resource": CIRRHOSIS | {"resourceType": ""}},
    "a resource whose type is a number": {"resource": CIRRHOSIS | {"resourceType": 5}},
    "a resource whose type is in lower case": {"resource": CIRRHOSIS | {"resourceType": "condition"}},
    "a resource that is a text": {"resource": "K74.60"},
    "a resource that is a list": {"resource": [CIRRHOSIS]},
    "an entry that is a text": "K74.60",
    "an entry that is a list": [entry(CIRRHOSIS)],
}


@pytest.mark.parametrize("claim", LOST)
def test_an_entry_that_cannot_be_read_is_named_and_silence_does_not_count(judged: Judge, claim: str) -> None:
    found, notices = judged(RECORD.bundle(LOST[claim]), "liver-disease")
    assert any(END in notice for notice in notices)
    assert found.outcome == "unknown"


@pytest.mark.parametrize("separator", [b",", b"\n"], ids=["of a list", "of NDJSON"])
@pytest.mark.parametrize("lost", [b'"K74.60"', b"[" + as_json(CIRRHOSIS) + b"]"], ids=["a text", "a list"])
def test_nor_does_it_where_a_member_is_no_resource(judged: Judge, lost: bytes, separator: bytes) -> None:
    text = separator.join([*LINES, lost])
    found, notices = judged(b"[" + text + b"]" if separator == b"," else text, "liver-disease")
    assert found.outcome == "unknown"
    assert notices


# ---- what cannot be read in part -------------------------------------------------------------------------------------

SUBJECT = {"reference": "Patient/p1"}
K74 = {"system": Icd10cm.CIRRHOSIS["system"], "code": "K74.60"}
LOW_ANC = laboratory(Loinc.ANC, 0.4, "10*3/uL", "2026-11-15") | {"id": "low"}
LOW_SATURATION = observation(Loinc.SATURATION, quantity(80, "%"), "2026-11-15") | {"id": "low"}
PANEL = observation(Loinc.BLOOD_COUNT_PANEL, None, "2026-11-15", components=[(Loinc.ANC, quantity(0.4, "10*3/uL"))])

SUPPLY = dispense(RxNorm.LETROZOLE, "2026-10-01") | {"daysSupply": quantity(90, "d")}

# evidence against the patient, the criterion that it fails, and elements of a type that FHIR does not allow
HARM: dict[str, tuple[Json, str, list[tuple[str, Any]]]] = {
    "a diagnosis": (CIRRHOSIS, "liver-disease", [
        ("code", "K74.60"), ("code", [{"coding": [K74]}]), ("code", {"coding": K74}), ("code", {"coding": ["K74.60"]}),
        ("code", {"coding": [K74 | {"code": 74}]}), ("code", {"coding": [K74 | {"system": 5}]}),
        ("code", {"coding": [K74 | {"display": 5}]}), ("code", {"coding": [K74], "text": 5}), ("subject", "Patient/p1"),
        ("subject", [SUBJECT]), ("subject", {"reference": 1}), ("clinicalStatus", "active"), ("meta", 5), ("id", 5),
        ("verificationStatus", "refuted"), ("onsetDateTime", 2025), ("recordedDate", []), ("stage", {}),
        ("bodySite", {}), ("modifierExtension", {}),
    ]),
    "an allergy": (allergy(RxNorm.PALBOCICLIB) | {"id": "a"}, "allergy", [
        ("code", "palbociclib"), ("code", {"coding": [{"code": 1601374}]}), ("patient", "Patient/p1"),
        ("type", 5), ("reaction", {}), ("clinicalStatus", "active"), ("verificationStatus", []),
    ]),
    "a result": (LOW_SATURATION, "lung-function", [
        ("code", "59408-5"), ("code", {"coding": [Loinc.SATURATION | {"display": 5}]}), ("subject", "Patient/p1"),
        ("status", 5), ("effectiveDateTime", 20261115), ("valueQuantity", 80), ("valueQuantity", [quantity(80, "%")]),
        ("valueQuantity", {"value": "80", "unit": "%"}), ("component", {}), ("referenceRange", {}), ("focus", {}),
    ]),
    "the newest result": (LOW_ANC, "anc", [
        ("code", "751-8"), ("code", {"coding": [Loinc.ANC | {"display": 5}]}), ("subject", "Patient/p1"),
        ("status", 5), ("effectiveDateTime", 20261115), ("valueQuantity", 0.4), ("issued", 5), ("interpretation", "L"),
    ]),
    "a result in a panel": (PANEL | {"id": "panel"}, "anc", [
        ("component", [{"code": "751-8"}]), ("code", "58410-2"),
    ]),
    "a drug": (statement(RxNorm.VERAPAMIL, "2026-09-01") | {"id": "m"}, "cyp3a4", [
        ("medicationCodeableConcept", "verapamil"), ("subject", "Patient/p1"), ("status", 5), ("dosage", {}),
        ("medicationCodeableConcept", {"coding": [{"code": 11170}]}), ("effectivePeriod", "2026-09-01"),
    ]),
    "a supply": (SUPPLY | {"id": "d"}, "recent-anticancer-therapy", [
        ("daysSupply", 90), ("whenHandedOver", 20261001), ("status", 5), ("medicationCodeableConcept", []),
    ]),
    "a procedure": (procedure(Snomed.RADIOTHERAPY, "2026-11-15") | {"id": "r"}, "recent-anticancer-therapy", [
        ("code", "53438000"), ("subject", "Patient/p1"), ("status", 5), ("performedDateTime", 20261115),
    ]),
}  # fmt: skip
MALFORMED = [
    pytest.param(kind, element, value, id=f"{kind}: {element} {json.dumps(value)[:60]}")
    for kind, (_, _, elements) in HARM.items()
    for element, value in elements
]


@pytest.mark.parametrize("kind", HARM)
def test_whole_it_stands_in_the_way(judged: Judge, kind: str) -> None:
    resource, criterion, _ = HARM[kind]
    assert judged(RECORD.bundle(entry(resource)), criterion)[0].outcome == "fail"


@pytest.mark.parametrize(("kind", "element", "value"), MALFORMED)
def test_malformed_it_is_named_and_no_silence(judged: Judge, kind: str, element: str, value: Any) -> None:
    resource, criterion, _ = HARM[kind]
    found, notices = judged(RECORD.bundle({"resource": resource | {element: value}}), criterion)
    assert found.outcome == "unknown"
    named = [*notices, found.reason, *(evidence.reference for evidence in found.evidence)]
    assert any(f"{resource['resourceType']}/{resource['id']}" in said or END in said for said in named)


@pytest.mark.parametrize("components", [{}, ["751-8"]], ids=json.dumps)
def test_a_panel_whose_results_cannot_be_told_is_named_and_older_results_stand(judged: Judge, components: Any) -> None:
    panel = PANEL | {"id": "panel", "component": components}
    _, notices = judged(RECORD.bundle({"resource": panel}), "anc")
    assert any("Observation/panel" in notice for notice in notices)


def test_malformed_where_its_code_says_that_it_is_of_no_matter_it_is_only_named(judged: Judge) -> None:
    other = condition(Icd10cm.HYPERLIPIDEMIA, "2025-02-01") | {"id": "lipids", "recordedDate": 2025}
    found, notices = judged(RECORD.bundle({"resource": other}), "liver-disease")
    assert (found.outcome, found.basis) == ("pass", "no-record")
    assert any("Condition/lipids" in notice for notice in notices)


# without the check of the whole text each resource that matters is checked by itself
TWICE: dict[str, tuple[bytes, bytes, str]] = {
    "in a result": (b'"value":3.2', b'"value":0.4,"value":3.2', "anc"),
    "in the Patient": (b'"birthDate":', b'"birthDate":"2020-01-01","birthDate":', "adult"),
    "in an entry": (b'"resource":', b'"resource":' + as_json(CIRRHOSIS) + b',"resource":', "liver-disease"),
    "in an entry, with an escape": (
        b'"resource":',
        b'"r\\u0065source":' + as_json(CIRRHOSIS) + b',"resource":',
        "liver-disease",
    ),
    "in the Bundle": (b'"entry":', b'"entry":[{"resource":' + as_json(CIRRHOSIS) + b'}],"entry":', "liver-disease"),
}


@pytest.mark.parametrize("claim", TWICE)
def test_a_key_twice_never_passes_where_only_resources_are_checked(judged: Judge, claim: str) -> None:
    once, twice, criterion = TWICE[claim]
    try:
        outcome = judged(TEXT.replace(once, twice, 1), criterion, strict=False)[0].outcome
    except RecordError as refused:
        outcome = refused.code
    assert outcome in ("unknown", "duplicate-key")


@pytest.mark.parametrize("behind", [False, True], ids=["before the entries", "behind them"])
@pytest.mark.parametrize(
    "members",
    [
        b'"link":[{"relation":"next","url":"?2"}],"link":[]',
        b'"total":99,"total":20',
        b'"type":"searchset","total":99,"type":"collection"',
        b'"link":[{"relation":"next","relation":"self","url":"?2"}]',
    ],
    ids=["links", "totals", "types", "relations"],
)
def test_what_a_bundle_says_of_itself_twice_is_malformed(judged: Judge, members: bytes, behind: bool) -> None:
    told = searchset(list(RECORD.resources.values()))
    text = as_json({"resourceType": "Bundle", "entry": told["entry"]})
    text = text[:-1] + b",%b}" % members if behind else b"{%b,%b" % (members, text[1:])
    with pytest.raises(RecordError) as refused:
        judged(text, "liver-disease", strict=False)
    assert refused.value.code == "duplicate-key"


def test_what_a_bundle_says_of_itself_once_is_no_matter(judged: Judge) -> None:
    text = as_json(searchset(list(RECORD.resources.values()), "Condition", self_url="?1", total=len(RECORD.resources)))
    assert judged(text, "liver-disease", strict=False)[0].outcome == "pass"


# ---- values that no one has ------------------------------------------------------------------------------------------

NO_NUMBERS = {
    "a half": '"½"'.encode(), "a text": b'"3.2"', "a truth": b"true", "a list": b"[3.2]", "an object": b'{"value":3.2}',
    "null": b"null", "1e400": b"1e400", "1e-400": b"1e-400", "four hundred digits": b"3" * 400,
    "an exponent of nine digits": b"1e999999999", "an exponent of twenty digits": b"1e99999999999999999999",
    "less than nothing": b"-3.2",
}  # fmt: skip


@pytest.mark.parametrize("claim", NO_NUMBERS)
def test_a_value_that_is_no_measurement_is_unusable(judged: Judge, claim: str) -> None:
    found, _ = judged(TEXT.replace(b'"value":3.2', b'"value":' + NO_NUMBERS[claim]), "anc")
    assert (found.outcome, found.basis) == ("unknown", "unusable")


@pytest.mark.parametrize("claim", NO_NUMBERS)
def test_an_upper_limit_that_is_no_measurement_is_none(judged: Judge, claim: str) -> None:
    found, _ = judged(TEXT.replace(b'"high":{"value":40,', b'"high":{"value":' + NO_NUMBERS[claim] + b","), "alt")
    assert found.outcome == "unknown"


UNBOUNDED = {
    "lung-function": RECORD.put(fev1=laboratory(Loinc.FEV1_OF_PREDICTED, 77, "%")),
    "pregnancy-test": younger().put(pregnancy_test=laboratory(Loinc.HCG_QUANTITATIVE, 77, "[iU]/L", "2026-11-18")),
}


@pytest.mark.parametrize("claim", NO_NUMBERS)
@pytest.mark.parametrize("criterion", UNBOUNDED)
def test_nor_is_it_used_where_no_range_of_the_living_is_known(judged: Judge, criterion: str, claim: str) -> None:
    text = as_json(UNBOUNDED[criterion].bundle()).replace(b'"value":77', b'"value":' + NO_NUMBERS[claim])
    assert judged(text, criterion)[0].outcome == "unknown"


def supply(handed_over: str, length: int, unit: str) -> Json:
    return dispense(RxNorm.VERAPAMIL, handed_over) | {"daysSupply": quantity(length, unit)}


HUGE = quantity(Decimal("1e999999999999999999"), "a")
BEYOND: dict[str, tuple[Json, str, set[str]]] = {
    "a supply of a trillion days": (supply("2026-11-15", 10**12, "d"), "cyp3a4", {"fail", "unknown"}),
    "a supply of ten thousand years": (supply("2026-11-15", 10_000, "a"), "cyp3a4", {"fail", "unknown"}),
    "a supply handed over on the last day of time": (supply("9999-12-31", 30, "d"), "cyp3a4", {"pass"}),
    "an order for more days than there will be": (
        request(RxNorm.VERAPAMIL, "2026-11-15", bounds=quantity(10**29, "d")), "cyp3a4", {"fail", "unknown"}),
    "an onset at no age": (condition(Icd10cm.INFARCTION, {"onsetAge": HUGE}), "cardiac-event", {"unknown"}),
    "a birth on the last day of time": (patient("9999-12-31"), "adult", {"fail", "unknown"}),
    "a birth in the year 1": (patient("0001-01-01"), "adult", {"pass", "unknown"}),
}  # fmt: skip


@pytest.mark.parametrize("claim", BEYOND)
def test_a_length_of_time_beyond_the_calendar_is_no_traceback(judged: Judge, claim: str) -> None:
    resource, criterion, outcomes = BEYOND[claim]
    record = RECORD.put(patient=resource) if resource["resourceType"] == "Patient" else RECORD.add(resource)
    assert judged(record.bundle(), criterion)[0].outcome in outcomes


# ---- documents made to take time -------------------------------------------------------------------------------------

CIRCLE = medication(ingredients=[reference("Medication/circle")] * 32, id="circle")


def inside_each_other(depth: int) -> Record:
    """A drug whose Medication is made of one, and that of one, and the last of verapamil."""
    parts = {f"m{n}": medication(ingredients=[reference(f"Medication/m{n + 1}")]) for n in range(depth)}
    parts[f"m{depth}"] = medication(RxNorm.VERAPAMIL)
    return RECORD.put(**parts).add(statement(reference("Medication/m0")))


LONG_CODE = Icd10cm.CIRRHOSIS | {"code": "K74" + "6" * 120_000}
OTHERS = [laboratory(Loinc.ALP, 80, "U/L", subject="Patient/p2")] * 20_000
VERSIONS = [{"resource": RECORD.resources["anc"] | {"meta": {"versionId": str(n)}}} for n in range(15_000)]
SLOW: dict[str, Callable[[], bytes]] = {
    "a code of 120,000 characters": lambda: as_json(RECORD.add(condition(LONG_CODE)).bundle()),
    "a drug text of 300,000 characters": lambda: as_json(RECORD.add(statement({"text": "- " * 150_000})).bundle()),
    "a text of a megabyte": lambda: as_json(RECORD.add(condition(K74 | {"display": "x" * 1_000_000})).bundle()),
    "a number of 4,000 digits": lambda: TEXT.replace(b'"value":3.2', b'"value":' + b"3" * 4000),
    "a drug that is its own ingredient": lambda: as_json(
        RECORD.put(circle=CIRCLE).add(statement(reference("Medication/circle"))).bundle()
    ),
    "3,000 drugs inside each other": lambda: as_json(inside_each_other(3000).bundle()),
    "20,000 results of another patient": lambda: as_json(RECORD.add(*OTHERS).bundle()),
    "15,000 versions of one result": lambda: as_json(RECORD.bundle(*VERSIONS)),
}


@pytest.fixture
def _no_hang() -> Iterator[None]:
    """A guard against hanging, wide enough for any machine: quadratic work on these takes many minutes."""

    def stop(*_: object) -> None:
        raise TimeoutError("still not done after a minute")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.mark.usefixtures("_no_hang")
@pytest.mark.parametrize("claim", SLOW)
def test_large_and_twisted_records_are_read_without_hanging(judged: Judge, claim: str) -> None:
    judged(SLOW[claim](), "anc")


@pytest.mark.parametrize(("depth", "outcome"), [(5, "fail"), (6, "unknown"), (3000, "unknown")])
def test_drugs_inside_each_other_are_followed_so_far_as_anybody_nests_them(
    judged: Judge, depth: int, outcome: str
) -> None:
    assert judged(inside_each_other(depth).bundle(), "cyp3a4")[0].outcome == outcome
