"""Counts and rates: limits, invariants, and every refusal."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from placelib.errors import PlacelibError
from placelib.measures.rates import EUROPEAN_STANDARD_POPULATION_2013, byar, directly_standardised_rate, rate, wilson

BANDS = EUROPEAN_STANDARD_POPULATION_2013.index


def ages(numbers):
    """One area with these numbers in its age bands."""
    return pd.DataFrame([np.broadcast_to(numbers, len(BANDS))], columns=BANDS, index=["W1"])


def test_missing_in_missing_out_and_the_index_is_kept():
    """Each row answers for itself; the index of a Series comes back, nullable numbers too."""
    count = pd.Series([5, pd.NA, 20], index=["W1", "W2", "W3"], dtype="Int64")
    for found in (wilson(count, 100), byar(count), rate(count, 100, per=1_000)):
        assert found.index.tolist() == ["W1", "W2", "W3"]
        assert found.isna().all(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("call", [lambda: wilson(0, 0), lambda: rate(3, 0, per=1_000)])
def test_nobody_at_risk_has_no_rate(call):
    """Nought in nought is unknown, not nought."""
    assert call().isna().all(axis=None)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wilson([1, 5], [3, 4]), "a count is larger than its base: look at row positions 1"),
        (lambda: wilson([1, -5], 9), "a number is negative: look at row positions 1"),
        (lambda: byar([-1, 3, -2]), "a number is negative: look at row positions 0, 2"),
        (lambda: rate(3, [-1], per=1), "a number is negative: look at row positions 0"),
        (lambda: rate(pd.Series([1], ["a"]), pd.Series([1], ["b"]), per=1), "align them on one index"),
        (lambda: directly_standardised_rate(ages(1), ages(0), per=1), "an age band has no people"),
        (lambda: directly_standardised_rate(ages(-1), ages(9), per=1), "a number is negative"),
        (lambda: directly_standardised_rate(ages(1), ages(9)[["0-4"]], per=1), "populations need the areas"),
    ],
)
def test_impossible_numbers_are_refused_with_their_rows(call, words):
    """A negative number, more cases than people, tables that do not belong together."""
    with pytest.raises(PlacelibError, match=words):
        call()


@given(st.integers(0, 500), st.integers(1, 500), st.sampled_from([0.8, 0.95, 0.998]))
def test_wilson_holds_the_proportion_and_mirrors_it(count, base, level):
    """The interval lies in 0 to 1, holds the proportion, and that of the rest is its mirror image."""
    count = min(count, base)
    yes, no = wilson(count, base, level=level).loc[0], wilson(base - count, base, level=level).loc[0]
    assert -1e-12 <= yes["lower"] <= yes["value"] + 1e-12
    assert yes["value"] - 1e-12 <= yes["upper"] <= 1 + 1e-12
    assert yes["lower"] == pytest.approx(1 - no["upper"], abs=1e-12)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 65, 1_000])
def test_byar_is_exact_below_ten_and_close_above(count):
    """Below ten events the chi-square limits to the last digit; from ten, within half a percent."""
    found = byar(count).loc[0]
    exact = stats.gamma.ppf([0.025, 0.975], [max(count, 1e-300), count + 1])
    assert found[["lower", "upper"]].tolist() == pytest.approx(exact, rel=1e-9 if count < 10 else 5e-3, abs=1e-9)


def test_a_rate_is_its_count_over_the_population():
    """Value and limits scale with the unit and the population."""
    found = rate([65, 3], [13_000, 1_000], per=100_000)
    assert found["value"].tolist() == pytest.approx([500, 300])
    assert found.loc[0, "upper"] == pytest.approx(byar(65).loc[0, "upper"] / 0.13)


def test_the_european_standard_population_is_eurostats():
    """Nineteen bands that sum to 100,000 people."""
    assert EUROPEAN_STANDARD_POPULATION_2013.sum() == 100_000
    assert (BANDS[0], BANDS[17], BANDS[18], len(BANDS)) == ("0-4", "85-89", "90+", 19)


def test_a_standard_age_structure_standardises_to_the_crude_rate():
    """An area with the standard's ages: the rate, its error and its interval are the crude ones."""
    people = ages(EUROPEAN_STANDARD_POPULATION_2013.to_numpy())
    counts = ages(np.arange(19))
    found = directly_standardised_rate(counts, people, per=1_000)
    pd.testing.assert_frame_equal(found, rate(pd.Series([171], ["W1"]), 100_000, per=1_000), rtol=1e-9)


@pytest.mark.parametrize(("events", "is_given"), [(9, False), (10, True)])
def test_fewer_than_ten_events_have_no_standardised_rate(events, is_given):
    """Nine events: nothing; ten: a rate with an interval."""
    counts = ages(0.0)
    counts.iloc[0, 5] = events
    found = directly_standardised_rate(counts, ages(500), per=1_000)
    assert found.notna().all(axis=None) == is_given
    assert found.notna().any(axis=None) == is_given


def test_a_missing_cell_leaves_no_standardised_rate():
    """An age band that is suppressed is not nought."""
    counts = ages(5.0)
    counts.iloc[0, 3] = np.nan
    assert directly_standardised_rate(counts, ages(500), per=1_000).isna().all(axis=None)
