"""Web and mail addresses in running text.

Restates match_urls, fix_url and is_email_address in td MessageEntity.cpp. The list of top-level
domains, needed only for addresses without `http://`, is shorter than Telegram's: all country
codes, and the general names that are met in practice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

_BAD_END: Final = ".:;,('?!`"
_COUNTRY_CODES: Final = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn"
    " bo br bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de"
    " dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm"
    " gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo"
    " jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg"
    " mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu"
    " nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg"
    " sh si sj sk sl sm sn so sr st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt"
    " tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERAL_NAMES: Final = (
    "com net org edu gov mil int info biz name pro mobi asia jobs tel travel aero coop museum cat"
    " app dev page blog wiki cloud online site website store shop tech tools systems network email"
    " zone space live news media world today top xyz club link click help support chat social team"
    " group company agency studio design digital software host hosting domains codes engineering"
    " academy university school education community foundation finance bank money health care"
    " google amazon youtube microsoft arpa onion ton рф москва"
)
_TOP_LEVEL: Final = frozenset(f"{_COUNTRY_CODES} {_GENERAL_NAMES}".split())
_EMAIL: Final = re.compile(
    r"(?:[a-z0-9_-]{0,26}[.+]){0,10}[a-z0-9_-]{1,35}"
    r"@(?:[a-z0-9](?:[a-z0-9_-]{0,28}[a-z0-9])?\.){1,6}[a-z]{2,8}",
    re.IGNORECASE | re.ASCII,
)
_SCHEME: Final = re.compile(r"(?:https?|ftp|tonsite)://", re.IGNORECASE)
_IPV4: Final = re.compile(
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}"
    r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])",
)
_SCHEME_LENGTHS: Final = (("https", 8), ("http", 7), ("ftp", 6), ("tonsite", 10))
_FOREIGN_SCHEMES: Final = frozenset({"shttp", "tftp", "sftp"})
_LONGEST_LABEL: Final = 63
_HIGHEST_PORT: Final = 65_535
_BEYOND_LATIN1: Final = 0xC0


def find_urls(text: str) -> Iterator[tuple[int, int, bool]]:
    """Find addresses: where each begins and ends, and whether it is a mail address."""
    begin = 0
    while (dot := text.find(".", begin)) >= 0 and dot + 1 < len(text):
        if text[dot + 1] == " ":
            begin = dot + 2
            continue
        first, last, is_good = _match_around(text, begin, dot)
        if is_good:
            if last > dot + 1 and (found := _judge(text, first, last)):
                yield found
            while last < len(text) and text[last] == ".":
                last += 1
        else:
            while text[last - 1] != ".":
                last -= 1
        begin = max(last, dot + 1)


def _judge(text: str, first: int, last: int) -> tuple[int, int, bool] | None:
    address = text[first:last]
    if _EMAIL.fullmatch(address):
        return first, last, True
    if address.startswith("mailto:") and _EMAIL.fullmatch(address[7:]):
        return first + 7, last, True
    shown = _shorten(address)
    return (first, first + len(shown), False) if shown else None


def _match_around(text: str, begin: int, dot: int) -> tuple[int, int, bool]:
    """Stretch an address around a dot; say whether what stands before allows it."""
    first = _walk_back(text, dot, begin, _is_domain)
    last, has_at = _walk_domain(text, dot)
    if has_at:
        first = _walk_back(text, first, begin, _is_user)
    last = _take_path(text, _take_port(text, last))
    while last > dot + 1 and text[last - 1] == ".":
        last -= 1
    is_good = True
    if first > begin and text[first - 1] == "@":
        user = _walk_back(text, first - 1, begin, _is_user)
        is_good = not has_at and user != first - 1
        first = user
    if first > begin:
        first, is_allowed = _look_before(text, begin, first)
        is_good = is_good and is_allowed
    return first, last, is_good


def _look_before(text: str, begin: int, first: int) -> tuple[int, bool]:
    prefix = text[begin:first]
    if len(prefix) < len("ftp://") or not prefix.endswith("://"):
        char = prefix[-1]
        return first, not (_is_word(char) or char in "/#@")
    start = _walk_back(text, first - 3, begin, _is_scheme)
    scheme = text[start : first - 3].lower()
    if scheme in _FOREIGN_SCHEMES:
        return first, False
    for name, length in _SCHEME_LENGTHS:
        if scheme.endswith(name):
            return first - length, True
    return first, False


def _walk_back(text: str, at: int, begin: int, allowed: Callable[[str], bool]) -> int:
    while at > begin and allowed(text[at - 1]):
        at -= 1
    return at


def _walk_domain(text: str, at: int) -> tuple[int, bool]:
    has_at = False
    while at < len(text) and (text[at] == "@" or _is_domain(text[at])):
        has_at = has_at or text[at] == "@"
        at += 1
    return at, has_at


def _take_port(text: str, at: int) -> int:
    match = re.compile(r":0*([1-9][0-9]{0,4})(?![0-9])").match(text, at)
    return match.end() if match and int(match.group(1)) <= _HIGHEST_PORT else at


def _take_path(text: str, at: int) -> int:
    if at >= len(text) or text[at] not in "/?#":
        return at
    end = at + 1
    while end < len(text) and _is_path(text[end]):
        end += 1
    while end > at + 1 and text[end - 1] in _BAD_END:
        end -= 1
    return end if text[at] == "/" or end > at + 1 else at


def _shorten(address: str) -> str:
    """Cut an address at a bracket it never opened; return nothing when its domain is no domain."""
    scheme = _SCHEME.match(address)
    rest = address[scheme.end() :] if scheme else address
    cut = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    domain, path = rest[:cut], rest[cut:]
    domain = domain.partition("@")[2] if "@" in domain else domain
    domain = domain.rpartition(":")[0] if ":" in domain else domain
    end = _balanced_length(path)
    shown = address[: len(address) - len(path) + end]
    return shown if _is_domain_name(domain, has_scheme=scheme is not None) else ""


def _balanced_length(path: str) -> int:
    depth = dict.fromkeys("([{", 0)
    pairs = dict(zip(")]}", "([{", strict=True))
    end = len(path)
    for at, char in enumerate(path):
        if char in depth:
            depth[char] += 1
        elif char in pairs:
            depth[pairs[char]] -= 1
            if depth[pairs[char]] < 0:
                end = at
                break
    while end and path[end - 1] in _BAD_END:
        end -= 1
    return end


def _is_domain_name(domain: str, *, has_scheme: bool) -> bool:
    labels = domain.split(".")
    if len(labels) == 1 or domain.lower() == "teiegram.org":
        return False
    if any(not 0 < len(each.encode()) <= _LONGEST_LABEL or each.endswith("-") for each in labels):
        return False
    if _IPV4.fullmatch(domain):
        return True
    if all(char in "0123456789." for char in domain) or "_" in labels[-2]:
        return False
    return _is_top_level(labels[-1], has_scheme=has_scheme)


def _is_top_level(name: str, *, has_scheme: bool) -> bool:
    if len(name) <= 1:
        return False
    if name.startswith("xn--"):
        return re.fullmatch(r"xn--[A-Za-z0-9]{2,}", name) is not None
    if "_" in name or "-" in name:
        return False
    is_sentence = name[0].isupper() and name[1:].islower()  # "Done.Next" is no address
    return has_scheme or (name.lower() in _TOP_LEVEL and not is_sentence)


def _is_word(char: str) -> bool:
    return char == "_" or char.isalnum()


def _is_scheme(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in "+-"
    return not unicodedata.category(char).startswith("Z")


def _is_user(char: str) -> bool:
    return char not in "\n/[]{}()'`<>\"@\u00ab\u00bb" and _is_url_symbol(char)


def _is_domain(char: str) -> bool:
    if ord(char) < _BEYOND_LATIN1:
        return char.isascii() and (char.isalnum() or char in "._-~")
    return _is_url_symbol(char)


def _is_path(char: str) -> bool:
    return char not in '\n<>"\u00ab\u00bb' and _is_url_symbol(char)


def _is_url_symbol(char: str) -> bool:
    if "\u2000" <= char <= "\u206f":
        return char in "\u200c\u200d" or "\u2010" <= char <= "\u2015"
    return not unicodedata.category(char).startswith("Z")
