"""Series in time, and whether a change is more than the variation that the process has anyway."""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from placelib.errors import PlacelibError

LIMIT = 2.66  # 3 / 1.128: mean moving ranges to three standard deviations
SCREEN = 3.267  # a moving range above so many mean ranges is no ordinary variation
RUN = 7
FEWEST_POINTS = 12
FEWEST_EVENTS = 20  # a month, on average
MONTHS, FEWEST_FORECAST = 12, 24
FUTURES = ("llevel", "lldtrend")  # the level stays about where it is, or goes on as it has been going
SEASON = {"freq_seasonal": [{"period": MONTHS, "harmonics": 1}], "stochastic_freq_seasonal": [False]}
QUIETLY = {"disp": False, "warn_convergence": False, "cov_type": "none"}  # a flat top is no fault
DRAWS, SEED = 500, 20261126


def xmr(values: pd.Series, events: pd.Series | None) -> pd.DataFrame:
    """Give a series its XmR limits (individual values and moving ranges) and say what is more than chance.

    The limits are ``mean ± 2.66 × mean moving range``, ranges above 3.267 × their mean screened out of it once. Four
    rules mark special cause: a point outside the limits; seven running on one side of the mean; seven running each
    above, or each below, the one before; and two of three running near the same limit (the outer third of its
    distance from the mean), all three on that side. Every point of such a run is marked, of the last rule those near
    the limit. Limits are of the whole series given and are never re-based by themselves: whoever holds that the
    process has changed splits the series, and says why.

    Parameters
    ----------
    values : Series
        In order of time, evenly spaced, none missing; indexed by period. Any unit.
    events : Series or None
        Events behind each value: `values` itself for counts. None only where values do not come from counting
        events (a waiting time, a score, a percentage of many).

    Returns
    -------
    DataFrame
        Indexed as `values`: value, centre, lower, upper (not cut at nought), moving_range (NaN at the first),
        range_limit, screened (range left out of the mean), outside_limits, one_side, trend, near_limit (the rules)
        and variation ("special" where any rule holds, else "chance").

    Raises
    ------
    PlacelibError
        For fewer than 12 points, a missing value, periods out of order, or fewer than 20 events a period on average.

    References
    ----------
    Wheeler (2000), Understanding Variation, 2nd edition; NHS England, Making Data Count, and its rules as coded in
    NHSRplotthedots.

    Examples
    --------
    >>> visits = pd.Series([52, 48, 51, 49, 53, 47, 50, 52, 48, 51, 49, 75], pd.period_range("2025-01", periods=12))
    >>> chart = xmr(visits, visits)
    >>> chart[["centre", "lower", "upper"]].round(1).iloc[0].tolist()
    [52.1, 43.3, 60.9]
    >>> chart.index[chart["variation"] == "special"].astype(str).tolist()
    ['2025-01-12']
    """
    _refuse(values, events)
    value = values.to_numpy(dtype=float)
    moving = np.abs(np.diff(value, prepend=np.nan))
    range_limit = SCREEN * np.nanmean(moving)
    screened = moving > range_limit
    centre, reach = value.mean(), LIMIT * np.nanmean(moving[~screened])
    gap = np.where(np.isclose(value, centre, rtol=1e-12, atol=0), 0, value - centre)
    side, near = np.sign(gap), (np.abs(gap) > reach * 2 / 3) & (np.abs(gap) <= reach)
    all_on_a_side = np.abs(sliding_window_view(side, 3).sum(axis=1)) == 3
    rules = {
        "outside_limits": np.abs(gap) > reach,
        "one_side": _reached(np.abs(sliding_window_view(side, RUN).sum(axis=1)) == RUN, RUN),
        "trend": _reached(np.abs(sliding_window_view(np.sign(np.diff(value)), RUN - 1).sum(axis=1)) == RUN - 1, RUN),
        "near_limit": near & _reached(all_on_a_side & (sliding_window_view(near, 3).sum(axis=1) >= 2), 3),
    }
    chart = {"value": value, "centre": centre, "lower": centre - reach, "upper": centre + reach}
    chart |= {"moving_range": moving, "range_limit": range_limit, "screened": screened, **rules}
    special = np.any(list(rules.values()), axis=0)
    return pd.DataFrame(chart, index=values.index).assign(variation=np.where(special, "special", "chance"))


def charted(events: pd.Series) -> tuple[pd.DataFrame, str]:
    """Chart monthly events, pooled into quarters where a month has fewer than 20 on average.

    Parameters
    ----------
    events : Series
        Counts by month (periods), in order.

    Returns
    -------
    chart : DataFrame
        See `xmr`; empty where the series allows no limits.
    period : str
        "month" or "quarter" (of the financial year; quarters that are not whole are left out).

    Examples
    --------
    >>> chart, period = charted(pd.Series(10.0, pd.period_range("2023-04", periods=36, freq="M")))
    >>> period, len(chart), chart["centre"].iloc[0]
    ('quarter', 12, np.float64(30.0))
    """
    period = "month" if events.mean() >= FEWEST_EVENTS else "quarter"
    if period == "quarter":
        parts = events.groupby(events.index.asfreq("Q-MAR"))
        events = parts.sum(min_count=3)[parts.size() == 3]
    try:
        return xmr(events, events), period
    except PlacelibError:
        return pd.DataFrame(columns=["value"]), period


def year_totals(events: pd.Series, until: pd.Period) -> np.ndarray | None:
    """Simulate what the twelve months that end with `until` may add up to.

    Two structural state-space models of the logarithm of the count, with a yearly wave, are fitted by maximum
    likelihood: a level that drifts by chance, and one that has a trend besides. Half of the futures come from each, as
    the past seldom tells whether a trend will last. Months that are known already count as they were.

    Parameters
    ----------
    events : Series
        Counts by month (periods), in order.
    until : Period
        Month that ends the year in question.

    Returns
    -------
    array of float, or None
        1,000 equally likely totals; None where there are fewer than 24 months, any is missing, an average month has
        fewer than 20 events, or `until` is past.

    Notes
    -----
    Coverage of the intervals is measured by `benchmarks/forecasts.py`. They allow for chance in the counts and for a
    drifting level, not for a change of a kind that the series has not seen.

    References
    ----------
    Harvey (1989), Forecasting, structural time series models and the Kalman filter.
    """
    from statsmodels.tsa.statespace.structural import UnobservedComponents  # slow to load, and seldom needed

    ahead = (until - events.index[-1]).n
    if ahead < 1 or len(events) < FEWEST_FORECAST or events.isna().any() or events.mean() < FEWEST_EVENTS:
        return None
    logs, random, futures = np.log(events.to_numpy(float).clip(min=0.5)), np.random.default_rng(SEED), []
    for level in FUTURES:
        fitted = UnobservedComponents(logs, level, **SEASON).fit(**QUIETLY)
        futures.append(np.exp(fitted.simulate(ahead, anchor="end", repetitions=DRAWS, rng=random).reshape(ahead, -1)))
    return np.hstack(futures)[-MONTHS:].sum(axis=0) + events.tail(max(MONTHS - ahead, 0)).sum()


def _reached(windows: np.ndarray, length: int) -> np.ndarray:
    """Mark every point that a marked window of so many points holds."""
    return np.convolve(windows, np.ones(length)) > 0


def _refuse(values: pd.Series, events: pd.Series | None) -> None:
    """Refuse a series that no limits can be drawn for."""
    if len(values) < FEWEST_POINTS:
        raise PlacelibError(f"{len(values)} points are too few for control limits: wait for {FEWEST_POINTS}.")
    index = values.index
    if isinstance(index, pd.DatetimeIndex):
        raise PlacelibError("Dates do not show which periods are missing: turn them into periods with to_period.")
    gaps = isinstance(index, pd.PeriodIndex) and (index[-1] - index[0]).n + 1 != len(index)
    if gaps or not (index.is_monotonic_increasing and index.is_unique):
        raise PlacelibError(f"Periods from {index[0]} to {index[-1]} are missing, repeated or out of order.")
    if values.isna().any():
        absent = ", ".join(map(str, index[values.isna()]))
        raise PlacelibError(f"There is no value for {absent}: pool periods until each has one.")
    if events is not None and not events.reindex(index).mean() >= FEWEST_EVENTS:
        raise PlacelibError(
            f"An average of {events.reindex(index).mean():.1f} events a period is too few for control limits: pool "
            f"periods (months into quarters), wards or kinds of event until there are {FEWEST_EVENTS}."
        )
