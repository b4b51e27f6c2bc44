"""Headings in many spellings open their list; sentences that only speak of criteria open none."""

import pytest

from service.authoring.headings import heading_of


@pytest.mark.parametrize(
    "text",
    [
        "Inclusion Criteria:", "Inclusion Criteria", "INCLUSION CRITERIA:", "inclusion criteria",
        "Key Inclusion Criteria:", "Main inclusion criteria include:", "Inclusion:", "Inclusion Criteriar:",
        "**Inclusion Criteria**", "Criteria for inclusion:", "The inclusion criteria are as follows:",
        "I. Inclusion Criteria", "Inclusion criterion:", "Inclusion Criteria (all subjects)",
        "Patients inclusion criteria:", "Inclusion Criteria.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", [False, True])
def test_a_plain_heading_opens_its_list(text: str, other: bool) -> None:
    turned = (
        text.replace("nclusion", "xclusion").replace("NCLUSION", "XCLUSION").replace("I", "E", 1) if other else text
    )
    turned = (
        turned.replace("ixclusion", "exclusion")
        .replace("Ixclusion", "Exclusion")
        .replace("IXCL", "EXCL")
        .replace("E. ", "1. ")
    )
    found = heading_of(turned, False, "undetermined")
    assert found is not None
    assert found.section == ("exclusion" if other else "inclusion")
    assert not found.rest


@pytest.mark.parametrize(
    ("text", "section", "label"),
    [
        ("Part 2 additional exclusion criteria:", "exclusion", "Part 2 additional"),
        ("Exclusion criteria for breast cancer:", "exclusion", "for breast cancer"),
        ("Inclusion Criteria - Part A", "inclusion", "Part A"),
        ("Inclusion criteria China:", "inclusion", "China"),
        ("Cohort A: Inclusion Criteria", "inclusion", "Cohort A"),
        ("Non-inclusion criteria:", "exclusion", ""),
        ("Withdrawal criteria:", "undetermined", "Withdrawal criteria"),
        ("Inclusion/Exclusion Criteria", "undetermined", ""),
    ],
)
def test_a_heading_tells_for_whom_it_holds(text: str, section: str, label: str) -> None:
    found = heading_of(text, False, "undetermined")
    assert found is not None
    assert (found.section, found.label) == (section, label)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Inclusion Criteria:1. Men or women", "1. Men or women"),
        ("Inclusion Criteria: Informed consent", "Informed consent"),
        ("Inclusion: A. Exclusion: B.", "A. Exclusion: B."),
    ],
)
def test_what_follows_a_heading_on_its_line_is_kept(text: str, rest: str) -> None:
    found = heading_of(text, False, "undetermined")
    assert found is not None
    assert found.rest == rest


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Patient meets the inclusion criteria for trial entry", True),
        ("Patient meets the inclusion criteria for trial entry", False),
        ("Meets all inclusion criteria:", True),
        ("Inclusion criteria will be checked at visit 1.", False),
        ("Exclusion of pregnancy", True),
        ("Does not meet any exclusion criteria", True),
        ("Eligibility Criteria:", False),
    ],
)
def test_a_sentence_about_criteria_is_no_heading(text: str, marked: bool) -> None:
    assert heading_of(text, marked, "inclusion") is None


def test_a_marked_heading_counts_in_its_plain_form() -> None:
    found = heading_of("INCLUSION CRITERIA:", True, "undetermined")
    assert found is not None
    assert found.section == "inclusion"
