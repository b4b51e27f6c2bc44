"""Drafts at the point of care: no card unless a site asks for them, and then none that could be taken for checked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import cli
from tests.builders import SINAI, as_json, eligible
from tests.criteria.test_trial_files import HEAD, criterion, trial_in
from tests.web.conftest import Json, Serve, call_body, called, post

DRAFT = HEAD.replace("status: active", "status: draft") + criterion("{age: {at-least: 18}}")


def card_of(cards: list[Json]) -> list[Json]:
    return [c for c in cards if c["extension"]["org.trialhook.result"]["trial"] == "NCT00000001"]


def test_a_draft_gets_no_card_and_is_judged_where_it_is_named(serve: Serve, tmp_path: Path) -> None:
    client = serve(TRIALS=str(trial_in(tmp_path / "own", DRAFT)))
    assert not card_of(called(client, call_body()))
    record = eligible(SINAI).bundle()
    everything = post(client, "/evaluate", record).get_json()["results"]
    assert "NCT00000001" not in {found["trial"] for found in everything}
    (named,) = post(client, "/evaluate?trial=NCT00000001", record).get_json()["results"]
    assert (named["status"], named["grade"]) == ("draft", "probable")


def test_a_draft_that_a_site_asks_for_says_so_on_its_card(serve: Serve, tmp_path: Path) -> None:
    client = serve(TRIALS=str(trial_in(tmp_path / "own", DRAFT)), DRAFTS="yes")
    (card,) = card_of(called(client, call_body()))
    assert card["summary"].startswith("Draft, not checked – EXAMPLE")
    assert "nobody has checked" in card["detail"]
    assert card["extension"]["org.trialhook.result"]["status"] == "draft"


def test_a_retired_trial_gets_no_card_even_where_drafts_do(serve: Serve, tmp_path: Path) -> None:
    retired = DRAFT.replace("status: draft", "status: retired")
    client = serve(TRIALS=str(trial_in(tmp_path / "own", retired)), DRAFTS="yes")
    assert not card_of(called(client, call_body()))


def test_a_card_tells_how_the_patient_stands_with_each_arm(serve: Serve, tmp_path: Path) -> None:
    arms = "arms: [{name: A, type: other, description: a}, {name: B, type: other, description: b}]\n"
    text = HEAD.replace("criteria:\n", f"{arms}criteria:\n") + criterion("{age: {below: 18}}") + "    arms: A\n"
    (card,) = card_of(called(serve(TRIALS=str(trial_in(tmp_path / "own", text))), call_body()))
    assert "A: does not fit; B: fits" in card["detail"]


def test_who_evaluates_by_hand_sees_a_draft_marked_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALHOOK_TRIALS", str(trial_in(tmp_path / "own", DRAFT)))
    (tmp_path / "record.json").write_bytes(as_json(eligible(SINAI).bundle()))
    done = CliRunner().invoke(cli, ["evaluate", "--format", "json", str(tmp_path / "record.json")])
    found = {result["trial"]: result for result in json.loads(done.stdout)["results"]}
    assert (found["NCT00000001"]["status"], found["NCT00000001"]["grade"]) == ("draft", "probable")
    assert "status" not in found[SINAI]
