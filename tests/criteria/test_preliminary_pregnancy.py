"""A reason that rests on preliminary words names those that leave it open, not those that say no."""

from service.screening import Screening
from tests.builders import Loinc, LoincAnswer, Snomed, ago, observation
from tests.criteria.one_rule import judged

RULE = "{pregnancy: none}"
NEGATIVE = observation(Loinc.PREGNANCY_TEST_URINE, Snomed.NEGATIVE, ago(3), status="preliminary")
POSITIVE = observation(Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT, ago(3), status="preliminary")


def test_a_preliminary_no_is_cited_and_not_in_the_reason(screening: Screening) -> None:
    found = judged(screening, RULE, NEGATIVE, POSITIVE)
    assert (found.outcome, found.basis) == ("unknown", "missing")
    assert "LA15173-0" in found.reason
    assert "260385009" not in found.reason
    assert len(found.evidence) == 2


def test_an_older_preliminary_yes_is_not_in_the_reason_either(screening: Screening) -> None:
    found = judged(
        screening, RULE, POSITIVE, observation(Loinc.HCG_QUANTITATIVE, "trace", ago(1), status="preliminary")
    )
    assert "trace" in found.reason
    assert "LA15173-0" not in found.reason


def test_a_preliminary_no_alone_leaves_nothing_open(screening: Screening) -> None:
    found = judged(screening, RULE, NEGATIVE)
    assert (found.outcome, found.basis) == ("pass", "no-record")
