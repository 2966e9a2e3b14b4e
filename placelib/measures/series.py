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
