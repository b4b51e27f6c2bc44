"""FHIR servers, workers and loads that go wrong under a real service: what is not known is said to be unknown.

`docs/faults.md` tells what a user sees of each fault, and what to do.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.builders import SINAI, Json, as_json, eligible, searchset
from tests.live.faulty_fhir import Faulty, Request, faulty, honest
from tests.live.servers import Service, service
from tests.live.test_serving import Load, call, until
from tests.web.conftest import call_body, verdict

pytestmark = pytest.mark.live
FITS = eligible(SINAI)
KIND = "AllergyIntolerance"
MAX_BODY = 1 << 20
# the id, the date of birth and the queries of the patient
TELLING = ("Patient/p1", "=p1", '"p1"', "1960-03-05")

Verdicts = dict[tuple[str, str], tuple[str, str]]


def verdicts(answer: requests.Response) -> Verdicts:
    """Outcome and reason of each trial's criteria, as the cards tell them."""
    assert answer.status_code == 200, answer.text[:500]
    results = [card["extension"]["org.trialhook.result"] for card in answer.json()["cards"]]
    return {(r["trial"], c["id"]): (c["outcome"], c["reason"]) for r in results for c in r["criteria"]}


class Site:
    """A service beside a FHIR server that may fail."""

    def __init__(self, running: Service, fhir: Faulty) -> None:
        self.running = running
        self.fhir = fhir
        self.truth = verdicts(call(running.base))

    def ask(self) -> requests.Response:
        return call(self.running.base, prefetch=None, fhirServer=self.fhir.base)

    def lost(self, answer: requests.Response) -> dict[tuple[str, str], str]:
        """The reasons of what is unknown in an answer and would be known; everything else comes out as in the truth."""
        shown = verdicts(answer)
        assert {trial for trial, _ in self.truth} <= {trial for trial, _ in shown}
        lost = {key: reason for key, (outcome, reason) in shown.items() if outcome == "unknown"}
        for key, (outcome, _) in shown.items():
            if key not in lost and key in self.truth:
                assert outcome == self.truth[key][0]
        return {key: reason for key, reason in lost.items() if self.truth.get(key, ("",))[0] != "unknown"}

    @contextmanager
    def suffering(self, fault: Callable[[Request], bool]) -> Iterator[None]:
        """A fault of the FHIR server; once it is gone the service answers as before, and its log names nobody."""
        self.fhir.asked.clear()
        self.fhir.fault = fault
        try:
            yield
        finally:
            self.fhir.fault = honest
        assert verdicts(self.ask()) == self.truth
        names_nobody(self.running)


def names_nobody(running: Service) -> None:
    log = running.log.read_text()
    assert not [word for word in TELLING if word in log]


def is_problem(answer: requests.Response, status: int, code: str) -> Json:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json; charset=utf-8")
    body: Json = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert not [word for word in TELLING if word in answer.text]
    return body


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    given = {"TIME_BUDGET_MS": "1500", "MAX_BODY": str(MAX_BODY)}
    with (
        faulty(FITS) as fhir,
        service(tmp_path_factory.mktemp("service"), "--workers", "1", FHIR_ALLOWED=fhir.base, **given) as running,
    ):
        yield Site(running, fhir)


# -- a FHIR server fails in one search


def of_allergies(fault: Callable[[Request], bool]) -> Callable[[Request], bool]:
    return lambda request: fault(request) if request.kind == KIND else False


def silent(request: Request) -> bool:
    request.wait(20)
    return request.drop()


def breaks_off(request: Request) -> bool:
    body = as_json(searchset([], KIND))
    request.begin(len(body) + 10)
    request.wfile.write(body)
    return True


def endless(request: Request) -> bool:
    following = f"{request.server.base}/{KIND}?patient=p1&page={request.server.asked.total()}"
    return request.say(searchset([], KIND, next_url=following))


def millions(request: Request) -> bool:
    """A searchset of five million entries, as long as somebody reads."""
    entry = b'{"resource":{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/p1"}}},'
    request.begin(5_000_000 * len(entry))
    request.wfile.write(b'{"resourceType":"Bundle","type":"searchset","entry":[')
    for _ in range(5000):
        request.wfile.write(entry * 1000)
    return True


def of_another(request: Request) -> bool:
    alien = {"resourceType": KIND, "id": "a", "patient": {"reference": "Patient/somebody-else"}}
    return request.say(searchset([alien], KIND))


def of_another_type(request: Request) -> bool:
    return request.say(searchset(FITS.of_type("Condition"), KIND))


FAULTS: dict[str, tuple[Callable[[Request], bool], str]] = {
    "no headers": (silent, "did not arrive in time"),
    "a body that drips": (lambda r: r.drip(as_json(searchset([], KIND)), 1, 0.2), "did not arrive in time"),
    "a body that breaks off": (breaks_off, "the connection to the server broke off"),
    "no answer": (Request.drop, "no connection to the server"),
    "overload": (lambda r: r.say(b"", 503), "the server answered 503"),
    "an error": (lambda r: r.say(b"<html>oops</html>", 500, "text/html"), "the server answered 500"),
    "a page to sign in": (lambda r: r.say(b"<html>sign in</html>", 200, "text/html"), "not JSON"),
    "a page said to be FHIR": (lambda r: r.say(b"<html>sign in</html>"), "not JSON"),
    "FHIR said to be a page": (lambda r: r.say(searchset([], KIND), 200, "text/html"), "not JSON"),
    "nothing at all": (lambda r: r.say(b""), "not JSON"),
    "a resource instead of a Bundle": (lambda r: r.say(FITS.resources["patient"]), "not the Bundle"),
    "another patient's resources": (of_another, "not this patient's"),
    "resources of another type": (of_another_type, "something else was sent"),
    "pages without end": (endless, ""),
    "millions of entries": (millions, f"more than the {MAX_BODY} bytes"),
}  # fmt: skip


@pytest.mark.parametrize("claim", FAULTS)
def test_what_a_search_did_not_bring_is_unknown(site: Site, claim: str) -> None:
    fault, reason = FAULTS[claim]
    with site.suffering(of_allergies(fault)):
        lost = site.lost(site.ask())
        assert site.truth[SINAI, "allergy"][0] == "pass"
        assert f"{KIND} resources: " in lost[SINAI, "allergy"]
        assert reason in lost[SINAI, "allergy"]


def test_pages_without_end_are_counted(site: Site) -> None:
    with site.suffering(of_allergies(endless)):
        lost = site.lost(site.ask())
        told = lost[SINAI, "allergy"]
        assert "more than 200 pages" in told or "did not arrive in time" in told
        assert site.fhir.asked.total() <= 220


def test_what_comes_late_but_in_time_is_known(site: Site) -> None:
    def slow(request: Request) -> bool:
        request.wait(0.3)
        return False

    with site.suffering(slow):
        assert verdicts(site.ask()) == site.truth


# -- a FHIR server fails as a whole


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(silent, "did not arrive in time", id="hangs"),
        pytest.param(Request.drop, "no connection to the server", id="down"),
        pytest.param(lambda r: r.say(b"", 404, "text/html"), "the server answered 404", id="a gateway alone"),
        pytest.param(lambda r: r.say(b"<html>", 200, "text/html"), "the server's answer is not JSON", id="a page"),
    ],
)
def test_without_the_patient_there_is_no_answer(site: Site, fault: Callable[[Request], bool], reason: str) -> None:
    with site.suffering(fault):
        told = is_problem(site.ask(), 412, "insufficient-data")
        assert told["detail"].startswith(f"prefetch.patient: the Patient cannot be read: {reason}")


def test_another_patient_than_asked_for_is_no_answer(site: Site) -> None:
    def another(request: Request) -> bool:
        return request.kind == "Patient" and request.say(FITS.resources["patient"] | {"id": "somebody-else"})

    with site.suffering(another):
        is_problem(site.ask(), 412, "insufficient-data")


def test_a_search_that_gives_everybody_is_not_the_patients(site: Site) -> None:
    """As a server does that ignores a parameter it does not know."""

    def everybody(request: Request) -> bool:
        if request.kind == "Patient":
            return False
        own = FITS.of_type(request.kind)
        others = json.loads(as_json(own).replace(b'p1"', b'somebody-else"'))
        return request.say(searchset([*own, *others], request.kind))

    with site.suffering(everybody):
        lost = site.lost(site.ask())
        assert lost
        assert all("not this patient's" in reason for reason in lost.values())
        assert "resources came that are not the patient's" in site.running.log.read_text()
        # what is certainly the patient's own decides as ever
        assert verdict(site.ask().json()["cards"], SINAI, "anc")[0] == "pass"


@pytest.mark.parametrize("fails", [Request.drop, lambda r: r.say(b"", 503)])
def test_a_server_that_fails_every_first_time_is_asked_again(site: Site, fails: Callable[[Request], bool]) -> None:
    with site.suffering(lambda request: request.attempt == 1 and fails(request)):
        assert verdicts(site.ask()) == site.truth
        assert set(site.fhir.asked.values()) == {2}


@pytest.mark.parametrize("fails", [Request.drop, lambda r: r.say(b"", 503)])
def test_a_server_that_flaps_gives_a_whole_answer_or_says_what_is_missing(
    site: Site, fails: Callable[[Request], bool]
) -> None:
    with site.suffering(lambda request: request.server.asked.total() % 2 == 1 and fails(request)):
        for _ in range(8):
            answer = site.ask()
            if answer.status_code == 200:
                assert all("resources: " in reason for reason in site.lost(answer).values())
            else:
                told = is_problem(answer, 412, "insufficient-data")["detail"]
                assert told.startswith(("prefetch.patient: the Patient cannot be read", "prefetch.conditions: "))


# -- workers


def test_a_worker_killed_in_a_request_leaves_no_half_answer(tmp_path: Path) -> None:
    log = tmp_path / "decisions.ndjson"
    given = {"TIME_BUDGET_MS": "20000", "DECISION_LOG": str(log), "DECISION_KEY": "k" * 40}
    outcomes: list[str] = []
    asked = threading.Event()

    def hangs(request: Request) -> bool:
        asked.set()
        return silent(request)

    with faulty(FITS) as fhir, service(tmp_path, "--workers", "1", FHIR_ALLOWED=fhir.base, **given) as running:
        site = Site(running, fhir)

        def ask() -> None:
            try:
                outcomes.append(str(site.ask().status_code))
            except requests.ConnectionError:
                outcomes.append("no answer")

        with site.suffering(hangs):
            client = threading.Thread(target=ask)
            client.start()
            assert asked.wait(30)
            (victim,) = running.workers()
            os.kill(victim, signal.SIGKILL)
            client.join(30)
            assert outcomes == ["no answer"]
            until(lambda: len(running.workers()) == 1 and victim not in running.workers(), "a new worker")
            # who calls with the record needs no server
            assert verdicts(call(running.base)) == site.truth
    entries = [json.loads(line) for path in tmp_path.glob("decisions-*") for line in path.read_bytes().splitlines()]
    assert len(entries) == 3  # before, meanwhile and afterwards


class Asking(Load):
    """Clients whose calls bring nothing, so that the FHIR server is asked each time."""

    def __init__(self, base: str, fhir: Faulty) -> None:
        super().__init__(base, 8)
        self._body = as_json(call_body(prefetch=None, fhirServer=fhir.base))


# with a server that fails thrice in a row there is a clear answer, too
STOPPED = {"slow": {"200", "turned away"}, "slow and flapping": {"200", "412", "turned away"}}


@pytest.mark.parametrize("claim", STOPPED)
def test_no_request_is_lost_when_a_service_that_waits_for_a_server_is_stopped(tmp_path: Path, claim: str) -> None:
    def fault(request: Request) -> bool:
        request.wait(0.2)
        return claim != "slow" and request.attempt % 2 == 1 and request.say(b"", 503)

    with (
        faulty(FITS) as fhir,
        service(tmp_path, "--workers", "2", FHIR_ALLOWED=fhir.base, TIME_BUDGET_MS="20000") as running,
    ):
        fhir.fault = fault
        with Asking(running.base, fhir) as load:
            until(lambda: load.outcomes["200"] > 10, "some answers")
            running.process.terminate()
            assert running.process.wait(40) == 0
            load.join()
        names_nobody(running)
    assert {"200", "turned away"} <= set(load.outcomes) <= STOPPED[claim]
