"""Allergies and intolerances to a trial's drugs."""

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Allergy
from service.criteria.findings import Evidence, Finding, Need, Sighting, cite, failed, passed, review, unknown
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.wording import named


class AllergyRule(msgspec.Struct, frozen=True):
    """Fails with an allergy to one of the drugs; one to a relative, or an intolerance, is for a person to judge. Beside
    such a one, what is not certain and would be no more than for a person changes nothing."""

    drugs: frozenset[str]
    related: frozenset[str]
    label: str

    def reads(self) -> frozenset[str]:
        return frozenset({keys.ALLERGIES})

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH | {"review"}

    def judge(self, ev: Evaluation) -> Finding:
        against: list[Evidence] = []
        doubtful: list[tuple[Evidence, Basis]] = []
        judged: list[Evidence] = []
        perhaps_judged: list[tuple[Evidence, Basis]] = []
        none_known: list[Evidence] = []
        for allergy in ev.record.allergies():
            if ev.counts(allergy.onset):
                self._weigh(allergy, against, doubtful, judged, perhaps_judged, none_known)
        if not judged:
            doubtful, perhaps_judged = [*doubtful, *perhaps_judged], []
        evidence = (*against, *(e for e, _ in doubtful), *judged, *(e for e, _ in perhaps_judged), *none_known)
        need = (Need("allergies", "missing"),)
        if against:
            return failed(f"allergy: {named(against)}", evidence, lasting=True)
        if doubtful:
            first, basis = doubtful[0]
            return unknown(basis, f"allergy not certain: {first.says} ({first.why})", evidence, need)
        if gap := ev.record.unread("AllergyIntolerance"):
            return unknown("missing", f"no allergy found, but {gap}", evidence, need)
        if judged:
            return review(f"{named(judged)}: a person judges", evidence)
        if none_known:
            return passed(f"recorded: {none_known[0].says}", evidence)
        return passed(f"no record of an allergy to {self.label}", evidence, "no-record")

    def _weigh(
        self,
        allergy: Allergy,
        against: list[Evidence],
        doubtful: list[tuple[Evidence, Basis]],
        judged: list[Evidence],
        perhaps_judged: list[tuple[Evidence, Basis]],
        none_known: list[Evidence],
    ) -> None:
        said = allergy.says + (f" ({allergy.reaction})" if allergy.reaction else "")
        if allergy.none_known:
            if allergy.certain:
                none_known.append(cite(allergy.ref, allergy.onset, said))
            return
        direct = not allergy.ingredients.isdisjoint(self.drugs)
        relative = not allergy.ingredients.isdisjoint(self.related)
        perhaps = not allergy.possible.isdisjoint(self.drugs | self.related)
        if not (direct or relative or perhaps):
            return
        if not allergy.certain or (perhaps and not direct and not relative):
            basis: Basis = "missing" if allergy.why == "unconfirmed" else "unusable"
            may_fail = allergy.kind == "allergy" and not self.drugs.isdisjoint(allergy.ingredients | allergy.possible)
            cited = cite(allergy.ref, allergy.onset, said, False, allergy.why or "not certain")
            (doubtful if may_fail else perhaps_judged).append((cited, basis))
        elif direct and allergy.kind == "allergy":
            against.append(cite(allergy.ref, allergy.onset, said))
        else:
            judged.append(cite(allergy.ref, allergy.onset, said))


class IntoleranceSign(msgspec.Struct, frozen=True):
    """An allergy or intolerance to one of the drugs is on record."""

    drugs: frozenset[str]
    label: str

    def reads(self) -> frozenset[str]:
        return frozenset({keys.ALLERGIES})

    def look(self, ev: Evaluation) -> Sighting:
        found = [a for a in ev.record.allergies() if ev.counts(a.onset) and not a.ingredients.isdisjoint(self.drugs)]
        sure = [a for a in found if a.certain]
        evidence = tuple(
            cite(a.ref, a.onset, a.says + (f" ({a.reaction})" if a.reaction else ""), a.certain, a.why) for a in found
        )
        if sure:
            reason = f"intolerance to {self.label}: {sure[0].says}"
            return Sighting("found", reason, "recorded", evidence, lasting=True)
        if found:
            need = (Need("allergies", "missing"),)
            return Sighting("maybe", f"intolerance to {self.label} not certain", "missing", evidence, need)
        return Sighting("silent", f"no record of an intolerance to {self.label}", "no-record")
