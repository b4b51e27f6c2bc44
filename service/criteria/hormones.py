"""FSH, LH and estradiol in their menopausal ranges."""

from decimal import Decimal

from service.criteria.amounts import Interval, at_least, less_than
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement, UpperLimit
from service.criteria.findings import Finding, Need, cite_measurement, failed, passed, unknown
from service.criteria.newest import select
from service.criteria.spans import Window

HORMONES = (("fsh", "FSH"), ("lh", "LH"), ("estradiol", "estradiol"))


def hormone(ev: Evaluation, name: str, label: str) -> Finding:
    """Whether the newest result lies in the laboratory's own post-menopausal range."""
    chosen = select(ev, ev.record.measurements(name))
    window = Window(28, "days")
    if not chosen.candidates:
        return unknown("missing", f"no {label}", (), (Need(name, "missing"),))
    for m in chosen.candidates:
        if ev.within(m.span, window) is not True:
            return unknown(
                "stale",
                f"{label} on {m.span.text if m.span else 'no date'} is older than {window}",
                (cite_measurement(m, False, "stale"),),
                (Need(name, "stale", m.span.text if m.span else ""),),
            )
        inside = _in_range(m)
        if inside is None:
            why = m.why or m.problem or "no post-menopausal range with the result"
            return unknown(
                "unusable" if m.problem or m.why else "missing",
                f"{label} {m.said}: {why}",
                (cite_measurement(m, False, why),),
                (Need(name, "unusable"),),
            )
        if not inside:
            return failed(f"{label} {m.said} is outside the post-menopausal range", (cite_measurement(m),))
    return passed(
        f"{label} {chosen.candidates[0].said} in the post-menopausal range",
        tuple(cite_measurement(m) for m in chosen.candidates),
    )


def _in_range(m: Measurement) -> bool | None:
    if m.standing != "sure" or m.value is None or m.conflicting:
        return None
    ranges = [r for r in m.limits if _is_postmenopausal(r)]
    if not ranges:
        return None
    answers = {_between(m.value, r.low, r.high) for r in ranges}
    return answers.pop() if len(answers) == 1 else None


def _is_postmenopausal(limit: UpperLimit) -> bool:
    """Whether it is a range of its own for after the menopause, or the normal one of those who are past it."""
    return limit.meaning == "postmenopausal" or (limit.meaning == "normal" and limit.state == "postmenopausal")


def _between(value: Interval, low: Decimal | None, high: Decimal | None) -> bool | None:
    above = True if low is None else at_least(value, low)
    below: bool | None = True
    if high is not None:
        over = less_than(value, high)
        below = over if over is True or value.exact is None else value.exact <= high
    if above is False or below is False:
        return False
    return True if above and below else None
