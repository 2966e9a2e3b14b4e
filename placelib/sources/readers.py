"""Read a place's folder: the only door through which files come in."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import geopandas as gpd
import pandas as pd
import pyreadstat

from placelib.errors import InputFaults, PlacelibError
from placelib.settings import Settings, read_toml
from placelib.sources import books, checks
from placelib.sources.contracts import Contract, Format
from placelib.sources.faults import fault
from placelib.sources.geography import CRS, Geography, vintage_faults
from placelib.sources.terms import Vocabulary, read_vocabulary

SHIPPED = Path(__file__).parents[2] / "data"


@dataclass(frozen=True, eq=False)
class Source:
    """One file as its contract describes it.

    Parameters
    ----------
    name : str
        Name of the contract.
    contract : Contract
        What the file is.
    frame : DataFrame
        Typed rows; a GeoDataFrame for boundaries. Those of a book have its columns, and the row of the file as index.
    status : DataFrame
        Why a cell is missing: "suppressed", "not_applicable" or "missing".
    rows : Index
        Row of the file that each row comes from.
    """

    name: str
    contract: Contract
    frame: pd.DataFrame
    status: pd.DataFrame
    rows: pd.Index


@dataclass(frozen=True, eq=False)
class Inputs:
    """All that a place folder holds, checked."""

    slug: str
    settings: Settings
    vocabulary: Vocabulary
    geography: Geography
    sources: dict[str, Source]
    commentary: str
    warnings: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> list[Source]:
        """Sources of the given kinds, in order of name."""
        return [source for source in self.sources.values() if source.contract.kind in kinds]

    def book(self, kind: str) -> pd.DataFrame:
        """All rows of one kind of book, in the columns of data/vocabulary/books.toml; none where there is no file."""
        found = [source.frame for source in self.of_kind(kind)]
        return pd.concat(found, ignore_index=True) if found else self.vocabulary.books[kind].empty()


def known_places(data: Path) -> list[str]:
    """Folders of the places in a data folder."""
    return sorted(path.parent.name for path in data.glob("*/place.toml"))


def place_folder(slug: str, data: Path) -> Path:
    """Folder of a place.

    Raises
    ------
    PlacelibError
        If there is no such place; says which there are.
    """
    places = known_places(data)
    if slug not in places:
        known, at = ", ".join(places) or "none", "" if data == SHIPPED else f" '{data}'"
        if not data.is_dir():
            raise PlacelibError(f"There is no data folder{at}: correct its name, or leave it out for placelib's own.")
        raise PlacelibError(f"There is no place '{slug}' in the data folder{at}. Places there: {known}.")
    return data / slug


def input_files(slug: str, data: Path) -> list[Path]:
    """Every file that a place's numbers rest on, vocabulary and geography included."""
    folder = place_folder(slug, data)
    area = read_toml(folder / "place.toml", Settings).area_code
    folders = [folder, _resolve("vocabulary", data), _resolve(f"geography/{area}", data)]
    return sorted(path for each in folders for path in each.rglob("*") if path.is_file())


def read_place(slug: str, data: Path) -> Inputs:
    """Read and check everything in a place's folder.

    Parameters
    ----------
    slug : str
        Name of the folder.
    data : Path
        The data folder that holds it.

    Raises
    ------
    InputFaults
        Every fault of every contract and file, together.
    """
    folder = place_folder(slug, data)
    settings = read_toml(folder / "place.toml", Settings)
    vocabulary = read_vocabulary(_resolve("vocabulary", data))
    sources, lacks, faults = {}, [], checks.weights(settings, vocabulary)
    for path in sorted((folder / "sources").glob("*.toml")):
        try:
            sources[path.stem] = _read_source(path, settings, vocabulary)
        except InputFaults as found:
            faults += found.faults
    if not faults:
        geography = _geography(_resolve(f"geography/{settings.area_code}", data), settings, sources)
        for source in sources.values():
            faults += vintage_faults(source.frame, source.contract, geography)
            lacks += checks.lacks(source.frame, source.contract, geography, source.rows)
        known = {
            "agency": {agency.id for agency in settings.agencies},
            "indicator": set(vocabulary.indicators["indicator_id"]),
            "domain": set(vocabulary.domains["domain_id"]),
            "ward": set(geography.wards["ward_code"]),
        }
        files = [(each.contract, each.frame) for each in sources.values() if each.contract.kind in vocabulary.books]
        faults += books.faults(files, vocabulary.books, known)
    if faults:
        raise InputFaults(faults)
    note = folder / "commentary.md"
    commentary = note.read_text(encoding="utf8") if note.exists() else ""
    files = {path.name for path in (folder / "sources").glob("[!.~]*") if path.suffix != ".toml"}
    lacks += [fault("not_described", one) for one in sorted(files - {each.contract.file for each in sources.values()})]
    return Inputs(slug, settings, vocabulary, geography, sources, commentary, tuple(dict.fromkeys(map(str, lacks))))


def _resolve(name: str, data: Path) -> Path:
    """Find a folder in the given data folder, else in the one that comes with placelib."""
    return data / name if (data / name).exists() else SHIPPED / name


def _read_source(signed: Path, settings: Settings, vocabulary: Vocabulary) -> Source:
    """Read the file that a contract has signed for, if the contract's own words are known."""
    contract = books.completed(read_toml(signed, Contract), vocabulary.books)
    path, wrong = signed.with_name(contract.file), checks.words(contract, signed.name, settings, vocabulary)
    if wrong:
        raise InputFaults(wrong)
    if not path.exists():
        raise InputFaults([fault("file_missing", contract.file)])
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != contract.sha256:
        raise InputFaults([fault("file_changed", signed.name, "sha256", file=contract.file, found=found)])
    try:
        if contract.kind == "boundaries":
            outlines = _shapes(path, contract.format)[[*contract.columns, "geometry"]]
            return Source(signed.stem, contract, outlines, pd.DataFrame(), outlines.index)
        text = _text(path, contract.format)
    except (OSError, ValueError, KeyError, BadZipFile, pyreadstat.ReadstatError, RuntimeError) as error:
        what = _unreadable(path, contract, str(error))
        raise InputFaults([fault("unreadable", contract.file, what=what)]) from None
    frame, status, faults = checks.typed(text, contract)
    faults = faults or checks.rows(text, frame, status, contract, vocabulary)
    if faults:
        raise InputFaults(faults)
    if contract.kind in vocabulary.books:
        columns = list(vocabulary.books[contract.kind].columns)
        return Source(signed.stem, contract, frame.rename(columns=contract.labels)[columns], status, frame.index)
    # months that lie side by side share a row of the file, but each is a row of its own from here on
    return Source(signed.stem, contract, frame.reset_index(drop=True), status.reset_index(drop=True), frame.index)


def _unreadable(path: Path, contract: Contract, message: str) -> str:
    """What a file that cannot be read is not; of the reader's own message only the line and the sheet are told."""
    if contract.kind == "boundaries":
        return "it has no outlines with a coordinate system and the columns that the contract declares"
    if "Worksheet" in message:
        return f"there is no sheet '{contract.format.sheet}'"
    if path.suffix.lower() in READERS:
        return f"it is not {READERS[path.suffix.lower()][0]}"
    if line := re.search(r"line \d+", message):
        return f"{line[0]} has more cells than the header"
    return f"it is not text in the encoding {contract.format.encoding}, or its packing is broken"


def _text(path: Path, layout: Format) -> pd.DataFrame:
    """Every cell as text, indexed by the row of the file; blank rows are left out."""
    frame = READERS.get(path.suffix.lower(), ("", _table))[1](path, layout)
    frame.index += layout.header_row + 1
    frame = frame.apply(_as_text)
    filled = frame.apply(lambda column: column.str.strip()).ne("").any(axis=1)
    return _stack_months(frame[filled], layout.months)


def _shapes(path: Path, layout: Format) -> gpd.GeoDataFrame:
    shapes = gpd.read_file(path, layer=layout.layer or None)
    return shapes.set_geometry(shapes["geometry"].to_crs(CRS))


def _points(path: Path, layout: Format) -> pd.DataFrame:
    shapes = _shapes(path, layout)
    return shapes.drop(columns="geometry").assign(easting=shapes.geometry.x, northing=shapes.geometry.y)


def _workbook(path: Path, layout: Format) -> pd.DataFrame:
    return pd.read_excel(path, sheet_name=layout.sheet or 0, header=layout.header_row - 1, **TEXT)


def _table(path: Path, layout: Format) -> pd.DataFrame:
    rows = {"skiprows": layout.header_row - 1, "skip_blank_lines": False}  # so that rows count as a spreadsheet's do
    headings = list(pd.read_csv(path, encoding=layout.encoding, nrows=0, **rows))
    if len(headings) == 1 and re.search("[;\t]", headings[0]):
        raise InputFaults([fault("separated", path.name)])
    return pd.read_csv(path, encoding=layout.encoding, index_col=False, **rows, **TEXT)


TEXT = {"dtype": str, "na_filter": False}
READERS = {
    ".xlsx": ("an Excel workbook", _workbook),
    ".xlsm": ("an Excel workbook", _workbook),
    ".parquet": ("a Parquet file", lambda path, _: pd.read_parquet(path).reset_index(drop=True)),
    ".gpkg": ("a GeoPackage with that layer, of points with a coordinate system", _points),
    ".geojson": ("a GeoJSON file of points", _points),
    ".sav": ("an SPSS file", lambda path, _: pyreadstat.read_sav(path, user_missing=True)[0]),
}


def _as_text(column: pd.Series) -> pd.Series:
    """Write numbers without a needless '.0', dates by day, and nothing as an empty cell."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("string").fillna("").astype(object)


def _stack_months(frame: pd.DataFrame, pattern: str) -> pd.DataFrame:
    """Stack month columns that lie side by side into `month` and `count`."""
    if not pattern:
        return frame
    months = [name for name in frame if pd.notna(pd.to_datetime(name, format=pattern, errors="coerce"))]
    others = [name for name in frame if name not in months]
    return frame.melt(others, months, "month", "count", ignore_index=False)


def _geography(folder: Path, settings: Settings, sources: dict[str, Source]) -> Geography:
    """The shipped geography of the district, with what the place brings of its own in its stead."""
    own = [(each.contract, each.frame) for each in sources.values() if each.contract.kind in ("boundaries", "lookup")]
    brought = {(said.geography.type, said.geography.vintage): rows.rename(columns=said.labels) for said, rows in own}
    wards = brought.pop(("ward", settings.ward_vintage), None)
    if not folder.exists():
        raise InputFaults([fault("no_geography", "place.toml", "area_code", area_code=settings.area_code)])
    approximate = wards is None
    if approximate:
        wards = gpd.read_file(folder / f"wards_{settings.ward_vintage}.geojson").to_crs(CRS)
    wards = wards.rename(columns={"area_code": "ward_code"}).sort_values("ward_code", ignore_index=True)
    postcodes = pd.read_csv(folder / "postcodes.csv.gz").assign(weight=1.0)
    listed = folder / "areas.csv"
    shipped = dict(list(pd.read_csv(listed, dtype=str).groupby(["area_type", "vintage"]))) if listed.exists() else {}
    return Geography(wards[["ward_code", "ward_name", "geometry"]], postcodes, approximate, brought, shipped)
