"""What those who run the service ask: is it alive, is it ready, what does it offer."""

from importlib.resources import files
from pathlib import Path

import structlog
from flask import Blueprint, Response, render_template, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST

from service import __version__
from service.metrics import exposition
from service.web.parts import parts
from service.web.problems import Rejected

blueprint = Blueprint("operations", __name__)
log = structlog.get_logger("trialhook")


@blueprint.get("/healthz")
def health() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@blueprint.get("/readyz")
def ready() -> dict[str, str | int]:
    own = parts()
    if why := own.store.ready():
        log.error("not ready", database=why)  # it may name a file or a host, which is nothing for strangers
        told = "the database cannot be used; the service's log says why"
        raise Rejected(503, "not-ready", told, headers={"Retry-After": "5"})
    return {"status": "ready", "version": __version__, "trials": len(own.trials)}


@blueprint.get("/metrics")
def metrics() -> Response:
    build = {"version": __version__, "trials": parts().trials_digest}
    return Response(exposition(build), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/openapi.yaml")
def openapi() -> Response:
    text = (files("service") / "openapi.yaml").read_bytes()
    return Response(text, content_type="application/yaml; charset=utf-8")


@blueprint.get("/docs")
def docs() -> str:
    return render_template("docs.html")


@blueprint.get("/docs/<path:name>")
def docs_files(name: str) -> Response:
    """The viewer's own files, from its package."""
    import flask_swagger_ui

    return send_from_directory(Path(flask_swagger_ui.__file__).parent / "dist", name, max_age=3600)
