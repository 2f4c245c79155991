"""Commands for hosts, as people in the chat give them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest

from agent import wire
from agent.wire import Verb
from bridge import limits
from bridge.core.access import Person, Role, parse_scope
from bridge.core.audit import Entry
from bridge.core.inventory import parse_inventory
from bridge.core.kept_jobs import KeptJob
from bridge.errors import Outage
from bridge.views.commands import write_end
from bridge.views.jobs import write_output
from tests.fakes.chat import ADMIN, GROUP, OPERATOR, STRANGER, VIEWER
from tests.fakes.hands import Asking, done, told
from tests.inbound.chat.world import World


async def test_a_command_runs_and_its_message_ends_with_its_code(world: World) -> None:
    said = await world.say("/op_exec web-1 df  -h '/a  b'")
    [order] = world.hands.of(Verb.RUN)
    assert order.host == "web-1"
    assert order.arguments["command"] == "df  -h '/a  b'"
    assert order.arguments["shell"] is False
    assert "fine" in said[-1].text
    assert "exit code 0" in said[-1].text
    assert said[-1].telegram_id is not None, "it is the same message that has grown"
    assert "⏹ Stop" in said[0].buttons
    assert said[-1].buttons == {}


async def test_it_is_written_down_before_it_runs_and_after_it_ends(world: World) -> None:
    def says(asking: Asking) -> list[wire.Event]:
        assert [each.detail[:5] for each in world.kept.entries] == ["begun"]
        return done("no\n", code=2, job=asking.job)

    world.hands.says = says
    await world.say("/op_exec web-1 ls /x")
    begun, ended = world.kept.entries
    assert begun.what == ended.what == "/op_exec web-1 ls /x"
    assert (ended.on, ended.outcome.value) == ("web-1", "failed")
    assert "exit status 2" in ended.detail
    assert "sha256" in ended.detail


@pytest.mark.parametrize("command", ["/op_exec web-1 cat /x", "/broadcast cat /x"])
async def test_the_end_of_a_long_output_is_written_beside_the_loop(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    # Alerts would wait for it: eight megabytes of many hosts take a second.
    threads: list[int] = []

    def write(*about: Any) -> Any:
        threads.append(threading.get_ident())
        return write_end(*about)

    monkeypatch.setattr("bridge.inbound.chat.job_message.write_end", write)
    lines = 1
    world.hands.says = lambda asking: done("line\n" * lines, job=asking.job)
    for lines in (1, 20_000):
        assert await world.say(command, message_id=500 + lines)
    assert [each == threading.get_ident() for each in threads] == [True, False]


async def test_what_is_kept_of_an_output_is_written_beside_the_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def write(*about: Any) -> Any:
        threads.append(threading.get_ident())
        return write_output(*about)

    monkeypatch.setattr("bridge.inbound.chat.control.write_output", write)
    await world.say("/op_exec web-1 cat /x")

    def says(_: Asking) -> list[wire.Event]:
        facts = {"digest": hashlib.sha256(b"all of it").hexdigest()}
        piece = wire.Output(at=0, is_error=False, text="all of it")
        return [piece, wire.Told(job="", at=0, facts=facts)]

    world.hands.says = says
    await world.press("output 1")
    assert threads
    assert threading.get_ident() not in threads


async def test_the_same_message_never_runs_twice(world: World) -> None:
    await world.say("/op_exec web-1 uptime")
    await world.say("/op_exec web-1 uptime")
    assert len(world.hands.of(Verb.RUN)) == 1
    await world.say("/op_exec web-1 uptime", message_id=501)
    assert len(world.hands.of(Verb.RUN)) == 2


async def test_a_span_before_the_command_is_its_time_limit(world: World) -> None:
    await world.say("/op_exec web-1 2m du -sh /")
    [order] = world.hands.of(Verb.RUN)
    assert order.within == timedelta(minutes=2)
    assert order.arguments["command"] == "du -sh /"


@pytest.mark.parametrize("text", ["/op_exec", "/op_exec web-1", "/bash", "/broadcast", "/op_stop"])
async def test_too_little_is_told_with_a_real_example(world: World, text: str) -> None:
    [said] = await world.say(text)
    assert "/" in said.text.splitlines()[-1]
    assert world.hands.asked == []


async def test_an_unknown_host_gets_the_nearest_and_one_without_an_agent_says_so(
    world: World,
) -> None:
    [said] = await world.say("/op_exec web-11 df")
    assert "web-1" in said.text
    [said] = await world.say("/op_exec bare df")
    assert "/add bare" in said.text
    assert world.hands.asked == []


async def test_hosts_of_others_do_not_exist(world: World) -> None:
    world.chat.people.known[OPERATOR] = Person(
        user_id=OPERATOR, role=Role.OPERATOR, scope=parse_scope(["group=db"])
    )
    [said] = await world.say("/op_exec web-1 df")
    assert "web-" not in said.text.replace("web-1", "", 1)
    await world.say("/broadcast uptime")
    assert {each.host for each in world.hands.asked} == {"db-1"}


@pytest.mark.parametrize("who", [VIEWER, STRANGER])
@pytest.mark.parametrize(
    "text",
    ["/op_exec web-1 df", "/broadcast df", "/op_port web-1", "/op_stop web-1 80", "/bash web-1 id"],
)
async def test_whoever_may_not_reaches_no_host(world: World, text: str, who: int) -> None:
    await world.say(text, who)
    await world.press(text.removeprefix("/"), who)
    assert world.hands.asked == []


def refuses(asking: Asking, ceiling: str = "shell") -> list[wire.Event]:
    if asking.verb is Verb.DESCRIBE:
        return told(ceiling=ceiling)
    if asking.arguments["shell"]:
        return done("root stuff\n", job=asking.job)
    return [
        wire.Refused(
            job=asking.job,
            at=0,
            rule="catalogue",
            sentence="there is no action for that",
            nearest="df",
            remedy="echo shell | sudo tee /etc/opswire/ceiling",
        )
    ]


async def test_a_refusal_shows_the_nearest_and_the_remedy(world: World) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 rm -r x")
    assert "df" in said[-1].text
    assert "sudo tee" in said[-1].text
    assert len(world.hands.asked) == 1, "an operator is offered no shell"


async def test_an_admin_confirms_the_exact_bytes_before_a_shell_sees_them(world: World) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 rm -r x\u202e; id", ADMIN)
    question = said[-1]
    assert r"rm -r x\u202e; id" in question.text
    assert [each for each in world.hands.asked if each.arguments.get("shell")] == []
    press = question.buttons["✅ Yes, do it"]
    await world.press(press, OPERATOR)
    await world.press(press, ADMIN, chat=None)
    assert [each for each in world.hands.asked if each.arguments.get("shell")] == []
    await world.press(press, ADMIN)
    [order] = [each for each in world.hands.asked if each.arguments.get("shell")]
    assert order.arguments["command"] == "rm -r x\u202e; id"
    await world.press(press, ADMIN)
    assert len([each for each in world.hands.asked if each.arguments.get("shell")]) == 1


async def test_a_host_whose_ceiling_is_lower_is_never_asked_for_a_shell(world: World) -> None:
    world.hands.says = lambda asking: refuses(asking, "actions")
    said = await world.say("/op_exec web-1 rm -r x", ADMIN)
    assert "✅ Yes, do it" not in said[-1].buttons


async def test_a_question_left_is_left(world: World) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 id -u x", ADMIN)
    yes, no = said[-1].buttons.values()
    await world.press(no, ADMIN)
    await world.press(yes, ADMIN)
    assert [each for each in world.hands.asked if each.arguments.get("shell")] == []


async def test_stop_reaches_the_host_and_only_while_it_runs(world: World) -> None:
    # A host that did not say so would be asked again and again.
    world.hands.says = lambda each: (
        told(stopped=True) if each.verb is Verb.CANCEL else done(job=each.job)
    )
    world.hands.gates["web-1"] = asyncio.Event()
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR)
    async with asyncio.timeout(60):
        while not world.chat.speaker.said:  # noqa: ASYNC110 - an errand's message
            await asyncio.sleep(0.01)
    stop = world.chat.speaker.said[0].buttons["⏹ Stop"]
    await world.chat.press(stop, VIEWER)
    assert world.hands.of(Verb.CANCEL) == []
    gate = world.hands.gates.pop("web-1")
    await world.chat.press(stop, OPERATOR)
    [cancel] = world.hands.of(Verb.CANCEL)
    [run] = world.hands.of(Verb.RUN)
    assert cancel.arguments["of"] == run.job
    gate.set()
    await world.rest()
    assert len(world.hands.of(Verb.CANCEL)) == 1


async def test_a_broadcast_groups_what_is_alike_and_names_who_is_dead(world: World) -> None:
    def says(asking: Asking) -> Any:
        if asking.host == "web-3":
            return Outage("web-3", "refused")
        return done("12:00 up 3 days\n" if asking.host != "db-1" else "12:00 up 1 day\n")

    world.hands.says = says
    said = await world.say("/broadcast uptime")
    ended = next(each for each in reversed(said) if not each.content.attachment)
    assert "web-[1-2]" in ended.text
    assert "web-3" in ended.text
    assert "not reached" in ended.text
    assert "bare" not in ended.text
    assert {each.arguments["careful"] for each in world.hands.asked} == {True}
    begun, ended_entry = world.kept.entries
    assert begun.what == ended_entry.what == "/broadcast uptime"
    assert ended_entry.detail == "3 of 4 ended well"


async def test_a_filter_chooses_hosts(world: World) -> None:
    await world.say("/broadcast group=db uptime")
    assert [each.host for each in world.hands.asked] == ["db-1"]
    [said] = await world.say("/broadcast group=none uptime")
    assert "No host" in said.text


async def test_more_than_ten_hosts_are_asked_about_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BROADCAST_ASKS", 2)
    [question] = await world.say("/broadcast uptime")
    assert "web-[1-3]" in question.text
    assert world.hands.asked == []
    await world.press(question.buttons["✅ Yes, do it"])
    assert len(world.hands.asked) == 4


async def test_what_would_change_something_is_asked_about_and_then_done_there(
    world: World,
) -> None:
    def says(asking: Asking) -> list[wire.Event]:
        if asking.arguments["careful"] and asking.host == "web-2":
            return [wire.Refused(job=asking.job, at=0, rule="careful", sentence="it changes …")]
        return done()

    world.hands.says = says
    said = await world.say("/broadcast restart nginx")
    question = next(each for each in said if "✅ Yes, do it" in each.buttons)
    assert "web-2" in question.text
    world.hands.asked.clear()
    await world.press(question.buttons["✅ Yes, do it"])
    assert [(each.host, each.arguments["careful"]) for each in world.hands.asked] == [
        ("web-2", False)
    ]


async def test_what_a_host_has_kept_is_fetched_whole(world: World) -> None:
    await world.say("/op_exec web-1 df")
    text = "a\nb\n"
    digest = hashlib.sha256(text.encode()).hexdigest()

    def says(_: Asking) -> list[wire.Event]:
        pieces = [wire.Output(at=0, is_error=False, text=each) for each in ("a\n", "b\n")]
        return [*pieces, *told(bytes=4, digest=digest)]

    world.hands.says = says
    [said] = await world.press("output 1")
    assert said.content.attachment is not None
    assert said.content.attachment.content == text.encode()
    [order] = world.hands.of(Verb.FETCH)
    [run] = world.hands.of(Verb.RUN)
    assert order.arguments == {"of": run.job}
    digest = "0" * 64
    [said] = await world.press("output 1")
    assert said.content.attachment is None
    [said] = await world.press("output 2")
    assert said.content.attachment is None


async def test_in_a_group_the_answer_is_a_reply(world: World) -> None:
    before = len(world.chat.speaker.said)
    await world.chat.say("/op_exec web-1 df", OPERATOR, GROUP)
    said = await world.rest(before)
    assert said[0].reply_to == 500


async def test_a_long_output_is_a_file(world: World) -> None:
    world.hands.says = lambda asking: done("x" * 80 + "\n" + "y\n" * 4500, job=asking.job)
    said = await world.say("/op_exec web-1 cat big")
    file = said[-1].content.attachment
    assert file is not None
    assert file.content.count(b"\n") == 4501
    assert len(said[-2].text) < limits.MESSAGE_CHARACTERS


async def test_the_audit_has_what_was_confirmed_and_not_the_button(world: World) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 rm -r x", ADMIN)
    await world.press(said[-1].buttons["✅ Yes, do it"], ADMIN)
    begun, ended = world.kept.entries[-2:]
    assert begun.what == ended.what == "/op_exec web-1 rm -r x"
    assert "shell" in begun.detail
    assert "sha256" in begun.detail


async def test_a_confirmed_host_that_has_left_is_never_another_by_its_address(
    world: World,
) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 rm -r x", ADMIN)
    world.hands.asked.clear()
    world.chat.inventory = parse_inventory("other web-1:9100 web-1:8001")
    [answer] = await world.press(said[-1].buttons["✅ Yes, do it"], ADMIN)
    assert "not there any more" in answer.text
    assert world.hands.asked == []


async def test_somebody_elses_press_takes_no_question_away(world: World) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 rm -r x", ADMIN)
    [answer] = await world.press(said[-1].buttons["✅ Yes, do it"], OPERATOR)
    assert answer.telegram_id is None
    assert [each for each in world.hands.asked if each.arguments.get("shell")] == []


async def test_what_cannot_be_seen_whole_is_not_asked_about(world: World) -> None:
    world.hands.says = refuses
    said = await world.say("/op_exec web-1 ls " + "\u200b" * 900 + "; id", ADMIN)
    assert all("✅ Yes, do it" not in each.buttons for each in said)


async def test_one_host_that_says_nonsense_ends_no_others_job(world: World) -> None:
    def says(asking: Asking) -> Any:
        if asking.host == "web-2":
            raise ZeroDivisionError
        return done(job=asking.job)

    world.hands.says = says
    said = await world.say("/broadcast uptime")
    ended = next(each for each in reversed(said) if not each.content.attachment)
    assert "4 of 4 hosts" in ended.text
    assert "✅ 3" in ended.text


async def test_what_cannot_be_written_down_does_not_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(job: KeptJob, *, entry: Entry) -> int | None:
        del job, entry
        raise Outage("the database", "disk full")

    monkeypatch.setattr(world.kept, "begin", full)
    [said] = await world.say("/op_exec web-1 df")
    assert "database" in said.text
    assert world.hands.asked == []
