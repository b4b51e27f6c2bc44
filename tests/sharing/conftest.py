"""Trials to share: those of the installation with the examples, and small ones of one rule."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.criteria import catalogue
from service.criteria.catalogue import Trial, compile_trial
from service.screening import Screening
from tests.criteria.test_trial_files import HEAD, criterion

EXAMPLES = Path(catalogue.__file__).parent / "examples"
IDS = ("EXAMPLE-NSCLC", "EXAMPLE-T2D", "HIC-2000023405", "NCT02947685", "NCT03304080", "NCT03709082")


@pytest.fixture(scope="session")
def library() -> Screening:
    return Screening(trial_folders=[EXAMPLES])


@pytest.fixture(params=IDS)
def trial(request: pytest.FixtureRequest, library: Screening) -> Trial:
    return library.trials[request.param]


@pytest.fixture(scope="session")
def compiled(library: Screening) -> Callable[[str], Trial]:
    """A trial of the text of its criteria, or of one rule."""

    def made(written: str) -> Trial:
        text = HEAD + (criterion(written) if written.startswith("{") else written)
        return compile_trial(text, "trial.yaml", library.vocabulary)

    return made
