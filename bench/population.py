"""A population from NDJSON, one worker: sorted, judged with evidence and written, against decoding every line into
typed structs and twenty bare comparisons. Once with patients of little but what the trials ask about, once with the
long records that a hospital exports."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import patient, typed
from bench.long_record import RESOURCES, lines_of_years
from bench.table import Row, Size
from service import settings
from service.population.files import find_inputs
from service.population.progress import Silent
from service.population.run import Run, begin, finish, question, screen
from service.screening import Screening

TITLE = "Population: NDJSON of a file a type, one worker, results with evidence (CPU, best of the rounds)"
_DAY = 739_941  # 2026-11-21
_PATIENTS_A_RUN = 500
_decode = msgspec.json.Decoder(typed.AnyResource).decode
# LOINC code -> a limit each, as a script without rules would have them
_LIMITS = {f"{code}": limit for code, limit in zip(
    ("751-8", "777-3", "718-7", "1975-2", "1742-6", "1920-8", "2160-0", "10230-1", "85337-4", "2345-7",
     "2951-2", "2823-3", "3094-0", "17861-6", "6768-6", "2885-2", "1751-7", "6690-2", "789-8", "4544-3"),
    range(1, 21), strict=True,
)}  # fmt: skip


def run(size: Size) -> list[Row]:
    short = [msgspec.json.encode(entry["resource"]) for entry in json.loads(patient.bundle())["entry"]]
    patients, rounds = min(size.patients, _PATIENTS_A_RUN), max(1, size.rounds // 8)
    return [
        *_rows(short, patients, rounds),
        *_rows(lines_of_years(), max(1, patients * patient.RESOURCES // RESOURCES), rounds),
    ]


def _rows(lines: list[bytes], patients: int, rounds: int) -> list[Row]:
    """The measurements of so many patients with these lines each."""
    with tempfile.TemporaryDirectory() as folder:
        source = _written(Path(folder) / "in", lines, patients)
        bare = _best(lambda: _bare(source), rounds)
        screening = Screening()
        ours = _best(lambda: _screened(screening, source, Path(folder)), rounds)
    return [
        Row("patients", f"{patients:,}", f"{len(lines):,} resources each"),
        Row("typed decode and twenty comparisons", f"{bare / patients * 1e6:,.0f} µs a patient", "the yardstick"),
        Row("screening", f"{ours / patients * 1e6:,.0f} µs a patient = {ours / bare:.2f} × bare", "at most 4"),
    ]


def _written(folder: Path, lines: list[bytes], patients: int) -> Path:
    folder.mkdir()
    files: dict[str, list[bytes]] = {}
    for number in range(patients):
        for line in lines:
            kind = msgspec.json.decode(line)["resourceType"]
            files.setdefault(kind, []).append(patient.another(line, number))
    for kind, found in files.items():
        (folder / f"{kind}.ndjson").write_bytes(b"\n".join(found) + b"\n")
    return folder


def _bare(source: Path) -> int:
    """How many results lie above their limit."""
    above = 0
    for path in source.iterdir():
        with path.open("rb") as lines:
            for line in lines:
                resource = _decode(line)
                if isinstance(resource, typed.Observation) and resource.valueQuantity is not None:
                    code = resource.code.coding[0].code if resource.code and resource.code.coding else None
                    limit = _LIMITS.get(code or "")
                    above += limit is not None and (resource.valueQuantity.value or 0) > limit
    return above


def _screened(screening: Screening, source: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as out:
        asked = Run(screening, screening.trials, _DAY, str(source), find_inputs(source), Path(out) / "out")
        ledger = begin(asked, question(asked, settings.load({})), resume=False)
        screen(asked, ledger, Silent())
        finish(asked, ledger)


def _best(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
