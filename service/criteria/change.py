"""When a grade changes with the calendar alone: worked out from the days on which answers say they may be others."""

from collections.abc import Callable, Sequence

import msgspec

from service.criteria.evaluation import Evaluation
from service.criteria.findings import Finding
from service.criteria.logic import GRADES, Grade, Outcome
from service.criteria.plan import Silence, TrialPlan
from service.criteria.results import Change
from service.criteria.spans import FOREVER, iso

HORIZON = 365  # days ahead
ALIVE = "alive"
NEVER = FOREVER
_DECIDES: dict[Grade, Outcome] = {"certainly-not": "fail", "possible": "unknown"}


class Standing(msgspec.Struct):
    """Where a trial stands: its grade and findings of today, those of the day looked at, and until when they hold, by
    place; those that hold for good are left out."""

    plan: TrialPlan
    grade: Grade
    today: tuple[Finding, ...]
    findings: list[Finding]
    holds_until: dict[int, int]

    @property
    def next(self) -> int:
        """The first day on which some answer may be another."""
        return min(self.holds_until.values(), default=NEVER)


def standing(ev: Evaluation, plan: TrialPlan, silence: Silence, findings: Sequence[Finding], graded: Grade) -> Standing:
    until = {place: ev.next_change(question.rule) for place, question in silence.asked}
    changing = {place: day for place, day in until.items() if day != NEVER}
    return Standing(plan, graded, tuple(findings), list(findings), changing)


def first_changes(
    standings: Sequence[Standing], today: int, died: int, on: Callable[[int], Evaluation]
) -> list[Change | None]:
    """The first change of each trial's grade within HORIZON days of today, or None.

    `died` is the day from which the patient is dead (NEVER where not known); `on(day)` gives an evaluation of that day.
    Only days that some answer named are looked at, and on them only the answers that named them; trials share a day's
    evaluation.
    """
    last = today + HORIZON
    found: list[Change | None] = [None] * len(standings)
    waiting = {n: s for n, s in enumerate(standings) if _may_change(s, last)}
    while waiting:
        day = min(s.next for s in waiting.values())
        if day > last or day >= died:
            break
        ev = on(day)
        for n, s in list(waiting.items()):
            if s.next > day:
                continue
            _ask_again(s, ev, day)
            graded = s.plan.grade(s.findings)
            if graded != s.grade:
                found[n] = Change(iso(day), graded, _because(s, graded))
                del waiting[n]
            elif not _may_change(s, last):
                del waiting[n]
    if died <= last:
        for n, s in enumerate(standings):
            if found[n] is None and s.grade != "certainly-not":
                found[n] = Change(iso(died), "certainly-not", (ALIVE,))
    return found


def _may_change(s: Standing, last: int) -> bool:
    """Not where no answer changes, nor where one that fails, and that every arm asks for, keeps failing."""
    if s.next > last:
        return False
    if s.grade != "certainly-not":
        return True
    return not any(
        finding.outcome == "fail" and s.holds_until.get(place, NEVER) > last and not question.criterion.arms
        for place, (question, finding) in enumerate(zip(s.plan.questions, s.findings, strict=True))
    )


def _ask_again(s: Standing, ev: Evaluation, day: int) -> None:
    """Bring the findings to a later day: only those that may have changed are asked for."""
    for place, until in s.holds_until.items():
        if until <= day:
            rule = s.plan.questions[place].rule
            s.findings[place] = ev.find(rule)
            s.holds_until[place] = ev.next_change(rule)


def _because(s: Standing, graded: Grade) -> tuple[str, ...]:
    """The criteria to which the grade is due: those that now give the worse one, or no longer do. Where none does
    alone, those whose outcome is another, or else the basis."""
    pairs = list(zip(s.plan.questions, s.today, s.findings, strict=True))
    worse = GRADES.index(graded) > GRADES.index(s.grade)
    telling = _DECIDES.get(graded if worse else s.grade)
    changed = [(q.criterion.id, new if worse else old) for q, old, new in pairs if old.outcome != new.outcome]
    due = [name for name, finding in changed if finding.outcome == telling]
    return tuple(due or [name for name, _ in changed] or [q.criterion.id for q, a, b in pairs if a.basis != b.basis])
