"""Maps by ward that still work in grey: five shades, names on the map, certainty as an outline."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise, product

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from shapely.plotting import patch_from_polygon

from placelib.gate import UNRELIABLE, Table
from placelib.publish.charts import SURE, drawn, find, namer, ranked
from placelib.publish.figure import INK, QUIET, STYLE, WIDTH, Figure, Page
from placelib.publish.tables import decimals, first, heading, listed, optional, published

RATIOS = np.array([0.67, 0.87, 1.15, 1.5])  # of England's level: maps of all places share their shades
LUMINANCES = (0.80, 0.50, 0.27, 0.12, 0.045)  # even steps to the eye
DOMAINS = "Each domain of need, on the same scale"
UNTESTED = "Overall need is tested for which wards are first; single domains are not."
HUE, NO_FIGURE, UNSURE = "#2f5d8a", "////", "...."
TALLEST, KEY_ROW, MARGIN = 5.1, 0.19, 0.05  # inches
MAPS_ACROSS, KEY_COLUMNS = 4, 3
LETTERING = 7.0  # points
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
    and editions. Only without any of these are there fifths of the values.

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
        return np.round(level[column] * RATIOS, places), str(level[namer(frame)])
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
        The parts of the map carry ward codes as their matplotlib ids.

    Raises
    ------
    DisclosureError
        A table has not passed the gate.
    """
    table = drawn(table, column)
    finding, areas = title or find(table, column), _joined(wards, table, column)
    wide, tall, scale = _fitted(areas)
    names, numbers = _place_names(areas, scale)
    entries = _key_entries(areas, table.frame, column) + numbers
    height = tall + KEY_ROW * -(-len(entries) // KEY_COLUMNS) + 0.15
    bounds = [name for name in ("rank_lower", "rank_upper", "lower", "upper", "sure") if name in table.frame]
    columns = {name: heading(name) for name in (namer(table.frame), column, *bounds)}
    page = Page(finding, table, columns, height=height, reading=wards.notes)
    axes = page.axes(MARGIN, height - tall, wide, tall)
    _draw(axes, areas)
    _write_names(axes, names)
    _scale_bar(axes, scale)
    _key(page, entries, top=height - tall - 0.1)
    parts = {"Darkest": areas["shade"].eq(4), "Lightest": areas["shade"].eq(0), "No figure": areas["shade"].isna()}
    said = [f"{name}: {listed(areas['ward_name'][rows].tolist())}." for name, rows in parts.items() if rows.any()]
    return page.figure(f"Map of {len(areas)} wards in five shades. {' '.join(said)}")


@mpl.rc_context(fname=STYLE)
def small_multiples(wards: Table, table: Table, *, names: Mapping[str, str], title: str = DOMAINS) -> Figure:
    """Draw one small map a domain of need, all on the same shades.

    Parameters
    ----------
    wards : Table
        As for `ward_map`.
    table : Table
        One row a ward; every column that ends in `_score` is mapped.
    names : mapping of str to str
        A heading for each of those columns: the place's `headings`.
    title : str
        What the maps show.

    Returns
    -------
    Figure
        No map names a ward as first: the order within one domain is not tested.
    """
    frame = published(table)
    columns = [name for name in frame if name.endswith("_score")]
    # certainty is of overall need only
    areas = {column: _joined(wards, table, column).assign(sure=False) for column in columns}
    wide, tall, _ = _fitted(areas[columns[0]])
    across, rows = (WIDTH - 2 * MARGIN) / MAPS_ACROSS, -(-len(columns) // MAPS_ACROSS)
    tall *= across / wide
    by_domain = table.where(lambda rows: rows["ward_name"].notna(), "Need in each domain by ward")
    shown = {"ward_name": "Ward"} | {name: names[name] for name in columns}
    page = Page(title, by_domain, shown, height=rows * (tall + 0.3) + 0.6, reading=[UNTESTED, *wards.notes])
    for place, (column, shaded) in enumerate(areas.items()):
        left = MARGIN + place % MAPS_ACROSS * across
        bottom = 0.6 + (rows - 1 - place // MAPS_ACROSS) * (tall + 0.3)
        _draw(page.axes(left, bottom, across - 0.1, tall), shaded, weight=0.5)
        page.write(names[column], left, page.bottom + bottom + tall + 0.2, size=8.5, weight="bold")
    _key(page, _key_entries(pd.concat(areas.values()), frame, columns[0]), top=0.4)
    return page.figure(f"{len(columns)} small maps, darker where need is greater.")


def _fitted(areas: gpd.GeoDataFrame) -> tuple[float, float, float]:
    """Width and height of the map in inches, and metres to the inch."""
    left, bottom, right, top = areas.total_bounds
    scale = max((right - left) / (WIDTH - 2 * MARGIN), (top - bottom) / TALLEST)
    return (right - left) / scale, (top - bottom) / scale, scale


def _joined(wards: Table, table: Table, column: str) -> gpd.GeoDataFrame:
    """Wards by code: its shade (0 lightest; missing without a value), its face and its certainty."""
    areas, frame = published(wards).set_index("ward_code"), published(table)
    rows = ranked(frame, column)[0]
    rows = rows.set_index("area_code" if "area_code" in rows else "ward_code").reindex(areas.index)
    above = np.searchsorted(breaks(frame, column)[0], rows[column], side="right")
    shade = pd.Series(above, areas.index).where(rows[column].notna())
    sure, unsure = optional(rows, "sure").eq(SURE), optional(rows, "mark").eq(UNRELIABLE) & shade.notna()
    face = shade.map(dict(enumerate(shades(first(frame, "colour", HUE))))).fillna("white")
    return areas[["ward_name", "geometry"]].assign(shade=shade, face=face, sure=sure, unsure=unsure)


def _draw(axes: Axes, areas: gpd.GeoDataFrame, *, weight: float = 1) -> None:
    """Draw the wards; outlines are dark lines cased in white, so that they show against any shade."""
    axes.set_axis_off()
    left, bottom, right, top = areas.total_bounds
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    for code, ward in areas.iterrows():
        hatch = UNSURE if ward["unsure"] else NO_FIGURE if pd.isna(ward["shade"]) else None
        look = {"facecolor": ward["face"], "hatch": hatch, "hatchcolor": "white" if ward["shade"] >= 2 else QUIET}
        axes.add_patch(patch_from_polygon(ward.geometry, linewidth=0, gid=code, **look))
    for code, ward in areas.sort_values("sure", kind="stable").iterrows():
        casing, line = (3.8, 2.4) if ward["sure"] else (1.6 * weight, 0.5 * weight)
        for colour, width, name in (("white", casing, "casing"), (INK, line, "sure" if ward["sure"] else "outline")):
            look = {"edgecolor": colour, "linewidth": width, "joinstyle": "round", "gid": f"{name} {code}"}
            axes.add_patch(patch_from_polygon(ward.geometry, fill=False, **look))


def _place_names(areas: gpd.GeoDataFrame, metres_per_inch: float) -> tuple[pd.DataFrame, list[tuple]]:
    """Decide which names fit into their wards; the others get a number, explained in the key."""
    taken, rows, numbers = [], [], []
    for code, ward in areas.sort_values("ward_name").iterrows():
        tried = _settings(ward["ward_name"], ward.geometry, taken, metres_per_inch)
        inside, words, box = max(tried, key=lambda setting: round(setting[0], 1))
        if inside < INSIDE:
            numbers.append((str(len(numbers) + 1), ward["ward_name"]))
            words, box = numbers[-1][0], tried[0][2]
        else:
            taken.append(box)
        rows.append((code, words, box.centroid.x, box.centroid.y, ward["shade"], ward["face"]))
    return pd.DataFrame(rows, columns=["code", "words", "x", "y", "shade", "face"]), numbers


def _settings(name: str, shape: shapely.Geometry, taken: Sequence, metres_per_inch: float) -> list[tuple]:
    """Ways to set a name, broken at several widths, at two middles: the share in the ward, the words, their box."""
    middles = shapely.get_point(shapely.maximum_inscribed_circle(shape), 0), shape.centroid
    settings, font = [], FontProperties(size=LETTERING)
    for letters, middle in product((13, 9, 20, 40), shapely.get_coordinates(middles)):
        lines = textwrap.wrap(name, letters, break_long_words=False)
        wide = max(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] for line in lines)
        half = np.array([wide, 1.15 * LETTERING * len(lines)]) / 72 * metres_per_inch / 2
        box = shapely.box(*(middle - half), *(middle + half))
        free = not any(box.intersects(other) for other in taken)
        settings.append((free * shape.intersection(box).area / box.area, "\n".join(lines), box))
    return settings


def _write_names(axes: Axes, names: pd.DataFrame) -> None:
    """Write the names, dark on light shades and light on dark ones, in a halo of the ward's own shade."""
    middle = {"ha": "center", "va": "center", "size": LETTERING, "linespacing": 1.05, "zorder": 5}
    for row in names.itertuples():
        look = {"color": "white" if row.shade >= 3 else INK, "gid": f"name {row.code}", **middle}
        axes.text(row.x, row.y, row.words, path_effects=[withStroke(linewidth=1.8, foreground=row.face)], **look)


def _scale_bar(axes: Axes, metres_per_inch: float) -> None:
    kilometres = 2 if metres_per_inch > 1500 else 1
    (left, _), (bottom, _) = axes.get_xlim(), axes.get_ylim()
    lift = 0.08 * metres_per_inch
    axes.plot([left, left + 1000 * kilometres], [bottom + lift] * 2, color=QUIET, linewidth=1.2)
    axes.text(left, bottom + 1.5 * lift, f"{kilometres} km", size=6.5, color=QUIET)


def _key_entries(areas: gpd.GeoDataFrame, frame: pd.DataFrame, column: str) -> list[tuple]:
    """List what the key explains, darkest first: how it looks and what it means."""
    limits, level = breaks(frame, column)
    text = [f"{limit:,.{decimals(pd.Series(limits))}f}" for limit in limits]
    words = [f"under {text[0]}", *(f"{start} to {end}" for start, end in pairwise(text)), f"{text[-1]} or more"]
    words[2] += f": near {level}" if level else ""
    ramp = shades(first(frame, "colour", HUE))
    looks = [({"facecolor": shade}, word) for shade, word in zip(ramp[::-1], words[::-1], strict=True)]
    flags = (
        (areas["sure"], {"edgecolor": INK, "linewidth": 2.4}, "Surely in the five with most need"),
        (areas["unsure"], {"hatch": UNSURE, "hatchcolor": QUIET}, "Uncertain"),
        (areas["shade"].isna(), {"hatch": NO_FIGURE, "hatchcolor": QUIET}, "No figure to show"),
    )
    looks += [({"facecolor": "white"} | look, words) for flag, look, words in flags if flag.any()]
    return looks


def _key(page: Page, entries: Sequence[tuple], *, top: float) -> None:
    """Draw the key in columns: swatches with their meaning, then numbers with the names of small wards."""
    rows, wide = -(-len(entries) // KEY_COLUMNS), WIDTH - 2 * MARGIN
    axes = page.axes(MARGIN, top - KEY_ROW * rows, wide, KEY_ROW * rows)
    axes.set_axis_off()
    axes.set(xlim=(0, wide), ylim=(KEY_ROW * rows, 0))
    for place, (look, words) in enumerate(entries):
        x, y = place // rows * wide / KEY_COLUMNS, place % rows * KEY_ROW
        if isinstance(look, str):
            axes.text(x + 0.15, y + 0.085, look, size=LETTERING, ha="center", va="center", weight="bold")
        else:
            axes.add_patch(Rectangle((x + 0.02, y + 0.02), 0.26, 0.13, **{"edgecolor": QUIET, "linewidth": 0.5} | look))
        axes.text(x + 0.36, y + 0.085, words, size=7.2, va="center")
