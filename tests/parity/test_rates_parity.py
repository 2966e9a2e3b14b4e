"""Intervals against published results and R, each number with its source, call and version."""

import pandas as pd
import pytest

from placelib.measures.rates import byar, directly_standardised_rate, wilson


@pytest.mark.parametrize(
    ("count", "level", "lower", "upper"),
    [
        # Byar's method as used for public health indicators in England, checked by calculation
        (65, 0.95, 50.16319, 82.84914),
        (65, 0.998, 42.88026, 94.00029),
        # R 4.2.2: poisson.test(5)$conf.int
        (5, 0.95, 1.62348639012, 11.66833207932),
    ],
)
def test_counts_of_events(count, level, lower, upper):
    """Byar's limits, and the exact ones below ten events."""
    found = byar(count, level=level).loc[0]
    assert found[["lower", "upper"]].tolist() == pytest.approx([lower, upper], rel=2e-7)


@pytest.mark.parametrize(
    ("count", "base", "lower", "upper"),
    [
        # R 4.2.2: prop.test(65, 100, correct = FALSE)$conf.int, and prop.test(0, 20, correct = FALSE)
        (65, 100, 0.552544432969, 0.736357517569),
        (0, 20, 0, 0.161125158053),
    ],
)
def test_proportions(count, base, lower, upper):
    """Wilson's score interval."""
    found = wilson(count, base).loc[0]
    assert found[["lower", "upper"]].tolist() == pytest.approx([lower, upper], rel=1e-10, abs=1e-15)


def test_directly_standardised_rate():
    """Down's syndrome births in Michigan, 1950-64, fifth and later children: Fay and Feuer (1997), table II.

    R 4.2.2, epitools 0.5.10.1: ageadjust.direct(x, n, stdpop = s)["adj.rate"]; Dobson's interval in base R:

        w <- s / sum(s); O <- sum(x); d <- sum(w * x / n); v <- sum(w^2 * x / n^2); z <- qnorm(.975)
        bl <- O * (1 - 1/(9*O) - z/(3*sqrt(O)))^3;  bu <- (O+1) * (1 - 1/(9*(O+1)) + z/(3*sqrt(O+1)))^3
        1e5 * c(d, sqrt(v), d + sqrt(v/O) * (bl - O), d + sqrt(v/O) * (bu - O))
    """
    ages = ["under 20", "20-24", "25-29", "30-34", "35-39", "40 and over"]
    counts = pd.DataFrame([[0, 8, 63, 112, 262, 295]], columns=ages)
    births = pd.DataFrame([[327, 30666, 123419, 149919, 104088, 34392]], columns=ages)
    standard = pd.Series([319933, 931318, 786511, 488235, 237863, 61313], index=ages)
    found = directly_standardised_rate(counts, births, standard=standard, per=100_000).loc[0].tolist()
    assert found == pytest.approx([75.5290074453, 4.10208446325, 67.63274312269, 83.86710870854], rel=1e-10)
