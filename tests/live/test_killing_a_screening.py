"""kill -9 at any moment, with real worker processes: the resumed run gives what an undisturbed one gives."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.population.sources import by_type, owned_by, population

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 400 patients."""
    records = population()
    many = {f"{name}-{n}": owned_by(record, f"{name}-{n}") for n in range(50) for name, record in records.items()}
    return by_type(tmp_path_factory.mktemp("population") / "in", many, files=4)


def command(source: Path, out: Path, *options: str) -> list[str]:
    given = ["screen", str(source), "--out", str(out), "--as-of", "2026-11-21", "--workers", "2", "--progress", "none"]
    return [sys.executable, "-m", "service", *given, *options]


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run(command(source, out), check=True)
    return out


@pytest.mark.parametrize("seconds", [0.9, 1.3, 1.6, 1.9, 2.3])
def test_killed_and_resumed(source: Path, whole: Path, tmp_path: Path, seconds: float) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(command(source, out), start_new_session=True) as process:
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: its workers must not go on without it
    options = ["--resume"] if out.exists() else []
    subprocess.run(command(source, out, *options), check=True)
    for name in ("results.ndjson", "errors.ndjson", "summary.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
