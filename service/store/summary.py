"""How the cards of each trial fared: shown, accepted, overridden and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, distinct, func, select

from service.store.schema import FEEDBACK, SHOWN

_Conditions = Sequence[ColumnElement[bool]]

_CARDS = func.count(distinct(FEEDBACK.c.card))


class TrialFeedback(msgspec.Struct, frozen=True):
    """How a trial's cards fared: numbers of cards, overridden ones by reason code, the last day of an answer."""

    trial: str
    shown: int
    accepted: int
    overridden: int
    reasons: Mapping[str, int]
    last_day: str


def summary(connection: Connection, since: str, until: str) -> list[TrialFeedback]:
    """Per trial, from the first to the last day given ("" is open), both included."""
    answered = _within(FEEDBACK, since, until)
    overridden = [*answered, FEEDBACK.c.outcome == "overridden"]
    shown = _by_trial(connection, SHOWN, func.sum(SHOWN.c.cards), _within(SHOWN, since, until))
    accepted = _by_trial(connection, FEEDBACK, _CARDS, [*answered, FEEDBACK.c.outcome == "accepted"])
    refused = _by_trial(connection, FEEDBACK, _CARDS, overridden)
    reasons = _reasons(connection, overridden)
    last = _by_trial(connection, FEEDBACK, func.max(FEEDBACK.c.day), answered)
    return [
        TrialFeedback(
            trial=trial,
            shown=int(shown.get(trial, 0)),
            accepted=accepted.get(trial, 0),
            overridden=refused.get(trial, 0),
            reasons=reasons.get(trial, {}),
            last_day=last.get(trial, ""),
        )
        for trial in sorted({*shown, *last})
    ]


def _within(table: Table, since: str, until: str) -> _Conditions:
    day = table.c.day
    return [*([day >= since] if since else []), *([day <= until] if until else [])]


def _by_trial(
    connection: Connection, table: Table, value: ColumnElement[Any], conditions: _Conditions
) -> dict[str, Any]:
    asked = select(table.c.trial, value).where(*conditions).group_by(table.c.trial)
    return {row[0]: row[1] for row in connection.execute(asked)}


def _reasons(connection: Connection, conditions: _Conditions) -> dict[str, dict[str, int]]:
    """Cards by trial and code, for those with a reason."""
    columns = (FEEDBACK.c.trial, FEEDBACK.c.reason)
    asked = select(*columns, _CARDS).where(*conditions, FEEDBACK.c.reason != "").group_by(*columns).order_by(*columns)
    found: dict[str, dict[str, int]] = {}
    for trial, reason, cards in connection.execute(asked):
        found.setdefault(trial, {})[reason] = cards
    return found
