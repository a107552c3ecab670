"""Plotly figures as plain data (`data`, `layout`), and the tables that say the same.

Colours are of Okabe and Ito's palette, darkened to 3:1 on white; a second series differs by shape
or dash too, and what stands out is said in the label, so that no meaning is in a colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.analysis.intervals import Estimate, Unit

INK, MUTED, GRID = "#1b1f24", "#57606a", "#d0d7de"
BLUE, ORANGE, GREEN, PURPLE = "#0b5cad", "#b4500a", "#11734b", "#8a3b78"
SERIES = (
    (BLUE, "solid", "circle"),
    (ORANGE, "dash", "square"),
    (GREEN, "dot", "diamond"),
    (PURPLE, "dashdot", "triangle-up"),
    (INK, "longdash", "cross"),
)
ROW = 30
"""Pixels for each row of a bar chart."""
LINES_HEIGHT = 360

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its estimate, and the text at its end."""

    label: str
    estimate: Estimate
    text: str


@dataclass(frozen=True, slots=True)
class Spot:
    """One point of a quadrant chart; `sure` ones are filled."""

    label: str
    x: float
    y: float
    size: float = 1.0
    sure: bool = True


def bars(rows: Sequence[Bar], axis: str) -> Figure:
    """Horizontal bars with their intervals, the first on top."""
    values = [row.estimate.value * _scale(row.estimate.unit) for row in rows]
    low = [_below(row.estimate) for row in rows]
    high = [_above(row.estimate) for row in rows]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": [_wrapped(row.label) for row in rows],
        "marker": {"color": BLUE},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": high,
            "arrayminus": low,
            "color": INK,
            "thickness": 1.2,
            "width": 3,
        },
        "hovertext": [f"{row.label}: {row.text}" for row in rows],
        "hoverinfo": "text",
    }
    layout = _layout(90 + ROW * len(rows))
    layout["xaxis"] |= {"title": _title(axis), "zeroline": True}
    layout["yaxis"] |= {"autorange": "reversed", "ticksuffix": "  ", "showgrid": False}
    return {"data": [trace], "layout": layout}


def lines(
    days: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], axis: str
) -> Figure:
    """Lines over days; each has a dash and a marker of its own."""
    traces = []
    for number, (name, values) in enumerate(series):
        colour, dash, symbol = SERIES[number % len(SERIES)]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": list(days),
                "y": list(values),
                "line": {"color": colour, "dash": dash, "width": 2},
                "marker": {"symbol": symbol, "size": 7},
            }
        )
    layout = _layout(LINES_HEIGHT)
    layout["yaxis"] |= {"title": _title(axis), "rangemode": "tozero"}
    layout["xaxis"] |= {"tickformat": "%Y-%m-%d", "nticks": 6}
    layout["legend"] = {"orientation": "h", "y": -0.14, "yanchor": "top"}
    layout["margin"]["b"] = 84
    return {"data": traces, "layout": layout}


def grid(
    spots: Sequence[Spot],
    axes: tuple[str, str],
    borders: tuple[float, float],
    corners: tuple[str, str, str, str] = ("", "", "", ""),
) -> Figure:
    """Numbered points in four fields, named from the upper left clockwise; hollow points are not
    sure."""
    biggest = max((spot.size for spot in spots), default=1.0) or 1.0
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [spot.x for spot in spots],
        "y": [spot.y for spot in spots],
        # Names would cover each other, above all on a telephone: numbers, and a list below.
        "text": [f"{number}" for number in range(1, len(spots) + 1)],
        "textposition": "middle right",
        "textfont": {"size": 13, "color": INK},
        "hovertext": [f"{spot.label}: {spot.x:.2f}, {spot.y:.2f}" for spot in spots],
        "hoverinfo": "text",
        "cliponaxis": False,
        "marker": {
            "color": BLUE,
            "symbol": ["circle" if spot.sure else "circle-open" for spot in spots],
            "size": [9 + 11 * (spot.size / biggest) ** 0.5 for spot in spots],
            "line": {"width": 2, "color": BLUE},
            "opacity": 1,
        },
    }
    layout = _layout(460)
    xs, ys = [s.x for s in spots] + [borders[0]], [s.y for s in spots] + [borders[1]]
    layout["xaxis"] |= {"title": _title(axes[0]), "range": _range(xs), "zeroline": False}
    layout["yaxis"] |= {"title": _title(axes[1]), "range": _range(ys), "zeroline": False}
    line = {"color": MUTED, "dash": "dash", "width": 1}
    layout["shapes"] = [
        {"type": "line", "xref": "x", "yref": "paper", "x0": borders[0], "x1": borders[0],
         "y0": 0, "y1": 1, "line": line},
        {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1,
         "y0": borders[1], "y1": borders[1], "line": line},
    ]  # fmt: skip
    places = ((0.01, 0.99, "left", "top"), (0.99, 0.99, "right", "top"),
              (0.99, 0.01, "right", "bottom"), (0.01, 0.01, "left", "bottom"))  # fmt: skip
    layout["annotations"] = [
        {"text": f"<b>{text}</b>", "x": x, "y": y, "xref": "paper", "yref": "paper",
         "xanchor": left, "yanchor": top, "showarrow": False, "font": {"color": MUTED, "size": 13}}
        for text, (x, y, left, top) in zip(corners, places, strict=True)
        if text
    ]  # fmt: skip
    return {"data": [trace], "layout": layout}


def _layout(height: int) -> Figure:
    axis = {"gridcolor": GRID, "linecolor": MUTED, "automargin": True, "fixedrange": True}
    return {
        "height": height,
        "autosize": True,
        "margin": {"l": 10, "r": 24, "t": 16, "b": 56},
        "font": {"color": INK, "size": 13},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "xaxis": dict(axis),
        "yaxis": dict(axis),
        "showlegend": height == LINES_HEIGHT,
        "dragmode": False,
    }


def _title(text: str) -> Figure:
    return {"text": text, "font": {"size": 13, "color": MUTED}, "standoff": 8}


def _range(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    room = 0.18 * (high - low) or 0.1
    return [low - room, high + room]


def _wrapped(label: str, most: int = 22) -> str:
    """A long label in two lines, broken at the space nearest to its middle; cut if still long."""
    spaces = [place for place, letter in enumerate(label) if letter == " "]
    if len(label) <= most or not spaces:
        return _short(label, most + 4)
    middle = min(spaces, key=lambda place: abs(place - len(label) / 2))
    return f"{_short(label[:middle])}<br>{_short(label[middle + 1 :])}"


def _short(label: str, most: int = 26) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _scale(unit: Unit) -> float:
    return 100.0 if unit in {Unit.SHARE, Unit.SHARE_DIFFERENCE} else 1.0


def _below(estimate: Estimate) -> float:
    return max(estimate.value - estimate.low, 0.0) * _scale(estimate.unit)


def _above(estimate: Estimate) -> float:
    return max(estimate.high - estimate.value, 0.0) * _scale(estimate.unit)
