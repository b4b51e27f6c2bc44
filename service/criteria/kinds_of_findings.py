"""The kinds of rules about one matter: age, cancer, receptors, results, menopause, pregnancy, allergy."""

from typing import Any, ClassVar, Literal

from marshmallow import fields

from service.criteria.allergies import AllergyRule
from service.criteria.answered import AnswerRule
from service.criteria.cancer import CancerRule
from service.criteria.evaluation import Rule
from service.criteria.her2 import Her2Rule
from service.criteria.kinds_of_limits import Limits
from service.criteria.kinds_of_signs import answer_sign
from service.criteria.measured import MeasurementRule
from service.criteria.menopause import PostmenopausalRule
from service.criteria.other_malignancy import OtherMalignancyRule
from service.criteria.pregnancy import NotPregnantRule, PregnancyTestRule
from service.criteria.receptors import ReceptorRule
from service.criteria.rules import AgeRule, SexRule
from service.criteria.schema import (
    LEXICON,
    MAX_YEARS,
    Kind,
    ListOf,
    Name,
    OneOf,
    Strict,
    Text,
    WholeNumber,
    WindowField,
    interned,
    rule,
)
from service.criteria.spans import Window
from service.criteria.suppression import Suppressants


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
class MeasurementKind(Limits):
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
        return AnswerRule(interned(answer_sign(result, is_, which, within)))


def suppressants() -> Suppressants:
    return interned(Suppressants(LEXICON.get().drugs("stops-menstruation"), ("tamoxifen-now",)))


@rule
class PostmenopausalKind(Kind):
    """After the menopause."""

    word: ClassVar[str] = "post-menopausal"
    example: ClassVar[str] = "{for: women, rule: {post-menopausal: required}}"
    post_menopausal = OneOf("required", data_key="post-menopausal", required=True)

    def make(self, post_menopausal: str) -> Rule:
        return PostmenopausalRule(suppressants())


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
