"""docs/faults.md is true: the tests that it names exist, every row names one, and no test of faults is left out."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "docs" / "faults.md").read_text("utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| fault", "| ---"))]
NAMED = re.findall(r"`([\w/]+\.py)::([\w:]+)`", TEXT)


def defined(path: str) -> set[str]:
    return set(re.findall(r"^\s*def (test_\w+)", (TESTS / path).read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    assert name.rpartition("::")[2] in defined(path)


def test_every_row_says_what_is_seen_what_to_do_and_what_shows_it() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4
        assert all(cells)
        assert "::test_" in cells[3]


def test_no_test_of_faults_is_left_out() -> None:
    for path in sorted(TESTS.glob("live/test_faults*.py")):
        relative = path.relative_to(TESTS).as_posix()
        assert {name for of, name in NAMED if of == relative} == defined(relative)
