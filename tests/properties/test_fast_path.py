"""Silence answered in advance gives what judging every rule gives."""

from hypothesis import given
from hypothesis import strategies as st

from service.criteria.facts import PatientRecord
from service.criteria.plan import Plan
from service.screening import Screening
from tests.builders import AS_OF, Json, as_json
from tests.properties.records import BUNDLES, REPEATABLE, resources


class EveryRule(Plan):
    """A plan that takes no answer from silence."""

    def asked_of(self, record: PatientRecord) -> int:
        return -1


@REPEATABLE
@given(BUNDLES, st.integers(0, 2**16), st.integers(1, 12))
def test_what_a_record_says_nothing_of_is_answered_as_if_it_were_asked(
    screening: Screening, document: Json, first: int, step: int
) -> None:
    # records thinned out, so that now one and now another criterion meets silence
    for place, (entries, index) in reversed(list(enumerate(resources(document)))):
        if entries[index]["resource"]["resourceType"] != "Patient" and (place + first) % step:
            del entries[index]
    text = as_json(document)
    plain = screening.screen(screening.read(text), AS_OF, EveryRule(screening.trials))
    assert screening.screen(screening.read(text), AS_OF).results == plain.results
