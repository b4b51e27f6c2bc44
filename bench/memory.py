"""Memory over a stream of patients: what one leaves behind is counted once thousands have gone by."""

import resource
import sys

from bench import patient
from bench.table import Row, Size
from service.screening import Screening

TITLE = "Memory: patients streamed one after the other, each with ids and a birthday of its own"
AT_MOST_MB = 50
_DAY = 739_941  # 2026-11-21
_WARM_UP = 0.05  # of the patients, until everything that is worked out once has been


def run(size: Size) -> list[Row]:
    data, screening = patient.bundle(), Screening()
    warm = max(1, int(size.patients * _WARM_UP))
    _stream(screening, data, 0, warm)
    before = _peak()
    _stream(screening, data, warm, size.patients)
    return [
        Row("patients", f"{size.patients:,}"),
        Row("largest size before", f"{before:.0f} MB", f"after {warm:,} patients"),
        Row("growth of the largest size", f"{_peak() - before:.1f} MB", f"at most {AT_MOST_MB} MB"),
    ]


def _stream(screening: Screening, data: bytes, first: int, last: int) -> None:
    for number in range(first, last):
        screening.screen(screening.read(patient.another(data, number), strict=False), _DAY)


def _peak() -> float:
    """The largest resident size of the process so far, in MB; Linux counts kilobytes, macOS bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
