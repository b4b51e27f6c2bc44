"""The plain rules: age, sex, presence and absence of signs, combinations, and what only a person can judge."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation, Rule, Sign
from service.criteria.facts import Allergy, Diagnosis, Match
from service.criteria.findings import (
    Evidence,
    Finding,
    Need,
    Sighting,
    cite,
    cite_measurement,
    failed,
    not_applicable,
    passed,
    review,
    unknown,
)
from service.criteria.logic import RANK, TRUTH, Basis, Outcome
from service.criteria.measured import newest_of, window_default
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import Window
from service.criteria.ways import Way, of_all, of_any, smallest
from service.criteria.wording import labelled, named


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


class SexRule(msgspec.Struct, frozen=True):
    """Passes for the administrative gender asked for; other, unknown or none is unknown."""

    sex: Literal["female", "male"]

    def reads(self) -> frozenset[str]:
        return frozenset({keys.PERSON})

    def outcomes(self) -> frozenset[Outcome]:
        return TRUTH

    def judge(self, ev: Evaluation) -> Finding:
        gender = ev.record.person.gender
        evidence = (cite(ev.record.person.ref, None, f"gender {gender}"),) if gender else ()
        if gender in ("female", "male"):
            reason = f"gender {gender}, {self.sex} asked for"
            return passed(reason, evidence) if gender == self.sex else failed(reason, evidence, lasting=True)
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
        evidence = _unique(s.evidence for _, s in seen)
        if worst is not None:
            return msgspec.structs.replace(
                worst,
                evidence=_unique((worst.evidence, evidence)),
                needs=tuple(dict.fromkeys(needs)) if worst.outcome == "unknown" else (),
                lasting=any(c.then == "fail" and s.state == "found" and s.lasting for c, s in seen),
            )
        recorded = [s for _, s in seen if s.state == "absent"]
        if recorded:
            default = "; ".join(dict.fromkeys(s.site_default for s in recorded if s.site_default))
            reason = "; ".join(s.reason for s in recorded)
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


def _unique(groups: Iterable[Iterable[Evidence]]) -> tuple[Evidence, ...]:
    every = [e for group in groups for e in group]
    return tuple(dict.fromkeys(every)) if len(every) > 1 else tuple(every)


# -- signs made of signs, and of the heart


class AllSigns(msgspec.Struct, frozen=True):
    """Found where every part is; not there where one is known not to be, or silent."""

    signs: tuple[Sign, ...]

    def reads(self) -> frozenset[str]:
        return keys.together(sign.reads() for sign in self.signs)

    def look(self, ev: Evaluation) -> Sighting:
        seen = [ev.see(sign) for sign in self.signs]
        evidence = _unique(s.evidence for s in seen)
        reason = "; ".join(s.reason for s in seen)
        if any(s.state == "absent" for s in seen):
            default = _defaults(s for s in seen if s.state == "absent")
            return Sighting("absent", reason, "recorded", evidence, site_default=default)
        needs = tuple(n for s in seen if s.state != "found" for n in s.needs)
        if any(s.state == "silent" for s in seen):
            return Sighting("silent", reason, "no-record", evidence, needs)
        doubtful = next((s for s in seen if s.state == "maybe"), None)
        if doubtful is not None:
            return Sighting("maybe", reason, doubtful.basis, evidence, needs)
        for_good = all(s.lasting for s in seen)
        return Sighting("found", reason, "recorded", evidence, lasting=for_good, site_default=_defaults(seen))


class AnySign(msgspec.Struct, frozen=True):
    """Found where one part is."""

    signs: tuple[Sign, ...]

    def reads(self) -> frozenset[str]:
        return keys.together(sign.reads() for sign in self.signs)

    def look(self, ev: Evaluation) -> Sighting:
        seen = [ev.see(sign) for sign in self.signs]
        evidence = _unique(s.evidence for s in seen)
        for state in ("found", "maybe", "absent"):
            chosen = [s for s in seen if s.state == state]
            if chosen:
                reason = "; ".join(s.reason for s in chosen)
                needs = tuple(dict.fromkeys(n for s in seen if s.state != "absent" for n in s.needs))
                for_good = any(s.lasting for s in chosen)
                return Sighting(state, reason, chosen[0].basis, evidence, needs, for_good, _defaults(chosen))
        return Sighting("silent", "; ".join(s.reason for s in seen), "no-record", evidence)


def _defaults(seen: Iterable[Sighting]) -> str:
    """What the site decided of several signs."""
    return "; ".join(dict.fromkeys(s.site_default for s in seen if s.site_default))


class ClassSign(msgspec.Struct, frozen=True):
    """A graded class of an illness (NYHA), as an answer or a Condition, the newest in the window; and the illness
    without a current class. `classes` are those that count; `unclassified` asks for the illness without a class."""

    input: str
    label: str
    prefix: str
    classes: frozenset[str]
    window: Window
    illness: tuple[str, ...] = ()
    unclassified: bool = False
    site_window: bool = False

    def reads(self) -> frozenset[str]:
        return keys.inputs(self.input) | keys.conditions(*self.illness, *(f"{self.prefix}{i}" for i in range(1, 5)))

    def look(self, ev: Evaluation) -> Sighting:
        state, classes, evidence, basis, date = self._newest(ev)
        need = (Need(self.input, "stale" if basis == "stale" else "missing", date),)
        if state == "known":
            if len(classes) == 1:
                return self._with_class(next(iter(classes)), evidence, need)
            return Sighting("maybe", f"{self.label} of one time disagree", "conflict", evidence, need)
        if state == "stale" and not self.unclassified and classes & self.classes:
            return Sighting(
                "maybe",
                f"{labelled(self.label, evidence[0].says)} is older than {self.window}",
                "stale",
                evidence,
                need,
            )
        if state == "doubtful" and not self.unclassified:
            said = labelled(self.label, evidence[0].says, ":")
            return Sighting("maybe", f"{said} ({evidence[0].why})", basis, evidence, need)
        if self.unclassified:
            return self._illness_alone(ev, evidence, need)
        if gap := ev.record.unread("Observation", "Condition"):
            return Sighting("maybe", f"no {self.label} found, but {gap}", "missing", evidence, need)
        return Sighting("silent", f"no record of {self.label}", "no-record", evidence)

    def _with_class(self, found: str, evidence: tuple[Evidence, ...], need: tuple[Need, ...]) -> Sighting:
        said = labelled(self.label, evidence[0].says, ":")
        default = window_default(self.window) if self.site_window else ""
        if self.unclassified:
            return Sighting("absent", said, "recorded", evidence, site_default=default)
        state: Literal["found", "absent"] = "found" if found in self.classes else "absent"
        return Sighting(state, said, "recorded", evidence, need if state == "found" else (), site_default=default)

    def _illness_alone(self, ev: Evaluation, evidence: tuple[Evidence, ...], need: tuple[Need, ...]) -> Sighting:
        shown: list[Evidence] = []
        for match in ev.record.diagnoses(self.illness):
            diagnosis = match.fact
            if diagnosis.verification != "refuted" and ev.counts(diagnosis.onset) and has(ev, diagnosis) is not False:
                shown.append(cite(diagnosis.ref, diagnosis.date, told(diagnosis)))
        if shown:
            reason = f"{shown[0].says} without a {self.label} within {self.window}"
            return Sighting("maybe", reason, "missing", (*shown, *evidence), need)
        if gap := ev.record.unread("Condition"):
            return Sighting("maybe", f"no such illness found, but {gap}", "missing", evidence, need)
        return Sighting("silent", f"no record of such an illness and no {self.label}", "no-record", evidence)

    def _newest(self, ev: Evaluation) -> tuple[str, frozenset[str], tuple[Evidence, ...], Basis, str]:
        """-> (known, stale, doubtful or none; the classes; evidence; basis; date) of the newest class recorded."""
        words: list[tuple[float, float, str | None, Evidence, object, Basis]] = []
        for m in ev.record.measurements(self.input):
            if m.provisional or not ev.counts(m.span) or m.empty:
                continue
            doubt, basis = doubt_of(m.standing, m.why)
            doubt = doubt or m.problem
            grade = next((a for a in m.answers if a.startswith(self.prefix)), None)
            cited = cite_measurement(m, not doubt, doubt)
            words.append((*_times(m.span), None if doubt else grade, cited, m.span, "unusable" if m.problem else basis))
        for match in ev.record.diagnoses([f"{self.prefix}{i}" for i in range(1, 5)]):
            diagnosis = match.fact
            if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset) or has(ev, diagnosis) is False:
                continue
            doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
            cited = cite(diagnosis.ref, diagnosis.date, told(diagnosis), not doubt, doubt)
            words.append((*_times(diagnosis.date), None if doubt else match.concept, cited, diagnosis.date, basis))
        if not words:
            return "none", frozenset(), (), "missing", ""
        latest = max(w[0] for w in words)
        newest = [w for w in words if w[1] >= latest]
        evidence = tuple(w[3] for w in newest)
        classes = frozenset(w[2] for w in newest if w[2])
        date = next((w[3].date for w in newest if isinstance(w[3].date, str)), "")
        if any(w[2] is None for w in newest):
            return "doubtful", classes, evidence, next(w[5] for w in newest if w[2] is None), date
        inside = {ev.within(w[4], self.window) for w in newest}  # type: ignore[arg-type]
        if inside == {True}:
            return "known", classes, evidence, "recorded", date
        if inside == {False}:
            return "stale", classes, evidence, "stale", date
        return "doubtful", classes, tuple(_undated(e) for e in evidence), "missing", date


def _times(span: object) -> tuple[float, float]:
    if span is None:
        return float("-inf"), float("-inf")
    return span.start, span.end  # type: ignore[attr-defined]


def _undated(e: Evidence) -> Evidence:
    return Evidence(e.reference, e.says, False, e.date, "its date does not tell")


# -- allergies


class AllergyRule(msgspec.Struct, frozen=True):
    """Fails with an allergy to one of the drugs; one to a relative, or an intolerance, is for a person to judge."""

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
        none_known: list[Evidence] = []
        for allergy in ev.record.allergies():
            if ev.counts(allergy.onset):
                self._weigh(allergy, against, doubtful, judged, none_known)
        evidence = (*against, *(e for e, _ in doubtful), *judged, *none_known)
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
            doubtful.append((cite(allergy.ref, allergy.onset, said, False, allergy.why or "not certain"), basis))
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
            reason = f"intolerance of {self.label}: {sure[0].says}"
            return Sighting("found", reason, "recorded", evidence, lasting=True)
        if found:
            need = (Need("allergies", "missing"),)
            return Sighting("maybe", f"intolerance of {self.label} not certain", "missing", evidence, need)
        return Sighting("silent", f"no record of an intolerance of {self.label}", "no-record")


# -- combinations


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
        return msgspec.structs.replace(best, evidence=_unique(f.evidence for f in deciding))
    reason = "; ".join(dict.fromkeys(f.reason for f in deciding))
    needs = tuple(dict.fromkeys(n for f in deciding for n in f.needs))
    basis = next((f.basis for f in deciding if f.basis == "conflict"), deciding[0].basis)
    outcome = deciding[0].outcome
    evidence = _unique(f.evidence for f in findings)
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
    return Finding("pass", basis, reason, _unique(f.evidence for f in findings), site_default=default)


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
            finding = ev.find(self.then)
            for_good = finding.lasting and (seen.lasting or ev.find(self.otherwise).lasting)
            evidence = _unique((finding.evidence, seen.evidence))
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
            _unique((one.evidence, seen.evidence)),
            tuple(dict.fromkeys(needs)),
            _with_sign(told, enough),
            closing=_with_sign(told, bad),
        )


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
        return unknown("unusable", f"{finding.reason}; {self.because}", finding.evidence, needs)


# -- what a person judges


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
                shown.append(cite_measurement(m, True, m.why))
                said.append(f"{labelled(label, m.said)}{f' on {m.span.text}' if m.span else ''}")
        for sign in self.signs:
            seen = ev.see(sign)
            shown += seen.evidence
            if seen.state in ("found", "maybe"):
                said.append(seen.reason)
        return _unique((shown,)), said


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
        return msgspec.structs.replace(finding, reason=reason, evidence=_unique((finding.evidence, evidence)))


# -- another primary


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
        own = {match.fact.ref for match in ev.record.diagnoses(self.own)}  # a list of every malignancy holds it too
        for match in ev.record.diagnoses(self.concepts | self.doubtful | self.once_treated):
            if match.fact.ref in own:
                continue
            if match.fact.verification != "refuted" and ev.counts(match.fact.onset):
                self._weigh(ev, match, against, doubtful, harmless)
        evidence = tuple(dict.fromkeys((*against, *(e for e, _ in doubtful), *harmless)))
        need = (Need("other-malignancy", "missing"),)
        if against:
            return failed(f"another cancer: {named(against)}", evidence)
        if doubtful:
            first, basis = doubtful[0]
            return unknown(basis, f"another cancer? {first.says}: {first.why}", evidence, need)
        if gap := ev.record.unread("Condition"):
            return unknown("missing", f"no other cancer found, but {gap}", evidence, need)
        if harmless:
            return passed(f"other cancers long ago or exempt: {named(harmless)}", evidence)
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
        says = told(diagnosis)
        doubt, basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        if match.concept in self.once_treated:
            there = has(ev, diagnosis)
            if there is False:
                harmless.append(cite(diagnosis.ref, diagnosis.date, says))
            else:
                doubtful.append(
                    (
                        cite(diagnosis.ref, diagnosis.date, says, False, doubt or "whether it is treated is not told"),
                        basis,
                    )
                )
            return
        gone = (
            diagnosis.status in ("inactive", "remission", "resolved")
            or bool(diagnosis.code_says)
            or has(ev, diagnosis) is False
        )
        recent = ev.within(diagnosis.date, self.window)
        if recent is False and gone:
            harmless.append(cite(diagnosis.ref, diagnosis.date, says))
            return
        if doubt or match.concept in self.doubtful:
            why = doubt or "its kind is not told"
            doubtful.append((cite(diagnosis.ref, diagnosis.date, says, False, why), basis if doubt else "unusable"))
            return
        if recent is True:
            against.append(cite(diagnosis.ref, diagnosis.date, says))
        elif recent is None:
            doubtful.append(
                (
                    cite(
                        diagnosis.ref, diagnosis.date, says, False, f"whether it began within {self.window} is not told"
                    ),
                    "missing",
                )
            )
        else:
            doubtful.append(
                (
                    cite(
                        diagnosis.ref,
                        diagnosis.date,
                        says,
                        False,
                        f"more than {self.window} ago, still recorded as present",
                    ),
                    "missing",
                )
            )
