"""Every relative link and anchor in the texts of the project leads somewhere."""

import re
from pathlib import Path

import pytest

from docs_site.links import relative, resolved, targets
from tests.docs.pages import ROOT, TEXTS

_HEADING = re.compile(r"^#{1,6} (.+?)\s*#*$", re.MULTILINE)
_FENCED = re.compile(r"^(`{3,}).*?^\1`*\s*$", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors of a text's headings, as the site and the usual forges make them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        plain = re.sub(r"[`*\\]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def broken(text: str, source: str, made: dict[str, str]) -> list[str]:
    """The links of a text that lead nowhere. `made` are the pages that the site makes."""
    wrong = []
    for target in targets(text):
        path, _, anchor = target.partition("#")
        if path and not relative(target):
            continue
        aim = resolved(source, path) if path else source
        here = ROOT / aim
        there = text if not path else made.get(aim.removeprefix("docs/")) or (here.exists() and "")
        if there == "" and here.suffix == ".md":
            there = here.read_text("utf-8")
        if there is False or (anchor and anchor not in anchors(str(there))):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_text_leads_somewhere(path: Path, made: dict[str, str]) -> None:
    assert broken(path.read_text("utf-8"), str(path.relative_to(ROOT)), made) == []


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("[a](rules.md)", False),
        ("[a](rules.md#words)", False),
        ("[a](rules.md#no-such-words)", True),
        ("[a](no-such-page.md)", True),
        ("[a](../service/no_such_file.py)", True),
        ("[a](#here-it-is)", False),
        ("[a](#nowhere)", True),
        ("[a](reference/commands.md#trialhook-screen)", False),
        ("[a](reference/commands.md#trialhook-scream)", True),
        ("`[a](nowhere.md)` and [b](https://example.org/nowhere)", False),
    ],
)
def test_a_link_that_leads_nowhere_would_be_found(link: str, wrong: bool, made: dict[str, str]) -> None:
    assert bool(broken(f"# Here, it `is`\n\n{link}\n", "docs/page.md", made)) is wrong
