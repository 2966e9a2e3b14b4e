"""Where things are: shares worked by hand, totals that never change, codes of other years, rows that match nothing."""

from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little import CODES, LSOAS, OAS, OUTPUT_AREAS, A, B, C, D, counts, noise, postcodes, write_little
from shapely import box

from placelib.errors import PlacelibError
from placelib.sources import contracts
from placelib.sources.geography import tidy_postcode, vintage_faults, within
from placelib.sources.readers import read_place

RESIDENTS = pd.Series(OUTPUT_AREAS)
OA, LSOA, NEW, OLD_WARD = ("output area", "2011"), ("lsoa", "2011"), ("lsoa", "2021"), ("ward", "2013")
# In 2021 LSOA 2 was split along the line between Ashby and Bourne, and LSOAs 3 and 4 were merged.
WEST, EAST, NORTH = "E01099021", "E01099022", "E01099023"
PARTS = {LSOAS[0]: [LSOAS[0]], WEST: [LSOAS[1]], EAST: [LSOAS[1]], NORTH: LSOAS[2:]}
BOXES = [(0, 0, 2000, 320), (0, 320, 1000, 1000), (1000, 320, 2000, 1000), (0, 1000, 2000, 2000)]
SOUTH_WARD, NORTH_WARD = "E05000001", "E05000002"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The geography of the little place, before anything is known of its residents."""
    return read_place("little", write_little(tmp_path_factory.mktemp("plain") / "data", noise)).geography


@pytest.fixture(scope="module")
def listed(plain):
    """The same, with lists of the LSOAs of 2021 and of the two wards of 2013 by the LSOAs of 2011."""
    wards = {SOUTH_WARD: LSOAS[:2], NORTH_WARD: LSOAS[2:]}
    tables = {
        area: pd.Series(parts).explode().rename_axis("area_code").rename("lsoa_code").reset_index()
        for area, parts in ((NEW, PARTS), (OLD_WARD, wards))
    }
    return replace(plain.weighted(RESIDENTS), shipped=tables)


@pytest.fixture(scope="module")
def drawn(listed):
    """The same, with the outlines of the LSOAs of 2021."""
    boxes = [box(500_000 + w, 100_000 + s, 500_000 + e, 100_000 + n) for w, s, e, n in BOXES]
    return replace(
        listed, areas={NEW: gpd.GeoDataFrame({"area_code": PARTS.keys()}, geometry=boxes, crs=listed.wards.crs)}
    )


def shares(geography, area, to=None):
    """Shares as a dictionary from area and ward, or other area."""
    return geography.shares(area, to).set_index(["area_code", "to_code"])["share"].to_dict()


def brought(area, **changed):
    """A contract of areas of the given type and vintage, under the heading 'Code'."""
    rule = contracts.Geography(type=area[0], vintage=area[1], columns=("Code",))
    terms = contracts.Contract(sha256="0" * 64, **counts()[1])
    return terms.model_copy(update={"geography": rule, **changed})


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
    found = geography.shares(LSOA)
    assert found.groupby("area_code")["share"].sum().tolist() == pytest.approx([1] * 4)
    assert (found["share"] > 0).all()
    rows = pd.DataFrame({"LSOA": LSOAS, "n": counts})
    located = geography.locate(rows, contracts.Geography(type="lsoa", columns=("LSOA",), vintage="2011"))
    shared = (located["row"].map(rows["n"]) * located["share"]).groupby(located["ward_code"]).sum()
    assert shared.sum() == pytest.approx(sum(counts), rel=1e-12)


@given(st.lists(st.integers(0, 5000), min_size=8, max_size=8), st.sampled_from([OA, LSOA, ("ward", "2025"), NEW]))
@settings(max_examples=25, deadline=None)
def test_equal_areas_share_nothing_out(drawn, people, area):
    """Each area is wholly in itself, whoever lives where."""
    found = drawn.weighted(pd.Series(people, index=OAS)).shares(area, area)
    assert found["area_code"].tolist() == found["to_code"].tolist()
    assert found["share"].eq(1).all()


@given(st.lists(st.integers(0, 5000), min_size=8, max_size=8), st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
@settings(max_examples=25, deadline=None)
def test_what_is_split_and_merged_again_is_what_it_was(drawn, people, figures):
    """From LSOAs of 2011 to those of 2021 and back: the total stays, and so does all that was not merged."""
    geography = drawn.weighted(pd.Series(people, index=OAS))
    there, back = ({pair: n for pair, n in shares(geography, *way).items()} for way in ((LSOA, NEW), (NEW, LSOA)))
    before = dict(zip(LSOAS, figures, strict=True))
    after = dict.fromkeys(LSOAS, 0)
    for (old, new), part in there.items():
        for (again, to), other in back.items():
            after[to] += before[old] * part * other * (again == new)
    assert sum(after.values()) == pytest.approx(sum(figures), rel=1e-12)
    assert [after[code] for code in LSOAS[:2]] == pytest.approx(figures[:2], rel=1e-12)


def test_splits_and_merges_without_outlines(listed, drawn):
    """The parts of LSOA 2 are shared as the whole is; with outlines, each lies in one ward. The merger is halved."""
    whole = {A: pytest.approx(1 / 6), B: pytest.approx(5 / 6)}
    found = shares(listed, NEW)
    assert found == {(LSOAS[0], A): 1} | {(part, ward): n for part in (EAST, WEST) for ward, n in whole.items()} | {
        (NORTH, C): 0.5,
        (NORTH, D): 0.5,
    }
    assert shares(listed, NEW, LSOA)[WEST, LSOAS[1]] == 1
    assert {pair: n for pair, n in shares(drawn, NEW).items() if pair[0] in (WEST, EAST)} == {
        (WEST, A): 1,
        (EAST, B): 1,
    }
    with pytest.raises(PlacelibError, match="where in a split LSOA its parts are: add a source of kind 'boundaries'"):
        listed.shares(LSOA, NEW)


def test_wards_of_another_year_are_shared_out(listed):
    """The old southern ward is 2,000 people, half in Ashby; today's wards are themselves, whatever their year."""
    assert shares(listed, OLD_WARD) == pytest.approx(
        {(SOUTH_WARD, A): 0.5, (SOUTH_WARD, B): 0.5} | {(NORTH_WARD, C): 0.5, (NORTH_WARD, D): 0.5}
    )
    old = contracts.Geography(type="ward", columns=("Ward",), vintage="2013")
    assert listed.locate(pd.DataFrame({"Ward": [SOUTH_WARD]}), old)["ward_code"].tolist() == [A, B]
    since = contracts.Geography(type="ward", columns=("Ward",), vintage="2018")
    assert listed.locate(pd.DataFrame({"Ward": [A]}), since)["share"].tolist() == [1]
    with pytest.raises(PlacelibError, match="no way from msoa 2021 to wards: add a source of kind 'boundaries'"):
        listed.shares(("msoa", "2021"))


@pytest.mark.parametrize("area", [NEW, LSOA])
def test_people_may_be_known_by_larger_areas(listed, area):
    """People of each LSOA are shared among its postcodes, and none is lost where an LSOA was split."""
    people = pd.Series(range(100, 500, 100), index=[LSOAS, list(PARTS)][area == NEW])
    weighted = listed.weighted(people, area).postcodes
    assert weighted["weight"].sum() == pytest.approx(1000)
    in_second = 500 if area == NEW else 200
    assert weighted.groupby("lsoa_code")["weight"].sum()[LSOAS[1]] == pytest.approx(in_second)


def test_a_lookup_is_taken_as_it_stands(listed):
    """A place that knows its addresses brings its shares; what lies in another district is left to the ledger."""
    table = pd.DataFrame({"area_code": [SOUTH_WARD] * 3, "ward_code": [A, B, "E05000009"], "share": [0.7, 0.2, 0.1]})
    geography = replace(listed, areas={OLD_WARD: table})
    assert shares(geography, OLD_WARD) == {(SOUTH_WARD, A): 0.7, (SOUTH_WARD, B): 0.2}
    frame, terms = table.rename(columns={"area_code": "Code"}), brought(OLD_WARD, kind="lookup")
    assert vintage_faults(frame, terms, geography) == []
    table.loc[2, "share"] = 0.2
    assert f"do not sum to 1: {SOUTH_WARD}. To mend: give" in str(vintage_faults(frame, terms, geography)[0])


@pytest.mark.parametrize(
    ("area", "codes", "said"),
    [
        (LSOA, [*LSOAS, "E01999999", None], ""),
        (NEW, list(PARTS), ""),
        (LSOA, [LSOAS[0], WEST, EAST], f'codes of lsoa 2021: {WEST}, {EAST}. To mend: say vintage = "2021"'),
        (LSOA, [*LSOAS, WEST], f"codes of lsoa 2021: {WEST}. To mend: ask the agency for one vintage"),
        (NEW, LSOAS, f"says lsoa 2021, but these are codes of lsoa 2011: {LSOAS[1]}, {LSOAS[2]}, {LSOAS[3]}."),
        (LSOA, ["E01999999"], "none of its codes is of lsoa 2011 in this place: E01999999."),
        (("ward", "2025"), CODES, ""),
        (("ward", "2018"), [A, "E05999999"], ""),
        (OLD_WARD, [SOUTH_WARD], ""),
        (("ward", "2025"), [A, SOUTH_WARD], f"codes of ward 2013: {SOUTH_WARD}. To mend: ask the agency"),
        (("ward", "2017"), [SOUTH_WARD], f'codes of ward 2013: {SOUTH_WARD}. To mend: say vintage = "2013"'),
        (
            ("ward", "2002"),
            [f"E0599999{n}" for n in range(7)],
            "E05999994 and 2 more. To mend: correct the vintage, add",
        ),
        (("msoa", "2021"), ["E02000001"], "a source of kind 'boundaries' or 'lookup' for msoa 2021"),
    ],
)
def test_the_year_of_an_area_is_told_by_its_code(listed, area, codes, said):
    """Codes of another year, a mix, or none that can be placed are named; another district's go to the ledger."""
    faults = vintage_faults(pd.DataFrame({"Code": codes}), brought(area), listed)
    assert [fault.column for fault in faults] == ["Code"] * bool(said)
    assert not faults or said in str(faults[0])


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ({"type": "point", "columns": ["X", "Y"]}, (100_500, 500_500)),
        ({"type": "point", "columns": ["X", "Y"]}, (-1.0, 50.8)),
        ({"type": "point", "columns": ["X", "Y"], "crs": 4326}, (500_500, 100_500)),
        ({"type": "postcode", "columns": ["X"]}, ("LT1-1AA", "")),
    ],
)
def test_a_file_that_places_nobody_is_a_fault(listed, rule, row):
    """East and north swapped, degrees for metres or the reverse, postcodes misspelt: not 'nothing in any ward'."""
    terms = brought(LSOA, geography=contracts.Geography(**rule))
    frame = pd.DataFrame([row], columns=["X", "Y"])
    (wrong,) = vintage_faults(frame, terms, listed)
    assert f"none of its {rule['type']}s is" in str(wrong)
    assert str(row[0]) not in str(wrong)
    good = ("LT1 1AA", "") if rule["type"] == "postcode" else (500_500, 100_500)
    terms = brought(LSOA, geography=contracts.Geography(**rule | {"crs": 27700}))
    both = pd.concat([frame, pd.DataFrame([good], columns=["X", "Y"])], ignore_index=True)
    assert vintage_faults(both, terms, listed) == []
    assert vintage_faults(frame.iloc[:0], terms, listed) == []


def test_points_have_no_vintage(listed):
    """Postcodes, points and files without areas have no codes to tell."""
    postcode = contracts.Geography(type="postcode", columns=("Code",))
    for rule in (postcode, None):
        terms = brought(LSOA).model_copy(update={"geography": rule})
        assert vintage_faults(pd.DataFrame({"Code": ["LT1 1AA"]}), terms, listed) == []


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
