"""What a file may lack without being wrong: told in a line; silent where all is there."""

import pandas as pd
import pytest
from little import (
    CODES,
    MONTHS,
    SLUG,
    TEXT,
    claimants,
    contract,
    events,
    households,
    noise,
    people_by_lsoa,
    rates,
    register,
    write_little,
)

from placelib.sources.checks import lacks
from placelib.sources.contracts import Contract
from placelib.sources.readers import read_place


@pytest.fixture
def warned(tmp_path_factory):
    """Read a place of one source whose rows and contract a function changes; give its warnings."""

    def reader(maker, keep, **terms):
        def changed():
            rows, given = maker()
            return [rows[0], *keep(rows[1:])], given | terms

        changed.__name__ = maker.__name__
        return read_place(SLUG, write_little(tmp_path_factory.mktemp("little") / "data", changed)).warnings

    return reader


@pytest.mark.parametrize("maker", [households, rates, claimants])
def test_a_whole_file_gives_no_warning(warned, maker):
    """Every ward and every month is there."""
    assert warned(maker, lambda rows: rows) == ()


def test_a_ward_without_a_row_is_told(warned):
    """One of four wards is absent from the rates."""
    (said,) = warned(rates, lambda rows: [row for row in rows if row[0] != CODES[1]])
    assert said.startswith(f"obesity.csv, column 'Ward': 1 of the place's 4 wards are not in the file ({CODES[1]})")


def test_months_absent_and_outside_are_told(warned):
    """A month taken out, and a period that begins a month later than the file."""
    (said,) = warned(claimants, lambda rows: [row for row in rows if row[1] != MONTHS[5]])
    assert f"1 of the 24 months of its period are not in the file ({MONTHS[5]})" in said


def test_months_before_the_period_are_told(warned):
    """The file begins a month before the contract does: four wards' cells."""
    (said,) = warned(claimants, lambda rows: rows, period_start="2024-05-01")
    assert "column 'Month': 4 of its months are outside the period" in said


def test_codes_of_elsewhere_are_counted_and_not_repeated(warned):
    """One ward of five is of another district; the number is not exact, as the file is not open."""
    elsewhere = ("E05000001", *rates()[0][-1][1:])
    (said,) = warned(rates, lambda rows: [*rows, elsewhere], release="administrative")
    assert "column 'Ward': fewer than 8 of its ward codes are of no area of this district" in said
    assert elsewhere[0] not in said


@pytest.mark.parametrize(
    ("maker", "column", "factor", "told"),
    [
        (claimants, 2, 21, "claimants.csv, column 'Claimants', row 2"),
        (people_by_lsoa, 1, 16, "lsoas.csv, column 'People', row 2"),
        (noise, 3, 1000, "noise.xlsx, column '2024-06', row 4"),
    ],
)
def test_a_figure_far_from_all_like_it_is_told_and_not_repeated(warned, maker, column, factor, told):
    """Over ten times any other: of the ward in 24 months, in rows or side by side, or of four LSOAs on one day."""

    def blundered(rows):
        row = 2 if maker is noise else 0  # two rows of its titles are above
        wrong = [*rows[row][:column], rows[row][column] * factor, *rows[row][column + 1 :]]
        return [*rows[:row], wrong, *rows[row + 1 :]]

    (said,) = warned(maker, blundered)
    assert said.startswith(f"{told}: the figure is over ten times any other like it")


def test_ten_times_is_not_over_ten_times_and_small_numbers_are_not_far_apart(warned):
    """620 beside 62 and, where no other figure is above two, 100."""
    assert warned(claimants, lambda rows: [(*rows[0][:2], 620), *rows[1:]]) == ()
    assert warned(claimants, lambda rows: [(*row[:2], 100 if row is rows[0] else 2) for row in rows]) == ()


def test_points_off_the_district_are_counted(warned):
    """Two burglaries of 73 crimes with a grid reference lie outside: no exact number, as the file is not open."""
    (said,) = warned(events, lambda rows: rows, release="administrative")
    assert said.startswith("crimes.csv, column 'X': fewer than 8 of its points are of no area of this district")
    assert warned(events, lambda rows: rows) == ()


def test_an_open_file_may_be_wider_than_the_place(warned):
    """A census table holds other districts too."""
    assert warned(households, lambda rows: [*rows, ("E05000001", 400)]) == ()


def test_a_yearly_value_unlike_price_times_units_is_told():
    """100 is 10 times 10, 102 is not; a pound of rounding is let pass."""
    terms = Contract.model_validate(contract("Any", "nhs", "contracts", "c.csv", sha256="0" * 64, columns={"a": TEXT}))
    frame = pd.DataFrame({"annual_value": [100, 101, 103], "unit_price": 10, "units": 10}, index=[2, 3, 5])
    (said,) = lacks(frame, terms, None, frame.index)
    assert str(said).startswith("c.csv, column 'annual_value', row 5: the yearly value is not the unit price times")


def test_a_file_that_no_contract_describes_is_told(tmp_path):
    """A left-over copy is named; a hidden file is not."""
    data = write_little(tmp_path / "data", households)
    for name in ("copy of crimes.csv", ".hidden"):
        (data / SLUG / "sources" / name).write_text("x")
    (said,) = read_place(SLUG, data).warnings
    assert said.startswith("copy of crimes.csv: no contract describes this file")


def test_strange_postcodes_of_people_are_neither_repeated_nor_counted_exactly(warned):
    """Two children of one strange postcode are few; a dozen strange postcodes are about ten."""
    (said,) = warned(register, lambda rows: rows)
    assert said.startswith("children.csv.gz, column 'Postcode': fewer than 8 of its postcodes")
    strange = [[f"K8{each:02d}", f"ZZ{each} 9ZZ"] for each in range(10, 21)]
    (many,) = warned(register, lambda rows: [*rows, *strange])
    assert "column 'Postcode': about 10 of its postcodes are of no area of this district" in many
    assert "ZZ" not in said + many
