"""What several records of therapy say together, and how their dates lie to the day of metastasis."""

import msgspec
from msgspec import UNSET, structs

from service.criteria.drugs import cite_exposure, cite_nameless, gap_in_drugs
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure
from service.criteria.findings import Evidence, Finding, Need, failed, newest_first, passed, review, unknown
from service.criteria.logic import Basis
from service.criteria.spans import Span
from service.criteria.wording import listed

UNPLACED = "before or after the metastasis"


class Weighed(msgspec.Struct):
    """What several records say together: the worst decides. `harmless_why` says why the harmless ones do not where
    something else does."""

    against: list[Evidence] = msgspec.field(default_factory=list)
    doubtful: list[tuple[Evidence, Basis]] = msgspec.field(default_factory=list)
    judged: list[Evidence] = msgspec.field(default_factory=list)
    harmless: list[Evidence] = msgspec.field(default_factory=list)
    harmless_why: str = "not now"

    def finding(
        self, ev: Evaluation, what: str, need: Need, types: tuple[str, ...] = (), earlier: Basis = "no-record"
    ) -> Finding:
        """The outcome. `earlier` is the basis of a pass beside harmless records: a washout is asked about what was
        given, so they answer it; "none now" and "none since" still rest on silence."""
        if self.against:
            return failed(f"{what}: {listed(newest_first(self.against))}", self._shown(self.against))
        evidence = self._shown()
        if self.doubtful:
            first, basis = self.doubtful[0]
            why = first.why if isinstance(first.why, str) else "not certain"
            alike = listed(newest_first(e for e, _ in self.doubtful if e.why == first.why))
            if basis == "missing" and need.input != "metastasis":
                need = structs.replace(need, lacks="details")
            return unknown(basis, f"{what}? {alike}: {why}", evidence, (need,))
        gap, basis = gap_in_drugs(ev)
        gap = gap or (ev.record.unread(*types) if types else "")
        if gap:
            return unknown(basis, f"no {what} found, but {gap}", (*evidence, *cite_nameless(ev)), (need,))
        if self.judged:
            return review(f"{listed(newest_first(self.judged))}: a person judges", self._shown(self.judged))
        if self.harmless:
            deciding = self.harmless if earlier == "recorded" else None
            return passed(f"no {what}; earlier: {listed(newest_first(self.harmless))}", self._shown(deciding), earlier)
        return passed(f"no record of {what}", (), "no-record")

    def _shown(self, deciding: list[Evidence] | None = None) -> tuple[Evidence, ...]:
        """Everything that was looked at: first what decides, then what does not, with the reason; newest first."""
        aside = [e for e, _ in self.doubtful]
        for others, why in ((self.judged, "a person judges"), (self.harmless, self.harmless_why)):
            if others is not deciding:
                aside += (_set_aside(e, why) for e in others)
        decided = [structs.replace(e, used=True, why=UNSET) for e in deciding or ()]
        return (*newest_first(decided), *newest_first(aside))


def day_or(since: Span | None, weighed: Weighed, therapy: str) -> Need:
    """What is missing of therapy that is on record: the day of metastasis where it is not known, or not to the day and
    that is what leaves it open; else the therapy."""
    if since is None:
        return Need("metastasis" if weighed.doubtful else therapy, "missing")
    unplaced = since.first < since.last and any(e.why == UNPLACED for e, _ in weighed.doubtful)
    return Need("metastasis" if unplaced else therapy, "missing")


def _set_aside(evidence: Evidence, why: str) -> Evidence:
    """Set aside for its own reason, else the one given."""
    return structs.replace(evidence, used=False, why=why) if evidence.used else evidence


def because(exposure: Exposure, why: str) -> Evidence:
    return cite_exposure(exposure, False, why)


def on_or_after(start: Span, since: Span) -> bool | None:
    """Whether something started on or after a day that is itself a span."""
    if start.first >= since.last:
        return True
    if start.last < since.first:
        return False
    return None
