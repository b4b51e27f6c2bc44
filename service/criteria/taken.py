"""Drugs as signs: taken ever, or being taken on the as-of date."""

from typing import Literal

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
    started,
    told_by_doses_only,
)
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure, Match
from service.criteria.findings import Need, Sighting
from service.criteria.logic import Basis
from service.criteria.nameless import events
from service.criteria.signs import Look
from service.criteria.wording import one_of


def with_gap(ev: Evaluation, sighting: Sighting, basis: Basis) -> Sighting:
    """Silence that is no proof, with the records that tell nothing."""
    return msgspec.structs.replace(sighting, basis=basis, evidence=(*sighting.evidence, *cite_nameless(ev)))


class DrugSign(msgspec.Struct, frozen=True):
    """A drug of the set: `taken` ever, or `active` on the as-of date. Topical and eye forms count only with `local`."""

    drugs: Drugs
    state: Literal["taken", "active"] = "taken"
    by_cycles: bool = False
    local: bool = False

    def look(self, ev: Evaluation) -> Sighting:
        look = Look()
        look.at_each(ev, ev.record.exposures(self.drugs.ingredients), self._weigh)
        if not look.found and self.state == "taken":
            self._unnamed(ev, look)
        lacks = "details" if look.maybe and look.basis == "missing" else ""
        need = (Need(self.drugs.asked(look.lacks.keys()), "missing", lacks=lacks),)
        if look.found or look.maybe:
            return look.sighting(self._what, "", need, self.state == "taken", self._perhaps)
        gap, basis = gap_in_drugs(ev)
        sighting = look.sighting(self._what, gap, need)
        return with_gap(ev, sighting, basis) if gap else sighting

    def reads(self) -> frozenset[str]:
        return self.drugs.reads() if self.state == "taken" else keys.drugs(self.drugs.ingredients)

    @property
    def _what(self) -> str:
        return f"{one_of(self.drugs.label)} {'taken' if self.state == 'taken' else 'taken now'}"

    @property
    def _perhaps(self) -> str:
        return f"{one_of(self.drugs.label)} may {'have been taken' if self.state == 'taken' else 'be taken now'}"

    def _weigh(self, ev: Evaluation, match: Match[Exposure], look: Look) -> None:
        exposure = match.fact
        if not started(ev, exposure):
            return
        if is_local(exposure) and not self.local:
            look.aside.append(cite_exposure(exposure, False, f"{exposure.form} form"))
            return
        there = self._there(ev, exposure)
        if there is False:
            look.aside.append(cite_exposure(exposure, False, "not taken now"))
            return
        look.lacks |= dict.fromkeys(exposure.ingredients, "")
        if match.standing != "sure" or there is None:
            why = match.why or "whether it is still taken is not told"
            basis: Basis = "unusable" if match.standing in ("ambiguous", "unusable") else "missing"
            look.doubt(cite_exposure(exposure, False, why), basis)
        else:
            look.found.append(cite_exposure(exposure))

    def _unnamed(self, ev: Evaluation, look: Look) -> None:
        """Therapy without a name that may have been one of the drugs."""
        for event in events(ev, self.drugs.nameless):
            look.doubt(event.cite(), "missing")

    def _there(self, ev: Evaluation, exposure: Exposure) -> bool | None:
        if self.state == "taken":
            return True
        if exposure.depot:
            return depot_active(ev, exposure)
        return is_active(ev, exposure, self.by_cycles and told_by_doses_only(ev, exposure))
