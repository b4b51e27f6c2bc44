"""Lines of a long record that say nothing change nothing by being passed over."""

from typing import Any

from hypothesis import given, settings

from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.keys import named
from service.criteria.plan import consulted
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
@given(BUNDLES)
def test_no_rule_looks_at_an_input_that_its_plan_does_not_know(screening: Screening, document: Json) -> None:
    person, lines = _lines(document)
    plan = EveryRule(screening.trials)
    for question in (question for of_trial in plan.plans for question in of_trial.questions):
        asked: set[str] = set()
        record: Any = Watched(screening.of_document(read_resources(lines), person), asked)
        Evaluation(record, AS_OF.toordinal(), screening.site).find(question.rule)
        assert asked <= consulted(question.rule), question.criterion.id


def test_a_rule_may_look_at_more_than_what_it_is_asked_for(screening: Screening) -> None:
    rules = [question.rule for of_trial in screening.plan.plans for question in of_trial.questions]
    assert any(consulted(rule) > named("input", rule.reads()) for rule in rules)
    asked: set[str] = set()
    record: Any = Watched(screening.read(as_json(eligible(TRIALS[0]).bundle())), asked)
    screening.screen(record, AS_OF)
    assert {"ecog", "stage"} <= asked
