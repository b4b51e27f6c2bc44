"""Small counts hidden, and the larger ones that would give them away by adding and subtracting.

The rule, a trial at a time, with N the smallest count shown (zero is always one that may be shown):

1. A count of 1 to N-1 patients is hidden. A trial with fewer than N patients is hidden altogether.
2. Of counts that add up to a known one (grades; a criterion's outcomes and the dead; those who leave along the
   attrition and those left at its end; the months of an input; the reasons why an input is missing) no single one is
   hidden: at least two are, one of them of N or more, a criterion's `pass` or `review` first, else the smallest. Where
   none is that large, all are.
3. A count that stands in two tables (who fails at the first criterion) is hidden in both.
4. A running total is shown where the hidden counts on either side of it are as many and as large as rule 2 asks; a
   bound where it follows from shown counts; `remainingKnown` never.
5. Of a part and its whole (the patients an input settles, of those it touches, of all the possible), the part is
   hidden too where the rest is of 1 to N-1.
6. The likely number is told to the nearest multiple of N, and only where all grades are shown, and all outcomes of
   every criterion that it was reckoned by. Changes are told for one span of time only.

What is hidden cannot be computed from what is shown. Whoever knows more of the patients may still infer it; and rows
of single patients (results, tables, a worklist) are not counts: they hide nothing.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from service.population.count_groups import END, Group, small
from service.population.tally import ALIVE

Counts = dict[str, Any]
_OUTCOMES = ("pass", "fail", "unknown", "review")
_SPARE = ("pass", "review")
_DEAD = "dead"


def suppress(summary: dict[str, Any], below: int) -> dict[str, Any]:
    """The summary with None in place of what must not be shown. Errors of reading are no patients and stay."""
    patients = summary["patients"]
    return summary | {
        "patients": None if small(patients, below) else patients,
        "trials": [_Trial(trial, below).hidden() for trial in summary["trials"]],
    }


class _Trial:
    """The counts of one trial as groups, and how they hang together."""

    def __init__(self, trial: Counts, below: int) -> None:
        self.trial, self.below = trial, below
        steps = trial["attrition"]
        self.grades = Group(trial["grades"], below)
        self.leave = Group({s["id"]: s["fail"] for s in steps} | {END: trial["bounds"]["atMost"]}, below)
        self.doubt = Group({s["id"]: s["unknown"] for s in steps}, below)
        self.outcomes = {c["id"]: self._outcomes(c) for c in trial["criteria"]}

    def _outcomes(self, criterion: Counts) -> Group:
        """With those who were not asked: of the dead only that they are."""
        asked = {outcome: criterion[outcome] for outcome in _OUTCOMES}
        return Group(asked | {_DEAD: self.trial["screened"] - sum(asked.values())}, self.below, _SPARE)

    def hidden(self) -> Counts:
        if small(self.trial["screened"], self.below):
            hidden: Counts = _all_hidden(self.trial)
            return hidden
        before = -1
        while (now := self._number_hidden()) != before:
            before = now
            self._close()
        changes = next(key for key in self.trial if key.startswith("changesWithin"))
        steps = self._attrition()
        return self.trial | {
            "grades": self.grades.all_shown(),
            "bounds": self._bounds(),
            "criteria": [c | self._shown_outcomes(c["id"]) for c in self.trial["criteria"]],
            "attrition": steps,
            "missing": [self._need(need) for need in self.trial["missing"]],
            "settledBy": self._settled_by(),
            "likely": self._likely(self.trial["likely"]),
            "nearMisses": self._near_misses(self.trial["nearMisses"]),
            changes: self._changes(self.trial[changes]),
            **self._within(),
            "completeness": self._completeness(steps),
        }

    def _groups(self) -> Iterable[Group]:
        return (self.grades, self.leave, self.doubt, *self.outcomes.values())

    def _number_hidden(self) -> int:
        return sum(len(group.hidden) for group in self._groups())

    def _close(self) -> None:
        if "certainly-not" in self.grades.hidden or END in self.leave.hidden:
            self.grades.hidden.add("certainly-not")
            self.leave.hidden.add(END)
        for name, group in self.outcomes.items():
            _link(group, "fail", self.leave, name)
            _link(group, "unknown", self.doubt, name)
        self._link_the_dead()
        for group in self._groups():
            group.close()

    def _link_the_dead(self) -> None:
        """Their number is what is missing from the sum of every other criterion's outcomes."""
        asked = [group for name, group in self.outcomes.items() if name != ALIVE]
        told = self.outcomes[ALIVE].hidden if ALIVE in self.outcomes else set()
        if "fail" in told or any(_DEAD in group.hidden for group in asked):
            told.add("fail")
            for group in asked:
                group.hidden.add(_DEAD)

    def _shown_outcomes(self, name: str) -> Counts:
        group = self.outcomes[name]
        return {outcome: group.shown(outcome) for outcome in _OUTCOMES}

    def _bounds(self) -> Counts:
        shown = self.grades.all_shown()
        missing = {grade for grade, count in shown.items() if count is None}
        computable = not missing & {"possible", "certainly-not"} or not missing & {"certain", "probable"}
        bounds = self.trial["bounds"]
        return {
            "atLeast": bounds["atLeast"] if computable else None,
            "atMost": None if "certainly-not" in missing else bounds["atMost"],
        }

    def _attrition(self) -> list[Counts]:
        steps = self.trial["attrition"]
        totals = self._totals([self.trial["screened"], *(step["remaining"] for step in steps)])
        return [
            step
            | {
                "entered": totals[i],
                "fail": self.leave.shown(step["id"]),
                "unknown": self.doubt.shown(step["id"]),
                "remaining": totals[i + 1],
                "remainingKnown": None,
            }
            for i, step in enumerate(steps)
        ]

    def _totals(self, totals: list[int]) -> list[int | None]:
        """The running totals that may be shown: each cuts the hidden counts in two, and both must bear it."""
        names = list(self.leave.counts)
        shown: list[int | None] = [totals[0]]
        since: list[str] = []
        for i, total in enumerate(totals[1:], 1):
            since += [name for name in names[i - 1 : i] if name in self.leave.hidden]
            rest = [name for name in names[i:] if name in self.leave.hidden]
            bears = self.leave.safe(since) and self.leave.safe(rest)
            shown.append(total if bears else None)
            since = [] if bears else since
        return shown

    def _need(self, need: Counts) -> Counts:
        possible = self.grades.shown("possible")
        touches, settles = need["touches"], need["settles"]
        if possible is None:
            return need | {"touches": None, "settles": None, "why": dict.fromkeys(need["why"])}
        hide_touches = self._gives_away(touches, possible)
        hide_settles = hide_touches or self._gives_away(settles, touches) or small(possible - settles, self.below)
        why = Group(need["why"], self.below)
        why.close()
        return need | {
            "touches": None if hide_touches else touches,
            "settles": None if hide_settles else settles,
            "why": dict.fromkeys(need["why"]) if hide_touches else why.all_shown(),
        }

    def _gives_away(self, part: int, whole: int) -> bool:
        return small(part, self.below) or small(whole - part, self.below)

    def _settled_by(self) -> Counts:
        group = Group(self.trial["settledBy"], self.below)
        if self.grades.shown("possible") is None:
            return dict.fromkeys(group.counts)
        group.close()
        return group.all_shown()

    def _changes(self, changes: Counts | None) -> Counts | None:
        if changes is None:
            return None
        rows = [row | {"patients": self._changed(row)} for row in changes["grades"]]
        total = None if any(row["patients"] is None for row in rows) else changes["patients"]
        because = [row | {"patients": self._because(row["patients"], total)} for row in changes["because"]]
        return {
            "patients": total,
            "opens": _sum(row["patients"] for row in rows if row["from"] == "certainly-not"),
            "closes": _sum(row["patients"] for row in rows if row["to"] == "certainly-not"),
            "grades": rows,
            "because": because,
        }

    def _within(self) -> Counts:
        """Another span of time would tell, by the difference, who changes in between."""
        if "within" not in self.trial:
            return {}
        days = self.trial["within"]["days"]
        return {"within": {"days": days, "patients": None, "opens": None, "closes": None, "grades": [], "because": []}}

    def _likely(self, told: Counts) -> Counts:
        rows = [self._shown_outcomes(rate["id"]) for rate in told["rates"]]
        shown = [*self.grades.all_shown().values(), *(count for row in rows for count in row.values())]
        if None in shown or told["patients"] is None:
            return told | {"patients": None, "low": None, "high": None, "rates": []}
        numbers: dict[str, Callable[[float], int]] = {"patients": round, "low": math.floor, "high": math.ceil}
        return told | {key: self._rounded(told[key], how) for key, how in numbers.items()} | {"rates": []}

    def _rounded(self, count: int, how: Callable[[float], int]) -> int:
        """To a multiple of N above the lower bound: who lacks what is not told by it one by one."""
        least, most = self.trial["bounds"]["atLeast"], self.trial["bounds"]["atMost"]
        return int(min(most, least + self.below * how((count - least) / self.below)))

    def _near_misses(self, told: Counts) -> Counts:
        ways = ("permanent", "oneCriterion", "twoCriteria", "further")
        group = Group({way: told[way] for way in ways}, self.below)
        if self.grades.shown("certainly-not") is None:
            group.hidden = set(ways)
        group.close()
        near = _sum(group.shown(way) for way in ways[1:3])
        by_time = None if near is None or self._gives_away(told["byTime"], near) else told["byTime"]
        by = Group({row["id"]: row["patients"] for row in told["byCriterion"]}, self.below)
        by.hidden |= {name for name, count in by.counts.items() if self._is_part(name, count)}
        if group.shown("oneCriterion") is None:
            by.hidden = set(by.counts)
        by.close()
        rows = [row | {"patients": by.shown(row["id"])} for row in told["byCriterion"]]
        return {**group.all_shown(), "byTime": by_time, "byCriterion": rows}

    def _is_part(self, name: str, count: int) -> bool:
        """Whether those who fail by this criterion alone, taken from those who fail by it, or leave at it, are too few
        to be told apart from them."""
        wholes = (self.outcomes[name].shown("fail"), self.leave.shown(name))
        return any(whole is None or self._gives_away(count, whole) for whole in wholes)

    def _changed(self, row: Counts) -> int | None:
        whole, part = self.grades.shown(row["from"]), row["patients"]
        return None if whole is None or self._gives_away(part, whole) else part

    def _because(self, part: int, total: int | None) -> int | None:
        return None if total is None or self._gives_away(part, total) else part

    def _completeness(self, steps: list[Counts]) -> list[Counts]:
        entered = {step["id"]: step["entered"] for step in steps}
        return [_row_of_months(row, entered[row["criterion"]], self.below) for row in self.trial["completeness"]]


def _link(one: Group, key: str, other: Group, name: str) -> None:
    """The same number in two tables is hidden in both."""
    if one.counts[key] == other.counts[name] and (key in one.hidden or name in other.hidden):
        one.hidden.add(key)
        other.hidden.add(name)


def _row_of_months(row: Counts, patients: int | None, below: int) -> Counts:
    rest = ("older", "undated", "none")
    group = Group(row["months"] | {key: row[key] for key in rest}, below)
    if patients is None or small(patients, below):
        group.hidden = set(group.counts)
    group.close()
    shown = group.all_shown()
    return row | {"patients": patients, "months": {m: shown[m] for m in row["months"]}, **{k: shown[k] for k in rest}}


def _sum(counts: Iterable[int | None]) -> int | None:
    """None where one of them is hidden."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _all_hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_hidden(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_all_hidden(part) for part in value]
    return None if isinstance(value, int | float) else value
