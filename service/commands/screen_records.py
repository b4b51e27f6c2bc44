"""What a screening leaves in the decision log and the audit trail, where they are wanted."""

from collections.abc import Callable

import click

from service.audit_events.population import audit_screening
from service.audit_events.recorder import check as check_audit_trail
from service.decisions.opening import check as check_decision_log
from service.decisions.population import log_screening
from service.population.ledger import Ledger
from service.population.run import Run, Screened
from service.settings import Settings
from service.store import Store, StoreError


def check(settings: Settings) -> None:
    """SettingsError where the settings of either contradict each other: told before anything is screened."""
    check_decision_log(settings)
    check_audit_trail(settings)


def write_records(run: Run, ledger: Ledger, done: Screened, server: str, settings: Settings) -> None:
    """Write both. StoreError where one fails and is to end the run, which then can be resumed; otherwise it is told on
    stderr. `server` is the FHIR server that the patients are on, empty for files."""
    results = run.out / "results.ndjson"
    records: tuple[tuple[str, str, Callable[[Store], None]], ...] = (
        ("decision log", settings.decision_log, lambda store: log_screening(run, ledger, done, settings, store)),
        ("audit trail", settings.audit_events, lambda s: audit_screening(results, run.trials, server, settings, s)),
    )
    wanted = [record for record in records if record[1] != "none"]
    if not wanted:
        return
    store = Store(settings.database_url)
    try:
        for what, place, write in wanted:
            try:
                if place == "database":
                    store.migrate()
                write(store)
            except StoreError as problem:
                if settings.unrecorded == "refuse":
                    raise
                click.echo(f"trialhook: this screening is not in the {what}: {problem.message}", err=True)
    finally:
        store.dispose()
