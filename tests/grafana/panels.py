# ruff: noqa: N815 - Grafana's names
"""Panels of a dashboard, as Grafana reads them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1)]
Colour = Literal["green", "orange", "red", "blue", "purple", "yellow", "text", "transparent"]
"""Words, not figures: each has a shade for dark and one for light."""
Unit = Literal[
    "none",
    "percent",
    "percentunit",
    "bytes",
    "Bps",
    "bps",
    "pps",
    "ops",
    "cpm",
    "s",
    "dateTimeFromNow",
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Source(Strict):
    type: Literal["prometheus"]
    uid: Literal["${datasource}"]


class GridPos(Strict):
    x: Annotated[int, Field(ge=0, lt=24)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(gt=0, le=24)]
    h: Annotated[int, Field(gt=0)]


class Target(Strict):
    refId: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")]
    editorMode: Literal["code"]
    expr: Name
    range: bool
    instant: bool = False
    format: Literal["time_series", "table"] = "time_series"
    legendFormat: str = ""


class Step(Strict):
    color: Colour
    value: int | float | None


class Thresholds(Strict):
    mode: Literal["absolute"]
    steps: Annotated[list[Step], Field(min_length=1)]


class FieldColour(Strict):
    mode: Literal["thresholds", "palette-classic", "fixed"]
    fixedColor: Colour | None = None


class Shown(Strict):
    text: Name
    color: Colour
    index: int


class Mapping(Strict):
    type: Literal["value"]
    options: dict[str, Shown]


class DataLink(Strict):
    title: Name
    url: Annotated[str, Field(pattern=r"^/d/opswire-[a-z]+/[a-z]+\?")]


class CellOptions(Strict):
    type: Literal["auto", "gauge", "color-text"]
    mode: Literal["basic"] | None = None
    valueDisplayMode: Literal["text"] | None = None


class LineStyle(Strict):
    fill: Literal["dash"]
    dash: list[int]


class Stacking(Strict):
    mode: Literal["none", "normal"]
    group: Literal["A"]


class ThresholdsStyle(Strict):
    mode: Literal["off", "dashed"]


class Custom(Strict):
    """What a kind of panel adds to a field."""

    drawStyle: Literal["line"] | None = None
    lineWidth: int | None = None
    lineInterpolation: Literal["linear"] | None = None
    fillOpacity: Annotated[int, Field(ge=0, le=100)] | None = None
    gradientMode: Literal["none"] | None = None
    showPoints: Literal["never"] | None = None
    spanNulls: Literal[False] = False
    axisBorderShow: bool | None = None
    axisPlacement: Literal["auto"] | None = None
    axisSoftMax: int | None = None
    stacking: Stacking | None = None
    thresholdsStyle: ThresholdsStyle | None = None
    align: Literal["auto"] | None = None
    inspect: bool | None = None
    cellOptions: CellOptions | None = None


class Defaults(Strict):
    unit: Unit | None = None
    decimals: int | None = None
    min: int | None = None
    max: int | None = None
    noValue: Name | None = None
    color: FieldColour
    thresholds: Thresholds | None = None
    mappings: list[Mapping] | None = None
    links: list[DataLink] | None = None
    custom: Custom | None = None


class Matcher(Strict):
    id: Literal["byName", "byFrameRefID"]
    options: Name


class Property(Strict):
    id: Name
    value: Any


PROPERTIES: dict[str, Any] = {
    "unit": Unit,
    "decimals": int,
    "min": int,
    "max": int,
    "noValue": str,
    "color": FieldColour,
    "thresholds": Thresholds,
    "mappings": list[Mapping],
    "links": list[DataLink],
    "custom.width": int,
    "custom.lineWidth": int,
    "custom.lineStyle": LineStyle,
    "custom.fillOpacity": int,
    "custom.transform": Literal["negative-Y"],
    "custom.cellOptions": CellOptions,
}
"""What an override may change, and what to."""


class Override(Strict):
    matcher: Matcher
    properties: Annotated[list[Property], Field(min_length=1)]


class FieldConfig(Strict):
    defaults: Defaults
    overrides: list[Override]


class Legend(Strict):
    displayMode: Literal["list", "table"]
    placement: Literal["bottom"]
    showLegend: bool
    calcs: list[Literal["lastNotNull", "mean", "max", "min"]]


class Tooltip(Strict):
    mode: Literal["single", "multi"]
    sort: Literal["none", "desc"]


class Reduce(Strict):
    calcs: list[Literal["lastNotNull"]]
    fields: Literal[""]
    values: Literal[False]


class StatOptions(Strict):
    graphMode: Literal["none"]
    colorMode: Literal["value", "background"]
    justifyMode: Literal["auto"]
    textMode: Literal["auto", "value_and_name", "name"]
    wideLayout: bool
    showPercentChange: bool
    percentChangeColorMode: Literal["standard"]
    orientation: Literal["auto"]
    reduceOptions: Reduce


class SeriesOptions(Strict):
    legend: Legend
    tooltip: Tooltip


class TimelineOptions(SeriesOptions):
    showValue: Literal["never"]
    rowHeight: float
    mergeValues: bool
    alignValue: Literal["left"]


class Footer(Strict):
    show: bool
    reducer: list[Literal["sum"]]
    countRows: bool


class SortBy(Strict):
    displayName: Name
    desc: bool


class TableOptions(Strict):
    frameIndex: Literal[0]
    showHeader: bool
    cellHeight: Literal["sm"]
    footer: Footer
    sortBy: list[SortBy]


class Join(Strict):
    byField: Name
    mode: Literal["outer"]


class Include(Strict):
    names: list[str] | None = None
    pattern: str | None = None


class Filter(Strict):
    include: Include


class Organize(Strict):
    excludeByName: dict[str, bool]
    includeByName: dict[str, bool]
    indexByName: dict[str, int]
    renameByName: dict[str, str]


class JoinStep(Strict):
    id: Literal["joinByField"]
    options: Join


class FilterStep(Strict):
    id: Literal["filterFieldsByName"]
    options: Filter


class OrganizeStep(Strict):
    id: Literal["organize"]
    options: Organize


class Panel(Strict):
    id: Annotated[int, Field(gt=0, lt=100)]
    title: Name
    description: Annotated[str, Field(pattern=r"\.$")]
    pluginVersion: Name
    datasource: Source
    gridPos: GridPos
    targets: Annotated[list[Target], Field(min_length=1)]
    fieldConfig: FieldConfig


class Stat(Panel):
    type: Literal["stat"]
    options: StatOptions


class TimeSeries(Panel):
    type: Literal["timeseries"]
    options: SeriesOptions


class Timeline(Panel):
    type: Literal["state-timeline"]
    options: TimelineOptions


class Table(Panel):
    type: Literal["table"]
    options: TableOptions
    transformations: list[
        Annotated[JoinStep | FilterStep | OrganizeStep, Field(discriminator="id")]
    ]
