"""The Medications that an export's files refer to and that did not come with them.

They are nobody's: some servers refuse them in an export of patients, others leave them out in silence. They are read
one by one; where none of the first can be read, an export of all of the server's Medications is asked for.
"""

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from service.fhir_client import FhirServers, NotAuthorized
from service.mappers.record import MEDICATION_TYPES
from service.population.bundles import one_line
from service.population.export import Export, ExportError, ExportFile
from service.population.export_lines import read_lines
from service.population.ledger import write_whole
from service.population.progress import Progress
from service.population.spill import ErrorRow

CHUNK = 200
PATIENCE = 600.0  # seconds for a chunk of single reads
MAX_TOLD = 1000
READ = "read.Medication.ndjson"
_REFERENCE = re.compile(rb'"reference"\s*:\s*"(?:[^"]*/)?(Medication/[A-Za-z0-9\-.]{1,64})"')


class _Medication(msgspec.Struct):
    id: str = ""


def missing(files: Iterable[ExportFile]) -> list[str]:
    """The Medications that resources of patients refer to and that are not among the files."""
    wanted: dict[str, None] = {}
    for file in files:
        if file.type in (*MEDICATION_TYPES, "Medication"):
            for line in read_lines(file.path):
                wanted |= dict.fromkeys(name.decode() for name in _REFERENCE.findall(line))
    return _without(wanted, files) if wanted else []


def complete(
    exported: Export, servers: FhirServers, base: str, told: Progress, export_all: Callable[[], Export]
) -> tuple[list[ExportFile], list[ErrorRow]]:
    """Files of the Medications that are missing from an export, and a row for each that cannot be had: its drug stays
    unknown. `servers` ask with a token for Medications; `export_all` exports all that a server has."""
    names = missing(exported.files)
    if not names:
        return [], []
    path = exported.folder / READ
    problems = _read(names, servers, base, path, told)
    if len(problems) < len(names):
        return [ExportFile("Medication", path, len(names) - len(problems))], _rows(list(problems), problems)
    try:
        everything = export_all()
    except (ExportError, NotAuthorized) as problem:
        why = f"the server does not export its Medications: {problem.message}"
        return [], [ErrorRow("export", 0, why), *_rows(names, problems)]
    return list(everything.files), [*everything.findings, *_rows(_without(names, everything.files), problems)]


def _without(names: Iterable[str], files: Iterable[ExportFile]) -> list[str]:
    """The names of what is not in the files of Medications."""
    had: set[str] = set()
    for file in files:
        if file.type == "Medication":
            had |= {f"Medication/{_identity(line)}" for line in read_lines(file.path)}
    return [name for name in names if name not in had]


def _identity(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Medication).id
    except msgspec.DecodeError:
        return ""


def _read(names: list[str], servers: FhirServers, base: str, path: Path, told: Progress) -> dict[str, str]:
    """Read Medications into a file; those that cannot be read, and why. If none of the first can, the rest is left."""
    told.phase("medications", len(names), "resources")
    lines: list[bytes] = []
    problems: dict[str, str] = {}
    for first in range(0, len(names), CHUNK):
        some = names[first : first + CHUNK]
        try:
            answers = servers.at(base).ask_all({name: name for name in some}, time.monotonic() + PATIENCE)
        except NotAuthorized as problem:
            return problems | dict.fromkeys(names[first:], problem.message)
        for name, answer in answers.items():
            if answer.complete and answer.pages:
                lines.append(one_line(answer.pages[0]))
            else:
                problems[name] = answer.problem
        told.advance(len(some))
        if not lines:
            return problems | dict.fromkeys(names[first + CHUNK :], "none of the others can")
    write_whole(path, b"".join(line + b"\n" for line in lines))
    return problems


def _rows(names: list[str], problems: dict[str, str]) -> list[ErrorRow]:
    rows = [ErrorRow("export", 0, f"{name} cannot be read: {problems[name]}") for name in names[:MAX_TOLD]]
    if len(names) > MAX_TOLD:
        rows.append(ErrorRow("export", 0, f"{len(names) - MAX_TOLD} further Medications cannot be read"))
    return rows
