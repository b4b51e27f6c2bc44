"""Screening again from kept facts: one patient with breast cancer, one without, and one without in brief."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from bench import patient
from bench.table import Row, Size
from bench.timing import Times, in_turn
from service.population.facts import FactsRecord, pack
from service.population.records import answered
from service.screening import Screening, encode

TITLE = "From facts: 80 resources, with evidence and JSON (CPU a patient and trial, best of the rounds)"
AT_MOST_MICROSECONDS = 10
_DAY = 739_941  # 2026-11-21
_WITH, _WITHOUT, _BRIEF = "breast cancer", "no breast cancer", "no breast cancer, brief"


def run(size: Size) -> list[Row]:
    screening = Screening()
    trials = len(screening.plan.plans)
    times = in_turn(_work(screening), size.rounds, size.runs)
    wanted = f"at most {AT_MOST_MICROSECONDS} µs"
    return [Row(name, _each(times, name, trials), wanted) for name in (_WITH, _WITHOUT, _BRIEF)]


def _each(times: Times, name: str, trials: int) -> str:
    return f"{min(times[name]) / trials * 1e6:,.1f} µs"


def _work(screening: Screening) -> dict[str, Callable[[], Any]]:
    whole = json.loads(patient.bundle())
    facts = pack(screening.read(msgspec.json.encode(whole)))
    whole["entry"] = [entry for entry in whole["entry"] if entry["resource"]["resourceType"] != "Condition"]
    without = pack(screening.read(msgspec.json.encode(whole)))

    def screened(kept: bytes, brief: bool) -> bytes:
        return encode(answered(screening, screening.plan, _DAY, FactsRecord(kept), brief))

    return {
        _WITH: lambda: screened(facts, False),
        _WITHOUT: lambda: screened(without, False),
        _BRIEF: lambda: screened(without, True),
    }
