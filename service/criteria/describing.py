"""A rule in plain words, made from the rule itself: what must be so for the criterion to be met. It is read beside the
author's own words, and tells two versions of a rule apart."""

from functools import singledispatch

from service.criteria.allergies import AllergyRule, IntoleranceSign
from service.criteria.answered import AnswerRule, AnswerSign
from service.criteria.cancer import CancerRule
from service.criteria.class_sign import ClassSign
from service.criteria.combinations import AllOf, AnyOf, DoubtfulRule, WhenRule
from service.criteria.composite_signs import AllSigns, AnySign
from service.criteria.drug_now import NoDrugNowRule
from service.criteria.evaluation import Rule, Sign
from service.criteria.for_a_person import ReviewRule, Show, ShownRule, WishRule
from service.criteria.her2 import Her2Rule
from service.criteria.induction import Induction, InductionRule
from service.criteria.lines import LinesRule
from service.criteria.measured import MeasurementRule, Threshold
from service.criteria.menopause import PostmenopausalRule
from service.criteria.other_malignancy import OtherMalignancyRule
from service.criteria.pregnancy import NotPregnantRule, PregnancyTestRule
from service.criteria.progression import NoProgressionRule
from service.criteria.receptors import ReceptorRule
from service.criteria.reproduction import ForWomenRule
from service.criteria.rules import AbsenceRule, AgeRule, Concern, PresenceRule, SexRule
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.criteria.since_metastasis import NoTherapySinceRule
from service.criteria.spans import Window
from service.criteria.taken import DrugSign
from service.criteria.taken_over_time import RecentDrugSign, SteadyDrugRule
from service.criteria.threshold_sign import ThresholdSign
from service.criteria.washout import EarlierWashoutRule, WashoutRule
from service.criteria.wording import counted

NO_WINDOW = "the source gives no window"
_THEN = {"fail": "rules it out", "unknown": "leaves it unknown", "review": "a person judges"}
_ILLNESS = str.maketrans("-", " ")


@singledispatch
def describe(part: object) -> str:
    """What a rule asks for, or what a sign looks for: words without a capital at the start or a full stop at the end.

    A kind that has no words of its own is told by what its class says of itself.
    """
    return (type(part).__doc__ or type(part).__name__).partition(".")[0].strip()


def sentence(rule: Rule) -> str:
    """The description of a rule as a sentence."""
    said = describe(rule)
    capital = said[:1] if said.partition(" ")[0][1:] != said.partition(" ")[0][1:].lower() else said[:1].upper()
    return f"{capital}{said[1:]}{'' if said.endswith(('?', '.')) else '.'}"


def nested(part: Rule | Sign) -> str:
    """The description of a part of something larger: in parentheses where it has parts of its own."""
    said = describe(part)
    return f"({said})" if isinstance(part, AllOf | AnyOf | WhenRule | AbsenceRule) else said


def _listed(parts: list[str], word: str) -> str:
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _within(window: Window | None, by_site: bool = False) -> str:
    if window is None:
        return ""
    return f" within the last {window}{f' ({NO_WINDOW})' if by_site else ''}"


# -- measured values


def _threshold(threshold: Threshold, by_site: bool) -> str:
    said = f"{threshold.label} {threshold.limit}, newest result{_within(threshold.window, by_site)}"
    if threshold.method:
        said += f", by {threshold.method}"
    if threshold.aside:
        said += f"; results marked {_listed(list(threshold.aside), 'or')} are passed over"
    if threshold.doubtful:
        said += f"; results marked {_listed(list(threshold.doubtful), 'or')} do not rule it out"
    return said


@describe.register
def _(rule: MeasurementRule) -> str:
    return _threshold(rule.threshold, rule.site_window)


@describe.register
def _(sign: ThresholdSign) -> str:
    return _threshold(sign.threshold, sign.site_window)


@describe.register
def _(sign: ClassSign) -> str:
    within, label = _within(sign.window, sign.site_window), f"{sign.label.removesuffix(' class')} class"
    if sign.unclassified:
        illness = _listed([name.translate(_ILLNESS) for name in sign.illness], "or")
        return f"{illness} without a {label}{within}"
    classes = _listed(sorted(name.removeprefix(sign.prefix) for name in sign.classes), "or")
    return f"{label} {classes}{within}"


@describe.register
def _(sign: AnswerSign) -> str:
    which = "any result" if sign.any_one else "newest result"
    return f"{sign.label}: {sign.asked}, {which}{_within(sign.window)}"


@describe.register
def _(rule: AnswerRule) -> str:
    return describe(rule.sign)


# -- who the patient is


@describe.register
def _(rule: AgeRule) -> str:
    bounds = [f"at least {rule.at_least}"] if rule.at_least is not None else []
    bounds += [f"below {rule.below}"] if rule.below is not None else []
    return f"age {' and '.join(bounds)} years"


@describe.register
def _(rule: SexRule) -> str:
    return f"administrative gender {rule.sex}"


@describe.register
def _(rule: ForWomenRule) -> str:
    whom = "women who may bear children" if rule.child_bearing else "women"
    exempt = "; after tubal ligation not asked" if rule.tubal_ligation else ""
    others = f"for men: {nested(rule.man)}" if rule.man is not None else "not asked of others"
    return f"for {whom}{exempt}: {nested(rule.rule)}; {others}"


@describe.register
def _(rule: PostmenopausalRule) -> str:
    return "after the menopause"


@describe.register
def _(rule: NotPregnantRule) -> str:
    return "neither pregnant nor breast-feeding"


@describe.register
def _(rule: PregnancyTestRule) -> str:
    said = f"a negative pregnancy test{_within(rule.window, rule.site_window)}"
    if rule.positive_window == rule.window:
        return said
    return f"{said}; a positive one{_within(rule.positive_window)} rules it out"


# -- the cancer


@describe.register
def _(rule: CancerRule) -> str:
    extent = "metastatic or recurrent" if rule.recurrent else "metastatic"
    third = "; stage III without spread is for a person to judge" if rule.stage_3 == "review" else ""
    stages = _listed(sorted(f"III{stage.removeprefix('stage-3').upper()}" for stage in rule.or_stage), "or")
    early = f", or stage {stages} without spread" if stages else ""
    return f"{extent} {rule.cancer.label}{early}{third}"


@describe.register
def _(rule: Her2Rule) -> str:
    if rule.definition == "any-amplification":
        return "HER2 positive by any amplification in any specimen"
    return "HER2 positive by the ASCO/CAP guideline of 2018 in the newest specimen"


@describe.register
def _(rule: ReceptorRule) -> str:
    specimen = "the newest" if rule.specimen == "newest" else "any"
    return f"{_listed([name.upper() for name in rule.accept], 'or')} positive in {specimen} specimen"


@describe.register
def _(rule: OtherMalignancyRule) -> str:
    said = f"no other primary cancer{_within(rule.window)}"
    if rule.once_treated:
        allowed = _listed(sorted(name.translate(_ILLNESS) for name in rule.once_treated), "or")
        said += f"; {allowed} allowed once it is no longer there"
    if rule.doubtful:
        said += f"; {_listed(sorted(name.translate(_ILLNESS) for name in rule.doubtful), 'or')} leaves it unknown"
    return said


# -- signs


@describe.register
def _(sign: DiagnosisSign) -> str:
    begun = f"begun{_within(sign.window)}" if sign.window else ""
    if sign.reading == "history-of":
        return f"{sign.label}, {begun or 'ever'}"
    return f"{sign.label}, now{f', {begun}' if begun else ''}"


@describe.register
def _(sign: ProcedureSign) -> str:
    return f"{sign.label}{_within(sign.window) or ', ever'}"


@describe.register
def _(sign: DrugSign) -> str:
    when = "taken now" if sign.state == "active" else "ever taken"
    cycles = ", a cycle told by its doses going on" if sign.by_cycles else ""
    return f"{sign.drugs.label} {when}{cycles}{', in any form' if sign.local else ''}"


@describe.register
def _(sign: RecentDrugSign) -> str:
    form = ", in any form" if sign.local else ""
    return f"{sign.drugs.label} taken now or{_within(sign.window)}{form}"


@describe.register
def _(rule: SteadyDrugRule) -> str:
    dose = "; where a record of it began since then, a person judges whether the dose is the same"
    return f"{rule.drugs.label} taken now, and for at least {rule.window}{dose if rule.same_dose else ''}"


@describe.register
def _(sign: IntoleranceSign) -> str:
    return f"allergy to or intolerance of {sign.label}"


@describe.register
def _(sign: AllSigns) -> str:
    return " together with ".join(f"[{describe(s)}]" for s in sign.signs)


@describe.register
def _(sign: AnySign) -> str:
    return " or ".join(f"[{describe(s)}]" for s in sign.signs)


# -- drugs and therapies


@describe.register
def _(rule: AllergyRule) -> str:
    related = "; an allergy to a related drug, or an intolerance, is for a person to judge" if rule.related else ""
    return f"no allergy to {rule.label}{related}"


@describe.register
def _(rule: WashoutRule) -> str:
    procedures = "".join(f" and no {p.label}" for p in rule.procedures)
    return f"no {rule.therapy.drugs.label}{procedures} now, and none ended{_within(rule.window)}"


@describe.register
def _(rule: EarlierWashoutRule) -> str:
    return (
        f"{rule.drugs.label} given before the {rule.cancer.label} became metastatic ended more than {rule.window} "
        "before that"
    )


@describe.register
def _(rule: NoTherapySinceRule) -> str:
    local = f"; {_listed([p.label for p in rule.local], 'or')} is for a person to judge" if rule.local else ""
    return (
        f"no {rule.therapy.drugs.label} since the {rule.cancer.label} became metastatic; an earlier one may go on for "
        f"{rule.grace}{local}"
    )


@describe.register
def _(rule: LinesRule) -> str:
    return (
        f"at most {counted(rule.at_most, 'line')} of {rule.therapy.drugs.label} since the {rule.cancer.label} became "
        f"metastatic; starts within {rule.together} are one line, a drug not taken for {rule.new_after} is new"
    )


@describe.register
def _(part: Induction) -> str:
    return f"{' with '.join(t.drugs.label for t in part.groups)} for metastatic {part.cancer.label}"


@describe.register
def _(rule: InductionRule) -> str:
    return f"given: {describe(rule.induction)}"


@describe.register
def _(rule: NoProgressionRule) -> str:
    return f"no progression after the first day of {describe(rule.induction)}"


@describe.register
def _(rule: NoDrugNowRule) -> str:
    judged = "; where some is taken, a person judges" if rule.outcome == "review" else ""
    return f"no {rule.therapy.drugs.label} taken now{judged}"


# -- combinations


@describe.register
def _(rule: PresenceRule) -> str:
    return f"{describe(rule.sign)}; nothing on record {_THEN[rule.if_none]}"


@describe.register
def _(concern: Concern) -> str:
    said = describe(concern.sign)
    if concern.then == "fail" and not concern.because:
        return said
    return f"{said} [{_THEN[concern.then]}{f': {concern.because}' if concern.because else ''}]"


@describe.register
def _(rule: AbsenceRule) -> str:
    parts = [describe(concern) for concern in rule.concerns]
    return f"none of: {'; '.join(parts)}" if len(parts) > 1 else f"not: {parts[0]}"


@describe.register
def _(rule: AllOf) -> str:
    return f"all of: {'; '.join(nested(part) for part in rule.rules)}"


@describe.register
def _(rule: AnyOf) -> str:
    return f"one of: {'; or '.join(nested(part) for part in rule.rules)}"


@describe.register
def _(rule: WhenRule) -> str:
    return f"where {describe(rule.sign)}: {nested(rule.then)}; otherwise: {nested(rule.otherwise)}"


@describe.register
def _(rule: DoubtfulRule) -> str:
    return f"{nested(rule.rule)}; where that is so it stays unknown: {rule.because}"


# -- what a person judges


@describe.register
def _(show: Show) -> str:
    return ", ".join([*(label for _, label in show.inputs), *(describe(sign) for sign in show.signs)])


@describe.register
def _(rule: ReviewRule) -> str:
    shown = describe(rule.show)
    return f"a person judges: {rule.question}{f' Shown: {shown}' if shown else ''}"


@describe.register
def _(rule: ShownRule) -> str:
    return f"{nested(rule.rule)}; shown where a person judges: {describe(rule.show)}"


@describe.register
def _(rule: WishRule) -> str:
    return f"a wish, never in the way: {rule.text}"
