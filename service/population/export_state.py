"""What an export has done so far, in a small file beside its data, so that one that was ended goes on.

The file holds the addresses of the job and its files, never a token.
"""

import os
from pathlib import Path

import msgspec

from service.population.export_manifest import ExportError, Manifest
from service.population.export_order import Order
from service.population.spill import ErrorRow, Gap

NAME = "export.json"


class Part(msgspec.Struct, frozen=True):
    """One entry of the manifest, dealt with: the file that came of it (none where it could not be had), the type, the
    resources and bytes it holds, and what was noticed."""

    type: str
    name: str = ""
    lines: int = 0
    bytes: int = 0
    gaps: tuple[Gap, ...] = ()
    findings: tuple[ErrorRow, ...] = ()


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
    """Write the state; whenever the process ends, the old one or the new one stands."""
    path = folder / f".{NAME}.part"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.encode(state))
        out.flush()
        os.fsync(out.fileno())
    path.replace(folder / NAME)


def clear(state: State, folder: Path) -> State:
    """A new beginning: the files of the job that is gone would not fit those of another."""
    for part in state.parts.values():
        if part.name:
            (folder / part.name).unlink(missing_ok=True)
    return State(state.order)


def _load(folder: Path, order: Order) -> State:
    try:
        state = msgspec.json.decode((folder / NAME).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        raise ExportError(f"{folder} holds no export that could be resumed") from None
    if state.order != order:
        raise ExportError(f"{folder} holds another export, which was of other data")
    kept = {key: part for key, part in state.parts.items() if not part.name or (folder / part.name).is_file()}
    if state.whole and kept != state.parts:
        return clear(state, folder)  # its job is deleted, so what is lost can be had from another only
    return msgspec.structs.replace(state, parts=kept)
