"""What a screening says beside its results: nothing of few patients where small counts are hidden; plain refusals."""

import errno
import io
import json
import sys
from pathlib import Path

import msgspec
import pytest

from service.cli import main
from service.population import ledger
from service.population.progress import Discreet, Lines, Silent, progress
from service.screening import Screening
from tests.builders import SINAI
from tests.population.conftest import Screen
from tests.population.sources import by_type, population


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return by_type(tmp_path / "in", population())


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_written_stops_no_run() -> None:
    told = Lines(Full())
    told.phase("judging", 2, "parts")
    told.advance(2)
    told.close()


def test_without_stderr_no_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(progress("plain"), Silent)


def test_counts_are_said_where_nothing_is_hidden(screen: Screen, source: Path) -> None:
    ran = screen(source)
    (trial,) = [t for t in ran.summary["trials"] if t["trial"] == SINAI]
    grades = ", ".join(f"{trial['grades'][g]:,} {g}" for g in ("certain", "probable", "possible"))
    assert f"{ran.summary['patients']} patients screened" in ran.err
    assert f"{SINAI}: {grades}" in ran.err


def test_what_the_summary_hides_is_not_said_either(screen: Screen, source: Path) -> None:
    told = screen(source)
    below = max(told.summary["patients"], *told.summary["resources"].values()) + 1
    ran = screen(source, "--suppress-below", str(below), "--within", "90", out="hidden")
    assert ran.summary["patients"] is None
    assert set(ran.summary["resources"]) == set(told.summary["resources"])
    assert set(ran.summary["resources"].values()) == {None}
    assert "hidden patients screened" in ran.err
    said = ran.err.replace(str(ran.out), "")
    for trial in told.summary["trials"]:
        assert f"{trial['trial']}: hidden certain, hidden probable, hidden possible" in said
        said = said.replace(trial["trial"], "")
    lines = [line for line in said.splitlines() if "errors, listed" not in line]  # errors are no patients
    assert not [line for line in lines if any(c.isdigit() for c in line)]


@pytest.mark.parametrize("more", [0, 1])
def test_a_count_of_resources_is_hidden_below_the_smallest_shown(screen: Screen, source: Path, more: int) -> None:
    count = screen(source).summary["resources"]["Patient"]
    ran = screen(source, "--suppress-below", str(count + more), out="hidden")
    assert ran.summary["resources"]["Patient"] == (None if more else count)


def test_a_finished_run_told_anew_does_not_bring_hidden_counts_back(screen: Screen, source: Path) -> None:
    below = str(screen(source, out="other").summary["resources"]["Patient"] + 1)
    screen(source, "--suppress-below", below)
    again = screen(source, "--resume")
    assert again.code == 0
    assert again.summary["resources"]["Patient"] is None


def test_progress_counts_one_as_one() -> None:
    out = io.StringIO()
    told = Lines(out)
    told.phase("judging", 2, "parts")
    told.advance(2, patients=1, errors=2)
    told.close()
    told.phase("fetching", 0, "patients")
    told.advance(1)
    told.close()
    assert "judging: 2 of 2 parts, 1 patient, 2 errors" in out.getvalue()
    assert "fetching: 1 patient, " in out.getvalue()


def test_progress_that_is_discreet_tells_no_patients() -> None:
    out = io.StringIO()
    told = Discreet(Lines(out))
    told.phase("fetching", 0, "patients")
    told.advance(7)
    told.phase("judging", 5, "parts")
    told.advance(5, patients=3, errors=1)
    told.close()
    assert "judging: 5 of 5 parts" in out.getvalue()
    assert not any(word in out.getvalue() for word in ("patients", "3", "7"))


# ---- folders that cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--out", "--facts"])
@pytest.mark.parametrize("place", ["a file", "below a file", "where nobody can make one"])
def test_a_folder_that_cannot_be_made_is_one_line_and_2(
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    option: str,
    place: str,
) -> None:
    file = tmp_path / "file"
    file.write_text("as it was")
    folder = {"a file": file, "below a file": file / "x", "where nobody can make one": Path("/proc/x")}[place]
    folders = {"--out": str(tmp_path / "out"), option: str(folder)}
    given = [part for pair in folders.items() for part in pair]
    monkeypatch.setattr("sys.argv", ["trialhook", "screen", str(source), "--as-of", "2026-11-21", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr()
    assert ended.value.code == 2
    (line,) = [line for line in said.err.splitlines() if not line.startswith("{")]
    assert line.startswith(f"trialhook: {option} {folder}: no folder can be there (")
    assert "--resume" not in said.err
    assert file.read_text() == "as it was"


# ---- the manifest ---------------------------------------------------------------------------------------------------


def test_the_manifest_tells_the_versions_of_the_trials(screen: Screen, source: Path, screening: Screening) -> None:
    ran = screen(source)
    told = json.loads((ran.out / "manifest.json").read_text())
    assert told["trialVersions"] == {trial.id: trial.version for trial in screening.trials.trials}
    assert set(told["question"]["trials"]) == set(told["trialVersions"])


def test_a_manifest_without_versions_is_gone_on_with(screen: Screen, source: Path) -> None:
    path = screen(source).out / ledger.NAME
    old = json.loads(path.read_text())
    del old["trialVersions"]
    path.write_bytes(msgspec.json.encode(old))
    assert screen(source, "--resume").code == 0


def test_a_report_made_before_tells_no_more_than_the_summary_beside_it(screen: Screen, source: Path) -> None:
    screen(source, "--report")
    hidden = screen(source, "--resume", "--suppress-below", "1000")
    fresh = screen(source, "--report", "--suppress-below", "1000", out="fresh")
    for name in ("report.html", "summary.json"):
        assert (hidden.out / name).read_bytes() == (fresh.out / name).read_bytes(), name
