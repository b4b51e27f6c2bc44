"""Prometheus metrics, exact with several workers: each writes its own files below PROMETHEUS_MULTIPROC_DIR.

A worker's files carry its place among the workers, not its process id, and its successor counts on in them: workers are
replaced every so many requests, and files that nobody deletes would slow every scrape down.

Labels hold routes, trials, grades, inputs and codes of ours, never an address, an id or anything of a patient, so how
many series there are depends on the trials and the API alone.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import values as _values
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service.metric_files import ReservedDict

Phase = Literal["decode", "fetch", "evaluate", "render"]
_place = ["none"]


def count_as(place: str) -> None:
    """From now on this process counts in the files of a place that no other process has at the same time."""
    _place[0] = place


if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    _values.MmapedDict = ReservedDict  # type: ignore[attr-defined]
    _values.ValueClass = _values.MultiProcessValue(lambda: _place[0])  # type: ignore[no-untyped-call]

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

_REQUESTS = Counter("trialhook_requests", "Requests answered", ["route", "method", "status"])
_DURATION = Histogram("trialhook_request_seconds", "Time to answer", ["route"], buckets=_SECONDS)
_PHASES = Histogram(
    "trialhook_phase_seconds", "Time of one call in a phase of its work", ["route", "phase"], buckets=_SECONDS
)
_CARDS = Counter("trialhook_cards", "Cards answered with", ["trial", "grade"])
_WARNINGS = Counter("trialhook_order_warnings", "Cards that warn of an order which closes a trial", ["trial"])
_SCREENED = Counter("trialhook_screened", "Records judged, by the best grade among the trials", ["best"])
_UNKNOWNS = Counter("trialhook_unknowns", "Records judged that lack an input which would settle", ["input", "why"])
_PREFETCH = Counter("trialhook_prefetch", "Prefetch members of hook calls by what came", ["state"])
_QUERIES = Counter("trialhook_fhir_queries", "Reads and searches of FHIR servers", ["resource", "outcome"])
_FEEDBACK = Counter("trialhook_feedback", "Feedback on cards", ["trial", "outcome"])
_UNRECORDED = Counter("trialhook_unrecorded", "Decisions and audit events that could not be written", ["what"])
_STORE_FAILURES = Counter("trialhook_store_failures", "Uses of the database that failed", ["purpose"])

# Looking a series up costs as much as counting in it. Labels are bounded, hence so are these.
_requests = cache(_REQUESTS.labels)
_duration = cache(_DURATION.labels)
_phase = cache(_PHASES.labels)
_cards = cache(_CARDS.labels)
_screened = cache(_SCREENED.labels)
_unknowns = cache(_UNKNOWNS.labels)
_prefetch = cache(_PREFETCH.labels)
_queries = cache(_QUERIES.labels)


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """A request; `route` is the rule of the address, never the address."""
    _requests(route, method, str(status)).inc()
    _duration(route).observe(seconds)


def spent(route: str, phases: Mapping[Phase, float]) -> None:
    """The seconds that one call took for each of its phases."""
    for phase, seconds in phases.items():
        _phase(route, phase).observe(seconds)


def card_shown(trial: str, grade: str) -> None:
    _cards(trial, grade).inc()


def order_warned(trial: str) -> None:
    _WARNINGS.labels(trial).inc()


def screened(best: str, unknowns: Iterable[tuple[str, str]]) -> None:
    """A record judged: its best grade, and the inputs it lacks, each with the reason."""
    _screened(best).inc()
    for name, why in unknowns:
        _unknowns(name, why).inc()


def prefetched(states: Mapping[str, int]) -> None:
    """How many prefetch members of one call came in each state."""
    for state, number in states.items():
        _prefetch(state).inc(number)


def fhir_query(resource: str, outcome: str) -> None:
    """A read or search of a resource type; `outcome` is `complete` or the kind of failure."""
    _queries(resource, outcome).inc()


def feedback_came(trial: str, outcome: str) -> None:
    _FEEDBACK.labels(trial, outcome).inc()


def store_failed(purpose: Literal["request", "cards", "explanations"]) -> None:
    _STORE_FAILURES.labels(purpose).inc()


def unrecorded(what: str) -> None:
    """A `decision` or an `audit-event` is missing from where it belongs."""
    _UNRECORDED.labels(what).inc()


def expect(trials: Iterable[str]) -> None:
    """Series that rates and alerts are made of begin at zero: one that appears with its first event hides it."""
    for trial in trials:
        for grade in ("certain", "probable", "possible"):
            _cards(trial, grade).inc(0)
    for best in ("certain", "probable", "possible", "certainly-not", "none"):
        _screened(best).inc(0)
    for what in ("decision", "audit-event"):
        _UNRECORDED.labels(what).inc(0)
    for purpose in ("request", "cards", "explanations"):
        _STORE_FAILURES.labels(purpose).inc(0)


class _Build(Collector):
    """What runs. Told by the process that is asked, so that nothing of an older one stays in the workers' files."""

    def __init__(self, build: Mapping[str, str]) -> None:
        self._build = dict(build)

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("trialhook_build", "Version of the service and digest of its trials", self._build)


def exposition(build: Mapping[str, str]) -> bytes:
    """The metrics of all workers as text, with the labels of `trialhook_build_info`."""
    registry = CollectorRegistry()
    registry.register(_Build(build))
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(registry) + generate_latest(REGISTRY)
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
