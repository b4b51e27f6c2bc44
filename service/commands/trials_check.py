"""`trialhook trials check` and `test`: what is wrong with trial files, and whether their cases come out; once, or again
whenever a file is saved."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from service import settings
from service.cases.casefile import read_cases
from service.cases.run import CASES, Report, Verdict, names_of, run_cases
from service.commands import trials_import
from service.commands.setup import screening_of
from service.criteria.catalogue import Trial, load_trials, trial_files
from service.criteria.wording import counted
from service.errors import TrialError
from service.library.checking import check_files
from service.screening import Screening

PAUSE = 0.5  # seconds between two looks at the files
OUTCOMES = {
    "pass": "met",
    "fail": "not met",
    "unknown": "not known",
    "review": "left to a person",
}

_PATH = click.argument("path", required=False, type=click.Path(path_type=Path))
_WATCH = click.option("--watch", is_flag=True, help="Do it again whenever a file is saved; end with Ctrl-C.")


@click.command("check", short_help="Check trial files: every mistake with its line and column.")
@_PATH
@click.option("--strict", is_flag=True, help="Take warnings for mistakes.")
@click.option("--against", metavar="NCT.json", help="Also tell what a registry's record says otherwise today.")
@_WATCH
def check(path: Path | None, strict: bool, against: str | None, watch: bool) -> int:
    """Check trial files (all, or those of PATH): every mistake with its line and column.

    A mistake cannot be meant; a warning may be. Exit code 1 with a mistake, or with a difference from the record.
    """
    screening = screening_of(settings.load())
    return _again(watch, lambda: files_of(path, screening), lambda: _check(screening, path, strict, against))


@click.command("test")
@_PATH
@click.option("--verbose", "-v", is_flag=True, help="List every case.")
@_WATCH
def test(path: Path | None, verbose: bool, watch: bool) -> int:
    """Run the cases beside each trial, and name what no case shows yet."""
    screening = screening_of(settings.load())
    return _again(watch, lambda: files_of(path, screening), lambda: _test(screening, path, verbose))


def _check(screening: Screening, path: Path | None, strict: bool, against: str | None) -> int:
    checked = check_files(screening, files_of(path, screening))
    mistakes = list(checked.mistakes)
    for trial in checked.trials:
        mistakes += _problems_of_cases(screening, trial)
    for line in mistakes:
        click.echo(line)
    for line in checked.warnings:
        click.echo(_warning(line))
    counts = [(len(checked.trials), "trial"), (len(mistakes), "mistake"), (len(checked.warnings), "warning")]
    click.echo(", ".join(counted(n, word) for n, word in counts), err=True)
    differs = trials_import.against(list(checked.trials), against) if against else 0
    return 1 if mistakes or differs or (strict and checked.warnings) else 0


def _warning(line: str) -> str:
    place, _, said = line.partition(": ")
    return f"{place}: warning: {said}"


def _problems_of_cases(screening: Screening, trial: Trial) -> Iterable[str]:
    beside = Path(trial.path).parent / CASES
    if beside.is_file():
        try:
            read_cases(beside, trial, names_of(screening))
        except TrialError as mistake:
            yield from mistake.problems


def _test(screening: Screening, path: Path | None, verbose: bool) -> int:
    failed = 0
    for file in files_of(path, screening):
        trial = load_trials(screening.vocabulary, [file], built_in=False).trials[0]
        report = run_cases(screening, trial)
        if report is None:
            click.echo(f"{trial.id}: no {CASES} beside it, so nothing shows that its rules say what is meant")
            failed += 1
            continue
        failed += len(report.failed)
        for line in _report(report, trial, verbose):
            click.echo(line)
    return 1 if failed else 0


def _report(report: Report, trial: Trial, verbose: bool) -> Iterator[str]:
    right = len(report.verdicts) - len(report.failed)
    yield f"{report.trial}: {right} of {len(report.verdicts)} cases as expected"
    for verdict in report.verdicts:
        if verdict.problems:
            yield from _failure(verdict)
        elif verbose:
            yield f"  ✓ {verdict.case.name}"
    yield from _coverage(report, trial)


def _coverage(report: Report, trial: Trial) -> Iterator[str]:
    """Which criteria have a case for every way they may come out, and what is left for the others."""
    missing: dict[str, list[str]] = {}
    for criterion, outcome in report.untested:
        missing.setdefault(criterion, []).append(OUTCOMES[outcome])
    computed = sum(len(criterion.rule.outcomes()) > 1 for criterion in trial.criteria)
    people = len(trial.criteria) - computed
    left = (
        f"; {people} {'is' if people == 1 else 'are'} for a person and need{'s' if people == 1 else ''} none"
        if people
        else ""
    )
    yield f"  {computed - len(missing)} of {computed} criteria have a case for every outcome{left}"
    for criterion, outcomes in missing.items():
        yield f"  {criterion}: no case yet where it is {' or '.join(outcomes)}"


def _failure(verdict: Verdict) -> Iterator[str]:
    yield f"  ✗ {verdict.case.place}: {verdict.case.name}"
    for problem in verdict.problems:
        yield f"      {problem}"


def files_of(path: Path | None, screening: Screening) -> list[Path]:
    """The trial files of a file or folder, or of the whole library. UsageError where there is none."""
    if path is None:
        return [Path(trial.path) for trial in (*screening.trials.trials, *screening.trials.others)]
    found = trial_files(path) if path.exists() else []
    if not found:
        raise click.UsageError(
            f"{path}: no trial.yaml there; a trial file, its folder or a folder of such was expected"
        )
    return found


# -- again and again


def _again(watch: bool, files: Callable[[], list[Path]], once: Callable[[], int]) -> int:
    code = 0
    for _ in rounds(files, time.sleep) if watch else (None,):
        if watch:
            click.clear()
        try:
            code = once()
        except TrialError as problem:
            if not watch:
                raise
            click.echo(problem.message, err=True)
    return code


def rounds(files: Callable[[], list[Path]], wait: Callable[[float], object]) -> Iterator[None]:
    """One round at once, and one whenever a trial file or its cases were written, came or went; until Ctrl-C."""
    seen: dict[Path, int] | None = None
    try:
        while True:
            now = _written(files())
            if now != seen:
                seen = now
                yield
            wait(PAUSE)
    except KeyboardInterrupt:
        return


def _written(files: Iterable[Path]) -> dict[Path, int]:
    """When each file and the cases beside it were last written; what is gone is left out."""
    found = {}
    for path in (p for file in files for p in (file, file.parent / CASES)):
        try:
            found[path] = path.stat().st_mtime_ns
        except OSError:
            continue
    return found
