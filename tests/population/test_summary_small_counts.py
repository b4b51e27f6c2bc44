"""Small counts are hidden, and adding and subtracting what is shown does not bring one back."""

from collections.abc import Iterator
from fractions import Fraction

import pytest

from service.criteria.results import Change
from service.population.summary import Tally, summary
from service.population.upcoming import Upcoming
from service.screening import Screening

from .results import criterion, drawn, needed, patient
from .test_summary import failing, of, three  # noqa: F401 - the fixture

OUTCOMES = ("pass", "fail", "unknown", "review")
Equation = tuple[dict[tuple, int], int]


def numbers(value: object) -> Iterator[int]:
    """Every count in a part of the summary."""
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int):
        yield value


def identities(trial: dict) -> list[Equation]:
    """What a reader knows to be true of the counts of any trial: sums of unknowns that are a known number."""
    steps, screened = trial["attrition"], trial["screened"]
    fails = [("leave", s["id"]) for s in steps]
    known: list[Equation] = [
        ({("grade", g): 1 for g in trial["grades"]}, screened),
        ({("total", 0): 1}, screened),
        ({("grade", "certainly-not"): 1, **dict.fromkeys(fails, -1)}, 0),
        ({("leave", steps[0]["id"]): 1, ("fail", steps[0]["id"]): -1}, 0),
        ({("doubt", steps[0]["id"]): 1, ("unknown", steps[0]["id"]): -1}, 0),
        ({("total", len(steps)): 1, ("atMost",): -1}, 0),
        ({("atMost",): 1, ("grade", "certain"): -1, ("grade", "probable"): -1, ("grade", "possible"): -1}, 0),
        ({("atLeast",): 1, ("grade", "certain"): -1, ("grade", "probable"): -1}, 0),
    ]
    known += [({("total", i): 1, fails[i]: -1, ("total", i + 1): -1}, 0) for i in range(len(steps))]
    ids = [s["id"] for s in steps]
    for name in ids:
        if name != "alive":
            dead = {("fail", "alive"): 1} if "alive" in ids else {}
            known.append(({(o, name): 1 for o in OUTCOMES} | dead, screened))
    return known


def cells(trial: dict) -> dict[tuple, int | None]:
    made: dict[tuple, int | None] = {("grade", g): n for g, n in trial["grades"].items()}
    made |= {("atLeast",): trial["bounds"]["atLeast"], ("atMost",): trial["bounds"]["atMost"]}
    for i, step in enumerate(trial["attrition"]):
        made |= {("leave", step["id"]): step["fail"], ("doubt", step["id"]): step["unknown"]}
        made |= {("total", i): step["entered"], ("total", i + 1): step["remaining"]}
    made |= {(o, c["id"]): c[o] for c in trial["criteria"] for o in OUTCOMES}
    return made


def computable(trial: dict) -> set[tuple]:
    """The hidden cells that the shown ones determine, by elimination."""
    shown = {name: count for name, count in cells(trial).items() if count is not None}
    rows = [{name: Fraction(k) for name, k in sums.items() if name not in shown} for sums, _ in identities(trial)]
    reduced: dict[tuple, dict[tuple, Fraction]] = {}
    for row in rows:
        for pivot, other in reduced.items():
            if pivot in row:
                _subtract(row, other, row[pivot] / other[pivot])
        if row:
            pivot = next(iter(row))
            for other in reduced.values():
                if pivot in other:
                    _subtract(other, row, other[pivot] / row[pivot])
            reduced[pivot] = row
    return {pivot for pivot, row in reduced.items() if len(row) == 1}


def _subtract(row: dict, other: dict, times: Fraction) -> None:
    for name, k in other.items():
        left = row.get(name, Fraction(0)) - times * k
        if left:
            row[name] = left
        else:
            row.pop(name, None)


@pytest.mark.parametrize("below", [2, 5, 11])
@pytest.mark.parametrize("trial_id", ["NCT02947685", "NCT03709082"])
@pytest.mark.parametrize("seed", range(12))
def test_no_hidden_count_can_be_computed_from_shown_ones(screening: Screening, trial_id, seed, below):
    trial = screening.trials[trial_id]
    tally = Tally()
    for result in drawn(seed, trial, 15 + 37 * seed):
        tally.add(result)
    whole = summary(tally, [trial])["trials"][0]
    made = summary(tally, [trial], below)["trials"][0]
    assert not [n for n in numbers(made) if 0 < n < below]
    assert computable(made) == set()
    assert {k for k, n in cells(whole).items() if n != cells(made)[k]} == {
        k for k, n in cells(made).items() if n is None
    }
    likely, bounds = made["likely"], made["bounds"]
    assert likely["rates"] == []
    if likely["patients"] is not None:
        assert None not in made["grades"].values()
        assert bounds["atLeast"] <= likely["low"] <= likely["patients"] <= likely["high"] <= bounds["atMost"]
        for key in ("patients", "low", "high"):
            assert likely[key] == bounds["atMost"] or (likely[key] - bounds["atLeast"]) % below == 0
    for need in made["missing"]:
        possible = made["grades"]["possible"]
        assert need["touches"] is None or possible is not None
        assert need["settles"] is None or not 0 < possible - need["settles"] < below


def test_elimination_finds_what_a_reader_would():
    trial = {
        "screened": 9,
        "grades": {"certain": 0, "probable": None, "possible": 4, "certainly-not": 3},
        "bounds": {"atLeast": None, "atMost": 6},
        "attrition": [{"id": "a", "entered": 9, "fail": 3, "unknown": 0, "remaining": 6}],
        "criteria": [{"id": "a", "pass": None, "fail": 3, "unknown": 0, "review": 0}],
    }
    assert computable(trial) == {("grade", "probable"), ("atLeast",), ("pass", "a")}


def crowd(letters: str, number: int, start: int = 0) -> list:
    needs = [needed(f"i{i}", f"c{i}") for i, letter in enumerate(letters) if letter == "u"]
    return [patient(f"{letters}{i}", letters, needs) for i in range(start, start + number)]


def test_a_count_at_the_size_is_shown_and_one_below_is_not(three):  # noqa: F811
    shown = of(three, *crowd("ppp", 5), *crowd("fpp", 20), below=5)
    assert shown["grades"]["certain"] == 5
    hidden = of(three, *crowd("ppp", 4), *crowd("fpp", 20), below=5)
    assert hidden["grades"]["certain"] is None
    assert hidden["grades"]["certainly-not"] is None  # would give it away
    assert hidden["grades"]["possible"] == 0
    assert hidden["bounds"] == {"atLeast": None, "atMost": None}


def test_a_trial_with_too_few_patients_is_hidden_altogether(three):  # noqa: F811
    made = of(three, *crowd("ppp", 4), below=5)
    assert list(numbers(made)) == []
    assert of(three, *crowd("ppp", 5), below=5)["screened"] == 5


def test_the_rest_of_a_share_is_small_too(three):  # noqa: F811
    made = of(three, *crowd("upp", 40), *crowd("uup", 3), *crowd("fpp", 30), below=5)
    [c0] = [need for need in made["missing"] if need["input"] == "i0"]
    assert (c0["touches"], c0["settles"]) == (43, None)  # 40 of 43 would tell of the 3


def test_changes_are_hidden_like_any_other_count(three):  # noqa: F811
    soon = Change("2026-12-01", "certainly-not", ("c0",))
    few = [patient(f"s{i}", "upp", change=soon) for i in range(4)]
    many = [patient(f"s{i}", "upp", change=soon) for i in range(5)]
    rest = crowd("upp", 30)
    assert of(three, *few, *rest, below=5)["changesWithin90Days"]["patients"] is None
    made = of(three, *many, *rest, below=5)["changesWithin90Days"]
    assert (made["patients"], made["because"][0]["patients"]) == (5, 5)


def test_the_number_of_dead_is_not_told_by_the_sums_of_the_others(three):  # noqa: F811
    dead = [patient(f"d{i}", [criterion("alive", "fail")]) for i in range(3)]
    made = of(three, *dead, *crowd("ppp", 30), *crowd("rfp", 30), below=5)
    for row in made["criteria"][1:]:
        assert None in [row[o] for o in OUTCOMES]


@pytest.mark.parametrize("below", [0, 1])
def test_nothing_is_hidden_unasked(three, below):  # noqa: F811
    made = of(three, *crowd("ppp", 1), *crowd("fpp", 2), below=below)
    assert made["grades"]["certain"] == 1
    assert made["attrition"][0]["remainingKnown"] == 1


def test_the_likely_number_is_hidden_with_what_it_was_reckoned_by(three):  # noqa: F811
    shown = of(three, *crowd("ppp", 30), *crowd("upp", 40), *crowd("fpp", 30), below=5)
    whole = of(three, *crowd("ppp", 30), *crowd("upp", 40), *crowd("fpp", 30))
    assert abs(shown["likely"]["patients"] - whole["likely"]["patients"]) < 5
    hidden = of(three, *crowd("ppp", 30), *crowd("upp", 40), *crowd("fpp", 4), *crowd("pfp", 30), below=5)
    assert hidden["grades"]["possible"] == 40
    assert hidden["criteria"][0]["fail"] is None  # from which the rate would tell it
    assert hidden["likely"]["patients"] is None


def test_near_misses_of_few_patients_are_hidden(three):  # noqa: F811
    near = [failing(f"n{i}", "fpp", "until") for i in range(20)]
    few = [failing(f"m{i}", "pfp", "until") for i in range(3)]
    rest = [failing(f"r{i}", "fff", "changeable") for i in range(30)]
    shown = of(three, *near, *rest, *crowd("ppp", 30), below=5)["nearMisses"]
    assert (shown["oneCriterion"], shown["byCriterion"]) == (20, [{"id": "c0", "patients": 20}])
    made = of(three, *near, *few, *rest, *crowd("ppp", 30), below=5)["nearMisses"]
    assert [row["patients"] for row in made["byCriterion"]] == [None, None]
    assert [n for n in numbers(made) if 0 < n < 5] == []


def test_two_spans_of_time_are_not_told_side_by_side(three):  # noqa: F811
    soon, later = (Change(day, "certainly-not", ("c0",)) for day in ("2026-12-01", "2027-02-01"))
    patients = [patient(f"s{i}", "upp", change=soon) for i in range(10)]
    patients += [patient(f"t{i}", "upp", change=later) for i in range(3)] + crowd("upp", 30)
    upcoming, tally = Upcoming(30), Tally()
    for each in patients:
        upcoming.add(each)
        tally.add(each)
    [made] = summary(tally, [three], 5, upcoming)["trials"]
    assert (made["changesWithin90Days"]["patients"], made["within"]["patients"]) == (13, None)
    [made] = summary(tally, [three], 0, upcoming)["trials"]
    assert (made["changesWithin90Days"]["patients"], made["within"]["patients"]) == (13, 10)
