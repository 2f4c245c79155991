from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from bridge.core.formatted import Entity, Formatted
from bridge.views.markup import TemplateFault, parse_markup, plain, shorten


@pytest.mark.parametrize(
    ("markup", "formatted"),
    [
        ("a &lt;b&gt; &amp;amp; c", Formatted("a <b> &amp; c")),
        ("🔥<b>bold</b>", Formatted("🔥bold", (Entity("bold", 2, 4),))),
        ("<i>a</i><u>b</u><s>c</s>", None),
        ("<code>x</code><br>y<br/>z", Formatted("x\ny\nz", (Entity("code", 0, 1),))),
        ("<pre>a\n b</pre>", Formatted("a\n b", (Entity("pre", 0, 4),))),
        (
            '<pre><code class="language-promql">up</code></pre>',
            Formatted("up", (Entity("pre", 0, 2, language="promql"),)),
        ),
        (
            '<a href="http://a.example/?x=1&amp;y=2">Query</a>',
            Formatted("Query", (Entity("text_link", 0, 5, url="http://a.example/?x=1&y=2"),)),
        ),
        ('<a href="http://localhost:9090/">Query</a>', Formatted("Query")),
        (
            "<blockquote expandable><b>a</b> <code>b</code></blockquote>",
            Formatted(
                "a b",
                (
                    Entity("expandable_blockquote", 0, 3),
                    Entity("bold", 0, 1),
                    Entity("code", 2, 1),
                ),
            ),
        ),
        ("<b></b>x", Formatted("x")),
        ("<b>a</b><b>b</b>", Formatted("ab", (Entity("bold", 0, 2),))),
        (" \n<b> x </b>\n", Formatted("x", (Entity("bold", 0, 1),))),
    ],
)
def test_markup_becomes_text_and_entities(markup: str, formatted: Formatted | None) -> None:
    parsed = parse_markup(markup)
    if formatted is None:
        assert [each.kind for each in parsed.entities] == ["italic", "underline", "strikethrough"]
    else:
        assert parsed == formatted


@pytest.mark.parametrize(
    "markup",
    [
        "<host>",
        "<script>x</script>",
        "<b>a",
        "a</b>",
        "<b><i>a</b></i>",
        "<b/>",
        "<!-- a -->",
        "<!doctype html>",
        "<?php ?>",
        "<![CDATA[a]]>",
        "<b><code>a</code></b>",
        "<code><b>a</b></code>",
        "<b>a<b>b</b></b>",
        "<blockquote><blockquote>a</blockquote></blockquote>",
        "<b><blockquote>a</blockquote></b>",
    ],
)
def test_what_telegram_would_refuse_or_drop_is_a_templates_fault(markup: str) -> None:
    with pytest.raises(TemplateFault):
        parse_markup(markup)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain text, ünïcode, 日本語, עברית", None),
        ("a\x00b\x1b[31m", "a\\u0000b\\u001b[31m"),
        ("a\tb", "a b"),
        ("a\nb\r\nc\rd", "a⏎b⏎c⏎d"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("zero\u200bwidth\u00ad\ufeff", "zero\\u200bwidth\\u00ad\\ufeff"),
        ("ad\u200dmin", "ad\\u200dmin"),
        ("日\u200d\u202e本", "日\\u200d\\u202e本"),
        ("\ud800 alone \udfff", "\ufffd alone \ufffd"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164", "\\u3164"),
        ("👨‍👩‍👧‍👦 ❤️‍🔥 1️⃣ 🇹🇼", None),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("می‌خواهم", None),
        ("e\u0301 and \u1ea5", None),
        ("A\u030angstro\u0308m", "Ångström"),
        ("q\u030a", "q\\u030a"),
        ("a\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301\\u0301\\u0301"),
        ("{{ x }} {% y %} %s %(z)s $x ${x} \\u202e", None),
    ],
)
def test_foreign_text_shows_what_it_holds(value: str, shown: str | None) -> None:
    assert plain(value) == (value if shown is None else shown)


def test_lines_stay_where_they_are_wanted() -> None:
    assert plain("a\r\nb\rc\n\td", lines=True) == "a\nb\nc\n d"


def test_an_over_long_value_says_how_much_is_left_out() -> None:
    assert shorten("x" * 100_000, 60) == ("x" * 60, 99_940)


def test_a_value_full_of_escapes_keeps_its_bound_and_its_count() -> None:
    shown, left_out = shorten("\x00" * 1000, 60)
    assert shown == "\\u0000" * (1000 - left_out)
    assert 50 < len(shown) <= 60


def test_shortening_takes_no_person_from_a_family() -> None:
    assert shorten("ab👨‍👩‍👧‍👦", 5) == ("ab", 7)


@given(st.text())
def test_harmless_text_stays_as_it_is(value: str) -> None:
    once = plain(value, lines=True)
    assert plain(once, lines=True) == once
    once.encode()


@given(st.text(), st.integers(0, 30))
def test_a_shortened_value_keeps_its_bound(value: str, limit: int) -> None:
    shown, left_out = shorten(value, limit)
    assert len(shown) <= limit
    assert 0 <= left_out <= len(value)


@given(st.text())
def test_an_escaped_value_renders_literally(value: str) -> None:
    parsed = parse_markup(f"|<code>{escape(value)}</code>|")
    assert parsed.text == f"|{plain(value, lines=True)}|"
