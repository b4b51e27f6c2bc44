"""Every way that registries write a list gives one item for each bullet, nested as it stands, and loses no word."""

import pytest

from service.authoring.items import Item, items_of


def places(text: str) -> list[tuple[str, str]]:
    return [(item.place, item.text) for item in items_of(text)]


def by_place(text: str) -> dict[str, Item]:
    return {item.place: item for item in items_of(text)}


@pytest.mark.parametrize(
    "marker",
    ["* {}", "- {}", "-{}", "• {}", "{n}. {}", "{n}) {}", "{n}\\) {}", "({n}) {}", "{n}-{}", "* {n}. {}", "* - {}"],
)
def test_each_kind_of_marker_makes_an_item(marker: str) -> None:
    lines = [
        marker.format(text, n=n) for n, text in enumerate(["Signed consent", "Able to swallow", "Lives nearby"], 1)
    ]
    text = "\n".join(["Inclusion Criteria:", "", *lines])
    assert places(text) == [("I1", "Signed consent"), ("I2", "Able to swallow"), ("I3", "Lives nearby")]


@pytest.mark.parametrize(
    "letters",
    [
        ("a.", "b.", "c."),
        ("a)", "b)", "c)"),
        ("i.", "ii.", "iii."),
        ("A.", "B.", "C."),
        ("I.", "II.", "III."),
        ("(a)", "(b)", "(c)"),
    ],
)
def test_letters_and_roman_numerals_mark_items(letters: tuple[str, str, str]) -> None:
    lines = [f"{mark} Demand number {n}" for n, mark in enumerate(letters, 1)]
    assert len(places("\n".join(["Exclusion Criteria:", *lines]))) == 3


@pytest.mark.parametrize(
    "line",
    [
        "A. baumannii infection",
        "2.5 to 18 years of age",
        "12-lead ECG is normal",
        "E. coli infection",
        "1.5 x ULN or less",
        "e.g. a cold",
    ],
)
def test_a_word_or_number_that_looks_like_a_marker_is_kept(line: str) -> None:
    assert places(f"Exclusion Criteria:\n\n* {line}\n") == [("E1", line)]
    assert places(f"Exclusion Criteria:\n\n{line}\n") == [("E1", line)]


def test_indented_bullets_are_nested_under_the_one_above() -> None:
    text = "Inclusion Criteria:\n\n1. Both of these:\n\n   1. one\n   2. two:\n      * deep\n2. next"
    assert [place for place, _ in places(text)] == ["I1", "I1.1", "I1.2", "I1.2.1", "I2"]
    deep = by_place(text)["I1.2.1"]
    assert deep.leads == ("Both of these:", "two:")
    assert by_place(text)["I1"].parent
    assert not deep.parent


def test_another_marker_on_the_same_level_is_nested_after_a_colon() -> None:
    text = "Inclusion Criteria:\n\n* Organ function:\n- kidneys\n- liver\n* Consent"
    assert [place for place, _ in places(text)] == ["I1", "I1.1", "I1.2", "I2"]


def test_places_are_counted_on_through_headings_of_one_kind() -> None:
    text = "Inclusion Criteria:\n* a one\n\nPart 2 Exclusion Criteria:\n* b one\n\nPart 2 Inclusion Criteria:\n* c one"
    assert places(text) == [("I1", "a one"), ("E1", "b one"), ("I2", "c one")]
    assert by_place(text)["I2"].label == "Part 2"


def test_exclusions_may_come_first() -> None:
    assert places("Exclusion Criteria:\n* no\n\nInclusion Criteria:\n* yes") == [("E1", "no"), ("I1", "yes")]


def test_a_continuation_belongs_to_the_item_above() -> None:
    text = "Inclusion Criteria:\n\n* Breast surgery was done.\n\nTissue was received.\n\n* Consent\n\n  in writing"
    assert places(text) == [("I1", "Breast surgery was done. Tissue was received."), ("I2", "Consent in writing")]


def test_a_line_that_ends_in_a_colon_is_the_label_of_the_items_after_it() -> None:
    found = by_place("Inclusion Criteria:\n\nPatients with pain:\n\n* one\n* two\n\nHealthy volunteers:\n\n* three")
    assert [found[place].label for place in ("I1", "I2", "I3")] == [
        "Patients with pain",
        "Patients with pain",
        "Healthy volunteers",
    ]


def test_without_any_heading_the_list_is_not_told() -> None:
    found = items_of("Group A:\n\n* Signed consent\n\nEverybody:\n\n- Presence of an infection")
    assert [(i.place, i.section, i.label) for i in found] == [
        ("U1", "undetermined", "Group A"),
        ("U2", "undetermined", "Everybody"),
    ]


def test_one_heading_over_both_lists_tells_neither() -> None:
    assert places("Inclusion Criteria and Exclusion Criteria:\n\n* Able to walk") == [("U1", "Able to walk")]


def test_a_sentence_may_open_a_list() -> None:
    text = (
        "Subjects must meet all of the following criteria\n\n* one\n\n"
        "Patients with any of the following will be excluded:\n\n* two"
    )
    assert [place for place, _ in places(text)] == ["I1", "E1"]


def test_a_criterion_that_speaks_of_criteria_is_no_heading() -> None:
    text = "Inclusion Criteria:\n* Patient meets the inclusion criteria for trial entry\n* Other"
    assert [place for place, _ in places(text)] == ["I1", "I2"]


def test_all_in_one_paragraph_is_taken_apart_at_its_numbers() -> None:
    wanted = "Inclusion Criteria:1. Men or women 2. Aged 18 or 2 years more 3. Consent."
    text = f"{wanted} Exclusion Criteria:1. Pregnancy, 2) or so 2. Cancer 3. Other"
    assert [place for place, _ in places(text)] == ["I1", "I2", "I3", "E1", "E2", "E3"]


def test_a_number_that_the_next_line_misses_is_found_within_the_line() -> None:
    text = "Exclusion Criteria:\n7. Obesity (BMI \\>30), 8) inability to walk\n9. Cancer"
    assert places(text) == [("E1", "Obesity (BMI >30),"), ("E2", "inability to walk"), ("E3", "Cancer")]


def test_numbers_in_a_sentence_do_not_take_it_apart() -> None:
    assert len(places("Inclusion Criteria:\n1. ECOG 0, 1, 2. Must be able to walk\n2. Consent")) == 2


def test_unmarked_lines_are_items_where_nothing_is_marked() -> None:
    text = "Inclusion Criteria:\n\nSigned consent\n\nAble to walk\nand to swallow\n\nExclusion Criteria:\n\nPregnancy"
    assert [place for place, _ in places(text)] == ["I1", "I2", "E1"]


def test_escapes_are_undone_before_entities() -> None:
    text = "Inclusion Criteria:\n\n* INR \\&lt; 1.2 and 10\\^9 \\[a\\] &amp; \\~3 \\>= 2"
    assert places(text) == [("I1", "INR < 1.2 and 10^9 [a] & ~3 >= 2")]


def test_a_footnotes_star_is_no_bullet() -> None:
    assert len(places("Inclusion Criteria:\n\n* Consent\\*\n\n\\* in writing")) == 1


def test_an_empty_marker_is_no_item() -> None:
    assert [place for place, _ in places("Exclusion Criteria:\n\n1. Unwilling\n\n    -\n2. Other\n*")] == ["E1", "E2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n",
        "Inclusion Criteria:",
        "\x00\x0b",
        "*",
        "\ud800 broken",
        "Inclusion Criteria:\n\nExclusion Criteria:\n",
    ],
)
def test_texts_without_criteria_are_read(text: str) -> None:
    assert all(item.text for item in items_of(text))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\u2028"])
def test_any_line_ending_will_do(ending: str) -> None:
    assert len(places(ending.join(["Inclusion Criteria:", "", "* one", "* two"]))) == 2


def test_an_exception_after_an_item_qualifies_it() -> None:
    found = by_place(
        "Inclusion Criteria:\n* Platelets at least 100,000/mm3\n* Patients with lymphoma may have fewer\n* Consent"
    )
    assert [found[p].qualified for p in ("I1", "I2", "I3")] == [True, False, False]


def test_an_item_that_is_left_unfinished_takes_the_next_with_it() -> None:
    found = by_place("Exclusion Criteria:\n* Taking an inhibitor of\n* CYP3A within 7 days\n* Other")
    assert [found[p].qualified for p in ("E1", "E2", "E3")] == [False, True, False]


def test_the_line_above_a_heading_names_the_part_that_its_lists_are_of() -> None:
    text = (
        "Surgery group\n\nInclusion Criteria:\n* one\n\nExclusion Criteria:\n* two\n\n"
        "Part 2:\n\nInclusion Criteria:\n* three"
    )
    assert [(i.place, i.text, i.label) for i in items_of(text)] == [
        ("I1", "one", "Surgery group"),
        ("E1", "two", "Surgery group"),
        ("I2", "three", "Part 2"),
    ]


def test_lists_that_come_twice_do_not_stand_alone() -> None:
    found = by_place("Inclusion Criteria:\n* one\n\nInclusion Criteria:\n* two\n\nExclusion Criteria:\n* three")
    assert [found[p].qualified for p in ("I1", "I2", "E1")] == [True, True, False]


def test_a_heading_without_items_is_no_list_of_its_own() -> None:
    found = by_place("Inclusion Criteria:\n\nSubjects must meet all of the following inclusion criteria:\n\n* one")
    assert not found["I1"].qualified


def test_a_part_without_any_item_is_not_dropped() -> None:
    assert places("Inclusion Criteria:\n* one\n\nHealthy volunteers\n\nExclusion Criteria:\n") == [
        ("I1", "one"),
        ("U1", "Healthy volunteers"),
    ]


def test_a_heading_that_lost_its_line_break_is_found() -> None:
    text = "Inclusion Criteria\n* Own a telephone Exclusion Criteria\n* Pregnancy\n"
    assert places(text) == [("I1", "Own a telephone"), ("E1", "Pregnancy")]


def test_a_heading_after_a_dash_tells_for_whom_it_holds() -> None:
    found = items_of("Inclusion Criteria - For the group with renal disease\n\n* one")
    assert [i.label for i in found] == ["For the group with renal disease"]


def test_circled_numbers_and_wide_brackets_mark_items() -> None:
    text = "Exclusion Criteria:\n\n① first ② second\n\n（3）third\n\n（4)fourth"
    assert [t for _, t in places(text)] == ["first", "second", "third", "fourth"]


def test_bullets_below_a_roman_title_are_nested_in_it() -> None:
    text = "Inclusion Criteria:\n\nI. Group A\n\n* one\n\nII. Group B\n\n* two"
    assert [place for place, _ in places(text)] == ["I1", "I1.1", "I2", "I2.1"]
