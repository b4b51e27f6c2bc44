"""The service under gunicorn: a call's CPU beside an endpoint that only decodes it, how latencies spread, memory.

`python -m bench.service [--quick]`; a section like the others, apart because it starts servers on loopback.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from bench import patient
from bench.table import Row, Size, printed

TITLE = "The service: one CDS Hooks call with all its prefetch"
AT_MOST_DECODING = 2
AT_MOST_SPREAD = 10
AT_MOST_MB = 50
BODY_BYTES = 80_000
CLIENTS = 32
_TICKS = os.sysconf("SC_CLK_TCK")
HOOK = "/cds-services/trial-match"

# The yardstick: the same framework, server and body, and nothing done with it.
_BARE = """
import msgspec
from flask import Flask, request
from bench import typed

app = Flask("bare")

@app.post("/untyped")
def untyped():
    msgspec.json.decode(request.get_data(cache=False))
    return {}

@app.post("/typed")
def with_types():
    decode(request.get_data(cache=False))
    return {}

import typing
Call = msgspec.defstruct("Call", [("prefetch", dict[str, typed.Bundle | typed.Patient])])
decode = msgspec.json.Decoder(Call).decode
"""


class Amounts(NamedTuple):
    """How many rounds, calls a round, calls side by side, and calls for the memory."""

    rounds: int = 7
    calls: int = 500
    together: int = 4_000
    streamed: int = 50_000


QUICK = Amounts(rounds=3, calls=100, together=400, streamed=1_500)


def run(size: Size) -> list[Row]:
    return measured(Amounts(rounds=max(1, size.rounds // 2)))


def measured(amounts: Amounts) -> list[Row]:
    body = call_body()
    with tempfile.TemporaryDirectory() as folder:
        rows = [Row("body", f"{len(body) / 1024:.0f} KB"), *_cpu(Path(folder), body, amounts)]
        rows += asyncio.run(_together(Path(folder), body, amounts.together))
        rows += _memory(Path(folder), body, amounts.streamed)
    return rows


def call_body() -> bytes:
    """A patient-view call with the bench's patient as prefetch, filled up to BODY_BYTES with routine results."""
    resources = [entry["resource"] for entry in json.loads(patient.bundle())["entry"]]
    routine = [r for r in resources if r["resourceType"] == "Observation"][-1]
    per_type: dict[str, list[Any]] = {"Condition": [], "Observation": []}
    for found in resources:
        per_type.setdefault(found["resourceType"], []).append(found)
    while len(data := _call(per_type)) < BODY_BYTES:
        per_type["Observation"].append(routine | {"id": f"more-{len(per_type['Observation'])}"})
    return data


def _call(per_type: dict[str, list[Any]]) -> bytes:
    keys = {
        "conditions": "Condition",
        "observations": "Observation",
        "medicationStatements": "MedicationStatement",
        "medicationRequests": "MedicationRequest",
        "medicationAdministrations": "MedicationAdministration",
        "medicationDispenses": "MedicationDispense",
        "procedures": "Procedure",
        "allergies": "AllergyIntolerance",
    }
    prefetch = {"patient": per_type["Patient"][0]} | {key: _found(per_type.get(kind, [])) for key, kind in keys.items()}
    call = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/bench", "patientId": patient.NAME},
        "extension": {"org.trialhook.request": {"asOf": "2026-11-21"}},
        "prefetch": prefetch,
    }
    return json.dumps(call).encode()


def _found(resources: list[Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": found} for found in resources]}


# -- servers


class Server(NamedTuple):
    """A gunicorn on loopback: its port, and its process."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def workers(self) -> list[int]:
        """The workers' process ids."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def cpu(self) -> float:
        """Seconds of CPU that the worker has used."""
        fields = Path(f"/proc/{self.workers[0]}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident(self) -> float:
        """The first worker's resident size in MB."""
        return self.residents()[0]

    def residents(self) -> tuple[float, ...]:
        """The workers' resident sizes in MB."""
        return tuple(_resident(pid) for pid in self.workers)


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def _started(folder: Path, command: list[str], ready: str) -> Iterator[Server]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    own = {k: v for k, v in os.environ.items() if not k.startswith(("TRIALHOOK_", "PROMETHEUS_"))}
    own |= {"TRIALHOOK_AUTH": "none", "TRIALHOOK_DATABASE_URL": f"sqlite:///{folder}/bench-{port}.db"}
    command = [sys.executable, *(part.replace("PORT", str(port)) for part in command)]
    with (
        (folder / f"{port}.log").open("wb") as log,
        subprocess.Popen(command, env=own, stdout=log, stderr=log) as found,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}{ready}", found)
            yield Server(port, found)
        finally:
            found.terminate()


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            try:
                urllib.request.urlopen(address, timeout=5).close()
            except urllib.error.HTTPError:
                return
            return
        if process.poll() is not None:
            raise RuntimeError(f"a server stopped with {process.returncode}")
        time.sleep(0.1)
    raise RuntimeError("a server did not start")


def service(folder: Path, workers: int) -> contextlib.AbstractContextManager[Server]:
    """The service. Workers are not renewed on the way: their memory is what is measured."""
    start = (
        f"import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = {tempfile.mkdtemp(dir=folder)!r}; "
        "import service.server as server; server.RECYCLE_AFTER = 10**9; from service.cli import main; main()"
    )
    return _started(folder, ["-c", start, "serve", "--port", "PORT", "--workers", str(workers)], "/readyz")


def _bare(folder: Path) -> contextlib.AbstractContextManager[Server]:
    (folder / "bench_bare.py").write_text(_BARE)
    options = ["-w", "1", "--threads", "8", "-k", "gthread", "-b", "127.0.0.1:PORT", "--no-control-socket"]
    return _started(folder, ["-m", "gunicorn", "--pythonpath", str(folder), *options, "bench_bare:app"], "/")


# -- calls


async def _calls(port: int, path: str, bodies: Callable[[int], bytes], calls: int, clients: int = 1) -> list[float]:
    """Seconds of each call, on kept connections; an answer that is none counts as a mistake and stops the bench."""
    took: list[float] = []
    left = iter(range(calls))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        for number in left:
            data = request(path, bodies(number))
            begun = time.perf_counter()
            writer.write(data)
            await answer(reader)
            took.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return took


def request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"not an answer: {head[:40]!r}")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))


# -- measurements


def _cpu(folder: Path, body: bytes, amounts: Amounts) -> list[Row]:
    """CPU of the worker a call, in turn, so that a busy machine disturbs all of them alike."""
    with service(folder, 1) as served, _bare(folder) as bare:
        targets = {"call": (served, HOOK), "untyped": (bare, "/untyped"), "typed": (bare, "/typed")}
        times: dict[str, list[float]] = {name: [] for name in targets}
        for server, path in targets.values():
            asyncio.run(_calls(server.port, path, lambda _: body, 50))
        for _ in range(amounts.rounds):
            for name, (server, path) in targets.items():
                before = server.cpu()
                asyncio.run(_calls(server.port, path, lambda _: body, amounts.calls))
                times[name].append((server.cpu() - before) / amounts.calls)
    return [
        Row("bare endpoint, untyped decode", _microseconds(times["untyped"]), "the yardstick"),
        Row("bare endpoint, typed decode", _microseconds(times["typed"])),
        Row("the call", _microseconds(times["call"])),
        Row("the call / untyped", f"{_ratio(times, 'untyped'):.2f}", f"at most {AT_MOST_DECODING}"),
        Row("the call / typed", f"{_ratio(times, 'typed'):.2f}"),
    ]


def _microseconds(times: list[float]) -> str:
    return f"{median(times) * 1e6:,.0f} µs CPU"


def _ratio(times: dict[str, list[float]], other: str) -> float:
    return median(a / b for a, b in zip(times["call"], times[other], strict=True) if b)


async def _together(folder: Path, body: bytes, calls: int) -> list[Row]:
    with service(folder, 2) as served:
        await _calls(served.port, HOOK, lambda _: body, 200, CLIENTS)
        begun = time.perf_counter()
        took = await _calls(served.port, HOOK, lambda _: body, calls, CLIENTS)
        rate = calls / (time.perf_counter() - begun)
    cuts = quantiles(took, n=100)
    return [
        Row(f"{CLIENTS} at a time, two workers", f"p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms"),
        Row("p99 / p50", f"{cuts[98] / cuts[49]:.1f}", f"below {AT_MOST_SPREAD}"),
        Row("calls a second, clients on the same machine", f"{rate:.0f}"),
        Row("errors", str(calls - len(took)), "0"),
    ]


def _memory(folder: Path, body: bytes, calls: int) -> list[Row]:
    """Every call is about another patient, so that what one leaves behind is counted."""
    warm = max(calls // 20, 300)
    with service(folder, 1) as served:
        asyncio.run(_calls(served.port, HOOK, lambda n: patient.another(body, n), warm, 4))
        before = served.resident()
        asyncio.run(_calls(served.port, HOOK, lambda n: patient.another(body, warm + n), calls, 4))
        after = served.resident()
    return [
        Row(f"growth over {calls:,} patients", f"{after - before:+.1f} MB of {after:.0f}", f"at most {AT_MOST_MB} MB")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.service")
    parser.add_argument("--quick", action="store_true", help="few calls: whether it runs, not what it costs")
    amounts = QUICK if parser.parse_args().quick else Amounts()
    print(f"load {os.getloadavg()[0]:.1f} before", flush=True)
    print(printed(TITLE, measured(amounts)))
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
