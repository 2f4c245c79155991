"""A local Telegram: Bot API server and chat page, for trying and for tests.

The rooms, each knowing only those above it:

- `markup`: texts as Telegram reads them: cleaning, HTML and Markdown, entities, links
- `checks`: what is refused at the door: bodies, types, keyboards, pictures
- `state`: the world and everything it remembers, and how records are shown
- `deeds`: what people and the bot do in chats, whoever asks for it
- `botapi`: the Bot API, its methods, and updates pushed to a webhook
- `control`: the control API of the chat page and of tests
- `page`: the chat page itself, served as it lies by `pages`

`answers`, `limits` and `refusals` are for all of them. `server` joins them, as `settings` says.
`entities` is the face that `markup` shows to others.
"""

from __future__ import annotations

__version__ = "0.1.0"
