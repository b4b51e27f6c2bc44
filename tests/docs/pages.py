"""The texts of the project as tests read them: blocks, marks, commands, and how a page's commands are run.

A block of ```console holds commands behind `$ ` and below each what it prints, in part; `…` stands for what is left
out. A block of ```sh is a script to be copied. A comment before a block may say `live` (it needs the service: the live
tests run it) or `not run: REASON`. A block of yaml or json that begins with a file's name is that file.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from service import cli

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [*sorted(ROOT.glob("*.md")), *DOCS]
LANGUAGES = frozenset({"console", "sh", "yaml", "json", "text"})
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>live|not run: [^\n]+) -->\n+)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"(?:#|//) (\S+\.(?:yaml|json))\n")
_TO_FILE = re.compile(r"(?P<command>.*) > (?P<file>\S+)")
NOBODY = re.compile(r"https?://[\w.-]*example\.(?:org|com)")  # addresses of nobody: what asks them is read, not run


class Block(NamedTuple):
    """A fenced block: its language, what stands in it, the mark before it, and its line on the page."""

    language: str
    text: str
    mark: str
    line: int


class Step(NamedTuple):
    """A command and the lines that it is shown to print."""

    command: str
    shown: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    return [
        Block(found["language"], found["text"], found["mark"] or "", text.count("\n", 0, found.start("language")) + 1)
        for found in _BLOCK.finditer(text)
    ]


def steps(block: Block) -> Iterator[Step]:
    """The commands of a session; a command goes on after a backslash at the end of its line."""
    for part in re.split(r"^\$ ", re.sub(r"\\\n\s*", "", block.text), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield Step(command, tuple(line for line in shown.splitlines() if line.strip() not in ("", "…")))


def script(block: Block) -> list[str]:
    """The commands of a script, one each; lines that go on are put together, comments and blank lines left out."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def is_only_read(command: str) -> bool:
    """A command that asks a server of nobody, or that runs until it is stopped."""
    return bool(NOBODY.search(command)) or command.startswith("trialhook serve")


def file_of(block: Block) -> tuple[str, str] | None:
    """The name and content of the file that a block is; None where it begins with no name."""
    named = _FILE.match(block.text)
    if named is None:
        return None
    return named[1], block.text[named.end() :] if block.language == "json" else block.text


def write(folder: Path, block: Block) -> bool:
    """Write the file that a block is; False where it is none."""
    found = file_of(block)
    if found is not None:
        path = folder / found[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found[1], "utf-8")
    return found is not None


def like_a_clone(folder: Path) -> Path:
    """A folder in which commands find what stands in the root of a clone."""
    for name in ("service", "deploy", "docs", "openapi.yaml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def lacking(step: Step, told: str) -> list[str]:
    """The lines shown that were not printed; blanks do not count."""
    plain = " ".join(told.split())
    return [line for line in step.shown if " ".join(line.split()) not in plain]


class Here:
    """Runs commands in the present folder, those of `trialhook` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capfd = monkeypatch, capfd

    def run(self, command: str) -> str:
        """What a command prints; it must come out well."""
        match shlex.split(os.path.expandvars(command), comments=True):
            case ["export", setting]:
                self._monkeypatch.setenv(*setting.split("=", 1))
                return ""
            case ["trialhook", *_] as words:
                return self._trialhook(command, words)
        ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
        assert ended.returncode == 0, (command, ended.stderr)
        return f"{ended.stdout}\n{ended.stderr}"

    def _trialhook(self, command: str, words: list[str]) -> str:
        target = words[-1] if _TO_FILE.fullmatch(command) else ""
        self._monkeypatch.setattr(sys, "argv", words[:-2] if target else words)
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = self._capfd.readouterr()
        assert not ended.value.code, (command, told)
        if target:
            Path(target).write_text(told.out, "utf-8")
            return told.err
        return f"{told.out}\n{told.err}"


def named_commands(text: str) -> Iterator[str]:
    """Every command of `trialhook` that a text names, in a block or in a line."""
    found = blocks(text)
    for block in found:
        if block.language in ("console", "sh", "text"):
            yield from (line.strip() for line in re.sub(r"\\\n\s*", "", block.text).splitlines())
    yield from re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))


def unknown_words(command: str) -> list[str]:
    """The words of a command of `trialhook` that name no subcommand or option; placeholders and brackets are let be."""
    plain = re.sub(r"(?<!\S)\[|\](?!\S)|\s#.*", " ", command.removeprefix("$ ").removeprefix(".venv/bin/"))
    words = plain.split()
    if words[:1] != ["trialhook"] or len(words) < 2 or not re.fullmatch(r"-*[a-z][a-z|-]*", words[1]):
        return []
    at: click.Command = cli.cli
    problems = []
    for word in words[1:]:
        if isinstance(at, click.Group) and not word.startswith("-"):
            options = [at.get_command(click.Context(at), name) for name in word.split("|")]
            if None in options:
                return [word]
            at = options[0] or at
        elif word.startswith("-") and word != "-":
            known = {name for option in at.params for name in option.opts} | {"--help", "-h"}
            problems += [name for name in word.split("=")[0].split("|") if name not in known]
    return problems
