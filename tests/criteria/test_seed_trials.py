"""The built-in trials: every criterion of the reference under its own id, at its place in the source."""

from importlib.resources import files

import pytest

from service.commands.trials import schema_text
from service.screening import Screening

# trial -> the places in the source, in the order of the reference, with the criteria found there
PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "NCT02947685": (
        ("I1", "metastatic-breast-cancer histology"),
        ("I2", "her2-positive hormone-receptor-positive"),
        ("title, NEJM", "induction-chemo-her2 no-progression-after-induction"),
        ("I3", "archival-tissue"),
        ("I4", "metastatic-specimen"),
    ),
    "NCT03304080": (
        ("I1", "metastatic-breast-cancer evaluable-disease"),
        ("I2, E2", "no-prior-metastatic-therapy"),
        ("I3", "biopsy-confirmed"),
        ("I4", "hormone-receptor-positive"),
        ("I5, E1", "her2-positive"),
        ("I6", "adult"),
        ("I7", "ecog"),
        ("I8, E7", "brain-metastases"),
        ("I9", "lvef"),
        ("I10", "menopause-or-suppression"),
        ("I11", "anc platelets hemoglobin bilirubin alt ast creatinine"),
        ("I12", "consent"),
        ("I13", "baseline-imaging"),
        ("I14, E21", "pregnancy-test"),
        ("I15, E21", "contraception"),
        ("E2", "adjuvant-her2-washout"),
        ("E3", "recent-anticancer-therapy"),
        ("E4", "major-surgery"),
        ("E5", "investigational-drug"),
        ("E6", "cyp3a4"),
        ("E8", "leptomeningeal"),
        ("E9", "other-malignancy"),
        ("E10", "heart-failure uncontrolled-illness"),
        ("E11", "cardiac-event"),
        ("E12", "lung-function"),
        ("E13", "fasting-glucose"),
        ("E14", "active-infection"),
        ("E15", "liver-disease"),
        ("E16", "gi-absorption"),
        ("E17", "bleeding-diathesis"),
        ("E18, E19", "compliance"),
        ("E20", "substance-use"),
        ("E21", "pregnancy-lactation"),
        ("E22", "allergy"),
    ),
    "HIC-2000023405": (
        ("I1", "informed"),
        ("I2", "consent"),
        ("I3", "ecog"),
        ("I4", "metastatic-breast-cancer"),
        ("I4, E1", "her2-positive"),
        ("I5", "lvef"),
        ("I6", "creatinine bilirubin alt ast alp"),
        ("I7", "anc platelets hemoglobin"),
        ("I8", "compliance"),
        ("I9", "prior-pertuzumab"),
        ("I10", "lines-of-therapy"),
        ("E2", "no-prior-tdm1"),
        ("E3", "no-prior-cdk46"),
        ("E4", "cns-metastases"),
        ("E5", "allergy"),
        ("E6", "active-infection uncontrolled-illness"),
        ("E7", "cardiac-event"),
        ("E8", "pregnancy-lactation pregnancy-test contraception"),
        ("E9", "concurrent-therapy"),
    ),
    "NCT03709082": (
        ("registry", "female adult"),
        ("I1", "metastatic-breast-cancer histology er-positive her2-positive"),
        ("I2", "prior-taxane"),
        ("I3", "prior-trastuzumab"),
        ("I4", "recist-disease"),
        ("I5", "ecog"),
        ("I6", "organ-function"),
        ("I7", "postmenopausal"),
        ("I8", "swallow-pills"),
        ("E1", "investigational-agents"),
        ("E2", "no-prior-cdk46"),
        ("E3", "recent-chemo-radiotherapy recovered"),
        ("E4", "leptomeningeal"),
        ("E5", "allergy"),
        ("E6", "other-illness"),
    ),
}
# what only a person can judge, in each trial
JUDGED_BY_A_PERSON = {
    "NCT02947685": {"histology", "archival-tissue"},
    "NCT03304080": {
        *("evaluable-disease", "biopsy-confirmed", "consent", "baseline-imaging", "major-surgery"),
        *("investigational-drug", "uncontrolled-illness", "compliance"),
    },
    "HIC-2000023405": {"informed", "consent", "compliance", "uncontrolled-illness"},
    "NCT03709082": {
        *("histology", "recist-disease", "organ-function", "swallow-pills", "investigational-agents"),
        *("recovered", "other-illness"),
    },
}


def test_the_built_in_trials_are_the_four_of_the_reference(screening: Screening) -> None:
    assert [trial.id for trial in screening.trials.trials] == sorted(PLACES)


@pytest.mark.parametrize("trial", PLACES)
def test_a_trial_has_every_criterion_of_the_reference_at_its_place(screening: Screening, trial: str) -> None:
    expected = {name: place for place, names in PLACES[trial] for name in names.split()}
    assert {c.id: c.source for c in screening.trials[trial].criteria} == expected


@pytest.mark.parametrize("trial", PLACES)
def test_a_criterion_is_an_exclusion_where_its_place_says_so(screening: Screening, trial: str) -> None:
    for criterion in screening.trials[trial].criteria:
        assert (criterion.type == "exclusion") == criterion.source.startswith("E"), criterion.id


@pytest.mark.parametrize("trial", PLACES)
def test_only_what_no_resource_settles_is_always_for_review(screening: Screening, trial: str) -> None:
    always = {c.id for c in screening.trials[trial].criteria if c.rule.outcomes() == {"review"}}
    assert always == JUDGED_BY_A_PERSON[trial]


@pytest.mark.parametrize("trial", PLACES)
def test_a_trial_names_its_version_its_source_and_where_it_is_registered(screening: Screening, trial: str) -> None:
    made = screening.trials[trial]
    assert made.version
    assert made.source
    assert made.registry_url.startswith("https://")
    assert not made.is_open


def test_the_schema_for_editors_is_the_generated_one(screening: Screening) -> None:
    kept = (files("service.criteria") / "trial.schema.json").read_text("utf-8")
    assert kept == schema_text(screening, "trial") + "\n"
