from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

import sandbox as sandbox_package
from sandbox.server import open_sandbox
from sandbox.settings import Settings
from tests.ports import free_port
from tests.sandbox_page.desk import ADA, ON_CALL, PHONE, Look, every_look

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Route

    from tests.sandbox_page.desk import Bot, Desk, Desks

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGE = Path(sandbox_package.__file__).parent / "page"
WRITES_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    r"|setHTMLUnsafe|\beval\(|new Function"
)
LONGEST_LINES = 400
HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "</div></body>&lt;b&gt; &amp; {{7*7}} ${7*7}",
    "\u2067right to left\u2069 \u0645\u0631\u062d\u0628\u0627 and \u2066isolates\u2069",
    "Zalgo: " + "e" + "\u0301\u0323" * 60,
    "W" * 3_000,
]


async def test_no_file_of_the_page_can_write_markup_or_ask_elsewhere() -> None:
    files = list(PAGE.iterdir())
    assert len([file for file in files if file.suffix == ".js"]) > 5
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not WRITES_MARKUP.search(text), file.name
        assert len(text.splitlines()) <= LONGEST_LINES, file.name
        addresses = set(re.findall(r"https?://[a-z0-9.-]+", text))
        assert addresses <= {"http://www.w3.org"}, file.name
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son[a-z]+=|\sstyle=", html)


@every_look
async def test_hostile_text_is_shown_letter_by_letter(desks: Desks, bot: Bot, look: Look) -> None:
    for text in HOSTILE:
        await bot.say(ADA, text)
    desk = await desks.open(look)
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".words")).to_have_text(HOSTILE)
    await expect(desk.page.locator(".words img, .words script")).to_have_count(0)
    await expect(desk.page).to_have_title("Opswire chat")
    assert not await desk.has_sideways_scroll()


async def test_hostile_names_of_people_chats_and_buttons_stay_text(desks: Desks, bot: Bot) -> None:
    evil = "<img src=x onerror=alert(1)>"
    desk = await desks.open()
    headers = {"Authorization": f"Bearer {desk.sandbox.page_token}"}
    body = {"kind": "group", "title": evil, "is_forum": False, "members": [ADA]}
    answer = await bot.client.post(f"{desk.sandbox.url}/control/chats", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    await expect(desk.page.locator(".row-title", has_text=evil)).to_be_visible()
    keys = [[{"text": evil, "callback_data": "x"}]]
    await bot.say(ADA, "look", reply_markup={"inline_keyboard": keys})
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".inline-key")).to_have_text(evil)
    await expect(desk.page.locator("img[src='x']")).to_have_count(0)


async def test_what_happens_while_the_page_reads_the_state_is_not_lost(
    desks: Desks, bot: Bot
) -> None:
    desk = await desks.open(token="")
    headers = {"Authorization": f"Bearer {desk.sandbox.page_token}"}
    created: list[int] = []

    async def create_meanwhile(route: Route) -> None:
        response = await route.fetch()
        if not created:
            body = {"kind": "group", "title": "Meanwhile", "members": [ADA]}
            url = f"{desk.sandbox.url}/control/chats"
            answer = await bot.client.post(url, json=body, headers=headers)
            created.append(answer.status_code)
        await route.fulfill(response=response)

    await desk.page.route("**/control/state", create_meanwhile)
    await desk.page.goto(f"{desk.sandbox.url}/#token={desk.sandbox.page_token}")

    await expect(desk.page.locator(".row-title", has_text="Meanwhile")).to_be_visible()
    assert created == [200]


async def test_an_address_that_would_run_code_never_becomes_a_link(desks: Desks, bot: Bot) -> None:
    await bot.say(ADA, "click here or there, or nowhere")
    desk = await desks.open(token="")
    await desk.page.route("**/control/chats/*/messages*", _plant_addresses)
    await desk.page.goto(f"{desk.sandbox.url}/#token={desk.sandbox.page_token}")
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".dead-link")).to_have_text(["click", "here", "there"])
    await expect(desk.page.locator(".words a")).to_have_count(0)
    await expect(desk.page.locator(".inline-key")).to_be_disabled()
    await expect(desk.page.locator(".words")).to_have_text("click here or there, or nowhere")


async def _plant_addresses(route: Route) -> None:
    response = await route.fetch()
    content: dict[str, Any] = await response.json()
    for message in content["messages"]:
        if message["text"] and message["text"].startswith("click"):
            message["entities"] = [
                {"type": "text_link", "offset": 0, "length": 5, "url": "javascript:alert(1)"},
                {"type": "text_link", "offset": 6, "length": 4, "url": " data:text/html,<b>x"},
                {"type": "text_link", "offset": 14, "length": 5, "url": "//evil.example"},
                {"type": "bold", "offset": 25, "length": 9_999},
                {"type": "made_up", "offset": -4, "length": 3},
            ]
            message["inline_keyboard"] = [[{"text": "go", "url": "JaVaScRiPt:alert(1)"}]]
    await route.fulfill(response=response, json=content)


async def test_the_token_leaves_the_address_bar_and_never_goes_into_an_address(
    desks: Desks,
) -> None:
    desk = await desks.open()
    await expect(desk.page.locator(".chat-row").first).to_be_visible()
    token = desk.sandbox.page_token
    assert token not in desk.page.url
    assert not [url for url in desk.requests if token in urlsplit(url).path + urlsplit(url).query]
    await desk.page.reload()
    await expect(desk.page.locator(".chat-row").first).to_be_visible()


async def test_without_a_token_the_page_says_where_to_find_one(desks: Desks) -> None:
    desk = await desks.open(PHONE, token="")
    await expect(desk.page.locator(".welcome")).to_contain_text("start.sh printed")
    await expect(desk.page.locator(".chat-row")).to_have_count(0)
    await desk.page.locator(".welcome input").fill(
        f"{desk.sandbox.url}/#token={desk.sandbox.page_token}"
    )
    await desk.page.get_by_role("button", name="Open").click()
    await expect(desk.page.locator(".chat-row").first).to_be_visible()


async def test_a_stale_token_is_told_apart_from_a_lost_server(desks: Desks) -> None:
    desk = await desks.open(token="0123456789abcdef0123456789abcdef")
    await expect(desk.page.locator(".welcome")).to_contain_text("not valid any more")


@every_look
async def test_the_page_always_says_that_it_is_a_simulation(desks: Desks, look: Look) -> None:
    desk = await desks.open(look)
    banner = desk.page.locator(".banner")
    await expect(banner).to_have_text("This is a simulation: nothing here reaches Telegram.")
    await desk.open_chat(ADA)
    await expect(banner).to_be_in_viewport()


@pytest.mark.parametrize("width", [320, 390, 720, 721, 1280])
async def test_nothing_stands_over_the_edge_at_any_width(
    desks: Desks, bot: Bot, width: int
) -> None:
    keys = [[{"text": "A rather long name", "callback_data": str(n)} for n in range(4)]]
    await bot.say(ON_CALL, "supercalifragilistic" * 12, reply_markup={"inline_keyboard": keys})
    await bot.say(ON_CALL, "<pre>" + "one long line of code " * 20 + "</pre>", parse_mode="HTML")
    desk = await desks.open(replace(PHONE, width=width))
    assert not await desk.has_sideways_scroll()
    await desk.open_chat(ON_CALL)
    assert not await desk.has_sideways_scroll()
    assert await desk.page.locator(".scroller").evaluate("b => b.scrollWidth <= b.clientWidth")
    small = await desk.page.evaluate(_SMALL_TARGETS)
    assert small == []


_SMALL_TARGETS = """() => [...document.querySelectorAll(
    '.composer button, .head button, .chat-row, .inline-key, .speaker, .tab')]
  .filter((key) => key.offsetParent)
  .filter((key) => key.getBoundingClientRect().height < 44)
  .map((key) => key.className)"""


async def test_on_a_phone_the_list_and_the_chat_are_two_screens(desks: Desks) -> None:
    desk = await desks.open(PHONE)
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".side")).to_be_hidden()
    await desk.page.go_back()
    await expect(desk.page.locator(".side")).to_be_visible()
    await expect(desk.page.locator(".conversation")).to_be_hidden()
    await desk.open_chat(ADA)
    await desk.page.get_by_role("button", name="Back to the chats").click()
    await expect(desk.page.locator(".side")).to_be_visible()


async def test_colours_follow_the_system_until_somebody_chooses(desks: Desks) -> None:
    desk = await desks.open(Look(1280, 800, "dark"))
    dark = await _ground(desk)
    await desk.page.get_by_role("button", name="Colours: auto").click()
    light = await _ground(desk)
    assert sum(light) > sum(dark)
    await desk.page.reload()
    assert await _ground(desk) == light
    await desk.page.get_by_role("button", name="Colours: light").click()
    assert await _ground(desk) == dark


async def _ground(desk: Desk) -> list[int]:
    colour = await desk.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", colour)][:3]


@every_look
async def test_words_stand_out_enough_from_what_is_behind_them(
    desks: Desks, bot: Bot, look: Look
) -> None:
    red = {"text": "Red", "callback_data": "r", "style": "danger"}
    keys = [[red, {"text": "Open", "url": "https://example.org"}]]
    markup = {"inline_keyboard": keys}
    await bot.say(ADA, "Server is down: https://example.org", reply_markup=markup)
    desk = await desks.open(look)
    await expect(desk.page.locator(".row-line").first).to_be_visible()
    ratios: dict[str, float] = await desk.page.evaluate(_CONTRASTS, _LIST_WORDS)
    await desk.open_chat(ADA)
    await desk.write("mine")
    await expect(desk.page.locator(".mine")).to_be_visible()
    ratios |= await desk.page.evaluate(_CONTRASTS, _CHAT_WORDS)
    assert len(ratios) == len(_LIST_WORDS) + len(_CHAT_WORDS)
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


_LIST_WORDS = [".banner", ".row-title", ".row-line", ".row-meta", ".speaker-label", ".avatar"]
_CHAT_WORDS = [
    *(".theirs .words", ".theirs .at", ".theirs .words a", ".mine .words", ".mine .at"),
    *(".key-danger", ".inline-key:not(.key-danger)", ".subtitle", ".day span"),
]
# WCAG 2.2: the relative luminance of both colours, (lighter + 0.05) / (darker + 0.05).
_CONTRASTS = """(selectors) => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colours) => {
    paint.clearRect(0, 0, 1, 1);
    for (const colour of colours) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  for (const selector of selectors) {
    const node = document.querySelector(selector);
    if (!node) continue;
    const behind = [];
    for (let at = node; at; at = at.parentElement) {
      behind.unshift(getComputedStyle(at).backgroundColor);
    }
    const pair = [light(rgb(behind)), light(rgb([...behind, getComputedStyle(node).color]))];
    pair.sort((a, b) => b - a);
    found[selector] = Math.round(100 * (pair[0] + 0.05) / (pair[1] + 0.05)) / 100;
  }
  return found;
}"""


async def test_a_restarted_server_is_joined_again_without_a_gap(
    browser: Browser, tmp_path: Path
) -> None:
    # Whoever connects meanwhile is not given this port, the page that tries again neither.
    settings = Settings(state_dir=tmp_path / "telegram", port=free_port(), paced=False)
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    async with open_sandbox(settings) as first:
        await page.goto(first.page_url)
        await page.locator(f"[data-chat='{ADA}']").click()
        await _say(page, first.url, first.page_token, "before")
        await expect(page.locator(".words")).to_have_text(["before"])
    await expect(page.locator(".status")).to_have_text("reconnecting…")
    async with open_sandbox(settings) as second:
        await _say(page, second.url, second.page_token, "while away")
        await expect(page.locator(".status")).to_have_text("connected")
        await expect(page.locator(".words")).to_have_text(["before", "while away"])
        await _say(page, second.url, second.page_token, "after")
        await expect(page.locator(".words")).to_have_text(["before", "while away", "after"])
        await context.close()


async def _say(page: Page, url: str, token: str, text: str) -> None:
    answer = await page.request.post(
        f"{url}/control/say",
        data={"chat_id": ADA, "person_id": ADA, "text": text},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.ok, await answer.text()


async def test_a_reset_world_is_shown_fresh(desks: Desks, bot: Bot) -> None:
    await bot.say(ADA, "of the old world")
    desk = await desks.open()
    await desk.open_chat(ADA)
    await expect(desk.page.locator(".words")).to_have_count(1)
    headers = {"Authorization": f"Bearer {desk.sandbox.page_token}"}
    await bot.client.post(f"{desk.sandbox.url}/control/reset", json={}, headers=headers)
    await expect(desk.page.locator(".words")).to_have_count(0)
    await bot.say(ADA, "of the next one")
    await expect(desk.page.locator(".words")).to_have_text(["of the next one"])
