"""Screening a population in a test: the command itself, in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.commands import screen as screen_command
from service.errors import RecordError, TrialhookError
from service.population import judging
from service.screening import Screening
from tests.builders import AS_OF


class Ran(NamedTuple):
    """What a run gave: exit code, its outputs as values, stderr."""

    code: int
    results: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    summary: dict[str, Any]
    err: str
    out: Path


Screen = Callable[..., Ran]


@pytest.fixture
def screen(tmp_path: Path, screening: Screening, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """-> run `trialhook screen SOURCE --out …` with further options; `out` names another output folder."""
    monkeypatch.setattr(screen_command, "screening_of", lambda *_: screening)

    def run(source: Path | str, *options: str, out: str = "out", as_of: str = AS_OF.isoformat()) -> Ran:
        folder = tmp_path / out
        given = ["screen", str(source), "--out", str(folder), "--as-of", as_of, "--progress", "none", *options]
        ran = CliRunner().invoke(cli, given, standalone_mode=False)
        code, err = ran.return_value or 0, ran.stderr
        if isinstance(ran.exception, TrialhookError):
            code, err = 2, ran.exception.message
        elif ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return Ran(code, lines(folder / "results.ndjson"), lines(folder / "errors.ndjson"), whole(folder), err, folder)

    return run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def whole(folder: Path) -> dict[str, Any]:
    path = folder / "summary.json"
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return found


@pytest.fixture
def a1_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of patient a1 are well-formed one by one and fail together."""
    read = judging.read_patient

    def failing(document: Any, patient: str, *rest: Any) -> Any:
        if patient == "a1":
            raise RecordError("record: cannot be read", code="too-deep")
        return read(document, patient, *rest)

    monkeypatch.setattr(judging, "read_patient", failing)
