"""`trialhook replay`: logged decisions judged anew, and whether the answers are the same bit by bit."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from service import settings as settings_module
from service.commands.setup import screening_of
from service.decisions import Keys
from service.decisions.entry import Decision, read
from service.decisions.inputs import Inputs
from service.decisions.opening import basis_of
from service.decisions.replay import Replay
from service.decisions.screenings import Screenings
from service.decisions.verdicts import Difference, Replayed
from service.decisions.versions import TrialVersions
from service.errors import SettingsError, SourceError
from service.population import ledger as ledgers
from service.settings import Settings
from service.store import Store
from service.store.journals import DatabaseJournal, lines_of
from service.store.schema import DECISION, DECISION_INPUT
from service.store.shelves import DatabaseShelf

_EXISTING = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("replay")
@click.argument("logs", nargs=-1, metavar="[LOG…]", type=click.Path(path_type=Path))
@click.option("--database", is_flag=True, help="The log in TRIALHOOK_DATABASE_URL, and the inputs kept there.")
@click.option("--inputs", multiple=True, metavar="DIR|FILE", type=_EXISTING, help="What was judged; may be repeated.")
@click.option("--trials", multiple=True, metavar="DIR", type=_EXISTING, help="Where older trial files are.")
@click.option(
    "--screening", "past", multiple=True, metavar="DIR", type=_FOLDER, help="Outputs of a screening; may be repeated."
)
def command(
    logs: tuple[Path, ...], database: bool, inputs: tuple[Path, ...], trials: tuple[Path, ...], past: tuple[Path, ...]
) -> int:
    """Judge logged decisions anew. LOG is an NDJSON file of decisions.

    One line of JSON a decision: same, differs or not-reproduced, and why. Exit code 1 where any is not the same.
    """
    if bool(logs) == database:
        raise click.UsageError("either LOG files or --database")
    settings = settings_module.load()
    if not settings.decision_key:
        raise SettingsError("TRIALHOOK_DECISION_KEY (or TRIALHOOK_DECISION_KEY_FILE) is needed: the key of the log")
    store = _store(settings) if database else None
    lines = DatabaseJournal(store, DECISION).lines() if store else _lines(logs)
    replay = _replay(settings, inputs, trials, past, store)
    counts: dict[str, int] = {}
    for line in lines:
        found = _replayed(replay, read(line))
        counts[found.verdict] = counts.get(found.verdict, 0) + 1
        click.echo(msgspec.json.encode(found).decode())
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
    click.echo(f"trialhook: {told or 'no decisions'}", err=True)
    return 1 if counts.keys() - {"same"} else 0


def _store(settings: Settings) -> Store:
    store = Store(settings.database_url)
    if problem := store.ready():
        raise SourceError(f"the database cannot be read: {problem}")
    return store


def _replay(
    settings: Settings, inputs: Iterable[Path], trials: Iterable[Path], past: Iterable[Path], store: Store | None
) -> Replay:
    screening, keys = screening_of(settings), Keys(settings.decision_key)
    shelf = DatabaseShelf(store, DECISION_INPUT) if store else None
    return Replay(
        screening,
        basis_of(settings),
        keys,
        TrialVersions(screening, [*settings.trials, *trials]),
        Inputs(keys, inputs, shelf),
        Screenings(screening, [_ledger(folder) for folder in past]),
    )


def _ledger(folder: Path) -> ledgers.Ledger:
    try:
        found = ledgers.load(folder)
    except OSError as problem:
        raise SourceError(f"{folder / ledgers.NAME} cannot be read: {problem.strerror}") from None
    if found is None:
        raise click.UsageError(f"{folder} holds no screening: there is no {ledgers.NAME}")
    return found


def _lines(logs: Iterable[Path]) -> Iterator[bytes]:
    for path in logs:
        yield from lines_of(path)


def _replayed(replay: Replay, decision: Decision | None) -> Replayed:
    if decision is None:
        return Replayed("", "not-reproduced", because=(Difference("entry"),))
    return replay.of(decision)
