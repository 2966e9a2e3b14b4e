"""Synthetic control: a mix known by construction, a planted effect found again, and no effect made of nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from placelib.measures.panel import synthetic_control

YEARS, SINCE = np.arange(2012, 2026), 2021


def panel(values, place="Here"):
    """Make the book of a table by year and area."""
    rows = pd.DataFrame(values, YEARS).rename_axis("year").melt(var_name="area_name", ignore_index=False).reset_index()
    here = rows["area_name"].eq(place)
    rows["role"] = np.where(here, "place", "donor")
    rows["intervention"] = pd.Series(np.where(here, "Wardens", None), dtype=object)
    return rows.assign(intervention_year=np.where(here, SINCE, np.nan), indicator_id="burglary")


def walks(random, areas=12):
    """Areas that share two currents in different measure, with noise of their own."""
    currents = np.cumsum(random.normal(0, 1, (len(YEARS), 2)), axis=0)
    values = 50 + currents @ random.uniform(0, 2, (2, areas)) + random.normal(0, 0.5, (len(YEARS), areas))
    return dict(zip(["Here", *(f"Place {number}" for number in range(1, areas))], values.T, strict=True))


def test_a_place_that_is_a_mix_of_two_others_has_exactly_that_twin():
    """A quarter of one and three quarters of the other, then 5 below: fitted to nothing, apart by 5."""
    random = np.random.default_rng(1)
    values = {name: random.normal(50, 5, len(YEARS)) for name in ("A", "B", "C", "D")}
    values["Here"] = 0.25 * values["A"] + 0.75 * values["C"] - 5 * (YEARS >= SINCE)
    found = synthetic_control(panel(values)).query("role == 'place'")
    assert found["difference"].to_numpy() == pytest.approx(np.where(YEARS >= SINCE, -5, 0), abs=1e-5)
    assert found["synthetic"].to_numpy() == pytest.approx((0.25 * values["A"] + 0.75 * values["C"]), abs=1e-5)
    assert found["rank"].iloc[0] == 1
    assert found["last"].tolist() == [False] * (len(YEARS) - 1) + [True]


def test_a_planted_effect_is_found_and_ranks_first():
    """Ten below what it would have been: the mean difference is within 2 of it, and no placebo departs as far."""
    for seed in range(5):
        values = walks(np.random.default_rng(seed))
        values["Here"] = values["Here"] - 10 * (YEARS >= SINCE)
        after = synthetic_control(panel(values)).query("after and role == 'place'")
        assert after["difference"].mean() == pytest.approx(-10, abs=2)
        assert after["rank"].iloc[0] == 1


def test_without_an_effect_any_rank_is_as_likely_as_another():
    """Of 100 places to which nothing was done, ranks from 1 to 5 come equally often (Pearson's chi-square)."""
    ranks = []
    for seed in range(100):
        found = synthetic_control(panel(walks(np.random.default_rng(seed), areas=5)))
        ranks.append(found.loc[found["role"] == "place", "rank"].iloc[0])
    assert stats.chisquare(np.bincount(np.array(ranks, int), minlength=6)[1:]).pvalue > 0.01


def test_unit_and_origin_of_the_values_do_not_matter():
    """Weights add up to one: shifted and stretched values give shifted and stretched twins, and the same ranks."""
    values = walks(np.random.default_rng(3))
    plain = synthetic_control(panel(values))
    other = synthetic_control(panel({name: 1000 + 7 * each for name, each in values.items()}))
    assert other["synthetic"].to_numpy() == pytest.approx(1000 + 7 * plain["synthetic"].to_numpy(), rel=1e-6)
    assert other["rank"].tolist() == plain["rank"].tolist()


def test_the_place_is_in_no_mix():
    """Whatever happens here changes no other place's twin."""
    values = walks(np.random.default_rng(4))
    before = synthetic_control(panel(values)).query("role == 'donor'")
    after = synthetic_control(panel(values | {"Here": values["Here"] * 3})).query("role == 'donor'")
    assert after["synthetic"].to_numpy() == pytest.approx(before["synthetic"].to_numpy())


@pytest.mark.parametrize("areas", [1, 2])
def test_too_few_places_or_none_are_no_evaluation(areas):
    """One donor alone is no mix, and an empty book gives an empty table."""
    assert synthetic_control(panel(walks(np.random.default_rng(5), areas))).empty
    assert synthetic_control(panel(walks(np.random.default_rng(5))).head(0)).empty
