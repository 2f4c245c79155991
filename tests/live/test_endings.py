"""The real Prometheus of both generations, asked what became of hosts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bridge.clients.prometheus import Prometheus
from bridge.core.cards import Ending
from bridge.core.endings import Subject, judge_endings, write_questions
from tests.live.conftest import PATIENCE, Programs, real, until
from tests.ports import free_port

pytestmark = pytest.mark.live
ODD = 'go"ne.\\x\n|é'
CONFIGURATION = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: node
    file_sd_configs: [{files: [node.json], refresh_interval: 1s}]
  - job_name: icmp
    file_sd_configs: [{files: [icmp.json], refresh_interval: 1s}]
"""


class _Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"x 1\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass


@pytest.fixture
async def exporter() -> AsyncIterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    thread = Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


def list_targets(path: Path, hosts: Mapping[str, str]) -> None:
    groups = [{"targets": [each], "labels": {"host": host}} for host, each in hosts.items()]
    fresh = path.with_suffix(".fresh")
    fresh.write_text(json.dumps(groups))
    fresh.rename(path)


async def test_prometheus_tells_the_dead_the_removed_and_the_unknown_from_the_living(
    generation: str, programs: Programs, exporter: str
) -> None:
    nobody, port = f"127.0.0.1:{free_port()}", free_port()
    folder = programs.folder
    hosts = {"al.ive": exporter, "dead": nobody, ODD: exporter}
    list_targets(folder / "node.json", hosts)
    list_targets(folder / "icmp.json", {"dead": exporter})  # the prober lives on
    (folder / "prometheus.yml").write_text(CONFIGURATION)
    await programs.start(
        str(real(generation, "prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        ready=f"http://127.0.0.1:{port}/-/ready",
    )
    expected = {
        "al.ive": Ending.RECOVERED,
        "dead": Ending.UNREACHABLE,
        ODD: Ending.UNMONITORED,
        "alXive": Ending.RECOVERED,
        "never": Ending.RECOVERED,
    }
    subjects = {
        Subject(label="host", name=host, job=job): ending
        for host, ending in expected.items()
        for job in ("node", "")
    }
    subjects[Subject(label="instance", name=exporter, job="node")] = Ending.RECOVERED
    subjects[Subject(label="instance", name=nobody, job="")] = Ending.UNREACHABLE
    (question,) = write_questions(subjects, 1)
    prometheus = Prometheus(f"http://127.0.0.1:{port}")

    async def all_are_asked() -> bool:
        return len(await prometheus.fetch("up")) == 4

    async def is_gone() -> bool:
        return judge_endings(subjects, await prometheus.fetch(question)) == subjects

    await until(all_are_asked, seconds=PATIENCE)
    del hosts[ODD]
    list_targets(folder / "node.json", hosts)
    await until(is_gone, seconds=PATIENCE)
    await prometheus.close()
