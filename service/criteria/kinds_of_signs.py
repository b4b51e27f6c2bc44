"""The kinds of signs that a trial file may use."""

from typing import Any, ClassVar

from marshmallow import fields

from service.criteria.allergies import IntoleranceSign
from service.criteria.answered import AnswerSign
from service.criteria.class_sign import ClassSign
from service.criteria.composite_signs import AllSigns, AnySign
from service.criteria.evaluation import Sign
from service.criteria.kinds_of_limits import Limits
from service.criteria.schema import LEXICON, Kind, ListOf, Name, OneOf, SignField, Text, WholeNumber, WindowField, sign
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.criteria.spans import Window
from service.criteria.taken import DrugSign
from service.criteria.taken_over_time import RecentDrugSign
from service.criteria.threshold_sign import ThresholdSign
from service.criteria.wording import any_of


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
            label=any_of([info.label for info in infos]),
            reading=reading or infos[0].reading,  # type: ignore[arg-type]
            window=within,
            observed=tuple(pair for info in infos for pair in info.observed),
            parts=tuple((info.name, frozenset(info.concepts)) for info in infos),
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
        return ProcedureSign(infos[0].name, concepts, any_of([info.label for info in infos]), within)


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
        return answer_sign(result, is_, which, within)


def answer_sign(name: str, answers: list[str], which: str, within: Window | None) -> AnswerSign:
    info = LEXICON.get().input(name)
    if not info.answers:
        raise ValueError(f"{name} has numbers and no answers; the kind for it is `measurement`")
    asked = " or ".join(answer.replace("-", " ") for answer in answers)
    return AnswerSign(name, info.label, frozenset(answers), asked, within, which == "any")


@sign
class MeasurementSignKind(Limits):
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
