"""Two published files of one council's payments, whose columns differ: every row counted, every penny found again."""

import shutil
from decimal import Decimal

import lay
import pandas as pd
import pytest
from little import write_geography

from placelib.commissioning.spend import clean_names, matched, reconciled, told_apart
from placelib.sources.readers import read_place

SLUG = "oxford"
FILES = {
    year: f"oxford_expenditure_over_500_{months}-{year}.csv" for year, months in ((2014, "apr-jun"), (2018, "jan-mar"))
}


@pytest.fixture(scope="module")
def payments(tmp_path_factory):
    """Payments of each file, read through its contract; the geography of the place plays no part, so any will do."""
    lay.need_real_data()
    data = tmp_path_factory.mktemp("payments") / "data"
    shutil.copytree(lay.HERE / SLUG, data / SLUG)
    for file in FILES.values():
        shutil.copyfile(lay.real() / "spend" / file, data / SLUG / "sources" / file)
    write_geography(data / "geography" / "E07000178")
    sources = read_place(SLUG, data).sources
    return {year: told_apart(sources[f"payments-{year}"].frame) for year in FILES}


def raw(year):
    """The file as published, every cell as text."""
    return pd.read_csv(lay.real() / "spend" / FILES[year], dtype=str, keep_default_na=False)


@pytest.mark.parametrize(
    ("year", "rows", "pence"),
    [
        (2014, {"not dated": 3823, "refund": 13}, 1_416_588_728),
        (2018, {"paid": 1106, "same payee, day and sum as another": 105, "payee not named": 9}, 433_976_585),
    ],
)
def test_every_row_is_counted_and_every_penny_found_again(year, rows, pence, payments):
    """What the payments are told apart into adds up to the file: its rows, and its total, exact from its text."""
    table = reconciled(payments[year], pd.DataFrame({"supplier": []}, dtype=object)).set_index("standing")
    published = raw(year)["Amount"].map(Decimal)
    assert table["payments"].to_dict() == rows
    assert table["payments"].sum() == len(raw(year))
    assert round(100 * table["amount_gbp"].sum()) == pence == 100 * published.sum()


@pytest.mark.usefixtures("payments")
def test_cleaned_names_find_suppliers_again_that_the_written_ones_do_not():
    """Of 2018's payees 117 are written as in 2014; spaces, points and LTD hide 30 more; likeness adds none falsely."""
    then, now = (raw(year)["Supplier Name"].drop_duplicates() for year in FILES)
    now = now[now != ""]
    assert now.isin(then).sum() == 117
    found = matched(now, then)
    assert (found["match"] != "").sum() == 147
    assert (clean_names(found["match"]) == clean_names(now))[found["match"] != ""].all()


def test_categories_map_where_names_are_alike_and_the_rest_is_counted(payments):
    """A few of the council's categories are named as in the national list; the pounds of the others are not lost."""
    national = pd.read_csv(lay.real() / "spend" / "proclass_17_categories.csv", dtype=str)
    names = national[["level1", "level2", "level3"]].stack()
    rows = payments[2014]
    match = matched(rows["category"], names)["match"]
    assert {"Electricity", "Health & Safety", "Cleaning Materials"} <= set(match)
    by_match = rows.groupby(match)["amount"].sum()
    assert by_match.sum() == pytest.approx(rows["amount"].sum())
    assert 0 < by_match[""] < rows["amount"].sum()
