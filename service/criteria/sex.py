"""A patient's sex, as the record tells it."""

from typing import Literal

from service.criteria.evaluation import Evaluation

Sex = Literal["woman", "man", "unclear"]
FEMALE_CONDITIONS = (
    "pregnant",
    "history-hysterectomy",
    "history-bilateral-oophorectomy",
    "history-unilateral-oophorectomy",
)
FEMALE_PROCEDURES = (
    "hysterectomy",
    "bilateral-oophorectomy",
    "left-oophorectomy",
    "right-oophorectomy",
    "oophorectomy",
)


def sex(ev: Evaluation) -> tuple[Sex, str]:
    """Administrative gender, unless the record contradicts it; and why it is unclear."""
    person = ev.record.person
    if person.gender == "female":
        return "woman", ""
    if person.gender != "male":
        return "unclear", f"gender {person.gender}" if person.gender else "no gender recorded"
    if person.birth_sex == "female":
        return "unclear", "gender male, birth sex female"
    if any(
        m.fact.verification != "refuted" and ev.counts(m.fact.onset) for m in ev.record.diagnoses(FEMALE_CONDITIONS)
    ):
        return "unclear", "gender male, with a record of pregnancy, uterus or ovaries"
    if any(ev.counts(m.fact.start) for m in ev.record.operations(FEMALE_PROCEDURES)):
        return "unclear", "gender male, with a record of pregnancy, uterus or ovaries"
    for m in ev.record.measurements("pregnancy-status"):
        if m.standing == "sure" and "pregnant" in m.answers and ev.counts(m.span):
            return "unclear", "gender male, with a record of pregnancy, uterus or ovaries"
    return "man", ""
