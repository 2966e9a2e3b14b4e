"""The English Indices of Deprivation 2019, from the published domain ranks of every area to its score and rank.

Sources: Ministry of Housing, Communities and Local Government, English Indices of Deprivation 2019, File 7 (scores,
ranks and population denominators) and File 10 (district summaries), Open Government Licence v3.0; the method is that
of the technical report of 2019. Call: `weighing.indices_score`. Versions: the files as published on 26 September 2019,
looked for in the folder that PLACELIB_REAL names, the repository's neighbour ../shared/real by default.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placelib.assessment.weighing import exponential_score, indices_score

REAL = Path(os.environ.get("PLACELIB_REAL", Path(__file__).parents[3] / "shared" / "real")) / "deprivation"
WEIGHTS = {"Income": 0.225, "Employment": 0.225, "Education": 0.135, "Health": 0.135}
WEIGHTS |= {"Crime": 0.093, "Housing_and_Access": 0.093, "Environment": 0.093}  # .999 in all, as published


def read(name):
    """Read one of the published files; without it, skip with the reason, and fail where CI is "true"."""
    if not (REAL / name).exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"real data are not here: {name} (set PLACELIB_REAL to the folder above deprivation)")
    return pd.read_csv(REAL / name)


@pytest.fixture(scope="module")
def areas():
    """Every area of England: published score, rank, domain ranks and population, and our score."""
    people = read("imd2019_lsoa11_population_denominators_england.csv.gz")
    rows = read("imd2019_lsoa11_england.csv.gz").merge(people, on="lsoa11_code", validate="1:1")
    return rows.assign(score=indices_score(_ranks(rows), pd.Series(WEIGHTS)))


def _ranks(rows):
    """Domain ranks under their domains' names."""
    return rows[[f"{domain}_rank" for domain in WEIGHTS]].set_axis(list(WEIGHTS), axis=1)


def test_the_exponential_transform():
    """E(0.5) is 15.6468, the first has 100, and the last of all of England has next to nothing."""
    assert exponential_score([1, 6], 10) == pytest.approx([100, 15.6468], abs=5e-5)
    assert exponential_score(32_844, 32_844) < 0.001


def test_every_published_score_and_rank(areas):
    """All 32,844 scores to the third decimal that is published, but for 0.000004; 32,814 ranks exact, 30 one off."""
    assert len(areas) == 32_844
    assert (areas["score"] - areas["IMD_score"]).abs().max() < 0.000504
    off = (areas["score"].rank(ascending=False) - areas["IMD_rank"]).abs().value_counts()
    assert off.to_dict() == {0: 32_814, 1: 30}


def test_ties_have_to_be_averaged(areas):
    """With tied domain ranks as published, 108 ranks come out wrong."""
    scores = exponential_score(_ranks(areas), len(areas)) @ np.array(list(WEIGHTS.values()))
    assert (pd.Series(scores).rank(ascending=False) != areas["IMD_rank"]).sum() == 108


def test_every_district_mean(areas):
    """Population-weighted means of our scores are the published scores of all 317 districts, to three decimals."""
    published = read("imd2019_ltla19_summaries.csv").set_index("ltla19_code")
    people = areas["pop_total_mid2015_excl_prisoners"]
    found = (areas["score"] * people).groupby(areas["lad19_code"]).sum() / people.groupby(areas["lad19_code"]).sum()
    assert len(found) == len(published) == 317
    assert (found.round(3) - published["Score"]).abs().max() < 1e-9
