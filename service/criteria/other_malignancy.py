"""Another primary cancer."""

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Diagnosis, Match
from service.criteria.findings import Evidence, Finding, Need, cite, failed, passed, unknown
from service.criteria.logic import TRUTH, Basis, Outcome
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import Window
from service.criteria.wording import listed


class OtherMalignancyRule(msgspec.Struct, frozen=True):
    """No other primary within the window. An older or undated one: unknown while it may still be there, else a pass."""

    concepts: frozenset[str]
    doubtful: frozenset[str]
    once_treated: frozenset[str]
    window: Window
    own: frozenset[str] = frozenset()

    def reads(self) -> frozenset[str]:
        return keys.conditions(*self.concepts, *self.doubtful, *self.once_treated)

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        against: list[Evidence] = []
        doubtful: list[tuple[Evidence, Basis]] = []
        harmless: list[Evidence] = []
        own = {match.fact for match in ev.record.diagnoses(self.own)}  # a list of every malignancy holds it too

        def weigh(match: Match[Diagnosis]) -> None:
            if match.fact in own:
                return
            if match.fact.verification != "refuted" and ev.counts(match.fact.onset):
                self._weigh(ev, match, against, doubtful, harmless)

        diagnoses = ev.record.diagnoses(self.concepts | self.doubtful | self.once_treated)
        ev.weigh_each(diagnoses, weigh, against, doubtful, fading=True)
        evidence = tuple(dict.fromkeys((*against, *(e for e, _ in doubtful), *harmless)))
        need = (Need("other-malignancy", "missing"),)
        if against:
            return failed(f"another cancer: {listed(against)}", evidence)
        if doubtful:
            first, basis = doubtful[0]
            return unknown(basis, f"another cancer? {listed([first])}: {first.why}", evidence, need)
        if gap := ev.record.unread("Condition"):
            return unknown("missing", f"no other cancer found, but {gap}", evidence, need)
        if harmless:
            return passed(f"other cancers long ago or exempt: {listed(harmless)}", evidence)
        return passed("no record of another cancer", evidence, "no-record")

    def _weigh(
        self,
        ev: Evaluation,
        match: Match[Diagnosis],
        against: list[Evidence],
        doubtful: list[tuple[Evidence, Basis]],
        harmless: list[Evidence],
    ) -> None:
        diagnosis = match.fact

        def cited(why: str = "") -> Evidence:
            return cite(diagnosis.ref, diagnosis.date, told(diagnosis), not why, why)

        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        there = has(ev, diagnosis)
        if match.concept in self.once_treated:
            if there is False:
                harmless.append(cited())
            else:
                doubtful.append((cited(doubt or "whether it is treated is not told"), basis))
            return
        gone = there is False or diagnosis.status in ("inactive", "remission", "resolved")
        recent = ev.within(diagnosis.date, self.window)
        if recent is False and gone:
            harmless.append(cited())
        elif doubt:
            doubtful.append((cited(doubt), basis))
        elif match.concept in self.doubtful:
            doubtful.append((cited("its kind is not told"), "unusable"))
        elif recent:
            against.append(cited())
        elif recent is None:
            doubtful.append((cited(f"whether it began within {self.window} is not told"), "missing"))
        else:
            doubtful.append((cited(f"more than {self.window} ago, still recorded as present"), "missing"))
