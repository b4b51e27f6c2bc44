"""The lines of a bulk file as they come: unpacked, counted, and looked at for what makes silence doubtful."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from service.fhir_client.answers import Failure
from service.population.export_manifest import TYPE
from service.population.spill import MAX_LINE

MAX_FINDINGS = 20
BUFFER = 1 << 20
GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_AUTO = 31  # zlib: a gzip header and trailer


class _Head(msgspec.Struct):
    resourceType: str = ""


_decode = msgspec.json.Decoder(_Head).decode


class Cut(Exception):
    """A file ended before it was whole."""


class Unpacking:
    """Bytes as they are sent to bytes as they are meant: gzip is known by its first bytes, whatever headers say."""

    def __init__(self) -> None:
        self.packed: bool | None = None
        self._start = b""
        self._gzip = zlib.decompressobj(_AUTO)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Unpacked pieces of bounded size. Failure for what is no gzip after all."""
        if self.packed is None:
            self._start += piece
            if len(self._start) < len(GZIP):
                return
            self.packed, piece = self._start.startswith(GZIP), self._start
        if self.packed:
            yield from self._unpacked(piece)
        else:
            yield piece

    def end(self) -> bytes:
        """What is left of a file of a byte. Cut where the gzip data is not at an end."""
        if self.packed and not self._gzip.eof:
            raise Cut
        return self._start if self.packed is None else b""

    def _unpacked(self, piece: bytes) -> Iterator[bytes]:
        try:
            while piece:
                if self._gzip.eof:  # several gzip members one after another are one file; zeros may fill its end
                    piece = piece.lstrip(b"\0")
                    if not piece:
                        return
                    self._gzip = zlib.decompressobj(_AUTO)
                yield self._gzip.decompress(piece, 1 << 20)
                piece = self._gzip.unconsumed_tail or self._gzip.unused_data
        except zlib.error:
            raise Failure("a file cannot be unpacked") from None


class Lines:
    """Counts the resources of a file, which are to be of one type. `problems` are (line, reason), the first few;
    `doubts` are reasons why resources of the type may be missing; `broken_end`: the last line is no whole resource."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._rest: list[bytes] = []
        self._held = 0
        self._number = 0
        self._problems = 0
        self.count = 0
        self.problems: list[tuple[int, str]] = []
        self.doubts: dict[str, None] = {}
        self.broken_end = False

    def feed(self, piece: bytes) -> None:
        """Failure for a line of unusual size."""
        first, newline, rest = piece.partition(b"\n")
        self._hold(first)
        if not newline:
            return
        self._line(b"".join(self._rest))
        *lines, last = rest.split(b"\n")
        for line in lines:
            self._line(line)
        self._rest, self._held = [last], len(last)

    def end(self) -> None:
        """All has come."""
        self.broken_end = not self._line(b"".join(self._rest))
        if self._problems > MAX_FINDINGS:
            self.problems.append((0, f"{self._problems - MAX_FINDINGS} further lines are not as they should be"))

    def _hold(self, part: bytes) -> None:
        self._held += len(part)
        if self._held > MAX_LINE:
            raise Failure("a line of unusual size")
        self._rest.append(part)

    def _line(self, line: bytes) -> bool:
        """Take one line; whether it can be read."""
        self._number += 1
        text = line.removeprefix(_BOM).strip() if self._number == 1 else line.strip()
        if not text:
            return True
        try:
            kind = _decode(text).resourceType
        except (msgspec.DecodeError, RecursionError):
            self._note("is no JSON object, or not a whole one")
            self.doubts["a line cannot be read"] = None
            return False
        self.count += 1
        if kind != self._kind:
            self._note(f"is {_named(kind)}, not {self._kind}")
        if kind == "OperationOutcome" != self._kind:
            self.doubts["an error stands among the resources"] = None
        return True

    def _note(self, reason: str) -> None:
        self._problems += 1
        if self._problems <= MAX_FINDINGS:
            self.problems.append((self._number, reason))


def _named(kind: str) -> str:
    return kind if TYPE.fullmatch(kind) else "of no type"


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a received file that hold something, unpacked. Cut or Failure where it is not whole."""
    unpacking, rest = Unpacking(), b""
    with path.open("rb") as stream:
        while chunk := stream.read(BUFFER):
            for piece in unpacking.feed(chunk):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line for line in lines if line.strip())
    rest += unpacking.end()
    if rest.strip():
        yield rest
