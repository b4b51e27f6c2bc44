"""The attrition of a trial as rows to draw: bars on one scale, numbers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Step = Mapping[str, Any]
# As long as the first steps leave less than this share, their bars would shrink all others to nothing.
_STEEP = 0.25


@dataclass(frozen=True)
class Segment:
    """A part of a bar, in hundredths of its full width."""

    key: str
    start: float
    width: float


@dataclass(frozen=True)
class FunnelRow:
    """One criterion: what is left of the patients there. `cut` where the bar is longer than the scale."""

    id: str
    number: int
    text: str
    type: str
    source: str
    entered: int | None
    fail: int | None
    unknown: int | None
    remaining: int | None
    segments: tuple[Segment, ...]
    cut: bool

    @property
    def idle(self) -> bool:
        return self.fail == 0 and self.unknown == 0


def funnel(trial: Mapping[str, Any]) -> tuple[FunnelRow, ...]:
    """The rows of one trial of a summary, in the protocol's order."""
    steps: Sequence[Step] = trial["attrition"]
    scale = full_width(steps)
    texts = {criterion["id"]: criterion for criterion in trial["criteria"]}
    return tuple(_row(number, step, texts[step["id"]], scale) for number, step in enumerate(steps, 1))


def full_width(steps: Sequence[Step]) -> int:
    """The number of patients that a full bar stands for: those left after the first steep steps."""
    known = [step for step in steps if step["entered"] is not None]
    for step in known:
        entered, remaining = step["entered"], step["remaining"]
        if not remaining or remaining > entered * _STEEP:
            return int(entered)
    return int(known[0]["entered"]) if known else 0


def _row(number: int, step: Step, criterion: Mapping[str, Any], scale: int) -> FunnelRow:
    entered = step["entered"]
    return FunnelRow(
        id=step["id"],
        number=number,
        text=criterion["text"],
        type=criterion["type"],
        source=criterion["source"],
        entered=entered,
        fail=step["fail"],
        unknown=step["unknown"],
        remaining=step["remaining"],
        segments=tuple(_segments(step, scale)) if scale else (),
        cut=bool(scale and entered is not None and entered > scale),
    )


def _segments(step: Step, scale: int) -> list[Segment]:
    """Still in with nothing unknown, still in with something unknown, ruled out here; as far as the scale reaches."""
    remaining, known, fail = step["remaining"], step["remainingKnown"], step["fail"]
    if remaining is None:
        parts = []
    elif known is None:
        parts = [("in", remaining)]
    else:
        parts = [("known", known), ("doubt", remaining - known)]
    if fail and parts:
        parts.append(("out", fail))
    return _placed(parts, scale)


def _placed(parts: Sequence[tuple[str, int]], scale: int) -> list[Segment]:
    made, start = [], 0.0
    for key, count in parts:
        width = min(count / scale * 100, 100 - start)
        if width > 0:
            made.append(Segment(key, round(start, 3), round(width, 3)))
        start += width
    return made
