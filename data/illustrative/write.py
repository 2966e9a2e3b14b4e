"""Write an illustrative place: its files, a contract beside each, its settings, its commentary and its truth."""

import datetime as dt
import hashlib
import io
import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pyreadstat

from illustrative import agencies, books, population, survey, themes
from illustrative.people import HERE, World, build_world
from placelib.assessment.issues import number

SLUGS = ("brighton-and-hove", "tower-hamlets")
COMMON = tomllib.loads((HERE / "common.toml").read_text(encoding="utf8"))
KEYS = ["title", "agency", "kind", "release", "file", "sha256", "period_start", "period_end", "published"]
KEYS += ["illustrative", "licence", "attribution", "threshold", "note"]  # the order in which a contract is read
DAY = str(COMMON["contract"]["published"])
PLAIN = {
    "residents": population.residents,
    "households": population.households,
    "projections": population.projections,
    "workday": population.workday,
    "comparators": agencies.comparators,
}


def write_place(slug: str, data: Path, truth_folder: Path) -> None:
    """Write one illustrative place.

    Parameters
    ----------
    slug : str
        One of `SLUGS`.
    data : Path
        The data folder to write the place into.
    truth_folder : Path
        Where the truth goes: <slug>.csv.gz, never beside what the place publishes.
    """
    plan = tomllib.loads((HERE / f"{slug}.toml").read_text(encoding="utf8"))
    world = build_world(slug, plan)
    folder = data / slug / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    answers = survey.everyone_answers(world)
    truth_folder.mkdir(parents=True, exist_ok=True)
    wanted = themes.theme_truth(world, themes.theme_answers(world))
    wanted.to_csv(truth_folder / f"{slug}-themes.csv", index=False, lineterminator="\n")
    truths, numbers = [survey.survey_truth(world, answers)], {}
    for name, source in plan["sources"].items():
        layout = source["make"]["layout"]
        if layout == "survey":
            frame = survey.survey_file(world, source, answers)
        elif layout in PLAIN:
            frame = PLAIN[layout](world, source)
        else:
            frame, truth, numbers[source["indicators"][0]["id"]] = agencies.agency_file(world, source)
            truths.append(truth)
        write_source(folder / f"{name}.toml", as_written(world, frame, source), source)
    truth = pd.concat(truths)
    _write_truth(truth_folder / f"{slug}.csv.gz", truth)
    files, planted = books.make_books(slug, plan["seed"], truth)
    for name, (frame, source) in files.items():
        write_source(folder / f"{name}.toml", frame, source)
    written = json.dumps(planted, indent=1, sort_keys=True) + "\n"
    (truth_folder / f"{slug}-books.json").write_text(written, encoding="utf8")
    _write_words(data / slug, world, numbers)


def as_written(world: World, frame: pd.DataFrame, source: dict[str, Any]) -> pd.DataFrame:
    """Choose, name and code the file's columns; replaces `from` in the contract's columns by what it stands for."""
    columns = {}
    for name, column in source["columns"].items():
        values = frame[column.pop("from")]
        if "type" not in column:
            source["columns"][name] = survey.coded(world, str(values.name), source["make"]) | column
            values = survey.written(values, source["columns"][name], source["make"])
        elif column["type"] in ("date", "month"):
            values = values.dt.strftime(column.get("date_format", "%Y-%m-%d"))
        columns[name] = values
    return pd.DataFrame(columns)


def write_source(path: Path, frame: pd.DataFrame, source: dict[str, Any]) -> None:
    """Write a file and, at `path`, the contract that describes it, hash included.

    Parameters
    ----------
    path : Path
        The contract; the file goes beside it.
    frame : DataFrame
        What the file holds, columns in order.
    source : dict
        The contract's own keys; `period` gives its two ends.
    """
    file = path.parent / source["file"]
    _write_file(file, frame, source)
    contract = {key: value for key, value in source.items() if key not in ("make", "period", "columns")}
    contract = COMMON["contract"] | contract | {"title": f"{source['title']} (illustrative)"}
    contract["period_start"], contract["period_end"] = map(dt.date.fromisoformat, source["period"])
    contract["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    types = {column["type"] for column in source["columns"].values()}
    contract |= {"personal": COMMON["personal"]} if "identifier" in types else {}
    path.write_text(toml(contract | {"columns": source["columns"]}), encoding="utf8")


def toml(table: dict[str, Any]) -> str:
    """Write plain values in the order that a reader wants, then a section for each table and each of a list of them.

    Examples
    --------
    >>> print(toml({"kind": "events", "title": "Fires", "columns": {"Fires": {"type": "integer"}}}), end="")
    title = "Fires"
    kind = "events"
    <BLANKLINE>
    [columns]
    Fires = { type = "integer" }
    """
    lists = {key: value for key, value in table.items() if isinstance(value, list) and isinstance(value[0], dict)}
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    plain = [key for key in table if key not in lists and key not in sections]
    ordered = sorted(plain, key=lambda key: KEYS.index(key) if key in KEYS else len(KEYS))
    lines = [_pair(key, table[key]) for key in ordered]
    blocks = [(f"[[{key}]]", block) for key, value in lists.items() for block in value]
    for heading, block in [*blocks, *((f"[{key}]", section) for key, section in sections.items())]:
        lines += ["", heading, *(_pair(*item) for item in block.items())]
    return "\n".join(lines) + "\n"


def _pair(key: str, value: object) -> str:
    return f"{key if re.fullmatch(r'[A-Za-z0-9_-]+', key) else json.dumps(key, ensure_ascii=False)} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pair(*item) for item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value) if isinstance(value, dt.date) else json.dumps(value, ensure_ascii=False)


def _write_file(path: Path, frame: pd.DataFrame, source: dict[str, Any]) -> None:
    """Write a frame in the format of the file's ending, the same bytes each time."""
    layout = source.get("format", {})
    if "months" in layout:
        others = [name for name in frame if name not in ("month", "count")]
        frame = frame.pivot(index=others, columns="month", values="count").reset_index()
    if path.suffix == ".xlsx":
        path.write_bytes(_excel(frame, source, layout))
    elif path.suffix == ".gpkg":
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{DAY}T00:00:00.000Z"})
        points = gpd.points_from_xy(frame.pop("easting"), frame.pop("northing"), crs=27700)
        gpd.GeoDataFrame(frame, geometry=points).to_file(path, layer=layout["layer"], engine="pyogrio")
    elif path.suffix == ".sav":
        _write_sav(path, frame, source["columns"])
    else:
        path.write_bytes(frame.to_csv(index=False, lineterminator="\n").encode())


def _excel(frame: pd.DataFrame, source: dict[str, Any], layout: dict[str, Any]) -> bytes:
    """A workbook with title rows above the table; its clock is stopped."""
    buffer, still = io.BytesIO(), io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        frame.to_excel(writer, sheet_name=layout["sheet"], startrow=layout["header_row"] - 1, index=False)
        writer.sheets[layout["sheet"]]["A1"] = f"{source['title']} (illustrative)"
        leave = "Published" if source.get("release") == "open" else "Not for onward use without the partnership's leave"
        writer.sheets[layout["sheet"]]["A2"] = leave
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(still, "w") as copy:
        for name in made.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", f"{DAY}T00:00:00Z".encode(), made.read(name))
            copy.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # dated 1980
    return still.getvalue()


def _write_sav(path: Path, frame: pd.DataFrame, columns: dict[str, Any]) -> None:
    """SPSS: numeric codes with labels, user-missing codes, and no date of writing in the header."""
    coded = {name: column for name, column in columns.items() if "codes" in column}
    pyreadstat.write_sav(
        frame,
        path,
        column_labels=[column.get("label", name) for name, column in columns.items()],
        variable_value_labels={
            name: {int(code): survey.label(category) for code, category in column["codes"].items()}
            for name, column in coded.items()
        },
        missing_ranges={
            name: [int(code) for code in column["missing"] + column.get("not_applicable", [])]
            for name, column in coded.items()
            if "missing" in column
        },
        row_compress=True,
    )
    content = bytearray(path.read_bytes())
    content[92:109] = b"01 Oct 2600:00:00"  # creation date and time in the SPSS header record
    path.write_bytes(content)


def _write_truth(path: Path, truth: pd.DataFrame) -> None:
    columns = ["indicator_id", "area_code", "characteristic", "category", "people", "value"]
    path.parent.mkdir(parents=True, exist_ok=True)
    compression = {"method": "gzip", "mtime": 1}
    truth[columns].to_csv(path, index=False, lineterminator="\n", compression=compression)


def place_toml(plan: dict[str, Any]) -> str:
    """Write a place's settings to be copied: a block an agency, a table of weights a partner, a comment a key."""
    settings = {"name": plan["name"], "area_code": plan["area_code"], **COMMON["place"]}
    weights, said = settings.pop("partner_weights"), COMMON["comments"]
    lines = [f"{_pair(key, value)}  # {said[key]}" for key, value in settings.items()]
    lines += ["", f"# {said['agencies']}"]
    for key, name in plan["agencies"].items():
        part = [_pair("part_of", whole) for whole, parts in COMMON["part_of"].items() if key in parts]
        lines += ["[[agencies]]", _pair("id", key), _pair("name", name), *part, ""]
    lines += [f"# {said['partner_weights']}"]
    for partner, domains in weights.items():
        lines += [f"[partner_weights.{partner}]", *(_pair(*item) for item in domains.items()), ""]
    return "\n".join(lines).rstrip() + "\n"


def _write_words(folder: Path, world: World, numbers: dict[str, float]) -> None:
    """place.toml and commentary.md."""
    plan = world.plan
    (folder / "place.toml").write_text(place_toml(plan), encoding="utf8")
    said = [
        f"\n## {name}\n\n{entry['text'].format(number=number(numbers[name]))}\n— {entry['signed']}\n"
        for name, entry in plan["commentary"].items()
    ]
    opening = "# What the partnership's analysts say\n\nIllustrative, like the data. A sentence names its number.\n"
    (folder / "commentary.md").write_text(opening + "".join(said), encoding="utf8")
