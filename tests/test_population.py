"""Who lives here: denominators, residents by group and the margins of the survey, all round numbers."""

import pandas as pd
import pytest
from little import CODES, OUTPUT_AREAS, A, B, households, noise, people_by_lsoa, population, projections

from placelib.measures.population import (
    adult_margin,
    by_place_and_ward,
    crossed,
    headline,
    keep,
    ward_denominators,
    weighted,
)


def test_residents_of_output_areas_come_from_the_file_that_counts_them(little, read):
    """Ages and sexes are added up; a place without such a file has a weight of one a postcode."""
    postcodes = weighted(little).postcodes
    assert postcodes.groupby("oa_code")["weight"].sum().to_dict() == pytest.approx(OUTPUT_AREAS)
    assert weighted(read(households, people_by_lsoa)).postcodes["weight"].eq(1).all()


def test_every_ward_has_its_population_at_risk(little, exact):
    """1,000 residents, 800 adults, 200 children, 600 of working age, 200 older people, 400 households in each."""
    found = ward_denominators(little, exact.geography)
    expected = {"residents": 1000, "adults": 800, "children": 200, "working_age": 600, "older_people": 200}
    assert list(found.index) == CODES
    for name, people in {**expected, "households": 400}.items():
        assert found[name].tolist() == pytest.approx([people] * 4)


def test_residents_by_group_add_up_to_the_place(little, exact):
    """Each characteristic is counted once, whatever files hold it; a fifth are children, half are women."""
    table = by_place_and_ward(exact.residents, little)
    shares = table[table["area_type"] == "place"].set_index("category")["share_pct"]
    assert shares.to_dict() == pytest.approx({"5_10": 20, "25_34": 60, "65_74": 20, "female": 50, "male": 50})
    sums = table.groupby(["characteristic", "area_type"])["residents"].sum()
    assert sums.tolist() == pytest.approx([4000] * 4)
    assert table.groupby(["area_code", "characteristic"])["share_pct"].sum().tolist() == pytest.approx([100] * 10)
    assert set(table["area_name"]) == {"Littleton", "Ashby", "Bourne", "Carlton", "Denham"}


def test_margins_of_the_survey_are_adults_only(little, exact):
    """Children do not answer: 800 adults a ward, 1,200 women of working age, no margin for what nobody counts."""
    assert adult_margin(little, exact.geography, ["ward"]).to_dict() == pytest.approx(dict.fromkeys(CODES, 800))
    both = adult_margin(little, exact.geography, ["sex", "age_band"])
    assert both.to_dict() == {"female × 25_34": 1200, "female × 65_74": 400, "male × 25_34": 1200, "male × 65_74": 400}
    assert adult_margin(little, exact.geography, ["religion"]).empty


def test_headlines_are_totals_by_kind_and_year(read):
    """Residents once though two files count them, households, and a row a projected year."""
    found = headline(read(population, people_by_lsoa, households, projections, noise))
    rows = found.set_index(["basis", "year"])["people"].to_dict()
    assert rows == {
        ("household", 2026): 1600,
        ("projection", 2030): 4400,
        ("projection", 2040): 4800,
        ("resident", 2026): 4000,
    }


def test_rows_are_kept_by_value_however_a_number_is_stored():
    """A year is 2025 whether or not another row's year is missing."""
    frame = pd.DataFrame({"Year": [2025, 2026, None], "Sex": ["f", "m", "f"]})
    assert keep(frame, {"Year": ("2025",)}).index.tolist() == [0]
    assert keep(frame, {"Sex": ("f",), "Year": ("2026", "2025")}).index.tolist() == [0]
    assert keep(frame, {}).index.tolist() == [0, 1, 2]


def test_straddling_people_are_shared_out(little, exact):
    """The 400 people of output area 3 are 200 in each of two wards, and the wards still sum to the file."""
    source = little.sources["population"]
    located = exact.geography.locate(source.frame, source.contract.geography).set_index("row")
    people = (
        located.join(source.frame).query("OA == 'E00099003'").assign(n=lambda rows: rows["Residents"] * rows["share"])
    )
    assert people.groupby("ward_code")["n"].sum().to_dict() == pytest.approx({A: 200, B: 200})


def test_categories_are_crossed_in_the_order_given():
    """One column keeps its labels; several are joined."""
    sex, age = pd.Series(["f", "m"]), pd.Series([1, 2])
    assert crossed([sex]).tolist() == ["f", "m"]
    assert crossed([sex, age]).tolist() == ["f × 1", "m × 2"]
