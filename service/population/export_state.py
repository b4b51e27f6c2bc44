"""What an export has done so far, in small files beside its data, so that one that was ended goes on.

The state is written whole where it changes as a whole; an entry of the manifest that is dealt with is a line added to
the journal beside it, for an export may be of thousands. The files hold the addresses of the job and its files, never
a token.
"""

import os
from pathlib import Path

import msgspec

from service.population.export_manifest import ExportError, Manifest
from service.population.export_order import Order
from service.population.spill import ErrorRow, Gap

NAME = "export.json"
JOURNAL = "export.journal"


class Part(msgspec.Struct, frozen=True):
    """One entry of the manifest, dealt with: the file that came of it (none where it could not be had), the type, the
    resources and bytes it holds, and what was noticed."""

    type: str
    name: str = ""
    lines: int = 0
    bytes: int = 0
    gaps: tuple[Gap, ...] = ()
    findings: tuple[ErrorRow, ...] = ()


class _Line(msgspec.Struct, frozen=True):
    """A line of the journal: an entry of the manifest, by name, and what came of it."""

    key: str
    part: Part


class State(msgspec.Struct):
    """The order, the job's address and how it was asked for (without types, where `untyped`), the manifest once there
    is one, and its entries that are dealt with, by name. `refused` are types that the server does not export, `none`
    those of which it says itself that it has no resource."""

    order: Order
    status_url: str = ""
    method: str = ""
    manifest: Manifest | None = None
    parts: dict[str, Part] = {}
    findings: list[ErrorRow] = []
    not_granted: tuple[str, ...] = ()
    supported: tuple[str, ...] | None = None
    untyped: bool = False
    refused: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    whole: bool = False


def begin(folder: Path, order: Order, resume: bool) -> State:
    """The state of a new export in a folder that only its owner may read, or of the one that is resumed. ExportError
    where the folder holds something else."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        held = any(not path.name.startswith(".") for path in folder.iterdir())
    except OSError as problem:
        raise ExportError(f"{folder} cannot be used ({problem.strerror})") from None
    if not held:
        return State(order)
    if not resume:
        raise ExportError(f"{folder} is not empty; name another folder, or resume the export that it holds")
    return _load(folder, order)


def save(state: State, folder: Path) -> None:
    """Write the state; whenever the process ends, the old one with its journal or the new one stands."""
    path = folder / f".{NAME}.part"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.encode(state))
        out.flush()
        os.fsync(out.fileno())
    path.replace(folder / NAME)
    (folder / JOURNAL).unlink(missing_ok=True)  # where it is left by a kill, it says again what the state says


def note(state: State, key: str, part: Part, folder: Path) -> None:
    """Keep what came of an entry of the manifest: in the state, and in the journal of the state that was saved. It is
    not forced to the disk: what a power cut takes from the end of the journal is a file that is fetched again."""
    state.parts[key] = part
    with os.fdopen(os.open(folder / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as out:
        out.write(msgspec.json.encode(_Line(key, part)) + b"\n")


def clear(state: State, folder: Path) -> State:
    """A new beginning: the files of the job that is gone would not fit those of another."""
    for part in state.parts.values():
        if part.name:
            (folder / part.name).unlink(missing_ok=True)
    (folder / JOURNAL).unlink(missing_ok=True)
    return State(state.order)


def _load(folder: Path, order: Order) -> State:
    try:
        state = msgspec.json.decode((folder / NAME).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        raise ExportError(f"{folder} holds no export that could be resumed") from None
    if state.order != order:
        raise ExportError(f"{folder} holds another export, which was of other data")
    _replay(state, folder)
    kept = {key: part for key, part in state.parts.items() if not part.name or (folder / part.name).is_file()}
    if state.whole and kept != state.parts:
        return clear(state, folder)  # its job is deleted, so what is lost can be had from another only
    state = msgspec.structs.replace(state, parts=kept)
    try:
        save(state, folder)  # nothing is to be added behind a line that was cut
    except OSError as problem:
        raise ExportError(f"{folder} cannot be written to ({problem.strerror})") from None
    return state


def _replay(state: State, folder: Path) -> None:
    """Add what the journal tells, up to a line that was cut when the process ended: its file is fetched again."""
    try:
        lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    for line in lines:
        try:
            told = msgspec.json.decode(line, type=_Line)
        except msgspec.DecodeError:
            return
        state.parts[told.key] = told.part
