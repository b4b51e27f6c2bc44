"""Lines of a long record that say nothing change nothing by being passed over."""

from hypothesis import given
from hypothesis import strategies as st

from service.criteria.results import PatientResult
from service.mappers.documents import Document, read_lines, read_resources
from service.mappers.sieve import Sieve
from service.population.facts import pack
from service.screening import Screening
from tests.builders import AS_OF, Json, as_json
from tests.properties.records import BUNDLES, REPEATABLE, resources
from tests.properties.test_fast_path import EveryRule


def _lines(document: Json) -> tuple[str, list[bytes]]:
    """The reference to the patient, and every resource."""
    found = [entries[index]["resource"] for entries, index in resources(document)]
    (person,) = (resource["id"] for resource in found if resource["resourceType"] == "Patient")
    return f"Patient/{person}", [as_json(resource) for resource in found]


def _passing_over(screening: Screening, person: str, lines: list[bytes], asked: bool) -> Document:
    return read_lines(lines, "record", person, screening.sieve(screening.plan if asked else None))


def _screened(screening: Screening, person: str, document: Document) -> PatientResult:
    return screening.screen(screening.of_document(document, person), AS_OF)


@REPEATABLE
@given(BUNDLES)
def test_a_record_that_was_sieved_gives_the_same_results_notices_and_facts(
    screening: Screening, document: Json
) -> None:
    person, lines = _lines(document)
    whole = read_resources(lines, "record")
    expected = _screened(screening, person, whole)
    assert _screened(screening, person, _passing_over(screening, person, lines, asked=True)) == expected
    assert _screened(screening, person, _passing_over(screening, person, lines, asked=False)) == expected
    facts = pack(screening.of_document(_passing_over(screening, person, lines, asked=False), person))
    assert facts == pack(screening.of_document(whole, person))


@REPEATABLE
@given(BUNDLES, st.integers(1, 7))
def test_a_rule_that_asks_for_more_than_was_foreseen_gets_it(screening: Screening, document: Json, step: int) -> None:
    person, lines = _lines(document)
    some = list(screening.plan.bits["input"])[::step][1:]
    sieved = read_lines(lines, "record", person, Sieve(screening.library, some))
    plan = EveryRule(screening.trials)  # which asks for what no rule says it reads, too
    found, whole = (screening.of_document(read, person) for read in (sieved, read_resources(lines)))
    assert screening.screen(found, AS_OF, plan).results == screening.screen(whole, AS_OF, plan).results
