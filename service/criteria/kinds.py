"""The kinds of rules and signs that a trial file may use: one small schema each, and what it is compiled to."""

from typing import Any, ClassVar, Literal

from marshmallow import ValidationError, fields, validates_schema

from service.criteria.answered import AnswerRule, AnswerSign
from service.criteria.bands import band
from service.criteria.cancer import CancerRule
from service.criteria.evaluation import Rule, Sign
from service.criteria.her2 import Her2Rule
from service.criteria.measured import MeasurementRule, Threshold, ThresholdSign
from service.criteria.receptors import ReceptorRule
from service.criteria.reproduction import (
    ForWomenRule,
    NotPregnantRule,
    PostmenopausalRule,
    PregnancyTestRule,
    Suppressants,
)
from service.criteria.rules import (
    AbsenceRule,
    AgeRule,
    AllergyRule,
    AllOf,
    AllSigns,
    AnyOf,
    AnySign,
    ClassSign,
    Concern,
    DoubtfulRule,
    IntoleranceSign,
    OtherMalignancyRule,
    PresenceRule,
    ReviewRule,
    SexRule,
    Show,
    ShownRule,
    WhenRule,
    WishRule,
)
from service.criteria.schema import (
    COMPARISONS,
    LEXICON,
    MAX_YEARS,
    Kind,
    LimitText,
    ListOf,
    Name,
    OneOf,
    RuleField,
    SignField,
    Strict,
    Text,
    WholeNumber,
    WindowField,
    interned,
    rule,
    sign,
    the_comparison,
)
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.criteria.spans import Window
from service.criteria.taken import DrugSign
from service.criteria.taken_over_time import RecentDrugSign, SteadyDrugRule
from service.criteria.therapy import (
    EarlierWashoutRule,
    Induction,
    InductionRule,
    LinesRule,
    NoDrugNowRule,
    NoProgressionRule,
    NoTherapySinceRule,
    WashoutRule,
)


class _Limits(Kind):
    """The four ways to state a limit; one is given, or one for each end of a band where `bands` allows it."""

    bands: ClassVar[bool] = False
    at_least = LimitText(data_key="at-least", metadata={"description": "the value or more"})
    more_than = LimitText(data_key="more-than", metadata={"description": "strictly more than the value"})
    at_most = LimitText(data_key="at-most", metadata={"description": "the value or less"})
    less_than = LimitText(data_key="less-than", metadata={"description": "strictly less than the value"})

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _limit_fits(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """The limit is looked at even beside other mistakes, so that all of them are told together."""
        read = [key for key in COMPARISONS if key.replace("-", "_") in data]
        if "measurement" in data and len(read) == len([key for key in COMPARISONS if key in original]):
            try:
                self.threshold(data["measurement"], data)
            except ValueError as problem:
                raise ValidationError(str(problem)) from None

    @classmethod
    def threshold(cls, name: str, data: dict[str, Any]) -> Threshold:
        options = {key: data.get(key.replace("-", "_")) for key in COMPARISONS}
        ends = [[key for key in keys if options[key] is not None] for keys in (COMPARISONS[:2], COMPARISONS[2:])]
        if cls.bands and [len(end) for end in ends] == [1, 1]:
            low, high = (_threshold(name, data, {end[0]: options[end[0]]}) for end in ends)
            return band(low, high)
        return _threshold(name, data, options)


def _threshold(name: str, data: dict[str, Any], options: dict[str, str | None]) -> Threshold:
    return Threshold(
        input=name,
        label=LEXICON.get().input(name).label,
        limit=the_comparison(name, options),
        window=data.get("within") or (LEXICON.get().input(name).window if data.get("window_is") else None),
        method=data.get("method", ""),
        aside=tuple(data.get("aside", ())),
        doubtful=tuple(data.get("doubtful", ())),
    )


# -- signs


@sign
class DiagnosisKind(Kind):
    """A diagnosis on record."""

    word: ClassVar[str] = "diagnosis"
    example: ClassVar[str] = "{diagnosis: pancreatitis, reading: history-of}"
    diagnosis = ListOf(Name("diagnosis"), required=True, metadata={"description": "one diagnosis, or any of several"})
    reading = OneOf(
        "has", "history-of", metadata={"description": "now, or ever; each diagnosis has its own usual reading"}
    )
    within = WindowField(metadata={"description": "the onset lies so far back at the most"})

    def make(self, diagnosis: list[str], reading: str = "", within: Window | None = None) -> Sign:
        infos = [LEXICON.get().diagnosis(name) for name in diagnosis]
        return DiagnosisSign(
            name=infos[0].name,
            concepts=frozenset(c for info in infos for c in info.concepts),
            label=" or ".join(info.label for info in infos),
            reading=reading or infos[0].reading,  # type: ignore[arg-type]
            window=within,
            observed=tuple(pair for info in infos for pair in info.observed),
        )


@sign
class ProcedureKind(Kind):
    """A procedure that was done."""

    word: ClassVar[str] = "procedure"
    example: ClassVar[str] = "{procedure: radiotherapy, within: 14 days}"
    procedure = ListOf(Name("procedure"), required=True)
    within = WindowField()

    def make(self, procedure: list[str], within: Window | None = None) -> Sign:
        infos = [LEXICON.get().procedure(name) for name in procedure]
        concepts = frozenset(c for info in infos for c in info.concepts)
        return ProcedureSign(infos[0].name, concepts, " or ".join(info.label for info in infos), within)


@sign
class DrugKind(Kind):
    """A drug taken ever, being taken now, or taken within a window."""

    word: ClassVar[str] = "drug"
    example: ClassVar[str] = "{drug: glp-1-agonist, within: 90 days}"
    drug = ListOf(Name("drug"), required=True, metadata={"description": "a drug or a class, or any of several"})
    taken = OneOf("ever", "now", metadata={"description": "ever (the default) or on the as-of date"})
    within = WindowField(metadata={"description": "instead of `taken`: now, or last taken so long ago at the most"})
    by_cycles = fields.Boolean(
        data_key="by-cycles",
        metadata={"description": "an antineoplastic told only by administrations goes on between its cycles"},
    )
    any_form = fields.Boolean(data_key="any-form", metadata={"description": "topical and eye forms count too"})

    def make(
        self,
        drug: list[str],
        taken: str = "",
        within: Window | None = None,
        by_cycles: bool = False,
        any_form: bool = False,
    ) -> Sign:
        drugs = LEXICON.get().drugs(*drug)
        if within is None:
            return DrugSign(drugs, "active" if taken == "now" else "taken", by_cycles, any_form)
        if taken or by_cycles:
            raise ValueError("`within` stands alone: it covers now, and needs neither `taken` nor `by-cycles`")
        return RecentDrugSign(drugs, within, any_form)


@sign
class ResultSignKind(Kind):
    """A coded result: positive, negative, detected …"""

    word: ClassVar[str] = "result"
    example: ClassVar[str] = "{result: egfr-variant, is: positive, which: any}"
    result = Name("input", required=True, metadata={"description": "an input that has answers"})
    is_ = ListOf(Name("answer"), data_key="is", required=True, metadata={"description": "one answer, or several"})
    which = OneOf("newest", "any", metadata={"description": "the newest result (the default), or any one ever"})
    within = WindowField()

    def make(self, result: str, is_: list[str], which: str = "newest", within: Window | None = None) -> Sign:
        return _answer_sign(result, is_, which, within)


def _answer_sign(name: str, answers: list[str], which: str, within: Window | None) -> AnswerSign:
    info = LEXICON.get().input(name)
    if not info.answers:
        raise ValueError(f"{name} has numbers and no answers; the kind for it is `measurement`")
    asked = " or ".join(answer.replace("-", " ") for answer in answers)
    return AnswerSign(name, info.label, frozenset(answers), asked, within, which == "any")


@sign
class MeasurementSignKind(_Limits):
    """A value beyond a limit."""

    word: ClassVar[str] = "measurement"
    example: ClassVar[str] = "{measurement: c-peptide, less-than: 0.8 ng/mL, within: 180 days}"
    measurement = Name("input", required=True)
    within = WindowField()
    window_is = OneOf("site-default", data_key="window-is")
    aside = ListOf(Text(), metadata={"description": "results with these marks are passed over"})
    doubtful = ListOf(
        Text(), metadata={"description": "results with these marks that do not meet the limit settle nothing"}
    )

    def make(self, measurement: str, window_is: str = "", **data: Any) -> Sign:
        threshold = self.threshold(measurement, {**data, "window_is": window_is})
        return ThresholdSign(threshold, window_is == "site-default")


@sign
class ClassKind(Kind):
    """A graded class of an illness, such as NYHA; or the illness without one."""

    word: ClassVar[str] = "class"
    example: ClassVar[str] = "{class: nyha, of: [3, 4], within: 180 days}"
    class_ = Name("class", data_key="class", required=True)
    of = ListOf(WholeNumber(0, 9), metadata={"description": "the classes that count"})
    not_told = fields.Boolean(
        data_key="not-told", metadata={"description": "the illness without a class in the window"}
    )
    within = WindowField(required=True)
    window_is = OneOf("site-default", data_key="window-is")

    def make(
        self, class_: str, within: Window, of: list[int] | None = None, not_told: bool = False, window_is: str = ""
    ) -> Sign:
        if bool(of) == not_told:
            raise ValueError("either `of` or `not-told` was expected")
        info = LEXICON.get().classes(class_)
        if impossible := sorted(set(of or ()) - info.grades):
            known = ", ".join(str(grade) for grade in sorted(info.grades))
            raise ValueError(f"no {info.label} class {impossible[0]}; known are {known}")
        wanted = frozenset(f"{info.prefix}{n}" for n in of or ())
        by_site = window_is == "site-default"
        return ClassSign(info.input, info.label, info.prefix, wanted, within, info.illness, not_told, by_site)


@sign
class IntoleranceKind(Kind):
    """An allergy to, or intolerance of, a drug on record."""

    word: ClassVar[str] = "intolerance"
    example: ClassVar[str] = "{intolerance: metformin}"
    intolerance = ListOf(Name("drug"), required=True)

    def make(self, intolerance: list[str]) -> Sign:
        drugs = LEXICON.get().drugs(*intolerance)
        return IntoleranceSign(drugs.ingredients, drugs.label)


@sign
class AllSignsKind(Kind):
    """Several signs together."""

    word: ClassVar[str] = "all-of"
    example: ClassVar[str] = "{all-of: [{diagnosis: stroke}, {drug: insulin, taken: now}]}"
    all_of = ListOf(SignField(), data_key="all-of", required=True)

    def make(self, all_of: list[Sign]) -> Sign:
        return AllSigns(tuple(all_of))


@sign
class AnySignKind(Kind):
    """One sign of several."""

    word: ClassVar[str] = "any-of"
    example: ClassVar[str] = "{any-of: [{diagnosis: stroke}, {diagnosis: heart-failure}]}"
    any_of = ListOf(SignField(), data_key="any-of", required=True)

    def make(self, any_of: list[Sign]) -> Sign:
        return AnySign(tuple(any_of))


# -- rules


class _Bounds(Strict):
    at_least = WholeNumber(0, MAX_YEARS, data_key="at-least")
    at_most = WholeNumber(0, MAX_YEARS, data_key="at-most", metadata={"description": "the whole year of that age"})
    below = WholeNumber(1, MAX_YEARS)


@rule
class AgeKind(Kind):
    """An age in years."""

    word: ClassVar[str] = "age"
    example: ClassVar[str] = "{age: {at-least: 18, below: 76}}"
    age = fields.Nested(_Bounds, required=True, metadata={"description": "at-least, and below or at-most, in years"})

    def make(self, age: dict[str, int]) -> Rule:
        low, below, at_most = age.get("at_least"), age.get("below"), age.get("at_most")
        if below is not None and at_most is not None:
            raise ValueError("below or at-most was expected, not both")
        if at_most is not None:
            below = at_most + 1
        if low is None and below is None:
            raise ValueError("at-least, below or at-most was expected")
        if low is not None and below is not None and below <= low:
            raise ValueError(f"nobody is at least {low} and younger than {below}")
        return AgeRule(low, below)


@rule
class SexKind(Kind):
    """The administrative gender."""

    word: ClassVar[str] = "sex"
    example: ClassVar[str] = "{sex: female}"
    sex = OneOf("female", "male", required=True)

    def make(self, sex: Literal["female", "male"]) -> Rule:
        return SexRule(sex)


@rule
class CancerKind(Kind):
    """A cancer and its extent."""

    word: ClassVar[str] = "cancer"
    example: ClassVar[str] = '{cancer: lung, extent: metastatic, or-stage: ["3b", "3c"]}'
    cancer = Name("cancer", required=True)
    extent = OneOf("metastatic", "metastatic-or-recurrent", required=True)
    stage_3 = OneOf("fail", "review", data_key="stage-3", metadata={"description": "what stage III without spread is"})
    or_stage = ListOf(
        OneOf("3", "3a", "3b", "3c"),
        data_key="or-stage",
        metadata={"description": "stages that are accepted without distant spread; in quotes"},
    )

    def make(
        self,
        cancer: str,
        extent: str,
        stage_3: Literal["fail", "review"] = "fail",
        or_stage: list[str] | None = None,
    ) -> Rule:
        stages = frozenset(f"stage-{stage}" for stage in or_stage or ())
        return CancerRule(LEXICON.get().cancer(cancer), extent == "metastatic-or-recurrent", stage_3, stages)


@rule
class Her2Kind(Kind):
    """HER2 positive."""

    word: ClassVar[str] = "her2"
    example: ClassVar[str] = "{her2: asco-cap-2018}"
    her2 = OneOf(
        "asco-cap-2018",
        "any-amplification",
        required=True,
        metadata={"description": "by the guideline in the newest specimen, or by any amplification in any specimen"},
    )

    def make(self, her2: Literal["asco-cap-2018", "any-amplification"]) -> Rule:
        return Her2Rule(her2)


@rule
class ReceptorKind(Kind):
    """A hormone receptor positive."""

    word: ClassVar[str] = "receptor"
    example: ClassVar[str] = "{receptor: [er, pr], specimen: newest}"
    receptor = ListOf(OneOf("er", "pr"), required=True, metadata={"description": "one is enough where both are named"})
    specimen = OneOf("newest", "any")

    def make(self, receptor: list[Literal["er", "pr"]], specimen: Literal["newest", "any"] = "newest") -> Rule:
        return ReceptorRule(tuple(receptor), specimen)


@rule
class MeasurementKind(_Limits):
    """The newest value, in a window, meets a limit, or lies between two."""

    word: ClassVar[str] = "measurement"
    example: ClassVar[str] = "{measurement: hba1c, at-least: 7 %, at-most: 10.5 %, within: 90 days}"
    bands: ClassVar[bool] = True
    measurement = Name("input", required=True)
    within = WindowField()
    window_is = OneOf("site-default", data_key="window-is", metadata={"description": "the source gives no window"})
    method = OneOf("echo", metadata={"description": "results known to be by another method do not count"})
    aside = ListOf(Text())

    def make(self, measurement: str, window_is: str = "", **data: Any) -> Rule:
        threshold = self.threshold(measurement, {**data, "window_is": window_is})
        return MeasurementRule(threshold, window_is == "site-default")


@rule
class ResultKind(Kind):
    """A coded result is the answer asked for."""

    word: ClassVar[str] = "result"
    example: ClassVar[str] = "{result: egfr-variant, is: negative, within: 2 years}"
    result = Name("input", required=True, metadata={"description": "an input that has answers"})
    is_ = ListOf(Name("answer"), data_key="is", required=True, metadata={"description": "one answer, or several"})
    which = OneOf("newest", "any", metadata={"description": "the newest result (the default), or any one ever"})
    within = WindowField()

    def make(self, result: str, is_: list[str], which: str = "newest", within: Window | None = None) -> Rule:
        return AnswerRule(interned(_answer_sign(result, is_, which, within)))


@rule
class TakenForKind(Kind):
    """A drug being taken, and for at least so long."""

    word: ClassVar[str] = "taken-for"
    example: ClassVar[str] = "{taken-for: 90 days, drug: metformin, dose: same}"
    taken_for = WindowField(data_key="taken-for", required=True, metadata={"description": "for at least so long"})
    drug = ListOf(Name("drug"), required=True, metadata={"description": "a drug or a class, or any of several"})
    dose = OneOf("same", metadata={"description": "a record begun since then is for a person to judge"})

    def make(self, taken_for: Window, drug: list[str], dose: str = "") -> Rule:
        return SteadyDrugRule(LEXICON.get().drugs(*drug), taken_for, dose == "same")


@rule
class PresentKind(Kind):
    """A sign must be there."""

    word: ClassVar[str] = "present"
    example: ClassVar[str] = "{present: {diagnosis: type-2-diabetes}, if-none: fail}"
    present = SignField(required=True)
    if_none = OneOf("unknown", "fail", data_key="if-none", metadata={"description": "what silence means"})

    def make(self, present: Sign, if_none: Literal["unknown", "fail"] = "unknown") -> Rule:
        return PresenceRule(present, if_none)


class _ConcernField(SignField):
    """A sign with `then` and `because` beside it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Concern:
        if not isinstance(value, dict):
            raise ValidationError("a sign was expected: a mapping such as {diagnosis: cirrhosis}")
        rest = {k: v for k, v in value.items() if k not in ("then", "because")}
        problems: dict[str, Any] = {}
        then, because = value.get("then", "fail"), value.get("because", "")
        if then not in ("fail", "unknown", "review"):
            problems["then"] = ["one of fail, unknown, review was expected"]
        try:
            made = super()._deserialize(rest, attr, data, **kwargs)
        except ValidationError as problem:
            if not isinstance(problem.messages, dict):
                raise
            problems |= problem.messages
        if problems:
            raise ValidationError(problems)
        return Concern(made, then, str(because))


@rule
class AbsentKind(Kind):
    """None of some signs may be there."""

    word: ClassVar[str] = "absent"
    example: ClassVar[str] = "{absent: [{diagnosis: brain-metastases, then: review, because: stable ones are allowed}]}"
    absent = ListOf(_ConcernField(), required=True)

    def make(self, absent: list[Concern]) -> Rule:
        return AbsenceRule(tuple(absent))


@rule
class AllOfKind(Kind):
    """Every rule must pass."""

    word: ClassVar[str] = "all-of"
    example: ClassVar[str] = "{all-of: [{age: {at-least: 18}}, {sex: female}]}"
    all_of = ListOf(RuleField(), data_key="all-of", required=True)

    def make(self, all_of: list[Rule]) -> Rule:
        return AllOf(tuple(all_of))


@rule
class AnyOfKind(Kind):
    """One rule must pass."""

    word: ClassVar[str] = "any-of"
    example: ClassVar[str] = (
        "{any-of: [{measurement: creatinine, at-most: 1.5 x ULN}, {measurement: egfr, at-least: 60 mL/min/1.73m2}]}"
    )
    any_of = ListOf(RuleField(), data_key="any-of", required=True)

    def make(self, any_of: list[Rule]) -> Rule:
        return AnyOf(tuple(any_of))


@rule
class WhenKind(Kind):
    """One rule where a sign is there, another where it is not."""

    word: ClassVar[str] = "when"
    example: ClassVar[str] = (
        "{when: {diagnosis: liver-metastases}, then: {measurement: alt, at-most: 5 x ULN}, "
        "otherwise: {measurement: alt, at-most: 2.5 x ULN}}"
    )
    when = SignField(required=True)
    then = RuleField(required=True)
    otherwise = RuleField(required=True)

    def make(self, when: Sign, then: Rule, otherwise: Rule) -> Rule:
        return WhenRule(when, then, otherwise)


@rule
class DoubtfulKind(Kind):
    """A rule whose pass settles nothing because the source is not clear."""

    word: ClassVar[str] = "doubtful"
    example: ClassVar[str] = (
        "{doubtful: {measurement: bilirubin, at-most: 2 mg/dL}, because: the source gives 2.0 without a unit}"
    )
    doubtful = RuleField(required=True)
    because = Text(required=True)

    def make(self, doubtful: Rule, because: str) -> Rule:
        return DoubtfulRule(doubtful, because)


@rule
class ForKind(Kind):
    """A rule for women, or for women who may bear children; not applicable to others unless `men` has a rule."""

    word: ClassVar[str] = "for"
    example: ClassVar[str] = "{for: child-bearing, rule: {pregnancy-test: negative, within: 28 days}}"
    for_ = OneOf("women", "child-bearing", data_key="for", required=True)
    rule = RuleField(required=True)
    men = RuleField()
    sterile_after_tubal_ligation = fields.Boolean(data_key="sterile-after-tubal-ligation")

    def make(self, for_: str, rule: Rule, men: Rule | None = None, sterile_after_tubal_ligation: bool = False) -> Rule:
        return ForWomenRule(rule, men, for_ == "child-bearing", sterile_after_tubal_ligation, _suppressants())


def _suppressants() -> Suppressants:
    return interned(Suppressants(LEXICON.get().drugs("stops-menstruation").ingredients))


@rule
class PostmenopausalKind(Kind):
    """After the menopause."""

    word: ClassVar[str] = "post-menopausal"
    example: ClassVar[str] = "{for: women, rule: {post-menopausal: required}}"
    post_menopausal = OneOf("required", data_key="post-menopausal", required=True)

    def make(self, post_menopausal: str) -> Rule:
        return PostmenopausalRule(_suppressants())


@rule
class PregnancyTestKind(Kind):
    """A negative pregnancy test in the window."""

    word: ClassVar[str] = "pregnancy-test"
    example: ClassVar[str] = (
        "{for: child-bearing, rule: {pregnancy-test: negative, within: 7 days, positive-within: 28 days}}"
    )
    pregnancy_test = OneOf("negative", data_key="pregnancy-test", required=True)
    within = WindowField(required=True)
    positive_within = WindowField(
        data_key="positive-within", metadata={"description": "a positive test fails for so long"}
    )
    window_is = OneOf("site-default", data_key="window-is")

    def make(
        self, pregnancy_test: str, within: Window, positive_within: Window | None = None, window_is: str = ""
    ) -> Rule:
        return PregnancyTestRule(within, positive_within or within, bool(window_is))


@rule
class NotPregnantKind(Kind):
    """Neither pregnant nor breast-feeding."""

    word: ClassVar[str] = "pregnancy"
    example: ClassVar[str] = "{for: women, rule: {pregnancy: none}}"
    pregnancy = OneOf("none", required=True)

    def make(self, pregnancy: str) -> Rule:
        return NotPregnantRule()


@rule
class AllergyKind(Kind):
    """No allergy to some drugs; to their relatives, or an intolerance, is for a person to judge."""

    word: ClassVar[str] = "no-allergy-to"
    example: ClassVar[str] = "{no-allergy-to: pembrolizumab, related: pd-1-antibody}"
    no_allergy_to = ListOf(Name("drug"), data_key="no-allergy-to", required=True)
    related = ListOf(Name("drug"))

    def make(self, no_allergy_to: list[str], related: list[str] | None = None) -> Rule:
        lexicon = LEXICON.get()
        drugs = lexicon.drugs(*no_allergy_to)
        relatives = lexicon.drugs(*related).ingredients if related else frozenset()
        return AllergyRule(drugs.ingredients, relatives - drugs.ingredients, drugs.label)


@rule
class OtherMalignancyKind(Kind):
    """No other primary malignancy within a window."""

    word: ClassVar[str] = "no-other-malignancy"
    example: ClassVar[str] = "{no-other-malignancy: lung, within: 3 years, treated: [cervix-cancer]}"
    no_other_malignancy = Name("cancer", data_key="no-other-malignancy", required=True)
    within = WindowField(required=True)
    treated = ListOf(Name("diagnosis"), metadata={"description": "allowed once it is no longer there"})
    kind_not_told = ListOf(Name("diagnosis"), data_key="kind-not-told")

    def make(
        self,
        no_other_malignancy: str,
        within: Window,
        treated: list[str] | None = None,
        kind_not_told: list[str] | None = None,
    ) -> Rule:
        lexicon = LEXICON.get()
        groups = [
            frozenset(c for name in names or () for c in lexicon.diagnosis(name).concepts)
            for names in (kind_not_told, treated)
        ]
        cancer = lexicon.cancer(no_other_malignancy)
        return OtherMalignancyRule(cancer.another - groups[0] - groups[1], groups[0], groups[1], within, cancer.ever)


@rule
class NoTherapySinceKind(Kind):
    """No therapy since the cancer became metastatic."""

    word: ClassVar[str] = "no-therapy-since-metastasis"
    example: ClassVar[str] = "{no-therapy-since-metastasis: systemic-anticancer, cancer: lung, overlap: 28 days}"
    therapy = Name("therapy", data_key="no-therapy-since-metastasis", required=True)
    cancer = Name("cancer", required=True)
    overlap = WindowField(required=True, metadata={"description": "an earlier one may still be given so long after it"})
    local = ListOf(Name("procedure"), metadata={"description": "local treatment, for a person to judge"})

    def make(self, therapy: str, cancer: str, overlap: Window, local: list[str] | None = None) -> Rule:
        lexicon = LEXICON.get()
        signs = tuple(
            ProcedureSign(p.name, frozenset(p.concepts), p.label) for p in map(lexicon.procedure, local or ())
        )
        return NoTherapySinceRule(lexicon.cancer(cancer), lexicon.therapy(therapy), overlap, signs)


@rule
class WashoutKind(Kind):
    """No therapy now, and none ended within a window."""

    word: ClassVar[str] = "washout"
    example: ClassVar[str] = "{washout: chemotherapy, within: 14 days, procedures: [radiotherapy]}"
    washout = Name("therapy", required=True)
    within = WindowField(required=True)
    procedures = ListOf(Name("procedure"))

    def make(self, washout: str, within: Window, procedures: list[str] | None = None) -> Rule:
        lexicon = LEXICON.get()
        signs = tuple(
            ProcedureSign(p.name, frozenset(p.concepts), p.label, within)
            for p in map(lexicon.procedure, procedures or ())
        )
        return WashoutRule(lexicon.therapy(washout), within, signs)


@rule
class EarlierWashoutKind(Kind):
    """Drugs given before the metastasis ended longer ago than a window."""

    word: ClassVar[str] = "washout-before-metastasis"
    example: ClassVar[str] = "{washout-before-metastasis: cdk4-6-inhibitor, cancer: breast, more-than: 12 months}"
    drugs = ListOf(Name("drug"), data_key="washout-before-metastasis", required=True)
    cancer = Name("cancer", required=True)
    more_than = WindowField(data_key="more-than", required=True)

    def make(self, drugs: list[str], cancer: str, more_than: Window) -> Rule:
        lexicon = LEXICON.get()
        return EarlierWashoutRule(lexicon.cancer(cancer), lexicon.drugs(*drugs), more_than)


@rule
class LinesKind(Kind):
    """At most so many lines of therapy since the metastasis."""

    word: ClassVar[str] = "lines-of-therapy"
    example: ClassVar[str] = (
        "{lines-of-therapy: systemic-anticancer, cancer: breast, at-most: 2, new-after: 90 days, together: 28 days}"
    )
    therapy = Name("therapy", data_key="lines-of-therapy", required=True)
    cancer = Name("cancer", required=True)
    at_most = WholeNumber(0, 20, data_key="at-most", required=True)
    new_after = WindowField(
        data_key="new-after", required=True, metadata={"description": "a drug not taken for so long is new"}
    )
    together = WindowField(required=True, metadata={"description": "starts so close together are one line"})

    def make(self, therapy: str, cancer: str, at_most: int, new_after: Window, together: Window) -> Rule:
        lexicon = LEXICON.get()
        return LinesRule(lexicon.cancer(cancer), lexicon.therapy(therapy), at_most, new_after, together)


class _InductionOptions(Kind):
    cancer = Name("cancer", required=True)
    all_of = ListOf(Name("therapy"), data_key="all-of", required=True)

    @staticmethod
    def induction(cancer: str, all_of: list[str]) -> Induction:
        lexicon = LEXICON.get()
        return interned(Induction(lexicon.cancer(cancer), tuple(lexicon.therapy(name) for name in all_of)))


@rule
class InductionKind(_InductionOptions):
    """Therapies all given since the metastasis."""

    word: ClassVar[str] = "given-since-metastasis"
    example: ClassVar[str] = "{given-since-metastasis: all, cancer: breast, all-of: [chemotherapy, her2-antibody]}"
    given = OneOf("all", data_key="given-since-metastasis", required=True)

    def make(self, given: str, cancer: str, all_of: list[str]) -> Rule:
        return InductionRule(self.induction(cancer, all_of))


@rule
class NoProgressionKind(_InductionOptions):
    """No progression after the first day of an induction."""

    word: ClassVar[str] = "no-progression-after"
    example: ClassVar[str] = "{no-progression-after: induction, cancer: breast, all-of: [chemotherapy, her2-antibody]}"
    after = OneOf("induction", data_key="no-progression-after", required=True)

    def make(self, after: str, cancer: str, all_of: list[str]) -> Rule:
        return NoProgressionRule(self.induction(cancer, all_of))


@rule
class NoDrugNowKind(Kind):
    """No therapy being taken now."""

    word: ClassVar[str] = "not-now"
    example: ClassVar[str] = "{not-now: hormonal-or-antineoplastic, then: review}"
    not_now = Name("therapy", data_key="not-now", required=True)
    then = OneOf("review", "fail", metadata={"description": "what it means where some is being taken"})

    def make(self, not_now: str, then: Literal["review", "fail"] = "fail") -> Rule:
        return NoDrugNowRule(LEXICON.get().therapy(not_now), then)


class ShowField(fields.Field[Show]):
    """What is laid before the person who judges: `inputs` and `signs`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Show:
        loaded = ShowSchema().load(value)
        assert isinstance(loaded, dict)
        lexicon = LEXICON.get()
        inputs = tuple((name, lexicon.input(name).label) for name in loaded.get("inputs", ()))
        return Show(inputs, tuple(loaded.get("signs", ())))


class ShowSchema(Strict):
    inputs = ListOf(Name("input"))
    signs = ListOf(SignField())


@rule
class ReviewKind(Kind):
    """Only a person can judge."""

    word: ClassVar[str] = "review"
    example: ClassVar[str] = "{review: Are liver and marrow in good order?, show: {inputs: [alt, platelets]}}"
    review = Text(required=True, metadata={"description": "what the person is asked"})
    show = ShowField(metadata={"description": "what is known and worth seeing: inputs, signs"})

    def make(self, review: str, show: Show | None = None) -> Rule:
        return ReviewRule(review, show or Show())


@rule
class ShownKind(Kind):
    """A rule with something laid beside it where it leaves a review."""

    word: ClassVar[str] = "judged"
    example: ClassVar[str] = (
        "{judged: {absent: [{diagnosis: brain-metastases, then: review}]}, "
        "show: {signs: [{drug: corticosteroid, taken: now}]}}"
    )
    judged = RuleField(required=True)
    show = ShowField(required=True)

    def make(self, judged: Rule, show: Show) -> Rule:
        return ShownRule(judged, show)


@rule
class WishKind(Kind):
    """Asked for, but never in the way."""

    word: ClassVar[str] = "wish"
    example: ClassVar[str] = "{wish: A fresh biopsy is wished for}"
    wish = Text(required=True)

    def make(self, wish: str) -> Rule:
        return WishRule(wish)
