"""What `/metrics` tells (Prometheus' text format). One registry per process, handed around, never global."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_STALL_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0)
"""20 ms is one audio frame; over 50 ms the callee can hear it."""

_FUNCTION_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 20.0)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.claims = Counter("floyd_claims", "Requests claimed", registry=self.registry)
        self.claim_seconds = Histogram(
            "floyd_claim_seconds",
            "From hearing of a pending request to holding its lease",
            buckets=_FUNCTION_BUCKETS_S,
            registry=self.registry,
        )
        self.requests_running = Gauge("floyd_requests_running", "Requests being worked on", registry=self.registry)
        self.calls_running = Gauge("floyd_calls_running", "Calls going on", registry=self.registry)
        self.lost_leases = Counter("floyd_lost_leases", "Leases lost while working", registry=self.registry)
        self.heartbeats = Counter("floyd_heartbeats", "Heartbeats by result", ["result"], registry=self.registry)
        self.loop_stall_seconds = Histogram(
            "floyd_loop_stall_seconds",
            "How much later than due the event loop ran a timer",
            buckets=_STALL_BUCKETS_S,
            registry=self.registry,
        )
        self.loop_blocked_seconds = Histogram(
            "floyd_loop_blocked_seconds",
            "The same without the time in which the machine gave the event loop no CPU",
            buckets=_STALL_BUCKETS_S,
            registry=self.registry,
        )
        self.function_seconds = Histogram(
            "floyd_function_seconds",
            "Calls of the deployment's functions, retries included",
            ["kind", "path"],
            buckets=_FUNCTION_BUCKETS_S,
            registry=self.registry,
        )

    def observe_function(self, kind: str, path: str, seconds: float) -> None:
        self.function_seconds.labels(kind, path).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
