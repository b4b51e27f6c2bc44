"""The kinds of rules made of signs and of other rules."""

from typing import Any, ClassVar, Literal

from marshmallow import ValidationError, fields

from service.criteria.combinations import AllOf, AnyOf, DoubtfulRule, WhenRule
from service.criteria.evaluation import Rule, Sign
from service.criteria.kinds_of_findings import suppressants
from service.criteria.reproduction import ForWomenRule
from service.criteria.rules import AbsenceRule, Concern, PresenceRule
from service.criteria.schema import Kind, ListOf, OneOf, RuleField, SignField, Text, rule


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
        return ForWomenRule(rule, men, for_ == "child-bearing", sterile_after_tubal_ligation, suppressants())
