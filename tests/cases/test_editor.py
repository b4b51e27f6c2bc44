"""The JSON Schemas for editors: they stand in the tree as they are made, and take the files that check takes."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from service.cases.run import CASES
from service.commands.trials import schema_text
from service.criteria.places import read
from service.screening import Screening
from tests.builders import TRIALS

KINDS = ("trial", "cases")


@pytest.mark.parametrize("which", KINDS)
def test_the_schema_in_the_tree_is_the_one_that_is_made(screening: Screening, which: str) -> None:
    kept = (files("service.criteria") / f"{which}.schema.json").read_text("utf-8")
    assert json.loads(kept) == json.loads(schema_text(screening, which)), "run `make fix`"
    assert kept == f"{schema_text(screening, which)}\n"


def made(screening: Screening, which: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text(screening, which))
    return schema


@pytest.mark.parametrize("trial_id", TRIALS)
@pytest.mark.parametrize("which", KINDS)
def test_the_built_in_files_are_right_by_their_schema(screening: Screening, which: str, trial_id: str) -> None:
    path = Path(screening.trials[trial_id].path)
    path = path if which == "trial" else path.parent / CASES
    validator = Draft7Validator(made(screening, which))
    assert [error.message for error in validator.iter_errors(read(path.read_text("utf-8")).data)] == []


def test_a_trial_without_criteria_is_marked(screening: Screening) -> None:
    content = read(Path(screening.trials[TRIALS[0]].path).read_text("utf-8")).data
    validator = Draft7Validator(made(screening, "trial"))
    assert validator.is_valid(content)
    assert not validator.is_valid(content | {"criteria": []})


@pytest.mark.parametrize(
    ("which", "content"),
    [
        ("cases", {"as-of": "2026-11-21", "patient": {"resources": [{"a": "b"}]}}),
        ("cases", {"as-of": "2026-11-21", "patient": {"borne": "1960"}}),
    ],
)
def test_a_mistake_is_marked(screening: Screening, which: str, content: dict[str, Any]) -> None:
    assert not Draft7Validator(made(screening, which)).is_valid(content)
