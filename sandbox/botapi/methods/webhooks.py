"""setWebhook, deleteWebhook, getWebhookInfo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox import refusals
from sandbox.state import wire
from sandbox.state.records import Webhook

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json
    from sandbox.state.world import World

_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_SECRET = 256


def set_webhook(world: World, call: Call) -> bool:
    """Push updates to an address from now on; an empty one ends that."""
    model: Any = call.model
    if not model.url:
        _choose_kinds(world, model)
        return delete_webhook(world, call)
    secret = model.secret_token or ""
    _require_address(model.url)
    if len(secret) > _LONGEST_SECRET:
        raise refusals.bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise refusals.bad_request("secret token contains unallowed characters")
    _choose_kinds(world, model)
    if model.drop_pending_updates:
        world.updates.clear()
    world.standing.webhook = Webhook(
        url=model.url,
        secret_token=secret,
        max_connections=model.max_connections or 40,
        ip_address=model.ip_address,
    )
    world.updates.end_polls(webhook=True)
    world.updates.turn()
    return True


def delete_webhook(world: World, call: Call) -> bool:
    """Stop pushing; updates wait to be fetched."""
    model: Any = call.model
    if model.drop_pending_updates:
        world.updates.clear()
    world.standing.webhook = None
    world.updates.turn()
    return True


def get_webhook_info(world: World, _call: Call) -> Json:
    """Tell where updates are pushed and how that goes."""
    webhook = world.standing.webhook
    known: Json = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.pending()),
    }
    if world.standing.allowed_updates:
        known["allowed_updates"] = world.standing.allowed_updates
    if webhook is not None:
        known["max_connections"] = webhook.max_connections
        if webhook.ip_address:
            known["ip_address"] = webhook.ip_address
        if webhook.last_error_at is not None:
            known["last_error_date"] = wire.render_instant(webhook.last_error_at)
            known["last_error_message"] = webhook.last_error
    return known


def _choose_kinds(world: World, model: Any) -> None:
    if model.allowed_updates is not None:
        world.standing.allowed_updates = [str(kind) for kind in model.allowed_updates]


def _require_address(url: str) -> None:
    # As a self-hosted Bot API server in local mode: plain HTTP and any port are taken.
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise refusals.bad_request("invalid webhook URL specified")
