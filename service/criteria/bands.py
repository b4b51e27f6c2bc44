"""A value between two limits: `at-least` or `more-than` together with `at-most` or `less-than`."""

import msgspec

from service.criteria.evaluation import Evaluation
from service.criteria.facts import Measurement
from service.criteria.measured import Threshold, Verdict


class Band(Threshold, frozen=True, kw_only=True):
    """Both limits of one input. What the parent holds is the lower one, worded as both."""

    lower: Threshold
    upper: Threshold

    def verdict(self, ev: Evaluation, m: Measurement) -> Verdict:
        """Whether a result meets both; the one that it does not meet speaks."""
        low, high = self.lower.verdict(ev, m), self.upper.verdict(ev, m)
        if low.meets is False or (low.meets is None and high.meets is not False):
            return low
        return high


def band(lower: Threshold, upper: Threshold) -> Band:
    """The band of two thresholds. ValueError where no value lies in it."""
    low, high = lower.limit, upper.limit
    if low.times_uln == high.times_uln and _is_empty(lower, upper):
        raise ValueError(f"no value is {low.asked} and {high.asked}")
    both = msgspec.structs.replace(low, asked=f"{low.asked} and {high.asked}")
    shared = {name: getattr(lower, name) for name in Threshold.__struct_fields__ if name != "limit"}
    return Band(**shared, limit=both, lower=lower, upper=upper)


def _is_empty(lower: Threshold, upper: Threshold) -> bool:
    open_end = lower.limit.comparison == "more-than" or upper.limit.comparison == "less-than"
    low, high = lower.limit.number, upper.limit.number
    return low > high or (open_end and low == high)
