"""Spans by the OpenTelemetry SDK. Imported only where traces are on: its packages are an optional extra."""

import os
import threading
from types import TracebackType
from typing import Any, Self

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

ENDING_SECONDS = 3.0


class OpenSpan:
    """A span, the current one of its thread from entry to exit. Of an error it tells the class and not the text."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._token: Any = None

    @property
    def ids(self) -> dict[str, str]:
        own = self._span.get_span_context()
        return {"trace_id": f"{own.trace_id:032x}", "span_id": f"{own.span_id:016x}"}

    def note(self, **attributes: str | int) -> None:
        """Attributes; a double underscore in a name stands for the dot."""
        for name, value in attributes.items():
            self._span.set_attribute(name.replace("__", "."), value)

    def fail(self, kind: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR))
        self._span.set_attribute("error.type", kind)

    def __enter__(self) -> Self:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        context.detach(self._token)
        if kind is not None:
            self.fail(kind.__name__)
        self._span.end()


class Tracer:
    """Makes the spans of one process. How many traces are kept, OTEL_TRACES_SAMPLER tells the SDK."""

    def __init__(self, processor: SpanProcessor, version: str) -> None:
        own = {"service.version": version}
        if "OTEL_SERVICE_NAME" not in os.environ:
            own["service.name"] = "trialhook"
        self._provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("trialhook", version)

    def request(self, name: str, caller: tuple[str, str, str] | None) -> OpenSpan:
        """The span of a request, below that of the caller: its trace, span and flags in hexadecimal digits."""
        within = Context() if caller is None else trace.set_span_in_context(_remote(*caller), Context())
        return OpenSpan(self._tracer.start_span(name, within, SpanKind.SERVER))

    def span(self, name: str, within: Context | None, asks: bool) -> OpenSpan:
        kind = SpanKind.CLIENT if asks else SpanKind.INTERNAL
        return OpenSpan(self._tracer.start_span(name, within, kind))

    def here(self) -> Context:
        return context.get_current()

    def traceparent(self) -> str:
        own = trace.get_current_span().get_span_context()
        return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}" if own.is_valid else ""

    def close(self) -> None:
        """Send what is left. A collector that does not answer keeps nobody waiting for longer than seconds."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(ENDING_SECONDS)


def exporting(endpoint: str) -> SpanProcessor:
    """Spans to a collector by OTLP over HTTP; headers, certificates and batches as the OTEL_* variables say."""
    return BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces"))


def _remote(trace_id: str, span_id: str, flags: str) -> NonRecordingSpan:
    # of the flags only the first is defined for all
    sampled = TraceFlags(int(flags, 16) & TraceFlags.SAMPLED)
    return NonRecordingSpan(SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=sampled))
