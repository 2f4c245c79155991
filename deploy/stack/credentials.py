"""The user names and passwords that a person's own Prometheus and Alertmanager ask for."""

from __future__ import annotations

import httpx

from bridge.settings import Settings


def find_credentials(settings: Settings, party: str) -> httpx.Auth:
    """Give a party's credentials, or an empty authorisation when it asks for none."""
    user = getattr(settings, f"{party}_user")
    password = getattr(settings, f"{party}_password")
    return httpx.BasicAuth(user, password.reveal() if password else "") if user else httpx.Auth()
