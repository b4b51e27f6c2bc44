"""Rules made of other rules: all of, any of, when, in doubt."""

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation, Rule, Sign
from service.criteria.findings import Finding, Need, Sighting, left_open, unknown
from service.criteria.logic import RANK, Outcome
from service.criteria.rules import unique
from service.criteria.ways import Way, of_all, of_any, smallest


class AllOf(msgspec.Struct, frozen=True):
    """Every rule must pass: the lowest outcome."""

    rules: tuple[Rule, ...]

    def reads(self) -> frozenset[str]:
        return keys.together(rule.reads() for rule in self.rules)

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset().union(*(rule.outcomes() for rule in self.rules))

    def judge(self, ev: Evaluation) -> Finding:
        return _combined(self.rules, [ev.find(rule) for rule in self.rules], lowest=True)


class AnyOf(msgspec.Struct, frozen=True):
    """One rule must pass: the highest outcome."""

    rules: tuple[Rule, ...]

    def reads(self) -> frozenset[str]:
        return keys.together(rule.reads() for rule in self.rules)

    def outcomes(self) -> frozenset[Outcome]:
        return frozenset().union(*(rule.outcomes() for rule in self.rules))

    def judge(self, ev: Evaluation) -> Finding:
        return _combined(self.rules, [ev.find(rule) for rule in self.rules], lowest=False)


def _combined(rules: tuple[Rule, ...], findings: list[Finding], lowest: bool) -> Finding:
    """The finding that decides, with the reasons of all that share its outcome."""
    ranks = [RANK[f.outcome] for f in findings]
    rank = min(ranks) if lowest else max(ranks)
    deciding = [f for f in findings if RANK[f.outcome] == rank]
    if lowest and rank == RANK["pass"]:
        return _all_passed(findings)
    if not lowest and rank == RANK["pass"]:
        if len(deciding) == 1 and len(deciding[0].evidence) < 2:
            return deciding[0]
        best = min(deciding, key=lambda f: (f.basis == "no-record", bool(f.site_default)))
        return msgspec.structs.replace(best, evidence=unique(f.evidence for f in deciding))
    reason = "; ".join(dict.fromkeys(f.reason for f in deciding))
    needs = tuple(dict.fromkeys(n for f in deciding for n in f.needs))
    basis = next((f.basis for f in deciding if f.basis == "conflict"), deciding[0].basis)
    outcome = deciding[0].outcome
    evidence = unique(f.evidence for f in findings)
    if outcome == "unknown":
        ways = (of_all if lowest else of_any)(f.all_ways() for f in deciding)
        pairs = [(rule, f) for rule, f in zip(rules, findings, strict=True) if f.outcome == "unknown"]
        closing = (of_any if lowest else of_all)(f.all_closing() if "fail" in r.outcomes() else () for r, f in pairs)
        return Finding(outcome, basis, reason, evidence, needs, ways, closing=closing)
    for_good = (any if lowest else all)(f.lasting for f in deciding)
    default = "; ".join(dict.fromkeys(f.site_default for f in deciding if f.site_default))
    return Finding(outcome, basis, reason, evidence, needs, lasting=for_good, site_default=default)


def _all_passed(findings: list[Finding]) -> Finding:
    """Silence anywhere makes the whole pass rest on silence; parts that do not apply say nothing."""
    telling = [f for f in findings if f.basis != "not-applicable"] or findings
    basis = next((f.basis for f in telling if f.basis == "no-record"), telling[0].basis)
    reason = "; ".join(dict.fromkeys(f.reason for f in telling))
    default = "; ".join(dict.fromkeys(f.site_default for f in telling if f.site_default))
    return Finding("pass", basis, reason, unique(f.evidence for f in findings), site_default=default)


class WhenRule(msgspec.Struct, frozen=True):
    """One rule where a sign is found, another where it is not; where that is not certain, what both say."""

    sign: Sign
    then: Rule
    otherwise: Rule

    def reads(self) -> frozenset[str]:
        return self.sign.reads() | self.then.reads() | self.otherwise.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return self.then.outcomes() | self.otherwise.outcomes() | {"unknown"}

    def judge(self, ev: Evaluation) -> Finding:
        seen = ev.see(self.sign)
        if seen.state == "found":
            finding, other = ev.find(self.then), ev.find(self.otherwise)
            for_good = finding.lasting and (seen.lasting or other.lasting)
            evidence = finding.evidence if _alike(finding, other) else unique((finding.evidence, seen.evidence))
            return msgspec.structs.replace(finding, evidence=evidence, lasting=for_good)
        if seen.state in ("silent", "absent"):
            finding = ev.find(self.otherwise)
            return _for_now(finding) if finding.lasting and not ev.find(self.then).lasting else finding
        one, other = ev.find(self.then), ev.find(self.otherwise)
        if one.outcome == other.outcome and (one.outcome != "unknown" or one.needs == other.needs):
            return _for_now(one) if one.lasting and not other.lasting else one
        return self._either(seen, one, other)

    def _either(self, seen: Sighting, one: Finding, other: Finding) -> Finding:
        """What both rules say differs. It takes the sign and the rule that it leads to, or both rules."""
        told = frozenset(need.input for need in seen.needs)
        enough = [_leads_to(f, ("pass", "review"), f.all_ways()) for f in (one, other)]
        bad = [_leads_to(f, ("fail",), f.all_closing()) for f in (one, other)]
        needs = (*seen.needs, *(n for f in (one, other) if f.outcome == "unknown" for n in f.needs))
        return Finding(
            "unknown",
            seen.basis,
            f"{one.reason} or {other.reason}, by whether {seen.reason}",
            unique((one.evidence, seen.evidence)),
            tuple(dict.fromkeys(needs)),
            _with_sign(told, enough),
            closing=_with_sign(told, bad),
        )


def _alike(one: Finding, other: Finding) -> bool:
    """Whether it is all one for a reader which of two rules was asked: what led to it is then no evidence."""
    silent = one.basis == other.basis == "no-record"
    return one.outcome == other.outcome and (silent or one.reason == other.reason)


def _for_now(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, lasting=False)


def _leads_to(finding: Finding, outcomes: tuple[Outcome, ...], ways: tuple[Way, ...]) -> tuple[Way, ...]:
    """What it takes for one of the outcomes: nothing where it is there already, what is missing where it is unknown."""
    if finding.outcome in outcomes:
        return (frozenset(),)
    return ways if finding.outcome == "unknown" else ()


def _with_sign(told: Way, branches: list[tuple[Way, ...]]) -> tuple[Way, ...]:
    found = [told | way for ways in branches for way in ways]
    found += [a | b for a in branches[0] for b in branches[1]]
    return smallest(way for way in found if way)


class DoubtfulRule(msgspec.Struct, frozen=True):
    """A rule whose pass settles nothing, because the source is not clear: unknown instead."""

    rule: Rule
    because: str

    def reads(self) -> frozenset[str]:
        return self.rule.reads()

    def outcomes(self) -> frozenset[Outcome]:
        return self.rule.outcomes() - {"pass"} | {"unknown"}

    def judge(self, ev: Evaluation) -> Finding:
        finding = ev.find(self.rule)
        if finding.outcome != "pass":
            return finding
        needs = tuple(Need(name, "unusable") for name in sorted(keys.named("input", self.reads())))
        return left_open(unknown("unusable", f"{finding.reason}; {self.because}", finding.evidence, needs))
