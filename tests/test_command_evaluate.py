"""`trialhook evaluate` from outside: exit codes, what goes to stdout and what to stderr, and what neither may hold."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service import cli
from service.commands import evaluate
from service.errors import writable
from service.screening import Screening
from tests.builders import (
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    as_json,
    collection,
    condition,
    eligible,
    entry,
    laboratory,
    patient,
    younger,
)

RECORD = eligible(SINAI)
TEXT = as_json(RECORD.bundle())
LINES = [as_json(resource) for resource in RECORD.resources.values()]
CIRRHOSIS = as_json(condition(Icd10cm.CIRRHOSIS, "2025-02-01") | {"id": "cirrhosis"})
NAME = "Roe"
BROKEN = TEXT.replace(b'"gender"', b'"name":[{"family":"Roe"}],"gender" "female"')
ESCAPES = "\x1b[2J\x1b]0;seen\x07"
DAY = ("--as-of", "2026-11-21")


class Ran(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Json]:
        return [json.loads(line) for line in self.out.splitlines()]


Trialhook = Callable[..., Ran]


@pytest.fixture
def trialhook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], screening: Screening
) -> Trialhook:
    """Runs the command in a folder of its own. `files` are written there first; without `settings` one installation
    serves all runs."""
    monkeypatch.chdir(tmp_path)

    def run(
        *arguments: str, files: dict[str, bytes] | None = None, stdin: bytes | None = b"", **environment: str
    ) -> Ran:
        for name, content in (files or {}).items():
            Path(name).write_bytes(content)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        if not environment:
            monkeypatch.setattr(evaluate, "screening_of", lambda *_: screening)
        monkeypatch.setattr(sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "argv", ["trialhook", "evaluate", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capfd.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return run


def criterion(result: Json, id: str) -> Any:
    found = next(trial for trial in result["results"] if trial["trial"] == SINAI)
    return next(criterion for criterion in found["criteria"] if criterion["id"] == id)


# ---- what is read ----------------------------------------------------------------------------------------------------


def test_one_record_is_one_line_on_stdout_and_nothing_on_stderr(trialhook: Trialhook) -> None:
    ran = trialhook("p.json", *DAY, files={"p.json": TEXT})
    assert (ran.code, ran.err, len(ran.lines)) == (0, "", 1)
    assert (ran.lines[0]["patient"], ran.lines[0]["asOf"]) == ("Patient/p1", "2026-11-21")
    assert criterion(ran.lines[0], "anc")["outcome"] == "pass"


WHOLE = {
    "standard input": ("-", TEXT),
    "NDJSON on standard input": ("-", b"\n".join([*LINES, CIRRHOSIS])),
    "a file": ("p.json", TEXT),
    "gzip": ("p.json.gz", gzip.compress(TEXT)),
    "gzip under another name": ("p.json", gzip.compress(TEXT)),
    "gzip in several parts": ("p.ndjson.gz", gzip.compress(b"\n".join(LINES) + b"\n") + gzip.compress(CIRRHOSIS)),
}


@pytest.mark.parametrize("claim", WHOLE)
def test_read_to_its_end(trialhook: Trialhook, claim: str) -> None:
    name, content = WHOLE[claim]
    ran = trialhook(name, *DAY, files={} if name == "-" else {name: content}, stdin=content)
    assert ran.code == 0
    outcome = "fail" if "NDJSON" in claim or "parts" in claim else "pass"
    assert criterion(ran.lines[0], "liver-disease")["outcome"] == outcome


def test_only_the_trial_and_the_patient_asked_for(trialhook: Trialhook) -> None:
    two = as_json(RECORD.put(p2=patient(id="p2")).bundle())
    ran = trialhook("p.json", "--trial", SINAI, "--patient", "p2", *DAY, files={"p.json": two})
    assert ran.code == 0
    assert ran.lines[0]["patient"] == "Patient/p2"
    assert [trial["trial"] for trial in ran.lines[0]["results"]] == [SINAI]


# ---- what cannot be read ---------------------------------------------------------------------------------------------

UNREADABLE: dict[str, tuple[str, dict[str, bytes], str]] = {
    "a missing file": ("p.json", {}, "unreadable-source"),
    "a folder": (os.curdir, {}, "unreadable-source"),
    "a name too long for a file": ("p" * 300, {}, "unreadable-source"),
    "a name that is no text": (os.fsdecode(b"\xff.json"), {}, "unreadable-source"),
    "an empty file": ("p.json", {"p.json": b""}, "empty"),
    "broken JSON": ("p.json", {"p.json": BROKEN}, "not-json"),
    "UTF-16": ("p.json", {"p.json": TEXT.decode().encode("utf-16")}, "wrong-encoding"),
    "XML": ("p.json", {"p.json": b"<Bundle/>"}, "not-json"),
    "gzip cut short": ("p.gz", {"p.gz": gzip.compress(TEXT)[:-20]}, "unreadable-source"),
    "gzip with a wrong checksum": ("p.gz", {"p.gz": gzip.compress(TEXT)[:-8] + bytes(8)}, "unreadable-source"),
    "gzip with rubbish behind it": ("p.gz", {"p.gz": gzip.compress(TEXT) + b"rubbish"}, "unreadable-source"),
    "gzip in gzip": ("p.gz", {"p.gz": gzip.compress(gzip.compress(TEXT))}, "wrong-encoding"),
    "a record without a Patient": ("p.json", {"p.json": as_json(collection())}, "no-patient"),
    "a deep document": ("p.json", {"p.json": b"[" * 100_000}, "too-deep"),
}


@pytest.mark.parametrize("validate", [(), ("--validate",)], ids=["", "validated"])
@pytest.mark.parametrize("claim", UNREADABLE)
def test_an_unreadable_source_is_an_error_line_and_3(trialhook: Trialhook, claim: str, validate: tuple[str]) -> None:
    name, files, code = UNREADABLE[claim]
    ran = trialhook(name, *DAY, *validate, files=files)
    assert ran.code == 3
    assert [(line["patient"], line["error"]["code"]) for line in ran.lines] == [(None, code)]
    assert ran.lines[0]["error"]["message"] in ran.err
    assert "Traceback" not in ran.err
    assert NAME not in ran.out + ran.err


@pytest.mark.parametrize("claim", UNREADABLE)
def test_the_error_names_the_source(trialhook: Trialhook, claim: str) -> None:
    name, files, _ = UNREADABLE[claim]
    message = trialhook(name, *DAY, files=files).lines[0]["error"]["message"]
    assert writable(name) in message


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(trialhook: Trialhook, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(TEXT)
    (tmp_path / "p.json").chmod(0)
    ran = trialhook("p.json", *DAY)
    assert (ran.code, ran.lines[0]["error"]["code"]) == (3, "unreadable-source")


LARGE = {
    "a file": ("p.json", {"p.json": TEXT}, b""),
    "gzip": ("p.gz", {"p.gz": gzip.compress(TEXT)}, b""),
    "standard input": ("-", {}, TEXT),
    "NDJSON on standard input, whole up to the limit": ("-", {}, LINES[0] + b"\n" + CIRRHOSIS),
}


@pytest.mark.parametrize("claim", LARGE)
def test_more_than_the_limit_is_refused_and_not_cut(
    trialhook: Trialhook, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    name, files, stdin = LARGE[claim]
    monkeypatch.setattr(evaluate, "MAX_FILE", len(LINES[0]) + 1)
    ran = trialhook(name, *DAY, files=files, stdin=stdin)
    assert (ran.code, ran.lines[0].get("error", {}).get("code")) == (3, "too-large")


def test_a_closed_standard_input_is_an_unreadable_source(trialhook: Trialhook) -> None:
    ran = trialhook("-", *DAY, stdin=None)
    assert (ran.code, ran.lines[0]["error"]["code"]) == (3, "unreadable-source")


@pytest.mark.parametrize("form", ["json", "text"])
def test_one_broken_among_several_is_1_and_the_others_are_judged(trialhook: Trialhook, form: str) -> None:
    files = {"a.json": TEXT, "b.json": BROKEN, "c.json": TEXT}
    ran = trialhook(*files, *DAY, "--format", form, files=files)
    assert ran.code == 1
    assert "b.json" in ran.err
    assert "1 of 3" in ran.err
    assert NAME not in ran.out + ran.err
    assert ran.out.count("b.json") == 1
    if form == "json":
        assert ["error" in line for line in ran.lines] == [False, True, False]
    else:
        assert ran.out.count("Patient/p1 as of 2026-11-21") == 2


# ---- wrong use -------------------------------------------------------------------------------------------------------

WRONG_USE: dict[str, tuple[tuple[str, ...], str]] = {
    "no file": ((), "FILE"),
    "a trial that is not known": (("p.json", "--trial", "NCT0330408"), "NCT03304080"),
    "an option that is not known": (("p.json", "--nope"), "--nope"),
    "a format that is not known": (("p.json", "--format", "xml"), "xml"),
}
NO_DAYS = ["nonsense", "", "2026-1-1", "20261121", "2026-W47-6", "2026-13-01", "2026-02-30", "2026-11", "0000-01-01"]
WRONG_USE |= {f"as of {day!r}": (("p.json", "--as-of", day), "--as-of") for day in NO_DAYS}


@pytest.mark.parametrize("claim", WRONG_USE)
def test_wrong_use_is_2_and_says_what_is_wrong(trialhook: Trialhook, claim: str) -> None:
    arguments, said = WRONG_USE[claim]
    ran = trialhook(*arguments, files={"p.json": TEXT})
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def limit(high: str, name: str = "alt", unit: str = '"U/L"') -> str:
    return f'{{"{name}":{{"high":{high},"unit":{unit}}}}}'


WRONG_SETTINGS = [
    ("TIMEZONE", "Mars/Olympus"), ("TIMEZONE", ""), ("TIMEZONE", "../../etc/hosts"), ("TRIALS", "nowhere"),
    ("TRIALS", "p.json"), ("VALUE_SETS", "nowhere"), ("NOPE", "1"), ("ULN", "nowhere.json"), ("ULN", "."),
    ("ULN", "[]"), ("ULN", '{"alt":40}'), ("ULN", limit('"many"')), ("ULN", limit("true")), ("ULN", limit("NaN")),
    ("ULN", limit("1e400")), ("ULN", limit('"Infinity"')), ("ULN", limit("0")), ("ULN", limit("-40")),
    ("ULN", limit("40", "nope")), ("ULN", limit("40", unit="5")), ("ULN", limit("40", unit='"kg"')),
    ("ULN_FILE", "nowhere"), ("ULN_FILE", "p.json.gz"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "value"), WRONG_SETTINGS, ids=[f"{s}={v}" for s, v in WRONG_SETTINGS])
def test_a_wrong_setting_stops_the_start_with_its_name(trialhook: Trialhook, setting: str, value: str) -> None:
    files = {"p.json": TEXT, "p.json.gz": gzip.compress(TEXT)}
    ran = trialhook("p.json", *DAY, files=files, **{f"TRIALHOOK_{setting}": value})
    assert (ran.code, ran.out) == (2, "")
    assert setting.removesuffix("_FILE") in ran.err
    assert "Traceback" not in ran.err


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def test_a_text_for_a_reader_holds_no_control_characters_of_the_record(trialhook: Trialhook) -> None:
    code = {"coding": [Icd10cm.CIRRHOSIS], "text": f"{ESCAPES}cirrhosis"}
    document = RECORD.bundle(entry(condition(code, "2025-02-01")))
    ran = trialhook("p.json", *DAY, "--format", "text", files={"p.json": as_json(document)})
    assert "cirrhosis" in ran.out
    assert not [c for c in ran.out if ord(c) < 32 and c != "\n"]


def test_what_to_order_is_told_with_its_own_code_system(trialhook: Trialhook) -> None:
    record = younger(SINAI).drop("goserelin", "ecog")
    text = trialhook("p.json", *DAY, "--format", "text", files={"p.json": as_json(record.bundle())}).out
    words = " ".join(text.split())
    assert "order SNOMED CT 161712005 (menopausal status)" in words
    assert "order LOINC 89247-1 (ECOG Performance Status score)" in words


VALIDATED: dict[str, tuple[bytes, str]] = {
    "a valid record": (TEXT, ""),
    "valid NDJSON": (b"\n".join(LINES) + b"\n", ""),
    "a valid record with a byte order mark": (b"\xef\xbb\xbf" + TEXT, ""),
    "an element of a wrong type": (TEXT.replace(b'"status":"final"', b'"status":["Roe"]', 1), "status"),
    "a date that is none": (TEXT.replace(b'"1960-03-05"', b'"Roe"'), "birthDate"),
    "an entry that is a number": (as_json(collection(*RECORD.entries(), 5)), f"entry[{len(LINES)}]"),
    "a required element that is missing": (TEXT.replace(b'"status":"final",', b"", 1), "status"),
}  # fmt: skip


@pytest.mark.parametrize("claim", VALIDATED)
def test_validation_names_the_place_on_stderr_and_repeats_nothing(trialhook: Trialhook, claim: str) -> None:
    document, place = VALIDATED[claim]
    ran = trialhook("p.json", "--validate", *DAY, files={"p.json": document})
    assert ran.lines[0]["patient"] == "Patient/p1"
    assert NAME not in ran.err
    assert place in ran.err if place else not ran.err


# ---- the command itself ----------------------------------------------------------------------------------------------


def test_the_command_separates_results_from_the_rest(tmp_path: Path) -> None:
    low = as_json(RECORD.add(laboratory(Loinc.ANC, 0.4, "10*3/uL", "2026-11-15")).bundle())
    (tmp_path / "p.json").write_bytes(BROKEN)
    command = [sys.executable, "-m", "service", "evaluate", str(tmp_path / "p.json"), "-", *DAY]
    ran = subprocess.run(command, input=low, capture_output=True, check=False)
    error, result = (json.loads(line) for line in ran.stdout.splitlines())
    assert (ran.returncode, error["error"]["code"]) == (1, "not-json")
    assert criterion(result, "anc")["outcome"] == "fail"
    assert ran.stderr.decode().splitlines() == [
        f"trialhook: {error['error']['message']}",
        "trialhook: 1 of 2 could not be read",
    ]
