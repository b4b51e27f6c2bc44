"""docs/add-a-trial.md is true: its files are written and its commands run as they stand, its mistakes give the messages
that it tells; the reference of kinds beside it is the one that the classes make."""

import re
from pathlib import Path

import pytest

from docs_site.kinds import with_reference
from service.criteria.catalogue import compile_trial
from service.criteria.schema import RULES, SIGNS
from service.errors import TrialError
from service.render.kinds import reference
from service.screening import Screening
from tests.criteria.one_rule import ONE_TRIAL
from tests.docs.pages import Here, blocks, lacking, steps, write

PAGE = Path(__file__).parents[2] / "docs" / "add-a-trial.md"
TEXT = PAGE.read_text("utf-8")


def between(start: str, end: str) -> str:
    return TEXT.partition(start)[2].partition(end)[0]


def test_the_page_can_be_followed_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TRIALHOOK_TRIALS", "TRIALHOOK_VALUE_SETS"):
        monkeypatch.delenv(name, raising=False)
    here = Here(monkeypatch, capfd)
    commands = 0
    for block in blocks(TEXT):
        if block.language != "console":
            assert write(tmp_path, block), f"a block of {block.language} in line {block.line} has no file's name"
            continue
        for step in steps(block):
            told = here.run(step.command)
            assert lacking(step, told) == [], (step.command, told)
            commands += 1
    assert commands >= 10


ROWS = [
    tuple(cell.strip().strip("`") if i == 0 else cell.strip() for i, cell in enumerate(row.strip("|").split(" | ")))
    for row in between("<!-- mistakes: each is tried by a test -->", "<!-- end of mistakes -->")
    .strip()
    .splitlines()[2:]
]


@pytest.mark.parametrize(("written", "told"), ROWS, ids=[row[0] for row in ROWS])
def test_a_mistake_on_the_page_gives_the_message_beside_it(screening: Screening, written: str, told: str) -> None:
    with pytest.raises(TrialError) as mistake:
        compile_trial(ONE_TRIAL.format(rule=f"{{{written}}}"), "one.yaml", screening.vocabulary)
    assert told.strip() in str(mistake.value)


def test_every_row_of_what_the_source_says_is_a_rule(screening: Screening) -> None:
    rows = between("| the source says | write |", "Four words").strip().splitlines()[1:]
    rules = [found for row in rows for found in re.findall(r"`([^`]+)`", row) if "…" not in found]
    whole = [rule for rule in rules if rule.partition(":")[0] in RULES]
    assert len(whole) >= 12
    for rule in whole:
        compile_trial(ONE_TRIAL.format(rule=f"{{{rule}}}"), "one.yaml", screening.vocabulary)


def test_the_reference_of_kinds_is_the_present_one(screening: Screening) -> None:
    page = PAGE.with_name("kinds.md").read_text("utf-8")
    assert with_reference(page, screening) == page, "write it anew: python -m docs_site.kinds docs/kinds.md"


def test_the_reference_names_every_kind() -> None:
    for kinds in (RULES, SIGNS):
        for word in kinds:
            assert f"### `{word}`\n" in reference()


@pytest.mark.parametrize(("what", "word"), [("rule", w) for w in RULES] + [("sign", w) for w in SIGNS])
def test_every_kind_has_an_example_that_can_be_written(screening: Screening, what: str, word: str) -> None:
    example = (RULES if what == "rule" else SIGNS)[word].example
    assert f"{word}: " in example
    rule = example if what == "rule" else f"{{absent: [{example}]}}"
    compile_trial(ONE_TRIAL.format(rule=rule), "one.yaml", screening.vocabulary)
