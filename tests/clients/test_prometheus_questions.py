from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.clients.answers import UNLIKE, hear, hide_addresses, read_answer
from bridge.clients.prometheus import ASKING, Prometheus
from bridge.core.answers import Answer, Kind, Value
from bridge.core.series import Series
from bridge.errors import BridgeError, Late, Mistake, Outage, TooMuch
from tests.fakes.local_server import LocalServer, open_local_server

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEB = {"metric": {"host": "web-1"}, "value": [1763640000.1, "12.5"]}
STEP = timedelta(seconds=15)


def body_of(kind: str, result: object, **more: object) -> str:
    whole = {"status": "success", "data": {"resultType": kind, "result": result}, **more}
    return json.dumps(whole, separators=(",", ":"))


def reply(text: str, status: str = "200 OK", **headers: str) -> bytes:
    body = text.encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with open_local_server() as server:
        yield server


async def ask(server: LocalServer, promql: str = "up") -> Answer:
    prometheus = Prometheus(server.url, user="u", password="kept-to-oneself")
    try:
        return await prometheus.fetch_values(promql)
    finally:
        await prometheus.close()


async def test_values_come_with_their_time_and_what_prometheus_doubts(server: LocalServer) -> None:
    more = {"warnings": ["half is missing"], "infos": ["not a counter"]}
    server.raw = reply(body_of("vector", [WEB], **more))
    assert await ask(server) == Answer(
        kind=Kind.VECTOR,
        values=(Value(labels={"host": "web-1"}, at=1763640000.1, value=12.5),),
        warnings=("half is missing", "not a counter"),
    )


@pytest.mark.parametrize(
    ("kind", "result", "answer"),
    [
        ("vector", [], Answer(kind=Kind.VECTOR)),
        (
            "scalar",
            [1.5, "7"],
            Answer(kind=Kind.SCALAR, values=(Value(labels={}, at=1.5, value=7),)),
        ),
        ("string", [1.5, "a word"], Answer(kind=Kind.STRING, text="a word")),
        (
            "matrix",
            [{"metric": {"a": "b"}, "values": [[1, "2"], [3, "+Inf"]]}],
            Answer(
                kind=Kind.MATRIX,
                series=(Series(labels={"a": "b"}, points=((1.0, 2.0), (3.0, float("inf")))),),
            ),
        ),
        (
            "vector",
            [{"metric": {}, "histogram": [1, {"count": "3"}]}, WEB],
            Answer(
                kind=Kind.VECTOR,
                values=(Value(labels={"host": "web-1"}, at=1763640000.1, value=12.5),),
                left_out=1,
            ),
        ),
    ],
)
async def test_every_kind_of_answer_is_read(
    server: LocalServer, kind: str, result: object, answer: Answer
) -> None:
    server.raw = reply(body_of(kind, result))
    assert await ask(server) == answer


async def test_an_answer_in_another_order_is_read_as_well(server: LocalServer) -> None:
    body = {"data": {"result": [WEB], "resultType": "vector"}, "status": "success"}
    server.raw = reply(json.dumps(body, indent=2))
    assert (await ask(server)).values[0].value == 12.5


async def test_a_moment_and_a_range_are_asked_for_as_given(server: LocalServer) -> None:
    server.raw = reply(body_of("matrix", []))
    prometheus = Prometheus(server.url)
    await prometheus.fetch_values("up", at=NOON + timedelta(milliseconds=250))
    start = int(NOON.timestamp())
    await prometheus.fetch_range('up{a="b c"}', start, start + 60, STEP)
    await prometheus.close()
    values, ranged = (request.path for request in server.requests)
    assert f"time={start}.250" in values
    assert "query=up%7Ba%3D%22b+c%22%7D" in ranged
    assert f"start={start}&end={start + 60}&step=15.000&timeout=8s" in ranged


@pytest.mark.parametrize(
    ("status", "kind", "said", "expected"),
    [
        (400, "bad_data", 'parse error: unexpected "}"', 'says: parse error: unexpected "}"'),
        (422, "execution", "multiple matches for labels", "says: multiple matches for labels"),
        (
            422,
            "execution",
            'Post "http://u:p@10.0.0.5:9201/read": refused',
            'says: Post "…": refused',
        ),
        (400, "bad_data", "x" * 5000, "xx…"),
        (400, "bad_data", "two\nlines\x00", "says: two lines"),
    ],
)
async def test_a_query_that_makes_no_sense_is_a_mistake_in_prometheus_words(
    server: LocalServer, status: int, kind: str, said: str, expected: str
) -> None:
    body = json.dumps({"status": "error", "errorType": kind, "error": said})
    server.raw = reply(body, f"{status} Wrong")
    with pytest.raises(Mistake) as caught:
        await ask(server)
    assert caught.value.sentence.endswith(expected)
    assert len(caught.value.sentence) < 2 * limits.WARNING_CHARACTERS


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (503, '{"errorType":"timeout","error":"x"}', Late, "did not work it out in time"),
        (422, '{"errorType":"canceled","error":"x"}', Late, "did not work it out in time"),
        (503, '{"errorType":"unavailable","error":"x"}', Outage, "refuses the question (503)"),
        (500, '{"errorType":"internal","error":"kept-to-oneself"}', Outage, "(500)"),
        (401, "kept-to-oneself is wrong", Outage, "(401)"),
        (400, "a proxy's page about kept-to-oneself", Outage, "(400)"),
        (404, "page not found", Outage, "(404)"),
        (414, "too long", TooMuch, "the query is too long"),
        (200, "<html>a proxy's page</html>", Outage, "not Prometheus's"),
        (200, '{"status":"success"}', Outage, "not Prometheus's"),
        (200, "[" * 100_000, Outage, "not Prometheus's"),
        (200, body_of("vector", []) + "x", Outage, "not Prometheus's"),
        (200, body_of("vector", [WEB])[:-20], Outage, "not Prometheus's"),
        (200, body_of("vector", [7]), Outage, "not Prometheus's"),
        (
            200,
            body_of("vector", ["[" * 9]).replace('"[[[[[[[[["', "[" * 99_999),
            Outage,
            "not Prom",
        ),
        (200, body_of("matrix", [{"metric": {}, "values": [[1]]}]), Outage, "not Prometheus's"),
        (200, body_of("tensor", []), Outage, "not Prometheus's"),
    ],
)
async def test_whatever_else_is_no_answer_is_ours_and_holds_no_secret(
    server: LocalServer, status: int, body: str, kind: type[BridgeError], said: str
) -> None:
    server.raw = reply(body, f"{status} So")
    with pytest.raises(kind) as caught:
        await ask(server)
    assert said in caught.value.sentence
    assert "kept-to-oneself" not in caught.value.sentence
    assert server.url not in caught.value.sentence


async def test_one_that_is_not_there_is_an_outage_and_not_late() -> None:
    with open_local_server() as gone:
        pass
    with pytest.raises(Outage, match="cannot be asked") as caught:
        await ask(gone)
    assert not isinstance(caught.value, Late)


async def test_one_that_hangs_is_late(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUERY_SECONDS", 0.2)
    server.hangs = True
    with pytest.raises(Late):
        await ask(server)


async def test_a_moved_prometheus_is_followed(server: LocalServer) -> None:
    with open_local_server() as there:
        there.raw = reply(body_of("vector", [WEB]))
        server.raw = reply("", "302 Found", Location=f"{there.url}/api/v1/query")
        assert len((await ask(server)).values) == 1


def many(count: int, samples: int = 1) -> list[dict[str, Any]]:
    values = [[1763640000 + 15 * each, "1.25"] for each in range(samples)]
    kind = {"values": values} if samples > 1 else {"value": values[0]}
    return [{"metric": {"host": f"web-{each}", "job": "node"}, **kind} for each in range(count)]


async def test_of_thousands_of_series_the_first_are_kept_and_the_others_counted(
    server: LocalServer,
) -> None:
    server.raw = reply(body_of("vector", many(5000), warnings=["doubtful"]))
    answer = await ask(server)
    assert len(answer.values) == limits.QUERY_SERIES
    assert answer.left_out == 5000 - limits.QUERY_SERIES
    assert not answer.is_cut
    assert answer.warnings == ("doubtful",)


async def test_an_answer_beyond_all_bounds_is_cut_and_says_so(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUERY_BYTES", 100_000)
    server.raw = reply(body_of("matrix", many(200, samples=240)))
    answer = await ask(server)
    assert answer.is_cut
    assert answer.left_out >= 1
    assert 10 < len(answer.series) < 30
    assert all(len(each.points) == 240 for each in answer.series)


class Endless:
    """A response that would be far too long."""

    is_redirect = False
    status_code = 200
    closed = False

    def iter_content(self, size: int) -> Iterator[bytes]:
        yield b'{"status":"success","data":{"resultType":"vector","result":['
        for _ in range(200):
            assert not self.closed
            yield b" " * size
        raise AssertionError("it was read on and on")

    def close(self) -> None:
        self.closed = True

    def json(self) -> Any:
        raise NotImplementedError


def test_no_more_is_read_than_is_allowed() -> None:
    response = Endless()
    answer = hear(response).json()["data"]["result"]
    assert response.closed
    assert answer.is_cut


class Slow(Endless):
    """Comes piece by piece, each in good time."""

    pieces = 0

    def iter_content(self, size: int) -> Iterator[bytes]:
        del size
        for self.pieces in range(1, 100):
            assert not self.closed
            time.sleep(0.02)
            yield b" "
        raise AssertionError("it was read on and on")


def test_an_answer_that_comes_slowly_is_not_read_for_longer_than_anybody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "QUERY_SECONDS", 0.2)
    response = Slow()
    with pytest.raises(Late):
        hear(response)
    assert response.closed
    assert 2 <= response.pieces <= 20


async def test_a_small_answer_that_is_no_list_may_not_be_large_at_all(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUERY_BYTES", 1000)
    server.raw = reply(body_of("string", [1, "x" * 5000]))
    with pytest.raises(Outage, match="not Prometheus's"):
        await ask(server)


async def test_a_packed_answer_is_bounded_by_what_it_unpacks_to(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUERY_BYTES", 200_000)
    packed = gzip.compress(body_of("vector", many(50_000)).encode())
    head = f"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    server.raw = head.encode() + packed
    assert (await ask(server)).is_cut


async def test_people_who_ask_at_once_are_all_answered_and_alerts_do_not_wait_for_them(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUERY_SECONDS", 60)
    server.hangs = True
    prometheus = Prometheus(server.url)
    asking = [asyncio.create_task(prometheus.fetch_values("up")) for _ in range(3 * ASKING)]
    while len(server.requests) < ASKING:  # noqa: ASYNC110 - a thread of another library's
        await asyncio.sleep(0.01)
    server.hangs = False
    server.raw = reply(body_of("vector", [WEB]))
    assert len(await prometheus.fetch("up")) == 1
    assert len(server.requests) == ASKING + 1
    server.over.set()
    for answer in await asyncio.gather(*asking):
        assert len(answer.values) == 1
    await prometheus.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dial tcp 10.0.0.5:9090: refused", "dial tcp …: refused"),
        ("at [2001:db8::1]:9090 and https://h/p?k=1 too", "at … and … too"),
        ("1:5: parse error", "1:5: parse error"),
    ],
)
def test_addresses_are_not_told(text: str, shown: str) -> None:
    assert hide_addresses(text) == shown


def read_or_none(text: str, *, is_whole: bool) -> Answer | None:
    try:
        return read_answer(text, is_whole=is_whole, most=limits.QUERY_SERIES)
    except UNLIKE:
        return None


@given(st.integers(0, 600), st.booleans())
def test_an_answer_cut_anywhere_is_cut_and_never_misread(at: int, is_whole: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    whole = body_of("vector", many(6))
    answer = read_or_none(whole[:at], is_whole=is_whole)
    if answer is None:
        return
    assert (
        answer.values
        == read_answer(whole, is_whole=True, most=limits.QUERY_SERIES).values[: len(answer.values)]
    )
    assert answer.is_cut or len(answer.values) == 6
    assert not (answer.is_cut and is_whole)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_or_none(
        '{"status":"success","data":{"resultType":"vector","result":[' + text, is_whole=True
    )
    read_or_none(text, is_whole=False)


async def test_a_question_of_our_own_is_answered_for_thousands_of_hosts(
    server: LocalServer,
) -> None:
    hosts = [{"metric": {"host": f"web-{n}"}, "value": [1763640000, "1"]} for n in range(5000)]
    server.raw = reply(body_of("vector", hosts))
    prometheus = Prometheus(server.url)
    answer = await prometheus.fetch_fleet("up")
    await prometheus.close()
    assert len(answer.values) == 5000
    assert answer.left_out == 0


async def test_a_question_of_our_own_that_is_refused_is_nobodys_mistake(
    server: LocalServer,
) -> None:
    body = json.dumps({"status": "error", "errorType": "bad_data", "error": "unknown function"})
    server.raw = reply(body, "400 Bad Request")
    prometheus = Prometheus(server.url)
    with pytest.raises(Outage, match="unknown function"):
        await prometheus.fetch_fleet("up")
    await prometheus.close()
