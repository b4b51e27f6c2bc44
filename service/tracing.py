"""Traces of requests and of the phases of their work: started in each worker after the fork, and nothing without it.

Spans hold routes, phases, resource types and status codes. Addresses, ids and the texts of errors may name a patient
and are in none; of the caller's trace context only the ids are taken, its state and baggage are not.
"""

import logging
import re
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import structlog

from service.errors import SettingsError

if TYPE_CHECKING:
    from service.otel import Tracer

# https://www.w3.org/TR/trace-context/#traceparent-header; later versions may append to it
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x21-\x7e]{0,200})?"
)
_log = structlog.get_logger("trialhook.traces")


class Span(Protocol):
    """One piece of work. `ids` are what logs tell of it."""

    @property
    def ids(self) -> dict[str, str]: ...

    def note(self, **attributes: str | int) -> None: ...

    def fail(self, kind: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Nothing:
    """Where no trace is kept."""

    def __init__(self, ids: dict[str, str]) -> None:
        self.ids = ids

    def note(self, **attributes: str | int) -> None: ...

    def fail(self, kind: str) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class _State:
    tracer: "Tracer | None" = None


NOTHING = _Nothing({})


def check(endpoint: str) -> None:
    """SettingsError where traces are asked for and the packages that make them are not installed."""
    if endpoint and not (_is_there("opentelemetry.sdk") and _is_there("opentelemetry.exporter.otlp.proto.http")):
        raise SettingsError(
            "TRIALHOOK_OTLP_ENDPOINT needs OpenTelemetry, which is not installed: pip install 'trialhook[otel]', or "
            "leave the setting empty"
        )


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def start(endpoint: str, version: str) -> None:
    """Send this process's spans to a collector, where one is given. After the fork: the sending is a thread's work."""
    if not endpoint:
        return
    from service import otel

    library = logging.getLogger("opentelemetry")
    library.handlers, library.propagate = [_Reporting()], False
    use(otel.Tracer(otel.exporting(endpoint), version))


def use(tracer: "Tracer | None") -> None:
    """From now on this process's spans are made so; None for no spans."""
    _State.tracer = tracer


def stop() -> None:
    """Send what is left, within seconds."""
    tracer, _State.tracer = _State.tracer, None
    if tracer is not None:
        tracer.close()


def request_span(name: str, traceparent: str) -> Span:
    """The span of a request, part of the caller's trace where its header tells one. Without a tracer logs still tell
    that trace."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if _State.tracer is not None:
        return _State.tracer.request(name, (found[1], found[2], found[3]) if found else None)
    return _Nothing({"trace_id": found[1]}) if found else NOTHING


def span(name: str, within: Any = None, *, asks: bool = False) -> Span:
    """A span below the current one of this thread, or of the thread where `within` was taken. `asks`: it waits for
    another server."""
    return NOTHING if _State.tracer is None else _State.tracer.span(name, within, asks)


def here() -> Any:
    """This thread's place in its trace, for a span of another thread."""
    return None if _State.tracer is None else _State.tracer.here()


def traceparent() -> str:
    """The header for a server that is asked by the current span; empty where there is none."""
    return "" if _State.tracer is None else _State.tracer.traceparent()


class _Reporting(logging.Handler):
    """The library's troubles as lines of our own log: their kind, without what is filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.warning("traces", said=str(record.msg)[:120], by=record.name)
