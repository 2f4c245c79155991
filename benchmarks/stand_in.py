"""A stand-in for Prometheus that watches thousands of hosts which are not there.

It answers the bridge's own questions with the JSON of the real one, worked out once and then kept:
what is measured is the bridge. Run as a program of its own: `--hosts 2000 --port 9190`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.fakes.machines import know_agent, know_host, know_numbers
from tests.fakes.prometheus import FakePrometheus, evaluate

# A clock that stands still: the answers are the same however late they are asked for.
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def name_hosts(number: int) -> list[str]:
    """Name so many hosts."""
    return [f"host-{each:04}.fleet" for each in range(number)]


def create_fleet(number: int) -> FakePrometheus:
    """Make a fleet of which one in fifty hosts is down and some are in trouble."""
    prometheus = FakePrometheus()
    chance = random.Random(1)  # noqa: S311 - the same fleet each time
    for at, name in enumerate(name_hosts(number)):
        know_host(prometheus, name, NOW, is_up=at % 50 != 7, since=timedelta(hours=1 + at))
        know_agent(prometheus, name, NOW, is_up=at % 50 != 7)
        if at % 50 != 7:
            know_numbers(
                prometheus,
                name,
                NOW,
                cpu=chance.uniform(0, 100),
                memory=chance.uniform(0, 100),
                load=chance.uniform(0, 2),
                disks={"/": chance.uniform(0, 100), "/var": 40.0, "/srv": 50.0},
            )
        labels = {"host": name, "job": "icmp", "instance": name}
        prometheus.know("up", 1.0, NOW, **labels)
    return prometheus


def answer(promql: str, prometheus: FakePrometheus) -> bytes:
    """Answer as `GET /api/v1/query` does."""
    result = [
        {"metric": dict(each.labels), "value": [NOW.timestamp(), f"{each.value:.12g}"]}
        for each in evaluate(promql, prometheus.samples)
    ]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return json.dumps(body, separators=(",", ":")).encode()


def serve(number: int, port: int) -> None:
    """Answer until the program is ended."""
    fleet = create_fleet(number)
    kept: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            promql = parse_qs(split.query).get("query", [""])[0]
            if promql and promql not in kept:
                kept[promql] = answer(promql, fleet)
            body = kept.get(promql, b"ready")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its names
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args(words)
    serve(chosen.hosts, chosen.port)


if __name__ == "__main__":
    main()
