"""Which rules concern women who may become pregnant, and which men."""

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation, Rule
from service.criteria.findings import Evidence, Finding, Need, cite, not_applicable
from service.criteria.logic import Outcome
from service.criteria.menopause import CODED_MENOPAUSE_AGE, MENOPAUSE_READS, menopause
from service.criteria.sex import sex
from service.criteria.signs import told
from service.criteria.suppression import Suppressants
from service.criteria.ways import Way, smallest
from service.criteria.wording import listed

_NO_CHILDREN = "not of child-bearing potential"


class ForWomenRule(msgspec.Struct, frozen=True):
    """The inner rule for women; not applicable to men; unknown where the sex is unclear. `man` may hold a rule of its
    own for men, `child_bearing` narrows to women who may become pregnant."""

    rule: Rule
    man: Rule | None = None
    child_bearing: bool = False
    tubal_ligation: bool = False
    suppressants: Suppressants | None = None

    def outcomes(self) -> frozenset[Outcome]:
        return self.rule.outcomes() | (self.man.outcomes() if self.man else frozenset()) | {"pass", "unknown"}

    def judge(self, ev: Evaluation) -> Finding:
        whose, why = ev.shared(sex)
        if whose == "unclear":
            return self._unclear(ev, why)
        if whose == "man":
            return ev.find(self.man) if self.man is not None else not_applicable("a man")
        if self.child_bearing:
            bearing, reason, evidence = self._may_bear(ev)
            if not bearing:
                return not_applicable(reason, evidence)
        finding = ev.find(self.rule)
        return self._while_bearing(ev, finding) if self.child_bearing else finding

    def _unclear(self, ev: Evaluation, why: str) -> Finding:
        """Whose the rule is decides, and nothing else is asked for before; it closes the trial alone where the rule
        would for a woman."""
        told = "gender" if ev.record.person.gender != "male" else "sex"
        closing: tuple[Way, ...] = (frozenset({told}),) if ev.find(self.rule).outcome == "fail" else ()
        return Finding(
            "unknown", "missing", f"{why}: who this concerns is not clear", (), (Need(told, "missing"),),
            closing=closing,
        )  # fmt: skip

    def _while_bearing(self, ev: Evaluation, finding: Finding) -> Finding:
        """The inner finding, as long as she may bear children: no fail lasts, and the menopause settles it too."""
        if finding.outcome == "fail":
            return msgspec.structs.replace(finding, lasting=False)
        if finding.outcome != "unknown":
            return finding
        assert self.suppressants is not None
        state = ev.shared(menopause, self.suppressants)
        if state.state != "unknown" or not state.ways or not ev.aged(CODED_MENOPAUSE_AGE):
            return finding  # of a younger woman nobody would ask for the menopause first
        return msgspec.structs.replace(
            finding,
            needs=tuple(dict.fromkeys((*finding.needs, *state.needs))),
            ways=smallest((*finding.all_ways(), *state.ways)),
            closing=finding.all_closing() if "fail" in self.rule.outcomes() else (),
        )

    def reads(self) -> frozenset[str]:
        inner = [rule.reads() for rule in (self.rule, self.man) if rule is not None]
        own = [self.suppressants.reads()] if self.child_bearing and self.suppressants else []
        return keys.together([MENOPAUSE_READS, *inner, *own])

    def _may_bear(self, ev: Evaluation) -> tuple[bool, str, tuple[Evidence, ...]]:
        assert self.suppressants is not None
        state = ev.shared(menopause, self.suppressants)
        if state.state == "post":
            return False, f"post-menopausal: {state.reason}", state.evidence
        concepts = ("hysterectomy", "tubal-ligation") if self.tubal_ligation else ("hysterectomy",)
        for match in ev.record.operations(concepts):
            operation = match.fact
            if match.standing == "sure" and operation.certain and ev.counts(operation.start):
                cited = cite(operation.ref, operation.end, operation.says)
                return False, f"{_NO_CHILDREN}: {listed([cited])}", (cited,)
        for known in ev.record.diagnoses([f"history-{concept}" for concept in concepts]):
            diagnosis = known.fact
            sure = known.standing == "sure" and diagnosis.verification == "confirmed"
            if sure and ev.counts(diagnosis.onset):
                cited = cite(diagnosis.ref, diagnosis.date, told(diagnosis))
                return False, f"{_NO_CHILDREN}: {listed([cited])}", (cited,)
        return True, "", ()
