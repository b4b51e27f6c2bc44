"""The service under a steady rate: calls begin on time whether or not earlier ones are answered, as clinicians' do.

`python -m bench.service_steady [--rate N] [--minutes N]`. Tells errors, how long calls took from when they were due,
and what the two workers' memory did meanwhile.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from bench import patient
from bench.service import HOOK, Server, answer, call_body, request, service
from bench.table import Row, printed

WORKERS = 2
CONNECTIONS = 64
SAMPLES = 5
LATE_MS = 500  # what an EHR waits


class Load(NamedTuple):
    """Calls a second, and for how many seconds."""

    rate: float = 40.0
    seconds: float = 20.0


class Seen(NamedTuple):
    """Seconds that answered calls took, what went wrong with the others, and the workers' memory (MB) over time."""

    took: list[float]
    errors: list[str]
    memory: list[tuple[float, ...]]


async def steadily(server: Server, load: Load) -> Seen:
    """Every call is about another patient, and begins when it is due."""
    seen = Seen([], [], [])
    body = call_body()
    free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        free.put_nowait(None)
    begun = time.perf_counter()

    async def call(number: int, due: float) -> None:
        kept = await free.get()
        try:
            kept = kept or await asyncio.open_connection("127.0.0.1", server.port, limit=2**20)
            kept[1].write(request(HOOK, patient.another(body, number)))
            await answer(kept[0])
            seen.took.append(time.perf_counter() - due)
        except (OSError, RuntimeError, asyncio.IncompleteReadError) as problem:
            seen.errors.append(type(problem).__name__)
            if kept:
                kept[1].close()
            kept = None
        free.put_nowait(kept)

    async with asyncio.TaskGroup() as calls:
        total = int(load.rate * load.seconds)
        for number in range(total):
            due = begun + number / load.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if number % max(total // SAMPLES, 1) == 0:
                seen.memory.append(server.residents())
            calls.create_task(call(number, due))
    seen.memory.append(server.residents())
    while not free.empty():
        if kept := free.get_nowait():
            kept[1].close()
    return seen


def rows(load: Load, seen: Seen) -> list[Row]:
    counts = [
        Row("calls", f"{len(seen.took) + len(seen.errors):,} at {load.rate:g} a second"),
        Row("errors", ", ".join(f"{n} {kind}" for kind, n in Counter(seen.errors).items()) or "0", "0"),
    ]
    if len(seen.took) < 2:
        return counts
    cuts = quantiles(seen.took, n=1000)
    late = sum(took * 1000 > LATE_MS for took in seen.took)
    return [
        *counts,
        Row("p50", f"{cuts[499] * 1e3:.0f} ms"),
        Row("p99", f"{cuts[989] * 1e3:.0f} ms"),
        Row("p99.9", f"{cuts[998] * 1e3:.0f} ms"),
        Row(f"later than {LATE_MS} ms", f"{late / len(seen.took):.2%}"),
        Row("memory of both workers", " → ".join(f"{sum(at):.0f}" for at in seen.memory) + " MB"),
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.service_steady", description=__doc__)
    parser.add_argument("--rate", type=float, default=Load().rate, help="calls a second")
    parser.add_argument("--minutes", type=float, default=Load().seconds / 60)
    asked = parser.parse_args(arguments)
    load = Load(asked.rate, asked.minutes * 60)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, service(Path(folder), WORKERS) as server:
        asyncio.run(steadily(server, Load(load.rate, 3)))  # what is worked out once, is worked out now
        seen = asyncio.run(steadily(server, load))
    title = f"The service at a steady rate, {WORKERS} workers, {load.seconds:.0f} s"
    print(printed(title, rows(load, seen)))
    print(f"  (load {before:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} processors)")


if __name__ == "__main__":
    main()
