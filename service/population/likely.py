"""How many of a trial's possible patients are likely to fit: as if what is missing were as in those who have it.

A criterion that is unknown is passed with a rate: of those who have it and whom no other criterion fails, drawn towards
all who have it by the weight of `WEIGHT` patients, with one pass and one fail added to these (Laplace). Criteria are
taken as independent. What this misses stands in docs/population-bounds.md.
"""

import math
from collections.abc import Iterator, Mapping

import msgspec

from service.population.tally import CriterionTally, TrialTally

WEIGHT = 10
Z = 1.645  # nine of ten of a normal distribution
_ALPHA = 2  # the patients that Laplace's rule adds


class Rate(msgspec.Struct, frozen=True):
    """How often a criterion is passed: of `known` patients who have it, `near` of them failed by nothing else."""

    criterion: str
    rate: float
    known: int
    near: int


class Likely(msgspec.Struct, frozen=True):
    """The likely number of patients, and the bounds within which it lies nine times of ten if the assumptions hold;
    None where nobody has what `none_known` names."""

    patients: int | None
    low: int | None
    high: int | None
    rates: tuple[Rate, ...] = ()
    none_known: tuple[str, ...] = ()


def likely(counts: TrialTally) -> Likely:
    """The estimate of one trial. It depends on counts alone, so that parts may come in any order."""
    sure = counts.grades["certain"] + counts.grades["probable"]
    most = sure + counts.grades["possible"]
    asked = dict.fromkeys(name for lacking in counts.lacking for name in lacking.split())
    rates = {name: _rate(name, counts.criteria[name]) for name in sorted(asked)}
    if none_known := tuple(name for name, rate in rates.items() if not rate.known):
        return Likely(None, None, None, tuple(rates.values()), none_known)
    mean = sure + math.fsum(n * p for n, p, _ in _groups(counts.lacking, rates))
    spread = Z * math.sqrt(_variance(counts.lacking, rates))
    low, high = math.floor(mean - spread), math.ceil(mean + spread)
    return Likely(round(mean), max(sure, low), min(most, high), tuple(rates.values()))


def _rate(name: str, row: CriterionTally) -> Rate:
    known, near = row.concerned + row.failed, row.near_passed + row.near_failed
    overall = (row.concerned + 1) / (known + _ALPHA)
    return Rate(name, (row.near_passed + WEIGHT * overall) / (near + WEIGHT), known, near)


def _groups(lacking: Mapping[str, int], rates: Mapping[str, Rate]) -> Iterator[tuple[int, float, tuple[str, ...]]]:
    """Patients who lack the same: how many, how likely each is to fit, what they lack. Always in the same order."""
    for names in sorted(lacking):
        missing = tuple(names.split())
        yield lacking[names], math.prod(rates[name].rate for name in missing), missing


def _variance(lacking: Mapping[str, int], rates: Mapping[str, Rate]) -> float:
    """Of the sum of independent patients (Poisson binomial), and of the rates, which are estimates themselves and
    shared by all: the square of how the sum hangs on each, times the variance of a Beta distribution."""
    chance = math.fsum(n * p * (1 - p) for n, p, _ in _groups(lacking, rates))
    slopes = dict.fromkeys(rates, 0.0)
    for n, p, missing in _groups(lacking, rates):
        for name in missing:
            slopes[name] += n * p / rates[name].rate
    of_rates = (slopes[r.criterion] ** 2 * r.rate * (1 - r.rate) / (r.near + WEIGHT + 1) for r in rates.values())
    return chance + math.fsum(of_rates)
