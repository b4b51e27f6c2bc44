"""Drafts that cannot be meant beside each other: two limits that nobody can meet are not both read rightly, so both
are given to a person."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from service.authoring.drafting import Drafted
from service.authoring.writing import trial_yaml
from service.criteria.catalogue import compile_trial
from service.library.soundness import remarks
from service.screening import Screening


def sound(drafted: Drafted, screening: Screening) -> Drafted:
    """The draft without rules that `trialhook trials check` takes for mistakes; what was given up is noted."""
    for _ in range(len(drafted.criteria)):
        mistaken = dict(_mistaken(drafted, screening))
        if not mistaken:
            break
        drafted = _given_up(drafted, mistaken)
    return drafted


def _mistaken(drafted: Drafted, screening: Screening) -> Iterable[tuple[str, str]]:
    """The ids of drafts that a mistake is about, with what is wrong."""
    trial = compile_trial(trial_yaml(drafted.trial), drafted.trial["id"], screening.vocabulary)
    has_codes = screening.terminology.first_code
    drafts = [criterion["id"] for criterion in drafted.criteria if "draft" in criterion]
    for remark in remarks(trial, screening.vocabulary, lambda family, c: has_codes(family, c) is not None, ""):
        if remark.is_mistake and remark.path[:1] == ("criteria",):
            own = drafted.criteria[int(remark.path[1])]["id"]
            yield from ((name, remark.text) for name in drafts if name == own or _names(remark.text, name))


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\d)", text) is not None


def _given_up(drafted: Drafted, mistaken: dict[str, str]) -> Drafted:
    criteria = [_for_a_person(c) if c["id"] in mistaken else c for c in drafted.criteria]
    notes = [f"{name} was understood, but cannot be meant so: {why}." for name, why in mistaken.items()]
    trial = {**drafted.trial, "criteria": criteria}
    trial["interpretations"] = [*trial["interpretations"], *notes]
    return msgspec.structs.replace(drafted, trial=trial, notes=(*drafted.notes, *notes))


def _for_a_person(criterion: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in criterion.items() if key != "draft"}
    return {**rest, "rule": {"review": criterion["text"]}}
