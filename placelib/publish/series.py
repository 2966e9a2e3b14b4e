"""A chart of months against the limits that chance keeps."""

import matplotlib as mpl
import numpy as np

from placelib.gate import Table
from placelib.publish.figure import INK, QUIET, STYLE, Figure, Page, alone
from placelib.publish.tables import first, published

DRAWN = {"period": "Period", "events": "Events", "stands_out": "Stands out"}
LINES = {"centre": "average", "upper": "upper limit", "lower": "lower limit", "target": "target"}
DRAWN_AS = {"centre": "-", "target": ":"}
READING = "Between the dashed limits lies what chance alone would bring. Filled dots are more than chance."


@mpl.rc_context(fname=STYLE)
def control_chart(table: Table) -> Figure:
    """Draw one indicator's months between their control limits, those filled that are more than chance.

    Parameters
    ----------
    table : Table
        Rows of one indicator of `place.variation`, in order of time. A suppressed count leaves a gap.

    Returns
    -------
    Figure
        Its title says whether anything stands out; a target is a dotted line.
    """
    frame = published(table, *DRAWN)
    alone(table, frame["period"])
    places, events, each = np.arange(len(frame)), frame["events"].astype(float), first(frame, "each")
    words = first(frame, "variation", table.title)
    finding = f"{first(frame, 'short_name')}: {words[:1].lower()}{words[1:]}" if events.notna().any() else words
    page = Page(finding, table, DRAWN, height=2.5, reading=[READING])
    axes = page.axes(0.5, 0.4, 6.0, 2.0)
    faces = np.where(frame["stands_out"].eq(""), "white", INK)
    axes.plot(places, events, color=QUIET, linewidth=0.9, zorder=2)
    axes.scatter(places, events, s=22, c=faces, edgecolors=INK, linewidths=0.9, zorder=3)
    beside = {"transform": axes.get_yaxis_transform(), "va": "center", "size": 7}
    for name, level in frame.reindex(columns=list(LINES)).astype(float).max().dropna().items():
        axes.axhline(level, color=INK, linewidth=0.8, linestyle=DRAWN_AS.get(name, "--"), zorder=1)
        axes.text(1.01, level, f"{LINES[name]} {level:,.0f}", **beside)
    axes.set_xticks(places[::6], frame["period"][::6], size=7)
    axes.set_ylabel(f"Events in each {each}")
    return page.figure(f"Dots by {each} from {first(frame, 'period')}, with lines for the average and the limits.")
