"""Drugs that no value set lists stand beside the others and stop nothing."""

from tests.builders import SINAI, RxNorm, administration, eligible, request
from tests.mappers.test_malformed_resources import Judge


def test_an_ended_order_of_an_unlisted_drug_beside_doses_of_another(judged: Judge) -> None:
    record = eligible(SINAI).add(
        request({"text": "Vitamin drops"}, "2024-01-01", status="stopped"),
        administration(RxNorm.DOCETAXEL, "2020-01-14"),
    )
    found, _ = judged(record.bundle(), "cyp3a4")
    assert (found.outcome, found.basis) == ("pass", "no-record")
