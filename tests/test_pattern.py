"""Pattern on the map: planted clusters, chance, gaps, islands, and which indicators have any at all."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from esda import Moran
from libpysal.weights import lat2W
from shapely.geometry import box

from placelib.assessment.pattern import Pattern, patterns, spatial_pattern
from placelib.errors import PlacelibError

SIDE = 5
CODES = pd.Index([f"W{row:02d}" for row in range(SIDE**2)])
EAST, NORTH = np.arange(SIDE**2) % SIDE, np.arange(SIDE**2) // SIDE
PEOPLE = pd.Series(9_000.0, CODES)
CORNER = pd.Series((EAST < 2) & (NORTH < 2), CODES)
CHANCE = pd.Series(np.random.default_rng(20_261).poisson(100, SIDE**2).astype(float), CODES)


def squares(gap=0.0):
    """Twenty-five square wards of a kilometre, with gaps of so many metres between them."""
    shapes = [
        box(1000 * x, 1000 * y, 1000 * x + 1000 - gap, 1000 * y + 1000 - gap) for x, y in zip(EAST, NORTH, strict=True)
    ]
    return gpd.GeoDataFrame({"ward_code": CODES, "ward_name": "Ward " + CODES}, geometry=shapes, crs=27700)


def test_a_planted_corner_is_found():
    """Four high wards in a corner: neighbours are alike, and the corner stands out as high among high."""
    found = spatial_pattern(CHANCE + 150 * CORNER, PEOPLE, squares())
    assert found.p_value < 0.01
    assert found.moran > found.expected == pytest.approx(-1 / 24)
    assert found.wards.loc["W00", "stands_out"] == "high among high"
    assert set(found.wards.loc[~CORNER, "stands_out"]) <= {""}


def test_a_chessboard_is_less_alike_than_chance():
    """High next to low everywhere: Moran's I is far below its expectation."""
    found = spatial_pattern(CHANCE + 150.0 * ((EAST + NORTH) % 2), PEOPLE, squares())
    assert found.moran < found.expected


def test_chance_is_called_chance():
    """Counts that differ by chance alone: no pattern, no ward."""
    found = spatial_pattern(CHANCE, PEOPLE, squares())
    assert found.p_value > 0.05
    assert (found.wards["stands_out"] == "").all()


def test_moran_of_the_standardised_rates_on_queen_neighbours():
    """The same as esda's Moran of the standardised rates on a lattice's queen weights, p-value within its noise."""
    found = spatial_pattern(CHANCE + 40 * CORNER, PEOPLE, squares())
    np.random.seed(1)  # noqa: NPY002 - esda draws on the shared generator
    other = Moran(found.wards["standardised_rate"].to_numpy(), lat2W(SIDE, SIDE, rook=False), permutations=9_999)
    assert found.moran == pytest.approx(other.I)
    assert found.p_value == pytest.approx(2 * other.p_sim, abs=0.02)


def test_small_gaps_and_the_order_of_wards_do_not_matter():
    """Outlines ten metres apart are neighbours still; shuffled rows give the same result to the last digit."""
    found = spatial_pattern(CHANCE + 80 * CORNER, PEOPLE, squares())
    order = np.random.default_rng(3).permutation(SIDE**2)
    other = spatial_pattern((CHANCE + 80 * CORNER).iloc[order], PEOPLE, squares(gap=10).iloc[order])
    pd.testing.assert_frame_equal(found.wards, other.wards)
    assert (found.moran, found.p_value) == (other.moran, other.p_value)


def test_an_island_is_declared_and_left_out():
    """A ward across the water has no local result, is named, and changes nothing elsewhere."""
    wards = squares()
    wards.loc[24, "geometry"] = box(90_000, 0, 91_000, 1_000)
    found = spatial_pattern(CHANCE, PEOPLE, wards)
    assert found.islands == ("W24",)
    assert found.wards.loc["W24", ["local_moran", "adjusted_p_value"]].isna().all()
    assert found.wards.loc["W24", ["neighbourhood", "stands_out"]].tolist() == ["", ""]
    assert found.wards.drop("W24").notna().all(axis=None)
    row = patterns(counted(), wards).iloc[0]
    assert row["reading"] == "no pattern beyond chance; left out, as without neighbours: Ward W24"


def test_equal_rates_tie_and_do_not_stand_out():
    """Twenty-one wards with one same rate: ties count in both tails, so that none of them is special."""
    found = spatial_pattern(60 + 120.0 * CORNER, PEOPLE, squares())
    assert (found.wards.loc[~CORNER, "p_value"] > 0.1).all()


def test_local_p_values_are_adjusted_together():
    """Benjamini and Hochberg by hand: the k-th smallest of n times n / k, never falling."""
    found = spatial_pattern(CHANCE + 80 * CORNER, PEOPLE, squares()).wards.sort_values("p_value")
    stepped = found["p_value"] * 25 / np.arange(1, 26)
    by_hand = stepped[::-1].cummin()[::-1].clip(upper=1)
    assert found["adjusted_p_value"].tolist() == pytest.approx(by_hand.tolist())


@pytest.mark.parametrize(
    ("count", "people", "wards", "words"),
    [
        (CHANCE.drop("W03"), PEOPLE, squares(), "count of 0 or more and people at risk for every ward"),
        (CHANCE, PEOPLE.replace(9_000, 0), squares(), "people at risk"),
        (CHANCE * 0, PEOPLE, squares(), "some events"),
        (CHANCE[:9], PEOPLE[:9], squares()[:9], "Only 9 wards have neighbours: pattern needs 10"),
    ],
)
def test_what_has_no_pattern_to_find_is_refused(count, people, wards, words):
    """A missing ward, nobody at risk, nothing happening, too few wards."""
    with pytest.raises(PlacelibError, match=words):
        spatial_pattern(count, people, wards)


def counted(indicator="burglary", count=CHANCE, **columns):
    """Ward rows of the shared indicator table with their events and people."""
    rows = pd.DataFrame({"area_code": CODES, "numerator": count.to_numpy(), "denominator": PEOPLE.to_numpy()})
    return rows.assign(**{"indicator_id": indicator, "area_type": "ward", "measure": "flow"} | columns)


def test_each_indicator_has_its_own_pattern():
    """A planted corner is alike and named, lone peaks differ, chance is chance; all as one by one."""
    peaks = CHANCE + 150.0 * ((EAST % 2 == 0) & (NORTH % 2 == 0))
    planted = {"noise": CHANCE + 150 * CORNER, "arson": peaks, "burglary": CHANCE}
    table = pd.concat([counted(name, count) for name, count in planted.items()])
    found = patterns(table, squares()).set_index("indicator_id")
    readings = {"noise": "neighbours are alike", "arson": "neighbours differ", "burglary": "no pattern beyond chance"}
    assert found["reading"].to_dict() == readings
    alone = {name: spatial_pattern(count, PEOPLE, squares()) for name, count in planted.items()}
    assert found["moran"].to_dict() == pytest.approx({name: each.moran for name, each in alone.items()})
    together = sorted((each.p_value, name) for name, each in alone.items())
    by_hand, lowest = {}, 1.0
    for rank, (p_value, name) in reversed(list(enumerate(together, 1))):  # Benjamini and Hochberg over three
        lowest = min(lowest, p_value * 3 / rank)
        by_hand[name] = lowest
    assert found["p_value"].to_dict() == pytest.approx(by_hand)
    outstanding = alone["noise"].wards.query("stands_out != ''").index
    named = [f"Ward {code} ({how})" for code, how in alone["noise"].wards.loc[outstanding, "stands_out"].items()]
    assert found.loc["noise", "stand_out"] == ", ".join(named)
    assert "Ward W00 (high among high)" in found.loc["noise", "stand_out"]
    assert found.loc["burglary", "stand_out"] == ""


@pytest.mark.parametrize(
    ("kind", "reading"),
    [("high among low", "no overall pattern, but single wards differ"), ("", "no pattern beyond chance")],
)
def test_a_ward_that_stands_out_alone_is_not_called_no_pattern(monkeypatch, kind, reading):
    """Where the whole place shows none, a row that names a ward says that single wards differ."""
    wards = pd.DataFrame({"stands_out": np.where(CODES == "W12", kind, "")}, index=CODES)
    found = Pattern(0.0, -0.04, 0.5, wards, ())
    monkeypatch.setattr("placelib.assessment.pattern.spatial_pattern", lambda *_: found)
    row = patterns(counted(), squares()).iloc[0]
    assert (row["reading"], row["stand_out"]) == (reading, f"Ward W12 ({kind})" if kind else "")


@pytest.mark.parametrize(
    "rows",
    [
        counted(measure="proportion"),
        counted(area_type="place"),
        counted().iloc[1:],
        counted(count=CHANCE.where(~CORNER)),
        counted(count=CHANCE * 0),
        counted().iloc[:0],
    ],
)
def test_what_is_not_a_count_of_events_in_every_ward_has_no_pattern(rows):
    """Stocks, places, a ward not sent or hidden, nothing happened, nothing at all: no row, and the usual columns."""
    found = patterns(rows, squares())
    assert found.empty
    assert set(found) == {"indicator_id", "moran", "p_value", "reading", "stand_out"}
