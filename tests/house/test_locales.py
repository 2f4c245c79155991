"""Every message exists in every language, and every template renders in each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from bridge.core.alerts import parse_webhook
from bridge.core.cards import CardFacts, Member, UnreadableFacts
from bridge.core.outbox import Form
from bridge.core.promql import METRICS
from bridge.limits import MESSAGE_CHARACTERS
from bridge.views.cards import LADDER
from bridge.views.locale import LANGUAGES, load_translators
from bridge.views.markup import parse_markup
from bridge.views.renderer import create_message_renderer
from bridge.views.shown import Presenter
from bridge.views.templates import LOCALES, MESSAGES, create_environment

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 14, 6, 22, tzinfo=UTC)
TRANSLATORS = load_translators(LOCALES)
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("gettext", "_", "marked", "say"), None),
    **dict.fromkeys(("Mistake", "Missing", "Refused", "NotAllowed", "Expired", "TooMuch"), None),
    **dict.fromkeys(("ngettext", "say_count"), (1, 2)),
}
SPEAKING = ("views", "core", "flows", "inbound/chat", "store", "clients", "drawing.py")
"""The rooms whose words a chat may hear."""
TO_PROGRAMS = {
    *("core/alerts.py", "core/inventory.py", "core/host_codes.py", "core/letters.py"),
    *("flows/enrol_host.py", "flows/take_letter.py"),
    *("clients/telegram_updates.py", "clients/authority.py", "clients/certificates.py"),
    "core/logins.py",
    *("core/backups.py", "store/changing.py", "store/filling.py", "store/schema.py"),
    "store/snapshot.py",
}
"""Whose sentences only a program or the console reads."""

UNREADABLE_BODIES: tuple[object, ...] = (
    7,
    {"alerts": [7]},
    {"alerts": [{"labels": 7}]},
)


def catalogue(language: str) -> Catalog:
    with (LOCALES / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def list_modules(room: Path) -> Iterator[Path]:
    yield from [room] if room.is_file() else room.rglob("*.py")


def said_in_code() -> Iterator[str | tuple[str, ...]]:
    rooms = ROOT / "bridge"
    for path in sorted(path for room in SPEAKING for path in list_modules(rooms / room)):
        if str(path.relative_to(rooms)) not in TO_PROGRAMS:
            with path.open("rb") as source:
                yield from said_in("python", source, {})
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    for path in sorted(MESSAGES.rglob("*.j2")):
        with path.open("rb") as source:
            yield from said_in("jinja2", source, options)


def said_by_metrics() -> Iterator[str]:
    for metric in METRICS.values():
        yield metric.title
        yield from (line.title for line in metric.lines if line.title)


def said_in(
    method: str, source: BinaryIO, options: dict[str, str]
) -> Iterator[str | tuple[str, ...]]:
    for _, message, _, _ in extract(method, source, KEYWORDS, options=options):
        if message:
            yield message


def faults_of_core() -> set[str]:
    """Ask the reader of webhooks for each of its sentences, which the cards translate."""
    return {
        each.fault for body in UNREADABLE_BODIES for each in parse_webhook(body, NOW).unreadable
    }


def all_said() -> set[str]:
    said = (*said_in_code(), *said_by_metrics())
    plain = {each if isinstance(each, str) else each[0] for each in said}
    return plain | faults_of_core()


def test_the_words_said_in_code_and_templates_are_found() -> None:
    said = all_said()
    assert {"FIRING", "Unknown alert", "%(count)d min", "it is not an object"} <= said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_stands_in_every_catalogue_and_no_other(language: str) -> None:
    written = {
        each.id if isinstance(each.id, str) else each.id[0]
        for each in catalogue(language)
        if each.id
    }
    assert written == all_said()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_in_every_form(language: str) -> None:
    messages = catalogue(language)
    for message in messages:
        forms = (message.string,) if isinstance(message.string, str) else message.string or ()
        assert all(forms), message.id
        assert not message.fuzzy, message.id
        if isinstance(message.id, tuple):
            assert len(forms) == messages.num_plurals, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_names_the_same_values(language: str) -> None:
    for message in catalogue(language):
        faults = list(message.check(catalogue(language)))
        assert faults == [], message.id


def test_the_english_catalogue_says_what_the_code_says() -> None:
    for message in catalogue("en"):
        if message.id:
            assert message.string == message.id


def test_no_catalogue_is_left_over() -> None:
    assert {path.stem for path in LOCALES.glob("*.po")} == set(LANGUAGES)


@pytest.mark.parametrize(
    ("count", "forms"),
    [
        (1, ("1 активная", "1 день", "1 символ")),
        (3, ("3 активные", "3 дня", "3 символа")),
        (5, ("5 активных", "5 дней", "5 символов")),
        (11, ("11 активных", "11 дней", "11 символов")),
        (21, ("21 активная", "21 день", "21 символ")),
    ],
)
def test_russian_declines_what_it_counts(count: int, forms: tuple[str, ...]) -> None:
    translator = TRANSLATORS["ru"]
    said = (
        translator.ngettext("%(count)s firing", "%(count)s firing", count),
        translator.ngettext("%(count)d d", "%(count)d d", count),
        translator.ngettext("(+%(count)s character)", "(+%(count)s characters)", count),
    )
    assert tuple((each % {"count": count}).strip("(+)") for each in said) == forms


def example(*, ended: bool, number: int = 0) -> Member:
    return Member(
        labels={
            "alertname": "AgentDown",
            "host": f"web-{number}",
            "instance": "10.0.0.1:9100",
            "severity": "critical",
            "job": "node",
        },
        annotations={
            "summary": "It does not answer",
            "description": "At length",
            "value": "0",
            "runbook_url": "https://wiki.example.com/down" if ended else "docs/down.md",
        },
        started_at=NOW,
        ended_at=NOW if ended else None,
        generator_url="http://prometheus.example.com:9090/graph",
    )


CARDS = {
    "firing": (example(ended=False),),
    "resolved": (example(ended=True),),
    "mixed": (example(ended=False), example(ended=True, number=1)),
    "over": (example(ended=True), example(ended=True, number=1)),
    "none": (),
    "bare": (Member(labels={}, annotations={}, started_at=NOW, ended_at=None),),
    "large": tuple(example(ended=number > 30, number=number) for number in range(60)),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted({rung.kind for rung in LADDER}))
@pytest.mark.parametrize("members", CARDS.values(), ids=CARDS.keys())
def test_every_kind_of_card_renders_in_every_language(
    language: str, kind: str, members: tuple[Member, ...]
) -> None:
    facts = CardFacts(members=members, group_labels={}, source="http://a.example.com", truncated=3)
    presenter = Presenter(translator=TRANSLATORS[language], zone=UTC, now=NOW)
    rung = next(each for each in LADDER if each.kind == kind)
    markup = create_environment(MESSAGES).get_template("card.j2")
    card = presenter.show_card(facts, rung)
    text = parse_markup(markup.render(card=card, translator=TRANSLATORS[language])).text
    # A card is lines of text with single blank lines between them.
    assert "\n\n\n" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_cannot_be_read_renders_in_every_language(language: str) -> None:
    faults: list[str] = []
    renderer = create_message_renderer(lambda name, _: faults.append(name))
    facts = UnreadableFacts(raw="7", fault="it is not an object")
    shown = renderer.render(facts, Form.FORMATTED, language=language, zone=UTC, now=NOW).text
    assert 0 < len(shown) <= MESSAGE_CHARACTERS
    assert faults == []
    assert TRANSLATORS[language].gettext("it is not an object") in shown.text


def test_no_template_switches_escaping_off() -> None:
    for path in MESSAGES.rglob("*.j2"):
        source = path.read_text(encoding="utf-8")
        assert "safe" not in source
        assert "autoescape" not in source
