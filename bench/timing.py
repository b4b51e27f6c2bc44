"""CPU time of several pieces of work, measured in turn, so that a busy machine disturbs all of them alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Times = dict[str, list[float]]


def in_turn(work: Mapping[str, Callable[[], Any]], rounds: int, runs: int) -> Times:
    """Seconds of process CPU a run of each piece of work, one number a round; the garbage collector stays as it is."""
    times: Times = {name: [] for name in work}
    for call in work.values():
        call()  # what is worked out once, is worked out now
    for _ in range(rounds):
        for name, call in work.items():
            times[name].append(_one(call, runs))
    return times


def ratio(times: Times, name: str, other: str) -> float:
    """How many times the CPU of the other it takes: the median over the rounds."""
    return median(a / b for a, b in zip(times[name], times[other], strict=True))


def microseconds(times: Times, name: str) -> str:
    return f"{min(times[name]) * 1e6:,.0f} µs"


def _one(call: Callable[[], Any], runs: int) -> float:
    start = time.process_time()
    for _ in range(runs):
        call()
    return (time.process_time() - start) / runs
