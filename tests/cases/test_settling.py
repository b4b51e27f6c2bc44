"""What would settle a trial really does: the built-in trials, with some of a fitting patient's results taken away."""

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from service.cases.casefile import merged, read_cases
from service.cases.run import _ENCODE, names_of
from service.cases.sketch import Sketcher
from service.criteria.plan import Plan
from service.criteria.results import SmallestSets, TrialResult
from service.screening import Screening
from tests.builders import TRIALS

# Values that no trial accepts.
BAD = {
    "er": "negative", "pr": "negative", "her2-ihc": "ihc-0", "ecog": "4", "lvef": "20 %", "anc": "0.1 10*3/uL",
    "platelets": "5 10*3/uL", "hemoglobin": "4 g/dL", "disease-status": "progressive",
    "bilirubin": {"value": "9 mg/dL", "high": "1.2 mg/dL"}, "alt": {"value": "900 U/L", "high": "40 U/L"},
    "ast": {"value": "900 U/L", "high": "40 U/L"}, "alp": {"value": "2000 U/L", "high": "120 U/L"},
    "creatinine": {"value": "9 mg/dL", "high": "1.1 mg/dL"},
}  # fmt: skip
# What is asked for under another name than the result that tells it.
TOLD_BY = {"her2": "her2-ihc", "pr": "pr"}


class Fitting:
    """The fitting patient that stands beside a built-in trial, to be judged with changes."""

    def __init__(self, screening: Screening, trial: str) -> None:
        self.trial = screening.trials[trial]
        cases = read_cases(Path(self.trial.path).parent / "cases.yaml", self.trial, names_of(screening))
        self.sketch = next(case.sketch for case in cases.cases if case.expected.grade == "probable" and not case.order)
        self.day = date.fromisoformat(cases.as_of)
        self.screening = screening
        self.plan = Plan(screening.trials.chosen([trial]))

    def judged(self, results: dict[str, Any]) -> TrialResult:
        sketch = merged(self.sketch, {"results": results})
        bundle = Sketcher(self.screening.terminology, self.screening.inputs, self.day).bundle(sketch)
        record = self.screening.read(_ENCODE(bundle), "patient")
        return self.screening.screen(record, self.day, self.plan).results[0]

    def without(self, seed: int) -> list[str]:
        """Some inputs to take away."""
        names = sorted(self.sketch["results"])
        return random.Random(seed).sample(names, min(len(names), 1 + seed % 4))


def sets_of(result: TrialResult) -> SmallestSets:
    assert result.smallest_sets is not UNSET
    return result.smallest_sets


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("trial", TRIALS)
def test_the_smallest_set_makes_it_probable_and_one_datum_less_does_not(
    screening: Screening, trial: str, seed: int
) -> None:
    fitting = Fitting(screening, trial)
    gone = {name: [] for name in fitting.without(seed)}
    result = fitting.judged(gone)
    assert result.grade == "possible"
    asked = [TOLD_BY.get(name, name) for name in sets_of(result).probable[0]]
    assert set(asked) <= set(gone)
    kept = {name: entry for name, entry in gone.items() if name not in asked}
    assert fitting.judged(kept).grade == "probable"
    for name in asked:
        assert fitting.judged({**kept, name: []}).grade == "possible"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("trial", TRIALS)
def test_a_bad_value_of_every_set_that_may_close_it_does(screening: Screening, trial: str, seed: int) -> None:
    fitting = Fitting(screening, trial)
    gone = {name: [] for name in fitting.without(seed)}
    result = fitting.judged(gone)
    assert result.grade == "possible"
    assert sets_of(result).certainly_not
    for names in sets_of(result).certainly_not:
        values = {TOLD_BY.get(n, n): BAD[TOLD_BY.get(n, n)] for n in names if TOLD_BY.get(n, n) in BAD}
        if len(values) == len(names):
            bad = {name: [entry if isinstance(entry, dict) else {"value": entry}] for name, entry in values.items()}
            assert fitting.judged({**gone, **bad}).grade == "certainly-not", names


def test_one_input_serves_every_trial_that_waits_for_it(screening: Screening) -> None:
    fitting = Fitting(screening, "NCT03304080")
    bundle = Sketcher(screening.terminology, screening.inputs, fitting.day).bundle(
        merged(fitting.sketch, {"results": {"lvef": [], "ecog": []}})
    )
    result = screening.screen(screening.read(_ENCODE(bundle), "patient"), fitting.day)
    waiting = {
        need.input: sorted(t.trial for t in result.results if need.input in {n.input for n in t.needed})
        for trial in result.results
        for need in trial.needed
    }
    assert len(waiting["ecog"]) > 1
    for trial in result.results:
        assert all(list(need.trials) == waiting[need.input] for need in trial.needed)
        counts = [(-len(need.settles), -len(need.trials)) for need in trial.needed]
        assert counts == sorted(counts)


def test_the_result_says_so_in_json(screening: Screening) -> None:
    result = Fitting(screening, "NCT03304080").judged({"anc": [], "er": []})
    told = json.loads(_ENCODE(result))["smallestSets"]
    assert told["probable"] == [["anc", "er"], ["anc", "pr"]]
    assert told["certainlyNot"] == [["anc"], ["er", "pr"]]


def test_what_is_there_and_left_open_is_settled_by_no_other_datum(screening: Screening) -> None:
    """A low FEV1 alone leaves it unknown, whatever DLCO turns out to be: a low one closes the trial."""
    fitting = Fitting(screening, "NCT03304080")
    low = {"fev1-percent-predicted": [{"value": "45 %"}]}
    result = fitting.judged(low)
    assert [need.input for need in result.needed] == ["dlco-percent-predicted"]
    assert sets_of(result) == SmallestSets((), (("dlco-percent-predicted",),))
    for value, grade in (("40 %", "certainly-not"), ("80 %", "possible")):
        assert fitting.judged({**low, "dlco-percent-predicted": [{"value": value}]}).grade == grade
