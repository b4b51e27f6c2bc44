"""`trialhook trials new`: the files that a new trial begins with, and what an editor completes them by."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from service import settings
from service.commands.setup import screening_of

_FILES = ("trial.yaml", "cases.yaml")
_SCHEMA = re.compile(r"^(# yaml-language-server: \$schema=)\S*/", re.MULTILINE)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@click.command("new", short_help="Begin a trial: a folder with trial.yaml and cases.yaml.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--like", metavar="ID", help="Begin with a copy of a trial: an example, or one of the library.")
def new(folder: Path, like: str | None) -> None:
    """Begin a trial: FOLDER with trial.yaml and cases.yaml; its last part is the trial's id.

    The examples are EXAMPLE-NSCLC and EXAMPLE-T2D. The schemas for editors are put into the folder above it.
    """
    from service.commands.trials import schema_text

    identifier = folder.name
    if not _ID.fullmatch(identifier):
        raise click.UsageError(f"{folder}: the last part is the trial's id; letters, digits, - and _ were expected")
    if taken := [name for name in _FILES if (folder / name).exists()]:
        raise click.UsageError(f"{folder / taken[0]} is there already; nothing was written")
    screening = screening_of(settings.load())
    source = _source(like, {trial.id: trial.path for trial in screening.trials.trials})
    made = {folder / name: _renamed((source / name).read_text("utf-8"), identifier, like) for name in _FILES}
    made |= {
        folder.parent / f"{which}.schema.json": schema_text(screening, which) + "\n" for which in ("trial", "cases")
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in made.items():
            path.write_text(text, "utf-8")
    except OSError as problem:
        raise click.UsageError(f"{folder}: cannot be written: {problem.strerror}") from None
    for path in made:
        click.echo(path)


def _source(like: str | None, library: dict[str, str]) -> Traversable | Path:
    """The folder of the files to begin with."""
    if like is None:
        return files("service.commands") / "starter"
    examples = {example.name: example for example in (files("service.criteria") / "examples").iterdir()}
    if like in library:
        return Path(library[like]).parent
    if like not in examples:
        raise click.UsageError(f"no trial called {like}; known are {', '.join(sorted([*library, *examples]))}")
    return examples[like]


def _renamed(text: str, identifier: str, like: str | None) -> str:
    """A file under its new id: a draft until a person has read it, and no example any more."""
    text = _SCHEMA.sub(r"\1../", text)
    text = re.sub(r"^example: true\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^status: active$", "status: draft", text, flags=re.MULTILINE)
    return text.replace(like or "TRIAL-ID", identifier)
