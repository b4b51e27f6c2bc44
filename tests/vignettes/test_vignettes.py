"""Every vignette gets the outcome that the reference gives it."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import get_args

import pytest

from service.criteria.logic import Basis, Grade, Outcome
from service.criteria.results import PatientResult
from service.errors import RecordError
from service.screening import Screening
from tests.builders import TRIALS, as_json
from tests.vignettes.catalogue import VIGNETTES
from tests.vignettes.vignette import GRADE, Vignette

READABLE = [v for v in VIGNETTES if not v.refusal]
REFUSED = [v for v in VIGNETTES if v.refusal]


def screened(vignette: Vignette, screening_with: Callable[..., Screening]) -> PatientResult:
    screening = screening_with(vignette.zone, vignette.upper_limits)
    return screening.screen(screening.read(as_json(vignette.document), "record"), vignette.as_of)


def answers(result: PatientResult) -> dict[tuple[str, str], tuple[str, str]]:
    """What came out for every criterion, as `outcome/basis`, and the reason given; the grades too."""
    found = {}
    for trial in result.results:
        found[trial.trial, GRADE] = trial.grade, ""
        for criterion in trial.criteria:
            found[trial.trial, criterion.id] = f"{criterion.outcome}/{criterion.basis}", criterion.reason
    return found


def agrees(expected: str, got: str) -> bool:
    return expected == got or expected == got.partition("/")[0]


@pytest.mark.parametrize("vignette", READABLE, ids=attrgetter("id"))
def test_outcomes_are_those_of_the_reference(vignette: Vignette, screening_with: Callable[..., Screening]) -> None:
    found = answers(screened(vignette, screening_with))
    wrong = []
    for key, expected in vignette.expected.items():
        got, reason = found.get(key, ("absent", ""))
        if not agrees(expected, got):
            wrong.append(f"{' '.join(key)}: expected {expected}, got {got} ({reason})")
    if wrong:
        pytest.fail("\n".join([f"rule: {vignette.rule}", *wrong]), pytrace=False)


@pytest.mark.parametrize("vignette", REFUSED, ids=attrgetter("id"))
def test_records_that_cannot_be_judged_are_refused(
    vignette: Vignette, screening_with: Callable[..., Screening]
) -> None:
    with pytest.raises(RecordError) as refused:
        screened(vignette, screening_with)
    assert refused.value.code == vignette.refusal, vignette.rule


def test_every_vignette_has_an_id_of_its_own() -> None:
    assert [id for id, count in Counter(v.id for v in VIGNETTES).items() if count > 1] == []


def test_no_situation_stands_twice() -> None:
    situations = Counter((as_json(v.document), v.as_of, v.zone, v.upper_limits) for v in VIGNETTES)
    twice = {document for (document, *_), count in situations.items() if count > 1}
    assert [v.id for v in VIGNETTES if as_json(v.document) in twice] == []


def test_expectations_are_outcomes_that_a_criterion_can_have(screening: Screening) -> None:
    outcomes, bases, grades = get_args(Outcome), get_args(Basis), get_args(Grade)
    possible = {"absent", *outcomes, *(f"{outcome}/{basis}" for outcome in outcomes for basis in bases)}
    for vignette in VIGNETTES:
        assert vignette.expected or vignette.refusal, vignette.id
        for (trial, criterion), expected in vignette.expected.items():
            assert trial in TRIALS, vignette.id
            assert expected in (grades if criterion == GRADE else possible), vignette.id
