"""Drugs over time: taken within a window, and taken without a break for at least so long."""

import msgspec

from service.criteria import keys
from service.criteria.drugs import (
    Drugs,
    cite_exposure,
    cite_nameless,
    depot_active,
    gap_in_drugs,
    is_active,
    is_local,
    last_day,
    started,
)
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure, Match
from service.criteria.findings import Evidence, Finding, Need, Sighting, failed, passed, review, unknown
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.signs import Look
from service.criteria.spans import Window
from service.criteria.taken import with_gap
from service.criteria.wording import listed

_NOT_TOLD = "whether it is still taken is not told"


class RecentDrugSign(msgspec.Struct, frozen=True):
    """A drug of the set is being taken, or was last taken within the window."""

    drugs: Drugs
    window: Window
    local: bool = False

    def reads(self) -> frozenset[str]:
        return keys.drugs(self.drugs.ingredients)

    def look(self, ev: Evaluation) -> Sighting:
        what = f"{self.drugs.label} now or within {self.window}"
        look = Look()
        look.at_each(ev, ev.record.exposures(self.drugs.ingredients), self._weigh)
        need = (Need(self.drugs.input, "missing"),)
        gap, basis = ("", look.basis) if look.found or look.maybe else gap_in_drugs(ev)
        sighting = look.sighting(what, gap, need)
        return with_gap(ev, sighting, basis) if gap else sighting

    def _weigh(self, ev: Evaluation, match: Match[Exposure], look: Look) -> None:
        exposure = match.fact
        if not started(ev, exposure):
            return
        if is_local(exposure) and not self.local:
            look.aside.append(cite_exposure(exposure, False, f"{exposure.form} form"))
            return
        recent = self._recent(ev, exposure)
        if recent is False and not exposure.broken:
            look.aside.append(cite_exposure(exposure, False, f"more than {self.window} ago"))
        elif match.standing != "sure" or recent is not True:
            basis: Basis = "unusable" if match.standing in ("ambiguous", "unusable") else "missing"
            look.doubt(cite_exposure(exposure, False, match.why or "when it was last taken is not told"), basis)
        else:
            look.found.append(cite_exposure(exposure))

    def _recent(self, ev: Evaluation, exposure: Exposure) -> bool | None:
        active = depot_active(ev, exposure) if exposure.depot else is_active(ev, exposure)
        if active:
            return True
        if exposure.course == "on-hold" and active is None:
            return None
        recent = ev.within(last_day(exposure), self.window)
        return recent if active is False or recent else None


class SteadyDrugRule(msgspec.Struct, frozen=True):
    """Passes where a drug is being taken and has been for the window: one record of it began that long ago. A statement
    that tells a later beginning fails; a later order or dose proves no beginning.

    With `same_dose` a record that began since then is for a person to judge: it may be another dose, or the same one
    ordered anew. Doses themselves are not read.
    """

    drugs: Drugs
    window: Window
    same_dose: bool = False

    def reads(self) -> frozenset[str]:
        return keys.drugs(self.drugs.ingredients)

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH | {"review"} if self.same_dose else TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        told = _Told()
        for match in ev.record.exposures(self.drugs.ingredients):
            if started(ev, match.fact) and not is_local(match.fact):
                self._weigh(ev, match, told)
        evidence = (*told.steady, *told.begun, *told.ordered, *told.doubtful, *told.past)
        since = (*told.begun, *told.ordered)
        what = f"{self.drugs.label} for at least {self.window}"
        if told.steady and self.same_dose and since:
            reason = f"{what}: {listed(told.steady)}; begun since: {listed(since)}. Is the dose the same?"
            return review(reason, evidence)
        if told.steady:
            return passed(f"{what}: {listed(told.steady)}", evidence)
        need = (Need(self.drugs.input, "missing"),)
        if told.doubtful:
            reason = f"{what}? {listed(told.doubtful)}: {told.doubtful[0].why}"
            return unknown(told.basis, reason, evidence, need)
        gap, basis = gap_in_drugs(ev)
        if gap:
            return unknown(basis, f"no {what} found, but {gap}", (*evidence, *cite_nameless(ev)), need)
        if told.begun and not told.ordered and not told.past:
            return failed(f"{self.drugs.label} for less than {self.window}: {listed(told.begun)}", evidence)
        return unknown("missing", self._untold(since, told.past), evidence, need)

    def _untold(self, since: tuple[Evidence, ...], past: list[Evidence]) -> str:
        """Why nothing decides: only later orders, a break that may have been, or no record at all."""
        label = self.drugs.label
        if since and past:
            return f"{label}: {listed(since)}; earlier: {listed(past)}; whether without a break is not told"
        if since:
            return f"{label}: {listed(since)}; whether it was taken {self.window} ago is not told"
        return f"no {label} now: {listed(past)}" if past else f"no record of {label}"

    def _weigh(self, ev: Evaluation, match: Match[Exposure], told: "_Told") -> None:
        exposure = match.fact
        active = depot_active(ev, exposure) if exposure.depot else is_active(ev, exposure)
        if active is False:
            told.past.append(cite_exposure(exposure, False, "not taken now"))
        elif match.standing != "sure" or active is None:
            told.doubt(cite_exposure(exposure, False, match.why or _NOT_TOLD), match.standing)
        elif exposure.start is None:
            told.doubt(cite_exposure(exposure, False, "its start is not told"), "sure")
        else:
            self._since(ev, exposure, told)

    def _since(self, ev: Evaluation, exposure: Exposure, told: "_Told") -> None:
        """Begun on the window's first day or before, or after it."""
        assert exposure.start is not None
        steady = ev.lasted(exposure.start, self.window)
        if steady:
            told.steady.append(cite_exposure(exposure))
        elif steady is None:
            told.doubt(cite_exposure(exposure, False, f"whether it began {self.window} ago is not told"), "sure")
        else:
            (told.begun if exposure.kind == "statement" else told.ordered).append(cite_exposure(exposure))


class _Told(msgspec.Struct):
    """What the records of one drug say."""

    steady: list[Evidence] = msgspec.field(default_factory=list)
    begun: list[Evidence] = msgspec.field(default_factory=list)
    ordered: list[Evidence] = msgspec.field(default_factory=list)
    past: list[Evidence] = msgspec.field(default_factory=list)
    doubtful: list[Evidence] = msgspec.field(default_factory=list)
    basis: Basis = "missing"

    def doubt(self, evidence: Evidence, standing: str) -> None:
        if standing in ("ambiguous", "unusable"):
            self.basis = "unusable"
        self.doubtful.append(evidence)
