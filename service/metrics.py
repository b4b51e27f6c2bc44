"""Prometheus metrics, exact with several workers: each writes its own files below PROMETHEUS_MULTIPROC_DIR.

Labels hold routes, trials, grades and codes of ours, never an address, an id or anything of a patient.
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter("trialhook_requests", "Requests answered", ["route", "method", "status"])
DURATION = Histogram("trialhook_request_seconds", "Time to answer", ["route"], buckets=_SECONDS)
PHASES = Histogram("trialhook_phase_seconds", "Time of a call by phase", ["phase"], buckets=_SECONDS)
CARDS = Counter("trialhook_cards", "Cards shown", ["trial", "grade"])


def exposition() -> bytes:
    """The metrics of all workers as text."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
