# ruff: noqa: N815 - Grafana's names
"""What a dashboard may hold, as far as ours use it: nothing else, and nothing of another type.

Grafana passes over what it does not know, so a slip of the pen would only be seen by eye.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tests.grafana.panels import (
    Colour,
    GridPos,
    Name,
    Source,
    Stat,
    Strict,
    Table,
    Timeline,
    TimeSeries,
)


class Row(Strict):
    id: Annotated[int, Field(gt=0, lt=100)]
    type: Literal["row"]
    title: Name
    collapsed: Literal[False]
    """A panel of a folded row cannot be led to."""
    gridPos: GridPos
    panels: Annotated[list[Any], Field(max_length=0)]


class Chosen(Strict):
    text: str | list[str]
    value: str | list[str]


class SourceVariable(Strict):
    name: Literal["datasource"]
    label: Name
    description: Name
    type: Literal["datasource"]
    query: Literal["prometheus"]
    hide: Literal[0]
    skipUrlSync: Literal[False]
    current: Chosen
    multi: Literal[False]
    includeAll: Literal[False]
    regex: Literal[""]
    refresh: Literal[1]


class VariableQuery(Strict):
    qryType: Literal[1]
    query: Name
    refId: Name


class QueryVariable(Strict):
    name: Literal["group", "host", "bridge"]
    label: Name
    description: Name
    type: Literal["query"]
    datasource: Source
    hide: Literal[0]
    skipUrlSync: Literal[False]
    definition: Name
    query: VariableQuery
    regex: Literal[""]
    refresh: Literal[2]
    sort: Literal[5]
    multi: bool
    includeAll: bool
    allValue: Literal[".*"] | None = None
    current: Chosen | None = None


class Templating(Strict):
    list_: Annotated[
        list[Annotated[SourceVariable | QueryVariable, Field(discriminator="type")]],
        Field(alias="list"),
    ]


class Annotation(Strict):
    name: Name
    datasource: Source
    enable: Literal[True]
    hide: Literal[False]
    iconColor: Colour
    expr: Name
    step: Annotated[str, Field(pattern=r"^\d+s$")]
    titleFormat: Name
    textFormat: Name
    tagKeys: Name
    useValueForTime: Literal[False]


class Annotations(Strict):
    list_: Annotated[list[Annotation], Field(alias="list", min_length=1)]


class Link(Strict):
    type: Literal["dashboards"]
    title: Name
    tags: Annotated[list[Name], Field(min_length=1)]
    asDropdown: bool
    includeVars: Literal[True]
    keepTime: Literal[True]
    targetBlank: bool
    icon: Literal["external link"]
    tooltip: str


class Span(Strict):
    from_: Annotated[str, Field(alias="from", pattern=r"^now-\d+h$")]
    to: Literal["now"]


class TimePicker(Strict):
    pass


class Dashboard(Strict):
    uid: Annotated[str, Field(pattern=r"^opswire-[a-z]+$", max_length=40)]
    id: None
    title: Name
    description: Name
    tags: list[Name]
    schemaVersion: Literal[39]
    version: Literal[1]
    editable: bool
    graphTooltip: Literal[1]
    timezone: Literal["browser"]
    fiscalYearStartMonth: Literal[0]
    liveNow: Literal[False]
    weekStart: Literal[""]
    refresh: Annotated[str, Field(pattern=r"^\d+s$")]
    time: Span
    timepicker: TimePicker
    links: Annotated[list[Link], Field(min_length=1)]
    templating: Templating
    annotations: Annotations
    panels: list[Annotated[Stat | TimeSeries | Timeline | Table | Row, Field(discriminator="type")]]
