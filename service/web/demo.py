"""The demo: a page that plays an EHR, beside a small FHIR server with synthetic patients."""

from flask import Blueprint, Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from service.demo import AS_OF
from service.demo.fhir_endpoint import fhir_endpoint
from service.demo.store import demo_store
from service.demo.stories import demo_patients

blueprint = Blueprint("demo", __name__)


@blueprint.get("/")
def page() -> str:
    return render_template("demo.html", as_of=AS_OF)


@blueprint.get("/demo/patients")
def patients() -> ResponseReturnValue:
    return jsonify(demo_patients())


def register(app: Flask) -> None:
    """The page at `/`, its patients, and their FHIR endpoint at `/fhir`."""
    app.register_blueprint(blueprint)
    app.register_blueprint(fhir_endpoint(demo_store(), lambda: f"{request.url_root}fhir"), url_prefix="/fhir")
