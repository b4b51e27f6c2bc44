"""The command `trialhook`. stdout carries results only, stderr everything else.

Exit codes: 0 done; 1 done, with something that failed; 2 wrong use; 3 the source can't be read.
"""

import os
import sys
from typing import ClassVar

import click

from service import __version__
from service.errors import ChangedQuestion, ProcessLost, SettingsError, SourceError, TrialError, TrialhookError

_CODES: tuple[tuple[type[TrialhookError], int], ...] = (
    (SettingsError, 2),
    (TrialError, 2),
    (ChangedQuestion, 2),
    (ProcessLost, 1),
    (SourceError, 3),
)


class Commands(click.Group):
    """Commands are imported when asked for: `trialhook --help` needs none of them."""

    # told here, so that `--help` imports none of them
    names: ClassVar[dict[str, str]] = {
        "decisions": "The decision log: export, purge.",
        "doctor": "Check settings, database, clients and FHIR servers.",
        "evaluate": "Evaluate records against the trials.",
        "feedback": "What became of the cards: one line a trial.",
        "replay": "Judge logged decisions anew.",
        "screen": "Screen a population, from files or a FHIR server.",
        "serve": "Run the service an EHR calls; --demo to try it.",
        "trials": "The trial library: list, show, new, check, test and more.",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.names)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.names.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.names:
            return None
        module = __import__(f"service.commands.{cmd_name}", fromlist=["command"])
        command: click.Command = module.command
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trialhook")
def cli() -> None:
    """Which of our open trials fit this patient, why, and what is missing?"""


def main() -> None:
    """Run the command; errors meant for the user are one line on stderr and an exit code."""
    try:
        sys.exit(cli(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except TrialhookError as problem:
        click.echo(f"trialhook: {problem.message}", err=True)
        sys.exit(next((code for kind, code in _CODES if isinstance(problem, kind)), 3))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as problem:  # such as a full disk behind stdout
        _forget_stdout()
        click.echo(f"trialhook: stopped: {problem.strerror or type(problem).__name__}", err=True)
        sys.exit(1)


def _forget_stdout() -> None:
    """What could not be written is not written at exit either, where it would end in a message of the interpreter's."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
