"""Reading a place's folder: every format to the same rows, faults by their row in the file."""

import geopandas as gpd
import pandas as pd
import pyreadstat
import pytest
from little import AGENCIES, CODES, MONTHS, NUMBER, SLUG, TEXT, WARD, WHOLE, contract, noise, sign, write_little
from shapely import Point, Polygon, box
from shapely.affinity import translate

from placelib.errors import PlacelibError
from placelib.sources.readers import input_files, place_folder, read_place

TABLE = pd.DataFrame({"Ward": CODES, "Fires": [8, 0, 12, 5], "Rate": [0.5, 1.0, 2.25, 3.0]})
COLUMNS = {"Ward": TEXT, "Fires": WHOLE, "Rate": NUMBER}


def _points(path):
    points = gpd.GeoDataFrame(TABLE, geometry=[Point(500_100 + 1, 100_200)] * 4, crs=27700)
    points.to_file(path, driver="GPKG", layer="fires")


def _sheet(path):
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"Notes": ["Not this one"]}).to_excel(book, sheet_name="Notes", index=False)
        TABLE.to_excel(book, sheet_name="Data", startrow=3, index=False)


FORMATS = {
    "a.csv": (lambda path: TABLE.to_csv(path, index=False), {}),
    "a.csv.gz": (lambda path: TABLE.to_csv(path, index=False), {}),
    "latin.csv": (lambda path: TABLE.to_csv(path, index=False, encoding="latin-1"), {"encoding": "latin-1"}),
    "marked.csv": (lambda path: TABLE.to_csv(path, index=False, encoding="utf-8-sig"), {}),
    "titled.csv": (lambda path: path.write_text("Fires,,\n2026,,\n" + TABLE.to_csv(index=False)), {"header_row": 3}),
    "a.xlsx": (_sheet, {"sheet": "Data", "header_row": 4}),
    "a.parquet": (lambda path: TABLE.to_parquet(path), {}),
    "a.sav": (lambda path: pyreadstat.write_sav(TABLE, path), {}),
    "a.gpkg": (_points, {"layer": "fires"}),
}


@pytest.fixture
def brought(tmp_path):
    """Read a place that has one source, its file written by the given function."""

    def reader(file, write, **terms):
        data = write_little(tmp_path / "data", noise)
        folder = data / SLUG / "sources"
        write(folder / file)
        given = contract("Fires", "police", "counts", file, geography=WARD) | terms
        sign(folder, "brought", {key: value for key, value in given.items() if value is not None})
        return read_place(SLUG, data)

    return reader


@pytest.mark.parametrize("file", FORMATS)
def test_every_format_gives_the_same_rows(brought, file):
    """CSV, packed CSV, Excel with title rows, Parquet, SPSS and GeoPackage: one table."""
    write, layout = FORMATS[file]
    grid = {"easting": NUMBER, "northing": NUMBER} if file.endswith("gpkg") else {}
    source = brought(file, write, format=layout, columns=COLUMNS | grid).sources["brought"]
    pd.testing.assert_frame_equal(source.frame[list(TABLE)], TABLE, check_dtype=False)
    assert source.status.eq("").all(axis=None)
    assert not grid or source.frame[["easting", "northing"]].to_numpy().tolist() == [[500_101, 100_200]] * 4


def test_spss_codes_and_holes_stay_what_they_are(brought):
    """A coded answer keeps its code without '.0'; the system-missing cell is an empty one."""
    answers = pd.DataFrame({"Q1": [1.0, 2.0, None], "Q2": [1.5, 2.0, 3.0]})
    yes = {"type": "category", "codes": {"1": "yes", "2": "no"}, "missing": [""]}
    source = brought(
        "s.sav",
        lambda path: pyreadstat.write_sav(answers, path, variable_value_labels={"Q1": {1: "Yes", 2: "No"}}),
        geography=None,
        kind="counts",
        columns={"Q1": yes, "Q2": NUMBER},
    )
    found = source.sources["brought"]
    assert found.frame["Q1"].tolist()[:2] == ["yes", "no"]
    assert found.status["Q1"].tolist() == ["", "", "missing"]
    assert found.frame["Q2"].tolist() == [1.5, 2, 3]


def test_months_side_by_side_are_stacked(read):
    """Four wards by twenty-four months are 96 rows, one a ward and month, under two title rows."""
    frame = read(noise).sources["noise"].frame
    assert len(frame) == len(frame.drop_duplicates(["Ward", "month"])) == 96
    assert sorted(frame["month"].dt.strftime("%Y-%m").unique()) == MONTHS
    assert frame.groupby("Ward")["count"].sum().tolist() == [36, 60, 12, 84]


def test_a_blank_line_does_not_shift_the_numbers_of_the_rows(brought):
    """The fault is in row 4 as a spreadsheet counts it, though row 3 is blank."""
    text = "Ward,Fires,Rate\nE05099001,8,0.5\n\nE05099002,many,1\n"
    with pytest.raises(PlacelibError, match=r"column 'Fires', rows? 4: is not a whole number"):
        brought("a.csv", lambda path: path.write_text(text), columns=COLUMNS | {"Rate": NUMBER | {"missing": [""]}})


def test_blank_rows_are_left_out(brought):
    """A line of commas, one of spaces and the last one hold nothing; a warning names the row that the file has."""
    lines = [
        "Ward,Fires,Rate",
        "E05099001,8,0.5",
        ",,",
        " , ,",
        "E05099002,9,1",
        "E05099003,7,1",
        "E05099004,99999,1",
        "",
    ]
    found = brought("a.csv", lambda path: path.write_text("\n".join(lines) + "\n"), columns=COLUMNS)
    assert found.sources["brought"].frame["Fires"].tolist() == [8, 9, 7, 99999]
    assert any("column 'Fires', row 7: the figure is over ten times" in said for said in found.warnings)


def test_a_place_may_bring_its_own_wards(brought):
    """Boundaries of the right vintage replace the shipped ones, in whatever words and projection they come."""
    squares = [box(500_000 + 500 * each, 100_000, 500_500 + 500 * each, 101_000) for each in range(4)]
    own = gpd.GeoDataFrame({"WD25CD": CODES, "WD25NM": ["One", "Two", "Three", "Four"]}, geometry=squares, crs=27700)
    labels = {"WD25CD": TEXT | {"label": "area_code"}, "WD25NM": TEXT | {"label": "ward_name"}}
    where = {"type": "ward", "columns": ["WD25CD"], "vintage": "2025"}
    found = brought(
        "w.geojson", lambda path: own.to_file(path), kind="boundaries", release="open", geography=where, columns=labels
    )
    wards = found.geography.wards
    assert wards["ward_name"].tolist() == ["One", "Two", "Three", "Four"]
    assert wards.crs.to_epsg() == 27700
    assert not found.geography.approximate


SQUARES = [box(500_000 + 500 * each, 100_000, 500_500 + 500 * each, 101_000) for each in range(4)]
BOW_TIE = Polygon([(500_000, 100_000), (500_500, 101_000), (500_500, 100_000), (500_000, 101_000)])
ELSEWHERE = [translate(square, 90_000) for square in SQUARES]


@pytest.mark.parametrize(
    ("outlines", "codes", "names", "said"),
    [
        ([BOW_TIE, *SQUARES[1:]], CODES, "ABCD", f"is broken or given twice, or has no code or name: {CODES[0]}"),
        ([None, *SQUARES[1:]], CODES, "ABCD", f"outline is broken or .*: {CODES[0]}"),
        ([SQUARES[0].boundary, *SQUARES[1:]], CODES, "ABCD", f"outline is broken or .*: {CODES[0]}"),
        ([*SQUARES, ELSEWHERE[0]], [*CODES, CODES[1]], "ABCDB", f"given twice, .*: {CODES[1]}"),
        (SQUARES, [None, *CODES[1:]], "ABCD", "no code or name: no code"),
        (SQUARES, CODES, ["A", None, "C", "D"], f"no code or name: {CODES[1]}"),
        (SQUARES[:3], CODES[:3], "ABC", f"only one of the two has {CODES[3]}"),
        ([*SQUARES, ELSEWHERE[0]], [*CODES, "E05000009"], "ABCDE", "only one of the two has E05000009"),
        (ELSEWHERE, CODES, "ABCD", "none of the district's postcodes lies in its outlines"),
    ],
)
def test_outlines_that_cannot_be_used_are_a_fault(brought, outlines, codes, names, said):
    """Not valid, not polygons, twice, without code or name, too few or too many wards, or of elsewhere."""
    own = gpd.GeoDataFrame({"WD25CD": codes, "WD25NM": list(names)}, geometry=outlines, crs=27700)
    labels = {"WD25CD": TEXT | {"label": "area_code"}, "WD25NM": TEXT | {"label": "ward_name"}}
    where = {"type": "ward", "columns": ["WD25CD"], "vintage": "2025"}
    terms = {"kind": "boundaries", "release": "open", "geography": where}
    with pytest.raises(PlacelibError, match=rf"w\.geojson, column 'WD25CD': .*{said}"):
        brought("w.geojson", lambda path: own.to_file(path), columns=labels, **terms)


def test_outlines_of_wards_have_names(brought):
    """A contract without one of the two labels is told so, before anything is drawn."""
    own = gpd.GeoDataFrame({"WD25CD": CODES}, geometry=SQUARES, crs=27700)
    where = {"type": "ward", "columns": ["WD25CD"], "vintage": "2025"}
    terms = {"kind": "boundaries", "release": "open", "geography": where}
    labels = {"WD25CD": TEXT | {"label": "area_code"}}
    with pytest.raises(PlacelibError, match="a boundaries needs columns labelled ward_name"):
        brought("w.geojson", lambda path: own.to_file(path), columns=labels, **terms)


def test_a_layer_that_is_not_there_is_a_fault(brought):
    """Named as the file's own fault, with where to look."""
    with pytest.raises(PlacelibError, match=r"a\.gpkg: .* it is not a GeoPackage with that layer"):
        brought("a.gpkg", _points, format={"layer": "floods"}, columns=COLUMNS)


@pytest.mark.parametrize("heading", ["WD25CD", "WD99CD"])
def test_outlines_without_a_declared_column_are_a_fault(brought, heading):
    """The contract's heading is in the file, or the analyst is told which file has not got it."""
    own = gpd.GeoDataFrame({"WD25CD": CODES}, geometry=SQUARES, crs=27700)
    where = {"type": "msoa", "columns": [heading], "vintage": "2018"}
    terms = {"kind": "boundaries", "release": "open", "geography": where}

    def place():
        return brought(
            "w.geojson", lambda path: own.to_file(path), columns={heading: TEXT | {"label": "area_code"}}, **terms
        )

    if heading == "WD25CD":
        assert place().geography.codes("msoa")["2018"] == set(CODES)
    else:
        with pytest.raises(PlacelibError, match=r"w\.geojson: .*it has no outlines with .* the columns"):
            place()


def test_a_place_is_all_of_its_folder(little, little_data):
    """Settings, geography, every source in order of name; and every file that the numbers rest on is known."""
    assert little.slug == SLUG
    assert [agency.id for agency in little.settings.agencies] == AGENCIES
    assert little.geography.wards["ward_code"].tolist() == CODES
    assert little.geography.approximate
    assert list(little.sources) == sorted(little.sources)
    assert [source.name for source in little.of_kind("events", "register")] == ["events", "register"]
    names = [path.name for path in input_files(SLUG, little_data)]
    assert {"place.toml", "crimes.csv", "events.toml", "postcodes.csv.gz", "indicators.csv"} <= set(names)


def test_commentary_is_read_where_there_is_one(little, tmp_path):
    """No note is an empty note."""
    assert little.commentary == ""
    data = write_little(tmp_path / "data", noise)
    (data / SLUG / "commentary.md").write_text("## noise\nLoud – signed, the team.\n", encoding="utf8")
    assert read_place(SLUG, data).commentary.startswith("## noise\nLoud –")


@pytest.mark.parametrize("slug", ["nowhere", "", ".", "..", "../data/little", "little/", "Little", "geography", "li*"])
def test_an_unknown_place_is_one_line_that_says_which_there_are(little_data, slug):
    """Names that are no place, and names that are tricks with paths."""
    with pytest.raises(PlacelibError, match=r"Places there: little\.$") as error:
        place_folder(slug, little_data)
    assert "\n" not in str(error.value)


def test_any_name_of_a_folder_is_one_of_a_place(tmp_path):
    """Capitals, underscores and spaces: what is listed as a place can be opened."""
    for name in ("No_Books", "a place"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "place.toml").write_text("")
        assert place_folder(name, tmp_path) == tmp_path / name


def test_a_district_without_geography_is_said_plainly(tmp_path):
    """An area code that has no folder of boundaries names the folder, and not a reader's inner error."""
    data = write_little(tmp_path / "data", noise, area_code="E06008888")
    with pytest.raises(PlacelibError, match=r"geography/E06008888"):
        read_place(SLUG, data)
