"""The page behind a card's link: opened by the link alone, for a while, for the trials that are there."""

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.store import StoreError
from service.web.parts import EXTENSION
from tests.builders import ASPIRE, PATINA, SINAI, YALE, Json, Record, eligible
from tests.web.conftest import CALL, Serve, call_body, called, post
from tests.web.test_protection import PUBLIC, protected, token

SECRET = "one-secret-that-is-long-enough-for-this"
NAMED = eligible(SINAI).edit("patient", name=[{"family": "Zebrowska", "given": ["Wilhelmina"]}], birthDate="1971-04-03")


def links(client: FlaskClient, record: Record = NAMED) -> dict[str, str]:
    """trial -> path and query of its page, kept by the time this returns."""
    cards = called(client, call_body(record))
    assert client.application.extensions[EXTENSION].explanations.flush()
    found = {}
    for card in cards:
        parts = urlsplit(card["links"][0]["url"])
        found[card["extension"]["org.trialhook.result"]["trial"]] = f"{parts.path}?{parts.query}"
    return found


def page(answer: TestResponse, status: int = 200) -> str:
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (status, "text/html"), text[:200]
    assert "Zebrowska" not in text
    assert "Wilhelmina" not in text
    assert "Content-Security-Policy" in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    return text


def gone(answer: TestResponse, status: int) -> None:
    text = page(answer, status)
    assert "This link is no longer valid" in text
    assert not any(trial in text for trial in (PATINA, SINAI, YALE, ASPIRE))


@pytest.mark.parametrize("trial", [SINAI, PATINA, YALE, ASPIRE])
def test_the_link_on_a_card_opens_the_page_of_its_trial(shared: FlaskClient, trial: str) -> None:
    text = page(shared.get(links(shared)[trial]))
    criteria = shared.application.extensions[EXTENSION].trials[trial].criteria
    assert {c.id for c in criteria} == set(re.findall(r'id="criterion-([^"]+)"', text))
    readable = " ".join(unescape(text).split())
    for criterion in criteria:
        assert " ".join(criterion.text.split()) in readable
    assert trial in text


def test_the_page_tells_the_outcomes_and_the_evidence_of_the_card(shared: FlaskClient) -> None:
    cards = called(shared, call_body(NAMED))
    shared.application.extensions[EXTENSION].explanations.flush()
    result = next(r for r in (c["extension"]["org.trialhook.result"] for c in cards) if r["trial"] == SINAI)
    card = next(c for c in cards if c["extension"]["org.trialhook.result"] is result)
    readable = " ".join(unescape(page(shared.get(path_of(card)))).split())
    for criterion in result["criteria"]:
        assert " ".join(criterion["reason"].split()) in readable
        for evidence in criterion["evidence"]:
            assert evidence["reference"] in readable
            assert " ".join(evidence["says"].split()) in readable


def path_of(card: Json) -> str:
    return card["links"][0]["url"].removeprefix("http://localhost")


def test_one_link_leads_to_every_trial_of_the_result(shared: FlaskClient) -> None:
    best, address = next(iter(links(shared).items()))
    address = address.partition("?")[0]
    for trial in (SINAI, PATINA, YALE, ASPIRE):
        assert trial in page(shared.get(f"{address}?trial={trial}"))
    assert best in page(shared.get(address))  # where none is named
    for other in ("NCT00000000", "%00", "a" * 500):
        gone(shared.get(f"{address}?trial={other}"), 404)


def test_the_address_names_nobody(shared: FlaskClient) -> None:
    for trial, address in links(shared).items():
        parts = urlsplit(address)
        assert parse_qs(parts.query) == {"trial": [trial]}
        assert re.fullmatch(r"/explain/[A-Za-z0-9_-]{50}", parts.path)
    assert len({links(shared)[SINAI] for _ in range(5)}) == 5


def test_a_page_is_not_signed_in_to(serve: Serve) -> None:
    client = serve(**protected())
    answer = post(client, CALL, call_body(NAMED), headers={"Authorization": token(CALL)})
    address = json.loads(answer.get_data())["cards"][0]["links"][0]["url"]
    client.application.extensions[EXTENSION].explanations.flush()
    assert address.startswith(f"{PUBLIC}/explain/")
    page(client.get(address.removeprefix(PUBLIC)))


# ---- links that open nothing -----------------------------------------------------------------------------------------


def test_a_link_expires(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(EXPLAIN_MINUTES="10")
    explanations = client.application.extensions[EXTENSION].explanations
    began = explanations._clock()
    address = links(client)[SINAI]
    monkeypatch.setattr(explanations, "_clock", lambda: began + 590)
    page(client.get(address))
    monkeypatch.setattr(explanations, "_clock", lambda: began + 602)
    gone(client.get(address), 410)


def forgeries(address: str) -> Iterator[str]:
    path, _, query = address.partition("?")
    token = path.removeprefix("/explain/")
    for place in (0, 5, 12, 20, 30, 40, len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        yield f"/explain/{token[:place]}{other}{token[place + 1 :]}?{query}"
    yield f"/explain/{token[:-1]}?{query}"
    yield f"/explain/{token}A?{query}"
    yield f"/explain/{token}=?{query}"
    yield f"/explain/{token[::-1]}?{query}"
    yield f"/explain/{'A' * len(token)}?{query}"
    yield f"/explain/{token.upper()}?{query}"
    yield "/explain/é"
    yield f"/explain/{'A' * 3000}"


def test_a_forged_link_opens_nothing_and_asks_no_database(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()
    address = links(client)[SINAI]

    def asked(*_: object) -> bytes:
        raise AssertionError("the database was asked")

    monkeypatch.setattr("service.store.Store.explanation", asked)
    for forged in forgeries(address):
        gone(client.get(forged), 404)


def test_processes_share_links_only_with_their_secret(serve: Serve) -> None:
    one, other, stranger, rotated = (
        serve(SECRET=SECRET), serve(SECRET=SECRET), serve(), serve(SECRET=f"{SECRET}-new {SECRET}")
    )  # fmt: skip
    address = links(one)[SINAI]
    page(other.get(address))
    page(rotated.get(address))
    gone(stranger.get(address), 404)
    gone(one.get(links(rotated)[SINAI]), 404)


def test_a_link_without_its_row_opens_nothing(serve: Serve, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    address = links(serve(SECRET=SECRET))[SINAI]
    other = serve(SECRET=SECRET, DATABASE_URL=f"sqlite:///{elsewhere}/other.db")
    gone(other.get(address), 404)


def test_without_the_database_a_link_is_a_503(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()
    address = links(client)[SINAI]

    def away(*_: object) -> bytes:
        raise StoreError("the database at sqlite:///secret-place cannot be used")

    monkeypatch.setattr("service.store.Store.explanation", away)
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert "secret-place" not in answer.get_data(as_text=True)


def test_a_result_that_another_version_kept_is_no_longer_valid(serve: Serve) -> None:
    client = serve()
    explanations = client.application.extensions[EXTENSION].explanations
    token = explanations.seal(b'{"patient": "Patient/p1", "of": "another shape"}')
    explanations.flush()
    gone(client.get(f"/explain/{token}"), 410)


# ---- trials that come and go -----------------------------------------------------------------------------------------


@pytest.fixture
def own_trial(tmp_path: Path) -> Path:
    """A folder with a trial of the site's own."""
    folder = tmp_path / "trials" / "SITE-1"
    shutil.copytree(Path("service/criteria/trials") / PATINA, folder)
    text = (folder / "trial.yaml").read_text("utf-8")
    (folder / "trial.yaml").write_text(re.sub(r"(?m)^id: .*$", "id: SITE-1", text), "utf-8")
    (folder / "cases.yaml").unlink()
    return folder.parent


def test_a_trial_that_is_no_longer_loaded_has_no_page(serve: Serve, own_trial: Path) -> None:
    address = links(serve(SECRET=SECRET, TRIALS=str(own_trial)), eligible(PATINA))["SITE-1"]
    page(serve(SECRET=SECRET, TRIALS=str(own_trial)).get(address))
    without = serve(SECRET=SECRET)
    gone(without.get(address), 404)
    assert PATINA in page(without.get(address.replace("trial=SITE-1", f"trial={PATINA}")))


# ---- what is on the page ---------------------------------------------------------------------------------------------


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{ 7*7 }}javascript:'


def test_a_records_text_is_only_text(shared: FlaskClient) -> None:
    key = next(k for k, r in NAMED.resources.items() if r["resourceType"] == "Condition")
    coded = NAMED.resources[key]["code"]
    record = NAMED.edit(key, code={"coding": [coded["coding"][0] | {"display": HOSTILE}]})
    text = page(shared.get(links(shared, record)[SINAI]))
    assert "alert(1)" in text
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text
    assert "{{ 7*7 }}" in text


def test_a_page_needs_no_script_and_nothing_from_elsewhere(shared: FlaskClient) -> None:
    text = page(shared.get(links(shared)[SINAI]))
    assert "<script" not in text
    assert not re.findall(r"\son\w+=", text)
    loaded = re.findall(r'<(?:link|img|script|iframe|object|embed|source)\b[^>]*?(?:href|src)="([^"]+)"', text)
    assert loaded
    assert not [address for address in loaded if "//" in address]


def test_the_files_of_a_page_are_there_from_its_address(shared: FlaskClient) -> None:
    address = links(shared)[SINAI]
    for name in re.findall(r'<link\b[^>]*?href="([^"]+)"', page(shared.get(address))):
        answer = shared.get(urljoin(address, name))
        assert answer.status_code == 200, name
        answer.close()


def test_only_the_demo_links_evidence_to_its_resources(serve: Serve) -> None:
    plain, demo = serve(), serve(demo=True)
    assert 'href="/fhir/Observation' not in page(plain.get(links(plain)[SINAI]))
    assert 'href="/fhir/Observation' in page(demo.get(links(demo)[SINAI]))
