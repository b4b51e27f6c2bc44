"""Missing data never pass an inclusion that asks for something to be there."""

from hypothesis import given
from hypothesis import strategies as st

from service.screening import Screening
from tests.builders import ASPIRE, PATINA, SINAI, TRIALS, YALE, Json, Record, eligible, flag, younger
from tests.properties.records import REPEATABLE, SEEDS, answers, generated, resources

MEASURED = ("anc", "platelets", "hemoglobin", "bilirubin", "alt", "ast", "creatinine", "ecog", "lvef")
# the inclusions of each trial that ask for a presence; the others ask for an absence, or are only shown
PRESENCES: dict[str, tuple[str, ...]] = {
    PATINA: ("metastatic-breast-cancer", "her2-positive", "hormone-receptor-positive", "induction-chemo-her2"),
    SINAI: ("metastatic-breast-cancer", "her2-positive", "hormone-receptor-positive", "adult", *MEASURED),
    YALE: ("metastatic-breast-cancer", "her2-positive", "alp", *MEASURED, "prior-pertuzumab"),
    ASPIRE: (
        *("female", "adult", "metastatic-breast-cancer", "er-positive", "her2-positive"),
        *("prior-taxane", "prior-trastuzumab", "ecog"),
    ),
}
# the inputs of the criteria that one kind of Observation alone can pass
INPUTS = {name: (name,) for name in (*MEASURED, "alp")}

# what makes a resource prove nothing, or less, and leaves it the only one of its input
SPOILT: dict[str, Json] = {
    "as it is": {},
    "preliminary": {"status": "preliminary"},
    "stale": {"effectiveDateTime": "2026-01-01"},
    "undated": {"effectiveDateTime": None},
    "next year's": {"effectiveDateTime": "2027-01-01"},
    "in a unit nobody knows": {"valueQuantity": {"value": 2, "unit": "furlong"}},
    "without a value": {"valueQuantity": None, "valueInteger": None, "valueCodeableConcept": None},
    "high without a range": {"referenceRange": None, "interpretation": flag("H")},
    "text": {"valueQuantity": None, "valueInteger": None, "valueString": "see report"},
    "doubted": {"verificationStatus": {"coding": [{"code": "provisional"}]}},
    "of an unknown status": {"status": "unknown"},
    "without a system": {},
}


def _spoilt(record: Record, spoils: list[tuple[str, str]]) -> Record:
    for key, manner in spoils:
        own = record.resources[key]
        # an element that the resource has not is not added, but for what FHIR gives every Observation
        fitting = {n: v for n, v in SPOILT[manner].items() if n in own or own["resourceType"] == "Observation"}
        if manner == "without a system" and "code" in own:
            fitting = {"code": {"coding": [{"code": coding["code"]} for coding in own["code"]["coding"]]}}
        record = record.edit(key, **fitting)
    return record


@st.composite
def records(draw: st.DrawFn) -> tuple[Record, str]:
    """A patient each of whose resources is the only one of its input, some of them spoilt, and the key of one."""
    record = draw(st.sampled_from((eligible, younger)))(draw(st.sampled_from(TRIALS)))
    keys = sorted(key for key in record.resources if key != "patient")
    spoils = draw(st.lists(st.tuples(st.sampled_from(keys), st.sampled_from(sorted(SPOILT))), max_size=4))
    return _spoilt(record, spoils), draw(st.sampled_from(keys))


@REPEATABLE
@given(records())
def test_removing_the_only_resource_of_an_input_makes_no_presence_pass(
    screening: Screening, chosen: tuple[Record, str]
) -> None:
    record, key = chosen
    whole, less = (answers(screening, made.bundle()) for made in (record, record.drop(key)))
    for trial, names in PRESENCES.items():
        for name in names:
            before, after = whole[trial][1][name], less[trial][1][name]
            assert before[0] == "pass" or after[0] != "pass", f"{trial} {name} without {key}: {before}, then {after}"


@REPEATABLE
@given(SEEDS, st.sampled_from(sorted(INPUTS)))
def test_a_test_of_which_nothing_is_left_is_unknown(screening: Screening, seed: int, name: str) -> None:
    document = generated(seed)
    for entries, index in reversed(list(resources(document))):
        if entries[index]["resource"]["resourceType"] == "Observation":
            del entries[index]
    found = answers(screening, document)
    for trial, names in PRESENCES.items():
        if name in names and "alive" not in found[trial][1]:
            assert found[trial][1][name] == ("unknown", "missing")
