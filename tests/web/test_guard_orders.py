"""Draft orders as a clinician means them: when, why and where they are carried out decides what they would close."""

from typing import Any

import pytest

from service.criteria.catalogue import Trials, load_trials
from service.criteria.plan import Plan
from service.criteria.results import Effect
from service.guard import effects, read_orders
from service.mappers.documents import read_document
from service.screening import Screening
from tests.builders import (
    AS_OF,
    ASPIRE,
    SINAI,
    Json,
    Record,
    RxNorm,
    Snomed,
    as_json,
    concept,
    eligible,
    icd10cm,
    rxnorm,
    snomed,
)  # fmt: skip
from tests.cases.conftest import TRIAL

TODAY = AS_OF.toordinal()
CLARITHROMYCIN = concept(rxnorm("21212"), text="Clarithromycin")
LETROZOLE = concept(rxnorm("72965"), text="Letrozole")
FERTILITY = [concept(icd10cm("Z31.84"))]


def drug(medication: Json | None, **more: Any) -> Json:
    order: Json = {"resourceType": "MedicationRequest", "id": "o1", "status": "draft", "intent": "order"} | more
    return order | ({"medicationCodeableConcept": medication} if medication else {})


def radiotherapy(**more: Any) -> Json:
    code = concept(Snomed.RADIOTHERAPY, text="Radiotherapy")
    return {"resourceType": "ServiceRequest", "id": "r1", "status": "draft", "intent": "order", "code": code} | more


def told(screening: Screening, record: Record, trial: str, *drafts: Json, plan: Plan | None = None) -> list[Effect]:
    chosen = plan or Plan(screening.trials.chosen([trial]))
    document = read_document(as_json(record.bundle()), "record")
    orders = read_orders(list(drafts), "p1", TODAY)
    return effects(screening, chosen, document, "p1", TODAY, orders)


@pytest.mark.parametrize(
    "when",
    [
        {"occurrenceDateTime": "2027-01-10"},
        {"occurrencePeriod": {"start": "2027-01-10"}},
        {"occurrenceTiming": {"event": ["2027-01-10T09:00:00Z"]}},
    ],
    ids=["a day", "a period", "a timing"],
)
def test_what_is_planned_for_later_closes_from_then(screening: Screening, when: Json) -> None:
    (effect,) = told(screening, eligible(ASPIRE), ASPIRE, radiotherapy(**when))
    assert (effect.closes_from, effect.open_again) == ("2027-01-10", "2027-01-25")


def test_a_course_counts_by_its_last_day(screening: Screening) -> None:
    course = {"occurrencePeriod": {"start": "2026-11-21", "end": "2026-12-11"}}
    (effect,) = told(screening, eligible(ASPIRE), ASPIRE, radiotherapy(**course))
    assert (effect.closes_from, effect.open_again) == ("", "2026-12-26")


def test_a_drug_that_is_begun_later_closes_from_then(screening: Screening) -> None:
    bounds = {"start": "2026-12-01", "end": "2026-12-07"}
    later = [{"timing": {"repeat": {"boundsPeriod": bounds}}}]
    (effect,) = told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, dosageInstruction=later))
    assert (effect.closes_from, effect.open_again) == ("2026-12-01", "2026-12-08")
    assert "azithromycin" in effect.alternatives


def test_the_end_of_what_may_be_dispensed_ends_the_order(screening: Screening) -> None:
    supply = {"validityPeriod": {"end": "2026-11-28"}}
    (effect,) = told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, dispenseRequest=supply))
    assert effect.open_again == "2026-11-29"


def test_the_reason_of_an_order_counts(screening: Screening) -> None:
    assert told(screening, eligible(SINAI), SINAI, drug(LETROZOLE))
    assert told(screening, eligible(SINAI), SINAI, drug(LETROZOLE, reasonCode=FERTILITY)) == []


@pytest.mark.parametrize("status", ["on-hold", "cancelled", "stopped", "entered-in-error"])
def test_a_draft_that_is_not_to_be_carried_out_closes_nothing(screening: Screening, status: str) -> None:
    assert told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, status=status)) == []
    assert told(screening, eligible(SINAI), SINAI, drug(CLARITHROMYCIN, status=[status]))  # no status at all


def test_a_medication_among_the_drafts_is_read(screening: Screening) -> None:
    product = {"resourceType": "Medication", "id": "m1", "code": CLARITHROMYCIN}
    order = drug(None, medicationReference={"reference": "Medication/m1"})
    (effect,) = told(screening, eligible(SINAI), SINAI, product, order)
    assert (effect.order, effect.says) == ("MedicationRequest/o1", "Clarithromycin")


def test_a_drug_once_taken_closes_for_good(screening: Screening) -> None:
    (effect,) = told(screening, eligible(ASPIRE), ASPIRE, drug(concept(RxNorm.RIBOCICLIB_TABLET)))
    assert (effect.failure, effect.open_again) == ("permanent", "")


RULES = """\
  - id: both
    type: exclusion
    source: E9
    text: Rifampicin and clarithromycin together
    rule: {absent: [{all-of: [{drug: rifampin, taken: now}, {drug: clarithromycin, taken: now}]}]}
  - id: azole
    type: exclusion
    source: E8
    text: Ketoconazole; another azole for a person to judge
    rule:
      absent:
        - {drug: ketoconazole, taken: now}
        - {drug: voriconazole, taken: now, then: review}
"""


@pytest.fixture
def plan(screening: Screening, tmp_path: Any) -> Plan:
    (tmp_path / "trial.yaml").write_text(TRIAL + RULES, "utf-8")
    return Plan(Trials(load_trials(screening.vocabulary, [tmp_path], built_in=False).trials))


def test_orders_that_close_a_trial_only_together_are_told_once(screening: Screening, plan: Plan) -> None:
    rifampin = drug(concept(rxnorm("9384"), text="Rifampin"), id="o2")
    other = drug(concept(rxnorm("161"), text="Paracetamol"), id="o3")
    both = drug(CLARITHROMYCIN), rifampin, other
    (effect,) = told(screening, eligible(SINAI), "", *both, plan=plan)
    assert (effect.order, effect.together_with, effect.criteria) == (
        "MedicationRequest/o2", ("Clarithromycin",), ("both",),
    )  # fmt: skip
    assert told(screening, eligible(SINAI), "", rifampin, other, plan=plan) == []


def test_a_drug_that_leaves_a_question_is_no_alternative(screening: Screening, plan: Plan) -> None:
    ketoconazole = drug(concept(rxnorm("6135"), text="Ketoconazole"))
    (effect,) = told(screening, eligible(SINAI), "", ketoconazole, plan=plan)
    assert "voriconazole" not in effect.alternatives
    assert "fluconazole" in effect.alternatives


def test_the_site_of_an_operation_is_read(screening: Screening) -> None:
    ablation = concept(Snomed.RADIOTHERAPY) | {"text": "Radiotherapy"}
    draft = radiotherapy(code=ablation, bodySite=[concept(snomed("15497006"))])
    (order,) = read_orders([draft], "p1", TODAY)
    assert b"15497006" in order.carried_out
