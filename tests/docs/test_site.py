"""`make docs` builds the whole site without a network, and the site asks for nothing from elsewhere."""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from tests.docs.pages import DOCS, ROOT

# what reaches for the network ends the build
OFFLINE = """
import runpy, socket, sys
def refused(*_): raise SystemExit("the build asks the network")
socket.socket.connect = socket.getaddrinfo = refused
sys.argv = ["mkdocs", "build", "--strict", "--quiet", "--site-dir", sys.argv[1]]
runpy.run_module("mkdocs", run_name="__main__")
"""
LOADED = {"src", "srcset", "data", "poster"}
ASIDE = {"canonical", "prev", "next", "edit"}  # links that load nothing


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once for all processes of a test run."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    built = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            build(built)
    return built


def build(folder: Path) -> None:
    own = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-c", OFFLINE, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


class Seen(HTMLParser):
    """What a page loads, links to and can be linked at, and how much of some elements its text holds."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.counts = dict.fromkeys(("li", "table", "pre"), 0)
        self.styles: list[str] = []
        self._inside = ""
        self._article = False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.loads += [found[name] for name in LOADED & found.keys()]
        if tag == "link" and found.get("rel", "") not in ASIDE:
            self.loads.append(found.get("href", ""))
        elif tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.styles += [found["style"]] if "style" in found else []
        self._inside = tag
        self._article |= tag == "article"
        if self._article and tag in self.counts:
            self.counts[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        self._article &= tag != "article"

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.styles.append(data)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Seen]:
    return {path: Seen(path) for path in sorted(site.rglob("*.html"))}


def loaded_by_styles(text: str) -> Iterator[str]:
    yield from (found.strip("'\" ") for found in re.findall(r"url\(([^)]*)\)", text))
    yield from re.findall(r"@import\s+['\"]([^'\"]+)", text)


def elsewhere(address: str) -> bool:
    return urlsplit(address).scheme not in ("", "data") or address.startswith("//")


def test_no_page_loads_anything_from_elsewhere(site: Path, pages: dict[Path, Seen]) -> None:
    assert len(pages) > 40
    wrong = {str(path): far for path, seen in pages.items() if (far := [one for one in seen.loads if elsewhere(one)])}
    styles = [text for seen in pages.values() for text in seen.styles]
    styles += [path.read_text("utf-8") for path in site.rglob("*.css")]
    assert wrong == {}
    assert [found for text in styles for found in loaded_by_styles(text) if elsewhere(found)] == []


def test_what_is_loaded_from_elsewhere_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<script src="https://cdn.example.org/a.js"></script><link rel="stylesheet" href="//fonts.example.org">'
    )
    assert all(map(elsewhere, Seen(page).loads))
    assert len(Seen(page).loads) == 2
    assert list(loaded_by_styles("a{b:url('https://x.example')} @import \"y.css\"")) == ["https://x.example", "y.css"]


def test_every_link_inside_the_site_leads_to_a_page_and_a_place_on_it(site: Path, pages: dict[Path, Seen]) -> None:
    wrong = []
    for path, seen in pages.items():
        if path.name == "404.html":  # shown at any address, its links are those of a web server
            continue
        for link in seen.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            aim = aim / "index.html" if aim.is_dir() else aim
            missing = not aim.exists()
            nowhere = parts.fragment and aim in pages and unquote(parts.fragment) not in pages[aim].anchors
            if missing or nowhere:
                wrong.append((str(path.relative_to(site)), link))
    assert wrong == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_a_page_has_the_lists_tables_and_blocks_that_it_has_elsewhere(path: Path, site: Path) -> None:
    """The site's Markdown and the usual one differ in what begins a list or a table."""
    usual = MarkdownIt("commonmark").enable("table").render(path.read_text("utf-8"))
    wanted = {tag: usual.count(f"<{tag}>") + usual.count(f"<{tag} ") for tag in ("li", "table", "pre")}
    assert Seen(site / path.with_suffix(".html").name).counts == wanted


def test_search_knows_the_pages_made_from_code(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text("utf-8")
    assert index.startswith("var __index = ")
    for words in ("trials/NCT03304080.html", "reference/commands.html#trialhook-screen", "TRIALHOOK_SECRET", "751-8"):
        assert words in index
    assert "files/openapi.yaml.html" not in index


def test_nothing_that_is_generated_is_kept_in_the_repository() -> None:
    assert "/site/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    for folder in ("reference", "trials", "project", "files"):
        assert not (ROOT / "docs" / folder).exists()
