"""How a host is let in."""

from __future__ import annotations

from typing import Any

import pytest

from bridge import limits
from bridge.core.host_codes import (
    SENTENCES,
    Misuse,
)
from bridge.errors import Expired, Mistake, NotAllowed, Outage
from bridge.flows.dismiss_host import dismiss_host
from bridge.flows.enrol_host import (
    Knock,
    LetIn,
    NotWritten,
    TurnedAway,
    Welcome,
)
from tests.fakes.clock import NOON
from tests.flows.halls import AT, DOOR, ENTRY, Hall


async def test_an_agent_with_a_good_code_gets_all_it_needs(hall: Hall) -> None:
    welcome = await hall.come(await hall.secret())
    assert welcome == Welcome(
        host="web-1",
        certificate=f"for web-1 at {AT}",
        authority="the root",
        bridge_key=b"k" * 32,
        metrics_token="planted-token",
        door=DOOR.address,
    )
    assert "planted-token" not in repr(welcome)
    [news] = hall.news
    assert isinstance(news, LetIn)
    assert (news.newcomer.host, news.newcomer.address, news.former) == ("web-1", AT, None)
    assert hall.file.text == f"Server 127.0.0.1:9100\nweb-1 192.0.2.10:9100 {AT}\n"


async def test_the_line_of_a_known_host_is_completed(hall: Hall) -> None:
    await hall.come(await hall.secret("Server"), host="server", address="127.0.0.1:8001")
    assert hall.file.text == "Server 127.0.0.1:9100 127.0.0.1:8001\n"
    assert list(hall.book.alive) == ["Server"]


async def test_the_exporter_of_a_host_with_an_ipv6_address_is_beside_its_agent(hall: Hall) -> None:
    await hall.come(await hall.secret(), address="[2001:db8::1]:8001")
    assert hall.file.text.endswith("web-1 [2001:db8::1]:9100 [2001:db8::1]:8001\n")


async def test_a_host_that_is_removed_while_it_comes_in_stays_removed(hall: Hall) -> None:
    await hall.come(await hall.secret())
    secret = await hall.secret()

    async def remove() -> None:
        await dismiss_host("web-1", agents=hall.book, inventory=hall.file, entry=ENTRY, now=NOON)

    hall.meanwhile.append(remove)
    with pytest.raises(Expired):
        await hall.come(secret, csr="csr of two")
    assert hall.book.alive == {}
    assert hall.file.text == "Server 127.0.0.1:9100\n"
    assert len(hall.news) == 1, "nobody is told that it is there"


async def test_of_two_that_come_in_at_once_the_inventory_has_the_one_that_speaks(
    hall: Hall,
) -> None:
    later = "192.0.2.77:8001"
    early = await hall.secret()

    async def come_later() -> None:
        await hall.come(await hall.secret(address=later), csr="csr of two", address=later)

    hall.meanwhile.append(come_later)
    with pytest.raises(Expired):
        await hall.come(early, csr="csr of one")
    assert hall.book.alive["web-1"].address == later
    assert hall.file.text.endswith(f" {later}\n")
    assert len(hall.news) == 1


async def test_the_former_agents_connections_are_let_go_wherever_it_was(hall: Hall) -> None:
    await hall.come(await hall.secret())
    assert hall.hung_up == {AT}
    elsewhere = "192.0.2.77:8001"
    hall.hung_up.clear()
    await hall.come(await hall.secret(address=elsewhere), csr="csr of two", address=elsewhere)
    assert hall.hung_up == {AT, elsewhere}


async def test_a_fresh_code_brings_a_fresh_key_in_the_place_of_the_old_one(hall: Hall) -> None:
    await hall.come(await hall.secret())
    first = hall.book.alive["web-1"].key
    await hall.come(await hall.secret(), csr="csr of two")
    assert hall.book.alive["web-1"].key != first
    news = hall.news[-1]
    assert isinstance(news, LetIn)
    assert news.former is not None
    assert news.former.key == first


@pytest.mark.parametrize(
    ("misuse", "shown", "kind"),
    [
        (Misuse.LATE, {"at": NOON + limits.CODE_LIFE}, Expired),
        (Misuse.OTHER_HOST, {"host": "web-2"}, NotAllowed),
        (Misuse.OTHER_ADDRESS, {"address": "192.0.2.11:8001"}, NotAllowed),
    ],
)
async def test_a_misused_code_lets_nobody_in_and_an_admin_hears_of_it_once(
    hall: Hall, misuse: Misuse, shown: dict[str, Any], kind: type[Exception]
) -> None:
    secret, host = await hall.secret("web-1", "192.0.2.10"), shown.get("host", "web-1")
    for _ in range(3):
        with pytest.raises(kind, match=SENTENCES[misuse]):
            await hall.come(secret, **shown)
    [news] = hall.news
    assert news == TurnedAway(invitation=hall.book.codes[secret], misuse=misuse, host=host)
    assert hall.stamp.signed == []
    assert hall.book.alive == {}


async def test_a_code_used_twice_lets_nobody_in_and_an_admin_hears_of_it(hall: Hall) -> None:
    secret = await hall.secret()
    await hall.come(secret)
    with pytest.raises(Expired, match="used already"):
        await hall.come(secret, csr="csr of two")
    assert [type(each) for each in hall.news] == [LetIn, TurnedAway]
    assert hall.book.alive["web-1"].key.startswith(b"one")


async def test_a_code_that_nobody_made_is_told_to_nobody(hall: Hall) -> None:
    with pytest.raises(NotAllowed, match="unknown"):
        await hall.come("x" * 22)
    assert hall.news == []


async def test_a_key_that_died_lets_nobody_in_and_an_admin_hears_of_it(hall: Hall) -> None:
    hall.book.dead.add(b"one".ljust(32, b"."))
    with pytest.raises(NotAllowed, match="make another"):
        await hall.come(await hall.secret())
    [news] = hall.news
    assert isinstance(news, TurnedAway)
    assert news.misuse is Misuse.DEAD_KEY


async def test_a_request_that_makes_no_sense_leaves_the_code_good(hall: Hall) -> None:
    secret = await hall.secret()
    with pytest.raises(Mistake):
        await hall.come(secret, csr="nonsense")
    with pytest.raises(Mistake, match="no address"):
        await hall.come(secret, address="nowhere")
    await hall.come(secret)


async def test_an_address_that_is_another_hosts_is_not_certified(hall: Hall) -> None:
    hall.file.text = f"web-2 192.0.2.20:9100 {AT}\n"
    with pytest.raises(Mistake, match="taken by web-2"):
        await hall.come(await hall.secret())
    assert hall.stamp.signed == []


async def test_an_agent_is_let_in_though_the_inventory_cannot_be_written(hall: Hall) -> None:
    secret = await hall.secret()
    hall.file.is_full = True
    await hall.come(secret)
    [news] = hall.news
    assert isinstance(news, NotWritten)
    assert "no space left" in news.fault.sentence
    assert "web-1" in hall.book.alive


async def test_nobody_is_let_in_where_nothing_can_be_kept(hall: Hall) -> None:
    secret = await hall.secret()
    hall.book.is_away = True
    with pytest.raises(Outage):
        await hall.come(secret)
    assert hall.file.text == "Server 127.0.0.1:9100\n"
    assert hall.news == []


async def test_who_is_let_in_does_not_depend_on_who_hears_of_it(hall: Hall) -> None:
    hall.is_deaf = True
    secret = await hall.secret()
    await hall.come(secret)
    with pytest.raises(Expired):
        await hall.come(secret)


async def test_a_secret_stands_in_no_fault_and_in_no_word_of_the_knock(hall: Hall) -> None:
    secret = await hall.secret()
    knock = Knock(host="web-1", secret=secret, csr="", address=AT)
    assert secret not in repr(knock)
    await hall.come(secret)
    with pytest.raises(Expired) as caught:
        await hall.come(secret)
    assert secret not in repr(caught.value) + repr(hall.news) + repr(hall.book.entries)
