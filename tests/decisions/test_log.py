"""An entry tells versions, settings, grades and hashes, and nothing of a patient; an answer that cannot be logged is
refused, or given and counted."""

import hashlib
import json
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from service import __version__
from service.errors import SettingsError
from service.store import StoreError
from service.web.parts import EXTENSION
from tests.builders import PATINA, SINAI, TRIALS, Record, as_json, eligible
from tests.decisions.conftest import KEY, OTHER_KEY, TEST_DAYS, Site, Trialhook
from tests.decisions.test_replay import ASKED
from tests.web.conftest import CALL, call_body, post, prefetch

WORDS = ("Zebrowska", "Wilhelmina", "zebra-1971", "1971-04-03")


def named() -> Record:
    return eligible(SINAI).edit("patient", name=[{"family": "Zebrowska", "given": ["Wilhelmina"]}])


def test_an_entry_tells_what_bears_on_the_answer(site: Site) -> None:
    client = site.client(TIMEZONE="Europe/Berlin", RECRUITMENT="open", ULN='{"alt": {"high": 50, "unit": "U/L"}}')
    answer = post(
        client,
        f"/evaluate{TEST_DAYS}",
        eligible(SINAI).bundle(),
        headers={"X-Request-Id": "0f8fad5bd9cb469fa16570867728950e"},
    )
    (entry,) = site.decisions
    assert (entry["endpoint"], entry["question"], entry["request"]) == (
        "evaluate",
        "result",
        "0f8fad5bd9cb469fa16570867728950e",
    )
    assert (entry["asOf"], entry["trialhook"]) == ("2026-11-21", __version__)
    assert entry["basis"]["timezone"] == "Europe/Berlin"
    assert entry["basis"]["recruitment"] == "open"
    assert entry["basis"]["uln"] == {"alt": {"high": 50, "unit": "U/L"}}
    told = {(t["id"], t["version"], t["grade"]) for t in entry["trials"]}
    assert told == {(r["trial"], r["version"], r["grade"]) for r in json.loads(answer.get_data())["results"]}
    assert all(len(trial["digest"]) == 64 for trial in entry["trials"])


def test_the_same_question_has_the_same_hashes_and_another_other_ones(site: Site) -> None:
    client = site.client()
    for record in (eligible(SINAI), eligible(SINAI), eligible(PATINA)):
        post(client, f"/evaluate{TEST_DAYS}", record.bundle())
    one, same, other = site.decisions
    assert (one["input"], one["answer"], one["patient"]) == (same["input"], same["answer"], same["patient"])
    assert one["patient"] == other["patient"]
    assert one["input"] != other["input"]
    assert one["answer"] != other["answer"]
    assert one["decision"] != same["decision"]


def test_hashes_cannot_be_made_without_the_key(site: Site) -> None:
    answer = post(site.client(), f"/evaluate{TEST_DAYS}", eligible(SINAI).bundle()).get_data()
    (entry,) = site.decisions
    assert entry["answer"] != hashlib.sha256(answer).hexdigest()
    assert entry["patient"] != hashlib.sha256(b"Patient/p1").hexdigest()
    post(site.client(DECISION_KEY=OTHER_KEY), f"/evaluate{TEST_DAYS}", eligible(SINAI).bundle())
    assert all(site.decisions[1][name] != entry[name] for name in ("key", "patient", "input", "answer"))
    assert KEY not in site.logs[0].read_text()


def test_nothing_of_a_patient_is_in_the_log_or_the_inputs_kept(site: Site) -> None:
    client = site.client(DECISION_INPUTS="yes")
    record = named()
    body = call_body(context={"userId": "Practitioner/Zebrowska", "patientId": "zebra-1971"})
    body["prefetch"] = json.loads(as_json(prefetch(record)).replace(b"p1", b"zebra-1971"))
    assert post(client, CALL, body).status_code == 200
    assert post(client, f"/evaluate{TEST_DAYS}", record.bundle()).status_code == 200
    written = b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())
    assert len(site.decisions) == 2
    assert not [word for word in WORDS if word.encode() in written]


@pytest.mark.parametrize("claim", ASKED)
def test_what_is_refused_is_no_decision(site: Site, claim: str) -> None:
    path, body = ASKED[claim]
    client = site.client()
    assert post(client, path, as_json(body)[:-5]).status_code == 400
    assert site.logs == []


@pytest.mark.parametrize("claim", ASKED)
@pytest.mark.parametrize("wanted", ["refuse", "answer"])
def test_an_answer_that_cannot_be_logged_is_refused_or_given_as_the_site_wants(
    site: Site, claim: str, wanted: str
) -> None:
    client = site.client(UNRECORDED=wanted)
    before = REGISTRY.get_sample_value("trialhook_unrecorded_total", {"what": "decision"})
    site.folder.joinpath(f"decisions-{_today(client)}.ndjson").mkdir()  # no file can be opened under its name
    answer = post(client, *ASKED[claim])
    assert answer.status_code == (503 if wanted == "refuse" else 200)
    if wanted == "refuse":
        assert answer.json["code"] == "not-recorded"
        assert not [word for word in ("p1", "decisions-", str(site.folder)) if word in answer.get_data(as_text=True)]
    assert REGISTRY.get_sample_value("trialhook_unrecorded_total", {"what": "decision"}) == (before or 0) + 1


def _today(client) -> str:
    from service.store.journals import day_of

    return day_of(client.application.extensions[EXTENSION].decisions._clock()).isoformat()


def test_a_database_that_fails_refuses_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site.client(DECISION_LOG="database")

    def failing(*_: object) -> None:
        raise StoreError("no")

    monkeypatch.setattr("service.store.journals.DatabaseJournal.append", failing)
    assert post(client, CALL, call_body()).status_code == 503


CONTRADICTIONS = {
    "a log without a key": {"DECISION_KEY": ""},
    "inputs of no log": {"DECISION_LOG": "none", "DECISION_INPUTS": "yes"},
    "a token for no server": {"AUDIT_TOKEN": "secret"},
}


@pytest.mark.parametrize("claim", CONTRADICTIONS)
def test_settings_that_contradict_each_other_stop_the_start(site: Site, claim: str) -> None:
    with pytest.raises(SettingsError, match="TRIALHOOK_"):
        site.client(**CONTRADICTIONS[claim])


def test_nothing_is_written_unless_it_is_asked_for(tmp_path: Path) -> None:
    from tests.web.conftest import ended, made

    app = made(tmp_path)
    assert post(app.test_client(), CALL, call_body()).status_code == 200
    ended(app)
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"service.db"}


def test_the_export_finds_a_patient_under_every_key(site: Site, trialhook: Trialhook) -> None:
    for keys in (KEY, f"{OTHER_KEY} {KEY}"):
        client = site.client(DECISION_KEY=keys, DECISION_LOG="database")
        post(client, f"/evaluate{TEST_DAYS}", eligible(SINAI).bundle())
    other = json.loads(as_json(eligible(SINAI).bundle()).replace(b'p1"', b'p2"'))
    post(client, f"/evaluate{TEST_DAYS}", other)
    assert len(trialhook("decisions", "export").lines) == 3
    assert len(trialhook("decisions", "export", "--patient", "Patient/p1").lines) == 2
    assert len(trialhook("decisions", "export", "--patient", "Patient/none").lines) == 0
    today = _today(client)
    assert len(trialhook("decisions", "export", "--since", today, "--until", today).lines) == 3
    assert trialhook("decisions", "export", "--until", "2020-01-01").lines == []


def test_the_log_names_every_trial_that_a_hook_asked_about(site: Site) -> None:
    post(site.client(), *ASKED["order-sign"])
    (entry,) = site.decisions
    assert set(TRIALS) <= {trial["id"] for trial in entry["trials"]}
    assert SINAI in entry["closes"]
