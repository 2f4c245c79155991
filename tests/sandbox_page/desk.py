"""What the tests of the chat page sit at: a browser page, a bot spoken over HTTP, screen sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

if TYPE_CHECKING:
    import contextlib

    import httpx

    from sandbox.server import RunningSandbox

ADA, BORIS, MALLORY = 1001, 1002, 1666
ON_CALL, OPERATIONS = -2001, -1_002_000_000_001
WAIT_MS = 60_000


# What a page shows it shows at once, unless the machine is busy with others.
expect.set_options(timeout=WAIT_MS)


@dataclass(frozen=True)
class Look:
    width: int
    height: int
    scheme: str

    @property
    def is_phone(self) -> bool:
        return self.width <= 720


PHONE = Look(390, 844, "light")
DESKTOP = Look(1280, 800, "light")
LOOKS = [PHONE, Look(390, 844, "dark"), DESKTOP, Look(1280, 800, "dark")]
every_look = pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}-{look.scheme}")


@dataclass
class Bot:
    """The bot's side, spoken as plain HTTP."""

    client: httpx.AsyncClient
    address: str
    offset: int = 0

    async def call(self, method: str, **fields: Any) -> Any:
        answer = (await self.client.post(f"{self.address}/{method}", json=fields)).json()
        assert answer["ok"], answer
        return answer["result"]

    async def say(self, chat_id: int, text: str, **fields: Any) -> int:
        message = await self.call("sendMessage", chat_id=chat_id, text=text, **fields)
        return int(message["message_id"])

    async def hear(self, kind: str) -> dict[str, Any]:
        """Wait for the next update of a kind."""
        for _ in range(20):
            for update in await self.call("getUpdates", offset=self.offset, timeout=5):
                self.offset = update["update_id"] + 1
                if kind in update:
                    found: dict[str, Any] = update[kind]
                    return found
        raise AssertionError(f"the bot never got a {kind}")


@dataclass
class Desk:
    """A reader at the chat page, and everything the browser complained of."""

    page: Page
    sandbox: RunningSandbox
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def open_chat(self, chat_id: int) -> None:
        await self.page.locator(f"[data-chat='{chat_id}']").click()
        await expect(self.page.locator(".composer")).to_be_visible()

    async def speak_as(self, name: str) -> None:
        await self.page.locator(".speaker").click()
        await self.page.get_by_role("menuitemradio", name=name).click()

    async def write(self, text: str) -> None:
        await self.page.locator(".input").fill(text)
        await self.page.locator(".input").press("Enter")

    async def has_sideways_scroll(self) -> bool:
        script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(await self.page.evaluate(script))


@dataclass
class Desks:
    """Opens pages; at the end no script may have failed on any of them."""

    browser: Browser
    sandbox: RunningSandbox
    stack: contextlib.AsyncExitStack
    opened: list[Desk] = field(default_factory=list)

    async def open(self, look: Look = DESKTOP, *, token: str | None = None) -> Desk:
        context = await self.browser.new_context(
            viewport=ViewportSize(width=look.width, height=look.height),
            color_scheme="dark" if look.scheme == "dark" else "light",
            has_touch=look.is_phone,
            is_mobile=look.is_phone,
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        self.stack.push_async_callback(context.close)
        context.set_default_timeout(WAIT_MS)
        desk = Desk(await context.new_page(), self.sandbox)
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        desk.page.on("console", lambda line: _note_refusal(desk, line.text))
        desk.page.on("request", lambda request: desk.requests.append(request.url))
        self.opened.append(desk)
        shown = self.sandbox.page_token if token is None else token
        await desk.page.goto(f"{self.sandbox.url}/#token={shown}" if shown else self.sandbox.url)
        return desk


def _note_refusal(desk: Desk, line: str) -> None:
    if "Content Security Policy" in line:
        desk.complaints.append(line)
