"""What a person judges, with what the record shows of it."""

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation, Rule, Sign
from service.criteria.findings import Evidence, Finding, cite_measurement, not_applicable, review
from service.criteria.logic import Outcome
from service.criteria.measured import newest_of
from service.criteria.rules import unique
from service.criteria.wording import labelled, with_label


class Show(msgspec.Struct, frozen=True):
    """What to lay before the person who judges: the newest results of inputs, and signs."""

    inputs: tuple[tuple[str, str], ...] = ()
    signs: tuple[Sign, ...] = ()

    def reads(self) -> frozenset[str]:
        return keys.together([keys.inputs(*(name for name, _ in self.inputs)), *(sign.reads() for sign in self.signs)])

    def evidence(self, ev: Evaluation) -> tuple[tuple[Evidence, ...], list[str]]:
        shown: list[Evidence] = []
        said: list[str] = []
        for name, label in self.inputs:
            chosen = ev.shared(newest_of, name)
            for m in chosen.candidates or chosen.undated:
                shown.append(with_label(cite_measurement(m, True, m.why), label))
                said.append(f"{labelled(label, m.said)}{f' on {m.span.text}' if m.span else ''}")
        for sign in self.signs:
            seen = ev.see(sign)
            shown += seen.evidence
            if seen.state in ("found", "maybe"):
                said.append(seen.reason)
        return unique((shown,)), said


class ReviewRule(msgspec.Struct, frozen=True):
    """Only a person can judge: what is known is shown."""

    question: str
    show: Show = Show()

    def reads(self) -> frozenset[str]:
        return self.show.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"review"})

    def judge(self, ev: Evaluation) -> Finding:
        evidence, said = self.show.evidence(ev)
        known = "; ".join(said)
        return review(f"{self.question} Known: {known}." if known else self.question, evidence)


class WishRule(msgspec.Struct, frozen=True):
    """Asked for, but never in the way."""

    text: str

    def reads(self) -> frozenset[str]:
        return frozenset()

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"pass"})

    def judge(self, ev: Evaluation) -> Finding:
        return not_applicable(f"a wish, not a condition: {self.text}")


class ShownRule(msgspec.Struct, frozen=True):
    """A rule with something laid beside it where it leaves a review."""

    rule: Rule
    show: Show

    def reads(self) -> frozenset[str]:
        return self.rule.reads() | self.show.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return self.rule.outcomes()

    def judge(self, ev: Evaluation) -> Finding:
        finding = ev.find(self.rule)
        if finding.outcome != "review":
            return finding
        evidence, said = self.show.evidence(ev)
        reason = finding.reason + (f" Known: {'; '.join(said)}." if said else "")
        return msgspec.structs.replace(finding, reason=reason, evidence=unique((finding.evidence, evidence)))
