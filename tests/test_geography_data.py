import gzip
import hashlib
import os
import tomllib
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "data" / "geography"
CATALOGUE = tomllib.loads((FOLDER / "provenance.toml").read_text(encoding="utf-8"))["file"]
WORDS = tomllib.loads((FOLDER / "descriptions.toml").read_text(encoding="utf-8"))
AREAS = ["E06000043", "E09000030"]
REAL = Path(os.environ.get("PLACELIB_REAL", ROOT.parent / "shared" / "real"))
CODES = {
    "ward_code": r"E05\d{6}",
    "lsoa_code": r"E01\d{6}",
    "oa_code": r"E00\d{6}",
    "area_code": r"E0[0125]\d{6}",
    "postcode": r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}",
}
every_file = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry["path"])
every_area = pytest.mark.parametrize("area", AREAS)


def read(path):
    """Open one file of the geography folder."""
    return gpd.read_file(FOLDER / path) if path.endswith(".geojson") else pd.read_csv(FOLDER / path)


@pytest.fixture
def true_wards(area):
    """Give the true ward outlines of a district; without them, skip with the reason, and under CI fail."""
    path = REAL / "boundaries" / f"wards_wd25_{area}.geojson"
    if not path.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("the true ward outlines are not here: set PLACELIB_REAL to the folder of real open data")
    return gpd.read_file(path).to_crs(27700).set_index("WD25CD").sort_index()


@every_file
def test_file_is_what_the_provenance_says(entry):
    """Each file has the hash, columns, rows, geometry and grid that the provenance gives."""
    assert hashlib.sha256((FOLDER / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    frame = read(entry["path"])
    assert list(frame.columns) == entry["columns"]
    assert len(frame) == entry["rows"]
    if "geometry" in entry:
        assert set(frame.geom_type) == {entry["geometry"]}
        assert frame.crs == entry["crs"]


@every_file
def test_provenance_gives_origin_licence_and_accuracy(entry):
    """Each entry says where the file came from, its licence, attribution, making and accuracy."""
    for key in ("title", "area_code", "from", "licence", "attribution", "built", "accuracy"):
        assert entry[key]
    credit = " ".join(entry["attribution"])
    assert "Crown copyright" in credit
    assert ("Royal Mail" in credit) == ("lsoa_2011.geojson" not in entry["path"])


def test_no_file_is_left_out_of_the_provenance():
    """The catalogue lists every file of every district folder, and nothing else."""
    found = {path.relative_to(FOLDER).as_posix() for area in AREAS for path in (FOLDER / area).iterdir()}
    assert found == {entry["path"] for entry in CATALOGUE}


@every_file
def test_codes_match_their_pattern(entry):
    """Every code and postcode is well formed; only output area and LSOA of a postcode may be missing."""
    frame = read(entry["path"])
    for name in frame.columns.intersection(list(CODES)):
        assert frame[name].dropna().str.fullmatch(CODES[name]).all()
    optional = ["oa_code", "lsoa_code"] if "postcodes" in entry["path"] else []
    assert frame.drop(columns=optional).notna().all(axis=None)


@every_area
@pytest.mark.parametrize(("level", "column"), [("oa", "oa_code"), ("lsoa", "lsoa_code")])
def test_shares_are_postcode_counts_and_sum_to_one(area, level, column):
    """An area's shares sum to exactly one at six decimals and are its live postcodes by ward."""
    shares = read(f"{area}/{level}_2011_to_ward_2025.csv")
    millionths = (shares["share"] * 1_000_000).round().astype(int)
    assert (millionths.groupby(shares["area_code"]).sum() == 1_000_000).all()
    postcodes = read(f"{area}/postcodes.csv.gz").dropna(subset=column)
    counted = postcodes.groupby(column)["ward_code"].value_counts(normalize=True)
    given = shares.set_index(["area_code", "ward_code"])["share"].rename_axis(counted.index.names)
    pd.testing.assert_series_equal(
        given.sort_index(), counted.sort_index(), check_exact=False, rtol=0, atol=1.1e-6, check_names=False
    )


@every_area
def test_wards_tile_the_district(area):
    """Ward and LSOA outlines are valid, overlap nowhere, and cover the same land to a ten-thousandth."""
    wards, lsoas = read(f"{area}/wards_2025.geojson"), read(f"{area}/lsoa_2011.geojson")
    for outlines in (wards, lsoas):
        assert outlines.is_valid.all()
        assert outlines.area.sum() == pytest.approx(outlines.union_all().area, abs=1)
        assert shapely.coverage_is_valid(outlines.geometry.to_numpy())
    district = lsoas.union_all()
    assert wards.union_all().symmetric_difference(district).area < district.area / 10_000


@every_area
def test_wards_are_the_named_ones_and_all_have_postcodes(area):
    """The outlines carry the official codes and names, and each ward has a hundred live postcodes or more."""
    names = pd.read_csv(FOLDER / "ward_names.csv").query("area_code == @area")
    wards, postcodes = read(f"{area}/wards_2025.geojson"), read(f"{area}/postcodes.csv.gz")
    assert wards["ward_code"].tolist() == names["ward_code"].tolist()
    assert wards["ward_name"].tolist() == names["ward_name"].tolist()
    counts = postcodes["ward_code"].value_counts()
    assert set(counts.index) == set(wards["ward_code"])
    assert counts.min() >= 100
    assert postcodes["postcode"].is_unique


@every_area
def test_nearly_all_postcodes_fall_in_their_own_ward(area):
    """At least 98 in 100 live postcodes lie inside the outline of the ward that is recorded for them."""
    wards = read(f"{area}/wards_2025.geojson").set_index("ward_code").geometry
    postcodes = read(f"{area}/postcodes.csv.gz")
    polygons = wards.loc[postcodes["ward_code"]].to_numpy()
    assert shapely.intersects_xy(polygons, postcodes["easting"], postcodes["northing"]).mean() > 0.98


@every_area
def test_bytes_do_not_depend_on_the_hour(area):
    """The compressed file carries no time, so that building again gives the same bytes."""
    content = (FOLDER / area / "postcodes.csv.gz").read_bytes()
    assert content[4:8] == bytes(4)
    assert gzip.decompress(content).startswith(b"postcode,")


@every_area
def test_overlap_with_true_wards_is_as_stated(area, true_wards):
    """The overlap stated in the provenance is what the true outlines give, clipped to the same land."""
    ours = read(f"{area}/wards_2025.geojson").set_index("ward_code").sort_index()
    assert ours["ward_name"].tolist() == true_wards["WD25NM"].tolist()
    truth = true_wards.intersection(read(f"{area}/lsoa_2011.geojson").union_all())
    overlap = ours.intersection(truth).area / ours.union(truth).area
    stated = WORDS["overlap_with_true_wards"][area]
    assert [overlap.median(), overlap.min()] == pytest.approx(stated, abs=0.0006)
    assert f"median {stated[0]:.3f}, least {stated[1]:.3f}" in next(
        entry["accuracy"] for entry in CATALOGUE if entry["path"] == f"{area}/wards_2025.geojson"
    )
