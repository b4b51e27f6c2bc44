"""Counts over a population: what a run adds up while it screens, part by part, without keeping a result."""

import msgspec
from msgspec import UNSET

from service.criteria.logic import GRADES
from service.criteria.results import CriterionResult, PatientResult, TrialResult
from service.population.partial_tallies import ChangeTally, FailureTally, is_within, merge_counts

HORIZON_DAYS = 90
UNDATED = ""
ALIVE = "alive"  # the one criterion of the dead, which the living do not have


class CriterionTally(msgspec.Struct, omit_defaults=True):
    """Outcomes of one criterion, and what happens at it to those whom no earlier criterion ruled out.

    `leave` fail here, `leave_known` of them with nothing unknown before; `doubt` are unknown here and nowhere before.
    `months` counts them by the month of their newest dated result, `UNDATED` where all are without a usable month.
    `concerned` are those whom it concerns and does not fail, `near_passed` those of them whom no criterion fails;
    `near_failed` fail by this one alone.
    """

    passed: int = 0
    failed: int = 0
    unknown: int = 0
    review: int = 0
    leave: int = 0
    leave_known: int = 0
    doubt: int = 0
    concerned: int = 0
    near_passed: int = 0
    near_failed: int = 0
    months: dict[str, int] = {}


class NeedTally(msgspec.Struct, omit_defaults=True):
    """One missing input over the possible patients: how many it touches, how many it settles alone, and why."""

    touches: int = 0
    settles: int = 0
    why: dict[str, int] = {}
    order: tuple[str, str, str] | None = None


class TrialTally(msgspec.Struct, omit_defaults=True):
    """Counts of one trial. `changes` are those within the horizon. `lacking` counts the possible patients by the ids,
    with spaces between, of the criteria that are unknown for them. `early` counts those who were asked one criterion
    alone, by it."""

    screened: int = 0
    grades: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(GRADES, 0))
    criteria: dict[str, CriterionTally] = {}
    needs: dict[str, NeedTally] = {}
    settled_by_one: int = 0
    settled_together: int = 0
    changes: ChangeTally = msgspec.field(default_factory=ChangeTally)
    failures: FailureTally = msgspec.field(default_factory=FailureTally)
    early: dict[str, int] = {}
    lacking: dict[str, int] = {}


class Tally(msgspec.Struct, omit_defaults=True):
    """Counts of a population as of one day. Parts of a run are stored and merged: the sum does not depend on the
    cut."""

    as_of: str = ""
    trialhook: str = ""
    patients: int = 0
    errors: dict[str, int] = {}
    trials: dict[str, TrialTally] = {}

    def add(self, result: PatientResult) -> None:
        """Count one patient. ValueError for a result of another day."""
        self._agree(result.as_of, result.trialhook)
        self.patients += 1
        for trial in result.results:
            tally = self.trials.get(trial.trial)
            if tally is None:
                tally = self.trials[trial.trial] = TrialTally()
            _add_trial(tally, trial)
            if trial.changes_on is not None and is_within(trial.changes_on, self.as_of, HORIZON_DAYS):
                tally.changes.add(trial, trial.changes_on)

    def add_error(self, code: str) -> None:
        """Count one input that could not be read."""
        self.errors[code] = self.errors.get(code, 0) + 1

    def merge(self, other: "Tally") -> None:
        """Add the counts of another part. ValueError where it is of another day."""
        if other.as_of:
            self._agree(other.as_of, other.trialhook)
        self.patients += other.patients
        merge_counts(self.errors, other.errors)
        for name, trial in other.trials.items():
            _merge_trial(self.trials.setdefault(name, TrialTally()), trial)

    def _agree(self, as_of: str, software: str) -> None:
        if as_of == self.as_of:
            return
        if self.as_of:
            raise ValueError(f"a tally as of {self.as_of} takes no result as of {as_of}")
        self.as_of, self.trialhook = as_of, software


def _add_trial(tally: TrialTally, result: TrialResult) -> None:
    tally.screened += 1
    tally.grades[result.grade] += 1
    rows = tally.criteria
    leaver = _leaver(result)
    doubtful = result.grade in ("possible", "certainly-not")  # else some arm has nothing unknown
    still_in = known = True
    failed: list[CriterionTally] = []
    for criterion in result.criteria:
        row = rows.get(criterion.id)
        if row is None:
            row = rows[criterion.id] = CriterionTally()
        if still_in and criterion.evidence:
            _add_month(row, criterion)
        outcome = criterion.outcome
        if outcome == "pass":
            row.passed += 1
            row.concerned += criterion.basis != "not-applicable"
        elif outcome == "review":
            row.review += 1
            row.concerned += 1
        elif outcome == "fail":
            row.failed += 1
            failed.append(row)
            if still_in and (criterion is leaver or leaver is None):
                row.leave += 1
                row.leave_known += known
                still_in = False
        else:
            row.unknown += 1
            if still_in and known and doubtful:
                row.doubt += 1
                known = False
    if result.decided_early is True:
        name = result.criteria[0].id
        tally.early[name] = tally.early.get(name, 0) + 1
    elif len(failed) == 1:
        failed[0].near_failed += 1
    elif not failed:
        _add_near(rows, result)
    if result.grade == "possible":
        _add_needs(tally, result)
        lacking = " ".join(_lacking(result))
        tally.lacking[lacking] = tally.lacking.get(lacking, 0) + 1
    elif result.grade == "certainly-not":
        tally.failures.add(result)


_STAYS = CriterionResult("", "", "", "", "fail", "recorded", "", ())


def _leaver(result: TrialResult) -> CriterionResult | None:
    """The criterion at which a patient leaves: the first that fails and that every arm asks for, else that by which the
    last arm is closed. None for the first that fails, whichever it is; one that is nowhere where nobody leaves."""
    if result.arms is UNSET:
        return None
    if result.grade != "certainly-not":
        return _STAYS
    failing = [c for c in result.criteria if c.outcome == "fail"]
    return next((c for c in failing if c.arms is UNSET), failing[-1])


def _add_near(rows: dict[str, CriterionTally], result: TrialResult) -> None:
    for criterion in result.criteria:
        if criterion.outcome != "unknown" and criterion.basis != "not-applicable":
            rows[criterion.id].near_passed += 1


def _lacking(result: TrialResult) -> tuple[str, ...]:
    """The criteria that are unknown; with arms, those of the possible arm that has the fewest."""
    unknown = [c for c in result.criteria if c.outcome == "unknown"]
    if result.arms is UNSET:
        return tuple(c.id for c in unknown)
    arms = [each.arm for each in result.arms if each.grade == "possible"]
    of_arms = [tuple(c.id for c in unknown if c.arms is UNSET or arm in c.arms) for arm in arms]
    return min(of_arms, key=lambda ids: (len(ids), ids))


def _add_month(row: CriterionTally, criterion: CriterionResult) -> None:
    """The month of the newest result that was looked at, used or not; a diagnosis or a drug is no result."""
    newest: str | None = None
    for evidence in criterion.evidence:
        if evidence.reference.startswith("Observation/"):
            month = _month(evidence.date) if evidence.date is not UNSET else UNDATED
            if newest is None or month > newest:
                newest = month
    if newest is not None:
        row.months[newest] = row.months.get(newest, 0) + 1


def _month(day: str) -> str:
    whole = day[:4].isdigit() and day[4:5] == "-" and day[5:7].isdigit()
    return day[:7] if whole else UNDATED


def _add_needs(tally: TrialTally, result: TrialResult) -> None:
    unknown = {c.id for c in result.criteria if c.outcome == "unknown"}
    covered: set[str] = set()
    by_one = False
    for need in result.needed:
        count = tally.needs.get(need.input)
        if count is None:
            order = need.order
            code = (order.system, order.code, order.display) if order is not UNSET else None
            count = tally.needs[need.input] = NeedTally(order=code)
        alone = unknown.issubset(need.settles)
        count.touches += 1
        count.settles += alone
        count.why[need.why] = count.why.get(need.why, 0) + 1
        by_one = by_one or alone
        covered.update(need.settles)
    tally.settled_by_one += by_one
    tally.settled_together += not by_one and unknown <= covered


def _merge_trial(into: TrialTally, other: TrialTally) -> None:
    into.screened += other.screened
    into.settled_by_one += other.settled_by_one
    into.settled_together += other.settled_together
    merge_counts(into.early, other.early)
    merge_counts(into.grades, other.grades)
    merge_counts(into.lacking, other.lacking)
    into.changes.merge(other.changes)
    into.failures.merge(other.failures)
    for name, row in other.criteria.items():
        _merge_criterion(into.criteria.setdefault(name, CriterionTally()), row)
    for name, need in other.needs.items():
        count = into.needs.setdefault(name, NeedTally(order=need.order))
        count.touches += need.touches
        count.settles += need.settles
        merge_counts(count.why, need.why)


def _merge_criterion(into: CriterionTally, other: CriterionTally) -> None:
    into.passed += other.passed
    into.failed += other.failed
    into.unknown += other.unknown
    into.review += other.review
    into.leave += other.leave
    into.leave_known += other.leave_known
    into.doubt += other.doubt
    into.concerned += other.concerned
    into.near_passed += other.near_passed
    into.near_failed += other.near_failed
    merge_counts(into.months, other.months)
