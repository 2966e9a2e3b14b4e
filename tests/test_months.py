"""Events of the place by month, counted by hand on the little place."""

import numpy as np
import pandas as pd
import pytest
from little import MONTHS, events, households, noise, population

from placelib.measures.months import monthly_counts
from placelib.measures.shared import measure


@pytest.fixture(scope="module")
def monthly(little, exact):
    """Months of the little place."""
    return monthly_counts(little, exact.geography)


def of(monthly, indicator):
    """Events of one indicator by month."""
    return monthly[monthly["indicator_id"] == indicator].set_index("month")["events"]


def test_wards_add_up_month_by_month(monthly):
    """Four complaints a month in the first year (one a ward), then 2, 4, 0 and 6; six months of 5 a ward."""
    noise = of(monthly, "noise")
    assert noise.index.astype(str).tolist() == MONTHS
    assert noise.tolist() == [4] * 12 + [12] * 12
    assert of(monthly, "antisocial_behaviour").tolist() == [20] * 6


def test_only_flows_that_say_their_month_are_counted(monthly):
    """Claimants are a stock; burglaries here have no month."""
    assert set(monthly["indicator_id"]) == {"noise", "antisocial_behaviour"}


def test_what_lies_outside_does_not_count_nor_does_a_person_twice_a_month(read):
    """Three crimes in May, one outside; two of June by one person; July has none, as a record is all there would be."""

    def dated():
        _, terms = events()
        here, away = (500_500, 100_500), (510_000, 100_500)
        rows = [[1, "Burglary", *here, "2025-05"], [2, "Burglary", *here, "2025-05"], [3, "Burglary", *away, "2025-05"]]
        rows += [[4, "Violence", *here, "2025-06"], [4, "Violence", *here, "2025-06"]]
        columns = terms["columns"] | {"Month": {"type": "month", "date_format": "%Y-%m"}}
        feeds = [terms["indicators"][0], terms["indicators"][1] | {"person": "Crime"}]
        more = {"columns": columns, "indicators": feeds, "period_start": "2025-05-01", "period_end": "2025-07-31"}
        return [["Crime", "Type", "X", "Y", "Month"], *rows], terms | more

    inputs = read(dated, population, households)
    found = monthly_counts(inputs, measure(inputs).geography)
    assert of(found, "burglary").tolist() == [2, 0, 0]
    assert of(found, "violence").tolist() == [0, 1, 0]


def test_a_month_with_a_suppressed_part_is_not_known(read):
    """One cell of the first month is marked: its total is missing, not less."""

    def marked():
        rows, terms = noise()
        rows[3][1] = "*"
        columns = terms["columns"] | {"count": {"type": "integer", "minimum": 0, "suppressed": ["*"]}}
        return rows, terms | {"columns": columns}

    inputs = read(marked, population, households)
    found = of(monthly_counts(inputs, measure(inputs).geography), "noise")
    assert np.isnan(found.iloc[0])
    assert found.iloc[1:].tolist() == [4] * 11 + [12] * 12


def test_a_place_without_months_has_none(read):
    """An empty table keeps its columns."""
    inputs = read(population, households)
    found = monthly_counts(inputs, inputs.geography)
    assert found.empty
    assert {"indicator_id", "month", "events"} <= set(found)
    assert isinstance(found, pd.DataFrame)
