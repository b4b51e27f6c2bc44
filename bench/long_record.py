"""A long record as lines, as a population has them: reading and screening beside a plain JSON decode of every line, for
a patient with breast cancer and one without."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from bench import patient, typed
from bench.table import Row, Size
from bench.timing import in_turn, microseconds, ratio
from service.criteria.results import PatientResult
from service.mappers.documents import read_lines
from service.mappers.record import Record
from service.population.judging import Judge
from service.population.records import Shared
from service.population.spill import Entry, Spilled
from service.screening import Screening

TITLE = "A long record as lines: 2,000 resources (CPU, median ratio over the rounds)"
RESOURCES = 2000
AT_MOST_LOADS = 1
_DAY = 739_941  # 2026-11-21
_FEW_RUNS = 4  # of the runs of a small record: as many resources, about
_LOADS = "orjson.loads"
_TYPED, _READING, _BOTH = "typed msgspec decode", "reading", "reading + screening"
_LOADS_WITHOUT, _WITHOUT = f"{_LOADS}, no breast cancer", "reading + screening, no breast cancer"
_BRIEF = f"{_WITHOUT}, brief"
_decode = msgspec.json.Decoder(typed.AnyResource).decode


def run(size: Size) -> list[Row]:
    lines = lines_of_years()
    runs = max(1, size.runs // _FEW_RUNS)
    times = in_turn(_work(Screening(), lines, _without_cancer(lines)), size.rounds, runs)
    wanted = f"the goal: {AT_MOST_LOADS}"
    return [
        Row("text", f"{sum(map(len, lines)) / 1024:,.0f} KB", f"{len(lines):,} lines"),
        Row(_LOADS, microseconds(times, _LOADS), "the yardstick"),
        Row(_TYPED, _against(times, _TYPED, _LOADS)),
        Row(_READING, _against(times, _READING, _LOADS), wanted),
        Row(_BOTH, _against(times, _BOTH, _LOADS)),
        Row(_WITHOUT, _against(times, _WITHOUT, _LOADS_WITHOUT)),
        Row(_BRIEF, _against(times, _BRIEF, _LOADS_WITHOUT), wanted),
    ]


def _against(times: dict[str, list[float]], name: str, yardstick: str) -> str:
    return f"{microseconds(times, name)} = {ratio(times, name, yardstick):.2f} × loads"


def lines_of_years() -> list[bytes]:
    """The bench patient's record with the routine of many more visits: results, and the procedures of each."""
    found = [entry["resource"] for entry in json.loads(patient.bundle())["entry"]]
    found += [_another(found, number) for number in range(len(found), RESOURCES)]
    return [msgspec.json.encode(resource) for resource in found]


def _another(routine: Sequence[dict[str, Any]], number: int) -> dict[str, Any]:
    """A procedure in every fourth place, else a routine result once more."""
    identifier = f"{patient.NAME}-more-{number}"
    if number % 4:
        return routine[-1 - number % 40] | {"id": identifier}
    return {
        "resourceType": "Procedure",
        "id": identifier,
        "status": "completed",
        "code": {
            "coding": [
                {"system": "http://snomed.info/sct", "code": "430193006", "display": "Medication reconciliation"}
            ]
        },
        "subject": {"reference": f"Patient/{patient.NAME}"},
        "performedPeriod": {"start": "2015-06-07T16:21:54+00:00", "end": "2015-06-07T16:36:54+00:00"},
    }


def _without_cancer(lines: Sequence[bytes]) -> list[bytes]:
    return [line for line in lines if b'"C50' not in line and b'"C79' not in line]


def _work(screening: Screening, lines: list[bytes], without: list[bytes]) -> dict[str, Callable[[], Any]]:
    sieve = screening.sieve(screening.plan)
    person = f"Patient/{patient.NAME}"

    def read(found: list[bytes]) -> Record:
        return screening.of_document(read_lines(found, "record", person, sieve), person)

    def screened(found: list[bytes]) -> PatientResult:
        return screening.screen(read(found), _DAY)

    # as a population's part has them: the type of each line was read when it was sorted
    entries = [
        Entry(0, n, patient.NAME, line, msgspec.json.decode(line)["resourceType"]) for n, line in enumerate(without)
    ]
    judge = Judge(screening, screening.plan, _DAY, (), Spilled(), Shared(Path()), {}, Path(), sieve, brief=True)

    return {
        _LOADS: lambda: _each(orjson.loads, lines),
        _TYPED: lambda: _each(_decode, lines),
        _READING: lambda: read(lines),
        _BOTH: lambda: screened(lines),
        _LOADS_WITHOUT: lambda: _each(orjson.loads, without),
        _WITHOUT: lambda: screened(without),
        _BRIEF: lambda: judge.answer(patient.NAME, entries),
    }


def _each(decode: Callable[[bytes], Any], lines: Sequence[bytes]) -> None:
    for line in lines:
        decode(line)
