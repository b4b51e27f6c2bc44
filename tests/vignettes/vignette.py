"""One vignette, and the chapter that collects those of a file under the rules they show."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.builders import AS_OF, Json, Record

Expected = dict[tuple[str, str], str]

GRADE = "grade"


@dataclass(frozen=True)
class Vignette:
    """A record, a day, and what is to come out.

    `expected` gives a trial's criterion its `outcome` or `outcome/basis`; `absent` is a criterion that does not
    appear, and the criterion GRADE stands for the trial's grade. `refusal` is the code of the error where the record is
    refused.
    """

    id: str
    rule: str
    record: Record | Json | list[Json]
    expected: Expected
    as_of: date = AS_OF
    zone: str = "UTC"
    upper_limits: tuple[tuple[str, str, str], ...] = ()
    refusal: str = ""

    @property
    def document(self) -> Json | list[Json]:
        """What is handed in."""
        return self.record.bundle() if isinstance(self.record, Record) else self.record


class Chapter:
    """The vignettes of one file."""

    def __init__(self) -> None:
        self.vignettes: list[Vignette] = []

    def rule(self, sentence: str) -> "Rule":
        return Rule(self, sentence)


@dataclass(frozen=True)
class Rule:
    """What the reference says, in a sentence; calling it adds a vignette that shows it."""

    chapter: Chapter
    sentence: str

    def __call__(
        self, id: str, record: Record | Json | list[Json], expected: Expected, detail: str = "", **settings: Any
    ) -> None:
        """`detail` says what is special here; `settings` are the Vignette's as-of date, zone, limits and refusal."""
        if not re.fullmatch(r"[A-Za-z0-9.-]+", id):
            raise ValueError(f"{id!r}: letters, digits, dots and hyphens make an id")
        rule = f"{self.sentence} ({detail})" if detail else self.sentence
        self.chapter.vignettes.append(Vignette(id, rule, record, expected, **settings))


def expect(trial: str, **outcomes: str) -> Expected:
    """`expect(SINAI, anc="pass", lung_function="fail")`."""
    return {(trial, criterion.replace("_", "-")): outcome for criterion, outcome in outcomes.items()}


def expect_in(trials: Iterable[str], **outcomes: str) -> Expected:
    """The same outcomes in several trials."""
    return {key: outcome for trial in trials for key, outcome in expect(trial, **outcomes).items()}
