"""Lines of a long record that say nothing change nothing by being passed over."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.criteria.facts import Measurement
from service.criteria.results import PatientResult
from service.mappers.documents import Document, read_lines, read_resources
from service.mappers.record import Record
from service.population.facts import pack
from service.screening import Screening
from tests.builders import AS_OF, TRIALS, Json, as_json, eligible
from tests.properties.records import BUNDLES, REPEATABLE, resources
from tests.properties.test_fast_path import EveryRule


def _lines(document: Json) -> tuple[str, list[bytes]]:
    """The reference to the patient, and every resource."""
    found = [entries[index]["resource"] for entries, index in resources(document)]
    (person,) = (resource["id"] for resource in found if resource["resourceType"] == "Patient")
    return f"Patient/{person}", [as_json(resource) for resource in found]


def _passing_over(screening: Screening, person: str, lines: list[bytes], asked: bool) -> Document:
    return read_lines(lines, "record", person, screening.sieve(screening.plan if asked else None).mute)


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


class Watched:
    """A record that notes which inputs it is asked for."""

    def __init__(self, record: Record, asked: set[str]) -> None:
        self._record = record
        self._asked = asked

    def measurements(self, name: str) -> Any:
        self._asked.add(name)
        found: list[Measurement] = list(self._record.measurements(name))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


@settings(REPEATABLE, max_examples=40)
@given(BUNDLES, st.booleans())
def test_no_rule_asks_for_an_input_that_it_does_not_say_it_reads(
    screening: Screening, document: Json, every_rule: bool
) -> None:
    person, lines = _lines(document)
    asked: set[str] = set()
    record: Any = Watched(screening.of_document(read_resources(lines), person), asked)
    screening.screen(record, AS_OF, EveryRule(screening.trials) if every_rule else screening.plan)
    assert asked <= screening.plan.bits["input"].keys()


def test_rules_ask_for_inputs_at_all(screening: Screening) -> None:
    asked: set[str] = set()
    record: Any = Watched(screening.read(as_json(eligible(TRIALS[0]).bundle())), asked)
    screening.screen(record, AS_OF)
    assert "ecog" in asked
