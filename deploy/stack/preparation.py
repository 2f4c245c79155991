"""Get a run ready: settings, ports, programs, secrets, generated files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from bridge.settings import Settings, SettingsError, read_environment
from deploy.stack import tokens
from deploy.stack.binaries import ProgramMissing, gather
from deploy.stack.folder import Record, StackFault, strip_environ
from deploy.stack.plan import Plan, Wishes
from deploy.stack.ports import Reservations, choose_ports
from deploy.stack.questions import Terminal, ask_for_token
from deploy.stack.watcher import generate, split_reloads

Say = Callable[[str], None]
TOKEN_NAMES = ("BOT_TOKEN", "BOT_TOKEN_FILE")


def read_wishes(root: Path, *, is_sandbox: bool, terminal: Terminal | None) -> Wishes:
    """Read what the settings ask for, asking the person at the terminal for a token.

    Who is admin and which chat hears alerts is not asked: nobody knows their own numbers by heart,
    and a link makes the first admin.
    """
    given = read_environment(root)
    has_token = any(name in given for name in TOKEN_NAMES)
    if not is_sandbox and not has_token and terminal is not None:
        load_settings(given)  # the token may stand in the very line that cannot be read
        has_token = ask_for_token(root, terminal)
        given = read_environment(root)
    return Wishes(
        root=root,
        settings=load_settings(given),
        given=given,
        is_sandbox=is_sandbox or not has_token,
    )


def load_settings(given: dict[str, str]) -> Settings:
    """Check the settings; all faults at once, in words."""
    try:
        return Settings.load(given)
    except SettingsError as error:
        faults = "\n".join(f"  {fault}" for fault in error.faults)
        raise StackFault(f"these settings are wrong:\n{faults}", code=2) from None


def prepare(wishes: Wishes, say: Say, reservations: Reservations) -> Plan:
    """Do everything that must be done before the first program starts."""
    for notice in wishes.settings.notices:
        say(notice)
    ports, notices = choose_ports(
        wishes.list_ports(), wishes.list_set_ports(), is_free=reservations.is_free
    )
    for notice in notices:
        say(notice)
    try:
        binaries = gather(wishes.list_binaries(), root=wishes.root, say=say)
    except ProgramMissing as missing:
        raise StackFault(str(missing)) from None
    plan = Plan(wishes=wishes, ports=ports, binaries=binaries, environ=os.environ)
    lay_secrets(plan)
    say(generate_configuration(plan))
    return plan


def lay_secrets(plan: Plan) -> None:
    """Make the folders and the secrets that programs share, so that nothing races for them."""
    wishes = plan.wishes
    for place in (wishes.state_dir, wishes.bridge_state_dir):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = wishes.settings.webhook_token
    path = wishes.bridge_state_dir / "webhook_token"
    bearer = token.reveal() if token else tokens.find_or_create(path, tokens.create_token())
    tokens.put_copies(bearer, plan.token_places)
    if wishes.is_sandbox:
        tokens.find_or_create(wishes.sandbox_dir / "bot_token", tokens.create_bot_token())
        tokens.find_or_create(wishes.sandbox_dir / "page_token", tokens.create_token())


def generate_configuration(plan: Plan) -> str:
    """Turn the inventory into configuration; a fault stops the start."""
    environ = {**strip_environ(os.environ), **plan.generator_environ}
    is_content, words = generate(plan.generator, environ=environ)
    if not is_content:
        raise StackFault(f"{plan.wishes.agents_file.name} cannot be used:\n{words}", code=2)
    # Whoever must read it anew is about to start.
    return split_reloads(words)[0]


def record_of(plan: Plan) -> Record:
    """Put together what other commands need to know."""
    members = plan.list_members()
    return Record(
        pid=os.getpid(),
        is_sandbox=plan.wishes.is_sandbox,
        state_dir=str(plan.wishes.state_dir),
        bridge_state_dir=str(plan.wishes.bridge_state_dir),
        sandbox_dir=str(plan.wishes.sandbox_dir),
        agents_file=str(plan.wishes.agents_file),
        addresses={member.name: member.address for member in members},
        ready_urls={member.name: member.ready_url for member in members},
        urls=plan.urls,
        bridge_environ=plan.bridge_environ,
    )


def find_terminal() -> Terminal | None:
    """Give the terminal when a person sits there."""
    return Terminal() if sys.stdin.isatty() and sys.stdout.isatty() else None


def render_page_address(record: Record) -> str:
    """Give the chat page's address; the token stands in the fragment, which is never sent."""
    token = (Path(record.sandbox_dir) / "page_token").read_text(encoding="utf-8").strip()
    return f"http://{record.addresses['sandbox']}/#token={token}"
