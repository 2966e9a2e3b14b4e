"""Outcomes: where each stands against its target, what its months tell, and how likely it is to arrive in time.

No verdict is a colour: each is a sentence, and says when we cannot tell.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from placelib.measures.indicators import stacked
from placelib.measures.series import charted, year_totals
from placelib.sources.terms import Vocabulary

RECENT = 6  # points of a chart that are "lately"
UNLIKE = 2.0  # a mix that fits the years before so many times worse than is usual among the others fits badly
WORSE, TURNS = {"higher is worse": 1.0, "higher is better": -1.0}, {1.0: "worse", -1.0: "better"}
FIGURE = ["value", "lower", "upper", "mark", "period", "source", "method", "illustrative"]
STANDING = ["No figure", "Reached", "Not reached", "We cannot tell"]
OUTLOOK = ["chance_pct", "forecast", "forecast_lower", "forecast_upper", "outlook", "foreseen"]
SINCE = ["No figure", "Better", "Worse", "No clear change"]
NO_OUTLOOK = "Not known"
ASSURED = ["Missed in every ordinary {each}, unless something changes", "Hit and miss: chance decides"]
ASSURED += ["Met in every ordinary {each}", "No target set"]
WORDS, LIMITS = ["variation", "assurance"], ["centre", "lower", "upper", "target"]
FACTS = ["indicator_id", "threshold", "release_class", "illustrative", "source"]
CHANGED = "; but something has changed"


def standing(outcomes: pd.DataFrame, published: pd.DataFrame, vocabulary: Vocabulary) -> pd.DataFrame:
    """Put beside each outcome its figure as it is published, and say whether the target is reached.

    Parameters
    ----------
    outcomes : DataFrame
        The book `outcomes`.
    published : DataFrame
        Rows of the shared indicator table that have passed the gate: no word here tells more than they do.
    vocabulary : Vocabulary
        For names and directions.

    Returns
    -------
    DataFrame
        The book's columns and those of the indicator; value, lower, upper, mark, period, source; standing (words: the
        target counts as reached or not only where the whole interval lies on one side of it; a figure that is of part
        of a year, put on a yearly footing, says so).
    """
    rows = published.query("area_type == 'place' and characteristic == 'all'").drop_duplicates("indicator_id")
    table = outcomes.merge(rows[["indicator_id", *FIGURE]], how="left", on="indicator_id", validate="m:1")
    table, value = vocabulary.named(table), table["value"].astype(float)
    off = pd.DataFrame([table[end].astype(float).fillna(value) - value for end in ("lower", "upper")])
    sign = table["direction"].map(WORSE)
    short = (value - table["target"] + off) * sign  # above nought: on the wrong side of the target
    risen = (value - table["baseline"] + np.sqrt(2) * off) * sign  # the baseline is as uncertain
    known = [value.isna(), short.max() <= 0, short.min() > 0]
    moved = [value.isna(), risen.max() < 0, risen.min() > 0]
    footing = table["method"].astype("str").str.extract(r"(; \d+ months put on a yearly footing)")[0].fillna("")
    since = np.select(moved, SINCE[:3], SINCE[3])
    return table.assign(standing=np.select(known, STANDING[:3], STANDING[3]) + footing, since=since)


def inspected_by(regimes: pd.DataFrame) -> pd.Series:
    """Name the regimes without an end that ask for each indicator, by whom and since when, by indicator_id."""
    rows = regimes[regimes["in_force_to"].isna()]
    said = rows["regime"] + " (" + rows["inspectorate"] + ", from " + rows["in_force_from"].dt.strftime("%B %Y") + ")"
    return said.groupby(rows["indicator_id"]).agg(lambda words: "; ".join(words.unique())).astype(object)


def outlook(outcomes: pd.DataFrame, monthly: pd.DataFrame, exposure: Mapping[str, float]) -> pd.DataFrame:
    """Say how likely each target is to be reached in the twelve months that end on its date.

    Parameters
    ----------
    outcomes : DataFrame
        See `standing`.
    monthly : DataFrame
        See `measures.months.monthly_counts`.
    exposure : mapping of str to float
        For each indicator what turns a year's rate into a year's count: population / per.

    Returns
    -------
    DataFrame
        Indexed as `outcomes`: chance_pct (to the nearest 5, as a simulation knows no more), forecast, forecast_lower,
        forecast_upper (rate of that year, middle and 95% limits; see `measures.series.year_totals`), outlook (words)
        and foreseen (whether there is a forecast).
    """
    series = {name: rows.set_index("month")["events"] for name, rows in monthly.groupby("indicator_id")}
    rows = [(row, row["indicator_id"]) for row in outcomes.to_dict("records")]
    found = [_outlook(row, series.get(name), exposure.get(name, np.nan)) for row, name in rows]
    return pd.DataFrame(found, outcomes.index, OUTLOOK).astype(dict.fromkeys(OUTLOOK[:4], float))


def _outlook(outcome: Mapping, events: pd.Series | None, exposure: float) -> dict[str, object]:
    futures = None if events is None else year_totals(events, pd.Period(outcome["target_date"], "M"))
    if futures is None:
        return {"outlook": NO_OUTLOOK, "foreseen": False}
    worse, rates = WORSE[outcome["direction"]], futures / exposure
    chance = 5 * round(20 * (worse * rates <= worse * outcome["target"]).mean())
    words = {0: "Fewer than 5", 100: "More than 95"}.get(chance, f"About {chance}") + " in 100"
    return dict(zip(OUTLOOK, [chance, *np.quantile(rates, [0.5, 0.025, 0.975]), words, True], strict=True))


def variation(monthly: pd.DataFrame, targets: Mapping[str, float], vocabulary: Vocabulary) -> pd.DataFrame:
    """Tell in words what each indicator's months say (variation), and whether its target is within reach (assurance).

    Parameters
    ----------
    monthly : DataFrame
        See `measures.months.monthly_counts`.
    targets : mapping of str to float
        Targets by indicator, as events a month.
    vocabulary : Vocabulary
        For names and directions.

    Returns
    -------
    DataFrame
        A row a period of each indicator with limits, one row for each without: its names; period, events, stands_out
        ("above", "below", ""), latest (whether the last of its indicator); and, alike in all of an indicator, each
        ("month" or "quarter"), centre, lower, upper, target (events in each), variation and assurance (words).

    References
    ----------
    NHS England, Making Data Count: variation and assurance.
    """
    tables = []
    for name, rows in monthly.groupby("indicator_id"):
        chart, each = charted(rows.set_index("month")["events"])
        target = targets.get(name, np.nan) * {"month": 1, "quarter": 3}[each]
        worse = WORSE[vocabulary.indicators.set_index("indicator_id")["direction"][name]]
        facts = rows.iloc[0][FACTS].to_dict() | {"each": each, "target": target}
        told = _told(chart, worse, target=target, each=each)
        tables.append(_points(chart).assign(**facts, **dict(zip(WORDS, told, strict=True))))
    columns = [*FACTS, "period", "latest", "events", "stands_out", *LIMITS, "each", *WORDS]
    return vocabulary.named(stacked(tables).reindex(columns=columns))


def _points(chart: pd.DataFrame) -> pd.DataFrame:
    """Give the points of a chart, the last marked; a row without one where there is no chart."""
    if chart.empty:
        return pd.DataFrame({"period": [""], "stands_out": "", "latest": True})
    out = np.where(chart["value"] > chart["centre"], "above", "below")
    shown = chart[["centre", "upper"]].assign(events=chart["value"], lower=chart["lower"].clip(lower=0))
    shown["stands_out"] = np.where(chart["variation"] == "special", out, "")
    return shown.assign(period=chart.index.asfreq("M").strftime("%b %Y"), latest=chart.index == chart.index[-1])


def _told(chart: pd.DataFrame, worse: float, *, target: float, each: str) -> tuple[str, str]:
    """Say what stands out of a chart, and whether the target lies short of, inside or beyond its limits."""
    if chart.empty:
        return f"No limits: fewer than 12 {each}s, or under 20 events in an average one", ""
    out = worse * np.sign(chart["value"] - chart["centre"]).where(chart["variation"] == "special", 0)
    ends = np.sort(worse * chart[["lower", "upper"]].iloc[0].to_numpy())
    assured = ASSURED[3] if np.isnan(target) else ASSURED[np.searchsorted(ends, worse * target)].format(each=each)
    if not out.any():
        return f"Steady, with nothing beyond chance in {len(out)} {each}s", assured
    last, assured = out[out != 0].index[-1], assured + CHANGED * (not np.isnan(target))
    if last < out.index[-RECENT]:
        return f"Steady lately; last stood out in {last.asfreq('M'):%B %Y}", assured
    side, turn = out[last], worse * np.sign(chart["value"].diff()[last])
    if chart["trend"][last] and turn != side:
        return f"{TURNS[side].capitalize()} than usual lately, but getting {TURNS[turn]}", assured
    return f"{TURNS[side].capitalize()} lately than chance explains", assured


def evaluated(compared: pd.DataFrame, panel: pd.DataFrame) -> str:
    """Tell what a synthetic control and its placebos say of an intervention, in words.

    Parameters
    ----------
    compared : DataFrame
        See `measures.panel.synthetic_control`.
    panel : DataFrame
        The book `panel`, with the indicator's names.
    """
    if compared.empty:
        return ""
    what = panel.dropna(subset="intervention").iloc[0]
    areas, after = compared.drop_duplicates("area_name"), compared[compared["after"] & compared["role"].eq("place")]
    here, others = areas[areas["role"] == "place"].iloc[0], len(areas) - 1
    change, since, beyond = after["difference"].mean(), after["year"].min(), int(here["rank"]) - 1
    side, unlike = "below" if change < 0 else "above", here["fit"] > UNLIKE * areas["fit"].median()
    return (
        f"{what['intervention']}. {what['indicator']}: since {since} {here['area_name']} has been {abs(change):.1f} "
        f"{side} its twin on average ({what['unit']}). {beyond or 'None'} of {others} places without it departed "
        f"as far from theirs, as would happen by chance in {beyond + 1} of {others + 1} cases."
    ) + " But the twin was unlike the place before as well: this says little." * bool(unlike)
