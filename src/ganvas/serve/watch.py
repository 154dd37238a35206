"""What is told of requests: a line of JSON each, and figures for Prometheus; never what was asked."""

import json
import sys
import time
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)


class Watch:
    """Of one server."""

    def __init__(self, out: TextIO | None = None):
        self.out = out or sys.stdout
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        on: Any = {"registry": self.registry}
        self.requests = Counter("ganvas_requests", "Answers.", ["route", "method", "status"], **on)
        self.seconds = Histogram(
            "ganvas_request_seconds", "From the first byte to the last.", ["route"], buckets=SECONDS, **on
        )
        self.left = Counter("ganvas_left", "Clients that left before their answer was whole.", **on)
        self.refused = Counter("ganvas_refused", "Requests that found no place (429).", **on)
        self.places = Gauge("ganvas_places_taken", "Requests that wait or are worked on.", **on)
        self.batches = Histogram(
            "ganvas_batch_items", "Items that were decoded together.", buckets=ITEMS, **on
        )
        self.made = Counter("ganvas_made", "Items and tokens that were made.", ["model", "unit"], **on)

    def figures(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry)

    def say(self, event: str, **facts: Any) -> None:
        """A line of the log."""
        line = {"time": round(time.time(), 3), "event": event, **facts}
        print(json.dumps(line, ensure_ascii=False), file=self.out, flush=True)

    def answered(
        self, scope: dict[str, Any], number: str, status: int, seconds: float, left: bool, why: str | None
    ) -> None:
        """A request is over. `status` 0: nothing was answered."""
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in METHODS else "other"
        facts = scope.get("ganvas", {})
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)
        if left:
            self.left.inc()
        for unit in ("items", "tokens"):
            if facts.get(unit):
                self.made.labels(facts["model"], unit).inc(facts[unit])
        more = facts | ({"left": True} if left else {}) | ({"why": why} if why else {})
        took = round(1000 * seconds, 1)
        self.say("request", id=number, method=method, route=route, status=status, ms=took, **more)


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
