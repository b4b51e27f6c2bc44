"""The newest stage group of a cancer, where a trial also takes some stages without distant spread."""

import msgspec

from service.criteria.evaluation import Evaluation
from service.criteria.findings import Evidence, Finding, Need, cite, cite_measurement, passed, unknown
from service.criteria.signs import doubt_of
from service.criteria.spans import Span
from service.criteria.wording import named

_CONFLICT = (Need("metastasis", "conflict"),)
_MISSING = (Need("metastasis", "missing"),)


class StageWord(msgspec.Struct, frozen=True):
    """What one record says of the stage: answers such as stage-3 and stage-3b, and when."""

    answers: frozenset[str]
    span: Span | None
    evidence: Evidence


def stage_words(ev: Evaluation, ever: frozenset[str]) -> list[StageWord]:
    """The newest stage groups that are sure, of one cancer's concepts; undated ones only where nothing is dated."""
    words = [*_observed(ev, ever), *_in_conditions(ev, ever)]
    dated = [word for word in words if word.span is not None]
    if not dated:
        return words
    latest = max(word.span.start for word in dated if word.span)
    return [word for word in dated if word.span and word.span.end >= latest]


def _observed(ev: Evaluation, ever: frozenset[str]) -> list[StageWord]:
    words = []
    for m in ev.record.measurements("stage"):
        sure = m.standing == "sure" and not m.conflicting and not m.problem and m.answers
        of_another = bool(m.focus) and m.focus.isdisjoint(ever)
        if sure and not of_another and ev.counts(m.span):
            words.append(StageWord(m.answers, m.span, cite_measurement(m)))
    return words


def _in_conditions(ev: Evaluation, ever: frozenset[str]) -> list[StageWord]:
    words = []
    for match in ev.record.diagnoses(ever):
        diagnosis = match.fact
        doubt, _ = doubt_of(match.standing, match.why, diagnosis.verification != "confirmed")
        if doubt or not ev.counts(diagnosis.onset):
            continue
        for stage in diagnosis.stages:
            if ev.counts(stage.date) and not stage.doubt:
                said = f"stage of {diagnosis.says}: {stage.says}"
                words.append(StageWord(stage.answers, stage.date, cite(diagnosis.ref, stage.date, said)))
    return words


def by_stage(ev: Evaluation, ever: frozenset[str], accepted: frozenset[str]) -> Finding | None:
    """A pass where the newest stage is one of those accepted, unknown where it may be; None where it says nothing."""
    words = stage_words(ev, ever)
    evidence = tuple(word.evidence for word in words)
    inside = [bool(word.answers & accepted) for word in words]
    if words and all(inside):
        return passed(named(evidence), evidence)
    if any(inside):
        return unknown("conflict", f"stages of one time disagree: {named(evidence)}", evidence, _CONFLICT)
    wholes = {f"stage-{answer.removeprefix('stage-')[0]}" for answer in accepted}
    if any(word.answers <= wholes for word in words):  # stage III, where IIIB is asked for
        return unknown("missing", f"{named(evidence)}: which part of it is not told", evidence, _MISSING)
    return None
