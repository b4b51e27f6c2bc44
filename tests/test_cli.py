"""The command's own help: every command listed, and each can be asked for its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import Commands, cli

COMMANDS = ("decisions", "doctor", "evaluate", "feedback", "replay", "screen", "serve", "trials")


def test_help_lists_every_command() -> None:
    shown = CliRunner().invoke(cli, ["--help"])
    assert shown.exit_code == 0
    assert all(f"\n  {name} " in shown.output for name in COMMANDS)
    assert tuple(Commands.names) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_own_help(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    assert f"Usage: cli {name}" in shown.output


def test_an_address_that_is_none_is_wrong_use_and_says_which_option() -> None:
    done = CliRunner().invoke(cli, ["doctor", "--fhir", "fhir.example.org"])
    assert done.exit_code == 2
    assert "'--fhir': an address such as https://" in done.output


def test_an_unknown_command_is_wrong_use() -> None:
    assert CliRunner().invoke(cli, ["nope"]).exit_code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a disk that is always full")
@pytest.mark.parametrize("given", [["trials", "list"], ["--help"]])
def test_a_full_disk_behind_stdout_is_told_in_one_line(given: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "service", *given], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (ran.returncode, ran.stderr) == (1, b"trialhook: stopped: No space left on device\n")
