"""Counts too small to show, and what else has to be hidden or rounded so that nobody can work them back."""

import numpy as np
import pandas as pd

from placelib.measures.indicators import UNPLACED, rate_interval, too_few
from placelib.settings import Disclosure

# Whoever knows the total and every count shown beside a suppressed one must still be left this many numbers for it,
# or all that are below the threshold if they are fewer.
FEWEST_CANDIDATES = 5
# A sum of what suppliers are paid is hidden if the two largest make up more than this of it. At least a tenth is then
# left to others, so the second, who knows its own part, cannot tell the largest's within a tenth (p% rule, p = 10).
MOST_OF_TWO = 0.9
SURVEY_BASE_ROUNDING = 5
# Estimates of a survey that are alike in these are the parts of one whole.
FAMILY = ["indicator_id", "aspiration_id", "needs", "area_type", "characteristic"]


def coarsened(table: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    """Take from the agencies' rows of the shared indicator table what the gate takes, so that all may be made of it.

    Scores, differences and sentences made of the result tell nothing of a count that the released table does not.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded.
    policy : Disclosure
        Thresholds.

    Returns
    -------
    DataFrame
        Open rows as they were, and a survey's but for estimates that are hidden. Of an agency's, numerator,
        denominator, value, limits, standard error and the year before are made again from rounded counts. A hidden
        row keeps only what says that it is hidden: that its count is small (as half the threshold, whatever it is), or
        the agency's own bounds.
    """
    answers = table[table["release_class"] == "survey"]
    guarded = table[table["release_class"].isin(["administrative", "commercial"])]
    hidden, small = to_hide(guarded, policy), is_small(guarded["numerator"], guarded["threshold"])
    rows = remade(guarded, policy)
    numbers = ["value", "lower", "upper", "standard_error", "previous", "numerator"]
    rows[numbers] = rows[numbers].mask(hidden).where(guarded["status"].ne("suppressed"), guarded[numbers])
    rows["numerator"] = rows["numerator"].mask(small, guarded["threshold"] / 2)
    result = table.copy()
    result.loc[rows.index, rows.columns] = rows
    result.loc[answers.index[few_answers(answers, policy)], numbers] = np.nan
    return result


def people_coarsened(rows: pd.DataFrame, threshold: float, base: int) -> pd.DataFrame:
    """Take from the people served by each service, by ward, what the gate takes, so that all may be made of it.

    Parameters
    ----------
    rows : DataFrame
        The book service_wards.
    threshold : float
        Below which a count is small.
    base : int
        Shown counts go to the nearest multiple.

    Returns
    -------
    DataFrame
        The same rows. Small counts, and others hidden lest those be worked back by one who knows how many people the
        service has in all, share alike what the shown ones leave of that.

    Examples
    --------
    >>> book = pd.DataFrame({"service_id": "S", "ward_code": list("ABCD"), "people_served": [12, 3, 0, 42]})
    >>> people_coarsened(book, threshold=8, base=5)["people_served"].tolist()
    [8.5, 8.5, 0.0, 40.0]
    """
    counts = rows["people_served"].astype(float)
    known = nearest(counts, base)
    for _, parts in counts.groupby(rows["service_id"]):
        hidden = complemented(parts, is_small(parts, threshold), threshold, base)[0]
        left = parts.sum() - known[hidden.index[~hidden]].sum()
        known[hidden.index[hidden]] = max(left / max(hidden.sum(), 1), 1.0)
    return rows.assign(people_served=known)


def remade(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    """Make rates, limits and errors again from counts that are rounded; a rate that came without counts stays."""
    count, base = (nearest(rows[name], policy.rounding_base) for name in ("numerator", "denominator"))
    exposure, share = base * rows["years"], rows["measure"].eq("proportion")
    least = rows["threshold"].clip(lower=policy.administrative_threshold)
    before = (rows["previous"] * rows["denominator"] * rows["years"] / rows["per"]).round(6)
    lower, upper = rate_interval(count, exposure, per=rows["per"], proportion=share)
    error = np.sqrt(count.clip(lower=1) * (1 - count / exposure).clip(lower=1 / exposure).where(share, 1)) / exposure
    before = nearest(before, policy.rounding_base).mask(is_small(before, least))
    again = {"value": rows["per"] * count / exposure, "previous": rows["per"] * before / exposure}
    again |= {"lower": lower.mask(rows["lower"].isna()), "upper": upper.mask(rows["lower"].isna())}
    again["standard_error"] = (rows["per"] * error).where(rows["standard_error"] > 0, 0.0)
    again = {name: each.where(rows["numerator"].notna(), rows[name]) for name, each in again.items()}
    return rows.assign(**again, numerator=count, denominator=base)


def is_small(counts: pd.Series, threshold: pd.Series | float) -> pd.Series:
    """Whether each count is from 1 to below the threshold."""
    return counts.between(0, threshold, inclusive="neither")


def is_dominated(cells: pd.DataFrame) -> pd.Series:
    """Whether the two `largest` and `second` suppliers make up so much of a cell's `total` that it tells their own.

    Examples
    --------
    >>> is_dominated(pd.DataFrame({"total": [100, 100], "largest": [50, 50], "second": [40, 41]})).tolist()
    [False, True]
    """
    return (cells["largest"] + cells["second"] - MOST_OF_TWO * cells["total"]).round(6) > 0


def few_answers(rows: pd.DataFrame, policy: Disclosure) -> pd.Series:
    """Which estimates rest on too few respondents, and which others have to be hidden lest such a base be worked back.

    The groups of a characteristic, and the wards, add up to everyone who answered a question, but for those who left
    the characteristic out. So where one base is too small, the smallest others are hidden with it, as for counts,
    until it has candidates enough for one who knows that nobody did. In the shipped places some did, how many by
    question is in no table, and every hidden base may be anything from 0 to 9 (tests/attack). Of a pair of
    characteristics those who would not say are never shown, so that the bases of a pair stay open by themselves.

    Parameters
    ----------
    rows : DataFrame
        Estimates with respondents; those alike in the columns of `FAMILY` that are there are the parts of one whole.

    Examples
    --------
    >>> rows = pd.DataFrame({"indicator_id": "lonely", "characteristic": "sex", "respondents": [9, 12, 12, 200]})
    >>> few_answers(rows, Disclosure()).tolist()
    [True, True, True, False]
    """
    number, family = rows["respondents"].astype(float), [rows[name] for name in FAMILY if name in rows]
    few = number < policy.survey_minimum
    for _, parts in number.groupby(family) if family else ():
        small = is_small(parts, policy.survey_minimum)
        few[parts.index] |= complemented(parts, small, policy.survey_minimum, SURVEY_BASE_ROUNDING, known=0)[0]
    return few


def to_hide(rows: pd.DataFrame, policy: Disclosure) -> pd.Series:
    """Which rows rest on too few, and which have to be hidden lest those be worked back.

    Records of the place that do not say where in it are a part of its total like a ward: few of them are told neither.
    """
    rows = rows.assign(threshold=rows["threshold"].clip(lower=policy.administrative_threshold))
    hidden = too_few(rows)
    rest = (rows["denominator"] - rows["numerator"]).where(rows["measure"].eq("proportion"))
    for _, cells in rows.groupby(["source_id", "indicator_id"]):
        if cells["status"].eq("suppressed").any():  # the agency hid a part of unknown size: there is no total
            continue
        wards, threshold = cells.index[cells["area_type"] == "ward"], cells["threshold"].iloc[0]
        matched, whole = (cells.loc[cells["area_type"] == area, "numerator"].sum() for area in ("ward", "place"))
        unplaced = pd.Series({UNPLACED: max(round(whole - matched, 6), 0.0)})
        located = rows.loc[wards, "numerator"]  # what a ledger adds up; with those of no ward they are the place's
        for counts in (located, pd.concat([located, unplaced]), rest[wards]):
            few = hidden.reindex(counts.index, fill_value=False) | is_small(counts, threshold)
            few, enough = complemented(counts, few, threshold, policy.rounding_base)
            hidden[wards] = few[wards]
            hidden[cells.index] |= not enough
    return hidden


def complemented(
    counts: pd.Series, hidden: pd.Series, threshold: float, base: int, *, known: int = 2
) -> tuple[pd.Series, bool]:
    """Hide the smallest counts shown until each small one has candidates enough for one who knows the total.

    The counts hidden add up to the total less those shown, each known to within its rounding; a small one may be 1 to
    threshold − 1, any other no less than the threshold. So a small one may lie above 1 by no more than their sum can
    lie above their least values, and below threshold − 1 likewise. Counts that are alike are hidden together: else an
    edition with one record more or less could hide another of them, and each would show what the other hides.

    Parameters
    ----------
    known : int
        How many roundings are not relied on. An edition with one record more gives the count that grew away if it
        goes to the next multiple: that is one rounding less, and the sum of the others may be off by as much again.

    Returns
    -------
    hidden : Series of bool
        What has to be hidden: all of them where that is not enough.
    enough : bool
        Whether it is: if not, the total must be hidden too.
    """
    hidden, small, half = hidden.copy(), is_small(counts, threshold), (base - 1) // 2
    wanted = min(FEWEST_CANDIDATES, threshold - 1)
    while small.any():
        shown, others = counts[~hidden & (counts > 0)], hidden & ~small
        rounded = nearest(shown, base)
        fewer = (rounded - (rounded - half).clip(lower=threshold)).sum()
        total = counts.sum() - rounded.sum()
        above = total + max(fewer - half * known, 0) - small.sum() - threshold * others.sum()
        below = np.inf if others.any() else (threshold - 1) * small.sum() - total + half * max(len(shown) - known, 0)
        left = min(threshold - 1, 1 + above) - max(1, threshold - 1 - below) + 1
        if left >= wanted or shown.empty:
            return hidden | (left < wanted), left >= wanted
        hidden |= counts == shown.min()
    return hidden, True


def nearest(numbers: pd.Series, base: int) -> pd.Series:
    """Round to the nearest multiple of a base.

    Examples
    --------
    >>> nearest(pd.Series([12, 13]), 5).tolist()
    [10.0, 15.0]
    """
    return (numbers / base).round() * base
