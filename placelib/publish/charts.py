"""Charts made for print: a finding for a title, direct labels, dots with intervals, readable in grey."""

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from placelib.gate import UNRELIABLE, Table
from placelib.publish.figure import INK, QUIET, RULE, STYLE, Figure, Page, describe, open_page
from placelib.publish.tables import Shown, as_text, listed, published, show

ROW, HEAD, TAIL, LEFT, ACROSS = 0.2, 0.36, 0.46, 2.95, 2.6  # inches
NAME_LETTERS = 50
NOTHING = "There are no figures to show"
SMALLEST_RATIO, RATIO_TICKS = 0.1, (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 8)
SURE = "among the five with greatest need"
SURE_OF = {1: "it", 2: "both", 3: "all three", 4: "all four", 5: "all five"}
LINE = "Dot: the figure; line: where the true figure may lie."
HOLLOW = "Hollow dots are modelled, or uncertain."
COMPARED = "Dot: this place; line: where it may lie, allowing for chance. Hollow dots: no clear difference."
BORROWED = "Dot: the ward's own answers, with their interval; tick: modelled, with strength borrowed from other wards."
MODELLED = {"direct": "Own answers %", "value": "Modelled %", "lower": "Modelled: from", "upper": "Modelled: to"}
ANSWERED = "Dot: share of those who answered; tick: share of the people who live here."


def rank_dots(table: Table, value: str = "value", *, label: str = "", title: str = "") -> Figure:
    """Draw ranked dots with their intervals: rank 1, or the highest value, at the top.

    Parameters
    ----------
    table : Table
        One row a ward or group. Rows of the place and of England (`area_type`), or of everyone (`category`
        "all" among groups), become thin lines to compare with. Intervals are `<value>_lower` and
        `<value>_upper`, or `lower` and `upper`, where the table has them. Rows without a value keep their
        mark; modelled values (`basis`) and unreliable ones (`mark`) are hollow.
    value : str
        The column to draw: the value of one indicator, a score, or a rank (1 = greatest need).
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
    ordered, lines = ranked(frame, value, label=label)
    rows = pd.DataFrame({"name": ordered[label], "words": as_text(ordered, value), "x": ordered[value]})
    if label == "category_name" and "characteristic_name" in ordered and ordered["characteristic_name"].nunique() > 1:
        rows["name"] = ordered["characteristic_name"] + ": " + rows["name"]
    rows = rows.assign(lower=ordered.get(lower), upper=ordered.get(upper), hollow=_hollow(ordered))
    if lower:
        span = "  (" + as_text(ordered, lower) + " to " + as_text(ordered, upper) + ")"
        rows["words"] += span.where(rows["lower"].notna(), "")
    shown = table.where(lambda every: every.index.isin([*rows.index, *lines.index]))
    data = show(shown, [label, value, *([lower, upper] if lower else [])], caption=finding, rows=len(frame))
    reading = [LINE] * bool(lower) + [HOLLOW] * bool(rows["hollow"].any())
    with mpl.rc_context(fname=STYLE):
        page, axes = _dots(finding, table, data, rows=rows, reading=reading, head=HEAD if len(lines) else 0.05)
        _reference_lines(axes, lines[value], lines[label].tolist())
        axes.set_xlabel("Rank (1 is greatest need)" if value == "rank" else _unit(frame))
    leaders = listed((rows["name"] + " " + rows["words"])[:5].tolist())
    return Figure(page.canvas, describe(table, finding, f"Ranked dots, from the top: {leaders}."), data)


def compare_dots(comparisons: Table, comparator: str = "England", *, title: str = "") -> Figure:
    """Draw the place against a comparator, one row an indicator, as how many times the comparator's value.

    Parameters
    ----------
    comparisons : Table
        indicator, short_name, comparator, value, comparator_value, lower and upper (of the difference, in the
        indicator's own unit; missing where there is no interval), verdict, unit, direction: indicators that are
        better when higher are turned round, so that worse is always to the right.
    comparator : str
        Which comparator. Rows without a value on either side are left out.
    title : str
        The finding; made from the verdicts without it.

    Returns
    -------
    Figure
        Ratios on a scale of equal proportions, worse to the right, each verdict in a word.
    """
    here = published(comparisons)["comparator"].eq(comparator)
    table = comparisons.where(lambda frame: here & (frame["value"] > 0) & (frame["comparator_value"] > 0))
    frame, finding = table.frame, title or _verdicts(table.frame, comparator)
    verdict = frame["verdict"].where(frame["verdict"].isin(["worse", "better"]), "unclear")
    words = verdict + ":  " + as_text(frame, "value") + " against " + as_text(frame, "comparator_value")
    base, turned = frame["comparator_value"], np.where(frame["direction"] == "higher is better", -1, 1)
    ends = {name: (1 + frame[name] / base).clip(lower=SMALLEST_RATIO) ** turned for name in ("lower", "upper")}
    rows = pd.DataFrame({"name": frame["short_name"], "words": words, "x": (frame["value"] / base) ** turned})
    rows = rows.assign(**ends, hollow=verdict.eq("unclear")).sort_values("x", ascending=False)
    columns = ["indicator", "value", "comparator_value", "verdict", "unit"]
    data = show(table, columns, names={"comparator_value": comparator}, caption=finding, rows=len(frame))
    with mpl.rc_context(fname=STYLE):
        page, axes = _dots(finding, table, data, rows=rows, reading=[COMPARED], head=HEAD)
        axes.set_xscale("log", base=2)
        _reference_lines(axes, pd.Series([1.0]), [f"same as {comparator}"])
        low, high = min(axes.get_xlim()[0], 0.7), max(axes.get_xlim()[1], 1.4)
        axes.set_xlim(low, high)
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
    wanted = list(characteristics) or published(table)["characteristic"].unique()
    chosen = table.where(lambda frame: frame["population_pct"].notna() & frame["characteristic"].isin(wanted))
    frame, finding = chosen.frame, title or _least_heard(chosen.frame)
    first = ~frame["characteristic"].duplicated()
    name = frame["category_name"].mask(first, frame["characteristic_name"] + ": " + frame["category_name"])
    words = as_text(frame, "sample_pct") + "% of answers, " + as_text(frame, "population_pct") + "% of people"
    rows = pd.DataFrame({"name": name, "words": words, "x": frame["sample_pct"], "hollow": False})
    ends = frame[["sample_pct", "population_pct"]]
    columns = ["category_name", "characteristic_name", "sample_pct", "population_pct"]
    data = show(chosen, columns, caption=finding, rows=len(frame))
    with mpl.rc_context(fname=STYLE):
        rows = rows.assign(lower=ends.min(axis=1), upper=ends.max(axis=1))
        page, axes = _dots(finding, chosen, data, rows=rows, reading=[ANSWERED])
        axes.plot(frame["population_pct"], range(len(rows)), "|", color=INK, markersize=9, markeredgewidth=1.6)
        for edge in np.flatnonzero(first)[1:]:
            axes.axhline(edge - 0.5, color=QUIET, linewidth=0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("Per cent")
    return Figure(page.canvas, describe(chosen, finding, "Dots for those who answered, ticks for residents."), data)


def direct_and_modelled(table: Table, *, title: str = "") -> Figure:
    """Draw each ward's own figure with its interval, and a tick where a model puts it.

    Parameters
    ----------
    table : Table
        One question: ward_name, short_name, unit, direct, direct_lower, direct_upper, value (modelled).
    title : str
        The finding; made from the table's own cells without it.

    Returns
    -------
    Figure
    """
    frame = published(table).sort_values("direct", ascending=False)
    moved = (frame["value"] - frame["direct"]).abs()
    finding = title or _most_moved(frame.assign(moved=moved))
    words = (
        as_text(frame, "direct")
        + "% own answers, "
        + as_text(frame.assign(model=frame["value"]), "model")
        + "% modelled"
    )
    rows = pd.DataFrame({"name": frame["ward_name"], "words": words, "x": frame["direct"], "hollow": False})
    rows = rows.assign(lower=frame["direct_lower"], upper=frame["direct_upper"])
    data = show(table, ["ward_name", "direct", "value", "lower", "upper"], names=MODELLED, caption=finding)
    with mpl.rc_context(fname=STYLE):
        page, axes = _dots(finding, table, data, rows=rows, reading=[BORROWED])
        axes.plot(frame["value"], range(len(rows)), "|", color=INK, markersize=9, markeredgewidth=1.6)
        axes.set_xlabel(_unit(frame))
    return Figure(page.canvas, describe(table, finding, "Dots for wards' own answers, ticks for the model."), data)


def _most_moved(frame: pd.DataFrame) -> str:
    if frame["moved"].isna().all():
        return NOTHING
    most = frame.loc[frame["moved"].idxmax()]
    return f"{most['short_name']}: the model moves {most['ward_name']} most, by {most['moved']:.0f} points"


def namer(frame: pd.DataFrame) -> str:
    """Name the column that names the areas of a table."""
    return "area_name" if "area_name" in frame else "ward_name"


def ranked(frame: pd.DataFrame, value: str, *, label: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the rows to rank (wards, or groups where there are none), in order, from those to compare with."""
    area = frame.get("area_type", pd.Series("ward", frame.index))
    wards, everyone = area.eq("ward"), frame.get("category", pd.Series("all", frame.index)).eq("all")
    rows = frame[wards if wards.any() else area.eq("place") & ~everyone]
    lines = frame[everyone & area.isin(["place", "england"])].dropna(subset=[value])
    return rows.sort_values([value, label or namer(frame)], ascending=[value == "rank", True]), lines


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
        return NOTHING
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
    preposition = "among" if label == "category_name" else "in"
    highest, lowest = f"highest {preposition}", f"lowest {preposition}"
    if not lower or pd.isna(first[lower]):
        return f"{what}{highest} {first[label]}, {lowest} {rows[label].iloc[-1]}"
    close = int((others[upper] >= first[lower]).sum())
    as_high = f"but {close} other{'s' * (close > 1)} may be as high" if close else "clearly above every other"
    return f"{what}{highest} {first[label]}, {as_high}"


def _verdicts(frame: pd.DataFrame, comparator: str) -> str:
    if frame.empty:
        return f"There is no figure for {comparator} to compare with"
    worse, better, unclear = (frame["verdict"].eq(word).sum() for word in ("worse", "better", "no clear difference"))
    measures = f"{worse} of {len(frame)} measures"
    return f"Worse than {comparator} on {measures}, better on {better}, no clear difference on {unclear}"


def _least_heard(frame: pd.DataFrame) -> str:
    short = (frame["sample_pct"] - frame["population_pct"]).dropna().sort_values(kind="stable")
    if short.empty:
        return "There is no population to compare the answers with"
    least = frame.loc[short.index[0]]
    shares = f"{least['sample_pct']:g}% of answers but {least['population_pct']:g}% of people"
    return f"Least heard: {least['characteristic_name'].lower()} {least['category_name']}, {shares}"


def _unit(frame: pd.DataFrame) -> str:
    return str(frame["unit"].iloc[0]) if "unit" in frame and len(frame) else ""


def _hollow(frame: pd.DataFrame) -> pd.Series:
    """Say which rows are modelled, or marked unreliable by the gate."""
    basis, mark = (frame.get(name, pd.Series("", frame.index)) for name in ("basis", "mark"))
    return basis.eq("modelled") | mark.eq(UNRELIABLE)


def _dots(
    finding: str, table: Table, data: Shown, *, rows: pd.DataFrame, reading: Sequence[str], head: float = 0.05
) -> tuple[Page, Axes]:
    """Draw rows down the page: name, a line from lower to upper, a dot at x, the figures in words."""
    count, places = max(len(rows), 1), np.arange(len(rows))
    page = open_page(finding, [table], data, height=head + ROW * count + TAIL, reading=reading)
    axes = page.axes(LEFT, TAIL, ACROSS, ROW * count)
    axes.set_ylim(count - 0.5, -0.5)
    names = ["\n".join(textwrap.wrap(name, NAME_LETTERS, max_lines=2, placeholder="…")) for name in rows["name"]]
    axes.set_yticks(places, names, size=6.6 if any("\n" in name for name in names) else None, linespacing=0.95)
    axes.axison = len(rows) > 0
    if rows.empty:
        axes.text(-1.1, 0.5, NOTHING, transform=axes.transAxes, va="center")
    across = axes.get_yaxis_transform()
    axes.hlines(places, 0, 1, transform=across, color=RULE, linewidth=0.4, zorder=0)
    axes.hlines(places, rows["lower"].astype(float), rows["upper"].astype(float), color=QUIET, linewidth=1.4, zorder=2)
    faces = np.where(rows["hollow"], "white", INK)
    axes.scatter(rows["x"].astype(float), places, s=26, c=faces, edgecolors=INK, linewidths=1.1, zorder=3)
    for place, text in enumerate(rows["words"]):
        axes.text(1.03, place, text, transform=across, va="center", size=7.2)
    return page, axes


def _reference_lines(axes: Axes, values: pd.Series, names: Sequence[str]) -> None:
    """Draw thin lines to compare with, labelled above the rows."""
    for step, (value, name) in enumerate(zip(values, names, strict=True)):
        axes.axvline(value, color=INK, linewidth=0.9, linestyle=("-", (0, (4, 2)))[step % 2], zorder=1)
        offset = {"xytext": (0, 3 + 10 * step), "textcoords": "offset points"}
        axes.annotate(name, (value, 1), xycoords=axes.get_xaxis_transform(), ha="center", size=7.5, **offset)
