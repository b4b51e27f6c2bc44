"""Check trial files as their author wants to be told: every mistake and every warning in the order of the file, with
its line and column."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from service.criteria.catalogue import Trial, load_trials, versions
from service.criteria.places import Placed, problems_of, read
from service.criteria.spans import iso
from service.errors import TrialError
from service.library.soundness import Remark, remarks
from service.screening import Screening


class Checked(msgspec.Struct, frozen=True):
    """What checking some files gave: the trials that could be read, and lines `file:line:column: where: what`."""

    trials: tuple[Trial, ...]
    mistakes: tuple[str, ...]
    warnings: tuple[str, ...]


def check_files(screening: Screening, files: Iterable[Path]) -> Checked:
    """Read files and look at each trial. A file that cannot be read is told beside those that can."""
    trials: list[Trial] = []
    mistakes: list[str] = []
    warnings: list[str] = []
    for file in files:
        try:
            trials += load_trials(screening.vocabulary, [file], built_in=False).trials
        except TrialError as problem:
            mistakes += problem.problems
    versions(trials, mistakes)
    for trial in trials:
        for found, lines in zip(_lines(screening, trial), (mistakes, warnings), strict=True):
            lines += found
    return Checked(tuple(trials), tuple(mistakes), tuple(warnings))


def _lines(screening: Screening, trial: Trial) -> tuple[list[str], list[str]]:
    """The mistakes and the warnings of a trial that could be read."""
    has_codes = screening.terminology.first_code
    found = remarks(trial, screening.vocabulary, lambda f, c: has_codes(f, c) is not None, iso(screening.today()))
    placed = read(Path(trial.path).read_text("utf-8"))
    mistakes: list[str] = []
    warnings: list[str] = []
    for remark in sorted(dict.fromkeys(found), key=lambda r: placed.place(r.path)):
        (mistakes if remark.is_mistake else warnings).append(_line(remark, placed, trial.path))
    return mistakes, warnings


def _line(remark: Remark, placed: Placed, path: str) -> str:
    nested: Any = [remark.text]
    for part in reversed(remark.path):
        nested = {part: nested}
    (line,) = problems_of(nested, placed, path)
    return line
