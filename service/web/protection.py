"""Who may call, from which pages, and what browsers are told about what we send."""

from flask import Flask, Response, g, request

from service.auth import Unauthorized
from service.settings import Settings
from service.web.parts import parts
from service.web.problems import Rejected

DRAINED_BYTES = 64 * 1024  # what gunicorn reads of a body that no view did
METHODS = "GET, POST, OPTIONS"
HEADERS = "Authorization, Content-Type, Accept"
# the viewer of /docs has its icons inside its stylesheet
_PAGES = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; object-src 'none'; "
    "frame-ancestors 'self'"
)


def authenticate() -> None:
    """Check the caller's token where calls are protected. Used as `before_request` of protected blueprints. What may be
    done at an address (OPTIONS) is no secret."""
    gate = parts().gate
    if gate is None or request.method == "OPTIONS":
        return
    try:
        caller = gate.check(request.headers.get("Authorization"), [f"{parts().desk.public_url}{request.path}"])
        request.environ["trialhook.caller"] = caller
    except Unauthorized as refused:
        request.environ["trialhook.refused"] = refused.message
        raise Rejected(
            401, "unauthorized", "a valid token for this endpoint was expected", headers={"WWW-Authenticate": "Bearer"}
        ) from None


def _is_left_unread() -> bool:
    """Whether so much of a body was left that the server closes the connection rather than read it."""
    if "body_was_read" in g:
        return False
    length = request.content_length
    return length > DRAINED_BYTES if length is not None else "Transfer-Encoding" in request.headers


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
        if _is_left_unread():
            out["Connection"] = "close"
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
