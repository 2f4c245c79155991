from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.views.links import LONGEST, canonical_link, is_linkable
from sandbox.markup.links import check_link


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://prometheus.example.com:9090/graph?g0.expr=up", None),
        ("HTTPS://Example.COM", "https://example.com/"),
        ("http://192.0.2.7:9090?a=b", "http://192.0.2.7:9090/?a=b"),
        ("http://[2001:db8::1]:9090/#x", None),
        ("http://example.com/a b", "http://example.com/a%20b"),
        (" http://example.com/ ", "http://example.com/"),
        ("http://пример.рф/", None),
    ],
)
def test_an_address_telegram_follows_is_a_link(url: str, kept: str | None) -> None:
    assert canonical_link(url) == (kept or url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:9090/graph",
        "http://web-1:9090/",
        "http://./",
        "ftp://example.com/",
        "javascript:alert(1).example.com",
        "//example.com/",
        "docs/runbooks/agent_down.md",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:port/",
        "http://[::1/",
        "http://[::1%25eth0]/",
        "http://a b.example.com/",
        "http://user:secret@example.com/",
        "http://bank.example@evil.example/",
        "http://example.com/\u202egnp.exe",
        "http://example.com/\n",
        "http://example.com/\ud800",
        "http://example.com/" + "a" * LONGEST,
    ],
)
def test_any_other_address_is_none(url: str) -> None:
    # A newline at the end is white space, which Telegram takes away itself.
    assert is_linkable(url) is (url == "http://example.com/\n")


PIECES = st.sampled_from(["http://", "https://", "HTTP://", "::1", "localhost", "10.0.0.1"])
PIECES |= st.sampled_from(["example.com", "9090", "%20", "x=1", "é", "日本", "B", "a"])
PIECES |= st.sampled_from(list(".:/?#@[]% \\&_"))


@given(st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=20).map("http://a.b/".__add__))
def test_telegram_keeps_every_link_as_we_write_it(url: str) -> None:
    link = canonical_link(url)
    if link is not None:
        assert check_link(link) == link
        assert canonical_link(link) == link
