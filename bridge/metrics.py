"""Every metric the bridge exports, with its help text."""

from __future__ import annotations

from math import nan

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # seconds
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)  # seconds


class Metrics:
    """The bridge's own figures, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._gauge("build_info", "Version.", "version").labels(version).set(1)
        self.webhooks = self._counter(
            "webhooks_total", "Webhooks answered, by status code.", "code"
        )
        self.webhook_seconds = self._histogram(
            "webhook_seconds", "From a webhook's arrival to its answer.", _FAST
        )
        self.alerts = self._counter(
            "alerts_received_total",
            "Members of webhooks kept, by status: firing, resolved or unreadable.",
            "status",
        )
        self.sends = self._counter(
            "sends_total", "Attempts to show a message, by outcome and chat.", "outcome", "chat"
        )
        self.delivery_seconds = self._histogram(
            "delivery_seconds", "From a message waiting to Telegram showing it.", _SLOW
        )
        self.waiting = self._gauge("messages_waiting", "Messages not shown as they should be.")
        self.unheard = self._gauge("messages_unheard", "Of those, the ones that no chat hears yet.")
        self.oldest_seconds = self._gauge(
            "message_oldest_seconds", "How long the oldest of those waits."
        )
        self.unaccounted = self._gauge(
            "alerts_unaccounted",
            "Alerts that are neither shown nor listed nor waiting; anything but 0 is a fault.",
        )
        self.unwanted = self._gauge(
            "alerts_unwanted",
            "Alerts that fire and no chat is shown: switched off, or of hosts no chat may know of.",
        )
        self.template_faults = self._counter(
            "template_faults_total",
            "Templates that failed and were replaced by the plain form.",
            "template",
        )
        self.commands = self._counter(
            "commands_total", "Commands of people, by command and outcome.", "command", "outcome"
        )
        self.command_seconds = self._histogram(
            "command_seconds", "From a person's update to the answer.", _SLOW
        )
        self.ready = self._gauge("ready", "1 where the check of /readyz passes, else 0.", "check")
        self._add_hosts()

    def _add_hosts(self) -> None:
        """Add the figures about hosts and their agents."""
        self.logins = self._counter(
            "logins_total", "What agents tell of logins, by host and kind.", "host", "kind"
        )
        self.agent_calls = self._counter(
            "agent_calls_total", "Orders to hosts, by verb and outcome.", "verb", "outcome"
        )

    def note_depth(self, waiting: int, unheard: int, oldest_seconds: float) -> None:
        """Set the figures of the queue."""
        self.waiting.set(waiting)
        self.unheard.set(unheard)
        self.oldest_seconds.set(max(oldest_seconds, 0))

    def forget_depth(self) -> None:
        """Say that the queue cannot be measured: no figure is better than an old one."""
        for gauge in (self.waiting, self.unheard, self.oldest_seconds):
            gauge.set(nan)

    def sums(self, counter: Counter, label: str) -> dict[str, int]:
        """Add up a counter since the start, by one of its labels."""
        sums: dict[str, int] = {}
        for metric in counter.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    key = sample.labels[label]
                    sums[key] = sums.get(key, 0) + int(sample.value)
        return sums

    def render(self) -> bytes:
        """Write everything in the text format that Prometheus reads."""
        return generate_latest(self._registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"opswire_{name}", help_text, labels, registry=self._registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"opswire_{name}", help_text, labels, registry=self._registry)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"opswire_{name}", help_text, buckets=buckets, registry=self._registry)
