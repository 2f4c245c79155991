from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.quoting import quote_regex, quote_value


def read_string(written: str) -> str:
    """Read a PromQL string back as Prometheus does, in the few escapes that we write."""
    assert written[0] == written[-1] == '"'
    text, rest = "", written[1:-1]
    while rest:
        if not rest.startswith("\\"):
            text, rest = text + rest[0], rest[1:]
        elif rest[1] == "u":
            text, rest = text + chr(int(rest[2:6], 16)), rest[6:]
        else:
            assert rest[1] in '\\"'
            text, rest = text + rest[1], rest[2:]
    return text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_label_value_ever_leaves_its_quotes(text: str) -> None:
    written = quote_value(text)
    assert read_string(written) == text
    assert "\n" not in written


@given(st.text('\\.+*?()|[]{}^$a"\n'))
def test_a_quoted_name_is_put_whole_between_the_bars(text: str) -> None:
    quoted = quote_regex(text)
    assert quoted.replace("\\\\", "").replace("\\|", "").count("|") == 0
