"""Control limits: the rules as little tables, limits by hand, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.errors import PlacelibError
from placelib.measures.series import xmr

RULES = ["outside_limits", "one_side", "trend", "near_limit"]

# Each row: a series, the rule that it shows, and under each point "x" where that rule marks it.
SPEC = [
    # (1, -1) seven times, then 5.5, -5.5: the range of 11 is screened, limits are ±6.175, the last two are chance
    ([1, -1] * 7 + [5.5, -5.5], "outside_limits", "................"),
    ([1, -1] * 7 + [5.5, -5.5], "near_limit", "................"),
    ([1, -1] * 7 + [6.5, -5.5], "outside_limits", "..............x."),
    ([0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4], "one_side", "xxxxxxxxxxxxxx"),
    ([3, 1, 3, 1, 3, 1, 4, 4, 4, 4, 4, 4, 1, 3], "one_side", ".............."),
    ([5, 3, 5, 3, 5, 1, 2, 3, 4, 5, 6, 7, 4, 4], "trend", ".....xxxxxxx.."),
    ([5, 3, 5, 3, 5, 2, 2, 3, 4, 5, 6, 7, 4, 4], "trend", ".............."),  # a level step ends a trend
    ([5, 3, 5, 3, 8, 7, 6, 5, 4, 3, 2, 4, 4, 4], "trend", "....xxxxxxx..."),
    ([1, -1] * 10 + [5, 1, 5], "near_limit", "....................x.x"),
    ([1, -1] * 10 + [5, -1, 5], "near_limit", "......................."),  # the third lies on the other side
    ([1, -1] * 10 + [8, 5, 2], "near_limit", "......................."),  # the first is outside, so not near
    ([1, -1] * 10 + [8, 5, 2], "outside_limits", "....................x.."),
    ([7] * 14, "outside_limits", ".............."),
]


@pytest.mark.parametrize(("values", "rule", "marked"), SPEC)
def test_each_rule_marks_its_points_and_no_other(values, rule, marked):
    """The rule marks exactly the points under which the table has an x; where all are dots, so is the verdict."""
    chart = xmr(pd.Series(values), None)
    assert "".join(np.where(chart[rule], "x", ".")) == marked
    assert (chart["variation"] == np.where(chart[RULES].any(axis=1), "special", "chance")).all()


def test_limits_by_hand_with_a_screened_range():
    """Ranges 2 (13 times), 6.5 and 11: the last is above 3.267 × 2.9 and leaves a mean of 32.5 / 14."""
    chart = xmr(pd.Series([1, -1] * 7 + [5.5, -5.5]), None)
    assert chart["screened"].tolist() == [False] * 15 + [True]
    assert chart["range_limit"].iloc[0] == pytest.approx(3.267 * 43.5 / 15)
    assert chart["upper"].iloc[0] == pytest.approx(2.66 * 32.5 / 14) == pytest.approx(-chart["lower"].iloc[0])
    assert chart["variation"].iloc[-2:].tolist() == ["chance", "chance"]


def test_a_lasting_change_never_moves_the_limits_by_itself():
    """Two years at 50 and one at 80: one mean for all, and both runs are marked."""
    months = pd.period_range("2023-01", periods=36, freq="M")
    values = pd.Series([49.0, 51.0] * 12 + [79.0, 81.0] * 6, months)
    chart = xmr(values, values)
    assert chart["centre"].unique().tolist() == [60]
    assert chart["one_side"].all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 99), min_size=12, max_size=40), st.sampled_from([-1, 1]), st.integers(1, 9))
def test_unit_origin_and_direction_do_not_matter(values, sign, scale):
    """Turned over, stretched and shifted, a series shows the same rules at the same points, as it does backwards."""
    chart = xmr(pd.Series(values, dtype=float), None)
    other = xmr(pd.Series(values, dtype=float) * sign * scale + 1_000, None)
    pd.testing.assert_frame_equal(chart[RULES], other[RULES])
    back = xmr(pd.Series(values[::-1], dtype=float), None)[RULES].iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(chart[RULES], back)


MONTHS = pd.period_range("2024-01", periods=14, freq="M")


@pytest.mark.parametrize(
    ("values", "events", "words"),
    [
        (pd.Series(19.0, MONTHS), 19.0, "average of 19.0 events a period is too few.*quarters"),
        (pd.Series(0.4, MONTHS), np.nan, "average of nan events"),
        (pd.Series(50.0, MONTHS[:11]), 50.0, "11 points are too few"),
        (pd.Series(50.0, MONTHS.delete(5)), 50.0, "Periods from 2024-01 to 2025-02 are missing"),
        (pd.Series(50.0, MONTHS[::-1]), 50.0, "out of order"),
        (pd.Series(50.0, MONTHS).where(MONTHS != MONTHS[3]), 50.0, "no value for 2024-04"),
        (pd.Series(50.0, MONTHS.to_timestamp()), 50.0, "turn them into periods"),
    ],
)
def test_a_series_without_limits_is_refused(values, events, words):
    """Too few events or points, a missing month, months out of order."""
    with pytest.raises(PlacelibError, match=words):
        xmr(values, pd.Series(events, values.index))


def test_twenty_events_a_month_are_enough():
    """At 20 limits are drawn, at 19 they were not; a percentage of many needs no events."""
    values = pd.Series(20.0, MONTHS)
    assert xmr(values, values)["centre"].eq(20).all()
    assert xmr(values / 100, None)["centre"].tolist() == pytest.approx([0.2] * 14)
