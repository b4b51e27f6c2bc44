"""`trialhook trials names`: what trial files and cases may call things here."""

import click

from service import settings
from service.commands.setup import screening_of
from service.screening import Screening

KINDS = ("input", "answer", "diagnosis", "procedure", "drug", "therapy", "cancer", "class")


@click.command("names", short_help="What a rule can name: tests, diagnoses, drugs and so on.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("word", default="")
def names(kind: str, word: str) -> None:
    """What can be named: KIND, with WORD in the name or in what readers see. A site's own names are among them."""
    screening = screening_of(settings.load())
    told = {name: _told(screening, kind, name) for name in screening.vocabulary.names(kind)}
    found = [name for name, says in told.items() if word.casefold() in f"{name} {says}".casefold()]
    for name in found:
        click.echo(f"{name:32}  {told[name]}".rstrip())
    if not found:
        click.echo(f"no {kind} with {word!r} in its name; `trialhook trials names {kind}` lists all", err=True)


def _told(screening: Screening, kind: str, name: str) -> str:
    """What a reader calls it, and the unit where it is measured in one."""
    vocabulary = screening.vocabulary
    match kind:
        case "input":
            info = vocabulary.input(name)
            unit = f" ({info.unit})" if info.unit not in ("", "1") else ""
            return f"{vocabulary.title(name)}{unit}"
        case "cancer":
            return vocabulary.cancer(name).label
        case "class":
            return vocabulary.classes(name).label
        case "answer":
            return str(screening.terminology.value_sets[f"answer-{name}"].get("title", ""))
    return vocabulary.title(name)
