"""Who may import whom, and who owns which library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRUNK = {"errors", "limits", "clock", "logs", "metrics"}

SHARED = {"agent.callers", "agent.wire"}
"""The modules of the agent that the bridge knows too, whatever the room."""

# room → the rooms of ours that it may import, beside the trunk that everybody may
MAY_IMPORT = {
    "core": {"core"},
    "views": {"core"},
    "flows": {"core", "views"},
    "store": {"core"},
    "clients": {"core"},
    "inbound": {"flows", "views", "core"},
    "settings": {"settings", "core"},
    "premises": {"settings", "restoring"},
    "archive": {"core"},
    "restoring": {"archive"},
    "app": {
        *TRUNK,
        *("clients", "running", "parties", "settings", "premises", "store", "bookkeeping"),
        *("drawing", "agents_door", "hands"),
    },
    "drawing": {*TRUNK, "core", "views"},
    "bookkeeping": {*TRUNK, "core", "store", "settings", "watching"},
    "console": {
        *TRUNK,
        *("core", "flows", "store", "clients", "settings", "premises", "inventory_file"),
        *("archive", "restoring"),
    },
    "agents_door": {"core", "settings", "premises"},
    "parties": {"core", "flows", "settings", "hands"},
    "hands": {"core", "clients"},
    "commanding": {
        *TRUNK,
        *("core", "views", "flows", "store", "clients", "inbound", "settings", "parties"),
        *("stores", "hands", "inventory_file", "inventory_writing"),
    },
    "telling": {"core", "store", "stores"},
    "talking": {
        *TRUNK,
        *(
            "core",
            "views",
            "store",
            "inbound",
            "settings",
            "parties",
            "inventory_file",
            "flows",
            "stores",
            "commanding",
            "telling",
        ),
    },
    "inventory_file": {"core"},
    "inventory_writing": {"core"},
    "stores": {"core", "store"},
    "books": {*TRUNK, "stores"},
    "watching": {*TRUNK, "core", "views", "flows", "store", "stores", "settings", "parties"},
    "running": {
        *TRUNK,
        "core",
        "views",
        "flows",
        "store",
        "inbound",
        "settings",
        "parties",
        "watching",
        "talking",
        "stores",
        "books",
        "inventory_file",
    },
    "__main__": {"app", "settings", "console"},
    **{name: {"core"} for name in TRUNK},
    "logs": {"settings"},
}
# Rooms whose files do not know each other, except for the ones named.
SIBLINGS = {
    "flows": {"follow_job", "ask_host"},
    "clients": {
        *("threads", "telegram", "telegram_faults", "telegram_media", "answers"),
        "certificates",
    },
    "store": {
        *(
            "tables",
            "host_tables",
            "host_codes",
            "lanes",
            "inbox",
            "database",
            "schema",
            "snapshot",
            "filling",
            "episodes",
            "messages",
            "cards",
            "boards",
            "rings",
            "notices",
            "logins",
        ),
        "board_facts",
        *("destinations", "places", "folding", "queue", "reconciling"),
        *("standing", "moving", "leaving"),
        *("audit", "audit_seal"),
    },
    "inbound": {
        *("web.answers", "web.health", "web.telegram", "web.webhook"),
        *("chat.command", "chat.requests", "chat.strangers", "chat.arrivals"),
        *("chat.hosts", "chat.offers"),
        *("chat.confirming", "chat.closing", "chat.everywhere"),
        *("chat.job_desk", "chat.job_message", "chat.live_jobs", "chat.running_jobs"),
    },
}
# room of the sandbox → the rooms that it may import, beside answers, limits and refusals
SANDBOX_MAY_IMPORT = {
    "markup": set[str](),
    "checks": {"markup"},
    "state": {"checks", "settings"},
    "deeds": {"markup", "checks", "state"},
    "botapi": {"markup", "checks", "state", "deeds"},
    "control": {"checks", "state", "deeds"},
}
# library → who may import it
OWNERS = {
    "jinja2": {"views"},
    "babel": {"views"},
    "matplotlib": {"views"},
    "PIL": {"views"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "aiogram": {"clients", "inbound"},
    "aiohttp": {"clients"},
    "aiohttp_socks": {"clients"},
    "httpx": {"clients"},
    "apprise": {"clients"},
    "cryptography": {"clients"},
    "prometheus_api_client": {"clients"},
    "fastapi": {"inbound", "app", "running", "agents_door", "commanding"},
    "starlette": {"inbound"},
    "pydantic": {"inbound"},
    "uvicorn": {"app", "agents_door"},
    "uvloop": {"__main__"},
    "yaml": {"app", "settings"},
    "dotenv": {"settings"},
    "structlog": {"logs"},
    "prometheus_client": {"metrics"},
}
# library → which modules of the agent may import it
AGENT_OWNERS = {
    "cryptography": {"keys", "enrol"},
    "fastapi": {"api", "app"},
    "starlette": {"api"},
    "uvicorn": {"app"},
    "prometheus_client": {"metrics"},
    "yaml": {"owner_file"},
}
# module of the agent → who alone may import it
AGENT_CALLERS = {"app": {"__main__"}, "enrol": {"__main__"}, "api": {"app"}}


def room_of(module: str) -> str:
    """Name the room of a module of the bridge."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(path: Path) -> Iterator[tuple[str, bool]]:
    """List a file's imports: the module, and whether the import stands at the top."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    typing_only = {
        id(inner)
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the whole name of a module"
            names = [node.module or ""]
            if node.module in {"agent", "bridge", *(f"bridge.{room}" for room in MAY_IMPORT)}:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) in top | typing_only


def sources(package: str) -> list[Path]:
    return [
        path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts
    ]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("path", sources("bridge"), ids=module_of)
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    room = room_of(module_of(path))
    for name, _ in imports_of(path):
        library = name.split(".")[0]
        if library == "bridge":
            other = room_of(name)
            allowed = {*TRUNK, *MAY_IMPORT.get(room, set()), room, "__version__", "__init__"}
            assert other in allowed, f"{path.name}: {room} may not import {name}"
        elif name not in SHARED:
            assert library not in {"agent", "sandbox", "deploy", "tests"}, f"{path.name}: {name}"
            if library not in sys.stdlib_module_names and library != "__future__":
                owners = OWNERS.get(library, set())
                assert room in owners, f"{path.name}: {name} belongs to {sorted(owners)}"


@pytest.mark.parametrize("path", sources("bridge"), ids=module_of)
def test_siblings_do_not_know_each_other(path: Path) -> None:
    module = module_of(path)
    room = room_of(module)
    if room not in SIBLINGS or module.count(".") < 2:
        return
    prefix = f"bridge.{room}."
    for name, _ in imports_of(path):
        sibling = name.removeprefix(prefix)
        if name.startswith(prefix) and name != module:
            known = any(
                sibling == each or sibling.startswith(f"{each}.") for each in SIBLINGS[room]
            )
            assert known, f"{module} imports its sibling {name}"


@pytest.mark.parametrize("path", sources("bridge/core"), ids=module_of)
def test_the_core_is_pure(path: Path) -> None:
    for name, _ in imports_of(path):
        library = name.split(".")[0]
        assert library not in {"asyncio", "os", "random", "socket", "subprocess", "time"}, name


@pytest.mark.parametrize(
    "path", [*sources("bridge"), *sources("agent"), *sources("sandbox")], ids=module_of
)
def test_imports_inside_functions_have_a_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8").splitlines()
    inner = [name for name, at_top in imports_of(path) if not at_top]
    reasons = sum("noqa: PLC0415" in line for line in text)
    assert len(inner) == reasons, f"{path}: {inner}"


@pytest.mark.parametrize("path", sources("sandbox"), ids=module_of)
def test_the_sandbox_knows_neither_bridge_nor_agent(path: Path) -> None:
    assert not {name.split(".")[0] for name, _ in imports_of(path)} & {"bridge", "agent"}


@pytest.mark.parametrize("path", sources("sandbox"), ids=module_of)
def test_a_room_of_the_sandbox_imports_only_what_the_table_allows(path: Path) -> None:
    room = room_of(module_of(path))
    if room not in SANDBOX_MAY_IMPORT:
        return
    for name, _ in imports_of(path):
        if name.startswith("sandbox."):
            known = {*SANDBOX_MAY_IMPORT[room], room, "answers", "limits", "refusals"}
            assert room_of(name) in known, f"{path.name}: {room} may not import {name}"


@pytest.mark.parametrize("path", sources("agent"), ids=module_of)
def test_the_agent_stays_light_flat_and_alone(path: Path) -> None:
    module = room_of(module_of(path))
    assert path.parent == ROOT / "agent"
    for name, _ in imports_of(path):
        library = name.split(".")[0]
        if library == "agent":
            callers = AGENT_CALLERS.get(room_of(name), {module})
            assert module in callers, f"{path.name}: only {sorted(callers)} may import {name}"
        elif library not in sys.stdlib_module_names:
            owners = AGENT_OWNERS.get(library, set())
            assert module in owners, f"{path.name}: {name} belongs to {sorted(owners)}"


@pytest.mark.parametrize("module", ["wire", "limits", "errors"])
def test_what_both_programs_or_all_modules_share_needs_nothing_itself(module: str) -> None:
    for name, _ in imports_of(ROOT / "agent" / f"{module}.py"):
        assert name.split(".")[0] in sys.stdlib_module_names, f"{module}: {name}"


def test_a_running_agent_needs_of_cryptography_only_signatures() -> None:
    names = {name for name, _ in imports_of(ROOT / "agent" / "keys.py")}
    signatures = "cryptography.hazmat.primitives.asymmetric.ed25519"
    assert {name for name in names if name.startswith("cryptography")} == {
        "cryptography.exceptions",
        signatures,
    }


@pytest.mark.parametrize("path", sources("deploy/stack"), ids=module_of)
def test_the_stack_takes_only_the_settings_and_the_inventory_from_the_bridge(path: Path) -> None:
    allowed = {"bridge.settings", "bridge.core", "bridge.__version__", "bridge"}
    for name, _ in imports_of(path):
        if name.split(".")[0] == "bridge":
            assert ".".join(name.split(".")[:2]) in allowed, name


@pytest.mark.parametrize("path", sources("deploy/image"), ids=module_of)
def test_the_image_takes_from_the_bridge_its_settings_and_the_keys_that_it_shows(
    path: Path,
) -> None:
    allowed = {"bridge.settings", "bridge.core.monitoring", "bridge.clients.authority"}
    for name, _ in imports_of(path):
        if name.split(".")[0] == "bridge":
            assert name.rpartition(".")[0] in {*allowed, "bridge.errors"} or name in allowed, name


def test_gen_config_runs_on_a_bare_python() -> None:
    for name, _ in imports_of(ROOT / "gen_config.py"):
        library = name.split(".")[0]
        assert library in sys.stdlib_module_names or name.startswith("bridge.core"), name
