"""Maps by ward that still work in grey: five shades, names on the map, certainty as an outline."""

import textwrap
from collections.abc import Mapping
from itertools import pairwise

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from shapely.plotting import patch_from_polygon

from placelib.errors import PlacelibError
from placelib.gate import UNRELIABLE, Table
from placelib.publish.charts import SURE, drawn, find, namer, ranked
from placelib.publish.figure import INK, QUIET, STYLE, WIDTH, Figure, Page, alone
from placelib.publish.tables import decimals, first, heading, headings, listed, optional, published

RATIOS = np.array([0.67, 0.87, 1.15, 1.5])  # of England's level: maps of all places share their shades
LUMINANCES = (0.80, 0.50, 0.27, 0.12, 0.045)  # even steps to the eye
UNTESTED = "Overall need is tested for which wards are first; single domains are not."
HUE, NO_FIGURE, UNSURE = "#2f5d8a", "////", "...."
TALLEST, KEY, MARGIN, GAP, BARS = 5.1, 0.5, 0.05, 0.3, (0.5, 1, 2, 5, 10, 20, 50)  # inches; bars in km
MAPS_ACROSS, KEY_COLUMNS, NAME_LETTERS = 4, 4, 11
LETTERING, LETTER, LINE = 7.0, 0.58, 1.15  # points; width of a letter and height of a line, as shares of them
INSIDE = 0.86  # how much of a name must lie in its ward


def shades(colour: str = HUE) -> list[str]:
    """Make five shades of one hue, light to dark, of the same lightness whatever the hue.

    Mixing with white or black in linear light sets the relative luminance (WCAG 2.2) exactly, so that a page printed
    in grey keeps the five steps.

    Examples
    --------
    >>> shades("#808080")
    ['#e7e7e7', '#bcbcbc', '#8e8e8e', '#616161', '#3c3c3c']
    """
    encoded = np.array(to_rgb(colour))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    own = linear @ (0.2126, 0.7152, 0.0722)
    mixed = [1 - (1 - linear) * (1 - aim) / (1 - own) if aim > own else linear * aim / own for aim in LUMINANCES]
    return [to_hex(np.where(mix <= 0.0031308, mix * 12.92, 1.055 * mix ** (1 / 2.4) - 0.055)) for mix in mixed]


def breaks(frame: pd.DataFrame, column: str) -> tuple[np.ndarray, str]:
    """Give the four limits that part the wards into five shades, and the level that the middle one is close to.

    A score is parted at fixed distances from 100, the reference level, and an indicator at the same distances from
    England's value, or from the place's where England's is not known: maps can then be compared across wards, places
    and editions. Only without any of these are there fifths of the values. A limit of 100% or more is left out, and
    with it the darkest shades, which no ward could have.

    Examples
    --------
    >>> frame = pd.DataFrame({"ward_name": ["Wish"], "score": [140.0], "reference": ["England"]})
    >>> breaks(frame, "score")
    (array([ 67.,  87., 115., 150.]), 'England')
    """
    rows, whole = ranked(frame, column)
    if column.endswith("score"):
        return np.round(100 * RATIOS), first(frame, "reference")
    places = max(decimals(rows[column]), 1)
    if len(whole):
        level = whole.sort_values("area_type").iloc[0]  # England comes before the place
        limits = np.round(level[column] * RATIOS, places)
        return limits[(limits < 100) | (not first(frame, "unit").startswith("%"))], str(level[namer(frame)])
    return np.round(rows[column].quantile([0.2, 0.4, 0.6, 0.8]).to_numpy(), places), ""


@mpl.rc_context(fname=STYLE)
def ward_map(wards: Table, table: Table, column: str = "value", *, title: str = "") -> Figure:
    """Map a published value or score by ward.

    Parameters
    ----------
    wards : Table
        A GeoDataFrame with ward_code, ward_name and geometry in metres.
    table : Table
        One row a ward, by `ward_code` or `area_code`. Wards that are not there, or have no value, are hatched; those
        marked unreliable are dotted. Wards surely among the five with greatest need (`sure`) get a thick outline.
        `colour`, where the table has it, gives the hue.
    column : str
        What to map; the darkest shade is the greatest need, the highest value.
    title : str
        The finding; made from the table's own cells without it.

    Returns
    -------
    Figure
        The parts of the map carry ward codes as their matplotlib ids. A ward too small for its name has a number,
        explained at the foot.

    Raises
    ------
    DisclosureError
        A table has not passed the gate.
    """
    table = drawn(table, column)
    finding, areas = title or find(table, column), _joined(wards, table, column)
    wide, tall, scale = _fitted(areas)
    names, numbered = _names(areas, scale)
    bounds = [name for name in ("rank_lower", "rank_upper", "lower", "upper", "sure") if name in table.frame]
    columns = headings(table.frame, (namer(table.frame), column, *bounds), column)
    page = Page(finding, table, columns, height=tall + KEY, reading=[*numbered, *wards.notes])
    axes = page.axes(MARGIN, KEY, wide, tall)
    _draw(axes, areas)
    for name in names.itertuples():
        halo = [withStroke(linewidth=1.8, foreground=name.face)]
        look = {"color": "white" if name.shade >= 3 else INK, "path_effects": halo, "gid": f"name {name.Index}"}
        axes.text(name.x, name.y, name.words, ha="center", va="center", size=LETTERING, linespacing=LINE - 0.1, **look)
    km = max(length for length in BARS if length < max(scale / 750, 1))
    axes.add_artist(AnchoredSizeBar(axes.transData, 1000 * km, f"{km:g} km", "lower left", frameon=False, color=QUIET))
    _key(page, areas, breaks(table.frame, column), colour=first(table.frame, "colour", HUE))
    shade = areas["shade"]
    parts = {"Darkest": shade.eq(shade.max()), "Lightest": shade.eq(shade.min()), "No figure": shade.isna()}
    said = [f"{name}: {listed(areas['ward_name'][rows].tolist())}." for name, rows in parts.items() if rows.any()]
    return page.figure(f"Map of {len(areas)} wards in five shades. {' '.join(said)}")


@mpl.rc_context(fname=STYLE)
def small_multiples(wards: Table, table: Table, *, names: Mapping[str, str]) -> Figure:
    """Draw one small map a domain of need, all on the same shades.

    Parameters
    ----------
    wards : Table
        As for `ward_map`.
    table : Table
        One row a ward; every column that ends in `_score` is mapped.
    names : mapping of str to str
        A heading for each of those columns: the place's `headings`.

    Returns
    -------
    Figure
        No map names a ward as first: the order within one domain is not tested.
    """
    columns = [name for name in published(table) if name.endswith("_score")] or [*names, "score"]
    published(table, "ward_name", *columns)
    # certainty is of overall need only
    maps = [_joined(wards, table, column).assign(sure=False) for column in columns]
    wide, tall, _ = _fitted(maps[0])
    across = (WIDTH - 2 * MARGIN) / MAPS_ACROSS
    down = tall * across / wide + GAP
    by_domain = table.where(lambda rows: rows["ward_name"].notna(), "Need in each domain by ward")
    shown = {"ward_name": "Ward"} | {name: names.get(name, heading(name)) for name in columns}
    height = KEY + down * -(-len(maps) // MAPS_ACROSS)
    page = Page("Each domain of need, on one scale", by_domain, shown, height=height, reading=[UNTESTED, *wards.notes])
    for number, (column, areas) in enumerate(zip(columns, maps, strict=True)):
        row, place = divmod(number, MAPS_ACROSS)
        axes = page.axes(MARGIN + place * across, height - (row + 1) * down, across - 0.1, down - GAP)
        axes.set_title(shown[column], loc="left", size=8.5, weight="bold")
        _draw(axes, areas, weight=0.5)
    _key(page, pd.concat(maps), breaks(table.frame, columns[0]))
    dark = [listed(areas["ward_name"][areas["shade"].eq(4)].tolist()) or "none" for areas in maps]
    said = [f"{shown[column]}: {names}." for column, names in zip(columns, dark, strict=True)]
    return page.figure(f"{len(maps)} small maps, darker where need is greater. Darkest: {' '.join(said)}")


def _fitted(areas: gpd.GeoDataFrame) -> tuple[float, float, float]:
    """Width and height of the map in inches, and metres to the inch."""
    left, bottom, right, top = areas.total_bounds
    scale = max((right - left) / (WIDTH - 2 * MARGIN), (top - bottom) / TALLEST)
    return (right - left) / scale, (top - bottom) / scale, scale


def _joined(wards: Table, table: Table, column: str) -> gpd.GeoDataFrame:
    """Wards by code: its shade (0 lightest; missing without a value), its face and its certainty."""
    code = "area_code" if "area_code" in published(table) else "ward_code"
    areas, frame = published(wards, "ward_code", "ward_name", "geometry").set_index("ward_code"), published(table, code)
    rows = ranked(frame, column)[0]
    alone(table, rows[namer(frame)])
    if len(rows) and not rows[code].isin(areas.index).any():
        raise PlacelibError(f"No ward of '{table.title}' is among the outlines: give it those of its own place.")
    rows = rows.set_index(code).reindex(areas.index)
    above = np.searchsorted(breaks(frame, column)[0], rows[column], side="right")
    shade = pd.Series(above, areas.index).where(rows[column].notna())
    sure, unsure = optional(rows, "sure").eq(SURE), optional(rows, "mark").eq(UNRELIABLE) & shade.notna()
    face = shade.map(dict(enumerate(shades(first(frame, "colour", HUE))))).fillna("white")
    return areas[["ward_name", "geometry"]].assign(shade=shade, face=face, sure=sure, unsure=unsure)


def _draw(axes: Axes, areas: gpd.GeoDataFrame, *, weight: float = 1) -> None:
    """Draw the wards; outlines are dark lines cased in white, so that they show against any shade."""
    for code, ward in areas.iterrows():
        hatch = UNSURE if ward["unsure"] else NO_FIGURE if pd.isna(ward["shade"]) else None
        look = {"facecolor": ward["face"], "hatch": hatch, "hatchcolor": "white" if ward["shade"] >= 2 else QUIET}
        axes.add_patch(patch_from_polygon(ward.geometry, linewidth=0, gid=code, **look))
    for code, ward in areas.sort_values("sure", kind="stable").iterrows():
        name, line = ("sure", 2.4) if ward["sure"] else ("outline", 0.5 * weight)
        cased = [withStroke(linewidth=line + 1.2 * weight, foreground="white")]
        look = {"edgecolor": INK, "linewidth": line, "joinstyle": "round", "path_effects": cased}
        axes.add_patch(patch_from_polygon(ward.geometry, fill=False, gid=f"{name} {code}", **look))
    axes.margins(0)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _names(areas: gpd.GeoDataFrame, metres_per_inch: float) -> tuple[pd.DataFrame, list[str]]:
    """Name the wards about their middles; those too small for it have a number, which a sentence explains."""
    areas, point = areas.sort_values("ward_name"), LETTERING / 72 * metres_per_inch
    shapes = areas.geometry.to_numpy()
    x, y = shapely.get_coordinates(shapely.get_point(shapely.maximum_inscribed_circle(shapes), 0)).T
    lines = areas["ward_name"].map(lambda name: textwrap.wrap(name, NAME_LETTERS, break_long_words=False))
    wide = LETTER * point * lines.map(lambda each: max(map(len, each))) / 2
    tall = LINE * point * lines.str.len() / 2
    boxes = shapely.box(x - wide, y - tall, x + wide, y + tall)
    small = shapely.area(shapely.intersection(shapes, boxes)) < INSIDE * shapely.area(boxes)
    numbers = pd.Series(small.cumsum(), areas.index).astype(str)
    key = (numbers + " " + areas["ward_name"])[small].tolist()
    words = numbers.where(small, lines.str.join("\n"))
    return areas.assign(x=x, y=y, words=words), [f"Numbered wards: {listed(key)}."] * bool(key)


def _key(page: Page, areas: gpd.GeoDataFrame, parted: tuple[np.ndarray, str], *, colour: str = HUE) -> None:
    """Draw the key below the map: the shades, darkest first, and whatever else is on it."""
    limits, level = parted
    text = [f"{limit:,.{decimals(pd.Series(limits))}f}" for limit in limits]
    words = [f"under {text[0]}", *(f"{start} to {end}" for start, end in pairwise(text)), f"{text[-1]} or more"]
    words[2] += f": near {level}" if level else ""
    looks = [{"facecolor": shade, "label": word} for shade, word in zip(shades(colour), words, strict=False)][::-1]
    flags = (
        (areas["sure"], {"edgecolor": INK, "linewidth": 2.4, "label": "Surely in the five with most need"}),
        (areas["unsure"], {"hatch": UNSURE, "label": "Uncertain"}),
        (areas["shade"].isna(), {"hatch": NO_FIGURE, "label": "No figure to show"}),
    )
    looks += [look for flag, look in flags if flag.any()]
    plain = {"facecolor": "white", "edgecolor": QUIET, "linewidth": 0.5, "hatchcolor": QUIET}
    axes = page.axes(MARGIN, 0, WIDTH - 2 * MARGIN, KEY - 0.1)
    axes.legend(handles=[Patch(**(plain | look)) for look in looks], loc="upper left", ncols=KEY_COLUMNS)
    axes.set_axis_off()
