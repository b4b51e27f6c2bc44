"""A population by Bulk Data `$export`: the server writes files, which are fetched into a private folder.

What comes is data to be read; what did not come is said in `coverage`, so that silence is not taken for absence.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from service.fhir_client import Access, Bearer, FhirServers
from service.population import export_state
from service.population.export_coverage import Said, coverage
from service.population.export_lines import read_lines
from service.population.export_manifest import ExportError
from service.population.export_order import Limits, Order
from service.population.export_run import DELETED, ERROR, OUTPUT, Run
from service.population.export_state import Part, State
from service.population.spill import ErrorRow, Gap

__all__ = ["Export", "ExportError", "ExportFile", "Gap", "Limits", "Order", "deletions", "run_export"]


class ExportFile(msgspec.Struct, frozen=True):
    """A file of resources of one type, one a line, gzipped where its name ends in .gz."""

    type: str
    path: Path
    lines: int


class Export(msgspec.Struct, frozen=True):
    """What an export left. `coverage` are the types whose silence is not proven, `findings` what was noticed in its
    files; `transaction_time` is the next export's `since`. `deleted` are files for `deletions`, which come only with
    `since`: what they name is to be removed from older data before `files` are used."""

    folder: Path
    files: tuple[ExportFile, ...]
    coverage: tuple[Gap, ...]
    findings: tuple[ErrorRow, ...]
    transaction_time: str
    deleted: tuple[Path, ...] = ()


def run_export(
    servers: FhirServers,
    order: Order,
    folder: Path,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    progress: Callable[[str], None] | None = None,
    resume: bool = False,
) -> Export:
    """Export into a folder, which is empty or holds an export that was ended before and is resumed.

    `progress` is told what the server says of its work, and each file that came. The job is deleted at the end, also
    after a failure; one whose process was ended stays, to be resumed. ExportError, NotAuthorized or NotAllowed where
    nothing can be had; what is missing from an export that succeeded is a gap.
    """
    order.check()
    limits = limits or Limits()
    remote = servers.remote(order.base, access)
    state = export_state.begin(folder, order, resume)
    run = Run(remote, folder, state, limits, progress or _untold)
    if not state.whole:
        run.work(servers.authorized(order.base, access or Bearer()))
    return _result(folder, run.state)


def deletions(export: Export) -> Iterator[str]:
    """The references (`Type/id`) that were deleted on the server since `since`."""
    for path in export.deleted:
        for line in read_lines(path):
            yield from _deleted_by(line)


class _BundleRequest(msgspec.Struct):
    method: str = ""
    url: str = ""


class _BundleEntry(msgspec.Struct):
    request: _BundleRequest | None = None


class _DeleteBundle(msgspec.Struct):
    entry: list[_BundleEntry] | None = None


def _untold(_: str) -> None:
    pass


def _result(folder: Path, state: State) -> Export:
    parts = dict(sorted(state.parts.items(), key=_place))
    files = [
        ExportFile(part.type, folder / part.name, part.lines)
        for key, part in parts.items()
        if part.name and key.startswith(OUTPUT)
    ]
    manifest = state.manifest
    doubts = [gap for part in parts.values() for gap in part.gaps]
    if manifest is not None and manifest.unreadable:
        doubts.append(Gap("*", "an entry of the manifest names no file"))
    empty = {part.type for key, part in parts.items() if key.startswith(OUTPUT) and part.name and not part.lines}
    said = Said(
        arrived={file.type for file in files if file.lines},
        none={*state.none, *empty},
        supported=state.supported,
        refused=state.refused,
    )
    gaps = coverage(state.order, said, doubts, state.not_granted, state.method)
    findings = [finding for part in parts.values() for finding in part.findings]
    deleted = [folder / part.name for key, part in parts.items() if part.name and key.startswith(DELETED)]
    time_of = manifest.transaction_time if manifest is not None else ""
    return Export(folder, tuple(files), gaps, (*findings, *state.findings), time_of, tuple(deleted))


def _place(entry: tuple[str, Part]) -> tuple[int, int]:
    kind, _, number = entry[0].partition(":")
    return (OUTPUT, ERROR, DELETED).index(kind), int(number)


def _deleted_by(line: bytes) -> Iterator[str]:
    try:
        bundle = msgspec.json.decode(line, type=_DeleteBundle)
    except msgspec.DecodeError:
        return  # said in the export's coverage when it came
    for entry in bundle.entry or ():
        if entry.request is not None and entry.request.method == "DELETE" and entry.request.url:
            yield entry.request.url
