"""The tables of a screening: what stands in them, safe to open, whole or not there, the same in each format."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from service.criteria.findings import Evidence
from service.criteria.results import Change, PatientResult
from service.errors import SettingsError
from service.population import tables
from service.population.tables import TableWriter, columns, safe_cell, write_tables
from service.screening import Screening

from .results import criterion, drawn, needed, patient

HOSTILE = '=HYPERLINK("http://a.example","x")'


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def one(reason: str = "ANC 2,100 /mm³") -> PatientResult:
    used = Evidence("Observation/2", "2.1", True, "2026-11-10")
    other = Evidence("Observation/3", "1.9", True, "2026-10-10")
    aside = Evidence("Observation/4", "9", False, "2026-11-20")
    outcomes = [
        criterion("anc", "pass", reason, used, other, aside),
        criterion("lvef", "unknown"),
        criterion("consent", "review"),
    ]
    return patient("p1", outcomes, [needed("lvef")], Change("2026-12-02", "certainly-not", ("anc",)))


def test_a_row_for_each_criterion_and_one_for_each_trial(tmp_path):
    write_tables([one()], tmp_path, ["csv"])
    anc, lvef, consent = read(tmp_path / "criteria.csv")
    assert (anc["patient"], anc["as_of"], anc["trial"], anc["criterion"]) == ("Patient/p1", "2026-11-21", "T1", "anc")
    assert (anc["outcome"], anc["basis"], anc["reason"]) == ("pass", "recorded", "ANC 2,100 /mm³")
    assert (anc["evidence"], anc["evidence_date"]) == ("Observation/2 Observation/3", "2026-11-10")
    assert (lvef["evidence"], lvef["evidence_date"], consent["outcome"]) == ("", "", "review")
    [trial] = read(tmp_path / "trials.csv")
    assert (trial["grade"], trial["changes_on"], trial["changes_to"]) == ("possible", "2026-12-02", "certainly-not")
    assert (trial["failed"], trial["unknown"], trial["review"]) == ("0", "1", "1")
    assert (trial["missing"], trial["to_judge"]) == ("lvef", "consent")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_are_the_same_without_a_single_row(tmp_path, form):
    write_tables([], tmp_path, [form])
    for table in ("criteria", "trials"):
        path = tmp_path / f"{table}.{form}"
        names = path.read_bytes().decode() if form == "csv" else ",".join(pq.read_schema(path).names) + "\r\n"
        assert names == ",".join(columns(table)) + "\r\n"


def test_csv_and_parquet_hold_the_same(tmp_path, screening: Screening):
    trial = screening.trials["HIC-2000023405"]
    write_tables(drawn(5, trial, 40), tmp_path, ["csv", "parquet"])
    for table in ("criteria", "trials"):
        rows = pq.read_table(tmp_path / f"{table}.parquet").to_pylist()
        assert rows
        assert [{k: str(v) for k, v in row.items()} for row in rows] == read(tmp_path / f"{table}.csv")


def test_parquet_is_written_in_groups_of_rows(tmp_path, screening: Screening, monkeypatch):
    monkeypatch.setattr(tables, "_BATCH", 100)
    trial = screening.trials["NCT02947685"]
    write_tables((p for p in drawn(6, trial, 60)), tmp_path, ["parquet"])
    file = pq.ParquetFile(tmp_path / "criteria.parquet")
    assert file.num_row_groups == -(-file.metadata.num_rows // 100)


@pytest.mark.parametrize(
    "text",
    [HOSTILE, "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-", "+", "- a"],
)
def test_no_cell_is_a_formula(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+1.5", "-.5", "-1e-3", "5", "", "a=b", "2.1 10*3/uL", "≥ 1", "'quoted"])
def test_numbers_and_plain_text_stay_as_they_are(text):
    assert safe_cell(text) == text


def test_hostile_text_is_one_safe_cell(tmp_path):
    reason = f'{HOSTILE}\r\n"x",y;z'
    write_tables([one(reason)], tmp_path, ["csv", "parquet"])
    assert read(tmp_path / "criteria.csv")[0]["reason"] == f"'{reason}"
    assert pq.read_table(tmp_path / "criteria.parquet")["reason"][0].as_py() == reason


def test_half_a_surrogate_pair_stops_no_table(tmp_path):
    write_tables([one("a\ud800b ≥")], tmp_path, ["csv", "parquet"])
    assert read(tmp_path / "criteria.csv")[0]["reason"] == "a?b ≥"
    assert pq.read_table(tmp_path / "criteria.parquet")["reason"][0].as_py() == "a?b ≥"


def breaking() -> Iterator[PatientResult]:
    yield one()
    raise OSError("the disk is gone")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_is_there_wholly_or_as_it_was_before(tmp_path, form):
    write_tables([one()], tmp_path, [form])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OSError, match="the disk is gone"):
        write_tables(breaking(), tmp_path, [form])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nothing_has_its_name_before_all_is_written(tmp_path):
    with TableWriter(tmp_path, ["csv"]) as writer:
        writer.add(one())
        assert not [path for path in tmp_path.iterdir() if path.suffix == ".csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["criteria.csv", "trials.csv"]


def test_parquet_without_its_extra_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"trialhook\[parquet\]"):
        TableWriter(tmp_path, ["csv", "parquet"])
    assert list(tmp_path.iterdir()) == []


def test_csv_needs_no_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    write_tables([one()], tmp_path, ["csv"])
    assert (tmp_path / "criteria.csv").is_file()
