"""Bad inputs and the one message that each gets: file, row, column, rule, mend, and no value of a person."""

import re
from pathlib import Path

import little
import pytest
from little import SLUG, TEXT, events, households, sign, survey, write_little, write_source, write_toml

from placelib import sources
from placelib.errors import InputFaults
from placelib.sources.faults import WORDS
from placelib.sources.readers import read_place

SECRET = "Q9secret"


def cell(maker, row, column, value):
    """Write a file with one cell changed, signed for as it then is. Rows count from 1, the header's."""

    def harm(folder):
        rows, terms = getattr(little, maker)()
        rows = [list(each) for each in rows]
        rows[row - 1][column] = value
        write_source(folder, maker, rows, terms)

    return harm


def term(maker, **changed):
    """Write a contract with keys changed, or taken away where None."""

    def harm(folder):
        rows, terms = getattr(little, maker)()
        kept = {key: value for key, value in (terms | changed).items() if value is not None}
        write_source(folder, maker, rows, terms)
        sign(folder, maker, kept)

    return harm


def inside(maker, part, name, **changed):
    """Write a contract with keys changed inside one part: a column, or one of a list."""
    terms = getattr(little, maker)()[1][part]
    if isinstance(name, int):
        return term(maker, **{part: [each | (changed if place == name else {}) for place, each in enumerate(terms)]})
    return term(maker, **{part: terms | {name: terms[name] | changed}})


def place(**changed):
    """Write place.toml with keys changed."""
    return lambda folder: write_toml(folder.parent / "place.toml", little.SETTINGS | changed)


def text(file, content):
    """Write a file as it is given, contract and all."""
    return lambda folder: (folder / file).write_bytes(content)


def signed(maker, content):
    """Write bytes in place of a source's file, and sign for them."""

    def harm(folder):
        terms = getattr(little, maker)()[1]
        (folder / terms["file"]).write_bytes(content)
        sign(folder, maker, terms)

    return harm


OUTLINED = {"Ward": {"type": "text", "label": "area_code"}, "Households": {"type": "text", "label": "ward_name"}}
FAULTS = {
    "file changed": (
        text("crimes.csv", b"Crime,Type,X,Y\n"),
        r"events\.toml, key 'sha256': the file crimes\.csv is not the one .* its sha256 is now [0-9a-f]{64}\.",
    ),
    "file missing": (lambda folder: (folder / "crimes.csv").unlink(), r"crimes\.csv: the file is missing"),
    "column undeclared": (
        cell("households", 1, 1, "Homes"),
        r"households\.csv, column 'Households': .*not in the file",
    ),
    "column not in contract": (
        term("comparators", columns={name: TEXT for name in ["indicator_id", "area_name", "area_type", "value"]}),
        r"comparators\.csv, column 'lower': .*not in the contract",
    ),
    "unknown code": (cell("survey", 9, 4, SECRET), r"survey\.csv, column 'Age', row 9: is not one of"),
    "out of range": (cell("rates", 3, 1, 101), r"obesity\.csv, column 'Percent', row 3: is above 100"),
    "below range": (cell("counts", 4, 1, -1), r"homes\.csv, column 'Homeless', row 4: is below 0"),
    "thousands comma": (
        cell("population", 5, 3, "1,200"),
        r"residents\.csv, column 'Residents', row 5: .*whole number",
    ),
    "word for a number": (cell("survey", 7, 2, SECRET), r"survey\.csv, column 'Weight', row 7: is not a number"),
    "bad month": (cell("claimants", 2, 1, "April 24"), r"claimants\.csv, column 'Month', row 2: is not a month"),
    "bad month heading": (cell("noise", 3, 5, "Aug 24"), r"noise\.xlsx, column 'Aug 24': .*not in the contract"),
    "empty cell": (cell("noise", 4, 2, None), r"noise\.xlsx, column '2024-05', row 4: is empty"),
    "word in a month": (cell("noise", 6, 7, SECRET), r"noise\.xlsx, column '2024-10', row 6: is not a whole number"),
    "no name beside months": (cell("noise", 5, 0, None), r"noise\.xlsx, column 'Ward', row 5: is empty"),
    "empty text": (cell("counts", 6, 0, ""), r"homes\.csv, column 'LSOA', row 6: is empty"),
    "unknown agency": (term("events", agency="pirates"), r"events\.toml, key 'agency': 'pirates' is not an agency"),
    "unknown indicator": (
        inside("rates", "indicators", 0, id="happiness"),
        r"rates\.toml, key 'indicators': 'happiness' is not in",
    ),
    "unknown category": (
        inside("survey", "columns", "Age", codes={"Children": "5_10", "Working": "middling", "Older": "65_74"}),
        r"survey\.toml, key 'columns.Age': 'age_band' has no category middling",
    ),
    "unknown characteristic": (
        inside("survey", "columns", "Age", characteristic="star_sign"),
        r"survey\.toml, key 'columns.Age': 'star_sign' has no category",
    ),
    "answer that nobody can give": (
        inside("survey", "indicators", 0, yes=["Often"]),
        r"survey\.toml: 'Lonely' has no code Often",
    ),
    "rows that cannot be": (
        inside("events", "indicators", 0, where={"Type": ["Burglary"]}),
        r"events\.toml: 'Type' has no code Burglary",
    ),
    "street address": (
        term("register", geography={"type": "address", "columns": ["Postcode"]}),
        r"register\.toml, key 'geography.type': a street address is refused",
    ),
    "no legal particulars": (term("survey", personal=None), r"survey\.toml: records of people need \[personal\]"),
    "open records of people": (term("register", release="open"), r"register\.toml: records of people cannot have"),
    "unknown key": (
        term("events", colour="red"),
        r"events\.toml, key 'colour': is not a key that is known .*remove the key",
    ),
    "unknown key in place.toml": (
        place(motto="on"),
        r"place\.toml, key 'motto': is not a key that is known .*remove the key",
    ),
    "missing key": (term("events", licence=None), r"events\.toml, key 'licence': is not given\. .*add the key"),
    "period end first": (term("events", period_end="2024-01-01"), r"events\.toml: period_end is before period_start"),
    "no area": (term("counts", geography=None), r"counts\.toml(, key 'geography')?: .*geography"),
    "no weight": (
        term("survey", survey={**survey()[1]["survey"], "weight": ""}),
        r"survey\.toml, key 'survey\.weight': is empty or too short\. .*fill it in",
    ),
    "raked to what is not there": (
        term("survey", survey=survey()[1]["survey"] | {"rake": [["Ward"], ["Height"]]}),
        r"survey\.toml: .*Height",
    ),
    "no such file name": (
        lambda folder: write_toml(folder / "events.toml", events()[1] | {"sha256": "0" * 64, "file": "../crimes.csv"}),
        r"events\.toml, key 'file': is not the plain name",
    ),
    "no hash": (term("events", sha256="soon"), r"events\.toml, key 'sha256': is not a sha256: 64 characters"),
    "no year": (
        term("counts", geography={"type": "lsoa", "columns": ["LSOA"], "vintage": "last"}),
        r"counts\.toml, key 'geography\.vintage': is not a year\. .*\"2021\"",
    ),
    "no edition": (place(edition="Spring 2026"), r"place\.toml, key 'edition': is not small letters"),
    "no district": (place(area_code="Littleton"), r"place\.toml, key 'area_code': is not the GSS code"),
    "weight below 0": (place(weights={"housing": -1}), r"place\.toml, key 'weights\.housing': must be 0(\.0)? or more"),
    "weight of no domain": (
        place(weights={"joy": 1}),
        r"place\.toml, key 'weights\.joy': is not a domain of need\. .*use one of",
    ),
    "weight of no agency": (
        place(partner_weights={"pirates": {}}),
        r"place\.toml, key 'partner_weights\.pirates': is not the id of an agency",
    ),
    "part of no agency": (
        place(agencies=[each | {"part_of": "pirates" * (each["id"] == "nhs")} for each in little.SETTINGS["agencies"]]),
        r"place\.toml, key 'agencies\.nhs\.part_of': is not the id of an agency",
    ),
    "unknown comparator": (
        cell("comparators", 2, 0, "happiness"),
        r"comparators\.csv, column 'indicator_id': 'happiness' is not in",
    ),
    "not outlines": (
        term("households", kind="boundaries", population=None, denominators=None, columns=OUTLINED),
        r"households\.csv: the file cannot be read",
    ),
    "not UTF-8": (text("events.toml", b"title = 'Crimes \xa3'"), r"events\.toml: is not valid TOML in UTF-8"),
    "not TOML": (text("events.toml", b"title = 'Crimes"), r"events\.toml: is not valid TOML"),
    "wrong encoding": (
        signed("households", "Ward,Households\nE05099001,£400\n".encode("latin-1")),
        r"households\.csv: .*not text in the encoding utf-8",
    ),
    "ragged row": (
        signed("households", b"Ward,Households\nE05099001,400\nE05099002,4,0,0\n"),
        r"households\.csv: .*line 3 has more cells",
    ),
    "not a workbook": (signed("noise", b"not a workbook"), r"noise\.xlsx: .*not an Excel workbook\."),
    "no comma": (
        signed("households", b"Ward;Households\nE05099001;400,5\n"),
        r"households\.csv: the cells are separated by semicolons or tabs.*save it as CSV with commas",
    ),
    "ward twice": (
        signed("households", f"Ward,Households\n{little.A},1\n{little.B},2\n{little.A},3\n".encode()),
        r"households\.csv, row 4: is given already \(the same Ward in row 2\)",
    ),
    "ward and month twice": (
        cell("claimants", 4, 1, "2024-05"),
        r"claimants\.csv, row 4: is given already \(the same Ward, Month in row 3\)",
    ),
    "ward twice with months side by side": (
        cell("noise", 7, 0, little.A),
        r"noise\.xlsx, row 7: is given already \(the same Ward, month in row 4\)",
    ),
    "rate twice": (cell("rates", 3, 0, little.A), r"obesity\.csv, row 3: is given already"),
    "area of a count twice": (cell("counts", 6, 0, little.LSOAS[1]), r"homes\.csv, row 6: .* in row 3\)"),
    "England twice": (
        cell("comparators", 3, 0, "burglary"),
        r"comparators\.csv, row 3: .*the same area_name, area_type, indicator_id in row 2\)",
    ),
    "more than all": (
        cell("comparators", 12, 3, 102.26),
        r"comparators\.csv, column 'value', row 12: is a share of more than all of them",
    ),
    "comparator of no kind": (
        cell("comparators", 14, 2, "country"),
        r"comparators\.csv, column 'area_type', row 14: must be one of england, region, neighbour",
    ),
    "date of ours": (
        text("events.toml", b"published = 14/10/2026"),
        r"events\.toml: is not valid TOML .*a date is written 2026-10-14, without",
    ),
    "sheet missing": (
        term("noise", format=little.noise()[1]["format"] | {"sheet": "Sound"}),
        r"noise\.xlsx: the file cannot be read .*: there is no sheet 'Sound'",
    ),
}


def harmed(tmp_path, *names):
    """Read a place of two good sources with the named faults put into it, and give back its faults."""
    data = write_little(tmp_path / "data", events, households)
    for name in names:
        FAULTS[name][0](data / SLUG / "sources")
    with pytest.raises(InputFaults) as error:
        read_place(SLUG, data)
    return error.value


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_one_message_that_says_what_and_how_to_mend_it(tmp_path, name):
    """File, column, row and rule; one line; what to do; and never the value that was found."""
    error = harmed(tmp_path, name)
    message = str(error.faults[0])
    assert re.search(FAULTS[name][1], message)
    assert "To mend: " in message
    assert "\n" not in message
    assert not re.search(r"Error|BadZip|Input should|[Pp]ermitted|pattern '", message)
    assert len(error.faults) > 1 or str(error) == message
    assert SECRET not in str(error)
    twins = {"column undeclared", "column not in contract", "bad month heading", "file changed"}
    assert len(error.faults) == 1 or name in twins


def test_all_faults_of_all_files_are_told_together(tmp_path):
    """Six wrong files, six messages, and the good ones are not named."""
    names = ["file missing", "out of range", "below range", "bad month", "no legal particulars", "empty cell"]
    error = harmed(tmp_path, *names)
    assert len(error.faults) == len(names)
    for name in names:
        assert re.search(FAULTS[name][1], str(error))
    assert "households.csv" not in str(error)


def test_two_faults_of_one_contract_are_both_told(tmp_path):
    """A contract that breaks two of its own rules, and a file with two bad columns."""
    data = write_little(tmp_path / "data", events)
    folder = data / SLUG / "sources"
    term("register", release="open", period_end="2024-01-01")(folder)
    rows, terms = survey()
    rows[4][2], rows[5][4] = SECRET, SECRET
    write_source(folder, "survey", rows, terms)
    with pytest.raises(InputFaults) as error:
        read_place(SLUG, data)
    assert [words in str(error.value) for words in ("before period_start", "'open'", "row 5", "row 6")] == [True] * 4


@pytest.mark.parametrize("name", WORDS)
def test_the_words_of_every_fault_are_used_and_say_how_to_mend_it(name):
    """A rule and its mend, neither a sentence of its own, and a module of the room that tells them."""
    rule, mend = WORDS[name]
    assert not (rule + mend).endswith(".")
    assert rule
    assert mend
    modules = [path.read_text(encoding="utf8") for path in Path(sources.__path__[0]).glob("*.py")]
    types = {"integer", "number", "date", "month", "category"}  # told by the type of the column
    assert name.removeprefix("book_") in types | {"empty", "minimum", "maximum"} or any(
        f'"{name}"' in module for module in modules
    )
