"""Reading and screening one patient beside a typed decode of the same text, and beside a full validation of it."""

from collections.abc import Callable
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from bench import patient, typed
from bench.table import Row, Size
from bench.timing import in_turn, microseconds, ratio
from service.criteria.evaluate import judged
from service.criteria.evaluation import Evaluation
from service.screening import Screening

TITLE = "One patient: 80 resources, all trials, with evidence (CPU, median ratio over the rounds)"
AT_MOST_TYPED = 4
AT_LEAST_CHEAPER = 30
_DAY = 739_941  # 2026-11-21
_TYPED, _READING, _SCREENING, _BOTH, _VALIDATION = (
    "typed msgspec decode", "reading", "screening", "reading + screening", "fhir.resources validation (R4B)",
)  # fmt: skip
_BARE = "outcomes and grades alone"
AT_MOST_BARE = 2


def run(size: Size) -> list[Row]:
    data = patient.bundle()
    times = in_turn(_work(data), size.rounds, size.runs)
    times |= in_turn({_VALIDATION: lambda: Bundle.model_validate_json(data)}, size.rounds, 1)
    # what reading leaves to be worked out is worked out in screening, so a second screening would cost less
    times[_SCREENING] = [both - read for both, read in zip(times[_BOTH], times[_READING], strict=True)]
    rows = [Row("text", f"{len(data) / 1024:.0f} KB"), Row(_TYPED, microseconds(times, _TYPED), "the yardstick")]
    rows += [_against_typed(times, name) for name in (_READING, _SCREENING, _BOTH)]
    bare = [both - read for both, read in zip(times[_BARE], times[_READING], strict=True)]
    outlook = ratio({**times, _BARE: bare}, _SCREENING, _BARE)
    rows.append(Row("with when, what is needed, how near", f"{outlook:.2f} × {_BARE}", f"at most {AT_MOST_BARE}"))
    cheaper = ratio(times, _VALIDATION, _BOTH)
    rows.append(Row(_VALIDATION, f"{cheaper:.0f} × {_BOTH}", f"at least {AT_LEAST_CHEAPER}"))
    return rows


def _work(data: bytes) -> dict[str, Callable[[], Any]]:
    screening = Screening()
    return {
        _TYPED: lambda: typed.decode(data),
        _READING: lambda: screening.read(data, strict=False),
        _BOTH: lambda: screening.screen(screening.read(data, strict=False), _DAY),
        _BARE: lambda: _bare(screening, data),
    }


def _bare(screening: Screening, data: bytes) -> Any:
    """Outcomes, evidence and grades alone."""
    record = screening.read(data, strict=False)
    plan = screening.plan
    held = plan.asked_of(record)
    ev = Evaluation(record, _DAY, None, plan.silence, held)
    return [judged(ev, of_trial, held) for of_trial in plan.plans]


def _against_typed(times: dict[str, list[float]], name: str) -> Row:
    wanted = f"at most {AT_MOST_TYPED}" if name == _BOTH else ""
    return Row(name, f"{microseconds(times, name)} = {ratio(times, name, _TYPED):.2f} × typed", wanted)
