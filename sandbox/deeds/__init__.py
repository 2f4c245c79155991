"""What people and the bot do in chats, whoever asks for it."""

from __future__ import annotations
