"""The public CDS Hooks sandbox, a mock EHR in the browser, against the demo: its tokens, preflights, drafts, feedback.

CDS_SANDBOX names a folder with a build of it (`npm ci && npm run build` in a checkout leaves `build`).
"""

import functools
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from service.auth.startup import SANDBOX_ISSUER
from service.demo import AS_OF
from tests.live.servers import Service, free_port, service

pytestmark = pytest.mark.live
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "sandbox"
SINAI = "Anastrozole–palbociclib–dual HER2"
_PATIENCE = 60_000  # milliseconds


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The origin of the sandbox's pages."""
    folder = Path(os.environ.get("CDS_SANDBOX") or "/nowhere")
    if not (folder / "app.bundle.js").exists():
        pytest.skip("CDS_SANDBOX names no folder with a build of the CDS Hooks sandbox")
    if time.strftime("%Y-%m-%d", time.gmtime()) < AS_OF:
        pytest.skip("the sandbox asks as of today, which by this clock is before what is on record")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def running(sandbox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demo, which takes no call without a token, and trusts the key that the sandbox publishes."""
    port = free_port()
    key_set = Path(os.environ["CDS_SANDBOX"]) / ".well-known" / "jwks.json"
    given = {
        "AUTH": "jwt",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CLIENTS": json.dumps({SANDBOX_ISSUER: {"jwks": str(key_set)}}),
        "CORS_ORIGINS": sandbox,
    }
    with service(tmp_path_factory.mktemp("demo"), "--demo", "--workers", "1", port=port, **given) as found:
        yield found


@dataclass(frozen=True)
class Exchange:
    status: int
    sent: Any
    got: Any


class Chart:
    """A page of the sandbox with a patient open, and what it exchanged with the service, by the call's last part."""

    def __init__(self, browser: Any, origin: str, running: Service, patient: str, hook: str, screen: str) -> None:
        self.page = browser.new_page(viewport={"width": 1400, "height": 1200})
        self.page.set_default_timeout(_PATIENCE)
        self.exchanges: dict[str, list[Exchange]] = {}
        self.page.on("response", self._note)
        asked = {
            "fhirServiceUrl": f"{running.base}/fhir",
            "serviceDiscoveryURL": f"{running.base}/cds-services",
            "patientId": patient,
            "hook": hook,
            "screen": screen,
        }
        self.page.goto(f"{origin}/index.html?{urlencode(asked)}")

    def _note(self, response: Any) -> None:
        if "/cds-services/" in response.url and response.request.method == "POST":
            exchange = Exchange(response.status, response.request.post_data_json, response.json())
            self.exchanges.setdefault(response.url.rpartition("/")[2], []).append(exchange)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button).first.click()

    def wait_for(self, call: str) -> Exchange:
        for _ in range(_PATIENCE // 100):
            if self.exchanges.get(call):
                return self.exchanges[call].pop()
            self.page.wait_for_timeout(100)
        return pytest.fail(f"no call of {call}")

    def shot(self, name: str) -> None:
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


def test_a_patient_is_opened_and_a_card_followed_dismissed_and_explained(
    browser: Any, sandbox: str, running: Service
) -> None:
    chart = Chart(browser, sandbox, running, "anna", "patient-view", "patient-view")
    call = chart.wait_for("trial-match")
    assert call.status == 200
    cards = call.got["cards"]
    assert any(SINAI in card["summary"] for card in cards)
    for card in cards:
        chart.page.locator("p", has_text=card["summary"]).wait_for()
    assert chart.page.locator("iframe, form[action], hr + hr").count() == 0
    chart.shot("patient-view")
    with chart.page.expect_popup() as opened:
        chart.press("Explanation")
    assert opened.value.title().endswith("trialhook")
    chart.press("Ask the research team")
    followed = chart.wait_for("feedback")
    assert (followed.status, followed.sent["feedback"][0]["outcome"]) == (200, "accepted")
    chart.page.get_by_label("select dismiss reason").first.click()
    chart.page.get_by_role("menuitem").first.click()
    dismissed = chart.wait_for("feedback")
    assert (dismissed.status, dismissed.sent["feedback"][0]["outcome"]) == (200, "overridden")


def test_a_prescription_that_closes_a_trial_is_warned_of(browser: Any, sandbox: str, running: Service) -> None:
    chart = Chart(browser, sandbox, running, "anna", "order-sign", "rx-sign")
    chart.page.locator("input[name=medication-input]").fill("letrozole")
    chart.press("letrozole 2.5 MG Oral Tablet")
    chart.press("Sign Order")
    call = chart.wait_for("trial-guard-sign")
    assert call.status == 200
    assert [SINAI in card["summary"] for card in call.got["cards"]] == [True]
    chart.page.locator("p", has_text=call.got["cards"][0]["summary"]).wait_for()
    chart.shot("rx-sign")
    chart.press("Put the order on hold")
    assert chart.wait_for("feedback").status == 200
