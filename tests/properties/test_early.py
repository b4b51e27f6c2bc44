"""What is decided early is what judging the whole record gives, whatever else is on it."""

from hypothesis import given
from hypothesis import strategies as st

from service.criteria.early import READ
from service.criteria.results import PatientResult
from service.screening import Screening
from tests.builders import AS_OF, Json, as_json
from tests.properties.records import BUNDLES, REPEATABLE, resources

OF_THE_DOCUMENT = frozenset({"OperationOutcome"})  # what was not read of it, and nobody's


def without(document: Json, types: frozenset[str], first: int = 0, step: int = 1) -> None:
    """Take resources of some types, all or every so many, out of a document."""
    for place, (entries, index) in reversed(list(enumerate(resources(document)))):
        if entries[index]["resource"]["resourceType"] in types and not (place + first) % step:
            del entries[index]


def early(screening: Screening, document: Json) -> PatientResult | None:
    return screening.screen_early(screening.read(as_json(document)), AS_OF)


@REPEATABLE
@given(BUNDLES, st.integers(0, 2**16), st.integers(1, 4))
def test_an_early_answer_is_that_of_the_whole_record(
    screening: Screening, document: Json, first: int, step: int
) -> None:
    without(document, frozenset({"Condition"}), first, step)
    whole = screening.screen(screening.read(as_json(document)), AS_OF)
    found = early(screening, document)
    types = {entries[index]["resource"]["resourceType"] for entries, index in resources(document)}
    without(document, frozenset(types - READ - OF_THE_DOCUMENT))
    on_less = early(screening, document)
    assert (found and found.results) == (on_less and on_less.results)
    if found is None:
        return
    assert [t.trial for t in found.results] == [t.trial for t in whole.results]
    for brief, full in zip(found.results, whole.results, strict=True):
        assert (brief.grade, brief.changes_on, full.changes_on) == (full.grade, None, None)
        (decides,) = brief.criteria
        assert decides in full.criteria


@REPEATABLE
@given(BUNDLES)
def test_whoever_has_no_diagnosis_is_decided_early(screening: Screening, document: Json) -> None:
    without(document, OF_THE_DOCUMENT | {"Condition"})
    found = early(screening, document)
    assert found is not None
    assert {trial.grade for trial in found.results} == {"certainly-not"}
