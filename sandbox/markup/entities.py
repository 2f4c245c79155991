"""Text and its entities, put through everything Telegram does to them, in Telegram's order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from sandbox import limits, refusals
from sandbox.markup import cleaning, links
from sandbox.markup.cleaning import utf16_length
from sandbox.markup.dates import parse_date_format
from sandbox.markup.found import find_spans
from sandbox.markup.html_markup import parse_html_spans
from sandbox.markup.markdown import parse_markdown_v2_spans
from sandbox.markup.marks import MarkupFault, mentioned_user
from sandbox.markup.old_markdown import parse_markdown_spans
from sandbox.markup.spans import (
    BLOCKQUOTES,
    SPLITTABLE,
    Span,
    keep_first_hundred,
    merge_found,
    settle_overlaps,
)
from sandbox.refusals import Refusal, bad_request

__all__ = [
    "check_entities",
    "find_entities",
    "format_text",
    "parse_html",
    "parse_markdown",
    "parse_markdown_v2",
    "utf16_length",
]

Entity = dict[str, Any]
Parser = Callable[[str], tuple[str, list[Span]]]

# Client.cpp get_text_entity_type: a sender may say these, and they are found anew in the text.
_FOUND_TYPES: Final = frozenset(
    {
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bank_card_number",
    },
)
_INT_MAX: Final = 2**31 - 1


def format_text(
    text: str,
    *,
    parse_mode: str | None,
    entities: Sequence[Mapping[str, Any]] | None,
    limit: int,
    what: Literal["message", "caption"],
) -> tuple[str, list[Entity]]:
    """Put a sender's text and entities into the form Telegram would show, or refuse them.

    Order of Client.cpp get_formatted_text and MessageEntity.cpp fix_formatted_text: the raw
    limit, the markup, overlaps, cleaning, trimming, emptiness, what the text itself holds, and
    at last the limit in characters.
    """
    if not text and what == "message":
        raise refusals.text_missing()
    cleaning.require_text(text)
    if len(text.encode()) > limits.RAW_TEXT_BYTES:
        raise refusals.raw_text_too_long()
    plain, spans = _read(text, parse_mode, entities)
    shown, spans = _settle(plain, spans)
    if what == "message" and cleaning.is_invisible(shown):
        raise refusals.text_empty()
    if len(shown) > limit:
        raise refusals.too_long(what)
    spans = keep_first_hundred(spans, limits.ENTITIES)
    return shown, [span.render() for span in merge_found(spans, find_spans(shown))]


def parse_html(text: str) -> tuple[str, list[Entity]]:
    """Parse HTML as Telegram does, before any cleaning."""
    return _parse(parse_html_spans, text)


def parse_markdown_v2(text: str) -> tuple[str, list[Entity]]:
    """Parse MarkdownV2 as Telegram does, before any cleaning."""
    return _parse(parse_markdown_v2_spans, text)


def parse_markdown(text: str) -> tuple[str, list[Entity]]:
    """Parse the older Markdown as Telegram does, before any cleaning."""
    return _parse(parse_markdown_spans, text)


def check_entities(text: str, entities: Sequence[Mapping[str, Any]]) -> list[Entity]:
    """Check a sender's own entities and settle their overlaps; offsets fit the text as given."""
    spans = _settle_given([span for each in entities if (span := _read_entity(each))])
    cleaning.clean_spans(text, spans)  # only to refuse what lies outside the text
    return [span.render() for span in spans]


def find_entities(text: str) -> list[Entity]:
    """Find the entities a client shows by itself."""
    return [span.render() for span in find_spans(text)]


def _read(
    text: str,
    parse_mode: str | None,
    entities: Sequence[Mapping[str, Any]] | None,
) -> tuple[str, list[Span]]:
    mode = (parse_mode or "none").lower()
    if text and mode != "none":
        parser = _find_parser(mode)
        try:
            return parser(text)
        except MarkupFault as fault:
            raise refusals.cannot_parse_entities(str(fault)) from fault
    return text, [span for each in entities or () if (span := _read_entity(each))]


def _find_parser(mode: str) -> Parser:
    parsers: dict[str, Parser] = {
        "html": parse_html_spans,
        "markdown": parse_markdown_spans,
        "markdownv2": parse_markdown_v2_spans,
    }
    if mode not in parsers:
        raise refusals.unsupported_parse_mode()
    return parsers[mode]


def _parse(parser: Parser, text: str) -> tuple[str, list[Entity]]:
    cleaning.require_text(text)
    try:
        plain, spans = parser(text)
    except MarkupFault as fault:
        raise refusals.cannot_parse_entities(str(fault)) from fault
    return plain, [span.render() for span in spans]


def _settle(text: str, spans: list[Span]) -> tuple[str, list[Span]]:
    cleaned, kept = cleaning.clean_spans(text, _settle_given(spans))
    return cleaning.trim(cleaned, kept)


def _settle_given(spans: list[Span]) -> list[Span]:
    for span in spans:
        for name, value in (("offset", span.offset), ("length", span.length)):
            if not 0 <= value <= limits.ENTITY_OFFSET:
                raise bad_request(f"Receive an entity with incorrect {name} {value}")
    return settle_overlaps(span for span in spans if span.length)


# -- a sender's entities ---------------------------------------------------------------------


def _read_entity(entity: Mapping[str, Any]) -> Span | None:
    kind = entity["type"]
    if kind in _FOUND_TYPES:
        return None
    readers: dict[str, Callable[[Mapping[str, Any]], dict[str, object] | None]] = {
        "pre": _read_language,
        "text_link": _read_link,
        "text_mention": _read_mention,
        "custom_emoji": _read_emoji,
        "date_time": _read_moment,
    }
    place = Span(kind, entity["offset"], entity["length"])
    if kind in readers:
        extra = readers[kind](entity)
        if extra is not None and "user" in extra:
            kind = "text_mention"  # a link to tg://user is a mention
        return None if extra is None else Span(kind, place.offset, place.length, extra)
    if kind == "code" or kind in SPLITTABLE or kind in BLOCKQUOTES:
        return place
    raise _entity_fault("Unsupported type specified")


def _entity_fault(said: str) -> Refusal:
    return bad_request(f"Can't parse MessageEntity: {said}")  # Client.cpp get_formatted_text


def _require(entity: Mapping[str, Any], name: str) -> Any:
    if entity.get(name) is None:
        raise _entity_fault(f'Can\'t find field "{name}"')
    return entity[name]


def _read_language(entity: Mapping[str, Any]) -> dict[str, object]:
    language = cleaning.clean_text(entity.get("language") or "")
    return {"language": language} if language else {}


def _read_link(entity: Mapping[str, Any]) -> dict[str, object] | None:
    url = cleaning.clean_text(_require(entity, "url"))
    if user_id := links.parse_user_link(url):
        return {"user": mentioned_user(user_id)}
    try:
        return {"url": links.check_link(url)}
    except links.LinkFault as fault:
        # MessageEntity.cpp get_message_entities: unlike in markup, a bad link is refused here.
        raise bad_request(f"Entity {links.describe_fault(url, fault)}") from fault


def _read_mention(entity: Mapping[str, Any]) -> dict[str, object]:
    user = _require(entity, "user")
    user_id = user.get("id")
    if not isinstance(user_id, int) or user_id <= 0:
        raise refusals.user_not_found()
    return {"user": {**mentioned_user(user_id), **user}}


def _read_emoji(entity: Mapping[str, Any]) -> dict[str, object] | None:
    identifier = str(_require(entity, "custom_emoji_id"))
    if not re.fullmatch("-?[0-9]{1,19}", identifier):
        raise _entity_fault('Field "custom_emoji_id" must be a valid Number')
    return {"custom_emoji_id": identifier} if int(identifier) else None


def _read_moment(entity: Mapping[str, Any]) -> dict[str, object]:
    moment = _require(entity, "unix_time")
    try:
        extra = parse_date_format(moment, entity.get("date_time_format") or "")
    except MarkupFault as fault:
        raise _entity_fault("Invalid date-time format specified") from fault
    if not 0 < moment <= _INT_MAX:
        raise bad_request("Invalid date specified")  # FormattedDate.cpp
    return extra
