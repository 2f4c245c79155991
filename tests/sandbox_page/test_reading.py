from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.sandbox_page.desk import ADA, BORIS, DESKTOP, ON_CALL, OPERATIONS, PHONE, every_look

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.sandbox_page.desk import Bot, Desk, Desks, Look

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def draw_png(width: int, height: int) -> bytes:
    """Draw a plain picture with nothing but the standard library."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    rows = (b"\0" + b"\x0d\x6b\x5f" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


async def send_pictures(bot: Bot, chat_id: int, count: int) -> list[dict[str, Any]]:
    media = (
        "[" + ",".join(f'{{"type":"photo","media":"attach://p{n}"}}' for n in range(count)) + "]"
    )
    files = {f"p{n}": (f"p{n}.png", draw_png(320, 200), "image/png") for n in range(count)}
    answer = await bot.client.post(
        f"{bot.address}/sendMediaGroup", data={"chat_id": str(chat_id), "media": media}, files=files
    )
    result: list[dict[str, Any]] = answer.json()["result"]
    return result


async def send_picture(bot: Bot, chat_id: int, caption: str) -> None:
    files = {"photo": ("chart.png", draw_png(640, 360), "image/png")}
    fields = {"chat_id": str(chat_id), "caption": caption}
    answer = await bot.client.post(f"{bot.address}/sendPhoto", data=fields, files=files)
    assert answer.json()["ok"], answer.text


def bubble(desk: Desk, text: str) -> Locator:
    return desk.page.locator(".message", has_text=text)


@every_look
async def test_every_kind_of_formatting_is_shown_as_itself(
    desks: Desks, bot: Bot, look: Look
) -> None:
    html = (
        "<b>bold</b> <i>italic</i> <u>under</u> <s>strike</s> <code>up == 0</code> "
        '<tg-spoiler>secret</tg-spoiler> <a href="https://example.org/a">link</a> '
        "@opswire_sandbox_bot #ops ops@example.org\n"
        '<pre><code class="language-promql">sum(up)\n  by (job)</code></pre>\n'
        "<blockquote>said before</blockquote>\n"
        "<blockquote expandable>1\n2\n3\n4\n5\n6</blockquote>"
    )
    await bot.say(ADA, html, parse_mode="HTML")
    desk = await desks.open(look)
    await desk.open_chat(ADA)
    words = desk.page.locator(".words")
    for selector, text in {
        "strong": "bold",
        "em": "italic",
        "u": "under",
        "s": "strike",
        "code.e-code": "up == 0",
        "a[href='https://example.org/a']": "link",
        ".mention": "@opswire_sandbox_bot",
        ".hashtag": "#ops",
        "a[href='mailto:ops@example.org']": "ops@example.org",
        ".pre-language": "promql",
        "pre": "sum(up)\n  by (job)",
        "blockquote:not(.expandable)": "said before",
    }.items():
        await expect(words.locator(selector)).to_have_text(text)
    await expect(words.locator("a").first).to_have_attribute("rel", "noopener noreferrer nofollow")
    spoiler = words.locator(".spoiler")
    await expect(spoiler).to_have_attribute("role", "button")
    await spoiler.click()
    await expect(spoiler).to_have_class("spoiler shown")
    more = words.get_by_role("button", name="Show more")
    await more.click()
    await expect(words.get_by_role("button", name="Show less")).to_be_visible()
    assert not await desk.has_sideways_scroll()


async def test_a_date_is_shown_in_the_readers_zone(desks: Desks, bot: Bot) -> None:
    at = int(datetime(2026, 3, 1, 12, 30, tzinfo=UTC).timestamp())
    entity = {"type": "date_time", "offset": 6, "length": 4, "unix_time": at}
    await bot.say(ADA, "Since when", entities=[{**entity, "date_time_format": "t"}])
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".date-time")).to_have_text("13:30")


async def test_an_edit_is_marked_and_shows_what_stood_before(desks: Desks, bot: Bot) -> None:
    message_id = await bot.say(ADA, "Server is down")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".edited")).to_have_count(0)
    await bot.call("editMessageText", chat_id=ADA, message_id=message_id, text="Server is back")
    await expect(desk.page.locator(".words")).to_have_text("Server is back")
    await desk.page.locator(".edited").click()
    versions = desk.page.get_by_role("dialog").locator(".version-text")
    await expect(versions).to_have_text(["Server is down", "Server is back"])


async def test_a_deleted_message_vanishes(desks: Desks, bot: Bot) -> None:
    message_id = await bot.say(ADA, "a slip")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(bubble(desk, "a slip")).to_be_visible()
    await bot.call("deleteMessage", chat_id=ADA, message_id=message_id)
    await expect(bubble(desk, "a slip")).to_have_count(0)


async def test_ringing_and_silent_messages_carry_their_bells(desks: Desks, bot: Bot) -> None:
    await bot.say(ADA, "loud")
    await bot.say(ADA, "quiet", disable_notification=True)
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(bubble(desk, "loud").get_by_role("img", name="Rings")).to_be_visible()
    await expect(bubble(desk, "quiet").get_by_role("img", name="Silent")).to_be_visible()


async def test_news_elsewhere_is_counted_and_only_a_ringing_one_calls(
    desks: Desks, bot: Bot
) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    row = desk.page.locator(f"[data-chat='{ON_CALL}']")
    await bot.say(ON_CALL, "softly", disable_notification=True)
    await expect(row.locator(".badge")).to_have_text("1")
    assert await desk.page.locator(".toast").count() == 0
    await bot.say(ON_CALL, "Disk is full")
    await expect(row.locator(".badge")).to_have_text("2")
    await expect(desk.page).to_have_title("(2) Opswire chat")
    await desk.page.locator(".toast", has_text="Disk is full").click()
    await expect(bubble(desk, "Disk is full")).to_be_visible()
    await expect(row.locator(".badge")).to_have_count(0)
    await expect(desk.page).to_have_title("Opswire chat")


async def test_what_was_read_stays_read_after_a_reload(desks: Desks, bot: Bot) -> None:
    await bot.say(ON_CALL, "first")
    desk = await desks.open()
    row = desk.page.locator(f"[data-chat='{ON_CALL}']")
    await expect(row.locator(".badge")).to_have_text("1")
    await desk.open_chat(ON_CALL)
    await expect(row.locator(".badge")).to_have_count(0)
    await desk.page.goto(f"{desk.sandbox.url}/#")
    await desk.page.reload()
    await expect(row).to_be_visible()
    await expect(row.locator(".badge")).to_have_count(0)


async def test_topics_are_tabs_and_hold_their_own_messages(desks: Desks, bot: Bot) -> None:
    await bot.say(OPERATIONS, "in alerts", message_thread_id=2)
    await bot.say(OPERATIONS, "in general")
    desk = await desks.open()
    await desk.open_chat(OPERATIONS)
    general = desk.page.get_by_role("tab", name="General")
    await general.click()
    await expect(bubble(desk, "in general")).to_be_visible()
    await expect(bubble(desk, "in alerts")).to_have_count(0)
    await desk.page.get_by_role("tab", name="Alerts").click()
    await expect(bubble(desk, "in alerts")).to_be_visible()
    await desk.write("looking")
    heard = await bot.hear("message")
    assert heard["message_thread_id"] == 2
    await general.focus()
    await general.press("ArrowRight")
    await expect(desk.page.get_by_role("tab", name="Alerts")).to_be_focused()


async def test_the_pinned_message_stands_on_top_and_leads_to_itself(desks: Desks, bot: Bot) -> None:
    pinned = await bot.say(ADA, "the runbook")
    for number in range(30):
        await bot.say(ADA, f"line {number}")
    await bot.call("pinChatMessage", chat_id=ADA, message_id=pinned)
    desk = await desks.open(PHONE)
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".pin")).to_contain_text("the runbook")
    await expect(bubble(desk, "the runbook")).not_to_be_in_viewport()
    await desk.page.locator(".pin").click()
    await expect(bubble(desk, "the runbook")).to_be_in_viewport()


async def test_a_quote_shows_its_message_and_jumps_to_it(desks: Desks, bot: Bot) -> None:
    first = await bot.say(ADA, "Server is down")
    for number in range(30):
        await bot.say(ADA, f"line {number}")
    await bot.say(ADA, "over", reply_parameters={"message_id": first})
    desk = await desks.open()
    await desk.open_chat(ADA)
    quote = desk.page.locator(".quote")
    await expect(quote).to_contain_text("Server is down")
    await quote.click()
    await expect(desk.page.locator(f"[data-id='{first}']")).to_be_in_viewport()


@pytest.mark.parametrize("look", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_pictures_and_albums_are_shown_and_enlarged(
    desks: Desks, bot: Bot, look: Look
) -> None:
    await send_picture(bot, ADA, "CPU of Server")
    assert len(await send_pictures(bot, ADA, 3)) == 3
    desk = await desks.open(look)
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".picture:not(.loading) img")).to_have_count(4)
    await expect(desk.page.locator(".album-3 .picture")).to_have_count(3)
    assert not await desk.has_sideways_scroll()
    await desk.page.locator(".picture").first.click()
    await expect(desk.page.locator(".lightbox img")).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator(".lightbox")).to_have_count(0)


async def test_the_bot_is_seen_typing_until_it_speaks(desks: Desks, bot: Bot) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    await bot.call("sendChatAction", chat_id=ADA, action="typing")
    await expect(desk.page.locator(".subtitle")).to_contain_text("Opswire is typing")
    await bot.say(ADA, "done")
    await expect(desk.page.locator(".subtitle")).to_have_text("bot")


async def test_a_developer_sees_the_raw_message(desks: Desks, bot: Bot) -> None:
    message_id = await bot.say(ADA, "raw & <b>plain</b>")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.locator(".theirs").hover()
    await desk.page.get_by_role("button", name="Message actions").click()
    await desk.page.get_by_role("menuitem", name="Show raw JSON").click()
    await expect(desk.page.locator(".raw")).to_contain_text(f'"message_id": {message_id}')
    await expect(desk.page.locator(".raw")).to_contain_text("<b>plain</b>")


async def test_a_long_chat_loads_as_it_is_scrolled_and_keeps_its_place(
    desks: Desks, bot: Bot
) -> None:
    for number in range(1, 251):
        await bot.say(BORIS, f"line {number}.")
    desk = await desks.open()
    await desk.speak_as("Boris Petrov")
    await desk.open_chat(BORIS)
    await expect(bubble(desk, "line 250.")).to_be_in_viewport()
    await expect(bubble(desk, "line 1.")).to_have_count(0)
    scroller = desk.page.locator(".scroller")
    oldest = desk.page.locator(".message .words").first
    held = await oldest.inner_text()
    await scroller.evaluate("box => box.scrollTop = 0")
    await expect(oldest).not_to_have_text(held)
    await expect(bubble(desk, held)).to_be_in_viewport()
    while not await bubble(desk, "line 1.").count():
        await scroller.evaluate("box => box.scrollTop = 0")
        await desk.page.wait_for_timeout(50)
    await expect(desk.page.locator(".message")).to_have_count(250)
    top = await scroller.evaluate("box => (box.scrollTop = 900, box.scrollTop)")
    await bot.say(BORIS, "a late one")
    await expect(desk.page.locator(".to-newest")).to_have_text("1 new message")
    assert await scroller.evaluate("box => box.scrollTop") == top
    await desk.page.locator(".to-newest").click()
    await expect(bubble(desk, "a late one")).to_be_in_viewport()
    await expect(desk.page.locator(".to-newest")).to_be_hidden()


async def test_an_empty_chat_tells_how_to_see_an_alert(desks: Desks) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".empty")).to_contain_text("./start.sh stop node_exporter")


async def test_files_of_the_bot_carry_name_and_size(desks: Desks, bot: Bot) -> None:
    files = {"document": ("hosts.csv", b"x" * 4_200, "text/csv")}
    fields = {"chat_id": str(ADA), "caption": "all of them"}
    answer = await bot.client.post(f"{bot.address}/sendDocument", data=fields, files=files)
    assert answer.json()["ok"], answer.text
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".document-name")).to_have_text("hosts.csv")
    await expect(desk.page.locator(".document-size")).to_have_text("4.2 kB")


async def test_only_a_ringing_message_sounds_and_only_when_sound_is_on(
    desks: Desks, bot: Bot
) -> None:
    desk = await desks.open(token="")
    await desk.page.add_init_script(_COUNT_SOUNDS)
    await desk.page.goto(f"{desk.sandbox.url}/#token={desk.sandbox.page_token}")
    await desk.open_chat(ADA)
    await bot.say(ADA, "not heard: sound is off")
    await expect(bubble(desk, "not heard: sound is off")).to_be_visible()
    assert await desk.page.evaluate("window.sounds") == 0
    await desk.page.get_by_role("button", name="Sound", exact=True).click()
    before = await desk.page.evaluate("window.sounds")
    await bot.say(ADA, "not heard: silent", disable_notification=True)
    await expect(bubble(desk, "not heard: silent")).to_be_visible()
    assert await desk.page.evaluate("window.sounds") == before
    await bot.say(ADA, "heard")
    await expect(bubble(desk, "heard").last).to_be_visible()
    assert await desk.page.evaluate("window.sounds") > before


_COUNT_SOUNDS = """
  window.sounds = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...args) {
    window.sounds += 1;
    start.apply(this, args);
  };
"""


async def test_a_hidden_page_counts_what_it_missed_until_it_is_looked_at(
    desks: Desks, bot: Bot
) -> None:
    desk = await desks.open()
    await desk.open_chat(ADA)
    await desk.page.evaluate(_SET_HIDDEN, arg=True)
    await bot.say(ADA, "while you were away")
    await expect(desk.page).to_have_title("(1) Opswire chat")
    await desk.page.evaluate(_SET_HIDDEN, arg=False)
    await expect(desk.page).to_have_title("Opswire chat")


_SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
