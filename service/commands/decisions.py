"""`trialhook decisions`: the decision log in the database taken out, and old decisions and AuditEvents deleted."""

import time
from datetime import date, timedelta
from typing import Any

import click

from service import audit_events, decisions
from service import settings as settings_module
from service.commands.setup import Day
from service.decisions import Keys
from service.decisions.entry import read
from service.errors import SettingsError
from service.settings import Settings
from service.store import Store
from service.store.journals import Journal, day_of
from service.store.retention import Forgetting


@click.group("decisions")
def command() -> None:
    """The decision log and the audit trail."""


@command.command("export")
@click.option("--since", type=Day(), help="The first day (UTC).")
@click.option("--until", type=Day(), help="The last day (UTC).")
@click.option("--patient", default="", metavar="REFERENCE", help="Only decisions about this patient: Patient/ID.")
@click.option("--audit-events", "audit", is_flag=True, help="The AuditEvents instead.")
def export(since: date | None, until: date | None, patient: str, audit: bool) -> int:
    """Print entries as NDJSON, oldest first."""
    settings = settings_module.load()
    journal = _audit_journal(settings) if audit else _decision_journal(settings)
    if patient and audit:
        raise click.UsageError("--patient goes with decisions")
    names = Keys(settings.decision_key).pseudonyms(patient) if patient else frozenset()
    for line in journal.lines(since, until):
        if not names or ((decision := read(line)) is not None and decision.patient in names):
            click.echo(line)
    return 0


@command.command("purge")
@click.option("--before", type=Day(), help="Delete what is older than this day (default: as the settings say).")
@click.option("--audit-events", "audit", is_flag=True, help="The AuditEvents instead.")
def purge(before: date | None, audit: bool) -> int:
    """Delete old decisions and their inputs."""
    settings = settings_module.load()
    today = day_of(time.time())
    if before is not None and before > today:
        raise click.UsageError("--before is a day in the future")
    kept: list[Forgetting] = [_audit_journal(settings)] if audit else list(_decision_places(settings))
    days = settings.audit_days if audit else settings.decision_days
    day = before or (today - timedelta(days=days) if days else None)
    gone = sum(place.forget(day) for place in kept) if day else 0
    click.echo(f"trialhook: {gone} deleted", err=True)
    return 0


def _store(settings: Settings) -> Store:
    store = Store(settings.database_url)
    store.migrate()
    return store


def _decision_places(settings: Settings) -> tuple[Any, Any]:
    decisions.opening.check(settings)
    if settings.decision_log == "none":
        raise SettingsError("TRIALHOOK_DECISION_LOG is none: there is no decision log")
    return decisions.opening.places(settings, _store(settings))


def _decision_journal(settings: Settings) -> Journal:
    journal: Journal = _decision_places(settings)[0]
    return journal


def _audit_journal(settings: Settings) -> Journal:
    if settings.audit_events == "none" or settings.audit_events.startswith(("http://", "https://")):
        raise SettingsError("TRIALHOOK_AUDIT_EVENTS is neither the database nor a file")
    return audit_events.recorder.journal_of(settings, _store(settings))
