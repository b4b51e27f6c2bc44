"""create_app(settings): the one place where the parts of the service are put together."""

import structlog
from flask import Flask

from service import audit_events, decisions, guard_updates, logs, metrics, prefetch, tracing
from service.auth import Gate, check_clients
from service.auth.startup import WARNING
from service.cards import Desk
from service.chart import Chart
from service.errors import SettingsError
from service.explanations import Explanations
from service.fhir_client import FhirServers, in_clear_text
from service.screening import installed
from service.settings import Settings
from service.store import Store
from service.web import (
    cds_hooks,
    explanations,
    matching,
    observing,
    operations,
    problems,
    protection,
    recording,
    trials,
)
from service.web.counting import ShownCards
from service.web.parts import EXTENSION, Parts

log = structlog.get_logger("trialhook")


def create_app(settings: Settings, *, demo: bool = False) -> Flask:
    """The WSGI application. SettingsError, TrialError or StoreError where it cannot start, with what to change."""
    logs.configure(settings.log_level)
    app = Flask("service", static_folder="static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.extensions[EXTENSION] = parts_of(settings)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    guard_updates.prepare()
    observing.register(app)
    problems.register(app)
    protection.register(app, settings)
    recording.register(app)
    for module in (cds_hooks, explanations, matching, operations, trials):
        app.register_blueprint(module.blueprint)
    if demo:
        from service.web import demo as demo_pages

        demo_pages.register(app)
    return app


def parts_of(settings: Settings) -> Parts:
    """Every part of a service with these settings; the database is migrated."""
    tracing.check(settings.otlp_endpoint)
    screening = installed(settings)
    metrics.expect(trial.id for trial in screening.trials.trials)
    queries = prefetch.queries(screening.plan, screening.inputs, screening.terminology)
    store = Store(settings.database_url)
    store.migrate()
    for warning in in_clear_text(settings.fhir_allowed):
        log.warning(warning)
    servers = FhirServers(settings.fhir_allowed, settings.max_body, certificates=settings.certificate_authorities)
    return Parts(
        settings=settings,
        screening=screening,
        trials={trial.id: trial for trial in screening.trials.trials},
        queries=queries,
        chart=Chart(queries, servers, settings.fhir_anonymous, settings.time_budget_ms / 1000, strict=True),
        desk=Desk(settings.public_url, settings.smart_app_url, settings.recruitment == "open"),
        store=store,
        explanations=Explanations(store, settings.secret, settings.explain_minutes),
        shown=ShownCards(store),
        gate=_gate(settings, store),
        today=screening.today,
        decisions=decisions.opened(settings, store),
        audit=audit_events.opened(settings, store),
    )


def _gate(settings: Settings, store: Store) -> Gate | None:
    if settings.auth == "none":
        log.warning("calls are not authenticated (TRIALHOOK_AUTH=none): anyone who reaches the port may call")
        return None
    if not settings.clients or not settings.public_url:
        raise SettingsError(
            "TRIALHOOK_AUTH=jwt needs TRIALHOOK_CLIENTS (who may call) and TRIALHOOK_PUBLIC_URL (the audience of their "
            "tokens); TRIALHOOK_AUTH=none lets anyone call"
        )
    problems_found = check_clients(settings.clients)
    for warning in (p for p in problems_found if p.startswith(WARNING)):
        log.warning(warning.removeprefix(WARNING))
    if errors := [p for p in problems_found if not p.startswith(WARNING)]:
        raise SettingsError("\n".join(f"TRIALHOOK_CLIENTS: {error}" for error in errors))
    return Gate(settings.clients, store.first_use, certificates=settings.certificate_authorities)
