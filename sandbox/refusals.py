"""What the Bot API answers with `ok: false`: one factory per official wording.

Sources are named beside each wording: `Client.cpp`, `ClientManager.cpp` and `Query.cpp` are
tdlib/telegram-bot-api at 01a3679; files of tdlib/td are read at 022d602.
"""

from __future__ import annotations

from typing import Final, Literal

ChatKind = Literal["group", "supergroup", "channel"]
Purpose = Literal["edit", "delete", "pin", "unpin", "react", "be replied", "forward", "copy"]

BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403

# Client.cpp fail_query_with_error: the word that opens a description of this code.
_PREFIXES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Refusal(Exception):
    """A call that Telegram would refuse, with the answer it would give."""

    def __init__(
        self,
        code: int,
        description: str,
        *,
        retry_after: int | None = None,
        migrate_to_chat_id: int | None = None,
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrate_to_chat_id = migrate_to_chat_id

    def answer(self) -> dict[str, object]:
        """Render the JSON body that carries this refusal."""
        body: dict[str, object] = {
            "ok": False,
            "error_code": self.code,
            "description": self.description,
        }
        named = {"retry_after": self.retry_after, "migrate_to_chat_id": self.migrate_to_chat_id}
        if parameters := {name: value for name, value in named.items() if value is not None}:
            body["parameters"] = parameters
        return body


def refuse(code: int, message: str) -> Refusal:
    """Create a refusal from a bare message, prefixed as Telegram does.

    Client.cpp fail_query_with_error: the code's word stands first, once; a sentence then begins
    with a small letter, a constant such as BUTTON_DATA_INVALID keeps its capitals.
    """
    prefix = _PREFIXES[code]
    if message.startswith(prefix):
        return Refusal(code, message)
    is_constant = len(message) > 1 and (message[1] == "_" or "A" <= message[1] <= "Z")
    if not is_constant:
        message = message[:1].lower() + message[1:]
    return Refusal(code, f"{prefix}: {message}")


def bad_request(message: str) -> Refusal:
    """Create a 400 from a bare message."""
    return refuse(BAD_REQUEST, message)


# -- who and where ---------------------------------------------------------------------------


def unauthorized() -> Refusal:
    """Create the answer to a token that no bot has."""
    return Refusal(401, "Unauthorized")  # Client.cpp, closing error after a failed log-in


def not_found() -> Refusal:
    """Create the answer to an address that is no method of a bot."""
    return Refusal(404, "Not Found")  # HttpConnection.cpp handle


def method_not_found() -> Refusal:
    """Create the answer to a method name that does not exist."""
    return Refusal(404, "Not Found: method not found")  # Client.cpp on_cmd


def chat_id_empty() -> Refusal:
    """Create the answer to a call without its chat."""
    return bad_request("chat_id is empty")  # Client.cpp check_chat


def chat_not_found() -> Refusal:
    """Create the answer to a chat the bot does not know."""
    return bad_request("chat not found")  # Client.cpp TdOnCheckChatCallback


def user_not_found() -> Refusal:
    """Create the answer to a user the bot does not know."""
    return bad_request("user not found")  # Client.cpp check_user


def member_not_found() -> Refusal:
    """Create the answer to a user who was never in that chat."""
    return bad_request("member not found")  # MessagesManager.cpp, DialogParticipantManager.cpp


def blocked() -> Refusal:
    """Create the answer when the person blocked the bot."""
    # Client.cpp fail_query_with_error, USER_IS_BLOCKED
    return refuse(FORBIDDEN, "bot was blocked by the user")


def deactivated() -> Refusal:
    """Create the answer when the person's account is gone."""
    return refuse(FORBIDDEN, "user is deactivated")  # Client.cpp check_chat_access


def cannot_initiate() -> Refusal:
    """Create the answer when the bot writes to a person who never spoke to it."""
    # The server's own wording, passed through by Client.cpp.
    return refuse(FORBIDDEN, "bot can't initiate conversation with a user")


def kicked(kind: ChatKind) -> Refusal:
    """Create the answer when the bot was removed from the chat."""
    # Client.cpp check_chat_access
    return refuse(FORBIDDEN, f"bot was kicked from the {kind} chat")


def not_member(kind: ChatKind) -> Refusal:
    """Create the answer when the bot has left or never joined the chat."""
    # Client.cpp check_chat_access
    return refuse(FORBIDDEN, f"bot is not a member of the {kind} chat")


def group_deleted() -> Refusal:
    """Create the answer when the group exists no more."""
    return refuse(FORBIDDEN, "the group chat was deleted")  # Client.cpp check_chat_access


def upgraded(new_id: int) -> Refusal:
    """Create the answer that names the supergroup a group has become."""
    # Client.cpp check_chat_access
    return Refusal(
        BAD_REQUEST,
        "Bad Request: group chat was upgraded to a supergroup chat",
        migrate_to_chat_id=new_id,
    )


def not_enough_rights(action: str) -> Refusal:
    """Create the answer to something only an administrator may do."""
    # MessagesManager.cpp: "Not enough rights to pin a message" and its kin
    return bad_request(f"not enough rights to {action}")


# -- topics ----------------------------------------------------------------------------------


def thread_not_found() -> Refusal:
    """Create the answer to a topic that does not exist."""
    return bad_request("message thread not found")  # Client.cpp check_message_topic


def topic_closed() -> Refusal:
    """Create the answer to a message for a closed topic."""
    return bad_request("TOPIC_CLOSED")  # the server's constant; DraftMessageManager.cpp knows it


def topic_not_modified() -> Refusal:
    """Create the answer to closing what is closed or naming a topic as it is named."""
    return bad_request("TOPIC_NOT_MODIFIED")  # the server's constant; ForumTopicManager.cpp


def not_a_forum() -> Refusal:
    """Create the answer to a topic call in a chat without topics."""
    return bad_request("the chat is not a forum")  # ForumTopicManager.cpp is_forum


# -- messages --------------------------------------------------------------------------------


def message_not_found(purpose: Purpose | Literal["reply"]) -> Refusal:
    """Create the answer to a message that does not exist, named by what it was wanted for."""
    # Client.cpp check_message and check_reply_parameters: "message to edit not found", …
    purpose = "be replied" if purpose == "reply" else purpose
    return bad_request(f"message to {purpose} not found")


def message_id_missing() -> Refusal:
    """Create the answer to an edit that names no message."""
    return bad_request("Message identifier is not specified")  # Client.cpp get_inline_message_id


def not_modified() -> Refusal:
    """Create the answer to an edit that changes nothing."""
    # Client.cpp fail_query_with_error, MESSAGE_NOT_MODIFIED
    return bad_request(
        "message is not modified: specified new message content and reply markup are exactly "
        "the same as a current content and reply markup of the message",
    )


def cannot_edit() -> Refusal:
    """Create the answer to editing a message that is not the bot's own."""
    return bad_request("Message can't be edited")  # MessagesManager.cpp edit_message_text


def nothing_to_edit(what: Literal["text", "caption"]) -> Refusal:
    """Create the answer to editing a part that this message does not have."""
    # MessagesManager.cpp edit_message_text, edit_message_caption
    return bad_request(f"There is no {what} in the message to edit")


def cannot_edit_media() -> Refusal:
    """Create the answer to replacing the media of a message that takes none."""
    return bad_request("Message media can't be edited")  # MessagesManager.cpp edit_message_media


def cannot_delete() -> Refusal:
    """Create the answer to deleting a message that is too old or not the bot's."""
    # Client.cpp fail_query_with_error, MESSAGE_DELETE_FORBIDDEN
    return bad_request("message can't be deleted")


def text_missing() -> Refusal:
    """Create the answer to a message without a text field, or with an empty one."""
    return bad_request("Message text is empty")  # Client.cpp get_input_message_text


def text_empty() -> Refusal:
    """Create the answer to a text of which nothing visible is left."""
    return bad_request("Text must be non-empty")  # MessageEntity.cpp fix_formatted_text


def too_long(what: Literal["message", "caption"]) -> Refusal:
    """Create the answer to a text or caption over its limit after parsing."""
    # MessageContent.cpp create_input_message_content and its caption check
    name = "message" if what == "message" else "message caption"
    return bad_request(f"{name} is too long")


def raw_text_too_long() -> Refusal:
    """Create the answer to a text whose markup alone is over the limit."""
    return bad_request("Text is too long")  # Client.cpp get_formatted_text


def cannot_parse_entities(fault: str) -> Refusal:
    """Create the answer to broken markup."""
    return bad_request(f"Can't parse entities: {fault}")  # SynchronousRequests.cpp


def unsupported_parse_mode() -> Refusal:
    """Create the answer to a parse mode that does not exist."""
    return bad_request("Unsupported parse_mode")  # Client.cpp get_formatted_text


def not_utf8() -> Refusal:
    """Create the answer to bytes that are no text."""
    return bad_request("Strings must be encoded in UTF-8")  # MessageEntity.cpp fix_formatted_text


# -- keyboards and answers to buttons --------------------------------------------------------


def button_data_invalid() -> Refusal:
    """Create the answer to callback data over 64 bytes."""
    return bad_request("BUTTON_DATA_INVALID")  # the server's constant


def reply_markup_too_long() -> Refusal:
    """Create the answer to a keyboard with too many or too long buttons."""
    # Client.cpp fail_query_with_error, REPLY_MARKUP_TOO_LONG
    return bad_request("reply markup is too long")


def query_too_old() -> Refusal:
    """Create the answer to a callback answer that comes late, twice, or for nothing."""
    # Client.cpp fail_query_with_error, QUERY_ID_INVALID
    return bad_request("query is too old and response timeout expired or query ID is invalid")


def callback_text_too_long() -> Refusal:
    """Create the answer to a callback answer over 200 characters."""
    return bad_request("MESSAGE_TOO_LONG")  # the server's constant


# -- files -----------------------------------------------------------------------------------


def file_missing(what: str) -> Refusal:
    """Create the answer to a call without its photo or document."""
    # Client.cpp process_send_photo_query and its siblings
    return bad_request(f"There is no {what} in the request")


def file_too_big() -> Refusal:
    """Create the answer to a file over the limit of uploads or downloads."""
    return bad_request("file is too big")  # Client.cpp on_file_download


def upload_too_large() -> Refusal:
    """Create the answer to a request body over the limit."""
    return Refusal(413, "Request Entity Too Large")  # td HttpReader.cpp


def wrong_file_id() -> Refusal:
    """Create the answer to a file identifier that means nothing."""
    # Client.cpp on_update_file
    return bad_request("wrong file_id or the file is temporarily unavailable")


def photo_dimensions() -> Refusal:
    """Create the answer to a photo that is too large or too thin."""
    return bad_request("PHOTO_INVALID_DIMENSIONS")  # the server's constant


def image_failed() -> Refusal:
    """Create the answer to a photo that is no picture."""
    return bad_request("IMAGE_PROCESS_FAILED")  # the server's constant


# -- updates and pace ------------------------------------------------------------------------


def too_many_requests(seconds: int) -> Refusal:
    """Create the answer that asks for a pause."""
    # Query.cpp set_retry_after_error
    return Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def conflict_poll() -> Refusal:
    """Create the answer to a poll that another poll replaced."""
    # Client.cpp abort_long_poll
    return Refusal(
        409,
        "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running",
    )


def conflict_webhook() -> Refusal:
    """Create the answer to a poll while a webhook is set."""
    # Client.cpp process_get_updates_query
    return Refusal(
        409,
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first",
    )
