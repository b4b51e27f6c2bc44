"""The likely number: between the bounds, exact where nothing is missing, the same whatever the order, and about right
where its assumptions hold."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.population.likely import WEIGHT, likely
from service.population.tally import Tally, TrialTally

from .results import criterion, patient

OUTCOMES = st.text("pfur", min_size=4, max_size=4)


def tallied(*letters: str) -> TrialTally:
    tally = Tally()
    for number, outcomes in enumerate(letters):
        tally.add(patient(f"p{number}", outcomes))
    return tally.trials["T1"]


@settings(max_examples=200, deadline=None)
@given(st.lists(OUTCOMES, min_size=1, max_size=40))
def test_it_lies_between_the_bounds_or_is_not_told(letters: list[str]) -> None:
    counts = tallied(*letters)
    found = likely(counts)
    least = counts.grades["certain"] + counts.grades["probable"]
    most = least + counts.grades["possible"]
    if found.patients is None:
        assert found.none_known
        for name in found.none_known:
            place = int(name[1:])
            assert all(outcomes[place] == "u" for outcomes in letters)
    else:
        assert found.low is not None
        assert found.high is not None
        assert least <= found.low <= found.patients <= found.high <= most


@given(st.lists(st.text("pfr", min_size=3, max_size=3), min_size=1, max_size=30))
def test_where_nothing_is_missing_it_is_the_number_itself(letters: list[str]) -> None:
    counts = tallied(*letters)
    found = likely(counts)
    sure = counts.grades["certain"] + counts.grades["probable"]
    assert (found.patients, found.low, found.high) == (sure, sure, sure)


@settings(max_examples=50, deadline=None)
@given(st.lists(OUTCOMES, min_size=2, max_size=40), st.randoms(use_true_random=False), st.integers(0, 40))
def test_it_is_the_same_whatever_the_parts_and_their_order(letters: list[str], luck: random.Random, cut: int) -> None:
    parts = []
    for some in (letters[:cut], letters[cut:]):
        tally = Tally()
        for outcomes in some:
            tally.add(patient("p", outcomes))
        parts.append(msgspec.json.decode(msgspec.json.encode(tally), type=Tally))
    luck.shuffle(parts)
    merged = Tally()
    for part in parts:
        merged.merge(part)
    assert likely(merged.trials["T1"]) == likely(tallied(*letters))


def test_nobody_known_is_no_estimate_and_one_is_enough_for_one() -> None:
    assert likely(tallied("pu", "pu")).none_known == ("c1",)
    assert likely(tallied("pu", "pu", "pp")).none_known == ()
    assert likely(tallied("pu", "fp")).none_known == ()  # known, if of somebody whom another criterion fails


def test_whom_a_criterion_does_not_concern_tells_nothing_of_others() -> None:
    tally = Tally()
    aside = msgspec.structs.replace(criterion("c0", "pass"), basis="not-applicable")
    tally.add(patient("a", [aside]))
    tally.add(patient("b", "u"))
    assert likely(tally.trials["T1"]).none_known == ("c0",)


def test_the_rate_is_that_of_those_whom_nothing_else_fails_drawn_towards_all() -> None:
    counts = tallied(*["pp"] * 30, *["pf"] * 10, *["fp"] * 100, *["ff"] * 60, "pu")
    [rate] = likely(counts).rates
    overall = (130 + 1) / (200 + 2)
    assert (rate.known, rate.near) == (200, 40)
    assert rate.rate == pytest.approx((30 + WEIGHT * overall) / (40 + WEIGHT))


@pytest.mark.parametrize("seed", range(8))
def test_it_is_about_right_where_data_are_missing_at_random(seed: int) -> None:
    """Of 800 patients, every fourth datum is hidden; the number is known before, and the span holds it."""
    luck = random.Random(seed)
    chances = (0.7, 0.9, 0.5, 0.8)
    whole = ["".join("p" if luck.random() < chance else "f" for chance in chances) for _ in range(800)]
    hidden = ["".join("u" if luck.random() < 0.25 else letter for letter in letters) for letters in whole]
    found = likely(tallied(*hidden))
    assert found.low is not None
    assert found.high is not None
    spread = found.high - found.low
    assert abs(whole.count("pppp") - (found.patients or 0)) <= spread  # twice what is left nine times in ten
    assert spread < 60
