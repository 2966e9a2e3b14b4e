"""Key issues by a stated rule, each worded from the cells of the published tables; and what we do not know."""

import re

import numpy as np
import pandas as pd
from scipy import stats

from placelib.assessment.equality import severest_small_group
from placelib.assessment.needs import FAMILY_CONFIDENCE, values_of
from placelib.measures.contrasts import apart_from_place
from placelib.sources.terms import Vocabulary

MOST_ISSUES = 4
STALE = " (The number has changed since this was written.)"
TREND_CONFIDENCE = 0.95
MOST_NAMED = 3
NOT_ASKED = "Not asked in the survey."
COLUMNS = ["place", "indicator_id", "indicator", "headline", "people_affected", "wards", "groups", "trend", "certainty"]
COLUMNS += ["residents_say", "owner", "duty"]


def key_issues(
    table: pd.DataFrame,
    published: pd.DataFrame,
    *,
    comparisons: pd.DataFrame,
    gaps: pd.DataFrame,
    vocabulary: Vocabulary,
) -> pd.DataFrame:
    """Choose the key issues and word them.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded: the choice is made on it.
    published : DataFrame
        The same table as it leaves the gate, named: the words are made from it.
    comparisons : DataFrame
        See `needs.comparisons`, with the indicators' names.
    gaps : DataFrame
        Ordered and tested, with names, and population_pct (the group's share of adults, missing where no file counts
        it): see `equality.group_gaps`.
    vocabulary : Vocabulary
        For owner and duty.

    Returns
    -------
    DataFrame
        A row an issue: place (order), indicator_id, indicator, headline, people_affected, wards, groups, trend,
        certainty, residents_say, owner (the agency's id), duty. No rows if nothing is clear.
    """
    named = vocabulary.indicators.set_index("indicator_id")
    worse = _worse_than_england(comparisons).head(MOST_ISSUES)
    chosen = [(_of_place, row) for row in worse.to_dict("records")]
    chosen += [(_of_group, row) for row in severest_small_group(gaps).to_dict("records")]
    rows = []
    for worded, row in chosen:
        words = named.loc[row["indicator_id"]]
        exact, cells = (frame[frame["indicator_id"] == words.name] for frame in (table, published))
        about = {"place": len(rows) + 1, "groups": _groups(gaps, words), "residents_say": _said(published, words)}
        about |= {"indicator_id": words.name, "indicator": words["indicator"], "owner": words["lead_agency"]}
        about["duty"] = words["duty"] or "No duty of its own."
        rows.append(about | worded(row, exact, cells, words))
    return pd.DataFrame(rows, columns=COLUMNS)


def not_shown(comparisons: pd.DataFrame) -> str:
    """Name the measures that are worse than England and follow the issues that are shown; empty if there are none."""
    rest = _worse_than_england(comparisons)["indicator"].iloc[MOST_ISSUES:]
    return f"Also worse than England, and not shown: {'; '.join(rest)}." if len(rest) else ""


def _worse_than_england(comparisons: pd.DataFrame) -> pd.DataFrame:
    worse = comparisons.query("comparator_type == 'england' and verdict == 'worse' and in_index == 'yes'")
    numbers = worse[["difference", "per", "denominator", "ratio"]].astype(float)
    excess = numbers["difference"].abs() / numbers["per"] * numbers["denominator"]
    order = np.log(numbers["ratio"]).abs().rank(ascending=False) + excess.fillna(0).rank(ascending=False)
    return worse.assign(excess=excess, order=order).sort_values("order")


def _of_place(issue: dict, exact: pd.DataFrame, cells: pd.DataFrame, words: pd.Series) -> dict[str, str]:
    place, england = _whole(cells), cells.query("area_type == 'england'").iloc[0]
    side = "above" if issue["difference"] > 0 else "below"
    footing = re.search(r"; \d+ months put on a yearly footing", str(place["method"]))
    return {
        "headline": f"{words['indicator']}: {figure(place['value'], words['unit'])}, {side} England's "
        f"{number(england['value'])} ({place['period']}{footing[0] if footing else ''}).",
        "people_affected": _people(issue, words),
        "wards": _wards(exact, cells, words),
        "trend": _trend(_whole(exact)),
        "certainty": _certainty(issue, words, survey=place["release_class"] == "survey"),
    }


def _of_group(group: dict, exact: pd.DataFrame, cells: pd.DataFrame, words: pd.Series) -> dict[str, str]:
    asked = (cells["characteristic"] == group["characteristic"]) & (cells["category"] == group["category"])
    cell = cells[asked].iloc[0]
    name = _group_name(cell["category_name"], cell["characteristic_name"])
    gap = span(group["difference_lower"], group["difference_upper"], whole=True) + " points"
    return {
        "indicator": f"{name}: {words['short_name'].lower()}",
        "headline": f"A small group with a serious gap: {name}. {words['indicator']}: "
        f"{number(cell['value'], '%')}% of them, against {number(_whole(cells)['value'], '%')}% of everyone: a gap "
        f"of {gap}.",
        "people_affected": _people_in_group(cell, group["population_pct"], _whole(exact), words),
        "wards": "Too few answers to tell.",
        "groups": "",
        "trend": "",
        "certainty": f"A gap of {gap}." + " Few answers: an uncertain figure." * (cell["mark"] != ""),
    }


def _whole(rows: pd.DataFrame) -> pd.Series:
    """Row of the whole place and everyone in it."""
    return rows.query("area_type == 'place' and characteristic == 'all'").iloc[0]


def number(value: float, unit: str = "") -> str:
    """Write a number as far as it is known: whole from 100 up, one decimal below unless it is whole.

    A survey's percentages come whole from the gate, and rates with one decimal: none is rounded a second time. A
    percentage below 1 is "under 1", as a nought would say that there is nobody.

    Parameters
    ----------
    value : float
        As published.
    unit : str
        Percentages begin with "%".

    Examples
    --------
    >>> number(23.42), number(4.0), number(1234.5), number(0.4), number(0.4, "% of adults")
    ('23.4', '4', '1,234', '0.4', 'under 1')
    """
    size = abs(float(value))
    if unit.startswith("%") and size < 1:
        return "under 1"
    return f"{size:,.0f}" if size >= 100 else f"{size:.1f}".removesuffix(".0")


def figure(value: float, unit: str) -> str:
    """Write a value with its unit.

    Examples
    --------
    >>> figure(23.8, "% of pupils"), figure(6.94, "per 1,000 households a year"), figure(0, "% of adults")
    ('23.8% of pupils', '6.9 per 1,000 households a year', 'under 1% of adults')
    """
    return number(value, unit) + (unit if unit.startswith("%") else f" {unit}")


def span(lower: float, upper: float, *, whole: bool = False) -> str:
    """Write two limits, nearest to zero first, both as exactly as the smaller one is known.

    Parameters
    ----------
    lower, upper : float
        Of a gap that lies on one side of nought, or nearly so.
    whole : bool
        Outwards to whole numbers, as a survey's limits leave the gate.

    Examples
    --------
    >>> span(-26.2, -3.8), span(2.41, 4.3), span(-0.3, 13.2, whole=True), span(-13.2, -2.7, whole=True)
    ('between 3.8 and 26.2', 'between 2.4 and 4.3', 'up to 14', 'between 2 and 14')
    """
    low, high = sorted([abs(lower), abs(upper)])
    low = low if lower * upper > 0 else 0.0
    low, high = (np.floor(low), np.ceil(high)) if whole else (low, high)
    digits = 0 if whole or low >= 100 else 1
    return (f"between {low:,.{digits}f} and " if low > 0 else "up to ") + f"{high:,.{digits}f}"


def _certainty(issue: dict, words: pd.Series, *, survey: bool) -> str:
    if issue["lower"] == issue["upper"]:
        return "A full count: chance has no part in the gap."
    points = " points" if words["unit"].startswith("%") else ""
    return f"A gap of {span(issue['lower'], issue['upper'], whole=survey)}{points}."


def _people(issue: dict, words: pd.Series) -> str:
    if not issue["excess"] > 0:
        return "Not known: the file gives no counts."
    kind = "more" if words["direction"] == "higher is worse" else "fewer"
    a_year = " a year" if words["measure"] == "flow" else ""
    return f"About {_two_figures(issue['excess'])} {kind}{a_year} than at England's level."


def _people_in_group(cell: pd.Series, population_pct: float, place: pd.Series, words: pd.Series) -> str:
    answered = f"About {number(cell['respondents'])} of the group answered."
    adults = float(place["denominator"]) * population_pct / 100 if words["denominator"] == "adults" else np.nan
    if not adults * cell["value"] > 0:
        return f"Not known: no file counts the adults of this group. {answered}"
    return f"About {_two_figures(adults * cell['value'] / 100)} of about {_two_figures(adults)} adults. {answered}"


def _two_figures(count: float) -> str:
    return f"{round(count, 1 - int(np.floor(np.log10(count)))):,.0f}"


def _wards(exact: pd.DataFrame, cells: pd.DataFrame, words: pd.Series) -> str:
    """Name, with published cells, the wards that are worse than the place, with all wards allowed for (Bonferroni)."""
    place, exact = _whole(exact), exact[(exact["area_type"] == "ward") & exact["value"].notna()]
    sign = 1 if words["direction"] == "higher is worse" else -1
    apart = apart_from_place(exact, place, tail=(1 - FAMILY_CONFIDENCE) / max(len(exact), 1))
    worse = exact.loc[apart == sign, "area_code"]
    wards = cells[cells["area_type"] == "ward"]
    hit = wards[wards["area_code"].isin(worse) & wards["value"].notna()]
    hit = hit.sort_values("value", ascending=sign < 0)
    if hit.empty:
        return "None stands out beyond chance."
    some = [f"{row.ward_name} ({number(row.value, words['unit'])})" for row in hit.head(MOST_NAMED).itertuples()]
    return f"{len(hit)} of {len(wards)} worse than the place, most of all {', '.join(some)}."


def _groups(gaps: pd.DataFrame, words: pd.Series) -> str:
    asked = gaps[(gaps["indicator_id"] == words.name) & (gaps["family"] == "one characteristic")]
    if asked.empty:
        return ""
    hit = asked[asked["verdict"] == "worse"].head(MOST_NAMED)
    some = [f"{row.category_name} ({number(round(row.value), words['unit'])})" for row in hit.itertuples()]
    return f"Worse among: {'; '.join(some)}." if some else "None stands out beyond chance."


def _said(published: pd.DataFrame, words: pd.Series) -> str:
    said = published.query("area_type == 'place' and characteristic == 'all' and release_class == 'survey'")
    if said.empty:
        return "No survey of residents in this edition."
    if words.name in said["indicator_id"].values:
        return "This figure is their own."
    return NOT_ASKED  # another question of the same domain may be about something else


def _trend(place: pd.Series) -> str:
    now, before = float(place["value"]), float(place["previous"])
    if not before > 0:
        return ""
    error = place["standard_error"] * np.sqrt(1 + before / now)
    if abs(now - before) <= stats.norm.ppf((1 + TREND_CONFIDENCE) / 2) * error:
        return "No clear change on the year before."
    return f"{'Up' if now > before else 'Down'} {number(round(100 * (now / before - 1)), '%')}% on the year before."


def _group_name(category: str, characteristic: str) -> str:
    """Name a group with its characteristic, unless the one already says the other."""
    plain = characteristic.lower()
    return category if plain.split()[0] in category.lower() else f"{category} ({plain})"


def no_issue(table: pd.DataFrame) -> str:
    """Say that nothing is clear, and of how many measures that can be said."""
    fed = values_of(table).index
    compared = fed.intersection(table.loc[table["area_type"] == "england", "indicator_id"])
    return (
        f"No clear issue, allowing for chance. Measures compared with England: {len(compared)}; without an English "
        f"figure: {len(fed) - len(compared)}."
    )


def unknowns(table: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """What we do not know: shared indicators that no source feeds, and those without an English figure.

    Returns
    -------
    DataFrame
        indicator_id, indicator, what.
    """
    known, rows = values_of(table), vocabulary.indicators[["indicator_id", "indicator"]]
    england = table.query("area_type == 'england'")["indicator_id"]
    hidden = table.query("area_type == 'place' and status == 'suppressed'")["indicator_id"]
    without = table.query("area_type == 'ward' and status == 'no data'")["indicator_id"]
    bare = known.index[known.isna()].difference(hidden)
    name = rows["indicator_id"]
    whys = {
        "no figure for some wards, which are left out of the place's": name.isin(without),
        "no source of this place feeds it": ~name.isin(known.index),
        "the agency suppressed some of its counts, so its total is a range": name.isin(hidden),
        "known by ward only: its file gives rates without counts": name.isin(bare),
        "no English figure to compare with": name.isin(known.index) & ~name.isin(england),
    }
    found = rows.assign(what=["; ".join(why for why, holds in whys.items() if holds[row]) for row in rows.index])
    return found[found["what"] != ""].reset_index(drop=True)


def signed_commentary(text: str, published: pd.DataFrame) -> pd.DataFrame:
    """Read the partnership's signed sentences, and flag those whose number has since changed.

    Parameters
    ----------
    text : str
        commentary.md: a heading `## indicator_id`, then what the analysts say, signed and dated.
    published : DataFrame
        Published rows, for the place's present values.

    Returns
    -------
    DataFrame
        indicator_id, said; where the number has changed since, it says so.
    """
    place = published.query("area_type == 'place' and characteristic == 'all'").set_index("indicator_id")["value"]
    rows = []
    for heading, body in re.findall(r"^## *(\S+)\s*\n(.*?)(?=^## |\Z)", text, re.S | re.M):
        said = " ".join(body.split())
        current = number(place[heading]) if heading in place.index and pd.notna(place[heading]) else ""
        fresh = current and re.search(rf"(?<![\d.,]){re.escape(current)}(?!\d|\.\d)", said)
        rows.append((heading, said if fresh else said + STALE))
    return pd.DataFrame(rows, columns=["indicator_id", "said"])
