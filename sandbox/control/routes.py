"""The control API: what the chat page and tests do to the world (docs/sandbox.md)."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from sandbox.checks.intake import read_body
from sandbox.checks.numbers import parse_integer
from sandbox.control import bodies
from sandbox.control.streaming import send_file, stream_events
from sandbox.deeds import acting, forum, gathering
from sandbox.deeds.mistakes import Missing, Mistake
from sandbox.refusals import Refusal
from sandbox.state import transcript
from sandbox.state.clock import ClockFault
from sandbox.state.faults import Fault
from sandbox.state.pacing import Pace

if TYPE_CHECKING:
    from sandbox.state.records import Chat, Json, Topic
    from sandbox.state.world import World

_LOG = logging.getLogger(__name__)
_Body = TypeVar("_Body", bound=BaseModel)
_Act = Callable[[web.Request], Awaitable[object]]

_MOST_LISTED = 1_000
_USUALLY_LISTED = 100


class ControlApi:
    """Answer the chat page and tests."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """List the routes; docs/sandbox.md has a line for each."""
        get, post, delete = web.get, web.post, web.delete
        return [
            get("/control/state", self._act(self._state)),
            get("/control/chats/{chat}/messages", self._act(self._messages)),
            get("/control/chats/{chat}/commands", self._act(self._commands)),
            get("/control/events", self._events),
            get("/control/files/{file}", self._file),
            get("/control/calls", self._act(self._calls)),
            get("/control/transcript", self._act(self._transcript)),
            post("/control/say", self._act(self._say)),
            post("/control/upload", self._act(self._upload)),
            post("/control/press", self._act(self._press)),
            post("/control/edit", self._act(self._edit)),
            post("/control/react", self._act(self._react)),
            post("/control/chats", self._act(self._create_chat)),
            post("/control/people", self._act(self._create_person)),
            post("/control/chats/{chat}/topics", self._act(self._create_topic)),
            post("/control/chats/{chat}/topics/{thread}/{change}", self._act(self._change_topic)),
            post("/control/chats/{chat}/members", self._act(self._set_present)),
            post("/control/chats/{chat}/{change}", self._act(self._change_chat)),
            post("/control/faults", self._act(self._add_fault)),
            delete("/control/faults", self._act(self._clear_faults)),
            delete("/control/faults/{fault}", self._act(self._remove_fault)),
            post("/control/pacing", self._act(self._set_pace)),
            post("/control/clock", self._act(self._move_clock)),
            post("/control/reset", self._act(self._reset)),
            web.route("*", "/control/{rest:.*}", self._act(self._refuse_address)),
        ]

    def _act(self, act: _Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Answer with what an act returns, written first, or with its mistake as a sentence."""

        async def answer(request: web.Request) -> web.Response:
            try:
                result = await act(request)
                self._world.commit()
            except Mistake as mistake:
                return web.json_response({"error": str(mistake)}, status=mistake.status)
            except ValidationError as error:
                return web.json_response({"error": _describe(error)}, status=400)
            except Refusal as refusal:
                return web.json_response({"error": refusal.description}, status=refusal.code)
            except (sqlite3.Error, OSError) as error:
                _LOG.error("nothing can be written: %s", error)
                self._world.go_back()
                sentence = f"Nothing was done, because it cannot be written: {error}."
                return web.json_response({"error": sentence}, status=500)
            except web.HTTPException:
                raise  # the body was not read: nothing was done
            except Exception:
                self._world.go_back()
                raise
            return web.json_response(result)

        return answer

    # -- looking --------------------------------------------------------------------------------

    async def _state(self, _request: web.Request) -> Json:
        world = self._world
        people = [person for person in world.people.values() if not person.is_bot]
        webhook = world.standing.webhook
        return {
            "bot": transcript.render_person(world.bot),
            "people": [transcript.render_person(person) for person in people],
            "chats": [transcript.render_chat(world, chat) for chat in world.chats.values()],
            "pacing": world.pacing.pace.model_dump(),
            "clock": self._render_clock(),
            "faults": world.faults.listed(),
            "webhook": webhook.url if webhook else None,
            "last_event": world.events.last,
        }

    async def _messages(self, request: web.Request) -> Json:
        chat = self._chat(request)
        before = _number(request, "before", chat.last_message_id + 1)
        limit = min(_number(request, "limit", _USUALLY_LISTED), _MOST_LISTED)
        kept = self._world.messages[chat.id].values()
        older = [each for each in kept if each.message_id < before and not each.deleted]
        shown = older[-limit:] if limit > 0 else []
        rendered = [transcript.render_message(self._world, message) for message in shown]
        return {"messages": rendered, "more": len(older) > len(shown)}

    async def _commands(self, request: web.Request) -> Json:
        chat = self._chat(request)
        person_id = _number(request, "person_id", chat.person_id or 0)
        return {"commands": self._world.commands_in(chat, person_id or None)}

    async def _calls(self, request: web.Request) -> Json:
        after = _number(request, "after", 0)
        limit = _number(request, "limit", _MOST_LISTED)
        return {"calls": self._world.calls.after(after, limit), "last": self._world.calls.last}

    async def _transcript(self, _request: web.Request) -> Json:
        world = self._world
        return {
            "chats": [
                {
                    "chat": transcript.render_chat(world, chat),
                    "messages": [
                        transcript.render_message(world, message)
                        for message in world.messages[chat.id].values()
                    ],
                }
                for chat in world.chats.values()
            ]
        }

    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await stream_events(request, self._world.events)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._world.files.get(request.match_info["file"])
        if file is None:
            return web.json_response({"error": "There is no such file."}, status=404)
        return send_file(file, self._world.path_of(file))

    # -- acting as a person ---------------------------------------------------------------------

    async def _say(self, request: web.Request) -> Json:
        body = await _read(request, bodies.Say)
        message = acting.say(self._world, **body.model_dump())
        return {"message": transcript.render_message(self._world, message)}

    async def _upload(self, request: web.Request) -> Json:
        fields, uploads = await read_body(request)
        upload = uploads.get("file")
        if upload is None:
            raise Mistake("Send the file as the multipart field 'file'.")
        message = acting.send_file(
            self._world,
            upload,
            chat_id=_integer(fields, "chat_id"),
            person_id=_integer(fields, "person_id"),
            thread_id=_integer(fields, "thread_id") if fields.get("thread_id") else None,
            caption=fields.get("caption", ""),
        )
        return {"message": transcript.render_message(self._world, message)}

    async def _press(self, request: web.Request) -> Json:
        body = await _read(request, bodies.Press)
        query = acting.press(
            self._world,
            chat_id=body.chat_id,
            message_id=body.message_id,
            person_id=body.person_id,
            at=(body.row, body.column),
        )
        return {"query_id": query.id}

    async def _edit(self, request: web.Request) -> Json:
        body = await _read(request, bodies.Edit)
        message = acting.edit(self._world, **body.model_dump())
        return {"message": transcript.render_message(self._world, message)}

    async def _react(self, request: web.Request) -> Json:
        body = await _read(request, bodies.React)
        message = acting.react(self._world, **body.model_dump())
        return {"message": transcript.render_message(self._world, message)}

    # -- changing who and what is there ---------------------------------------------------------

    async def _create_chat(self, request: web.Request) -> Json:
        body = await _read(request, bodies.CreateChat)
        for member in body.members:
            acting.require_person(self._world, member)
        return self._show(gathering.create_chat(self._world, **body.model_dump()))

    async def _create_person(self, request: web.Request) -> Json:
        body = await _read(request, bodies.CreatePerson)
        person = gathering.create_person(
            self._world,
            first_name=body.first_name,
            username=body.username,
            language=body.language_code,
        )
        return {"person": transcript.render_person(person)}

    async def _create_topic(self, request: web.Request) -> Json:
        body = await _read(request, bodies.CreateTopic)
        chat = self._forum(request)
        topic = forum.open_topic(self._world, chat, body.name, self._owner(chat))
        return {"thread_id": topic.thread_id, **self._show(chat)}

    async def _change_topic(self, request: web.Request) -> Json:
        chat = self._forum(request)
        topic = _require_topic(chat, request)
        change = request.match_info["change"]
        if change == "delete":
            forum.delete_topic(self._world, chat, topic)
        elif change in {"close", "reopen"}:
            closed = change == "close"
            if topic.closed != closed:
                forum.set_closed(self._world, chat, topic, self._owner(chat), closed=closed)
        else:
            raise Missing("A topic can be closed, reopened or deleted.")
        return self._show(chat)

    async def _set_present(self, request: web.Request) -> Json:
        body = await _read(request, bodies.Presence)
        chat = self._chat(request)
        person = acting.require_person(self._world, body.person_id)
        gathering.set_present(self._world, chat, person, present=body.present)
        return self._show(chat)

    async def _change_chat(self, request: web.Request) -> Json:
        await _read(request, bodies.Empty)
        chat = self._chat(request)
        change = request.match_info["change"]
        if change in {"block", "unblock"}:
            gathering.set_blocked(self._world, chat, blocked=change == "block")
        elif change == "migrate":
            return self._show(gathering.migrate(self._world, chat))
        elif change in _CHANGES:
            _CHANGES[change](self._world, chat)
        else:
            raise Missing(f"A chat cannot be told to {change!r}.")
        return self._show(chat)

    # -- weather: faults, pace, time ------------------------------------------------------------

    async def _add_fault(self, request: web.Request) -> Json:
        return {"id": self._world.faults.add(await _read(request, Fault))}

    async def _clear_faults(self, _request: web.Request) -> Json:
        self._world.faults.clear()
        return {}

    async def _remove_fault(self, request: web.Request) -> Json:
        text = request.match_info["fault"]
        number = parse_integer(text)
        if number is None or not self._world.faults.remove(number):
            raise Missing(f"There is no fault {text}.")
        return {}

    async def _set_pace(self, request: web.Request) -> Json:
        asked = await _read(request, Pace)
        pace = self._world.pacing.pace.model_copy(update=asked.model_dump(exclude_unset=True))
        self._world.pacing.follow(pace)
        return {"pacing": pace.model_dump()}

    async def _move_clock(self, request: web.Request) -> Json:
        body = await _read(request, bodies.MoveClock)
        clock = self._world.clock
        try:
            if body.reset:
                clock.follow_the_machine()
            elif body.at is not None:
                clock.put_at(body.at if body.at.tzinfo else body.at.replace(tzinfo=UTC))
            elif body.advance_seconds is not None:
                clock.advance(timedelta(seconds=body.advance_seconds))
            else:
                raise Mistake("Say advance_seconds, at, or reset.")
        except ClockFault as fault:
            raise Mistake(str(fault)) from fault
        return {"clock": self._render_clock()}

    async def _reset(self, _request: web.Request) -> Json:
        self._world.reset()
        return {}

    async def _refuse_address(self, request: web.Request) -> Json:
        raise Missing(f"There is no {request.method} {request.path}.")

    # -- reading a request ----------------------------------------------------------------------

    def _chat(self, request: web.Request) -> Chat:
        text = request.match_info["chat"]
        number = parse_integer(text)
        if number is None:
            raise Missing(f"There is no chat {text}.")
        return acting.require_chat(self._world, number)

    def _forum(self, request: web.Request) -> Chat:
        chat = self._chat(request)
        if not chat.is_forum:
            raise Mistake(f"{chat.title} has no topics.")
        return chat

    def _owner(self, chat: Chat) -> int:
        return chat.owner_id or self._world.bot.id

    def _show(self, chat: Chat) -> Json:
        return {"chat": transcript.render_chat(self._world, chat)}

    def _render_clock(self) -> Json:
        clock = self._world.clock
        return {
            "now": transcript.render_instant(clock.now()),
            "offset_seconds": clock.offset.total_seconds(),
        }


_CHANGES = {
    "kick": gathering.kick_bot,
    "add": gathering.add_bot,
    "delete": gathering.delete_chat,
}


async def _read(request: web.Request, kind: type[_Body]) -> _Body:
    content = await request.read()
    try:
        decoded = json.loads(content) if content else {}
        json.dumps(decoded, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise Mistake("The body is not JSON in UTF-8.") from error
    return kind.model_validate(decoded)


def _describe(error: ValidationError) -> str:
    faults = (
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in error.errors()
    )
    return "; ".join(faults) + "."


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return _integer({name: text}, name) if text else default


def _integer(fields: dict[str, str], name: str) -> int:
    number = parse_integer(fields.get(name, ""))
    if number is None:
        raise Mistake(f"{name} is a number.")
    return number


def _require_topic(chat: Chat, request: web.Request) -> Topic:
    text = request.match_info["thread"]
    number = parse_integer(text)
    topic = None if number is None else chat.find_topic(number)
    if topic is None:
        raise Missing(f"There is no topic {text} in {chat.title}.")
    return topic
