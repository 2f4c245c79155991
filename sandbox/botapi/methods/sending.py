"""sendMessage, sendPhoto, sendDocument, sendMediaGroup, sendChatAction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import limits, refusals
from sandbox.botapi import access
from sandbox.botapi.methods import files, posting
from sandbox.deeds import keeping
from sandbox.state.records import Content

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json
    from sandbox.state.world import World

# Bot API sendChatAction; Client.cpp get_chat_action refuses the rest.
_ACTION_NAMES = (
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document "
    "choose_sticker find_location record_video_note upload_video_note cancel"
)
_ACTIONS = frozenset(_ACTION_NAMES.split())


def send_message(world: World, call: Call) -> Json:
    """Send a text."""
    model: Any = call.model
    place = posting.choose_place(world, model)
    text, entities = posting.read_text(model)
    posting.keep_pace(world, place.chat)
    preview = model.link_preview_options and posting.dump(model.link_preview_options)
    content = Content(text=text, entities=entities)
    message = posting.post(world, place, content, link_preview_options=preview or None)
    return posting.render(world, message)


def send_photo(world: World, call: Call) -> Json:
    """Send a picture."""
    model: Any = call.model
    place = posting.choose_place(world, model)
    caption, entities = posting.read_caption(model)
    source = files.read_photo(world, call, model.photo)
    posting.keep_pace(world, place.chat)
    photo = keeping.keep_photo(world, source)
    content = Content(caption=caption, caption_entities=entities, photo=photo)
    return posting.render(world, posting.post(world, place, content))


def send_document(world: World, call: Call) -> Json:
    """Send a file."""
    model: Any = call.model
    place = posting.choose_place(world, model)
    caption, entities = posting.read_caption(model)
    source = files.read_document(world, call, model.document)
    posting.keep_pace(world, place.chat)
    document = keeping.keep_document(world, source)
    content = Content(caption=caption, caption_entities=entities, document=document)
    return posting.render(world, posting.post(world, place, content))


def send_media_group(world: World, call: Call) -> list[Json]:
    """Send pictures or files as one album; all of it or nothing."""
    model: Any = call.model
    place = posting.choose_place(world, model)
    least, most = limits.ALBUM_ITEMS
    # MessageContent.cpp check_message_group_message_contents has both sentences below.
    if len(model.media) > most:
        raise refusals.bad_request("Too many messages to send as an album")
    if len(model.media) < least:
        # Chosen: the documents ask for two, the server also takes one.
        raise refusals.bad_request(f"an album has {least} to {most} items")
    kinds = {item.type for item in model.media}
    if "document" in kinds and len(kinds) > 1:
        raise refusals.bad_request("Document can't be mixed with other media types")
    read = [files.read_media(world, call, item) for item in model.media]
    posting.keep_pace(world, place.chat, weight=len(read))
    contents = [keeping.keep_media(world, medium) for medium in read]
    album = str(10_000_000 + world.chats[place.chat.id].last_message_id)
    messages = [posting.post(world, place, each, media_group=album) for each in contents]
    return [posting.render(world, message) for message in messages]


def send_chat_action(world: World, call: Call) -> bool:
    """Show that the bot is typing, uploading and the like."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    # Client.cpp process_send_chat_action_query passes the topic on and looks at the chat alone.
    thread_id = (model.message_thread_id or None) if chat.is_forum else None
    if model.action not in _ACTIONS:
        raise refusals.bad_request("Wrong parameter action in request")
    action = {"chat_id": chat.id, "thread_id": thread_id, "action": model.action}
    world.events.publish("action", action)
    return True
