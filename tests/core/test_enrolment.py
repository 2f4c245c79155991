from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.access import EVERYWHERE, Person, Role, Scope, parse_scope
from bridge.core.enrolment import (
    NOBODY,
    Code,
    Grant,
    Purpose,
    digest_code,
    is_code,
    judge_code,
    parse_user,
    require_sensible,
    write_code,
    write_line,
    write_link,
)
from bridge.errors import Expired, Mistake, Refused
from tests.fakes.clock import NOON

ADA, BOB = 1001, 1002
DB, WEB = parse_scope(["group=db"]), parse_scope(["group=web"])
BOTH = parse_scope(["group=db", "group=web"])
CODE = Code(
    purpose=Purpose.PERSON,
    grant=Grant(role=Role.OPERATOR),
    expires_at=NOON + limits.CODE_LIFE,
)


def judge(
    code: Code | None = CODE,
    *,
    held: Person | None = None,
    has_admin: bool = True,
    after: timedelta = timedelta(),
) -> Grant:
    return judge_code(code, user_id=BOB, held=held, has_admin=has_admin, now=NOON + after).grant


def holding(role: Role, scope: Scope = EVERYWHERE) -> Person:
    return Person(user_id=BOB, role=role, scope=scope)


@given(st.binary(min_size=16, max_size=16))
def test_a_code_is_22_letters_that_a_link_of_telegram_may_carry(chance: bytes) -> None:
    code = write_code(chance)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", code)
    assert is_code(code)
    assert len(write_link(code, "opswire_bot").partition("start=")[2]) <= 64


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_no_two_codes_are_alike(one: bytes, other: bytes) -> None:
    assert (write_code(one) == write_code(other)) == (one == other)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_code_is_never_made_of_less_chance(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        write_code(b"x" * length)


@pytest.mark.parametrize("word", ["", "x" * 21, "x" * 23, "x" * 21 + "é", "x" * 21 + "\n"])
def test_other_words_are_no_codes(word: str) -> None:
    assert not is_code(word)


def test_what_is_kept_of_a_code_does_not_give_it_away() -> None:
    code = write_code(bytes(range(16)))
    digest = digest_code(code)
    assert len(digest) == 64
    assert code not in digest
    assert digest_code(code) == digest != digest_code(code[:-1] + "x")


def test_a_code_is_handed_over_as_a_link_or_as_a_line() -> None:
    code = write_code(b"\0" * 16)
    assert write_link(code, "opswire_bot") == f"https://t.me/opswire_bot?start={code}"
    assert write_line(code) == f"/start {code}"


@pytest.mark.parametrize("bot", ["", "a b", "evil/../x", "bot?x=1", "x" * 33, "1bot"])
def test_no_link_is_made_of_what_is_no_bots_name(bot: str) -> None:
    with pytest.raises(ValueError, match="no bot's name"):
        write_link("x" * 22, bot)


def test_a_code_gives_what_it_was_made_for() -> None:
    assert judge() == Grant(role=Role.OPERATOR)
    assert judge(held=holding(Role.VIEWER)) == Grant(role=Role.OPERATOR)
    assert judge(after=limits.CODE_LIFE - timedelta(seconds=1)) == CODE.grant


@pytest.mark.parametrize(
    ("code", "after", "words"),
    [
        (replace(CODE, used_at=NOON, used_by=ADA), timedelta(), "used by somebody"),
        (replace(CODE, used_at=NOON, used_by=BOB), timedelta(), "used this link already"),
        (CODE, limits.CODE_LIFE, "too old"),
        (CODE, timedelta(days=400), "too old"),
        (replace(CODE, purpose=Purpose.FIRST_ADMIN), timedelta(), "an admin by now"),
    ],
)
def test_a_code_that_is_used_old_or_dead_gives_nothing(
    code: Code, after: timedelta, words: str
) -> None:
    with pytest.raises(Expired, match=words):
        judge(code, after=after)


def test_an_unknown_code_gives_nothing() -> None:
    with pytest.raises(Mistake, match="unknown"):
        judge(None)


def test_the_first_admins_link_works_as_long_as_there_is_none() -> None:
    code = replace(CODE, purpose=Purpose.FIRST_ADMIN, grant=Grant(role=Role.ADMIN))
    assert judge(code, has_admin=False) == Grant(role=Role.ADMIN)


@pytest.mark.parametrize(
    ("held", "given"),
    [
        (holding(Role.ADMIN), Grant(role=Role.VIEWER)),
        (holding(Role.ADMIN), Grant(role=Role.OPERATOR, scope=DB)),
        (holding(Role.OPERATOR), Grant(role=Role.OPERATOR)),
        (holding(Role.OPERATOR, BOTH), Grant(role=Role.VIEWER, scope=DB)),
    ],
)
def test_a_link_that_gives_nothing_stays_good_for_somebody_else(held: Person, given: Grant) -> None:
    with pytest.raises(Refused, match="already; the link is still good"):
        judge(replace(CODE, grant=given), held=held)


@pytest.mark.parametrize(
    ("held", "given"),
    [
        (holding(Role.VIEWER), Grant(role=Role.OPERATOR, scope=DB)),
        (holding(Role.VIEWER, WEB), Grant(role=Role.OPERATOR, scope=DB)),
        (holding(Role.OPERATOR, DB), Grant(role=Role.VIEWER)),
        (holding(Role.OPERATOR, BOTH), Grant(role=Role.OPERATOR, scope=parse_scope(["rack=7"]))),
    ],
)
def test_a_link_never_takes_anything_away(held: Person, given: Grant) -> None:
    with pytest.raises(Refused, match="take something"):
        judge(replace(CODE, grant=given), held=held)


@pytest.mark.parametrize(
    ("held", "given"),
    [
        (holding(Role.VIEWER, DB), Grant(role=Role.VIEWER, scope=BOTH)),
        (holding(Role.VIEWER, DB), Grant(role=Role.ADMIN)),
        (holding(Role.OPERATOR, DB), Grant(role=Role.OPERATOR)),
    ],
)
def test_a_link_may_widen_what_somebody_sees(held: Person, given: Grant) -> None:
    assert judge(replace(CODE, grant=given), held=held) == given


@given(st.sampled_from(Role), st.sampled_from([EVERYWHERE, DB, WEB, BOTH]))
def test_a_grant_is_read_as_it_was_written(role: Role, scope: Scope) -> None:
    grant = Grant(role=role, scope=scope)
    assert Grant.from_json(grant.to_json()) == grant


def test_a_grant_is_shown_as_it_is_typed() -> None:
    assert str(Grant(role=Role.OPERATOR, scope=DB)) == "operator group=db"
    assert str(Grant(role=Role.ADMIN)) == "admin"


@pytest.mark.parametrize("word", ["52341678", "0052341678"])
def test_a_persons_number_is_read(word: str) -> None:
    assert parse_user(word) == 52341678


@pytest.mark.parametrize(
    "word", ["", "0", "-1001", "@ada", "1" * 17, "12a", "٣", *map(str, NOBODY)]
)
def test_what_is_no_persons_number_is_refused(word: str) -> None:
    with pytest.raises(Mistake):
        parse_user(word)


def test_an_admin_is_never_limited_to_some_hosts() -> None:
    with pytest.raises(Mistake, match="an admin sees every host"):
        require_sensible(Grant(role=Role.ADMIN, scope=DB))
    require_sensible(Grant(role=Role.OPERATOR, scope=DB))
    require_sensible(Grant(role=Role.ADMIN))
