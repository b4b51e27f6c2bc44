"""One patient of a part: their entries as a record, with whatever nobody's resources they refer to."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from service.criteria.facts import PatientRecord
from service.criteria.plan import Plan
from service.criteria.results import PatientError, PatientResult, Problem
from service.errors import RecordError
from service.mappers import wire
from service.mappers.documents import Document, read_resources
from service.mappers.joining import joined
from service.population.spill import SHARED_PART, Entry, Gap, Spilled
from service.screening import Screening

MAX_DEPTH = 3


class Shared:
    """Resources that are nobody's (Medication, Substance), by name, on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def fill(self, folder: Path) -> None:
        """From what the inputs left below a folder: all that differs of a name, for which version counts, or whether
        any does, the reader of a record tells."""
        self._path.unlink(missing_ok=True)
        with sqlite3.connect(self._path) as made:
            made.execute("PRAGMA journal_mode=OFF")
            made.execute("CREATE TABLE resource (name TEXT, json BLOB, PRIMARY KEY (name, json)) WITHOUT ROWID")
            named = ((entry.patient, entry.json) for entry in Spilled(folder).entries(SHARED_PART))
            made.executemany("INSERT OR IGNORE INTO resource VALUES (?, ?)", named)
        made.close()

    def find(self, names: Iterable[str]) -> list[bytes]:
        """Every version of those of these names, in an order that the inputs do not change."""
        if self._connection is None:  # opened by the process that asks, not by the one it was forked from
            # as a URI with escapes: what a folder may be called can mean something else in one
            address = f"{self._path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        found = []
        for name in names:
            rows = self._connection.execute("SELECT json FROM resource WHERE name = ? ORDER BY json", (name,))
            found += [data for (data,) in rows]
        return found


def read_patient(document: Document, patient: str, shared: Shared, gaps: Mapping[str, Sequence[Gap]]) -> Document:
    """The document of one patient's resources with the shared ones that it refers to. `gaps` by patient; those of all
    patients under the empty name."""
    seen: set[str] = set()
    wanted = references([document]) - seen
    parts = [document]
    for _ in range(MAX_DEPTH):
        found = shared.find(sorted(wanted)) if wanted else []
        if not found:
            break
        parts.append(read_resources(found, "shared"))
        seen |= wanted
        wanted = references(parts[-1:]) - seen
    whole = joined(parts) if len(parts) > 1 else document
    whole.gaps += [(gap.type, gap.reason) for gap in (*gaps.get("", ()), *gaps.get(patient, ()))]
    return whole


def references(documents: Iterable[Document]) -> set[str]:
    """The names of Medications and Substances that are referred to."""
    found: set[str] = set()
    for document in documents:
        for item in document.items:
            resource = item.resource
            if isinstance(resource, wire.MedicationEvent) and resource.medicationReference is not None:
                found.add(_name(resource.medicationReference.reference))
            elif isinstance(resource, wire.Medication):
                for ingredient in resource.ingredient or ():
                    if ingredient.itemReference is not None:
                        found.add(_name(ingredient.itemReference.reference))
    return found - {""}


def _name(reference: str | None) -> str:
    """`Medication/m1` of a relative or absolute reference, with or without version; a urn by its id."""
    plain = (reference or "").partition("/_history/")[0]
    if plain.startswith("urn:uuid:"):
        return f"Medication/{plain[9:]}"
    parts = plain.rsplit("/", 2)[-2:]
    return "/".join(parts) if len(parts) == 2 and parts[0] in ("Medication", "Substance") else ""


def judge(
    screening: Screening, plan: Plan, day: int, patient: str, document: Document, brief: bool = False
) -> PatientResult | PatientError:
    """The result of one patient, or why there is none: one patient's failure is a row, never the end. `brief` takes the
    early one where there is one."""
    try:
        return answered(screening, plan, day, screening.of_document(document, f"Patient/{patient}"), brief)
    except RecordError as error:
        return PatientError(f"Patient/{patient}", Problem(error.code, error.message))
    except Exception as error:  # noqa: BLE001 - a mistake of ours in one patient must not lose the others
        return PatientError(f"Patient/{patient}", Problem("unexpected", f"an unexpected {type(error).__name__}"))


def answered(screening: Screening, plan: Plan, day: int, record: PatientRecord, brief: bool) -> PatientResult:
    """The result of a record; the early one where it is to be brief and there is one."""
    return (screening.screen_early(record, day, plan) if brief else None) or screening.screen(record, day, plan)


def judge_early(screening: Screening, plan: Plan, day: int, patient: str, document: Document) -> PatientResult | None:
    """The result of one whom every trial excludes by what it asks first. None where there is none, for whatever
    reason: judging the whole record tells it."""
    try:
        return screening.screen_early(screening.of_document(document, f"Patient/{patient}"), day, plan)
    except Exception:  # noqa: BLE001 - as above
        return None


def by_patient(rows: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries of each patient, patients in the order of their ids."""
    found: dict[str, list[Entry]] = {}
    for entry in rows:
        if (known := found.get(entry.patient)) is None:
            known = found[entry.patient] = []
        known.append(entry)
    return dict(sorted(found.items()))
