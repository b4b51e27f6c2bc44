"""What every test may use: the screening of a default installation, and of one with settings of its own."""

from collections.abc import Callable
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from service.screening import Screening

Limit = tuple[str, str, str]


@pytest.fixture(scope="session")
def screening_with() -> Callable[..., Screening]:
    """The screening of an installation in a time zone, with upper limits of normal (test, limit, unit) of its own."""

    @cache
    def made(zone: str = "UTC", upper_limits: tuple[Limit, ...] = ()) -> Screening:
        limits = {test: {"high": high, "unit": unit} for test, high, unit in upper_limits}
        return Screening(zone=ZoneInfo(zone), upper_limits=limits)

    return made


@pytest.fixture(scope="session")
def screening(screening_with: Callable[..., Screening]) -> Screening:
    return screening_with()
