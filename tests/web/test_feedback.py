"""What became of cards: stored once, without a word of the user or the patient, and counted by trial and reason."""

import sqlite3
import threading
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.cards import OVERRIDE_REASONS, card_uuid
from service.cli import cli
from service.store import StoreError
from service.web.parts import EXTENSION
from tests.builders import PATINA, SINAI, Json
from tests.web.conftest import CALL, call_body, called, post

FEEDBACK = f"{CALL}/feedback"
WHEN = "2026-11-21T10:00:00Z"
OFFERED = OVERRIDE_REASONS[0]


def accepted(card: str, *suggestions: str, **more: Any) -> Json:
    given = {"acceptedSuggestions": [{"id": s} for s in suggestions]} if suggestions else {}
    return {"card": card, "outcome": "accepted", "outcomeTimestamp": WHEN} | given | more


def overridden(card: str, reason: Json | None = None, **more: Any) -> Json:
    given = {"overrideReason": {"reason": reason}} if reason is not None else {}
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": WHEN} | given | more


def report(client: FlaskClient, *items: Json) -> TestResponse:
    answer = post(client, FEEDBACK, {"feedback": list(items)})
    assert (answer.status_code, answer.json) == (200, {}), answer.get_data(as_text=True)
    return answer


def summary(client: FlaskClient, **days: str) -> dict[str, Json]:
    answer = client.get("/feedback/summary", query_string=days)
    assert answer.status_code == 200
    return {trial["trial"]: trial for trial in answer.json["trials"]}


def rows(tmp_path: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(tmp_path / "service.db")
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute("select * from feedback order by card, outcome, suggestion")]
    connection.close()
    return found


# ---- one card --------------------------------------------------------------------------------------------------------


def test_a_card_that_was_shown_and_followed_is_counted(client: FlaskClient, tmp_path: Path) -> None:
    card = next(c for c in called(client, call_body()) if c["extension"]["org.trialhook.result"]["trial"] == SINAI)
    report(client, accepted(card["uuid"], card["suggestions"][0]["uuid"]))
    fared = summary(client)[SINAI]
    assert fared == {"trial": SINAI, "shown": 1, "accepted": 1, "overridden": 0, "reasons": {},
        "lastFeedback": "2026-11-21"}  # fmt: skip
    (row,) = rows(tmp_path)
    assert (row["card"], row["suggestion"]) == (card["uuid"], card["suggestions"][0]["uuid"])
    assert (row["trial"], row["service"], row["outcome"]) == (SINAI, "trial-match", "accepted")


def test_every_card_of_a_call_is_counted_as_shown_on_the_day_of_the_call(client: FlaskClient) -> None:
    past = call_body(extension={"org.trialhook.request": {"asOf": "2026-11-20"}})
    shown = [c["extension"]["org.trialhook.result"]["trial"] for c in called(client, past)]
    assert {trial: fared["shown"] for trial, fared in summary(client).items()} == dict.fromkeys(shown, 1)
    assert summary(client, until="2026-11-20") == {}


def test_a_single_item_may_come_without_its_list(client: FlaskClient) -> None:
    for item in (accepted(card_uuid(SINAI), card_uuid(SINAI)), overridden(card_uuid(SINAI), {"code": "x"})):
        assert post(client, FEEDBACK, item).json == {}
    fared = summary(client)[SINAI]
    assert (fared["accepted"], fared["overridden"]) == (1, 1)
    assert post(client, FEEDBACK, {"card": card_uuid(SINAI)}).status_code == 400
    assert [e["path"] for e in post(client, FEEDBACK, {"outcome": "accepted"}).json["errors"]] == ["feedback"]


def test_a_card_may_be_accepted_and_overridden(client: FlaskClient) -> None:
    card = card_uuid(SINAI)
    report(client, accepted(card), overridden(card))
    fared = summary(client)[SINAI]
    assert (fared["accepted"], fared["overridden"]) == (1, 1)


def test_the_same_feedback_again_changes_nothing(client: FlaskClient, tmp_path: Path) -> None:
    item = accepted(card_uuid(SINAI), str(uuid4()))
    report(client, item)
    before = rows(tmp_path)
    report(client, item, item)
    report(client, item)
    assert rows(tmp_path) == before
    assert summary(client)[SINAI]["accepted"] == 1


def test_the_latest_reason_of_a_card_counts(client: FlaskClient) -> None:
    card = card_uuid(SINAI)
    later = overridden(card, {"code": "patient-refuses"}, outcomeTimestamp="2026-11-21T12:00:00+01:00")
    report(client, later)
    report(client, overridden(card, {"code": "need-more-info"}))
    assert summary(client)[SINAI]["reasons"] == {"patient-refuses": 1}


def test_several_suggestions_of_a_card_are_one_card(client: FlaskClient) -> None:
    report(client, accepted(card_uuid(SINAI), str(uuid4()), str(uuid4())))
    assert summary(client)[SINAI]["accepted"] == 1


def test_many_cards_in_one_report(client: FlaskClient) -> None:
    items = [accepted(card_uuid(SINAI)) for _ in range(40)] + [overridden(card_uuid(PATINA)) for _ in range(30)]
    report(client, *items)
    found = summary(client)
    assert (found[SINAI]["accepted"], found[PATINA]["overridden"]) == (40, 30)


def test_a_report_has_at_most_a_thousand_items(client: FlaskClient) -> None:
    item = accepted(card_uuid(SINAI))
    assert post(client, FEEDBACK, {"feedback": [item] * 1000}).status_code == 200
    assert post(client, FEEDBACK, {"feedback": [item] * 1001}).status_code == 400


def test_a_report_of_nothing_is_fine(client: FlaskClient) -> None:
    report(client)
    assert summary(client) == {}


# ---- cards that are not ours -----------------------------------------------------------------------------------------


UNKNOWN = "3f1d6a52-9b0e-4c57-8a44-d2f0b7c1e698"


@pytest.mark.parametrize("card", [UNKNOWN, UNKNOWN.upper(), f"urn:uuid:{UNKNOWN}", "0", "card 7 of Ms Doe"])
def test_a_card_that_is_not_ours_is_kept_apart_and_does_not_stop_the_others(client: FlaskClient, card: str) -> None:
    report(client, accepted(card), accepted(card_uuid(SINAI)))
    found = summary(client)
    assert (found[""]["accepted"], found[SINAI]["accepted"]) == (1, 1)


def test_a_name_that_is_no_uuid_is_kept_as_a_uuid(client: FlaskClient, tmp_path: Path) -> None:
    report(client, accepted("Ms Doe", "order for Ms Doe"), accepted("Ms Doe", "order for Ms Doe"))
    (row,) = rows(tmp_path)
    assert UUID(row["card"])
    assert UUID(row["suggestion"])
    assert b"Doe" not in stored(tmp_path)


# ---- reasons and words -----------------------------------------------------------------------------------------------

REASONS = {
    "offered": ({"code": OFFERED.code, "system": OFFERED.system, "display": "x"}, OFFERED.code),
    "offered, without its system": ({"code": OFFERED.code}, OFFERED.code),
    "offered, with an empty system": ({"code": OFFERED.code, "system": None}, OFFERED.code),
    "of another system": ({"code": OFFERED.code, "system": "https://example.org/x"}, "other"),
    "not offered": ({"code": "because", "system": OFFERED.system}, "other"),
    "in words": ({"code": "Ms Doe does not want to"}, "other"),
    "without a code": ({"display": "Ms Doe does not want to"}, "other"),
}


@pytest.mark.parametrize("claim", REASONS)
def test_a_reason_is_one_that_was_offered_or_other(client: FlaskClient, tmp_path: Path, claim: str) -> None:
    reason, kept = REASONS[claim]
    report(client, overridden(card_uuid(SINAI), reason))
    assert summary(client)[SINAI]["reasons"] == {kept: 1}
    assert rows(tmp_path)[0]["reason"] == kept
    assert b"Doe" not in stored(tmp_path)


@pytest.mark.parametrize("more", [{}, {"overrideReason": None}, {"overrideReason": {}},
    {"overrideReason": {"reason": None}}])  # fmt: skip
def test_a_reason_may_be_left_out(client: FlaskClient, more: Json) -> None:
    report(client, overridden(card_uuid(SINAI)) | more)
    assert summary(client)[SINAI]["reasons"] == {}


COMMENT = "Frau Zebrowska from Gdynia said no"


def stored(tmp_path: Path) -> bytes:
    """Every byte of the database, with what has not reached its main file."""
    return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("service.db*")))


def test_a_comment_is_counted_and_never_stored(
    client: FlaskClient, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reason = {"code": "Zebrowska", "system": "https://example.org/Zebrowska", "display": COMMENT}
    item = overridden(card_uuid(SINAI), reason) | {"extension": {"note": COMMENT}, "patient": COMMENT}
    item["overrideReason"] |= {"userComment": COMMENT, "note": COMMENT}
    answer = report(client, item)
    client.application.extensions[EXTENSION].store.dispose()
    assert rows(tmp_path)[0]["had_comment"] == 1
    seen = stored(tmp_path) + "".join(capfd.readouterr()).encode() + client.get("/metrics").get_data()
    seen += answer.get_data() + client.get("/feedback/summary").get_data()
    for word in COMMENT.split()[1:2] + COMMENT.split()[3:4]:
        assert word.encode() not in seen
        assert word.encode("utf-16-le") not in seen
    assert card_uuid(SINAI)[:8].encode() in stored(tmp_path)  # what is looked for would be found


# ---- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "day"), [("2026-11-21T23:30:00-05:00", "2026-11-22"),
    ("2026-11-21T00:30:00.123456+02:00", "2026-11-20"), ("2026-11-21T23:59:59Z", "2026-11-21"),
    ("2026-11-19t10:00:00z", "2026-11-19"), ("2026-11-19 10:00:00Z", "2026-11-19"),
    ("2016-12-31T23:59:59Z", "2016-12-31"), ("2016-12-31T23:59:60Z", "2017-01-01"),
    ("2026-11-19T10:00:00.123456789Z", "2026-11-19"), ("2026-11-19T10:00:00-00:00", "2026-11-19")])  # fmt: skip
def test_the_day_of_feedback_is_that_of_utc(client: FlaskClient, tmp_path: Path, told: str, day: str) -> None:
    report(client, accepted(card_uuid(SINAI), outcomeTimestamp=told))
    assert rows(tmp_path)[0]["day"] == day


@pytest.mark.parametrize("told", [..., None, "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2026-11-21T10:00:00", "2026-11-21", "2026-02-30T10:00:00Z", "2026-11-21T10:00:61Z",
    "x", "", 1763719200, 1e400, True, [], {}, "2026-11-21T10:00:00+99:99"])  # fmt: skip
def test_without_a_time_that_can_be_true_it_is_now(client: FlaskClient, told: Any) -> None:
    item = accepted(card_uuid(SINAI), outcomeTimestamp=told)
    if told is ...:
        del item["outcomeTimestamp"]
    report(client, item)
    assert "2020" < summary(client)[SINAI]["lastFeedback"] < "2100"


WRONG = {
    "no list": {"feedback": {}},
    "no feedback": {},
    "null": {"feedback": None},
    "an item that is none": {"feedback": ["x"]},
    "no card": {"feedback": [{"outcome": "accepted"}]},
    "an empty card": {"feedback": [{"card": "", "outcome": "accepted"}]},
    "a card of 129 characters": {"feedback": [{"card": "a" * 129, "outcome": "accepted"}]},
    "a card that is no text": {"feedback": [{"card": 5, "outcome": "accepted"}]},
    "no outcome": {"feedback": [{"card": "a"}]},
    "another outcome": {"feedback": [{"card": "a", "outcome": "ignored"}]},
    "suggestions without ids": {"feedback": [accepted("a", acceptedSuggestions=[{}])]},
    "suggestions that are none": {"feedback": [accepted("a", acceptedSuggestions="b")]},
    "a reason in words": {"feedback": [overridden("a", overrideReason="no")]},
}


@pytest.mark.parametrize("claim", WRONG)
def test_what_is_no_feedback_is_not_as_described_and_nothing_of_it_is_kept(
    client: FlaskClient, tmp_path: Path, claim: str
) -> None:
    body = WRONG[claim]
    if isinstance(body.get("feedback"), list):
        body = {"feedback": [accepted(card_uuid(SINAI)), *body["feedback"]]}
    answer = post(client, FEEDBACK, body)
    assert (answer.status_code, answer.json["code"]) == (400, "bad-request")
    assert rows(tmp_path) == []


# ---- how they fared --------------------------------------------------------------------------------------------------


def two_days(client: FlaskClient) -> None:
    report(
        client,
        accepted(card_uuid(SINAI), outcomeTimestamp="2026-11-19T10:00:00Z"),
        overridden(card_uuid(SINAI), {"code": "patient-refuses"}, outcomeTimestamp="2026-11-20T10:00:00Z"),
    )


DAYS = {
    "always": ({}, (1, 1)),
    "both days": ({"since": "2026-11-19", "until": "2026-11-20"}, (1, 1)),
    "the first": ({"until": "2026-11-19"}, (1, 0)),
    "the second": ({"since": "2026-11-20"}, (0, 1)),
    "before": ({"until": "2026-11-18"}, None),
    "after": ({"since": "2026-11-21"}, None),
    "the wrong way round": ({"since": "2026-11-20", "until": "2026-11-19"}, None),
}


@pytest.mark.parametrize("claim", DAYS)
def test_a_summary_is_of_the_days_asked_for(client: FlaskClient, claim: str) -> None:
    two_days(client)
    days, expected = DAYS[claim]
    fared = summary(client, **days).get(SINAI)
    assert (fared and (fared["accepted"], fared["overridden"])) == expected


@pytest.mark.parametrize("claim", DAYS)
def test_the_command_tells_the_same(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    two_days(client)
    days, expected = DAYS[claim]
    monkeypatch.setenv("TRIALHOOK_DATABASE_URL", f"sqlite:///{tmp_path}/service.db")
    done = CliRunner().invoke(cli, ["feedback", *(part for name, day in days.items() for part in (f"--{name}", day))])
    assert done.exit_code == 0, done.output
    if expected is None:
        assert (done.stdout, done.stderr) == ("", "no card was shown and no feedback came in this time\n")
    else:
        reasons = " (patient-refuses 1)" if expected[1] else ""
        assert done.stdout == f"{SINAI}  shown 0, accepted {expected[0]}, overridden {expected[1]}{reasons}\n"


def test_the_command_refuses_a_day_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALHOOK_DATABASE_URL", f"sqlite:///{tmp_path}/service.db")
    done = CliRunner().invoke(cli, ["feedback", "--since", "2026-02-30"])
    assert done.exit_code == 2
    assert "2026-02-30" in done.stderr


# ---- without its database --------------------------------------------------------------------------------------------


def away(*_: object, **__: object) -> None:
    raise StoreError("the database at sqlite:///secret-place cannot be used: disk I/O error")


@pytest.mark.parametrize(("method", "lost"), [("POST", "record_feedback"), ("GET", "feedback_summary")])
def test_without_the_database_feedback_is_a_503(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, method: str, lost: str
) -> None:
    monkeypatch.setattr(f"service.store.Store.{lost}", away)
    item = {"feedback": [accepted(card_uuid(SINAI))]}
    answer = post(client, FEEDBACK, item) if method == "POST" else client.get("/feedback/summary")
    assert (answer.status_code, answer.json["code"]) == (503, "database")
    assert answer.headers["Retry-After"] == "5"
    assert "secret-place" not in answer.get_data(as_text=True)


def test_cards_do_not_need_the_database(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for lost in ("count_shown", "keep_explanations", "record_feedback", "explanation"):
        monkeypatch.setattr(f"service.store.Store.{lost}", away)
    monkeypatch.setattr("service.web.counting.EVERY_SECONDS", -1.0)
    assert called(client, call_body())


def test_counts_that_could_not_be_written_are_written_later(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    called(client, call_body())
    with monkeypatch.context() as broken:
        broken.setattr("service.store.Store.count_shown", away)
        assert summary(client) == {}
    called(client, call_body())
    assert summary(client)[SINAI]["shown"] == 2


def test_no_call_waits_for_counts_to_be_written(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_end = threading.Event(), threading.Event()

    def locked(*_: object) -> None:
        asked.set()
        may_end.wait(30)
        raise StoreError("the database is locked")

    monkeypatch.setattr("service.web.counting.EVERY_SECONDS", -1.0)
    with monkeypatch.context() as held:
        held.setattr("service.store.Store.count_shown", locked)
        try:
            assert called(client, call_body())
            assert asked.wait(10)
            assert called(client, call_body())  # and no second one is begun meanwhile
        finally:
            may_end.set()
    assert summary(client)[SINAI]["shown"] == 2
