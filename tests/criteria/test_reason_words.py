"""Reasons are sentences."""

from service.screening import Screening
from tests.builders import ago, condition, snomed
from tests.criteria.one_rule import judged


def test_nothing_that_counts_is_told_without_the_article_of_what_was_looked_for(screening: Screening) -> None:
    bronchitis = condition(snomed("10509002"), ago(40), clinical="resolved")
    reason = judged(screening, "{absent: [{diagnosis: infection}]}", bronchitis).reason
    assert reason.startswith("no infection that counts: 10509002 (resolved)")
