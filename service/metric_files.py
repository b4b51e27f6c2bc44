"""The files in which processes count, with their space on the disk taken beforehand.

prometheus_client maps sparse files into memory, and a write to a mapped page for which the disk has no room kills the
process with SIGBUS, requests and all. Here a file without room is one in memory: calls are answered, and what that
process counts until its end is seen by nobody.
"""

import os
from typing import Any

from prometheus_client.mmap_dict import MmapedDict

# more than the series that trials and routes make, so that files do not grow
RESERVED_BYTES = 1 << 20
_LONGEST_ENTRY = 1 << 12


_Mapped: Any = MmapedDict  # without types


class ReservedDict(_Mapped):  # type: ignore[misc]
    """As its base, but it never grows into space that the disk does not have."""

    _f: Any
    _m: Any
    _capacity: int

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        super().__init__(filename if read_mode or _reserved(filename, RESERVED_BYTES) else _in_memory(b""), read_mode)

    def _init_value(self, key: str) -> None:
        if self._used + len(key) * 6 + _LONGEST_ENTRY > self._capacity and not self._can_grow():
            self._go_on_in_memory()
        super()._init_value(key)

    def _can_grow(self) -> bool:
        return _reserved(self._f.name, self._capacity * 2)

    def _go_on_in_memory(self) -> None:
        """The file keeps what it holds; what is counted from now on stays here."""
        held = _Mapped(_in_memory(bytes(self._m)))
        self.close()
        self._f, self._m, self._capacity = held._f, held._m, held._capacity


def _reserved(filename: str, size: int) -> bool:
    """Whether a file has so much space on its disk, now or already."""
    if not hasattr(os, "posix_fallocate"):  # not everywhere; nothing can be taken beforehand there
        return True
    try:
        file = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return False
    try:
        before = os.fstat(file).st_size
        os.posix_fallocate(file, 0, size)
    except OSError:
        os.ftruncate(file, before)
        if not before:  # whoever reads the counts takes every file for a whole one
            os.unlink(filename)
        return False
    finally:
        os.close(file)
    return True


def _in_memory(begins: bytes) -> str:
    """The name of a file that no disk holds; it goes away with the process."""
    file = os.memfd_create("trialhook-metrics")
    os.ftruncate(file, max(RESERVED_BYTES, len(begins)))
    os.pwrite(file, begins, 0)
    return f"/proc/self/fd/{file}"
