"""Every metric the agent exports, with its help text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class _Ceiling(Collector):
    """The ceiling of the moment in which it is asked for."""

    def __init__(self, levels: Iterable[str], read: Callable[[], str]) -> None:
        self._levels = tuple(levels)
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Name it without reading anything."""
        return [self._create()]

    def collect(self) -> Iterable[Metric]:
        """Read it, and say so of each level."""
        family, found = self._create(), self._read()
        for each in self._levels:
            family.add_metric([each], float(each == found))
        return [family]

    def _create(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "opswire_agent_ceiling", "1 for what this host allows at most.", labels=["level"]
        )


class Metrics:
    """The agent's own figures, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._gauge("build_info", "Version.", "version").labels(version).set(1)
        self.orders = self._counter(
            "orders_total", "Orders of the bridge, by verb and outcome.", "verb", "outcome"
        )
        self.order_seconds = self._histogram(
            "order_seconds", "From an order's admission to its last event.", _SECONDS
        )
        self.turned_away = self._counter(
            "orders_refused_total",
            "Orders that were turned away unread or unmet, by reason.",
            "reason",
        )
        self.jobs = self._gauge("jobs_running", "Commands that run now.")
        self.logins = self._counter(
            "login_events_total",
            "Logins, logouts, failures and uses of sudo that were seen, by kind.",
            "kind",
        )
        self.letters_waiting = self._gauge(
            "letters_waiting", "Events that the bridge does not have yet."
        )

    def watch_ceiling(self, levels: Iterable[str], read: Callable[[], str]) -> None:
        """Let the ceiling be read once whenever somebody asks: its owner may change it any time."""
        self._registry.register(_Ceiling(levels, read))

    def watch_jobs(self, count: Callable[[], float]) -> None:
        """Let the number of running commands be asked for where it is known."""
        self.jobs.set_function(count)

    def watch_letters(self, count: Callable[[], float]) -> None:
        """Let the number of waiting events be asked for where it is known."""
        self.letters_waiting.set_function(count)

    def render(self) -> bytes:
        """Write everything in the text format that Prometheus reads."""
        return generate_latest(self._registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"opswire_agent_{name}", help_text, labels, registry=self._registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"opswire_agent_{name}", help_text, labels, registry=self._registry)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(
            f"opswire_agent_{name}", help_text, buckets=buckets, registry=self._registry
        )
