"""What may stand in a trial file around its rules: the frame that every file is read with."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length

import service.criteria.kinds  # noqa: F401 - registers every kind of rule and sign
from service.criteria.schema import DateText, DigestText, ListOf, OneOf, RuleField, Strict, Text, nearest

RECRUITMENTS = (
    "recruiting", "not-yet-recruiting", "enrolling-by-invitation", "active-not-recruiting", "suspended", "terminated",
    "completed", "withdrawn", "unknown",
)  # fmt: skip
PHASES = ("early-phase-1", "phase-1", "phase-2", "phase-3", "phase-4", "not-applicable")


class Listed(fields.List[Any]):
    """A list; anything else is told in plain words."""

    default_error_messages = {"invalid": "a list was expected: lines that begin with `- `"}  # noqa: RUF012


class _ArmSchema(Strict):
    name = Text(required=True)
    type = OneOf("experimental", "active-comparator", "placebo-comparator", "no-intervention", "other", required=True)
    description = Text(required=True)


class VersionText(Text):
    """Mostly a date; what looks like one has to be one, as `2026-11-21`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        dated = re.fullmatch(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4}", text, re.ASCII)
        return DateText()._deserialize(text, attr, data, **kwargs) if dated else text


class _SiteSchema(Strict):
    name = Text(required=True)
    city = Text()
    state = Text()
    country = Text()


class _ResultSchema(Strict):
    citation = Text(required=True)
    date = Text(required=True)
    result = Text(required=True)


class _SourceItemSchema(Strict):
    item = Text(required=True, metadata={"description": "the item's place in the source: I1, E2"})
    digest = DigestText(required=True, metadata={"description": "first 16 digits of the SHA-256 of its words"})


class _CriterionSchema(Strict):
    id = Text(required=True)
    type = OneOf("inclusion", "exclusion", required=True)
    source = Text(required=True, metadata={"description": "the item's place in the source: I1, E2, registry, title"})
    text = Text(required=True, metadata={"description": "the criterion in our own words"})
    rule = RuleField(required=True)
    interpretation = Text(metadata={"description": "how an unclear source was read"})
    draft = Text(
        metadata={"description": "the words of the source that the rule was read from, until a person has checked it"}
    )
    arms = ListOf(Text(), metadata={"description": "asked only for these arms, cohorts or dose levels"})


class TrialSchema(Strict):
    id = Text(required=True)
    short_name = Text(data_key="short-name", required=True)
    title = Text(required=True)
    version = VersionText(required=True, metadata={"description": "the date of the source this was written from"})
    status = OneOf("draft", "active", "retired", required=True)
    phases = ListOf(OneOf(*PHASES), required=True)
    recruitment = OneOf(*RECRUITMENTS, required=True)
    recruitment_date = Text(data_key="recruitment-date")
    recruitment_note = Text(data_key="recruitment-note")
    sponsor = Text(required=True)
    registry_url = Text(data_key="registry-url", required=True)
    source = Text(required=True, metadata={"description": "which text it was written from"})
    enrolled = Text()
    arms = Listed(fields.Nested(_ArmSchema))
    sites = Listed(fields.Nested(_SiteSchema))
    results = Listed(fields.Nested(_ResultSchema))
    interpretations = Listed(Text())
    owner = Text(metadata={"description": "who answers for this file"})
    review_by = DateText(data_key="review-by", metadata={"description": "the file is to be looked at again by then"})
    effective_from = DateText(data_key="effective-from", metadata={"description": "first day it is used"})
    effective_to = DateText(data_key="effective-to", metadata={"description": "last day it is used"})
    example = fields.Boolean(
        metadata={"description": "an exercise, not a study that anyone can join"},
        error_messages={"invalid": "true or false was expected"},
    )
    source_items = Listed(
        fields.Nested(_SourceItemSchema),
        data_key="source-items",
        metadata={"description": "the source's items as they were when this was written"},
    )
    criteria = Listed(
        fields.Nested(_CriterionSchema),
        required=True,
        validate=Length(min=1, error="at least one criterion was expected: a trial without any would fit everybody"),
    )

    error_messages = {"type": "a mapping was expected"}  # noqa: RUF012 - the base class declares it so

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _ids_once(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """Read from the file as it stands: a criterion with another mistake is not in the loaded data."""
        seen: set[str] = set()
        twice: dict[int, Any] = {}
        criteria = original.get("criteria") if isinstance(original, dict) else None
        for i, criterion in enumerate(criteria if isinstance(criteria, list) else ()):
            name = criterion.get("id") if isinstance(criterion, dict) else None
            if isinstance(name, str) and (shown := " ".join(name.split())):
                if shown in seen:
                    twice[i] = {"id": [f"the id {shown} stands twice"]}
                seen.add(shown)
        if twice:
            raise ValidationError({"criteria": twice})

    @validates_schema
    def _days_in_order(self, data: dict[str, Any], **_: Any) -> None:
        first, last = data.get("effective_from", ""), data.get("effective_to", "")
        if first and last and last < first:
            raise ValidationError({"effective-to": [f"a day on or after {first} (effective-from) was expected"]})

    @validates_schema
    def _arms_known(self, data: dict[str, Any], **_: Any) -> None:
        known = [arm["name"] for arm in data.get("arms", ())]
        unknown = {}
        for i, criterion in enumerate(data["criteria"]):
            if wrong := {n: [_no_arm(a, known)] for n, a in enumerate(criterion.get("arms", ())) if a not in known}:
                unknown[i] = {"arms": wrong}
        if unknown:
            raise ValidationError({"criteria": unknown})


def _no_arm(name: str, known: list[str]) -> str:
    listed = f"known are {', '.join(known)}" if known else "this trial names none under `arms`"
    return f"no arm called {name}{nearest(name, known) or f'; {listed}'}"
