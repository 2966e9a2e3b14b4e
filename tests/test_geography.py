"""Where things are: shares worked by hand, totals that never change, and rows that match nothing."""

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little import CODES, LSOAS, OAS, OUTPUT_AREAS, A, B, C, D, noise, postcodes, write_little
from shapely import box

from placelib.errors import PlacelibError
from placelib.sources import contracts
from placelib.sources.geography import Geography, tidy_postcode, within
from placelib.sources.readers import read_place

RESIDENTS = pd.Series(OUTPUT_AREAS)
OA, LSOA = ("output area", "2011"), ("lsoa", "2011")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The geography of the little place, before anything is known of its residents."""
    return read_place("little", write_little(tmp_path_factory.mktemp("plain") / "data", noise)).geography


def shares(geography, area):
    """Shares as a dictionary from area and ward."""
    table = geography.shares(*area)
    return table.set_index(["area_code", "ward_code"])["share"].to_dict()


def test_an_area_that_straddles_two_wards_is_shared_by_its_postcodes(plain):
    """Output area 3 has two of its four postcodes in each of two wards; the other seven lie in one ward."""
    found = shares(plain, OA)
    assert (found[OAS[2], A], found[OAS[2], B]) == (0.5, 0.5)
    assert sorted(found.values()) == [0.5, 0.5, *[1.0] * 7]


def test_residents_weigh_more_than_postcodes(plain):
    """LSOA 2: two of ten postcodes lie in Ashby, but only 200 of the 1,200 people."""
    assert shares(plain, LSOA)[LSOAS[1], A] == pytest.approx(2 / 10)
    weighted = plain.weighted(RESIDENTS)
    assert shares(weighted, LSOA)[LSOAS[1], A] == pytest.approx(1 / 6)
    assert weighted.postcodes["weight"].sum() == pytest.approx(RESIDENTS.sum())


def test_an_area_where_nobody_lives_is_shared_by_its_postcodes(plain):
    """Without residents there is nothing to weigh by, and events may still have happened there."""
    empty = plain.weighted(RESIDENTS.drop(OAS[2]))
    assert shares(empty, OA)[OAS[2], A] == 0.5


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=8, max_size=8), st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
def test_apportioned_totals_are_conserved(plain, people, counts):
    """Whoever lives where and whatever is counted, shares sum to 1 and the wards to the file."""
    geography = plain.weighted(pd.Series(people, index=OAS))
    found = geography.shares(*LSOA)
    assert found.groupby("area_code")["share"].sum().tolist() == pytest.approx([1] * 4)
    assert (found["share"] > 0).all()
    rows = pd.DataFrame({"LSOA": LSOAS, "n": counts})
    located = geography.locate(rows, contracts.Geography(type="lsoa", columns=("LSOA",), vintage="2011"))
    shared = (located["row"].map(rows["n"]) * located["share"]).groupby(located["ward_code"]).sum()
    assert shared.sum() == pytest.approx(sum(counts), rel=1e-12)


def test_areas_without_a_lookup_are_placed_by_their_outlines(plain):
    """An LSOA of 2021 that covers the two southern wards is shared by the people in each."""
    outlines = gpd.GeoDataFrame(
        {"area_code": ["S"]}, geometry=[box(500_000, 100_000, 502_000, 101_000)], crs=plain.wards.crs
    )
    brought = Geography(plain.wards, plain.postcodes, True, {("lsoa", "2021"): outlines}).weighted(RESIDENTS)
    assert shares(brought, ("lsoa", "2021")) == pytest.approx({("S", A): 0.5, ("S", B): 0.5})
    with pytest.raises(PlacelibError, match="no way from msoa 2021 to wards: add a source of kind 'boundaries'"):
        brought.shares("msoa", "2021")


@pytest.mark.parametrize(
    ("x", "y", "ward"),
    [
        (500_500, 100_500, [A]),
        (501_999, 101_999, [D]),
        (499_999, 100_500, []),
        (500_500, 102_001, []),
        (float("nan"), 100_500, []),
        (501_000, 100_500, [A]),
        (501_000, 101_000, [A]),
    ],
)
def test_a_point_is_in_one_ward_or_in_none(plain, x, y, ward):
    """Inside, outside, without a grid reference; on an edge or a corner it counts once."""
    rule = contracts.Geography(type="point", columns=("X", "Y"))
    found = plain.locate(pd.DataFrame({"X": [x], "Y": [y]}, index=[7]), rule)
    assert found["ward_code"].isin(CODES).all()
    assert len(found) == len(ward)
    if 500_000 < x < 501_000 or x > 501_500:
        assert found["ward_code"].tolist() == ward
    assert found["row"].tolist() == [7] * len(ward)


def test_longitude_and_latitude_are_turned_into_the_national_grid(plain):
    """The same points in degrees fall in the same wards."""
    points = gpd.GeoSeries(gpd.points_from_xy([500_500, 501_500], [100_500, 101_500]), crs=27700).to_crs(4326)
    frame = pd.DataFrame({"lon": points.x, "lat": points.y})
    rule = contracts.Geography(type="point", columns=("lon", "lat"), crs=4326)
    assert plain.locate(frame, rule)["ward_code"].tolist() == [A, D]


@given(st.sampled_from([row[0] for row in postcodes()]), st.lists(st.integers(0, 7), max_size=3), st.booleans())
def test_postcodes_are_matched_however_they_are_written(code, blanks, small):
    """Blanks anywhere and small letters change nothing."""
    written = code.replace(" ", "")
    for place in blanks:
        written = written[:place] + " " + written[place:]
    assert tidy_postcode(pd.Series([written.lower() if small else written])).tolist() == [code]


def test_rows_that_match_nothing_are_left_to_the_ledger(plain):
    """A postcode of another town, none at all, and one that is no postcode."""
    frame = pd.DataFrame({"Postcode": ["lt11aa", "ZZ9 9ZZ", None, "", "LT8 1AA"]}, index=[2, 3, 4, 5, 6])
    found = plain.locate(frame, contracts.Geography(type="postcode", columns=("Postcode",)))
    assert found.to_dict("list") == {"row": [2, 6], "ward_code": [A, D], "share": [1.0, 1.0]}
    ward = contracts.Geography(type="ward", columns=("Ward",), vintage="2025")
    assert plain.locate(pd.DataFrame({"Ward": [C, "E05000001"]}), ward)["ward_code"].tolist() == [C]


def test_overlapping_outlines_count_nothing_twice():
    """A point in two outlines is in the first of them."""
    areas = gpd.GeoDataFrame({"area_code": ["P", "Q"]}, geometry=[box(0, 0, 2, 2), box(1, 0, 3, 2)], crs=27700)
    points = gpd.GeoDataFrame({"name": ["both"]}, geometry=gpd.points_from_xy([1.5], [1]), crs=27700)
    assert len(within(points, areas)) == 1
