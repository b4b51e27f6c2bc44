"""The plain engine: every criterion of the four trials, one rule after the other, for one Bundle and one day.

A second opinion on the fast engine, with which it shares no code; plainness goes before speed.
"""

from datetime import date

from . import criteria as rule
from . import drug_names as drugs
from .answers import FAIL, NOT_APPLICABLE, Answer, graded
from .cancer import metastatic, metastatic_or_irresectable, metastatic_or_recurrent
from .criteria import Rule
from .laboratory import (
    bilirubin_yale,
    count_above,
    count_at_least,
    ecog,
    fasting_glucose,
    lung_function,
    lvef_any_method,
    lvef_echo,
    times_normal,
    transaminase,
)
from .lines import lines_of_therapy
from .receptors import either_ever, either_newest, estrogen, her2_by_guideline, her2_by_trial
from .record import Record
from .reproduction import (
    contraception,
    menopause_alone,
    menopause_or_suppression,
    pregnancy_or_lactation,
    pregnancy_test,
)
from .spans import span

_CDK46_RELATIVES = frozenset(("ribociclib", "abemaciclib"))
_CONJUGATE_RELATIVES = frozenset(("t-dxd", "margetuximab"))


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


PATINA: dict[str, Rule] = {
    "metastatic-breast-cancer": metastatic_or_irresectable,
    "histology": rule.manual,
    "her2-positive": her2_by_guideline,
    "hormone-receptor-positive": either_newest,
    "induction-chemo-her2": rule.induction,
    "no-progression-after-induction": rule.no_progression,
    "archival-tissue": rule.manual,
    "metastatic-specimen": lambda record: NOT_APPLICABLE,
}

SINAI: dict[str, Rule] = {
    "metastatic-breast-cancer": metastatic,
    "evaluable-disease": rule.manual,
    "no-prior-metastatic-therapy": rule.no_prior_metastatic_therapy,
    "biopsy-confirmed": rule.manual,
    "hormone-receptor-positive": either_ever,
    "her2-positive": her2_by_trial,
    "adult": rule.adult,
    "ecog": ecog,
    "brain-metastases": rule.brain,
    "lvef": lvef_echo,
    "menopause-or-suppression": menopause_or_suppression,
    "anc": count_at_least("anc", "1.5"),
    "platelets": count_at_least("platelets", "75"),
    "hemoglobin": count_above("hemoglobin", "9"),
    "bilirubin": times_normal("bilirubin", "1.5"),
    "alt": transaminase("alt"),
    "ast": transaminase("ast"),
    "creatinine": times_normal("creatinine", "1.5"),
    "consent": rule.manual,
    "baseline-imaging": rule.manual,
    "pregnancy-test": lambda record: pregnancy_test(record, days=7),
    "contraception": lambda record: contraception(record, men_too=True),
    "adjuvant-her2-washout": rule.adjuvant_her2_washout,
    "recent-anticancer-therapy": rule.recent_anticancer_therapy,
    "major-surgery": rule.manual,
    "investigational-drug": rule.manual,
    "cyp3a4": rule.cyp3a4,
    "leptomeningeal": rule.leptomeningeal,
    "other-malignancy": rule.other_malignancy,
    "heart-failure": rule.heart_failure,
    "uncontrolled-illness": rule.manual,
    "cardiac-event": rule.cardiac_event,
    "lung-function": lung_function,
    "fasting-glucose": fasting_glucose,
    "active-infection": rule.active_infection,
    "liver-disease": rule.liver_disease,
    "gi-absorption": rule.gi_absorption,
    "bleeding-diathesis": rule.bleeding,
    "compliance": rule.manual,
    "substance-use": rule.substance_use,
    "pregnancy-lactation": pregnancy_or_lactation,
    "allergy": rule.allergy(
        _names("palbociclib", "anastrozole", "trastuzumab", "pertuzumab"),
        _CDK46_RELATIVES | _CONJUGATE_RELATIVES | _names("letrozole", "exemestane", "t-dm1"),
    ),
}

YALE: dict[str, Rule] = {
    "informed": rule.manual,
    "consent": rule.manual,
    "ecog": ecog,
    "metastatic-breast-cancer": metastatic_or_recurrent,
    "her2-positive": her2_by_guideline,
    "lvef": lvef_any_method,
    "creatinine": times_normal("creatinine", "1.5"),
    "bilirubin": bilirubin_yale,
    "alt": times_normal("alt", "2"),
    "ast": times_normal("ast", "2"),
    "alp": times_normal("alp", "2"),
    "anc": count_at_least("anc", "1"),
    "platelets": count_at_least("platelets", "100"),
    "hemoglobin": count_at_least("hemoglobin", "10"),
    "compliance": rule.manual,
    "prior-pertuzumab": rule.prior_pertuzumab,
    "lines-of-therapy": lines_of_therapy,
    "no-prior-tdm1": rule.never_taken(_names("t-dm1")),
    "no-prior-cdk46": rule.never_taken(drugs.CDK46),
    "cns-metastases": rule.cns,
    "allergy": rule.allergy(
        _names("t-dm1", "trastuzumab", "palbociclib"),
        _CDK46_RELATIVES | _CONJUGATE_RELATIVES | _names("pertuzumab"),
    ),
    "active-infection": rule.active_infection,
    "uncontrolled-illness": rule.manual,
    "cardiac-event": rule.cardiac_event_yale,
    "pregnancy-lactation": pregnancy_or_lactation,
    "pregnancy-test": lambda record: pregnancy_test(record, days=28, tubes_count=True),
    "contraception": lambda record: contraception(record, men_too=False, tubes_count=True),
    "concurrent-therapy": rule.concurrent_therapy,
}

ASPIRE: dict[str, Rule] = {
    "female": rule.female,
    "adult": rule.adult,
    "metastatic-breast-cancer": metastatic,
    "histology": rule.manual,
    "er-positive": estrogen,
    "her2-positive": her2_by_guideline,
    "prior-taxane": rule.taken(drugs.TAXANES),
    "prior-trastuzumab": rule.taken(_names("trastuzumab")),
    "recist-disease": rule.manual,
    "ecog": ecog,
    "organ-function": rule.manual,
    "postmenopausal": menopause_alone,
    "swallow-pills": rule.manual,
    "investigational-agents": rule.manual,
    "no-prior-cdk46": rule.never_taken(drugs.CDK46),
    "recent-chemo-radiotherapy": rule.recent_chemo_radiotherapy,
    "recovered": rule.manual,
    "leptomeningeal": rule.leptomeningeal,
    "allergy": rule.allergy(
        _names("palbociclib", "letrozole", "t-dm1", "trastuzumab"),
        _CDK46_RELATIVES | _CONJUGATE_RELATIVES | _names("anastrozole", "exemestane"),
    ),
    "other-illness": rule.manual,
}

TRIALS: dict[str, dict[str, Rule]] = {
    "NCT02947685": PATINA,
    "NCT03304080": SINAI,
    "HIC-2000023405": YALE,
    "NCT03709082": ASPIRE,
}


def judge(bundle: dict, as_of: date) -> dict[str, dict[str, Answer]]:
    """Outcome and basis of every criterion of every trial. For the dead there is one: not alive."""
    record = Record(bundle, as_of.toordinal())
    if _dead(record):
        return {trial: {"alive": FAIL} for trial in TRIALS}
    return {trial: {name: ask(record) for name, ask in rules.items()} for trial, rules in TRIALS.items()}


def grade(answers: dict[str, Answer]) -> str:
    return graded([a.outcome for a in answers.values()], [a.basis for a in answers.values()])


def _dead(record: Record) -> bool:
    """Deceased, or a date of death that is not wholly after the as-of date."""
    if record.patient.get("deceasedBoolean"):
        return True
    died = span(record.patient.get("deceasedDateTime"))
    return died is not None and died.first <= record.as_of
