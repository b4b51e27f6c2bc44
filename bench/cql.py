"""`python -m bench.cql`: six criteria judged here and by two engines of CQL, on the same patients. That all three give
the same answers is checked before anything is measured. It needs Node, Maven and their registries, and is no part of
`make bench`."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench import patient
from bench.table import Row, printed
from bench.timing import in_turn
from service.criteria.catalogue import Trial, Trials, compile_trial
from service.criteria.plan import Plan
from service.screening import Screening
from service.sharing.cql import Cql, as_cql
from tests.live.cql_engines import Engines, Ran, Unavailable, installed
from tests.sharing.clean import AS_OF, ENCODE, Json, Maker, expansions

TITLE = "Six criteria of one trial on records of about ninety resources (CPU a patient, median over the rounds)"
TRIAL = Path(__file__).parent / "cql_trial.yaml"
_OURS = {"pass": True, "fail": False}
_HERE = "reading + screening, with evidence"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cql", description="Our CPU beside that of CQL engines.")
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the engines are, or are to be installed")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        try:
            engines = installed(asked.folder or Path(made))
        except Unavailable as problem:
            print(f"bench.cql: {problem}", file=sys.stderr)
            return 1
        print(printed(TITLE, run(engines, asked.patients, asked.rounds)))
    return 0


def run(engines: Engines, patients: int, rounds: int) -> list[Row]:
    screening = Screening()
    trial = compile_trial(TRIAL.read_text("utf-8"), str(TRIAL), screening.vocabulary)
    cql = as_cql(trial, screening)
    bundles = records(screening, trial, patients)
    files = engines.written(bundles, expansions(screening, cql.value_sets.resources(), bundles))
    if wrong := [line for line in engines.translate([cql]) if line.startswith("Error")]:
        raise AssertionError("\n".join(wrong))
    day = AS_OF.isoformat()
    ran = {
        "cql-execution": engines.node(cql, day, *files, rounds),
        "the Java engine": engines.java(cql, day, *files, rounds),
    }
    here = answers(screening, trial, bundles)
    for name, theirs in ran.items():
        check(name, cql, here, theirs)
    ours = _measured(screening, trial, bundles, rounds)
    rows = [Row("answers compared, all equal", f"{len(bundles) * len(trial.criteria)}"), Row(_HERE, f"{ours:.3f} ms")]
    for name, theirs in ran.items():
        rows.append(Row(name, f"{median(theirs.cpu):.2f} ms", f"{median(theirs.cpu) / ours:.0f} × ours"))
    return rows


def records(screening: Screening, trial: Trial, patients: int) -> list[Json]:
    """The usual record of eighty resources, with some more around the trial's limits in each."""
    maker, usual = Maker(screening, [trial]), patient.bundle()
    found = []
    for seed in range(patients):
        bundle, made = json.loads(patient.another(usual, seed)), maker.bundle(seed)
        person = bundle["entry"][0]["resource"]
        for entry in made["entry"][1:]:
            entry["resource"] |= {"subject": {"reference": f"Patient/{person['id']}"}}
        found.append(bundle | {"id": person["id"], "entry": [*bundle["entry"], *made["entry"][1:]]})
    return found


def check(name: str, cql: Cql, answers: dict[str, dict[str, str]], ran: Ran) -> None:
    """AssertionError where an engine answers a criterion of a patient otherwise."""
    if ran.errors:
        raise AssertionError(f"{name}: {next(iter(ran.errors.values()))}")
    for who, outcomes in answers.items():
        for criterion, outcome in outcomes.items():
            there = ran.values[who][cql.defines[criterion]]
            if _OURS.get(outcome) is not there:
                raise AssertionError(f"{name}: {who} {criterion}: {outcome} here, {there} there")


def answers(screening: Screening, trial: Trial, bundles: list[Json]) -> dict[str, dict[str, str]]:
    plan = Plan(Trials((trial,)))
    found: dict[str, dict[str, str]] = {}
    for bundle in bundles:
        result = screening.screen(screening.read(ENCODE(bundle)), AS_OF, plan).results[0]
        found[bundle["id"]] = {criterion.id: criterion.outcome for criterion in result.criteria}
    return found


def _measured(screening: Screening, trial: Trial, bundles: list[Json], rounds: int) -> float:
    """Milliseconds of CPU a patient."""
    plan, texts, day = Plan(Trials((trial,))), [ENCODE(bundle) for bundle in bundles], AS_OF.toordinal()

    def everyone() -> None:
        for text in texts:
            screening.screen(screening.read(text, strict=False), day, plan)

    work: dict[str, Callable[[], None]] = {_HERE: everyone}
    return median(in_turn(work, rounds, 1)[_HERE]) * 1000 / len(texts)


if __name__ == "__main__":
    sys.exit(main())
