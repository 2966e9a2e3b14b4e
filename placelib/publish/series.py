"""A chart of months against the limits that chance keeps."""

import matplotlib as mpl
import numpy as np

from placelib.gate import Table
from placelib.publish.charts import NOTHING
from placelib.publish.figure import INK, QUIET, STYLE, Figure, Page
from placelib.publish.tables import as_text, first, published

DRAWN = {"period": "Period", "events": "Events", "stands_out": "Stands out"}
LINES = {"centre": "average", "upper": "upper limit", "lower": "lower limit"}
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
    frame = published(table)
    known, named = frame["events"].notna().any(), first(frame, "short_name")
    page = Page(
        f"{named}: {first(frame, 'variation')}" if known else NOTHING, table, DRAWN, height=2.5, reading=[READING]
    )
    axes, places = page.axes(0.5, 0.4, 6.1, 2.0), np.arange(len(frame))
    axes.plot(places, frame["events"].astype(float), color=QUIET, linewidth=0.9, zorder=2)
    faces = np.where(frame["stands_out"].eq(""), "white", INK)
    axes.scatter(places, frame["events"].astype(float), s=22, c=faces, edgecolors=INK, linewidths=0.9, zorder=3)
    for name, words in {**LINES, "target": "target"}.items():
        if known and frame[name].notna().any():
            axes.axhline(frame[name].iloc[0], color=INK, linewidth=0.8, linestyle=STYLES[name], zorder=1)
            level = f"{words} {as_text(frame, name).iloc[0]}"
            axes.text(1.01, frame[name].iloc[0], level, transform=axes.get_yaxis_transform(), va="center", size=7)
    axes.set_xticks(places[::6], frame["period"][::6], size=7)
    axes.set_ylabel(f"A {first(frame, 'each')}")
    return page.figure(
        f"Dots by {first(frame, 'each')} from {first(frame, 'period')}, with lines for average and limits."
    )


STYLES = {"centre": "-", "upper": (0, (5, 3)), "lower": (0, (5, 3)), "target": ":"}
