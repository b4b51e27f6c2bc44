"""A trial's page: every criterion with how it is judged, what a person judges, its cases; text stays text."""

from collections.abc import Callable
from pathlib import Path

from service.cases.casefile import read_cases
from service.cases.run import CASES, names_of
from service.criteria.catalogue import Trial
from service.criteria.describing import sentence
from service.render.markdown import escaped
from service.screening import Screening
from service.sharing.page import trial_page
from tests.criteria.test_trial_files import criterion

Compiled = Callable[[str], Trial]


def row_of(page: str, name: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_every_criterion_has_a_row_with_its_rule_in_plain_words(trial: Trial) -> None:
    page = trial_page(trial, ())
    for c in trial.criteria:
        row = row_of(page, c.id)
        manual = c.rule.outcomes() == {"review"}
        assert row[1:4] == [escaped(c.source), escaped(c.text), "" if manual else escaped(sentence(c.rule))]
        assert bool(row[4]) is ("review" in c.rule.outcomes())


def test_rows_have_as_many_cells_as_their_head(trial: Trial) -> None:
    tables = [line for line in trial_page(trial, ()).splitlines() if line.startswith("|")]
    widths = [line.count(" | ") for line in tables]
    assert set(widths) == {1, 5}


def test_what_stays_for_a_person_is_named(compiled: Compiled) -> None:
    page = trial_page(compiled("{absent: {diagnosis: cirrhosis, then: review, because: Is it severe?}}"), ())
    assert row_of(page, "a")[4] == "cirrhosis of the liver, now: Is it severe?"


def test_cases_stand_below_the_criteria(trial: Trial, library: Screening) -> None:
    cases = read_cases(Path(trial.path).parent / CASES, trial, names_of(library)).cases
    page = trial_page(trial, cases)
    below = page.partition("## Cases\n")[2]
    assert below.count("\n| ") == len(cases) + 2
    assert escaped(cases[0].name) in below


def test_text_of_a_trial_cannot_become_markup(compiled: Compiled) -> None:
    odd = '"<script>x</script> | [a](javascript:b) `c` \\n# d"'
    page = trial_page(compiled(criterion("{review: Is <b>it</b> so?}", text=odd)), ())
    row = next(line for line in page.splitlines() if line.startswith("| `a` |"))
    assert "<" not in row.replace("\\<", "")
    assert "](" not in row
    assert row.replace("\\|", "").count("|") == 7
    assert not [line for line in page.splitlines() if line.startswith("# d")]


def test_an_odd_id_stays_in_its_cell(compiled: Compiled) -> None:
    page = trial_page(compiled(criterion("{age: {at-least: 18}}", id="'a`|b'")), ())
    row = next(line for line in page.splitlines() if "18 years" in line or "At least 18" in line or "Age at" in line)
    assert row.replace("\\|", "").count("|") == 7


def test_drafts_say_so(compiled: Compiled) -> None:
    page = trial_page(compiled(criterion("{age: {at-least: 18}}") + "    draft: 18 and older\n"), ())
    assert "**A draft**" in page
    assert "a draft that nobody has checked, read from “18 and older”" in row_of(page, "a")[3]
