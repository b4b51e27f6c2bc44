"""What several records of therapy say together, and how their dates lie to the day of metastasis."""

import msgspec

from service.criteria.drugs import cite_exposure, gap_in_drugs
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure
from service.criteria.findings import Evidence, Finding, Need, failed, passed, review, unknown
from service.criteria.logic import Basis
from service.criteria.spans import Span
from service.criteria.wording import listed

UNPLACED = "before or after the metastasis"


class Weighed(msgspec.Struct):
    """What several records say together: the worst decides."""

    against: list[Evidence] = msgspec.field(default_factory=list)
    doubtful: list[tuple[Evidence, Basis]] = msgspec.field(default_factory=list)
    judged: list[Evidence] = msgspec.field(default_factory=list)
    harmless: list[Evidence] = msgspec.field(default_factory=list)

    def finding(
        self, ev: Evaluation, what: str, need: Need, types: tuple[str, ...] = (), earlier: Basis = "no-record"
    ) -> Finding:
        """The outcome. `earlier` is the basis of a pass beside harmless records: a washout is asked about what was
        given, so they answer it; "none now" and "none since" still rest on silence."""
        evidence = (*self.against, *(e for e, _ in self.doubtful), *self.judged, *self.harmless)
        if self.against:
            return failed(f"{what}: {listed(self.against)}", evidence)
        if self.doubtful:
            first, basis = self.doubtful[0]
            why = first.why if isinstance(first.why, str) else "not certain"
            alike = listed(e for e, _ in self.doubtful if e.why == first.why)
            return unknown(basis, f"{what}? {alike}: {why}", evidence, (need,))
        gap, basis = gap_in_drugs(ev)
        gap = gap or (ev.record.unread(*types) if types else "")
        if gap:
            return unknown(basis, f"no {what} found, but {gap}", evidence, (need,))
        if self.judged:
            return review(f"{listed(self.judged)}: a person judges", evidence)
        if self.harmless:
            return passed(f"no {what}; earlier: {listed(self.harmless)}", evidence, earlier)
        return passed(f"no record of {what}", evidence, "no-record")


def day_or(since: Span | None, weighed: Weighed, therapy: str) -> Need:
    """What is missing of therapy that is on record: the day of metastasis where it is not known, or not to the day and
    that is what leaves it open; else the therapy."""
    if since is None:
        return Need("metastasis" if weighed.doubtful else therapy, "missing")
    unplaced = since.first < since.last and any(e.why == UNPLACED for e, _ in weighed.doubtful)
    return Need("metastasis" if unplaced else therapy, "missing")


def because(exposure: Exposure, why: str) -> Evidence:
    return cite_exposure(exposure, False, why)


def on_or_after(start: Span, since: Span) -> bool | None:
    """Whether something started on or after a day that is itself a span."""
    if start.first >= since.last:
        return True
    if start.last < since.first:
        return False
    return None
