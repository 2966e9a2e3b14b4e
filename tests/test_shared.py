"""Figures in another unit than England's: caught where they are a hundred times off, whichever of the two is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.errors import PlacelibError
from placelib.measures.shared import refuse_other_units

ALIKE = st.floats(0.31, 3.2)  # how many times England's figure a place's own may be


def figures(place, england, wards=()):
    """Rows of the shared table of two indicators; the second is as it should be."""
    values = [("burglary", "place", place), ("burglary", "england", england), ("lonely", "place", 7.0)]
    values += [("lonely", "england", 6.0), *(("burglary", "ward", ward) for ward in wards)]
    return pd.DataFrame(values, columns=["indicator_id", "area_type", "value"]).assign(
        characteristic="all", numerator=np.nan
    )


@settings(max_examples=15, deadline=None)
@given(ALIKE, st.floats(0.01, 1_000))
def test_a_slip_of_the_unit_is_caught_and_named(times, england):
    """A share for a per cent, per 1,000 for per 100,000: a hundred times either way; as it should be it passes."""
    refuse_other_units(figures(times * england, england))
    for slip in (0.01, 100):
        with pytest.raises(PlacelibError, match=r"^burglary: .*another unit"):
            refuse_other_units(figures(slip * times * england, england))
        with pytest.raises(PlacelibError, match=r"^burglary: .*another unit"):
            refuse_other_units(figures(np.nan, england, wards=[slip * times * england] * 3))


def test_what_is_nought_missing_or_not_compared_is_no_slip():
    """No burglary at all, an unknown rate, a measure that England has not, a group of people, no table at all."""
    for place in (0.0, np.nan):
        refuse_other_units(figures(place, 8.0))
    refuse_other_units(figures(800.0, np.nan))
    refuse_other_units(figures(800.0, 8.0).assign(characteristic="sex"))
    refuse_other_units(figures(800.0, 8.0).assign(numerator=29))  # a few may be chance, and no fault tells of them
    refuse_other_units(figures(800.0, 8.0).iloc[:0])
