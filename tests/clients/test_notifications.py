from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bridge import limits
from bridge.clients.notifications import Notifications
from bridge.errors import Mistake, Outage
from bridge.logs import set_up_logs
from bridge.settings import Settings
from tests.fakes.local_server import LocalServer, open_local_server

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-hunter2"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with open_local_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever the client writes there


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """All that is logged, at the most talkative level and with no secret known beforehand."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logs("DEBUG", "json", stream=stream)
    yield stream
    root.handlers[:], root.level = before


def address(server: LocalServer, path: str = SECRET) -> str:
    return f"json://{server.url.removeprefix('http://')}/{path}"


async def test_a_destination_gets_the_title_and_the_text_as_they_are(server: LocalServer) -> None:
    notifications = Notifications([(1, address(server))])
    [name] = notifications.names
    text = "🔥 HighLoad on <web-1>\nline two :fire: \\n {{ x }} *a* ünï"
    await notifications.send(name, "2 firing & 1 <over>", text)
    [request] = server.requests
    said = json.loads(request.body)
    assert (request.method, request.path) == ("POST", f"/{SECRET}")
    assert (said["title"], said["message"]) == ("2 firing & 1 <over>", text)


async def test_each_destination_has_its_own_outcome(server: LocalServer) -> None:
    with open_local_server() as other:
        other.code = 500
        notifications = Notifications([(1, address(server)), (2, address(other))])
        well, ill = notifications.names
        await notifications.send(well, "title", "text")
        with pytest.raises(Outage, match="did not take it"):
            await notifications.send(ill, "title", "text")


async def test_a_destination_is_named_by_its_scheme_and_never_by_its_secret(
    server: LocalServer,
) -> None:
    first = Notifications([(1, address(server))]).names
    assert first == Notifications([(9, address(server))]).names
    assert first != Notifications([(1, address(server, "another-path"))]).names
    assert first[0].startswith("json-")
    assert "hunter2" not in first[0]


def test_wrong_lines_are_named_by_number_and_never_shown(heard: io.StringIO) -> None:
    lines = [
        (1, f"jsoon://127.0.0.1/{SECRET}"),
        (3, "json://127.0.0.1:1/fine"),
        (7, f"slack://{SECRET}"),
        (8, f"tgram://{SECRET}"),
    ]
    with pytest.raises(Mistake, match=r"^lines 1, 7, 8: no address that Apprise understands$"):
        Notifications(lines)
    with pytest.raises(Mistake, match=r"^line 7: "):
        Notifications(lines[1:3])
    assert "hunter2" not in heard.getvalue()


async def test_nothing_is_logged_of_an_address_whatever_happens_to_it(
    heard: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library speaks of addresses when it loads, sends and fails; so does what it uses."""
    with open_local_server() as well, open_local_server() as ill, open_local_server() as odd:
        ill.code = 500
        odd.raw = b"HTTP/1.1 200 OK\r\nno colon hunter2\r\n\r\n"
        nobody = f"json://127.0.0.1:1/{SECRET}"
        notifications = Notifications(
            enumerate([address(well), address(ill), address(odd), nobody], start=1)
        )
        outages = []
        for name in notifications.names:
            try:
                await notifications.send(name, "title", "text")
            except Outage as fault:
                outages.append(f"{fault} {fault!r} {fault.__cause__!r}")
        assert len(outages) >= 2
        assert well.requests
        assert ill.requests
        assert odd.requests
    assert "hunter2" not in "".join(outages)
    assert not [
        line
        for line in heard.getvalue().splitlines()
        if "hunter2" in line and '"logger": "urllib3' not in line
    ]
    assert "hunter2" not in "".join(capfd.readouterr())


async def test_what_the_libraries_below_say_of_an_address_is_hidden_by_the_log(
    tmp_path: Path,
) -> None:
    """A broken answer makes the HTTP library quote the whole address as a warning."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with open_local_server() as odd:
        odd.raw = b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"
        file = tmp_path / "urls"
        file.write_text(address(odd) + "\n")
        settings = Settings.load({"NOTIFY_URLS_FILE": str(file)})
        set_up_logs("DEBUG", "json", settings.secrets(), stream=stream)
        assert settings.notify_urls_file is not None
        notifications = Notifications(
            (number, line.reveal()) for number, line in settings.notify_urls_file.lines
        )
        with suppress(Outage):
            await notifications.send(notifications.names[0], "title", "text")
        assert odd.requests
    root.handlers[:], root.level = before
    assert "[hidden]" in stream.getvalue(), "the warning that this test is about has gone"
    assert "hunter2" not in stream.getvalue()


async def test_a_destination_that_hangs_is_given_up_and_not_called_again_meanwhile(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTIFY_SECONDS", 0.2)
    server.hangs = True
    notifications = Notifications([(1, address(server))])
    [name] = notifications.names
    with pytest.raises(Outage, match="did not answer"):
        await notifications.send(name, "title", "text")
    with pytest.raises(Outage, match="still hangs"):
        await notifications.send(name, "title", "text")
    hanging = [thread for thread in threading.enumerate() if thread.name == "second-way"]
    assert [thread.daemon for thread in hanging] == [True], "it would hold up the end"
    monkeypatch.setattr(limits, "NOTIFY_SECONDS", 60)
    server.hangs = False
    server.over.set()
    async with asyncio.timeout(60):
        while True:  # the thread ends when the server does
            try:
                await notifications.send(name, "title", "again")
                break
            except Outage:
                await asyncio.sleep(0.01)


async def test_a_plugin_that_raises_is_an_outage_in_which_its_words_do_not_stand(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise  # noqa: PLC0415 - late in the client, too

    def explode(*_: object, **__: object) -> None:
        raise KeyError(SECRET)

    notifications = Notifications([(1, address(server))])
    monkeypatch.setattr(apprise.Apprise, "notify", explode)
    with pytest.raises(Outage, match="KeyError") as caught:
        await notifications.send(notifications.names[0], "title", "text")
    assert SECRET not in str(caught.value)


async def test_a_proxy_for_the_outside_does_not_catch_a_destination_on_this_machine(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_local_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("NO_PROXY", "intranet.example")
        notifications = Notifications(
            [(1, address(server)), (2, f"json://outside.invalid/{SECRET}")]
        )
        for name in notifications.names:
            await notifications.send(name, "title", "text")
        assert [each.path for each in server.requests] == [f"/{SECRET}"]
        assert [each.path for each in proxy.requests] == [f"http://outside.invalid/{SECRET}"]
        assert os.environ["no_proxy"] == "intranet.example,localhost,127.0.0.1,::1"


@pytest.mark.parametrize(("wish", "parts"), [("", 3), ("?overflow=truncate", 1)])
async def test_a_text_too_long_for_a_destination_is_split_unless_its_line_says_otherwise(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, wish: str, parts: int
) -> None:
    notifications = Notifications([(1, address(server) + wish)])
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415 - loaded by then

    monkeypatch.setattr(NotifyJSON, "body_maxlen", 1000)
    monkeypatch.setattr(NotifyJSON, "request_rate_per_sec", 0)
    text = "\n".join(f"line {number:03}" for number in range(280))
    await notifications.send(notifications.names[0], "title", text)
    said = [json.loads(each.body)["message"] for each in server.requests]
    assert len(said) == parts
    if parts > 1:
        assert [line for part in said for line in part.split()] == text.split()


async def test_who_has_no_second_way_does_not_load_the_library() -> None:
    code = "import sys, bridge.clients.notifications; print('apprise' in sys.modules)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert (await process.communicate())[0].strip() == b"False"


async def test_a_machine_without_a_thread_left_is_an_outage_and_the_next_text_goes_through(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    notifications = Notifications([(1, address(server))])
    [name] = notifications.names
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Outage, match="no thread left"):
            await notifications.send(name, "title", "text")
    await notifications.send(name, "title", "text")


@pytest.mark.parametrize(("code", "is_taken"), [(200, True), (500, False)])
async def test_a_text_that_is_taken_when_nobody_waits_any_more_is_reported(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, code: int, *, is_taken: bool
) -> None:
    monkeypatch.setattr(limits, "NOTIFY_SECONDS", 0.2)
    server.hangs, server.code = True, code
    notifications = Notifications([(1, address(server))])
    [name] = notifications.names
    taken: list[str] = []
    with pytest.raises(Outage, match="did not answer"):
        await notifications.send(name, "title", "a", taken_late=lambda: taken.append("a"))
    assert taken == []
    monkeypatch.setattr(limits, "NOTIFY_SECONDS", 60)
    server.hangs = False
    server.over.set()
    async with asyncio.timeout(60):
        said = "still hangs"
        while "still hangs" in said:  # it is called again as soon as its thread has ended
            await asyncio.sleep(0.01)
            try:
                said = ""
                await notifications.send(name, "title", "b", taken_late=lambda: taken.append("b"))
            except Outage as fault:
                said = fault.sentence
    assert ("a" in taken) is is_taken
    assert "b" not in taken, "it was taken in time"
