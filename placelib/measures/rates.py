"""Counts, proportions and rates with the intervals that public health indicators in England use.

Every function takes numbers, arrays or Series, gives one row for each, and carries the index of the first.
A missing input gives a missing row. Nothing here is rounded.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from placelib.errors import PlacelibError
from placelib.measures.design import refuse_rows

FEWEST_EVENTS = 10  # below: exact limits for a count and no standardised rate, as for England's indicators

EUROPEAN_STANDARD_POPULATION_2013 = pd.Series(
    [5000, *[5500] * 3, 6000, 6000, 6500, *[7000] * 4, 6500, 6000, 5500, 5000, 4000, 2500, 1500, 1000],
    index=[*(f"{age}-{age + 4}" for age in range(0, 90, 5)), "90+"],
    name="people",
)
"""Eurostat's Revision of the European Standard Population (2013): 100,000 people in five-year age bands."""


def wilson(count: ArrayLike, base: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """Give a proportion its Wilson score interval.

    With p = count / base, q = 1 - p and z the normal quantile, the limits are
    ``(2 count + z² ± z sqrt(z² + 4 count q)) / (2 (base + z²))``.

    Parameters
    ----------
    count, base : array-like of float
        People (or things) with the property, and all of them. A base of 0 has no proportion: NaN.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        value, standard_error, lower, upper: shares of 1.

    Raises
    ------
    PlacelibError
        For a negative number or a count above its base, naming the row positions.

    References
    ----------
    Wilson (1927), JASA 22; Altman and others (2000), Statistics with Confidence, 2nd edition.

    Examples
    --------
    >>> wilson(65, 100).round(4).loc[0].tolist()
    [0.65, 0.0477, 0.5525, 0.7364]
    """
    index, count, base = _arrays(count, base)
    refuse_rows(count > base, "Not calculated, as a count is larger than its base")
    base = np.where(base > 0, base, np.nan)
    share, limits = count / base, proportion_confint(count, base, 1 - level, method="wilson")
    return _frame(index, share, np.sqrt(share * (1 - share) / base), *limits)


def byar(count: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """Give a count of events its Poisson interval: Byar's approximation, exact below 10 events.

    Byar's limits of a count O are ``O (1 - 1/(9 O) - z/(3 sqrt O))³`` and, with O + 1 for O, the same with
    a plus before z. The exact ones are half of chi-square's quantiles on 2 O and 2 O + 2 degrees of freedom.

    Parameters
    ----------
    count : array-like of float
        Events, not people: somebody may have several.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        value, standard_error, lower, upper: events.

    Raises
    ------
    PlacelibError
        For a negative count, naming the row positions.

    References
    ----------
    Breslow and Day (1987), Statistical Methods in Cancer Research II, p. 69.

    Examples
    --------
    >>> byar([65, 5]).round(2)[["lower", "upper"]].values.tolist()
    [[50.16, 82.85], [1.62, 11.67]]
    """
    index, count = _arrays(count)
    return _frame(index, count, np.sqrt(count), *_poisson_limits(count, level))


def rate(count: ArrayLike, denominator: ArrayLike, *, per: float, level: float = 0.95) -> pd.DataFrame:
    """Give a crude rate its interval: `byar` of the count over the population at risk.

    Parameters
    ----------
    count : array-like of float
        Events.
    denominator : array-like of float
        The population at risk (households for burglary). None at all has no rate: NaN.
    per : float
        The rate is per so many: 1_000 or 100_000.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        value, standard_error, lower, upper: events per `per` of the denominator.

    Raises
    ------
    PlacelibError
        For a negative number, naming the row positions.

    Examples
    --------
    >>> rate(65, 13_000, per=1_000).round(2).loc[0].tolist()
    [5.0, 0.62, 3.86, 6.37]
    """
    index, count, denominator = _arrays(count, denominator)
    scale = per / np.where(denominator > 0, denominator, np.nan)
    return byar(pd.Series(count, index), level=level).mul(scale, axis=0)


def directly_standardised_rate(
    counts: pd.DataFrame,
    populations: pd.DataFrame,
    *,
    standard: pd.Series = EUROPEAN_STANDARD_POPULATION_2013,
    per: float,
    level: float = 0.95,
) -> pd.DataFrame:
    """Give the rate that each area would have if its people had the ages of a standard population.

    With w the shares of the standard population, the rate is ``sum w count / population`` and its variance
    ``sum w² count / population²``. Dobson's interval stretches that of the total count O about the rate by
    ``sqrt(variance / O)``.

    Parameters
    ----------
    counts, populations : DataFrame, shape (areas, age bands)
        Events, and people at risk. Columns are the age bands of `standard`.
    standard : Series
        People of the standard population in each age band.
    per : float
        The rate is per so many people.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        value, standard_error, lower, upper: events per `per` standard people. NaN for an area with fewer than
        10 events, or with a missing cell.

    Raises
    ------
    PlacelibError
        For age bands or areas that differ, a negative number, or an age band without people, naming the row
        positions.

    References
    ----------
    Dobson and others (1991), "Confidence intervals for weighted sums of Poisson parameters", Statistics in
    Medicine 10; Eurostat (2013), Revision of the European Standard Population.

    Examples
    --------
    >>> bands = EUROPEAN_STANDARD_POPULATION_2013.index
    >>> counts, people = pd.DataFrame([[4] * 19], columns=bands), pd.DataFrame([[2000] * 19], columns=bands)
    >>> directly_standardised_rate(counts, people, per=1_000).round(2).loc[0].tolist()
    [2.0, 0.24, 1.55, 2.53]
    """
    bands = list(standard.index)
    for name, frame in {"counts": counts, "populations": populations}.items():
        if set(frame) != set(bands) or not frame.index.equals(counts.index):
            raise PlacelibError(f"The {name} need the areas of the counts and age bands {', '.join(map(str, bands))}.")
    events, people = (frame[bands].to_numpy(dtype=float) for frame in (counts, populations))
    refuse_rows((np.fmin(events, people) < 0).any(axis=1), "Not calculated, as a number is negative")
    bare = (people == 0).any(axis=1)
    refuse_rows(bare, "Not calculated, as an age band has no people (merge bands, in the standard too)")
    share = standard.to_numpy() / standard.sum()
    total = np.where(events.sum(axis=1) >= FEWEST_EVENTS, events.sum(axis=1), np.nan)
    value = np.where(np.isnan(total), np.nan, (events / people) @ share)
    error = np.where(np.isnan(total), np.nan, np.sqrt((events / people**2) @ share**2))
    lower, upper = (value + error / np.sqrt(total) * (limit - total) for limit in _poisson_limits(total, level))
    return _frame(counts.index, value * per, error * per, lower * per, upper * per)


def _poisson_limits(count: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    z, tail, more = stats.norm.ppf((1 + level) / 2), (1 - level) / 2, count + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = count * (1 - 1 / (9 * count) - z / (3 * np.sqrt(count))) ** 3
    upper = more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3
    exact_lower = np.where(count > 0, stats.chi2.ppf(tail, 2 * count) / 2, 0)
    exact_upper = stats.chi2.ppf(1 - tail, 2 * more) / 2
    few = count < FEWEST_EVENTS
    return np.where(few, exact_lower, lower), np.where(few, exact_upper, upper)


def _arrays(*inputs: ArrayLike) -> tuple:
    """Give the index of the first input, then every input as floats of one length; none is negative."""
    index = inputs[0].index if isinstance(inputs[0], pd.Series) else None
    if index is not None and any(isinstance(each, pd.Series) and not each.index.equals(index) for each in inputs):
        raise PlacelibError("Counts and denominators are in different orders: align them on one index.")
    series = (pd.Series(np.atleast_1d(part)) for part in inputs)
    arrays = np.broadcast_arrays(*(part.to_numpy(dtype=float, na_value=np.nan) for part in series))
    refuse_rows(np.any([array < 0 for array in arrays], axis=0), "Not calculated, as a number is negative")
    return index, *arrays


def _frame(index: pd.Index | None, *columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(dict(zip(["value", "standard_error", "lower", "upper"], columns, strict=True)), index=index)
