"""Whatever a text looks like: an item is a criterion, no word is lost, every number of a draft stands in the text, and
the file says after reading what was drafted."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.authoring.checks import numbers_in
from service.authoring.decoding import one_line, printable
from service.authoring.items import items_of
from service.authoring.phrases import numbers_of
from service.authoring.writing import trial_yaml
from service.criteria.catalogue import compile_trial
from service.screening import Screening
from tests.authoring.records import drafted, record

WORDS = st.sampled_from(
    [
        "consent",
        "signed",
        "willing",
        "able",
        "tissue",
        "imaging",
        "scan",
        "biopsy",
        "adequate",
        "measurable",
        "disease",
        "therapy",
        "stable",
        "measured",
    ]
)
PHRASES = st.lists(WORDS, min_size=2, max_size=6).map(" ".join).map(str.capitalize)
NUMBER = st.one_of(
    st.integers(0, 400_000).map(lambda n: f"{n:,}"),
    st.integers(0, 400_000).map(str),
    st.decimals(0, 400, places=1).map(str),
)
MEASURES = st.tuples(
    st.sampled_from(
        ["ANC", "Platelets", "Hemoglobin", "Total bilirubin", "AST and ALT", "Creatinine", "LVEF", "Age", "ECOG"]
    ),
    st.sampled_from([" ≥ ", " \\> ", " =\\< ", " \\< ", " of at least ", " between ", " "]),
    NUMBER,
    st.sampled_from(
        ["/mm3", " x 10\\^9/L", "×109/L", " g/dL", " x ULN", " %", " years", "", " mg/dL", "-2", " to 75 years"]
    ),
    st.sampled_from(
        [
            "",
            " within 28 days",
            " unless treated",
            " or more",
            " and signed consent",
            " (or less)",
            ", without transfusion",
        ]
    ),
).map("".join)
TEXTS = st.one_of(PHRASES, MEASURES)
TREES: st.SearchStrategy[Any] = st.recursive(
    TEXTS, lambda inner: st.tuples(TEXTS, st.lists(inner, min_size=1, max_size=3)), max_leaves=8
)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(tree: Any, depth: int, number: int, numbered: bool) -> list[str]:
    marker = f"{number}. " if numbered else "* "
    text, inner = (tree, []) if isinstance(tree, str) else tree
    lines = [" " * (4 * depth) + marker + text]
    return [*lines, *(line for n, child in enumerate(inner, 1) for line in written(child, depth + 1, n, numbered))]


def size(tree: Any) -> int:
    return 1 if isinstance(tree, str) else 1 + sum(size(child) for child in tree[1])


def lists(trees: list[Any], numbered: bool) -> str:
    return "\n".join(line for n, tree in enumerate(trees, 1) for line in written(tree, 0, n, numbered))


@FAST
@given(st.lists(TREES, min_size=1, max_size=5), st.lists(TREES, min_size=1, max_size=5), st.booleans())
def test_bullets_in_and_criteria_out_agree(
    screening: Screening, wanted: list[Any], excluded: list[Any], numbered: bool
) -> None:
    text = f"Inclusion Criteria:\n\n{lists(wanted, numbered)}\n\nExclusion Criteria:\n\n{lists(excluded, numbered)}\n"
    made = drafted(screening, text)
    bullets = sum(map(size, [*wanted, *excluded]))
    counts = made.counts()
    assert counts["items"] == bullets
    assert (
        counts["criteria"] == bullets + counts["fields"] == counts["drafted"] + counts["review"] == len(made.criteria)
    )
    assert len({c["id"] for c in made.criteria}) == len(made.criteria)


@FAST
@given(st.lists(st.tuples(MEASURES, st.booleans()), min_size=1, max_size=6))
def test_no_number_of_a_draft_differs_from_its_text(screening: Screening, phrases: list[tuple[str, bool]]) -> None:
    wanted = "\n".join(f"* {text}" for text, excluded in phrases if not excluded)
    unwanted = "\n".join(f"* {text}" for text, excluded in phrases if excluded)
    for criterion in drafted(screening, f"Inclusion Criteria:\n{wanted}\n\nExclusion Criteria:\n{unwanted}").criteria:
        if "draft" in criterion:
            assert numbers_in(criterion["rule"]) <= numbers_of(criterion["draft"])


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["", "Inclusion Criteria:", "Exclusion Criteria", "Cohort A:", "* ", "  * one", "1. two", "   a) three",
             "- four", "note: five", "\\* six", "Inclusion criteria: seven", "IV. eight", "Part 2",
             "Patients must meet all of the following:"]
        ),
        st.text(max_size=40),
        MEASURES,
    ),
    max_size=14,
)  # fmt: skip


@FAST
@given(LINES)
def test_any_text_gives_a_file_that_says_what_was_drafted(screening: Screening, lines: list[str]) -> None:
    made = drafted(screening, "\n".join(lines))
    text = trial_yaml(made.trial)
    trial = compile_trial(text, "trial.yaml", screening.vocabulary)
    assert [c.id for c in trial.criteria] == [c["id"] for c in made.criteria]
    assert [c.text for c in trial.criteria] == [one_line(c["text"]) for c in made.criteria]
    assert text == trial_yaml(drafted(screening, "\n".join(lines)).trial)


@FAST
@given(LINES)
def test_no_word_is_lost(lines: list[str]) -> None:
    """Every word of a line that is no heading stands in an item or in its label, or begins the line as a marker."""
    plain = [
        line
        for line in lines
        if line.isascii() and line.isprintable() and "\\" not in line and "riteria" not in line and "&" not in line
    ]
    text = "\n".join(["Inclusion Criteria:", "", "* begin", *plain, "* end"])
    found = {word for item in items_of(text) for word in f"{item.label} {item.text}".split()}
    words = {word for line in plain for word in printable(line).split()[2:] if word.isalpha() and len(word) > 3}
    assert words <= {word.strip(":") for word in found}


def test_the_same_record_gives_the_same_draft(screening: Screening) -> None:
    text = "Inclusion Criteria:\n* ECOG 0-1\n* Age ≥ 18 years"
    assert record(text) == record(text)
    assert drafted(screening, text).trial == drafted(screening, text).trial
