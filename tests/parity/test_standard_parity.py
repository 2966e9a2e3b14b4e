"""Standardised ratios and slopes against R, each number with its source, call and version."""

import pandas as pd
import pytest

from placelib.measures.standard import indirectly_standardised_ratio, slope_index


def test_indirectly_standardised_ratio():
    """Deaths in the United States of 1940 against the rates of 1960: Selvin (2004), as in epitools' help.

    R 4.2.2, epitools 0.5.10.1: ageadjust.indirect(dth40, pop40, stdcount = dth60, stdpop = pop60)$sir.
    """
    deaths60 = [141, 926, 1253, 1080, 1869, 4891, 14956, 30888, 41725, 26501, 5928]
    people60 = [1784033, 7065148, 15658730, 10482916, 9939972, 10563872, 9114202, 6850263, 4702482, 1874619, 330915]
    people40 = [906897, 3794573, 10003544, 10629526, 9465330, 8249558, 7294330, 5022499, 2920220, 1019504, 142532]
    rates = pd.Series(deaths60) / pd.Series(people60)
    found = indirectly_standardised_ratio(pd.Series([71058]), pd.DataFrame([people40]), standard_rates=rates)
    assert found.loc[0, ["expected", "value"]].tolist() == pytest.approx([8.55568888445e04, 8.30535108974e-01])


def test_slope_and_relative_index():
    """Area1 of the example of phe_sii (PHEindicatormethods): tenths from the most deprived, with standard errors.

    R 4.2.2: a <- pop / sum(pop); b <- cumsum(a) - a / 2; coef(lm(value ~ b, weights = a)), and its interval as the
    package makes it, by a million draws value + se * rnorm(10): 2.5% and 97.5% of the slopes and of the ratios,
    themselves uncertain by about 0.005 and 0.0001.
    """
    groups = pd.DataFrame(
        {
            "value": [75.9, 78.3, 83.8, 83.6, 80.5, 81.1, 81.7, 84.2, 80.6, 86.3],
            "standard_error": [1.64, 1.58, 1.51, 1.78, 1.7, 1.56, 1.37, 1.4, 2.43, 1.57],
        }
    )
    people = pd.Series([7291, 7997, 6105, 7666, 5790, 6934, 5918, 5974, 7147, 7534])
    found = slope_index(groups, people, deprivation=pd.Series(range(10, 0, -1)))
    assert found["value"].tolist() == pytest.approx([7.00023476008, 1.08970970491], rel=1e-10)
    assert found.loc["slope_index", ["lower", "upper"]].tolist() == pytest.approx([3.16028, 10.85517], abs=0.015)
    assert found.loc["relative_index", ["lower", "upper"]].tolist() == pytest.approx([1.039568, 1.142478], abs=2e-4)
