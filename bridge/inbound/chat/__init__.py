"""People who write to the bot: who they are, what they ask, and who answers it."""
