"""The kind `result`, as a rule and as a sign: coded results, the newest or any one."""

from typing import Any

import pytest

from service.errors import TrialError
from service.screening import Screening
from tests.builders import LoincAnswer, ago, coding, loinc, observation, searchset
from tests.criteria.one_rule import judged, screened

VARIANT, GENE = loinc("69548-6"), loinc("48018-6")
GENES = {name: coding("http://www.genenames.org", code) for name, code in (("EGFR", "HGNC:3236"), ("ALK", "HGNC:427"))}
NEWEST = "{result: egfr-variant, is: negative}"
ANY = "{result: egfr-variant, is: positive, which: any}"
WINDOW = "{result: egfr-variant, is: negative, within: 90 days}"
ABSENT = "{absent: [{result: egfr-variant, is: positive, which: any}]}"


def variant(answer: Any, on: str | None = ago(7), gene: str = "EGFR", **more: Any) -> dict[str, Any]:
    return observation(VARIANT, answer, on, components=[(GENE, GENES[gene])], **more)


FOUND, NOT_FOUND, EQUIVOCAL = LoincAnswer.POSITIVE, LoincAnswer.NEGATIVE, LoincAnswer.EQUIVOCAL


@pytest.mark.parametrize(
    ("rule", "resources", "outcome", "basis"),
    [
        (NEWEST, [variant(NOT_FOUND)], "pass", "recorded"),
        (NEWEST, [variant(FOUND)], "fail", "recorded"),
        (NEWEST, [variant(EQUIVOCAL)], "fail", "recorded"),
        (NEWEST, [], "unknown", "missing"),
        (NEWEST, [variant(NOT_FOUND, gene="ALK")], "unknown", "missing"),
        (NEWEST, [observation(VARIANT, NOT_FOUND, ago(7))], "unknown", "missing"),
        (NEWEST, [variant(FOUND, ago(30)), variant(NOT_FOUND, ago(7))], "pass", "recorded"),
        (NEWEST, [variant(FOUND), variant(NOT_FOUND)], "unknown", "conflict"),
        (NEWEST, [variant(NOT_FOUND, status="preliminary")], "unknown", "missing"),
        (NEWEST, [variant(NOT_FOUND, status="entered-in-error")], "unknown", "missing"),
        (NEWEST, [variant("not found, as far as can be told")], "unknown", "unusable"),
        (NEWEST, [variant(NOT_FOUND, "2027-01-01")], "unknown", "missing"),
        (NEWEST, [variant(NOT_FOUND, None)], "pass", "recorded"),
        (WINDOW, [variant(NOT_FOUND, ago(90))], "pass", "recorded"),
        (WINDOW, [variant(NOT_FOUND, ago(91))], "unknown", "stale"),
        (WINDOW, [variant(FOUND, ago(91))], "unknown", "stale"),
        (WINDOW, [variant(NOT_FOUND, "2026")], "unknown", "missing"),
        (WINDOW, [variant(NOT_FOUND, None)], "unknown", "missing"),
        (ANY, [variant(FOUND, ago(900)), variant(NOT_FOUND)], "pass", "recorded"),
        (ANY, [variant(NOT_FOUND)], "fail", "recorded"),
        (ABSENT, [], "pass", "no-record"),
        (ABSENT, [variant(NOT_FOUND)], "pass", "recorded"),
        (ABSENT, [variant(FOUND, ago(900)), variant(NOT_FOUND)], "fail", "recorded"),
        (ABSENT, [variant(FOUND, status="preliminary")], "unknown", "missing"),
        (ABSENT, [searchset([], "Observation", next_url="https://ehr.example.org/fhir?page=2")], "unknown", "missing"),
    ],
)
def test_a_coded_result_decides_by_its_answer(
    screening: Screening, rule: str, resources: list[dict[str, Any]], outcome: str, basis: str
) -> None:
    found = judged(screening, rule, *resources)
    assert (found.outcome, found.basis) == (outcome, basis), found.reason


def test_a_missing_result_names_what_to_order(screening: Screening) -> None:
    (need,) = screened(screening, NEWEST).needed
    assert (need.input, need.why) == ("egfr-variant", "missing")
    assert need.order is not None
    assert need.order.code == "69548-6"


def test_a_result_grows_stale_on_the_day_after_its_window(screening: Screening) -> None:
    change = screened(screening, WINDOW, variant(NOT_FOUND, "2026-11-14")).changes_on
    assert change is not None
    assert change.date == "2027-02-13"  # 90 days after 14 November is 12 February


def test_any_result_is_cited_with_those_that_say_otherwise(screening: Screening) -> None:
    assert [e.reference for e in judged(screening, ANY, variant(FOUND)).evidence] == ["Observation/r0"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{result: anc, is: positive}", "anc has numbers and no answers; the kind for it is `measurement`"),
        ("{result: egfr-variant, is: positiv}", "no answer called positiv; did you mean positive?"),
        ("{result: egfr-varient, is: positive}", "no input called egfr-varient; did you mean egfr-variant?"),
        ("{result: egfr-variant}", "is is missing"),
    ],
)
def test_a_mistake_is_told_in_plain_words(screening: Screening, rule: str, message: str) -> None:
    with pytest.raises(TrialError, match=f".*{message.partition('?')[0]}"):
        judged(screening, rule)
