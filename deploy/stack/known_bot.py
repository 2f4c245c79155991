"""Ask Telegram about the bot's token before anything is started."""

from __future__ import annotations

from deploy.stack.checks_running import TELEGRAM, UNKNOWN_TOKEN, check_bot
from deploy.stack.folder import StackFault
from deploy.stack.plan import Wishes
from deploy.stack.voice import BAD, Voice


def require_known_bot(wishes: Wishes, voice: Voice) -> None:
    """Ask Telegram about the token: a wrong one ends the start, an absent Telegram does not."""
    settings = wishes.settings
    if settings.bot_token is None:
        return
    base = (settings.telegram_api_base or TELEGRAM).rstrip("/")
    for finding in check_bot(settings, base, settings.bot_token.reveal()):
        if finding.is_good:
            continue
        if finding.text == UNKNOWN_TOKEN:
            raise StackFault(f"Telegram {finding.text}: {finding.mend}", code=2)
        voice.mark(BAD, f"{finding.subject}: {finding.text}; {finding.mend}")
