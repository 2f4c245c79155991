"""Every question that is asked for numbers, answered by the real Prometheus of both generations."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bridge.clients.prometheus import Prometheus
from bridge.core.answers import Kind
from bridge.core.charts import ChartFacts, Look, compose_chart
from bridge.core.promql import (
    CPU,
    DISK,
    METRICS,
    NETWORK,
    Metric,
    align,
    step_for,
    write_current,
    write_last_seen,
    write_range,
)
from bridge.core.readings import Condition, Reading, read_current, read_last_seen
from bridge.core.series import split_at_gaps
from bridge.core.windows import Window, last
from bridge.errors import Mistake
from deploy.stack.binaries import GENERATIONS
from tests.live.conftest import PATIENCE, real
from tests.ports import free_port

pytestmark = pytest.mark.live

SCRAPE = timedelta(seconds=15)
HOURS = 8
LOOK = Look(zone="UTC", dark=True, say=str)
NAMES = ('x",foo=~".*', "x\\", 'a"} or vector(1) #', "new\nline", "хост", "{}", "a.b|c")


def samples(now: int) -> Iterator[str]:
    """Write what a Prometheus might have recorded up to now, as OpenMetrics."""
    moments = range(now - HOURS * 3600, now + 1, 15)
    silent = range(now - 1800, now - 1500)  # five minutes without a sample
    named: dict[str, Callable[[int], float | None]] = {
        'host:cpu_busy_percent:rate2m{host="web-1"}': lambda at: (
            None if at in silent else 99.0 if at == now - 7200 else 40.0
        ),
        'host:cpu_busy_percent:rate2m{host="gone"}': lambda at: 1.0 if at <= now - 3600 else None,
        'host:network_receive_bits:rate5m{host="web-1"}': lambda _: 1e6,
        'host:network_transmit_bits:rate5m{host="web-1"}': lambda _: 2e6,
        'host:filesystem_used_percent{host="web-1",device="a",mountpoint="/"}': lambda _: 50.0,
        'host:filesystem_used_percent{host="web-1",device="a",mountpoint="/srv"}': lambda _: 50.0,
        'host:threshold:cpu{host="web-1"}': lambda _: 80.0,
        'up{host="web-1",job="node"}': lambda _: 1.0,
        'up{host="gone",job="node"}': lambda _: 0.0,
        'ALERTS{host="web-1",alertname="AgentHighCPU",alertstate="firing",resource="cpu"}': (
            lambda at: 1.0 if now - 900 <= at <= now - 600 else None
        ),
    }
    families: dict[str, list[str]] = {}
    for name, value_at in named.items():
        lines = families.setdefault(name.partition("{")[0], [])
        known = ((at, value_at(at)) for at in moments)
        lines += [f"{name} {value} {at}" for at, value in known if value is not None]
    for family, lines in families.items():
        yield f"# TYPE {family} gauge"
        yield from lines
    yield "# EOF\n"


class Asked:
    """A Prometheus with a past, and the moment at which that ends."""

    def __init__(self, prometheus: Prometheus, now: datetime) -> None:
        self.prometheus = prometheus
        self.now = now

    async def read(self, metric: Metric, host: str, *, later: float = 0) -> Reading:
        """Ask for a metric so many seconds after the last sample."""
        at = self.now + timedelta(seconds=later)
        answer = await self.prometheus.fetch_values(write_current([metric], [host]), at)
        return read_current(answer.values, metric, [host], now=at, scrape=SCRAPE)[host]

    async def chart(self, metric: Metric, span: timedelta) -> ChartFacts:
        """Ask for a picture of the last so long."""
        window = last(span, self.now)
        step = step_for(window, SCRAPE)
        promql = write_range(metric, "web-1", step=step, scrape=SCRAPE)
        answer = await self.prometheus.fetch_range(promql, *align(window, step), step)
        return compose_chart(metric, "web-1", answer, window=window, step=step, look=LOOK)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=10).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module", params=GENERATIONS)
def past(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, datetime]]:
    """Run one Prometheus for all tests: they only look."""
    folder = tmp_path_factory.mktemp("prometheus")
    now = int(datetime.now(UTC).timestamp()) // 15 * 15 - 30  # noqa: TID251 - a real program's
    (folder / "samples").write_text("\n".join(samples(now)))
    (folder / "prometheus.yml").write_text("global: {}\n")
    backfill = ("tsdb", "create-blocks-from", "openmetrics", "samples", "data")
    subprocess.run(
        [real(request.param, "promtool"), *backfill],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    url = f"127.0.0.1:{free_port()}"
    command = [str(real(request.param, "prometheus")), f"--web.listen-address={url}"]
    command += ["--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        until = time.monotonic() + PATIENCE
        while not answers(f"http://{url}/-/ready"):
            assert running.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)
        yield f"http://{url}", datetime.fromtimestamp(now, UTC)
    finally:
        running.terminate()
        running.wait(PATIENCE)


@pytest.fixture
async def asked(past: tuple[str, datetime]) -> AsyncIterator[Asked]:
    prometheus = Prometheus(past[0])
    yield Asked(prometheus, past[1])
    await prometheus.close()


async def test_a_reading_bears_the_time_of_its_sample_until_it_is_too_old_to_be_one(
    asked: Asked,
) -> None:
    fresh = await asked.read(CPU, "web-1", later=7)
    assert (fresh.condition, fresh.at, fresh.threshold) == (Condition.FRESH, asked.now, 80)
    assert [number.value for number in fresh.numbers] == [40]
    old = await asked.read(CPU, "web-1", later=120)
    assert (old.condition, old.at) == (Condition.OLD, asked.now)
    absent = await asked.read(CPU, "web-1", later=600)
    assert (absent.condition, absent.numbers) == (Condition.ABSENT, ())
    down = await asked.read(CPU, "gone", later=7)
    assert (down.condition, down.scraped_at) == (Condition.DOWN, asked.now)


async def test_the_last_sample_of_a_host_that_fell_silent_is_found(asked: Asked) -> None:
    answer = await asked.prometheus.fetch_values(write_last_seen(CPU, "gone"), asked.now)
    assert read_last_seen(answer.values) == asked.now - timedelta(hours=1)


async def test_every_metric_can_be_asked_for_of_all_hosts_at_once(asked: Asked) -> None:
    answer = await asked.prometheus.fetch_values(write_current(METRICS.values(), None), asked.now)
    disks = read_current(answer.values, DISK, ["web-1"], now=asked.now, scrape=SCRAPE)["web-1"]
    assert [number.labels["mountpoint"] for number in disks.numbers] == ["/"]
    flows = read_current(answer.values, NETWORK, ["web-1"], now=asked.now, scrape=SCRAPE)["web-1"]
    assert [(each.line, each.value) for each in flows.numbers] == [("in", 1e6), ("out", 2e6)]


@pytest.mark.parametrize("name", NAMES)
async def test_no_name_of_a_host_asks_for_anything_else(asked: Asked, name: str) -> None:
    for metric in (CPU, NETWORK):
        for promql in (
            write_current([metric], [name]),
            write_current([metric], [name, "other"]),
            write_last_seen(metric, name),
        ):
            answer = await asked.prometheus.fetch_values(promql, asked.now)
            assert answer.values == ()
        window = last(timedelta(hours=1), asked.now)
        ranged = write_range(metric, name, step=SCRAPE, scrape=SCRAPE)
        assert (
            await asked.prometheus.fetch_range(ranged, *align(window, SCRAPE), SCRAPE)
        ).series == ()


async def test_a_short_picture_shows_every_sample_the_gap_and_when_an_alert_fired(
    asked: Asked,
) -> None:
    facts = await asked.chart(CPU, timedelta(hours=1))
    before, after = split_at_gaps(facts.curves[0].points, facts.gap)
    now = asked.now.timestamp()
    assert before[-1][0] == pytest.approx(now - 1800, abs=31)
    assert after[0][0] == now - 1500
    assert len(before) + len(after) == pytest.approx(240 - 20, abs=3)
    assert facts.curves[0].band == ()
    (shade,) = facts.shades
    assert shade.start == pytest.approx(now - 900, abs=31)
    assert shade.end == pytest.approx(now - 600, abs=31)
    assert [each.value for each in facts.thresholds] == [80]


async def test_a_long_picture_has_a_band_that_reaches_to_the_one_high_sample(asked: Asked) -> None:
    facts = await asked.chart(CPU, timedelta(hours=HOURS))
    (curve,) = facts.curves
    assert max(high for _, _, high in curve.band) == 99
    assert max(value for _, value in curve.points) < 99
    assert len(curve.points) > 400


async def test_both_directions_and_each_file_system_are_curves(asked: Asked) -> None:
    flows = await asked.chart(NETWORK, timedelta(hours=HOURS))
    assert [(each.name, each.points[-1][1]) for each in flows.curves] == [
        ("received", 1e6),
        ("sent", 2e6),
    ]
    disks = await asked.chart(DISK, timedelta(minutes=5))
    assert [each.name for each in disks.curves] == ["/"]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
async def test_a_picture_of_any_span_is_answered(asked: Asked, metric: Metric) -> None:
    for span in (timedelta(minutes=1), timedelta(minutes=2751), timedelta(days=180)):
        await asked.chart(metric, span)


async def test_every_kind_of_answer_is_understood(asked: Asked) -> None:
    ask = asked.prometheus.fetch_values
    assert (await ask("1 + 1")).values[0].value == 2
    assert (await ask('"a word"')).text == "a word"
    matrix = await ask("up[1m]", asked.now)
    assert matrix.kind is Kind.MATRIX
    assert {len(each.points) for each in matrix.series} <= {4, 5}  # the window's edge is disputed
    assert (await ask("nothing_of_that_name")).values == ()
    assert math.isnan((await ask("0 / 0")).values[0].value)


@pytest.mark.parametrize(
    ("promql", "said"),
    [
        ("up{", "parse error"),
        ("sum(up) by", "parse error"),
        ("no_such_function(up)", "no_such_function"),
        ("up * on (job) up", "many-to-many"),
    ],
)
async def test_a_query_that_makes_no_sense_is_answered_in_prometheus_words(
    asked: Asked, promql: str, said: str
) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        await asked.prometheus.fetch_values(promql, asked.now)
    assert "127.0.0.1" not in caught.value.sentence


async def test_more_points_than_prometheus_gives_are_refused_in_its_words(asked: Asked) -> None:
    window = Window(start=asked.now - timedelta(days=1), end=asked.now)
    second = timedelta(seconds=1)
    with pytest.raises(Mistake, match="11,000 points"):
        await asked.prometheus.fetch_range("up", *align(window, second), second)
