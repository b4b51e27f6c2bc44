"""Traces: a request and the phases of its work, part of the caller's trace, and handed on to the FHIR server alone."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from service import settings, tracing
from service.app import create_app
from service.errors import SettingsError
from service.fhir_client.addresses import Reach, parse, parse_base
from service.fhir_client.channel import Channel, Request
from service.otel import Tracer
from tests.builders import SERVER
from tests.web.conftest import CALL, Serve, call_body, called, post
from tests.web.test_metrics import HOOK_ROUTE, fetching, server

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
LISTED = "https://other.example.org"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans of this process, as they end."""
    kept = InMemorySpanExporter()
    tracing.use(Tracer(SimpleSpanProcessor(kept), "0"))
    yield kept
    tracing.stop()


def by_name(spans: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in spans.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def parent(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def ids(span: ReadableSpan) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def test_a_call_is_a_span_with_its_phases_below_it(serve: Serve, spans: InMemorySpanExporter) -> None:
    called(serve(), call_body())
    found = by_name(spans)
    [request] = found.pop(f"POST {HOOK_ROUTE}")
    assert request.kind is SpanKind.SERVER
    assert request.attributes is not None
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": HOOK_ROUTE,
        "http.response.status_code": 200,
        "trialhook.request_id": request.attributes["trialhook.request_id"],
    }
    assert found.keys() == {"decode", "evaluate", "render"}
    assert {parent(span) for phase in found.values() for span in phase} == {ids(request)[1]}
    assert request.resource.attributes["service.name"] == "trialhook"


def test_a_call_is_part_of_the_callers_trace(serve: Serve, spans: InMemorySpanExporter) -> None:
    serve().get("/trials", headers=PARENT)
    [request] = spans.get_finished_spans()
    assert (ids(request)[0], parent(request)) == (TRACE, SPAN)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01 0",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_what_is_no_trace_context_begins_a_trace(serve: Serve, spans: InMemorySpanExporter, given: str) -> None:
    serve().get("/trials", headers={"traceparent": given})
    [request] = spans.get_finished_spans()
    assert ids(request)[0] != TRACE
    assert request.parent is None


def test_a_later_version_of_the_header_may_say_more(serve: Serve, spans: InMemorySpanExporter) -> None:
    serve().get("/trials", headers={"traceparent": f"01-{TRACE}-{SPAN}-03-more"})
    [request] = spans.get_finished_spans()
    assert ids(request)[0] == TRACE


def test_a_caller_that_keeps_no_trace_gets_none(serve: Serve, spans: InMemorySpanExporter) -> None:
    serve().get("/trials", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
    assert spans.get_finished_spans() == ()


def test_probes_and_scrapes_are_not_traced(serve: Serve, spans: InMemorySpanExporter) -> None:
    client = serve()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path).status_code == 200
    assert spans.get_finished_spans() == ()


def test_requests_of_one_thread_are_traces_of_their_own(serve: Serve, spans: InMemorySpanExporter) -> None:
    client = serve()
    client.get("/trials", headers=PARENT)
    post(client, CALL, b"{")
    client.get("/trials")
    requests_ = [span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert len({ids(span)[0] for span in requests_}) == 3
    assert [span.parent is None for span in requests_] == [False, True, True]


def test_an_error_tells_its_class_and_not_its_text(
    serve: Serve, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("about Wilhelmina")

    client = serve()
    monkeypatch.setattr("service.screening.evaluate", broken)
    assert post(client, CALL, call_body()).status_code == 500
    found = by_name(spans)
    [evaluate], [request] = found["evaluate"], found[f"POST {HOOK_ROUTE}"]
    for span, kind in ((evaluate, "ValueError"), (request, "500")):
        assert span.status.status_code is StatusCode.ERROR
        assert not span.status.description
        assert span.attributes is not None
        assert span.attributes["error.type"] == kind
        assert span.events == ()


# ---- the FHIR server


def test_each_question_to_the_server_is_a_span_that_it_is_told(serve: Serve, spans: InMemorySpanExporter) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    with server() as mock:
        post(client, CALL, fetching(), headers=PARENT)
        told = {call.request.headers["traceparent"] for call in mock.calls}
    found = by_name(spans)
    [fetch] = found["fetch"]
    asked = [span for name, kind in found.items() if name.startswith("FHIR ") for span in kind]
    assert {span.name for span in asked} >= {"FHIR Patient", "FHIR Condition", "FHIR Observation"}
    assert {(span.kind, parent(span)) for span in asked} == {(SpanKind.CLIENT, ids(fetch)[1])}
    assert told == {f"00-{TRACE}-{ids(span)[1]}-01" for span in asked}


def test_a_failed_question_tells_its_kind(serve: Serve, spans: InMemorySpanExporter) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    with server(lambda _: {"body": requests.ReadTimeout("of Wilhelmina")}):
        called(client, fetching())
    [asked] = by_name(spans)["FHIR Observation"]
    assert asked.attributes is not None
    assert asked.attributes["error.type"] == "timeout"


@pytest.mark.parametrize(("url", "told"), [(f"{SERVER}/Patient/1", True), (f"{LISTED}/file", False)])
def test_only_the_servers_own_origin_is_told_of_the_trace(url: str, told: bool) -> None:
    route = Reach(parse_base(SERVER), (parse_base(LISTED),))
    with responses.RequestsMock() as mock, requests.Session() as session:
        mock.get(url, body=b"")
        with Channel(session, route, time.monotonic() + 5).opened(Request("GET", parse(url), {}, traceparent="00-x")):
            pass
        assert ("traceparent" in mock.calls[0].request.headers) is told


def test_nothing_else_of_the_callers_context_is_handed_on(serve: Serve, spans: InMemorySpanExporter) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    context = PARENT | {"tracestate": "ehr=Zebrowska", "baggage": "patient=Zebrowska"}
    with server() as mock:
        post(client, CALL, fetching(), headers=context)
        sent = [dict(call.request.headers) for call in mock.calls]
    assert sent
    assert not re.search("zebrowska|baggage|tracestate", json.dumps(sent), re.IGNORECASE)
    assert "Zebrowska" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_without_traces_the_server_is_told_of_none(serve: Serve) -> None:
    client = serve(FHIR_ALLOWED=SERVER)
    with server() as mock:
        post(client, CALL, fetching(), headers=PARENT)
        assert not [call for call in mock.calls if "traceparent" in call.request.headers]


# ---- logs


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]


def test_every_line_of_a_request_tells_its_ids(
    serve: Serve, spans: InMemorySpanExporter, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError

    client = serve(LOG_LEVEL="info")
    monkeypatch.setattr("service.screening.evaluate", broken)
    post(client, CALL, call_body(), headers=PARENT | {"X-Request-Id": "0f8fad5bd9cb469fa16570867728950e"})
    [request] = by_name(spans)[f"POST {HOOK_ROUTE}"]
    told = [line for line in lines(capfd) if line["event"] in ("unexpected error", "request")]
    assert len(told) == 2
    for line in told:
        assert (line["request_id"], line["trace_id"], line["span_id"]) == (
            "0f8fad5bd9cb469fa16570867728950e",
            *ids(request),
        )


def test_without_traces_logs_tell_the_callers_trace(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    client = serve(LOG_LEVEL="info")
    client.get("/trials", headers=PARENT)
    client.get("/trials")
    first, second = [line for line in lines(capfd) if line["event"] == "request"]
    assert first["trace_id"] == TRACE
    assert "span_id" not in first
    assert "trace_id" not in second
    assert first["request_id"] != second["request_id"]


def test_a_preflight_has_an_id_of_its_own(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    client = serve(LOG_LEVEL="info")
    client.get("/trials")
    answer = client.options(CALL, headers={"Origin": "https://x.example", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    seen = [line["request_id"] for line in lines(capfd) if line["event"] == "request"]
    assert len(set(seen)) == 2
    assert answer.headers["X-Request-Id"] == seen[1]


# ---- the setting


def test_a_start_without_the_packages_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.tracing.find_spec", lambda _: None)
    given = {"TRIALHOOK_AUTH": "none", "TRIALHOOK_DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    with pytest.raises(SettingsError, match=r"TRIALHOOK_OTLP_ENDPOINT .*pip install 'trialhook\[otel\]'"):
        create_app(settings.load(given | {"TRIALHOOK_OTLP_ENDPOINT": "http://127.0.0.1:4318"}))
    assert create_app(settings.load(given))


@pytest.mark.parametrize("wrong", ["collector:4318", "grpc://collector:4317", "http://user:secret@collector:4318"])
def test_an_endpoint_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="TRIALHOOK_OTLP_ENDPOINT: an address"):
        settings.load({"TRIALHOOK_OTLP_ENDPOINT": wrong})
