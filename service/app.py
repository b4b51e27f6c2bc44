"""create_app(settings): the one place where the parts of the service are put together."""

import time
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from service import logs, prefetch
from service.auth import Caller, Gate, check_clients
from service.auth.startup import WARNING
from service.cards import Desk
from service.chart import Chart
from service.errors import SettingsError
from service.explanations import Explanations
from service.fhir_client import FhirServers
from service.metrics import DURATION, REQUESTS
from service.screening import installed
from service.settings import Settings
from service.store import Store
from service.web import cds_hooks, explanations, matching, operations, problems, protection, trials
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
    problems.register(app)
    protection.register(app, settings)
    _observe(app)
    for module in (cds_hooks, explanations, matching, operations, trials):
        app.register_blueprint(module.blueprint)
    if demo:
        from service.web import demo as demo_pages

        demo_pages.register(app)
    return app


def parts_of(settings: Settings) -> Parts:
    """Every part of a service with these settings; the database is migrated."""
    screening = installed(settings)
    queries = prefetch.queries(screening.plan, screening.inputs, screening.terminology)
    store = Store(settings.database_url)
    store.migrate()
    servers = FhirServers(settings.fhir_allowed, settings.max_body)
    return Parts(
        settings=settings,
        screening=screening,
        trials={trial.id: trial for trial in screening.trials.trials},
        queries=queries,
        chart=Chart(queries, servers, settings.fhir_anonymous, settings.time_budget_ms / 1000),
        desk=Desk(settings.public_url, settings.smart_app_url, settings.recruitment == "open"),
        store=store,
        explanations=Explanations(store, settings.secret, settings.explain_minutes),
        shown=ShownCards(store),
        gate=_gate(settings, store),
        today=screening.today,
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
    return Gate(settings.clients, store.first_use)


def _observe(app: Flask) -> None:
    """Count, time and log every answer: the route, never the address, which may hold an id or a token."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        g.request_id = _request_id()

    @app.after_request
    def end(response: Response) -> Response:
        took = time.perf_counter() - g.get("began", time.perf_counter())
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(route, request.method if request.url_rule else "other", response.status_code).inc()
        DURATION.labels(route).observe(took)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        log.info(
            "request",
            route=route,
            method=request.method,
            status=response.status_code,
            ms=round(took * 1000, 1),
            request_id=g.get("request_id"),
            **_caller(),
        )
        return response


def _request_id() -> str:
    """The caller's request id where it is plainly one, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if 8 <= len(given) <= 64 and given.isascii() and given.replace("-", "").isalnum() else uuid4().hex


def _caller() -> dict[str, str]:
    """Who called, or why nobody did, where calls are protected; nothing of the token itself."""
    if refused := request.environ.get("trialhook.refused"):
        return {"refused": refused}
    caller: Caller | None = request.environ.get("trialhook.caller")
    return {"issuer": caller.issuer, "tenant": caller.tenant, "key": caller.key_id} if caller else {}
