"""Charts made for print: a finding for a title, direct labels, dots with intervals, readable in grey."""

import textwrap
from collections.abc import Sequence, Sized
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from placelib.gate import UNRELIABLE, Table
from placelib.publish.figure import INK, QUIET, RULE, STYLE, Figure, Page, describe, open_page
from placelib.publish.tables import as_text, listed, published, show

ROW, HEAD, TAIL = 0.2, 0.36, 0.46  # inches: a row, what stands above the rows, the axis below them
NAME_LETTERS = 42
SMALLEST_RATIO, RATIO_TICKS = 0.1, (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 8)
SURE = "among the five with greatest need"
SURE_OF = {1: "it", 2: "both", 3: "all three", 4: "all four", 5: "all five"}
LINE = "Dot: the figure; line: where the true figure may lie."
COMPARED = "Dot: this place; line: where it may lie, allowing for chance. Hollow dots: no clear difference."
ANSWERED = "Dot: share of those who answered; tick: share of the people who live here."


def rank_dots(table: Table, value: str = "rank", *, label: str = "", title: str = "") -> Figure:
    """Draw ranked dots with their intervals: rank 1, or the highest value, at the top.

    Parameters
    ----------
    table : Table
        One row a ward or group. Rows of the place and of England (`area_type`), or of everyone (`category`
        "all" among groups), become thin lines to compare with. Intervals are `<value>_lower` and
        `<value>_upper`, or `lower` and `upper`, where the table has them. Rows without a value keep their
        mark; modelled values (`basis`) and unreliable ones (`mark`) are hollow.
    value : str
        The column to draw: a rank (1 = greatest need), a score, or the value of one indicator.
    label : str
        The column that names the rows; `area_name` or `ward_name` without it.
    title : str
        The finding; made from the table's own cells without it.

    Returns
    -------
    Figure

    Raises
    ------
    DisclosureError
        The table has not passed the gate.
    """
    frame, finding = published(table), title or find(table, value, label=label)
    label, (lower, upper) = label or namer(frame), interval(frame, value)
    rows, lines = ranked(frame, value, label=label)
    words = as_text(rows, value)
    if lower:
        span = "  (" + as_text(rows, lower) + " to " + as_text(rows, upper) + ")"
        words += span.where(rows[lower].notna(), "")
    shown = table.where(lambda every: every.index.isin([*rows.index, *lines.index]))
    data = show(shown, [label, value, *([lower, upper] if lower else [])], caption=finding, rows=len(frame))
    with mpl.rc_context(STYLE):
        page = open_page(finding, [table], data, height=_tall(rows, lines), reading=_reading(rows, lower))
        axes = _row_axes(page, rows[label], words, across=3.3)
        dots(axes, rows[value], interval=(rows.get(lower), rows.get(upper)), hollow=hollow(rows))
        _reference_lines(axes, lines[value], [name.replace("All", "Everyone") for name in lines[label]])
        axes.set_xlabel("Rank (1 is greatest need)" if value == "rank" else unit(frame))
    leaders = listed([f"{name} {text}" for name, text in zip(rows[label][:5], words[:5], strict=True)])
    return Figure(page.canvas, describe(table, finding, f"Ranked dots with intervals, from the top: {leaders}."), data)


def compare_dots(comparisons: Table, comparator: str = "England", *, title: str = "") -> Figure:
    """Draw the place against a comparator, one row an indicator, as how many times the comparator's value.

    Parameters
    ----------
    comparisons : Table
        indicator, comparator, value, comparator_value, lower and upper (of the difference, in the indicator's
        own unit; missing where there is no interval), verdict, unit; `direction` where some indicators are
        better when higher: those are turned round, so that worse is always to the right.
    comparator : str
        Which comparator. Rows without a value on either side are left out.
    title : str
        The finding; made from the verdicts without it.

    Returns
    -------
    Figure
        Ratios on a scale of equal proportions, worse to the right, each verdict in a word.
    """
    published(comparisons)
    table = comparisons.where(
        lambda frame: frame["comparator"].eq(comparator) & (frame["value"] > 0) & (frame["comparator_value"] > 0)
    )
    frame = table.frame
    base, finding = frame["comparator_value"], title or _verdicts(frame, comparator)
    turned = np.where(frame.get("direction", pd.Series("", frame.index)) == "higher is better", -1, 1)
    ends = {name: (1 + frame[name] / base).clip(lower=SMALLEST_RATIO) ** turned for name in ("lower", "upper")}
    rows = frame.assign(ratio=(frame["value"] / base) ** turned, **ends).sort_values("ratio", ascending=False)
    verdict = frame["verdict"].where(frame["verdict"].isin(["worse", "better"]), "unclear")
    words = verdict + ":  " + as_text(frame, "value") + " against " + as_text(frame, "comparator_value")
    columns = ["indicator", "value", "comparator_value", "verdict", "unit"]
    data = show(table, columns, names={"comparator_value": comparator}, caption=finding, rows=len(frame))
    with mpl.rc_context(STYLE):
        page = open_page(finding, [table], data, height=_tall(rows, rows), reading=[COMPARED])
        axes = _row_axes(page, rows.get("short_name", rows["indicator"]), words[rows.index], across=3.1)
        axes.set_xscale("log", base=2)
        dots(axes, rows["ratio"], interval=(rows["lower"], rows["upper"]), hollow=verdict[rows.index] == "unclear")
        _reference_lines(axes, pd.Series([1.0]), [f"same as {comparator}"])
        low, high = axes.get_xlim()
        ticks = [tick for tick in RATIO_TICKS if low < tick < high]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel(f"← better     times {comparator}'s figure     worse →")
    return Figure(page.canvas, describe(table, finding, f"Dots right of the line are worse than {comparator}."), data)


def response_dots(table: Table, characteristics: Sequence[str] = (), *, title: str = "") -> Figure:
    """Draw who answered against who lives here, group by group.

    Parameters
    ----------
    table : Table
        characteristic, characteristic_name, category_name, sample_pct and population_pct, a row a group. Groups
        without a population to compare with are left out.
    characteristics : sequence of str
        Which to draw; all without it.
    title : str
        The finding; made from the table's own cells without it.

    Returns
    -------
    Figure
    """
    everything = published(table)["characteristic"].unique()
    wanted = list(characteristics) or list(everything)
    chosen = table.where(lambda frame: frame["population_pct"].notna() & frame["characteristic"].isin(wanted))
    rows, finding = chosen.frame, title or _least_heard(chosen.frame)
    words = as_text(rows, "sample_pct") + "% of answers, " + as_text(rows, "population_pct") + "% of people"
    columns = ["category_name", "characteristic_name", "sample_pct", "population_pct"]
    data = show(chosen, columns, caption=finding, rows=len(rows))
    first = ~rows["characteristic"].duplicated()
    with mpl.rc_context(STYLE):
        page = open_page(finding, [chosen], data, height=_tall(rows, []), reading=[ANSWERED])
        names = rows["category_name"].mask(first, rows["characteristic_name"] + ": " + rows["category_name"])
        axes = _row_axes(page, names, words, across=2.7)
        ends = rows[["sample_pct", "population_pct"]]
        dots(
            axes, rows["sample_pct"], interval=(ends.min(axis=1), ends.max(axis=1)), hollow=~rows.index.isin(rows.index)
        )
        axes.plot(rows["population_pct"], range(len(rows)), "|", color=INK, markersize=9, markeredgewidth=1.6)
        for edge in np.flatnonzero(first)[1:]:
            axes.axhline(edge - 0.5, color=QUIET, linewidth=0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("Per cent")
    return Figure(page.canvas, describe(chosen, finding, "Dots for those who answered, ticks for residents."), data)


def namer(frame: pd.DataFrame) -> str:
    """Name the column that names the areas of a table."""
    return "area_name" if "area_name" in frame else "ward_name"


def ranked(frame: pd.DataFrame, value: str, *, label: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the rows to rank (wards, or groups where there are none), in order, from those to compare with."""
    area = frame.get("area_type", pd.Series("ward", frame.index))
    everyone = frame.get("category", pd.Series("all", frame.index)).eq("all")
    wards, groups = area.eq("ward") & everyone, area.eq("place") & ~everyone
    rows = frame[wards if wards.any() else groups].sort_values([value, label], ascending=[value == "rank", True])
    return rows, frame[everyone & area.isin(["place", "england"])].dropna(subset=[value])


def interval(frame: pd.DataFrame, value: str) -> tuple[str, str]:
    """Name the columns that bound a value; empty where there are none."""
    pairs = ((f"{value}_lower", f"{value}_upper"), ("lower", "upper"))
    known = [pair for pair in pairs if pair[0] in frame and frame[pair[0]].notna().any()]
    return (*known, ("", ""))[0]


def find(table: Table, value: str, *, label: str = "") -> str:
    """State what a table shows, from its own cells alone.

    Examples
    --------
    >>> from placelib.gate import open_table
    >>> frame = pd.DataFrame({"ward_name": ["Wish", "Regency"], "rank": [2, 1], "sure": ["", SURE]})
    >>> find(open_table(frame, "Need"), "rank")
    'Regency is among the five wards that need most, and we are sure of it'
    """
    frame = published(table)
    label = label or namer(frame)
    rows = ranked(frame, value, label=label)[0].dropna(subset=[value])
    if rows.empty:
        return "There are no figures to show"
    if "sure" not in rows:
        return _highest(rows, value, label=label)
    sure = rows.loc[rows["sure"] == SURE, label].tolist()
    if not sure:
        return f"{rows[label].iloc[0]} ranks first for need, but we cannot be sure which five wards need most"
    verb = "is" if len(sure) == 1 else "are"
    return f"{listed(sure)} {verb} among the five wards that need most, and we are sure of {SURE_OF[len(sure)]}"


def _highest(rows: pd.DataFrame, value: str, *, label: str) -> str:
    first, others = rows.iloc[0], rows.iloc[1:]
    lower, upper = interval(rows, value)
    what = f"{rows['short_name'].iloc[0]}: " if "short_name" in rows else ""
    if not lower or pd.isna(first[lower]):
        return f"{what}highest in {first[label]}, lowest in {rows[label].iloc[-1]}"
    close = int((others[upper] >= first[lower]).sum())
    as_high = f"but {close} other{'s' * (close > 1)} may be as high" if close else "clearly above every other"
    return f"{what}highest in {first[label]}, {as_high}"


def _verdicts(frame: pd.DataFrame, comparator: str) -> str:
    if frame.empty:
        return f"There is no figure for {comparator} to compare with"
    worse, better, unclear = (frame["verdict"].eq(word).sum() for word in ("worse", "better", "no clear difference"))
    measures = f"{worse} of {len(frame)} measures"
    return f"Worse than {comparator} on {measures}, better on {better}, no clear difference on {unclear}"


def _least_heard(rows: pd.DataFrame) -> str:
    short = (rows["sample_pct"] - rows["population_pct"]).dropna().sort_values(kind="stable")
    if short.empty:
        return "There is no population to compare the answers with"
    least = rows.loc[short.index[0]]
    shares = f"{least['sample_pct']:g}% of answers but {least['population_pct']:g}% of people"
    return f"Least heard: {least['characteristic_name'].lower()} {least['category_name']}, {shares}"


def unit(frame: pd.DataFrame) -> str:
    """Give the unit of a table of one indicator."""
    return str(frame["unit"].iloc[0]) if "unit" in frame else ""


def hollow(frame: pd.DataFrame) -> pd.Series:
    """Say which rows are modelled, or marked unreliable by the gate."""
    modelled = frame.get("basis", pd.Series("", frame.index)).eq("modelled")
    return modelled | frame.get("mark", pd.Series("", frame.index)).eq(UNRELIABLE)


def dots(axes: Axes, values: pd.Series, *, interval: tuple[Any, Any], hollow: pd.Series) -> None:
    """Draw dots down the side, first at the top, each with a line from its lower to its upper limit."""
    places = np.arange(len(values))
    if interval[0] is not None:
        axes.hlines(places, *interval, color=QUIET, linewidth=1.4, zorder=2)
    axes.scatter(values, places, s=26, c=np.where(hollow, "white", INK), edgecolors=INK, linewidths=1.1, zorder=3)


def _tall(rows: Sized, lines: Sized) -> float:
    """Inches that rows take, with room for the words over the lines that they are compared with."""
    return ROW * max(len(rows), 1) + TAIL + (HEAD if len(lines) else 0.05)


def _row_axes(page: Page, names: pd.Series, words: pd.Series, *, across: float) -> Axes:
    """Open axes with a row a name: names at the left, figures in words at the right."""
    rows = max(len(names), 1)
    axes = page.axes(2.55, TAIL, across, ROW * rows)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [textwrap.shorten(str(name), NAME_LETTERS, placeholder="…") for name in names])
    axes.tick_params(axis="y", length=0, labelsize=7.5)
    axes.hlines(range(len(names)), 0, 1, transform=axes.get_yaxis_transform(), color=RULE, linewidth=0.4, zorder=0)
    for place, text in enumerate(words):
        axes.text(1.03, place, text, transform=axes.get_yaxis_transform(), va="center", size=7.2)
    return axes


def _reference_lines(axes: Axes, values: pd.Series, names: Sequence[str]) -> None:
    """Draw thin lines to compare with, labelled above the rows."""
    for step, (value, name) in enumerate(zip(values, names, strict=True)):
        axes.axvline(value, color=INK, linewidth=0.9, linestyle=("-", (0, (4, 2)))[step % 2], zorder=1)
        spot, lift = (value, 1), (0, 3 + 10 * step)
        axes.annotate(
            name, spot, lift, xycoords=axes.get_xaxis_transform(), textcoords="offset points", ha="center", size=7.5
        )


def _reading(rows: pd.DataFrame, lower: str) -> list[str]:
    return [LINE] * bool(lower) + ["Hollow dots are modelled, or uncertain."] * bool(hollow(rows).any())
