"""Feedback: what is shown and answered is counted by trial, repeated reports count once, free text stays outside."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from service.store import OTHER_REASON, FeedbackItem, Store, TrialFeedback, offered_reason
from tests.store.processes import together

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OFFERED = [("patient-ineligible", "https://codes.example.org/a"), ("patient-refuses", "https://codes.example.org/b")]


def uuid(number: int) -> str:
    return str(UUID(int=number))


def item(card: int = 1, outcome: str = "overridden", **changed) -> FeedbackItem:
    given = {"trial": "NCT00000001", "service": "trial-match", "at": NOON, **changed}
    return FeedbackItem(card=uuid(card), outcome=outcome, **given)


def only(store: Store, **days: str) -> TrialFeedback:
    (found,) = store.feedback_summary(**days)
    return found


def count_often(url: str) -> None:
    store = Store(url)
    for _ in range(50):
        store.count_shown({"b": 1, "a": 2}, "2026-11-21")
        store.record_feedback([item(2), item(1)])
    store.dispose()


def test_an_empty_store_has_nothing_to_tell(store):
    assert store.feedback_summary() == []


def test_cards_shown_add_up_by_trial_and_day(store):
    store.count_shown({"a": 2, "b": 1, "c": 0}, "2026-11-20")
    store.count_shown({"a": 3}, "2026-11-20")
    store.count_shown({"a": 10}, "2026-11-21")
    store.count_shown({}, "2026-11-21")
    assert {found.trial: found.shown for found in store.feedback_summary()} == {"a": 15, "b": 1}
    assert only(store, since="2026-11-21").shown == 10
    assert {found.trial: found.shown for found in store.feedback_summary(until="2026-11-20")} == {"a": 5, "b": 1}


def test_answers_are_counted_by_trial(store):
    store.count_shown({"NCT00000001": 4}, "2026-11-21")
    reasons = ["patient-ineligible", "patient-ineligible", "", OTHER_REASON]
    store.record_feedback([item(card, reason=reason) for card, reason in enumerate(reasons)])
    store.record_feedback([item(9, "accepted", at=NOON + timedelta(days=2)), item(10, trial="")])
    assert store.feedback_summary() == [
        TrialFeedback("", 0, 0, 1, {}, "2026-11-21"),
        TrialFeedback("NCT00000001", 4, 1, 4, {"other": 1, "patient-ineligible": 2}, "2026-11-23"),
    ]


def test_a_report_that_is_repeated_counts_once(store):
    for _ in range(3):
        store.record_feedback([item(), item()])
    assert only(store).overridden == 1


def test_a_uuid_is_the_same_in_capitals(store):
    card = "ABCDEFAB-0000-4000-8000-000000000001"
    given = {"trial": "a", "service": "s", "outcome": "accepted", "at": NOON}
    store.record_feedback([FeedbackItem(card=card, **given), FeedbackItem(card=card.lower(), **given)])
    assert only(store).accepted == 1


def test_a_card_with_several_suggestions_taken_is_one_card(store):
    store.record_feedback([item(outcome="accepted", suggestions=(uuid(7), uuid(8)))])
    store.record_feedback([item(outcome="accepted", suggestions=(uuid(8),))])
    assert only(store).accepted == 1


def test_a_card_may_be_overridden_and_accepted(store):
    store.record_feedback([item(), item(outcome="accepted")])
    assert (only(store).accepted, only(store).overridden) == (1, 1)


def test_the_latest_report_of_a_card_counts(store):
    store.record_feedback([item(reason="patient-refuses", at=NOON)])
    store.record_feedback([item(reason="patient-ineligible", at=NOON + timedelta(seconds=1))])
    store.record_feedback([item(reason="patient-refuses", at=NOON)])
    assert only(store).reasons == {"patient-ineligible": 1}


def test_the_latest_report_counts_within_one_call_too(store):
    store.record_feedback([item(reason="patient-ineligible", at=NOON + timedelta(1)), item(reason="patient-refuses")])
    assert only(store).reasons == {"patient-ineligible": 1}


def test_days_are_those_of_utc_and_both_ends_belong_to_the_span(store):
    at = datetime(2026, 11, 21, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    store.record_feedback([item(at=at)])
    assert only(store, since="2026-11-22", until="2026-11-22").last_day == "2026-11-22"
    assert store.feedback_summary(since="2026-11-23") == []
    assert store.feedback_summary(until="2026-11-21") == []


@pytest.mark.parametrize("day", ["20261121", "21.11.2026", "2026-11-31", "yesterday"])
def test_another_spelling_of_a_day_is_refused(store, day):
    for call in (lambda: store.feedback_summary(since=day), lambda: store.count_shown({"a": 1}, day)):
        with pytest.raises(ValueError):
            call()


def test_processes_that_count_at_once_lose_nothing(store, url):
    together(count_often, url)
    shown = {found.trial: found.shown for found in store.feedback_summary()}
    assert shown == {"NCT00000001": 0, "a": 200, "b": 100}


@pytest.mark.parametrize(
    "changed",
    [
        {"trial": "a patient of mine"},
        {"service": "trial match"},
        {"reason": "Mrs Example declined"},
        {"reason_system": "not a system"},
        {"suggestions": ("take it",)},
        {"outcome": "ignored"},
        {"at": datetime(2026, 11, 21)},  # noqa: DTZ001
        {"at": datetime(1999, 12, 31, tzinfo=UTC)},
        {"trial": "a" * 129},
    ],
    ids=str,
)
def test_free_text_is_no_feedback(changed):
    with pytest.raises(ValueError):
        item(**changed)


def test_a_card_is_a_uuid():
    with pytest.raises(ValueError):
        FeedbackItem(card="Mrs Example", trial="", service="s", outcome="accepted", at=NOON)


@pytest.mark.parametrize(
    ("code", "system", "kept"),
    [
        ("patient-refuses", "https://codes.example.org/b", OFFERED[1]),
        ("patient-refuses", "", OFFERED[1]),
        ("patient-refuses", "https://codes.example.org/a", ("other", "")),
        ("Mrs Example declined", "", ("other", "")),
        ("", "", ("other", "")),
    ],
)
def test_only_reasons_that_we_offer_are_kept(code, system, kept):
    assert offered_reason(code, system, OFFERED) == kept
