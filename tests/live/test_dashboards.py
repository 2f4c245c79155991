"""Every question of the dashboards, asked of a real Prometheus that knows our rules."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from agent.metrics import Metrics as AgentMetrics
from agent.policy import Ceiling
from bridge.core.logins import LoginKind
from bridge.metrics import Metrics as BridgeMetrics
from deploy.stack.plan import EXPORTER_MORE
from tests.grafana.shipped import NAMES, Question, fill_in, questions, read, selectors
from tests.live.conftest import Programs, real
from tests.ports import free_port
from tests.programs import ROOT

pytestmark = pytest.mark.live
# What Grafana itself would put there; samples come every two seconds here.
VALUES = {
    "host": "Server",
    "group": ".*",
    "bridge": ".*",
    "datasource": "any",
    "__range": "60s",
    "__rate_interval": "10s",
}
PATIENCE = 240  # seconds; a slow machine needs tens of them to start the programs
CONFIGURATION = """
global: {{scrape_interval: 2s, evaluation_interval: 1s}}
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: node
    metrics_path: /node
    static_configs:
      - {{targets: ['127.0.0.1:{exporter}'], labels: {{host: Server, group: web}}}}
      - {{targets: ['127.0.0.1:9'], labels: {{host: Gone, group: db}}}}
  - job_name: bridge
    metrics_path: /bridge
    static_configs: [{{targets: ['127.0.0.1:{exporter}'], labels: {{host: Server}}}}]
  - job_name: agent
    metrics_path: /agent
    static_configs: [{{targets: ['127.0.0.1:{exporter}'], labels: {{host: Server, group: web}}}}]
  - job_name: prometheus
    static_configs: [{{targets: ['127.0.0.1:{prometheus}'], labels: {{host: Server}}}}]
  - job_name: alertmanager
    static_configs: [{{targets: ['127.0.0.1:9'], labels: {{host: Server}}}}]
"""


class Exporter:
    """Serves the figures of a busy bridge, of its agent, and of a host whose disk fills."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._client = httpx.Client(trust_env=False, timeout=60, verify=False)  # noqa: S501 - no TLS
        self._bridge = BridgeMetrics("1.2.3")
        self._agent = AgentMetrics("1.2.3")
        self._asked = 0
        for check in ("store", "telegram"):
            self._bridge.ready.labels(check).set(1)
        self._bridge.note_depth(3, 1, 7.5)
        self._agent.watch_ceiling([each.value for each in Ceiling], lambda: Ceiling.ACTIONS.value)

    def close(self) -> None:
        """Leave the real exporter alone."""
        self._client.close()

    def answer(self, path: str) -> bytes:
        """Say how it is now; something has happened since the last time."""
        self._asked += 1
        if path == "/node":
            return self._read_node()
        return self._tell_bridge() if path == "/bridge" else self._tell_agent()

    def _tell_bridge(self) -> bytes:
        metrics = self._bridge
        for counter, labels in (
            (metrics.webhooks, ("200",)),
            (metrics.webhooks, ("401",)),
            (metrics.alerts, ("firing",)),
            (metrics.sends, ("shown", "-100123")),
            (metrics.sends, ("outage", "-100123")),
            (metrics.template_faults, ("card.j2",)),
            (metrics.commands, ("status", "done")),
            (metrics.agent_calls, ("run", "exit")),
        ):
            counter.labels(*labels).inc()
        # Enough of them for an alert.
        metrics.logins.labels("Server", LoginKind.FAILURE.value).inc(500)
        for histogram in (
            metrics.webhook_seconds,
            metrics.delivery_seconds,
            metrics.command_seconds,
        ):
            histogram.observe(0.2)
        return metrics.render()

    def _tell_agent(self) -> bytes:
        metrics = self._agent
        metrics.orders.labels("run", "exit").inc()
        metrics.turned_away.labels("expired").inc()
        metrics.logins.labels("login").inc()
        metrics.order_seconds.observe(0.2)
        return metrics.render()

    def _read_node(self) -> bytes:
        """Give what the real exporter says; only that there is swap, and that disks fill."""
        text = self._client.get(self._node).text
        text = re.sub(r"(?m)^(node_memory_Swap(?:Total|Free)_bytes) .*$", r"\1 1e9", text)
        # Whatever else writes on this machine.
        left = 4e9 - self._asked * 1e6
        pattern = r"(?m)^(node_filesystem_avail_bytes\{.*\}) .+$"
        return re.sub(pattern, rf"\1 {left}", text).encode()


@contextmanager
def open_exporter(node: str) -> Iterator[int]:
    """Serve them until the context ends; give the port."""
    exporter = Exporter(node)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its names
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        exporter.close()


class Asker:
    """Asks a Prometheus as Grafana does."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def find_fault(self, question: Question) -> str:
        """Say what is wrong with the answer to a question; nothing where nothing is."""
        now = time.time()
        expression = fill_in(question.expression, VALUES)
        answer = await self._ask(question, expression, now)
        if answer.get("status") != "success":
            return f"{question.where}: {answer.get('error')}"
        for selector in selectors(expression):
            found = await self._get("series", {"match[]": selector, "start": now - 600, "end": now})
            if not found.get("data"):
                return f"{question.where}: nobody exports {selector}"
        if not _has_number(answer["data"]):
            return f"{question.where}: no data"
        return ""

    async def _ask(self, question: Question, expression: str, now: float) -> dict[str, Any]:
        if question.label:
            wanted = {"match[]": expression, "start": now - 600, "end": now}
            return await self._get(f"label/{question.label}/values", wanted)
        if question.is_instant:
            return await self._get("query", {"query": expression, "time": now})
        span = {"start": now - 60, "end": now, "step": 1}
        return await self._get("query_range", {"query": expression, **span})

    async def _get(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.get(f"/api/v1/{path}", params=parameters)
        said: dict[str, Any] = answer.json()
        return said


def _has_number(data: Any) -> bool:
    if isinstance(data, list):
        return bool(data)
    samples = [
        sample for each in data["result"] for sample in each.get("values") or [each["value"]]
    ]
    return any(not math.isnan(float(value)) for _, value in samples)


def copy_rules(folder: Path) -> None:
    """Copy the shipped rules; minutes are seconds in them, and hours as well."""
    shutil.copytree(ROOT / "prometheus" / "rules", folder / "rules")
    for path in (folder / "rules").iterdir():
        text = re.sub(r"(?m)^( +)for: \w+$", r"\1for: 2s", path.read_text())
        path.write_text(text.replace("interval: 1h", "interval: 1s"))


@pytest.fixture
async def asker(generation: str, programs: Programs) -> AsyncIterator[Asker]:
    """Start an exporter and a Prometheus with our rules."""
    node, prometheus = free_port(), free_port()
    page = f"http://127.0.0.1:{node}/metrics"
    await programs.start(
        str(real(generation, "node_exporter")),
        f"--web.listen-address=127.0.0.1:{node}",
        *EXPORTER_MORE,
        ready=page,
    )
    with open_exporter(page) as exporter:
        copy_rules(programs.folder)
        text = CONFIGURATION.format(exporter=exporter, prometheus=prometheus)
        (programs.folder / "prometheus.yml").write_text(text)
        url = f"http://127.0.0.1:{prometheus}"
        running = await programs.start(
            str(real(generation, "prometheus")),
            f"--config.file={programs.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={programs.folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{prometheus}",
            ready=f"{url}/-/ready",
        )
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            yield Asker(client)
        await running.end()


def shipped() -> list[Question]:
    return [each for name in NAMES for each in questions(name, read(name))]


async def find_faults(asker: Asker, asked: Sequence[Question], *, seconds: float) -> list[str]:
    """Ask everything, and what has no answer yet again, until the time is up."""
    left = list(asked)
    end = time.monotonic() + seconds
    while True:
        faults = [await asker.find_fault(each) for each in left]
        left = [each for each, fault in zip(left, faults, strict=True) if fault]
        if not left or time.monotonic() > end:
            return [fault for fault in faults if fault]
        await asyncio.sleep(0.5)


def changed(name: str, right: str, wrong: str) -> list[Question]:
    """Give the questions of a dashboard in which something was put in the place of something."""
    text = json.dumps(read(name))
    assert right in text
    return list(questions(name, json.loads(text.replace(right, wrong))))


WRONGS = (
    ("opswire", "opswire_messages_waiting", "opswire_messages_queued", "nobody exports"),
    ("opswire", "exported_host=~", "hostname=~", "nobody exports"),
    ("opswire", "outcome)", "outcome", "pars"),
    ("host", "node_disk_read_bytes_total", "node_disk_bytes_read", "nobody exports"),
    ("host", "host:threshold:cpu", "host:threshold:processor", "nobody exports"),
    ("host", "[$__rate_interval]", "[$__interval_of_rates]", "pars"),
    ("fleet", "topk(5, avg", "topk(0, avg", "no data"),
    ("fleet", "up{job=", "up{program=", "nobody exports"),
    ("fleet", 'severity=\\"critical\\"', 'severity=\\"grave\\"', "nobody exports"),
)


async def test_every_question_of_the_dashboards_has_an_answer(asker: Asker) -> None:
    asked = shipped()
    assert len(asked) > 100
    assert await find_faults(asker, asked, seconds=PATIENCE) == []
    for name, right, wrong, complaint in WRONGS:
        faults = await find_faults(asker, changed(name, right, wrong), seconds=0)
        assert any(complaint in fault for fault in faults), (right, faults)
        assert len(faults) < len(asked)
