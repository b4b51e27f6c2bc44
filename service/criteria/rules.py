"""Age, sex, and what must or must not be in a record."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation, Sign
from service.criteria.findings import (
    Evidence,
    Finding,
    Need,
    Sighting,
    cite,
    failed,
    left_open,
    passed,
    review,
    unknown,
)
from service.criteria.logic import RANK, TRUTH, Outcome


class AgeRule(msgspec.Struct, frozen=True):
    """Passes from `at_least` years (inclusive) and below `below` years."""

    at_least: int | None = None
    below: int | None = None

    def reads(self) -> frozenset[str]:
        return frozenset({keys.PERSON})

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        birth = ev.record.person.birth
        if flaw := ev.record.person.flaw:
            return _unusable(ev.record.person.ref, flaw, "birth-date")
        if birth is None:
            return unknown("missing", "no birth date", (), (Need("birth-date", "missing"),))
        evidence = (cite(ev.record.person.ref, None, f"born {birth.text}"),)
        answers = []
        reached = None
        if self.at_least is not None:
            answers.append((ev.aged(self.at_least), f"{self.at_least} years or older"))
        if self.below is not None:
            reached = ev.aged(self.below)
            answers.append((None if reached is None else not reached, f"younger than {self.below} years"))
        reason = f"born {birth.text}; {' and '.join(said for _, said in answers)} asked for"
        if any(answer is False for answer, _ in answers):
            return failed(reason, evidence, lasting=reached is True)
        if any(answer is None for answer, _ in answers):
            return unknown(
                "missing", f"{reason}: the birth date does not tell", evidence, (Need("birth-date", "missing"),)
            )
        return passed(reason, evidence)


def _unusable(ref: str, flaw: str, asked: str) -> Finding:
    """A Patient whose data must not be used."""
    return unknown("unusable", f"{ref}: {flaw}", (cite(ref, None, flaw, False, flaw),), (Need(asked, "unusable"),))


class SexRule(msgspec.Struct, frozen=True):
    """Passes for the administrative gender asked for; other, unknown or none is unknown."""

    sex: Literal["female", "male"]

    def reads(self) -> frozenset[str]:
        return frozenset({keys.PERSON})

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        gender = ev.record.person.gender
        if flaw := ev.record.person.flaw:
            return _unusable(ev.record.person.ref, flaw, "gender")
        evidence = (cite(ev.record.person.ref, None, f"gender {gender}"),) if gender else ()
        if gender in ("female", "male"):
            if gender == self.sex:
                return passed(f"gender {gender}, as asked for", evidence)
            return failed(f"gender {gender}, {self.sex} asked for", evidence, lasting=True)
        return unknown(
            "missing",
            f"gender {gender or 'not recorded'}, {self.sex} asked for",
            evidence,
            (Need("gender", "missing"),),
        )


class PresenceRule(msgspec.Struct, frozen=True):
    """Passes where a sign is found. Silence is unknown, unless the trial says that none means no (`if_none: fail`)."""

    sign: Sign
    if_none: Literal["unknown", "fail"] = "unknown"

    def reads(self) -> frozenset[str]:
        return self.sign.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH if self.if_none == "fail" else frozenset({"pass", "unknown"})

    def anchor(self) -> frozenset[str]:
        return self.reads() if self.if_none == "fail" else frozenset()

    def judge(self, ev: Evaluation) -> Finding:
        seen = ev.see(self.sign)
        match seen.state:
            case "found":
                return passed(seen.reason, seen.evidence)
            case "maybe":
                return unknown(seen.basis, seen.reason, seen.evidence, seen.needs)
            case "absent":
                return failed(seen.reason, seen.evidence)
        if self.if_none == "fail":
            return failed(seen.reason, seen.evidence, "no-record")
        return unknown("missing", seen.reason, seen.evidence, seen.needs)


class Concern(msgspec.Struct, frozen=True):
    """A sign that stands in the way, and how: it fails, is for a person to judge, or cannot be graded by a computer."""

    sign: Sign
    then: Literal["fail", "unknown", "review"] = "fail"
    because: str = ""


class AbsenceRule(msgspec.Struct, frozen=True):
    """Passes where none of the concerns is there; the gravest one that is decides."""

    concerns: tuple[Concern, ...]
    nothing: str = ""

    def reads(self) -> frozenset[str]:
        return keys.together(concern.sign.reads() for concern in self.concerns)

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset({"pass", "unknown", *(concern.then for concern in self.concerns)})

    def judge(self, ev: Evaluation) -> Finding:
        worst: Finding | None = None
        needs: list[Need] = []
        seen = [(concern, ev.see(concern.sign)) for concern in self.concerns]
        asked = any(c.then == "review" and s.state == "found" for c, s in seen)
        for concern, sighting in seen:
            if asked and concern.then == "review" and sighting.state == "maybe":
                continue  # a person is asked already, whether or not it is there
            finding = _of_concern(concern, sighting)
            if finding is None:
                continue
            if finding.outcome == "unknown":
                needs += sighting.needs
            if worst is None or RANK[finding.outcome] < RANK[worst.outcome]:
                worst = finding
        evidence = unique(s.evidence for _, s in seen)
        if worst is not None:
            found = msgspec.structs.replace(
                worst,
                evidence=unique((worst.evidence, evidence)),
                needs=tuple(dict.fromkeys(needs)) if worst.outcome == "unknown" else (),
                lasting=any(c.then == "fail" and s.state == "found" and s.lasting for c, s in seen),
            )
            is_there = found.outcome == "unknown" and any(c.then == "unknown" and s.state == "found" for c, s in seen)
            return left_open(found) if is_there else found
        recorded = [s for _, s in seen if s.state == "absent"]
        if recorded:
            default = "; ".join(dict.fromkeys(s.site_default for s in recorded if s.site_default))
            reason = "; ".join(dict.fromkeys(s.reason for s in recorded))
            return Finding("pass", "recorded", reason, evidence, site_default=default)
        what = self.nothing or "; ".join(dict.fromkeys(s.reason for _, s in seen))
        return passed(what, evidence, "no-record")


def _of_concern(concern: Concern, seen: Sighting) -> Finding | None:
    if seen.state == "found":
        because = f" ({concern.because})" if concern.because else ""
        match concern.then:
            case "fail":
                return Finding("fail", "recorded", seen.reason, seen.evidence, site_default=seen.site_default)
            case "review":
                return review(f"{seen.reason}{because}", seen.evidence)
            case "unknown":
                return unknown(
                    "missing",
                    f"{seen.reason}{because or ': how severe it is, is not coded'}",
                    seen.evidence,
                    seen.needs,
                )
    if seen.state == "maybe":
        return unknown(seen.basis, seen.reason, seen.evidence, seen.needs)
    return None


def unique(groups: Iterable[Iterable[Evidence]]) -> tuple[Evidence, ...]:
    every = [e for group in groups for e in group]
    return tuple(dict.fromkeys(every)) if len(every) > 1 else tuple(every)
