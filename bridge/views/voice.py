"""How one chat is spoken to: its language, its clocks, and the templates of answers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment

from bridge.core.formatted import Formatted, fit
from bridge.errors import BridgeError, Outage
from bridge.limits import MESSAGE_CHARACTERS, MESSAGE_ENTITIES, WARNING_CHARACTERS
from bridge.views.dashboards import NO_DASHBOARDS, Dashboards
from bridge.views.locale import (
    DEFAULT_LANGUAGE,
    Translator,
    load_translators,
    render_period,
    render_time,
)
from bridge.views.markup import parse_markup, plain
from bridge.views.templates import LOCALES, MESSAGES, check_message, create_environment, is_sendable

ANSWERS: Final = "answers"
"""The folder of the answers' templates, below that of the messages."""
_WORD: Final = 80  # characters: what somebody typed, repeated in a sentence
OnFault = Callable[[str, Exception], None]


def marked(message: str) -> str:
    """Mark a message for the catalogues where it is written but not yet said."""
    return message


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Everything an answer is written with: a chat's language and zone, and the moment."""

    translator: Translator
    zone: tzinfo
    now: datetime
    environments: Sequence[Environment]
    """Where templates are looked up; the next is asked where the one before fails."""
    on_fault: OnFault
    is_dark: bool = True
    """Whether charts are drawn for a dark screen."""
    dashboards: Dashboards = NO_DASHBOARDS
    """Where the person's Grafana shows more."""

    @property
    def language(self) -> str:
        """The catalogue's name."""
        return self.translator.language

    def say(self, message: str, **values: object) -> str:
        """Say a message of the catalogues; what was typed or measured is put into it legibly."""
        return self._fill(message, values, _WORD)

    def say_count(self, singular: str, plural: str, count: int, **values: object) -> str:
        """Say it in the form for a count, which stands in it as `count`."""
        shown = {name: _legible(value) for name, value in values.items()}
        return self.translator.ngettext(singular, plural, count) % {"count": count, **shown}

    def complain(self, fault: BridgeError) -> str:
        """Say what went wrong, to whoever asked."""
        if isinstance(fault, Outage):
            return self.say("%(party)s cannot be asked now.", party=fault.party)
        # Prometheus's own words are longer than what anybody types, and cut where they were read.
        return self._fill(fault.message, fault.values, WARNING_CHARACTERS)

    def _fill(self, message: str, values: Mapping[str, object], most: int) -> str:
        shown = {name: _legible(value, most) for name, value in values.items()}
        said = self.translator.gettext(message)
        return said % shown if shown else said

    def time(self, at: datetime) -> str:
        """Write a moment as this chat's clocks show it."""
        return render_time(at, self.zone, self.now)

    def period(self, start: datetime, end: datetime) -> str:
        """Write from when to when."""
        return render_period(start, end, self.zone, self.now)

    def span(self, length: timedelta) -> str:
        """Say how long in two units."""
        return self.translator.render_span(length)

    def ago(self, at: datetime) -> str:
        """Say how long ago something was."""
        return self.say("%(span)s ago", span=self.span(max(self.now - at, timedelta(0))))

    def number(self, count: int) -> str:
        """Write a number with this language's grouping."""
        return self.translator.render_count(count)

    def write(self, template: str, limit: int = MESSAGE_CHARACTERS, **values: object) -> Formatted:
        """Render an answer's template; a person's own that fails gives way to the shipped one.

        Whatever is too long is cut at `limit`: a template that may grow counts what it leaves out.
        """
        name = f"{ANSWERS}/{template}.j2"
        for environment in self.environments:
            try:
                markup = environment.get_template(name).render(
                    voice=self, translator=self.translator, **values
                )
                return check_message(_keep(parse_markup(markup), limit), limit)
            except Exception as fault:  # noqa: BLE001 - a template may raise anything
                self.on_fault(name, fault)
        return Formatted(self.say("This answer could not be put into words; the log says why."))

    def write_list(
        self, template: str, name: str, items: Sequence[object], **values: object
    ) -> Formatted:
        """Render the template of a list with as many of its items as one message takes.

        The template is also given how many are `left_out`.
        """

        def choose(count: int) -> dict[str, Any]:
            return {**values, name: items[:count], "left_out": len(items) - count}

        # Every line has an entity at least.
        counts = range(1, min(len(items), MESSAGE_ENTITIES) + 1)
        fitting = bisect_left(
            counts, True, key=lambda count: not self._fits(template, choose(count))
        )
        return self.write(template, **choose(fitting))

    def _fits(self, template: str, values: Mapping[str, object]) -> bool:
        for environment in self.environments:
            # One that fails gives way to the next, and `write` tells of it.
            with suppress(Exception):
                markup = environment.get_template(f"{ANSWERS}/{template}.j2").render(
                    voice=self, translator=self.translator, **values
                )
                return is_sendable(parse_markup(markup), MESSAGE_CHARACTERS)
        return False


class Voices:
    """Makes voices: what is read once for all of them."""

    def __init__(
        self,
        on_fault: OnFault,
        own_templates: Path | None = None,
        dashboards: Dashboards = NO_DASHBOARDS,
    ) -> None:
        shipped = create_environment(MESSAGES)
        own = [create_environment(own_templates, MESSAGES)] if own_templates else []
        self._environments = (*own, shipped)
        self._translators: Mapping[str, Translator] = load_translators(LOCALES)
        self._on_fault = on_fault
        self._dashboards = dashboards

    def create(self, language: str, zone: tzinfo, now: datetime, *, is_dark: bool = True) -> Voice:
        """Make the voice for a chat at a moment."""
        translator = self._translators.get(language) or self._translators[DEFAULT_LANGUAGE]
        return Voice(
            translator=translator,
            zone=zone,
            now=now,
            environments=self._environments,
            on_fault=self._on_fault,
            is_dark=is_dark,
            dashboards=self._dashboards,
        )


def _keep(formatted: Formatted, limit: int) -> Formatted:
    """Keep what Telegram takes; a hundred entities are more than a phone's screen shows."""
    kept = Formatted(formatted.text, formatted.entities[:MESSAGE_ENTITIES])
    return fit(kept, limit)


def _legible(value: object, most: int = _WORD) -> object:
    """Make what a stranger wrote harmless; numbers stay numbers."""
    if isinstance(value, str):
        text = plain(value)
        return text if len(text) <= most else text[: most - 1] + "…"
    return value
