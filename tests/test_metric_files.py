"""Counts on a disk without room: the process lives on, and what was counted before is not lost."""

import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.mmap_dict import MmapedDict

from service import metric_files
from service.metric_files import RESERVED_BYTES, ReservedDict


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)


def told(path: Path) -> dict[str, float]:
    return {key: value for key, value, *_ in MmapedDict.read_all_values_from_file(str(path))}


def test_a_file_has_its_space_before_anything_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "counter_0.db"
    counts = ReservedDict(str(path))
    counts.write_value("a", 1.0, 0.0)
    counts.close()
    assert path.stat().st_blocks * 512 >= RESERVED_BYTES
    assert told(path) == {"a": 1.0}


def test_without_room_it_counts_in_memory_and_leaves_no_file(tmp_path: Path, no_room: None) -> None:
    counts = ReservedDict(str(tmp_path / "counter_0.db"))
    counts.write_value("a", 1.0, 0.0)
    assert counts.read_value("a")[0] == 1.0
    counts.close()
    assert list(tmp_path.iterdir()) == []


def test_without_room_to_grow_the_file_keeps_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_files, "RESERVED_BYTES", 1 << 14)
    path = tmp_path / "counter_0.db"
    counts = ReservedDict(str(path))
    counts.write_value("before", 1.0, 0.0)
    monkeypatch.setattr(ReservedDict, "_can_grow", lambda _: False)
    names = [f"{number:03}" * 30 for number in range(200)]
    for name in names:
        counts.write_value(name, 2.0, 0.0)
    assert [counts.read_value(name)[0] for name in names] == [2.0] * 200
    assert counts.read_value("before")[0] == 1.0
    counts.close()
    assert 1 < len(told(path)) < 201
    assert told(path)["before"] == 1.0


def test_with_room_it_grows_in_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_files, "RESERVED_BYTES", 1 << 14)
    path = tmp_path / "counter_0.db"
    counts = ReservedDict(str(path))
    for number in range(200):
        counts.write_value(f"{number:03}" * 30, 2.0, 0.0)
    counts.close()
    assert len(told(path)) == 200
