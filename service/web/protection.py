"""Who may call, from which pages, and what browsers are told about what we send."""

from flask import Flask, Response, request

from service.auth import Unauthorized
from service.settings import Settings
from service.web.parts import parts
from service.web.problems import Rejected

METHODS = "GET, POST, OPTIONS"
HEADERS = "Authorization, Content-Type, Accept"
# the viewer of /docs has its icons inside its stylesheet
_PAGES = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; object-src 'none'; "
    "frame-ancestors 'self'"
)


def authenticate() -> None:
    """Check the caller's token where calls are protected. Used as `before_request` of protected blueprints."""
    gate = parts().gate
    if gate is None:
        return
    try:
        caller = gate.check(request.headers.get("Authorization"), [f"{parts().desk.public_url}{request.path}"])
        request.environ["trialhook.caller"] = caller
    except Unauthorized as refused:
        request.environ["trialhook.refused"] = refused.message
        raise Rejected(
            401, "unauthorized", "a valid token for this endpoint was expected", headers={"WWW-Authenticate": "Bearer"}
        ) from None


def register(app: Flask, settings: Settings) -> None:
    origins = frozenset(settings.cors_origins)
    pages = " ".join((_PAGES, *settings.cors_origins))
    secure = settings.public_url.startswith("https://")

    @app.before_request
    def preflight() -> Response | None:
        """Preflights carry no token, so they are answered before anyone asks for one."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        return Response(status=204)

    @app.after_request
    def headers(response: Response) -> Response:
        out = response.headers
        out["X-Content-Type-Options"] = "nosniff"
        out["Referrer-Policy"] = "no-referrer"
        out.setdefault("Cache-Control", "no-store")
        if secure:
            out["Strict-Transport-Security"] = "max-age=31536000"
        if response.mimetype == "text/html":
            out.setdefault("Content-Security-Policy", pages)
        if origins:
            out.add("Vary", "Origin")
            origin = request.headers.get("Origin", "")
            if origin in origins:
                out["Access-Control-Allow-Origin"] = origin
                out["Access-Control-Expose-Headers"] = "WWW-Authenticate"
                if request.method == "OPTIONS":
                    out["Access-Control-Allow-Methods"] = METHODS
                    out["Access-Control-Allow-Headers"] = HEADERS
                    out["Access-Control-Max-Age"] = "600"
        return response
