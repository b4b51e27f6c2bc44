"""The kinds of rules about therapy and its time."""

from typing import ClassVar, Literal

from service.criteria.drug_now import NoDrugNowRule
from service.criteria.evaluation import Rule
from service.criteria.induction import Induction, InductionRule
from service.criteria.lines import LinesRule
from service.criteria.progression import NoProgressionRule
from service.criteria.schema import LEXICON, Kind, ListOf, Name, OneOf, WholeNumber, WindowField, interned, rule
from service.criteria.signs import ProcedureSign
from service.criteria.since_metastasis import NoTherapySinceRule
from service.criteria.spans import Window
from service.criteria.taken_over_time import SteadyDrugRule
from service.criteria.washout import EarlierWashoutRule, WashoutRule


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
