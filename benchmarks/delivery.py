"""From an alert posted to Alertmanager to its message: the built-in Telegram receiver, and ours.

One Alertmanager sends every alert to both receivers at once; both send to the same local Bot API,
each to a chat of its own, so both are timed by the same clock for the very same alerts.

Run from the top of the project: `.venv/bin/python -m benchmarks.delivery [number of alerts]`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.printing import print_figures
from tests.fakes.local_telegram import ADA, ON_CALL, LocalTelegram, open_local_telegram
from tests.live.conftest import TOKEN, Programs
from tests.ports import free_port

ALERTS = 100
SPACING_SECONDS = 0.25  # far from every rate limit; the local Telegram paces nobody here
GENERATION = "stable"

CONFIGURATION = """\
route:
  receiver: both
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1h
receivers:
  - name: both
    telegram_configs:
      - api_url: {telegram}
        bot_token: {bot_token}
        chat_id: {native_chat}
        parse_mode: ""
        message: '{{{{ .CommonLabels.alertname }}}}'
    webhook_configs:
      - url: http://127.0.0.1:{bridge_port}/alerts
        max_alerts: 1000
        http_config: {{authorization: {{credentials_file: secrets/webhook_token}}}}
"""


async def main(number: int) -> None:
    """Post alerts one by one and print what each way took."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            local = await stack.enter_async_context(open_local_telegram(Path(folder) / "telegram"))
            programs = Programs(Path(folder), stack)
            url = await start(programs, local)
            posted = await post_alerts(url, number)
            await wait_for_messages(local, number)
            native = await times(local, ADA, posted)
            ours = await times(local, ON_CALL, posted)
    print_figures("Alertmanager's receiver", native, unit="ms")
    print_figures("the bridge", ours, unit="ms")
    both = [(ours[name] - native[name]) for name in posted]
    print(f"the bridge is later by {statistics.median(both):.1f} ms at the median")
    ratio = statistics.median(ours.values()) / statistics.median(native.values())
    print(f"ratio of the medians: {ratio:.2f}")


async def start(programs: Programs, local: LocalTelegram) -> str:
    """Start bridge and Alertmanager; answer the latter's address."""
    bridge_port, port = free_port(), free_port()
    await programs.bridge(local, bridge_port, WEBHOOK_TOKEN=TOKEN)
    configuration = CONFIGURATION.format(
        telegram=local.sandbox.url,
        bot_token=local.sandbox.bot_token,
        native_chat=ADA,
        bridge_port=bridge_port,
    )
    await programs.alertmanager(GENERATION, configuration, port)
    return f"http://127.0.0.1:{port}"


async def post_alerts(url: str, number: int) -> dict[str, float]:
    """Post alerts spaced apart: name → when, in seconds since the epoch."""
    posted: dict[str, float] = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        for count in range(number):
            name = f"Trial{count:04}"
            now = datetime.now(UTC)  # noqa: TID251 - a benchmark goes by the real clock
            body = [{"labels": {"alertname": name}, "startsAt": now.isoformat()}]
            posted[name] = time.time()
            (await client.post(f"{url}/api/v2/alerts", json=body)).raise_for_status()
            await asyncio.sleep(SPACING_SECONDS)
    return posted


async def wait_for_messages(local: LocalTelegram, number: int) -> None:
    """Wait until both chats have everything."""
    async with asyncio.timeout(60):
        for chat in (ADA, ON_CALL):
            while len(await local.messages(chat)) < number:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.2)


async def times(local: LocalTelegram, chat: int, posted: dict[str, float]) -> dict[str, float]:
    """Give the milliseconds from each post to its message: name → ms."""
    taken: dict[str, float] = {}
    for message in await local.messages(chat):
        name = next(each for each in posted if each in message["text"])
        accepted = datetime.fromisoformat(message["at"]).timestamp()
        taken[name] = (accepted - posted[name]) * 1000
    return taken


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ALERTS))
