"""What the properties share: records to vary, and the answers to compare."""

import copy
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from service.criteria.results import PatientResult, TrialResult
from service.screening import Screening
from tests.builders import AS_OF, TRIALS, Json, as_json, eligible, man, younger
from tests.reference.patients import patient

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=80)
SEEDS = st.integers(0, 400)

# of each trial: the grade, and outcome and basis of every criterion
Answers = dict[str, tuple[str, dict[str, tuple[str, str]]]]


@cache
def _generated(seed: int) -> bytes:
    return json.dumps(patient(seed)).encode()


def generated(seed: int) -> Json:
    """The reference generator's patient, numbers as exact decimals; a copy that may be changed."""
    made: Json = json.loads(_generated(seed), parse_float=Decimal)
    return made


MADE: dict[str, Callable[[], Any]] = {
    **{f"eligible {trial}": (lambda trial=trial: eligible(trial)) for trial in TRIALS},
    **{f"younger {trial}": (lambda trial=trial: younger(trial)) for trial in TRIALS},
    **{f"man {trial}": (lambda trial=trial: man(trial)) for trial in TRIALS},
}


def made(name: str) -> Json:
    """The Bundle of one of the builders' patients; a copy that may be changed."""
    document: Json = copy.deepcopy(MADE[name]().bundle())
    return document


BUNDLES = st.one_of(st.sampled_from(sorted(MADE)).map(made), SEEDS.map(generated))


def resources(document: Json) -> Iterator[tuple[list[Json], int]]:
    """The entries of a Bundle and of the pages inside it: the list of entries and the place in it."""
    for index, entry in enumerate(document["entry"]):
        if entry["resource"]["resourceType"] == "Bundle":
            yield from resources(entry["resource"])
        else:
            yield document["entry"], index


def answers_of(results: tuple[TrialResult, ...]) -> Answers:
    return {t.trial: (t.grade, {c.id: (c.outcome, c.basis) for c in t.criteria}) for t in results}


def screened(screening: Screening, document: Any) -> PatientResult:
    text = document if isinstance(document, bytes) else as_json(document)
    return screening.screen(screening.read(text, "p.json"), AS_OF)


def answers(screening: Screening, document: Any) -> Answers:
    return answers_of(screened(screening, document).results)


def differences(before: Answers, after: Answers) -> list[str]:
    """A line for everything on which two answers differ; a failing test shows them."""
    assert before.keys() == after.keys()
    lines = [f"{t}: {grade}, then {after[t][0]}" for t, (grade, _) in before.items() if grade != after[t][0]]
    for trial, (_, criteria) in before.items():
        others = after[trial][1]
        changed = [name for name in criteria.keys() | others.keys() if criteria.get(name) != others.get(name)]
        lines += [f"{trial} {name}: {criteria.get(name)}, then {others.get(name)}" for name in changed]
    return sorted(lines)
