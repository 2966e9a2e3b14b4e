"""A tiny place in which every answer is a round number: four wards of one square kilometre, worked out by hand.

Ashby (A) and Bourne (B) lie south, Carlton (C) and Denham (D) north. Each has 1,000 residents (200 children, 600 of
working age, 200 older people) and 400 households. Output area 3 straddles Ashby and Bourne: two of its four postcodes
are in each, so half of its 400 residents. LSOA 2 holds output areas 3 and 4, so a sixth of its 1,200 residents live in
Ashby and five sixths in Bourne.
"""

import csv
import gzip
import hashlib
import json
from pathlib import Path

import geopandas as gpd
import openpyxl
from shapely import box

SLUG, AREA = "little", "E06009999"
WARDS = {f"E0509900{number}": name for number, name in enumerate(["Ashby", "Bourne", "Carlton", "Denham"], 1)}
CODES = list(WARDS)
A, B, C, D = CODES
CORNERS = {A: (500_000, 100_000), B: (501_000, 100_000), C: (500_000, 101_000), D: (501_000, 101_000)}
OUTPUT_AREAS = {
    f"E0009900{number}": people for number, people in enumerate([400, 400, 400, 800, 500, 500, 500, 500], 1)
}
HOMES = [A, A, "", B, C, C, D, D]
OAS = list(OUTPUT_AREAS)
LSOAS = [f"E0109900{number}" for number in (1, 2, 3, 4)]
YEAR = {"period_start": "2025-04-01", "period_end": "2026-03-31"}
PERSONAL = {
    "controller": "The Council",
    "lawful_basis": "Public task",
    "special_category_condition": "Statutory purpose",
    "impact_assessment": "DPIA 1",
    "sharing_agreement": "ISA 1",
    "retention": "2030-01-01",
}
WARD = {"type": "ward", "columns": ["Ward"], "vintage": "2025"}
LSOA = {"type": "lsoa", "columns": ["LSOA"], "vintage": "2011"}
TEXT, NUMBER, WHOLE = {"type": "text"}, {"type": "number"}, {"type": "integer", "minimum": 0}
BANDS = {"Children": "5_10", "Working": "25_34", "Older": "65_74"}
SEXES = {"F": "female", "M": "male"}
MONTHS = [f"{year}-{month:02d}" for year in (2024, 2025, 2026) for month in range(1, 13)][3:27]


def inline(value):
    """Write a value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def write_toml(path, settings):
    """Write a TOML file, a line a key."""
    lines = [f"{json.dumps(key)} = {inline(value)}" for key, value in settings.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")


def write_csv(path, rows):
    """Write rows, the header first; a name that ends in .gz is compressed."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="", encoding="utf8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def postcodes():
    """Forty live postcodes: postcode, output area, LSOA, ward, easting, northing; never within 100 m of an edge."""
    rows = []
    for number, area in enumerate(OAS):
        count = {2: 4, 3: 6}.get(number, 5)
        for each in range(count):
            ward = HOMES[number] or (A if each < 2 else B)
            east, north = CORNERS[ward]
            place = (east + 150 + 100 * each, north + 200 + 80 * number)
            rows.append([f"LT{number + 1} {each + 1}AA", area, LSOAS[number // 2], ward, *place])
    return rows


def write_geography(folder):
    """Write the wards and postcodes of the district."""
    folder.mkdir(parents=True)
    squares = [box(east, north, east + 1000, north + 1000) for east, north in CORNERS.values()]
    wards = gpd.GeoDataFrame({"ward_code": CODES, "ward_name": WARDS.values()}, geometry=squares, crs=27700)
    wards.to_file(folder / "wards_2025.geojson", driver="GeoJSON")
    header = ["postcode", "oa_code", "lsoa_code", "ward_code", "easting", "northing"]
    write_csv(folder / "postcodes.csv.gz", [header, *postcodes()])


def contract(title, agency, kind, file, **more):
    """Give a contract its usual particulars."""
    usual = {
        "title": title,
        "agency": agency,
        "kind": kind,
        "release": "administrative",
        "file": file,
        "licence": "Open Government Licence v3.0",
        "attribution": title,
        "published": "2026-05-01",
    }
    return usual | YEAR | more


def feed(indicator, term, **more):
    """Feed one indicator."""
    return {"id": indicator, "term": term, **more}


def events():
    """Crimes by grid reference: 8, 12, 0 and 20 burglaries, 10 violent crimes a ward; two outside, one nowhere."""
    rows = [["Crime", "Type", "X", "Y"]]
    counts = {A: 8, B: 12, C: 0, D: 20}
    for ward, (east, north) in CORNERS.items():
        rows += [[None, "Burglary", east + 500, north + 5 + each] for each in range(counts[ward])]
        rows += [[None, "Violence", east + 20 + each, north + 500] for each in range(10)]
    rows += [[None, "Burglary", 510_000, 100_500], [None, "Burglary", 499_000, 100_500], [None, "Burglary", "", ""]]
    rows[1:] = [[number, *row[1:]] for number, row in enumerate(rows[1:], 1)]
    what = {"type": "category", "codes": {"Burglary": "burglary", "Violence": "violence"}}
    where = {"type": "number", "missing": [""]}
    return rows, contract(
        "Crimes",
        "police",
        "events",
        "crimes.csv",
        release="open",
        geography={"type": "point", "columns": ["X", "Y"], "of": "event"},
        indicators=[
            feed("burglary", "Burglary residential", where={"Type": ["burglary"]}),
            feed("violence", "Violence", where={"Type": ["violence"]}),
        ],
        columns={"Crime": TEXT, "Type": what, "X": where, "Y": where},
    )


def register():
    """Spells of children by postcode: 10 children in A (four twice), 20 in B, 3 in C, none in D, 3 nowhere."""
    rows, live = [["Child", "Postcode"]], {row[3]: row[0] for row in reversed(postcodes())}
    children = [(A, 10), (B, 20), (C, 3)]
    rows += [[f"K{ward[-1]}{each:02d}", live[ward]] for ward, count in children for each in range(count)]
    rows += [[f"K1{each:02d}", live[A].lower().replace(" ", "")] for each in range(4)]
    rows += [["K901", "ZZ9 9ZZ"], ["K902", "ZZ9 9ZZ"], ["K903", ""]]
    return rows, contract(
        "Children in need",
        "childrens_services",
        "register",
        "children.csv.gz",
        personal=PERSONAL,
        geography={"type": "postcode", "columns": ["Postcode"]},
        indicators=[feed("children_in_need", "Open CIN cases", person="Child")],
        columns={"Child": {"type": "identifier"}, "Postcode": {"type": "text", "missing": [""]}},
    )


def counts():
    """Counts by LSOA: a suppressed part in A, all of C suppressed or D not sent, an LSOA of another district."""
    rows = [["LSOA", "Homeless", "Parcels"]]
    rows += list(zip([*LSOAS, "E01999999"], ["*", 60, 20, 30, 5], [20, 60, "*", "", 5], strict=True))
    marked = {"type": "integer", "minimum": 0, "suppressed": ["*"], "missing": [""]}
    return rows, contract(
        "Homelessness and food",
        "housing",
        "counts",
        "homes.csv",
        geography=LSOA,
        indicators=[
            feed("homelessness", "Duty owed", numerator="Homeless"),
            feed("food_parcels", "Parcels", numerator="Parcels"),
        ],
        columns={"LSOA": TEXT, "Homeless": marked, "Parcels": marked},
    )


def noise():
    """Two years of months side by side, under two title rows: 12 a ward, then 24, 48, 0 and 72."""
    monthly = dict(zip(CODES, [2, 4, 0, 6], strict=True))
    rows = [["Noise complaints"], [], ["Ward", *MONTHS]]
    rows += [[ward, *[1] * 12, *[count] * 12] for ward, count in monthly.items()]
    return rows, contract(
        "Noise",
        "environment",
        "series",
        "noise.xlsx",
        period_start="2024-04-01",
        format={"sheet": "Noise", "header_row": 3, "months": "%Y-%m"},
        geography=WARD,
        indicators=[feed("noise", "Noise complaint", numerator="count")],
        columns={"Ward": TEXT, "month": {"type": "month", "date_format": "%Y-%m"}, "count": WHOLE},
    )


def claimants():
    """A stock month by month: 30 a ward, then 58 and 62 in turn, so 60 on average."""
    rows = [["Ward", "Month", "Claimants"]]
    stock = [30] * 12 + [58, 62] * 6
    rows += [[ward, month, count] for ward in CODES for month, count in zip(MONTHS, stock, strict=True)]
    return rows, contract(
        "Claimants",
        "job_centre",
        "series",
        "claimants.csv",
        release="open",
        period_start="2024-04-01",
        geography=WARD,
        indicators=[feed("claimants", "Claimant count", numerator="Claimants", over_time="mean")],
        columns={"Ward": TEXT, "Month": {"type": "month", "date_format": "%Y-%m"}, "Claimants": WHOLE},
    )


def half_year():
    """The year to date: 5 incidents a month in each ward for six months."""
    rows = [["Ward", "Month", "Incidents"]]
    rows += [[ward, month, 5] for ward in CODES for month in MONTHS[-6:]]
    return rows, contract(
        "Antisocial behaviour",
        "police",
        "series",
        "antisocial.csv",
        period_start="2025-10-01",
        geography=WARD,
        indicators=[feed("antisocial_behaviour", "ASB", numerator="Incidents")],
        columns={"Ward": TEXT, "Month": {"type": "month", "date_format": "%Y-%m"}, "Incidents": WHOLE},
    )


def rates():
    """Rates by ward without their counts, one of them withheld."""
    rows = [["Ward", "Percent"], *zip(CODES, [20, 25, "x", 30], strict=True)]
    percent = {"type": "number", "minimum": 0, "maximum": 100, "suppressed": ["x"]}
    return rows, contract(
        "Child obesity",
        "nhs",
        "rates",
        "obesity.csv",
        release="open",
        geography=WARD,
        indicators=[feed("child_obesity", "NCMP Year 6", numerator="Percent")],
        columns={"Ward": TEXT, "Percent": percent},
    )


def deprivation():
    """Rates by LSOA, turned back into counts by the residents of each: 12%, 20%, 30% and 40% of the wards."""
    return [["LSOA", "Percent"], *zip(LSOAS, [10, 20, 30, 40], strict=True)], contract(
        "Income deprivation",
        "council",
        "rates",
        "income.csv",
        release="open",
        geography=LSOA,
        indicators=[
            feed(
                "income_deprivation", "Income domain", numerator="Percent", rebuild_with="people_by_lsoa", chance=False
            )
        ],
        columns={"LSOA": TEXT, "Percent": NUMBER},
    )


def population():
    """Residents by output area, age and sex: a fifth children, three fifths of working age, a fifth older."""
    share = {"Children": 0.1, "Working": 0.3, "Older": 0.1}
    rows = [["OA", "Age", "Sex", "Residents"]]
    rows += [[oa, age, sex, round(n * share[age])] for oa, n in OUTPUT_AREAS.items() for age in BANDS for sex in SEXES]
    only = {"Children": ["5_10"], "Working": ["25_34"], "Older": ["65_74"]}
    kinds = {
        "residents": {},
        "adults": {"Age": [*only["Working"], *only["Older"]]},
        "children": {"Age": only["Children"]},
        "working_age": {"Age": only["Working"]},
        "older_people": {"Age": only["Older"]},
    }
    return rows, contract(
        "Census 2021",
        "council",
        "population",
        "residents.csv",
        release="open",
        geography={"type": "output area", "columns": ["OA"], "vintage": "2011"},
        population={"basis": "resident", "count": "Residents"},
        denominators=[{"id": name, "column": "Residents", "where": where} for name, where in kinds.items()],
        columns={
            "OA": TEXT,
            "Age": {"type": "category", "codes": BANDS, "characteristic": "age_band"},
            "Sex": {"type": "category", "codes": SEXES, "characteristic": "sex"},
            "Residents": WHOLE,
        },
    )


def households():
    """400 households a ward."""
    return [["Ward", "Households"], *((ward, 400) for ward in CODES)], contract(
        "Households",
        "council",
        "population",
        "households.csv",
        release="open",
        geography=WARD,
        population={"basis": "household", "count": "Households"},
        denominators=[{"id": "households", "column": "Households"}],
        columns={"Ward": TEXT, "Households": WHOLE},
    )


def people_by_lsoa():
    """The same residents by LSOA."""
    return [["LSOA", "People"], *zip(LSOAS, [800, 1200, 1000, 1000], strict=True)], contract(
        "Residents by LSOA",
        "council",
        "population",
        "lsoas.csv",
        release="open",
        geography=LSOA,
        population={"basis": "resident", "count": "People"},
        denominators=[{"id": "people_by_lsoa", "column": "People"}],
        columns={"LSOA": TEXT, "People": WHOLE},
    )


def projections():
    """Residents projected for the whole place."""
    return [["Year", "People"], [2030, 4400], [2040, 4800]], contract(
        "Projections",
        "council",
        "population",
        "projections.csv",
        release="open",
        geography={"type": "place"},
        population={"basis": "projection", "count": "People", "year": "Year"},
        columns={"Year": WHOLE, "People": WHOLE},
    )


def survey():
    """200 adults, 50 a ward: in each 10 women and 20 men of working age, 10 and 10 older, raked to 300, 300, 100, 100.

    Lonely: the women of working age in Ashby, older men in Bourne, nobody in Carlton, all older people in Denham:
    37.5%, 12.5%, 0% and 25%. Damp: working-age women everywhere, but working-age men did not answer: 300 of 500.
    """
    groups = [("F", "Working")] * 10 + [("M", "Working")] * 20 + [("F", "Older")] * 10 + [("M", "Older")] * 10
    lonely = {A: {("F", "Working")}, B: {("M", "Older")}, C: set(), D: {("F", "Older"), ("M", "Older")}}
    rows = [["Person", "Ward", "Weight", "Sex", "Age", "Limited", "Lonely", "Damp"]]
    for ward in CODES:
        for place, group in enumerate(groups):
            limited = "Lots" if ward == A and place < 9 else "Little" if ward == B and place < 29 else "No"
            damp = "" if group == ("M", "Working") else ["No", "Yes"][group == ("F", "Working")]
            feels = "Often" if group in lonely[ward] else "Never"
            rows.append([f"P{1000 + len(rows)}", ward, 16, *group, limited, feels, damp])
    limits = {"Lots": "disabled_a_lot", "Little": "disabled_a_little", "No": "not_disabled"}
    return rows, contract(
        "Residents' survey",
        "council",
        "survey",
        "survey.csv",
        release="survey",
        personal=PERSONAL,
        geography=WARD,
        survey={"design": "probability", "stratum": "Ward", "weight": "Weight", "rake": [["Ward"], ["Sex", "Age"]]},
        indicators=[
            feed("lonely", "Loneliness", column="Lonely", yes=["often"]),
            feed("damp_home", "Damp", column="Damp", yes=["yes"]),
        ],
        columns={
            "Person": {"type": "identifier"},
            "Ward": TEXT,
            "Weight": NUMBER,
            "Sex": {"type": "category", "codes": SEXES, "characteristic": "sex"},
            "Age": {"type": "category", "codes": BANDS, "characteristic": "age_band"},
            "Limited": {"type": "category", "codes": limits, "characteristic": "disability"},
            "Lonely": {"type": "category", "codes": {"Often": "often", "Never": "never"}},
            "Damp": {"type": "category", "codes": {"Yes": "yes", "No": "no"}, "missing": [""]},
        },
    )


ENGLAND = {
    "burglary": 10,
    "violence": 10,
    "children_in_need": 40,
    "homelessness": 60,
    "food_parcels": 60,
    "noise": 90,
    "claimants": 5,
    "antisocial_behaviour": 60,
    "child_obesity": 20,
    "income_deprivation": 25.5,
    "lonely": 18.75,
    "damp_home": 60,
}


def comparators():
    """England and a neighbour: the place is surely worse than England in burglaries and claimants."""
    rows = [["indicator_id", "area_name", "area_type", "value", "lower", "upper"]]
    rows += [[name, "England", "england", value, value, value] for name, value in ENGLAND.items()]
    rows += [["burglary", "Neighbourton", "neighbour", 25, "", ""]]
    limit = {"type": "number", "missing": [""]}
    return rows, contract(
        "Published figures",
        "council",
        "comparators",
        "comparators.csv",
        release="open",
        columns={name: TEXT for name in rows[0][:3]} | {"value": NUMBER, "lower": limit, "upper": limit},
    )


MAKERS = [events, register, counts, noise, claimants, half_year, rates, deprivation]
MAKERS += [population, households, people_by_lsoa, projections, survey, comparators]
AGENCIES = ["council", "police", "childrens_services", "housing", "environment", "job_centre", "nhs"]
SETTINGS = {
    "name": "Littleton",
    "area_code": AREA,
    "ward_vintage": "2025",
    "edition": "spring-2026",
    "agencies": [{"id": agency, "name": agency.replace("_", " ").title()} for agency in AGENCIES],
}


def write_source(folder: Path, name: str, rows: list, terms: dict) -> None:
    """Write a file and the contract that signs for it."""
    path = folder / terms["file"]
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        book.active.title = terms["format"]["sheet"]
        for row in rows:
            book.active.append(row)
        book.save(path)
    else:
        write_csv(path, rows)
    sign(folder, name, terms)


def sign(folder: Path, name: str, terms: dict) -> None:
    """Write a contract with the hash of its file as it is now."""
    digest = hashlib.sha256((folder / terms["file"]).read_bytes()).hexdigest()
    write_toml(folder / f"{name}.toml", {"sha256": digest} | terms)


def write_little(data: Path, *makers, slug: str = SLUG, **settings) -> Path:
    """Write the data root of the little place, with all of its sources or only the given ones.

    Parameters
    ----------
    data : Path
        The data root; made.
    *makers : callable
        Sources to write: each gives rows and a contract. All when there are none.
    slug : str
        Folder of the place.
    **settings
        Keys of place.toml to write otherwise.
    """
    if not (data / "geography").exists():
        write_geography(data / "geography" / AREA)
    folder = data / slug / "sources"
    folder.mkdir(parents=True)
    write_toml(folder.parent / "place.toml", SETTINGS | settings)
    for maker in makers or MAKERS:
        write_source(folder, maker.__name__, *maker())
    return data
