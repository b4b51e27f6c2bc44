"""What the tests of reading share: one criterion of one trial for a record as it is handed in."""

from collections.abc import Callable
from typing import Any

import pytest

from service.criteria.results import CriterionResult
from service.screening import Screening
from tests.builders import AS_OF, SINAI, as_json

Judged = tuple[CriterionResult, tuple[str, ...]]


@pytest.fixture
def judged(screening: Screening) -> Callable[..., Judged]:
    """The criterion of SINAI's trial that is asked for (of the dead the one that says so), and the result's notices."""

    def judge(document: Any, asked: str, **reading: Any) -> Judged:
        text = document if isinstance(document, bytes) else as_json(document)
        result = screening.screen(screening.read(text, "p.json", **reading), AS_OF)
        trial = next(trial for trial in result.results if trial.trial == SINAI)
        found = next(criterion for criterion in trial.criteria if criterion.id in (asked, "alive"))
        return found, result.notices if isinstance(result.notices, tuple) else ()

    return judge
