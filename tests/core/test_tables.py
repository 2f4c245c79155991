"""An answer of Prometheus as rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.answers import Answer, Kind, Value
from bridge.core.series import Series
from bridge.core.tables import tabulate, write_series, write_whole

LABELS = st.dictionaries(
    st.sampled_from(["__name__", "host", "job", "x"]), st.text(max_size=5), max_size=4
)


def vector(*labels: dict[str, str]) -> Answer:
    values = tuple(Value(labels=each, at=0, value=1.0) for each in labels)
    return Answer(kind=Kind.VECTOR, values=values)


def test_a_series_is_written_as_promql_would() -> None:
    assert (
        write_series({"__name__": "up", "job": 'a"b', "host": "x"}) == 'up{host="x", job="a\\"b"}'
    )
    assert write_series({"__name__": "up"}) == "up"
    assert write_series({}) == ""


def test_what_all_share_is_said_once() -> None:
    table = tabulate(vector({"__name__": "up", "host": "a"}, {"__name__": "up", "host": "b"}))
    assert table.shared == "up"
    assert [row.name for row in table.rows] == ["a", "b"]


def test_a_label_that_some_lack_is_not_shared() -> None:
    table = tabulate(vector({"host": "a", "job": "x"}, {"host": "b"}))
    assert table.shared == ""
    assert [row.name for row in table.rows] == ["host=a, job=x", "b"]


def test_a_single_series_is_all_shared() -> None:
    table = tabulate(vector({"__name__": "up", "host": "a"}))
    assert table.shared == 'up{host="a"}'
    assert [row.name for row in table.rows] == [""]


def test_a_file_has_every_value_as_it_came() -> None:
    answer = Answer(
        kind=Kind.MATRIX, series=(Series(labels={"host": "a"}, points=((1.0, 0.1), (2.5, 1e-9))),)
    )
    assert list(write_whole(answer)) == ['{host="a"}', "  1.000 0.1", "  2.500 1e-09"]


@given(found=st.lists(LABELS, unique_by=lambda each: tuple(sorted(each.items())), max_size=10))
def test_no_two_rows_look_alike_but_for_missing_labels(found: list[dict[str, str]]) -> None:
    table = tabulate(vector(*found))
    assert len(table.rows) == len(found)
    everywhere = set(found[0]) if found else set()
    if all(set(each) == everywhere and all(each.values()) for each in found):
        safe = all(
            "," not in value and "=" not in value and " " not in value
            for each in found
            for value in each.values()
        )
        if safe:
            assert len({row.name for row in table.rows}) == len(found)
