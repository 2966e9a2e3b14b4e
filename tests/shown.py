"""Small tables that have passed the gate, for tests of what is published."""

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import box

from placelib.gate import open_table
from placelib.publish.charts import SURE

HOSTILE = '<script>alert("x")</script>'
NAMES = ["Wish", "Regency", "St Mark's & Quay", "Hill", "Tiny"]
CODES = [f"E0500000{number}" for number in range(5)]


def wards(names=NAMES):
    """Four wards of 2 km in a row and a sliver of 100 m, too small for its name."""
    lefts = np.array([0, 2000, 4000, 6000, 8000])
    shapes = [box(left, 0, left + (100 if place == 4 else 2000), 2000) for place, left in enumerate(lefts)]
    frame = gpd.GeoDataFrame({"ward_code": CODES, "ward_name": names}, geometry=shapes, crs=27700)
    return open_table(frame, "Wards of Northby", notes=["Ward outlines are approximate."])


def needs(names=NAMES, sure=(0, 1), **columns):
    """Ranks 1 to 5 in the order of the wards, with sets; those in `sure` are surely among the five."""
    frame = pd.DataFrame({"ward_code": CODES, "ward_name": names, "score": [160.0, 120.0, 101.5, 80.0, 60.0]})
    frame = frame.assign(rank=range(1, 6), rank_lower=[1, 1, 2, 3, 4], rank_upper=[2, 3, 4, 5, 5])
    frame["sure"] = [SURE if place in sure else "" for place in range(5)]
    frame = frame.assign(safety_score=[60.0, 70.0, 100.0, 120.0, 160.0], work_score=100.0, **columns)
    frame = frame.assign(indicators_used=26, reference="England")
    return open_table(frame, "Overall need by ward", illustrative=True, notes=["Ranks carry 90% sets."])


def burglary(**changes):
    """One indicator for five wards, the place and England; Hill is suppressed and Regency unreliable."""
    frame = pd.DataFrame(
        {
            "area_code": [*CODES, "E06000099", "E92000001"],
            "area_name": [*NAMES, "Northby", "England"],
            "area_type": ["ward"] * 5 + ["place", "england"],
            "category": "all",
            "value": [20.0, 15.0, 10.0, np.nan, 2.0, 12.0, 10.0],
            "lower": [16.0, 9.0, 8.0, np.nan, 1.0, 11.0, np.nan],
            "upper": [24.0, 21.0, 12.0, np.nan, 3.0, 13.0, np.nan],
            "mark": ["", "[u]", "", "[c]", "", "", ""],
            "unit": "per 1,000 households a year",
            "indicator": "Burglaries of homes",
            "short_name": "Burglary",
            "period": "Apr 2025 to Mar 2026",
            "source": "Recorded crime",
        }
    )
    return open_table(frame.assign(**changes), "Shared indicators")


def comparisons():
    """Twice England and surely worse, half of England and surely better, one unclear, one better when higher."""
    frame = pd.DataFrame(
        {
            "indicator": ["Burglaries of homes", "Fires in homes", "Noise complaints", "Healthy life"],
            "short_name": ["Burglary", "Fires", "Noise", "Healthy life"],
            "comparator": "England",
            "value": [20.0, 5.0, 11.0, 50.0],
            "comparator_value": [10.0, 10.0, 10.0, 60.0],
            "lower": [8.0, -7.0, -1.0, -12.0],
            "upper": [12.0, -3.0, 3.0, -8.0],
            "verdict": ["worse", "better", "no clear difference", "worse"],
            "unit": ["per 1,000"] * 3 + ["years"],
            "direction": ["higher is worse"] * 3 + ["higher is better"],
        }
    )
    return open_table(frame, "This place beside others")


def response():
    """Two characteristics, one group too few among the answers, and a group without a population."""
    frame = pd.DataFrame(
        {
            "characteristic": ["sex", "sex", "age_band", "age_band", "carer"],
            "characteristic_name": ["Sex", "Sex", "Age", "Age", "Carers"],
            "category_name": ["Female", "Male", "16 to 24", "25 and over", "Carer"],
            "sample_pct": [54.0, 46.0, 6.0, 94.0, 9.0],
            "population_pct": [51.0, 49.0, 15.0, 85.0, np.nan],
        }
    )
    return open_table(frame, "Who answered the survey", illustrative=True)
