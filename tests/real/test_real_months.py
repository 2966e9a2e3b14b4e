"""Months of real police files, against the files added up in plain pandas; a place without a framework says so."""

import lay
import numpy as np
import pandas as pd
import pytest

from placelib.place import Place

BURGLARY = ["BURGLARY - RESIDENTIAL", "BURGLARY IN A DWELLING"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Both real places; without the open data, skip with the reason, and under CI fail."""
    lay.need_real_data()
    data = lay.lay(tmp_path_factory.mktemp("real") / "data")
    return {slug: Place(slug, "", data) for slug in lay.SLUGS}


def of(place, indicator):
    """Published months of one indicator."""
    return place.variation.only(indicator_id=indicator).frame


def test_two_years_of_the_metropolitan_police_are_those_of_the_file(places):
    """Every month of both names of residential burglary in the borough, as published, and limits by the textbook."""
    raw = pd.read_csv(next(lay.real().rglob("mps_ward_level_crime_*.csv")))
    raw = raw[(raw["LookUp_BoroughName"] == "Tower Hamlets") & raw["MinorText"].isin(BURGLARY)]
    months = raw.filter(regex=r"^20\d{4}$").sum()
    months = months[(months.index >= "202307") & (months.index <= "202506")]
    found = of(places["tower-hamlets"], "burglary")
    assert found["events"].tolist() == months.tolist()
    moving = months.diff().abs().dropna()
    moving = moving[moving <= 3.267 * moving.mean()]
    assert found["centre"].iloc[0] == round(months.mean())
    assert found["upper"].iloc[0] == round(months.mean() + 2.66 * moving.mean())


def test_a_year_of_street_crime_is_within_the_file(places):
    """Twelve months; no more than the file has, less only what lies outside the city's wards."""
    raw = pd.read_csv(next(lay.real().rglob("police_uk_street_brighton_*.csv.gz")))
    months = raw[raw["Crime type"] == "Burglary"].groupby("Month").size()
    found = of(places["brighton-and-hove"], "burglary")["events"].to_numpy()
    assert len(found) == 12
    assert (found <= months.to_numpy()).all()
    assert found.sum() >= 0.95 * months.sum()


@pytest.mark.parametrize("slug", lay.SLUGS)
def test_without_a_framework_there_are_months_but_no_verdict(places, slug):
    """No outcome, no evaluation, no aspiration: empty tables that say what they need; months have no target."""
    place = places[slug]
    for name in ("outcomes", "evaluation", "standard", "aspirations", "scores", "unmet", "unlinked"):
        assert getattr(place, name).frame.empty
    assert place.outcomes.notes[0].endswith("(docs/contracts.md describes them): outcomes, regimes.")
    told = place.variation.only(latest=True).frame
    assert set(told["assurance"]) == {"No target set"}
    assert told["target"].isna().all()
    assert not told["illustrative"].any()
    assert np.isfinite(told["centre"]).all()
