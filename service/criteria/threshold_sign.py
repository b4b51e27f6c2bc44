"""A measured value on one side of a limit, as a sign."""

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.findings import Need, Sighting, Why, cite_measurement
from service.criteria.measured import Threshold, window_default
from service.criteria.overlap import is_older, latest_start
from service.criteria.wording import labelled


class ThresholdSign(msgspec.Struct, frozen=True):
    """A value beyond a limit, looked for as a reason against: an old value that would not exclude is silence."""

    threshold: Threshold
    site_window: bool = False

    def look(self, ev: Evaluation) -> Sighting:
        t = self.threshold
        chosen = t.selection(ev)
        sightings = self._each(ev, chosen.candidates)
        decided = [s for s in sightings if s.state != "silent"]
        if decided:
            return _joined(decided, t.label, t.input)
        undated = chosen.undated if not chosen.candidates else ()
        newest = latest_start(m.span for m in chosen.candidates)
        listed = [m for m in chosen.listed if not is_older(m.span, newest)]
        for m, why in (*((m, m.why) for m in listed), *((m, m.why or "undated") for m in undated)):
            if not m.problem and self._would_exclude(ev, m):
                evidence = (cite_measurement(m, False, why),)
                return Sighting(
                    "maybe", f"{labelled(t.label, m.said)}, {why}", "missing", evidence, (Need(t.input, "missing"),)
                )
        aside = (
            *(e for s in sightings for e in s.evidence),
            *(cite_measurement(m, False, "undated") for m in undated),
        )
        if gap := ev.record.unread("Observation"):
            return Sighting("maybe", f"no {t.label} found, but {gap}", "missing", aside, (Need(t.input, "missing"),))
        return Sighting(
            "silent", f"no {t.label} of {t.limit.asked} on record", "no-record", aside, (Need(t.input, "missing"),)
        )

    def reads(self) -> frozenset[str]:
        return keys.inputs(self.threshold.input)

    def _each(self, ev: Evaluation, candidates: list[Measurement]) -> list[Sighting]:
        """Beside one that is surely inside the window, another is of its time or does not count: where all would say
        the same, a date that does not tell is no matter; where one may be newer and says another, it is one."""
        sightings = [self._one(ev, m) for m in candidates]
        if len(sightings) == 1 or not any(s.state in ("found", "absent") for s in sightings):
            return sightings
        alike = [self._one(ev, m, windowed=False) for m in candidates]
        if len({s.state for s in alike}) == 1:
            return alike
        return [self._may_speak(m) if s.state == "silent" else s for m, s in zip(candidates, sightings, strict=True)]

    def _may_speak(self, m: Measurement) -> Sighting:
        """A result that would not exclude and may be the newest."""
        t, why = self.threshold, "its date does not tell"
        said, date = f"{t.said(m)}{f' on {m.span.text}' if m.span else ', undated'}", m.span.text if m.span else ""
        evidence = (cite_measurement(m, False, why),)
        return Sighting("maybe", f"{said}, {why}", "missing", evidence, (Need(t.input, "missing", date),))

    def _would_exclude(self, ev: Evaluation, m: Measurement) -> bool:
        return m.value is not None and self.threshold.verdict_if_sure(ev, m).meets is not False

    def _one(self, ev: Evaluation, m: Measurement, windowed: bool = True) -> Sighting:
        t = self.threshold
        verdict = t.verdict(ev, m)
        inside = ev.within(m.span, t.window) if t.window and windowed and not m.date_lost else True
        date = m.span.text if m.span else ""
        said = f"{t.said(m)}{f' on {date}' if date else ', undated'}"
        if inside is not True:
            why = f"older than {t.window}" if inside is False else "its date does not tell"
            if verdict.meets is False:
                return Sighting("silent", said, "no-record", (cite_measurement(m, False, why),))
            basis: Why = "stale" if inside is False else "missing"
            return Sighting(
                "maybe", f"{said}, {why}", basis, (cite_measurement(m, False, why),), (Need(t.input, basis, date),)
            )
        if verdict.meets is None:
            need: Why = verdict.basis if verdict.basis in ("missing", "conflict", "unusable") else "unusable"
            evidence = (cite_measurement(m, False, verdict.because),)
            return Sighting(
                "maybe",
                f"{said} ({verdict.because})",
                verdict.basis,
                evidence,
                (Need(t.input, need, date, verdict.lacks),),
            )
        default = window_default(t.window) if self.site_window else ""
        if verdict.meets:
            return Sighting("found", said, "recorded", (cite_measurement(m),), site_default=default)
        for mark in t.doubtful:
            if mark in m.marks:
                evidence = (cite_measurement(m, False, f"measured under {mark}"),)
                return Sighting(
                    "maybe", f"{said}, measured under {mark}", "missing", evidence, (Need(t.input, "missing", date),)
                )
        return Sighting("absent", said, "recorded", (cite_measurement(m),), site_default=default)


def _joined(sightings: list[Sighting], label: str, name: str) -> Sighting:
    first = sightings[0]
    if len(sightings) == 1:
        return first
    evidence = tuple(e for s in sightings for e in s.evidence)
    states = {s.state for s in sightings}
    if len(states) == 1:
        return msgspec.structs.replace(first, evidence=evidence)
    doubtful = next((s for s in sightings if s.state == "maybe"), None)
    reason = "; ".join(s.reason for s in sightings)
    if doubtful is not None:
        return Sighting("maybe", reason, doubtful.basis, evidence, doubtful.needs)
    disagree = f"results of {label} at one time disagree: {reason}"
    return Sighting("maybe", disagree, "conflict", evidence, (Need(name, "conflict"),))
