"""The decision log that the settings describe, if any."""

from pathlib import Path

from service.decisions.entry import Basis
from service.decisions.keys import Keys
from service.decisions.log import DecisionLog
from service.errors import SettingsError
from service.settings import Settings
from service.store import Store
from service.store.journals import DatabaseJournal, FileJournal, Journal
from service.store.retention import Retention
from service.store.schema import DECISION, DECISION_INPUT
from service.store.shelves import DatabaseShelf, FolderShelf, Shelf


def opened(settings: Settings, store: Store) -> DecisionLog | None:
    """None where nothing is logged. SettingsError where the settings contradict each other."""
    check(settings)
    if settings.decision_log == "none":
        return None
    journal, shelf = places(settings, store)
    kept = shelf if settings.decision_inputs else None
    retention = Retention(settings.decision_days, [journal, shelf])
    return DecisionLog(basis_of(settings), Keys(settings.decision_key), journal, kept, retention)


def check(settings: Settings) -> None:
    if settings.decision_log == "none" and settings.decision_inputs:
        raise SettingsError("TRIALHOOK_DECISION_INPUTS=yes goes with TRIALHOOK_DECISION_LOG, which is none")
    if settings.decision_log != "none" and not settings.decision_key:
        raise SettingsError(
            "TRIALHOOK_DECISION_LOG needs TRIALHOOK_DECISION_KEY (or TRIALHOOK_DECISION_KEY_FILE): the secret that "
            "keeps its hashes from being guessed"
        )


def places(settings: Settings, store: Store) -> tuple[Journal, Shelf]:
    """Where decisions and their inputs are: in the database, or beside the file named."""
    if settings.decision_log == "database":
        return DatabaseJournal(store, DECISION), DatabaseShelf(store, DECISION_INPUT)
    path = Path(settings.decision_log)
    return FileJournal(path), FolderShelf(path.parent / f"{path.stem}-inputs")


def basis_of(settings: Settings) -> Basis:
    """What the settings contribute to every answer."""
    from service.population.run import basis_digest  # not needed where nothing is logged

    return Basis(basis_digest(settings), str(settings.timezone), settings.recruitment, settings.uln)
