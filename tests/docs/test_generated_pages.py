"""What the site makes of the code is all there, and says what the code says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from docs_site.commands import walk
from docs_site.http import contract
from docs_site.links import place, relinked, targets
from docs_site.logic import TABLES, with_tables
from docs_site.markdown import block, cell, code, table
from docs_site.results import SHAPES, example
from docs_site.trials import Shown, shown_trials
from service.criteria.logic import OUTCOMES, RANK
from service.criteria.schema import RULES, SIGNS
from service.screening import Screening
from service.settings import SETTINGS
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def shown() -> list[Shown]:
    return shown_trials()


def test_every_command_and_option_has_its_place(made: dict[str, str]) -> None:
    page = made["reference/commands.md"]
    commands = dict(walk())
    assert {"trialhook screen", "trialhook trials diff"} <= commands.keys()
    for path, context in commands.items():
        part = page.partition(f"## {path}\n")[2].partition("\n## ")[0]
        assert part, path
        for option in context.command.params:
            for name in option.opts:
                assert name in part or not name.startswith("-"), (path, name)


def test_a_command_without_options_has_no_empty_table(made: dict[str, str]) -> None:
    page = made["reference/commands.md"]
    assert "| option | meaning |\n| --- | --- |\n" in page
    assert "| option | meaning |\n| --- | --- |\n\n" not in page


def test_every_setting_has_its_row(made: dict[str, str]) -> None:
    for setting in SETTINGS:
        assert f"| `{setting.variable}` | " in made["reference/settings.md"]


def test_every_call_and_body_of_the_contract_is_told(made: dict[str, str]) -> None:
    page = made["reference/http.md"]
    for path, operations in contract()["paths"].items():
        for method, operation in operations.items():
            part = page.partition(f"### `{method.upper()} {path}`\n")[2].partition("\n### ")[0]
            assert f"{operation['summary']}." in part
            assert all(f"| {status} | " in part for status in operation["responses"])
    for name in contract()["components"]["schemas"]:
        assert f"### {name}\n" in page


def test_every_kind_of_rule_and_sign_is_told_with_its_example_in_words() -> None:
    page = (ROOT / "docs" / "kinds.md").read_text("utf-8")
    for word in (*RULES, *SIGNS):
        assert f"### `{word}`\n" in page
    assert page.count("Told as: *") == len(RULES) + len(SIGNS)


def test_every_name_that_a_trial_may_use_has_its_place(made: dict[str, str], screening: Screening) -> None:
    names = screening.vocabulary.names
    headings = {
        "reference/inputs.md": [f"## {name}\n" for name in names("input")],
        "reference/diagnoses.md": [f"### {name}\n" for kind in ("diagnosis", "procedure") for name in names(kind)],
        "reference/answers.md": [f"## {name}\n" for name in names("answer")],
        "reference/drugs.md": [f"| `{name}` | " for kind in ("drug", "therapy") for name in names(kind)],
    }
    for page, wanted in headings.items():
        assert [heading for heading in wanted if heading not in made[page]] == []


def test_every_code_of_an_input_stands_with_it(made: dict[str, str]) -> None:
    part = made["reference/inputs.md"].partition("## anc\n")[2].partition("\n## ")[0]
    value_set = json.loads((ROOT / "service/mappers/valuesets/observations/anc.json").read_text("utf-8"))
    codes = [one["code"] for include in value_set["compose"]["include"] for one in include["concept"]]
    assert codes
    assert all(f"| LOINC | `{one}` | " in part for one in codes)


def test_every_member_of_a_result_is_told(made: dict[str, str], screening: Screening) -> None:
    page = made["reference/results.md"]
    for shape in SHAPES:
        for member in shape.__struct_encode_fields__:
            assert f"| `{member}` | " in page, (shape.__name__, member)


def test_the_example_of_a_result_is_one(screening: Screening) -> None:
    result = json.loads(example(screening))
    outcomes = [criterion["outcome"] for criterion in result["results"][0]["criteria"]]
    assert result["patient"] == "Patient/dora"
    assert outcomes == ["pass", "unknown"]


# -- trials


def test_every_built_in_trial_and_example_has_a_page(made: dict[str, str]) -> None:
    files = (ROOT / "service/criteria").glob("*/*/trial.yaml")
    wanted = {f"trials/{path.parent.name}.md" for path in files}
    assert len(wanted) == 6
    assert wanted <= made.keys()
    assert all(f"]({name.partition('/')[2]})" in made["trials/index.md"] for name in wanted)


def test_the_page_of_a_trial_has_its_criteria_and_cases(made: dict[str, str], shown: list[Shown]) -> None:
    for one in shown:
        page = made[one.page]
        assert one.cases
        assert page.count("\n| `") >= len(one.trial.criteria)
        assert all(f"| `{criterion.id}` | {criterion.source}" in page for criterion in one.trial.criteria)
        rows = page.partition("## Cases")[2].partition("## ")[0].count("\n| ")
        assert rows == len(one.cases) + 2  # with the head of the table and the line below it


# -- logic


def test_the_tables_of_the_logic_are_the_present_ones() -> None:
    text = (ROOT / "docs/logic.md").read_text("utf-8")
    assert with_tables(text) == text, "write them anew: python -m docs_site.logic docs/logic.md"


def test_every_table_of_the_logic_is_used() -> None:
    text = (ROOT / "docs/logic.md").read_text("utf-8")
    assert all(f"<!-- table {name}: " in text for name in TABLES)


@pytest.mark.parametrize(("name", "chosen"), [("all_of", min), ("any_of", max)])
def test_the_tables_of_outcomes_take_the_lowest_and_the_highest(name: str, chosen: type) -> None:
    rows = [re.findall(r"`(\w[\w-]*)`", line) for line in TABLES[name]().splitlines()[2:]]
    assert rows == [[a, *(chosen(a, b, key=RANK.__getitem__) for b in OUTCOMES)] for a in OUTCOMES]


# -- Markdown and links


def test_what_a_cell_holds_does_not_end_it() -> None:
    assert cell("a | b\nc") == "a \\| b c"
    assert cell(r"a \| b") == r"a \| b"
    assert table(("a", "b"), [("1|2", "3")]).splitlines()[2] == r"| 1\|2 | 3 |"


@pytest.mark.parametrize(("text", "told"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("", "")])
def test_code_keeps_its_back_ticks(text: str, told: str) -> None:
    assert code(text) == told


def test_a_block_is_not_ended_by_a_fence_inside() -> None:
    assert block("text", "```\na\n```").splitlines()[0] == "````text"


@pytest.mark.parametrize(
    ("source", "page", "link", "moved"),
    [
        ("docs/deploy.md", "deploy.md", "../README.md#use-it", "project/readme.md#use-it"),
        ("docs/deploy.md", "deploy.md", "../deploy/nginx.conf", "files/deploy/nginx.conf.md"),
        ("docs/deploy.md", "deploy.md", "scale.md", "scale.md"),
        ("docs/index.md", "index.md", "reference/http.md#bodies", "reference/http.md#bodies"),
        ("README.md", "project/readme.md", "docs/rules.md", "../rules.md"),
        ("README.md", "project/readme.md", "docs/images/card.png", "../images/card.png"),
        ("README.md", "project/readme.md", "LICENSE", "../files/LICENSE.md"),
        ("docs/trials/X.md", "trials/X.md", "../../service/a.yaml", "../files/service/a.yaml.md"),
        ("docs/index.md", "index.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("docs/index.md", "index.md", "#here", "#here"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_page_in_the_site(source: str, page: str, link: str, moved: str) -> None:
    known = {"reference/http.md"}.__contains__
    assert relinked(f"see [it]({link}), `[it]({link})`", source, page, known) == f"see [it]({moved}), `[it]({link})`"


def test_every_file_that_a_page_links_to_is_in_the_site(made: dict[str, str]) -> None:
    assert place("deploy/nginx.conf") in made
    config = yaml.safe_load(re.sub(r"!!python\S+ {.*?}}", "x", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert config["not_in_nav"].strip() == "/files/"
    assert not any(Path(target).is_absolute() for text in made.values() for target in targets(text))
