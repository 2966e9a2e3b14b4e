"""Areas and groups against a standard: standardised ratios, funnel limits, and the slope from worst off to best off."""

import numpy as np
import pandas as pd
from scipy import stats

from placelib.errors import PlacelibError
from placelib.measures.rates import rate

WINSORISED = 0.1  # share of the scores at either end that cannot swell the spread


def indirectly_standardised_ratio(
    count: pd.Series, populations: pd.DataFrame, *, standard_rates: pd.Series, level: float = 0.95
) -> pd.DataFrame:
    """Compare each area's events with those expected if a standard's rates held for its people.

    The expected events are the sum over age bands of ``population × standard rate``; the interval of the ratio is
    `rates.byar` of the events, over the expected. Two areas' ratios are each against the standard, with their own
    ages: they do not compare with one another; directly standardised rates do.

    Parameters
    ----------
    count : Series
        Events by area.
    populations : DataFrame, shape (areas, age bands)
        People at risk.
    standard_rates : Series
        Events a person in each age band of the standard (1 in 1,000 is 0.001), such as England's.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        value (1: as many as expected), standard_error, lower, upper, expected (events). NaN for a missing cell, or
        where none are expected.

    Raises
    ------
    PlacelibError
        For areas or age bands that differ, or a negative number.

    References
    ----------
    Breslow and Day (1987), Statistical Methods in Cancer Research II, chapter 2.

    Examples
    --------
    >>> people = pd.DataFrame({"under 65": [9_000], "65+": [1_000]}, index=["W1"])
    >>> england = pd.Series({"under 65": 0.002, "65+": 0.032})
    >>> indirectly_standardised_ratio(pd.Series({"W1": 65}), people, standard_rates=england).round(2).loc["W1"].tolist()
    [1.3, 0.16, 1.0, 1.66, 50.0]
    """
    if not count.index.equals(populations.index) or set(populations) != set(standard_rates.index):
        raise PlacelibError("Populations need the areas of the counts and the age bands of the standard's rates.")
    if (populations.min(axis=None) < 0) or (standard_rates < 0).any():
        raise PlacelibError("Not standardised, as a population or a standard rate is negative.")
    expected = populations[standard_rates.index].astype(float).mul(standard_rates).sum(axis=1, skipna=False)
    return rate(count, expected, per=1, level=level).assign(expected=expected)


def funnel_limits(count: pd.Series, expected: pd.Series, *, level: float = 0.998) -> pd.DataFrame:
    """Say which areas have more or fewer events than expected, chance and the usual spread of areas allowed for.

    The square root of the ratio of events to expected is about normal, with standard error ``s = 1 / (2 sqrt
    expected)`` about 1. Areas differ by more than chance for reasons that nobody calls abnormal, so their scores,
    the outer tenths at either end winsorised, give a dispersion (mean square) and from it Spiegelhalter's additive
    variance between areas, ``max(0, (n dispersion - (n - 1)) / (sum w - sum w² / sum w))`` with ``w = 1 / s²``. The
    limits are ``(1 ± z sqrt(s² + variance between))²``: an area inside them is as its like are, not therefore well.

    Parameters
    ----------
    count : Series
        Events by area: events, not people.
    expected : Series
        Events expected in each: the place's rate times the people at risk, or of `indirectly_standardised_ratio`.
    level : float
        Of the limits: 0.998 to act on, 0.95 to watch.

    Returns
    -------
    DataFrame
        value (events / expected), lower, upper (limits of the value), score (adjusted: standard deviations from as
        expected), dispersion, between_sd (of the square root; the same in each row), verdict ("higher", "lower" or
        "as expected"; "" where value is missing).

    Raises
    ------
    PlacelibError
        For areas that differ, a negative count, or expected events that are not above 0.

    References
    ----------
    Spiegelhalter (2005), "Funnel plots for comparing institutional performance", Statistics in Medicine 24, and
    "Handling over-dispersion of performance indicators", Quality and Safety in Health Care 14.

    Examples
    --------
    >>> events = pd.Series([90, 110, 95, 105, 100, 98, 104, 99, 102, 200])
    >>> funnel_limits(events, pd.Series(100, events.index)).loc[[0, 9], "verdict"].tolist()
    ['as expected', 'higher']
    """
    if not count.index.equals(expected.index) or (count < 0).any() or (expected <= 0).any():
        raise PlacelibError("Funnel limits need the same areas, counts of 0 or more, and some events expected in each.")
    value = count.astype(float) / expected.astype(float)
    chance = 1 / (4 * expected.astype(float).where(value.notna()))
    score = ((np.sqrt(value) - 1) / np.sqrt(chance)).dropna()
    dispersion = (score.clip(*score.quantile([WINSORISED, 1 - WINSORISED])) ** 2).mean()
    weight = 1 / chance.dropna()
    surplus = len(score) * dispersion - (len(score) - 1)
    between = max(0.0, surplus / (weight.sum() - (weight**2).sum() / weight.sum())) if len(score) > 1 else 0.0
    reach = stats.norm.ppf((1 + level) / 2) * np.sqrt(chance + between)
    lower, upper = (1 - reach).clip(lower=0) ** 2, (1 + reach) ** 2
    verdict = np.select([value > upper, value < lower, value.notna()], ["higher", "lower", "as expected"], "")
    score = (np.sqrt(value) - 1) / np.sqrt(chance + between)
    columns = {"value": value, "lower": lower, "upper": upper, "score": score, "dispersion": dispersion}
    return pd.DataFrame(columns).assign(between_sd=np.sqrt(between), verdict=verdict)


def slope_index(
    estimates: pd.DataFrame, population: pd.Series, *, deprivation: pd.Series, level: float = 0.95
) -> pd.DataFrame:
    """Measure inequality from the most to the least deprived as the slope of a line through all groups.

    Each group has the relative rank (ridit) b: the share of people in more deprived groups and half of those in
    groups as deprived as itself. A regression of the values on b, weighted by people, gives the slope index b1, the
    difference between the line's ends, least deprived less most deprived, and the relative index (b0 + b1) / b0,
    their ratio. Values, ranks and weights are those of the Office for Health Improvement and Disparities. Its
    intervals draw the values from normal distributions 100,000 times; as both indices are linear in the values, or
    a ratio of such, these are what those draws tend to: normal for the slope, Fieller's for the ratio.

    Parameters
    ----------
    estimates : DataFrame
        value and standard_error of at least 3 groups (deprivation tenths, wards), independent of one another. The
        interval is of these errors alone, not of how far groups lie from a line.
    population : Series
        People in each group.
    deprivation : Series
        Higher is more deprived. Equal numbers share a rank.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Rows slope_index (unit of the values) and relative_index (1: no inequality); value, standard_error, lower,
        upper. The relative index has no limits where the line's lower end may be nought, no value where it is not
        above nought.

    Raises
    ------
    PlacelibError
        For fewer than 3 groups or degrees of deprivation, groups that differ, or a missing or impossible number.

    References
    ----------
    Low and Low (2004), "Measuring the gap", Journal of Public Health 26; PHEindicatormethods, phe_sii with
    value_type 0; Fieller (1954), JRSS B 16.

    Examples
    --------
    >>> tenths = pd.Series(range(10, 0, -1))
    >>> years = pd.DataFrame({"value": 70 + 0.7 * tenths[::-1].to_numpy(), "standard_error": 0.5})
    >>> slope_index(years, pd.Series(1_000, tenths.index), deprivation=tenths)["value"].round(3).tolist()
    [7.0, 1.1]
    """
    frame = pd.concat([estimates[["value", "standard_error"]], population, deprivation], axis=1).astype(float)
    frame.columns = ["value", "error", "people", "deprivation"]
    if frame.isna().any(axis=None) or (frame["people"] <= 0).any() or (frame["error"] < 0).any():
        raise PlacelibError("The slope needs a value, an error, people and deprivation for each of the same groups.")
    if frame["deprivation"].nunique() < 3:
        raise PlacelibError("The slope needs at least 3 groups that differ in deprivation: show their difference.")
    worse = np.greater.outer(*[frame["deprivation"].to_numpy()] * 2).T
    same = np.equal.outer(*[frame["deprivation"].to_numpy()] * 2)
    share = (frame["people"] / frame["people"].sum()).to_numpy()
    line = np.column_stack([np.ones(len(frame)), (worse + same / 2) @ share])
    solve = np.linalg.solve((line.T * share) @ line, line.T * share)
    ends = np.array([[1, 0], [1, 1]]) @ solve
    low, high = ends @ frame["value"]
    spread = (ends * frame["error"].to_numpy() ** 2) @ ends.T
    z = stats.norm.ppf((1 + level) / 2)
    error = np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    slope = [high - low, error, high - low - z * error, high - low + z * error]
    rows = {"slope_index": slope, "relative_index": _fieller(high, low, spread, z)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "standard_error", "lower", "upper"])


def _fieller(high: float, low: float, spread: np.ndarray, z: float) -> list[float]:
    """Give high / low with its delta error and Fieller's limits: the roots r of (high - r low)² = z² variance."""
    if low <= 0:
        return [np.nan] * 4
    ratio = high / low
    error = np.sqrt(spread[1, 1] - 2 * ratio * spread[0, 1] + ratio**2 * spread[0, 0]) / low
    square = low**2 - z**2 * spread[0, 0]
    middle = high * low - z**2 * spread[0, 1]
    constant = high**2 - z**2 * spread[1, 1]
    if square <= 0:
        return [ratio, error, np.nan, np.nan]
    half = np.sqrt(max(middle**2 - square * constant, 0.0))
    return [ratio, error, (middle - half) / square, (middle + half) / square]
