"""Orders that were taken are known for as long as anybody could repeat them."""

from __future__ import annotations

import asyncio
import resource
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import limits
from agent.nonces import Nonces, TooMany
from tests.agent.parties import NOON


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def spoil(path: Path, content: bytes | None) -> None:
    """Lose the file, or add to it what was never whole."""
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + content)


def block(path: Path) -> None:
    """Let nothing be written there any more."""
    path.unlink()
    path.mkdir()


def unblock(path: Path) -> None:
    path.rmdir()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    kept = tmp_path / "nonces"
    kept.write_bytes(b"")
    return kept


async def test_a_nonce_is_taken_once(path: Path) -> None:
    nonces = Nonces(path, now=NOON)
    assert await nonces.take("a", expires=NOON + 60, now=NOON)
    assert not await nonces.take("a", expires=NOON + 60, now=NOON)
    assert await nonces.take("b", expires=NOON + 60, now=NOON)


async def test_a_nonce_is_known_after_a_restart(path: Path) -> None:
    assert await Nonces(path, now=NOON).take("a", expires=NOON + 60, now=NOON)
    assert not await Nonces(path, now=NOON + 1).take("a", expires=NOON + 60, now=NOON + 1)


async def test_it_is_on_disk_before_anybody_hears_that_it_was_taken(path: Path) -> None:
    await Nonces(path, now=NOON).take("a", expires=NOON + 60, now=NOON)
    assert lines(path)[-1].endswith(f" {NOON + 60!r}")


def read(path: Path) -> bytes:
    return path.read_bytes()


async def test_what_a_nearly_full_disk_takes_a_part_of_is_not_on_disk(path: Path) -> None:
    nonces = Nonces(path, now=NOON)
    assert await nonces.take("a", expires=NOON + 60, now=NOON)
    before = read(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(OSError, match="No space"):
            await nonces.take("b", expires=NOON + 60, now=NOON)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(path) == before
    assert await nonces.take("c", expires=NOON + 60, now=NOON)
    again = Nonces(path, now=NOON)
    assert not await again.take("a", expires=NOON + 60, now=NOON)
    assert await again.take("d", expires=NOON + 60, now=NOON), "nothing of it counts as lost"


async def test_of_many_at_once_one_is_the_first(path: Path) -> None:
    nonces = Nonces(path, now=NOON)
    taken = await asyncio.gather(
        *(nonces.take("a", expires=NOON + 60, now=NOON) for _ in range(100))
    )
    assert sum(taken) == 1


async def test_a_clock_that_goes_back_opens_nothing_that_was_forgotten(path: Path) -> None:
    nonces = Nonces(path, now=NOON)
    await nonces.take("a", expires=NOON + 60, now=NOON)
    later = Nonces(path, now=NOON + 3600)
    assert await later.take("b", expires=NOON + 3660, now=NOON + 3600)
    back = Nonces(path, now=NOON)
    assert not await back.take("a", expires=NOON + 60, now=NOON)
    assert not await back.take("b", expires=NOON + 3660, now=NOON)
    assert not await back.take("c", expires=NOON + 60, now=NOON)


async def test_what_was_never_taken_is_let_in_although_the_clock_once_was_ahead(path: Path) -> None:
    """A clock that leaps a year ahead and back must not close the door for a year."""
    Nonces(path, now=NOON + 365 * 86400)
    assert await Nonces(path, now=NOON).take("a", expires=NOON + 60, now=NOON)


@pytest.mark.parametrize("torn", [b"forgotten 179578", b"0123"])
async def test_a_line_that_was_cut_off_never_ran_and_is_dropped(path: Path, torn: bytes) -> None:
    await Nonces(path, now=NOON).take("a", expires=NOON + 60, now=NOON)
    spoil(path, torn)
    nonces = Nonces(path, now=NOON + 1)
    assert not await nonces.take("a", expires=NOON + 60, now=NOON + 1)
    assert await nonces.take("b", expires=NOON + 60, now=NOON + 1)


@pytest.mark.parametrize("content", [None, b"nonsense\n", b"\xff\xff\n", b"forgotten nan\n"])
async def test_where_the_file_is_lost_whatever_could_have_been_in_it_counts_as_taken(
    path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(path, content)
    nonces = Nonces(path, now=NOON)
    assert not await nonces.take("a", expires=NOON + 65, now=NOON)
    assert await nonces.take("b", expires=NOON + 66, now=NOON + 6)
    assert "refused for a minute" in caplog.text


async def test_expired_ones_are_left_out_so_that_the_file_stays_small(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NONCES_WRITTEN", 10)
    nonces = Nonces(path, now=NOON)
    for second in range(200):
        assert await nonces.take(f"n{second}", expires=NOON + second + 1, now=NOON + second)
    assert len(lines(path)) <= 12
    again = Nonces(path, now=NOON + 199.5)
    for second in range(200):
        assert not await again.take(f"n{second}", expires=NOON + second + 1, now=NOON + second)


async def test_more_than_can_be_kept_apart_are_turned_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NONCES_KEPT", 3)
    nonces = Nonces(path, now=NOON)
    for each in "abc":
        await nonces.take(each, expires=NOON + 60, now=NOON)
    with pytest.raises(TooMany):
        await nonces.take("d", expires=NOON + 60, now=NOON)
    assert await nonces.take("d", expires=NOON + 120, now=NOON + 61)


async def test_what_could_not_be_written_counts_as_taken(path: Path) -> None:
    nonces = Nonces(path, now=NOON)
    block(path)
    with pytest.raises(OSError, match="directory"):
        await nonces.take("a", expires=NOON + 60, now=NOON)
    unblock(path)
    assert not await nonces.take("a", expires=NOON + 60, now=NOON)


def test_the_file_is_its_owners_alone(path: Path) -> None:
    path.chmod(0o644)
    Nonces(path, now=NOON)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(-120, 120), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_however_the_clock_wanders_and_the_agent_restarts_nothing_is_taken_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "nonces"
    path.write_bytes(b"")

    async def wander() -> None:
        nonces, now, taken = Nonces(path, now=NOON), NOON, set()
        for which, wait, restarts in steps:
            now += wait
            nonces = Nonces(path, now=now) if restarts else nonces
            expires = NOON + which * 20 + 60
            if now < expires and await nonces.take(f"n{which}", expires=expires, now=now):
                assert which not in taken
                taken.add(which)

    asyncio.run(wander())
