"""Rules as characteristics of a FHIR R4 Group: what each asks of a person, one entry a part. A Group's characteristics
hold together; what is one or another of several, or leaves doubt, it cannot say."""

from functools import singledispatch

from service.criteria.allergies import AllergyRule
from service.criteria.answered import AnswerRule, AnswerSign
from service.criteria.bands import Band
from service.criteria.cancer import CancerRule
from service.criteria.combinations import AllOf
from service.criteria.composite_signs import AllSigns, AnySign
from service.criteria.describing import describe
from service.criteria.drug_now import NoDrugNowRule
from service.criteria.drugs import Drugs
from service.criteria.for_a_person import ShownRule, WishRule
from service.criteria.her2 import Her2Rule
from service.criteria.measured import MeasurementRule, Threshold
from service.criteria.other_malignancy import OtherMalignancyRule
from service.criteria.receptors import ReceptorRule
from service.criteria.rules import AbsenceRule, AgeRule, PresenceRule, SexRule
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.criteria.taken import DrugSign
from service.criteria.taken_over_time import RecentDrugSign, SteadyDrugRule
from service.criteria.threshold_sign import ThresholdSign
from service.criteria.washout import WashoutRule
from service.mappers.code_systems import LOINC
from service.mappers.inputs import Input
from service.mappers.quantities import UCUM
from service.sharing.cql_terms import known_units
from service.sharing.telling import Json, Telling

_COMPARATORS = {"at-least": ">=", "more-than": ">", "at-most": "<=", "less-than": "<"}
_AGE = ("30525-0", "Age")
_SEX = ("46098-0", "Sex")
_DIAGNOSIS = ("29308-4", "Diagnosis")
_MEDICATION = ("10160-0", "History of Medication use")
_PROCEDURE = ("47519-4", "History of Procedures")
_ALLERGY = ("48765-2", "Allergies and adverse reactions")
_GENDER = "http://hl7.org/fhir/administrative-gender"


def _loinc(asked: tuple[str, str]) -> Json:
    return {"coding": [{"system": LOINC, "code": asked[0], "display": asked[1]}], "text": asked[1]}


def _one(code: Json, value: Json, exclude: bool = False, more: Json | None = None) -> list[Json]:
    return [{**(more or {}), "code": code, **value, "exclude": exclude}]


@singledispatch
def characteristics(part: object, telling: Telling, exclude: bool = False) -> list[Json]:
    """What a rule asks for, or a sign that must (not) be there, as characteristics; what they do not say is noted."""
    return telling.nothing(describe(part))


# -- who the patient is


@characteristics.register
def _(rule: AgeRule, telling: Telling, exclude: bool = False) -> list[Json]:
    bounds = ((rule.at_least, ">="), (rule.below, "<"))
    quantities = [{"value": n, "comparator": sign, "unit": "a", "system": UCUM, "code": "a"} for n, sign in bounds if n]
    return [c for quantity in quantities for c in _one(_loinc(_AGE), {"valueQuantity": quantity})]


@characteristics.register
def _(rule: SexRule, telling: Telling, exclude: bool = False) -> list[Json]:
    return _one(_loinc(_SEX), {"valueCodeableConcept": {"coding": [{"system": _GENDER, "code": rule.sex}]}})


# -- results


@characteristics.register
def _(rule: MeasurementRule, telling: Telling, exclude: bool = False) -> list[Json]:
    return _threshold(rule.threshold, telling, exclude)


@characteristics.register
def _(part: ThresholdSign, telling: Telling, exclude: bool = False) -> list[Json]:
    return _threshold(part.threshold, telling, exclude)


def _threshold(threshold: Threshold, telling: Telling, exclude: bool) -> list[Json]:
    made = telling.screening.inputs.by_name[threshold.input]
    if threshold.method or threshold.aside or threshold.doubtful:
        telling.gaps.append(f"{threshold.label}: how it was measured")
    when = telling.window(threshold.window)
    if isinstance(threshold, Band):
        if exclude:
            return telling.nothing(describe(threshold))
        values = _band(threshold, made)
    else:
        values = [{"valueQuantity": _limit(threshold, made)}]
    return [c for value in values for c in _one(telling.asked(made), value, exclude, when)]


def _band(band: Band, made: Input) -> list[Json]:
    ends = [_limit(end, made) for end in (band.lower, band.upper)]
    if [end["comparator"] for end in ends] != [">=", "<="]:
        return [{"valueQuantity": end} for end in ends]
    low, high = ({k: v for k, v in end.items() if k != "comparator"} for end in ends)
    return [{"valueRange": {"low": low, "high": high}}]


def _limit(threshold: Threshold, made: Input) -> Json:
    """A limit with its comparator, in the author's unit; multiples of the upper limit of normal as an annotation."""
    limit = threshold.limit
    found: Json = {"value": limit.number, "comparator": _COMPARATORS[limit.comparison]}
    if limit.times_uln:
        return found | {"unit": "× upper limit of normal", "system": UCUM, "code": "{ULN}"}
    if made.score:
        return found
    if limit.unit in known_units(made):
        return found | {"value": limit.number / limit.scale, "unit": limit.unit, "system": UCUM, "code": limit.unit}
    return found | {"unit": made.unit, "system": UCUM, "code": made.unit}


@characteristics.register
def _(rule: AnswerRule, telling: Telling, exclude: bool = False) -> list[Json]:
    return characteristics(rule.sign, telling, exclude)


@characteristics.register
def _(part: AnswerSign, telling: Telling, exclude: bool = False) -> list[Json]:
    made = telling.screening.inputs.by_name[part.input]
    value = {"valueCodeableConcept": telling.coded("answer", part.answers, part.asked)}
    return _one(telling.asked(made), value, exclude, telling.window(part.window))


@characteristics.register
def _(rule: ReceptorRule, telling: Telling, exclude: bool = False) -> list[Json]:
    if len(rule.accept) > 1:
        return telling.nothing(describe(rule))
    telling.gaps.append("a share of stained cells in place of the answer (positive from 1 %)")
    return _positive(rule.accept[0], telling)


@characteristics.register
def _(rule: Her2Rule, telling: Telling, exclude: bool = False) -> list[Json]:
    telling.gaps.append(f"what counts as positive: {describe(rule)}")
    return _positive("her2-overall", telling)


def _positive(name: str, telling: Telling) -> list[Json]:
    value = {"valueCodeableConcept": telling.coded("answer", frozenset({"positive"}), "positive")}
    return _one(telling.asked(telling.screening.inputs.by_name[name]), value)


# -- diagnoses and procedures


@characteristics.register
def _(part: DiagnosisSign, telling: Telling, exclude: bool = False) -> list[Json]:
    value = {"valueCodeableConcept": telling.coded("condition", part.concepts, part.label)}
    if part.observed:
        telling.gaps.append(f"{part.label}, told by an observation")
    when = telling.window(part.window, "now" if part.reading == "has" else "ever")
    return _one(_loinc(_DIAGNOSIS), value, exclude, when)


@characteristics.register
def _(part: ProcedureSign, telling: Telling, exclude: bool = False) -> list[Json]:
    value = {"valueCodeableConcept": telling.coded("procedure", part.concepts, part.label)}
    return _one(_loinc(_PROCEDURE), value, exclude, telling.window(part.window, "" if part.window else "ever"))


@characteristics.register
def _(rule: CancerRule, telling: Telling, exclude: bool = False) -> list[Json]:
    telling.gaps.append(f"how far it has spread: {describe(rule)}")
    value = {"valueCodeableConcept": telling.coded("condition", rule.cancer.own, rule.cancer.label)}
    return _one(_loinc(_DIAGNOSIS), value, False, telling.window(None, "ever"))


@characteristics.register
def _(rule: OtherMalignancyRule, telling: Telling, exclude: bool = False) -> list[Json]:
    telling.gaps.append("which other cancers are allowed, or leave it unknown")
    value = {"valueCodeableConcept": telling.coded("condition", rule.concepts, "another primary cancer")}
    return _one(_loinc(_DIAGNOSIS), value, True, telling.window(rule.window))


# -- drugs


@characteristics.register
def _(part: DrugSign, telling: Telling, exclude: bool = False) -> list[Json]:
    when = telling.window(None, "now" if part.state == "active" else "ever")
    return _one(_loinc(_MEDICATION), {"valueCodeableConcept": telling.drugs(part.drugs)}, exclude, when)


@characteristics.register
def _(part: RecentDrugSign, telling: Telling, exclude: bool = False) -> list[Json]:
    value = {"valueCodeableConcept": telling.drugs(part.drugs)}
    return _one(_loinc(_MEDICATION), value, exclude, telling.window(part.window))


@characteristics.register
def _(rule: SteadyDrugRule, telling: Telling, exclude: bool = False) -> list[Json]:
    telling.gaps.append(f"since when it has been taken: {describe(rule)}")
    value = {"valueCodeableConcept": telling.drugs(rule.drugs)}
    return _one(_loinc(_MEDICATION), value, False, telling.window(None, "now"))


@characteristics.register
def _(rule: WashoutRule, telling: Telling, exclude: bool = False) -> list[Json]:
    if rule.therapy.other_uses or rule.therapy.for_men or rule.therapy.endocrine:
        telling.gaps.append("what each of these drugs was given for, and to whom")
    value = {"valueCodeableConcept": telling.drugs(rule.therapy.drugs)}
    found = _one(_loinc(_MEDICATION), value, True, telling.window(rule.window))
    return found + [c for sign in rule.procedures for c in characteristics(sign, telling, True)]


@characteristics.register
def _(rule: NoDrugNowRule, telling: Telling, exclude: bool = False) -> list[Json]:
    if rule.outcome == "review":
        return telling.nothing(describe(rule))
    value = {"valueCodeableConcept": telling.drugs(rule.therapy.drugs)}
    return _one(_loinc(_MEDICATION), value, True, telling.window(None, "now"))


@characteristics.register
def _(rule: AllergyRule, telling: Telling, exclude: bool = False) -> list[Json]:
    telling.gaps.append("that an allergy to a related drug, or an intolerance, is for a person to judge")
    value = {"valueCodeableConcept": telling.drugs(Drugs(rule.drugs, rule.label, "allergy"))}
    return _one(_loinc(_ALLERGY), value, True)


# -- combinations


@characteristics.register
def _(rule: AllOf, telling: Telling, exclude: bool = False) -> list[Json]:
    return [c for part in rule.rules for c in characteristics(part, telling)]


@characteristics.register
def _(rule: ShownRule, telling: Telling, exclude: bool = False) -> list[Json]:
    return characteristics(rule.rule, telling)


@characteristics.register
def _(rule: WishRule, telling: Telling, exclude: bool = False) -> list[Json]:
    return telling.nothing("a wish, never in the way")


@characteristics.register
def _(rule: PresenceRule, telling: Telling, exclude: bool = False) -> list[Json]:
    return characteristics(rule.sign, telling)


@characteristics.register
def _(rule: AbsenceRule, telling: Telling, exclude: bool = False) -> list[Json]:
    found: list[Json] = []
    for concern in rule.concerns:
        if concern.then == "fail":
            found += characteristics(concern.sign, telling, True)
        else:
            telling.gaps.append(describe(concern))
    return found


@characteristics.register
def _(part: AllSigns, telling: Telling, exclude: bool = False) -> list[Json]:
    """Several together are several characteristics; the absence of both together is not."""
    if exclude:
        return telling.nothing(f"not both: {describe(part)}")
    return [c for sign in part.signs for c in characteristics(sign, telling)]


@characteristics.register
def _(part: AnySign, telling: Telling, exclude: bool = False) -> list[Json]:
    """The absence of any of several is the absence of each."""
    if not exclude:
        return telling.nothing(f"one of several: {describe(part)}")
    return [c for sign in part.signs for c in characteristics(sign, telling, True)]
