"""Prometheus metrics, exact with several workers: each writes its own files below PROMETHEUS_MULTIPROC_DIR.

A worker's files carry its place among the workers, not its process id, and its successor counts on in them: workers are
replaced every so many requests, and files that nobody deletes would slow every scrape down.

Labels hold routes, trials, grades and codes of ours, never an address, an id or anything of a patient.
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import values as _values
from prometheus_client.multiprocess import MultiProcessCollector

_place = ["none"]


def count_as(place: str) -> None:
    """From now on this process counts in the files of a place that no other process has at the same time."""
    _place[0] = place


if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    _values.ValueClass = _values.MultiProcessValue(lambda: _place[0])  # type: ignore[no-untyped-call]

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter("trialhook_requests", "Requests answered", ["route", "method", "status"])
DURATION = Histogram("trialhook_request_seconds", "Time to answer", ["route"], buckets=_SECONDS)


def exposition() -> bytes:
    """The metrics of all workers as text."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
