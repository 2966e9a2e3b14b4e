"""Standardised ratios, funnels and slopes: by construction, by hand, and invariants."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.errors import PlacelibError
from placelib.measures.rates import byar
from placelib.measures.standard import funnel_limits, indirectly_standardised_ratio, slope_index

WARDS = pd.Index([f"W{row:02d}" for row in range(20)])
BANDS = pd.Series({"0-64": 0.002, "65+": 0.03})
PEOPLE = pd.DataFrame({"65+": [1_000.0, 2_000.0], "0-64": [9_000.0, 0.0]}, index=["W1", "W2"])
TENTHS = pd.Series(range(10, 0, -1), dtype=float)
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


def test_the_standard_itself_has_a_ratio_of_one():
    """Events as the standard's rates give them: 48 and 60, whatever the order of the age bands."""
    found = indirectly_standardised_ratio(pd.Series([48, 120], PEOPLE.index), PEOPLE, standard_rates=BANDS)
    assert found["expected"].tolist() == pytest.approx([48, 60])
    assert found["value"].tolist() == pytest.approx([1, 2])
    assert found.loc["W2", "upper"] == pytest.approx(byar(120).loc[0, "upper"] / 60)


def test_a_missing_band_or_nobody_expected_has_no_ratio():
    """A suppressed age band is not nought, and nought expected divides nothing."""
    people = PEOPLE.assign(**{"65+": [np.nan, 0]})
    found = indirectly_standardised_ratio(pd.Series([48, 1], PEOPLE.index), people, standard_rates=BANDS)
    assert found["value"].isna().all()


def test_areas_that_differ_by_chance_have_plain_limits():
    """All as expected: no variance between areas, so that limits are those of chance, by hand for 100 events."""
    found = funnel_limits(pd.Series(100, WARDS), pd.Series(100, WARDS), level=0.95)
    assert found["between_sd"].eq(0).all()
    assert found["upper"].iloc[0] == pytest.approx((1 + 1.959964 / 20) ** 2)
    assert found["lower"].iloc[0] == pytest.approx((1 - 1.959964 / 20) ** 2)
    assert set(found["verdict"]) == {"as expected"}


def test_spread_that_all_areas_share_widens_the_limits():
    """Half the areas 30% up and half 30% down: dispersion far above 1, and none is called abnormal; by hand."""
    count = pd.Series([130, 70] * 10, WARDS)
    found = funnel_limits(count, pd.Series(100, WARDS))
    score = 20 * (np.sqrt([1.3, 0.7]) - 1)
    assert found["dispersion"].iloc[0] == pytest.approx(np.mean(score**2))
    between = (20 * np.mean(score**2) - 19) / (19 * 400)
    assert found["between_sd"].iloc[0] == pytest.approx(np.sqrt(between))
    assert set(found["verdict"]) == {"as expected"}
    assert found["score"].iloc[0] == pytest.approx((np.sqrt(1.3) - 1) / np.sqrt(1 / 400 + between))


def test_one_extreme_area_does_not_hide_itself():
    """Winsorised scores: an area at three times the expected leaves the limits as narrow as at twice, outside both."""
    counts = pd.Series(np.arange(90, 110), WARDS)
    for count in (200, 300):
        found = funnel_limits(counts.replace(109, count), pd.Series(100, WARDS))
        assert found.loc[found["verdict"] != "as expected"].index.tolist() == ["W19"]
        assert found["between_sd"].eq(0).all()


def test_a_missing_count_has_no_verdict_and_none_is_not_missing():
    """NaN stays NaN; nought events where 100 are expected is low."""
    counts = pd.Series([np.nan, 0.0] + [100.0] * 18, WARDS)
    found = funnel_limits(counts, pd.Series(100, WARDS))
    assert found["verdict"].iloc[:3].tolist() == ["", "lower", "as expected"]
    assert found.iloc[0][["value", "lower", "upper"]].isna().all()


def groups(seed):
    """Ten groups with values, errors, people and deprivation in any order, some as deprived as others."""
    draw = np.random.default_rng(seed)
    estimates = pd.DataFrame({"value": draw.uniform(20, 60, 10), "standard_error": draw.uniform(0.5, 3, 10)})
    deprivation = draw.integers(0, 12, 10) if seed % 2 else draw.permutation(10)
    return estimates, pd.Series(draw.uniform(1e3, 9e3, 10)), pd.Series([*deprivation[:7], 20, 21, 22])


def test_values_on_a_line_have_its_ends():
    """Equal groups on 40 + 20 b: slope 20, ratio 60 / 40, and no interval where there is no error."""
    rank = (np.arange(10) + 0.5) / 10
    line = pd.DataFrame({"value": 40 + 20 * rank, "standard_error": 0.0})
    found = slope_index(line, pd.Series(500, TENTHS.index), deprivation=TENTHS)
    assert found.loc["slope_index"].tolist() == pytest.approx([20, 0, 20, 20])
    assert found.loc["relative_index"].tolist() == pytest.approx([1.5, 0, 1.5, 1.5], abs=1e-6)


@FEW
@given(SEEDS)
def test_order_unit_and_direction(seed):
    """Groups in any order give the same; a unit scales the slope, not the ratio; deprivation reversed inverts both."""
    estimates, people, deprivation = groups(seed)
    found = slope_index(estimates, people, deprivation=deprivation)
    order = np.random.default_rng(seed).permutation(10)
    shuffled = slope_index(estimates.loc[order], people, deprivation=deprivation)
    pd.testing.assert_frame_equal(shuffled, found, rtol=1e-8)
    scaled = slope_index(estimates * 10, people * 3, deprivation=deprivation / 2)
    assert scaled.loc["slope_index"].tolist() == pytest.approx((10 * found.loc["slope_index"]).tolist(), rel=1e-8)
    assert scaled.loc["relative_index", "value"] == pytest.approx(found.loc["relative_index", "value"])
    back = slope_index(estimates, people, deprivation=-deprivation)
    turned = -found.loc["slope_index", ["value", "upper", "lower"]]
    assert back.loc["slope_index", ["value", "lower", "upper"]].tolist() == pytest.approx(turned.tolist(), rel=1e-8)
    turned = 1 / found.loc["relative_index", ["value", "upper", "lower"]]
    assert back.loc["relative_index", ["value", "lower", "upper"]].tolist() == pytest.approx(turned.tolist(), rel=1e-6)


def test_groups_as_deprived_share_a_rank():
    """Two halves of one group with its mean value give what the whole group gives."""
    whole = pd.DataFrame({"value": [50.0, 40.0, 20.0], "standard_error": [0.0] * 3})
    halves = pd.DataFrame({"value": [52.0, 48.0, 40.0, 20.0], "standard_error": [0.0] * 4})
    one = slope_index(whole, pd.Series([600, 300, 100]), deprivation=pd.Series([3, 2, 1]))
    two = slope_index(halves, pd.Series([300, 300, 300, 100]), deprivation=pd.Series([3, 3, 2, 1]))
    pd.testing.assert_frame_equal(one, two)


def test_a_line_that_may_reach_nought_has_no_ratio():
    """Limits of the ratio vanish where its foot may be nought, the ratio itself where the foot is not above it."""
    rank = (np.arange(10) + 0.5) / 10
    rough = pd.DataFrame({"value": 1 + 20 * rank, "standard_error": 5.0})
    ratio = slope_index(rough, pd.Series(500, TENTHS.index), deprivation=TENTHS).loc["relative_index"]
    assert ratio.isna().tolist() == [False, False, True, True]
    below = slope_index(rough.assign(value=20 * rank - 1), pd.Series(500, TENTHS.index), deprivation=TENTHS)
    assert below.loc["relative_index"].isna().all()
    assert below.loc["slope_index", "value"] == pytest.approx(20)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: indirectly_standardised_ratio(pd.Series([1, 2]), PEOPLE, standard_rates=BANDS), "areas of the counts"),
        (
            lambda: indirectly_standardised_ratio(pd.Series(1, PEOPLE.index), PEOPLE, standard_rates=BANDS[:1]),
            "age bands of the standard",
        ),
        (lambda: indirectly_standardised_ratio(pd.Series(1, PEOPLE.index), -PEOPLE, standard_rates=BANDS), "negative"),
        (lambda: funnel_limits(pd.Series([1.0]), pd.Series([0.0])), "some events expected"),
        (lambda: funnel_limits(pd.Series([-1.0]), pd.Series([3.0])), "counts of 0 or more"),
        (lambda: slope_index(groups(0)[0], groups(0)[1], deprivation=TENTHS[:9]), "each of the same groups"),
        (lambda: slope_index(groups(0)[0], groups(0)[1], deprivation=TENTHS % 2), "at least 3 groups that differ"),
    ],
)
def test_what_does_not_fit_together_is_refused(call, words):
    """Other areas, other age bands, impossible numbers, too few groups."""
    with pytest.raises(PlacelibError, match=words):
        call()
