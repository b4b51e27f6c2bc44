"""What was answered is answered again from the same input, bit by bit; what is not as it was is named."""

import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import responses

from tests.builders import ASPIRE, SERVER, SINAI, Json, as_json, eligible, laboratory
from tests.builders import Loinc as L
from tests.decisions.conftest import KEY, OTHER_KEY, TEST_DAYS, Site, Trialhook
from tests.web.conftest import CALL, call_body, post, prefetch
from tests.web.test_guard import CLARITHROMYCIN, PARACETAMOL, bundle, drug, guard_call

BUNDLE = eligible(SINAI).bundle()
PARAMETERS = {"resourceType": "Parameters", "parameter": [{"name": "patient", "resource": BUNDLE}]}
WHAT_IF = PARAMETERS | {
    "parameter": [*PARAMETERS["parameter"], {"name": "draftOrders", "resource": bundle(drug(CLARITHROMYCIN))}]
}
SOME = {key: prefetch(eligible(SINAI))[key] for key in ("patient", "conditions")}
ASKED: dict[str, tuple[str, Json]] = {
    "patient-view": (CALL, call_body()),
    "patient-view without some": (CALL, call_body(prefetch=SOME)),
    "order-sign": ("/cds-services/trial-guard-sign", guard_call(bundle(drug(CLARITHROMYCIN)))),
    "order-select": ("/cds-services/trial-guard-select", guard_call(bundle(drug(CLARITHROMYCIN)), sign=False)),
    "orders that no trial reads": ("/cds-services/trial-guard-sign", guard_call(bundle(drug(PARACETAMOL)))),
    "evaluate": (f"/evaluate{TEST_DAYS}", BUNDLE),
    "evaluate one trial": (f"/evaluate{TEST_DAYS}&trial={ASPIRE}", BUNDLE),
    "evaluate what if": (f"/evaluate{TEST_DAYS}", WHAT_IF),
    "getClinicalTrial": (f"/getClinicalTrial{TEST_DAYS}", BUNDLE),
    "$match": (f"/fhir/ResearchStudy/$match{TEST_DAYS}", PARAMETERS),
}  # fmt: skip


def ask(site: Site, path: str, body: Any, **given: str) -> Path:
    """A call that is answered; -> the file that its body was written to."""
    answer = post(site.client(**given), path, body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    kept = site.folder / "input.json"
    kept.write_bytes(as_json(body))
    return kept


@pytest.mark.parametrize("claim", ASKED)
def test_every_kind_of_answer_is_given_again(site: Site, trialhook: Trialhook, claim: str) -> None:
    kept = ask(site, *ASKED[claim])
    ran = trialhook("replay", *site.logs, "--inputs", kept)
    (line,) = ran.lines
    assert (ran.code, line["verdict"], line.get("because")) == (0, "same", None), line
    assert line["decision"] == site.decisions[0]["decision"]


@pytest.mark.parametrize("claim", ["patient-view", "evaluate"])
def test_a_changed_resource_is_an_unknown_input(site: Site, trialhook: Trialhook, claim: str) -> None:
    path, body = ASKED[claim]
    kept = ask(site, path, body)
    kept.write_bytes(kept.read_bytes().replace(b'"valueQuantity":{"value":', b'"valueQuantity":{"value":1', 1))
    assert kept.read_bytes() != as_json(body)
    ran = trialhook("replay", *site.logs, "--inputs", kept)
    assert ran.code == 1
    assert ran.lines[0]["verdict"] == "not-reproduced"
    assert ran.lines[0]["because"] == [{"what": "input", "logged": site.decisions[0]["input"]}]


def amended(folder: Path, change: Callable[[str], str]) -> Path:
    """The folder of a trial of one's own that replaces a built-in one."""
    text = (files("service.criteria") / "trials" / SINAI / "trial.yaml").read_text("utf-8")
    assert change(text) != text
    place = folder / "trials" / SINAI
    place.mkdir(parents=True, exist_ok=True)
    (place / "trial.yaml").write_text(change(text), "utf-8")
    return folder / "trials"


def test_a_changed_trial_file_is_another_version_until_the_old_one_is_found(site: Site, trialhook: Trialhook) -> None:
    own = amended(site.folder, lambda text: text + "\n# first\n")
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE, TRIALS=str(own))
    archive = site.folder / "archive"
    archive.mkdir()
    (archive / "sinai-first.yaml").write_text((own / SINAI / "trial.yaml").read_text("utf-8"), "utf-8")
    amended(site.folder, lambda text: text + "\n# second\n")
    ran = trialhook("replay", *site.logs, "--inputs", kept)
    (missing,) = ran.lines[0]["because"]
    assert (ran.code, ran.lines[0]["verdict"]) == (1, "not-reproduced")
    assert (missing["what"], missing["name"]) == ("trial-version", SINAI)
    assert missing["logged"]["digest"] == next(t["digest"] for t in site.decisions[0]["trials"] if t["id"] == SINAI)
    assert missing["here"]["digest"] != missing["logged"]["digest"]
    assert trialhook("replay", *site.logs, "--inputs", kept, "--trials", archive).code == 0


def test_other_upper_limits_are_named_and_so_is_what_they_change(site: Site, trialhook: Trialhook) -> None:
    record = eligible(SINAI).put(alt=laboratory(L.ALT, 70, "U/L"))
    kept = ask(site, f"/evaluate{TEST_DAYS}", record.bundle(), ULN='{"alt": {"high": 100, "unit": "U/L"}}')
    site.given["ULN"] = '{"alt": {"high": 10, "unit": "U/L"}}'
    ran = trialhook("replay", *site.logs, "--inputs", kept)
    (line,) = ran.lines
    assert (ran.code, line["verdict"]) == (1, "differs")
    what = {(found["what"], found.get("name", "")) for found in line["because"]}
    assert {("settings", "ULN"), ("answer", ""), ("grade", SINAI)} <= what


def test_settings_that_change_no_bit_of_the_answer_are_told_beside_the_same_answer(
    site: Site, trialhook: Trialhook
) -> None:
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE)
    site.given["RECRUITMENT"] = "open"
    ran = trialhook("replay", *site.logs, "--inputs", kept)
    (line,) = ran.lines
    assert (ran.code, line["verdict"]) == (0, "same")
    assert line["because"] == [{"what": "settings", "name": "RECRUITMENT", "logged": "any", "here": "open"}]


def test_an_answer_of_another_version_is_compared_but_for_its_number(
    site: Site, trialhook: Trialhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE)
    for module in ("service.criteria.evaluate", "service.decisions.replay"):
        monkeypatch.setattr(f"{module}.__version__", "99.0.0")
    (line,) = trialhook("replay", *site.logs, "--inputs", kept).lines
    assert (line["verdict"], line["because"][0]["what"]) == ("same", "trialhook")


def test_an_altered_answer_is_found(site: Site, trialhook: Trialhook) -> None:
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE)
    log = site.logs[0]
    log.write_text(log.read_text().replace(site.decisions[0]["answer"], "0" * 64))
    ran = trialhook("replay", log, "--inputs", kept)
    assert (ran.code, ran.lines[0]["verdict"], ran.lines[0]["because"][0]["what"]) == (1, "differs", "answer")


def test_keys_are_rotated_and_old_decisions_still_replayed(site: Site, trialhook: Trialhook) -> None:
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE)
    ask(site, f"/evaluate{TEST_DAYS}", BUNDLE, DECISION_KEY=f"{OTHER_KEY} {KEY}")
    first, second = site.decisions
    assert first["key"] != second["key"]
    for name in ("input", "patient", "answer"):
        assert first[name] != second[name]
    assert trialhook("replay", *site.logs, "--inputs", kept).code == 0
    site.given["DECISION_KEY"] = OTHER_KEY
    ran = trialhook("replay", *site.logs, "--inputs", kept)
    assert [line["verdict"] for line in ran.lines] == ["not-reproduced", "same"]
    assert ran.lines[0]["because"] == [{"what": "key", "logged": first["key"]}]


def test_a_record_that_came_from_a_server_is_replayed_from_the_input_that_was_kept(
    site: Site, trialhook: Trialhook
) -> None:
    found = prefetch(eligible(SINAI))
    client = site.client(DECISION_INPUTS="yes", FHIR_ALLOWED=SERVER)
    body = call_body(fhirServer=SERVER, prefetch={"patient": found["patient"]})
    with responses.RequestsMock() as server:
        server.get(f"{SERVER}/Condition", json=json.loads(as_json(found["conditions"])))
        server.get(re.compile(rf"{SERVER}/.*"), status=404)
        assert post(client, CALL, body).status_code == 200
    (kept,) = (site.folder / "decisions-inputs").rglob("[0-9a-f]" * 64)
    assert b"Condition" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert trialhook("replay", *site.logs, "--inputs", kept.parent).code == 0
    (site.folder / "call.json").write_bytes(as_json(body))
    assert trialhook("replay", *site.logs, "--inputs", site.folder / "call.json").code == 1
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    assert trialhook("replay", *site.logs, "--inputs", kept.parent).code == 1


def test_the_database_holds_log_and_inputs(site: Site, trialhook: Trialhook) -> None:
    ask(site, CALL, call_body(), DECISION_LOG="database", DECISION_INPUTS="yes")
    ran = trialhook("replay", "--database")
    assert (ran.code, [line["verdict"] for line in ran.lines]) == (0, ["same"])
    exported = trialhook("decisions", "export")
    assert [line["decision"] for line in exported.lines] == [ran.lines[0]["decision"]]


WRONG: dict[str, tuple[list[str], int]] = {
    "neither a log nor the database": ([], 2),
    "both": (["--database", "log.ndjson"], 2),
    "a log that is not there": (["none.ndjson"], 3),
    "inputs that are not there": (["--database", "--inputs", "none"], 2),
    "a database without tables": (["--database"], 3),
}


@pytest.mark.parametrize("claim", WRONG)
def test_wrong_use_and_sources_that_cannot_be_read_have_their_exit_codes(
    site: Site, trialhook: Trialhook, claim: str
) -> None:
    arguments, code = WRONG[claim]
    ran = trialhook("replay", *arguments)
    assert (ran.code, ran.lines) == (code, []), ran.err


def test_a_line_that_is_no_decision_is_not_reproduced_and_ends_nothing(site: Site, trialhook: Trialhook) -> None:
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE)
    log = site.logs[0]
    log.write_bytes(b'{"decision":\n[]\n' + log.read_bytes() + b'{"torn')
    ran = trialhook("replay", log, "--inputs", kept)
    assert ran.code == 1
    assert [line["verdict"] for line in ran.lines] == ["not-reproduced", "not-reproduced", "same", "not-reproduced"]


def test_no_key_no_replay(site: Site, trialhook: Trialhook) -> None:
    site.given = {"DATABASE_URL": site.given["DATABASE_URL"], "DECISION_KEY": ""}
    ran = trialhook("replay", "--database")
    assert ran.code == 2
    assert "TRIALHOOK_DECISION_KEY" in ran.err


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"hook":"patient-view","context":{}}'])
def test_files_that_are_no_input_are_passed_over(site: Site, trialhook: Trialhook, text: bytes) -> None:
    kept = ask(site, f"/evaluate{TEST_DAYS}", BUNDLE)
    (site.folder / "other.json").write_bytes(text)
    assert trialhook("replay", *site.logs, "--inputs", kept, "--inputs", site.folder / "other.json").code == 0
