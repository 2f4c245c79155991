"""The table from a method's name to the function that performs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sandbox.botapi.methods import (
    chats,
    commands,
    copying,
    deleting,
    editing,
    files,
    queries,
    reactions,
    sending,
    topics,
    webhooks,
)

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.world import World

Method = Callable[["World", "Call"], object]

# getUpdates is not here: it alone waits, and so it lives with the routes.
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "getMe": chats.get_me,
        "getChat": chats.get_chat,
        "getChatMember": chats.get_chat_member,
        "getChatAdministrators": chats.get_chat_administrators,
        "getChatMemberCount": chats.get_chat_member_count,
        "leaveChat": chats.leave_chat,
        "setWebhook": webhooks.set_webhook,
        "deleteWebhook": webhooks.delete_webhook,
        "getWebhookInfo": webhooks.get_webhook_info,
        "sendMessage": sending.send_message,
        "sendPhoto": sending.send_photo,
        "sendDocument": sending.send_document,
        "sendMediaGroup": sending.send_media_group,
        "sendChatAction": sending.send_chat_action,
        "copyMessage": copying.copy_message,
        "forwardMessage": copying.forward_message,
        "editMessageText": editing.edit_message_text,
        "editMessageCaption": editing.edit_message_caption,
        "editMessageMedia": editing.edit_message_media,
        "editMessageReplyMarkup": editing.edit_message_reply_markup,
        "deleteMessage": deleting.delete_message,
        "deleteMessages": deleting.delete_messages,
        "answerCallbackQuery": queries.answer_callback_query,
        "setMyCommands": commands.set_my_commands,
        "getMyCommands": commands.get_my_commands,
        "deleteMyCommands": commands.delete_my_commands,
        "setChatMenuButton": commands.set_chat_menu_button,
        "getChatMenuButton": commands.get_chat_menu_button,
        "setMessageReaction": reactions.set_message_reaction,
        "pinChatMessage": reactions.pin_chat_message,
        "unpinChatMessage": reactions.unpin_chat_message,
        "unpinAllChatMessages": reactions.unpin_all_chat_messages,
        "createForumTopic": topics.create_forum_topic,
        "editForumTopic": topics.edit_forum_topic,
        "closeForumTopic": topics.close_forum_topic,
        "reopenForumTopic": topics.reopen_forum_topic,
        "deleteForumTopic": topics.delete_forum_topic,
        "getFile": files.get_file,
    }
)
