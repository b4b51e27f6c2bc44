"""`trialhook doctor`: what is configured, what answers, what a FHIR server lacks for these trials."""

import click

from service import settings as settings_module
from service.commands.setup import screening_of
from service.doctor import Mark, examine
from service.setting_values import WrongValue, web_address

_MARKS: dict[Mark, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "problem": ("✗", "red"),
    "info": ("·", "blue"),
}


def _addresses(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> list[str]:
    try:
        return [web_address(text) for text in given]
    except WrongValue as wrong:
        raise click.BadParameter(str(wrong)) from None


@click.command("doctor")
@click.option(
    "--fhir",
    "servers",
    multiple=True,
    metavar="URL",
    callback=_addresses,
    help="A FHIR base URL; may be given more than once (default: TRIALHOOK_FHIR_ALLOWED).",
)
def command(servers: list[str]) -> int:
    """Check settings, database, clients and FHIR servers. Exit code 1 where something is a problem."""
    settings = settings_module.load()
    screening = screening_of(settings)
    problems = 0
    for line in examine(settings, screening, servers or list(settings.fhir_allowed)):
        sign, colour = _MARKS[line.mark]
        click.echo(f"{click.style(sign, fg=colour, bold=True)} {line.text}")
        problems += line.mark == "problem"
    return 1 if problems else 0
