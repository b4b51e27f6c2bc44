"""Every command on a page is run, or says why not; what it prints is what the page shows; none is misspelt."""

from pathlib import Path

import pytest

from tests.docs.pages import (
    DOCS,
    LANGUAGES,
    ROOT,
    TEXTS,
    Block,
    Here,
    Step,
    blocks,
    is_only_read,
    lacking,
    like_a_clone,
    named_commands,
    script,
    steps,
    unknown_words,
    write,
)

OWN_TEST = {"add-a-trial.md"}  # whose reference needs more than its commands to be followed


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def run_here(block: Block) -> bool:
    return block.language in ("console", "sh") and not block.mark


WALKED = [
    path
    for path in DOCS
    if path.name not in OWN_TEST and any(run_here(block) for block in blocks(path.read_text("utf-8")))
]


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_every_block_says_what_it_is(path: Path) -> None:
    odd = {f"line {block.line}: {block.language!r}" for block in blocks(path.read_text("utf-8"))}
    assert {told for told in odd if told.split("'")[1] not in LANGUAGES} == set()


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_every_command_named_is_one(path: Path) -> None:
    wrong = {command: found for command in named_commands(path.read_text("utf-8")) if (found := unknown_words(command))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("trialhook trials lst", ["lst"]),
        ("trialhook screen export/ --outt results/", ["--outt"]),
        ("$ trialhook evaluate - --trial NCT1 --as-off 2026-11-21", ["--as-off"]),
        ("trialhook trials check [PATH] [--strict] [--watch]", []),
        ("trialhook trials list|show ID", []),
        ("trialhook:0.1.0", []),
        ("kubectl --namespace trialhook get pods", []),
    ],
)
def test_a_misspelt_command_would_be_found(command: str, wrong: list[str]) -> None:
    assert unknown_words(command) == wrong


def test_a_page_is_read_with_its_marks() -> None:
    text = (
        "<!-- not run: needs Docker -->\n\n```console\n$ docker ps\n```\n\n```console\n$ a\nb\n…\n$ c \\\n  # d\n```\n"
    )
    first, second = blocks(text)
    assert (first.mark, second.mark, second.line) == ("not run: needs Docker", "", 7)
    assert list(steps(second)) == [Step("a", ("b",)), Step("c # d", ())]
    assert lacking(Step("a", ("b  c", "d")), "x b c\ny") == ["d"]


def test_most_pages_with_commands_are_walked() -> None:
    assert {"tutorial.md", "trial-library.md"} <= {path.name for path in WALKED}


@pytest.mark.parametrize("path", WALKED, ids=name)
def test_the_commands_of_a_page_do_what_it_shows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(like_a_clone(tmp_path))
    here = Here(monkeypatch, capfd)
    for block in blocks(path.read_text("utf-8")):
        if block.language in ("yaml", "json"):
            write(tmp_path, block)
        elif run_here(block):
            shown = steps(block) if block.language == "console" else (Step(line, ()) for line in script(block))
            for step in shown:
                if not is_only_read(step.command):
                    assert lacking(step, here.run(step.command)) == [], step.command
