"""The measurements run, on a patient of the make-up they speak of; how long anything takes is not asked here."""

import asyncio
import contextlib
import gc
import json
import weakref
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from bench import __main__ as bench
from bench import one_patient, patient, timing, typed
from bench.service_steady import CONNECTIONS, Load, Seen, rows, steadily
from bench.table import Row, printed
from service.screening import Screening


def test_every_section_prints_what_it_measured_and_what_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--rounds", "1", "--runs", "1", "--patients", "3"])
    printed_lines = capsys.readouterr().out
    for section in bench.SECTIONS:
        assert section.TITLE in printed_lines
    for claim in ("typed msgspec decode", "reading + screening", "at most 4", "at least 30", "growth", "load"):
        assert claim in printed_lines


def test_the_patient_has_eighty_resources_and_about_64_kb() -> None:
    data = patient.bundle()
    assert len(msgspec.json.decode(data)["entry"]) == patient.RESOURCES == 80
    assert 58_000 < len(data) < 70_000


def test_the_patient_is_the_same_every_time() -> None:
    assert patient.bundle() == patient.bundle()


def test_the_patient_is_open_to_some_trial_with_evidence(screening: Screening) -> None:
    result = screening.screen(screening.read(patient.bundle(), strict=False), one_patient._DAY)
    assert len(result.results) == len(screening.trials.trials)
    assert any(trial.grade != "certainly-not" for trial in result.results)
    assert any(criterion.evidence for trial in result.results for criterion in trial.criteria)


def test_another_patient_shares_no_id_with_the_first() -> None:
    one, other = (typed.decode(data) for data in (patient.bundle(), patient.another(patient.bundle(), 7)))
    ids = [{entry.resource.id for entry in bundle.entry} for bundle in (one, other)]
    assert not ids[0] & ids[1]


def test_the_typed_decode_keeps_everything_the_patient_says() -> None:
    data = patient.bundle()
    kept = msgspec.json.decode(msgspec.json.encode(typed.decode(data)))
    assert _without_nothing(kept) == msgspec.json.decode(data)


def _without_nothing(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nothing(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nothing(inner) for inner in value]
    return value


def test_a_record_is_gone_once_nothing_holds_it_without_the_garbage_collector(screening: Screening) -> None:
    record = screening.read(patient.bundle(), strict=False)
    gone = weakref.ref(record)
    gc.disable()
    try:
        result = screening.screen(record, one_patient._DAY)
        del record
        assert gone() is None
    finally:
        gc.enable()
    assert result.patient == f"Patient/{patient.NAME}"


def test_every_piece_of_work_is_measured_in_every_round() -> None:
    calls: list[str] = []
    times = timing.in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, runs=1)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert {name: len(found) for name, found in times.items()} == {"a": 2, "b": 2}


def test_a_ratio_is_the_median_over_the_rounds() -> None:
    assert timing.ratio({"slow": [2.0, 9.0, 6.0], "fast": [1.0, 1.0, 2.0]}, "slow", "fast") == 3


def test_a_table_has_its_columns_in_line() -> None:
    assert printed("T", [Row("a", "10", "at most 4"), Row("longer", "2")]) == "T\n  a       10  at most 4\n  longer   2"


# ---- the steady rate: calls begin when they are due


def steady(answers: Callable[[int], bytes], load: Load) -> tuple[Seen, int]:
    """What the bench sees of a server that answers its calls so; the number of connections it made."""
    made: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(1)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
                number = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
                writer.write(answers(number))
                await writer.drain()
        writer.close()

    async def run() -> Seen:
        listening = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with listening:
            return await steadily(_Here(listening.sockets[0].getsockname()[1]), load)

    return asyncio.run(run()), len(made)


class _Here(NamedTuple):
    port: int

    def residents(self) -> tuple[float, ...]:
        return (50.0, 60.0)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.service_steady.call_body", bytes)
    monkeypatch.setattr("bench.patient.another", lambda _, number: str(number).encode())


@pytest.mark.usefixtures("numbered")
def test_every_call_of_a_steady_rate_is_answered_or_an_error() -> None:
    seen, _ = steady(lambda number: OK if number % 4 else b"HTTP/1.1 500 No\r\n\r\n", Load(400, 0.1))
    assert (len(seen.took), len(seen.errors)) == (30, 10)
    assert seen.memory[0] == (50.0, 60.0)
    table = {row.name: row.value for row in rows(Load(400, 0.1), seen)}
    assert table["errors"] == "10 RuntimeError"
    assert table["calls"] == "40 at 400 a second"


@pytest.mark.usefixtures("numbered")
def test_connections_are_kept_between_calls() -> None:
    seen, connections = steady(lambda _: OK, Load(2000, 0.2))
    assert len(seen.took) == 400
    assert connections <= CONNECTIONS


def test_a_service_that_answers_nothing_is_told_by_its_errors() -> None:
    assert [row.value for row in rows(Load(), Seen([], ["OSError"] * 3, []))] == ["3 at 40 a second", "3 OSError"]


def test_late_calls_are_told() -> None:
    table = {row.name: row.value for row in rows(Load(), Seen([0.01] * 99 + [0.6], [], [(50.0,), (51.0,)]))}
    assert table["later than 500 ms"] == "1.00%"
    assert table["memory of both workers"] == "50 → 51 MB"
