"""The net below the recogniser: a rule that the trial language does not accept, or that holds a number which the text
does not, is no draft."""

import re
from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError

import service.criteria.kinds  # noqa: F401 - registers every kind of rule and sign
from service.authoring.phrases import bare, numbers_of
from service.criteria.lexicon import Lexicon
from service.criteria.schema import INTERNED, LEXICON, RuleField

_VALUES = frozenset(
    ("at-least", "more-than", "at-most", "less-than", "below", "within", "positive-within", "taken-for")
)


def compiles(rule: dict[str, Any], lexicon: Lexicon) -> bool:
    """Whether a trial file may hold this rule."""
    tokens = LEXICON.set(lexicon), INTERNED.set({})
    try:
        RuleField().deserialize(rule)
    except ValidationError:
        return False
    finally:
        LEXICON.reset(tokens[0])
        INTERNED.reset(tokens[1])
    return True


def faithful(rule: dict[str, Any], words: str) -> bool:
    """Whether every number of a rule stands in the words that it was read from."""
    return numbers_in(rule) <= numbers_of(words)


def numbers_in(rule: Any) -> set[str]:
    """The values of a rule's limits, ages and windows, without those that are part of a unit."""
    return {bare(number) for value in _values(rule) for number in re.findall(r"^\d+(?:\.\d+)?", value)}


def _values(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _values(inner)
    elif isinstance(node, dict):
        for key, inner in node.items():
            if key in _VALUES:
                yield str(inner)
            else:
                yield from _values(inner)
