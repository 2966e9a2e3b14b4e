"""The shared indicator table from agencies' files: each answer worked by hand on the little place."""

import numpy as np
import pandas as pd
import pytest
from little import CODES, LSOAS, MONTHS, A, B, C, D, counts, events, half_year, households, population, register
from scipy import stats

from placelib.errors import PlacelibError
from placelib.measures.indicators import rate_interval
from placelib.measures.shared import measure
from placelib.settings import Disclosure
from placelib.suppression import coarsened


@pytest.fixture
def made(read):
    """Measure a place whose one agency file holds the given rows, with its contract's keys changed."""

    def maker(original, rows=None, **changed):
        def altered():
            before, terms = original()
            return rows or before, terms | changed

        altered.__name__ = original.__name__
        return measure(read(altered, population, households))

    return maker


def of(exact, indicator, column="value", area_type="ward"):
    """Values of an indicator: by ward, or the place's."""
    table = exact.table[(exact.table["indicator_id"] == indicator) & (exact.table["characteristic"] == "all")]
    rows = table[table["area_type"] == area_type]
    return rows.set_index("area_code")[column] if area_type == "ward" else rows[column].item()


@pytest.mark.parametrize(
    ("indicator", "wards", "place"),
    [
        ("burglary", [20, 30, 0, 50], 25),
        ("violence", [10, 10, 10, 10], 10),
        ("children_in_need", [50, 100, 15, 0], 42.5),
        ("noise", [60, 120, 0, 180], 90),
        ("claimants", [10, 10, 10, 10], 10),
        ("antisocial_behaviour", [60, 60, 60, 60], 60),
        ("income_deprivation", [12, 20, 30, 40], 25.5),
    ],
)
def test_each_ward_and_the_place_are_as_worked_by_hand(exact, indicator, wards, place):
    """Points, people, months, a stock, the year to date, rates turned back into counts: see tests/little.py."""
    found = of(exact, indicator)
    assert list(found.index) == CODES
    assert found.tolist() == pytest.approx(wards)
    assert of(exact, indicator, area_type="place") == pytest.approx(place)
    assert of(exact, indicator, "status").eq("published").all()


def test_the_place_is_its_wards_and_what_says_no_ward_and_the_ledger_the_rest(exact):
    """For every file that counts: in a ward, plus in none, is what the file holds."""
    records = {"burglary": 43, "violence": 40, "children_in_need": 36, "noise": 144, "claimants": 240}
    records |= {"homelessness": 115, "food_parcels": 85, "antisocial_behaviour": 120, "income_deprivation": 1020}
    ledger = exact.ledger.set_index("indicator_id")
    assert ledger["records"].to_dict() == pytest.approx(records)
    assert (ledger["matched"] + ledger["unmatched"]).to_dict() == pytest.approx(records)
    assert ledger["unmatched"][ledger["unmatched"] > 0].to_dict() == pytest.approx(
        {"burglary": 3, "children_in_need": 3, "homelessness": 5, "food_parcels": 5}
    )
    unplaced = ledger["in_the_place"] - ledger["matched"]
    assert unplaced[unplaced > 0].to_dict() == {"children_in_need": 1}
    assert not np.signbit(ledger["unmatched"]).any()
    for indicator in ["burglary", "children_in_need", "noise"]:
        assert of(exact, indicator, "numerator").sum() == pytest.approx(ledger["matched"][indicator])
        assert of(exact, indicator, "numerator", "place") == pytest.approx(ledger["in_the_place"][indicator])
    assert ledger.loc["burglary", "reason"] == "no grid reference, or outside every ward"


def test_people_are_counted_and_not_their_spells(exact, made):
    """Four of ten children have two spells: ten children; without `person` it would be fourteen."""
    assert of(exact, "children_in_need", "numerator")[A] == 10
    spells = made(register, indicators=[{"id": "children_in_need", "term": "Spells"}])
    assert of(spells, "children_in_need", "numerator")[A] == 14
    assert "count of people" in of(exact, "children_in_need", "method")[A]
    assert "count of records" in of(spells, "children_in_need", "method")[A]


def test_people_without_an_identifier_are_not_one_person(made):
    """Three rows whose identifier is missing are three people, not one."""
    rows, terms = register()
    rows = rows[:1] + [["", row[1]] for row in rows[1:4]] + rows[4:5] * 2
    columns = terms["columns"] | {"Child": {"type": "identifier", "missing": [""]}}
    assert of(made(register, rows, columns=columns), "children_in_need", "numerator")[A] == 4


def test_a_suppressed_part_makes_a_bound_and_never_a_sum(exact):
    """Ashby: 10 and a part of 1 to 7, among 400 households: no value, and limits from 27.5 to 42.5."""
    row = exact.table.query("indicator_id == 'homelessness' and area_code == @A").iloc[0]
    assert (row["status"], row["lower"], row["upper"]) == ("suppressed", pytest.approx(27.5), pytest.approx(42.5))
    assert row[["value", "numerator"]].isna().all()
    place = exact.table.query("indicator_id == 'homelessness' and area_type == 'place'").iloc[0]
    assert (place["status"], place["lower"]) == ("suppressed", pytest.approx(111 / 1.6))
    assert place["upper"] == pytest.approx(117 / 1.6)


def test_a_ward_that_is_suppressed_whole_stays_in_the_bounds_of_the_place(exact):
    """Carlton has 1 to 7, Denham was not sent: the place is 81 to 87 among the 1,200 households known of."""
    wards = exact.table.query("indicator_id == 'food_parcels' and area_type == 'ward'").set_index("area_code")
    assert wards["status"].tolist() == ["published", "published", "suppressed", "no data"]
    assert wards.loc[C, ["lower", "upper"]].tolist() == pytest.approx([2.5, 17.5])
    assert wards.loc[D, ["value", "lower", "upper", "numerator"]].isna().all()
    place = exact.table.query("indicator_id == 'food_parcels' and area_type == 'place'").iloc[0]
    assert place["status"] == "suppressed"
    assert [place["lower"], place["upper"]] == pytest.approx([81 / 1.2, 87 / 1.2])


def test_nought_is_not_missing_and_missing_is_not_nought(exact):
    """No burglary in Carlton is 0, with an upper limit; a count that was not sent has no value."""
    assert of(exact, "burglary")[C] == 0
    assert of(exact, "burglary", "upper")[C] == pytest.approx(stats.chi2.ppf(0.975, 2) / 2 / 400 * 1000)
    assert np.isnan(of(exact, "food_parcels")[D])
    assert of(exact, "food_parcels", "status")[D] == "no data"


def test_a_missing_part_leaves_a_ward_without_a_value(made):
    """Half of Denham's two areas were not sent: the half that was is not the ward."""
    rows = [["LSOA", "Homeless", "Parcels"], ["E01099001", 20, 1], ["E01099002", "", 1]]
    exact = made(counts, rows)
    assert of(exact, "homelessness").isna().all()
    assert of(exact, "food_parcels", "numerator").tolist() == pytest.approx([7 / 6, 5 / 6, *[np.nan] * 2], nan_ok=True)


def test_months_are_the_last_twelve_and_the_twelve_before_are_kept_apart(exact):
    """Noise was 12 a ward the year before (30 per 1,000); claimants 30 (5%)."""
    assert of(exact, "noise", "previous").tolist() == pytest.approx([30] * 4)
    assert of(exact, "claimants", "previous").tolist() == pytest.approx([5] * 4)
    assert of(exact, "noise", "previous", "place") == pytest.approx(30)
    assert np.isnan(of(exact, "burglary", "previous", "place"))


def test_a_stock_is_averaged_and_a_flow_summed(exact):
    """Months of 58 and 62 claimants are 60 people, not 720."""
    assert of(exact, "claimants", "numerator").tolist() == pytest.approx([60] * 4)
    assert of(exact, "noise", "numerator").tolist() == [24, 48, 0, 72]


def test_suppressed_months_of_a_stock_bound_their_mean(made):
    """Twelve months of 1 to 7 average between 1 and 7, not between 12 and 84."""
    rows = [["Ward", "Month", "Incidents"], *([A, month, "*"] for month in MONTHS[-12:])]
    exact = made(
        half_year,
        rows,
        period_start="2025-04-01",
        columns=half_year()[1]["columns"] | {"Incidents": {"type": "integer", "suppressed": ["*"]}},
        indicators=[{"id": "claimants", "term": "Stock", "numerator": "Incidents", "over_time": "mean"}],
    )
    limits = of(exact, "claimants", "lower")[A], of(exact, "claimants", "upper")[A]
    assert limits == pytest.approx((1 / 6, 7 / 6))


def test_the_year_to_date_is_put_on_a_yearly_footing(exact):
    """30 incidents in six months among 1,000 people are 60 a year, and the method says so."""
    assert of(exact, "antisocial_behaviour", "years").tolist() == [0.5] * 4
    assert "6 months put on a yearly footing" in of(exact, "antisocial_behaviour", "method")[A]


def test_fewer_than_twelve_earlier_months_are_no_earlier_year(made):
    """Eighteen months: the last twelve count, and six are not a year to compare with."""
    rows = [["Ward", "Month", "Incidents"], *([ward, month, 5] for ward in CODES for month in MONTHS[-18:])]
    exact = made(half_year, rows, period_start="2024-10-01")
    assert of(exact, "antisocial_behaviour").tolist() == pytest.approx([60] * 4)
    assert of(exact, "antisocial_behaviour", "previous").isna().all()


def test_rates_without_counts_have_no_interval_and_no_place(exact):
    """A published percentage stands as it is; the place's cannot be made from the wards'."""
    assert of(exact, "child_obesity").tolist() == pytest.approx([20, 25, np.nan, 30], nan_ok=True)
    assert of(exact, "child_obesity", "lower").isna().all()
    assert np.isnan(of(exact, "child_obesity", area_type="place"))
    assert of(exact, "child_obesity", "method")[A] == "published rate, counts not given"
    assert "child_obesity" not in set(exact.ledger["indicator_id"])


def test_a_full_count_has_no_interval(exact):
    """Rebuilt deprivation is a count of everyone: no chance in it."""
    assert of(exact, "income_deprivation", "lower").isna().all()
    assert of(exact, "income_deprivation", "standard_error").eq(0).all()


def test_apportioned_and_direct_are_told_apart(exact):
    """LSOA 2 straddles Ashby and Bourne, so their counts are apportioned; the others are direct."""
    basis = of(exact, "food_parcels", "basis")
    assert basis.loc[[A, B, C]].tolist() == ["apportioned", "apportioned", "direct"]
    assert of(exact, "food_parcels", "coverage", "place") == pytest.approx(80 / 85)


def test_every_row_can_be_followed_to_its_source(exact):
    """Agency, its word, unit, period and the names that readers see."""
    row = exact.table.query("indicator_id == 'burglary' and area_code == @D").iloc[0]
    said = ["agency_name", "agency_term", "unit", "source", "period", "area_name", "ward_name", "domain"]
    assert row[said].tolist() == [
        "Police",
        "Burglary residential",
        "per 1,000 households a year",
        "Crimes",
        "Apr 2025 to Mar 2026",
        "Denham",
        "Denham",
        "Safety",
    ]
    assert exact.table["area_name"].notna().all()


def test_a_population_that_nobody_counts_is_asked_for(read):
    """A rate of households without households says which entry to add."""
    with pytest.raises(PlacelibError, match=r"it counts for a rate of households, .* add \[\[denominators\]\]"):
        measure(read(events, population))


def test_limits_are_those_of_the_field():
    """Wilson for a proportion (65 of 100), Byar for events (65 a year): published examples."""
    ones, kinds = pd.Series([65.0, 65.0]), pd.Series([True, False])
    lower, upper = rate_interval(ones, pd.Series([100.0, 100.0]), per=pd.Series([100.0, 100.0]), proportion=kinds)
    assert lower.round(2).tolist() == [55.25, 50.16]
    assert upper.round(2).tolist() == [73.64, 82.85]


def test_wherever_events_fall_wards_and_ledger_make_up_the_file(made):
    """300 points anywhere: each is in one ward or in the ledger, none in both, none lost."""
    points = np.random.default_rng(5).integers(0, 2100, (300, 2))
    rows = [["Crime", "Type", "X", "Y"]]
    rows += [[str(each), "Burglary", 499_950 + x, 99_950 + y] for each, (x, y) in enumerate(points)]
    exact = made(events, rows)
    ledger = exact.ledger.set_index("indicator_id").loc["burglary"]
    inside = ((points >= 50) & (points <= 2050)).all(axis=1).sum()
    assert of(exact, "burglary", "numerator").sum() == ledger["matched"] == inside
    assert ledger["unmatched"] == 300 - inside


@pytest.mark.parametrize(("release", "place"), [("administrative", 13), ("open", 11)])
def test_records_without_a_location_are_of_the_place_where_the_agency_shares_its_own(made, release, place):
    """Eleven in wards, two that do not say where, one known to lie outside: wards and unplaced make the place."""
    inside = [["1", "Burglary", 500_500, 100_500]] * 11
    rows = [["Crime", "Type", "X", "Y"], *inside, *[["1", "Burglary", "", ""]] * 2, ["1", "Burglary", 9, 9]]
    before, terms = events()
    columns = {name: each | {"missing": [""]} for name, each in terms["columns"].items() if name in ("X", "Y")}
    columns = terms["columns"] | columns | {"Crime": {"type": "text"}}
    exact = made(events, rows, release=release, columns=columns)
    ledger = exact.ledger.set_index("indicator_id").loc["burglary"]
    assert of(exact, "burglary", "numerator").sum() == ledger["matched"] == 11
    assert ledger["unmatched"] == 3
    assert of(exact, "burglary", "numerator", "place") == ledger["in_the_place"] == place
    assert of(exact, "burglary", "coverage", "place") == pytest.approx(place / 14)
    assert of(exact, "burglary", "coverage")[A] == pytest.approx(11 / 14)
    assert ("no location" in of(exact, "burglary", "method", "place")) == (release == "administrative")
    assert not of(exact, "burglary", "method").str.contains("no location").any()


def test_a_row_of_counts_without_an_area_may_be_a_total_and_stays_out(made):
    """Four areas of 30 and an empty one of 120: the place is 120, and the ledger has the rest."""
    rows = [["LSOA", "Homeless", "Parcels"], *[[area, 30, 30] for area in LSOAS], ["", 120, 120]]
    columns = counts()[1]["columns"] | {"LSOA": {"type": "text", "missing": [""]}}
    exact = made(counts, rows, columns=columns)
    assert of(exact, "homelessness", "numerator", "place") == pytest.approx(120)
    assert exact.ledger.set_index("indicator_id").loc["homelessness", "unmatched"] == pytest.approx(120)


def test_a_register_by_area_with_a_count_that_was_not_sent_is_not_nought(made):
    """Ashby's count is missing: no value, where Bourne without a row has none to count; the place is of the others."""
    rows = [["Ward", "Children"], [A, ""], [C, 10], ["", 4]]
    keys = {"geography": {"type": "ward", "columns": ["Ward"], "vintage": "2025"}}
    keys |= {"indicators": [{"id": "children_in_need", "term": "Open cases", "numerator": "Children"}]}
    columns = {"Ward": {"type": "text", "missing": [""]}, "Children": {"type": "integer", "missing": [""]}}
    exact = made(register, rows, columns=columns, **keys)
    assert of(exact, "children_in_need", "numerator").tolist() == pytest.approx([np.nan, 0, 10, 0], nan_ok=True)
    assert of(exact, "children_in_need", "status")[A] == "no data"
    assert of(exact, "children_in_need", area_type="place") == pytest.approx(14 / 600 * 1000)


@pytest.mark.parametrize(
    ("first", "ward"),
    [
        ({}, [10, 10]),  # as many of as many
        ({(A, 3): ("*", 100)}, [np.nan, 10]),  # a part suppressed
        ({(A, 3): ("", 100)}, [np.nan, 10]),  # a part not sent
        ({(A, month): None for month in range(12)}, [np.nan, 10]),  # a ward that was not in the file
        ({(A, month): (30, 100) for month in range(12)}, [30, 10]),
    ],
)
def test_the_year_before_is_whole_and_of_its_own_denominator_or_is_not_told(made, first, ward):
    """Twice as many pupils, and twice as many absent, are no rise; nor is a ward whose year before is not all known."""
    before = {(code, month): (10, 100) for code in CODES for month in range(12)} | first
    rows = [[code, MONTHS[month], *cells] for (code, month), cells in before.items() if cells]
    rows += [[code, month, 20, 200] for code in CODES for month in MONTHS[12:]]
    marked = {"type": "integer", "minimum": 0, "suppressed": ["*"], "missing": [""]}
    month = {"type": "month", "date_format": "%Y-%m"}
    columns = {"Ward": {"type": "text"}, "Month": month, "Absent": marked, "Pupils": marked}
    absent = {"id": "persistent_absence", "term": "PA", "over_time": "mean"}
    absent |= {"numerator": "Absent", "denominator": "Pupils"}
    exact = made(half_year, [[*columns], *rows], period_start="2024-04-01", indicators=[absent], columns=columns)
    assert of(exact, "persistent_absence").tolist() == pytest.approx([10] * 4)
    assert of(exact, "persistent_absence", "previous")[:2].tolist() == pytest.approx(ward, nan_ok=True)
    place = of(exact, "persistent_absence", "previous", "place")
    assert place == pytest.approx((ward[0] + 30) / 4, nan_ok=True)


def test_the_year_before_is_nought_in_a_ward_where_nothing_happened(made):
    """A burglary a month for two years in Ashby, none elsewhere: 12 the year before among 400 households."""
    month = {"type": "month", "date_format": "%Y-%m"}
    rows = [
        ["Crime", "Type", "X", "Y", "Month"],
        *[[str(n), "Burglary", 500_500, 100_500, m] for n, m in enumerate(MONTHS)],
    ]
    exact = made(events, rows, period_start="2024-04-01", columns=events()[1]["columns"] | {"Month": month})
    assert of(exact, "burglary", "previous").tolist() == pytest.approx([30, 0, 0, 0])


@pytest.mark.parametrize("count", [0, 20])
def test_a_share_of_none_or_all_is_not_known_without_error(made, count):
    """None or all of 20 pupils: the error is that of one more or one fewer, and not the nought of a full count."""
    rows = [["LSOA", "Homeless", "Parcels"], *[[area, count if area == LSOAS[2] else 10, 20] for area in LSOAS]]
    absent = {"id": "persistent_absence", "term": "PA", "numerator": "Homeless", "denominator": "Parcels"}
    exact = made(counts, rows, indicators=[absent])
    for table in (exact.table, coarsened(exact.table, Disclosure())):
        row = table.query("indicator_id == 'persistent_absence' and area_code == @C").iloc[0]
        assert row["value"] == 5 * count
        assert row["standard_error"] == pytest.approx(100 * np.sqrt(0.05 * 0.95 / 20), rel=0.05)
