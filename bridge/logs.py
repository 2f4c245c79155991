"""Logs: one line per event, for people or for machines, and never a secret in it."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager, suppress
from json import dumps
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

    from bridge.settings.secret import Secret

HIDDEN: Final = "[hidden]"

_SHORTEST: Final = 4  # chosen: hiding shorter texts would hide half of every line, and little else
_SHAPES: Final = (
    # Bot tokens, also within `/bot<token>/` and when percent-encoded in an address.
    # The bound on digits keeps a long number from costing quadratic time.
    re.compile(r"[0-9]{1,20}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"),
    # Six and more: "a bearer token is missing" stays readable.
    re.compile(r"(?i)(?<=\bbearer[ \t])[ \t]*[A-Za-z0-9._~+/-]{6,}=*"),
    re.compile(r"(?i)(?<=\bbasic[ \t])[ \t]*[A-Za-z0-9+/]{6,}=*"),
    re.compile(r"(?<=://)[^\s/@]+(?=@)"),  # user and password of an address
)
_EMBEDDED: Final = re.compile(r"://[^\s/@:]*:(?P<before>\S+)@|[?&]password=(?P<after>[^&\s]+)")
_MANY_LINES: Final = frozenset({"exception", "stack"})
_CHATTY: Final = {
    "httpx": logging.WARNING,  # a line per request at INFO, each with its address
    "httpcore": logging.WARNING,
    "aiogram.event": logging.WARNING,  # a line per update
    "uvicorn.access": logging.WARNING,  # a line per scrape
    "uvicorn.error": logging.WARNING,  # its own start and stop; ours are said by the bridge
    "alembic": logging.WARNING,  # a line per plugin
    "asyncio": logging.WARNING,
    "matplotlib": logging.WARNING,
    "urllib3": logging.WARNING,
}


class Redactor:
    """Replace planted secrets, and whatever looks like one, wherever a log line holds them."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        texts = {form for secret in secrets for form in _forms(secret.reveal())}
        planted = sorted(texts, key=len, reverse=True)
        self._planted = re.compile("|".join(map(re.escape, planted))) if planted else None

    def redact(self, text: str) -> str:
        """Return the text with every secret hidden."""
        if self._planted is not None:
            text = self._planted.sub(HIDDEN, text)
        for shape in _SHAPES:
            text = shape.sub(HIDDEN, text)
        return text

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Hide secrets in every key and value of an event, as a structlog processor."""
        return {self.redact(str(key)): self._hide(value) for key, value in event.items()}

    def _hide(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.redact(str(key)): self._hide(member) for key, member in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._hide(member) for member in value]
        return self.redact(value if isinstance(value, str) else repr(value))


class RedactingHandler(logging.StreamHandler["TextIO"]):
    """Write lines; of a line that cannot be written say only whose it was."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say that a line was lost; the library's own report would show its arguments."""
        with suppress(OSError, ValueError):
            self.stream.write(f"a line of the log {record.name!r} could not be written\n")


def set_up_logs(
    level: str = "INFO",
    form: str = "console",
    secrets: Iterable[Secret] = (),
    *,
    stream: TextIO | None = None,
) -> None:
    """Send our lines and those of every library through one formatter, to `stream` or stderr.

    Calling it again, when another secret has become known, replaces the former set-up.
    """
    out = sys.stderr if stream is None else stream
    handler = RedactingHandler(out)
    handler.setFormatter(_create_formatter(form, Redactor(secrets), colors=out.isatty()))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    _quieten(level)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a second set-up reaches loggers made before
    )


def create_log(name: str) -> structlog.stdlib.BoundLogger:
    """Return a log of that name; call it with a text for people and `action=` for machines."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return log


@contextmanager
def correlated(correlation_id: str, **facts: str | int) -> Iterator[None]:
    """Mark every line logged within, also by tasks started within, as one story."""
    with structlog.contextvars.bound_contextvars(correlation=correlation_id, **facts):
        yield


def _create_formatter(form: str, redactor: Redactor, *, colors: bool) -> logging.Formatter:
    final: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        # Plain tracebacks: locals may hold what no pattern can recognise.
        structlog.processors.format_exc_info,
        redactor,
        _flatten,
    ]
    if form == "json":
        final.append(structlog.processors.JSONRenderer())
    else:
        plain = structlog.dev.plain_traceback
        final.append(
            structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False, exception_formatter=plain)
        )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=["action"]), *_shared()],
        processors=final,
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _flatten(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep an event on its line: foreign text must not look like ours, nor drive a terminal."""
    return {
        key: _escape(value, but="\n\t" if key in _MANY_LINES else "")
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _escape(text: str, *, but: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or letter in but
        else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what ends the program, because Python's own report would hide no secret."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("bridge").critical(
        "the program ends on an error nobody foresaw",
        exc_info=(kind, error, trace),
        extra={"action": "uncaught"},
    )


def _quieten(level: str) -> None:
    """Make libraries speak through the root alone, and the chatty ones only of trouble."""
    wanted = logging.getLevelNamesMapping()[level]
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "aiogram", "httpx"):
        library = logging.getLogger(name)
        for former in library.handlers[:]:
            library.removeHandler(former)
        library.propagate = True
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(least, wanted))


def _forms(text: str) -> set[str]:
    """Return a secret as it may appear: as it is, percent-encoded, or quoted by `repr` or JSON."""
    texts = {text}
    if "://" in text:
        # An address without its password is no secret, and a useful thing to read in a log.
        found = {part for pair in _EMBEDDED.findall(text) for part in pair if part}
        texts = found | {unquote(part) for part in found}
    forms = {
        form
        for each in texts
        for form in (each, quote(each), quote(each, safe=""), repr(each)[1:-1], dumps(each)[1:-1])
    }
    return {form for form in forms if len(form) >= _SHORTEST}
