"""Alert rules and dashboard ask for what the service's metrics really hold, and every alert is explained."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import responses
from prometheus_client.parser import text_string_to_metric_families

from service.cards import card_uuid
from service.store import StoreError
from service.web.parts import EXTENSION
from tests.builders import SERVER, SINAI, Record, as_json, eligible
from tests.deploy.places import CHART, DEPLOY, ROOT, read_yaml
from tests.web.conftest import CALL, call_body, called, ended, made, post
from tests.web.test_metrics import FAILURES, fetching, server
from tests.web.test_no_patient_data import DRAFT

ALERTS = DEPLOY / "alerts" / "trialhook.yaml"
ALERT_CASES = Path(__file__).parent / "alert_cases.yaml"
DASHBOARD = DEPLOY / "grafana" / "trialhook.json"
RULES: list[dict[str, Any]] = [rule for group in read_yaml(ALERTS)["groups"] for rule in group["rules"]]
PANELS: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
# of Prometheus itself, not of the service
OF_THE_SCRAPE = {"job", "namespace", "instance"}

_SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)(=~|!~|!=|=)\"([^\"]*)\"")
_GROUPING = re.compile(r"\b(?:by|without|ignoring|on|group_left|group_right)\s*\(([^)]*)\)")
_LEGEND = re.compile(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}")
_WORDS = frozenset(
    {
        *("sum", "count", "rate", "increase", "histogram_quantile", "absent", "topk", "and", "or", "unless", "offset"),
        *("by", "without", "ignoring", "on", "group_left", "group_right"),
    }
)


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]


def _expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel.get("targets", ()):
            yield f"{panel['title']} {target['refId']}", target["expr"]


EXPRESSIONS = dict(_expressions())


def _selectors(expression: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Names of metrics with their matchers. Everything that is no word of the query language is one."""
    bare = re.sub(r"\[[^]]*\]|\boffset \d+[smhdw]", " ", _GROUPING.sub(" ", expression))
    found = [(m[1], _MATCHER.findall(m[2] or "")) for m in _SELECTOR.finditer(bare) if m[1] not in _WORDS]
    return [(name, [m for m in matchers if m[0] not in OF_THE_SCRAPE]) for name, matchers in found]


def _matches(sample: Sample, matchers: list[tuple[str, str, str]]) -> bool:
    holds = {
        "=": lambda value, wanted: value == wanted,
        "!=": lambda value, wanted: value != wanted,
        "=~": lambda value, wanted: re.fullmatch(wanted, value) is not None,
        "!~": lambda value, wanted: re.fullmatch(wanted, value) is None,
    }
    return all(holds[how](sample.labels.get(label, ""), wanted) for label, how, wanted in matchers)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """What a service tells after calls of every kind, answered and not."""
    app = made(tmp_path_factory.mktemp("service"), FHIR_ALLOWED=SERVER)
    client = app.test_client()
    called(client, call_body())
    called(client, call_body(Record(eligible(SINAI).resources).drop("lvef")))
    for failure in FAILURES.values():
        with server(lambda _, failure=failure: failure):
            called(client, fetching())
    assert post(client, CALL, call_body(prefetch=None)).status_code == 412
    order = call_body(hook="order-sign")
    order["context"]["draftOrders"] = [DRAFT]
    assert post(client, "/cds-services/trial-guard-sign", order).json["cards"]
    feedback = {"feedback": [{"card": card_uuid(SINAI), "outcome": "accepted"}]}
    assert post(client, f"{CALL}/feedback", feedback).status_code == 200
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(app.extensions[EXTENSION].store, "record_feedback", _fail)
        assert post(client, f"{CALL}/feedback", feedback).status_code == 503
    _refuse(tmp_path_factory.mktemp("protected"))
    text = client.get("/metrics").get_data(as_text=True)
    ended(app)
    return [
        Sample(sample.name, dict(sample.labels))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def _fail(*_: object) -> None:
    raise StoreError("gone")


def _refuse(folder: Path) -> None:
    """A call without a token, where one is asked for."""
    clients = json.dumps({"https://ehr.example.org": {"jwksUrl": "https://ehr.example.org/jwks.json"}})
    with responses.RequestsMock(assert_all_requests_are_fired=False):
        app = made(folder, AUTH="jwt", CLIENTS=clients, PUBLIC_URL="https://trials.example.org")
        answer = app.test_client().post(CALL, data=as_json(call_body()), content_type="application/json")
        assert answer.status_code == 401
        ended(app)


def test_the_reader_of_queries_finds_names_and_matchers() -> None:
    """Otherwise the other tests would look for nothing."""
    text = 'sum by (job, le) (rate(x_total{a="1",b!~"2|3",job="j"}[5m] offset 1d)) / ignoring (c) group_left y > 0.5'
    assert _selectors(text) == [("x_total", [("a", "=", "1"), ("b", "!~", "2|3")]), ("y", [])]
    assert _matches(Sample("x", {"a": "1", "b": "4"}), [("a", "=", "1"), ("b", "!~", "2|3")])
    assert not _matches(Sample("x", {"a": "1", "b": "23"}), [("b", "=~", "2|3")])
    assert len(EXPRESSIONS) > 30


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_every_selector_finds_what_the_service_tells(samples: list[Sample], place: str) -> None:
    expression = EXPRESSIONS[place]
    selectors = _selectors(expression)
    assert selectors
    for name, matchers in selectors:
        found = [sample for sample in samples if sample.name == name]
        assert found, f"{name} is no metric of the service"
        assert [sample for sample in found if _matches(sample, matchers)], f"{name}{matchers} never matches"


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_labels_that_are_grouped_by_are_those_of_the_metrics(samples: list[Sample], place: str) -> None:
    expression = EXPRESSIONS[place]
    asked = {label.strip() for group in _GROUPING.findall(expression) for label in group.split(",") if label.strip()}
    own = {label for name, _ in _selectors(expression) for s in samples if s.name == name for label in s.labels}
    assert asked <= own | OF_THE_SCRAPE


def test_legends_and_summaries_tell_labels_that_the_query_keeps() -> None:
    told = {rule["alert"]: (rule["expr"], rule["annotations"]["summary"]) for rule in RULES}
    told |= {f"{p['title']} {t['refId']}": (t["expr"], t["legendFormat"]) for p in PANELS for t in p.get("targets", ())}
    for place, (expression, text) in told.items():
        kept = {label.strip() for group in _GROUPING.findall(expression) for label in group.split(",")}
        assert set(_LEGEND.findall(text)) <= kept, place


def test_every_metric_is_on_the_dashboard(samples: list[Sample]) -> None:
    shown = {name for panel in PANELS for t in panel.get("targets", ()) for name, _ in _selectors(t["expr"])}
    families = {re.sub(r"_(bucket|sum|count|total|info|created)$", "", s.name) for s in samples}
    own = {name for name in families if name.startswith("trialhook_")}
    assert own == {re.sub(r"_(bucket|sum|count|total|info)$", "", name) for name in shown}


def test_every_panel_has_its_own_id_place_and_name() -> None:
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def _headings() -> dict[str, str]:
    """Anchors of the headings of the operations page, with the text under each."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    parts = re.split(r"(?m)^#+ (.*)$", text)
    return {
        heading.strip("` ").lower().replace(" ", "-"): body
        for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_alert_is_explained_and_nothing_else_is() -> None:
    headings = _headings()
    for rule in RULES:
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert file == "docs/operations.md"
        assert anchor == rule["alert"].lower()
        assert len(headings[anchor].split()) > 20
    assert {name for name in headings if name.startswith("trialhook")} == {rule["alert"].lower() for rule in RULES}


def test_every_metric_is_explained(samples: list[Sample]) -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    told = {s.name for s in samples if s.name.startswith("trialhook_") and not s.name.endswith("_created")}
    own = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told}
    assert {name for name in own if f"`{name}`" not in text} == set()


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = [case for test in read_yaml(ALERT_CASES)["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == {rule["alert"] for rule in RULES}


def test_the_chart_installs_these_very_files() -> None:
    assert ALERTS.resolve() == CHART / "files" / "alerts.yaml"
    assert DASHBOARD.resolve() == CHART / "files" / "dashboard.json"
    template = (CHART / "templates" / "observability.yaml").read_text("utf-8")
    assert re.findall(r'Files\.Get "([^"]+)"', template) == ["files/alerts.yaml", "files/dashboard.json"]
