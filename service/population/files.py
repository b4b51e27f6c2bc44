"""The files of a population: NDJSON as Bulk Data writes it, Bundles, archives of either, plain or gzipped.

Files are read as streams and identified by what is in them, so that a changed one is noticed.
"""

import atexit
import gzip
import hashlib
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

import msgspec

from service.errors import SourceError, writable

Kind = Literal["lines", "bundle"]
_LINES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
_BUNDLES = (".json", ".json.gz")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
BUFFER = 1 << 20
BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError)  # what a broken archive raises
_ADDED_BY_SYSTEMS = frozenset({"__MACOSX", "lost+found", "System Volume Information", "$RECYCLE.BIN"})
_ENCRYPTED = 1  # the bit of a ZIP member's flags
_UNPACKED_BY_ZIPFILE = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
# Lists and logs that Bulk Data clients leave beside the data.
_NOT_DATA = frozenset({"manifest.json", "export.json", "log.ndjson", "errors.ndjson", "summary.json"})


class Input(msgspec.Struct, frozen=True):
    """One file, or one member of an archive: its name below the source, where it is, its size in bytes."""

    name: str
    path: str
    kind: Kind
    size: int
    member: str = ""
    modified: int = 0

    @property
    def in_packed_tar(self) -> bool:
        """Whether it can be reached only by unpacking all that stands before it."""
        return bool(self.member) and not self.path.lower().endswith((".zip", ".tar"))

    @property
    def weight(self) -> int:
        """About how many bytes it holds unpacked."""
        return self.size * 12 if self.name.endswith((".gz", ".tgz")) else self.size


def find_inputs(source: Path) -> list[Input]:
    """The inputs below a folder, or of one file, in the order of their names. SourceError where there are none, or some
    of it may not be read: what it holds would be taken for silence."""
    shown = writable(str(source))
    if not source.exists():
        raise SourceError(f"{shown}: no such file or folder")
    root = source.parent if source.is_file() else source
    found: list[Input] = []
    for path in [source] if source.is_file() else _paths(source):
        name = path.relative_to(root).as_posix()
        try:
            found += _inputs_at(path, name)
        except OSError as problem:
            raise SourceError(f"{writable(name)} cannot be read: {problem.strerror}") from None
    if not found:
        raise SourceError(f"{shown} holds no .ndjson, .json or archive of them")
    return found


def _paths(folder: Path) -> list[Path]:
    """All below a folder that is no folder, through links too, each folder and each file of data once."""

    def refuse(problem: OSError) -> None:
        name = os.path.relpath(problem.filename, folder)
        raise SourceError(f"{writable(name)} cannot be looked into: {problem.strerror}")

    found: list[Path] = []
    links: list[Path] = []
    seen: set[str] = set()
    for here, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        if (real := os.path.realpath(here)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if is_data(name))
        for path in (Path(here, name) for name in names):
            if path.is_symlink() and _is_input(path.name):
                links.append(path)
                continue
            found.append(path)
            if _is_input(path.name):
                seen.add(os.path.join(real, path.name))
    for link in sorted(links):
        if (real := os.path.realpath(link)) not in seen:
            seen.add(real)
            found.append(link)
    return sorted(found)


def _is_input(name: str) -> bool:
    return kind_of(name) is not None or (is_data(name) and is_archive(name))


def _inputs_at(path: Path, name: str) -> list[Input]:
    """Those of a path that is no folder; none of what is no data."""
    is_lost_folder = not path.suffix and not path.exists()
    kind = kind_of(name)
    if not _is_input(name) and not (is_data(name) and is_lost_folder):
        return []
    shown = writable(name)
    if not path.exists():
        raise SourceError(f"{shown} leads nowhere")
    if not path.is_file():
        raise SourceError(f"{shown} is no plain file")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{shown} may not be read")
    status = path.stat()
    if kind:
        return [Input(shown, str(path), kind, status.st_size, modified=status.st_mtime_ns)]
    try:
        return list(inputs_in(Input(shown, str(path), "bundle", status.st_size, modified=status.st_mtime_ns)))
    except BROKEN:
        raise SourceError(f"{shown} is no whole archive") from None


def has_changed(source: Input, digest: str = "") -> bool:
    """Whether the file of an input is another than the one that was found: what was read of it may be of neither. One
    that still has the digest that was read was only touched."""
    status = os.stat(source.path)
    if not source.member and status.st_size != source.size:
        return True
    return status.st_mtime_ns != source.modified and digest_of(source) != digest


def inputs_in(archive: Input) -> Iterator[Input]:
    """The inputs in an archive, in its own order; of members of one name the last, which is what unpacking leaves. One
    of BROKEN where it is none, SourceError where one is locked."""
    for member, size in dict(_members(Path(archive.path), archive.name.lower())).items():
        if inner := kind_of(member):
            yield Input(f"{archive.name}!{writable(member)}", archive.path, inner, size, member, archive.modified)


def _kind(name: str) -> Kind | None:
    if name.endswith(_LINES):
        return "lines"
    return "bundle" if name.endswith(_BUNDLES) else None


def is_data(name: str) -> bool:
    """Whether a file of that name below a source may hold data: not a list or log, nor what systems hide or add."""
    *folders, own = name.removeprefix("./").split("/")
    hidden = any(part.startswith(".") or part in _ADDED_BY_SYSTEMS for part in (*folders, own))
    return own not in _NOT_DATA and not hidden


def kind_of(name: str) -> Kind | None:
    """What a file of that name below a source is taken for; nothing for an archive, and for what is no data."""
    return _kind(name.lower()) if is_data(name) else None


def is_archive(name: str) -> bool:
    return name.lower().endswith(_ARCHIVES)


def _members(path: Path, name: str) -> Iterator[tuple[str, int]]:
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    _check_member(member, path.name)
                    yield member.filename, member.file_size
        return
    with tarfile.open(path) as tar:
        yield from ((m.name, m.size) for m in tar if m.isfile())


def _check_member(member: zipfile.ZipInfo, archive: str) -> None:
    """SourceError where it cannot be unpacked here; only a name that may be data's matters."""
    if kind_of(member.filename) is None:
        return
    if member.flag_bits & _ENCRYPTED:
        raise SourceError(f"{writable(archive)}!{writable(member.filename)} is encrypted")
    if member.compress_type not in _UNPACKED_BY_ZIPFILE:
        raise SourceError(f"{writable(archive)}!{writable(member.filename)} is packed in a way that is not known")


class _Archive:
    """An open archive. A ZIP finds its members by name by itself; a tar looks at all of them each time."""

    def __init__(self, path: str) -> None:
        self._zip = zipfile.ZipFile(path) if path.lower().endswith(".zip") else None
        self._tar = None if self._zip else tarfile.open(path)  # noqa: SIM115
        self._in_tar = {member.name: member for member in self._tar.getmembers()} if self._tar else {}

    def member(self, name: str) -> IO[bytes]:
        """One of BROKEN, or KeyError, where it cannot be had."""
        if self._zip is not None:
            return self._zip.open(name)
        assert self._tar is not None
        found = self._tar.extractfile(self._in_tar[name])
        assert found is not None
        return found

    def close(self) -> None:
        for archive in (self._zip, self._tar):
            if archive is not None:
                archive.close()


_open: dict[tuple[int, str, int], _Archive] = {}


def _archive(path: str, modified: int) -> _Archive:
    """An archive that this process keeps open until it needs another. Finding its members takes a pass over it, and a
    packed one is read on from where the last member ended. A process never reads on what it was forked with."""
    key = (os.getpid(), path, modified)
    if key not in _open:
        close_archive()
        _open[key] = _Archive(path)
    return _open[key]


def close_archive() -> None:
    """Let go of the archive that is kept open."""
    while _open:
        (process, *_), archive = _open.popitem()
        if process == os.getpid():
            archive.close()


atexit.register(close_archive)


class Opened:
    """An input as a stream of unpacked bytes; `digest` is that of its bytes as they are stored, once all are read, or
    empty where it is not asked for."""

    def __init__(self, source: Input, with_digest: bool = True) -> None:
        self._stack: list[IO[bytes]] = []
        self._hashing = _Hashing(self._raw(source), with_digest)
        self.stream: IO[bytes] = io.BufferedReader(self._hashing, BUFFER)
        if (source.member or source.name).lower().endswith(".gz"):
            self.stream = io.BufferedReader(_Unpacking(self.stream), BUFFER)

    def _raw(self, source: Input) -> IO[bytes]:
        if not source.member:
            return self._kept(Path(source.path).open("rb", buffering=0))
        try:
            return self._kept(_archive(source.path, source.modified).member(source.member))
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, KeyError):
            return self._kept(io.BufferedReader(_Damaged()))

    def _kept(self, stream: IO[bytes]) -> IO[bytes]:
        self._stack.append(stream)
        return stream

    @property
    def digest(self) -> str:
        if self._hashing.hash is None:
            return ""
        with suppress(EOFError):  # damage was met when it was read
            while self._hashing.read(BUFFER):
                pass
        return self._hashing.hash.hexdigest()

    def close(self) -> None:
        for stream in self._stack:
            stream.close()

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Unpacking(io.RawIOBase):
    """Unpacks gzip as far as it goes: what comes before the end of a file that was cut short is there, and EOFError
    comes after it. A buffer on a GzipFile itself loses what it had of the megabyte that it was filling."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._unpacked = gzip.GzipFile(fileobj=packed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._unpacked.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Damaged(io.RawIOBase):
    """A member of an archive of which nothing can be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        raise EOFError("a damaged member of an archive")


class _Hashing(io.RawIOBase):
    """Reads and hashes what passes. EOFError where a member of an archive is damaged."""

    def __init__(self, inner: IO[bytes], hashing: bool) -> None:
        self._inner = inner
        self.hash = hashlib.sha256() if hashing else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error):
            raise EOFError("a damaged member of an archive") from None
        buffer[: len(data)] = data
        if self.hash is not None:
            self.hash.update(data)
        return len(data)


def digest_of(source: Input) -> str:
    """The digest of an input that is not read otherwise."""
    with Opened(source) as opened:
        return opened.digest
