"""Who changes soon, and near misses: found in a population, in order, in every format."""

import csv
from pathlib import Path

import pytest

from service.demo import AS_OF
from service.population.near_misses import NearMisses
from service.population.ranked import Ranked
from service.population.upcoming import Upcoming, kind_of
from tests.builders import SINAI
from tests.population.conftest import Screen, lines

PATIENTS = Path("service/demo/patients")


@pytest.fixture
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return request.config.rootpath / PATIENTS


@pytest.mark.parametrize(("days", "opens"), [("10", []), ("11", ["Patient/karla"])])
def test_who_becomes_eligible_within_days(screen: Screen, source: Path, days: str, opens: list[str]) -> None:
    ran = screen(source, "--trial", SINAI, "--within", days, as_of=AS_OF)
    found = lines(ran.out / "upcoming.ndjson")
    assert [row["patient"] for row in found if row["kind"] == "opens"] == opens
    for row in found:
        assert (row["date"], row["because"]) == ("2026-12-02", ["adjuvant-her2-washout"])
        assert (row["grade"], row["changesTo"]) == ("certainly-not", "probable")
    [trial] = ran.summary["trials"]
    assert (trial["within"]["days"], trial["within"]["opens"]) == (int(days), len(opens))


def test_they_come_by_day_and_agree_with_the_results(screen: Screen, source: Path) -> None:
    ran = screen(source, "--within", "365", "--format", "csv,parquet", as_of=AS_OF)
    found = lines(ran.out / "upcoming.ndjson")
    assert [row["date"] for row in found] == sorted(row["date"] for row in found)
    told = {
        (r["patient"], t["trial"], t["changesOn"]["date"]) for r in ran.results for t in r["results"] if t["changesOn"]
    }
    assert {(row["patient"], row["trial"], row["date"]) for row in found} == told
    with (ran.out / "upcoming.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["patient"], row["because"].split()) for row in rows] == [(r["patient"], r["because"]) for r in found]
    assert (ran.out / "upcoming.parquet").stat().st_size > 0


def test_near_misses_come_the_nearest_first(screen: Screen, source: Path) -> None:
    ran = screen(source, "--near-misses", "--format", "csv", as_of=AS_OF)
    found = lines(ran.out / "near-misses.ndjson")
    assert (found[0]["patient"], found[0]["failure"], found[0]["until"]) == ("Patient/karla", "until", "2026-12-02")
    order = [(row["failed"], row["failure"] == "changeable", row["until"]) for row in found]
    assert order == sorted(order)
    graded = {(r["patient"], t["trial"]): t for r in ran.results for t in r["results"]}
    for row in found:
        trial = graded[row["patient"], row["trial"]]
        failing = [c for c in trial["criteria"] if c["outcome"] == "fail"]
        assert (trial["grade"], row["failing"]) == ("certainly-not", [c["id"] for c in failing])
        assert row["reasons"] == [c["reason"] for c in failing]
        unknown = [c for c in trial["criteria"] if c["outcome"] == "unknown"]
        assert (row["failed"], row["unknown"]) == (len(failing), len(unknown))
        assert {c["failure"] for c in failing} <= {"until", "changeable"}
        assert "no-record" not in {c["basis"] for c in failing}
    near = [t["nearMisses"]["oneCriterion"] + t["nearMisses"]["twoCriteria"] for t in ran.summary["trials"]]
    assert sum(near) == len(found)
    with (ran.out / "near-misses.csv").open(encoding="utf-8", newline="") as file:
        assert [row["patient"] for row in csv.DictReader(file)] == [row["patient"] for row in found]


def test_lists_are_written_only_on_request_and_again_on_resuming(screen: Screen, source: Path) -> None:
    first = screen(source, as_of=AS_OF)
    assert not list(first.out.glob("upcoming.*"))
    assert not list(first.out.glob("near-misses.*"))
    assert "within" not in first.summary["trials"][0]
    again = screen(source, "--resume", "--within", "30", "--near-misses", as_of=AS_OF)
    assert lines(again.out / "upcoming.ndjson")
    assert [t["likely"] for t in again.summary["trials"]] == [t["likely"] for t in first.summary["trials"]]
    assert [t["nearMisses"] for t in again.summary["trials"]] == [t["nearMisses"] for t in first.summary["trials"]]


@pytest.mark.parametrize("days", ["0", "366", "soon"])
def test_days_out_of_range_are_refused(screen: Screen, source: Path, days: str) -> None:
    with pytest.raises(Exception, match="range"):
        screen(source, "--within", days)


def test_the_kind_of_a_change() -> None:
    assert kind_of("certainly-not", "possible") == "opens"
    assert kind_of("certain", "certainly-not") == "closes"
    assert kind_of("possible", "probable") == "better"
    assert kind_of("probable", "possible") == "worse"


@pytest.mark.parametrize("number", [3, 4, 5, 500])
def test_only_the_best_are_kept_and_all_are_counted(number: int) -> None:
    rows = Ranked[int](lambda row: row, 4)
    for row in reversed(range(number)):
        rows.add(row)
    assert (list(rows), rows.total) == (list(range(min(number, 4))), number)


def test_without_patients_there_is_nothing() -> None:
    assert (list(Upcoming(30).rows), list(NearMisses().rows)) == ([], [])
