"""Links between the texts of the repository, followed into the site: to a page where there is one, else to the file's
text."""

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
PROJECT = ("README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "NOTICE")
_CODE = re.compile(r"^(?P<fence>`{3,}).*?^(?P=fence)`*\s*$|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)", re.M | re.S)
_LINK = re.compile(r"(?P<open>\]\()(?P<target>[^()\s]+)(?P<close>\))")


def targets(text: str) -> Iterator[str]:
    """What the links and pictures of a Markdown text point to; code has none."""
    for found in _LINK.finditer(_CODE.sub("", text)):
        yield found["target"]


def relative(target: str) -> bool:
    parts = urlsplit(target)
    return not parts.scheme and not parts.netloc and bool(parts.path)


def place(repository_path: str) -> str:
    """Where a file of the repository stands in the site. Other files than the known texts become pages of their own."""
    if repository_path.startswith("docs/"):
        return repository_path.removeprefix("docs/")
    if repository_path in PROJECT:
        return f"project/{Path(repository_path).stem.lower()}.md"
    return f"files/{repository_path}.md"


def resolved(source: str, target: str) -> str:
    """The repository path that a link in a file points to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def relinked(text: str, source: str, page: str, known: Callable[[str], bool]) -> str:
    """A text of the repository as the page of the site: relative links lead to where their targets stand there.

    `source` is its path in the repository, `page` its path in the site, `known` tells pages that the site makes itself.
    """

    def moved(found: re.Match[str]) -> str:
        path, mark, anchor = found["target"].partition("#")
        if not relative(found["target"]):
            return found[0]
        aim = resolved(source, path)
        there = aim.removeprefix("docs/") if known(aim.removeprefix("docs/")) else place(aim)
        link = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{found['open']}{link}{mark}{anchor}{found['close']}"

    return _outside_code(text, lambda part: _LINK.sub(moved, part))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    out, at = [], 0
    for found in _CODE.finditer(text):
        out += [change(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*out, change(text[at:])])


def outside(text: str, source: str) -> Iterator[str]:
    """The files of the repository, outside docs/, that a text links to and that no page of the site shows."""
    for target in targets(text):
        if relative(target):
            aim = resolved(source, target.partition("#")[0])
            if not aim.startswith("docs/") and aim not in PROJECT:
                yield aim
