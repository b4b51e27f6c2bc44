"""The counts of a population: whole, mergeable, and without small ones where that is asked."""

import random

import msgspec
import pytest
from msgspec import UNSET

from service.criteria.catalogue import Trial
from service.criteria.findings import Evidence
from service.criteria.results import ArmGrade, Change
from service.population.summary import Tally, last_months, measured_input, summary
from service.screening import Screening

from .results import AS_OF, criterion, drawn, needed, patient


class _Silent:
    def reads(self) -> frozenset[str]:
        return frozenset()


@pytest.fixture
def three(screening: Screening) -> Trial:
    """A trial T1 with the criteria c0, c1 and c2."""
    real = screening.trials.trials[0]
    own = tuple(
        msgspec.structs.replace(c, id=f"c{i}", rule=_Silent(), text=f"Asks for c{i}")
        for i, c in enumerate(real.criteria[:3])
    )
    return msgspec.structs.replace(real, id="T1", criteria=own)


def tallied(*patients: object) -> Tally:
    tally = Tally()
    for result in patients:
        tally.add(result)
    return tally


def of(trial: Trial, *patients: object, below: int = 0) -> dict:
    return summary(tallied(*patients), [trial], below)["trials"][0]


def test_every_patient_has_one_grade_and_every_criterion_one_outcome(three):
    made = of(three, patient("a", "ppp"), patient("b", "pup"), patient("c", "pff"), patient("d", "prp"))
    assert made["screened"] == 4
    assert made["grades"] == {"certain": 1, "probable": 1, "possible": 1, "certainly-not": 1}
    assert made["bounds"] == {"atLeast": 2, "atMost": 3}
    counts = [(c["id"], c["pass"], c["fail"], c["unknown"], c["review"]) for c in made["criteria"]]
    assert counts == [("c0", 4, 0, 0, 0), ("c1", 1, 1, 1, 1), ("c2", 3, 1, 0, 0)]


def test_the_attrition_follows_the_file_and_counts_each_patient_once(three):
    made = of(three, patient("a", "fff"), patient("b", "uff"), patient("c", "uup"), patient("d", "ppu"))
    steps = [tuple(step.values()) for step in made["attrition"]]
    # id, entered, fail, unknown for the first time, remaining, of these nothing unknown
    assert steps == [("c0", 4, 1, 2, 3, 1), ("c1", 3, 1, 0, 2, 1), ("c2", 2, 0, 1, 2, 0)]


def test_the_attrition_ends_at_the_bounds(screening):
    trial = screening.trials["NCT03304080"]
    made = of(trial, *drawn(1, trial, 300))
    last = made["attrition"][-1]
    assert (last["remainingKnown"], last["remaining"]) == (made["bounds"]["atLeast"], made["bounds"]["atMost"])
    assert sum(step["fail"] for step in made["attrition"]) == made["grades"]["certainly-not"]


def test_the_dead_leave_at_a_step_of_their_own_before_the_first(three):
    made = of(three, patient("a", [criterion("alive", "fail")]), patient("b", "ppp"))
    assert [(s["id"], s["entered"], s["fail"], s["remainingKnown"]) for s in made["attrition"][:2]] == [
        ("alive", 2, 1, 1),
        ("c0", 1, 0, 1),
    ]
    assert "alive" not in [s["id"] for s in of(three, patient("b", "ppp"))["attrition"]]


def test_an_input_settles_alone_only_whom_it_leaves_nothing_unknown_of(three):
    a = patient("a", "upp", [needed("lvef", "c0")])
    b = patient("b", "uup", [needed("lvef", "c0", why="stale"), needed("anc", "c1")])
    c = patient("c", "uup", [needed("her2", "c0", "c1"), needed("lvef", "c0")])
    d = patient("d", "upp")
    made = of(three, a, b, c, d)
    lvef, her2 = ({m["input"]: m for m in made["missing"]}[name] for name in ("lvef", "her2"))
    assert (lvef["touches"], lvef["settles"], lvef["why"]) == (3, 1, {"missing": 2, "stale": 1})
    assert (her2["touches"], her2["settles"]) == (1, 1)
    assert made["settledBy"] == {"oneInput": 2, "severalInputs": 1, "notByInputs": 1}


def test_changes_are_not_known_where_nobody_was_screened_and_else_counted(three):
    assert of(three)["changesWithin90Days"] is None
    assert of(three, patient("a", "ppp"))["changesWithin90Days"]["patients"] == 0


def test_changes_that_open_and_that_close_a_trial_are_told_apart(three):
    soon = "2026-12-01"
    opens, closes, worse = (Change(soon, grade, ("c1",)) for grade in ("probable", "certainly-not", "possible"))
    made = of(
        three,
        patient("a", "pfp", change=opens),
        patient("b", "pfp", change=worse),
        patient("c", "ppp", change=closes),
        patient("d", "ppp", change=worse),
    )["changesWithin90Days"]
    assert (made["patients"], made["opens"], made["closes"]) == (4, 2, 1)


@pytest.mark.parametrize(("day", "counted"), [("2026-11-22", 1), ("2027-02-19", 1), ("2027-02-20", 0)])
def test_changes_are_counted_within_ninety_days_of_the_as_of_date(three, day, counted):
    change = Change(day, "certainly-not", ("c1", "c1"))
    made = of(three, patient("a", "pup", change=change))["changesWithin90Days"]
    assert made["patients"] == counted
    assert made["grades"] == [{"from": "possible", "to": "certainly-not", "patients": 1}][:counted]
    assert made["because"] == [{"id": "c1", "patients": 1}][:counted]


def test_parts_merge_to_the_whole_whatever_the_cut_and_order(screening):
    trial = screening.trials["HIC-2000023405"]
    patients = [_nearer(each, number) for number, each in enumerate(drawn(2, trial, 120))]
    whole = tallied(*patients)
    whole.add_error("unreadable-record")
    parts = [tallied(*patients[:7]), tallied(*patients[7:90]), tallied(*patients[90:])]
    parts[1].add_error("unreadable-record")
    random.Random(3).shuffle(parts)
    merged = Tally()
    for part in parts:
        merged.merge(msgspec.json.decode(msgspec.json.encode(part), type=Tally))
    made = summary(merged, [trial])
    assert made == summary(whole, [trial])
    assert made["trials"][0]["changesWithin90Days"]["patients"] > 90
    assert all(made["trials"][0]["nearMisses"].values())


def _nearer(drawn_at_random, number):
    """The same patient with a change to come, and with failures of every kind."""
    (trial,) = drawn_at_random.results
    change = Change("2026-12-01", ("certainly-not", "possible", "probable")[number % 3], (f"c{number % 5}",))
    failure = ("until", "changeable", "permanent", UNSET)[number % 4]
    told = failure if trial.grade == "certainly-not" else UNSET
    trial = msgspec.structs.replace(trial, changes_on=change if number % 7 else None, failure=told)
    return msgspec.structs.replace(drawn_at_random, results=(trial,))


def test_an_empty_part_changes_nothing(three):
    tally = tallied(patient("a", "ppp"))
    before = summary(tally, [three])
    tally.merge(Tally())
    assert summary(tally, [three]) == before


def test_results_of_two_days_are_not_added_up():
    tally = tallied(patient("a", "ppp"))
    with pytest.raises(ValueError, match="2026-11-22"):
        tally.add(patient("b", "ppp", as_of="2026-11-22"))


def test_errors_are_counted_by_code(three):
    tally = Tally()
    for code in ("b", "a", "b"):
        tally.add_error(code)
    assert summary(tally, [three])["errors"] == {"total": 3, "byCode": {"a": 1, "b": 2}}


def test_a_trial_that_nobody_was_screened_for_is_all_zero(three):
    made = of(three)
    assert (made["screened"], made["bounds"]) == (0, {"atLeast": 0, "atMost": 0})
    assert made["attrition"][-1]["remaining"] == 0


def _lvef(*evidence: tuple[str, str]) -> list:
    seen = [Evidence(reference, "55 %", True, date) for reference, date in evidence]
    return [criterion("lvef", "pass", "", *seen)]


@pytest.fixture
def one(screening: Screening) -> Trial:
    real = screening.trials["HIC-2000023405"]
    own = tuple(c for c in real.criteria if c.id == "lvef")
    return msgspec.structs.replace(real, id="T1", criteria=own)


@pytest.mark.parametrize(
    ("evidence", "column"),
    [
        ([("Observation/1", "2026-11-20")], "2026-11"),
        ([("Observation/1", "2026-11-20"), ("Observation/2", "2026-10")], "2026-11"),
        ([("Observation/1", "2025-12-01T10:00:00Z")], "2025-12"),
        ([("Observation/1", "2025-11-30")], "older"),
        ([("Observation/1", "2025")], "undated"),
        ([("Condition/1", "2026-11-20")], "none"),
        ([], "none"),
    ],
)
def test_completeness_is_the_month_of_the_newest_result(one, evidence, column):
    [row] = of(one, patient("a", _lvef(*evidence)))["completeness"]
    counts = row["months"] | {name: row[name] for name in ("older", "undated", "none")}
    assert [name for name, count in counts.items() if count] == [column]
    assert (row["input"], row["patients"], len(row["months"])) == ("lvef", 1, 12)


def test_completeness_looks_at_those_still_in(screening):
    trial = screening.trials["NCT03304080"]
    made = of(trial, *drawn(4, trial, 200))
    entered = {step["id"]: step["entered"] for step in made["attrition"]}
    assert all(row["patients"] == entered[row["criterion"]] for row in made["completeness"])


def test_what_results_decide_is_told_from_what_diagnoses_and_drugs_do(screening):
    trial = screening.trials["NCT03304080"]
    measured = {c.id: measured_input(c) for c in trial.criteria if measured_input(c)}
    assert measured == {
        "hormone-receptor-positive": "hormone-receptor-positive",
        "her2-positive": "her2-positive",
        "pregnancy-test": "pregnancy-test",
        "lung-function": "lung-function",
    } | {
        name: name
        for name in ("ecog", "lvef", "anc", "platelets", "hemoglobin", "bilirubin", "alt", "ast", "creatinine")
    } | {"fasting-glucose": "fasting-glucose"}


def test_months_go_back_over_a_new_year():
    assert last_months("2026-02-28", 4) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert last_months(AS_OF, 1) == ["2026-11"]


def failing(name: str, letters: str, failure: str, basis: str = "recorded", of_criteria: str = "") -> object:
    """A patient who fails, `failure` of the trial and of each failing criterion."""
    made = patient(name, letters)
    [trial] = made.results
    words = {"p": "permanent", "u": "until", "c": "changeable"}
    kinds = iter(of_criteria or failure[0] * letters.count("f"))
    criteria = tuple(
        msgspec.structs.replace(c, failure=words[next(kinds)], basis=basis) if c.outcome == "fail" else c
        for c in trial.criteria
    )
    return msgspec.structs.replace(made, results=(msgspec.structs.replace(trial, criteria=criteria, failure=failure),))


def test_near_misses_fail_by_few_recorded_criteria_and_not_for_good(three):
    made = of(
        three,
        failing("a", "fpp", "until"),
        failing("b", "pfu", "changeable"),
        failing("c", "ffp", "changeable", of_criteria="uc"),
        failing("d", "fff", "changeable"),
        failing("e", "fpp", "permanent"),
        failing("f", "fpp", "changeable", basis="no-record"),
        patient("g", "ppp"),
    )["nearMisses"]
    ways = ("permanent", "oneCriterion", "twoCriteria", "further", "byTime")
    assert [made[way] for way in ways] == [1, 2, 1, 2, 1]
    assert made["byCriterion"] == [{"id": "c0", "patients": 1}, {"id": "c1", "patients": 1}]


def armed(name: str, letters: str, grade: str, **arms: str) -> object:
    """A patient of a trial with arms A and B: `c0` is asked for all, `c1` for A, `c2` for B; grades of the arms."""
    made = patient(name, letters)
    [trial] = made.results
    own = tuple(msgspec.structs.replace(c, arms=(arm,)) for c, arm in zip(trial.criteria[1:], "AB", strict=True))
    told = tuple(ArmGrade(arm, graded) for arm, graded in arms.items())
    new = msgspec.structs.replace(trial, grade=grade, criteria=(trial.criteria[0], *own), arms=told)
    return msgspec.structs.replace(made, results=(new,))


def test_a_fail_that_leaves_another_arm_open_rules_nobody_out(three):
    made = of(
        three,
        armed("a", "pfp", "certain", A="certainly-not", B="certain"),
        armed("b", "puf", "possible", A="possible", B="certainly-not"),
        armed("c", "pff", "certainly-not", A="certainly-not", B="certainly-not"),
        armed("d", "fpp", "certainly-not", A="certainly-not", B="certainly-not"),
        armed("e", "ppu", "certain", A="certain", B="possible"),
    )
    assert [(s["fail"], s["remaining"]) for s in made["attrition"]] == [(1, 4), (0, 4), (1, 3)]
    assert made["bounds"] == {"atLeast": 2, "atMost": 3}
    assert made["attrition"][-1]["remainingKnown"] == 2
