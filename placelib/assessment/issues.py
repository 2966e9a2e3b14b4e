"""Key issues by a stated rule, each worded from the cells of the published tables; and what we do not know."""

import re
from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy import stats

from placelib.assessment.equality import severest_small_group
from placelib.assessment.needs import FAMILY_CONFIDENCE, place_values
from placelib.settings import Settings
from placelib.sources.terms import Vocabulary

RULE = (
    "An issue is listed where this place is surely worse than England, allowing for chance in every comparison made. "
    "A gap of less than a twentieth is not listed, however certain. Issues are put in order by the size of the gap and "
    "by the number of people or events in it, counted equally, and the first four are shown. One further place is kept "
    "for the small group with the most serious gap."
)
MOST_ISSUES = 4
STALE = " (The number has changed since this was written.)"
TREND_CONFIDENCE = 0.95
MOST_NAMED = 3


def key_issues(
    table: pd.DataFrame,
    published: pd.DataFrame,
    *,
    comparisons: pd.DataFrame,
    gaps: pd.DataFrame,
    vocabulary: Vocabulary,
    settings: Settings,
) -> pd.DataFrame:
    """Choose the key issues and word them.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded: the choice is made on it.
    published : DataFrame
        The same table as it leaves the gate, named: the words are made from it.
    comparisons : DataFrame
        See `needs.comparisons`.
    gaps : DataFrame
        Ordered and tested, with names: see `equality.group_gaps`.
    vocabulary : Vocabulary
        For owner and duty.
    settings : Settings
        For the names of the agencies.

    Returns
    -------
    DataFrame
        A row an issue: place (order), indicator_id, indicator, headline, people_affected, wards, groups, trend,
        certainty, residents_say, owner, money, duty, decision. No rows if nothing is clear.
    """
    named = vocabulary.indicators.set_index("indicator_id")
    chosen = _worse_than_england(comparisons, named)
    chosen["wards"] = [_surely_worse_wards(table, named.loc[name]) for name in chosen["indicator_id"]]
    chosen["groups"] = [_groups(gaps, name) for name in chosen["indicator_id"]]
    rows = [
        _worded(issue, published, named.loc[issue["indicator_id"]], settings) | {"trend": _trend(table, issue)}
        for issue in chosen.to_dict("records")
    ]
    rows += [_worded_group(row, published, named, settings) for row in severest_small_group(gaps).to_dict("records")]
    issues = pd.DataFrame(rows, columns=COLUMNS)
    issues.insert(0, "place", range(1, len(issues) + 1))
    return issues


COLUMNS = [
    "indicator_id", "indicator", "headline", "people_affected", "wards", "groups", "trend", "certainty",
    "residents_say", "owner", "money", "duty", "decision",
]  # fmt: skip


def _worse_than_england(comparisons: pd.DataFrame, named: pd.DataFrame) -> pd.DataFrame:
    if comparisons.empty:
        return comparisons.copy()
    worse = comparisons.query("comparator_type == 'england' and verdict == 'worse'")
    needs = worse["indicator_id"].map(named["in_index"]) == "yes"
    worse = worse[needs]
    per = worse["indicator_id"].map(named["per"])
    excess = worse["difference"].abs() / per * worse["denominator"].astype(float)
    gap = np.log(worse["ratio"].astype(float)).abs()
    order = (gap.rank(ascending=False) + excess.fillna(0).rank(ascending=False)).rename("order")
    return worse.assign(excess=excess, order=order).sort_values("order").head(MOST_ISSUES)


def _worded(issue: dict, published: pd.DataFrame, words: pd.Series, settings: Settings) -> dict[str, str]:
    rows = published[published["indicator_id"] == issue["indicator_id"]]
    place = rows.query("area_type == 'place' and characteristic == 'all'").iloc[0]
    england = rows.query("area_type == 'england'").iloc[0]
    side = "above" if issue["difference"] > 0 else "below"
    return {
        "indicator_id": issue["indicator_id"],
        "indicator": words["indicator"],
        "headline": f"{words['indicator']}: {figure(place['value'], words)}, {side} England's "
        f"{number(england['value'])} ({place['period']}).",
        "people_affected": _people(issue, words),
        "wards": _wards(rows, issue["wards"], words),
        "groups": issue["groups"],
        "certainty": _certainty(issue),
        "residents_say": _residents_say(published, words),
        **_asked(words, settings),
    }


def number(value: float) -> str:
    """Write a number as far as it is known: whole from 100 up, one decimal below unless it is whole.

    Examples
    --------
    >>> number(23.42), number(4.0), number(1234.5)
    ('23.4', '4', '1,234')
    """
    size = abs(float(value))
    return f"{size:,.0f}" if size >= 100 else f"{size:.1f}".removesuffix(".0")


def _certainty(issue: dict) -> str:
    if issue["lower"] == issue["upper"]:
        return "A full count, not a sample: chance has no part in the gap."
    gap = span(issue["lower"], issue["upper"])
    return f"The gap to England is {gap}, with every comparison in this edition allowed for."


def figure(value: float, words: pd.Series) -> str:
    """Write a value with its unit.

    Examples
    --------
    >>> figure(23.8, {"unit": "% of pupils"}), figure(6.94, {"unit": "per 1,000 households a year"})
    ('23.8% of pupils', '6.9 per 1,000 households a year')
    """
    unit = words["unit"]
    return number(value) + (unit if unit.startswith("%") else f" {unit}")


def span(lower: float, upper: float) -> str:
    """Write two limits, nearest to zero first, both as exactly as the smaller one is known.

    Examples
    --------
    >>> span(-26.2, -3.8), span(2.41, 4.3)
    ('between 3.8 and 26.2', 'between 2.4 and 4.3')
    """
    low, high = sorted([abs(lower), abs(upper)])
    digits = 0 if low >= 100 else 1
    return f"between {low:,.{digits}f} and {high:,.{digits}f}"


def _points(lower: float, upper: float) -> str:
    """Write the limits of a gap in whole points, outwards as they leave the gate."""
    low, high = int(np.floor(lower)), int(np.ceil(upper))
    return f"between {low} and {high} points" if low > 0 else f"up to {high} points"


def _people(issue: dict, words: pd.Series) -> str:
    if not issue["excess"] > 0:
        return "The number of people is not known: the file gives no counts."
    places = 1 - int(np.floor(np.log10(issue["excess"])))
    kind = "more" if words["direction"] == "higher is worse" else "fewer"
    a_year = " a year" if words["measure"] == "flow" else ""
    return f"About {round(issue['excess'], places):,.0f} {kind}{a_year} than if the place were at England's level."


def _wards(rows: pd.DataFrame, surely: Collection[str], words: pd.Series) -> str:
    wards = rows.query("area_type == 'ward'")
    hit = wards[wards["area_code"].isin(surely) & wards["value"].notna()]
    hit = hit.sort_values("value", ascending=words["direction"] != "higher is worse")
    if hit.empty:
        return "No ward stands out from the place as a whole beyond chance."
    some = [f"{row.ward_name} ({number(row.value)})" for row in hit.head(MOST_NAMED).itertuples()]
    return f"Hardest hit: {', '.join(some)}. Worse than the place as a whole: {len(hit)} of {len(wards)} wards."


def _surely_worse_wards(table: pd.DataFrame, words: pd.Series) -> list[str]:
    """Codes of the wards that are worse than the place, with all wards allowed for (Bonferroni)."""
    rows = table[(table["indicator_id"] == words.name) & (table["characteristic"] == "all")]
    wards = rows[rows["area_type"] == "ward"]
    level = rows.loc[rows["area_type"] == "place", "value"].iloc[0]
    sign = 1 if words["direction"] == "higher is worse" else -1
    critical = stats.norm.isf((1 - FAMILY_CONFIDENCE) / max(len(wards), 1))
    worse = sign * (wards["value"] - level) > critical * wards["standard_error"].fillna(np.inf)
    return wards.loc[worse, "area_code"].tolist()


def _groups(gaps: pd.DataFrame, indicator: str) -> str:
    asked = gaps[(gaps["indicator_id"] == indicator) & (gaps["family"] == "one characteristic")]
    if asked.empty:
        return "Not known: the source does not say who is affected."
    hit = asked[asked["verdict"] == "worse"].head(MOST_NAMED)
    some = [f"{row.category_name} ({number(round(row.value))})" for row in hit.itertuples()]
    return f"Worse among: {'; '.join(some)}." if some else "No group stands out beyond chance."


def _residents_say(published: pd.DataFrame, words: pd.Series) -> str:
    said = published.query("area_type == 'place' and characteristic == 'all' and release_class == 'survey'")
    if said.empty:
        return "No survey of residents in this edition."
    if words.name in said["indicator_id"].values:
        return "This figure is what residents say."
    return "The survey did not ask about this."  # another question of the same domain may be about something else


def _asked(words: pd.Series, settings: Settings) -> dict[str, str]:
    agencies = {agency.id: agency.name for agency in settings.agencies}
    owner = agencies.get(words["lead_agency"], "")
    who = f"Agree whether {owner} leads" if owner else "Agree who leads"
    return {
        "owner": owner or "Not yet agreed.",
        "money": "Not in this edition: spending is not yet gathered.",
        "duty": words["duty"] or "No duty of its own.",
        "decision": f"{who} a joint response on {words['short_name'].lower()}, and when costed options come back.",
    }


def _trend(table: pd.DataFrame, issue: dict) -> str:
    rows = table.query("area_type == 'place' and characteristic == 'all'")
    row = rows[rows["indicator_id"] == issue["indicator_id"]].iloc[0]
    before = float(row["previous"])
    if not before > 0:
        return "No earlier figures to compare with."
    error = np.hypot(row["standard_error"], row["standard_error"] * np.sqrt(before / row["value"]))
    change = (row["value"] - before) / before
    if abs(row["value"] - before) < stats.norm.ppf((1 + TREND_CONFIDENCE) / 2) * error:
        return "No clear change on the year before."
    return f"{'Up' if change > 0 else 'Down'} {abs(change):.0%} on the year before."


def _worded_group(row: dict, published: pd.DataFrame, named: pd.DataFrame, settings: Settings) -> dict[str, str]:
    words = named.loc[row["indicator_id"]]
    rows = published[published["indicator_id"] == row["indicator_id"]]
    group = rows[(rows["characteristic"] == row["characteristic"]) & (rows["category"] == row["category"])].iloc[0]
    place = rows.query("area_type == 'place' and characteristic == 'all'").iloc[0]
    return {
        "indicator_id": row["indicator_id"],
        "indicator": words["indicator"],
        "headline": f"A small group, a serious gap. {words['indicator']}: {number(group['value'])}% of the group "
        f"'{group['category_name']}', against {number(place['value'])}% of everyone.",
        "people_affected": f"About {number(group['respondents'])} respondents stand behind this figure.",
        "wards": "Too few answers to tell wards apart within the group.",
        "groups": _group_name(group["category_name"], group["characteristic_name"]),
        "trend": "No earlier figures to compare with.",
        "certainty": f"The gap to everyone is {_points(row['difference_lower'], row['difference_upper'])}, "
        "with every group and question in the survey allowed for.",
        "residents_say": _residents_say(published, words),
        **_asked(words, settings),
    }


def _group_name(category: str, characteristic: str) -> str:
    """Name a group with its characteristic, unless the one already says the other."""
    plain = characteristic.lower()
    return f"{category}." if plain.split()[0] in category.lower() else f"{category} ({plain})."


def no_issue(table: pd.DataFrame) -> str:
    """Say that nothing is clear, and of how many measures that can be said."""
    fed = place_values(table).index
    compared = fed.intersection(table.loc[table["area_type"] == "england", "indicator_id"])
    return (
        f"No clear issue among the {len(compared)} measures that have an English figure, allowing for chance; "
        f"{len(fed) - len(compared)} measures have none to compare with."
    )


def unknowns(table: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """What we do not know: shared indicators that no source feeds, and those without an English figure.

    Returns
    -------
    DataFrame
        indicator_id, indicator, what.
    """
    known = place_values(table)
    england = set(table.loc[table["area_type"] == "england", "indicator_id"])
    hidden = set(table.loc[(table["area_type"] == "place") & (table["status"] == "suppressed"), "indicator_id"])
    bare = set(known.index[known.isna()]) - hidden
    wards = table[(table["area_type"] == "ward") & (table["status"] == "no data")]
    without = wards.drop_duplicates(["indicator_id", "area_code"]).groupby("indicator_id").size()
    whys = {
        "no figure for some wards, which are left out of the place's": lambda name: without.get(name, 0) > 0,
        "no source of this place feeds it": lambda name: name not in known.index,
        "the agency suppressed some of its counts, so its total is a range": lambda name: name in hidden,
        "known by ward only: its file gives rates without counts": lambda name: name in bare,
        "no English figure to compare with": lambda name: name in known.index and name not in england,
    }
    rows = [
        (row.indicator_id, row.indicator, "; ".join(why for why, holds in whys.items() if holds(row.indicator_id)))
        for row in vocabulary.indicators.itertuples()
    ]
    found = pd.DataFrame(rows, columns=["indicator_id", "indicator", "what"])
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
