"""Rules in plain words: every kind has its own, and every number, unit and window of a rule is in them."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

import service.criteria
from service.criteria.catalogue import compile_trial
from service.criteria.describing import describe, sentence
from service.criteria.measured import Threshold, plain
from service.criteria.spans import Window
from service.library.soundness import parts
from service.screening import Screening
from tests.criteria.test_trial_files import HEAD, criterion


def kinds() -> Iterator[type]:
    """Every class of rule and sign."""
    for module in pkgutil.iter_modules(service.criteria.__path__, "service.criteria."):
        for made in vars(importlib.import_module(module.name)).values():
            own = isinstance(made, type) and issubclass(made, msgspec.Struct) and made.__module__ == module.name
            if own and (hasattr(made, "judge") or hasattr(made, "look")):
                yield made


def test_every_kind_of_rule_and_sign_has_words_of_its_own() -> None:
    found = set(kinds())
    assert len(found) > 25
    assert {kind.__name__ for kind in found if kind not in describe.registry} == set()


def test_a_kind_without_words_is_told_by_what_its_class_says() -> None:
    class Unheard(msgspec.Struct):
        """Something new. With more to it."""

    assert describe(Unheard()) == "Something new"


def numbers(rule: Any) -> Iterator[str]:
    """What a rule's description has to name: its limits with their units, its windows, its ages."""
    for part in parts(rule):
        if isinstance(part, Threshold):
            limit = part.limit
            yield f"{plain(limit.number)} × ULN" if limit.times_uln else plain(limit.number / limit.scale)
            yield limit.asked
        elif isinstance(part, Window):
            yield str(part)


def test_every_number_unit_and_window_of_a_seed_rule_is_in_its_description(screening: Screening) -> None:
    asked = 0
    for trial in screening.trials.trials:
        for one in trial.criteria:
            said = describe(one.rule)
            for number in numbers(one.rule):
                asked += 1
                assert number in said, (trial.id, one.id)
    assert asked > 100


Told = Callable[[str], str]


@pytest.fixture
def told(screening: Screening) -> Told:
    def made(rule: str) -> str:
        trial = compile_trial(HEAD + criterion(rule), "trial.yaml", screening.vocabulary)
        return sentence(trial.criteria[0].rule)

    return made


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{age: {at-least: 18, below: 65}}", "Age at least 18 and below 65 years."),
        ("{sex: female}", "Administrative gender female."),
        (
            "{measurement: anc, at-least: 1500 /mm3, within: 28 days}",
            "ANC at least 1,500 /mm³, newest result within the last 28 days.",
        ),
        (
            "{measurement: anc, at-least: 1500 /mm3, within: 28 days, window-is: site-default}",
            "ANC at least 1,500 /mm³, newest result within the last 28 days (the source gives no window).",
        ),
        (
            "{measurement: alt, at-most: 2.5 x ULN, within: 14 days}",
            "ALT at most 2.5 × ULN, newest result within the last 14 days.",
        ),
        ("{present: {drug: trastuzumab}}", "Trastuzumab ever taken; nothing on record leaves it unknown."),
        (
            "{present: {drug: trastuzumab, taken: now}, if-none: fail}",
            "Trastuzumab taken now; nothing on record rules it out.",
        ),
        ("{absent: {diagnosis: cirrhosis}}", "Not: cirrhosis of the liver, now."),
        (
            "{absent: [{diagnosis: cirrhosis, reading: history-of, within: 5 years, then: review, because: old}, "
            "{intolerance: trastuzumab}]}",
            "None of: cirrhosis of the liver, begun within the last 5 years [a person judges: old]; "
            "allergy to or intolerance of trastuzumab.",
        ),
        (
            "{any-of: [{sex: male}, {all-of: [{sex: female}, {post-menopausal: required}]}]}",
            "One of: administrative gender male; or (all of: administrative gender female; after the menopause).",
        ),
        (
            "{when: {diagnosis: cirrhosis}, then: {sex: male}, otherwise: {sex: female}}",
            "Where cirrhosis of the liver, now: administrative gender male; otherwise: administrative gender female.",
        ),
        (
            "{pregnancy-test: negative, within: 7 days, positive-within: 28 days}",
            "A negative pregnancy test within the last 7 days; a positive one within the last 28 days rules it out.",
        ),
        ("{review: Is it so?}", "A person judges: Is it so?"),
    ],
)
def test_a_rule_is_told_in_plain_words(told: Told, rule: str, said: str) -> None:
    assert told(rule) == said


def test_descriptions_tell_rules_apart(screening: Screening) -> None:
    """Two seed rules with one description are one rule."""
    rules = {id(c.rule): c.rule for trial in screening.trials.trials for c in trial.criteria}
    by_words: dict[str, set[int]] = {}
    for key, rule in rules.items():
        by_words.setdefault(describe(rule), set()).add(key)
    assert {said for said, keys in by_words.items() if len(keys) > 1} == set()
