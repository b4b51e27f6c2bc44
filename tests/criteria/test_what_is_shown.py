"""What a result shows beside its outcome: what was set aside, what was read in part, by whose limit it was judged."""

import pytest

from service.criteria.results import CriterionResult
from service.screening import Screening
from tests.builders import (
    AS_OF,
    ASPIRE,
    SINAI,
    YALE,
    Icd10cm,
    Json,
    Loinc,
    Record,
    Snomed,
    ago,
    as_json,
    concept,
    condition,
    eligible,
    hl7,
    laboratory,
    observation,
    procedure,
    rxnorm,
    snomed,
    statement,
    younger,
)

NO_VALUE = {"dataAbsentReason": concept(hl7("data-absent-reason", "unknown"))}
CUT = {"next_url": "https://fhir.example.org/r4?_getpages=abc", "total": None}


def criterion(screening: Screening, document: Json, name: str, trial: str = SINAI) -> CriterionResult:
    results = screening.screen(screening.read(as_json(document)), AS_OF).results
    return next(c for result in results if result.trial == trial for c in result.criteria if c.id == name)


@pytest.mark.parametrize("older", [True, False])
def test_a_result_without_a_value_is_shown_as_set_aside(screening: Screening, older: bool) -> None:
    empty = observation(Loinc.ANC, None, ago(1), id="empty", **NO_VALUE)
    record = (
        eligible(YALE).put(anc=laboratory(Loinc.ANC, 4, "10*3/uL", ago(3))) if older else eligible(YALE).drop("anc")
    )
    found = criterion(screening, record.add(empty).bundle(), "anc", YALE)
    assert found.outcome == ("pass" if older else "unknown")
    assert [(e.reference, e.says, e.why) for e in found.evidence if not e.used] == [
        ("Observation/empty", "no value", "no value")
    ]


TUMOUR = [
    (SINAI, "hormone-receptor-positive", Loinc.ER_PERCENT, "ER"),
    (SINAI, "hormone-receptor-positive", Loinc.ER_AND_PR, "ER and PR together"),
    (ASPIRE, "er-positive", Loinc.ER, "ER"),
    (SINAI, "her2-positive", Loinc.HER2_IHC, "HER2 IHC"),
    (YALE, "her2-positive", Loinc.HER2_RATIO, "HER2 ratio"),
]


@pytest.mark.parametrize("told", [True, False], ids=["told before", "told nowhere"])
@pytest.mark.parametrize(("trial", "name", "code", "label"), TUMOUR)
def test_a_receptor_or_her2_without_a_value_is_shown_as_set_aside(
    screening: Screening, trial: str, name: str, code: Json, label: str, told: bool
) -> None:
    record = eligible(trial) if told else eligible(trial).drop("er", "pr", "her2")
    before = criterion(screening, record.bundle(), name, trial)
    empty = observation(code, None, ago(1), id="empty", **NO_VALUE)
    preliminary = observation(code, Snomed.POSITIVE, ago(2), id="preliminary", status="preliminary")
    found = criterion(screening, record.add(empty, preliminary).bundle(), name, trial)
    assert (
        (found.outcome, found.basis)
        == (before.outcome, before.basis)
        == (("pass", "recorded") if told else ("unknown", "missing"))
    )
    aside = {e.reference: (e.says, e.why) for e in found.evidence if not e.used}
    assert aside["Observation/empty"] == (f"{label}: no value", "no value")
    assert aside["Observation/preliminary"][0].startswith(f"{label} ")
    assert aside["Observation/preliminary"][1] == "status preliminary"
    assert len(aside) == 2


def test_an_older_result_without_a_value_was_not_looked_at(screening: Screening) -> None:
    empty = observation(Loinc.ANC, None, ago(9), id="empty", **NO_VALUE)
    record = eligible(YALE).put(anc=laboratory(Loinc.ANC, 4, "10*3/uL", ago(3))).add(empty)
    found = criterion(screening, record.bundle(), "anc", YALE)
    assert [e.reference for e in found.evidence] == ["Observation/anc"]


def test_what_decides_of_a_type_read_in_part_says_so(screening: Screening) -> None:
    record = eligible(SINAI).add(condition(Icd10cm.CIRRHOSIS, "2025-02-01"))
    whole, part = record.searches(), record.searches(Condition=CUT)
    assert "read in part" not in criterion(screening, whole, "liver-disease").reason
    found = criterion(screening, part, "liver-disease")
    assert (found.outcome, found.basis) == ("fail", "recorded")
    assert "(read in part: " in found.reason
    assert found.reason.endswith("has a next page that was not read)")
    assert "read in part" not in criterion(screening, part, "anc").reason  # results were read completely
    assert "read in part" not in criterion(screening, part, "adult").reason  # so was the Patient


def test_the_evidence_says_that_the_sites_own_limit_judged(screening: Screening) -> None:
    own = Screening(upper_limits={"alt": {"high": "40", "unit": "U/L"}})
    record = eligible(YALE).put(alt=laboratory(Loinc.ALT, 80, "U/L", ago(3)))
    (evidence,) = criterion(own, record.bundle(), "alt", YALE).evidence
    assert evidence.says == "80 U/L (by the site's own upper limit of 40 U/L)"


@pytest.mark.parametrize(("trial", "name"), [(SINAI, "adult"), (ASPIRE, "female")])
def test_a_patient_with_a_modifier_is_unusable(screening: Screening, trial: str, name: str) -> None:
    modified = eligible(trial).edit(
        "patient", modifierExtension=[{"url": "https://example.org/x", "valueBoolean": True}]
    )
    found = criterion(screening, modified.bundle(), name, trial)
    assert (found.outcome, found.basis) == ("unknown", "unusable")
    assert [(e.reference, e.used) for e in found.evidence] == [("Patient/p1", False)]


@pytest.mark.parametrize("value", [4, 1.5])
def test_a_partial_date_is_no_matter_where_both_results_of_its_time_say_the_same(
    screening: Screening, value: float
) -> None:
    partial = laboratory(Loinc.ANC, value, "10*3/uL", "2026")
    record = eligible(YALE).put(anc=laboratory(Loinc.ANC, 4, "10*3/uL", ago(3))).add(partial)
    assert criterion(screening, record.bundle(), "anc", YALE).outcome == "pass"
    low = record.add(laboratory(Loinc.ANC, 0.3, "10*3/uL", "2026"))
    assert criterion(screening, low.bundle(), "anc", YALE).outcome == "unknown"


def test_the_menopausal_status_asked_for_is_the_one_that_settles(screening: Screening) -> None:
    record = eligible(ASPIRE).edit("patient", birthDate="1974-03-01")
    record = record.drop(*(key for key in record.resources if "ooph" in key or "meno" in key))
    (needed,) = [
        need
        for result in screening.screen(screening.read(as_json(record.bundle())), AS_OF).results
        if result.trial == ASPIRE
        for need in result.needed
        if need.input == "menopausal-status"
    ]
    assert needed.settles == ("postmenopausal",)
    order = {"system": needed.order.system, "code": needed.order.code}
    answered = record.add(observation(order, concept(Snomed.POSTMENOPAUSAL), ago(1)))
    assert criterion(screening, answered.bundle(), "postmenopausal", ASPIRE).outcome == "pass"


def test_the_birth_date_that_tells_a_menopause_is_shown(screening: Screening) -> None:
    found = criterion(screening, eligible(SINAI).bundle(), "menopause-or-suppression")
    assert [(e.reference.partition("/")[0], e.used) for e in found.evidence] == [("Patient", True)]


@pytest.mark.parametrize("name", ["cyp3a4", "no-prior-metastatic-therapy", "recent-anticancer-therapy"])
def test_the_record_that_names_no_drug_is_shown(screening: Screening, name: str) -> None:
    record = eligible(SINAI).add(statement(concept(text="unknown"), ago(10), id="m9")).bundle()
    found = criterion(screening, record, name)
    assert (found.outcome, found.basis) == ("unknown", "unusable")
    assert [(e.reference, e.why) for e in found.evidence if not e.used] == [("MedicationStatement/m9", "names no drug")]


def test_a_class_of_heart_failure_that_is_too_old_is_told_and_set_aside(screening: Screening) -> None:
    record = eligible(SINAI).add(observation(Snomed.NYHA, Snomed.NYHA_1, ago(200), id="nyha")).bundle()
    found = criterion(screening, record, "heart-failure")
    assert (found.outcome, found.basis) == ("pass", "no-record")
    assert f"on {ago(200)} is older than 180 days" in found.reason
    assert [(e.reference, e.used, e.why) for e in found.evidence] == [
        ("Observation/nyha", False, "older than 180 days")
    ]


def test_another_cancer_is_told_with_its_day(screening: Screening) -> None:
    record = eligible(SINAI).add(condition(Icd10cm.COLON_CANCER, "2025-02-02", clinical="resolved")).bundle()
    assert "on 2025-02-02" in criterion(screening, record, "other-malignancy").reason


# -- what is laid before the person who judges

DEXAMETHASONE, CONTRACEPTIVE = rxnorm("197582"), rxnorm("4124")
LIVER_RESECTION = snomed("107963000")


def with_brain_metastasis(trial: str) -> Record:
    return eligible(trial).add(condition(Icd10cm.METASTASIS_TO_BRAIN, ago(40)))


@pytest.mark.parametrize(
    ("trial", "name", "record", "seen", "unseen"),
    [
        *(
            (
                trial,
                name,
                with_brain_metastasis(trial),
                statement(DEXAMETHASONE, ago(20)),
                statement(DEXAMETHASONE, ago(90), ago(1)),
            )
            for trial, name in ((SINAI, "brain-metastases"), (YALE, "cns-metastases"))
        ),
        *(
            (
                trial,
                "contraception",
                younger(trial),
                statement(CONTRACEPTIVE, ago(300)),
                statement(CONTRACEPTIVE, ago(300), ago(1)),
            )
            for trial in (SINAI, YALE)
        ),
        (
            SINAI,
            "major-surgery",
            eligible(SINAI),
            procedure(LIVER_RESECTION, ago(28)),
            procedure(LIVER_RESECTION, ago(29)),
        ),
    ],
)
def test_who_judges_is_shown_what_is_going_on_and_nothing_that_is_over(
    screening: Screening, trial: str, name: str, record: Record, seen: Json, unseen: Json
) -> None:
    for resource, used in ((seen, [True]), (unseen, [])):
        found = criterion(screening, record.add(resource | {"id": "beside"}).bundle(), name, trial)
        assert found.outcome == "review"
        assert [e.used for e in found.evidence if e.reference.endswith("/beside") and e.used] == used


def test_who_judges_organ_function_is_shown_every_result_the_reference_names(screening: Screening) -> None:
    found = criterion(screening, eligible(ASPIRE).bundle(), "organ-function", ASPIRE)
    assert sorted(e.says.rpartition(" ")[0].rpartition(" ")[0] for e in found.evidence) == sorted(
        ("ANC", "platelets", "haemoglobin", "total bilirubin", "ALT", "AST", "creatinine")
    )
