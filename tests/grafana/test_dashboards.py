"""The shipped dashboards are whole and readable, whatever Grafana would forgive."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from bridge import limits
from bridge.core.promql import CPU, DISK, LOAD, MEMORY
from tests.grafana.panels import PROPERTIES
from tests.grafana.schema import Dashboard
from tests.grafana.shipped import GRAFANA, NAMES, fill_in, panels, questions, read, selectors

SOURCE = "opswire-prometheus"
UIDS = {"fleet": "opswire-fleet", "host": "opswire-host", "opswire": "opswire-bridge"}
"""Bookmarks and the bot's links hold these for ever."""
GRAFANAS_OWN = {"__all", "__range", "__rate_interval", "__url_time_range", "__value", "__field"}

every_dashboard = pytest.mark.parametrize("name", NAMES)


def overrides(
    dashboard: Mapping[str, Any],
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for panel in panels(dashboard):
        for override in panel["fieldConfig"]["overrides"]:
            yield panel, override


def columns(panel: Mapping[str, Any]) -> set[str]:
    """Name the columns of a table as they are shown."""
    return {
        name
        for step in panel["transformations"]
        if step["id"] == "organize"
        for name in step["options"]["renameByName"].values()
    }


@every_dashboard
def test_a_dashboard_holds_what_grafana_documents_and_nothing_else(name: str) -> None:
    dashboard = read(name)
    Dashboard.model_validate(dashboard)
    for panel, override in overrides(dashboard):
        for each in override["properties"]:
            TypeAdapter(PROPERTIES[each["id"]]).validate_python(each["value"]), panel["title"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("panels", 0, "titel"), "x"),
        (("panels", 0, "title"), ""),
        (("panels", 0, "description"), "without an end"),
        (("panels", 0, "datasource", "uid"), "P1809F7CD0C75ACF3"),
        (("panels", 0, "fieldConfig", "defaults", "unit"), "furlongs"),
        (("panels", 0, "fieldConfig", "defaults", "thresholds", "steps", 0, "color"), "#1f60c4"),
        (("panels", 0, "targets", 0, "refId"), "A B"),
        (("panels", 0, "gridPos", "x"), 24),
        (("id",), 7),
        (("__inputs",), []),
        (("uid",), "aTXdRW8Vz"),
        (("templating", "list", 1, "multi"), "yes"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_slip_in_a_dashboard_is_seen(path: tuple[str | int, ...], value: object) -> None:
    dashboard = copy.deepcopy(read("fleet"))
    *way, last = path
    place: Any = dashboard
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(ValidationError):
        Dashboard.model_validate(dashboard)


@every_dashboard
def test_a_dashboard_is_known_by_a_name_that_a_person_chose(name: str) -> None:
    dashboard = read(name)
    assert dashboard["uid"] == UIDS[name]
    numbers = [each["id"] for each in dashboard["panels"]]
    titles = [each["title"] for each in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert len(set(titles)) == len(titles)
    for panel in panels(dashboard):
        asked = [target["refId"] for target in panel["targets"]]
        assert len(set(asked)) == len(asked)


@every_dashboard
def test_panels_stand_beside_each_other_in_reading_order(name: str) -> None:
    places = [each["gridPos"] for each in read(name)["panels"]]
    assert places == sorted(places, key=lambda at: (at["y"], at["x"]))
    for one, other in itertools.combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)
    assert all(each["x"] + each["w"] <= 24 for each in places)


@every_dashboard
def test_a_dashboard_names_no_machine_and_no_colour_of_one_theme(name: str) -> None:
    text = (GRAFANA / "dashboards" / f"{name}.json").read_text("utf-8")
    assert (
        re.findall(r"https?:|localhost|\d+\.\d+\.\d+\.\d+|#[0-9a-fA-F]{3,8}\b|rgba?\(", text) == []
    )
    assert "__inputs" not in text
    assert "DS_PROMETHEUS" not in text


@every_dashboard
def test_everything_that_a_panel_speaks_of_is_there(name: str) -> None:
    dashboard = read(name)
    for panel, override in overrides(dashboard):
        matcher = override["matcher"]
        asked = {target["refId"] for target in panel["targets"]}
        if matcher["id"] == "byFrameRefID":
            assert matcher["options"] in asked, panel["title"]
        elif panel["type"] == "table":
            assert matcher["options"] in columns(panel), panel["title"]
    for panel in panels(dashboard):
        text = json.dumps(panel.get("transformations", []))
        asked = {target["refId"] for target in panel["targets"]}
        assert set(re.findall(r"Value #(\w+)", text)) <= asked, panel["title"]
        if panel["type"] == "table":
            by_label = {"version", "ceiling"}  # what they tell stands in a label
            assert panel["options"]["sortBy"][0]["displayName"] in columns(panel)
            assert len(asked) == 1 or all(f"Value #{each}" in text for each in asked - by_label)


@every_dashboard
def test_every_variable_that_is_used_is_one_of_the_dashboard(name: str) -> None:
    dashboard = read(name)
    known = {each["name"] for each in dashboard["templating"]["list"]} | GRAFANAS_OWN
    used = re.findall(r"\$\{?(\w+)", json.dumps(dashboard))
    assert set(used) <= known
    assert {"datasource", "group", "host"} <= known


@every_dashboard
def test_every_curve_has_a_legend_and_every_axis_a_unit(name: str) -> None:
    for panel in panels(read(name)):
        assert panel["type"] == "table" or "unit" in panel["fieldConfig"]["defaults"]
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["showLegend"]
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
        for target in panel["targets"]:
            assert target["range"] is not target.get("instant", False)
            assert (target.get("format") == "table") == (panel["type"] == "table")


@every_dashboard
def test_what_is_looked_at_from_elsewhere_shows_when_alerts_fired(name: str) -> None:
    for annotation in read(name)["annotations"]["list"]:
        assert annotation["expr"].startswith('ALERTS{alertstate="firing", severity')


@every_dashboard
def test_dashboards_lead_to_each_other_and_keep_the_time(name: str) -> None:
    dashboard = read(name)
    [link] = dashboard["links"]
    assert set(link["tags"]) <= set(dashboard["tags"])
    uids = set(UIDS.values())
    for url in re.findall(r'"url": "(/d/[^"]*)"', json.dumps(dashboard)):
        where, _, chosen = url.removeprefix("/d/").partition("?")
        assert where.partition("/")[0] in uids
        assert chosen.startswith("var-datasource=${datasource}&var-host=${")
        assert chosen.endswith("&${__url_time_range}")


def test_a_host_of_the_fleet_leads_to_its_own_dashboard() -> None:
    [table] = [each for each in panels(read("fleet")) if each["title"] == "Hosts"]
    [url] = [
        link["url"]
        for override in table["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "Host"
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    ]
    assert url.startswith("/d/opswire-host/host?")
    assert "&var-host=${__value.text:percentencode}&" in url


@pytest.mark.parametrize("metric", [CPU, MEMORY, DISK, LOAD], ids=lambda metric: metric.key)
@pytest.mark.parametrize("name", ["fleet", "host"])
def test_a_threshold_is_a_dashed_line_beside_the_values_it_is_for(name: str, metric: Any) -> None:
    drawn = [
        panel
        for panel in panels(read(name))
        if panel["type"] == "timeseries"
        and any(metric.threshold in target["expr"] for target in panel["targets"])
    ]
    [panel] = drawn
    assert any(metric.lines[0].series in target["expr"] for target in panel["targets"])
    [style] = [
        {each["id"]: each["value"] for each in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "threshold"
    ]
    assert style["custom.lineStyle"]["fill"] == "dash"
    assert style["color"] == {"mode": "fixed", "fixedColor": "red"}


def test_the_line_of_a_chats_pace_is_what_a_group_takes() -> None:
    [panel] = [each for each in panels(read("opswire")) if each["title"] == "Pace of each chat"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps[-1]["value"] == limits.GROUP_CALLS.calls
    assert f"{limits.GROUP_CALLS.calls} a minute" in panel["description"]


def test_what_must_be_none_is_red_from_one_on() -> None:
    [panel] = [each for each in panels(read("opswire")) if each["title"] == "Unaccounted alerts"]
    assert "opswire_alerts_unaccounted" in panel["targets"][0]["expr"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
        {"color": "green", "value": None},
        {"color": "red", "value": 1},
    ]


def test_numbers_of_hosts_are_read_from_the_recorded_series_where_there_are_some() -> None:
    raw = re.compile(r"node_cpu_seconds|node_load\d|windows_")
    for name in NAMES:
        for question in questions(name, read(name)):
            assert not raw.search(question.expression), question.where


def test_the_source_is_the_one_that_the_dashboards_know() -> None:
    file = yaml.safe_load((GRAFANA / "provisioning/datasources/opswire.yml").read_text("utf-8"))
    [source] = file["datasources"]
    assert (source["uid"], source["type"], source["url"]) == (
        SOURCE,
        "prometheus",
        "${PROMETHEUS_URL}",
    )
    assert source["jsonData"]["timeInterval"] == "${SCRAPE_INTERVAL}"
    for name in NAMES:
        [chosen] = [
            each["current"]
            for each in read(name)["templating"]["list"]
            if each["name"] == "datasource"
        ]
        assert chosen == {"text": source["name"], "value": SOURCE}


def test_the_dashboards_are_where_grafana_is_told_to_look() -> None:
    file = yaml.safe_load((GRAFANA / "provisioning/dashboards/opswire.yml").read_text("utf-8"))
    [provider] = file["providers"]
    path = provider["options"]["path"]
    assert fill_in(path, {"GF_PATHS_PROVISIONING": "P"}) == "P/../dashboards"
    shipped = (GRAFANA / "provisioning" / ".." / "dashboards").resolve().glob("*.json")
    assert sorted(each.stem for each in shipped) == sorted(NAMES)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", ["up"]),
        ('sum by (host) (rate(a_total{x="}[5m]", y=~"[45].."}[5m])) or vector(0)', None),
        ("a and on (b) topk(5, avg_over_time(c[1h] @ end()))", ["a", "c"]),
        ("1e9 * host:up:since", ["host:up:since"]),
        (
            'label_replace(a{b="c"}, "d", "$1", "e", "(.*)") unless ignoring (f) g',
            ['a{b="c"}', "g"],
        ),
        ('a\n* on (b) group_left (c) d{e!=""}', ["a", 'd{e!=""}']),
    ],
)
def test_what_a_question_reads_is_found_in_it(expression: str, found: list[str] | None) -> None:
    assert selectors(expression) == (found or ['a_total{x="}[5m]", y=~"[45].."}'])
