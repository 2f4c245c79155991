"""Texts as Telegram reads them: cleaning, HTML and Markdown, entities, links."""

from __future__ import annotations
