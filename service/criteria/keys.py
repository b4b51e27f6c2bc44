"""What a rule reads, as keys: so that a rule is asked only where the record holds something it reads.

A record tells which keys it holds; where it holds none of a rule's, the finding is the one of an empty record.
"""

from collections.abc import Iterable

PERSON = "person"
ALLERGIES = "allergies"
NAMELESS = "drug without a name"


def inputs(*names: str) -> frozenset[str]:
    return frozenset(f"input {name}" for name in names)


def conditions(*concepts: str) -> frozenset[str]:
    return frozenset(f"condition {concept}" for concept in concepts)


def are_conditions(wanted: Iterable[str]) -> bool:
    """Whether all of these keys are of diagnoses."""
    return all(key.startswith("condition ") for key in wanted)


def procedures(*concepts: str) -> frozenset[str]:
    return frozenset(f"procedure {concept}" for concept in concepts)


def drugs(ingredients: Iterable[str]) -> frozenset[str]:
    """Drugs by ingredient; a drug without a name may be any of them."""
    return frozenset(f"drug {ingredient}" for ingredient in ingredients) | {NAMELESS}


def together(parts: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*parts)


def named(family: str, reads: Iterable[str]) -> frozenset[str]:
    """The names of one family (input, condition, procedure, drug) among keys."""
    return frozenset(key.removeprefix(f"{family} ") for key in reads if key.startswith(f"{family} "))
