"""Write an illustrative place: its files, a contract beside each, its settings, its commentary and its truth."""

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

from placelib.synthetic import agencies, population, survey
from placelib.synthetic.people import HERE, World, build_world

DATA = HERE.parents[1] / "data"
SLUGS = ("brighton-and-hove", "tower-hamlets")
EDITION, PUBLISHED = "2026-autumn", "2026-10-01"
COMMON: dict[str, Any] = {
    "title": "",
    "agency": "",
    "kind": "",
    "release": "administrative",
    "licence": "Open Government Licence v3.0",
    "attribution": "Made up for illustration by placelib.synthetic: no person, event or agency record is real.",
    "published": PUBLISHED,
    "illustrative": True,
}
PERSONAL = {
    "controller": "Illustrative: no real controller",
    "lawful_basis": "UK GDPR Article 6(1)(e), public task (illustrative)",
    "special_category_condition": "UK GDPR Article 9(2)(j) with Data Protection Act 2018, Schedule 1, paragraph 4",
    "impact_assessment": "DPIA-2026-014 (illustrative)",
    "sharing_agreement": "ISA-2026-07 (illustrative)",
    "retention": "2028-03-31",
}
DATES = ("published", "period_start", "period_end", "retention")


def toml(table: dict[str, Any]) -> str:
    """Write a contract as TOML: plain values first, then tables, with small tables on one line.

    Examples
    --------
    >>> print(toml({"title": "Fires", "columns": {"Fires": {"type": "integer"}}}))
    title = "Fires"
    <BLANKLINE>
    [columns]
    Fires = { type = "integer" }
    """
    plain = [_pair(key, value) for key, value in table.items() if not isinstance(value, dict)]
    sections = [
        "\n".join(["", f"[{key}]", *(_pair(*item) for item in value.items())])
        for key, value in table.items()
        if isinstance(value, dict)
    ]
    return "\n".join(plain + sections)


def _pair(key: str, value: object) -> str:
    written = str(value) if key in DATES else _value(value)
    return f"{key if re.fullmatch(r'[A-Za-z0-9_-]+', key) else json.dumps(key)} = {written}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pair(*item) for item in value.items()) + " }"
    if isinstance(value, list | tuple):
        inner = ", ".join(_value(item) for item in value)
        return f"[{inner}]"
    return json.dumps(value, ensure_ascii=False)


def write_contract(folder: Path, name: str, frame: pd.DataFrame, source: dict[str, Any]) -> None:
    """Write a file and the contract that describes it, hash included.

    Parameters
    ----------
    folder : Path
        Where both go.
    name : str
        Name of the contract.
    frame : DataFrame
        What the file holds, columns in order.
    source : dict
        The contract's own keys; `period` gives its two ends, and `make` and each column's `from` are left out of it.
    """
    path = folder / source["file"]
    _write_file(path, frame, source)
    columns = {
        key: {word: value for word, value in column.items() if word != "from"}
        for key, column in source["columns"].items()
    }
    people = source["kind"] == "survey" or any(column["type"] == "identifier" for column in columns.values())
    start, end = source["period"]
    contract = COMMON | {key: value for key, value in source.items() if key not in ("make", "period", "columns")}
    contract |= {
        "title": f"{source['title']} (illustrative)",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "period_start": start,
        "period_end": end,
    }
    contract |= {"personal": PERSONAL} if people else {}
    (folder / f"{name}.toml").write_text(toml(contract | {"columns": columns}) + "\n", encoding="utf8")


def _write_file(path: Path, frame: pd.DataFrame, source: dict[str, Any]) -> None:
    """Write a frame in the format of the file's ending, the same bytes each time."""
    layout = source.get("format", {})
    if pattern := layout.get("months"):
        others = [name for name in frame if name not in ("month", "count")]
        frame = frame.assign(month=pd.to_datetime(frame["month"], format=pattern).dt.strftime(pattern))
        frame = frame.pivot(index=others, columns="month", values="count").reset_index()
    if path.suffix == ".xlsx":
        path.write_bytes(_excel(frame, source["title"], layout))
    elif path.suffix == ".gpkg":
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{PUBLISHED}T00:00:00.000Z"})
        points = gpd.points_from_xy(frame.pop("easting"), frame.pop("northing"), crs=27700)
        gpd.GeoDataFrame(frame, geometry=points).to_file(path, layer=layout["layer"], engine="pyogrio")
    elif path.suffix == ".sav":
        _write_sav(path, frame, source["columns"])
    else:
        path.write_bytes(frame.to_csv(index=False, lineterminator="\n").encode(layout.get("encoding", "utf-8")))


def _excel(frame: pd.DataFrame, title: str, layout: dict[str, Any]) -> bytes:
    """A workbook with title rows above the table; its clock is stopped."""
    buffer, still = io.BytesIO(), io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        frame.to_excel(writer, sheet_name=layout["sheet"], startrow=layout["header_row"] - 1, index=False)
        writer.sheets[layout["sheet"]]["A1"] = f"{title} (illustrative)"
        writer.sheets[layout["sheet"]]["A2"] = "Not for onward use without the partnership's leave"
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(still, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in made.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", f"{PUBLISHED}T00:00:00Z".encode(), made.read(name))
            copy.writestr(zipfile.ZipInfo(name, (2026, 10, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return still.getvalue()


def _write_sav(path: Path, frame: pd.DataFrame, columns: dict[str, Any]) -> None:
    """SPSS: numeric codes with labels, user-missing codes, and no date of writing in the header."""
    labelled = {
        name: {int(code): category.replace("_", " ").capitalize() for code, category in column["codes"].items()}
        for name, column in columns.items()
        if "codes" in column
    }
    missing = {
        name: [int(code) for code in (*column.get("missing", ()), *column.get("not_applicable", ()))]
        for name, column in columns.items()
        if "codes" in column
    }
    labels = [column.get("label", name) for name, column in columns.items()]
    pyreadstat.write_sav(
        frame,
        path,
        column_labels=labels,
        variable_value_labels=labelled,
        missing_ranges={name: codes for name, codes in missing.items() if codes},
        row_compress=True,
    )
    content = bytearray(path.read_bytes())
    content[92:109] = b"01 Oct 2600:00:00"  # creation date and time of the SPSS header record
    path.write_bytes(content)


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
    names = pd.read_csv(DATA / "geography/ward_names.csv").query("area_code == @plan['area_code']")
    plan["ward_names"] = names.set_index("ward_code")["ward_name"]
    world = build_world(slug, plan, DATA / "geography")
    folder = data / slug / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    truths, numbers = [], {}
    for name, source in plan["sources"].items():
        frame, truth, rate = agencies.agency_file(world, source)
        write_contract(folder, name, frame, source)
        truths.append(truth)
        numbers[source["indicators"][0]["id"]] = rate
    for name, (frame, source) in population.population_files(world).items():
        write_contract(folder, name, frame, source)
    answers = survey.everyone_answers(world)
    write_contract(folder, "survey", *survey.survey_file(world, answers))
    write_contract(folder, "comparators", agencies.comparators(world), population.COMPARATORS)
    truths.append(survey.survey_truth(world, answers))
    _write_truth(truth_folder / f"{slug}.csv.gz", pd.concat(truths))
    _write_words(data / slug, world, numbers)


def _write_truth(path: Path, truth: pd.DataFrame) -> None:
    columns = ["indicator_id", "area_code", "characteristic", "category", "people", "value"]
    path.parent.mkdir(parents=True, exist_ok=True)
    compression = {"method": "gzip", "mtime": 1}
    truth[columns].to_csv(path, index=False, lineterminator="\n", compression=compression)


def _write_words(folder: Path, world: World, numbers: dict[str, float]) -> None:
    """place.toml and commentary.md."""
    plan = world.plan
    agents = [{"id": key, "name": name} for key, name in plan["agencies"].items()]
    head = {"name": plan["name"], "area_code": plan["area_code"], "ward_vintage": "2025", "edition": EDITION}
    (folder / "place.toml").write_text(
        toml(head) + "".join(f"\n\n[[agencies]]\n{toml(agent)}" for agent in agents) + "\n", encoding="utf8"
    )
    said = [
        f"## {name}\n\n{entry['text'].format(number=f'{numbers[name]:.1f}')}\n— {entry['signed']}\n"
        for name, entry in plan["commentary"].items()
    ]
    opening = "# What the partnership's analysts say\n\nIllustrative, like the data. A sentence names its number.\n\n"
    (folder / "commentary.md").write_text(opening + "\n".join(said), encoding="utf8")
