"""Charts made for print: a finding for a title, direct labels, dots with intervals, readable in grey."""

import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pkgutil import get_data
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from placelib.errors import PlacelibError, some
from placelib.gate import UNRELIABLE, Table
from placelib.publish.figure import INK, QUIET, RULE, STYLE, Figure, Page, alone
from placelib.publish.tables import (
    Shown,
    as_text,
    first,
    heading,
    headings,
    is_number,
    listed,
    optional,
    published,
    show,
    unit,
)

ROW, HEAD, TAIL, LEFT, ACROSS = 0.2, 0.05, 0.46, 2.95, 2.6  # inches
LABEL = 0.155  # inches above the rows for the name of each line
NAME_LETTERS = 50
NOTHING = "There are no figures to show"
SMALLEST_RATIO, RATIO_TICKS = 0.1, (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 8)
SURE = "among the five with greatest need"
SURE_OF = {1: "it", 2: "both", 3: "all three", 4: "all four", 5: "all five"}
WORDS = tomllib.loads(get_data(__package__, "words.toml").decode())


@mpl.rc_context(fname=STYLE)
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
    table = drawn(table, value, label=label)
    finding, label, frame = title or find(table, value, label=label), label or namer(table.frame), table.frame
    (ordered, beside), ends = ranked(frame, value, label=label), interval(frame, value)
    rows = pd.DataFrame({"name": ordered[label], "words": as_text(ordered, value), "x": ordered[value]})
    rows["hollow"] = optional(ordered, "basis").eq("modelled") | optional(ordered, "mark").eq(UNRELIABLE)
    if label == "category_name" and optional(ordered, "characteristic_name").nunique() > 1:
        rows["name"] = ordered["characteristic_name"] + ": " + rows["name"]
    alone(table, rows["name"])
    if ends:
        span = "  (" + as_text(ordered, ends[0]) + " to " + as_text(ordered, ends[1]) + ")"
        rows["words"] += span.where(ordered[ends[0]].notna(), "")
        rows[["lower", "upper"]] = ordered[ends]
    words = WORDS["rank_dots"]
    line = words["lines"].get(value) or words["lines"].get(label, words["interval"])
    reading = line * bool(ends) + words["hollow"] * bool(rows["hollow"].any())
    says = {"columns": headings(frame, (label, value, *ends), value), "reading": reading}
    page, axes = _dots(finding, table, rows, says=says, lines=beside[[label, value]].to_numpy())
    axes.set_xlabel("Rank (1 is greatest need)" if value == "rank" else unit(frame, value))
    if value == "rank" and len(rows):
        axes.set(xlim=(0.5, len(rows) + 0.5), xticks=sorted({1, *range(5, len(rows) - 1, 5), len(rows)}))
    leaders = listed((rows["name"] + " " + rows["words"])[:5].tolist())
    units = f" ({unit(frame, value)})" * bool(unit(frame, value))
    return page.figure(f"Ranked dots{units}, from the top: {leaders}." if leaders else NOTHING + ".")


@mpl.rc_context(fname=STYLE)
def compare_dots(comparisons: Table, comparator: str = "England") -> Figure:
    """Draw the place against a comparator, one row an indicator, as how many times the comparator's value.

    Parameters
    ----------
    comparisons : Table
        indicator, short_name, comparator, value, comparator_value, lower and upper (of the difference, in the
        indicator's own unit; missing where there is no interval), verdict, unit, direction: indicators that are
        better when higher are turned round, so that worse is always to the right.
    comparator : str
        Which comparator. Rows without a value on either side are left out.

    Returns
    -------
    Figure
        Ratios on a scale of equal proportions, worse to the right, each verdict in a word.
    """
    says = WORDS["compare_dots"]
    published(comparisons, "comparator", "short_name", "direction", *says["columns"], "lower", "upper")
    beside = comparisons.only(comparator=comparator)
    table = beside.where(lambda frame: (frame["value"] > 0) & (frame["comparator_value"] > 0))
    frame, finding = table.frame, _verdicts(table.frame, comparator)
    verdict = frame["verdict"].where(frame["verdict"].isin(["worse", "better"]), "unclear")
    words = verdict + ":  " + as_text(frame, "value") + " against " + as_text(frame, "comparator_value")
    differences = frame[["lower", "upper"]].assign(x=frame["value"] - frame["comparator_value"])
    ratios = differences.div(frame["comparator_value"], axis=0).add(1).clip(lower=SMALLEST_RATIO)
    rows = ratios.pow(frame["direction"].eq("higher is better").map({True: -1, False: 1}), axis=0)
    rows = rows.assign(name=frame["short_name"], words=words, hollow=verdict.eq("unclear"))
    says = says | {"columns": says["columns"] | {"comparator_value": comparator}}
    rows = rows.sort_values("x", ascending=False)
    page, axes = _dots(finding, table, rows, says=says, lines=[(f"same as {comparator}", 1)])
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xticks(RATIO_TICKS, [f"{tick:g}" for tick in RATIO_TICKS])
    axes.minorticks_off()
    axes.set(xlim=(min(low, 0.7), max(high, 1.4)), xlabel=f"← better     times {comparator}'s figure     worse →")
    return page.figure(f"Dots right of the line are worse than {comparator}.")


def against_each(comparisons: Table) -> Shown:
    """Show against England, the region and each neighbour which measures are clearly worse here, and which better.

    Parameters
    ----------
    comparisons : Table
        As for `compare_dots`, with `comparator_type`.

    Returns
    -------
    Shown
        One row a comparator; measures with no clear difference are counted.
    """
    frame = published(comparisons, "comparator_type", "comparator", "short_name", "verdict", "value")
    frame = frame.sort_values(["comparator_type", "comparator"])
    named = frame.groupby(["comparator", "verdict"], sort=False)["short_name"].agg(lambda names: listed(list(names)))
    said = named.unstack().reindex(columns=["worse", "better"]).fillna("none")
    unclear = frame["verdict"].eq("no clear difference").groupby(frame["comparator"]).sum()
    cells = said.assign(unclear=unclear.astype(str)).reset_index().to_numpy().tolist()
    shown = show(comparisons, ["comparator", "verdict", "verdict", "value"], rows=len(frame))
    return replace(shown, columns=WORDS["against_each"]["columns"], rows=cells)


@mpl.rc_context(fname=STYLE)
def response_dots(table: Table) -> Figure:
    """Draw who answered against who lives here, group by group.

    Parameters
    ----------
    table : Table
        characteristic, characteristic_name, category_name, sample_pct and population_pct, a row a group. Groups
        without a population to compare with are left out.

    Returns
    -------
    Figure
    """
    published(table, "characteristic", *WORDS["response_dots"]["columns"])
    chosen = table.where(lambda frame: frame["population_pct"].notna())
    frame, finding = chosen.frame, _least_heard(chosen.frame)
    opening = ~frame["characteristic"].duplicated()
    name = frame["category_name"].mask(opening, frame["characteristic_name"] + ": " + frame["category_name"])
    words = _per_cent(frame, "sample_pct") + " of answers, " + _per_cent(frame, "population_pct") + " of people"
    ends = frame[["sample_pct", "population_pct"]]
    rows = pd.DataFrame({"name": name, "words": words, "x": frame["sample_pct"], "tick": frame["population_pct"]})
    rows = rows.assign(lower=ends.min(axis=1), upper=ends.max(axis=1))
    page, axes = _dots(finding, chosen, rows, says=WORDS["response_dots"])
    for edge in np.flatnonzero(opening)[1:]:
        axes.axhline(edge - 0.5, color=QUIET, linewidth=0.6)
    axes.set(xlim=(0, None), xlabel="Per cent")
    return page.figure("Dots for those who answered, ticks for residents.")


@mpl.rc_context(fname=STYLE)
def direct_and_modelled(table: Table) -> Figure:
    """Draw each ward's own figure with its interval, and a tick where a model puts it.

    Parameters
    ----------
    table : Table
        One question: ward_name, short_name, unit, direct, direct_lower, direct_upper, value (modelled).

    Returns
    -------
    Figure
    """
    says = WORDS["direct_and_modelled"]
    frame = published(table, *says["columns"], "direct_lower", "direct_upper", "short_name")
    alone(table, frame["ward_name"])
    frame = frame.sort_values("direct", ascending=False)
    words = _per_cent(frame, "direct") + " own, " + _per_cent(frame, "value") + " modelled"
    rows = pd.DataFrame({"name": frame["ward_name"], "words": words, "x": frame["direct"], "tick": frame["value"]})
    rows = rows.assign(lower=frame["direct_lower"], upper=frame["direct_upper"])
    page, axes = _dots(_most_moved(frame) if len(frame) else table.title, table, rows, says=says)
    axes.set_xlabel(first(frame, "unit"))
    return page.figure("Dots for wards' own answers, ticks for the model.")


def _most_moved(frame: pd.DataFrame) -> str:
    moved = (frame["value"] - frame["direct"]).abs()
    if moved.isna().all():
        return NOTHING
    most = frame.loc[moved.idxmax()]
    return f"{most['short_name']}: the model moves {most['ward_name']} most, by {moved.max():.0f} points"


def drawn(table: Table, value: str, *, label: str = "") -> Table:
    """Keep the rows that a picture of a value draws: those to rank, and those to compare with."""
    frame = published(table, value, label or namer(published(table)))
    if frame[value].notna().any() and not is_number(frame[value]):
        numbers = some([name for name in frame if is_number(frame[name])])
        raise PlacelibError(f"Column '{value}' of '{table.title}' has no numbers to draw; those that have: {numbers}.")
    rows = [row for part in ranked(frame, value, label=label) for row in part.index]
    return table.where(lambda frame: frame.index.isin(rows))


def namer(frame: pd.DataFrame) -> str:
    """Name the column that names the areas of a table."""
    return "area_name" if "area_name" in frame else "ward_name"


def ranked(frame: pd.DataFrame, value: str, *, label: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the rows to rank (wards, or groups where there are none), in order, from those to compare with."""
    area, everyone = optional(frame, "area_type", "ward"), optional(frame, "category", "all").eq("all")
    wards = area.eq("ward")
    rows = frame[wards if wards.any() else area.eq("place") & ~everyone]
    lines = frame[everyone & area.isin(["place", "england"])].dropna(subset=[value])
    return rows.sort_values([value, label or namer(frame)], ascending=[value == "rank", True]), lines


def interval(frame: pd.DataFrame, value: str) -> list[str]:
    """Name the columns that bound a value, lower first; none where there are none."""
    pairs = ([f"{value}_lower", f"{value}_upper"], ["lower", "upper"])
    return next((pair for pair in pairs if pair[0] in frame and frame[pair[0]].notna().any()), [])


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
        return NOTHING if len(frame) else table.title
    if "sure" not in rows:
        return _highest(rows, value, label=label)
    sure = rows.loc[rows["sure"] == SURE, label].tolist()
    if not sure:
        return f"{rows[label].iloc[0]} ranks first for need, but we cannot be sure which five wards need most"
    verb = "is" if len(sure) == 1 else "are"
    return f"{listed(sure)} {verb} among the five wards that need most, and we are sure of {SURE_OF[len(sure)]}"


def _highest(rows: pd.DataFrame, value: str, *, label: str) -> str:
    top, ends = rows.iloc[0], interval(rows, value)
    what = top.get("short_name", heading(value))
    preposition = "among" if label == "category_name" else "in"
    highest = f"{what}: highest {preposition} {top[label]}"
    if not ends or pd.isna(top[ends[0]]):
        return f"{highest}, lowest {preposition} {rows[label].iloc[-1]}"
    close = int((rows[ends[1]].iloc[1:] >= top[ends[0]]).sum())
    as_high = f"but {close} other{'s' * (close > 1)} may be as high" if close else "clearly above every other"
    return f"{highest}, {as_high}"


def _verdicts(frame: pd.DataFrame, comparator: str) -> str:
    if frame.empty:
        return f"There is no figure for {comparator} to compare with"
    worse, better, unclear = (frame["verdict"].eq(word).sum() for word in ("worse", "better", "no clear difference"))
    measures = f"{worse} of {len(frame)} measures"
    return f"Worse than {comparator} on {measures}, better on {better}, no clear difference on {unclear}"


def _least_heard(frame: pd.DataFrame) -> str:
    short = (frame["sample_pct"] - frame["population_pct"]).dropna().sort_values(kind="stable")
    if short.empty:
        return "There are no answers, or no population to compare them with"
    least = frame.loc[short.index[0]]
    answers, people = (_per_cent(frame, name)[short.index[0]] for name in ("sample_pct", "population_pct"))
    who = f"{least['characteristic_name'].lower()} {least['category_name']}"
    return f"Least heard: {who}, {answers} of answers but {people} of people"


def _per_cent(frame: pd.DataFrame, column: str) -> pd.Series:
    """Write percentages with their sign; a mark in place of a figure, or after it, has none."""
    return as_text(frame, column).str.replace(r"(\d)(?=\s|$)", r"\1%", regex=True)


def _dots(
    finding: str, table: Table, rows: pd.DataFrame, *, says: Mapping[str, Any], lines: Sequence[tuple[str, float]] = ()
) -> tuple[Page, Axes]:
    """Draw rows down the page: name, a line from lower to upper, a dot at x, a tick where there is one, the words.

    `lines` to compare with run down the page, labelled above the rows. `says`: the headings of the columns behind the
    picture, and how to read it.
    """
    rows = pd.DataFrame({"lower": np.nan, "upper": np.nan, "hollow": False}, rows.index).assign(**rows)
    count, places = max(len(rows), 1), np.arange(len(rows))
    height = HEAD + LABEL * len(lines) + ROW * count + TAIL
    page = Page(finding, table, says["columns"], height=height, reading=[says["reading"]])
    axes = page.axes(LEFT, TAIL, ACROSS, ROW * count)
    axes.set_ylim(count - 0.5, -0.5)
    names = [textwrap.fill(name, NAME_LETTERS, max_lines=2, placeholder="…") for name in rows["name"]]
    axes.set_yticks(places, names, linespacing=0.95)
    axes.axison = len(rows) > 0
    across = axes.get_yaxis_transform()
    axes.hlines(places, 0, 1, transform=across, color=RULE, linewidth=0.4, zorder=0)
    axes.hlines(places, rows["lower"].astype(float), rows["upper"].astype(float), color=QUIET, linewidth=1.4, zorder=2)
    faces = np.where(rows["hollow"], "white", INK)
    axes.scatter(rows["x"].astype(float), places, s=26, c=faces, edgecolors=INK, linewidths=1.1, zorder=3)
    for place, text in enumerate(rows["words"]):
        axes.text(1.03, place, text, transform=across, va="center", size=7.2)
    if "tick" in rows:
        axes.plot(rows["tick"], places, "|", color=INK, markersize=9, markeredgewidth=1.6)
    for step, (name, value) in enumerate(lines):
        axes.axvline(value, color=INK, linewidth=0.9, linestyle=("-", (0, (4, 2)))[step % 2], zorder=1)
        offset = {"xytext": (0, 3 + 10 * step), "textcoords": "offset points"}
        axes.annotate(name, (value, 1), xycoords=axes.get_xaxis_transform(), ha="center", size=7.5, **offset)
    return page, axes
