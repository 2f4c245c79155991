"""The message templates: a person's own first, then the shipped ones."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridge.core.formatted import Formatted
from bridge.limits import MESSAGE_ENTITIES
from bridge.views.markup import TemplateFault

if TYPE_CHECKING:
    from bridge.views.locale import Translator

_BESIDE: Final = Path(__file__).resolve().parents[2] / "templates"
_INSTALLED: Final = Path(sysconfig.get_path("data")) / "share" / "opswire" / "templates"
ROOT: Final = _BESIDE if _BESIDE.is_dir() else _INSTALLED
MESSAGES: Final = ROOT / "messages"
LOCALES: Final = ROOT / "locales"


def create_environment(*folders: Path) -> ImmutableSandboxedEnvironment:
    """Look templates up in these folders, the first before the second.

    Every value is escaped and an unknown name is an error. The language is that of the
    `translator` among a template's values.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # The extension adds this method when it is loaded; Jinja's types do not know it.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _gettext, _ngettext, newstyle=True
    )
    return environment


def is_sendable(formatted: Formatted, limit: int) -> bool:
    """Say whether Telegram keeps all of it."""
    return len(formatted) <= limit and len(formatted.entities) <= MESSAGE_ENTITIES


def check_message(formatted: Formatted, limit: int) -> Formatted:
    """Give back what a template yields.

    Raises:
        TemplateFault: Telegram would refuse it or drop a part of it.
    """
    if formatted.is_blank:
        raise TemplateFault("the message is empty")
    if not is_sendable(formatted, limit):
        raise TemplateFault("the message is too long in its shortest form")
    return formatted


@pass_context
def _gettext(context: Context, message: str) -> str:
    translator: Translator = context["translator"]
    return translator.gettext(message)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, count: int) -> str:
    translator: Translator = context["translator"]
    return translator.ngettext(singular, plural, count)
