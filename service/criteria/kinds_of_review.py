"""The kinds of rules whose answer a person gives."""

from typing import Any, ClassVar

from marshmallow import fields

from service.criteria.evaluation import Rule
from service.criteria.for_a_person import ReviewRule, Show, ShownRule, WishRule
from service.criteria.schema import LEXICON, Kind, ListOf, Name, RuleField, SignField, Strict, Text, rule


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
