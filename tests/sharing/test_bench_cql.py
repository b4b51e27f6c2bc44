"""The measurement beside engines of CQL: its trial is one that CQL says in full, and unequal answers end it."""

from collections import Counter

import pytest

from bench import cql as bench
from service.criteria.catalogue import Trial, compile_trial
from service.screening import Screening
from service.sharing.cql import as_cql
from tests.live.cql_engines import Ran

PATIENTS = 40


@pytest.fixture(scope="module")
def trial(screening: Screening) -> Trial:
    return compile_trial(bench.TRIAL.read_text("utf-8"), str(bench.TRIAL), screening.vocabulary)


@pytest.fixture(scope="module")
def answers(screening: Screening, trial: Trial) -> dict[str, dict[str, str]]:
    return bench.answers(screening, trial, bench.records(screening, trial, PATIENTS))


def test_cql_says_all_of_its_trial(screening: Screening, trial: Trial) -> None:
    assert as_cql(trial, screening).unsaid == ()


def test_its_patients_have_long_records_and_all_answers(
    screening: Screening, trial: Trial, answers: dict[str, dict[str, str]]
) -> None:
    bundles = bench.records(screening, trial, PATIENTS)
    assert all(len(bundle["entry"]) >= 80 for bundle in bundles)
    assert len(answers) == PATIENTS
    found = {(name, said) for outcomes in answers.values() for name, said in outcomes.items()}
    assert Counter(said for _, said in found).keys() == {"pass", "fail", "unknown"}
    assert {name for name, said in found if said == "pass"} == {criterion.id for criterion in trial.criteria}


def test_an_engine_that_answers_otherwise_ends_it(
    screening: Screening, trial: Trial, answers: dict[str, dict[str, str]]
) -> None:
    cql = as_cql(trial, screening)
    said = {"pass": True, "fail": False}
    values = {who: {name: said.get(one) for name, one in outcomes.items()} for who, outcomes in answers.items()}
    bench.check("an engine", cql, answers, Ran(values, {}, ()))
    values["bench-3"]["adult"] = not values["bench-3"]["adult"]
    with pytest.raises(AssertionError, match="bench-3 adult"):
        bench.check("an engine", cql, answers, Ran(values, {}, ()))
    with pytest.raises(AssertionError, match="no such unit"):
        bench.check("an engine", cql, answers, Ran({}, {"bench-1": "no such unit"}, ()))
