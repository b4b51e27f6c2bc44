"""What the views work with: the parts of one running service, put together in `service.app`."""

import hashlib
from collections.abc import Callable
from typing import cast

import msgspec
from flask import current_app, request

from service.audit_events import AuditTrail
from service.auth import Gate
from service.cards import Desk
from service.chart import Chart
from service.criteria.catalogue import Trial
from service.decisions import DecisionLog
from service.explanations import Explanations
from service.prefetch import Query
from service.screening import Screening
from service.settings import Settings
from service.store import Store
from service.web.counting import ShownCards

EXTENSION = "trialhook"


class Parts(msgspec.Struct, frozen=True):
    """One of each. `gate` is None where anyone may call; `today` is the day of a call that names none; `decisions` and
    `audit` are None where nothing is to be written down."""

    settings: Settings
    screening: Screening
    trials: dict[str, Trial]
    queries: tuple[Query, ...]
    chart: Chart
    desk: Desk
    store: Store
    explanations: Explanations
    shown: ShownCards
    gate: Gate | None
    today: Callable[[], int]
    decisions: DecisionLog | None = None
    audit: AuditTrail | None = None

    @property
    def trials_digest(self) -> str:
        """Names the trials that judge: the same where every file is the same."""
        told = "".join(f"{trial.id} {trial.digest}\n" for trial in sorted(self.trials.values(), key=lambda t: t.id))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def parts() -> Parts:
    return cast(Parts, current_app.extensions[EXTENSION])


def public_base() -> str:
    """The address that links begin with: the one configured, else the one the caller used."""
    return parts().desk.public_url or request.url_root.rstrip("/")
