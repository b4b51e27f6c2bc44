"""What the papers on security and releases point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THREATS = (ROOT / "docs/threats.md").read_text("utf-8")
PAPERS = ("SECURITY.md", "docs/threats.md", "docs/release.md", "docs/licences.md")


def test_every_test_that_shows_something_is_there() -> None:
    named = set(re.findall(r"`([a-z_/]*test_[a-z0-9_]+\.py)`", THREATS))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []


def test_every_threat_names_what_stops_it_and_a_test() -> None:
    rows = [
        line for line in THREATS.splitlines() if line.startswith("| ") and not line.startswith(("| could", "| ---"))
    ]
    assert rows
    for row in rows:
        _, could, stops, shown, _ = row.split("|")
        assert could.strip()
        assert stops.strip()
        assert re.search(r"test_[a-z0-9_]+\.py", shown), could


@pytest.mark.parametrize("paper", PAPERS)
def test_links_lead_somewhere(paper: str) -> None:
    path = ROOT / paper
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_make_targets_of_the_release_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    called = re.findall(r"`make ([a-z -]+)`", (ROOT / "docs/release.md").read_text("utf-8"))
    assert {target for call in called for target in call.split()} <= targets
