"""Whatever fails on the way to a message, the message arrives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import CardFacts, ListFacts, UnreadableFacts
from bridge.core.logins import LoginFacts, LoginKind
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Facts, Form
from bridge.core.rings import RingFacts, RingKind
from bridge.views.locale import LANGUAGES, Translator, load_translators
from bridge.views.renderer import MessageRenderer
from bridge.views.templates import LOCALES, MESSAGES, create_environment
from tests.views.samples import NOW, SINCE, alert, show

Make = Callable[[Path | None], MessageRenderer]
Faults = list[tuple[str, Exception]]

CARD = CardFacts(members=(alert(), alert("web-2", ended_at=NOW)), group_labels={})
KINDS: Mapping[str, Facts] = {
    "card.j2": CARD,
    "list.j2": ListFacts(card=CARD),
    "ring.j2": RingFacts(kind=RingKind.NEW, members=(alert(),), firing=1, at=NOW),
    "board.j2": BoardFacts(
        state=BoardState.STORM, opened_at=SINCE, over_at=None, arrived=2, members=CARD.members
    ),
    "notice.j2": NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=SINCE),
    "login.j2": LoginFacts(
        host="web-1",
        kind=LoginKind.LOGIN,
        user="bob",
        address="192.0.2.9",
        method="password",
        first=NOW,
        last=NOW,
    ),
    "unreadable.j2": UnreadableFacts(raw="7", fault="it is not an object"),
}
every_kind = pytest.mark.parametrize(("name", "facts"), KINDS.items(), ids=KINDS.keys())


class Speechless(Translator):
    """A language whose words cannot be had."""

    def __init__(self) -> None:
        super().__init__("en", LOCALES / "en.po")

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        raise LookupError(singular, plural, count)


@every_kind
def test_a_persons_own_template_of_any_kind_may_fail(
    create_renderer: Make, faults: Faults, tmp_path: Path, name: str, facts: Facts
) -> None:
    for template in ("{{ oops }}", "<oops>", " ", "{{ 'long ' * 2000 }}"):
        (tmp_path / name).write_text(template, encoding="utf-8")
        own = create_renderer(tmp_path)
        for _ in range(3):
            assert show(own, facts) == show(create_renderer(None), facts)
        assert [each for each, _ in faults] == [name]
        faults.clear()


@every_kind
def test_a_persons_own_template_of_any_kind_comes_first(
    create_renderer: Make, faults: Faults, tmp_path: Path, name: str, facts: Facts
) -> None:
    (tmp_path / name).write_text("<b>mine</b>", encoding="utf-8")
    assert show(create_renderer(tmp_path), facts).text.text == "mine"
    assert faults == []


@every_kind
def test_without_any_template_every_kind_has_its_plain_words_and_its_file(
    renderer: MessageRenderer, faults: Faults, name: str, facts: Facts
) -> None:
    translators = load_translators(LOCALES)
    bare = MessageRenderer([], translators, lambda what, error: faults.append((what, error)))
    shown, plain = show(bare, facts), show(renderer, facts, form=Form.PLAIN)
    assert plain.text.text.startswith(shown.text.text)
    assert shown.text.entities == plain.text.entities == ()
    assert (shown.attachment is not None) == (name in {"list.j2", "board.j2"})
    assert plain.attachment is None
    assert faults == []


@pytest.mark.parametrize("name", ["list.j2", "board.j2"])
def test_a_file_that_cannot_be_written_leaves_its_text_and_is_reported_once(
    faults: Faults, name: str
) -> None:
    broken = MessageRenderer(
        [create_environment(MESSAGES)],
        {"en": Speechless()},
        lambda what, error: faults.append((what, error)),
    )
    for _ in range(3):
        content = show(broken, KINDS[name])
        assert content.text.text.startswith("🔴")
        assert content.attachment is None
        assert not content.is_whole
    assert [what for what, _ in faults] == [name, "file"]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("name", ["card.j2", "list.j2", "board.j2", "notice.j2"])
def test_facts_that_no_form_can_show_are_still_told_of(
    renderer: MessageRenderer, faults: Faults, name: str, form: Form
) -> None:
    never = cast("datetime", None)
    card = dataclasses.replace(CARD, members=(alert(started_at=never),))
    broken: Mapping[str, Facts] = {
        "card.j2": card,
        "list.j2": ListFacts(card=dataclasses.replace(card, members=cast("tuple[()]", None))),
        "board.j2": dataclasses.replace(cast("BoardFacts", KINDS[name]), opened_at=never)
        if name == "board.j2"
        else card,
        "notice.j2": NoticeFacts(kind=NoticeKind.CHAT_MOVED, since=never),
    }
    for _ in range(2):
        content = show(renderer, broken[name], form=form)
        assert content.text.text.startswith("⚠️")
        assert not content.is_whole
    assert len({what for what, _ in faults}) == len(faults) > 0


def test_a_digest_that_cannot_be_written_is_still_sent(
    renderer: MessageRenderer, faults: Faults
) -> None:
    nobody = cast("tuple[()]", None)
    cards = [dataclasses.replace(CARD, members=nobody)]
    title, text, written = renderer.render_digest(cards, limit=40, language="en", zone=UTC, now=NOW)
    assert 0 < len(title + text) <= 40
    assert written == (), "what was not written does not count as told"
    assert [what for what, _ in faults] == ["digest", "card of a digest"]
    cards = [dataclasses.replace(CARD, truncated=10**5000)]
    assert renderer.render_digest(cards, limit=40, language="en", zone=UTC, now=NOW).written == ()


def test_one_card_that_cannot_be_written_keeps_no_other_out_of_a_digest(
    renderer: MessageRenderer,
) -> None:
    broken = dataclasses.replace(CARD, members=cast("tuple[()]", None))
    late = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    distant = dataclasses.replace(
        CARD, members=tuple(dataclasses.replace(each, started_at=late) for each in CARD.members)
    )
    title, text, written = renderer.render_digest(
        [broken, CARD, distant], limit=2_000, language="ru", zone=ZoneInfo("Asia/Taipei"), now=NOW
    )
    assert written == (1, 2)
    assert text.count(CARD.members[0].host) >= 2
    assert "firing" in title


@every_kind
@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_end_in_no_blanks_and_no_gap_is_wider_than_a_line(
    renderer: MessageRenderer, faults: Faults, language: str, name: str, facts: Facts
) -> None:
    text = show(renderer, facts, language).text.text
    assert "\n\n\n" not in text, name
    assert all(line == line.rstrip() for line in text.splitlines())
    assert faults == []
