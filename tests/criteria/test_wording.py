"""How reasons list what was looked at: one entry a drug, the newest of all else, no label said twice."""

import pytest

from service.criteria.findings import Evidence
from service.criteria.wording import MAX_DRUGS, MAX_LISTED, any_of, labelled, listed, named, one_of


def told(says: str, date: str = "", reference: str = "") -> Evidence:
    dated = {"date": date} if date else {}
    return Evidence(reference or f"X/{says}-{date}", says, True, **dated)


def dose(drug: str, date: str, kind: str = "administration", course: str = "given") -> Evidence:
    return told(f"{drug} ({kind}, {course})", date, f"{kind}/{drug}-{date}")


def test_many_administrations_of_a_drug_are_one_entry_with_their_number_and_the_last() -> None:
    doses = [dose("docetaxel", f"2026-{month:02}-02") for month in range(11, 0, -1)]
    assert listed(doses) == "docetaxel (11 administrations, last on 2026-11-02)"
    assert listed(doses[:2]) == "docetaxel (2 administrations, last on 2026-11-02)"
    assert listed(doses[:1]) == "docetaxel (administration, given) on 2026-11-02"


def test_records_of_several_kinds_are_counted_by_kind_and_still_active_ones_named() -> None:
    records = [dose("pertuzumab", f"2026-05-0{day}") for day in (1, 2, 3)]
    records.append(dose("pertuzumab", "2026-04-01", "order", "active"))
    assert listed(records) == "pertuzumab (3 administrations and 1 order, active, last on 2026-05-03)"
    undated = [told("letrozole (statement, ended)", "", f"S/{i}") for i in (1, 2)]
    assert listed(undated) == "letrozole (statement, ended)"
    assert listed([*undated, dose("letrozole", "2026-01-01", "order", "on hold")]) == (
        "letrozole (2 statements and 1 order, on hold, last on 2026-01-01)"
    )


def test_a_record_that_is_cited_twice_counts_once() -> None:
    one, other = dose("docetaxel", "2026-01-01"), dose("docetaxel", "2026-01-22")
    assert listed([one, other, one]) == "docetaxel (2 administrations, last on 2026-01-22)"


def test_every_drug_is_named_up_to_a_limit_and_then_the_newest() -> None:
    drugs = [dose(f"drug-{i}", f"2026-01-{i:02}") for i in range(1, MAX_DRUGS + 2)]
    assert "more" not in listed(drugs[:MAX_DRUGS])
    assert listed(drugs).startswith("drug-2 (")
    assert listed(drugs).endswith("; and 1 more")


def test_of_all_else_the_newest_three_are_told_in_the_order_given() -> None:
    days = ("2026-03-01", "", "2026-01-01", "2026-05-01", "2026-02-01")
    entries = [told(f"E{i}", day) for i, day in enumerate(days)]
    assert listed(entries[:MAX_LISTED]) == "E0 on 2026-03-01; E1; E2 on 2026-01-01"
    assert listed(entries) == "E0 on 2026-03-01; E3 on 2026-05-01; E4 on 2026-02-01; and 2 more"
    assert named(entries) == "E0; E3; E4; and 2 more"


def test_the_same_thing_is_told_once() -> None:
    entries = [told("bone metastasis", "2026-01-01", f"C/{i}") for i in range(9)]
    assert listed(entries) == "bone metastasis on 2026-01-01"
    assert named([*entries, told("bone metastasis", "2026-02-01")]) == "bone metastasis"


def test_a_date_told_as_an_age_reads_as_one() -> None:
    assert listed([told("cirrhosis", "at age 62")]) == "cirrhosis at age 62"


@pytest.mark.parametrize(
    ("label", "said", "expected"),
    [
        ("ECOG performance status", "ECOG 1", "ECOG 1"),
        ("ECOG performance status", "ECOG performance status - grade 1", "ECOG performance status - grade 1"),
        ("ECOG performance status", "ecog performance status: 1", "ecog performance status: 1"),
        ("ECOG performance status", "1", "ECOG performance status 1"),
        ("ECOG performance status", "ECOGRAPHY", "ECOG performance status ECOGRAPHY"),
        ("NYHA class", "NYHA II", "NYHA II"),
        ("ANC", "1.5 10*3/uL", "ANC 1.5 10*3/uL"),
        ("ANC", "ANC 1.5", "ANC 1.5"),
        ("HER2 immunohistochemistry", "HER2 positive", "HER2 immunohistochemistry HER2 positive"),
        ("pregnancy status", "pregnancy unlikely", "pregnancy status pregnancy unlikely"),
        ("ANC", "", "ANC "),
    ],
)
def test_a_label_is_not_repeated_where_the_value_begins_with_it(label: str, said: str, expected: str) -> None:
    assert labelled(label, said) == expected


def test_a_mark_stands_between_label_and_value_where_both_are_said() -> None:
    assert labelled("NYHA class", "class II", ":") == "NYHA class: class II"
    assert labelled("NYHA class", "NYHA II", ":") == "NYHA II"


def test_what_is_on_record_on_many_days_is_one_entry_with_the_last() -> None:
    fractions = [told("radiotherapy", f"2026-04-{day:02}") for day in range(28, 0, -1)]
    assert listed(fractions) == "radiotherapy (28 days, last on 2026-04-28)"
    assert listed([*fractions, told("lumpectomy", "2026-02-06")]) == (
        "radiotherapy (28 days, last on 2026-04-28); lumpectomy on 2026-02-06"
    )
    assert listed([told("radiotherapy"), *fractions[:1]]) == "radiotherapy; radiotherapy on 2026-04-28"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a"], "a"),
        (["a", "b"], "a or b"),
        (["a", "b", "c"], "a, b or c"),
        (["a or b", "c", "d"], "a or b or c or d"),
        (["a, b", "c", "d"], "a, b or c or d"),
    ],
)
def test_alternatives_are_listed_once_with_or(labels: list[str], said: str) -> None:
    assert any_of(labels) == said


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("taxane", "a taxane"),
        ("aromatase inhibitor", "an aromatase inhibitor"),
        ("CDK4/6 inhibitor", "a CDK4/6 inhibitor"),
        ("GnRH agonist", "a GnRH agonist"),
        ("an antibody", "an antibody"),
        ("another inhibitor", "another inhibitor"),
        ("letrozole or taxane", "letrozole or taxane"),
        ("trastuzumab", "trastuzumab"),
        ("endocrine therapy", "endocrine therapy"),
    ],
)
def test_a_class_of_drugs_has_its_article(label: str, said: str) -> None:
    assert one_of(label) == said
