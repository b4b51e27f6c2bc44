"""`trialhook trials export`: a trial for others, as FHIR R4, as CQL, as a page."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import click
import msgspec

from service import settings
from service.cases.casefile import Case, read_cases
from service.cases.run import CASES, names_of
from service.commands.setup import Day, chosen_trials, screening_of
from service.criteria.catalogue import Trial
from service.errors import SourceError
from service.screening import Screening
from service.sharing.cql import as_cql
from service.sharing.fhir import as_fhir
from service.sharing.page import trial_page
from service.sharing.unsaid import Unsaid, listed

FORMATS = ("fhir", "cql", "markdown")
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


class Exported(msgspec.Struct, frozen=True):
    """One file: its name, its text, and by form what it leaves out."""

    name: str
    text: str
    unsaid: tuple[tuple[str, tuple[Unsaid, ...]], ...] = ()


@click.command("export", short_help="Give a trial to others: as FHIR R4, as CQL, as a page.")
@click.argument("identifier", metavar="ID")
@click.option("--format", "form", type=click.Choice([*FORMATS, "all"]), help="[default: fhir; with --out all]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write files into this folder.")
@click.option("--as-of", type=Day(), metavar="DATE", help="Count the periods of the FHIR Group back from this day.")
def export(identifier: str, form: str | None, out: Path | None, as_of: date | None) -> None:
    """Give a trial to others: a FHIR R4 Bundle, a CQL library, a page in Markdown.

    What a form cannot say is listed in it, and on stderr.
    """
    if form == "all" and out is None:
        raise click.UsageError("--format all writes several files; name a folder with --out")
    screening = screening_of(settings.load(), as_of)
    trial = chosen_trials(screening, (identifier,)).trials[0]
    wanted = FORMATS if form == "all" or (form is None and out is not None) else (form or "fhir",)
    made = [_made(one, trial, screening, as_of) for one in wanted]
    for exported in made:
        _give(exported, out)
    for what, unsaid in dict(pair for exported in made for pair in exported.unsaid).items():
        _tell(trial, what, unsaid)


def _made(form: str, trial: Trial, screening: Screening, day: date | None) -> Exported:
    if form == "cql":
        cql = as_cql(trial, screening)
        return Exported(f"{cql.name}.cql", cql.text, (("CQL", cql.unsaid),))
    name = as_cql(trial, screening).name
    if form == "markdown":
        return Exported(f"{name}.md", trial_page(trial, _cases(trial, screening)))
    shared = as_fhir(trial, screening, day)
    text = msgspec.json.format(_ENCODE(shared.bundle), indent=1).decode() + "\n"
    return Exported(f"{name}.fhir.json", text, (("Group", shared.group), ("CQL", shared.cql)))


def _cases(trial: Trial, screening: Screening) -> Iterable[Case]:
    path = Path(trial.path).parent / CASES
    return read_cases(path, trial, names_of(screening)).cases if path.is_file() else ()


def _give(exported: Exported, out: Path | None) -> None:
    if out is None:
        click.echo(exported.text, nl=False)
        return
    path = out / exported.name
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(exported.text, "utf-8")
    except OSError as problem:
        raise SourceError(f"{path}: cannot be written: {problem.strerror}") from None
    click.echo(f"{path} written", err=True)


def _tell(trial: Trial, what: str, unsaid: tuple[Unsaid, ...]) -> None:
    whole = {item.criterion for item in unsaid if item.whole}
    part = {item.criterion for item in unsaid} - whole
    total = len(trial.criteria)
    said = f"{total - len(whole) - len(part)} of {total} criteria said, {len(part)} in part, {len(whole)} not"
    click.echo(f"{trial.id} as {what}: {said}", err=True)
    for line in listed(unsaid):
        click.echo(f"  {line}", err=True)
