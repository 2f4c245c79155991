"""Logs: the lines people and machines read, and that no secret ever stands in one."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sys
import warnings
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bridge.logs import HIDDEN, Redactor, correlated, create_log, set_up_logs
from bridge.settings.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "52341678:AAFakeFakeFakeFakeFakeFakeFakeFake-_9"
OTHER_TOKEN = "7000000001:BBFakeFakeFakeFakeFakeFakeFakeFake-_9"
WEBHOOK = "abcdefghijklmnop0123456789"
PASSWORD = 'p@ss/w"rd\\#1'
PLANTED = (Secret(TOKEN), Secret(WEBHOOK), Secret(PASSWORD))
LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "aiogram", "aiogram.event", "httpx")


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    for name in (*LIBRARIES, "httpcore", "asyncio", "matplotlib", "urllib3"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def started(form: str = "json", level: str = "DEBUG") -> io.StringIO:
    stream = io.StringIO()
    set_up_logs(level, form, PLANTED, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def raise_with(text: str) -> None:
    local = text[::-1]
    try:
        dict[str, str]()[text]
    except KeyError as error:
        raise RuntimeError(f"while asking {text}", len(local)) from error


# Form


def test_a_line_has_a_text_for_people_and_an_action_for_machines() -> None:
    stream = started()
    create_log("bridge.outbox").info("message sent", action="sent", chat=-2001)
    (line,) = lines(stream)
    assert line["event"] == "message sent"
    assert (line["action"], line["chat"]) == ("sent", -2001)
    assert (line["level"], line["logger"]) == ("info", "bridge.outbox")
    assert str(line["timestamp"]).endswith("Z")


def test_the_console_shows_text_action_and_traceback_on_readable_lines() -> None:
    stream = started("console")
    try:
        raise_with("nothing")
    except RuntimeError:
        create_log("bridge").exception("it broke", action="broke")
    first, *rest = stream.getvalue().splitlines()
    assert "it broke" in first
    assert "action=broke" in first
    assert "Traceback (most recent call last):" in rest
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_libraries_write_through_the_same_formatter(form: str) -> None:
    stream = started(form)
    logging.getLogger("uvicorn.error").warning("listening on %s", "8002", extra={"action": "up"})
    create_log("bridge").info("ready on %d", 8002)
    out = stream.getvalue().splitlines()
    assert len(out) == 2
    assert "listening on 8002" in out[0]
    assert "up" in out[0]
    assert "ready on 8002" in out[1]


def test_a_line_below_the_level_is_not_written_and_chatty_libraries_are_quiet() -> None:
    stream = started(level="INFO")
    create_log("bridge").debug("too fine")
    for name in ("httpx", "httpcore", "uvicorn.access", "aiogram.event"):
        logging.getLogger(name).info("a line per request")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"]


def test_setting_up_again_replaces_and_reaches_loggers_made_before() -> None:
    log = create_log("bridge")
    first = started()
    log.info("one")
    second = io.StringIO()
    set_up_logs("INFO", "json", [Secret("learnt-later")], stream=second)
    log.info("two learnt-later")
    assert [line["event"] for line in lines(first)] == ["one"]
    assert [line["event"] for line in lines(second)] == [f"two {HIDDEN}"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_foreign_text_neither_forges_a_line_nor_drives_the_terminal(form: str) -> None:
    stream = started(form)
    evil = "x\n2026-01-01 [info] all is well\x1b[2J\r\u202e\ud800"
    create_log("bridge").info(evil, host=evil, labels={"a": evil})
    logging.getLogger("aiogram").warning("update %s", evil)
    out = stream.getvalue()
    assert len(out.splitlines()) == 2
    assert not {"\x1b", "\r", "\u202e", "\ud800"} & set(out)


# Correlation


async def test_the_correlation_follows_the_story_into_its_tasks_and_no_further() -> None:
    stream = started()
    log = create_log("bridge")

    async def step(name: str) -> None:
        await asyncio.sleep(0)
        log.info(name)

    async def story(number: str) -> None:
        with correlated(number, webhook=number * 2):
            await asyncio.create_task(step(f"within {number}"))
            logging.getLogger("uvicorn.error").warning("library %s", number)

    await asyncio.gather(story("1"), story("2"))
    log.info("after")
    found = {str(line["event"]): line.get("correlation") for line in lines(stream)}
    assert found == {
        "within 1": "1",
        "library 1": "1",
        "within 2": "2",
        "library 2": "2",
        "after": None,
    }


# Secrets


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize("secret", [TOKEN, OTHER_TOKEN, WEBHOOK, PASSWORD])
def test_no_secret_is_written_whichever_way_it_comes(form: str, secret: str) -> None:
    stream = started(form)
    log, library = create_log("bridge"), logging.getLogger("aiogram.dispatcher")
    address = f"https://api.telegram.org/bot{secret}/getMe"
    log.info("text %s", secret)
    log.info("values", value=secret, nested={"a": [{"b": (secret, {secret})}]})
    log.info("key", **{secret: 1})
    log.info("object", error=ValueError(secret), raw=secret.encode())
    log.info("address", url=httpx.URL("http://h/", params={"q": secret}), quoted=quote(secret))
    with correlated(secret):
        log.info("correlated")
    library.warning("address %s and %r", address, secret)
    library.warning({"body": json.dumps({"token": secret})})
    for report in (log.exception, library.exception):
        try:
            raise_with(secret)
        except RuntimeError:
            report("it broke")
    out = stream.getvalue()
    forms = {secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1]}
    assert not [form for form in forms | {json.dumps(secret)[1:-1]} if form in out]
    assert secret[-12:] not in out
    assert secret[::-1] not in out
    assert out.count(HIDDEN) >= 10


def test_bearer_and_basic_values_are_hidden_even_when_nobody_planted_them() -> None:
    redactor = Redactor()
    basic = base64.b64encode(b"me:unknown-word").decode()
    for value in ("Bearer unknown.Word-1~+/==", "bearer  unknown-word", f"Basic {basic}"):
        for text in (value, f"Authorization: {value}", repr({"authorization": value.encode()})):
            hidden = redactor.redact(text)
            assert HIDDEN in hidden
            assert not {"unknown", basic} & set(hidden.replace(".", " ").split())
            assert "nknown" not in hidden


def test_what_a_person_needs_to_read_stays_readable() -> None:
    text = "the bearer token is wrong; chat -1001234567890 at 2026-01-01T10:20:30Z, http://h:9090/x"
    assert Redactor(PLANTED).redact(text) == text


def test_the_password_within_an_address_is_hidden_in_each_form_and_the_rest_is_shown() -> None:
    redactor = Redactor([Secret("postgresql+psycopg://me:s3cr%40t-w@db.example/ops")])
    for text in ("s3cr%40t-w", "s3cr@t-w", "postgresql://me:s3cr%40t-w@db.example/ops"):
        assert "t-w" not in redactor.redact(text)
    assert redactor.redact("cannot reach db.example") == "cannot reach db.example"


def test_an_address_without_a_password_is_no_secret() -> None:
    redactor = Redactor([Secret("sqlite:///state/opswire.db")])
    assert redactor.redact("sqlite:///state/opswire.db") == "sqlite:///state/opswire.db"


def test_a_line_that_cannot_be_formatted_does_not_show_its_arguments() -> None:
    stream = started()
    logging.getLogger("aiogram").warning("%d", WEBHOOK)
    assert stream.getvalue() == "a line of the log 'aiogram' could not be written\n"


def test_an_error_that_ends_the_program_is_logged_without_its_secrets() -> None:
    stream = started()
    try:
        raise_with(TOKEN)
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    (line,) = lines(stream)
    assert line["action"] == "uncaught"
    assert "RuntimeError" in str(line["exception"])
    assert TOKEN not in stream.getvalue()


def test_a_warning_becomes_a_line() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        stream = started()
        warnings.warn(f"old way {WEBHOOK}", UserWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    (line,) = lines(stream)
    assert line["logger"] == "py.warnings"
    assert WEBHOOK not in stream.getvalue()


@given(
    before=st.text(st.characters(categories=["L", "P", "S", "Z"]), max_size=20),
    number=st.integers(1, 10**12),
    tail=st.text("ABCabc019_-", min_size=30, max_size=40),
    after=st.text(max_size=20),
)
def test_anything_of_a_bot_tokens_shape_is_hidden(
    before: str, number: int, tail: str, after: str
) -> None:
    assert tail not in Redactor().redact(f"{before}{number}:{tail}{after}")


def test_a_long_foreign_number_costs_no_time() -> None:
    number = "1" * 1_000_000  # with quadratic work this test would not end
    assert Redactor(PLANTED).redact(number) == number
